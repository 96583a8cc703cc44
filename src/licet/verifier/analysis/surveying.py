"""What the solver knows of the rules on one tool, once and for all checks, and kept by content.

A survey is plain data: it can be written down, and read back as long as nothing that it rests on
has changed. Where a question was not decided, it says so; an open question is never an answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from licet.compiler import ir
from licet.compiler.program import Program
from licet.compiler.walking import walk

from ..solving import SolverPool
from .formulas import Every, Formula, Not, allowed, applies, every, refuses, some
from .inquiry import Bounded, Effort, Found, Inquiry, Open, Refuted
from .limit_questions import limit_questions
from .subject import subject_of
from .witnesses import witness

#: Raise it when what a survey says changes its meaning.
_FORMAT = "licet survey 2"


@dataclass(frozen=True, slots=True)
class RuleSurvey:
    """One rule on one tool.

    - never: no call makes it do anything; always: every call does
    - implied: rules of its kind (positions) without which it would do something; empty: it does
    - moot: another permit that permits all that it does, and more; `example` is a call of that more
    - overridden: forbids (positions) that refuse all that this permit permits
    - unreachable: an escalation, and no call to which it applies is allowed

    Of a limit, once a call may be counted at all:

    - full: with none of them the bound is kept, even if nothing was spent
    - empty: each of them adds 0
    - apart: none of them is allowed
    """

    never: bool = False
    always: bool = False
    implied: tuple[int, ...] = ()
    moot: int | None = None
    example: str = ""
    overridden: tuple[int, ...] = ()
    unreachable: bool = False
    full: bool = False
    empty: bool = False
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Survey:
    """All rules on a tool in their order; whether any call is allowed; what was not decided."""

    rules: tuple[RuleSurvey, ...]
    permitted: bool
    open: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)

    @staticmethod
    def read(data: Any) -> Survey:
        """Out of JSON data. Raises ValueError for what is no survey."""
        try:
            names = {f.name for f in fields(RuleSurvey)}
            rules = []
            for each in data["rules"]:
                if set(each) != names:
                    raise ValueError("no survey")
                rules.append(
                    RuleSurvey(
                        never=each["never"] is True,
                        always=each["always"] is True,
                        implied=tuple(map(int, each["implied"])),
                        moot=None if each["moot"] is None else int(each["moot"]),
                        example=str(each["example"]),
                        overridden=tuple(map(int, each["overridden"])),
                        unreachable=each["unreachable"] is True,
                        full=each["full"] is True,
                        empty=each["empty"] is True,
                        apart=each["apart"] is True,
                    )
                )
            for each in rules:
                named = (*each.implied, *each.overridden, each.moot or 0)
                if not all(0 <= position < len(rules) for position in named):
                    raise ValueError("no survey")
            return Survey(tuple(rules), data["permitted"] is True, tuple(map(str, data["open"])))
        except (KeyError, TypeError) as error:
            raise ValueError("no survey") from error


def key(program: Program, tool: str, effort: Effort, version: str, *more: str) -> str:
    """What an answer about a tool rests on, as a digest: rules, types, facts, params, zone; and
    `more`, where that is not all."""
    rules = program.rules[tool].rules
    pieces = (
        _FORMAT,
        version,
        tool,
        repr(effort),
        program.zone,
        *(repr(r) for r in rules),
        repr(program.catalog.qualified[tool].params),
        *(repr(getattr(program, scope)) for scope in ("principal", "context", "session")),
        *(repr(program.signatures[name]) for name in sorted(program.signatures)),
        repr(sorted(program.unset_params.items(), key=lambda item: item[0])),
        *more,
    )
    digest = hashlib.sha256()
    for piece in pieces:
        data = piece.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def survey(program: Program, tool: str, pool: SolverPool, effort: Effort) -> Survey:
    """Ask all that the checks want to know of the rules on a tool."""
    rules = program.rules[tool].rules
    if not rules:
        return Survey((), False)
    # A limit that asks somebody may be two rules; the later one measures.
    limits = tuple({rule.name: i for i, rule in enumerate(rules) if rule.limit}.values())
    conditions = [c for i in limits for c in limit_questions(rules[i])]
    with Inquiry(subject_of(program, tool, conditions), pool, effort) as inquiry:
        return _Surveying(inquiry, rules, limits).survey()


class _Surveying:
    """`limits`: the rules that limits made; behind all rules, the subject has their questions."""

    def __init__(self, inquiry: Inquiry, rules: Sequence[ir.Rule], limits: Sequence[int]) -> None:
        self._inquiry = inquiry
        self._rules = rules
        self._limits = limits
        self._open: dict[str, None] = {}

    def survey(self) -> Survey:
        found = tuple(self._limit(i, self._rule(i)) for i in range(len(self._rules)))
        permitted = self._possible(allowed(self._rules), "whether any call is allowed")
        return Survey(found, permitted is not False, tuple(self._open))

    def _rule(self, i: int) -> RuleSurvey:
        rule = self._rules[i]
        does = self._does(i)
        mates = [j for j, other in enumerate(self._rules) if other.kind == rule.kind and j != i]
        alone = Every((does, every(Not(self._does(j)) for j in mates)))
        forbids = [j for j, other in enumerate(self._rules) if other.kind != "permit"]
        if rule.kind == "permit":
            free = every(Not(refuses(self._rules[j], j)) for j in forbids)
            if isinstance(self._find(Every((alone, free))), Found):
                return RuleSurvey(always=self._always(i))
        if self._possible(does, f"whether `{rule.name}` ever applies") is False:
            return RuleSurvey(never=True)
        implied: tuple[int, ...] = ()
        moot, example = None, ""
        if rule.kind != "escalate" and mates and not self._wrong(rule):
            implied = self._implied(i, does, alone, mates)
            if rule.kind == "permit" and len(implied) == 1:
                moot, example = self._more(i, implied[0])
        return RuleSurvey(
            always=self._always(i),
            implied=implied,
            moot=moot,
            example=example,
            overridden=self._overridden(i, forbids) if rule.kind == "permit" else (),
            unreachable=rule.kind == "escalate" and self._unreachable(i),
        )

    def _limit(self, i: int, known: RuleSurvey) -> RuleSurvey:
        """What is known of a rule, and if a limit made it, what the limit can do."""
        if i not in self._limits or known.never:
            return known
        first = len(self._rules) + 3 * self._limits.index(i)
        counts, adds, fits = map(applies, range(first, first + 3))
        passes = allowed(self._rules)
        if isinstance(self._find(Every((adds, fits, passes))), Found):
            return known
        told = bool(known.implied) or known.unreachable  # that none of them is allowed
        about = f"whether the limit `{self._rules[i].name}`"
        if self._possible(counts, f"{about} counts a call") is False:
            return known  # what it needs is never there: it refuses all the same
        return replace(
            known,
            full=self._possible(fits, f"{about} leaves room") is False,
            empty=self._possible(adds, f"{about} adds up anything") is False,
            apart=not told
            and self._possible(Every((counts, passes)), f"{about} counts what passes") is False,
        )

    def _does(self, i: int) -> Formula:
        """The rule has an effect: it applies, or what it needs is absent and it refuses."""
        rule = self._rules[i]
        return applies(i) if rule.kind == "permit" else some((refuses(rule, i), applies(i)))

    def _wrong(self, rule: ir.Rule) -> bool:
        """Whether a rule may meet a wrong type, which is an effect of its own."""
        bodies = (*(let.value for let in rule.lets), rule.condition)
        return any(isinstance(n, ir.JsonAs | ir.JsonPath) for b in bodies for n in walk(b))

    def _always(self, i: int) -> bool:
        rule = self._rules[i]
        if isinstance(rule.condition, ir.Const) and not rule.lets:
            return False  # it says itself that it has no condition
        return self._inquiry.refuted(Not(applies(i)))

    def _implied(self, i: int, does: Formula, alone: Formula, mates: list[int]) -> tuple[int, ...]:
        what = f"whether `{self._rules[i].name}` is implied by other rules"
        if self._possible(alone, what) is not False:
            return ()
        core = self._inquiry.core(does, [Not(self._does(j)) for j in mates])
        return tuple(mates if core is None else (mates[k] for k in core))

    def _more(self, i: int, other: int) -> tuple[int | None, str]:
        """Whether the one permit that implies this one permits more, and what."""
        formula = Every((applies(other), Not(applies(i))))
        match self._inquiry.find(formula):
            case Found() as found:
                return other, str(witness(self._inquiry, formula, found))
            case _:
                return None, ""

    def _overridden(self, i: int, forbids: list[int]) -> tuple[int, ...]:
        free = [Not(refuses(self._rules[j], j)) for j in forbids]
        what = f"whether forbids refuse all that `{self._rules[i].name}` permits"
        if not forbids or self._possible(Every((applies(i), every(free))), what) is not False:
            return ()
        core = self._inquiry.core(applies(i), free)
        return tuple(forbids if core is None else (forbids[k] for k in core))

    def _unreachable(self, i: int) -> bool:
        what = f"whether `{self._rules[i].name}` ever asks"
        return self._possible(Every((applies(i), allowed(self._rules))), what) is False

    def _find(self, formula: Formula) -> Found | Refuted | Bounded | Open:
        return self._inquiry.find(formula)

    def _possible(self, formula: Formula, what: str) -> bool | None:
        """Whether some world makes the formula true; None, and a note, if that is not known.

        Up to a bound is not known, and no finding: longer lists may well do.
        """
        match self._find(formula):
            case Found():
                return True
            case Refuted():
                return False
            case Bounded():
                return None
            case Open(reason):
                if reason != _UNSHOWN:
                    self._open[f"{what}: {reason}"] = None
                return None


#: There may be a world, but none stands up to the evaluator: views of texts that a solver makes up.
_UNSHOWN = "the solver's calls did not stand up to the reference evaluator"


def names(rules: Sequence[ir.Rule], positions: Iterable[int]) -> str:
    """The rules at some positions, for a message: `` `a` and `b` ``."""
    told = [f"`{rules[position].name}`" for position in positions]
    return told[0] if len(told) == 1 else f"{', '.join(told[:-1])} and {told[-1]}"
