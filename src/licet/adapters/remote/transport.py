"""Requests to the service: pooled, bounded in time and size, sent again only where that is safe.

Whatever is not one exact JSON object under the status that is asked for raises `RemoteError`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from licet.adapters.frameworks.bounding import TooLateError, abounded, bounded
from licet.adapters.outgoing import tls_of
from licet.compiler.exact_json import JsonError, decode, shortened
from licet.compiler.json_text import json_line
from licet.verifier.history import StoreError

if TYPE_CHECKING:
    import ssl

    import httpx

#: An answer with more bytes than this is none.
MAX_ANSWER = 4_000_000
#: A call of the greatest depth, inside a verdict.
MAX_DEPTH = 80
#: Times that a request is sent where it may be sent again.
ATTEMPTS = 3
_PAUSE = 0.05
#: What stands between us and the service says that it did not get there, or the service is busy.
_AGAIN = frozenset((502, 503, 504))
_OK = 200


class RemoteError(StoreError):
    """The service did not answer as it should. The text is for the operator; `status` is that of
    an answer that refuses, and then `detail` is what the service said."""

    def __init__(self, text: str, *, status: int | None = None, detail: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.detail = detail


def encode(value: object) -> bytes:
    """A body. A float is the shortest decimal that prints as it. Raises ValueError, TypeError."""
    try:
        return json_line(_exact(value)).encode()
    except RecursionError:
        raise ValueError("the value nests too deep") from None


def _exact(value: object) -> object:
    if isinstance(value, float):
        return Decimal(repr(float(value)))
    if isinstance(value, Mapping):
        return {key: _exact(item) for key, item in value.items()}
    return [_exact(item) for item in value] if isinstance(value, list | tuple) else value


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. `again`: being done twice, it is done once. `seconds` bounds all attempts."""

    method: str
    path: str
    body: bytes | None
    again: bool
    seconds: float


