"""`licet audit reprove AUDIT --policy PATH`: decides every recorded verdict again."""

from __future__ import annotations

import argparse
import os
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .audit_source import Record, Source, open_source, source_argument
from .failures import Exit, Failed
from .findings import plural
from .progress import Bar
from .verb import Streams, Verb

if TYPE_CHECKING:
    from licet.verifier.audit.reproving import Policies, Policy

#: Records that a process decides before it answers.
_BATCH = 200

#: Verdicts that are shown in full; the rest are counted.
_MOST = 100


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """Where the policies are: each of one or more paths. Every process loads them for itself."""

    policies: tuple[tuple[Path, ...], ...]
    params: Mapping[str, object] | None
    seconds: float

    def load(self) -> Policies:
        """By digest of policy and catalog. Raises Failed where one does not load."""
        from licet.loading import PolicyError
        from licet.verifier.guard import UnsetParamsError

        loaded: dict[tuple[str, str], Policy] = {}
        for paths in self.policies:
            try:
                digests, policy = _load(paths, self.params, self.seconds)
            except PolicyError as error:
                found = error.diagnostics[0].message
                told = f"the policy in `{paths[0]}` does not load: {found} (see licet lint)"
                raise Failed(told) from None
            except UnsetParamsError as unset:
                names = ", ".join(f"`{name}`" for name in unset.names)
                raise Failed(f"no value for {names}: give it with --params FILE") from None
            loaded[digests] = policy
        return loaded


def _load(
    paths: Sequence[Path], params: Mapping[str, object] | None, seconds: float
) -> tuple[tuple[str, str], Policy]:
    from licet.loading import Guard
    from licet.verifier.audit.reproving import CannotRedecide, Policy
    from licet.verifier.audit.standing_in import stand_in
    from licet.verifier.verdict import Verdict

    guard = Guard.load(*paths, params=params, seconds=seconds, observe_until=None)
    program = guard.program

    def redecide(call: Mapping[str, object]) -> Verdict:
        approved = call.get("approved") or []
        if not isinstance(approved, list):
            raise CannotRedecide("who had agreed to it was redacted")
        plain = {name: value for name, value in call.items() if name != "approved"}
        return guard.recheck(plain, approved)

    policy = Policy(redecide, lambda tool, argument: stand_in(program, tool, argument), guard.close)
    return (program.digest, program.catalog.digest), policy


@dataclass(frozen=True, slots=True)
class Told:
    """A verdict that did not come out the same."""

    result: str
    tenant: str
    seq: int | None
    position: int
    message: str


def run(options: argparse.Namespace, streams: Streams) -> int:
    """Decide all verdicts again. 0: all the same; 1: one is not; 2: something cannot be read."""
    files = PolicyFiles(
        tuple(tuple(paths) for paths in options.policy), _params(options), options.seconds
    )
    for path in (path for paths in files.policies for path in paths):
        if not path.exists():
            raise Failed(f"cannot read `{path}`: no such file or folder")
    policies = files.load()
    source = open_source(options, streams.input)
    shown = _Shown(options.output, source.unit, streams)
    with (
        ExitStack() as stack,
        Bar(streams, source.total, noun="entries", results_last=not shown.json) as bar,
    ):
        for policy in policies.values():
            stack.callback(policy.close)
        position = 0
        for told, same, end, position in _decide(source, files, policies, options.jobs):
            shown.counts["same"] += same
            for one in told:
                shown.one(one)
            bar.at(end, position)
    if not position:
        raise Failed(f"there are no entries in `{options.source}`")
    shown.end()
    return Exit.fine if shown.counts["same"] == shown.counts.total() else Exit.refused


Decided = tuple[list[Told], int, int, int]


