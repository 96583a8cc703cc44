"""Pass 5: every rule, as it reads for each tool that it stands on.

A rule that reads neither arguments nor `tool.…` is typed once; one that reads arguments once for
each different set of them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import fields

from licet.policy_lang import ast

from . import ir
from .catalog import Catalog
from .declarations import Declarations
from .folding import TRUE, both, negation
from .gathering import Entry
from .resolution import SIDES, unknown
from .tool_sets import Selected
from .types import JsonType, OptionalType, StringType, Type
from .typing_rules import Checker, Scope
from .typing_rules.agreement import POISON
from .typing_rules.changes import FUNCTIONS as CHANGE_FUNCTIONS
from .typing_rules.collections import is_free
from .typing_rules.narrowing import present
from .typing_rules.operators import condition
from .walking import walk

ROOTS = frozenset({"args", "principal", "context", "session", "now", "tool"})


def type_rules(declared: Declarations) -> RuleBook:
    """The rules of every tool, by qualified name, each list in the order written."""
    return RuleBook(
        declared.tool_sets.catalog,
        [
            RuleOnTools(declared, entry, entry.declaration)
            for entry in declared.index.entries("rule")
            if isinstance(entry.declaration, ast.RuleDecl)
        ],
    )


class RuleBook(Mapping[str, ir.ToolRules]):
    """The rules of each tool, put together when they are first asked for."""

    def __init__(self, catalog: Catalog, rules: list[RuleOnTools]) -> None:
        self._catalog = catalog
        self._rules = rules
        self._made: dict[str, ir.ToolRules] = {}
        self._turn = threading.Lock()
        self._limits: Mapping[str, list[ir.Rule]] = {}

    def add(self, limits: Mapping[str, list[ir.Rule]]) -> None:
        """The rules that limits are, by tool; before any tool's rules are asked for."""
        self._limits = limits
        self._made.clear()

    def __getitem__(self, name: str) -> ir.ToolRules:
        made = self._made.get(name)
        if made is None:
            if name not in self._catalog.qualified:
                raise KeyError(name)
            with self._turn:
                found = [rule for each in self._rules if (rule := each.on(name)) is not None]
                found += self._limits.get(name, ())
                made = self._made[name] = ir.ToolRules(
                    name,
                    tuple(rule for rule in found if rule.kind == "permit"),
                    tuple(rule for rule in found if rule.kind == "forbid"),
                    tuple(rule for rule in found if rule.kind == "escalate"),
                )
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._catalog.qualified)

    def __len__(self) -> int:
        return len(self._catalog)


class RuleOnTools:
    """One rule of the policy, as it reads for each of its tools.

    Its mistakes are reported when it is made: a rule that reads arguments is typed for every tool
    then, any other for the first one, since no tool's name or hints make it wrong.
    """

    def __init__(self, declared: Declarations, entry: Entry, declaration: ast.RuleDecl) -> None:
        self._declared = declared
        self._entry = entry
        self._declaration = declaration
        self._tools = declared.tool_sets.names(declaration.on, entry.unit)
        self._stands_on = frozenset(self._tools)
        self._made: dict[str, ir.Rule | None] = {}
        self._shared: dict[object, ir.Rule | None] = {}
        self._reads: Checker | None = None
        for name in self._tools:
            self._made[name] = self._typed(name)
            reads = self._reads
            if reads is not None and not (reads.reads_args or reads.sources):
                break  # what is read of earlier calls has to be known at once, for every tool

    def on(self, name: str) -> ir.Rule | None:
        """The rule on a tool; None where it does not stand on it, or is wrong."""
        if name not in self._stands_on:
            return None
        if name not in self._made:
            self._made[name] = self._typed(name)
        return self._made[name]

    def _typed(self, name: str) -> ir.Rule | None:
        reads, catalog = self._reads, self._declared.tool_sets.catalog
        if reads is not None and not reads.reads_tool:
            same = catalog.qualified[name].params if reads.reads_args else None
            if same in self._shared:
                return self._shared[same]
        tool = catalog.qualified[name]
        checker = Checker(self._declared, ROOTS, tool, Selected(catalog, self._tools))
        rule = type_rule(checker, self._entry, self._declaration)
        self._reads = checker
        self._shared[tool.params if checker.reads_args else None] = rule
        return rule


