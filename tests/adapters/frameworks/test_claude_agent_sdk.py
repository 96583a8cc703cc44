"""What the Claude Agent SDK alone has: the program's own tools, its prompt, its hooks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("claude_agent_sdk", reason="claude-agent-sdk is not installed")

from claude_agent_sdk import (
    ClaudeAgentOptions,
    CLIConnectionError,
    HookMatcher,
    PermissionResultAllow,
    PermissionResultDeny,
    ToolResultBlock,
    UserMessage,
    query,
)

from licet import Guard
from licet.adapters.frameworks.claude_agent_sdk import GuardHooks
from support.frameworks.claude_agent_sdk_driver import PROGRAM, script, tools_of
from support.frameworks.desk import Desk, open_desk
from support.frameworks.driver import Proposed, refund

LEAD = {"id": "ana", "role": "lead"}
POLICY = """
use tools coding_agent "claude_code"
principal { id: String, role: String? }
permit reads on any when tool.read_only
permit edits on claude_code.Write
permit shell on claude_code.Bash when args.command in ["ls", "ls -l"]
limit  few   on claude_code.Bash count() per principal.id <= 2
escalate far on claude_code.WebFetch when args.url != "https://example.org/"
  to (approver.role ?? "") == "lead"
"""
LS = Proposed("c1", "Bash", {"command": "ls -l"})
RM = Proposed("c2", "Bash", {"command": "rm -r x"})
PAGE = Proposed("c3", "WebFetch", {"url": "https://example.net/", "prompt": "p"})


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = open_desk(tmp_path)
    with desk.guard:
        yield desk


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Guard]:
    (tmp_path / "agent.licet").write_text(POLICY)
    with Guard.load(tmp_path / "agent.licet") as guard:
        yield guard


def hooks(guard: Guard, **options: Any) -> GuardHooks:
    session = guard.session(principal={"id": "a1"}, session="s1")
    return GuardHooks(session, **options)


@dataclass
class Host:
    """What sits at the program's prompt."""

    guard: Guard | None = None
    hooks: GuardHooks | None = None
    allow: bool = True
    edit: dict[str, Any] | None = None
    asked: list[str] = field(default_factory=list)

    async def __call__(self, tool: str, args: dict[str, Any], context: Any) -> Any:
        self.asked.append(tool)
        if self.guard is not None and self.hooks is not None:
            approval = self.hooks.approval(context.tool_use_id)
            self.guard.approve(str(approval), approver=LEAD)
        if not self.allow:
            return PermissionResultDeny(message="not today")
        return PermissionResultAllow(updated_input=self.edit)


def run(
    options: ClaudeAgentOptions,
    *turns: Sequence[Proposed],
    server: str = "",
    allowed: Sequence[str] | None = None,
    passed_over: Sequence[str] = (),
    old: bool = False,
) -> dict[str, str]:
    """What the model is told of each call. `allowed`: by the user's own rules, else every tool;
    `passed_over`: hooks that the program does not run; `old`: one without `on_failure`."""
    played = script(turns, server=server)
    told = json.loads(played["LICET_SCRIPT"])
    told["allowed"] = told["allowed"] if allowed is None else list(allowed)
    told |= {"passed_over": list(passed_over), "old": old}
    options.env = {**played, "LICET_SCRIPT": json.dumps(told)}
    options.cli_path = PROGRAM

    async def prompt() -> Any:
        yield {"type": "user", "message": {"role": "user", "content": "go"}}

    async def talk() -> dict[str, str]:
        texts: dict[str, str] = {}
        async for message in query(prompt=prompt(), options=options):
            if isinstance(message, UserMessage) and isinstance(message.content, list):
                for block in message.content:
                    if isinstance(block, ToolResultBlock):
                        texts[block.tool_use_id] = block.content[0]["text"]
        return texts

    return asyncio.run(talk())


# --- tools that the program runs itself


