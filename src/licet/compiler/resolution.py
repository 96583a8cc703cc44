"""Pass 2: which declaration a name means, and whether any name is declared twice.

Five kinds of names do not disturb each other: types, values (params, consts, tables, facts,
defines), groups, rules, and tests.
"""

from __future__ import annotations

from typing import Literal

from licet.policy_lang import Note, Span, ast

from .gathering import ROOT, Entry, Gathered, Unit
from .names import alternatives, suggestion
from .reporting import Reporter

Kind = Literal["type", "value", "group", "rule", "test"]

ROOTS = ("args", "principal", "context", "session", "now", "tool", "approver", "result")
#: What a tool changes, where a `change` names it.
SIDES = frozenset(("before", "after"))
BUILT_IN_TYPES = (
    "Bool",
    "Int",
    "Decimal",
    "String",
    "Date",
    "Time",
    "Duration",
    "Json",
    "List",
    "Map",
    "Weekday",
)
FUNCTIONS = ("length", "first", "last", "distinct", "adjacent", "flatten", "min", "max")
AGGREGATES = ("all", "any", "count", "sum")

WORDS: dict[Kind, str] = {
    "type": "type",
    "value": "name",
    "group": "group",
    "rule": "rule",
    "test": "test",
}


class Index:
    """Every declared name of every file, found from the file that uses it."""

    def __init__(self, gathered: Gathered, functions: frozenset[str], reporter: Reporter) -> None:
        self.gathered = gathered
        self.functions = functions | frozenset(FUNCTIONS)
        self._reporter = reporter
        self._entries: dict[Kind, dict[str, list[Entry]]] = {kind: {} for kind in WORDS}
        self._stems: dict[str, set[str]] = {}
        self.scopes: dict[str, Entry] = {}
        self.policy: ast.PolicyDecl | None = None
        self.timezone: ast.TimezoneDecl | None = None
        for unit, declaration in gathered.declarations():
            self._stems.setdefault(unit.stem, set()).add(unit.group)
            self._add(unit, declaration)

    def entries(self, kind: Kind) -> list[Entry]:
        """All entries of a kind, in the order of declaration; of duplicates the first."""
        return [entry for entries in self._entries[kind].values() for entry in entries]

    def candidates(self, kind: Kind, name: str, unit: Unit) -> tuple[Entry, ...]:
        """What a name may mean in a file: nothing, one declaration, or (unclear) several."""
        sees = self.gathered.sees[unit.group]
        found = tuple(e for e in self._entries[kind].get(name, ()) if e.unit.group in sees)
        if not found and "." in name:
            stem, _, bare = name.partition(".")
            found = tuple(
                e
                for e in self._entries[kind].get(bare, ())
                if e.unit.group in sees and e.unit.stem == stem
            )
        return found

    def find(self, kind: Kind, name: str, unit: Unit, span: Span) -> Entry | None:
        """The one declaration of a name; an error where there are several. None: there is none."""
        found = self.candidates(kind, name, unit)
        if len(found) > 1:
            self._reporter.error(
                "LIC104",
                f"`{name}` is declared in several files",
                span,
                f"write {alternatives(entry.qualified for entry in found)}",
                tuple(Note("declared here", entry.span) for entry in found),
            )
        return found[0] if found else None

    def names(self, kind: Kind, unit: Unit) -> tuple[str, ...]:
        """Every name of a kind that a file may use."""
        sees = self.gathered.sees[unit.group]
        return tuple(
            name
            for name, entries in self._entries[kind].items()
            if any(entry.unit.group in sees for entry in entries)
        )

    def is_stem(self, name: str, unit: Unit) -> bool:
        """Whether a name is that of a file which the unit sees."""
        return bool(self._stems.get(name, set()) & self.gathered.sees[unit.group])

    def label(self, kind: Kind, entry: Entry) -> str:
        """A name as reports show it: bare where it is unique, else with its file's stem."""
        several = len(self._entries[kind].get(entry.name, ())) > 1
        return entry.qualified if several and entry.unit.group != ROOT else entry.name

    def _add(self, unit: Unit, declaration: ast.Declaration) -> None:
        match declaration:
            case ast.PolicyDecl():
                if unit.group == ROOT:
                    if self.policy is not None:
                        self._twice("policy", "the policy is named", declaration, self.policy.span)
                    else:
                        self.policy = declaration
            case ast.TimezoneDecl(zone=zone):
                if self.timezone is None:
                    self.timezone = declaration
                elif self.timezone.zone != zone or unit.group == ROOT:
                    self._twice("timezone", "the time zone is set", declaration, self.timezone.span)
            case ast.ScopeDecl(scope=scope):
                if scope in self.scopes:
                    self._twice(
                        scope, f"`{scope}` is declared", declaration, self.scopes[scope].span
                    )
                else:
                    self.scopes[scope] = Entry(scope, unit, declaration)
            case ast.EnumDecl(name=name) | ast.RecordDecl(name=name):
                self._name("type", name, unit, declaration)
            case (
                ast.ValueDecl(name=name)
                | ast.TableDecl(name=name)
                | ast.FactDecl(name=name)
                | ast.DefineDecl(name=name)
            ):
                self._name("value", name, unit, declaration)
            case ast.GroupDecl(name=name):
                self._name("group", name, unit, declaration)
            case ast.RuleDecl(name=name) | ast.LimitDecl(name=name) | ast.ProveDecl(name=name):
                self._name("rule", name, unit, declaration)
            case ast.TestDecl(name=name):
                self._name("test", name, unit, declaration)
            case _:
                pass

    def _name(self, kind: Kind, name: str, unit: Unit, declaration: ast.Declaration) -> None:
        taken = {
            "type": BUILT_IN_TYPES,
            "value": (*ROOTS, *self.functions, *AGGREGATES),
            "group": ("any",),
            "rule": (),
            "test": (),
        }[kind]
        # A param may be called `min`, as deployments do: a call always means the function.
        callable_only = isinstance(declaration, ast.ValueDecl) and name not in ROOTS
        if name in taken and not (kind == "value" and callable_only):
            self._reporter.error(
                "LIC103",
                f"`{name}` is a word of the language",
                declaration.span,
                "choose another name",
            )
            return
        entries = self._entries[kind].setdefault(name, [])
        for entry in entries:
            if entry.unit.group == unit.group:
                self._twice(
                    name, f"the {WORDS[kind]} `{name}` is declared", declaration, entry.span
                )
                return
        entries.append(Entry(name, unit, declaration))

    def _twice(self, name: str, what: str, declaration: ast.Declaration, first: Span) -> None:
        self._reporter.error(
            "LIC102",
            f"{what} twice",
            declaration.span,
            f"rename or remove one `{name}`",
            (Note("first declared here", first),),
        )


def unknown(
    reporter: Reporter, what: str, name: str, known: tuple[str, ...], span: Span, otherwise: str
) -> None:
    """Report a name that nothing declares, with the nearest that would do."""
    reporter.error("LIC101", f"unknown {what} `{name}`", span, suggestion(name, known, otherwise))