def type_rule(checker: Checker, entry: Entry, declaration: ast.RuleDecl) -> ir.Rule | None:
    """One rule on one tool; None where an error was reported."""
    checker.implied = {}
    scope, lets = type_lets(checker, declaration.lets, Scope(entry.unit))
    inside, test = type_condition(checker, declaration.when, declaration.unless, scope)
    written = tuple(checker.written)
    message = None
    if declaration.message is not None:
        if declaration.kind == "permit":
            checker.declared.reporter.warning(
                "LIC134",
                "the message of a permit is never shown",
                declaration.message.span,
                "put it on the rule that refuses, or write a comment",
            )
        # A permit's message is read where it does not apply: nothing is known to be present there.
        place = scope if declaration.kind == "permit" else inside
        message = type_message(checker, declaration.message, place, test)
    approver = None
    if declaration.approval is not None:
        approver = type_approval(checker, declaration.approval, scope)
    if lets is None or test is None:
        return None
    lets = (*checker.implied.values(), *lets)
    if declaration.message is not None and message is None:
        return None
    return ir.Rule(
        declaration.kind,
        checker.declared.index.label("rule", entry),
        lets,
        test,
        message,
        declaration.span,
        approver,
        declaration.approval.needs if declaration.approval is not None else 1,
        written=written,
    )


def type_lets(
    checker: Checker, lets: tuple[ast.Let, ...], scope: Scope
) -> tuple[Scope, tuple[ir.Let, ...] | None]:
    """The variables of a rule, each seen by those below it, and known to be present."""
    found: list[ir.Let] = []
    failed = False
    for let in lets:
        if let.name in scope.variables:
            checker.error(
                "LIC102",
                f"`{let.name}` is defined twice in this rule",
                let.span,
                scope,
                "give one of the two another name",
            )
            failed = True
            continue
        free = is_free(checker, let.name, let, scope)
        typed = checker.infer(let.value, scope)
        if typed is None or not free:
            failed = True
            # What uses the name below is not complained about again.
            scope = scope.binding({let.name: checker.variable(let.name, POISON)})
            continue
        optional = isinstance(typed.type, OptionalType)
        inner: Type = typed.type.inner if isinstance(typed.type, OptionalType) else typed.type
        var = checker.variable(let.name, inner)
        found.append(ir.Let(var, typed.expr, let.span))
        scope = scope.binding({let.name: var})
        if optional and not isinstance(inner, JsonType):
            scope = scope.knowing(present(typed.expr))
    return scope, None if failed else tuple(found)


def type_condition(
    checker: Checker, when: ast.Expr | None, unless: ast.Expr | None, scope: Scope
) -> tuple[Scope, ir.Expr | None]:
    """`when` and not `unless`, and the scope in which both have come out so."""
    parts: list[ir.Expr] = []
    failed = False
    if when is not None:
        typed = condition(checker, when, scope)
        if typed is None:
            failed = True
        else:
            parts.append(typed.expr)
            scope = scope.knowing(typed.when_true)
    if unless is not None:
        typed = condition(checker, unless, scope)
        if typed is None:
            failed = True
        else:
            parts.append(negation(typed.expr))
            scope = scope.knowing(typed.when_false)
    if failed:
        return scope, None
    return scope, both(parts) if parts else TRUE


def type_message(
    checker: Checker, message: ast.Message, scope: Scope, test: ir.Expr | None
) -> tuple[str | ir.Expr, ...] | None:
    """The parts of a message; its holes may name what the condition's comprehensions found."""
    witnesses = {
        name: expr for name, (_, expr) in checker.witnesses.items() if name not in scope.variables
    }
    inside = scope.binding(dict(witnesses))
    bound = set() if test is None else _bound(test)
    parts: list[str | ir.Expr] = []
    failed = False
    for part in message.parts:
        if isinstance(part, str):
            parts.append(part)
            continue
        typed = checker.infer(part, inside)
        if typed is None:
            failed = True
        elif any(slot not in bound for slot in _witness_slots(typed.expr, witnesses)):
            parts.append("none")  # the comprehension was decided before any element was looked at
        else:
            parts.append(typed.expr)
    return None if failed else tuple(_quoted_once(parts))


def _quoted_once(parts: list[str | ir.Expr]) -> list[str | ir.Expr]:
    """A text is quoted when it is shown: the quotes that the author put around its hole go."""
    for at, hole in enumerate(parts[1:-1], 1):
        before, after = parts[at - 1], parts[at + 1]
        if isinstance(hole, str) or not isinstance(before, str) or not isinstance(after, str):
            continue
        kind = hole.type.inner if isinstance(hole.type, OptionalType) else hole.type
        is_text = isinstance(kind, StringType | JsonType)
        if is_text and before.endswith('"') and after.startswith('"'):
            parts[at - 1], parts[at + 1] = before[:-1], after[1:]
    return parts


