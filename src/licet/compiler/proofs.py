"""Pass 6b: what a policy claims of itself: each `prove`, typed for every tool that it stands on."""

from __future__ import annotations

from licet.policy_lang import ast

from .declarations import Declarations
from .folding import TRUE
from .program import Proof, ProofTool
from .rules import ROOTS
from .typing_rules import Checker, Scope
from .typing_rules.operators import condition


def type_proofs(declared: Declarations) -> tuple[Proof, ...]:
    """Every proof in the order written; those with an error in them are left out."""
    found: list[Proof] = []
    for entry in declared.index.entries("rule"):
        proof = entry.declaration
        if not isinstance(proof, ast.ProveDecl):
            continue
        typed: list[ProofTool] = []
        tools = declared.tool_sets.resolve(proof.on, entry.unit)
        for tool in tools:
            checker = Checker(declared, ROOTS, tool, tools)
            checker.implied = {}
            if proof.when is None:
                typed.append(ProofTool(tool.qualified, TRUE))
            elif (test := condition(checker, proof.when, Scope(entry.unit))) is not None:
                lets = tuple(checker.implied.values())
                typed.append(ProofTool(tool.qualified, test.expr, lets))
        if len(typed) == len(tools) and tools:
            label = declared.index.label("rule", entry)
            found.append(Proof(label, proof.mode, tuple(typed), proof.span))
    return tuple(found)
