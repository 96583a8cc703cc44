"""The place of a finding as a tool outside of the project wants it: a path from where it runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from licet.policy_lang import Span


def project_folder(paths: Sequence[Path]) -> str:
    """The folder of a policy's project, relative to the working folder, with `/` in it.

    Sources are named relative to their project; this is what has to stand before them.
    """
    from licet.compiler.loading import project_root

    root = project_root(paths[0] if paths else Path())
    try:
        return PurePath(os.path.relpath(root)).as_posix()
    except ValueError:  # another drive
        return root.as_posix()


def file_of(span: Span, folder: str) -> str:
    """The path of the file that a span is in, from the working folder."""
    return PurePosixPath(folder, span.source.name).as_posix()
