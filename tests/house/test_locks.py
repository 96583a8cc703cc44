"""The lock files: they cover what pyproject.toml asks for, agree, and name no host and no path."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CORE = PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["build"]
EXTRAS = PROJECT["project"]["optional-dependencies"]


def brought_by(extra: str) -> list[str]:
    """What an extra asks for, by itself and by the extras that it names."""
    needs = [Requirement(need) for need in EXTRAS[extra]]
    own = [str(need) for need in needs if need.name != "licet"]
    named = [other for need in needs if need.name == "licet" for other in sorted(need.extras)]
    return own + [need for other in named for need in brought_by(other)]


EVERYTHING = [
    *CORE,
    *brought_by("all"),
    *(need for need in PROJECT["dependency-groups"]["dev"] if isinstance(need, str)),
]
#: Frameworks that are large, or that want other versions of what the rest needs.
APART = {"claude-agent-sdk", "crewai", "google-adk", "llama-index", "smolagents", "strands"}


def pins_in(lock: str) -> dict[str, set[str]]:
    """Name to versions; more than one where the version depends on Python or the system."""
    pins: dict[str, set[str]] = {}
    text = (ROOT / lock).read_text(encoding="utf-8")
    for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE):
        pins.setdefault(canonicalize_name(name), set()).add(version)
    return pins


@pytest.mark.parametrize(
    ("lock", "needs"),
    [("requirements-core.lock", CORE), ("requirements.lock", EVERYTHING)],
)
def test_lock_covers_the_project(lock: str, needs: list[str]) -> None:
    pins = pins_in(lock)
    unmet = [
        str(need)
        for need in map(Requirement, needs)
        if not any(need.specifier.contains(v) for v in pins.get(canonicalize_name(need.name), ()))
    ]
    assert unmet == [], "run `make lock`"


def test_every_extra_is_of_all_or_apart() -> None:
    brought = set(brought_by("all"))
    assert {name for name in EXTRAS if not set(brought_by(name)) <= brought} == APART


def test_core_lock_is_part_of_the_whole() -> None:
    everything = pins_in("requirements.lock")
    core = pins_in("requirements-core.lock")
    assert {name: everything.get(name) for name in core} == core


@pytest.mark.parametrize("lock", ["requirements-core.lock", "requirements.lock"])
def test_lock_names_no_host_and_no_path(lock: str) -> None:
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    told = [line for line in lines if not line.lstrip().startswith("#")]
    assert [line for line in lines if "://" in line or "file:" in line] == []
    assert [line for line in told if "/" in line or " @ " in line] == []
    assert [line for line in told if line.lstrip().startswith("--") and "--hash=" not in line] == []
