"""The policy on a disk as a bundle: all files that it was compiled from, and no other.

`licet.toml` is taken without what it says of the service, which may hold secrets, and of guards:
whether they observe is not the policy's, but its activation's.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final

from licet.adapters.catalogs import sources
from licet.adapters.catalogs.locking import LOCK_FILE
from licet.compiler.loading import CONFIG, Project, project_root
from licet.compiler.program import Program
from licet.loading import PolicyError, load_program
from licet.policy_lang import ast

from .bundle import MAX_BYTES_OF_FILES, TABLES, Bundle, BundleError

_HEADER: Final = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_-]+)")
_ASIDE: Final = re.compile(r"\s*(#.*)?")


def read_files(
    paths: Sequence[Path], params: Mapping[str, object] | None = None
) -> tuple[Bundle, datetime | None]:
    """The bundle of the policies at some paths, and until when their project observes. Raises
    PolicyError where they do not load, and BundleError where they cannot be one bundle."""
    loaded = load_program(paths, params=params)
    if loaded.program is None:
        raise PolicyError(loaded.diagnostics)
    root = project_root(paths[0])
    try:
        files = {
            name: path.read_bytes()
            for name, path in _read(Project(root, ()), loaded.program).items()
        }
        if (root / CONFIG).is_file():
            tables = policy_tables((root / CONFIG).read_text("utf-8")).encode()
            if tables.strip():
                files[CONFIG] = tables
        if (root / LOCK_FILE).is_file():
            files[LOCK_FILE] = (root / LOCK_FILE).read_bytes()
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"the policy's files cannot be read: {error}") from None
    if sum(map(len, files.values())) > MAX_BYTES_OF_FILES:
        raise BundleError(f"the policy's files have over {MAX_BYTES_OF_FILES:,} bytes together")
    policies = tuple(path.resolve().relative_to(root).as_posix() for path in paths)
    return Bundle(files, policies, dict(params or {})), loaded.program.observe_until


def _read(project: Project, program: Program) -> dict[str, Path]:
    """The files of a program by their name in the project."""
    found: dict[str, Path] = {}
    for name, file in program.files.items():
        found[name] = _located(project, name)
        for declaration in file.declarations:
            if not isinstance(declaration, ast.UseTools):
                continue
            if declaration.format not in sources.INSTALLED:
                for source in declaration.sources:
                    found |= _tools(project, declaration, name, source.value)
    return found


def _tools(project: Project, line: ast.UseTools, policy: str, named: str) -> dict[str, Path]:
    """The files of a tool list, by names that lead from one to the other as the files do."""
    name = _plain(PurePosixPath(policy).parent / named)
    path = _located(project, name)
    try:
        first, *beside = sources.files(path, line.format)
    except ValueError as error:
        raise BundleError(str(error), name) from None
    found = {name: first}
    for file in beside:
        inside = file.relative_to(first.parent)
        found[_plain(PurePosixPath(name).parent / inside.as_posix())] = file
    return found


def _located(project: Project, name: str) -> Path:
    path = project.locate(name)
    if path is None:  # it was there when the policy was compiled
        raise BundleError("it cannot be read any more", name)
    return path


def _plain(path: PurePosixPath) -> str:
    """A path without `.` and `..`, inside of the project as `locate` has seen."""
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def policy_tables(text: str) -> str:
    """A `licet.toml` without the tables that are not the policy's. Raises BundleError."""
    try:
        wanted = _tables(text)
        if wanted == tomllib.loads(text):
            return text
        cut = _cut(text)
        if _tables(cut) == wanted == tomllib.loads(cut):
            return cut
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        raise BundleError("it is not TOML", CONFIG) from None
    raise BundleError("write what is not the policy's in tables with a header each", CONFIG)


def _tables(text: str) -> dict[str, Any]:
    return {name: value for name, value in tomllib.loads(text).items() if name in TABLES}


def _cut(text: str) -> str:
    """The lines below the headers of such tables. Remarks go with what stands below them."""
    kept: list[str] = []
    aside: list[str] = []
    keeps = False
    for line in text.splitlines(keepends=True):
        header = _HEADER.match(line)
        if header is not None:
            keeps = header[1] in TABLES
        elif _ASIDE.fullmatch(line.rstrip("\r\n")):
            aside.append(line)
            continue
        if keeps:
            kept += [*aside, line]
        aside = []
    return "".join(kept)
