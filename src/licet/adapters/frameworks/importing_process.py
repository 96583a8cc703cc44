"""The process that imports somebody's module and writes down the tools of its agent (`importing`).

`python -P -m licet.adapters.frameworks.importing_process MODULE:OBJECT ANSWER`
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from .finding import listed

#: No character of a reason after this one.
LONGEST = 500


def main(target: str, answer: Path) -> None:
    """Write `{"tools": […]}` or `{"error": …}`, and end, whatever the module has left running."""
    sys.path.insert(0, os.getcwd())
    try:
        said: dict[str, Any] = {"tools": listed(_object(target))}
        text = json.dumps(said, allow_nan=False)
    except BaseException as error:  # a module may call sys.exit
        text = json.dumps({"error": f"`{target}` gives no tools: {_reason(error)}"})
    answer.write_text(text, "utf-8")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _object(target: str) -> Any:
    module, _, path = target.partition(":")
    found: Any = importlib.import_module(module)
    for name in path.removesuffix("()").split("."):
        found = getattr(found, name)
    return found() if path.endswith("()") else found


def _reason(error: BaseException) -> str:
    """What went wrong, and where in the user's own code."""
    text = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")[:LONGEST]
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(Path.cwd())]
    if not own:
        return text
    return f"{text} ({Path(own[-1].filename).relative_to(Path.cwd())}:{own[-1].lineno})"


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
