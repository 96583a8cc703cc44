"""A guard that is to keep an audit writes down every call, also where nothing else is kept of it:
calls that no rule asks for again, without an id, in a store in memory, were once left out."""

from __future__ import annotations

from pathlib import Path

from licet import Guard
from licet.compiler.exact_json import decode

POLICY = "tool pay(amount: Int)\npermit all on pay\nforbid much on pay when args.amount > 9\n"


def test_every_call_is_written_down(tmp_path: Path) -> None:
    (tmp_path / "p.licet").write_text(POLICY, "utf-8")
    with Guard.load(tmp_path / "p.licet", audit=True) as guard:
        one, two = guard.check_all([{"tool": "pay", "args": {"amount": n}} for n in (1, 10)])
        three = guard.check({"tool": "pay", "args": {"amount": 2}})
        assert three.ticket is not None
        with guard.redeem(three.ticket, {"amount": 2}):
            pass
        entries = [decode(entry.text) for entry in guard.store.audit("default", 0, 99)]
    kinds = [entry["kind"] for entry in entries]
    assert kinds == ["activation", "verdict", "verdict", "verdict", "redemption", "settlement"]
    told = [entry["body"]["verdict"]["id"] for entry in entries if entry["kind"] == "verdict"]
    assert told == [one.id, two.id, three.id]
