"""What the pod security kinds of a cluster's policy library need of the language, said in it.

`pod_security/` holds 17 policies and 50 cases, wrong types and missing parts among them. They are
run as a cluster's policies are, by `examples/kubernetes/run.py`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "pod_security"
EXAMPLE = Path(__file__).parents[2] / "examples" / "kubernetes"


@pytest.mark.slow
def test_all_cases(tmp_path: Path) -> None:
    for policy in (*HERE.glob("*.licet"), EXAMPLE / "policies" / "kubernetes.licet"):
        shutil.copy(policy, tmp_path)
    command = [str(EXAMPLE / "run.py"), str(HERE / "cases.jsonl"), "--policies", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, *command, "--json"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    found = json.loads(done.stdout)
    assert [row for row in found["rows"] if not row["agree"]] == []
    assert found["total"] == 50
    refused = [v for row in found["rows"] for v in row["violations"]]
    assert {v["kind"] for v in refused} == {"forbidden", "bad_argument"}
    assert [v["path"] for v in refused if v["kind"] == "bad_argument"] == [
        "args.object.spec.containers[0].securityContext.privileged"
    ]
    users = [row for row in found["rows"] if row["kind"] == "K8sPSPAllowedUsers"]
    most = "{ rule: MustRunAs, ranges: [{ min: 100, max: 200 }] }"
    assert {v["message"] for row in users[-5:] for v in row["violations"]} == {
        f'Container "b" runs as the user 250; the rule is {most}.',
        f'Container "b" has the supplemental group 250; the rule is {most}.',
        f'Container "b" has the fsGroup 250; the rule is {most}.',
        'Container "b" runs as the user 0; the rule is { rule: MustRunAsNonRoot, ranges: none }.',
    }
