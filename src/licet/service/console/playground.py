"""A policy and a call to edit, with lint, verdict, counterexample and repair beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from licet.compiler.json_text import json_line
from licet.compiler.program import Program

from ..bundles.activating import NotThereError
from ..bundles.bundle import Bundle, BundleError
from ..callers import Role
from .grounds import Ground, ground_of, texts_of
from .pages import Pages, Visit, partial
from .telling import KINDS
from .trying import MAX_CALL, MAX_POLICY, TryError, Work

PAGES = Pages()
_AUTHORS = (Role.policy_author, Role.administrator)
#: Bytes of the form: most characters take one, an odd one three, one beyond ASCII six or more.
_MOST = 4 * (MAX_POLICY + MAX_CALL)
#: Active bundles that are kept read, while people type.
_KEPT = 8

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


@dataclass(frozen=True, slots=True)
class _Active:
    """The active policy, as far as it can be edited here: its files by name."""

    bundle: Bundle
    program: Program
    files: Mapping[str, str]

    def ground(self, file: str) -> Ground | None:
        return ground_of(self.bundle, self.program, file)


@PAGES.get("/playground", *_AUTHORS)
async def playground(visit: Visit) -> Response:
    """The example, or a file of the active policy with all that stands around it."""
    file = visit.request.query_params.get("file", "")
    active = await _active(visit)
    if active is None or file not in active.files:
        return await _page(visit, "", POLICY, CALL)
    tools = [name for name, rules in active.program.rules.items() if rules.rules]
    call = {"tool": tools[0] if tools else "", "args": {}, "principal": {}, "context": {}}
    text = ",\n".join(f"  {json_line(key)}: {json_line(value)}" for key, value in call.items())
    return await _page(visit, file, active.files[file], f"{{\n{text}\n}}\n")


async def _active(visit: Visit) -> _Active | None:
    """The active policy; None where it is not kept as it was sent, or too much."""

    def read() -> Bundle | None:
        standing = visit.service.policies.standing(visit.tenant).activation
        if standing is None:
            return None
        kept = visit.console.bundles
        try:
            if standing.digest not in kept:
                found = visit.service.policies.policy(visit.tenant, standing.digest).bundle
                if len(kept) >= _KEPT:
                    kept.clear()
                kept[standing.digest] = found
            return kept[standing.digest]
        except (NotThereError, BundleError, KeyError):
            return None

    loop = asyncio.get_running_loop()
    bundle = await loop.run_in_executor(visit.service.policies.threads, read)
    with visit.service.guards.lease(visit.tenant) as guard:
        program = guard.program
    if bundle is None:
        return None
    files = {
        name: text
        for name, text in texts_of(bundle).items()
        if len(text) <= MAX_POLICY and ground_of(bundle, program, name) is not None
    }
    return _Active(bundle, program, files) if files else None


async def _page(visit: Visit, file: str, policy: str, call: str, **told: Any) -> Response:
    active = await _active(visit)
    return visit.show(
        "playground.html",
        file=file,
        policy=policy,
        call=call,
        files=[] if active is None else list(active.files),
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
    typed = (visit.form.get(name, "") for name in ("file", "policy", "call"))
    return await _page(visit, *typed, **told)


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
    policy, file = visit.form.get("policy", "").replace("\r\n", "\n"), visit.form.get("file", "")
    ground = None
    if file:
        active = await _active(visit)
        ground = None if active is None else active.ground(file)
        if ground is None:
            return {}, "another policy is active by now: open the playground again"
    call = visit.form.get("call", "")
    try:
        return await visit.console.trier.answer(work, policy, call, ground), None
    except TryError as error:
        return {}, str(error)
