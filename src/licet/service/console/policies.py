"""Policies: the active one with its sources, what was sent, what was active, what changes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from starlette.responses import Response

from ..bundles.activating import NotThereError
from ..bundles.bundle import Bundle, BundleError
from ..bundles.examining import BusyError
from ..bundles.policies import Policies, Policy
from ..bundles.shelf import changes
from ..callers import Role
from ..problems import Problem
from .differences import compared
from .excerpts import Line, numbered, sources_of, text_of
from .pages import READERS, Pages, Visit

PAGES = Pages()
Answer = TypeVar("Answer")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SEERS = (Role.policy_author, *READERS)
#: Of each kind, on one page.
_MOST = 50
#: Tools that a difference is told of.
_MOST_TOLD = 60
#: How far calls get with a policy, compared with another.
WORDS: Mapping[str, str] = {
    "equivalent": "decides the same",
    "narrows": "narrows",
    "widens": "widens",
    "incomparable": "widens and narrows",
    "unknown": "not known",
}


@PAGES.get("/policies", *_SEERS)
async def policies(visit: Visit) -> Response:
    """What decides now, what was sent, and what was active before."""

    def read(known: Policies) -> dict[str, Any]:
        return {
            "standing": known.standing(visit.tenant),
            "sent": known.listed(visit.tenant, None, _MOST),
            "history": known.history(visit.tenant, None, _MOST),
            "canaried": known.canaried(visit.tenant),
        }

    found = await _asked(visit, read)
    with visit.service.guards.lease(visit.tenant) as guard:
        program = guard.program
        files = sources_of(program)
    return visit.show(
        "policies.html",
        **found,
        name=program.name,
        digest=program.digest,
        files=[(name, numbered(text)) for name, text in sorted(files.items())],
        words=WORDS,
        day=_instant,
    )


@PAGES.get("/policies/diff", *_SEERS)
async def diff(visit: Visit) -> Response:
    """Two policies, line by line; what they decide otherwise where that is known."""
    given = visit.request.query_params
    return await _diff(visit, given.get("old", ""), given.get("new", ""), None)


@PAGES.post("/policies/compare", Role.policy_author, Role.administrator)
async def compare(visit: Visit) -> Response:
    """The same, with what they decide otherwise worked out now."""
    old, new = visit.form.get("old", ""), visit.form.get("new", "")
    _check(old, new)
    found = await _asked(visit, lambda known: known.compare(visit.tenant, old, new))
    return await _diff(visit, old, new, found.report)


@PAGES.get("/policies/{digest}", *_SEERS)
async def policy(visit: Visit) -> Response:
    """One that was sent, with its texts and what was found."""
    digest = str(visit.request.path_params["digest"])
    _check(digest)

    def read(known: Policies) -> tuple[Policy, str]:
        active = known.standing(visit.tenant).activation
        return known.policy(visit.tenant, digest), "" if active is None else active.digest

    found, active = await _asked(visit, read)
    return visit.show(
        "policy.html",
        it=found,
        active=active,
        files=_files(found.bundle),
        changes=changes(found.report)[:_MOST_TOLD],
        words=WORDS,
        day=_instant,
    )


async def _diff(visit: Visit, old: str, new: str, report: Mapping[str, Any] | None) -> Response:
    _check(old, new)

    def read(known: Policies) -> tuple[Policy, Policy, Any]:
        before, after = known.policy(visit.tenant, old), known.policy(visit.tenant, new)
        return before, after, compared(before.bundle.files, after.bundle.files)

    before, after, files = await _asked(visit, read)
    if report is None and after.listed.compared_with == old:
        report = after.report
    return visit.show(
        "policy_diff.html",
        before=before,
        after=after,
        files=files,
        report=report,
        changes=[] if report is None else changes(report)[:_MOST_TOLD],
        proves=not visit.caller.roles.isdisjoint((Role.policy_author, Role.administrator)),
        words=WORDS,
        day=_instant,
    )


def _check(*digests: str) -> None:
    if not all(_DIGEST.fullmatch(digest) for digest in digests):
        raise Problem(404, "there is no such policy")


def _files(bundle: Bundle) -> list[tuple[str, tuple[Line, ...] | None, int]]:
    """Each file with its lines, or, where it is no text, its size alone."""
    made = []
    for name, data in sorted(bundle.files.items()):
        text = text_of(data) if len(data) <= _LONGEST else None
        made.append((name, None if text is None else numbered(text), len(data)))
    return made


#: Bytes of a file that is shown.
_LONGEST = 200_000


def _instant(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1_000_000, UTC)


async def _asked(visit: Visit, work: Callable[[Policies], Answer]) -> Answer:
    """Ask on the threads for it. Raises Problem, and StoreError."""
    known = visit.service.policies
    loop = asyncio.get_running_loop()
    try:
        return await loop.run_in_executor(known.threads, lambda: work(known))
    except NotThereError as error:
        raise Problem(404, str(error)) from None
    except BundleError as error:
        raise Problem(409, str(error)) from None
    except BusyError:
        raise Problem(503, "other policies are being examined: try again in a moment") from None
