"""Who asks: a credential's owner as the routes see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase


class Role(StrEnum):
    """What a credential is for. One may have several."""

    agent = "agent"
    host = "host"
    approver = "approver"
    policy_author = "policy_author"
    auditor = "auditor"
    administrator = "administrator"

    __hash__ = str.__hash__  # every request asks for its caller's roles: an enum's own takes longer


#: What an administrator may give to a key over HTTP: what machines need. By the other roles a
#: person decides. They come from who runs the service, or from an identity provider, so that nobody
#: who administers a tenant can be the second person that a rule asks for.
GRANTABLE = frozenset({Role.agent, Role.host, Role.auditor})

#: Of a route that asks for no credential.
PUBLIC: frozenset[Role] = frozenset()


@dataclass(frozen=True, slots=True)
class Caller:
    """The owner of a credential. `tenant` is the only one whose data it can reach.

    `principal`, `context` and `session` are what the configuration says of whoever holds it: an
    agent acts as this, an approver answers as this. `tools` limits what it may check (globs; None:
    every tool). `name` is for logs and limits; it is no secret. `expires` is when the credential
    does, in seconds since 1970. `stored` is the hash of the key in the store that it is, if it is
    one.
    """

    name: str
    roles: frozenset[Role]
    tenant: str
    principal: Mapping[str, object] = field(default_factory=dict)
    context: Mapping[str, object] = field(default_factory=dict)
    session: str | None = None
    tools: tuple[str, ...] | None = None
    expires: float | None = None
    stored: str | None = None

    @property
    def vouches(self) -> bool:
        """Whether it may say who acts, where, and what is so."""
        return Role.host in self.roles

    def may_check(self, tool: str) -> bool:
        return self.tools is None or any(fnmatchcase(tool, glob) for glob in self.tools)
