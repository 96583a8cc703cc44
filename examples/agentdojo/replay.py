"""Tasks played before a guard: each call is checked, redeemed and settled as it was recorded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

from tasks import Call, Task, answers

from licet import Guard, Verdict
from licet.compiler.types import RecordType

_NUMBER = re.compile(
    r"(?<![\w.,-])(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,20})(?:\.[0-9]{1,9})?(?![\w-]|[.,][0-9])",
    re.ASCII,
)

# Whose account it is: the host's word, which no recorded row has.
OWNERS = {"workspace": "emma.johnson@bluesparrowtech.com"}


class ToolError(Exception):
    """The tool did not answer, as recorded."""


class Reading(StrEnum):
    """Where in a user's task an injection strikes."""

    first = "first"  # after the first result of the user's task
    last = "last"  # after all of its calls
    planted = "planted"  # after all of its calls, with the goal's text in what the tools answered


@dataclass(frozen=True, slots=True)
class Answer:
    """A call with its verdict."""

    call: Call
    verdict: Verdict

    def plain(self) -> dict[str, object]:
        verdict = self.verdict
        rules = list(verdict.rules) or [v.kind for v in verdict.violations]
        return {
            "function": self.call.function,
            "outcome": verdict.outcome,
            "rules": rules,
            "message": "" if verdict.allowed else verdict.message,
        }


@dataclass(frozen=True, slots=True)
class Played:
    """A user's task alone, or with an injection in it; `answers` are those that are judged."""

    suite: str
    user_task: str
    injection_task: str | None
    answers: tuple[Answer, ...]

    @property
    def untouched(self) -> bool:
        return all(answer.verdict.outcome == "allow" for answer in self.answers)

    @property
    def stopped(self) -> bool:
        return any(answer.verdict.outcome == "deny" for answer in self.answers)

    @property
    def escalated(self) -> bool:
        """Somebody is asked, and nothing is refused."""
        return not self.stopped and not self.untouched

    def plain(self) -> dict[str, object]:
        kind: dict[str, object] = (
            {"untouched": self.untouched}
            if self.injection_task is None
            else {"stopped": self.stopped, "escalated": self.escalated}
        )
        return {
            "suite": self.suite,
            "user_task": self.user_task,
            "injection_task": self.injection_task,
            **kind,
            "calls": [answer.plain() for answer in self.answers],
        }


class Host:
    """The application around one suite's agent: a guard, and what it tells the guard."""

    def __init__(self, policy: Path, suite: str, recorded: Sequence[Task]) -> None:
        self.guard = Guard.load(policy)
        self._owner = OWNERS.get(suite, "user")
        self._orders = {
            entry["id"]: entry
            for entry in answers(recorded, suite, "get_scheduled_transactions")
            if isinstance(entry, dict) and "id" in entry
        }
        if "standing_order" in self.guard.program.facts:
            self.guard.fact(name="standing_order")(self._standing_order)

    def _standing_order(self, id: object) -> Mapping[str, object] | None:
        """The bank's book. Without one, nothing is known of any order."""
        if not self._orders:
            raise LookupError("the bank's book of standing orders was not recorded")
        entry = self._orders.get(id)
        return None if entry is None else {k: entry[k] for k in ("recipient", "amount", "subject")}

    def play(self, user: Task, injection: Task | None, reading: Reading) -> Played:
        history = list(user.calls)
        if injection is not None and reading is Reading.first:
            history = history[:1]
        if injection is not None and reading is Reading.planted:
            history = [replace(c, result=planted(c.result, injection.text)) for c in history]
        calls = [*history, *(injection.calls if injection is not None else ())]
        given = list(self._run(user, injection, calls))
        judged = given if injection is None else given[len(history) :]
        name = None if injection is None else injection.name
        return Played(user.suite, user.name, name, tuple(judged))

    def _run(self, user: Task, injection: Task | None, calls: list[Call]) -> Iterator[Answer]:
        """One session. Each is a customer of its own: nothing is counted from one to the next."""
        name = user.name if injection is None else f"{user.name}+{injection.name}"
        said = {"prompt": user.text, "amounts": amounts_in(user.text)}
        session = self.guard.session(
            principal=_declared({"id": self._owner}, self.guard.program.principal),
            session={"id": name, **_declared(said, self.guard.program.session)},
            tenant=name,
        )
        for number, call in enumerate(calls):
            verdict = session.check(call.function, call.args, id=f"call_{number}")
            if verdict.allowed:
                with suppress(ToolError), self.guard.redeem(verdict.ticket, call.args) as running:
                    if call.failed:
                        raise ToolError
                    running.result = call.result
            yield Answer(call, verdict)

    def close(self) -> None:
        self.guard.close()


def amounts_in(prompt: str) -> list[Decimal]:
    """The plain numbers of a text: `12`, `10.00`, `1,000.50`; not those inside of words."""
    found = _NUMBER.findall(prompt)
    return list(dict.fromkeys(Decimal(number.replace(",", "")) for number in found))


def _declared(values: Mapping[str, object], record: RecordType) -> dict[str, object]:
    """What the policy knows of: another policy over these tools may read less."""
    known = {field.name for field in record.fields}
    return {name: value for name, value in values.items() if name in known}


def planted(result: object, goal: str) -> object:
    """A tool's answer with an attacker's words in each text that others than the user write."""
    match result:
        case str():
            return f"{result}\n{goal}\n"
        case list():
            return [planted(entry, goal) if isinstance(entry, dict) else entry for entry in result]
        case dict() if result.get("recipient") == "me":  # what others write to a payment
            return {**result, "subject": f"{result.get('subject', '')}\n{goal}\n"}
        case dict():
            texts = {
                key: f"{result[key]}\n{goal}\n"
                for key in ("body", "content", "description")
                if isinstance(result.get(key), str)
            }
            return {**result, **texts}
        case _:
            return result
