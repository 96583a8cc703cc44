"""A policy at a path, or as it was at a revision of git.

Of a revision only plain files are read, straight from git's objects: no checkout, no filter, no
link, nothing that a repository could make run.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from .failures import Failed

#: What a policy may be made of.
_SUFFIXES = frozenset((".licet", ".lcat", ".toml", ".json", ".yaml", ".yml"))
_LOCK = "licet.lock"  # without which every tool would pass for one that was reviewed
#: Bytes of one file and of all files that are read.
_LARGEST, _MOST = 16_000_000, 256_000_000
_SECONDS = 60


@contextmanager
def policy_at(where: str, other: str) -> Iterator[Path]:
    """The path of a policy: `where` itself, `REVISION:PATH`, or the path `other` at a revision.

    Where both are revisions without a path, the current folder's policy is meant. Raises Failed.
    """
    path = Path(where)
    if path.exists():
        yield path
        return
    revision, _, inside = where.partition(":")
    root = _git(Path.cwd(), "rev-parse", "--show-toplevel")
    if root is None:
        raise Failed(f"cannot read `{where}`: no such file or folder, and no git repository here")
    top = Path(root.decode().rstrip("\n"))
    if not inside:
        beside = Path(other) if Path(other).exists() else Path.cwd()
        try:
            inside = beside.resolve().relative_to(top.resolve()).as_posix()
        except ValueError:
            raise Failed(f"`{other}` is not in the repository of `{revision}`") from None
    tree = _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{tree}}")
    if tree is None:
        raise Failed(f"cannot read `{where}`: no such file or folder, and no such revision")
    with TemporaryDirectory(prefix="licet-diff-") as folder:
        _extract(top, tree.decode().strip(), Path(folder))
        found = Path(folder) / inside
        if not found.exists():
            raise Failed(f"`{inside}` is not there at `{revision}`")
        yield found


def _extract(top: Path, tree: str, folder: Path) -> None:
    listing = _git(top, "ls-tree", "-r", "-z", "-l", tree)
    if listing is None:
        raise Failed("git could not list the revision")
    wanted: list[tuple[str, PurePosixPath]] = []
    total = 0
    for entry in filter(None, listing.split(b"\0")):
        about, _, raw = entry.partition(b"\t")
        mode, kind, digest, size = about.split()
        try:
            name = PurePosixPath(raw.decode("utf-8"))
        except UnicodeDecodeError:
            continue
        odd = name.is_absolute() or ".." in name.parts or kind != b"blob"
        if odd or mode not in (b"100644", b"100755"):
            continue
        if name.name == _LOCK or (name.suffix in _SUFFIXES and int(size) <= _LARGEST):
            total += int(size)
            wanted.append((digest.decode(), name))
    if total > _MOST:
        raise Failed(f"the revision holds more than {_MOST:,} bytes of policies and catalogs")
    asked = "".join(f"{blob}\n" for blob, _ in wanted).encode()
    answered = _git(top, "cat-file", "--batch", given=asked) or b""
    at = 0
    for _, name in wanted:
        end = answered.find(b"\n", at)
        told = answered[at:end].split()  # its digest, `blob`, its size
        if end < 0 or len(told) != 3:
            raise Failed(f"git could not read `{name}`")
        start, at = end + 1, end + 1 + int(told[2]) + 1
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(answered[start : at - 1])


def _git(folder: Path, *arguments: str, given: bytes = b"") -> bytes | None:
    """What git says; None where it says no. Raises Failed where there is no git."""
    try:
        done = subprocess.run(
            ["git", "--no-pager", "-C", str(folder), *arguments],
            capture_output=True,
            input=given,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise Failed("git is not installed, which comparing revisions needs") from None
    except subprocess.TimeoutExpired:
        raise Failed("git did not answer in time") from None
    return done.stdout if done.returncode == 0 else None
