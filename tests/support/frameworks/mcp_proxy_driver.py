"""The MCP proxy in 2026-07-28, over stdio on both sides, with the SDK's client as a script.

Proxy and server run in the test's own loop, so that the desk and its guard are the test's; what is
started as the proxy and as the server are relays to them. `licet mcp-proxy` as a process of its
own has tests of its own.
"""

from __future__ import annotations

import asyncio
import re
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import anyio
from mcp import Client, StdioServerParameters
from mcp.server import MCPServer
from mcp.server.stdio import stdio_server

from licet.adapters.mcp_proxy import Identity, Proxy, ServerAddress
from licet.adapters.mcp_proxy.calls import Limits
from support.frameworks.desk import Desk, LineGuard
from support.frameworks.driver import Played, Proposed

RELAY = Path(__file__).with_name("stdio_relay.py")


class Driver:
    """A client that connects for each run. Nobody answers its questions: who was asked makes the
    same call again."""

    MODE: ClassVar[Any] = "auto"
    PROTOCOL = "2026-07-28"
    NOT_APPLICABLE: ClassVar[dict[str, str]] = {
        "test_rewritten_between_check_and_tool": "nothing stands between the two",
        "test_an_id_that_is_used_again": "each request is a call of its own",
    }

    def __init__(self, desk: Desk, *, rewriting: bool = False, seconds: float = 30.0) -> None:
        self.server = MCPServer("desk")
        for each in (desk.refund, desk.lookup, desk.close, desk.wipe):
            self.server.add_tool(each)
        self.guard: Any = LineGuard(desk.line)
        self.seconds = seconds
        self.identity = Identity()
        self.waiting: list[Proposed] = []

    def listed(self) -> list[dict[str, Any]]:
        tools = asyncio.run(self.server.list_tools())
        return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]

    async def play(self, turns: Sequence[Sequence[Proposed]]) -> Played:
        played = Played()
        self.waiting = []
        async with self._client() as client:
            for turn in turns:
                await asyncio.gather(*(self._call(client, call, played) for call in turn))
        return played

    async def resume(self, *, agree: bool) -> Played:
        return await self.play([self.waiting])

    async def _call(self, client: Client, call: Proposed, played: Played) -> None:
        result = await client.call_tool(call.tool, call.args)
        played.transcript += repr(result)
        text = played.texts[call.id] = result.content[0].text
        if asked := re.search(r"Approval (\S+) waits", text):
            self.waiting.append(call)
            played.asked.append(asked[1])

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[Client]:
        async with AsyncExitStack() as stack:
            # a socket's path is at most about 100 bytes, and tmp_path is longer
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lp")))
            server = self.server._lowlevel_server
            behind = await stack.enter_async_context(relayed(folder / "behind", server))
            proxy = Proxy(
                self.guard,
                [ServerAddress("desk", tuple(behind))],
                identity=self.identity,
                limits=Limits(check=self.seconds),
            )
            await stack.enter_async_context(proxy.serving())
            command, *args = await stack.enter_async_context(
                relayed(folder / "front", proxy.server)
            )
            where = StdioServerParameters(command=command, args=args)
            client = Client(where, mode=self.MODE, cache=None)
            await stack.enter_async_context(client)
            assert client.protocol_version == self.PROTOCOL
            yield client


@asynccontextmanager
async def relayed(path: Path, server: Any) -> AsyncIterator[list[str]]:
    """A command that speaks as this server would, over stdio."""
    loop = asyncio.get_running_loop()

    async def serve(connection: socket.socket) -> None:
        connection.setblocking(True)
        into, out = (connection.makefile(mode, encoding="utf-8") for mode in ("r", "w"))
        with connection, into, out:
            files = anyio.wrap_file(into), anyio.wrap_file(out)
            async with stdio_server(*files) as (reading, writing):
                await server.run(reading, writing, server.create_initialization_options())

    async def accept() -> None:
        async with asyncio.TaskGroup() as serving:
            while True:
                connection, _ = await loop.sock_accept(listener)
                serving.create_task(serve(connection))

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.setblocking(False)
        accepting = asyncio.ensure_future(accept())
        try:
            yield [sys.executable, "-I", "-S", str(RELAY), str(path)]
        finally:
            accepting.cancel()
            await asyncio.wait({accepting})
