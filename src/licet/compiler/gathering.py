"""Pass 1: all files of a policy, their imports followed, and where every name is declared.

In: the sources of a folder (one namespace), and a reader for imports. Out: units and an index.
Imported files are namespaces of their own: a name that several visible namespaces declare has to
be written with the stem of its file (`common.fee`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from licet.policy_lang import Note, Source, Span, ast, parse

from .reporting import Reporter

ROOT = ""

Read = Callable[[str], Source | None]


@dataclass(frozen=True, slots=True)
class Unit:
    """One file. `group` is its namespace: "" for the folder, else the imported file's name."""

    name: str
    tree: ast.File = field(repr=False, compare=False)
    source: Source = field(repr=False, compare=False)
    group: str

    @property
    def stem(self) -> str:
        return PurePosixPath(self.name).stem


@dataclass(frozen=True, slots=True)
class Entry:
    """A declared name, and the file that declares it."""

    name: str
    unit: Unit
    declaration: ast.Declaration = field(repr=False)

    @property
    def qualified(self) -> str:
        return f"{self.unit.stem}.{self.name}"

    @property
    def span(self) -> Span:
        return self.declaration.span


@dataclass(frozen=True, slots=True)
class GivenParam:
    """A param's value that an `import … with` gives."""

    value: ast.Expr
    unit: Unit
    span: Span


@dataclass(slots=True)
class Gathered:
    """Every unit, and which namespaces each namespace sees (itself included)."""

    units: list[Unit] = field(default_factory=list)
    sees: dict[str, set[str]] = field(default_factory=lambda: {ROOT: {ROOT}})
    given: dict[str, dict[str, GivenParam]] = field(default_factory=dict)

    def declarations(self) -> Iterator[tuple[Unit, ast.Declaration]]:
        """All declarations in the order of files and lines."""
        for unit in self.units:
            for declaration in unit.tree.declarations:
                yield unit, declaration


def gather(files: Sequence[Source], read: Read, reporter: Reporter) -> Gathered:
    """Parse the files and what they import, each file once."""
    found = Gathered()
    edges: dict[str, list[tuple[ast.Import, str]]] = {}
    waiting: list[Unit] = []
    for source in files:
        waiting.append(_parsed(source, ROOT, reporter))
    roots = {unit.name for unit in waiting}
    while waiting:
        unit = waiting.pop(0)
        found.units.append(unit)
        found.sees.setdefault(unit.group, {unit.group})
        for declaration in unit.tree.declarations:
            if isinstance(declaration, ast.Import):
                target = _target(unit, declaration, reporter)
                if target is None:
                    continue
                edges.setdefault(unit.name, []).append((declaration, target))
                known = {u.name for u in found.units} | {u.name for u in waiting}
                if target not in known:
                    imported = read(target)
                    if imported is None:
                        reporter.error(
                            "LIC302",
                            f"cannot read the imported file `{declaration.path}`",
                            declaration.span,
                            "paths are relative to the file that imports, and stay in the project",
                        )
                        continue
                    waiting.append(_parsed(imported, target, reporter, name=target))
                group = ROOT if target in roots else target
                found.sees[unit.group].add(group)
                _give(found, unit, declaration, group, reporter)
    _report_cycles(edges, reporter)
    _close(found.sees)
    return found


def _parsed(source: Source, group: str, reporter: Reporter, name: str | None = None) -> Unit:
    tree, diagnostics = parse(source)
    for diagnostic in diagnostics:
        reporter.add(diagnostic)
    return Unit(name or source.name, tree, source, group)


def _target(unit: Unit, declaration: ast.Import, reporter: Reporter) -> str | None:
    """The imported file's name; None (and an error) where it would leave the project."""
    path = declaration.path
    steps: list[str] = [] if path.startswith("/") else list(PurePosixPath(unit.name).parent.parts)
    outside = path.startswith("/") or "\\" in path or "\0" in path or ":" in path
    for step in path.split("/"):
        if step == "..":
            if not steps:
                outside = True
                break
            steps.pop()
        elif step not in ("", "."):
            steps.append(step)
    if outside or not steps:
        reporter.error(
            "LIC303",
            f"`{path}` is outside the project",
            declaration.span,
            "import files below the project's folder, by a relative path with `/`",
        )
        return None
    return "/".join(steps)


def _give(
    found: Gathered, unit: Unit, declaration: ast.Import, group: str, reporter: Reporter
) -> None:
    given = found.given.setdefault(group, {})
    for name, value in declaration.params:
        if name in given and given[name].value != value:
            reporter.error(
                "LIC305",
                f"`{name}` of `{declaration.path}` is given two different values",
                value.span,
                "import the file once with its params, or with the same values everywhere",
                (Note("the other value is here", given[name].span),),
            )
        given.setdefault(name, GivenParam(value, unit, value.span))


def _report_cycles(
    edges: Mapping[str, Sequence[tuple[ast.Import, str]]], reporter: Reporter
) -> None:
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        for declaration, target in edges.get(name, ()):
            if target in (*path, name):
                circle = [*path, name][[*path, name].index(target) :]
                reporter.error(
                    "LIC304",
                    "files import each other in a circle: "
                    + " → ".join(f"`{PurePosixPath(n).name}`" for n in [*circle, target]),
                    declaration.span,
                    "move what both need into a third file",
                )
            elif target not in done:
                visit(target, (*path, name))
        done.add(name)

    for name in edges:
        if name not in done:
            visit(name, ())


def _close(sees: dict[str, set[str]]) -> None:
    """What is imported by an import is seen too."""
    changed = True
    while changed:
        changed = False
        for groups in sees.values():
            more = set().union(*(sees.get(group, set()) for group in groups)) - groups
            if more:
                groups.update(more)
                changed = True
