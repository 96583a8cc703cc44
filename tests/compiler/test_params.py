"""Values that the deployment gives: checked, and part of the digest."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from licet.compiler import Program, compile_sources, ir
from licet.compiler.types import DECIMAL, DecimalType
from licet.policy_lang import Source

TEXT = """enum Role { support, manager }
tool pay(amount: Decimal, by: Role)
param cap: Decimal in 0 .. 1000 = 50
param who: List<Role> = [manager]
param free: Decimal
forbid large on pay when args.amount > cap and args.by not in who
forbid free_one on pay when args.amount > free
"""


def compiled(params: dict[str, object]) -> tuple[Program | None, list[str]]:
    program, found = compile_sources([Source("p.licet", TEXT)], params=params)
    return program, [f"{d.code} {d.message} | {d.help}" for d in found]


def test_defaults_hold_and_a_param_without_a_value_stays_open() -> None:
    program, found = compiled({})
    assert found == []
    assert program is not None
    assert program.params == {"cap": 50, "who": ("manager",)}
    assert program.unset_params == {"free": DECIMAL}
    large, free_one = program.rules["pay"].forbids
    assert isinstance(free_one.condition, ir.Less)
    assert free_one.condition.left == ir.Param("free", DECIMAL)
    assert isinstance(large.condition, ir.And)
    assert isinstance(large.condition.operands[0], ir.Less)
    assert large.condition.operands[0].left == ir.Const(
        50, DecimalType(Fraction(0), Fraction(1000), exact=True)
    )


def test_given_values_replace_defaults() -> None:
    program, found = compiled({"cap": Decimal("99.5"), "who": ["support"], "free": 1})
    assert found == []
    assert program is not None
    assert program.params == {"cap": Fraction(199, 2), "who": ("support",), "free": 1}
    assert program.unset_params == {}


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"capp": 5}, "LIC122 no param is named `capp` | did you mean `cap`?"),
        ({"cap": 2000}, "LIC123"),
        ({"cap": "50"}, "LIC123"),
        ({"cap": float("nan")}, "LIC123"),
        ({"who": ["boss"]}, "LIC123"),
        ({"cap": None}, "LIC123"),
    ],
)
def test_what_does_not_fit_is_refused(params: dict[str, object], found: str) -> None:
    program, shown = compiled(params)
    assert program is None
    assert len(shown) == 1
    assert shown[0].startswith(found)


def test_the_digest_covers_text_params_and_unset_params() -> None:
    def digest(params: dict[str, object], name: str = "p.licet", text: str = TEXT) -> str:
        program, _ = compile_sources([Source(name, text)], params=params)
        assert program is not None
        return program.digest

    base = digest({})
    assert digest({"cap": 50}) == base
    assert digest({}, name="elsewhere/q.licet") == base
    others = [digest({"cap": 51}), digest({"free": 0}), digest({}, text=TEXT + "# note\n")]
    assert len({base, *others}) == 4


DOCUMENT = """tool run(user: Int)
param how: Json = DEFAULT
permit runs on run
forbid outside on run
  when any(r in how.ranges as List<Json> ?? []: (r.min ?? 0) > args.user)
"""


@pytest.mark.parametrize("default", ["{}", '{ ranges: [{ min: 5 }], rule: "x" }', "[]", '"text"'])
def test_a_document_has_a_document_as_its_default(default: str) -> None:
    program, found = compile_sources([Source("p.licet", DOCUMENT.replace("DEFAULT", default))])
    assert found == ()
    assert program is not None
    assert set(program.params) == {"how"}


@pytest.mark.parametrize("default", ["args.user", "{ ranges: [now] }", "5 + other"])
def test_a_default_that_is_no_document_is_told_once(default: str) -> None:
    text = "param other: Int = 3\n" + DOCUMENT.replace("DEFAULT", default)
    program, found = compile_sources([Source("p.licet", text)])
    assert program is None
    assert len(found) == 1, found
