"""`POST /v1/redeem` and `/v1/settle`: right before a tool runs, and once it has."""

from __future__ import annotations

from starlette.requests import Request

from licet.verifier.redeeming import RedeemError, SettleError
from licet.verifier.tickets import Ticket, TicketError

from ..callers import Caller, Role
from ..doors import Json, door, router
from ..messages import Redemption, Settlement, checked, read_json, schema_of
from ..problems import Problem
from ..state import caller_of, service_of

ROUTER = router()
_TICKET = "licet1.WyJkZWZhdWx0Iiwi…"


@ROUTER.post(
    "/v1/redeem",
    tags=["calls"],
    summary="Trade a ticket for the arguments to run, once",
    **door(
        Role.host,
        body=schema_of(Redemption),
        example={"ticket": _TICKET, "args": {"order_id": "R1", "amount": 40}},
        answer={
            "type": "object",
            "required": ["args"],
            "properties": {"args": {"type": "object"}},
        },
        answered={"args": {"order_id": "R1", "amount": 40}},
        errors=(409,),
    ),
)
async def redeem(request: Request) -> Json:
    """The frozen arguments of the one call that the ticket is for. Any other answer than 200: the
    tool must not run."""
    service, caller = service_of(request), caller_of(request)
    data = checked(Redemption, await read_json(request, service.settings.limits.body))
    ticket = _ticket(data["ticket"], caller)
    with service.guards.lease(caller.tenant) as guard:
        try:
            running = await guard.aredeem(ticket, data["args"])
        except RedeemError as error:
            raise Problem(409, str(error)) from None
        return Json({"args": running.args})


@ROUTER.post(
    "/v1/settle",
    tags=["calls"],
    summary="Say how a call ended",
    **door(
        Role.host,
        body=schema_of(Settlement),
        example={"ticket": _TICKET, "outcome": "ok", "result": {"paid": 40}},
        answer={
            "type": "object",
            "required": ["settled"],
            "properties": {"settled": {"const": True}},
        },
        answered={"settled": True},
        errors=(409,),
    ),
)
async def settle(request: Request) -> Json:
    """It may be said again, in the same words."""
    service, caller = service_of(request), caller_of(request)
    data = checked(Settlement, await read_json(request, service.settings.limits.body))
    ticket = _ticket(data["ticket"], caller)
    with service.guards.lease(caller.tenant) as guard:
        try:
            await guard.asettle(ticket, data["outcome"], data.get("result"))
        except (RedeemError, SettleError) as error:
            raise Problem(409, str(error)) from None
    return Json({"settled": True})


def _ticket(text: str, caller: Caller) -> Ticket:
    """The ticket in a text. Another tenant's is answered like one that is none."""
    try:
        ticket = Ticket.read(text)
    except TicketError as error:
        raise Problem(409, str(error)) from None
    if ticket.tenant != caller.tenant:
        raise Problem(409, "the ticket was not signed by this guard")
    return ticket
