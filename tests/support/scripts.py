"""The programs of `examples/`, run in this process as `python PATH …` runs them in one of its own,
for a tenth of what that costs."""

from __future__ import annotations

import io
import runpy
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess

import pytest


def run_script(path: Path, *arguments: object, columns: int = 80) -> CompletedProcess[str]:
    """Its exit code and what it printed, on a piped screen of so many columns. What it raises
    besides SystemExit is raised here. The modules beside it are its own: the next script may have
    others of the same names."""
    words = [str(path), *map(str, arguments)]
    out, err = io.StringIO(), io.StringIO()
    code: object = None
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", words)
        patch.setattr(sys, "path", list(sys.path))
        patch.setenv("COLUMNS", str(columns))
        for name in ("FORCE_COLOR", "NO_COLOR"):
            patch.delenv(name, raising=False)
        try:
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as done:
            code = done.code
        finally:
            _forget_modules_in(path.parent)
    assert code is None or isinstance(code, int)
    return CompletedProcess(words, code or 0, out.getvalue(), err.getvalue())


def _forget_modules_in(folder: Path) -> None:
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is not None and Path(file).parent == folder:
            del sys.modules[name]
