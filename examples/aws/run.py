"""Judge proposed calls of Amazon's services: `python examples/aws/run.py CALLS.jsonl`.

Each row names a service, an operation and its parameters, and says whether AWS takes the call
(`label`) and what is wrong with it (`fault`). Prints how many of each fault were caught, which
valid calls were refused, and what was suggested for operations that do not exist.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from licet import Guard, PolicyError, Verdict
from licet.compiler.exact_json import JsonError, decode

POLICY = Path(__file__).parent / "aws.licet"
SHOWN = 20


@dataclass(frozen=True)
class Judged:
    """A row with the guard's answer."""

    row: Mapping[str, object]
    verdict: Verdict

    @property
    def name(self) -> str:
        return f"{self.row.get('service')}.{self.row.get('operation')}"

    @property
    def is_valid(self) -> bool:
        return self.row.get("label") == "valid"

    @property
    def kind(self) -> str | None:
        return self.verdict.violations[0].kind if self.verdict.violations else None

    @property
    def suggestions(self) -> list[str]:
        return [name for v in self.verdict.violations for name in v.suggestions]

    def plain(self) -> dict[str, object]:
        return {
            "service": self.row.get("service"),
            "operation": self.row.get("operation"),
            "fault": self.row.get("fault"),
            "verdict": self.verdict.outcome,
            "kind": self.kind,
            "suggestions": self.suggestions,
        }


def read_rows(path: Path) -> Iterator[Mapping[str, object]]:
    """The rows of a JSON Lines file, exactly as written. Raises ValueError with file and line."""
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = decode(line)
            except JsonError as error:
                raise ValueError(f"{path.name}:{number}: {error.message}") from None
            if not isinstance(row, dict):
                raise ValueError(f"{path.name}:{number}: a row is an object")
            yield row


def judge(guard: Guard, rows: Iterator[Mapping[str, object]]) -> list[Judged]:
    """The verdict on each row."""
    return [
        Judged(
            row,
            guard.check(
                {
                    "tool": f"{row.get('service')}.{row.get('operation')}",
                    "args": row.get("params", {}),
                }
            ),
        )
        for row in rows
    ]


def as_json(judged: Sequence[Judged]) -> dict[str, object]:
    """The whole report as data."""
    invalid = [each for each in judged if not each.is_valid]
    valid = [each for each in judged if each.is_valid]
    return {
        "invalid": {
            "total": len(invalid),
            "caught": sum(not each.verdict.allowed for each in invalid),
        },
        "valid": {"total": len(valid), "passed": sum(each.verdict.allowed for each in valid)},
        "rows": [each.plain() for each in judged],
    }


def report(judged: Sequence[Judged], console: Console) -> None:
    """The whole report for a reader."""
    table = Table("fault", "calls", "caught", box=None)
    for fault in sorted({str(each.row.get("fault")) for each in judged if not each.is_valid}):
        calls = [e for e in judged if not e.is_valid and str(e.row.get("fault")) == fault]
        caught = sum(not each.verdict.allowed for each in calls)
        table.add_row(escape(fault), str(len(calls)), str(caught))
    console.print(table)
    valid = [each for each in judged if each.is_valid]
    passed = sum(each.verdict.allowed for each in valid)
    console.print(f"\nvalid calls: {passed} of {len(valid)} allowed")
    wrong = [each for each in judged if each.verdict.allowed != each.is_valid]
    for each in wrong[:SHOWN]:
        said = each.verdict.message if each.is_valid else "was not caught"
        console.print(f"  {escape(each.name)}: {escape(said)}", soft_wrap=True)
    unknown = [each for each in judged if each.kind == "unknown_tool"]
    if unknown:
        console.print(f"\noperations that do not exist: {len(unknown)}")
    for each in unknown:
        nearest = ", ".join(each.suggestions) or "nothing is near"
        console.print(f"  {escape(each.name)} -> {escape(nearest)}", soft_wrap=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge a file; 1 if a call was judged unlike its label, 2 if the input is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("calls", type=Path, metavar="CALLS.jsonl")
    parser.add_argument("--policy", type=Path, default=POLICY, help="another policy than aws.licet")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    options = parser.parse_args(arguments)
    try:
        rows = list(read_rows(options.calls))
        with Guard.load(options.policy) as guard:
            judged = judge(guard, iter(rows))
    except (OSError, ValueError, PolicyError) as error:
        print(error, file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(as_json(judged), ensure_ascii=False))
    else:
        report(judged, Console(highlight=False))
    return int(any(each.verdict.allowed != each.is_valid for each in judged))


if __name__ == "__main__":
    sys.exit(main())