def test_the_programs_own_tools(guard: Guard) -> None:
    told = run(hooks(guard).options(ClaudeAgentOptions()), [LS, RM])
    assert told["c1"] == 'ran {"command": "ls -l"}'
    assert "no rule permits" in told["c2"]


def test_a_call_of_the_programs_is_counted_once(guard: Guard) -> None:
    again = [Proposed(id, "Bash", {"command": "ls"}) for id in ("c1", "c2", "c3")]
    told = run(hooks(guard).options(ClaudeAgentOptions()), again[:1], again[1:])
    assert sorted(text.startswith("ran") for text in told.values()) == [False, True, True]
    assert any("rule few" in text for text in told.values())


def test_nothing_is_said_of_what_is_allowed(guard: Guard) -> None:
    """So the user's own permission prompt still comes, and its no still holds."""
    host = Host(allow=False)
    options = hooks(guard).options(ClaudeAgentOptions(can_use_tool=host))
    assert run(options, [LS], allowed=()) == {"c1": "not today"}
    assert host.asked == ["Bash"]


def test_who_sits_at_the_prompt_answers_the_guard(guard: Guard) -> None:
    made = hooks(guard)
    host = Host(guard, made)
    options = made.options(ClaudeAgentOptions(can_use_tool=host))
    assert run(options, [PAGE])["c3"].startswith("ran")
    assert host.asked == ["WebFetch"]


def test_a_yes_at_the_prompt_alone_runs_nothing(guard: Guard) -> None:
    options = hooks(guard).options(ClaudeAgentOptions(can_use_tool=Host()))
    assert "still waits for approval" in run(options, [PAGE])["c3"]


@pytest.mark.parametrize("prompt", [False, True])
def test_where_nobody_is_asked_the_approval_waits(guard: Guard, prompt: bool) -> None:
    host = Host() if prompt else None
    made = hooks(guard, asking=False)
    told = run(made.options(ClaudeAgentOptions(can_use_tool=host)), [PAGE])
    (waiting,) = guard.pending()
    assert "far" in told["c3"]
    assert waiting.id not in told["c3"]
    assert host is None or host.asked == []


def test_a_persons_edit_is_another_call(guard: Guard) -> None:
    host = Host(edit={"command": "rm -r ."})
    options = hooks(guard).options(ClaudeAgentOptions(can_use_tool=host))
    assert "not the call that was permitted" in run(options, [LS], allowed=())["c1"]


async def rewriting(data: Any, *_: Any) -> Any:
    changed = {"command": "rm -r ."}
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", "updatedInput": changed}}


def test_what_the_hosts_own_hook_makes_of_a_call_is_another_call(guard: Guard) -> None:
    other: Any = {"PreToolUse": [HookMatcher(hooks=[rewriting])]}
    told = run(hooks(guard).options(ClaudeAgentOptions(hooks=other)), [LS])
    assert "not the call that was permitted" in told["c1"]


def test_what_a_hook_of_the_users_settings_makes_of_a_call(guard: Guard) -> None:
    """Refused where the user is asked, and else told."""
    host = Host()
    options = hooks(guard).options(ClaudeAgentOptions(can_use_tool=host))
    assert options.hooks is not None
    options.hooks["PreToolUse"].append(HookMatcher(hooks=[rewriting]))
    asked = run(options, [LS], allowed=())
    assert "not the call that was permitted" in asked["c1"]
    assert host.asked == []
    told = run(options, [Proposed("c9", "Bash", {"command": "ls"})])
    assert "without having been permitted" in told["c9"]


def test_where_a_hook_answers_the_prompt_nobody_is_asked(guard: Guard) -> None:
    async def allowing(*_: Any) -> Any:
        decision = {"behavior": "allow"}
        return {"hookSpecificOutput": {"hookEventName": "PermissionRequest", "decision": decision}}

    other: Any = {"PermissionRequest": [HookMatcher(hooks=[allowing])]}
    options = ClaudeAgentOptions(can_use_tool=Host(), hooks=other)
    assert "far asks for approval" in run(hooks(guard).options(options), [PAGE])["c3"]


