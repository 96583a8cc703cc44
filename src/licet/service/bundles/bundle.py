"""A bundle: all files of a policy as one value with one digest, whoever sends it.

A bundle is data. It holds texts by relative paths, which paths are the policy, and params; it
names no file outside of itself, and its `licet.toml` says nothing of the service: who may ask,
where facts come from and which code runs is the operator's to say.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from licet.compiler.exact_json import JsonError, canonical, decode, escaped, shortened
from licet.compiler.json_text import json_line
from licet.compiler.loading import CONFIG, SUFFIX

#: What one bundle may hold: files, bytes of all, characters and parts of a path, policy paths,
#: bytes of params.
MAX_FILES: Final = 500
MAX_BYTES: Final = 2_000_000
MAX_PATH: Final = 200
MAX_PARTS: Final = 10
MAX_POLICIES: Final = 50
MAX_PARAMS: Final = 50_000
#: What the operator's own files may hold: a compiled catalog takes some megabytes.
MAX_BYTES_OF_FILES: Final = 64_000_000
#: The tables of `licet.toml` that are about the policy. All others are about who runs it.
TABLES: Final = frozenset({"params", "hints", "lint"})
_VERSION: Final = "licet bundle 1"


class BundleError(ValueError):
    """Something that is no bundle. `path` names the file, where it is about one."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True, slots=True)
class Bundle:
    """Files by path, relative to the project. `policies` are the paths, of files or folders (`.` is
    the project itself), whose union is the policy; `params` win over those of `licet.toml`."""

    files: Mapping[str, bytes] = field(repr=False)
    policies: tuple[str, ...] = (".",)
    params: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises BundleError for what cannot be one, whatever it would mean."""
        for path in self.files:
            check_path(path)
        for path in self.files:
            above = path
            while above := above.rpartition("/")[0]:
                if above in self.files:
                    raise BundleError("it is a file, and a folder of others", above)
        if not self.policies or len(self.policies) > MAX_POLICIES:
            raise BundleError(f"`policies` are 1 to {MAX_POLICIES} paths")
        for path in self.policies:
            if path != ".":
                check_path(path)
            if not any(self._is_policy(file, path) for file in self.files):
                raise BundleError(f"no `{SUFFIX}` file is there", path)
        _check_configuration(self.files.get(CONFIG))
        try:
            large = len(canonical(dict(self.params))) > MAX_PARAMS
        except (ValueError, TypeError) as error:
            raise BundleError(f"`params`: {error}") from None
        if large:
            raise BundleError(f"`params` have at most {MAX_PARAMS:,} bytes")

    @staticmethod
    def _is_policy(file: str, path: str) -> bool:
        if not file.endswith(SUFFIX):
            return False
        return file == path or (file.rpartition("/")[0] or ".") == path

    @property
    def digest(self) -> str:
        """SHA-256 over all of it: equal bundles have equal digests, on every machine."""
        spelled = canonical(
            [
                _VERSION,
                {path: hashlib.sha256(data).hexdigest() for path, data in self.files.items()},
                list(self.policies),
                dict(self.params),
            ]
        )
        return "sha256:" + hashlib.sha256(spelled).hexdigest()

    def plain(self) -> dict[str, object]:
        """As JSON. What is no text is `{"base64": …}`."""
        return {
            "files": {path: _plain(data) for path, data in sorted(self.files.items())},
            "policies": list(self.policies),
            "params": dict(self.params),
        }

    def text(self) -> str:
        return json_line(self.plain())

    @staticmethod
    def read(text: str) -> Bundle:
        """What `text` gave. Raises BundleError."""
        try:
            data = decode(text, max_size=4 * MAX_BYTES_OF_FILES)
            files = {path: _bytes(each, path) for path, each in data["files"].items()}
            return Bundle(files, tuple(data["policies"]), data["params"])
        except (JsonError, KeyError, TypeError, AttributeError) as error:
            raise BundleError(f"what is kept of this bundle cannot be read: {error}") from None


def uploaded(
    files: Mapping[str, str],
    policies: Sequence[str] = (".",),
    params: Mapping[str, Any] | None = None,
) -> Bundle:
    """The bundle that somebody sends. Raises BundleError."""
    if not files or len(files) > MAX_FILES:
        raise BundleError(f"a bundle has 1 to {MAX_FILES} files")
    try:
        data = {path: text.encode("utf-8") for path, text in files.items()}
    except UnicodeEncodeError:
        raise BundleError("a text has half a character in it") from None
    if sum(map(len, data.values())) > MAX_BYTES:
        raise BundleError(f"the files of a bundle have at most {MAX_BYTES:,} bytes together")
    if odd := next((path for path in data if path.endswith(".lcat")), None):
        raise BundleError("a compiled catalog is not a text: it is the operator's to install", odd)
    return Bundle(data, tuple(policies), dict(params or {}))


def check_path(path: str) -> None:
    """Raises BundleError for a path that is not plainly one of a file below a folder."""
    shown = escaped(path[:MAX_PATH]).replace("`", "'")
    if not path or len(path) > MAX_PATH:
        raise BundleError(f"a path has 1 to {MAX_PATH} characters", shown)
    if path.startswith("/") or "\\" in path or ":" in path:
        raise BundleError("paths are relative, with `/` between their parts", shown)
    if escaped(path) != path:
        raise BundleError("a path has characters that cannot be seen", shown)
    parts = path.split("/")
    if len(parts) > MAX_PARTS:
        raise BundleError(f"a path has at most {MAX_PARTS} parts", shown)
    for part in parts:
        if part in ("", ".", "..") or part != part.strip():
            text = "no part of a path is empty, `.` or `..`, or has a blank at its ends"
            raise BundleError(text, shown)
        if len(part.encode("utf-8", "replace")) > MAX_PATH:
            raise BundleError("a part of a path is too long", shown)
    if parts[-1] == CONFIG and len(parts) > 1:
        raise BundleError(f"the project has one `{CONFIG}`, at its top", shown)


def _check_configuration(data: bytes | None) -> None:
    if data is None:
        return
    try:
        table = tomllib.loads(data.decode("utf-8"), parse_float=Decimal)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError, ValueError):
        raise BundleError("it is not TOML", CONFIG) from None
    if foreign := sorted(table.keys() - TABLES):
        known = ", ".join(f"`{name}`" for name in sorted(TABLES))
        text = f"{shortened(foreign[0])} is not a policy's to say: a bundle has {known} there"
        raise BundleError(text, CONFIG)


def _plain(data: bytes) -> object:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode("ascii")}


def _bytes(given: object, path: str) -> bytes:
    match given:
        case str():
            return given.encode("utf-8")
        case {"base64": str(text)}:
            try:
                return base64.b64decode(text, validate=True)
            except binascii.Error:
                pass
    raise BundleError("a file is a text, or `base64`", path)
