"""From a proposed call to a world: nothing that a rule could read gets in without its type.

In: an `Action` (or the same as a mapping). Out: a `World` of run-time values, or the violations.
Arguments are the model's: what is wrong with them is a `bad_argument`, with the way to mend it.
All else is the host's: what is wrong there is a `fault`, and what is missing is unknown.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any, cast

from licet.compiler.catalog import Tool
from licet.compiler.clock import Clock, parse_time
from licet.compiler.intake import BadValue, Problem, Validator, validator
from licet.compiler.ir import FactSignature
from licet.compiler.names import alternatives, listing
from licet.compiler.program import Program
from licet.compiler.types import MAX_TIME, MIN_TIME, RecordType, Value
from licet.compiler.values import quoted, render
from licet.compiler.world import UNKNOWN, Path, Unknown, World

from .action import Action
from .facts import Wanted
from .suggesting import Suggestions
from .verdict import Violation

log = logging.getLogger("licet")

#: The parts of a call that come from the host, and what the model is told of a mistake in them.
HOSTS_OWN = frozenset(("principal", "context", "session", "facts", "now", "id", "history"))
NOT_YOURS = "what the host knows of this call is malformed; this is not yours to mend"

#: The name of a look-up in the history is its text, which may be long.
MAX_LOOK_UP = 500

#: Longer names are shortened where they stand in a path.
MAX_STEP = 60

#: Facts that one call may bring along.
MAX_FACTS = 10_000


class Refused(Exception):  # noqa: N818 - an answer, not an accident
    """The call cannot even be asked about; `violations` say why. `tool` is what it named."""

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        super().__init__(violations[0].message)
        self.violations = violations


class Admission:
    """The precompiled checks of one program. Safe to share between threads."""

    def __init__(self, program: Program, clock: Clock) -> None:
        self._program = program
        self._clock = clock
        self._arguments: dict[str, Validator] = {}
        self._history = {n: index.signature for n, index in program.history.items()}
        self._suggestions = Suggestions(program.catalog, self._takes)
        self._principal = self._host_record(program.principal)
        self._context = self._host_record(program.context)
        self._session = self._host_record(program.session)
        self._session_takes_id = program.session.field("id") is not None
        self._keys = {
            name: tuple(validator(kind, clock) for _, kind in signature.params)
            for name, signature in program.signatures.items()
        }
        self._results = {
            name: validator(signature.result, clock, allow_unknown=True)
            for name, signature in program.signatures.items()
        }

    def _host_record(self, kind: RecordType) -> Validator:
        return validator(kind, self._clock, allow_unknown=True)

    def tool(self, name: str, args: object = None) -> Tool:
        """The one tool that a name means; Refused (`unknown_tool`) with the nearest real ones.

        `args` are what came with the name: tools that take them are likelier meant.
        """
        catalog = self._program.catalog
        meant = catalog.meanings(name)
        if len(meant) == 1:
            return self._read(meant[0])
        near: tuple[str, ...] = ()
        if meant:
            near = tuple(sorted(meant))
            text = f"`{name}` could be any of {', '.join(near)}: name one of them"
        elif (alias := catalog.aliases.get(name)) is not None:
            near = alias.tools[:3]
            what = "tool is" if len(near) == 1 else "tools are"
            text = f"`{name}` is {alias.what}; the {what} {listing(near)}"
        else:
            text = f"there is no tool `{brief(name)}`"
            if near := self._near(name, args):
                text += f"; did you mean {alternatives(near)}?"
        raise Refused((Violation("unknown_tool", text, text, path="tool", suggestions=near),))

    def _read(self, qualified: str) -> Tool:
        """A tool of the catalog; a large one is read from disk only now, which may fail."""
        try:
            tool = self._program.catalog.qualified[qualified]
        except Exception as error:
            text = f"the catalog cannot be read: {brief(str(error), 200)}"
            raise Refused((Violation("fault", text, NOT_YOURS, path="tool"),)) from error
        if tool.unlocked:
            text = f"`{qualified}` is not as it was locked"
            told = f"{text}: review it with `licet catalog diff`, then run `licet catalog lock`"
            raise Refused((Violation("fault", told, text, path="tool"),))
        return tool

    def _near(self, name: str, args: object) -> tuple[str, ...]:
        """Names that a call may use instead; where they cannot be worked out, none."""
        try:
            found = self._suggestions.near(name, args)
        except Exception:
            log.exception("what an unknown tool was meant as could not be worked out")
            return ()
        return found if self._program.catalog.sources else tuple(map(self._shortest, found))

    def _shortest(self, qualified: str) -> str:
        short = self._program.catalog.short_name(qualified) or qualified
        return short if self._program.catalog.meanings(short) == (qualified,) else qualified

    def _takes(self, tool: Tool, args: object) -> bool:
        try:
            self._validator(tool)(args)
        except BadValue:
            return False
        return True

    def _validator(self, tool: Tool) -> Validator:
        check = self._arguments.get(tool.qualified)
        if check is None:
            check = self._arguments[tool.qualified] = validator(tool.params, self._clock)
        return check

    def arguments(self, tool: Tool, args: object) -> dict[str, Value]:
        """The arguments of a call; Refused with every problem found."""
        try:
            return cast(dict[str, Value], self._validator(tool)(args, ("args",)))
        except BadValue as bad:
            raise Refused(tuple(_bad_argument(p) for p in bad.problems)) from None

    def world(self, tool: Tool, action: Action) -> World:
        """The world of a call; Refused with every problem found."""
        args = self.arguments(tool, action.args)
        try:
            return World(
                tool=tool.qualified,
                args=args,
                principal=_record(self._principal(action.principal, ("principal",))),
                context=_record(self._context(action.context, ("context",))),
                session=_record(self._session(self._session_fields(action), ("session",))),
                now=self.instant(action.now),
                facts=self._facts(action.facts, self._program.facts)
                | self._facts(action.history or {}, self._history),
            )
        except BadValue as bad:
            raise Refused(self.faults(bad)) from None

    def fitting(self, call: Mapping[str, Any]) -> dict[str, object]:
        """The JSON of a call that another policy admitted, as far as it fits this one: what is
        declared no more is left out, what is declared otherwise is unknown. Values of the history
        go by names that may mean something else by now, and are left out."""
        kept: dict[str, object] = {"tool": call["tool"], "args": call["args"]}
        for part, kind, check in (
            ("principal", self._program.principal, self._principal),
            ("context", self._program.context, self._context),
            ("session", self._program.session, self._session),
        ):
            kept[part] = {
                name: value if _fits(check, {name: value}) else {"$unknown": True}
                for name, value in call.get(part, {}).items()
                if kind.field(name) is not None
            }
        kept["facts"] = {
            name: [entry for entry in entries if self._fact_fits(name, entry)]
            for name, entries in call.get("facts", {}).items()
            if name in self._program.facts
        }
        return kept

    def _fact_fits(self, name: str, entry: object) -> bool:
        try:
            self._facts({name: [entry]}, self._program.facts)
        except BadValue:
            return False
        return True

    def _session_fields(self, action: Action) -> object:
        """The session as declared: its id is known to us even where no policy declares it."""
        if self._session_takes_id or "id" not in action.session:
            return action.session
        assert isinstance(action.session, Mapping)  # an id alone has become a mapping
        return {key: value for key, value in action.session.items() if key != "id"}

    def instant(self, given: object) -> int | Unknown:
        """The one instant of a decision, in microseconds: given by the host, else the clock's."""
        if given is None:
            return time.time_ns() // 1000
        if given == {"$unknown": True}:
            return UNKNOWN
        instant = parse_time(given, self._clock) if isinstance(given, str) else None
        if instant is None or not MIN_TIME <= instant <= MAX_TIME:
            expected = "a time such as 2026-11-22T15:00:00Z"
            raise BadValue((Problem(("now",), expected, brief(repr(given)), "wrong_type", None),))
        return instant

    def _facts(
        self, given: Mapping[str, object], signatures: Mapping[str, FactSignature]
    ) -> dict[str, dict[tuple[Value, ...], Value]]:
        if not given:
            return {}
        facts: dict[str, dict[tuple[Value, ...], Value]] = {}
        count = 0
        for name, entries in given.items():
            signature = signatures.get(name)
            if signature is None:
                raise _bad((name,), f"one of {', '.join(signatures) or 'no facts'}", name)
            if not isinstance(entries, (list, tuple)):
                raise _bad((name,), 'a list of {"key": […], "value": …}', brief(repr(entries)))
            known = facts.setdefault(name, {})
            for position, entry in enumerate(entries):
                count += 1
                if count > MAX_FACTS:
                    raise _bad((name,), f"at most {MAX_FACTS} facts", "more")
                where: Path = (name, position)
                if not isinstance(entry, Mapping) or not {"key", "value"} >= set(entry) >= {"key"}:
                    raise _bad(where, '{"key": […], "value": …}', brief(repr(entry)))
                keys = self.keys(signature, entry["key"], where)
                value = self.fact(name, keys, entry.get("value", UNKNOWN))
                if keys in known and known[keys] != value:
                    raise _bad(where, "one value for equal keys", "two")
                known[keys] = value
        return facts

    def keys(self, signature: FactSignature, given: object, where: Path) -> tuple[Value, ...]:
        """A fact's keys as run-time values. Raises BadValue."""
        checks = self._keys[signature.name]
        if not isinstance(given, (list, tuple)) or len(given) != len(checks):
            raise _bad(where, f"{len(checks)} keys in a list", brief(repr(given)))
        return tuple(check(key, (*where, "key")) for check, key in zip(checks, given, strict=True))

    def plain_keys(self, name: str, keys: tuple[Value, ...]) -> Wanted:
        """A fact's run-time keys as the JSON-able values that a resolver gets."""
        params = self._program.signatures[name].params
        return name, tuple(render(key, kind) for key, (_, kind) in zip(keys, params, strict=True))

    @staticmethod
    def faults(bad: BadValue) -> tuple[Violation, ...]:
        """What is wrong with a value of the host's, as violations."""
        return tuple(_fault(problem) for problem in bad.problems)

    def fact(self, name: str, keys: tuple[Value, ...], given: object) -> Value:
        """A fact's value as a run-time value, `UNKNOWN` included. Raises BadValue."""
        if given is UNKNOWN or given == {"$unknown": True}:
            return UNKNOWN
        return self._results[name](given, (name, keys))


