"""Statements about what the rules of one tool do, as text for a solver and as a check on states.

A statement speaks of rules by their position in a `Subject`. `text` is SMT-LIB over the names of a
question; `holds` is the same over the states that a world gives, None where these are not enough.
The two are written side by side here so that a witness can be checked against what was asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from licet.compiler import ir
from licet.compiler.evaluation import State

_NAMES = {"applies": "applies", "absent": "absent", "wrong_type": "wrong"}


@dataclass(frozen=True, slots=True)
class Is:
    """Rule `rule` is in a state. `judge_rule` knows one state of a rule, a question may know
    several terms to hold: a wrong type comes first, as there."""

    rule: int
    state: Literal["applies", "absent", "wrong_type"]


@dataclass(frozen=True, slots=True)
class Not:
    operand: Formula


@dataclass(frozen=True, slots=True)
class Every:
    operands: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Some:
    operands: tuple[Formula, ...]


Formula = Is | Not | Every | Some

TRUE = Every(())
FALSE = Some(())


def text(formula: Formula) -> str:
    """The statement as a Bool term of SMT-LIB."""
    match formula:
        case Is(rule, "wrong_type"):
            return f"r{rule}_wrong"
        case Is(rule, state):
            return f"(and r{rule}_{_NAMES[state]} (not r{rule}_wrong))"
        case Not(operand):
            return f"(not {text(operand)})"
        case Every(operands):
            return f"(and true {' '.join(map(text, operands))})"
        case Some(operands):
            return f"(or false {' '.join(map(text, operands))})"
        case _:
            assert_never(formula)


def holds(formula: Formula, states: Sequence[State | None]) -> bool | None:
    """Whether the statement is true of some states; None where an unknown one matters."""
    match formula:
        case Is(rule, state):
            known = states[rule]
            return None if known is None else known == state
        case Not(operand):
            inner = holds(operand, states)
            return None if inner is None else not inner
        case Every(operands) | Some(operands):
            zero = isinstance(formula, Some)
            open_ = False
            for operand in operands:
                inner = holds(operand, states)
                if inner is zero:
                    return zero
                open_ = open_ or inner is None
            return None if open_ else not zero
        case _:
            assert_never(formula)


def every(formulas: Iterable[Formula]) -> Every:
    return Every(tuple(formulas))


def some(formulas: Iterable[Formula]) -> Some:
    return Some(tuple(formulas))


def applies(rule: int) -> Is:
    return Is(rule, "applies")


def refuses(rule: ir.Rule, at: int) -> Formula:
    """Whether the rule at a position is reason enough to deny."""
    wrong = Is(at, "wrong_type")
    match rule.kind:
        case "permit":
            return wrong
        case "forbid":
            return Some((wrong, Is(at, "absent"), Is(at, "applies")))
        case "escalate":
            return Some((wrong, Is(at, "absent")))
        case _:
            assert_never(rule.kind)


def allowed(rules: Sequence[ir.Rule], at: Sequence[int] | None = None) -> Formula:
    """`allowed` of docs/language.md, of rules at some positions (0, 1, … unless told)."""
    pairs = list(zip(rules, at or range(len(rules)), strict=True))
    return Every(
        (
            *(Not(refuses(rule, i)) for rule, i in pairs),
            some(applies(i) for rule, i in pairs if rule.kind == "permit"),
        )
    )


def asked(rules: Sequence[ir.Rule], at: Sequence[int] | None = None) -> Formula:
    """Whether some escalation applies, which counts only where the call is allowed."""
    pairs = zip(rules, at or range(len(rules)), strict=True)
    return some(applies(i) for rule, i in pairs if rule.kind == "escalate")