def test_a_hook_that_fails_blocks_and_an_old_program_is_not_talked_to(guard: Guard) -> None:
    options = hooks(guard).options(ClaudeAgentOptions())
    ours = [each for matchers in (options.hooks or {}).values() for each in matchers]
    assert [each.on_failure for each in ours] == ["block"] * 4
    with pytest.raises(CLIConnectionError, match="on_failure"):
        run(options, [LS], old=True)


def test_a_hook_that_was_passed_over_is_told(guard: Guard) -> None:
    told = run(hooks(guard).options(ClaudeAgentOptions()), [RM], passed_over=["PreToolUse"])
    assert "without having been permitted" in told["c2"]


def test_the_guards_own_files(guard: Guard, tmp_path: Path) -> None:
    store = tmp_path / "state.db"
    made = hooks(guard, files=[store])
    paths = ["agent.licet", "licet.toml", ".claude/settings.json", str(store), "notes.txt"]
    calls = [
        Proposed(str(n), "Write", {"file_path": path, "content": ""})
        for n, path in enumerate(paths)
    ]
    told = run(made.options(ClaudeAgentOptions(cwd=tmp_path)), calls)
    assert ["own files" in told[str(n)] for n in range(5)] == [True, True, True, True, False]


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"hook_event_name": "PreToolUse"},
        {"hook_event_name": "PreToolUse", "session_id": "s", "cwd": "/", "tool_name": "Bash"},
        {"hook_event_name": "PreToolUse", "session_id": "s", "cwd": "x", "tool_name": "Bash"},
    ],
)
def test_an_event_that_cannot_be_read_is_refused(guard: Guard, data: Any) -> None:
    answer = asyncio.run(hooks(guard)._hook(data, "c1", {}))
    assert answer["hookSpecificOutput"]["permissionDecision"] == "deny"


# --- tools in this process


def test_a_tool_here_runs_nothing_without_its_hook(desk: Desk) -> None:
    made = GuardHooks(desk.line)
    options = ClaudeAgentOptions(mcp_servers={"desk": made.server("desk", tools_of(desk))})
    told = run(options, [refund("c1", 40)], server="mcp__desk__")
    assert "was not run" in told["c1"]
    guarded = made.options(options)
    told = run(guarded, [refund("c2", 40)], server="mcp__desk__", passed_over=["PreToolUse"])
    assert "was not run" in told["c2"]
    assert desk.ran == []


def test_two_equal_calls_at_once_are_two(desk: Desk) -> None:
    made = GuardHooks(desk.line)
    options = ClaudeAgentOptions(mcp_servers={"desk": made.server("desk", tools_of(desk))})
    calls = [refund("c1", 50), refund("c2", 50), refund("c3", 50)]
    told = run(made.options(options), calls, server="mcp__desk__")
    assert sorted(text == "done R1" for text in told.values()) == [False, True, True]
    assert desk.ran == [("refund", "R1", 50.0)] * 2


def test_another_servers_tool_of_the_same_name_is_another(desk: Desk) -> None:
    made = GuardHooks(desk.line)
    options = ClaudeAgentOptions(mcp_servers={"desk": made.server("desk", tools_of(desk))})
    told = run(made.options(options), [refund("c1", 40)], server="mcp__evil__")
    assert "there is no tool `mcp__evil__refund`" in told["c1"]


def test_names_that_could_be_mistaken_are_refused(desk: Desk) -> None:
    made = GuardHooks(desk.line)
    first, second = (made.server(name, tools_of(desk)) for name in ("a", "b"))
    with pytest.raises(ValueError, match="two servers have a tool `refund`"):
        made.options(ClaudeAgentOptions(mcp_servers={"a": first, "b": second}))
    with pytest.raises(ValueError, match="no plain name"):
        made.options(ClaudeAgentOptions(mcp_servers={"a__b": first}))
