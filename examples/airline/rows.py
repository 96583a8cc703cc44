"""From a recorded row (a call and the database before it) to a call that a guard can judge.

The host's part comes from `state`: who is served, the clock, and the records as facts. Records
are cut down to the fields that the policy declares, so that another policy over the same rows
may read others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from licet.compiler.program import Program
from licet.compiler.types import ListType, MapType, OptionalType, RecordType, Type

Json = object
Row = Mapping[str, object]

UNKNOWN = {"$unknown": True}


def call_of(row: Row, program: Program) -> dict[str, object]:
    """The call of a row, in the form of `licet check --calls`."""
    state = _mapping(row.get("state"))
    args = _mapping(row.get("args"))
    user = _mapping(state.get("user"))
    return {
        "id": str(row.get("id", "?")),
        "tool": row.get("tool"),
        "args": row["args"] if isinstance(row.get("args"), list) else dict(args),
        "principal": project(
            {"id": "desk-agent", "role": "agent", "on_behalf_of": user.get("user_id")},
            program.principal,
        ),
        "context": project(_context(args), program.context),
        "facts": {
            name: [
                {"key": list(keys), "value": project(value, program.facts[name].result)}
                for keys, value in entries
            ]
            for name, entries in _facts(state, args, user)
            if name in program.facts
        },
        "now": state.get("now", UNKNOWN),
    }


def _context(args: Mapping[str, object]) -> dict[str, object]:
    """The user's confirmation counts as given; the rest is unknown unless the arguments say it."""
    return {
        "confirmed": True,
        "reason": args.get("reason", UNKNOWN),
        "complaint": UNKNOWN,
        "complaint_settled": UNKNOWN,
    }


def _facts(
    state: Mapping[str, object], args: Mapping[str, object], user: Mapping[str, object]
) -> Iterator[tuple[str, list[tuple[tuple[object, ...], Json]]]]:
    users: dict[tuple[object, ...], Json] = {}
    if isinstance(user.get("user_id"), str):
        users[(user["user_id"],)] = user
    if isinstance(args.get("user_id"), str):
        users.setdefault((args["user_id"],), None)
    yield "user", list(users.items())

    reservation = state.get("reservation")
    if isinstance(args.get("reservation_id"), str):
        yield "reservation", [((args["reservation_id"],), reservation)]

    flights = _mapping(state.get("flights"))
    wanted: dict[tuple[object, ...], Json] = {
        tuple(name.split("@", 1)): record for name, record in flights.items()
    }
    for leg in _legs(args, _mapping(reservation)):
        wanted.setdefault(leg, None)
    yield "flight", list(wanted.items())


def _legs(*holders: Mapping[str, object]) -> Iterator[tuple[object, ...]]:
    for holder in holders:
        legs = holder.get("flights")
        for leg in legs if isinstance(legs, list) else ():
            number, date = _mapping(leg).get("flight_number"), _mapping(leg).get("date")
            if isinstance(number, str) and isinstance(date, str):
                yield number, date


def project(value: Json, kind: Type) -> Json:
    """A record without the fields that its type does not declare, all the way down."""
    match kind:
        case OptionalType(inner):
            return None if value is None else project(value, inner)
        case RecordType() if isinstance(value, dict) and "$unknown" not in value:
            return {
                field.name: project(value[field.name], field.type)
                for field in kind.fields
                if field.name in value
            }
        case ListType(element) if isinstance(value, list):
            return [project(item, element) for item in value]
        case MapType(_, inner) if isinstance(value, dict) and "$unknown" not in value:
            return {key: project(item, inner) for key, item in value.items()}
        case _:
            return value


def params_of(row: Row, params: Mapping[str, object]) -> dict[str, object]:
    """The deployment's params; table "1" is the one in which gold flies business with 3 bags.

    Cells that the deployment gives win over the row's table.
    """
    given = params.get("free_bags", {})
    if row.get("baggage_table") != "1" or not isinstance(given, dict):
        return dict(params)
    gold = given.get("gold", {})
    cells = {"business": 3, **(gold if isinstance(gold, dict) else {})}
    return {**params, "free_bags": {**given, "gold": cells}}


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def names_of(rows: Iterable[Row]) -> list[str]:
    """Every reason that the labels name, in the order in which they first appear."""
    seen: dict[str, None] = {}
    for row in rows:
        broken = row.get("rules_broken")
        for name in broken if isinstance(broken, list) else ():
            seen.setdefault(str(name))
    return list(seen)
