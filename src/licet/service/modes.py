"""Observe mode, said everywhere while it lasts: refused calls are let through."""

from __future__ import annotations

from datetime import UTC, datetime

#: For how long refusals may be let through by an activation, in seconds from then.
MOST_OBSERVED = 31 * 86_400
#: The header of every answer to a known caller while its tenant is observed.
HEADER = b"x-licet-mode"


def banner(until: float) -> str:
    """What everybody is told, until then (seconds since 1970)."""
    return f"observe mode until {_rfc3339(until)}: refused calls are let through"


def _rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def said(until: float) -> bytes:
    """The value of the header `X-Licet-Mode`."""
    return f"observe; until={_rfc3339(until)}".encode()
