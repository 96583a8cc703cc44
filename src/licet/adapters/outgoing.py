"""Requests that licet makes itself, to addresses of its configuration.

The name is resolved once, every address that it has is judged, and the connection goes to one of
those that were judged: a name that answers otherwise the second time gains nothing.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import socket
from collections.abc import Container, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl

    import httpx


#: What is public to the standard library, or was to an older one, and may lead anywhere else:
#: relays of 6to4, protocol assignments, benchmarks, documentation.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "100.64.0.0/10", "240.0.0.0/4"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
)
#: All of IPv6 that is handed out for use. What carries an IPv4 address inside (IPv4-mapped, NAT64's
#: 64:ff9b::/96, 6to4 and Teredo above) is not public, whatever the address inside is.
_UNICAST = ipaddress.ip_network("2000::/3")


class OutgoingError(Exception):
    """It could not be fetched. The text quotes no credential."""


class FinalError(OutgoingError):
    """Nor would it be if the same were asked again soon: refused here, or by who answered."""


def check_url(url: str) -> None:
    """Raises ValueError for what is no http(s) URL, or has a user in it."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("an http or https URL without a user in it")
    _ = parts.port


def tls_of(url: str) -> ssl.SSLContext:
    """What a client of httpx verifies the server of a URL by. The authorities are read once in a
    process, since that takes as long as many requests do; an http URL gets none of them, so that
    nobody could be verified."""
    return _authorities() if urlsplit(url).scheme == "https" else _nobody()


@functools.cache
def _authorities() -> ssl.SSLContext:
    import httpx

    return httpx.create_ssl_context(trust_env=False)


@functools.cache
def _nobody() -> ssl.SSLContext:
    import ssl

    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


async def fetch(
    url: str,
    *,
    seconds: float,
    private: bool,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    fine: Container[int] = (200,),
    most: int = 1_000_000,
) -> bytes:
    """What a URL answers with one of the statuses `fine`: a GET, or a POST of a JSON `body`.
    Follows no redirect.

    `private` lets it go to addresses that are not public. Raises OutgoingError.
    """
    import httpx

    try:
        async with asyncio.timeout(seconds):
            return await _fetch(url, seconds, private, body, headers or {}, fine, most)
    except (
        httpx.HTTPError,
        httpx.InvalidURL,
        httpx.StreamError,
        OSError,
        TimeoutError,
        ValueError,
    ) as error:
        raise OutgoingError(type(error).__name__) from None


async def _fetch(
    url: str,
    seconds: float,
    private: bool,
    body: bytes | None,
    more: Mapping[str, str],
    fine: Container[int],
    most: int,
) -> bytes:
    import httpx

    parts = httpx.URL(url)
    port = parts.port or (443, 80)[parts.scheme == "http"]
    headers = {**more, "Host": parts.netloc.decode("ascii"), "Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    addresses = await _addresses(parts.host, port, private)
    async with httpx.AsyncClient(
        timeout=seconds, follow_redirects=False, trust_env=False, verify=tls_of(url)
    ) as client:
        for address in addresses:
            request = client.build_request(
                "GET" if body is None else "POST",
                parts.copy_with(host=address),
                content=body,
                headers=headers,
                extensions={"sni_hostname": parts.host},
            )
            try:
                answer = await client.send(request, stream=True)
            except httpx.ConnectError:
                if address == addresses[-1]:
                    raise
                continue  # nobody listens there: the name may stand for another
            try:
                return await _body(answer, fine, most)
            finally:
                await answer.aclose()
    raise OutgoingError("the name has no address")


async def _body(answer: httpx.Response, fine: Container[int], most: int) -> bytes:
    if answer.status_code not in fine:
        passing = answer.status_code >= 500 or answer.status_code in (408, 425, 429)
        raise (OutgoingError if passing else FinalError)(f"the answer was {answer.status_code}")
    found = bytearray()
    async for part in answer.aiter_bytes():
        found += part
        if len(found) > most:
            raise OutgoingError("the answer is too long")
    return bytes(found)


async def _addresses(host: str, port: int, private: bool) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(place[0]) for *_, place in found]
    if not private and not all(map(is_public, addresses)):
        raise FinalError("it goes to public addresses alone")
    return list(dict.fromkeys(addresses))


def is_public(text: str) -> bool:
    """Whether an address is certainly one of the public internet; False for a text that is none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and (
        address.scope_id is not None or address not in _UNICAST
    ):
        return False
    return (
        address.is_global
        and not address.is_multicast
        and not any(address in network for network in _NOT_PUBLIC)
    )
