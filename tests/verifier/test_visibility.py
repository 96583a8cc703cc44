"""The model's view: its own arguments, rule names, messages, and of the rest what is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.shop import SHOP, SHOWN, args, refund, shop


def seen(verdict: object) -> bytes:
    return json.dumps(verdict.for_model(), default=str).encode()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("amount", "totals"), [(700, (100, 200, 650.5))])
def test_bytes_are_equal_when_only_hidden_values_differ(
    tmp_path: Path, amount: int, totals: tuple[float, ...]
) -> None:
    with shop(tmp_path) as guard:
        views = set()
        for number, total in enumerate(totals):
            order = {"owner": f"u{number}", "total": total}
            facts = {
                "order": [{"key": ["R1"], "value": order}],
                "blocked": [{"key": [f"u{number}"], "value": False}],
            }
            verdict = guard.check(refund(args=args(amount=amount), facts=facts))
            assert verdict.rules == ("too_much",)
            assert str(total) in verdict.violations[0].message
            views.add(seen(verdict))
    assert len(views) == 1
    assert b"(not shown)" in views.pop()


def test_an_unsettled_fact_tells_nothing_of_the_others(tmp_path: Path) -> None:
    with shop(tmp_path) as guard:
        views = {
            seen(
                guard.check(
                    refund(facts={"order": [{"key": ["R1"], "value": {"owner": o, "total": t}}]})
                )
            )
            for o, t in (("u1", 200), ("u2", 300), ("someone", 9_000))
        }
    assert len(views) == 1


def test_the_host_mistake_is_not_told(tmp_path: Path) -> None:
    with shop(tmp_path) as guard:
        verdict = guard.check(refund(principal={"id": "a1", "role": "secret-role"}))
    assert b"secret-role" not in seen(verdict)
    assert "secret-role" in verdict.violations[0].message


def test_what_is_declared_shown_is_shown(tmp_path: Path) -> None:
    with shop(tmp_path, SHOWN) as guard:
        verdict = guard.check(refund(args=args(amount=700)))
    view = verdict.for_model()
    assert "At most 200 can be refunded" in str(view["message"])
    assert view["because"]
    assert view["repair"]


def test_one_hidden_field_hides_what_depends_on_it(tmp_path: Path) -> None:
    text = SHOP + "shown order.total, principal.role\n"
    with shop(tmp_path, text) as guard:
        verdict = guard.check(refund(args=args(amount=700)))
    view = verdict.for_model()
    assert "At most 200 can be refunded" in str(view["message"])
    assert "u1" not in json.dumps(view, default=str)
