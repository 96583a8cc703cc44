"""OpenID AuthZEN 1.0: `/access/v1/evaluation`, `/evaluations`, and the metadata document.

A gateway that speaks it is a host: its word on the subject becomes the principal. The action's name
is the tool; the properties of resource and action are its arguments, all of which the tool has to
declare. Where it declares them, `resource_type` and `resource_id` are arguments too. Of subject and
context what the policy declares is taken, `type` and `id` of the subject among it: gateways send
along what they know, and no rule can read the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from starlette.requests import Request

from licet.compiler.types import RecordType
from licet.verifier.guard import Guard

from ..callers import Caller, Role
from ..calls import check_reach
from ..deciding import decide
from ..doors import Json, door, router
from ..messages import Message, Object, Text, checked, read_json, schema_of
from ..problems import Problem
from ..state import caller_of, service_of

ROUTER = router()


class _Open(Message):
    """The standard has others ignore members that they do not know."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class Subject(_Open):
    """Who acts."""

    type: Text
    id: Text
    properties: Object = Field(default_factory=dict)


class Resource(_Open):
    """What is acted on."""

    type: Text
    id: Text
    properties: Object = Field(default_factory=dict)


class Act(_Open):
    """What is done: a tool by its name."""

    name: Text
    properties: Object = Field(default_factory=dict)


class Evaluation(_Open):
    """One question."""

    subject: Subject
    action: Act
    resource: Resource
    context: Object = Field(default_factory=dict)


class Part(_Open):
    """A question of several; what it leaves out is taken from the whole."""

    subject: Object | None = None
    action: Object | None = None
    resource: Object | None = None
    context: Object | None = None


class Options(_Open):
    """Which questions are answered."""

    evaluations_semantic: Literal["execute_all", "deny_on_first_deny", "permit_on_first_permit"] = (
        "execute_all"
    )


class Evaluations(Part):
    """Several questions. Each is read by itself: what is wrong with one is its own."""

    evaluations: Annotated[list[Any], Field(json_schema_extra={"items": {"type": "object"}})] = (
        Field(default_factory=list)
    )
    options: Options = Options()


#: The members of a question, each with what it needs: what a part of several leaves out of that is
#: the whole's, as the rest of a member is not.
_PARTS = {"subject": ("type", "id"), "action": ("name",), "resource": ("type", "id"), "context": ()}
_EXAMPLE = {
    "subject": {"type": "agent", "id": "a1", "properties": {"role": "support"}},
    "action": {"name": "refund", "properties": {"amount": 40}},
    "resource": {"type": "order", "id": "R1", "properties": {"order_id": "R1"}},
}
_DECISION: dict[str, Any] = {
    "type": "object",
    "required": ["decision"],
    "properties": {"decision": {"type": "boolean"}, "context": {"type": "object"}},
}


@ROUTER.post(
    "/access/v1/evaluation",
    tags=["other protocols"],
    summary="AuthZEN: one access evaluation",
    **door(
        Role.host,
        body=schema_of(Evaluation),
        example=_EXAMPLE,
        answer=_DECISION,
        answered={"decision": True},
    ),
)
async def evaluation(request: Request) -> Json:
    """A decision that counts as made once it is true: nobody says how it ended."""
    service, caller = service_of(request), caller_of(request)
    data = await _asked(Evaluation, request)
    with service.guards.lease(caller.tenant) as guard:
        return Json(await _decide(request, guard, caller, data))


