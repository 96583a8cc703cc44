"""A policy on disk: its files, the project that it may read, and what `licet.toml` says of it.

A path is one `.licet` file or a folder, whose `*.licet` files (not those of its subfolders) are
one policy. The project is the nearest folder above with a `licet.toml`, else the folder itself;
nothing outside of it is read, not through `..` and not through links.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any

from licet.policy_lang import Diagnostic, Source

SUFFIX = ".licet"
CONFIG = "licet.toml"
MAX_FILE = 5_000_000


@dataclass(frozen=True, slots=True)
class Project:
    """A policy's files, named relative to the project's folder, its configured params, and until
    when guards observe only (None: they enforce)."""

    root: Path
    sources: tuple[Source, ...]
    params: Mapping[str, object] = field(default_factory=dict)
    observe_until: datetime | None = None

    def locate(self, name: str) -> Path | None:
        """The file of a project-relative name; None if there is none inside the project."""
        path = (self.root / PurePosixPath(name)).resolve()
        return path if path.is_relative_to(self.root) and path.is_file() else None

    def read(self, name: str) -> Source | None:
        """The source of a project-relative name, for `compile_sources`."""
        path = self.locate(name)
        text = None if path is None else _text(path)
        return None if text is None else Source(name, text)


def project_root(path: Path) -> Path:
    """The folder of the project that a policy's file or folder belongs to, resolved."""
    path = path.resolve()
    folder = path if path.is_dir() else path.parent
    return next((f for f in (folder, *folder.parents) if (f / CONFIG).is_file()), folder)


def open_project(path: Path) -> tuple[Project, tuple[Diagnostic, ...]]:
    """The project of a file or folder, and what is wrong with it (then it has no sources)."""
    path = path.resolve()
    root = project_root(path)
    found: list[Diagnostic] = []
    params, observe_until = _configured(root / CONFIG, found)
    paths = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    if not paths or not (path.is_dir() or path.is_file()):
        found.append(
            Diagnostic(
                "LIC301",
                f"no policy at `{path.name}`",
                None,
                help=f"name a `{SUFFIX}` file, or a folder that holds some",
            )
        )
        return Project(root, ()), tuple(found)
    sources: list[Source] = []
    for each in paths:
        text = _text(each) if each.resolve().is_relative_to(root) else None
        if text is None:
            found.append(
                Diagnostic(
                    "LIC302",
                    f"cannot read `{each.name}`",
                    None,
                    help=f"policies are UTF-8 text of at most {MAX_FILE:,} bytes "
                    "inside the project",
                )
            )
        else:
            sources.append(Source(each.relative_to(root).as_posix(), text))
    return Project(root, tuple(sources), params, observe_until), tuple(found)


def _text(path: Path) -> str | None:
    try:
        if path.stat().st_size > MAX_FILE:
            return None
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _configured(
    path: Path, found: list[Diagnostic]
) -> tuple[Mapping[str, object], datetime | None]:
    """The `[params]` of `licet.toml`, decimals kept exactly, and `observe_until` of `[guard]`."""
    if not path.is_file():
        return {}, None
    text = _text(path)
    try:
        data = tomllib.loads(text or "", parse_float=Decimal) if text is not None else None
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        data = None
    params = None if data is None else data.get("params", {})
    if data is None or not isinstance(params, dict):
        found.append(_problem("write TOML, with the values of params in a table `[params]`"))
        return {}, None
    return params, _observe_until(data.get("guard", {}), found)


def _observe_until(guard: Any, found: list[Diagnostic]) -> datetime | None:
    if not isinstance(guard, dict) or guard.keys() - {"observe_until"}:
        found.append(_problem("the table `[guard]` may hold `observe_until`, and nothing else"))
        return None
    until = guard.get("observe_until")
    if until is None:
        return None
    if not isinstance(until, datetime) or until.utcoffset() is None:
        help = "`observe_until` is an instant with its offset: 2026-12-01T00:00:00Z, without quotes"
        found.append(_problem(help))
        return None
    return until


def _problem(help: str) -> Diagnostic:
    return Diagnostic("LIC306", f"`{CONFIG}` is not a configuration", None, help=help)
