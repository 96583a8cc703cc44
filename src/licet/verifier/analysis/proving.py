"""`prove`: what a policy claims of itself, for all inputs.

Facts, clock and params without a value are free within their types. What is escalated may be
allowed once somebody agrees, so it counts against `never allow`, and not as an `allow` for
`always allow` and `can allow`.

- `never allow`: no call that fits the condition is allowed or escalated.
- `always allow`: every call that fits the condition is allowed, and nobody has to agree.
- `can allow`: on each of its tools, some call that fits the condition is allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from licet.compiler.ir import Rule
from licet.compiler.program import Program, Proof, ProofTool

from ..solving import SolverPool
from .formulas import Every, Formula, Not, allowed, applies, asked
from .inquiry import Bounded, Effort, Found, Inquiry, Open, Refuted
from .subject import condition_rule, subject_of
from .witnesses import Witness, witness


@dataclass(frozen=True, slots=True)
class Proved:
    """What one proof came to on one tool.

    - proved: for all inputs. `can allow` shows its call as `witness`.
    - bounded: for all inputs whose lists have at most `elements` elements; not proved beyond.
    - failed: `witness` is the call that breaks it; none where a `can allow` is impossible, which is
      proved, or was looked for with lists of at most `elements` elements.
    - unknown: the solver gave up, or what it found did not stand; `reason` says which.

    `vacuous`: proved, but only because no call fits the condition at all.
    """

    proof: Proof
    tool: str
    status: Literal["proved", "bounded", "failed", "unknown"]
    witness: Witness | None = None
    elements: int | None = None
    reason: str = ""
    vacuous: bool = False


def prove(
    program: Program, proof: Proof, on: ProofTool, pool: SolverPool, effort: Effort
) -> Proved:
    """Decide one proof on one of its tools."""
    rules = program.rules[on.tool].rules
    subject = subject_of(program, on.tool, (condition_rule(proof.name, on.condition, on.lets),))
    with Inquiry(subject, pool, effort) as inquiry:
        formula = _looked_for(proof, rules)
        match inquiry.find(formula):
            case Found() as found:
                shown = witness(inquiry, formula, found)
                status: Literal["proved", "failed"] = "proved" if proof.mode == "can" else "failed"
                return Proved(proof, on.tool, status, shown)
            case Refuted():
                if proof.mode == "can":
                    return Proved(proof, on.tool, "failed")
                vacuous = inquiry.refuted(applies(len(rules)))
                return Proved(proof, on.tool, "proved", vacuous=vacuous)
            case Bounded(elements):
                status_up_to: Literal["failed", "bounded"] = (
                    "failed" if proof.mode == "can" else "bounded"
                )
                return Proved(proof, on.tool, status_up_to, elements=elements)
            case Open(reason):
                return Proved(proof, on.tool, "unknown", reason=reason)
            case never:
                assert_never(never)


def _looked_for(proof: Proof, rules: Sequence[Rule]) -> Formula:
    """The call that breaks a proof, or, of a `can allow`, the one that shows it."""
    fits = applies(len(rules))
    passes, needs = allowed(rules), asked(rules)
    match proof.mode:
        case "never":
            return Every((fits, passes))
        case "always":
            return Every((fits, Not(Every((passes, Not(needs))))))
        case "can":
            return Every((fits, passes, Not(needs)))
        case _:
            assert_never(proof.mode)
