"""Judge recorded calls of an airline's agents: `python examples/airline/run.py CALLS.jsonl`.

Prints, per reason that the labels name and in total, how many violating calls were refused and
how many compliant calls allowed, then each disagreement with its explanation. Rows labelled
`unscored` are judged and counted apart: the state alone does not decide them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from licet import Guard, PolicyError, Verdict
from licet.compiler.exact_json import JsonError, decode

sys.path.insert(0, str(Path(__file__).parent))
from rows import Row, call_of, names_of, params_of

HERE = Path(__file__).parent


def read_rows(path: Path) -> list[Row]:
    """The rows of a JSON Lines file, exactly as written. Raises ValueError with file and line."""
    rows: list[Row] = []
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
            rows.append(row)
    return rows


def read_params(path: Path) -> Mapping[str, object]:
    """A JSON object of params. Raises ValueError."""
    try:
        params = decode(path.read_bytes())
    except JsonError as error:
        raise ValueError(f"{path.name}: {error.message}") from None
    if not isinstance(params, dict):
        raise ValueError(f"{path.name}: params are an object")
    return params


class Desk:
    """One policy, with a guard for each set of params that the rows ask for."""

    def __init__(self, policy: Path, params: Mapping[str, object]) -> None:
        self._policy = policy
        self._params = params
        self._guards: dict[str, Guard] = {}

    def judge(self, row: Row) -> Verdict:
        params = params_of(row, self._params)
        key = json.dumps(params, sort_keys=True, default=str)
        if key not in self._guards:
            self._guards[key] = Guard.load(self._policy, params=params)
        guard = self._guards[key]
        return guard.check(call_of(row, guard.program))

    def close(self) -> None:
        for guard in self._guards.values():
            guard.close()


def judged(desk: Desk, rows: list[Row], console: Console) -> Iterator[tuple[Row, Verdict]]:
    from rich.progress import track

    quiet = not console.is_terminal
    for row in track(rows, "judging", console=console, transient=True, disable=quiet):
        yield row, desk.judge(row)


def blamed(verdict: Verdict) -> list[str]:
    """The rules that fired, and where none is to blame, the kind and the place:
    `bad_argument(…)`."""
    if verdict.rules:
        return list(verdict.rules)
    return [f"{v.kind}({v.path})" if v.path else v.kind for v in verdict.violations]


def as_json(results: list[tuple[Row, Verdict]]) -> dict[str, object]:
    def those(label: str) -> list[Verdict]:
        return [verdict for row, verdict in results if row.get("label") == label]

    violating, compliant = those("violating"), those("compliant")
    return {
        "violating": {"total": len(violating), "refused": sum(not v.allowed for v in violating)},
        "compliant": {"total": len(compliant), "allowed": sum(v.allowed for v in compliant)},
        "rows": [
            {
                "id": row.get("id"),
                "label": row.get("label"),
                "verdict": verdict.outcome,
                "rules": blamed(verdict),
            }
            for row, verdict in results
        ],
    }


def show(results: list[tuple[Row, Verdict]], console: Console) -> None:
    """The table by reason, the totals, and what the policy and the labels do not agree on."""
    table = Table(
        title="violating calls, by the reason that their label names", title_justify="left"
    )
    table.add_column("reason")
    table.add_column("refused", justify="right")
    table.add_column("by", overflow="fold")
    for name in names_of([row for row, _ in results]):
        group = [v for row, v in results if name in (row.get("rules_broken") or ())]
        refused = [v for v in group if not v.allowed]
        alone = [
            v for row, v in results if row.get("rules_broken") == [name] and not v.allowed
        ] or refused
        rules = sorted({rule.split("(")[0] for verdict in alone for rule in blamed(verdict)})
        table.add_row(escape(name), f"{len(refused)} of {len(group)}", escape(", ".join(rules)))
    console.print(table)
    for label, good in (("violating", "refused"), ("compliant", "allowed")):
        group = [v for row, v in results if row.get("label") == label]
        right = sum(v.allowed == (label == "compliant") for v in group)
        colour = "green" if right == len(group) else "red"
        console.print(f"{label:>10}: [{colour}]{right} of {len(group)} {good}[/]")
    unscored = [v for row, v in results if row.get("label") not in ("violating", "compliant")]
    if unscored:
        allowed = sum(v.allowed for v in unscored)
        console.print(f"{'unscored':>10}: {len(unscored)}, of which {allowed} allowed")
    for row, verdict in results:
        expected = {"violating": False, "compliant": True}.get(str(row.get("label")))
        if expected is not None and expected != verdict.allowed:
            console.print(
                f"\n[bold red]disagreement[/] on {escape(str(row.get('id')))}, labelled", end=" "
            )
            console.print(
                f"{row.get('label')} {escape(str(row.get('rules_broken')))}: {verdict.outcome}"
            )
            console.print(escape(verdict.message or "allowed by " + ", ".join(verdict.rules)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "calls", type=Path, nargs="?", default=HERE / "calls.jsonl", help="rows, one a line"
    )
    parser.add_argument(
        "--policy", type=Path, default=HERE / "airline.licet", help="another policy over the tools"
    )
    parser.add_argument("--params", type=Path, help="a JSON object of params and param tables")
    parser.add_argument("--json", action="store_true", help="one JSON object, and nothing else")
    options = parser.parse_args()
    try:
        params = read_params(options.params) if options.params else {}
        desk = Desk(options.policy, params)
        rows = read_rows(options.calls)
        results = list(judged(desk, rows, Console(stderr=True)))
    except (OSError, ValueError, PolicyError) as error:
        print(str(error).rstrip(), file=sys.stderr)
        return 2
    desk.close()
    if options.json:
        print(json.dumps(as_json(results)))
    else:
        show(results, Console())
    return 0


if __name__ == "__main__":
    sys.exit(main())
