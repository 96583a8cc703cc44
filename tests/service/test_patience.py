"""A worker that cannot begin yet refuses everything, and serves once it can."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from licet.service.patience import Patient
from licet.verifier.history import StoreError
from support.serving import close, key, serve
from support.shop import refund


def test_it_waits_for_its_database(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "licet.service")
    app = serve(tmp_path)
    away, tried = True, 0

    def build() -> FastAPI:
        nonlocal tried
        tried += 1
        if away:
            raise StoreError("the database does not answer")
        return app

    call = refund()
    del call["now"]
    head = {"X-API-Key": key("host")}
    patient = Patient(build, again=0.01)

    async def go() -> None:
        nonlocal away
        told: asyncio.Queue[Any] = asyncio.Queue()
        said: asyncio.Queue[Any] = asyncio.Queue()
        life = asyncio.create_task(patient({"type": "lifespan"}, told.get, said.put))
        await told.put({"type": "lifespan.startup"})
        assert (await said.get())["type"] == "lifespan.startup.complete"
        transport = httpx.ASGITransport(patient)
        async with httpx.AsyncClient(transport=transport, base_url="http://licet.test") as client:
            while tried < 3:
                await asyncio.sleep(0.01)
            refused = await client.post("/v1/check", json=call, headers=head)
            assert (refused.status_code, "allowed" in refused.json()) == (503, False)
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.headers["x-content-type-options"] == "nosniff"
            statuses = {
                path: (await client.get(path)).status_code for path in ("/healthz", "/readyz")
            }
            assert statuses == {"/healthz": 200, "/readyz": 503}
            away = False
            while (await client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.01)
            answer = await client.post("/v1/check", json=call, headers=head)
            assert answer.json()["allowed"]
        await told.put({"type": "lifespan.shutdown"})
        assert (await said.get())["type"] == "lifespan.shutdown.complete"
        await life

    asyncio.run(go())
    told = [
        record.getMessage() for record in caplog.records if "this worker" in record.getMessage()
    ]
    assert told == [
        "this worker waits, and refuses everything: the database does not answer",
        "this worker serves now",
    ]
    assert all(record.exc_info is None for record in caplog.records)
    close(app)
