"""Calls that change a document by a patch: the solver says what the document becomes, and the patch
that makes it so is found."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from licet.compiler import compile_sources
from licet.policy_lang import Source
from licet.verifier.analysis.formulas import Every, Formula, Not, allowed, applies
from licet.verifier.analysis.inquiry import Effort, Found, Inquiry
from licet.verifier.analysis.proving import prove
from licet.verifier.analysis.subject import subject_of
from licet.verifier.solving import SolverPool

POLICY = """
principal { team: String }
fact stored(name: String) -> Json?
tool change(name: String, patch: Json) destructive
change on change before stored(args.name) after PATCH(before, args.patch)
permit team on change when principal.team == "network"
forbid unlabelled on change when length(removed(metadata.labels)) > 0
forbid labelled on change when "owner" in added(metadata.labels)
forbid halved on change when (after.replicas ?? 1) * 2 < (before.replicas ?? 0)
forbid opened on change
  when changed(ingress) and any(r in after.ingress ?? []: (r.port ?? 0) == 22 and has r.world)
forbid back on change
  when has before.spec.level and (after.spec.level as Int ?? 0) < before.spec.level as Int
"""


@pytest.fixture(scope="module")
def pool() -> Iterator[SolverPool]:
    with SolverPool(1) as pool:
        yield pool


@pytest.mark.parametrize("patch", ["patched", "merged"])
def test_every_rule_has_a_call_on_both_sides(pool: SolverPool, patch: str) -> None:
    program, found = compile_sources([Source("p.licet", POLICY.replace("PATCH", patch))])
    assert program is not None, found
    rules = program.rules["change"].rules
    with Inquiry(subject_of(program, "change"), pool, Effort(20)) as inquiry:
        asked: list[Formula] = [allowed(rules, range(len(rules)))]
        for at in range(len(rules)):
            asked += [applies(at), Not(applies(at))]
            others = (Not(applies(other)) for other in range(1, len(rules)) if other != at)
            asked.append(Every((applies(0), applies(at), *others)))
        for formula in asked:
            assert isinstance(inquiry.find(formula), Found), formula


def test_a_patch_that_rules_read_is_not_chosen_freely(pool: SolverPool) -> None:
    text = POLICY.replace("PATCH", "merged") + (
        "forbid meddles on change when has args.patch.metadata.labels\n"
    )
    program, found = compile_sources([Source("p.licet", text)])
    assert program is not None, found
    rules = program.rules["change"].rules
    meddles = next(at for at, rule in enumerate(rules) if rule.name == "meddles")
    with Inquiry(subject_of(program, "change"), pool, Effort(20)) as inquiry:
        finding = inquiry.find(applies(meddles))
        assert isinstance(finding, Found)
        assert finding.world.args["patch"]["metadata"]["labels"] is not None  # type: ignore[index]


@pytest.mark.parametrize("patch", ["patched", "merged"])
@pytest.mark.parametrize(
    ("claim", "status"),
    [
        ("never allow change when length(removed(metadata.labels)) > 0", "proved"),
        ('never allow change when "owner" in added(metadata.labels)', "proved"),
        ("never allow change when changed(spec.mode)", "failed"),
        ("never allow change when (after.spec.level ?? 0) < (before.spec.level ?? 0)", "failed"),
        ("can allow change when changed(spec.mode) and has before", "proved"),
        # Not every patch applies, and a call without an `after` fits no claim that reads it.
        ('always allow change when principal.team == "network" and not has after.never', "failed"),
    ],
)
def test_claims_of_what_changes(pool: SolverPool, patch: str, claim: str, status: str) -> None:
    text = f"{POLICY.replace('PATCH', patch)}prove it {claim}\n"
    program, found = compile_sources([Source("p.licet", text)])
    assert program is not None, found
    [proof] = program.proofs
    [on] = proof.tools
    assert prove(program, proof, on, pool, Effort(20)).status == status


def test_a_call_without_an_after_fits_no_claim_that_reads_it(pool: SolverPool) -> None:
    text = """
tool change(document: Json, old: Json?)
fact stored() -> Json?
change on change before stored() after args.old
permit all on change
prove none never allow change when not has args.old and has after.part
prove some never allow change when not has args.old
"""
    program, found = compile_sources([Source("p.licet", text)])
    assert program is not None, found
    none, some = program.proofs
    said = prove(program, none, none.tools[0], pool, Effort(20))
    assert (said.status, said.vacuous) == ("proved", True)
    assert prove(program, some, some.tools[0], pool, Effort(20)).status == "failed"
