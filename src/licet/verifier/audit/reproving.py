"""Deciding a recorded verdict again, from the inputs that the record itself has.

In: the body of an entry of kind `verdict`, and policies by digest. Out: the same verdict, another
one, or why it cannot be decided again. A verdict is the same if outcome, rules and kinds of
violations are; messages and counterexamples may be worded or chosen anew.

An input that was redacted is unknown to us. Of what the host says it becomes unknown, and the
verdict counts as proved only if it is the same whatever the value was. An argument cannot be
unknown: where no rule of the tool reads it, another value stands in for it, else the verdict
cannot be proved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ..verdict import Verdict
from .entry_redaction import REDACTED

#: Decides a call's JSON, with `history` and `approved`. May raise CannotRedecide.
Redecide = Callable[[Mapping[str, object]], Verdict]

#: Stands in for an argument that is left out.
LEFT_OUT: Final = object()

_UNKNOWN: Final = {"$unknown": True}


class CannotRedecide(Exception):  # noqa: N818 - an answer, not an accident
    """Why a verdict cannot be decided again."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What decides again. `stand_in(tool, argument)` is a value for an argument that no rule of
    the tool reads, or LEFT_OUT; it raises CannotRedecide where one reads it. `close` ends what
    `redecide` has started."""

    redecide: Redecide
    stand_in: Callable[[str, str], object]
    close: Callable[[], None]


#: By the digests of policy and catalog.
Policies = Mapping[tuple[str, str], Policy]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a recorded verdict; `message` says how it differs, or why it cannot be."""

    result: Literal["same", "differs", "cannot"]
    message: str = ""


def reprove(body: Mapping[str, object], policies: Policies) -> Answer:
    """Decide a recorded verdict again. Raises nothing for what a body can hold."""
    try:
        return _reprove(body, policies)
    except CannotRedecide as reason:
        return Answer("cannot", str(reason))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return Answer("cannot", f"it is not a verdict's record: {error}")


def _reprove(body: Mapping[str, Any], policies: Policies) -> Answer:
    recorded = _Outcome.of_record(body["verdict"])
    if recorded.kinds & {"fault", "solver_unknown"}:
        kind = "fault" if "fault" in recorded.kinds else "solver_unknown"
        why = {
            "fault": "something on the host's side was broken then",
            "solver_unknown": "the solver had no answer within its time then",
        }
        raise CannotRedecide(why[kind])
    call = body["call"]
    if call is None:
        raise CannotRedecide("the call was not admitted, so there is no record of what it held")
    policy = _policy(body["verdict"], policies)
    call, hidden = _without_redacted(call, body.get(REDACTED, ()), policy)
    verdict = policy.redecide(call)
    found = _Outcome.of_verdict(verdict)
    if found.kinds & {"solver_unknown"}:
        raise CannotRedecide("the solver had no answer within its time")
    if hidden and "undetermined" in found.kinds and "undetermined" not in recorded.kinds:
        depends = ", ".join(verdict.settle) or ", ".join(hidden)
        raise CannotRedecide(f"a rule reads what was redacted: {depends}")
    if found.agrees(recorded, partly=bool(hidden)):
        return Answer("same")
    return Answer("differs", f"was {recorded}, is {found}")


def _policy(verdict: Mapping[str, Any], policies: Policies) -> Policy:
    digests = (verdict["policy"], verdict["catalog"])
    found = policies.get(digests)
    if found is not None:
        return found
    if any(policy == digests[0] for policy, _ in policies):
        raise CannotRedecide(f"the policy was not given with the catalog {digests[1]}")
    raise CannotRedecide(f"the policy {digests[0]} was not given")


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What has to be the same. `certain` is False where rules are a solver's pick."""

    outcome: str
    rules: frozenset[str]
    kinds: frozenset[str]
    certain: bool

    @staticmethod
    def of_record(verdict: Mapping[str, Any]) -> _Outcome:
        violations = verdict["violations"]
        return _Outcome(
            verdict["outcome"],
            frozenset(verdict["rules"]),
            frozenset(violation["kind"] for violation in violations),
            all(violation.get("certain", True) for violation in violations),
        )

    @staticmethod
    def of_verdict(verdict: Verdict) -> _Outcome:
        return _Outcome.of_record(verdict.for_operator())

    def agrees(self, recorded: _Outcome, *, partly: bool) -> bool:
        """Whether this is what was recorded; `partly`: decided with less than was known then."""
        if self.outcome != recorded.outcome:
            return False
        if partly:
            return not self.certain or self.rules <= recorded.rules
        if self.kinds != recorded.kinds:
            return False
        return self.rules == recorded.rules or not (self.certain and recorded.certain)

    def __str__(self) -> str:
        told = [*sorted(self.kinds - {"forbidden"}), *sorted(self.rules)]
        return f"{self.outcome} ({', '.join(told)})" if told else self.outcome


# --- redacted inputs ---------------------------------------------------------------------------


def _without_redacted(
    call: Mapping[str, Any], places: Sequence[Sequence[str]], policy: Policy
) -> tuple[dict[str, Any], list[str]]:
    """The call with nothing in it that was redacted, and which inputs of it are unknown now."""
    inside = [tuple(place[1:]) for place in places if place and place[0] == "call"]
    if not inside:
        return dict(call), []
    changed: dict[str, Any] = _copy(call)
    hidden: list[str] = []
    for argument in sorted({place[1] for place in inside if place[0] == "args"}):
        value = policy.stand_in(changed["tool"], argument)
        if value is LEFT_OUT:
            del changed["args"][argument]
        else:
            changed["args"][argument] = value
    keys: set[tuple[str, ...]] = set()
    for place in inside:
        if place[0] == "args":
            continue
        hidden.append(".".join(place))
        if place[0] in ("facts", "history") and place[-1] == "key":
            keys.add(place[:-1])
        else:
            _put(changed, place, _UNKNOWN)
    for place in sorted(keys, key=lambda place: (place[:-1], -int(place[-1]))):
        del _at(changed, place[:-1])[int(place[-1])]  # a value by an unknown key is unknown
    return changed, hidden


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copy(item) for item in value]
    return value


def _at(value: Any, place: Sequence[str]) -> Any:
    for step in place:
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def _put(value: Any, place: Sequence[str], new: object) -> None:
    parent, step = _at(value, place[:-1]), place[-1]
    parent[int(step) if isinstance(parent, list) else step] = new
