"""A whole file, and the closed union of what may stand in it."""

from __future__ import annotations

from dataclasses import dataclass

from .declarations import (
    AdjustableDecl,
    ChangeDecl,
    DefineDecl,
    EnumDecl,
    FactDecl,
    GroupDecl,
    Import,
    LimitDecl,
    PolicyDecl,
    ProveDecl,
    RecordDecl,
    RuleDecl,
    ScopeDecl,
    ShownDecl,
    TableDecl,
    TimezoneDecl,
    ToolDecl,
    UseTools,
    ValueDecl,
)
from .node import Node
from .tests import TestDecl

Declaration = (
    PolicyDecl
    | TimezoneDecl
    | UseTools
    | Import
    | ToolDecl
    | EnumDecl
    | RecordDecl
    | ValueDecl
    | TableDecl
    | ScopeDecl
    | FactDecl
    | GroupDecl
    | DefineDecl
    | ChangeDecl
    | ShownDecl
    | AdjustableDecl
    | RuleDecl
    | LimitDecl
    | ProveDecl
    | TestDecl
)


@dataclass(frozen=True, slots=True)
class File(Node):
    """One policy file: its declarations in the order written."""

    declarations: tuple[Declaration, ...]
