"""Surveys of earlier runs, kept by the digest of all that they rest on.

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

from .surveying import Survey

#: Surveys that are kept; the oldest go first.
_MOST = 5_000


def usual_folder() -> Path:
    """The user's cache: `$XDG_CACHE_HOME/licet/surveys`, or the same below `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME")
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
    return root / "licet" / "surveys"


@dataclass(frozen=True, slots=True)
class Surveys:
    """A folder of surveys; None keeps nothing. Safe to share between processes."""

    folder: Path | None = None

    def read(self, digest: str) -> Survey | None:
        """The survey of a digest, if there is a sound one."""
        if self.folder is None:
            return None
        try:
            return Survey.read(json.loads((self.folder / f"{digest}.json").read_text("utf-8")))
        except (OSError, ValueError):
            return None

    def write(self, digest: str, found: Survey) -> None:
        """Keep a survey, if the folder can be written."""
        if self.folder is None:
            return
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self.folder, suffix=".new")
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(found.plain(), file)
            os.replace(name, self.folder / f"{digest}.json")

    def trim(self) -> None:
        """Leave the newest surveys only."""
        if self.folder is None:
            return
        with contextlib.suppress(OSError):
            found = [(path.stat().st_mtime, path) for path in self.folder.iterdir()]
            for _, path in sorted(found, reverse=True)[_MOST:]:
                path.unlink(missing_ok=True)
