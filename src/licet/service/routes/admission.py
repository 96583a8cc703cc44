"""`POST /admission/v1/review`: Kubernetes' validating webhook."""

from __future__ import annotations

from starlette.requests import Request

from licet.adapters.admission_review import AdmissionDoor, ReviewError, answer, refusal
from licet.verifier.action import ActionError

from ..callers import Role
from ..deciding import decide
from ..doors import Json, door, router
from ..messages import read_json
from ..problems import Problem
from ..state import caller_of, service_of

ROUTER = router()
_REVIEW = {
    "type": "object",
    "required": ["apiVersion", "kind"],
    "properties": {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "request": {"type": "object"},
    },
}


@ROUTER.post(
    "/admission/v1/review",
    tags=["other protocols"],
    summary="Judge a change of a cluster (AdmissionReview v1)",
    **door(
        Role.host,
        body=_REVIEW,
        example={
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {"uid": "705ab4f5", "operation": "CREATE", "object": {"kind": "Pod"}},
        },
        answer={**_REVIEW, "required": ["apiVersion", "kind", "response"]},
        answered={
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "response": {"uid": "705ab4f5", "allowed": False},
        },
        errors=(409,),
    ),
)
async def review(request: Request) -> Json:
    """The review with its response. What cannot be judged is denied in the review's own form; the
    API server's word (`oldObject`, `userInfo`) becomes the fact and the principal."""
    service, caller = service_of(request), caller_of(request)
    body = await read_json(request, service.settings.limits.body)
    with service.guards.lease(caller.tenant) as guard:
        try:
            translator = AdmissionDoor(guard.program)
        except ValueError as error:
            raise Problem(409, f"the policy is not one for a cluster: {error}") from None
        try:
            action = translator.action(body)
        except (ReviewError, ActionError) as error:
            return Json(refusal(body, str(error)))
        if not caller.may_check(action.tool):
            return Json(refusal(body, "the credential is not for this tool"))
        verdict = await decide(request, guard, action, commit=True)
        return Json(answer(body, verdict))
