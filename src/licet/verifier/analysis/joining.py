"""The rules of two policies on one tool, over one and the same call.

In: two programs and a tool that both have. Out: a subject that holds the rules of both, and a side
for each: the formulas by which it allows and escalates, and its own view of a joined world.

Soundness: every pair of a call and a host's answers that either policy takes is a world of the
joined types. A side takes a world if its arguments are admissible to it (closed: what it does not
declare is not sent), and what the host says is of the types that it declares (as far as it declares
it). Facts whose declarations cannot be related are free of each other, which proves less and never
more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from itertools import count
from typing import Any, Final

from licet.compiler import ir
from licet.compiler.folding import both
from licet.compiler.program import Program
from licet.compiler.types import (
    RecordType,
    Type,
)
from licet.compiler.walking import NODES, walk

from ..delegation import NAMING
from .formulas import FALSE, Every, Formula, Is, Not, applies
from .joining_histories import at_most, given_back, violated
from .joining_types import Enums, Fitting, UnjoinableError, joined
from .rereading import Rereader
from .sides import SCOPES, Side, observed_until, observing_rule
from .subject import Subject, condition_rule

#: Whoever agrees to an escalated call, as a free value.
APPROVER: Final = "approver"

#: Where the variables of conditions made here begin; rules number theirs from 0.
_FRESH = 1_000_000


@dataclass(frozen=True)
class Joined:
    """Both sides, and the subject that they are part of. `assumed` holds in every world: what two
    sums of one history have to do with each other."""

    subject: Subject
    old: Side
    new: Side
    assumed: Formula
    approvals: Mapping[str, Approvals]


@dataclass(frozen=True, slots=True)
class Approvals:
    """An escalation that both have: the positions of the conditions on who may agree to it, None
    where these cannot be compared, and how many it needs."""

    old: int | None
    new: int | None
    needs: tuple[int, int]


def join(old: Program, new: Program, tool: str) -> Joined:
    """The rules of both on a tool that both have. Raises UnjoinableError."""
    return _Joining(old, new, tool).joined()


class _Joining:
    def __init__(self, old: Program, new: Program, tool: str) -> None:
        self._old, self._new, self._tool = old, new, tool
        self._slots = count(_FRESH)
        self._enums = Enums()
        self._rules: list[ir.Rule] = []
        self._zones: list[str] = []
        self._known: dict[object, int] = {}

    def joined(self) -> Joined:
        for a, b in self._pairs():
            self._enums.meet(a, b)
        roots = {
            name: self._both(self._root(self._old, name), self._root(self._new, name), name)
            for name in ("args", *SCOPES)
        }
        facts, renamed = self._facts()
        renamed_params = self._params()
        sides = [
            self._side(program, roots, facts, {**renames, **params})
            for program, renames, params in (
                (self._old, renamed[0], renamed_params[0]),
                (self._new, renamed[1], renamed_params[1]),
            )
        ]
        approvals, approver = self._approvals(roots, facts, (renamed, renamed_params))
        assumed = Every(tuple(dict.fromkeys(self._histories(facts, renamed))))
        args, principal, context, session = map(_record, roots.values())
        subject = Subject(
            self._tool,
            tuple(self._rules),
            facts,
            args,
            principal,
            context,
            session,
            self._old.zone,
            {
                names.get(name, name): self._enums.changed(kind)
                for program, names in zip((self._old, self._new), renamed_params, strict=True)
                for name, kind in program.unset_params.items()
            }
            | ({} if approver is None else {APPROVER: approver}),
            tuple(self._zones) if self._old.zone != self._new.zone else None,
        )
        old, new = sides
        return Joined(subject, old, new, assumed, approvals)

    # --- types

    def _root(self, program: Program, name: str) -> RecordType:
        if name == "args":
            return program.catalog.qualified[self._tool].params
        scope: RecordType = getattr(program, name)
        return scope

    def _pairs(self) -> Iterator[tuple[Type, Type]]:
        """Types that stand at one place of both."""
        for name in ("args", *SCOPES):
            yield self._root(self._old, name), self._root(self._new, name)
        for name in self._old.signatures.keys() & self._new.signatures.keys():
            a, b = self._old.signatures[name], self._new.signatures[name]
            yield a.result, b.result
            yield from zip(
                (kind for _, kind in a.params), (kind for _, kind in b.params), strict=False
            )

    def _both(self, a: Type, b: Type, where: str) -> Type:
        a, b = self._enums.changed(a), self._enums.changed(b)
        return joined(a, b, where, closed=where == "args")

    def _facts(self) -> tuple[dict[str, ir.FactSignature], tuple[dict[str, str], dict[str, str]]]:
        """The facts of both by their names here, and what each side calls them instead."""
        found: dict[str, ir.FactSignature] = {}
        renamed: tuple[dict[str, str], dict[str, str]] = ({}, {})
        old, new = self._old.signatures, self._new.signatures
        for name in dict.fromkeys((*old, *new)):
            a, b = old.get(name), new.get(name)
            both = None
            if a is not None and b is not None and self._one_history(name, name):
                both = self._fact(name, a, b)
            elif b is not None and (earlier := self._earlier(name)) is not None:
                renamed[1][name] = earlier  # the same sum under another name
                b = None
                if a is None:
                    continue
            if both is not None:
                found[name] = both
                continue
            for signature, names, side in ((a, renamed[0], "old"), (b, renamed[1], "new")):
                if signature is not None:
                    names[name] = name if a is None or b is None else f"{name} ({side})"
                    found[names[name]] = ir.FactSignature(
                        names[name],
                        tuple((key, self._enums.changed(kind)) for key, kind in signature.params),
                        self._enums.changed(signature.result),
                    )
        return found, renamed

    def _one_history(self, old: str, new: str) -> bool:
        """Whether two look-ups are not of the history, or of the same sum in it."""
        a, b = self._old.history.get(old), self._new.history.get(new)
        if a is None or b is None:
            return a is b
        return a.digest == b.digest and given_back(self._old, a) == given_back(self._new, b)

    def _earlier(self, new: str) -> str | None:
        """What the old policy calls the sum that the new one looks up by another name."""
        if new not in self._new.history:
            return None
        return next((old for old in self._old.history if self._one_history(old, new)), None)

    def _fact(self, name: str, a: ir.FactSignature, b: ir.FactSignature) -> ir.FactSignature | None:
        """One signature for both; None where they are not related."""
        changed = self._enums.changed
        keys = [[changed(kind) for _, kind in s.params] for s in (a, b)]
        if keys[0] != keys[1]:
            return None
        try:
            result = self._both(a.result, b.result, name)
        except UnjoinableError:
            return None
        for program, own in ((self._old, a), (self._new, b)):
            test = self._fitting(closed=False).fits(ir.Fact(name, (), result), result, own.result)
            if _always(test):
                continue
            rules = program.rules[self._tool].rules
            if any(not _closed(read, rule) for rule in rules for read in _reads(rule, name)):
                return None  # what such a read finds cannot be said from outside
        return ir.FactSignature(name, tuple((key, changed(kind)) for key, kind in a.params), result)

    def _params(self) -> tuple[dict[str, str], dict[str, str]]:
        old, new = self._old.unset_params, self._new.unset_params
        apart = {n for n in old.keys() & new.keys() if old[n] != new[n]}
        return {n: f"{n} (old)" for n in apart}, {n: f"{n} (new)" for n in apart}

    def _fitting(self, *, closed: bool) -> Fitting:
        return Fitting(closed, self._slots)

    # --- approvals

    def _approvals(
        self,
        roots: Mapping[str, Type],
        facts: Mapping[str, ir.FactSignature],
        renamed: tuple[tuple[Mapping[str, str], ...], tuple[Mapping[str, str], ...]],
    ) -> tuple[dict[str, Approvals], Type | None]:
        """The escalations of both by name, and the type of whoever agrees, who is somebody that
        the policy takes for a principal."""
        found: dict[str, dict[int, tuple[int | None, int]]] = {}
        results = {name: signature.result for name, signature in facts.items()}
        kind = roots["principal"]
        anybody = ir.Root(APPROVER, kind)
        for side, program in enumerate((self._old, self._new)):
            names = {**renamed[0][side], **renamed[1][side]}
            known = {**roots, APPROVER: kind}
            rereader = Rereader(self._enums, known, results, names, self._slots)
            somebody = self._fitting(closed=False).fits(anybody, kind, program.principal)
            for rule in program.rules[self._tool].rules:
                if rule.kind != "escalate" or rule.approver is None:
                    continue
                reread = rereader.rule(replace(rule, condition=rule.approver))
                condition = _asked_of_param(both((somebody, reread.condition)))
                asked = replace(reread, kind="permit", condition=condition)
                at = self._place(asked, program.zone)
                found.setdefault(rule.name, {})[side] = (at, rule.needs)
        # Nobody who stands behind a call may agree to it, as far as the principal says who does.
        comparable = _named(self._old.principal) == _named(self._new.principal)
        shared = {
            name: Approvals(
                sides[0][0] if comparable else None,
                sides[1][0] if comparable else None,
                (sides[0][1], sides[1][1]),
            )
            for name, sides in found.items()
            if len(sides) == 2
        }
        return shared, kind if found else None

    # --- histories

    def _histories(
        self,
        facts: Mapping[str, ir.FactSignature],
        renamed: tuple[Mapping[str, str], Mapping[str, str]],
    ) -> Iterator[Formula]:
        """That sums which differ in their windows alone do not contradict each other, at the keys
        at which either policy looks them up."""
        same_zone = self._old.zone == self._new.zone
        for ours, a in self._old.history.items():
            for theirs, b in self._new.history.items():
                first, second = renamed[0].get(ours, ours), renamed[1].get(theirs, theirs)
                if first == second or not {first, second} <= facts.keys():
                    continue
                back, forth = given_back(self._old, a), given_back(self._new, b)
                if back >= forth and at_most(a, b, same_zone=same_zone):
                    yield from self._consistent(facts[first], facts[second], a.operation)
                elif back <= forth and at_most(b, a, same_zone=same_zone):
                    yield from self._consistent(facts[second], facts[first], a.operation)

    def _consistent(
        self, less: ir.FactSignature, more: ir.FactSignature, operation: str
    ) -> Iterator[Formula]:
        for rule, zone in list(zip(self._rules, self._zones, strict=True)):
            for read in _reads(rule, None):
                if read.name not in (less.name, more.name) or not _closed(read, rule):
                    continue
                odd = violated(
                    ir.Fact(less.name, read.keys, less.result),
                    ir.Fact(more.name, read.keys, more.result),
                    operation,
                )
                lets = _before(rule, read)
                at = self._place(ir.Rule("permit", "odd", lets, odd, None, rule.span), zone)
                yield Not(applies(at))

    # --- sides

    def _side(
        self,
        program: Program,
        roots: Mapping[str, Type],
        facts: Mapping[str, ir.FactSignature],
        renamed: Mapping[str, str],
    ) -> Side:
        results = {name: signature.result for name, signature in facts.items()}
        rereader = Rereader(self._enums, roots, results, renamed, self._slots)
        rules = program.rules[self._tool].rules
        reread = [rereader.rule(rule) for rule in rules]
        at = tuple(self._place(rule, program.zone) for rule in reread)
        takes: list[Formula] = []
        for name, kind in roots.items():
            own = self._root(program, name)
            test = self._fitting(closed=name == "args").fits(ir.Root(name, kind), kind, own)  # type: ignore[arg-type]
            if not _always(test):
                takes.append(applies(self._place(condition_rule("fits", test), program.zone)))
        observing: Formula = FALSE
        if (until := observed_until(program)) is not None:
            observing = applies(self._place(observing_rule(until), program.zone))
        names = {renamed.get(name, name): s for name, s in program.signatures.items()}
        for rule in reread:
            for read in _reads(rule, None):
                takes.extend(self._found(rule, read, names[read.name], program.zone))
        admitted = Every(tuple(dict.fromkeys(takes)))
        return Side(program, self._tool, at, admitted, renamed, observing)

    def _found(
        self, rule: ir.Rule, read: ir.Fact, own: ir.FactSignature, zone: str
    ) -> Iterator[Formula]:
        """That what a fact's read finds is of the side's own type."""
        test = self._fitting(closed=False).fits(read, read.type, own.result)
        if not _always(test):
            odd = ir.Rule("permit", "odd", _before(rule, read), ir.Not(test), None, rule.span)
            at = self._place(odd, zone)
            yield Every((Not(applies(at)), Not(Is(at, "wrong_type"))))

    def _place(self, rule: ir.Rule, zone: str) -> int:
        """The position of a rule; one that stands there already is shared."""
        key = (
            tuple((let.var, repr(let.value)) for let in rule.lets),
            repr(rule.condition),
            zone,
        )
        if key not in self._known:
            self._known[key] = len(self._rules)
            self._rules.append(rule)
            self._zones.append(zone)
        return self._known[key]


def _record(kind: Type) -> RecordType:
    assert isinstance(kind, RecordType)
    return kind


def _named(principal: RecordType) -> set[str]:
    return {field.name for field in principal.fields} & set(NAMING)


def _asked_of_param(expr: ir.Expr) -> ir.Expr:
    """A condition on `approver`, asked of a value that is free."""
    if isinstance(expr, ir.Root) and expr.name == "approver":
        return ir.Param(APPROVER, expr.type)
    if not isinstance(expr, NODES):
        return expr
    changes: dict[str, Any] = {f.name: _parts_asked(getattr(expr, f.name)) for f in fields(expr)}
    return replace(expr, **changes)


def _parts_asked(part: Any) -> Any:
    if isinstance(part, tuple):
        return tuple(map(_parts_asked, part))
    return _asked_of_param(part) if isinstance(part, NODES) else part  # type: ignore[arg-type]


def _always(test: ir.Expr) -> bool:
    return isinstance(test, ir.Const) and test.value is True


def _reads(rule: ir.Rule, name: str | None) -> Iterator[ir.Fact]:
    """The facts (of a name) that a rule reads, apart from its message."""
    for body in (*(let.value for let in rule.lets), rule.condition):
        for node in walk(body):
            if isinstance(node, ir.Fact) and name in (None, node.name):
                yield node


def _closed(read: ir.Fact, rule: ir.Rule) -> bool:
    """Whether a read's keys depend on nothing but the world and the rule's lets."""
    lets = {let.var.slot for let in rule.lets}
    return all(node.slot in lets for node in walk(read) if isinstance(node, ir.Var))


def _before(rule: ir.Rule, read: ir.Fact) -> tuple[ir.Let, ...]:
    """The lets that a read's keys use, and those that they use."""
    wanted = {node.slot for node in walk(read) if isinstance(node, ir.Var)}
    kept: list[ir.Let] = []
    for let in reversed(rule.lets):
        if let.var.slot in wanted:
            kept.append(let)
            wanted |= {node.slot for node in walk(let.value) if isinstance(node, ir.Var)}
    return tuple(reversed(kept))
