"""Law: a true record is never said to differ, and a forged one is never said to be the same,
whichever fields were redacted when it was written."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licet import Guard
from licet.cli.audit_reprove import PolicyFiles
from licet.verifier.audit import Recorder, Redaction
from licet.verifier.audit.entries import body_of
from licet.verifier.audit.reproving import Policies, reprove
from support.audit_log import AuditLog
from support.shop import refund, shop

PATHS = (
    "args.note",
    "args.amount",
    "args.order_id",
    "principal.id",
    "principal.role",
    "context.risk",
    "facts.order",
    "facts.order.*.owner",
    "facts.order.*.total",
    "facts.blocked.*",
)
OUTCOMES = ("allow", "deny", "escalate")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="module")
def guard(folder: Path) -> Iterator[Guard]:
    with shop(folder) as made:
        yield made


@pytest.fixture(scope="module")
def policies(folder: Path, guard: Guard) -> Iterator[Policies]:
    loaded = PolicyFiles(((folder / "shop.licet",),), None, 20.0).load()
    yield loaded
    for policy in loaded.values():
        policy.close()


@st.composite
def calls(draw: st.DrawFn) -> dict[str, Any]:
    """Refunds on either side of every rule."""
    args: dict[str, object] = {
        "order_id": draw(st.sampled_from(["R1", "R2"])),
        "amount": draw(st.sampled_from([100, 300, 600])),
    }
    if draw(st.booleans()):
        args["note"] = draw(st.text(max_size=8))
    order = {"owner": "u1", "total": draw(st.sampled_from([200, 700]))}
    return refund(
        args=args,
        principal={"id": "a1", "role": draw(st.sampled_from(["support", "manager"]))},
        context={"risk": draw(st.sampled_from([Decimal("0.1"), Decimal("0.9")]))},
        facts={
            "order": [{"key": ["R1"], "value": order}],
            "blocked": [{"key": ["u1"], "value": draw(st.booleans())}],
        },
    )


@given(call=calls(), paths=st.sets(st.sampled_from(PATHS)), data=st.data())
@settings(max_examples=30)
def test_true_and_forged_records(
    guard: Guard, policies: Policies, call: dict[str, Any], paths: set[str], data: st.DataObject
) -> None:
    verdict = guard.check(call).for_operator()
    forged = data.draw(st.sampled_from([o for o in OUTCOMES if o != verdict["outcome"]]))
    recorder = Recorder(Redaction(bytes(32), paths))
    for recorded, impossible in ((verdict, "differs"), ({**verdict, "outcome": forged}, "same")):
        body = {"verdict": recorded, "call": call, "evidence": {}, "digest": "", "mode": "enforce"}
        entry = recorder.append(AuditLog(), "verdict", body)
        answer = reprove(body_of(entry.text), policies)
        assert answer.result != impossible, answer
        if not paths:
            assert answer.result == ("same" if recorded is verdict else "differs"), answer
