"""The shipped cases of open-policy-agent/gatekeeper-library (Apache-2.0) against its 30 kinds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from licet import Guard
from licet.adapters.admission_review import AdmissionDoor
from support.scripts import run_script

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "kubernetes"
CASES = EXAMPLE / "cases.jsonl"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return run_script(EXAMPLE / "run.py", *arguments)


def run_apart(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own."""
    return subprocess.run(
        [sys.executable, str(EXAMPLE / "run.py"), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def some_of_each_kind() -> list[str]:
    """The lines of each kind's first case with either label, and of the examples told below."""
    chosen = {}
    for line in CASES.read_text("utf-8").splitlines():
        row = json.loads(line)
        told = row["case"] if row["case"] == "example-disallowed" else ""
        chosen.setdefault((row["kind"], row["label"], told), line)
    return list(chosen.values())


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    some = tmp_path_factory.mktemp("cases") / "cases.jsonl"
    some.write_text("".join(line + "\n" for line in some_of_each_kind()), "utf-8")
    done = run(some, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.slow
def test_cases_of_each_kind_agree_with_their_labels(found: dict[str, Any]) -> None:
    assert found["total"] == found["agree"] == len(some_of_each_kind())
    assert len(Counter(row["kind"] for row in found["rows"])) == 30
    assert all(row["found"] == row["label"] for row in found["rows"])


@pytest.mark.long
def test_all_cases_agree_with_their_labels() -> None:
    done = run(CASES, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["total"], found["agree"]) == (130, 130)


@pytest.mark.slow
def test_what_is_refused_is_refused_by_a_rule(found: dict[str, Any]) -> None:
    """Not because a document could not be read, or something was unknown."""
    for row in found["rows"]:
        kinds = {violation["kind"] for violation in row["violations"]}
        assert kinds == (set() if row["found"] == "allowed" else {"forbidden"}), row["case"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "case", "message"),
    [
        (
            "K8sRequiredLabels",
            "example-disallowed",
            'The label "owner" is missing.',
        ),
        (
            "K8sContainerLimits",
            "example-disallowed",
            'Container "opa" has the memory limit "2Gi"; "1Gi" is the most.',
        ),
        (
            "K8sUniqueIngressHost",
            "example-disallowed",
            (
                'The host "example-host.example.com" is that of the ingress '
                '"ingress-host-example" in "default".'
            ),
        ),
    ],
)
def test_messages_name_the_culprit(
    found: dict[str, Any], kind: str, case: str, message: str
) -> None:
    messages = [
        violation["message"]
        for row in found["rows"]
        if (row["kind"], row["case"]) == (kind, case)
        for violation in row["violations"]
    ]
    assert message in messages


def test_no_repair_is_told() -> None:
    """Least of all that the same manifest would pass as an update."""
    guard = Guard.load(EXAMPLE / "policies" / "K8sPSPAutomountServiceAccountTokenPod.licet")
    pod = {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"automountServiceAccountToken": True}}
    action = AdmissionDoor(guard.program).action(
        {
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {"uid": "u", "operation": "CREATE", "object": pod},
        }
    )
    verdict = guard.check(action)
    guard.close()
    assert (verdict.outcome, verdict.rules) == ("deny", ("automounted",))
    assert verdict.repair is None
    assert "UPDATE" not in verdict.message


def case(**changes: object) -> dict[str, object]:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {}}
    row = {"kind": "Odd", "case": "c", "label": "allowed", "parameters": None, "object": [pod]}
    return row | changes


def review(replicas: int) -> dict[str, object]:
    """A recorded review, which has the uid of all others that were recorded with it."""
    pod = {"apiVersion": "v1", "kind": "Pod", "spec": {"replicas": replicas}}
    request = {"uid": "same", "operation": "UPDATE", "object": pod}
    return {"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview", "request": request}


def test_other_policies_by_kind(tmp_path: Path) -> None:
    (tmp_path / "Odd.licet").write_text(
        """
        param min: Int = 1
        param ephemeral_storage: Bool?
        param parameters: Json
        tool admit(object: Json, kind: String)
        permit all on admit when args.kind == "Pod" and parameters.a as Int ?? 1 == 1
        forbid sidecars on admit when length(args.object.spec.containers ?? []) > min
        """,
        "utf-8",
    )
    cases = tmp_path / "cases.jsonl"
    two = {"kind": "Pod", "spec": {"containers": [{}, {}]}}
    rows = [
        case(),
        case(object=[two], label="disallowed"),
        case(object=[two], parameters={"min": 2, "ephemeral-storage": True}),
        case(parameters={"a": 2}, label="disallowed"),
        case(parameters={"min": None}),
        case(object=[{"kind": "Pod", "spec": {"containers": 1}}], label="disallowed"),
        case(kind="Missing", label="disallowed"),
        case(kind="../Odd", label="disallowed"),
        *(case(object=[recorded]) for recorded in (review(1), review(2))),
        case(object=[{"kind": "AdmissionReview"}]),
        case(object=["Pod"]),
        case(object=[]),
        case(parameters=[1]),
    ]
    cases.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    done = run_apart(cases, "--json", "--policies", tmp_path)
    result = json.loads(done.stdout)
    assert done.returncode == 1
    assert "".join("-+"[row["agree"]] for row in result["rows"]) == "++++++--++----"
    assert [row["found"] for row in result["rows"]].count("allowed") == 5


@pytest.mark.parametrize(
    "line", ['{"kind": "Odd"}', "[]", "{", '{"kind": 1, "kind": 2}'], ids=range(4)
)
def test_malformed_rows(tmp_path: Path, line: str) -> None:
    cases = tmp_path / "cases.jsonl"
    cases.write_text(line + "\n", "utf-8")
    done = run(cases)
    assert done.returncode == 2
    assert "cases.jsonl:1:" in done.stderr
