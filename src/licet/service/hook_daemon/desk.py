"""A policy for hooks, loaded and kept as its files are: the door, or why there is none.

[hook]                       # licet.toml
store = "sqlite:////var/lib/licet/agent.db"
commands = ["aws"]
idle_minutes = 30
ask = true
principal = { team = "web" }
approver = { id = "ana", role = "lead" }
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from licet.adapters.hooks import client
from licet.adapters.hooks.door import HookDoor, HookSettings, OpenCalls, Reply
from licet.adapters.hooks.mapping import COMMANDS
from licet.adapters.hooks.own_files import OwnFiles
from licet.compiler.loading import CONFIG, project_root
from licet.loading import Guard, load_program
from licet.policy_lang import render_text
from licet.verifier.history import Store

_KEYS: Final = frozenset(("store", "commands", "idle_minutes", "ask", "principal", "approver"))
_WATCHED: Final = (".licet", ".lcat", ".json", ".yaml", ".yml")
_MAX_WATCHED: Final = 10_000


class HookSettingsError(ValueError):
    """The policy or its settings cannot be used; the text says what to mend."""


@dataclass(frozen=True)
class _Read:
    settings: HookSettings
    store: str
    idle_seconds: float


class Desk:
    """Answers events by the policy at a path, as it stands when each is answered."""

    def __init__(self, policy: Path) -> None:
        self._policy = policy
        self._root = project_root(policy)
        self._lock = threading.Lock()
        self._calls = OpenCalls()
        self._stores: dict[str, Store] = {}
        self._seen: dict[str, tuple[int, int, int]] = {}
        self._door: HookDoor | None = None
        self._problem = ""
        self.idle_seconds = 1800.0

    def reply(self, agent: str, event: bytes) -> Reply:
        """The answer to one event; a policy that does not load refuses every call."""
        door, problem = self._current()
        if door is None:
            return Reply(2, "", f"licet: {problem}; the call is refused\n")
        return door.reply(agent, event)

    def close(self) -> None:
        """Stop the solver's processes."""
        if self._door is not None:
            self._door.guard.close()

    def _current(self) -> tuple[HookDoor | None, str]:
        with self._lock:
            seen = self._signature()
            for _ in range(3):
                if seen == self._seen:
                    break
                self._load()
                self._seen = self._signature()  # of more files, now that they are known
                if seen.items() <= self._seen.items():
                    break
                seen, self._seen = self._seen, {}
            return self._door, self._problem

    def _load(self) -> None:
        old, self._door = self._door, None
        try:
            self._door = self._opened()
        except Exception as error:
            self._problem = f"the policy cannot be used: {error}"
        if old is not None:
            threading.Timer(60.0, old.guard.close).start()  # after the calls that it still decides

    def _opened(self) -> HookDoor:
        read = _settings(self._root)
        loaded = load_program([self._policy])
        if loaded.program is None:
            raise HookSettingsError(render_text(loaded.diagnostics))
        self.idle_seconds = read.idle_seconds
        guard = Guard(
            loaded.program,
            store=self._store(read.store),
            observe_until=loaded.program.observe_until,
        )
        own = OwnFiles(tuple(self._own(read.store, loaded.program.files)))
        return HookDoor(guard, own=own, settings=read.settings, open_calls=self._calls)

    def _store(self, url: str) -> Store:
        from licet.adapters.stores import open_store

        if url not in self._stores:
            self._stores[url] = open_store(url)
        return self._stores[url]

    def _own(self, store: str, files: Mapping[str, object]) -> Iterator[str]:
        """The files of the guard: policies, what they read, memory, socket, and its code."""
        for name in (CONFIG, "licet.lock", *files):
            yield os.path.realpath(self._root / name)
        yield from (os.path.realpath(path) for path in _named_files(self._root, files))
        if store.startswith("sqlite:///"):
            path = os.path.realpath(store.removeprefix("sqlite:///"))
            yield from (path, path + "-wal", path + "-shm", path + "-journal")
        yield os.path.realpath(client.runtime_folder())
        yield os.path.realpath(client.PACKAGE)
        for folder in (os.environ.get("CODEX_HOME"), os.environ.get("CLAUDE_CONFIG_DIR")):
            if folder:
                yield os.path.realpath(folder)

    def _signature(self) -> dict[str, tuple[int, int, int]]:
        """What tells that a file of the project's policy has changed, by path."""
        found = {}
        for path in (self._policy, *self._watched()):
            try:
                of = os.stat(path)
            except OSError:
                found[str(path)] = (0, 0, 0)
            else:
                found[str(path)] = (of.st_mtime_ns, of.st_size, of.st_ino)
        return found

    def _watched(self) -> Iterator[Path]:
        yield self._root / CONFIG
        yield self._root / "licet.lock"
        folder = self._policy if self._policy.is_dir() else self._policy.parent
        near = sorted({*_listed(folder), *_listed(self._root)})
        files = [path for path in near if path.suffix in _WATCHED][:_MAX_WATCHED]
        read: set[Path] = set()
        if self._door is not None:
            named = self._door.guard.program.files
            read |= {self._root / name for name in named}
            read |= set(_named_files(self._root, named))
        yield from sorted({*files, *read})


