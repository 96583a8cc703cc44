"""The door in one process: what is counted, asked, settled, and seen of changed arguments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from licet import Guard
from licet.adapters.hooks.door import HookDoor, HookSettings
from licet.adapters.hooks.own_files import OwnFiles
from licet.verifier.redeeming import SettleError
from support.hook_process import POLICY, Hook

LEAD = {"id": "ana", "role": "lead"}
PAGE = {"url": "https://example.net/", "prompt": "p"}


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Guard]:
    (tmp_path / "agent.licet").write_text(POLICY)
    with Guard.load(tmp_path / "agent.licet") as guard:
        yield guard


def event(tool: str, args: object, use: str = "t1", **more: object) -> dict[str, Any]:
    return Hook(Path("/project"), Path("/run")).event(tool, args, use, **more)


def door(guard: Guard, **settings: Any) -> HookDoor:
    return HookDoor(guard, own=OwnFiles(()), settings=HookSettings(**settings))


def said(answer: dict[str, Any]) -> str:
    return str(answer["hookSpecificOutput"]["permissionDecision"]) if answer else "silent"


def after(of: dict[str, Any], **more: object) -> dict[str, Any]:
    return {**of, "hook_event_name": "PostToolUse", "tool_response": {"ok": True}, **more}


def test_the_same_event_twice_is_one_call_and_one_id_is_one_call(guard: Guard) -> None:
    at = door(guard)
    search = event("WebSearch", {"query": "a"})
    assert [said(at.answer("claude-code", search)) for _ in range(2)] == ["silent", "silent"]
    other = event("WebSearch", {"query": "b"})
    assert said(at.answer("claude-code", other)) == "deny"
    assert at.answer("claude-code", after(search)) == {}
    assert said(at.answer("claude-code", search)) == "deny"  # it has been made


def test_an_ended_call_is_settled(guard: Guard) -> None:
    at = door(guard)
    search = event("WebSearch", {"query": "a"})
    at.answer("claude-code", search)
    at.answer("claude-code", after(search))
    (call,) = at._open._calls.values()
    with pytest.raises(SettleError):
        guard.settle(call.tickets[0], "cancelled")


def test_a_policy_that_escalates_denies_with_the_approval(guard: Guard) -> None:
    at = door(guard)
    answer = at.answer("claude-code", event("WebFetch", PAGE))
    (waiting,) = guard.pending()
    assert said(answer) == "deny"
    assert waiting.id in str(answer)
    guard.approve(waiting.id, approver=LEAD)
    assert said(at.answer("claude-code", event("WebFetch", PAGE, "t2"))) == "silent"


def test_it_asks_where_somebody_sits_who_may_agree(guard: Guard) -> None:
    at = door(guard, approver=LEAD)
    fetch = event("WebFetch", PAGE)
    assert said(at.answer("claude-code", fetch)) == "ask"
    request = {**fetch, "hook_event_name": "PermissionRequest"}
    assert at.answer("claude-code", request) == {}
    assert at.answer("claude-code", after(fetch)) == {}
    assert guard.pending() == []  # written down as approved, and used


@pytest.mark.parametrize(
    "approver", [{"id": "bob", "role": "intern"}, {"id": "claude-code", "role": "lead"}, {}]
)
def test_it_does_not_ask_somebody_whom_the_policy_does_not(
    guard: Guard, approver: dict[str, str]
) -> None:
    at = door(guard, approver=approver)
    assert said(at.answer("claude-code", event("WebFetch", PAGE))) == "deny"
    assert len(guard.pending()) == 1


def test_one_person_at_the_prompt_is_not_two(tmp_path: Path) -> None:
    path = tmp_path / "agent.licet"
    path.write_text(POLICY.replace('"") == "lead"', '"") == "lead" needs 2'))
    assert "needs 2" in path.read_text()
    with Guard.load(path) as guard:
        at = door(guard, approver=LEAD)
        assert said(at.answer("claude-code", event("WebFetch", PAGE))) == "deny"


def test_of_two_equal_calls_one_waits_at_the_prompt(guard: Guard) -> None:
    at = door(guard, approver=LEAD)
    first, second = event("WebFetch", PAGE), event("WebFetch", PAGE, "t2")
    assert said(at.answer("claude-code", first)) == "ask"
    assert said(at.answer("claude-code", second)) == "deny"
    assert at.answer("claude-code", after(first)) == {}


def test_what_ran_and_was_not_agreed_to_is_told(guard: Guard) -> None:
    at = door(guard, approver=LEAD)
    fetch = event("WebFetch", PAGE)
    assert said(at.answer("claude-code", fetch)) == "ask"
    guard.reject(guard.pending()[0].id, approver=LEAD)
    assert at.answer("claude-code", after(fetch))["decision"] == "block"


@pytest.mark.parametrize("mode", ["bypassPermissions", "dontAsk", "auto"])
def test_it_does_not_ask_where_nobody_sits(guard: Guard, mode: str) -> None:
    at = door(guard, approver=LEAD)
    answer = at.answer("claude-code", event("WebFetch", PAGE, permission_mode=mode))
    assert said(answer) == "deny"
    codex = event("WebFetch", PAGE, "t2")
    assert said(at.answer("codex", codex)) == "deny"


def test_rewritten_arguments_are_refused_at_the_prompt_and_told_after(guard: Guard) -> None:
    at = door(guard)
    write = event("Write", {"file_path": "/project/a", "content": "x"})
    assert at.answer("claude-code", write) == {}
    other = {"file_path": "/project/b", "content": "x"}
    request = {**write, "hook_event_name": "PermissionRequest", "tool_input": other}
    decision = at.answer("claude-code", request)["hookSpecificOutput"]["decision"]
    assert decision["behavior"] == "deny"
    told = at.answer("claude-code", after(write, tool_input=other))
    assert told["decision"] == "block"


def test_unread_and_unknown_calls_are_refused(guard: Guard) -> None:
    strict = door(guard, commands=frozenset(("aws",)))
    for number, line in enumerate(("ls | sh", "a$(x)", "aws s3 cp a b", "/usr/bin/aws s3api x")):
        answer = strict.answer("claude-code", event("Bash", {"command": line}, f"t{number}"))
        assert said(answer) == "deny"
    for number, tool in enumerate(("mcp__a__b", "Unheard", "mcp__", "PowerShell")):
        answer = strict.answer("claude-code", event(tool, {"command": "x"}, f"u{number}"))
        assert said(answer) == "deny"
    hidden = event("Bash", {"command": "rm x", "programs": ["ls"]}, "v1")
    assert said(strict.answer("claude-code", hidden)) == "deny"


def test_nothing_raises(guard: Guard) -> None:
    at = door(guard)
    for odd in (None, 1, [], {}, "x", {"hook_event_name": "PreToolUse"}, float("nan")):
        assert said(at.answer("claude-code", odd)) == "deny"
        assert said(at.answer("nobody", odd)) == "deny"
    guard.close()
    guard.store.close() if hasattr(guard.store, "close") else None
    broken = HookDoor(None, own=OwnFiles(()))  # type: ignore[arg-type] # a guard that raises
    assert said(broken.answer("claude-code", event("Bash", {"command": "ls"}, "w"))) == "deny"
