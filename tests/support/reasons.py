"""The reasons of a refusal, waited for at once."""

from __future__ import annotations

from typing import Any

from licet.verifier.explaining import Because, seeking


def because(*given: Any) -> Because | None:
    """What `seeking` finds, with the same arguments."""
    with seeking(*given) as sought:
        return sought.found()