def _fits(check: Validator, value: object) -> bool:
    try:
        check(value, ())
    except BadValue:
        return False
    return True


def _record(value: Value) -> dict[str, Value]:
    """Principal, context or session; where the host marks the whole unknown, that is a fault."""
    if isinstance(value, dict):
        return value
    raise _bad(("principal",), "a record; mark its unknown fields instead", "unknown")


def _bad(path: Path, expected: str, found: str) -> BadValue:
    return BadValue((Problem(path, expected, found, "wrong_type", None),))


def _bad_argument(problem: Problem) -> Violation:
    text = problem_text(problem)
    return Violation("bad_argument", text, text, path=path_text(problem.path))


def _fault(problem: Problem) -> Violation:
    path = path_text(problem.path)
    return Violation(
        "fault",
        f"from the host: {problem_text(problem)}",
        NOT_YOURS,
        path=path,
    )


def problem_text(problem: Problem) -> str:
    """One sentence about one bad value, for whoever sent it."""
    path = path_text(problem.path)
    match problem.kind:
        case "missing":
            text = f"`{path}` is missing: expected {problem.expected}"
        case "unknown_field":
            text = f"there is no `{path}`"
        case _:
            text = f"`{path}` must be {problem.expected}, not {problem.found}"
    if problem.suggestion:
        text += f"; did you mean `{problem.suggestion}`?"
    return text


