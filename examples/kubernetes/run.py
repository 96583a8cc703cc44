"""Judge recorded changes of a cluster: `python examples/kubernetes/run.py CASES.jsonl`.

Every case names a policy kind; its policy is the file of that name. Prints, per kind, how many
verdicts agree with the labels, then each disagreement with its explanation. `--json` prints
`{"total", "agree", "rows": […]}`; `--policies DIR` takes other policies.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from licet import Guard, PolicyError, Verdict
from licet.adapters.admission_review import AdmissionDoor, ReviewError
from licet.compiler.exact_json import JsonError, decode
from licet.policy_lang import Source, ast, parse
from licet.verifier.action import Action, ActionError

sys.path.insert(0, str(Path(__file__).parent))
from cases import Row, inventory_of, params_of, reviews_of

HERE = Path(__file__).parent
_KIND = re.compile(r"[A-Za-z0-9_-]+")


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
            if not isinstance(row, dict) or not {"kind", "case", "object"} <= row.keys():
                raise ValueError(f"{path.name}:{number}: a row has `kind`, `case` and `object`")
            rows.append({"parameters": None, "inventory": None, **row})
    return rows


def declared_params(path: Path) -> frozenset[str]:
    """The params of a policy file and of the files that it imports."""
    found: set[str] = set()
    waiting, seen = [path], set[Path]()
    while waiting:
        here = waiting.pop().resolve()
        if here in seen or not here.is_file():
            continue
        seen.add(here)
        tree, _ = parse(Source(here.name, here.read_text(encoding="utf-8")))
        for declaration in tree.declarations:
            match declaration:
                case (
                    ast.ValueDecl(name=name, is_param=True)
                    | ast.TableDecl(name=name, is_param=True)
                ):
                    found.add(name)
                case ast.Import(path=other):
                    waiting.append(here.parent / other)
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Judged:
    """One case's answer. `problem`: why no verdict could be had, which is a refusal."""

    row: Row
    verdicts: tuple[Verdict, ...]
    problem: str | None = None
    unused: tuple[str, ...] = ()

    @property
    def found(self) -> str:
        allowed = self.problem is None and all(verdict.allowed for verdict in self.verdicts)
        return "allowed" if allowed else "disallowed"

    @property
    def agrees(self) -> bool:
        return self.problem is None and self.found == self.row.get("label")

    @property
    def reasons(self) -> list[str]:
        if self.problem is not None:
            return [self.problem]
        return [violation.message for verdict in self.verdicts for violation in verdict.violations]

    def plain(self) -> dict[str, object]:
        return {
            "suite": self.row.get("suite"),
            "kind": self.row["kind"],
            "case": self.row["case"],
            "label": self.row.get("label"),
            "found": self.found,
            "agree": self.agrees,
            "rules": sorted({rule for v in self.verdicts if not v.allowed for rule in v.rules}),
            "violations": [
                violation.plain(shown_only=False)
                for verdict in self.verdicts
                for violation in verdict.violations
            ],
            "problem": self.problem,
            "unused": list(self.unused),
        }


class Cluster:
    """The policies of a folder, with a guard for each policy and set of params."""

    def __init__(self, policies: Path) -> None:
        self._policies = policies
        self._guards: dict[str, tuple[Guard, AdmissionDoor]] = {}
        self._numbers = count(1)

    def judge(self, row: Row) -> Judged:
        path = self._policies / f"{row['kind']}.licet"
        if not _KIND.fullmatch(str(row["kind"])) or not path.is_file():
            return Judged(row, (), f"there is no policy {path.name} in {self._policies}")
        try:
            params, unused = params_of(row, declared_params(path))
            guard, door = self._guard(path, params)
            facts = inventory_of(row) if "inventory" in guard.program.facts else {}
            actions = [self._asked(door.action(review, facts)) for review in reviews_of(row)]
        except PolicyError as error:
            return Judged(row, (), f"the policy does not load: {error}")
        except (ReviewError, ActionError, ValueError) as error:
            return Judged(row, (), str(error))
        return Judged(row, tuple(guard.check(action) for action in actions), None, unused)

    def _asked(self, action: Action) -> Action:
        """The action as a question of its own: rows may share the uid of one recorded review."""
        return replace(action, id=f"row-{next(self._numbers)}")

    def _guard(self, path: Path, params: dict[str, object]) -> tuple[Guard, AdmissionDoor]:
        key = json.dumps([path.name, params], sort_keys=True, default=str)
        if key not in self._guards:
            guard = Guard.load(path, params=params)
            self._guards[key] = guard, AdmissionDoor(guard.program)
        return self._guards[key]

    def close(self) -> None:
        for guard, _ in self._guards.values():
            guard.close()


def judged(cluster: Cluster, rows: list[Row], console: Console) -> Iterator[Judged]:
    from rich.progress import track

    quiet = not console.is_terminal
    for row in track(rows, "judging", console=console, transient=True, disable=quiet):
        yield cluster.judge(row)


def show(results: list[Judged], console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("policy kind")
    table.add_column("cases", justify="right")
    table.add_column("agree", justify="right")
    for kind in sorted({str(result.row["kind"]) for result in results}):
        own = [result for result in results if result.row["kind"] == kind]
        agree = sum(result.agrees for result in own)
        table.add_row(
            escape(kind), str(len(own)), f"[{'green' if agree == len(own) else 'red'}]{agree}[/]"
        )
    table.add_section()
    table.add_row("total", str(len(results)), str(sum(result.agrees for result in results)))
    console.print(table)
    for result in results:
        if not result.agrees:
            row = result.row
            console.print(
                f"\n[bold]{escape(str(row['kind']))}[/] {escape(str(row['case']))}: "
                f"labelled {escape(str(row.get('label')))}, {result.found}"
            )
            for reason in result.reasons:
                console.print(f"  {escape(reason)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", type=Path, metavar="CASES.jsonl")
    parser.add_argument("--policies", type=Path, default=HERE / "policies", metavar="DIR")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    options = parser.parse_args()
    console = Console(stderr=options.json)
    try:
        rows = read_rows(options.cases)
    except (OSError, ValueError) as error:
        Console(stderr=True).print(f"run.py: {escape(str(error))}", style="red")
        return 2
    cluster = Cluster(options.policies)
    try:
        results = list(judged(cluster, rows, console))
    finally:
        cluster.close()
    if options.json:
        found = {
            "total": len(results),
            "agree": sum(result.agrees for result in results),
            "rows": [result.plain() for result in results],
        }
        print(json.dumps(found, indent=2, default=str))
    else:
        show(results, console)
    return 0 if all(result.agrees for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
