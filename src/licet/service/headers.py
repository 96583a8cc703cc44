"""Headers: those that every answer has, and how one of a request is read."""

from __future__ import annotations

from starlette.types import Scope

SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
)

#: What a page of the console sets itself: its own files alone, no script or style in the page.
PAGE = (
    (
        "Content-Security-Policy",
        (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
    ),
    # Its own forms say where they come from; nobody else is told.
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)


def header(scope: Scope, name: bytes, *, once: bool = False) -> bytes:
    """The first value of a request's header, in small letters as servers give them; empty where
    there is none. `once`: empty, too, where there are several."""
    found = [value for key, value in scope["headers"] if key == name]
    return found[0] if found and not (once and len(found) > 1) else b""