def path_text(path: Path) -> str:
    """A path as the policy would write it: `args.bags[0].weight`, `reservation("R1").cabin`."""
    text = ""
    for number, step in enumerate(path):
        match step:
            case str() if number == 0 and step.isprintable() and len(step) < MAX_LOOK_UP:
                text = step  # a root, a fact, or a look-up in the history, as it was written
            case tuple():
                text += "(" + ", ".join(_key_text(key) for key in step) + ")"
            case int():
                text += f"[{step}]"
            case str() if step.isascii() and step.isidentifier() and len(step) <= MAX_STEP:
                text += f".{step}" if text else step
            case _:
                text += f".{_key_text(step)}"
    return text


def _key_text(key: object) -> str:
    return quoted(key, MAX_STEP) if isinstance(key, str) else str(key)


def brief(text: str, limit: int = 60) -> str:
    """Text of somebody else in a message of ours: printable and short."""
    clean = "".join(
        c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[: limit + 1]
    )
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def holds_rare_text(value: object) -> bool:
    """Whether arguments hold a code point above U+2FFFF, which text operators cannot decide."""
    match value:
        case str():
            return any(char > "\U0002ffff" for char in value)
        case Mapping():
            return any(holds_rare_text(k) or holds_rare_text(v) for k, v in value.items())
        case list() | tuple():
            return any(holds_rare_text(item) for item in value)
        case _:
            return False
