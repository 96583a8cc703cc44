"""Where the limits stand that refuse a call, or ask somebody: spent, bound, what is left, and when
there is room again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

from licet.compiler import ir
from licet.compiler.clock import Clock, format_duration, format_time
from licet.compiler.encoding import State
from licet.compiler.evaluation import UnknownRead, WrongType, evaluate
from licet.compiler.history import Index
from licet.compiler.program import Program
from licet.compiler.types import DECIMAL, OptionalType, Value
from licet.compiler.values import render
from licet.compiler.walking import walk
from licet.compiler.world import World

from .history import Transaction
from .history.pots import Query
from .history.waiting import fits_at
from .history.windows import period_end
from .verdict import Budget

#: By a limit's name, the instant from which on it has room for the call that it refuses.
Rooms = Mapping[str, int]
Amount = int | Fraction


def rooms_of(
    tx: Transaction,
    program: Program,
    rules: ir.ToolRules,
    world: World,
    states: Sequence[State | None],
    session: str | None,
    clock: Clock,
) -> Rooms:
    """For each limit over a rolling window that applies, as far as that can be told: read in the
    transaction in which the call was decided, for a world with a known instant."""
    found: dict[str, int] = {}
    if not isinstance(world.now, int):
        return found
    for rule, limit, index in _applying(program, rules, states):
        if not index.rolling or _reads_now(rule):
            continue
        try:
            measured = _Measured.of(rule, limit, world, clock)
        except (UnknownRead, WrongType):
            continue
        query = Query(index, measured.keys, session)
        instant = fits_at(tx, query, world.now, clock, measured.fits)
        if instant is not None:
            found[rule.name] = instant
    return found


def budgets_of(
    program: Program,
    rules: ir.ToolRules,
    world: World,
    states: Sequence[State | None],
    clock: Clock,
    rooms: Rooms,
) -> Iterator[Budget]:
    """One for each limit that applies, as far as its numbers are known."""
    for rule, limit, index in _applying(program, rules, states):
        try:
            measured = _Measured.of(rule, limit, world, clock)
        except (UnknownRead, WrongType):
            continue
        yield _budget(program, rule, index, world, clock, measured, rooms.get(rule.name))


def _applying(
    program: Program, rules: ir.ToolRules, states: Sequence[State | None]
) -> Iterator[tuple[ir.Rule, ir.Limit, Index]]:
    for rule, state in zip(rules.rules, states, strict=True):
        if rule.limit is not None and state == "applies":
            yield rule, rule.limit, program.history[rule.limit.spent.name]


def _reads_now(rule: ir.Rule) -> bool:
    """Whether more changes with time than what is in the window."""
    return any(
        isinstance(node, ir.Root) and node.name == "now"
        for expr in (*(let.value for let in rule.lets), rule.condition)
        for node in walk(expr)
    )


@dataclass(frozen=True, slots=True)
class _Measured:
    """A limit's numbers in one world. `amount` None: it is absent."""

    keys: tuple[Value, ...]
    spent: Amount
    bound: Amount
    amount: Amount | None
    strict: bool

    @staticmethod
    def of(rule: ir.Rule, limit: ir.Limit, world: World, clock: Clock) -> _Measured:
        """Raises UnknownRead and WrongType."""
        bound: dict[int, Value] = {}
        for let in rule.lets:
            value = evaluate(let.value, world, clock, bound)
            if value is None and isinstance(let.value.type, OptionalType):
                raise UnknownRead(("let",))
            bound[let.var.slot] = value
        return _Measured(
            tuple([evaluate(key, world, clock, bound) for key in limit.spent.keys]),
            cast(Amount, evaluate(limit.spent, world, clock, bound)),
            cast(Amount, evaluate(limit.bound, world, clock, bound)),
            cast("Amount | None", evaluate(limit.amount, world, clock, bound)),
            limit.strict,
        )

    def fits(self, spent: Value) -> bool:
        """Whether the limit would have room for the call, had so much been spent."""
        if self.amount is None:
            return False
        total = cast(Amount, spent) + self.amount
        return total < self.bound if self.strict else total <= self.bound


def _budget(
    program: Program,
    rule: ir.Rule,
    index: Index,
    world: World,
    clock: Clock,
    measured: _Measured,
    room: int | None,
) -> Budget:
    per = None
    if measured.keys:
        per = render(measured.keys[0], index.signature.params[0][1])
    resets = None
    if index.window.calendar is not None and isinstance(world.now, int):
        ends = period_end(index.window.calendar, world.now, clock)
        resets = format_time(ends)
        room = ends if measured.fits(0) and not _reads_now(rule) else None
    micros = index.window.microseconds
    return Budget(
        rule=rule.name,
        per=per,
        over=index.window.calendar or (format_duration(micros) if micros is not None else ""),
        spent=render(measured.spent, DECIMAL),
        bound=render(measured.bound, DECIMAL),
        left=render(max(measured.bound - measured.spent, 0), DECIMAL),
        resets=resets,
        room_at=None if room is None else format_time(room),
        shown=(index.name,) in program.shown,
    )
