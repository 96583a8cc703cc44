"""The house: the top level's links, what wheel and sdist hold, what a bare import loads."""

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import licet

ROOT = Path(__file__).resolve().parents[2]
LINKED_ROOMS = ("policy_lang", "compiler", "verifier", "adapters", "service")


def files_below(folder: Path) -> set[str]:
    """Relative paths of all files that belong in a build."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def build(kind: str, source: Path, target: Path) -> Path:
    """Build with hatchling alone: no network, no isolated environment."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (built,) = target.iterdir()
    return built


def names_in_wheel(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def unpacked_sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(build("sdist", ROOT, folder / "built")) as archive:
        archive.extractall(folder, filter="data")
    return folder / f"licet-{licet.__version__}"


@pytest.mark.parametrize("room", LINKED_ROOMS)
def test_top_level_shows_the_room(room: str) -> None:
    assert os.readlink(ROOT / room) == f"src/licet/{room}"
    assert (ROOT / room / "__init__.py").samefile(ROOT / "src" / "licet" / room / "__init__.py")


def test_wheel_holds_the_checkouts_source_and_nothing_else(tmp_path: Path) -> None:
    wheel = build("wheel", ROOT, tmp_path / "built")
    assert names_in_wheel(wheel) == files_below(ROOT / "src")


@pytest.mark.parametrize("folder", ["src", "tests"])
def test_sdist_holds_the_checkouts_folder(unpacked_sdist: Path, folder: str) -> None:
    assert files_below(unpacked_sdist / folder) == files_below(ROOT / folder)


def test_sdist_holds_what_it_takes_to_work_on_it(unpacked_sdist: Path) -> None:
    at_top = {path.name for path in unpacked_sdist.iterdir()}
    assert at_top >= {
        ".ci",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "pyproject.toml",
        "requirements-core.lock",
        "requirements.lock",
    }
    assert not at_top & set(LINKED_ROOMS)


def test_sdist_builds_the_same_wheel(unpacked_sdist: Path, tmp_path: Path) -> None:
    wheel = build("wheel", unpacked_sdist, tmp_path / "built")
    assert names_in_wheel(wheel) == files_below(ROOT / "src")


def test_import_licet_loads_nothing_heavy() -> None:
    code = "import json, sys, licet; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT / "tests"
    )
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert "licet" in loaded
    assert not loaded & {"z3", "lark", "pydantic"}
