"""Standard input and output of the proxy: for the protocol alone, whole, and whatever they are."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.mcp_desk import Desk

#: Answers each message with itself, and prints and reads as tools and libraries do.
ECHO = """
import sys
import anyio
from licet.adapters.mcp_proxy import stdio

stdio.MOST = 4_000_000

async def main():
    async with stdio.streams() as (reading, writing):
        print("stray")
        assert sys.stdin.read() == ""
        async for message in reading:
            await writing.send(message)
        await writing.aclose()

anyio.run(main)
print("after")
"""


def message(id: int, text: str) -> bytes:
    asked = {"jsonrpc": "2.0", "id": id, "method": "ping", "params": {"text": text}}
    return json.dumps(asked).encode() + b"\n"


def test_pipes_are_the_protocols_alone_and_nothing_is_lost() -> None:
    sent = [message(1, "ä"), message(2, "x" * 2_000_000)]
    done = subprocess.run(
        [sys.executable, "-c", ECHO], input=b"".join(sent), capture_output=True, check=True
    )
    *echoed, last = done.stdout.splitlines()
    assert [json.loads(line) for line in echoed] == [json.loads(line) for line in sent]
    assert last == b"after"
    assert done.stderr.splitlines()[-1] == b"stray"


@pytest.mark.long
def test_a_message_without_an_end_is_not_read() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ECHO], input=b"x" * 9_000_000, capture_output=True, check=True
    )
    assert done.stdout == b"after\n"
    assert b"more than 4000000 bytes" in done.stderr


HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "c", "version": "1"},
    },
}


@pytest.mark.long
def test_a_file_is_written_to_as_well(desk: Desk, tmp_path: Path) -> None:
    into = tmp_path / "out"
    with into.open("wb") as out:
        command = desk.command()
        proxy = desk.started(*command, stdin=subprocess.PIPE, stdout=out)
        assert proxy.stdin is not None
        proxy.stdin.write(json.dumps(HELLO) + "\n")
        proxy.stdin.flush()
        until = time.monotonic() + 60
        while not into.read_bytes().endswith(b"\n"):
            assert time.monotonic() < until
            time.sleep(0.05)
        proxy.stdin.close()
        assert proxy.wait(30) == 0
    assert json.loads(into.read_bytes())["result"]["serverInfo"]["name"] == "licet"
