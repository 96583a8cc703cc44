"""The active policy with its sources."""

from __future__ import annotations

from starlette.responses import Response

from ..callers import Role
from .excerpts import numbered, sources_of
from .pages import READERS, Pages, Visit

PAGES = Pages()


@PAGES.get("/policies", Role.policy_author, *READERS)
async def policies(visit: Visit) -> Response:
    """What decides now."""
    with visit.service.guards.lease(visit.tenant) as guard:
        program = guard.program
        files = sources_of(program)
    return visit.show(
        "policies.html",
        name=program.name,
        digest=program.digest,
        catalog=program.catalog.digest,
        files=[(name, numbered(text)) for name, text in sorted(files.items())],
    )
