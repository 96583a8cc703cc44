#!/usr/bin/env python3
"""Stands in for the program that the Claude Agent SDK starts: its side of the control protocol,
with a script for a model. The standard library alone; what it has to play is in LICET_SCRIPT.

Each call goes the program's way: the PreToolUse hooks (a refusal of one ends it, a changed input
of one is what runs), the permission prompt where a hook asks or no rule allows, the tool, the hooks
after it. A hook that fails is passed over, but where its matcher says `block`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

SESSION = "00000000-0000-4000-8000-000000000000"


class Program:
    def __init__(self) -> None:
        self.script: dict[str, Any] = json.loads(os.environ["LICET_SCRIPT"])
        self.hooks: dict[str, list[dict[str, Any]]] = {}
        self.servers: list[str] = []
        self.answers: dict[str, asyncio.Future[Any]] = {}
        self.running: set[asyncio.Task[None]] = set()
        self.numbered = 0

    # --- the wire

    def say(self, message: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()

    async def ask(self, request: dict[str, Any], seconds: float = 60.0) -> dict[str, Any]:
        """The SDK's response to a request. Raises RuntimeError for an error, TimeoutError."""
        self.numbered += 1
        id = f"r{self.numbered}"
        answer = self.answers[id] = asyncio.get_running_loop().create_future()
        self.say({"type": "control_request", "request_id": id, "request": request})
        response = await asyncio.wait_for(answer, seconds)
        if response["subtype"] == "error":
            raise RuntimeError(response["error"])
        return response.get("response") or {}

    async def listen(self) -> None:
        reader = asyncio.StreamReader(limit=1 << 24)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        while line := await reader.readline():
            message = json.loads(line)
            match message["type"]:
                case "control_response":
                    answer = self.answers.pop(message["response"]["request_id"], None)
                    if answer is not None and not answer.done():
                        answer.set_result(message["response"])
                case "control_request":
                    self.controlled(message["request_id"], message["request"])
                case "user":
                    task = asyncio.ensure_future(self.play())
                    self.running.add(task)

    def controlled(self, id: str, request: dict[str, Any]) -> None:
        if request["subtype"] == "initialize":
            self.hooks = request.get("hooks") or {}
        able = {"commands": [], "hook_on_failure_supported": not self.script.get("old")}
        response = {"subtype": "success", "request_id": id, "response": able}
        self.say({"type": "control_response", "response": response})

    # --- the model's turns

    async def play(self) -> None:
        for turn in self.script["turns"]:
            uses = [
                {"type": "tool_use", "id": c["id"], "name": c["tool"], "input": c["args"]}
                for c in turn
            ]
            self.told("assistant", uses)
            for result in await asyncio.gather(*(self.call(use) for use in uses)):
                self.told("user", [result])
        self.told("assistant", [{"type": "text", "text": "done"}])
        self.say(
            {
                "type": "result",
                "subtype": "success",
                "is_error": False,
                "duration_ms": 0,
                "duration_api_ms": 0,
                "num_turns": len(self.script["turns"]),
                "session_id": SESSION,
                "total_cost_usd": 0.0,
                "result": "done",
            }
        )

    def told(self, role: str, content: list[dict[str, Any]]) -> None:
        message = {"role": role, "content": content, "model": "script"}
        self.say(
            {
                "type": role,
                "message": message,
                "parent_tool_use_id": None,
                "session_id": SESSION,
            }
        )

    async def call(self, use: dict[str, Any]) -> dict[str, Any]:
        said = await self.hooked("PreToolUse", use)
        asks = False
        for each in said:
            specific = each.get("hookSpecificOutput", {})
            if specific.get("permissionDecision") == "deny":
                return self.result(use, specific["permissionDecisionReason"], failed=True)
            asks |= specific.get("permissionDecision") == "ask"
            use = {**use, "input": specific.get("updatedInput") or use["input"]}
        if asks or use["name"] not in self.script["allowed"]:
            request = {
                "subtype": "can_use_tool",
                "tool_name": use["name"],
                "input": use["input"],
                "tool_use_id": use["id"],
            }
            try:
                permission = await self.ask(request)
            except RuntimeError as error:
                return self.result(use, f"permission could not be asked: {error}", failed=True)
            if permission["behavior"] != "allow":
                return self.result(use, permission["message"], failed=True)
            use = {**use, "input": permission.get("updatedInput") or use["input"]}
        text, failed = await self.run(use)
        name = "PostToolUseFailure" if failed else "PostToolUse"
        for each in await self.hooked(name, use, tool_response=text, error=text):
            text += "".join(f"\n{reason}" for reason in [each.get("reason")] if reason)
        return self.result(use, text, failed=failed)

    async def hooked(self, name: str, use: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
        """What each hook says. One that fails, or is late, is a refusal or passed over."""
        event = {
            "hook_event_name": name,
            "session_id": SESSION,
            "transcript_path": "/dev/null",
            "cwd": os.getcwd(),
            "permission_mode": "default",
            "tool_name": use["name"],
            "tool_input": use["input"],
            "tool_use_id": use["id"],
            **more,
        }
        if name in self.script.get("passed_over", ()):
            return []
        hooks = [
            (matcher, callback)
            for matcher in self.hooks.get(name, [])
            for callback in matcher["hookCallbackIds"]
        ]
        answers = await asyncio.gather(
            *(self.hook(matcher, callback, event) for matcher, callback in hooks)
        )
        return [each for each in answers if each is not None]

    async def hook(
        self, matcher: dict[str, Any], callback: str, event: dict[str, Any]
    ) -> dict[str, Any] | None:
        request = {
            "subtype": "hook_callback",
            "callback_id": callback,
            "input": event,
            "tool_use_id": event["tool_use_id"],
        }
        try:
            return await self.ask(request, matcher.get("timeout") or 60.0)
        except (RuntimeError, TimeoutError) as error:
            if matcher.get("onFailure") != "block":
                return None
            reason = f"a hook failed: {error}"
            denied = {"permissionDecision": "deny", "permissionDecisionReason": reason}
            return {"hookSpecificOutput": denied}

    async def run(self, use: dict[str, Any]) -> tuple[str, bool]:
        """A tool of a server in the SDK's process; the program's own only say that they ran."""
        if not use["name"].startswith("mcp__"):
            return f"ran {json.dumps(use['input'], sort_keys=True)}", False
        _, server, tool = use["name"].split("__", 2)
        await self.greet(server)
        answer = await self.mcp(
            server, "tools/call", {"name": tool, "arguments": use["input"]}, id=use["id"]
        )
        if "error" in answer:
            return answer["error"]["message"], True
        result = answer["result"]
        failed = bool(result.get("isError") or result.get("is_error"))
        return "".join(part["text"] for part in result["content"]), failed

    async def greet(self, server: str) -> None:
        if server in self.servers:
            return
        self.servers.append(server)
        client = {"name": "program", "version": "1"}
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}
        await self.mcp(server, "initialize", hello, id=f"{server}-hello")
        await self.mcp(server, "notifications/initialized", {})

    async def mcp(
        self, server: str, method: str, params: dict[str, Any], id: str | None = None
    ) -> dict[str, Any]:
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        if id is not None:
            message["id"] = id
        request = {"subtype": "mcp_message", "server_name": server, "message": message}
        return (await self.ask(request)).get("mcp_response") or {}

    def result(self, use: dict[str, Any], text: str, *, failed: bool) -> dict[str, Any]:
        return {
            "type": "tool_result",
            "tool_use_id": use["id"],
            "content": [{"type": "text", "text": text}],
            "is_error": failed,
        }


if __name__ == "__main__":
    if "-v" in sys.argv or "--version" in sys.argv:
        print("99.0.0 (a stand-in)")
    else:
        asyncio.run(Program().listen())
