"""A call that is of no session is allowed like any other by a policy that counts the calls of each
session, and is counted in none. It was refused: the store had no place for it."""

from __future__ import annotations

from pathlib import Path

from licet import Guard

POLICY = """
principal { id: String }
tool ask(x: Int)
tool buy(x: Int)
permit all on any
forbid often on buy when count(c in calls(ask): true) >= 1
forbid odd on buy when any(c in calls(ask): c.args.x == args.x)
"""


def test_a_call_without_a_session_is_counted_in_none(tmp_path: Path) -> None:
    path = tmp_path / "policy.licet"
    path.write_text(POLICY, "utf-8")
    with Guard.load(path) as guard:

        def check(tool: str, **more: object) -> str:
            call = {"tool": tool, "args": {"x": 1}, "principal": {"id": "ann"}, **more}
            verdict = guard.check(call)
            return verdict.kind or verdict.outcome

        assert check("ask") == "allow"
        assert check("buy", session="s") == "allow"
        assert check("buy") == "undetermined"
        assert check("ask", session="s") == "allow"
        assert check("buy", session="s") == "forbidden"
        assert check("buy", session="t") == "allow"
