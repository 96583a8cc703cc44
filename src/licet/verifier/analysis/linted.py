"""What a check looks at, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from licet.compiler import ir
from licet.compiler.program import Program
from licet.policy_lang import Diagnostic, Span, ast

from .surveying import RuleSurvey, Survey
from .syntax import nodes


@dataclass(frozen=True, slots=True)
class Edit:
    """Put `text` where `span` is."""

    span: Span
    text: str

    def stretch(self, text: str) -> tuple[int, int]:
        """What goes, from and to, in the text as it stands: of lines of which nothing is left, all,
        with a comment after it."""
        start, end = self.span.start, self.span.end
        if not self.text:
            line = text.rfind("\n", 0, start) + 1
            after = text.find("\n", end)
            after = len(text) if after < 0 else after + 1
            rest = text[end:after].strip()
            if not text[line:start].strip() and (not rest or rest.startswith("#")):
                return line, after
        return start, end


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnostic, and edits that mend it without changing what any call comes to."""

    diagnostic: Diagnostic
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """A rule as it was written: its tools, its position on each, and what is known of it there."""

    rule: ir.Rule
    on: tuple[tuple[str, int, RuleSurvey], ...]

    @property
    def everywhere_dead(self) -> bool:
        return all(known.never for _, _, known in self.on)


@dataclass(frozen=True)
class Linted:
    """A policy, the survey of each tool that rules stand on, and what the project says.

    `resolvers`: the facts that the host looks up (None: not said). `locked`: the tools
    of the project's lock, by qualified name (None: there is no lock).
    """

    program: Program
    surveys: Mapping[str, Survey]
    resolvers: frozenset[str] | None = None
    locked: frozenset[str] | None = None
    written: tuple[Written, ...] = field(init=False)

    def __post_init__(self) -> None:
        found: dict[tuple[str, int, int], list[tuple[str, int]]] = {}
        for tool, rules in self.program.rules.items():
            for position, rule in enumerate(rules.rules):
                place = (rule.span.source.name, rule.span.start, rule.span.end)
                found.setdefault(place, []).append((tool, position))
        written = []
        for places in found.values():
            first_tool, first = places[0]
            on = tuple(
                (tool, position, self.surveys[tool].rules[position]) for tool, position in places
            )
            written.append(Written(self.program.rules[first_tool].rules[first], on))
        object.__setattr__(self, "written", tuple(written))

    @cached_property
    def marks(self) -> frozenset[str]:
        """Names that folds over earlier calls mention: a rule among them (`secret_read in c.by`)
        is asked for later, whatever else it does."""
        return frozenset(
            node.name
            for declaration in self.declarations()
            for fold in nodes(declaration)
            if isinstance(fold, ast.Comprehension) and _reads_calls(fold)
            for node in nodes(fold.body)
            if isinstance(node, ast.Name | ast.Member)
        )

    def declarations(self) -> Iterator[ast.Declaration]:
        """All declarations of all files."""
        for file in self.program.files.values():
            yield from file.declarations


def _reads_calls(fold: ast.Comprehension) -> bool:
    return any(isinstance(node, ast.HistoryCalls) for node in nodes(fold.generator))


Check = Callable[[Linted], Iterator[Finding]]