def type_approval(checker: Checker, approval: ast.Approval, scope: Scope) -> ir.Expr | None:
    """The condition on `approver`."""
    if approval.needs < 1:
        checker.error(
            "LIC124",
            "at least one person has to agree",
            approval.span,
            scope,
            "write `needs 1` or more, or leave it out",
        )
    checker.roots = checker.roots | {"approver"}
    typed = condition(checker, approval.condition, scope)
    checker.roots = checker.roots - {"approver"}
    return None if typed is None else typed.expr


def _bound(expr: ir.Expr) -> set[int]:
    """The slots of the quantifiers of a condition."""
    return {node.var.slot for node in walk(expr) if isinstance(node, ir.Quantifier)}


def _witness_slots(expr: ir.Expr, witnesses: dict[str, ir.Expr]) -> set[int]:
    """The slots of comprehension variables that a hole reads."""
    slots = {v.slot for w in witnesses.values() for v in walk(w) if isinstance(v, ir.Var)}
    return {node.slot for node in walk(expr) if isinstance(node, ir.Var)} & slots


def check_defines(declared: Declarations) -> None:
    """No define contains itself, and the names in one that nothing uses exist too.

    Its types are only known where it is used, with the arguments of a tool.
    """
    for entry in declared.index.entries("value"):
        if isinstance(entry.declaration, ast.DefineDecl):
            _check_circle(declared, entry)
            if entry not in declared.used_defines:
                _check_names(declared, entry, entry.declaration)


def check_changes(declared: Declarations) -> None:
    """What a `change` says is right even where no rule reads it."""
    for unit, declaration in declared.index.gathered.declarations():
        if not isinstance(declaration, ast.ChangeDecl):
            continue
        tools = declared.tool_sets.resolve(declaration.on, unit)
        for tool in tools:
            change = declared.change(tool)
            if change is None or change in declared.used_defines:
                continue
            checker = Checker(declared, ROOTS, tool, tools)
            checker.implied = {}
            for side in ("before", "after"):
                checker.infer(ast.Name(side, span=declaration.span), Scope(unit))


def _check_names(declared: Declarations, entry: Entry, define: ast.DefineDecl) -> None:
    index = declared.index
    variables = {*(define.params or ()), *ROOTS, *SIDES}
    nodes = list(_nodes(define.body))
    for node in nodes:
        if isinstance(node, ast.Generator):
            variables.update(node.names)
    for node in nodes:
        if isinstance(node, ast.Name) and not (
            node.name in variables
            or index.candidates("value", node.name, entry.unit)
            or index.candidates("rule", node.name, entry.unit)
            or index.is_stem(node.name, entry.unit)
            or declared.is_label(node.name)
        ):
            unknown(
                declared.reporter,
                "name",
                node.name,
                (*variables, *index.names("value", entry.unit)),
                node.span,
                "declare it, or write text in quotes",
            )
        elif isinstance(node, ast.Call) and not (
            node.name in index.functions
            or node.name in CHANGE_FUNCTIONS
            or index.candidates("value", node.name, entry.unit)
        ):
            unknown(
                declared.reporter,
                "function",
                node.name,
                (*index.functions, *index.names("value", entry.unit)),
                node.span,
                "declare it with `fact`, `define` or `table`",
            )


def _check_circle(declared: Declarations, entry: Entry) -> None:
    """Whether a define leads back to itself through the defines that it names."""
    waiting = [entry]
    seen: set[Entry] = set()
    while waiting:
        current = waiting.pop()
        assert isinstance(current.declaration, ast.DefineDecl)
        for name in _names(current.declaration.body):
            for used in declared.index.candidates("value", name, current.unit):
                if used == entry:
                    declared.reporter.error(
                        "LIC105",
                        f"the define `{entry.name}` uses itself",
                        entry.span,
                        "a define is written out where it is used, so it cannot contain itself",
                    )
                    return
                if isinstance(used.declaration, ast.DefineDecl) and used not in seen:
                    seen.add(used)
                    waiting.append(used)


def _names(node: ast.Expr) -> set[str]:
    """The names and called names in an expression."""
    return {part.name for part in _nodes(node) if isinstance(part, ast.Name | ast.Call)}


def _nodes(node: ast.Node) -> Iterator[ast.Node]:
    """The node and all nodes inside it."""
    waiting: list[object] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, tuple):
            waiting.extend(part)
        elif isinstance(part, ast.Node):
            yield part
            waiting.extend(getattr(part, f.name) for f in fields(part) if f.name != "span")
