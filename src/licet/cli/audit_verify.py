"""`licet audit verify AUDIT`: whether every entry is there, in order, once, as it was written."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .audit_source import Source, open_source, source_argument
from .failures import Exit, Failed
from .findings import plural
from .progress import Bar
from .verb import Streams, Verb

if TYPE_CHECKING:
    from licet.verifier.audit import Finding, Verifier
    from licet.verifier.audit.checkpoints import Checkpoints
    from licet.verifier.audit.verifying import Standing

#: Findings that are shown; the rest are counted.
_MOST = 100


def run(options: argparse.Namespace, streams: Streams) -> int:
    """Verify one audit. 0: whole; 1: it is not; 2: it cannot be read."""
    from licet.verifier.audit import Verifier

    checkpoints = _checkpoints(options)
    source = open_source(options, streams.input)
    anchors = [c.anchor for c in checkpoints.valid] if checkpoints else []
    if options.tenant is not None:
        anchors = [anchor for anchor in anchors if anchor.tenant == options.tenant]
    verifier = Verifier((*source.heads, *anchors))
    shown = _Shown(options.output, source.unit, streams)
    for line, problem in checkpoints.problems if checkpoints else ():
        shown.checkpoint(line, problem)
    for finding in findings(verifier, source, streams, results_last=not shown.json):
        shown.finding(finding)
    if not verifier.count and not shown.count:
        raise Failed(f"there are no entries in `{options.source}`")
    shown.end(verifier, checkpoints)
    return Exit.refused if shown.count else Exit.fine


def findings(
    verifier: Verifier, source: Source, streams: Streams, *, results_last: bool = True
) -> Iterator[Finding]:
    """All that is wrong with a source, read to its end."""
    with Bar(streams, source.total, noun="entries", results_last=results_last) as bar:
        for record in source.records():
            if record.entry is None:
                yield verifier.malformed(record.problem)
            else:
                yield from verifier.of(record.entry)
            if verifier.count % 1_000 == 0:
                bar.at(record.end, verifier.count)
    yield from verifier.end()


def _checkpoints(options: argparse.Namespace) -> Checkpoints | None:
    if not options.checkpoints and not options.key:
        return None
    if not (options.checkpoints and options.key):
        raise Failed("--checkpoints FILE and --key FILE go together")

    from licet.verifier.audit.checkpoints import read_checkpoints
    from licet.verifier.audit.signing_keys import CheckpointError, read_public_key

    try:
        keys = [read_public_key(path) for path in options.key]
        return read_checkpoints(options.checkpoints, keys)
    except CheckpointError as error:
        raise Failed(str(error)) from None


class _Shown:
    """Prints what is found: as JSON Lines at once, as text when all has been read."""

    def __init__(self, output: str, unit: str, streams: Streams) -> None:
        self.json = output == "json"
        self.unit = unit
        self.out = streams.out
        self.count = 0
        self.lines: list[str] = []

    def checkpoint(self, line: int, problem: str) -> None:
        self._show(
            {"fault": "checkpoint", "position": line, "message": problem},
            f"checkpoints, line {line:,}: {problem}",
        )

    def finding(self, finding: Finding) -> None:
        plain = {
            "fault": finding.fault,
            "tenant": finding.tenant,
            "seq": finding.seq,
            "last": finding.last,
            "position": finding.position,
            "message": finding.message,
        }
        self._show({k: v for k, v in plain.items() if v is not None}, self._sentence(finding))

    def _sentence(self, finding: Finding) -> str:
        where = "" if finding.position is None else f" ({self.unit} {finding.position:,})"
        if finding.seq is None:
            return f"{finding.fault}: {self.unit} {finding.position:,} {finding.message}"
        numbers = f"{finding.seq:,}"
        if finding.last is not None and finding.last != finding.seq:
            numbers += f" to {finding.last:,}"
        return (
            f"{finding.fault}: tenant {finding.tenant}, number {numbers}: {finding.message}{where}"
        )

    def _show(self, plain: dict[str, object], text: str) -> None:
        self.count += 1
        if self.json:
            from licet.compiler.json_text import json_line

            self.out.write(json_line(plain) + "\n")
        elif self.count <= _MOST:
            self.lines.append(text)

    def end(self, verifier: Verifier, checkpoints: Checkpoints | None) -> None:
        if self.json:
            from licet.compiler.json_text import json_line

            tenants = [
                {"tenant": tenant, "entries": s.seq, "last": s.at, "vouched": s.vouched}
                for tenant, s in sorted(verifier.standings.items())
            ]
            self.out.write(json_line({"findings": self.count, "tenants": tenants}) + "\n")
            return
        for line in self.lines:
            self.out.say(line)
        if self.count > _MOST:
            self.out.say(f"and {self.count - _MOST:,} more")
        for tenant, standing in sorted(verifier.standings.items()):
            self.out.say(f"tenant {tenant}: number {standing.seq:,} is the last, of {standing.at}")
            if checkpoints is not None and not self.count:
                self.out.say("  " + _reach(standing))
        if self.count:
            self.out.say(f"not whole: {plural(self.count, 'finding')}")
            return
        self.out.say(
            f"whole: {plural(verifier.count, 'entry', 'entries')}, none changed or missing"
        )
        if checkpoints is None:
            self.out.say(
                "without checkpoints, nobody can tell whether the end was cut off, or everything"
                " written anew: give --checkpoints and --key"
            )


def _reach(standing: Standing) -> str:
    if standing.vouched == standing.seq:
        return "checkpoints vouch for all of it"
    loose = plural(standing.seq - standing.vouched, "entry", "entries")
    if not standing.vouched:
        return "no checkpoint vouches for any of it: it may have been cut off or written anew"
    return (
        f"checkpoints vouch for it up to number {standing.vouched:,}; the {loose} after that may"
        " have been cut off or written anew"
    )


def checkpoint_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--checkpoints", metavar="FILE", type=Path, help="signed checkpoints, kept elsewhere"
    )
    parser.add_argument(
        "--key",
        metavar="FILE",
        type=Path,
        action="append",
        help="a public key that signed them (NAME.pub); several where the key was changed",
    )


def _arguments(parser: argparse.ArgumentParser) -> None:
    source_argument(parser)
    checkpoint_arguments(parser)
    parser.add_argument(
        "--output",
        choices=("text", "json"),
        default="text",
        help="text unless told; json is JSON Lines: a line a finding, then one for the whole",
    )


VERB = Verb(
    "audit verify",
    "find whatever was removed, changed, reordered or cut off",
    _arguments,
    run,
    details=(
        "exit codes:\n"
        "  0  whole, as far as the checkpoints reach\n"
        "  1  something is wrong; it says what and where\n"
        "  2  the audit, the checkpoints or the key cannot be read"
    ),
    examples=(
        (
            "licet audit verify sqlite:///state.db --checkpoints cp.jsonl --key audit.key.pub",
            "a store",
        ),
        ("licet audit verify audit.jsonl", "an export, without checkpoints"),
    ),
)
