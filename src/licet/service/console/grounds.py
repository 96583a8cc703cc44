"""What a try stands on besides its two texts: the rest of the active policy.

All of it is in memory already: the other files' texts, the params, and the tools as they were
compiled. Nothing is read for a try, and what is not here cannot be reached from it.
"""

from __future__ import annotations

import base64
import pickle
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any, Final

from licet.compiler.catalog import Tool
from licet.compiler.loading import CONFIG, SUFFIX
from licet.compiler.program import Program
from licet.policy_lang import Diagnostic, ast

from ..bundles.bundle import Bundle
from .excerpts import text_of

#: The name of a text that stands alone.
NAME: Final = "playground.licet"
#: Characters of all files together, and tools, that a try may stand on.
MAX_TEXT: Final = 400_000
MAX_TOOLS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Ground:
    """`file` is the name of the text that is edited, `roots` are the other files of the same
    policy, `imports` those that are there to be imported; texts by name."""

    file: str = NAME
    roots: Mapping[str, str] = field(default_factory=dict)
    imports: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    tools: tuple[Tool, ...] = ()

    def plain(self) -> dict[str, Any]:
        """As JSON, for a process of ours: the tools are pickled, which is for no one else."""
        return {
            "file": self.file,
            "roots": dict(self.roots),
            "imports": dict(self.imports),
            "params": dict(self.params),
            "tools": base64.b64encode(pickle.dumps(self.tools)).decode("ascii"),
        }

    @staticmethod
    def read(plain: Mapping[str, Any]) -> Ground:
        """What `plain` gave. Only of what the parent has said."""
        tools = pickle.loads(base64.b64decode(plain["tools"]))
        return Ground(plain["file"], plain["roots"], plain["imports"], plain["params"], tools)

    def read_tools(
        self, line: ast.UseTools, _policy: str
    ) -> tuple[tuple[Tool, ...], tuple[Diagnostic, ...]]:
        """The tools of a `use tools` line, as the active policy has them by that name."""
        stem = PurePosixPath(line.sources[0].value).stem if line.sources else ""
        source = line.alias or stem
        found = tuple(tool for tool in self.tools if tool.source == source)
        if found:
            return found, ()
        problem = Diagnostic(
            "LIC302",
            f"the active policy has no tools by the name `{source}`",
            line.span,
            help="nothing is read here: name a source of the active policy, or declare the tools",
        )
        return (), (problem,)


def texts_of(bundle: Bundle) -> dict[str, str]:
    """The policy files of a bundle."""
    found = {name: text_of(data) for name, data in bundle.files.items() if name.endswith(SUFFIX)}
    return {name: text for name, text in sorted(found.items()) if text is not None}


def ground_of(bundle: Bundle, program: Program, file: str) -> Ground | None:
    """What stands around one file of the policy that was compiled from a bundle; None where there
    is no such file, or it is too much."""
    texts = texts_of(bundle)
    tools = program.catalog.tools
    large = sum(map(len, texts.values())) > MAX_TEXT or len(tools) > MAX_TOOLS
    if large or file not in texts or not _is_root(file, bundle.policies):
        return None
    others = {name: text for name, text in texts.items() if name != file}
    roots = {name: text for name, text in others.items() if _is_root(name, bundle.policies)}
    imports = {name: text for name, text in others.items() if name not in roots}
    declared = tuple(tool for tool in tools if tool.source)  # others stand in the files themselves
    return Ground(file, roots, imports, {**_configured(bundle), **bundle.params}, declared)


def _is_root(file: str, policies: Iterable[str]) -> bool:
    folder = file.rpartition("/")[0] or "."
    return any(path in (file, folder) for path in policies)


def _configured(bundle: Bundle) -> Mapping[str, Any]:
    """The params of the bundle's `licet.toml`."""
    text = text_of(bundle.files.get(CONFIG, b""))
    try:
        found = tomllib.loads(text or "", parse_float=Decimal).get("params", {})
    except tomllib.TOMLDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
