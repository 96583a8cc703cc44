"""Pass 4: what the declarations say: types, scopes, facts, params, consts and tables.

Each is worked out when it is first asked for, so that the order of declarations does not matter;
asking for one that is being worked out is the error of a circle. `check_all` asks for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from licet.policy_lang import Note, ast

from . import ir
from .catalog import Catalog, Tool
from .clock import Clock, ZoneError, clock, zone_names
from .gathering import Entry, Unit
from .history import Index as HistoryIndex
from .names import suggestion
from .params import given_rows, given_value
from .reporting import Reporter
from .resolution import Index
from .tables import Row, Table, check_table
from .tool_sets import ToolSets
from .type_resolution import Types
from .types import (
    WEEKDAY,
    BoolType,
    EnumType,
    IntType,
    JsonType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    StringType,
    Type,
    Value,
)
from .typing_rules import Checker, Scope
from .typing_rules.agreement import accepts, is_poisoned, parts
from .typing_rules.optionals import handled
from .values import conforms, show

SCOPES = ("principal", "context", "session")


class Declarations:
    """The declarations of a policy; implements `typing_rules.Declared`."""

    def __init__(
        self,
        index: Index,
        given: Mapping[str, object],
        reporter: Reporter,
    ) -> None:
        self.index = index
        #: No tools yet: the types of inline tools are worked out here first.
        self.tool_sets = ToolSets(index, Catalog(), reporter)
        self.reporter = reporter
        self.zone = self._zone()
        self.types = Types(index, self.constant, reporter)
        self.used_defines: set[Entry] = set()
        self._given = dict(given)
        self._values: dict[Entry, ir.Expr | None] = {}
        self._open: list[Entry] = []
        self._tables: dict[Entry, Table | None] = {}
        self._facts: dict[Entry, ir.FactSignature | None] = {}
        self._scopes: dict[str, RecordType] = {}
        self._changes: dict[str, Entry] | None = None
        self._labels: dict[str, list[EnumType]] | None = None
        #: What rules read of earlier calls, by name.
        self.history: dict[str, HistoryIndex] = {}

    @property
    def clock(self) -> Clock:
        """The clock of the policy's zone."""
        return clock(self.zone)

    def check_all(self) -> None:
        """Work out every declaration, so that wrong ones that nothing uses are found too."""
        for entry in self.index.entries("type"):
            self.types.named(entry)
        for name in SCOPES:
            self.scope_record(name)
        for entry in self.index.entries("value"):
            match entry.declaration:
                case ast.ValueDecl():
                    self.value(entry)
                case ast.TableDecl():
                    self.table(entry)
                case ast.FactDecl():
                    self.fact(entry)
                case _:
                    pass
            if enums := [e for e in self.enums_with(entry.name) if e is not WEEKDAY]:
                self.reporter.error(
                    "LIC103",
                    f"`{entry.name}` is a label of `{enums[0]}`",
                    entry.span,
                    "rename one of the two",
                )
        self._check_given()

    def resolved(self, node: ast.TypeExpr, unit: Unit) -> Type:
        """The type that a type expression in a file means."""
        return self.types.resolve(node, unit)

    # --- changes of documents -----------------------------------------------------------------

    def change(self, tool: Tool) -> Entry | None:
        """What a tool changes; its declaration is a `ChangeDecl`."""
        if self._changes is None:
            self._changes = {}
            for unit, declaration in self.index.gathered.declarations():
                if isinstance(declaration, ast.ChangeDecl):
                    self._add_change(Entry("change", unit, declaration), declaration)
        return self._changes.get(tool.qualified)

    def _add_change(self, entry: Entry, declaration: ast.ChangeDecl) -> None:
        assert self._changes is not None
        for tool in self.tool_sets.resolve(declaration.on, entry.unit):
            if tool.qualified in self._changes:
                self.reporter.error(
                    "LIC152",
                    f"what `{tool.qualified}` changes is declared twice",
                    declaration.span,
                    "keep one `change` for each tool",
                    (Note("first declared here", self._changes[tool.qualified].span),),
                )
            self._changes.setdefault(tool.qualified, entry)

    # --- names --------------------------------------------------------------------------------

    def enums_with(self, label: str) -> tuple[EnumType, ...]:
        """The declared enums that have a label; those that are one type count once."""
        if self._labels is None:
            self._labels = {}
            enums = [WEEKDAY]
            for entry in self.index.entries("type"):
                type_ = self.types.named(entry)
                if isinstance(type_, EnumType) and not any(
                    set(type_.labels) == set(other.labels) for other in enums
                ):
                    enums.append(type_)
            for enum in enums:
                for each in enum.labels:
                    self._labels.setdefault(each, []).append(enum)
        return tuple(self._labels.get(label, ()))

    def is_label(self, name: str) -> bool:
        """Whether a name is a label of any enum, those of the tools' arguments included."""
        if self.enums_with(name):
            return True
        return any(
            name in type_.labels
            for tool in self.tool_sets.catalog
            for type_ in parts(tool.params)
            if isinstance(type_, EnumType)
        )

    def scope_record(self, name: str) -> RecordType:
        """The record of `principal`, `context` or `session`, empty where it is not declared."""
        if name not in self._scopes:
            entry = self.index.scopes.get(name)
            fields: tuple[ast.FieldDecl, ...] = ()
            if entry is not None and isinstance(entry.declaration, ast.ScopeDecl):
                fields = entry.declaration.fields
            unit = entry.unit if entry is not None else None
            self._scopes[name] = (
                RecordType(name, ()) if unit is None else self.types.record(name, fields, unit)
            )
        return self._scopes[name]

    def fact(self, entry: Entry) -> ir.FactSignature | None:
        """A fact's signature; None (and an error) where a type of it is wrong."""
        if entry not in self._facts:
            declaration = entry.declaration
            assert isinstance(declaration, ast.FactDecl)
            params = self.types.record("", declaration.params, entry.unit)
            result = self.types.resolve(declaration.result, entry.unit)
            poisoned = is_poisoned(result) or any(is_poisoned(f.type) for f in params.fields)
            for field in params.fields:
                if isinstance(field.type, OptionalType):
                    self.reporter.error(
                        "LIC112",
                        f"the key `{field.name}` of `{entry.name}` may be absent",
                        declaration.span,
                        "the keys of a fact are always there: leave out the `?`",
                    )
                    poisoned = True
                elif isinstance(field.type, RecordType | ListType | MapType | JsonType):
                    self.reporter.error(
                        "LIC131",
                        f"the key `{field.name}` of `{entry.name}` has parts",
                        declaration.span,
                        "look facts up by single values: an id, a name, a date",
                    )
                    poisoned = True
            self._facts[entry] = (
                None
                if poisoned
                else ir.FactSignature(
                    self.index.label("value", entry),
                    tuple((field.name, field.type) for field in params.fields),
                    result,
                )
            )
        return self._facts[entry]

    def remember(self, index: HistoryIndex) -> HistoryIndex:
        """An index, under a name of its own; the one that is there already if it is the same."""
        name, number = index.name, 1
        while (known := self.history.get(name)) is not None:
            if known.digest == index.digest and known.signature.params == index.signature.params:
                return known
            number += 1
            name = f"{index.name} ({number})"
        signature = replace(index.signature, name=name)
        self.history[name] = replace(index, name=name, signature=signature)
        return self.history[name]

    # --- values -------------------------------------------------------------------------------

    def constant(self, node: ast.Expr, unit: Unit, expected: Type | None = None) -> ir.Const | None:
        """The value of an expression without anything variable in it."""
        checker = Checker(self)
        scope = Scope(unit)
        typed = checker.infer(node, scope, expected)
        if typed is not None and not isinstance(expected, OptionalType | JsonType):
            typed = handled(checker, typed, node.span, scope)
        if typed is None:
            return None
        if not isinstance(typed.expr, ir.Const):
            self.reporter.error(
                "LIC119",
                "a constant is wanted here",
                node.span,
                "write the value itself; a param without a value and a function are no constants",
            )
            return None
        return typed.expr

    def typed_constant(self, node: ast.Expr, unit: Unit, type_: Type, what: str) -> ir.Const | None:
        """A constant that is a value of the type, constraints included."""
        if is_poisoned(type_):
            return None
        const = self.constant(node, unit, type_)
        if const is None:
            return None
        if not accepts(type_, const.type):
            self.reporter.error(
                "LIC111",
                f"`{type_}` is wanted here, not `{const.type}`",
                node.span,
                f"{what} is declared so",
            )
            return None
        if not conforms(const.value, type_):
            self.reporter.error(
                "LIC124",
                f"`{show(const.value, const.type)}` is not in `{type_}`",
                node.span,
                f"{what} is declared so: change the value or the type",
            )
            return None
        return ir.Const(const.value, type_)

    def value(self, entry: Entry) -> ir.Expr | None:
        """A const's or param's value; `ir.Param` for a param that has none yet."""
        if entry in self._values:
            return self._values[entry]
        if entry in self._open:
            circle = " → ".join(f"`{e.name}`" for e in self._open[self._open.index(entry) :])
            self.reporter.error(
                "LIC105",
                f"the value of `{entry.name}` needs itself: {circle} → `{entry.name}`",
                entry.span,
                "give one of them a value of its own",
            )
            return None
        self._open.append(entry)
        declaration = entry.declaration
        assert isinstance(declaration, ast.ValueDecl)
        found = (
            self._param(entry, declaration)
            if declaration.is_param
            else self._const(entry, declaration)
        )
        self._open.pop()
        self._values[entry] = found
        return found

    def _const(self, entry: Entry, declaration: ast.ValueDecl) -> ir.Expr | None:
        if declaration.value is None:
            return None
        if declaration.type is None:
            return self.constant(declaration.value, entry.unit)
        type_ = self.types.resolve(declaration.type, entry.unit)
        return self.typed_constant(declaration.value, entry.unit, type_, f"`{entry.name}`")

    def _param(self, entry: Entry, declaration: ast.ValueDecl) -> ir.Expr | None:
        if declaration.type is None:
            return None
        type_ = self.types.resolve(declaration.type, entry.unit)
        if is_poisoned(type_):
            return None
        default = None
        if declaration.value is not None:
            default = self.typed_constant(declaration.value, entry.unit, type_, f"`{entry.name}`")
        given = self.index.gathered.given.get(entry.unit.group, {}).get(entry.name)
        imported = None
        if given is not None:
            imported = self.typed_constant(given.value, given.unit, type_, f"`{entry.name}`")
            if imported is None:
                return None
        if (key := self._given_key(entry)) is not None:
            value = given_value(
                entry.name, type_, self._given[key], self.clock, entry.span, self.reporter
            )
            return None if value is None else ir.Const(value[0], type_)
        if imported is not None:
            return imported
        if declaration.value is not None:
            return default
        if isinstance(type_, OptionalType):
            return ir.Const(None, type_)
        return ir.Param(self.index.label("value", entry), type_)

    def _given_key(self, entry: Entry) -> str | None:
        """The name under which the deployment gives a param: its own, or with its file's stem."""
        label = self.index.label("value", entry)
        return next((name for name in (label, entry.qualified) if name in self._given), None)

    def _check_given(self) -> None:
        """Every given value belongs to a param."""
        params = [
            entry
            for entry in self.index.entries("value")
            if isinstance(entry.declaration, ast.ValueDecl | ast.TableDecl)
            and entry.declaration.is_param
        ]
        names = {n for e in params for n in (self.index.label("value", e), e.qualified)}
        shown = {self.index.label("value", entry) for entry in params}
        for name in sorted(set(self._given) - names):
            self.reporter.error(
                "LIC122",
                f"no param is named `{name}`",
                None,
                suggestion(name, shown, "the policy declares no params"),
            )
        for group, given in self.index.gathered.given.items():
            own = {e.name for e in params if e.unit.group == group}
            for name, value in given.items():
                if name not in own:
                    self.reporter.error(
                        "LIC122",
                        f"no param of the imported file is named `{name}`",
                        value.span,
                        suggestion(name, own, "the file declares no params"),
                    )

    # --- tables -------------------------------------------------------------------------------

    def table(self, entry: Entry) -> Table | None:
        """A table with what the deployment gave; None (and errors) where it is not total."""
        if entry not in self._tables:
            declaration = entry.declaration
            assert isinstance(declaration, ast.TableDecl)
            self._tables[entry] = None
            self._tables[entry] = self._table(entry, declaration)
        return self._tables[entry]

    def _table(self, entry: Entry, declaration: ast.TableDecl) -> Table | None:
        params = tuple(self.types.resolve(node, entry.unit) for node in declaration.params)
        result = self.types.resolve(declaration.result, entry.unit)
        if is_poisoned(result) or any(map(is_poisoned, params)):
            return None
        for type_, node in zip(params, declaration.params, strict=True):
            if not isinstance(type_, EnumType | BoolType | IntType | StringType):
                self.reporter.error(
                    "LIC111",
                    f"the keys of a table are labels, Bool, Int or text, not `{type_}`",
                    node.span,
                    "compare such values with `if … then … else …` instead",
                )
                return None
        rows: list[Row] = []
        for row in declaration.rows:
            checked = self._row(entry, row, params, result)
            if checked is not None:
                rows.append(checked)
        if len(rows) < len(declaration.rows):
            return None
        label = self.index.label("value", entry)
        key = self._given_key(entry)
        if declaration.is_param and key is not None:
            changed = given_rows(
                label,
                params,
                result,
                rows,
                self._given[key],
                self.clock,
                declaration.span,
                self.reporter,
            )
            if changed is None:
                return None
            rows = changed
        return check_table(label, params, result, rows, declaration.span, self.reporter)

    def _row(
        self, entry: Entry, row: ast.TableRow, params: tuple[Type, ...], result: Type
    ) -> Row | None:
        if len(row.keys) != len(params):
            self.reporter.error(
                "LIC114",
                f"a row of `{entry.name}` has {len(params)} keys, not {len(row.keys)}",
                row.span,
                f"write `{', '.join(map(str, params))}: value`",
            )
            return None
        keys: list[Value | None] = []
        for node, type_ in zip(row.keys, params, strict=True):
            if isinstance(node, ast.Name) and node.name == "_":
                keys.append(None)
                continue
            const = self.typed_constant(node, entry.unit, type_, "the column")
            if const is None:
                return None
            keys.append(const.value)
        value = self.typed_constant(row.value, entry.unit, result, f"`{entry.name}`")
        return None if value is None else Row(tuple(keys), value.value, row.span)

    # --- the zone -----------------------------------------------------------------------------

    def _zone(self) -> str:
        declaration = self.index.timezone
        if declaration is None:
            return "UTC"
        try:
            return clock(declaration.zone).zone
        except ZoneError:
            self.reporter.error(
                "LIC124",
                f"`{declaration.zone}` is no time zone",
                declaration.span,
                suggestion(
                    declaration.zone, zone_names(), 'write an IANA name: "America/New_York"'
                ),
            )
            return "UTC"

    # --- what the program keeps ---------------------------------------------------------------

    def params(self) -> tuple[dict[str, Value], dict[str, Type]]:
        """The values of the params that have one, and the types of those that have none."""
        known: dict[str, Value] = {}
        unset: dict[str, Type] = {}
        for entry in self.index.entries("value"):
            declaration = entry.declaration
            if isinstance(declaration, ast.ValueDecl) and declaration.is_param:
                match self.value(entry):
                    case ir.Const(value=value):
                        known[self.index.label("value", entry)] = value
                    case ir.Param(name=name, type=type_):
                        unset[name] = type_
                    case _:
                        pass
        return known, unset

    def all_tables(self) -> list[Table]:
        """Every table of the policy."""
        entries = self.index.entries("value")
        tables = [self.table(e) for e in entries if isinstance(e.declaration, ast.TableDecl)]
        return [table for table in tables if table is not None]
