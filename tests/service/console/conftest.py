"""One service for the tests that change nothing that another reads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from support.serving import close, serve


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    app = serve(tmp_path_factory.mktemp("console"))
    yield app
    close(app)
