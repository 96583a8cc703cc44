"""Edits that an editor may offer: the fix of a diagnostic, and a name changed everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from licet.policy_lang import Diagnostic, Severity, Span
from licet.policy_lang.tokens import RESERVED
from licet.verifier.analysis.linted import Finding

from .names import Occurrence, Symbol
from .policies import Policy, read_policy

RENAMED = frozenset(("value", "type", "group", "rule", "local"))
"""What may be renamed: what a policy declares itself, tools aside, whose names are the agent's."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WRONG = re.compile(r"`([^`]+)`\Z")
_MEANT = re.compile(r"did you mean ((?:`[^`]+`(?:, | or )?)+)")


@dataclass(frozen=True, slots=True)
class Fix:
    """One replacement that may mend a diagnostic."""

    title: str
    span: Span
    text: str


def fixes(diagnostic: Diagnostic) -> Iterator[Fix]:
    """What a diagnostic's help suggests instead of a misspelt name, each as a fix."""
    span, help = diagnostic.span, diagnostic.help
    wrong, meant = _WRONG.search(diagnostic.message), _MEANT.search(help or "")
    if span is None or wrong is None or meant is None:
        return
    places = [m.start() for m in re.finditer(rf"(?<!\w){re.escape(wrong[1])}(?!\w)", span.text)]
    if len(places) != 1:
        return
    start = span.start + places[0]
    place = Span(span.source, start, start + len(wrong[1]))
    for name in re.findall(r"`([^`]+)`", meant[1]):
        yield Fix(f"Replace `{wrong[1]}` with `{name}`", place, name)


def mended(finding: Finding) -> Iterator[Fix]:
    """What `licet lint --fix` would do about a finding, in the file that it is in."""
    where = finding.diagnostic.span
    for edit in finding.edits:
        source = edit.span.source
        if where is not None and source.name == where.source.name:
            start, end = edit.stretch(source.text)
            title = f"Replace with `{edit.text}`" if edit.text else "Take it out"
            yield Fix(title, Span(source, start, end), edit.text)


class RenameError(ValueError):
    """A name that cannot be changed, or not into this; the text is for the author."""


def may_rename(policy: Policy, found: Occurrence) -> bool:
    """Whether a name is the policy's own."""
    return found.symbol.kind in RENAMED and any(
        o.declares and o.symbol == found.symbol for _, o in policy.occurrences()
    )


def rename(
    policy: Policy, path: Path, found: Occurrence, name: str, texts: Mapping[Path, str]
) -> dict[str, list[Span]]:
    """By file, the places that take the new name. Raises RenameError.

    The policy is compiled with them before anybody sees them: what would no longer compile, or
    would mean something that was there already, is refused.
    """
    if not may_rename(policy, found):
        raise RenameError(f"`{found.symbol.name}` is not a name that this policy declares")
    if not _NAME.fullmatch(name) or name in RESERVED:
        raise RenameError(f"`{name}` is not a name")
    taken = {o.symbol for _, o in policy.occurrences()}
    if Symbol(found.symbol.kind, name, found.symbol.owner) in taken:
        raise RenameError(f"`{name}` is taken")
    places: dict[str, list[Span]] = {}
    for file, occurrence in policy.occurrences():
        if occurrence.symbol == found.symbol:
            places.setdefault(file, []).append(occurrence.span)
    changed = dict(texts)
    for file, spans in places.items():
        text = spans[0].source.text
        for span in reversed(spans):
            text = text[: span.start] + name + text[span.end :]
        changed[policy.path_of(file).resolve()] = text
    if _errors(read_policy(path, changed)) > _errors(policy):
        raise RenameError(f"the policy would not compile with `{name}` for it")
    return places


def _errors(policy: Policy) -> int:
    return sum(d.severity is Severity.error for d in policy.diagnostics)
