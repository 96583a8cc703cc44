"""The policy files that paths on the command line name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from licet.policy_lang.source import Source

from .failures import Failed
from .policies import read_bytes

SUFFIX = ".licet"
STDIN = "-"


def policy_files(paths: Sequence[str]) -> list[Path]:
    """Every file named, and every `*.licet` below a folder, once, folders in the order of names.

    Hidden folders and links to folders are not entered. Raises Failed.
    """
    found: dict[Path, None] = {}
    for name in paths:
        path = Path(name)
        if path.is_dir():
            below = list(_below(path))
            if not below:
                raise Failed(f"there is no {SUFFIX} file in `{path}`")
            found.update(dict.fromkeys(below))
        elif path.exists():
            found[path] = None
        else:
            raise Failed(f"cannot read `{path}`: no such file or folder")
    return list(found)


def _below(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(SUFFIX) and not name.startswith("."):
                yield Path(root, name)


def source_of(path: Path) -> Source:
    """A file's text. Raises Failed."""
    return text_source(str(path), read_bytes(path))


def text_source(name: str, data: bytes) -> Source:
    """A source of UTF-8 bytes. Raises Failed."""
    try:
        return Source(name, data.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Failed(f"cannot read `{name}`: line {line} is not UTF-8 text") from None
