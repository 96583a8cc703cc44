"""A call on its way: as it came in and was admitted, and the ticket that it would get."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from licet.compiler.catalog import Tool
from licet.compiler.exact_json import canonical
from licet.compiler.program import Program
from licet.compiler.world import World

from .action import Action
from .admission import Refused
from .calls import call_json
from .tickets import Ticket, copied, identity_of
from .verdict import Violation
from .writing import Writer

if TYPE_CHECKING:
    from .remembering import Memory


class Proposal(NamedTuple):
    """One call that is being decided: as it came in, and as it was admitted."""

    action: Action
    tool: Tool
    world: World
    tenant: str
    principal: str
    session: str | None
    digest: str
    #: The arguments as they were admitted, as canonical JSON.
    spelled: str
    #: No one will say how it ended: it counts as done as soon as it is allowed.
    commit: bool = False
    #: Of a batch and of the calls in it: the nonce that the call gets, those of its parts, and that
    #: of the batch that it is a part of.
    nonce: str = ""
    parts: tuple[str, ...] = ()
    part_of: str = ""

    @staticmethod
    def of(
        writer: Writer, action: Action, tool: Tool, world: World, tenant: str, *, commit: bool
    ) -> Proposal:
        """Raises Refused where the arguments are not JSON beyond what the schema says of them."""
        text = writer.arguments(tool, world)
        digest = writer.digest(tool, world, text, action.args)
        return Proposal(
            action,
            tool,
            world,
            tenant,
            identity_of(world.principal),
            session_of(action),
            digest,
            text,
            commit,
        )


def session_of(action: Action) -> str | None:
    """The id of the session, if it has one. Raises Refused."""
    if not action.session:
        return None
    session = action.session.get("id") if isinstance(action.session, Mapping) else None
    if session is not None and not isinstance(session, str):
        text = "`session.id` must be text"
        raise Refused((Violation("fault", text, text, path="session.id"),))
    return session or None


class Promise:
    """The ticket of a call that is not kept: made when it is asked for, always the same one.

    All that it is made of is taken down when the call is decided, so that nothing that happens to
    the arguments afterwards gets into it.
    """

    __slots__ = ("_args", "_digest", "_expires", "_memory", "_nonce", "_session", "_tenant",
                 "_tool", "_world")  # fmt: skip

    def __init__(
        self, memory: Memory, action: Action, tool: Tool, world: World, tenant: str
    ) -> None:
        self._memory, self._tool, self._world, self._tenant = memory, tool, world, tenant
        self._digest: str | None = None
        self._args: Any = None
        if memory.is_open(tool):
            # What a schema leaves open was not looked at: it may not even be JSON.
            self._digest = self._digest_of(action.args)
        elif not memory.writer.tells_all(tool):
            self._args = copied(action.args)
        self._session = session_of(action)
        self._nonce = memory.run.nonce()
        self._expires = time.time_ns() // 1000 + memory.life

    def __call__(self) -> Ticket:
        program = self._memory.program
        return self._memory.keys.ticket(
            (
                self._tenant,
                identity_of(self._world.principal),
                self._session or "",
                self._nonce,
                self._tool.qualified,
                self._digest or self._digest_of(self._args),
                program.digest,
                program.catalog.digest,
                self._nonce,
                self._expires,
            )
        )

    def _digest_of(self, args: Mapping[str, object]) -> str:
        writer = self._memory.writer
        text = writer.arguments(self._tool, self._world)
        return writer.digest(self._tool, self._world, text, args)


def binding_of(proposal: Proposal, program: Program) -> str:
    """What an approval is for: this call of this principal, under this policy."""
    parts = (
        proposal.tenant,
        # all of it: on whose behalf somebody acts is what people are asked to judge
        call_json(proposal.world, program).get("principal", {}),
        proposal.session or "",
        proposal.tool.qualified,
        proposal.digest,
        program.digest,
        program.catalog.digest,
    )
    return hashlib.sha256(b"licet approval 1\0" + canonical(list(parts))).hexdigest()
