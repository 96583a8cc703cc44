"""Telling people elsewhere that an approval waits, or was answered: a signed POST.

    Guard.load("policies/", notify=Webhook("https://chat.example/licet", secret))

The body is JSON. Its signature goes in the header `Licet-Signature: t=SECONDS,v1=HEX`, where HEX
is HMAC-SHA256 over `SECONDS.BODY`; `verified` is the other side of it. A webhook tells, and decides
nothing: it is sent in a thread of its own, again if that may help, and what comes back is not read.
It goes to public addresses alone, to one that was judged when it is sent, and follows no redirect.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec

from licet.compiler.json_text import json_line
from licet.verifier.approvals import Approval

from .outgoing import FinalError, check_url, fetch

log = logging.getLogger("licet")

HEADER = "Licet-Signature"
#: By how much the clocks of both sides may differ, and so how long a body may be sent again.
TOLERANCE = 300
ATTEMPTS = 4
#: That wait to be sent, at most: what comes on top is lost, and said to be.
MOST_WAITING = 1_000


class Webhook:
    """Sends approvals to one URL. `secret` has 32 bytes or more; `seconds` bounds one attempt.

    `private` lets it go to addresses that are not public (a service on the same machine).
    Raises ValueError for a URL that is none of http(s), ImportError without `licet[webhooks]`.
    """

    def __init__(
        self, url: str, secret: bytes, *, seconds: float = 5.0, private: bool = False
    ) -> None:
        try:
            check_url(url)
        except ValueError:
            text = "a webhook goes to an http or https URL without a user in it"
            raise ValueError(text) from None
        if len(secret) < 32:
            raise ValueError("the secret of a webhook has 32 bytes or more")
        if find_spec("httpx") is None or find_spec("tenacity") is None:
            raise ModuleNotFoundError("webhooks need more: pip install 'licet[webhooks]'")
        self._url, self._secret, self._seconds, self._private = url, secret, seconds, private
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="licet-webhook")
        self._free = threading.Semaphore(MOST_WAITING)
        self._closing = threading.Event()
        self._given_up = False

    def __call__(self, approval: Approval) -> Future[bool]:
        """Send it, in the background; the answer says whether it arrived."""
        if not self._free.acquire(blocking=False):
            log.warning("a webhook is too slow: the approval %s was not told", approval.id)
            lost: Future[bool] = Future()
            lost.set_result(False)
            return lost
        try:
            sending = self._threads.submit(self._send, body_of(approval))
        except BaseException:
            self._free.release()
            raise
        sending.add_done_callback(lambda _: self._free.release())
        return sending

    def close(self) -> None:
        """Wait for what is to be sent, once each; after the first that fails now, the rest is
        lost."""
        self._closing.set()
        self._threads.shutdown()

    def _send(self, body: bytes) -> bool:
        if self._given_up:
            return False
        from tenacity import (
            Retrying,
            retry_if_not_exception_type,
            sleep_using_event,
            stop_after_attempt,
            stop_when_event_set,
            wait_exponential_jitter,
        )

        attempts = Retrying(
            retry=retry_if_not_exception_type(FinalError),
            stop=stop_after_attempt(ATTEMPTS) | stop_when_event_set(self._closing),
            sleep=sleep_using_event(self._closing),
            wait=wait_exponential_jitter(multiplier=0.2, max=5),
            reraise=True,
        )
        try:
            attempts(self._post, body)
        except Exception as error:
            log.warning("a webhook could not be sent: %s", error)
            self._given_up = self._closing.is_set()
            return False
        return True

    def _post(self, body: bytes) -> None:
        headers = {HEADER: signature(self._secret, body)}
        asyncio.run(
            fetch(
                self._url,
                seconds=self._seconds,
                private=self._private,
                body=body,
                headers=headers,
                fine=range(200, 300),
            )
        )


def body_of(approval: Approval) -> bytes:
    """What is sent: all that a person is asked, but never a ticket. `notice` is the same where the
    same is told again, and no other time."""
    told: dict[str, object] = {
        "approval": approval.id,
        "tenant": approval.tenant,
        "state": approval.state,
        "tool": approval.tool,
        "args": approval.args,
        "principal": approval.principal,
        "session": approval.session,
        "rules": [rule.plain() for rule in approval.rules],
        "expires": approval.expires,
    }
    notice = hashlib.sha256(json_line(told).encode()).hexdigest()[:32]
    return json_line({"notice": notice, **told}).encode()


def signature(secret: bytes, body: bytes, at: int | None = None) -> str:
    """The header's value for a body sent at `at` (seconds since 1970; None: now)."""
    at = int(time.time()) if at is None else at
    return f"t={at},v1={_mac(secret, at, body)}"


def verified(
    secret: bytes, header: str, body: bytes, *, clock: Callable[[], float] = time.time
) -> bool:
    """Whether a body was signed with the secret, not longer ago than `TOLERANCE` seconds."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    stamp = parts.get("t", "")
    if not (stamp.isascii() and stamp.isdigit()) or abs(clock() - int(stamp)) > TOLERANCE:
        return False
    wanted = _mac(secret, int(stamp), body)
    return hmac.compare_digest(wanted.encode(), parts.get("v1", "").encode())


def _mac(secret: bytes, at: int, body: bytes) -> str:
    return hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