@ROUTER.post(
    "/access/v1/evaluations",
    tags=["other protocols"],
    summary="AuthZEN: several access evaluations",
    **door(
        Role.host,
        body=schema_of(Evaluations),
        example={**_EXAMPLE, "evaluations": [{}, {"action": {"name": "lookup"}}]},
        answer={
            "type": "object",
            "properties": {"evaluations": {"type": "array", "items": _DECISION}},
        },
        answered={
            "evaluations": [
                {"decision": True},
                {
                    "decision": False,
                    "context": {
                        "reason": {
                            "outcome": "deny",
                            "tool": "lookup",
                            "violations": [
                                {
                                    "kind": "no_permit",
                                    "message": "no rule permits this tool at all",
                                }
                            ],
                            "because": [],
                            "message": "lookup was refused: no rule permits this tool at all."
                            " Do not repeat this call unchanged.",
                        }
                    },
                },
            ]
        },
    ),
)
async def evaluations(request: Request) -> Json:
    """The decisions in order, each for itself; one that cannot be read is false. Without
    `evaluations` the whole is one question."""
    service, caller = service_of(request), caller_of(request)
    limits = service.settings.limits
    data = await _asked(Evaluations, request)
    asked = data.get("evaluations") or []
    if len(asked) > limits.batch:
        raise Problem(413, f"there are at most {limits.batch:,} evaluations at once")
    service.rates.take_rest(caller, len(asked))
    whole = {name: data[name] for name in _PARTS if data.get(name) is not None}
    semantic = (data.get("options") or {}).get("evaluations_semantic", "execute_all")
    stops = {"deny_on_first_deny": False, "permit_on_first_permit": True}.get(semantic)
    with service.guards.lease(caller.tenant) as guard:
        if not asked:
            return Json(await _decide(request, guard, caller, _checked(Evaluation, whole)))
        decided: list[dict[str, object]] = []
        for part in asked:
            try:
                question = _checked(Evaluation, _question(whole, part))
                decision = await _decide(request, guard, caller, question)
            except Problem as problem:
                error = {"status": problem.status, "message": problem.detail}
                decision = {"decision": False, "context": {"error": error}}
            decided.append(decision)
            if decision["decision"] is stops:
                break
    return Json({"evaluations": decided})


@ROUTER.get(
    "/.well-known/authzen-configuration",
    tags=["other protocols"],
    summary="AuthZEN: where the endpoints are",
    **door(
        answer={"type": "object", "required": ["policy_decision_point"]},
        answered={
            "policy_decision_point": "https://licet.example.com",
            "access_evaluation_endpoint": "https://licet.example.com/access/v1/evaluation",
            "access_evaluations_endpoint": "https://licet.example.com/access/v1/evaluations",
        },
    ),
)
async def configuration(request: Request) -> Json:
    """As the client addressed the service, or as `public_url` says."""
    try:
        base = (service_of(request).settings.public_url or str(request.base_url)).rstrip("/")
    except ValueError:
        raise Problem(400, "the header `Host` is none") from None
    return Json(
        {
            "policy_decision_point": base,
            "access_evaluation_endpoint": f"{base}/access/v1/evaluation",
            "access_evaluations_endpoint": f"{base}/access/v1/evaluations",
        }
    )


async def _asked(model: type[Message], request: Request) -> dict[str, Any]:
    """The body. Raises Problem 400 for all that is wrong with its form, as the standard has it."""
    limit = service_of(request).settings.limits.body
    try:
        return _checked(model, await read_json(request, limit))
    except Problem as problem:
        if problem.status != 415:
            raise
        raise Problem(400, problem.detail) from None


def _checked(model: type[Message], data: object) -> dict[str, Any]:
    try:
        return checked(model, data)
    except Problem as problem:
        raise Problem(400, problem.detail, more=problem.more) from None


def _question(whole: Mapping[str, Any], part: object) -> object:
    """One of several questions, with what it takes from the whole."""
    if not isinstance(part, dict):
        return part
    own = {name: part[name] for name in _PARTS if part.get(name) is not None}
    for name, value in own.items():
        if isinstance(value, dict) and name in whole:
            needed = {key: whole[name][key] for key in _PARTS[name] if key in whole[name]}
            own[name] = {**needed, **value}
    return {**whole, **own}


async def _decide(
    request: Request, guard: Guard, caller: Caller, data: dict[str, Any]
) -> dict[str, object]:
    call = _call(guard, data)
    check_reach(call, caller, guard.program.catalog)
    verdict = await decide(request, guard, call, commit=True)
    if verdict.allowed:
        return {"decision": True}
    return {"decision": False, "context": {"reason": verdict.for_model()}}


def _call(guard: Guard, data: dict[str, Any]) -> dict[str, object]:
    action, resource, subject = data["action"], data["resource"], data["subject"]
    args: dict[str, object] = {
        **resource.get("properties", {}),
        **action.get("properties", {}),
    }
    tools = guard.program.catalog.find(action["name"])
    declared = {field.name for field in tools[0].params.fields} if len(tools) == 1 else set()
    for name in ("type", "id"):
        if f"resource_{name}" in declared:
            args[f"resource_{name}"] = resource[name]
    said = {**subject.get("properties", {}), "type": subject["type"], "id": subject["id"]}
    return {
        "tool": action["name"],
        "args": args,
        "principal": _declared(said, guard.program.principal),
        "context": _declared(data.get("context", {}), guard.program.context),
    }


def _declared(said: Mapping[str, object], type: RecordType) -> dict[str, object]:
    return {name: value for name, value in said.items() if type.field(name) is not None}
