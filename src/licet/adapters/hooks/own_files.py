"""What no guarded tool may touch, whatever a policy says: the guard's own files, and the agents'
settings that start it.

A file is meant when a path leads to it (links followed, `..` taken out, in any case of letters),
when it is the same file by another name, or when the path is of a folder that holds it. Of a
command line nobody knows what it does: one that names such a file is refused unless it is plainly
of programs that only read. What hides a name from this reading (a variable, a script, a program of
its own) is not seen: file permissions have to hold there (docs/hooks.md).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import unquote

from licet.adapters.calls.reading import UnreadableCallError
from licet.adapters.calls.shell_command import commands
from licet.adapters.catalogs.extras import MissingExtraError

from .events import SKILL, Event
from .mapping import SHELLS
from .patches import patched_files

#: Tools that only read, whose paths are let be.
_READING: Final = frozenset(("Read", "Glob", "Grep", "LSP", "ToolSearch", "WebSearch", "WebFetch"))
_PATHS: Final = ("file_path", "notebook_path", "path", "filePath")
#: Programs that write nowhere, whatever their arguments.
_READERS: Final = frozenset(
    ("cat", "head", "tail", "ls", "wc", "grep", "stat", "file", "cmp", "sha256sum", "echo", "pwd")
)
#: The guard's files in any folder, by how their names end.
_ENDINGS: Final = (".licet", ".lcat", "/licet.toml", "/licet.lock")
#: Settings of the agents, in any folder.
_SETTINGS: Final = re.compile(
    r"/\.claude/(settings[^/]*\.json|hooks|plugins)(/|$)|/\.codex(/|$)"
    r"|/\.claude\.json$|/(\.claude|claude-code)/managed-[^/]*$|^/etc/(claude-code|codex)(/|$)"
)
_FOLDERS: Final = re.compile(r"/\.(claude|codex)$")
#: Words that name one of these, or end or undo the guard, however they are written.
_MARKS: Final = re.compile(
    r"licet\.(toml|lock)|\.licet\b|\.lcat\b|\.claude/?(settings|hooks|plugins)|\.claude\.json"
    r"|managed-settings|\.codex\b|codex_home|claude_config_dir|claude_env_file"
    r"|hook_daemon|licet[\w.]*\s+hook\s+(un)?install|licet-\d+/|disableallhooks"
)
#: Programs that change what is in a folder by the folder's name.
_FOLDERS_TOO: Final = re.compile(
    r"\b(rm|rmdir|mv|chmod|chown|chgrp|ln|rsync|shred|unlink|rename|mount)\b|-delete\b|-exec"
)
_SPLIT: Final = re.compile(r"[\s;&|<>()`\"'=,:]+")
#: Programs that write into a folder that they are given.
_INTO: Final = re.compile(r"\b(cp|install|tar|bsdtar|unzip|cpio|7z)\b")
_MAX_WORDS: Final = 50_000
_MAX_PATH: Final = 16_384


@dataclass(frozen=True)
class OwnFiles:
    """`paths` are resolved files and folders, each with all that is in it. `here`: the agent is on
    this machine; of another one nothing is known but the text of its paths."""

    paths: tuple[str, ...]
    here: bool = True

    def touched(self, event: Event) -> bool:
        """Whether a call may write to one. Raises UnreadableCallError for what cannot be read."""
        args = event.args or {}
        if event.tool in SHELLS or event.name == SKILL:
            line = args.get("command")
            return isinstance(line, str) and self._named(line, event.cwd)
        if event.tool == "apply_patch":
            patch = args.get("command")
            if not isinstance(patch, str):
                raise UnreadableCallError("a patch is a text")
            return any(self.means(name, event.cwd) for name in patched_files(patch))
        if event.tool in _READING:
            return False
        if event.tool.startswith("mcp__"):
            return any(self.means(text, event.cwd) for text in _texts(args))
        return any(
            isinstance(path := args.get(name), str) and self.means(path, event.cwd)
            for name in _PATHS
        )

    def means(self, written: str, cwd: str, *, above: bool = True) -> bool:
        """Whether a path leads to one of the files, or to a folder that holds one (`above`)."""
        if not written or "\0" in written:
            return False
        joined = os.path.join(cwd, self._expanded(_from_url(written)))
        # No system opens a path so long, but a tool may shorten it first.
        resolves = self.here and len(joined) <= _MAX_PATH
        for path in {os.path.realpath(joined) if resolves else "", os.path.normpath(joined)}:
            folded = path.casefold()
            if folded.endswith(_ENDINGS) or _SETTINGS.search(folded):
                return True
            if above and _FOLDERS.search(folded):
                return True
            for own in self.paths:
                mine = own.casefold()
                if folded == mine or folded.startswith(mine + "/"):
                    return True
                if above and mine.startswith(folded.rstrip("/") + "/"):
                    return True
        return resolves and self._is_same_file(joined)

    def _is_same_file(self, path: str) -> bool:
        """By another name: a hard link."""
        try:
            found = os.stat(path)
        except OSError:
            return False
        if os.path.isdir(path) or found.st_nlink < 2:
            return False
        for own in self.paths:
            try:
                if os.path.samestat(found, os.stat(own)):
                    return True
            except OSError:
                continue
        return False

    def _named(self, line: str, cwd: str) -> bool:
        """Whether a command line names one of the files and may do more than read it."""
        home = self._expanded("~")
        bare = line.replace("\\\n", "").replace("${HOME}", home).replace("$HOME", home)
        bare = re.sub(r"\\(.)", r"\1", bare, flags=re.DOTALL)
        joined = re.sub(r"['\"]", "", bare)
        words = {*_SPLIT.split(bare), *_SPLIT.split(joined), *joined.split()}
        words |= {word.split("=", 1)[1] for word in joined.split() if "=" in word}
        if len(words) > _MAX_WORDS:
            raise UnreadableCallError("the command has too many words")
        if not self._may_mean(words, joined, cwd):
            return False
        try:
            programs = [each[0] for each in commands(line)]
        except (UnreadableCallError, MissingExtraError):
            return True
        return not all(program in _READERS for program in programs)

    def _may_mean(self, words: Iterable[str], line: str, cwd: str) -> bool:
        if _MARKS.search(line.casefold()):
            return True
        folders = [cwd, *self._changed_folders(line, cwd)]
        above = _FOLDERS_TOO.search(line) is not None
        into = _INTO.search(line) is not None
        for written in words:
            word = written[2:] if written.startswith("-") else written  # `-oFILE`
            if not word or word.startswith("-"):
                continue
            for folder in folders:
                if into and _FOLDERS.search(
                    os.path.normpath(os.path.join(folder, word)).casefold()
                ):
                    return True
                if any(char in word for char in "*?[{") and self._globbed(word, folder):
                    return True
                if self.means(word, folder, above=above):
                    return True
        return False

    def _globbed(self, word: str, folder: str) -> bool:
        """A pattern that one of the files, or a folder above it, is of."""
        pattern = os.path.normpath(os.path.join(folder, self._expanded(word))).casefold()
        pattern = re.sub(r"\{[^}]*\}", "*", pattern)
        known = [own.casefold() for own in self.paths]
        known += [f"{folder}/.claude/settings.json", f"{folder}/.codex/hooks.json"]
        for own in known:
            path = own
            while len(path) > 1:
                if fnmatchcase(path, pattern) and os.path.dirname(path) != "/":
                    return True
                path = os.path.dirname(path)
        return False

    def _changed_folders(self, line: str, cwd: str) -> Iterator[str]:
        """Where `cd` may have led before a word is read."""
        for found in re.findall(r"(?:\bcd|\bpushd|-C|--directory)[\s=]+([^\s;&|]+)", line):
            yield os.path.normpath(os.path.join(cwd, self._expanded(found)))

    def _expanded(self, path: str) -> str:
        """With the user's home in the place of `~`, where that is known."""
        return os.path.expanduser(path) if self.here else path


def _from_url(written: str) -> str:
    """The path of a `file:` URL; any other text as it is."""
    if written[:5].lower() != "file:":
        return written
    rest = written[5:]
    if rest.startswith("//"):
        rest = "/" + rest[2:].partition("/")[2] if not rest.startswith("///") else rest[2:]
    return unquote(rest)


def _texts(value: object, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth > 100:
        raise UnreadableCallError("the arguments are nested too deep")
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _texts(key, depth + 1)
            yield from _texts(each, depth + 1)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each, depth + 1)
