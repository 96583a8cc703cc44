"""Pass 7: proofs: typed completely, then refused, because no engine decides them yet."""

from __future__ import annotations

from licet.policy_lang import ast

from .declarations import Declarations
from .gathering import Entry
from .rules import ROOTS
from .typing_rules import Checker, Scope
from .typing_rules.operators import condition


def check_undecided(declared: Declarations) -> None:
    """Type every proof."""
    for entry in declared.index.entries("rule"):
        if isinstance(entry.declaration, ast.ProveDecl):
            _proof(declared, entry, entry.declaration)


def _proof(declared: Declarations, entry: Entry, proof: ast.ProveDecl) -> None:
    tools = declared.tool_sets.resolve(proof.on, entry.unit)
    for tool in tools:
        checker = Checker(declared, ROOTS, tool, tools)
        if proof.when is not None:
            condition(checker, proof.when, Scope(entry.unit))
    declared.reporter.error(
        "LIC190",
        "`prove` is not decided by this version",
        proof.span,
        "leave it out for now; a policy with it is refused, never weakened",
    )
