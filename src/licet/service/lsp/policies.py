"""The policy that an open document is part of, as the compiler sees it with what is not saved yet.

A folder's files are one policy, unless several of them name a policy of their own; then each file
is one by itself. A policy that does not compile is compiled once more without the declarations in
which something is wrong, so that an editor still knows the tools, types and names of the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from licet.compiler.loading import SUFFIX, open_project, project_root
from licet.compiler.pipeline import compile_sources
from licet.compiler.program import Program
from licet.loading import load_program
from licet.policy_lang import Diagnostic, Severity, Source, ast, parse

from .names import Occurrence, Symbol, occurrences

#: How often broken declarations are left out before an editor has to do without a program.
_TRIES = 3


@dataclass(frozen=True)
class Policy:
    """One policy: its project's folder, its files' syntax by name, what is wrong, what it means.

    `program` may lack declarations that are wrong; None where not even the rest compiles.
    """

    root: Path
    files: Mapping[str, ast.File]
    diagnostics: tuple[Diagnostic, ...]
    program: Program | None

    def name_of(self, path: Path) -> str:
        """The project-relative name of a file."""
        return path.resolve().relative_to(self.root).as_posix()

    def path_of(self, name: str) -> Path:
        return self.root / name

    def occurrences(self) -> list[tuple[str, Occurrence]]:
        """Every name of every file, groups told apart from tools."""
        found = [(name, o) for name, tree in self.files.items() for o in occurrences(tree)]
        groups = {o.symbol.name for _, o in found if o.symbol.kind == "group"}
        return [(name, _as_group(o) if o.symbol.name in groups else o) for name, o in found]


def _as_group(found: Occurrence) -> Occurrence:
    if found.symbol.kind != "tool":
        return found
    return Occurrence(Symbol("group", found.symbol.name), found.span, found.declares)


def read_policy(path: Path, texts: Mapping[Path, str]) -> Policy:
    """The policy of a document; `texts` are the open documents, by resolved path."""
    root = project_root(path)
    named = {
        file.relative_to(root).as_posix(): text
        for file, text in texts.items()
        if file.is_relative_to(root)
    }
    if not path.exists():  # a document that has never been saved: nothing is beside it
        source = Source(path.name, texts.get(path.resolve(), ""))
        alone, found = compile_sources([source])
        return Policy(root, {source.name: parse(source)[0]}, found, alone)
    paths = _paths(path, texts)
    loaded = load_program(paths, texts=named)
    program, found, kept = loaded.program, loaded.diagnostics, dict(named)
    for _ in range(_TRIES):
        if program is not None:
            break
        kept = _without_wrong(kept, found)
        again = load_program(paths, texts=kept)
        program, found = again.program, again.diagnostics
    files = {} if program is None else dict(program.files)
    for file in paths:
        for source in open_project(file)[0].sources:
            text = named.get(source.name, source.text)
            files[source.name] = parse(Source(source.name, text))[0]
    return Policy(root, files, loaded.diagnostics, program)


def _paths(path: Path, texts: Mapping[Path, str]) -> list[Path]:
    """The folder of a file, or the file where its neighbours are policies of their own."""
    folder = path.resolve().parent
    policies = 0
    for file in sorted(folder.glob(f"*{SUFFIX}")):
        text = texts.get(file.resolve())
        if text is None:
            try:
                text = file.read_text("utf-8")
            except (OSError, UnicodeDecodeError):
                continue
        policies += any(line.startswith("policy ") for line in text.splitlines())
    return [path] if policies > 1 or not path.exists() else [folder]


def _without_wrong(texts: Mapping[str, str], diagnostics: tuple[Diagnostic, ...]) -> dict[str, str]:
    """The texts with spaces for every declaration in which something is wrong."""
    wrong = [d.span for d in diagnostics if d.severity is Severity.error and d.span is not None]
    kept = dict(texts)
    for source in {span.source.name: span.source for span in wrong}.values():
        bad = [(s.start, max(s.end, s.start + 1)) for s in wrong if s.source.name == source.name]
        text = [char if char == "\n" else " " for char in source.text]
        for node in parse(source)[0].declarations:
            start, end = node.span.start, node.span.end
            if not any(b < end and start < e for b, e in bad):
                text[start:end] = source.text[start:end]
        kept[source.name] = "".join(text)
    return kept
