"""Replay recorded agents' calls: `python examples/agentdojo/run.py CALLS.jsonl`.

Each user task is played in a session of its own; then each injection task of its suite inside each
user task. Prints how many user tasks went as before, how many pairs were stopped, and each task
that was touched or pair that got through. `--policy DIR` takes other policies: DIR/SUITE holds
those of a suite.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from licet import PolicyError

sys.path.insert(0, str(Path(__file__).parent))
from replay import Host, Played, Reading
from tasks import Task, read_tasks

HERE = Path(__file__).parent
RECORDED = HERE / "calls.jsonl"
SHOWN = 20


def pairs_of(tasks: Sequence[Task]) -> list[tuple[Task, Task | None]]:
    """Each user task alone, then each with each injection task of its suite."""
    users = [task for task in tasks if task.benign]
    attacks = [task for task in tasks if not task.benign]
    alone: list[tuple[Task, Task | None]] = [(user, None) for user in users]
    return alone + [(u, a) for u in users for a in attacks if a.suite == u.suite]


def open_hosts(policies: Path, tasks: Sequence[Task]) -> dict[str, Host]:
    """A host for each suite. Raises ValueError, PolicyError or OSError."""
    recorded = [*tasks, *read_tasks(RECORDED)]
    hosts: dict[str, Host] = {}
    try:
        for suite in sorted({task.suite for task in tasks}):
            folder = policies / suite
            if not suite.isidentifier() or not folder.is_dir():
                known = sorted(p.name for p in policies.iterdir() if any(p.glob("*.licet")))
                raise ValueError(
                    f"there is no policy for the suite {suite!r} in {policies}; "
                    f"there is one for {', '.join(known) or 'none'}"
                )
            hosts[suite] = Host(folder, suite, recorded)
    except BaseException:
        for host in hosts.values():
            host.close()
        raise
    return hosts


def played(
    hosts: dict[str, Host], tasks: Sequence[Task], reading: Reading, console: Console
) -> Iterator[Played]:
    pairs = pairs_of(tasks)
    quiet = not console.is_terminal
    for user, attack in track(pairs, "replaying", console=console, transient=True, disable=quiet):
        yield hosts[user.suite].play(user, attack, reading)


def injections(results: Sequence[Played]) -> dict[tuple[str, str], bool]:
    """Each injection task that was played, and whether it was stopped in every pair."""
    found: dict[tuple[str, str], bool] = {}
    for each in results:
        if each.injection_task is not None:
            key = each.suite, each.injection_task
            found[key] = found.get(key, True) and each.stopped
    return found


def totals(results: Sequence[Played], tasks: Sequence[Task]) -> dict[str, dict[str, int]]:
    users = [each for each in results if each.injection_task is None]
    pairs = [each for each in results if each.injection_task is not None]
    return {
        "user_tasks": {"total": len(users), "untouched": sum(u.untouched for u in users)},
        "pairs": {
            "total": len(pairs),
            "stopped": sum(pair.stopped for pair in pairs),
            "escalated": sum(pair.escalated for pair in pairs),
        },
        "injection_tasks": {
            "total": sum(not task.benign for task in tasks),
            "stopped": sum(injections(results).values()),
        },
    }


def show(results: Sequence[Played], tasks: Sequence[Task], console: Console) -> None:
    """The table by suite, then what the policies and the labels do not agree on."""
    table = Table(box=None, pad_edge=False)
    table.add_column("suite")
    for heading in ("user tasks untouched", "pairs stopped", "escalated", "injections stopped"):
        table.add_column(heading, justify="right")
    suites = sorted({task.suite for task in tasks})
    for suite in [*suites, None]:
        own = [each for each in results if suite in (None, each.suite)]
        found = totals(own, [task for task in tasks if suite in (None, task.suite)])
        user, pair, attack = found["user_tasks"], found["pairs"], found["injection_tasks"]
        if suite is None:
            table.add_section()
        table.add_row(
            "all" if suite is None else escape(suite),
            f"{user['untouched']} of {user['total']}",
            f"{pair['stopped']} of {pair['total']}",
            str(pair["escalated"]),
            f"{attack['stopped']} of {attack['total']}",
        )
    console.print(table)
    touched = [each for each in results if each.injection_task is None and not each.untouched]
    for each in touched:
        console.print(f"\n[bold red]touched[/] {escape(each.suite)} {escape(each.user_task)}")
        for answer in each.answers:
            if answer.verdict.outcome != "allow":
                console.print(
                    f"  {escape(answer.call.function)}: {escape(answer.verdict.message)}",
                    soft_wrap=True,
                )
    passed = [each for each in results if each.injection_task is not None and not each.stopped]
    for each in passed[:SHOWN]:
        how = "somebody is asked about" if each.escalated else "got through:"
        console.print(
            f"\n[bold red]{how}[/] {escape(str(each.injection_task))} in {escape(each.suite)} "
            f"{escape(each.user_task)}",
            soft_wrap=True,
        )
    if len(passed) > SHOWN:
        console.print(f"\nand {len(passed) - SHOWN} more; `--json` lists them all")


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay a file; 1 if a task was touched or a pair not stopped, 2 if the input is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("calls", type=Path, metavar="CALLS.jsonl")
    parser.add_argument("--policy", type=Path, default=HERE, metavar="DIR")
    parser.add_argument(
        "--strike",
        type=Reading,
        choices=list(Reading),
        default=Reading.first,
        help="where an injection strikes: after the first result, after all calls, or after all "
        "calls with its text planted in their results",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, and nothing else")
    options = parser.parse_args(arguments)
    try:
        tasks = read_tasks(options.calls)
        hosts = open_hosts(options.policy, tasks)
    except (OSError, ValueError, PolicyError) as error:
        print(str(error).rstrip(), file=sys.stderr)
        return 2
    try:
        results = list(played(hosts, tasks, options.strike, Console(stderr=True)))
    finally:
        for host in hosts.values():
            host.close()
    if options.json:
        rows = [each.plain() for each in results]
        print(json.dumps({**totals(results, tasks), "rows": rows}, ensure_ascii=False))
    else:
        show(results, tasks, Console(highlight=False))
    fine = all(each.untouched if each.injection_task is None else each.stopped for each in results)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
