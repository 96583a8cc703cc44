"""Questions to a client that are open: each is answered once, for the very call that raised it.

What the client gets is a random name. All that it stands for stays here, the state of the server
behind the proxy included, so a client can neither edit it nor carry it to another call.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from licet.compiler.exact_json import canonical

T = TypeVar("T")

MOST: Final = 1_000
#: What a client is told of an answer to no open question.
STALE: Final = (
    "This answer belongs to no question that is open for this call: it was given already, is late, "
    "or the call is another one. Make the call again without it."
)


@dataclass(frozen=True)
class Question(Generic[T]):
    """What a name stands for: the call that it belongs to, and whatever is needed to go on."""

    identity: str
    call: str
    about: T
    expires: float


@dataclass
class Questions(Generic[T]):
    """The open questions of a proxy. `dropped` is told of what will never be answered."""

    seconds: float
    dropped: Callable[[T], None]
    _open: dict[str, Question[T]] = field(default_factory=dict)

    def ask(self, identity: str, name: str, args: Mapping[str, Any], about: T) -> str:
        """A fresh name for a question. Where too many are open, the oldest is dropped."""
        self.sweep()
        while len(self._open) >= MOST:
            self._drop(next(iter(self._open)))
        nonce = secrets.token_urlsafe(24)
        expires = time.monotonic() + self.seconds
        self._open[nonce] = Question(identity, binding(name, args), about, expires)
        return nonce

    def answered(
        self, nonce: str | None, identity: str, name: str, args: Mapping[str, Any]
    ) -> T | None:
        """What the question is about, once. None where the name is unknown, was used, is late, or
        belongs to another caller or to another call; then it is used up all the same."""
        self.sweep()
        question = self._open.pop(nonce, None) if nonce is not None else None
        if question is None:
            return None
        if (question.identity, question.call) != (identity, binding(name, args)):
            self.dropped(question.about)
            return None
        return question.about

    def knows(self, nonce: str | None) -> bool:
        """Whether the name is of a question that is open."""
        return nonce in self._open

    def sweep(self) -> None:
        """Drop what is late."""
        now = time.monotonic()
        for nonce in [n for n, q in self._open.items() if q.expires <= now]:
            self._drop(nonce)

    def close(self) -> None:
        for nonce in list(self._open):
            self._drop(nonce)

    def _drop(self, nonce: str) -> None:
        self.dropped(self._open.pop(nonce).about)


def binding(name: str, args: Mapping[str, Any]) -> str:
    """The digest of a call. Raises ValueError for what is no exact JSON."""
    return hashlib.sha256(canonical([name, dict(args)])).hexdigest()