class Transport:
    """One service's connections. Safe to share between threads, tasks and event loops."""

    def __init__(
        self, url: str, key: str, *, connections: int, verify: ssl.SSLContext | bool
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("the service has an http or https URL without a user in it")
        if parts.query or parts.fragment:
            raise ValueError("the service's URL has no query and no fragment")
        if not key.isascii() or not key.isprintable() or not key.strip():
            raise ValueError("the key is not one of a service's: it is printable ASCII")
        try:
            import httpx
        except ImportError:
            raise ImportError("a guard elsewhere needs: pip install 'licet[client]'") from None
        self._httpx = httpx
        self._options: dict[str, Any] = {
            "base_url": url.rstrip("/") + "/",
            "headers": {
                "Authorization": f"Bearer {key}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": "licet",
            },
            "limits": httpx.Limits(
                max_connections=connections, max_keepalive_connections=connections
            ),
            "follow_redirects": False,
            "trust_env": False,
            "verify": tls_of(url) if verify is True else verify,
        }
        self._client = httpx.Client(**self._options)
        #: An async client belongs to the event loop that it was first used in.
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = (
            WeakKeyDictionary()
        )

    def send(self, request: Request) -> dict[str, Any]:
        """The object that answers a request. Raises RemoteError."""
        try:
            return bounded(lambda: self._send(request), request.seconds)
        except TooLateError as late:
            raise RemoteError(f"the service: {late}") from None

    def _send(self, request: Request) -> dict[str, Any]:
        until = time.monotonic() + request.seconds
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._once(request, until - time.monotonic())
            except (self._httpx.HTTPError, self._httpx.StreamError, RemoteError, OSError) as error:
                pause = self._pause(request, error, attempt, until)
                if pause is None:
                    raise _told(error) from None
            time.sleep(pause)

    def _once(self, request: Request, left: float) -> dict[str, Any]:
        with self._client.stream(**self._sent(request, left)) as answer:
            _check_head(answer)
            raw = bytearray()
            for part in answer.iter_raw():
                raw += part
                _check_size(raw)
        return _read(answer, bytes(raw))

    async def asend(self, request: Request) -> dict[str, Any]:
        """`send`, without blocking the event loop."""
        try:
            return await abounded(self._asend(request), request.seconds)
        except TooLateError as late:
            raise RemoteError(f"the service: {late}") from None

    async def _asend(self, request: Request) -> dict[str, Any]:
        until = time.monotonic() + request.seconds
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._aonce(request, until - time.monotonic())
            except (self._httpx.HTTPError, self._httpx.StreamError, RemoteError, OSError) as error:
                pause = self._pause(request, error, attempt, until)
                if pause is None:
                    raise _told(error) from None
            await asyncio.sleep(pause)

    async def _aonce(self, request: Request, left: float) -> dict[str, Any]:
        async with self._here().stream(**self._sent(request, left)) as answer:
            _check_head(answer)
            raw = bytearray()
            async for part in answer.aiter_raw():
                raw += part
                _check_size(raw)
        return _read(answer, bytes(raw))

    def _here(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = self._httpx.AsyncClient(**self._options)
        return client

    def _sent(self, request: Request, left: float) -> dict[str, Any]:
        sent: dict[str, Any] = {
            "method": request.method,
            "url": request.path,
            "timeout": max(left, 0.001),
        }
        if request.body is not None:
            sent |= {"content": request.body, "headers": {"Content-Type": "application/json"}}
        return sent

    def _pause(
        self, request: Request, error: Exception, attempt: int, until: float
    ) -> float | None:
        """How long to wait before the next attempt; None where there is none."""
        httpx = self._httpx
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
            safe = True  # not a byte of it was sent
        elif isinstance(error, RemoteError):
            safe = request.again and error.status in _AGAIN
        else:
            safe = request.again and isinstance(error, httpx.TransportError)
        pause: float = _PAUSE * 2.0**attempt
        return pause if safe and attempt < ATTEMPTS and time.monotonic() + pause < until else None

    def close(self) -> None:
        """Close the connections of threads."""
        self._client.close()

    async def aclose(self) -> None:
        """Close those of the running event loop too."""
        self.close()
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()


def _told(error: Exception) -> RemoteError:
    if isinstance(error, RemoteError):
        return error
    return RemoteError(f"the service cannot be reached: {type(error).__name__}")


def _check_head(answer: httpx.Response) -> None:
    declared = answer.headers.get("content-length", "")
    if declared.isdigit() and (len(declared) > 12 or int(declared) > MAX_ANSWER):
        raise RemoteError(f"the service's answer is longer than {MAX_ANSWER:,} bytes")
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise RemoteError("the service's answer is packed, which was not asked for")


def _check_size(raw: bytearray) -> None:
    if len(raw) > MAX_ANSWER:
        raise RemoteError(f"the service's answer is longer than {MAX_ANSWER:,} bytes")


def _read(answer: httpx.Response, raw: bytes) -> dict[str, Any]:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    status = answer.status_code
    if status != _OK:
        detail = _detail(raw) if kind == "application/problem+json" else ""
        said = f": {detail}" if detail else ""
        raise RemoteError(f"the service answered {status}{said}", status=status, detail=detail)
    if kind != "application/json":
        raise RemoteError("the service's answer is not application/json")
    try:
        data = decode(raw, max_size=MAX_ANSWER, max_depth=MAX_DEPTH)
    except JsonError as error:
        raise RemoteError(f"the service's answer is not exact JSON: {error.message}") from None
    if not isinstance(data, dict):
        raise RemoteError("the service's answer is not an object")
    return data


def _detail(raw: bytes) -> str:
    """What a problem document says."""
    try:
        data = decode(raw, max_size=100_000)
    except JsonError:
        return ""
    detail = data.get("detail") if isinstance(data, dict) else None
    return shortened(detail, 500)[1:-1] if isinstance(detail, str) else ""
