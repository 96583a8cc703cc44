"""AdmissionReview v1 in and out: what becomes of each part, and that nothing odd is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from licet import Guard
from licet.adapters.admission_review import AdmissionDoor, ReviewError, answer, refusal
from licet.verifier.action import Action, ActionError

POLICY = """
enum Operation { CREATE, UPDATE, DELETE, CONNECT }
principal { username: String, groups: List<String> }
fact stored(kind: String, namespace: String, name: String) -> Json?
tool admit(operation: Operation, kind: String, namespace: String, name: String, object: Json?)
change on admit
  before stored(args.kind, args.namespace, args.name)
  after args.object
permit admits on admit
forbid halved on admit
  when (after.spec.replicas as Int ?? 1) * 2 < before.spec.replicas as Int ?? 0
  message "Replicas fall from {before.spec.replicas} to {after.spec.replicas}."
forbid strangers on admit
  when not ("ops" in principal.groups) and args.namespace == "kube-system"
"""

DEPLOYMENT: dict[str, Any] = {"kind": "Deployment", "spec": {"replicas": 4}}
REVIEW: dict[str, Any] = {
    "apiVersion": "admission.k8s.io/v1",
    "kind": "AdmissionReview",
    "request": {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
        "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
        "name": "web",
        "namespace": "shop",
        "operation": "UPDATE",
        "userInfo": {"username": "ann", "uid": "7", "groups": ["dev"]},
        "object": DEPLOYMENT,
        "oldObject": DEPLOYMENT,
        "dryRun": False,
    },
}


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    policy = tmp_path_factory.mktemp("policy") / "cluster.licet"
    policy.write_text(POLICY, "utf-8")
    with Guard.load(policy, engine="both") as guard:
        yield guard


def review(**changes: object) -> dict[str, Any]:
    """The review with parts of its request changed; None takes a part away."""
    made = deepcopy(REVIEW)
    made["request"] |= {"uid": str(uuid4()), **changes}  # no two requests have one
    made["request"] = {name: part for name, part in made["request"].items() if part is not None}
    return made


def replicas(count: object) -> dict[str, Any]:
    return {"kind": "Deployment", "spec": {"replicas": count}}


def response(guard: Guard, asked: dict[str, Any]) -> dict[str, Any]:
    verdict = guard.check(AdmissionDoor(guard.program).action(asked))
    made: Any = answer(asked, verdict)["response"]
    return dict(made)


def test_what_becomes_of_each_part(guard: Guard) -> None:
    action = AdmissionDoor(guard.program).action(REVIEW, {"inventory": []})
    assert action == Action(
        tool="admit",
        args={
            "operation": "UPDATE",
            "kind": "Deployment",
            "namespace": "shop",
            "name": "web",
            "object": DEPLOYMENT,
        },
        principal={"username": "ann", "groups": ["dev"]},
        facts={
            "inventory": [],
            "stored": [{"key": ["Deployment", "shop", "web"], "value": DEPLOYMENT}],
        },
        id="705ab4f5-6393-11e8-b7cc-42010a800002",
    )


def test_an_allow(guard: Guard) -> None:
    verdict = guard.check(AdmissionDoor(guard.program).action(REVIEW))
    assert answer(REVIEW, verdict) == {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "allowed": True,
            "auditAnnotations": {
                "licet-verdict": verdict.id,
                "licet-policy": verdict.policy_digest,
            },
        },
    }


def test_a_denial_names_rule_and_values(guard: Guard) -> None:
    found = response(guard, review(object=replicas(1)))
    assert found["allowed"] is False
    assert found["status"] == {
        "code": 403,
        "reason": "Forbidden",
        "message": "[halved] Replicas fall from 4 to 1.",
    }


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({"object": replicas(2)}, True),
        ({"operation": "CREATE", "oldObject": None, "object": replicas(1)}, True),
        (
            {"operation": "CREATE", "object": replicas(1)},
            True,
        ),  # there was nothing, whoever says so
        ({"object": replicas(1), "oldObject": replicas(2)}, True),
        ({"namespace": "kube-system"}, False),
        ({"namespace": "kube-system", "userInfo": {"groups": ["ops"]}}, True),
        ({"namespace": "kube-system", "userInfo": None}, False),
        ({"oldObject": None}, False),  # an update without what was there: unknown
        ({"object": replicas("1")}, False),
        ({"object": replicas(True)}, False),
        ({"oldObject": replicas("4")}, False),
        ({"operation": "DELETE", "object": None}, False),  # `after` does not exist
        ({"object": "text"}, False),
        ({"object": {"spec": 1}}, False),
    ],
)
def test_what_is_allowed(guard: Guard, changes: dict[str, object], allowed: bool) -> None:
    assert response(guard, review(**changes))["allowed"] is allowed


def test_the_manifest_cannot_say_what_was_there(guard: Guard) -> None:
    """Neither `oldObject` inside the object nor another's name changes the fact."""
    sly = replicas(1) | {"oldObject": replicas(1), "metadata": {"name": "new", "namespace": "x"}}
    assert response(guard, review(object=sly))["allowed"] is False


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        {},
        {"kind": "AdmissionReview"},
        REVIEW | {"apiVersion": "admission.k8s.io/v1beta1"},
        REVIEW | {"kind": "Review"},
        REVIEW | {"request": None},
        review(operation="PATCH"),
        review(operation=None),
        review(uid=None),
        review(uid=7),
        review(kind=[]),
        review(name=5),
        review(object=None),
        review(userInfo="ann"),
    ],
)
def test_odd_reviews(guard: Guard, odd: Any) -> None:
    with pytest.raises(ReviewError) as caught:
        AdmissionDoor(guard.program).action(odd)
    refused: Any = refusal(odd, str(caught.value))["response"]
    assert refused["allowed"] is False
    assert refused["status"]["message"] == str(caught.value)


def test_a_uid_beyond_the_caps(guard: Guard) -> None:
    with pytest.raises(ActionError):
        AdmissionDoor(guard.program).action(review(uid="x" * 1_000))


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        ("tool one() tool other()", "declares one tool, or one named `admit`"),
        ("tool admit(color: String)", "no argument `color`"),
        ("tool admit() principal { age: Int }", "no field of principal `age`"),
        ("tool admit() fact stored(uid: String) -> Json?", "a key `uid`"),
    ],
)
def test_programs_that_ask_for_what_no_review_has(tmp_path: Path, policy: str, says: str) -> None:
    path = tmp_path / "p.licet"
    path.write_text(policy.replace(") ", ")\n"), "utf-8")
    with Guard.load(path) as guard, pytest.raises(ValueError, match=says):
        AdmissionDoor(guard.program)
