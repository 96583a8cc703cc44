"""What earlier runs found out, kept by the digest of all that it rests on.

They lie in the user's own cache, never in the project: what a pull request brings along must not be
able to say that it was checked. What cannot be read back is asked again.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Answers that are kept; the oldest go first.
_MOST = 5_000


def usual_folder() -> Path:
    """The user's cache: `$XDG_CACHE_HOME/licet/analysis`, or the same below `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME")
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
    return root / "licet" / "analysis"


@dataclass(frozen=True, slots=True)
class Kept:
    """A folder of answers, as JSON; None keeps nothing. Safe to share between processes."""

    folder: Path | None = None

    def read(self, digest: str) -> Any:
        """What is kept under a digest, as JSON data; None if there is nothing."""
        if self.folder is None:
            return None
        try:
            return json.loads((self.folder / f"{digest}.json").read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return None

    def write(self, digest: str, data: object) -> None:
        """Keep JSON data, if the folder can be written."""
        if self.folder is None:
            return
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self.folder, suffix=".new")
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(data, file)
            os.replace(name, self.folder / f"{digest}.json")

    def trim(self) -> None:
        """Leave the newest answers only."""
        if self.folder is None:
            return
        with contextlib.suppress(OSError):
            found = [(path.stat().st_mtime, path) for path in self.folder.iterdir()]
            for _, path in sorted(found, reverse=True)[_MOST:]:
                path.unlink(missing_ok=True)
