"""A policy and a call to edit, with lint, verdict, counterexample and repair beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from ..callers import Role
from .excerpts import sources_of
from .pages import Pages, Visit, partial
from .telling import KINDS
from .trying import MAX_CALL, MAX_POLICY, TryError, Work

PAGES = Pages()
_AUTHORS = (Role.policy_author, Role.administrator)
#: Bytes of the form: most characters take one, an odd one three, one beyond ASCII six or more.
_MOST = 4 * (MAX_POLICY + MAX_CALL)

POLICY = """\
policy "refunds"

enum Role { support, manager }
principal { id: String, role: Role }
fact order(id: String) -> { total: Decimal in 0 .. 100_000 step 0.01 }?

tool refund(order_id: String, amount: Decimal in 0 .. 10_000 step 0.01) destructive

permit refunds on refund

forbid too_much on refund
  let o = order(args.order_id)
  when args.amount > o.total
  message "At most {o.total} can be refunded on {args.order_id}."

escalate large on refund
  when args.amount > 500
  to approver.role == manager
  message "A manager has to agree to more than 500."
"""
CALL = """\
{
  "tool": "refund",
  "args": {"order_id": "R1", "amount": 900},
  "principal": {"id": "a1", "role": "support"},
  "facts": {"order": [{"key": ["R1"], "value": {"total": 240}}]},
  "now": "2026-11-22T15:00:00Z"
}
"""


@PAGES.get("/playground", *_AUTHORS)
async def playground(visit: Visit) -> Response:
    """The example, or the active policy if that is one file by itself."""
    source = _active(visit) if visit.request.query_params.get("from") == "active" else None
    return _page(visit, source or POLICY, CALL)


def _active(visit: Visit) -> str | None:
    """The active policy, if it is one file that fits."""
    with visit.service.guards.lease(visit.tenant) as guard:
        texts = list(sources_of(guard.program).values())
    return texts[0] if len(texts) == 1 and len(texts[0]) <= MAX_POLICY else None


def _page(visit: Visit, policy: str, call: str, **told: Any) -> Response:
    return visit.show(
        "playground.html",
        policy=policy,
        call=call,
        whole=_active(visit) is not None,
        most_policy=MAX_POLICY,
        most_call=MAX_CALL,
        told=bool(told),
        **told,
    )


@PAGES.post("/playground/verdict", *_AUTHORS, most=_MOST)
async def verdict(visit: Visit) -> Response:
    """What would be decided; without scripts, in the whole page."""
    answer, problem = await _tried(visit, "decide")
    said = answer.get("verdict")
    told: dict[str, Any] = {
        "diagnostics": answer.get("diagnostics", []),
        "problem": problem or answer.get("problem"),
        "verdict": said if isinstance(said, dict) else None,
        "model": answer.get("model"),
        "kinds": KINDS,
    }
    if partial(visit.request):
        return visit.show("parts/verdict.html", **told)
    return _page(visit, visit.form.get("policy", ""), visit.form.get("call", ""), **told)


@PAGES.post("/playground/lint", *_AUTHORS, most=_MOST)
async def lint(visit: Visit) -> Response:
    """What lint finds."""
    answer, problem = await _tried(visit, "lint")
    return visit.show(
        "parts/lint.html",
        findings=answer.get("findings", []),
        whole=answer.get("whole", False),
        problem=problem or answer.get("problem"),
    )


async def _tried(visit: Visit, work: Work) -> tuple[Mapping[str, Any], str | None]:
    policy = visit.form.get("policy", "").replace("\r\n", "\n")
    try:
        return await visit.console.trier.answer(work, policy, visit.form.get("call", "")), None
    except TryError as error:
        return {}, str(error)
