"""The `[lint]` table of `licet.toml`: what is linted, how hard, how grave, and what is let pass.

[lint]
paths = ["policies"]          # what `licet lint` without PATHS looks at
seconds = 2                   # the solver's time for one question
list_bound = 4                # the longest list that is made up
resolvers = ["order"]         # the facts that the host looks up

[lint.severity]
LIC414 = "off"                # error, warning, info or off

[[lint.ignore]]
code = "LIC412"
file = "policies/desk.licet"
reason = "says more plainly what is missing"
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from licet.policy_lang import codes
from licet.policy_lang.diagnostics import Diagnostic, Severity

CONFIG = "licet.toml"

_KNOWN = frozenset(("paths", "seconds", "list_bound", "resolvers", "severity", "ignore"))
_LARGEST = 5_000_000


class SettingsError(ValueError):
    """The configuration is wrong; the text is one line, for whoever wrote it."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """A code that is let pass in one file, and why."""

    code: str
    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What a project says of its lint; `root` is the project's folder."""

    root: Path
    paths: tuple[Path, ...] = ()
    seconds: float | None = None
    list_bound: int | None = None
    resolvers: frozenset[str] | None = None
    severity: Mapping[str, Severity | None] = field(default_factory=dict)
    ignores: tuple[Ignore, ...] = ()

    def weighed(self, diagnostics: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
        """The diagnostics that count, with the project's severities.

        What keeps a policy from loading is never let pass: an error below LIC400.
        """
        for each in diagnostics:
            if each.code < "LIC400" and each.severity is Severity.error:
                yield each
                continue
            file = "" if each.span is None else each.span.source.name
            if any(i.code == each.code and i.file == file for i in self.ignores):
                continue
            severity = self.severity.get(each.code, each.severity)
            if severity is not None:
                yield replace(each, severity=severity)


def settings_of(start: Path) -> Settings:
    """The settings of the nearest folder upwards with a `licet.toml`. Raises SettingsError."""
    start = start.resolve()
    folder = start if start.is_dir() else start.parent
    root = next((f for f in (folder, *folder.parents) if (f / CONFIG).is_file()), folder)
    path = root / CONFIG
    if not path.is_file():
        return Settings(root)
    try:
        if path.stat().st_size > _LARGEST:
            raise SettingsError(f"`{CONFIG}` is too large")
        data = tomllib.loads(path.read_text("utf-8")).get("lint", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"cannot read `{path}`: {error}") from None
    if not isinstance(data, dict):
        raise SettingsError(f"`{path}`: `lint` is a table: [lint]")
    if odd := sorted(data.keys() - _KNOWN):
        raise SettingsError(
            f"`{path}`: [lint] knows no `{odd[0]}`; there are {', '.join(sorted(_KNOWN))}"
        )
    return Settings(
        root,
        tuple(_inside(root, name, path) for name in _texts(data, "paths", path)),
        _number(data, "seconds", path),
        _whole(data, "list_bound", path),
        frozenset(_texts(data, "resolvers", path)) if "resolvers" in data else None,
        _severities(data.get("severity", {}), path),
        tuple(_ignores(data.get("ignore", []), path)),
    )


def _inside(root: Path, name: str, config: Path) -> Path:
    """A path of the project; what comes with a project does not lead out of it."""
    path = root / name
    if not path.resolve().is_relative_to(root):
        raise SettingsError(f"`{config}`: `{name}` is outside of the project")
    return path


def _texts(data: Mapping[str, Any], name: str, path: Path) -> list[str]:
    value = data.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise SettingsError(f"`{path}`: `{name}` is a list of texts")
    return value


def _number(data: Mapping[str, Any], name: str, path: Path) -> float | None:
    value = data.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise SettingsError(f"`{path}`: `{name}` is a number")
    return value


def _whole(data: Mapping[str, Any], name: str, path: Path) -> int | None:
    value = _number(data, name, path)
    if isinstance(value, float):
        raise SettingsError(f"`{path}`: `{name}` is a whole number")
    return value


def _severities(data: Any, path: Path) -> dict[str, Severity | None]:
    if not isinstance(data, dict):
        raise SettingsError(f"`{path}`: `severity` is a table of codes")
    found: dict[str, Severity | None] = {}
    for code, value in data.items():
        _known(code, path)
        if value not in ("off", *(s.value for s in Severity)):
            raise SettingsError(f"`{path}`: the severity of {code} is error, warning, info or off")
        found[code] = None if value == "off" else Severity(value)
    return found


def _ignores(data: Any, path: Path) -> Iterator[Ignore]:
    if not isinstance(data, list):
        raise SettingsError(f"`{path}`: write [[lint.ignore]] for each code that is let pass")
    for entry in data:
        whole = isinstance(entry, dict) and entry.keys() == {"code", "file", "reason"}
        if not whole or not all(isinstance(v, str) and v.strip() for v in entry.values()):
            raise SettingsError(f"`{path}`: [[lint.ignore]] has a code, a file and a reason")
        _known(entry["code"], path)
        yield Ignore(entry["code"], entry["file"], entry["reason"])


def _known(code: str, path: Path) -> None:
    if codes.page(code) is None:
        raise SettingsError(f"`{path}`: there is no code `{code}`")
