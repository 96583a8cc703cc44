"""A morning at the airline desk: what an agent proposed, and what the guard answered."""

from __future__ import annotations

import copy
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console, Group
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from licet import Guard, Verdict

sys.path.insert(0, str(Path(__file__).parent))
from rows import Row, call_of
from run import Desk, as_json, judged, read_rows

HERE = Path(__file__).parent
Call = dict[str, object]


def _unchanged(_: Call) -> None:
    """The call as it was recorded."""


def _invented_tool(call: Call) -> None:
    call["tool"] = "cancel_reservations"


def _text_for_number(call: Call) -> None:
    args = call["args"]
    assert isinstance(args, dict)
    args["total_baggages"] = "two"


#: What the user asked for, the recorded row, and what the agent changed in it.
SCENES: tuple[tuple[str, str, Callable[[Call], None]], ...] = (
    (
        "From business to basic economy, on the same flights; a gift card takes the refund.",
        "v0",
        _unchanged,
    ),
    ("One more bag, charged although a silver member has two free.", "v104", _unchanged),
    ("A booking paid by two travel certificates.", "v153", _unchanged),
    ("Cancel a basic economy trip that was booked eleven days ago.", "v49", _unchanged),
    ("The same for an insured trip, but nobody asked for the reason.", "v36", _unchanged),
    ("The agent makes up a tool.", "v2", _invented_tool),
    ("The agent sends text where a number belongs.", "v16", _text_for_number),
)

STYLE = {"allow": "green", "deny": "red", "escalate": "yellow"}


def card(said: str, call: Call, verdict: Verdict, milliseconds: float) -> Panel:
    """One call and its verdict, for a person."""
    colour = STYLE[verdict.outcome]
    lines: list[object] = [Text(said, style="italic")]
    shown = json.dumps(call["args"], default=str)
    lines.append(Text(shown if len(shown) < 160 else shown[:159] + "…", style="dim"))
    if not verdict.allowed:
        table = Table.grid(padding=(0, 2))
        for violation in verdict.violations[:4]:
            rule = violation.rule or violation.kind
            where = f"{violation.where.rsplit('/', 1)[-1]}" if violation.where else ""
            table.add_row(
                Text(rule, style=f"bold {colour}"),
                Text(violation.message),
                Text(where, style="dim"),
            )
        lines.append(table)
        if verdict.because:
            told = ",  ".join(str(r) for r in verdict.because[:6])
            more = len(verdict.because) - 6
            lines.append(Text("because  " + told + (f"  and {more} more" if more > 0 else "")))
        if verdict.settle:
            lines.append(Text("would settle it  " + ", ".join(verdict.settle)))
        if verdict.repair is not None:
            change = ", ".join(f"{c.path} = {c.new} (was {c.old})" for c in verdict.repair.changes)
            lines.append(Text("instead  " + (change or str(verdict.repair.bound)), style="cyan"))
        lines.append(Text(f"the model reads: “{verdict.message}”", style="dim"))
    else:
        lines.append(Text("permitted by " + ", ".join(verdict.rules)))
    return Panel(
        Group(*lines),  # type: ignore[arg-type]
        title=f"[bold {colour}]{verdict.outcome.upper()}[/]  {escape(str(call['tool']))}",
        title_align="left",
        subtitle=f"{milliseconds:.1f} ms",
        subtitle_align="right",
        border_style=colour,
    )


def main() -> int:
    console = Console()
    rows: list[Row] = read_rows(HERE / "calls.jsonl")
    by_id = {str(row["id"]): row for row in rows}
    console.print("[bold]licet[/] guards an airline's agent: examples/airline/airline.licet\n")
    with Guard.load(HERE / "airline.licet") as guard:
        guard.check(
            call_of(rows[0], guard.program)
        )  # the first check compiles the rules of its tool
        for said, row_id, change in SCENES:
            call = copy.deepcopy(call_of(by_id[row_id], guard.program))
            change(call)
            start = time.perf_counter()
            verdict = guard.check(call)
            console.print(card(said, call, verdict, (time.perf_counter() - start) * 1000))
    console.print("\nNow all the recorded calls of real agents, against their labels:")
    desk = Desk(HERE / "airline.licet", {})
    totals = as_json(list(judged(desk, rows, console)))
    desk.close()
    for label, key in (("violating", "refused"), ("compliant", "allowed")):
        counts = totals[label]
        assert isinstance(counts, dict)
        console.print(f"  {label:>10}: {counts[key]} of {counts['total']} {key}")
    console.print("\nMore: `python examples/airline/run.py`, `.venv/bin/licet --help`, README.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
