"""Text → program: the passes in their order, each over what those before it have left.

Nothing here reads files: sources are given, imports and catalogs are read through functions that
the caller hands in. All errors of a policy are reported at once; a policy with an error has no
program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from licet.policy_lang import Diagnostic, Source

from .builtins import BUILTINS, OPERATORS
from .catalog import Catalog
from .catalogues import ReadTools, collect_tools
from .declarations import Declarations
from .digests import policy_digest
from .gathering import ROOT, Gathered, Read, gather
from .limits import type_limits
from .program import Program, Proof, TestCase
from .proofs import type_proofs
from .reporting import Reporter
from .resolution import Index
from .rules import RuleBook, check_changes, check_defines, type_rules
from .scenarios import resolve_tests
from .tool_sets import ToolSets
from .visibility import adjustable_arguments, fact_signatures, own_history, shown_paths

FUNCTIONS = frozenset(BUILTINS) - OPERATORS


class Compilation:
    """What the passes have found so far."""

    def __init__(
        self, gathered: Gathered, params: Mapping[str, object], reporter: Reporter
    ) -> None:
        self.reporter = reporter
        self.gathered = gathered
        self.index = Index(gathered, FUNCTIONS, reporter)
        self.declared = Declarations(self.index, params, reporter)
        self.rules = RuleBook(Catalog(), [])
        self.proofs: tuple[Proof, ...] = ()
        self.tests: tuple[TestCase, ...] = ()
        self.shown: frozenset[tuple[str, ...]] = frozenset()
        self.adjustable: dict[str, tuple[tuple[str, ...], ...]] = {}


def check_declarations(state: Compilation) -> None:
    state.declared.tool_sets.check_groups()
    state.declared.check_all()


def check_rules(state: Compilation) -> None:
    state.rules = type_rules(state.declared)
    check_changes(state.declared)
    check_defines(state.declared)


def check_limits(state: Compilation) -> None:
    state.rules.add(type_limits(state.declared))


def check_proofs(state: Compilation) -> None:
    state.proofs = type_proofs(state.declared)


def check_visibility(state: Compilation) -> None:
    state.shown = shown_paths(state.declared)
    state.adjustable = adjustable_arguments(state.declared)


def check_tests(state: Compilation) -> None:
    state.tests = resolve_tests(state.declared)


#: The passes after tools are known, in their order, and why it is so.
PASSES: tuple[tuple[Callable[[Compilation], None], str], ...] = (
    (
        check_declarations,
        "first: rules are typed against declarations; unused wrong ones count too",
    ),
    (check_rules, "after declarations, so that a wrong type is reported where it is declared"),
    (check_limits, "after rules, beside which a limit's rules stand"),
    (check_proofs, "proofs use the same names as rules"),
    (check_visibility, "needs tools, facts and scopes only"),
    (check_tests, "last: tests name rules, tools and facts"),
)


def read_nothing(_name: str) -> Source | None:
    """A reader for a policy without imports."""
    return None


def compile_sources(
    files: Sequence[Source],
    *,
    params: Mapping[str, object] | None = None,
    catalog: Catalog | None = None,
    read: Read = read_nothing,
    read_tools: ReadTools | None = None,
) -> tuple[Program | None, tuple[Diagnostic, ...]]:
    """Compile the files of one policy: a program (None if there is an error) and what was found.

    `files` form one namespace; `read` gives the source of an imported file by its name relative
    to the project (None: it cannot be read); `read_tools` the tools of a `use tools` line;
    `params` are the values that the deployment gives, as JSON data.
    """
    reporter = Reporter()
    try:
        program = _compiled(files, params or {}, catalog, read, read_tools, reporter)
    except RecursionError:  # records, consts, groups or imports in chains of hundreds
        reporter.error(
            "LIC129",
            "the declarations of the policy nest too deeply",
            None,
            "shorten the longest chain of records, consts, groups or defines",
        )
        program = None
    return program, reporter.diagnostics()


def _compiled(
    files: Sequence[Source],
    params: Mapping[str, object],
    catalog: Catalog | None,
    read: Read,
    read_tools: ReadTools | None,
    reporter: Reporter,
) -> Program | None:
    gathered = gather(files, read, reporter)
    state = Compilation(gathered, params, reporter)
    types = state.declared.types
    tools, complete = collect_tools(gathered, catalog, read_tools, types, reporter)
    state.declared.tool_sets = ToolSets(state.index, tools, reporter, complete=complete)
    for check, _ in PASSES:
        check(state)
    return None if reporter.failed else _program(state, tools)


def _program(state: Compilation, tools: Catalog) -> Program:
    declared = state.declared
    known, unset = declared.params()
    return Program(
        name=state.index.policy.name if state.index.policy is not None else "",
        zone=declared.zone,
        catalog=tools,
        principal=declared.scope_record("principal"),
        context=declared.scope_record("context"),
        session=declared.scope_record("session"),
        facts=fact_signatures(declared, state.shown),
        history=declared.history,
        rules=state.rules,
        params=known,
        unset_params=unset,
        shown=state.shown | own_history(declared.history),
        adjustable=state.adjustable,
        tests=state.tests,
        digest=policy_digest(
            [unit.source.text for unit in state.gathered.units],
            known,
            unset,
            declared.all_tables(),
            declared.zone,
        ),
        proofs=state.proofs,
        files={unit.name: unit.tree for unit in state.gathered.units},
        imported=frozenset(unit.name for unit in state.gathered.units if unit.group != ROOT),
    )
