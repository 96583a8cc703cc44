"""Kubernetes' AdmissionReview v1 → a proposed call, and a verdict → the review's answer.

Pure: a web server only has to read a body and write one. The request's `object` is what is
proposed. Who asks and what the cluster holds (`oldObject`) are the API server's word, so that they
become the principal and a fact: no one who writes a manifest chooses them.

The policy says what it wants to know by what it declares (examples/kubernetes/README.md): its
tool's arguments, `principal`'s fields and the keys of the fact `stored` are among the names below.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from licet.compiler.exact_json import shortened
from licet.compiler.program import Program
from licet.compiler.types import OptionalType
from licet.verifier.action import Action
from licet.verifier.verdict import Verdict

API_VERSION: Final = "admission.k8s.io/v1"
TOOL: Final = "admit"
STORED: Final = "stored"
OPERATIONS: Final = ("CREATE", "UPDATE", "DELETE", "CONNECT")

#: What a tool may declare as its arguments, and a fact as its keys.
ARGUMENTS: Final = (
    "operation", "group", "version", "kind", "resource", "subresource", "namespace", "name",
    "object", "dry_run",
)  # fmt: skip
KEYS: Final = ("group", "version", "kind", "namespace", "name")
PRINCIPAL: Final = ("username", "uid", "groups", "extra")

_MESSAGE_LENGTH: Final = 4_000


class ReviewError(ValueError):
    """A review that cannot be read; the message says which part, for whoever calls the door."""


class AdmissionDoor:
    """Translates for one program. Raises ValueError for a program that wants what no review has."""

    def __init__(self, program: Program) -> None:
        tools = program.catalog.find(TOOL) or program.catalog.tools
        if len(tools) != 1:
            raise ValueError(f"a policy for a cluster declares one tool, or one named `{TOOL}`")
        self._tool = tools[0]
        self._arguments = _wanted("argument", self._tool.params.fields, ARGUMENTS)
        self._principal = _wanted("field of principal", program.principal.fields, PRINCIPAL)
        stored = program.facts.get(STORED)
        self._keys: tuple[str, ...] | None = None
        if stored is not None:
            self._keys = tuple(name for name, _ in stored.params)
            if unknown := [name for name in self._keys if name not in KEYS]:
                raise ValueError(f"the fact `{STORED}` has a key `{unknown[0]}`: there are {KEYS}")

    def action(self, review: object, facts: Mapping[str, object] | None = None) -> Action:
        """The call that a review asks about; `facts` are further ones that the host knows.

        Raises ReviewError, and ActionError for names beyond the caps.
        """
        request = request_of(review)
        values = _values(request)
        given: dict[str, object] = dict(facts or {})
        if self._keys is not None and (entry := self._stored(request, values)) is not None:
            given[STORED] = [entry]
        return Action(
            tool=self._tool.qualified,
            args={name: values[name] for name in self._arguments if values[name] is not None},
            principal=_user(request, self._principal),
            facts=given,
            id=_text(request, "uid"),
        )

    def _stored(
        self, request: Mapping[str, Any], values: Mapping[str, object]
    ) -> dict[str, object] | None:
        """The fact of what the cluster has now; None: the review does not say."""
        assert self._keys is not None
        key = [values[name] for name in self._keys]
        if request["operation"] == "CREATE":
            return {"key": key, "value": None}
        if not isinstance(request.get("oldObject"), dict):
            return None
        return {"key": key, "value": request["oldObject"]}


def answer(review: object, verdict: Verdict) -> dict[str, object]:
    """The AdmissionReview that tells the API server a verdict on its review.

    Only an allow lets the change through. The message is the operator's: who reads it made the
    change, and the API server has already shown them what they may see of the cluster.
    """
    status = None if verdict.allowed else _reasons(verdict)
    audit = {"licet-verdict": verdict.id, "licet-policy": verdict.policy_digest}
    return _response(review, verdict.allowed, status, audit)


def refusal(review: object, reason: str) -> dict[str, object]:
    """The answer to a review that could not be judged: never an allow."""
    return _response(review, False, reason, {})


def request_of(review: object) -> Mapping[str, Any]:
    """The request of an AdmissionReview v1. Raises ReviewError."""
    if not isinstance(review, dict) or review.get("kind") != "AdmissionReview":
        raise ReviewError("the body is no AdmissionReview")
    if review.get("apiVersion") != API_VERSION:
        found = shortened(str(review.get("apiVersion")))
        raise ReviewError(f"`apiVersion` is {found}; this door speaks {API_VERSION}")
    request = review.get("request")
    if not isinstance(request, dict):
        raise ReviewError("the review has no `request`")
    if request.get("operation") not in OPERATIONS:
        raise ReviewError(f"`request.operation` is none of {', '.join(OPERATIONS)}")
    if not _text(request, "uid"):
        raise ReviewError("`request.uid` is missing")
    return request


def _wanted(what: str, fields: tuple[Any, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    for field in fields:
        if field.name not in known and not isinstance(field.type, OptionalType):
            raise ValueError(f"a review has no {what} `{field.name}`; there are {', '.join(known)}")
    return tuple(field.name for field in fields if field.name in known)


def _values(request: Mapping[str, Any]) -> dict[str, object]:
    """The possible arguments; what a review leaves empty is the empty text."""
    kind = _part(request, "kind")
    subject = request.get("object")
    if subject is None and request["operation"] in ("CREATE", "UPDATE"):
        raise ReviewError("`request.object` is missing")
    return {
        "operation": request["operation"],
        "group": _text(kind, "group"),
        "version": _text(kind, "version"),
        "kind": _text(kind, "kind"),
        "resource": _text(_part(request, "resource"), "resource"),
        "subresource": _text(request, "subResource"),
        "namespace": _text(request, "namespace"),
        "name": _text(request, "name"),
        "object": subject,
        "dry_run": request.get("dryRun", False),
    }


def _user(request: Mapping[str, Any], wanted: tuple[str, ...]) -> dict[str, object]:
    """The principal, as far as the review says who asks; what it does not say stays unknown."""
    user = request.get("userInfo")
    if user is None:
        return {}
    if not isinstance(user, dict):
        raise ReviewError("`request.userInfo` is not an object")
    plain: dict[str, object] = {"username": "", "uid": "", "groups": [], "extra": {}}
    return {name: user.get(name, plain[name]) for name in wanted}


def _part(request: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = request.get(name, {})
    if not isinstance(part, dict):
        raise ReviewError(f"`request.{name}` is not an object")
    return part


def _text(part: Mapping[str, Any], name: str) -> str:
    value = part.get(name, "")
    if not isinstance(value, str):
        raise ReviewError(f"`{name}` is not text")
    return value


def _reasons(verdict: Verdict) -> str:
    if not verdict.violations:
        return verdict.message or f"the policy does not allow this ({verdict.outcome})"
    lines = [
        f"[{violation.rule}] {violation.message}" if violation.rule else violation.message
        for violation in verdict.violations
    ]
    return "\n".join(dict.fromkeys(lines))[:_MESSAGE_LENGTH]


def _response(
    review: object, allowed: bool, message: str | None, audit: Mapping[str, str]
) -> dict[str, object]:
    request = review.get("request") if isinstance(review, dict) else None
    uid = request.get("uid") if isinstance(request, dict) else None
    response: dict[str, object] = {"uid": uid if isinstance(uid, str) else "", "allowed": allowed}
    if message is not None:
        response["status"] = {"code": 403, "reason": "Forbidden", "message": message}
    if audit:
        response["auditAnnotations"] = dict(audit)
    return {"apiVersion": API_VERSION, "kind": "AdmissionReview", "response": response}
