"""Verdicts for a person at a terminal: one line for an allow, a card for everything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from licet.compiler.json_text import json_line
from licet.verifier.verdict import Repair, Verdict, Violation

from .terminal import Piece, Styled

_OUTCOMES = {"allow": "bold green", "escalate": "bold yellow", "deny": "bold red"}

#: A longer value is cut; `--output json` has all of it.
_LONGEST = 240

Line = tuple[Piece, ...]


def card(verdict: Verdict, line: int | None = None) -> Iterator[Line]:
    """The lines that tell one verdict; `line` is where the call stands in its file."""
    yield _head(verdict, line)
    if verdict.allowed:
        return
    for violation in verdict.violations:
        yield from _violation(violation)
    yield from _block("because", [str(reason) for reason in verdict.because])
    yield from _block("settle", list(verdict.settle))
    if verdict.fine is not None:
        yield from _block("fine if", [_world(verdict.fine)])
    if verdict.fine is not None and verdict.counterexample is not None:
        yield from _block("broken if", [_world(verdict.counterexample)])
    if verdict.repair is not None:
        yield from _block("repair", list(_repair(verdict.repair)))
    if not verdict.explained:
        yield from _block("note", ["the reasons could not be worked out in time"])


def _head(verdict: Verdict, line: int | None) -> Line:
    name = (
        verdict.call_id if verdict.call_id is not None else "" if line is None else f"line {line}"
    )
    label = f"{verdict.outcome:<8}"
    head: Line = (Styled(label, _OUTCOMES[verdict.outcome]), " ")
    if name:
        head += (Styled(short(name, 60), "bold"), "  ")
    head += (short(verdict.tool, 120) or "(no tool)",)
    if verdict.allowed and verdict.rules:
        head += (Styled(f"  by {', '.join(verdict.rules)}", "dim"),)
    return head


def _violation(violation: Violation) -> Iterator[Line]:
    kind = violation.kind.replace("_", " ")
    if violation.rule is None:
        yield _row(kind, short(violation.message))
        return
    told: Line = (Styled(violation.rule, "bold"), f" ({kind})")
    if not violation.certain:
        told += (" perhaps",)
    if violation.where is not None:
        told += (Styled(f"  {violation.where}", "dim"),)
    yield _row("rule", *told)
    yield _row("", short(violation.message))


def _repair(repair: Repair) -> Iterator[str]:
    ending = "would be allowed" if repair.outcome == "allow" else "would need approval only"
    if repair.args is None and repair.bound is not None:
        yield f"{repair.bound} {ending}"
        return
    for change in repair.changes:
        yield f"{change.path}: {short(json_line(change.old))} → {short(json_line(change.new))}"
    if repair.changes:
        yield f"with {'this' if len(repair.changes) == 1 else 'these'}, the call {ending}"


def _world(call: Mapping[str, object]) -> str:
    return short(json_line({key: value for key, value in call.items() if key != "tool"}))


def _block(title: str, lines: list[str]) -> Iterator[Line]:
    for index, line in enumerate(lines):
        yield _row(title if index == 0 else "", short(line))


def _row(title: str, *pieces: Piece) -> Line:
    return ("  ", Styled(f"{title:<12} ", "cyan"), *pieces)


def short(text: str, limit: int = _LONGEST) -> str:
    """A text of somebody else, cut to a length that a person reads."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
