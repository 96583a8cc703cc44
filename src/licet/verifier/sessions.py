"""One agent at work: a guard that knows who acts, so that each call says only what it does."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from .verdict import Verdict


class Checking(Protocol):
    """What a session needs of a guard, in this process or elsewhere."""

    def check(
        self, action: Mapping[str, object], /, *, tenant: str | None, commit: bool
    ) -> Verdict: ...

    async def acheck(
        self, action: Mapping[str, object], /, *, tenant: str | None, commit: bool
    ) -> Verdict: ...


G = TypeVar("G", bound=Checking)

#: The sessions that the running thread or task is in, innermost last.
_entered: ContextVar[tuple[GuardSession[Any], ...]] = ContextVar("licet_sessions", default=())


def current(guard: G) -> GuardSession[G] | None:
    """The innermost session of a guard that the running thread or task is in."""
    return next((each for each in reversed(_entered.get()) if each.guard is guard), None)


@dataclass(frozen=True)
class GuardSession(Generic[G]):
    """The host's word on who acts and where, said once. `session` without an id gets one.

    As a context (`with guard.session(…):`) it is who acts in functions under `@guard.tool`.
    """

    guard: G
    principal: Mapping[str, object]
    context: Mapping[str, object]
    session: Mapping[str, object] | str | None
    tenant: str

    def __post_init__(self) -> None:
        given = self.session if self.session is not None else {}
        fields = {"id": given} if isinstance(given, str) else dict(given)
        fields.setdefault("id", secrets.token_urlsafe(12))
        object.__setattr__(self, "session", fields)

    def _action(
        self, tool: str, args: Mapping[str, object], id: str | None, facts: Mapping[str, object]
    ) -> dict[str, object]:
        return {
            "tool": tool,
            "args": args,
            "id": id,
            "principal": self.principal,
            "context": self.context,
            "session": self.session,
            "facts": facts,
        }

    def check(
        self,
        tool: str,
        args: Mapping[str, object],
        *,
        id: str | None = None,
        facts: Mapping[str, object] | None = None,
        commit: bool = False,
    ) -> Verdict:
        """`Guard.check` of one call of this session. `id` is the host's own name for the call."""
        action = self._action(tool, args, id, facts or {})
        return self.guard.check(action, tenant=self.tenant, commit=commit)

    async def acheck(
        self,
        tool: str,
        args: Mapping[str, object],
        *,
        id: str | None = None,
        facts: Mapping[str, object] | None = None,
        commit: bool = False,
    ) -> Verdict:
        """`check`, without blocking the event loop."""
        action = self._action(tool, args, id, facts or {})
        return await self.guard.acheck(action, tenant=self.tenant, commit=commit)

    def __enter__(self) -> Self:
        _entered.set((*_entered.get(), self))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        entered = list(_entered.get())
        for place in reversed(range(len(entered))):
            if entered[place] is self:
                del entered[place]  # once: whoever entered it before is still inside
                break
        _entered.set(tuple(entered))
