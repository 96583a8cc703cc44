"""Tickets: what an allow hands out, and what a tool has to show before it runs.

A ticket says for which call it was made, down to the arguments, and under which policy; it is
signed, expires, and is good for one use. Whoever holds it can run that one call and no other.
It never goes to a model.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from fractions import Fraction
from json.encoder import encode_basestring_ascii as _quoted
from operator import attrgetter
from typing import Literal

from licet.compiler.exact_json import canonical

from .random_texts import urlsafe

KEY_BYTES = 32
#: The first letters of every ticket, so that one can be told from other secrets.
PREFIX = "licet1."

Purpose = Literal["ticket", "approval", "webhook", "commitment"]


class TicketError(ValueError):
    """What was shown is no ticket of this guard's."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One call that may run once.

    `principal` identifies who acts (`identity_of`), `session` and `call_id` are the host's,
    `digest` is that of the exact arguments (`arguments_digest`), `expires` an instant in
    microseconds. `str(ticket)` is what travels.
    """

    tenant: str
    principal: str
    session: str
    call_id: str
    tool: str
    digest: str
    policy: str
    catalog: str
    nonce: str
    expires: int
    signature: str = ""
    #: What `str` begins with, where that was worked out to be signed. It is of no other ticket:
    #: what `replace` makes has none.
    _told: str = field(default="", init=False, repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self._told or _text(said_by(self))}.{self.signature}"

    def __repr__(self) -> str:
        return f"<Ticket for {self.tool}, call {self.call_id!r}>"  # no secret in a log

    @staticmethod
    def read(text: str) -> Ticket:
        """The ticket in a text; its signature is not looked at. Raises TicketError."""
        try:
            packed, _, signature = text.removeprefix(PREFIX).partition(".")
            raw = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
            said = json.loads(raw)
            ticket = Ticket(*[*said, signature])
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise TicketError("this is not a ticket") from None
        if not text.startswith(PREFIX) or [type(part) for part in said] != _KINDS:
            raise TicketError("this is not a ticket")
        return ticket


#: What a ticket says: all but its signature, in the order of the fields.
Said = tuple[str, str, str, str, str, str, str, str, str, int]
_KINDS: list[type] = [str] * 9 + [int]
said_by: Callable[[Ticket], Said] = attrgetter(*[f.name for f in fields(Ticket)][: len(_KINDS)])


def _text(said: Said) -> str:
    """What a ticket says, as it travels and is signed: JSON, packed."""
    *texts, expires = said
    return PREFIX + urlsafe(f"[{','.join(map(_quoted, texts))},{expires}]".encode())


class Keys:
    """The keys of one guard, one for each purpose, derived from one secret."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < KEY_BYTES:
            raise ValueError(f"a key has at least {KEY_BYTES} bytes")
        self._secret = secret
        self._mac = hmac.new(self.of("ticket"), digestmod=hashlib.sha256)

    def of(self, purpose: Purpose) -> bytes:
        return hmac.new(self._secret, b"licet key 1 " + purpose.encode(), hashlib.sha256).digest()

    def ticket(self, said: Said) -> Ticket:
        text = _text(said)
        ticket = Ticket(*said, self._signature(text))
        object.__setattr__(ticket, "_told", text)
        return ticket

    def check(self, ticket: Ticket) -> None:
        """Raises TicketError unless we have signed the ticket."""
        shown = ticket.signature.encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(self._signature(_text(said_by(ticket))).encode(), shown):
            raise TicketError("the ticket was not signed by this guard")

    def _signature(self, text: str) -> str:
        mac = self._mac.copy()  # the key's part is worked out once
        mac.update(text.encode())
        return mac.hexdigest()


def identity_of(principal: Mapping[str, object]) -> str:
    """Who acts: the principal's `id`, or, where it has none, a digest of all that it has."""
    own = principal.get("id")
    if isinstance(own, str):
        return f"id:{own}"
    return "all:" + hashlib.sha256(_stable(principal)).hexdigest()


def _stable(value: object) -> bytes:
    return repr(sorted(value.items()) if isinstance(value, Mapping) else value).encode(
        "utf-8", "surrogatepass"
    )


def frozen(raw: object, checked: object) -> object:
    """The arguments that run: those that were sent, with the defaults that the check filled in.

    `raw` is JSON-able data as it was sent, `checked` the same after admission, as JSON data. What
    a schema leaves open stays; numbers keep the kind that they were sent in. A copy throughout.
    """
    match checked:
        case Mapping() if isinstance(raw, Mapping):
            sent = {k: frozen(v, checked.get(k)) for k, v in raw.items()}
            return {
                **{k: v for k, v in sent.items() if v is not None or k in checked},
                **{k: _plain(v) for k, v in checked.items() if raw.get(k) is None},
            }
        case list() | tuple() if isinstance(raw, list | tuple) and len(raw) == len(checked):
            return [frozen(a, b) for a, b in zip(raw, checked, strict=True)]
        case _:
            return copied(raw)


def copied(value: object) -> object:
    """JSON-able data that nobody else holds."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Mapping):
        return {k: copied(v) for k, v in value.items()}
    return [copied(v) for v in value] if isinstance(value, list | tuple) else value


def _plain(value: object) -> object:
    """A default as a tool takes it: a float where that says the same."""
    match value:
        case Decimal() | Fraction():
            near = float(value)
            return near if Fraction(Decimal(repr(near))) == Fraction(value) else value
        case Mapping():
            return {k: _plain(v) for k, v in value.items()}
        case list() | tuple():
            return [_plain(v) for v in value]
        case _:
            return value


def arguments_digest(args: object) -> str:
    """The digest of frozen arguments: equal exactly for equal values (500 and 500.0 are one).

    Raises ValueError for what is not JSON.
    """
    return _digest(canonical(args))


def digest_of_text(text: str) -> str:
    """The same of arguments in canonical JSON."""
    return _digest(text.encode())


def _digest(text: bytes) -> str:
    return hashlib.sha256(b"licet arguments 1\0" + text).hexdigest()
