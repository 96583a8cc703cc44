"""Tools of a live MCP server, which runs as a real process."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from licet.adapters.catalogs.locking import Lock
from licet.adapters.catalogs.mcp_server import ServerError, read
from licet.adapters.catalogs.sources import named
from licet.compiler.digests import tool_digest
from licet.compiler.types import INT, STRING, Field, RecordType

SERVER = """
import sys
from mcp.server import MCPServer
from mcp.types import ToolAnnotations

server = MCPServer("desk")

@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def get_order(id: str) -> str:
    "Fetches an order."
    return id

@server.tool()
def refund(id: str, amount: int) -> str:
    "Pays back."
    return id

if len(sys.argv) > 1:
    server.run("streamable-http", port=int(sys.argv[1]))
else:
    server.run("stdio")
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "server.py"
    path.write_text(SERVER)
    return path


def test_a_server_over_stdio(script: Path) -> None:
    tools, found = read([sys.executable, str(script)], "desk")
    assert found == ()
    assert [(t.qualified, t.params, t.description) for t in tools] == [
        ("desk.get_order", RecordType("", (Field("id", STRING),)), "Fetches an order."),
        ("desk.refund", RecordType("", (Field("id", STRING), Field("amount", INT))), "Pays back."),
    ]
    # Nobody has pinned this server: its hints are claims.
    assert [(t.read_only, t.destructive) for t in tools] == [(False, True), (False, True)]


@pytest.fixture
def address(script: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, str(script), str(port)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        server.kill()
        server.wait()


def test_a_server_over_http_and_its_lock(address: str) -> None:
    from licet.adapters.catalogs import mcp_server, tool_lists

    unpinned, _ = read(address, "desk")
    assert [tool.read_only for tool in unpinned] == [False, False]
    import asyncio

    listed = asyncio.run(mcp_server.list_tools(address))
    reviewed, _ = tool_lists.read(json.loads(json.dumps({"tools": listed})), "desk")
    lock = Lock({tool.qualified: tool_digest(tool) for tool in reviewed})
    pinned, _ = read(address, "desk", lock=lock)
    assert [tool.read_only for tool in pinned] == [True, False]


@pytest.mark.parametrize(
    "server",
    [
        [sys.executable, "-c", "print('hello')"],
        [sys.executable, "-c", "raise SystemExit(3)"],
        ["/nonexistent/server"],
        "http://127.0.0.1:9/mcp",
    ],
)
def test_what_is_no_server(server: str | list[str]) -> None:
    with pytest.raises(ServerError, match="did not list its tools"):
        read(server, "desk", seconds=10)


def test_a_server_that_says_nothing() -> None:
    silent = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pytest.raises(ServerError, match="within 1 s"):
        read(silent, "desk", seconds=1)


def test_a_catalog_is_built_from_a_server(script: Path) -> None:
    ((source, _),), found = named(f"desk=mcp:{sys.executable} {script}")
    assert found == ()
    assert [source.tool(name).read_only for name in source.names()] == [True, False]
    _, (problem,) = named("desk=mcp:/nonexistent/server")
    assert problem.code == "LIC200"
