"""A bundle on a disk, in a fresh folder that holds nothing else, and what it compiles to.

The folder's own `licet.toml` is always there: whatever stands in folders above it, it is the top of
the project, and nothing outside of it is read.
"""

from __future__ import annotations

import tempfile
import weakref
from pathlib import Path

from licet.adapters.catalogs.catalog_file import SUFFIX
from licet.compiler.loading import CONFIG
from licet.compiler.program import Program
from licet.loading import Loaded, PolicyError, load_program

from .bundle import Bundle


def unpack(bundle: Bundle, folder: Path) -> list[Path]:
    """Write the files into an empty folder; the paths of the policy. Raises OSError."""
    root = folder.resolve()
    for path, data in {CONFIG: b"", **bundle.files}.items():
        target = root.joinpath(*path.split("/"))
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.write(data)
    return [root if path == "." else root.joinpath(*path.split("/")) for path in bundle.policies]


def compiled(bundle: Bundle) -> Program:
    """The program. Raises PolicyError, and OSError.

    In this process: what compiles here was compiled before within the limits of an examination, or
    is the operator's own. With a compiled catalog, which is read tool by tool, the folder lives as
    long as the program.
    """
    folder = tempfile.TemporaryDirectory(prefix="licet-bundle-", ignore_cleanup_errors=True)
    try:
        loaded = loaded_from(bundle, unpack(bundle, Path(folder.name)))
        if loaded.program is None:
            raise PolicyError(loaded.diagnostics)
    except BaseException:
        folder.cleanup()
        raise
    if any(path.endswith(SUFFIX) for path in bundle.files):
        weakref.finalize(loaded.program, folder.cleanup)
    else:
        folder.cleanup()
    return loaded.program


def loaded_from(bundle: Bundle, paths: list[Path]) -> Loaded:
    """What stands at the paths that `unpack` gave."""
    return load_program(paths, params=bundle.params)
