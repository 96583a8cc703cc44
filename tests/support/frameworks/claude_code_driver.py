"""Claude Code with its hooks: the hook's real process for each event, as the program starts it, and
the daemon's real server in this process, over the desk's guard. What the program does is a script:
its events, and what it does with each answer.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal
from unittest import mock

from licet.adapters.hooks import client
from licet.adapters.hooks.door import HookDoor
from licet.adapters.hooks.own_files import OwnFiles
from licet.service.hook_daemon.server import _Server
from support.frameworks.desk import SERVED, Desk, LineGuard
from support.frameworks.driver import Played, Proposed
from support.hook_process import CLIENT, Hook


class Driver:
    """Each run is another one of one session. Nobody sits at the prompt: who was told to wait makes
    the same call again, under another id."""

    AGENT: ClassVar[Literal["claude-code", "codex"]] = "claude-code"
    POLICY = SERVED
    #: What failed may have done something all the same: the event does not say.
    FAILED = "cancelled"
    NOT_APPLICABLE: ClassVar[dict[str, str]] = {
        "test_its_tools_are_a_catalog": "a hook sees calls, not tools",
        "test_a_tool_that_is_not_as_it_was_locked": "a hook sees calls, not tools",
    }

    def __init__(self, desk: Desk, *, rewriting: bool = False, seconds: float = 30.0) -> None:
        self.desk = desk
        self.rewriting = rewriting
        self.seconds = max(1, round(seconds))
        guard: Any = LineGuard(desk.line)
        self.door = HookDoor(guard, own=OwnFiles(()))
        self.waiting: list[Proposed] = []
        self.hook = Hook(Path("/project"), Path("/"))

    def reply(self, agent: str, event: bytes) -> Any:
        return self.door.reply(agent, event)

    async def play(self, turns: Sequence[Sequence[Proposed]]) -> Played:
        played = Played()
        self.waiting = []
        with self._daemon():
            for turn in turns:
                await asyncio.gather(*(self._call(call, call.id, played) for call in turn))
        return played

    async def resume(self, *, agree: bool) -> Played:
        played = Played()
        with self._daemon():
            calls = (self._call(call, f"{call.id}-again", played) for call in self.waiting)
            await asyncio.gather(*calls)
        return played

    # --- what the program does

    async def _call(self, call: Proposed, use: str, played: Played) -> None:
        args = call.args
        refused = await self._refused("PreToolUse", call, use, args)
        if refused is None and self.rewriting:  # by another hook; then the user is asked
            args = {**args, "amount": args["amount"] * 2}
            refused = await self._refused("PermissionRequest", call, use, args)
        if refused is not None:
            played.texts[call.id] = refused
            played.transcript += refused
            if asked := re.search(r"somebody's approval \((\S+)\)", refused):
                self.waiting.append(call)
                played.asked.append(asked[1])
            return
        try:
            text = await getattr(self.desk, call.tool)(**args)
        except (Exception, asyncio.CancelledError) as error:
            interrupt = isinstance(error, asyncio.CancelledError)
            event = {"error": str(error), "is_interrupt": interrupt}
            await self._refused("PostToolUseFailure", call, use, args, **event)
            raise
        told = await self._refused("PostToolUse", call, use, args, tool_response=text)
        played.texts[call.id] = text if told is None else f"{text}\n{told}"

    async def _refused(
        self, name: str, call: Proposed, use: str, args: dict[str, Any], **more: object
    ) -> str | None:
        """What the hook says against an event; None where it says nothing."""
        event = self.hook.event(f"mcp__desk__{call.tool}", args, use, hook_event_name=name, **more)
        process = await asyncio.create_subprocess_exec(
            *(*CLIENT, self.AGENT, str(self.policy), "--seconds", str(self.seconds)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.hook.environment,
        )
        out, err = await process.communicate(json.dumps(event).encode())
        if process.returncode == 2:
            return err.decode()
        assert (process.returncode, err) == (0, b"")
        if not out:
            return None
        said = json.loads(out)
        of = said.get("hookSpecificOutput", {})
        if name == "PermissionRequest":
            assert of["decision"]["behavior"] == "deny"
            return str(of["decision"]["message"])
        if name == "PreToolUse":
            assert of["permissionDecision"] == "deny"
            return str(of["permissionDecisionReason"])
        return str(said.get("reason", of.get("additionalContext")))

    # --- the daemon

    @contextmanager
    def _daemon(self) -> Iterator[None]:
        # a socket's path is at most about 100 bytes, and tmp_path is longer
        with tempfile.TemporaryDirectory(prefix="lh") as folder:
            self.policy = Path(folder) / "desk.licet"
            self.hook = Hook(Path(folder), Path(folder))
            with mock.patch.dict(os.environ, self.hook.environment):
                path = client.socket_path(os.path.realpath(self.policy))
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(path)
                listener.listen()
                server: Any = _Server(path, listener, self.policy)
                server._desk = self
                ends = threading.Event()

                def take() -> None:
                    while not ends.is_set():
                        server._take()

                thread = threading.Thread(target=take)
                thread.start()
                try:
                    yield
                finally:
                    ends.set()
                    with socket.socket(socket.AF_UNIX) as last:
                        last.connect(path)
                    thread.join()
