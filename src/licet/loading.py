"""Where the rooms are put together: paths in, a program or a guard out.

This is the one place that knows both the compiler and the importers of catalogs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, overload

from licet.adapters.catalogs import hints, locking, sources
from licet.compiler.catalog import Catalog, Tool, ToolSource
from licet.compiler.loading import Project, open_project
from licet.compiler.pipeline import compile_sources
from licet.compiler.program import Program
from licet.policy_lang import Diagnostic, Severity, Source, ast, has_errors, render_text
from licet.verifier import guard as verifier
from licet.verifier.guard_options import GuardOptions
from licet.verifier.history import Store

if TYPE_CHECKING:
    from licet.adapters.remote.guard import ConnectOptions, RemoteGuard

F = TypeVar("F", bound=Callable[..., Any])


class PolicyError(ValueError):
    """A policy that does not load; `diagnostics` say everything that is wrong with it."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__(render_text(tuple(diagnostics)))
        self.diagnostics = tuple(diagnostics)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A program, or None where some diagnostic is an error."""

    program: Program | None
    diagnostics: tuple[Diagnostic, ...]


def load_program(
    paths: Sequence[Path],
    *,
    params: Mapping[str, object] | None = None,
    catalog: Catalog | None = None,
    texts: Mapping[str, str] | None = None,
    instead: Mapping[Path, Path] | None = None,
) -> Loaded:
    """Compile the union of the policies at some paths (`.licet` files or folders) of one project.

    `params` win over those of the project's `licet.toml`; `catalog` adds tools to those that the
    policy names itself. `texts` stand for the text of files, by their name relative to the project:
    what an editor has not saved yet, or what somebody would like to try. `instead` reads another
    file for one that a `use tools` line names, both by their resolved paths.
    """
    projects: list[Project] = []
    found: list[Diagnostic] = []
    for path in paths:
        project, problems = open_project(path)
        projects.append(project)
        found.extend(problems)
    if not projects or has_errors(found):
        return Loaded(None, tuple(found))
    first = projects[0]
    if any(project.root != first.root for project in projects):
        problem = Diagnostic(
            "LIC301",
            "these paths are not of one project",
            None,
            help="put a `licet.toml` into the folder above them, or load them one by one",
        )
        return Loaded(None, (*found, problem))
    given = {name: Source(name, text) for name, text in (texts or {}).items()}
    sources = {s.name: given.get(s.name, s) for project in projects for s in project.sources}
    program, diagnostics = compile_sources(
        tuple(sources.values()),
        params={**first.params, **(params or {})},
        catalog=catalog,
        read=lambda name: given.get(name) or first.read(name),
        read_tools=_Importer(first, instead or {}).read,
    )
    if program is not None:
        program = replace(program, observe_until=first.observe_until)
    return Loaded(program, (*found, *diagnostics))


@dataclass(frozen=True, slots=True)
class _Importer:
    """Reads the tool lists that a project's policies name, inside the project alone.

    `instead` gives another file for one that a policy names.
    """

    project: Project
    instead: Mapping[Path, Path]

    def read(
        self, line: ast.UseTools, policy: str
    ) -> tuple[tuple[Tool | ToolSource, ...], tuple[Diagnostic, ...]]:
        tools, found = self._read(line, policy)
        lock, problem = locking.read(self.project.root)
        told, another = hints.read(self.project.root)
        if problems := tuple(each for each in (problem, another) if each is not None):
            return tools, (*found, *problems)
        tools = tools if lock is None else lock.applied(tools)
        return (tools if told is None else told.applied(tools)), found

    def _read(
        self, line: ast.UseTools, policy: str
    ) -> tuple[tuple[Tool | ToolSource, ...], tuple[Diagnostic, ...]]:
        tools: list[Tool | ToolSource] = []
        found: list[Diagnostic] = []
        for source in line.sources:
            if line.format in sources.INSTALLED:
                given, problems = sources.installed(
                    line.format, source.value, line.alias, source.span
                )
                tools.extend(given)
                found.extend(problems)
                continue
            name = (PurePosixPath(policy).parent / source.value).as_posix()
            path = self.project.locate(name)
            if path is None:
                found.append(
                    Diagnostic(
                        "LIC302",
                        f"cannot read `{source.value}`",
                        source.span,
                        Severity.error,
                        help="name a file inside the project, relative to this policy",
                    )
                )
                continue
            path = self.instead.get(path, path)
            given, problems = sources.load(path, line.format, line.alias, source.span)
            tools.extend(given)
            found.extend(replace(p, span=source.span) if p.span is None else p for p in problems)
        return tuple(tools), tuple(found)


class Guard(verifier.Guard):
    """The guard of an application, with the way to load one from a policy's path."""

    @classmethod
    def load(
        cls,
        *paths: str | Path,
        params: Mapping[str, object] | None = None,
        catalog: Catalog | None = None,
        store: str | Store | None = None,
        **options: Unpack[GuardOptions],
    ) -> Self:
        """A guard on the union of the policies at some paths, with every mistake reported at once.

        `store` is where the guard remembers: a URL such as `sqlite:///state.db`, a store, or None
        for this process alone. See `verifier.Guard` for the options; `observe_until` is what the
        project's `licet.toml` says, unless it is given.

        Raises PolicyError, whose text shows each diagnostic with its place, UnsetParamsError, and
        StoreError.
        """
        loaded = load_program([Path(path) for path in paths], params=params, catalog=catalog)
        if loaded.program is None:
            raise PolicyError(loaded.diagnostics)
        options.setdefault("observe_until", loaded.program.observe_until)
        return cls(loaded.program, store=_opened(store), **options)

    @staticmethod
    def connect(url: str, *, key: str, **options: Unpack[ConnectOptions]) -> RemoteGuard:
        """The guard of a service (`licet serve`), with the methods of this one: docs/remote.md.

        `key` is one of a host. Nothing is asked of the service yet. Raises ValueError for a URL or
        a key that cannot be one, ImportError without `licet[client]`.
        """
        from licet.adapters.remote.guard import RemoteGuard

        return RemoteGuard(url, key=key, **options)

    @overload
    def tool(self, function: F, /) -> F: ...

    @overload
    def tool(self, /, *, name: str | None = None) -> Callable[[F], F]: ...

    def tool(
        self, function: F | None = None, /, *, name: str | None = None
    ) -> F | Callable[[F], F]:
        """A function that runs only what is allowed, in `with guard.session(…):`.

        Sync, async, generators of both kinds. `name` is the tool's, else the function's own. What
        is refused raises `RefusedError` (licet.adapters.frameworks.gate), whose text may be shown
        to a model; `approval` is the id of the approval that waits for somebody, if that is why.
        """
        from licet.adapters.frameworks.plain import guarded

        def register(function: F) -> F:
            return guarded(self, function, name=name)

        return register if function is None else register(function)


def _opened(store: str | Store | None) -> Store | None:
    if not isinstance(store, str):
        return store
    from licet.adapters.stores import open_store  # brings a database's library along

    return open_store(store)
