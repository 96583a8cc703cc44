"""Pass 3: the tools of a policy: given, from `use tools`, and declared in place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final, cast

from licet.policy_lang import Diagnostic, Note, Severity, Span, ast, has_errors

from .catalog import Catalog, Changed, Tool, ToolSource
from .digests import catalog_digest
from .gathering import Gathered, Unit
from .reporting import Reporter
from .type_resolution import Types
from .types import EnumType, RecordType, Type, as_binary64, rebuilt
from .typing_rules.agreement import is_poisoned

#: Findings of one code in a source that are told beside the gravest.
_ALSO: Final = 5

#: Reads the tools of a `use tools` line of the file with the given name.
ReadTools = Callable[
    [ast.UseTools, str], tuple[tuple[Tool | ToolSource, ...], tuple[Diagnostic, ...]]
]


def collect_tools(
    gathered: Gathered,
    given: Catalog | None,
    read_tools: ReadTools | None,
    types: Types,
    reporter: Reporter,
) -> tuple[Catalog, bool]:
    """All tools by qualified name, and whether every catalog could be read.

    A name that two sources give is an error. Where a catalog is missing, tools that are not known
    may be in it, so nothing is said about them.
    """
    found = _Found(reporter, _enum_order(gathered))
    complete = True
    if given is not None:
        for tool in given.tools:
            found.add(tool, None)
        for source in given.sources:
            found.add(source, None)
    for unit, declaration in gathered.declarations():
        match declaration:
            case ast.UseTools():
                used, read = _used(declaration, unit, read_tools, reporter)
                complete = complete and read
                for each in used:
                    found.add(each, declaration.span)
            case ast.ToolDecl():
                found.add_tool(_declared(declaration, unit, types), declaration.span)
            case _:
                pass
    catalog = Catalog(tuple(found.tools), sources=tuple(found.sources))
    return replace(catalog, digest=catalog_digest(catalog)), complete


class _Found:
    """The tools and sources so far, and where each name was first declared."""

    def __init__(self, reporter: Reporter, order: _Order) -> None:
        self.tools: list[Tool] = []
        self.sources: list[ToolSource] = []
        self._reporter = reporter
        self._order = order
        self._declared = dict(order)
        self._spans: dict[str, Span | None] = {}

    def add(self, each: Tool | ToolSource, span: Span | None) -> None:
        """Something of a catalog, its enums put into the policy's order."""
        if isinstance(each, Tool):
            self.add_tool(_in_order(each, self._order), span)
            return
        names = [f"{each.name}.{name}" for name in each.names()]
        if twice := next((name for name in names if name in self._spans), None):
            self._twice(twice, span)
            return
        self._spans.update(dict.fromkeys(names, span))
        declared = self._declared
        if declared:  # each tool alone: its enums must not depend on which tool was read before
            salt = repr(sorted(declared.values()))
            each = Changed(each, lambda tool: _in_order(tool, dict(declared)), salt)
        self.sources.append(each)

    def add_tool(self, tool: Tool, span: Span | None) -> None:
        if tool.qualified in self._spans:
            self._twice(tool.qualified, span)
            return
        self._spans[tool.qualified] = span
        self.tools.append(tool)

    def _twice(self, name: str, span: Span | None) -> None:
        first = self._spans[name]
        self._reporter.error(
            "LIC102",
            f"the tool `{name}` is declared twice",
            span,
            'read one of the two catalogs under another name: `use tools "…" as name`',
            () if first is None else (Note("first declared here", first),),
        )


_Order = dict[frozenset[str], tuple[str, ...]]


def _enum_order(gathered: Gathered) -> _Order:
    """The order that the policy declares for each set of labels; of two, the first."""
    order: _Order = {}
    for _, declaration in gathered.declarations():
        if isinstance(declaration, ast.EnumDecl):
            order.setdefault(frozenset(declaration.labels), declaration.labels)
    return order


def _in_order(tool: Tool, order: _Order) -> Tool:
    """The tool with the labels of its enums in the policy's order, else in that of the first tool.

    A tool list writes labels in any order; the policy's author means the policy's.
    """

    def ordered(scalar: Type) -> Type:
        if not isinstance(scalar, EnumType):
            return scalar
        return replace(scalar, labels=order.setdefault(frozenset(scalar.labels), scalar.labels))

    return replace(
        tool,
        params=cast(RecordType, rebuilt(tool.params, ordered)),
        result=None if tool.result is None else rebuilt(tool.result, ordered),
    )


def _used(
    declaration: ast.UseTools, unit: Unit, read_tools: ReadTools | None, reporter: Reporter
) -> tuple[tuple[Tool | ToolSource, ...], bool]:
    if read_tools is None:
        reporter.error(
            "LIC302",
            "catalogs cannot be read here",
            declaration.span,
            "give the catalog along with the policy, or declare the tools in it (`tool …`)",
        )
        return (), False
    tools, diagnostics = read_tools(declaration, unit.name)
    for diagnostic in _told(diagnostics):
        reporter.add(diagnostic)
    stem = PurePosixPath(declaration.sources[0].value).stem if declaration.sources else ""
    source = declaration.alias or stem
    named = tuple(
        each if not isinstance(each, Tool) or each.source else replace(each, source=source)
        for each in tools
    )
    return named, not has_errors(diagnostics)


def _told(found: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """What was found in a source, one diagnostic for each code and place: the gravest, with the
    others as its notes."""
    places: dict[tuple[str, Span | None], list[Diagnostic]] = {}
    for each in found:
        places.setdefault((each.code, each.span), []).append(each)
    for group in places.values():
        first, *others = sorted(group, key=lambda each: list(Severity).index(each.severity))
        notes = [*first.notes, *(Note(f"also: {each.message}") for each in others[:_ALSO])]
        if len(others) > _ALSO:
            notes.append(Note(f"and {len(others) - _ALSO:,} more"))
        yield replace(first, notes=tuple(notes))


def _declared(declaration: ast.ToolDecl, unit: Unit, types: Types) -> Tool:
    result = None if declaration.result is None else types.resolve(declaration.result, unit)
    return Tool(
        name=declaration.name,
        source="",
        params=cast(RecordType, as_binary64(types.record("args", declaration.params, unit))),
        result=None if result is None or is_poisoned(result) else as_binary64(result),
        read_only="read_only" in declaration.flags,
        destructive="destructive" in declaration.flags,
        atomic="atomic" in declaration.flags,
        dispatch="dispatch" in declaration.flags,
        tags=declaration.tags,
    )
