"""Which tools are meant, and what is said."""

from __future__ import annotations

from dataclasses import dataclass

from .expressions import Expr
from .node import Node


@dataclass(frozen=True, slots=True)
class ToolPattern(Node):
    """`refund`, `desk.refund`, `update_*`, `"get-weather"`, a group's name, or `any`.

    `text` is the name without quotes; a `*` is a wildcard unless the pattern was quoted.
    """

    text: str
    quoted: bool = False

    @property
    def is_glob(self) -> bool:
        return "*" in self.text and not self.quoted


@dataclass(frozen=True, slots=True)
class Message(Node):
    """Text with `{expression}` holes; `{{` and `}}` stand for braces (already undone in
    `parts`)."""

    parts: tuple[str | Expr, ...]
