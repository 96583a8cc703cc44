"""The feed of decisions, and one of them with all that is known of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import Response

from licet.policy_lang import ast
from licet.verifier.audit.bodies import KINDS
from licet.verifier.guard import Guard

from ..bundles.bundle import BundleError
from ..problems import Problem
from ..records import Record, after, fits, last, one, search
from .excerpts import Trees, trees_of
from .pages import READERS, Pages, Visit
from .telling import Told, decision_of, told

PAGES = Pages()
_ROWS = 50
#: Entries that one look at what is new goes through.
_NEW = 500
#: Entries after a decision among which it is looked for what followed.
_FOLLOWING = 500
_MOST_FOLLOWING = 12
OUTCOMES = ("deny", "escalate", "allow")
_FIELDS = ("outcome", "tool", "rule", "kind")
_MOST_NAMES = 300


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader wants to see: filters, the page, and whether it goes on by itself."""

    filters: Mapping[str, str]
    before: int | None
    live: bool

    @staticmethod
    def of(visit: Visit) -> Asked:
        given = visit.request.query_params
        filters = {name: given[name][:512] for name in _FIELDS if given.get(name)}
        if filters.get("outcome", "deny") not in OUTCOMES:
            raise Problem(422, "`outcome` is `allow`, `escalate` or `deny`")
        if filters.get("kind", "all") not in (*KINDS, "all"):
            raise Problem(422, f"`kind` is `all` or one of {', '.join(KINDS)}")
        before = _number(given.get("before", ""))
        return Asked(filters, before, before is None and given.get("live") != "off")

    @property
    def wanted(self) -> Mapping[str, str]:
        """For the search: verdicts alone, unless something else is asked for."""
        kind = self.filters.get("kind", "verdict")
        rest = {name: value for name, value in self.filters.items() if name != "kind"}
        return rest if kind == "all" else {"kind": kind, **rest}

    def query(self, **more: object) -> str:
        """The address of another view with the same filters."""
        given = {**self.filters, **{name: str(value) for name, value in more.items()}}
        return "?" + urlencode(given) if given else ""


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 18 else None


@PAGES.get("/decisions", *READERS)
async def feed(visit: Visit) -> Response:
    """What was decided, newest first."""
    asked = Asked.of(visit)
    newest, rows, following = await _found(visit, asked)
    with visit.service.guards.lease(visit.tenant) as guard:
        tools = sorted(guard.program.catalog.names())[:_MOST_NAMES]
        rules = _rule_names(guard)[:_MOST_NAMES]
    return visit.show(
        "decisions.html",
        asked=asked,
        newest=newest,
        rows=rows,
        seen=newest,
        following=following,
        tools=tools,
        rules=rules,
        kinds=KINDS,
        outcomes=OUTCOMES,
        durable=visit.service.store.durable,
    )


@PAGES.get("/decisions/new", *READERS)
async def new(visit: Visit) -> Response:
    """The feed anew where something has come that fits, else only how far we have looked."""
    asked = Asked.of(visit)
    seen = _number(visit.request.query_params.get("after", "")) or 0
    store, tenant = visit.service.store, visit.tenant

    def look() -> tuple[int, bool]:
        newest = last(store, tenant)
        if newest <= seen:
            return seen, False
        if newest - seen > _NEW:
            return newest, True
        return newest, any(fits(each, asked.wanted) for each in after(store, tenant, seen, _NEW))

    newest, found = await asyncio.to_thread(look)
    if not found:
        response = visit.show("parts/poll.html", asked=asked, newest=newest, away=True)
        response.headers["HX-Reswap"] = "none"
        return response
    newest, rows, following = await _found(visit, asked)
    return visit.show(
        "parts/feed.html",
        asked=asked,
        newest=newest,
        rows=rows,
        seen=seen,
        following=following,
        away=True,
        durable=True,
    )


async def _found(visit: Visit, asked: Asked) -> tuple[int, list[Told], int | None]:
    store, tenant = visit.service.store, visit.tenant

    def read() -> tuple[int, list[Record], int | None]:
        newest = last(store, tenant)
        found, following = search(store, tenant, asked.before, _ROWS, asked.wanted)
        return newest, found, following

    newest, found, following = await asyncio.to_thread(read)
    return newest, [told(each) for each in found], following


def _rule_names(guard: Guard) -> list[str]:
    names = {
        declaration.name
        for tree in guard.program.files.values()
        for declaration in tree.declarations
        if isinstance(declaration, ast.RuleDecl | ast.LimitDecl)
    }
    return sorted(names)


@PAGES.get("/decisions/{seq:int}", *READERS)
async def decision(visit: Visit) -> Response:
    """One entry: of a verdict why, by which rule, on what, and what would have been allowed."""
    seq = int(visit.request.path_params["seq"])
    store, tenant = visit.service.store, visit.tenant
    record = await asyncio.to_thread(one, store, tenant, seq) if 0 < seq < 2**62 else None
    if record is None:
        raise Problem(404, "there is no such entry in the audit of your tenant")
    if not record.verdict:
        return visit.show("entry.html", line=told(record), record=record)
    following = await asyncio.to_thread(_following, visit, record)
    files, active = await asyncio.to_thread(_files, visit, record)
    found = decision_of(record, files)
    return visit.show(
        "decision.html",
        decision=found,
        line=found.line,
        record=record,
        active=active,
        following=following,
    )


def _files(visit: Visit, record: Record) -> tuple[Trees | None, bool]:
    """The files of the policy that decided, as far as they are kept, and whether it still does."""
    policy, catalog = record.verdict.get("policy"), record.verdict.get("catalog")
    with visit.service.guards.lease(visit.tenant) as guard:
        if policy == guard.program.digest:
            return guard.program.files, True
    try:
        kept = visit.service.policies.bundle_of(visit.tenant, str(policy), str(catalog))
    except BundleError:
        kept = None
    return None if kept is None else trees_of(kept), False


def _following(visit: Visit, record: Record) -> list[Told]:
    """What became of the call: its ticket, its approval, its end, and what was decided again."""
    said = record.verdict
    call = said.get("call", said.get("id"))
    approval = said.get("approval")
    found: list[Told] = []
    for each in after(visit.service.store, visit.tenant, record.seq, _FOLLOWING):
        body = each.body
        same = body.get("call") == call or each.verdict.get("call", each.verdict.get("id")) == call
        if same or (approval is not None and body.get("approval") == approval):
            found.append(told(each))
            if len(found) == _MOST_FOLLOWING:
                break
    return found
