"""Recorded calls, by the tasks that they belong to.

A row is one call: `suite`, `task`, `label` (benign or malicious), `i` (its place in the task),
`function`, `args`, `result` and `error` (how it ended), and the `prompt` of a benign task or the
`goal` of a malicious one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from licet.compiler.exact_json import JsonError, decode

LABELS = ("benign", "malicious")
_NEEDED = {"suite": str, "task": str, "label": str, "i": int, "function": str, "args": dict}


@dataclass(frozen=True, slots=True)
class Call:
    """One recorded call. `result` is what the tool answered, read as far as it is JSON."""

    function: str
    args: Mapping[str, object]
    result: object
    failed: bool


@dataclass(frozen=True, slots=True)
class Task:
    """The calls of one task, in their order. `text` is a user's prompt or an attacker's goal."""

    suite: str
    name: str
    benign: bool
    text: str
    calls: tuple[Call, ...]


def read_tasks(path: Path) -> list[Task]:
    """The tasks of a JSON Lines file. Raises ValueError, with file and line, and OSError."""
    rows: dict[tuple[str, str], dict[int, tuple[int, Mapping[str, object]]]] = {}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            where = f"{path.name}:{number}"
            row = _row(line, where)
            calls = rows.setdefault((str(row["suite"]), str(row["task"])), {})
            place = int(str(row["i"]))
            if place in calls:
                raise ValueError(
                    f"{where}: {row['suite']} {row['task']} has a call {place} in line "
                    f"{calls[place][0]} already"
                )
            calls[place] = number, row
    if not rows:
        raise ValueError(f"{path.name}: there are no calls in it")
    return [
        _task(suite, name, [calls[place] for place in sorted(calls)], path.name)
        for (suite, name), calls in rows.items()
    ]


def _row(line: str, where: str) -> Mapping[str, object]:
    try:
        row = decode(line)
    except JsonError as error:
        raise ValueError(f"{where}: {error.message}") from None
    if not isinstance(row, dict):
        raise ValueError(f"{where}: a row is an object")
    for key, kind in _NEEDED.items():
        if key not in row:
            raise ValueError(f"{where}: a row has {', '.join(_NEEDED)}; `{key}` is missing")
        if not isinstance(row[key], kind) or isinstance(row[key], bool):
            wanted = {str: "a text", int: "a whole number", dict: "an object"}[kind]
            raise ValueError(f"{where}: `{key}` is {wanted}")
    if row["label"] not in LABELS:
        raise ValueError(f"{where}: `label` is benign or malicious")
    if row["label"] == "benign" and not isinstance(row.get("prompt"), str):
        raise ValueError(f"{where}: a benign row has a `prompt`, what the user asked for")
    if row["label"] == "malicious" and not isinstance(row.get("goal"), str | None):
        raise ValueError(f"{where}: `goal` is a text")
    return row


def _task(suite: str, name: str, rows: list[tuple[int, Mapping[str, object]]], file: str) -> Task:
    text_of = "prompt" if rows[0][1]["label"] == "benign" else "goal"
    first = rows[0][1]
    for number, row in rows:
        if (row["label"], row.get(text_of)) != (first["label"], first.get(text_of)):
            raise ValueError(
                f"{file}:{number}: the rows of {suite} {name} differ in `label` or `{text_of}`"
            )
    calls = tuple(_call(row) for _, row in rows)
    return Task(suite, name, text_of == "prompt", str(first.get(text_of) or ""), calls)


def _call(row: Mapping[str, object]) -> Call:
    args = row["args"]
    assert isinstance(args, dict)
    return Call(
        str(row["function"]), args, read_result(row.get("result")), row.get("error") is not None
    )


def read_result(result: object) -> object:
    """What a tool answered: JSON where the text is JSON, of a list that was cut off the entries
    that are whole, else the text as it is."""
    if not isinstance(result, str):
        return result
    try:
        return decode(result)
    except JsonError:
        return _whole_entries(result) if result.startswith("[{") else result


def _whole_entries(text: str) -> list[object] | str:
    """The entries before the cut, found by trying each place where one may end."""
    end = text.rfind("}, {")
    while end != -1:
        try:
            entries = decode(text[: end + 1] + "]")
        except JsonError:
            end = text.rfind("}, {", 0, end)
        else:
            return list(entries)
    return text


def answers(tasks: Iterable[Task], suite: str, function: str) -> list[object]:
    """The first list that a tool of a suite answered before anything was changed, or nothing."""
    for task in tasks:
        if task.suite != suite or not task.benign:
            continue
        for call in task.calls:
            if call.function == function and isinstance(call.result, list) and not call.failed:
                return call.result
            if not call.function.startswith(("get_", "read_")):
                break
    return []
