"""What the agent's model may be told.

It may see its own arguments, the clock, and of principal, context, session and facts what the
policy declares `shown`. Whether something is shown follows from the rules and the declarations
alone, never from the values of a call: what a refusal says must not change when only hidden values
do, or the refusal would be a way to ask for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from licet.compiler import ir
from licet.compiler.program import Program
from licet.compiler.walking import children, walk
from licet.compiler.world import Path

_SCOPES = ("principal", "context", "session")


@dataclass(frozen=True, slots=True)
class ToolVisibility:
    """What may be shown of verdicts on one tool. Rules by their position in `ToolRules.rules`.

    `repair`: no rule reads anything hidden, so that the nearest allowed call says nothing of it.
    `keyed_by_hidden`: facts that are looked up by something hidden.
    """

    reads_hidden: tuple[bool, ...]
    message_parts: tuple[tuple[bool, ...], ...]
    repair: bool
    keyed_by_hidden: frozenset[str]


def tool_visibility(program: Program, rules: ir.ToolRules) -> ToolVisibility:
    """The visibility of one tool's verdicts."""
    reads_hidden, parts = [], []
    keyed: set[str] = set()
    for rule in rules.rules:
        reading = _Reading(program.shown)
        for let in rule.lets:
            reading.read(let.value)
            reading.bind(let.var, let.value)
        reading.read(rule.condition)
        reads_hidden.append(reading.hidden)
        parts.append(_message_parts(rule, reading))
        keyed |= reading.keyed_by_hidden
    return ToolVisibility(
        tuple(reads_hidden), tuple(parts), not any(reads_hidden), frozenset(keyed)
    )


def is_shown(program: Program, path: Path) -> bool:
    """Whether the policy declares a path of the world, or one above it, shown."""
    if path[0] in ("args", "now"):
        return True
    names = tuple(step for step in path if isinstance(step, str))
    return _declared(program.shown, names)


def _declared(shown: frozenset[tuple[str, ...]], names: tuple[str, ...]) -> bool:
    return any(names[:length] in shown for length in range(1, len(names) + 1))


def _message_parts(rule: ir.Rule, condition: _Reading) -> tuple[bool, ...]:
    """Per part of the message, whether it may be shown.

    Which element a quantifier's variable stands for depends on everything the condition reads.
    """
    shown = []
    for part in rule.message or ():
        if isinstance(part, str):
            shown.append(True)
            continue
        reading = _Reading(condition.shown, dict(condition.paths), dict(condition.lets))
        reading.read(part)
        shown.append(not (reading.hidden or (reading.witnesses and condition.hidden)))
    return tuple(shown)


class _Reading:
    """What an expression reads: arguments, something hidden, a quantifier's variable."""

    def __init__(
        self,
        shown: frozenset[tuple[str, ...]],
        paths: dict[int, tuple[str, ...] | None] | None = None,
        lets: dict[int, bool] | None = None,
    ) -> None:
        self.shown = shown
        self.paths = paths if paths is not None else {}
        #: Per let, whether its value was computed, or looked up, from something hidden.
        self.lets = lets if lets is not None else {}
        self.hidden = False
        self.arguments = False
        self.witnesses = False
        self.keyed_by_hidden: set[str] = set()

    def bind(self, var: ir.Var, value: ir.Expr) -> None:
        """A let. Where it stands for a place, what is read of it later is judged by its path."""
        path = self.path(value)
        inside = _Reading(self.shown, dict(self.paths), dict(self.lets))
        if path is None:
            inside.read(value)
        else:
            inside._read_keys(value)
            inside._read_lets(value)
        self.paths[var.slot] = path
        self.lets[var.slot] = inside.hidden

    def _read_lets(self, expr: ir.Expr) -> None:
        for node in walk(expr):
            if isinstance(node, ir.Var) and self.lets.get(node.slot, False):
                self.hidden = True

    def path(self, expr: ir.Expr) -> tuple[str, ...] | None:
        """The names on the way to a value, list positions and keys left out; None if computed."""
        match expr:
            case ir.Root(name):
                return (name,)
            case ir.Fact(name):
                return (name,)
            case ir.Var(slot):
                return self.paths.get(slot)
            case ir.GetField(record, name):
                path = self.path(record)
                return None if path is None else (*path, name)
            case ir.Unwrap(inner) | ir.Some(inner) | ir.Distinct(inner) | ir.End(_, inner):
                return self.path(inner)
            case ir.Lookup(inner) | ir.JsonAs(inner):
                return self.path(inner)
            case ir.JsonPath(document, steps):
                path = self.path(document)
                return None if path is None else (*path, *steps)
            case ir.WhenPresent(optional, var, body):
                self.paths[var.slot] = self.path(optional)
                return self.path(body)
            case _:
                return None

    def read(self, expr: ir.Expr) -> None:
        """Note what is read. A path is judged whole; what is computed, by its parts."""
        self._read_lets(expr)
        if isinstance(expr, ir.Var):
            if expr.slot not in self.lets:
                self.witnesses = True
            path = self.paths.get(expr.slot)
            if path is not None:
                self._judge(path)
            return
        path = self.path(expr)
        if path is not None:
            self._judge(path)
            self._read_keys(expr)
            return
        for var, source in _bound(expr):
            self.paths[var.slot] = self.path(source)
        for child in children(expr):
            self.read(child)

    def _judge(self, path: tuple[str, ...]) -> None:
        if path[0] == "args":
            self.arguments = True
        elif path[0] not in ("now", "tool"):
            self.hidden = self.hidden or not _declared(self.shown, path)

    def _read_keys(self, expr: ir.Expr) -> None:
        """A path goes through its facts' keys and its maps' keys, which are read as well."""
        if isinstance(expr, ir.Fact):
            before, self.hidden = self.hidden, False
            for key in expr.keys:
                self.read(key)
            if self.hidden:
                self.keyed_by_hidden.add(expr.name)
            self.hidden = self.hidden or before
            return
        if isinstance(expr, ir.Lookup):
            self.read(expr.key)
        for child in children(expr):
            if not isinstance(child, ir.Var):
                self._read_keys(child)


def _bound(expr: ir.Expr) -> Iterator[tuple[ir.Var, ir.Expr]]:
    match expr:
        case (
            ir.Quantifier(_, var, source)
            | ir.Count(var, source)
            | ir.Sum(var, source)
            | ir.Extremum(_, var, source)
            | ir.ListComp(var, source)
            | ir.WhenPresent(source, var)
        ):
            yield var, source
        case _:
            return
