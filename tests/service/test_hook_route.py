"""The HTTP hooks of coding agents: denied in the agent's own form, silent where a call may run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licet import Guard
from licet.adapters.calls.reading import UnreadableCallError
from licet.adapters.hooks.mapping import placed
from licet.adapters.stores import open_store
from licet.service.app import create_app
from licet.service.auth import hash_of
from licet.service.callers import Role
from licet.service.settings import Key, settings_of
from support.hook_process import POLICY, Hook
from support.serving import ask, close

ELSEWHERE = Hook(Path("/home/ana/project"), Path("/run"))
PAGE = {"url": "https://example.net/", "prompt": "p"}


def secret(name: str) -> str:
    return f"licet_test_key_of_{name}"


def key(name: str, role: Role, tenant: str = "one", **more: Any) -> Key:
    return Key(
        name=name,
        hash=hash_of(secret(name)),
        roles=frozenset({role}),
        tenant=tenant,
        principal={"id": name, "role": "lead"},
        **more,
    )


KEYS = (
    key("coder", Role.agent),
    key("other", Role.agent, tenant="two"),
    key("reader", Role.agent, tools=("claude_code.Read",)),
    key("ana", Role.approver),
    key("auditor", Role.auditor),
)


def served(folder: Path) -> FastAPI:
    (folder / "agent.licet").write_text(POLICY.replace("context { cwd: String }\n", ""), "utf-8")
    guard = Guard.load(folder / "agent.licet", tenant="one", audit=True, seconds=20.0)
    return create_app(guard, settings_of({"limits": {"body": 100_000}}), keys=KEYS)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    made = served(tmp_path)
    yield made
    close(made)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """For events of which none gets as far as the policy."""
    made = served(tmp_path_factory.mktemp("hooks"))
    yield made
    close(made)


def answer(
    app: FastAPI, event: object, agent: str = "claude-code", who: str = "coder"
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {secret(who)}", "Content-Type": "application/json"}
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    told = ask(app, "POST", f"/v1/hooks/{agent}", headers=headers, content=body)
    assert told.status_code == 200, told.text
    answered: dict[str, Any] = told.json()
    return answered


def said(answered: dict[str, Any]) -> str:
    if not answered:
        return "silent"
    told = answered["hookSpecificOutput"]
    assert told["permissionDecisionReason"].startswith("licet")
    assert told["hookEventName"] == "PreToolUse"
    return str(told["permissionDecision"])


def event(tool: str, args: object, use: str = "t1", **more: object) -> dict[str, Any]:
    return ELSEWHERE.event(tool, args, use, **more)


def audited(app: FastAPI, kind: str) -> list[dict[str, Any]]:
    headers = {"X-API-Key": secret("auditor")}
    found = ask(app, "GET", f"/v1/decisions?kind={kind}", headers=headers).json()["entries"]
    return [entry["body"] for entry in found]


def test_silent_on_allow_and_json_on_deny(app: FastAPI) -> None:
    assert answer(app, event("Bash", {"command": "ls"})) == {}
    refused = answer(app, event("Bash", {"command": "rm -rf build"}, "t2"))
    assert refused == {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": "deny",
            "permissionDecisionReason": refused["hookSpecificOutput"]["permissionDecisionReason"],
        }
    }
    assert "Move files to trash/ instead" in said_why(refused)
    assert said(answer(app, event("Rm", {}, "t3"))) == "deny"  # there is no such tool
    patch = "*** Begin Patch\n*** Add File: a.py\n+x\n*** End Patch"
    codex = event("apply_patch", {"command": patch})
    assert answer(app, codex, "codex") == {}
    (call, *_) = (body["call"] for body in audited(app, "verdict"))
    assert call["principal"]["id"] == "coder"
    assert call["args"]["files"] == ["/home/ana/project/a.py"]
    with app.state.service.store.begin("one") as tx:
        assert {each.session for each in tx.calls_changed_after(0, 9)} == {"coder"}


def test_the_same_refusal_in_a_session_is_firmer(app: FastAPI) -> None:
    def why(use: str, **more: object) -> str:
        return said_why(answer(app, event("Bash", {"command": "rm -rf build"}, use, **more)))

    first, second, third = why("t1"), why("t2"), why("t3")
    assert "Move files to trash/ instead" in first
    assert second.startswith("licet: claude_code.Bash was refused again for the same reason")
    assert third == "licet: Stop. claude_code.Bash stays refused (rule no_rm)."
    assert why("t4", session_id="another") == first


def said_why(answered: dict[str, Any]) -> str:
    return str(answered["hookSpecificOutput"]["permissionDecisionReason"])


def test_the_credential_says_who_and_where(app: FastAPI) -> None:
    """A limit is of the principal, whatever sessions the agent says it has."""
    search = event("WebSearch", {"query": "a"})
    assert answer(app, search) == {}
    again = {**search, "session_id": "another", "tool_use_id": "t2"}
    assert said(answer(app, {**again, "principal": {"id": "boss"}})) == "deny"
    assert answer(app, search, who="other") == {}  # of another tenant


def test_a_credential_for_few_tools(app: FastAPI) -> None:
    assert answer(app, event("Read", {"file_path": "/a"}), who="reader") == {}
    assert said(answer(app, event("Bash", {"command": "ls"}), who="reader")) == "deny"


def test_what_waits_is_denied_until_somebody_agreed(app: FastAPI) -> None:
    refused = answer(app, event("WebFetch", PAGE))
    headers = {"X-API-Key": secret("ana")}
    (waiting,) = ask(app, "GET", "/v1/approvals", headers=headers).json()["approvals"]
    assert said(refused) == "deny"
    assert waiting["id"] in said_why(refused)
    approve = f"/v1/approvals/{waiting['id']}/approve"
    assert ask(app, "POST", approve, headers=headers).json()["state"] == "approved"
    assert answer(app, event("WebFetch", PAGE, "t2")) == {}
    assert said(answer(app, event("WebFetch", PAGE, "t3"))) == "deny"  # it was for one use


def test_one_id_is_one_call(app: FastAPI) -> None:
    read = event("Read", {"file_path": "/a"})
    assert answer(app, read) == {}
    assert said(answer(app, read)) == "deny"
    assert said(answer(app, event("Read", {"file_path": "/b"}))) == "deny"


def test_how_it_ended_is_written_down_wherever_it_is_said(tmp_path: Path, app: FastAPI) -> None:
    read = event("Read", {"file_path": "/a"})
    after = {**read, "hook_event_name": "PostToolUse", "tool_response": {"content": "x"}}
    assert answer(app, after) == {}  # no call of that name was let through
    assert answer(app, read) == {}
    store = app.state.service.store
    guard = Guard.load(tmp_path / "agent.licet", store=store, tenant="one", audit=True)
    replica = create_app(guard, keys=KEYS)
    assert answer(replica, after) == {}
    close(replica)
    failed = event("Bash", {"command": "ls"}, "t2")
    answer(app, failed)
    answer(app, {**failed, "hook_event_name": "PostToolUseFailure", "error": "1"})
    ends = [(body["outcome"], body.get("result")) for body in reversed(audited(app, "settlement"))]
    assert ends == [("ok", {"content": "x"}), ("error", None)]


def test_a_store_that_is_gone_undoes_nothing_that_ran(tmp_path: Path) -> None:
    (tmp_path / "agent.licet").write_text(POLICY.replace("context { cwd: String }\n", ""), "utf-8")
    store = open_store(f"sqlite:///{tmp_path / 'licet.db'}")
    guard = Guard.load(tmp_path / "agent.licet", tenant="one", store=store)
    app = create_app(guard, keys=KEYS)
    read = event("Read", {"file_path": "/a"})
    assert answer(app, read) == {}
    store.close()
    assert said(answer(app, event("Read", {"file_path": "/a"}, "t2"))) == "deny"
    ran = "licet: the call ran, and how it ended is not written down: the store failed"
    after = {**read, "hook_event_name": "PostToolUse", "tool_response": {"content": "x"}}
    assert answer(app, after) == {"decision": "block", "reason": ran}
    failed = answer(app, {**read, "hook_event_name": "PostToolUseFailure", "error": "1"})
    assert failed["hookSpecificOutput"]["additionalContext"] == ran
    close(app)


def test_a_call_that_ran_with_other_arguments_is_told(app: FastAPI) -> None:
    answer(app, event("Read", {"file_path": "/a"}))
    other = event("Read", {"file_path": "/b"}, hook_event_name="PostToolUse", tool_response={})
    told = answer(app, other)
    assert told["decision"] == "block"
    assert "other arguments" in told["reason"]
    assert [body["outcome"] for body in audited(app, "settlement")] == ["error"]


@pytest.mark.parametrize(
    "path",
    [
        "/home/ana/project/.claude/settings.json",
        ".claude/settings.local.json",
        "~/.claude/settings.json",
        "/etc/claude-code/managed-settings.json",
        "/home/ana/.codex/config.toml",
        "/home/ana/project/agent.licet",
        "file:///home/ana/project/licet.toml",
        "src/../.claude/settings.json",
        "~/notes.md",
        "../../x",
        "a\0b",
    ],
)
def test_the_guards_own_files_and_paths_that_cannot_be_placed(shared: FastAPI, path: str) -> None:
    written = event("Write", {"file_path": path, "content": "x"})
    assert said(answer(shared, written)) == "deny"
    line = event("Bash", {"command": f"echo x > {path}"}, "t2")
    if "notes" not in path and "x" not in path[-1:] and "\0" not in path:
        assert said(answer(shared, line)) == "deny"


def test_paths_of_another_machine_are_texts(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    assert placed("link/passwd", str(tmp_path)) == f"{tmp_path}/link/passwd"
    assert placed("//a//./b", "/w") == "/a/b"
    for odd in ("~/x", "a/../b", "a\0"):
        with pytest.raises(UnreadableCallError):
            placed(odd, "/w")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b'{"hook_event_name": "PreToolUse"}',
        b'{"a": 1, "a": 2}',
        b" " * 100_001,
        json.dumps(event("Bash", {"command": "ls"}, hook_event_name="PreEverything")).encode(),
        json.dumps(event("Bash", {"command": "ls"}, hook_event_name="UserPromptSubmit")).encode(),
        json.dumps(event("Bash", {"command": "ls"}, cwd="project")).encode(),
        json.dumps(event("Bash", ["ls"])).encode(),
        json.dumps(event("Bash", {"command": "ls"}, "")).encode(),
        json.dumps(event("Bash", {"command": "ls", "programs": ["ls"]})).encode(),
    ],
)
def test_events_that_are_none_are_refused(shared: FastAPI, body: bytes) -> None:
    told = answer(shared, body)
    assert told
    assert "deny" in json.dumps(told) or "systemMessage" in told
    assert audited(shared, "verdict") == []


def test_prompts_are_not_answered_and_quiet_events_are(app: FastAPI) -> None:
    asked = event("Bash", {"command": "ls"}, hook_event_name="PermissionRequest")
    assert answer(app, asked)["hookSpecificOutput"]["decision"]["behavior"] == "deny"
    assert answer(app, event("", {}, hook_event_name="SessionStart")) == {}


def test_other_agents_and_media_types(app: FastAPI) -> None:
    headers = {"Authorization": f"Bearer {secret('coder')}"}
    assert ask(app, "POST", "/v1/hooks/cursor", headers=headers, json={}).status_code == 422
    plain = {**headers, "Content-Type": "text/plain"}
    told = ask(app, "POST", "/v1/hooks/codex", headers=plain, content=b"{}").json()
    assert said(told) == "deny"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """A policy that permits nothing."""
    folder = tmp_path_factory.mktemp("hooks")
    (folder / "agent.licet").write_text(
        'use tools coding_agent "claude_code", "codex"\nprincipal { id: String, role: String? }\n'
        'permit never on claude_code.Read when principal.id == "nobody"\n',
        "utf-8",
    )
    made = create_app(Guard.load(folder / "agent.licet", tenant="one", seconds=0.2), keys=KEYS)
    yield made
    close(made)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    agent=st.sampled_from(["claude-code", "codex"]),
    name=st.sampled_from(["PreToolUse", "PermissionRequest", "PreSkillShellCommand"]),
    tool=st.sampled_from(["Bash", "Write", "Read", "apply_patch", "mcp__a__b"]) | st.text(),
    args=st.dictionaries(st.sampled_from(["command", "file_path", "path", "x"]), JSON) | JSON,
    more=st.dictionaries(st.sampled_from(["cwd", "tool_use_id", "session_id", "mcp_server"]), JSON),
)
def test_whatever_an_event_holds_it_is_answered_and_nothing_is_let_through(
    closed: FastAPI, agent: str, name: str, tool: str, args: object, more: dict[str, object]
) -> None:
    sent = event(tool, args, **{"hook_event_name": name, **more})
    told = answer(closed, json.dumps(sent).encode(), agent)
    assert "deny" in json.dumps(told)
