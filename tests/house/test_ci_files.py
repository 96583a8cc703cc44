"""What CI reads of this repository, ours and other people's: valid, safe, and its scripts run."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

yaml = pytest.importorskip("yaml")  # comes with pre-commit

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"] if "name" in step}
WORKFLOW = ROOT / ".github" / "workflows" / "adapters.yml"
PAGE = (ROOT / "docs" / "ci.md").read_text("utf-8")
BLOCKS = [yaml.safe_load(m[1]) for m in re.finditer(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
LICET = Path(sys.executable).parent / "licet"


def schema(name: str) -> dict[str, object]:
    """A schema that the vendor of the file format publishes."""
    import check_jsonschema

    vendor = Path(check_jsonschema.__file__).parent / "builtin_schemas" / "vendor"
    loaded: dict[str, object] = json.loads((vendor / f"{name}.json").read_text("utf-8"))
    return loaded


def validate(data: object, name: str) -> None:
    published = schema(name)
    kind = jsonschema.validators.validator_for(published)
    assert [error.message for error in kind(published).iter_errors(data)] == []


def test_the_action_is_an_action() -> None:
    validate(ACTION, "github-actions")


def test_the_examples_are_what_they_look_like() -> None:
    github, gitlab, pre_commit = BLOCKS
    github["on"] = github.pop(True)  # YAML 1.1 reads the key as a boolean
    validate(github, "github-workflows")
    validate(gitlab, "gitlab-ci")
    used = github["jobs"]["licet"]["steps"][1]["with"]
    assert set(used) <= set(ACTION["inputs"])
    hooks = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    assert {hook["id"] for hook in pre_commit["repos"][0]["hooks"]} == hooks


def test_every_adapter_has_a_job_of_its_own() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text("utf-8"))
    workflow["on"] = workflow.pop(True)
    validate(workflow, "github-workflows")
    known = runpy.run_path(str(ROOT / ".ci" / "frameworks.py"))["FRAMEWORKS"]
    assert workflow["jobs"]["conformance"]["strategy"]["matrix"]["adapter"] == list(known)


def test_no_expression_stands_in_a_script() -> None:
    """A branch may be called `$(curl …)`: whatever an event says comes by environment."""
    jobs = yaml.safe_load(WORKFLOW.read_text("utf-8"))["jobs"]
    steps = [*ACTION["runs"]["steps"], *(step for job in jobs.values() for step in job["steps"])]
    scripts = [step["run"] for step in steps if "run" in step]
    assert len(scripts) == 7
    assert [script for script in scripts if "${{" in script] == []


# --- the scripts, run here

POLICY = """\
policy "desk"
tool pay(amount: Int in 0 .. 100)
permit pays on pay when args.amount < 50
test "::error::owned"
  call pay { amount: 49 }
  then allow by pays
"""


class Runner:
    """A checkout with a base and a change, and the environment of a runner."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.temp = folder / "temp"
        self.checkout = folder / "checkout"
        self.checkout.mkdir()
        self.temp.mkdir()
        (folder / "bin").mkdir()
        (folder / "bin" / "licet").symlink_to(LICET)
        self.policy = self.checkout / "desk.licet"
        self.policy.write_text(POLICY)
        self.git("init", "--quiet")
        self.git("add", ".")
        self.git("-c", "user.name=n", "-c", "user.email=e@e", "commit", "--quiet", "-m", "base")
        self.base = self.git("rev-parse", "HEAD").strip()

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.checkout, capture_output=True, text=True, check=True
        )
        return done.stdout

    def step(self, name: str, **given: str) -> tuple[int, str, dict[str, str]]:
        """Run a step's script: its exit code, what it printed, what it set as outputs."""
        output = self.temp / "output"
        output.write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]],
            cwd=self.checkout,
            env={
                "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
                "HOME": str(self.folder),
                "RUNNER_TEMP": str(self.temp),
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(self.temp / "summary"),
                "POLICY": "desk.licet",
                "BASE": self.base,
                **given,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        pairs = (line.split("=", 1) for line in output.read_text().splitlines())
        return done.returncode, done.stdout + done.stderr, dict(pairs)


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    if shutil.which("git") is None or not LICET.exists():
        pytest.skip("needs git and an installed licet")
    return Runner(tmp_path)


def test_lint_writes_sarif_and_annotations(runner: Runner) -> None:
    code, out, outputs = runner.step("lint", FAIL_ON="warning")
    assert (code, out, outputs) == (0, "", {"code": "0"})
    assert json.loads((runner.temp / "licet.sarif").read_text())["version"] == "2.1.0"
    runner.policy.write_text(POLICY + "const unused = 1\n")
    code, out, outputs = runner.step("lint", FAIL_ON="warning")
    assert (code, outputs) == (0, {"code": "1"})
    assert out.startswith("::warning file=desk.licet,line=7,")
    runner.policy.write_text("permit\n")
    code, out, outputs = runner.step("lint", FAIL_ON="warning")
    assert (code, outputs) == (0, {"code": "1"})
    assert "::error file=desk.licet" in out
    code, out, outputs = runner.step("lint", FAIL_ON="warning", POLICY="nowhere")
    assert (code, outputs) == (2, {})


def test_prove_and_test_keep_commands_of_a_policy_from_the_runner(runner: Runner) -> None:
    code, out, outputs = runner.step("prove and test", FAIL_ON="warning")
    assert (code, outputs) == (0, {"code": "0"})
    first, *told, last = out.splitlines()
    assert first == f"::stop-commands::{last.strip(':')}"
    assert any("::error::owned" in line for line in told)
    runner.policy.write_text(POLICY.replace("49", "50"))
    assert runner.step("prove and test", FAIL_ON="warning")[2] == {"code": "1"}


def test_diff_compares_with_the_base(runner: Runner) -> None:
    assert runner.step("diff", FAIL_ON="widens")[2] == {"code": "0"}
    runner.policy.write_text(POLICY.replace("< 50", "< 60"))
    code, _, outputs = runner.step("diff", FAIL_ON="widens")
    assert (code, outputs) == (0, {"code": "1"})
    assert "### Policy: widens" in (runner.temp / "summary").read_text()


@pytest.mark.parametrize(
    ("lint", "tests", "diff", "wanted"),
    [
        ("0", "0", "0", 0),
        ("0", "0", "", 0),
        ("1", "0", "0", 1),
        ("0", "2", "", 1),
        ("", "0", "0", 1),
    ],
)
def test_the_verdict_is_that_of_every_step(
    runner: Runner, lint: str, tests: str, diff: str, wanted: int
) -> None:
    assert runner.step("verdict", LINT=lint, TEST=tests, DIFF=diff)[0] == wanted


# --- pre-commit


def test_the_hooks_are_what_pre_commit_reads() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "validate-manifest", ROOT / ".pre-commit-hooks.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_hook_names_a_verb(tmp_path: Path) -> None:
    from licet.cli.main import VERBS

    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert [hook["entry"].split() for hook in hooks] == [
        ["licet", name] for name in ("fmt", "test", "lint")
    ]
    assert {hook["entry"].split()[1] for hook in hooks} <= set(VERBS)