def _decide(source: Source, files: PolicyFiles, policies: Policies, jobs: int) -> Iterator[Decided]:
    """What each batch gave, in order; a short audit is decided in this process."""
    batches = _batches(source.records())
    first = next(batches, None)
    if first is None:
        return
    second = next(batches, None)
    if second is None or jobs == 1:
        for batch in (first, second):
            if batch is not None:
                yield _answer(batch, policies)
        for batch in batches:
            yield _answer(batch, policies)
        return

    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _begin, (files,))
    waiting: deque[Future[Decided]] = deque()
    try:
        for batch in (first, second):
            waiting.append(pool.submit(_in_worker, batch))
        for batch in batches:
            waiting.append(pool.submit(_in_worker, batch))
            if len(waiting) > 2 * jobs:  # so that memory stays flat
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise Failed("a process that decided verdicts died; try --jobs 1") from None
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Records with the position of the first, and how much was read with the last."""

    records: tuple[Record, ...]
    first: int


def _batches(records: Iterator[Record]) -> Iterator[_Batch]:
    held: list[Record] = []
    position = 0
    for position, record in enumerate(records, 1):
        held.append(record)
        if len(held) == _BATCH:
            yield _Batch(tuple(held), position - _BATCH + 1)
            held = []
    if held:
        yield _Batch(tuple(held), position - len(held) + 1)


_policies: Policies = {}


def _begin(files: PolicyFiles) -> None:
    """Once in each process."""
    global _policies  # noqa: PLW0603 - a process has one set, made before its first batch
    _policies = files.load()


def _in_worker(batch: _Batch) -> Decided:
    return _answer(batch, _policies)


def _answer(batch: _Batch, policies: Policies) -> Decided:
    from licet.verifier.audit import EntryError
    from licet.verifier.audit.entries import body_of, envelope
    from licet.verifier.audit.reproving import reprove

    told: list[Told] = []
    same = 0
    for position, record in enumerate(batch.records, batch.first):
        if record.entry is None:
            told.append(Told("cannot", "", None, position, f"it is no entry: {record.problem}"))
            continue
        tenant, seq = "", record.entry.seq
        try:
            said = envelope(record.entry.text)
            tenant = said.tenant
            if said.kind != "verdict":
                continue
            body = body_of(record.entry.text)
        except EntryError as error:
            told.append(Told("cannot", tenant, seq, position, f"it is no entry: {error}"))
            continue
        answer = reprove(body, policies)
        if answer.result == "same":
            same += 1
        else:
            told.append(Told(answer.result, tenant, seq, position, answer.message))
    return told, same, batch.records[-1].end, batch.first + len(batch.records) - 1


class _Shown:
    """Prints what is not the same: as JSON Lines at once, as text when all has been decided."""

    def __init__(self, output: str, unit: str, streams: Streams) -> None:
        self.json = output == "json"
        self.unit = unit
        self.out = streams.out
        self.counts: Counter[str] = Counter()
        self.lines: list[str] = []

    def one(self, told: Told) -> None:
        self.counts[told.result] += 1
        if self.json:
            from licet.compiler.json_text import json_line

            plain = {"result": told.result, "tenant": told.tenant, "seq": told.seq}
            plain |= {"position": told.position, "message": told.message}
            self.out.write(json_line(plain) + "\n")
        elif len(self.lines) < _MOST:
            where = f"{self.unit} {told.position:,}"
            if told.seq is not None:
                where = f"tenant {told.tenant}, number {told.seq:,} ({where})"
            words = "differs" if told.result == "differs" else "cannot be decided again"
            self.lines.append(f"{where} {words}: {told.message}")

    def end(self) -> None:
        counts = self.counts
        if self.json:
            from licet.compiler.json_text import json_line

            results = ("same", "differs", "cannot")
            self.out.write(json_line({name: counts[name] for name in results}) + "\n")
            return
        for line in self.lines:
            self.out.say(line)
        more = counts["differs"] + counts["cannot"] - len(self.lines)
        if more > 0:
            self.out.say(f"and {more:,} more")
        told = f"{counts['same']:,} the same, {counts['differs']:,} differ"
        told += f", {counts['cannot']:,} cannot be decided again"
        self.out.say(f"{plural(counts.total(), 'verdict')}: {told}")


def _params(options: argparse.Namespace) -> Mapping[str, object] | None:
    from .policies import read_params

    return None if options.params is None else read_params(options.params)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _arguments(parser: argparse.ArgumentParser) -> None:
    source_argument(parser)
    parser.add_argument(
        "--policy",
        metavar="PATH",
        type=Path,
        nargs="+",
        action="append",
        required=True,
        help="a policy (its files or folders) as it was then; again for each other policy",
    )
    parser.add_argument(
        "--params", metavar="FILE", type=Path, help="values for the policies' params"
    )
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=_positive,
        default=os.cpu_count() or 1,
        help="processes that decide (as many as there are cores)",
    )
    parser.add_argument(
        "--seconds",
        metavar="S",
        type=float,
        default=10.0,
        help="the solver's time for one verdict (10)",
    )
    parser.add_argument(
        "--output",
        choices=("text", "json"),
        default="text",
        help="text unless told; json is JSON Lines: what is not the same, then the counts",
    )


VERB = Verb(
    "audit reprove",
    "decide every recorded verdict again",
    _arguments,
    run,
    details=(
        "A verdict is the same if outcome, rules and kinds are. The inputs are those of the\n"
        "record, so verify the audit first.\n\n"
        "exit codes:\n"
        "  0  every verdict came out the same\n"
        "  1  one differs, or cannot be decided again; it says why\n"
        "  2  the audit or a policy cannot be read"
    ),
    examples=(
        ("licet audit reprove audit.jsonl --policy policies", "one policy"),
        ("licet audit reprove audit.jsonl --policy v1 --policy v2", "two, by their digests"),
    ),
)