def _listed(folder: Path) -> tuple[Path, ...]:
    try:
        return tuple(folder.iterdir())
    except OSError:
        return ()


def _named_files(root: Path, files: Mapping[str, object]) -> Iterator[Path]:
    """The files of the project that its policies name: tool lists, catalogs."""
    for name in files:
        try:
            text = (root / name).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        for found in re.findall(r'"([^"\n]{1,500})"', text):
            path = (root / name).parent / found
            if "\0" not in found and path.is_file():
                yield path


def store_of(policy: Path) -> str:
    """The URL of the store in which the hooks of a policy remember. Raises HookSettingsError."""
    return _settings(project_root(policy)).store


def default_store(root: Path) -> str:
    """The state of a project's hooks, in this user's own folder, which is made."""
    base = Path(os.path.expanduser("~")) / ".local" / "state" / "licet"
    base.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:24]
    return f"sqlite:///{base / f'hook-{digest}.db'}"


def _settings(root: Path) -> _Read:
    """`[hook]` of the project's licet.toml. Raises HookSettingsError."""
    table: Any = {}
    path = root / CONFIG
    if path.is_file():
        try:
            table = tomllib.loads(path.read_text("utf-8")).get("hook", {})
        except (OSError, ValueError, RecursionError) as error:
            raise HookSettingsError(f"{CONFIG} cannot be read ({type(error).__name__})") from None
    if not isinstance(table, dict) or not table.keys() <= _KEYS:
        raise HookSettingsError(f"[hook] of {CONFIG} takes {', '.join(sorted(_KEYS))}")
    commands = table.get("commands", [])
    if not isinstance(commands, list) or not all(each in COMMANDS for each in commands):
        raise HookSettingsError(f"`commands` of [hook] is a list of {', '.join(COMMANDS)}")
    minutes = table.get("idle_minutes", 30)
    if isinstance(minutes, bool) or not isinstance(minutes, int) or not 1 <= minutes <= 10_000:
        raise HookSettingsError("`idle_minutes` of [hook] is 1 to 10000")
    principal, approver = table.get("principal", {}), table.get("approver")
    if not isinstance(principal, dict) or not isinstance(approver, dict | type(None)):
        raise HookSettingsError("`principal` and `approver` of [hook] are tables")
    ask, store = table.get("ask", True), table.get("store")
    if not isinstance(ask, bool) or not isinstance(store, str | type(None)):
        raise HookSettingsError("`ask` of [hook] is true or false, `store` a URL")
    settings = HookSettings(principal, approver, ask, frozenset(commands))
    return _Read(settings, store or default_store(root), minutes * 60.0)
