"""A label is text to the operators on text and to facts, in both engines and in proofs."""

from __future__ import annotations

from pathlib import Path

import pytest

from licet import Guard
from licet.compiler import compile_sources
from licet.policy_lang import Source
from licet.verifier.analysis.inquiry import Effort
from licet.verifier.analysis.proving import prove
from licet.verifier.solving import SolverPool

LABELS = [f"{family}.{size}" for family in ("t3", "t4g", "p5", "p") for size in range(400)]
POLICY = """
principal {{ id: String }}
enum Kind {{ {labels} }}
fact price(kind: String) -> Int
param families: List<String> = ["t3.", "t4g."]
tool run(kind: Kind, other: Kind?)
permit all on run when any(f in families: args.kind startswith f)
forbid dear on run when price(args.kind) > 10
forbid tail on run when args.kind endswith ".7" or args.kind matches /t3[.]1./
forbid like_it on run when has args.other and args.other like "p*"
prove no_p5 never allow run when args.kind startswith "p5."
prove not_all never allow run when args.kind contains "3.9"
"""
TEXT = POLICY.format(labels=", ".join(f'"{label}"' for label in LABELS))


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Guard:
    path = Path(tmp_path_factory.mktemp("labels")) / "run.licet"
    path.write_text(TEXT, "utf-8")
    return Guard.load(path, engine="both")


@pytest.mark.parametrize(
    ("kind", "other", "rules"),
    [
        ("t3.5", None, ()),
        ("t4g.399", "t3.0", ()),
        ("p.5", None, None),
        ("t3.7", None, ("tail",)),
        ("t3.15", None, ("tail",)),
        ("t3.5", "p5.0", ("like_it",)),
        ("t4g.2", None, ("dear",)),
    ],
)
def test_both_engines(guard: Guard, kind: str, other: str | None, rules: tuple[str] | None) -> None:
    prices = {kind: 11 if kind == "t4g.2" else 1}
    args = {"kind": kind} if other is None else {"kind": kind, "other": other}
    verdict = guard.check(
        {"tool": "run", "args": args, "principal": {"id": "a"}, "facts": {"price": prices}}
    )
    if rules is None:
        assert verdict.kind == "no_permit"
    else:
        assert verdict.rules == (rules or ("all",))


def test_proofs() -> None:
    program, found = compile_sources([Source("run.licet", TEXT)])
    assert program is not None, found
    with SolverPool(1) as pool:
        told = {p.name: prove(program, p, p.tools[0], pool, Effort(60)) for p in program.proofs}
    assert told["no_p5"].status == "proved"
    assert told["not_all"].status == "failed"
