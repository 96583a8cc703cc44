"""`--policy`: the rows are judged by whatever facts another policy declares over the same tools."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

Json = dict[str, object]

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[2] / "examples" / "airline"


def test_another_policy_reads_its_own_facts(
    changed: Callable[..., Json],
    answers: Callable[..., dict[str, object]],
    tmp_path: Path,
) -> None:
    shutil.copy(HERE / "other.licet", tmp_path)
    shutil.copy(EXAMPLE / "tools.json", tmp_path)
    saved = [{"first_name": name, "last_name": "Lee", "dob": "1990-01-01"} for name in "abc"]
    asked = [
        changed("v3", {"id": "two", "state.user.saved_passengers": saved[:2]}),
        changed("v3", {"id": "three", "state.user.saved_passengers": saved}),
        changed("v3", {"id": "nobody", "state.user": ...}),
        changed("v34", {"id": "free", "state.reservation.nonfree_baggages": 0}),
        changed("v34", {"id": "paid", "state.reservation.nonfree_baggages": 1}),
        changed("v34", {"id": "none", "state.reservation": None}),
        changed("v104", {"id": "bags"}),
    ]
    assert answers(asked, policy=tmp_path / "other.licet") == {
        "two": ["allow", ["careful"]],
        "three": ["deny", ["many_saved"]],
        "nobody": ["deny", ["many_saved"]],
        "free": ["allow", ["careful"]],
        "paid": ["deny", ["paid_bags"]],
        "none": ["deny", ["paid_bags"]],
        "bags": ["allow", ["careful"]],
    }


def test_a_policy_that_does_not_compile_is_told(
    run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.licet"
    broken.write_text('policy "x"\npermit a on nothing\n', "utf-8")
    done = run("--policy", broken, "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.lstrip().startswith("error[LIC106]: unknown tool `nothing`")
