"""`licet audit export AUDIT`: every entry as it was written, one a line."""

from __future__ import annotations

import argparse

from .audit_source import open_source, source_argument
from .failures import Exit, Failed
from .progress import Bar
from .verb import Streams, Verb


def run(options: argparse.Namespace, streams: Streams) -> int:
    """Print all entries."""
    from licet.verifier.audit import line_of

    source = open_source(options, streams.input)
    with Bar(streams, source.total, noun="entries") as bar:
        for count, record in enumerate(source.records(), 1):
            if record.entry is None:
                raise Failed(f"{source.unit} {count:,} is no entry: {record.problem}")
            streams.out.write(line_of(record.entry))
            if count % 1_000 == 0:
                bar.at(record.end, count)
    return Exit.fine


def _arguments(parser: argparse.ArgumentParser) -> None:
    source_argument(parser)
    parser.add_argument(
        "--format", choices=("jsonl",), default="jsonl", help="JSON Lines: an entry a line"
    )


VERB = Verb(
    "audit export",
    "print all entries, one a line",
    _arguments,
    run,
    details=(
        'A line is {"hash": …, "entry": {…}}; the entry\'s text is exactly what was hashed.\n\n'
        "exit codes:\n"
        "  0  all printed\n"
        "  2  the audit cannot be read"
    ),
    examples=(("licet audit export sqlite:///state.db > audit.jsonl", "all tenants"),),
)
