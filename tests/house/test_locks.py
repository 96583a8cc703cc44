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
SERVED = [
    *PROJECT["project"]["dependencies"],
    *(
        need
        for extra in ("service", "postgres", "telemetry", "hooks")
        for need in brought_by(extra)
    ),
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
    [
        ("requirements-core.lock", CORE),
        ("requirements-service.lock", SERVED),
        ("requirements.lock", EVERYTHING),
    ],
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


@pytest.mark.parametrize("lock", ["requirements-core.lock", "requirements-service.lock"])
def test_each_lock_is_part_of_the_whole(lock: str) -> None:
    everything = pins_in("requirements.lock")
    part = pins_in(lock)
    assert {name: everything.get(name) for name in part} == part


def test_the_image_has_what_a_lock_pins_and_no_more() -> None:
    """Every file that the Dockerfile copies is let through to it; each install asks for hashes."""
    told = (ROOT / "Dockerfile").read_text("utf-8")
    passed = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    copied = [
        name
        for line in re.findall(r"^COPY (?!--from)(.*)$", told, re.MULTILINE)
        for name in line.split()[:-1]
    ]
    assert [name for name in copied if f"!{name}" not in passed or not (ROOT / name).exists()] == []
    installs = re.findall(r"pip install (.*?)(?: \\)?$", told, re.MULTILINE)
    assert len(installs) == 3
    assert all("--require-hashes" in each or "--no-deps --no-index" in each for each in installs)


@pytest.mark.parametrize(
    "lock", ["requirements-core.lock", "requirements-service.lock", "requirements.lock"]
)
def test_lock_names_no_host_and_no_path(lock: str) -> None:
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    told = [line for line in lines if not line.lstrip().startswith("#")]
    assert [line for line in lines if "://" in line or "file:" in line] == []
    assert [line for line in told if "/" in line or " @ " in line] == []
    assert [line for line in told if line.lstrip().startswith("--") and "--hash=" not in line] == []
