"""One of two policies in a joined subject: its rules there, its own view of a joined world, and
what it says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from licet.compiler import ir
from licet.compiler.clock import clock
from licet.compiler.evaluation import Judgement, judge
from licet.compiler.program import Program
from licet.compiler.types import (
    TIME,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    Type,
    Value,
)
from licet.compiler.values import conforms
from licet.compiler.world import World

from .formulas import FALSE, Every, Formula, Not, Some, allowed, asked
from .subject import condition_rule

Outcome = Literal["allow", "escalate", "deny"]

SCOPES: Final = ("principal", "context", "session")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Side:
    """One of the two policies in a joined subject.

    `at` are the positions of its rules (shared ones stand there once), `takes` says that it admits
    the call. `renamed` are the facts and params that it does not share. `observing` says that what
    it would refuse is let through.
    """

    program: Program
    tool: str
    at: tuple[int, ...]
    takes: Formula
    renamed: Mapping[str, str]
    observing: Formula = FALSE

    @property
    def rules(self) -> tuple[ir.Rule, ...]:
        return self.program.rules[self.tool].rules

    @property
    def passes(self) -> Formula:
        """Allowed or escalated."""
        if self.program.catalog.qualified[self.tool].locked is False:
            return FALSE
        return Every((self.takes, Some((self.observing, allowed(self.rules, self.at)))))

    @property
    def asks(self) -> Formula:
        """Some escalation applies."""
        return Every((Not(self.observing), asked(self.rules, self.at)))

    def world(self, shared: World) -> World | None:
        """Its own view of a joined world; None if it does not take it."""
        tool = self.program.catalog.qualified[self.tool]
        args = _view(shared.args, tool.params)
        if not conforms(args, tool.params) or not _nothing_more(shared.args, tool.params):
            return None
        made = World(self.tool, args, now=shared.now)  # type: ignore[arg-type]
        for scope in SCOPES:
            kind = getattr(self.program, scope)
            value = _view(getattr(shared, scope), kind)
            if not conforms(value, kind):
                return None
            setattr(made, scope, value)
        facts: dict[str, dict[tuple[Value, ...], Value]] = {}
        for name, signature in self.program.signatures.items():
            for keys, value in shared.facts.get(self.renamed.get(name, name), {}).items():
                own = _view(value, signature.result)
                if not conforms(own, signature.result):
                    return None
                facts.setdefault(name, {})[keys] = own
        made.facts = facts
        made.params = {
            name: shared.params[self.renamed.get(name, name)]
            for name in self.program.unset_params
            if self.renamed.get(name, name) in shared.params
        }
        return made

    def judged(self, shared: World) -> Judgement | None:
        """What it says of a joined world by the reference evaluator; None if it does not take it.

        Raises UnknownRead where the world is not complete.
        """
        own = self.world(shared)
        if own is None:
            return None
        return judge(self.program.rules[self.tool], own, clock(self.program.zone))

    def observes(self, shared: World) -> bool:
        """Whether it lets through what it would refuse, at the instant of a world."""
        until = observed_until(self.program)
        return until is not None and isinstance(shared.now, int) and shared.now < until

    def outcome(self, shared: World) -> Outcome:
        """What becomes of the call in a joined world. Raises UnknownRead."""
        judgement = self.judged(shared)
        if judgement is None or self.program.catalog.qualified[self.tool].locked is False:
            return "deny"
        return "allow" if self.observes(shared) else judgement.outcome


def observed_until(program: Program) -> int | None:
    """The instant at which a policy's guards begin to enforce; None: they always do."""
    until = program.observe_until
    return None if until is None else (until - _EPOCH) // timedelta(microseconds=1)


def observing_rule(until: int) -> ir.Rule:
    """That it is before an instant, as a condition."""
    return condition_rule("observing", ir.Less(ir.TIME_ROOT, ir.Const(until, TIME), True))


def _view(value: Value, kind: Type) -> Value:
    """A value of a joined type as a policy is told it: its own fields, defaults filled in."""
    match kind:
        case OptionalType(inner):
            return None if value is None else _view(value, inner)
        case RecordType(_, fields) if isinstance(value, dict):
            made: dict[str, Value] = {}
            for field in fields:
                part = value.get(field.name)
                if part is None and field.default is not None:
                    part = field.default
                made[field.name] = _view(part, field.type)
            return made
        case ListType(element) if isinstance(value, tuple):
            return tuple(_view(item, element) for item in value)
        case MapType(_, item) if isinstance(value, dict):
            return {key: _view(each, item) for key, each in value.items()}
        case _:
            return value


def _nothing_more(value: Value, kind: Type) -> bool:
    """Whether a closed record carries only what is declared."""
    match kind:
        case OptionalType(inner):
            return value is None or _nothing_more(value, inner)
        case RecordType(_, fields) if isinstance(value, dict):
            names = {field.name for field in fields}
            more = any(name not in names and part is not None for name, part in value.items())
            inside: Sequence[bool] = [_nothing_more(value.get(f.name), f.type) for f in fields]
            return all(inside) and (kind.open or not more)
        case ListType(element) if isinstance(value, tuple):
            return all(_nothing_more(item, element) for item in value)
        case MapType(_, item) if isinstance(value, dict):
            return all(_nothing_more(each, item) for each in value.values())
        case _:
            return True
