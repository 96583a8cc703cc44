"""Two servers that others wrote, behind the proxy. `LICET_NPM_SERVERS` names a folder in which

    npm install @modelcontextprotocol/server-filesystem @modelcontextprotocol/server-everything

was run; without it, or without node, these tests are skipped.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.mcp_desk import Desk, free_port, text, wait_for

pytestmark = pytest.mark.long

FILES = """
tool read_text_file(path: String, tail: Int?, head: Int?)
tool write_file(path: String, content: String)
tool list_directory(path: String)
permit reading on read_text_file, list_directory
permit drafts on write_file
  when has path(args.path) and path(args.path) under "/ROOT/drafts"
limit writes on write_file count() <= 2
"""
EVERYTHING = """
use tools "all.json" as all
permit small on "get-sum" when args.a <= 100
permit rest on echo, "trigger-long-running-operation"
"""


@pytest.fixture(scope="module")
def installed() -> Path:
    folder = Path(os.environ.get("LICET_NPM_SERVERS", "")) / "node_modules" / ".bin"
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    if not os.environ.get("LICET_NPM_SERVERS") or not (folder / "mcp-server-everything").exists():
        pytest.skip("the npm servers are not installed: LICET_NPM_SERVERS names no folder of them")
    return folder


@pytest.mark.parametrize("front", ["stdio", "http"])
@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_the_filesystem_server(desk: Desk, installed: Path, front: str, mode: str) -> None:
    root = desk.folder / "files"
    (root / "drafts").mkdir(parents=True)
    (root / "note.txt").write_text("hello", "utf-8")
    desk.policy = FILES.replace("/ROOT", str(root))
    desk.servers = [f"fs={installed / 'mcp-server-filesystem'} {root}"]
    desk.options = ["--principal", "{}"]

    async def run() -> None:
        async with desk.client(front, mode) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert names == {"read_text_file", "write_file", "list_directory"}
            read = await client.call_tool("read_text_file", {"path": str(root / "note.txt")})
            assert (read.is_error, text(read)) == (False, "hello")

            def draft(name: str) -> dict[str, str]:
                return {"path": str(root / name), "content": "x"}

            fine = await client.call_tool("write_file", draft("drafts/a.txt"))
            assert not fine.is_error
            for outside in ("b.txt", "drafts/../b.txt"):
                refused = await client.call_tool("write_file", draft(outside))
                assert refused.is_error
                assert "write_file was refused" in text(refused)
            assert (await client.call_tool("move_file", {"source": "a"})).is_error
            missing = await client.call_tool("read_text_file", {"path": str(root / "none")})
            assert missing.is_error
            await client.call_tool("write_file", draft("drafts/b.txt"))
            assert "(rule writes)" in text(await client.call_tool("write_file", draft("drafts/c")))

    asyncio.run(run())
    assert sorted(p.name for p in root.rglob("*.txt")) == ["a.txt", "b.txt", "note.txt"]


@pytest.mark.parametrize("behind", ["stdio", "http"])
@pytest.mark.parametrize("front", ["stdio", "http"])
def test_the_everything_server(desk: Desk, installed: Path, front: str, behind: str) -> None:
    binary = installed / "mcp-server-everything"
    if behind == "http":
        port = free_port()
        nothing = subprocess.DEVNULL
        env = {**os.environ, "PORT": str(port)}
        desk.started(str(binary), "streamableHttp", stdout=nothing, stderr=nothing, env=env)
        wait_for(port)
        desk.servers = [f"all=http://127.0.0.1:{port}/mcp"]
    else:
        desk.servers = [f"all={binary} stdio"]
    from licet.adapters.catalogs.mcp_server import listed

    tools = listed([str(binary), "stdio"])
    (desk.folder / "all.json").write_text(json.dumps({"tools": tools}), "utf-8")
    desk.policy = EVERYTHING
    desk.options = ["--principal", "{}"]
    seen: list[float] = []

    async def progress(done: float, _total: float | None, _message: str | None) -> None:
        seen.append(done)

    async def run() -> None:
        async with desk.client(front, "legacy") as client:
            assert "hello" in text(await client.call_tool("echo", {"message": "hello"}))
            assert "5" in text(await client.call_tool("get-sum", {"a": 2, "b": 3}))
            refused = await client.call_tool("get-sum", {"a": 200, "b": 3})
            assert refused.is_error
            assert "get-sum was refused" in text(refused)
            operation = {"duration": 0.2, "steps": 2}
            name = "trigger-long-running-operation"
            done = await client.call_tool(name, operation, progress_callback=progress)
            assert not done.is_error
            assert (await client.list_resources()).resources
            prompts = (await client.list_prompts()).prompts
            assert "simple-prompt" in {prompt.name for prompt in prompts}
            assert (await client.get_prompt("simple-prompt")).messages

    asyncio.run(run())
    assert seen == [1.0, 2.0]
