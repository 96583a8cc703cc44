"""A refund desk behind a real proxy, over each way in and out."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters, types

from licet.adapters.mcp_proxy.upstreams import over_http

SERVER = Path(__file__).parent / "mcp_desk_server.py"
POLICY = """
principal { id: String, manager: Bool }
fact owner(order: String) -> String

tool refund(order: String, amount: Int in 0 .. 10_000)
tool fail(order: String)
tool slow(seconds: Decimal in 0 .. 60) atomic
tool die(order: String)
tool count(to: Int in 0 .. 10)
tool survey(order: String)
tool redescribe(text: String)
tool retype(order: String)
tool rename(order: String)
tool secretive(order: String)

permit most on refund, fail, slow, die, count, redescribe, retype, rename, secretive
permit owned on survey when owner(args.order) == "me" or args.order == "mine"
forbid kitchen on refund when args.order == "kitchen" message "the kitchen is never paid"
limit total on refund sum(args.amount) per principal.id <= 100
escalate large on refund when args.amount > 70 to approver.manager
"""
BOT = '{"id": "bot", "manager": false}'
BOSS = '{"id": "boss", "manager": true}'

#: How the client comes in, and which protocol it speaks first.
DOORS = [
    pytest.param("http", "auto", id="http-auto"),
    pytest.param("http", "legacy", id="http-legacy", marks=pytest.mark.long),
    pytest.param("stdio", "auto", id="stdio-auto", marks=pytest.mark.long),
    pytest.param("stdio", "legacy", id="stdio-legacy", marks=pytest.mark.long),
]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def wait_for(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with socket.socket() as trying:
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server did not start")


def answering(*answers: types.ElicitResult) -> tuple[Callable[..., Any], list[str]]:
    """A person at the client who gives these answers, and what they were asked."""
    asked: list[str] = []
    left = list(answers)

    async def answer(_context: object, params: types.ElicitRequestParams) -> types.ElicitResult:
        asked.append(params.message)
        return left.pop(0)

    return answer, asked


def yes(**content: Any) -> types.ElicitResult:
    return types.ElicitResult(action="accept", content=content)


@dataclass
class Desk:
    """A policy, its proxy, and the calls that reached the server."""

    folder: Path
    stack: ExitStack
    policy: str = POLICY
    servers: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    token: str | None = None

    @property
    def ledger(self) -> list[dict[str, Any]]:
        path = self.folder / "ledger"
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def command(self, *more: str) -> list[str]:
        path = self.folder / "desk.licet"
        if not path.exists():
            path.write_text(self.policy, "utf-8")
        servers = self.servers or [f"desk={self.server('stdio')}"]
        named = [word for server in servers for word in ("--server", server)]
        principal = ["--principal", BOT] if "--principal" not in self.options else []
        words = ["mcp-proxy", str(path), *named, *principal, *self.options, *more]
        return [sys.executable, "-m", "licet.cli.main", *words]

    def server(self, way: str) -> str:
        return f"{sys.executable} {SERVER} {self.folder / 'ledger'} {way}"

    def started(self, *command: str, **options: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(command, text=True, **options)

        def stop() -> None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()

        self.stack.callback(stop)
        return process

    def serve_upstream(self) -> str:
        """The desk over HTTP; its address."""
        port = free_port()
        nothing = subprocess.DEVNULL
        self.started(*self.server(str(port)).split(), stdout=nothing, stderr=nothing)
        wait_for(port)
        return f"http://127.0.0.1:{port}/mcp"

    def serve(self, *more: str) -> str:
        """The proxy over HTTP; its address."""
        err = (self.folder / "proxy.err").open("w+", encoding="utf-8")
        self.stack.callback(err.close)
        env = {**os.environ, "DESK_TOKEN": self.token or ""}
        process = self.started(
            *self.command("--http", "0", *more), stderr=err, stdout=subprocess.DEVNULL, env=env
        )
        until = time.monotonic() + 60
        while time.monotonic() < until:
            said = (self.folder / "proxy.err").read_text("utf-8")
            if found := re.search(r"listening on (http://\S+:(\d+)/mcp)", said):
                wait_for(int(found[2]))
                return found[1]
            assert process.poll() is None, said
            time.sleep(0.05)
        raise AssertionError("the proxy did not start")

    @asynccontextmanager
    async def client(
        self, front: str = "stdio", mode: str = "auto", **options: Any
    ) -> AsyncIterator[Client]:
        where: Any
        if front == "stdio":
            command, *args = self.command()
            env = {k: v for k, v in os.environ.items() if k in ("PYTHONPATH", "PATH")}
            where = StdioServerParameters(command=command, args=args, env=env)
        else:
            if not self.servers:
                self.servers = [f"desk={self.serve_upstream()}"]
            where = self.reach(self.serve(), self.token)
        async with Client(where, mode=mode, cache=None, **options) as client:
            yield client

    @staticmethod
    def reach(address: str, token: str | None) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return over_http(address, headers)


def text(result: types.CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if isinstance(part, types.TextContent))
