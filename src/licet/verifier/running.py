"""A call that runs: its frozen arguments, and a context that says how it ended."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Any, Protocol, Self

from .redeeming import Ending, Redeemed, SettleError
from .tickets import Ticket

log = logging.getLogger("licet")

_NOTHING = object()


class Settling(Protocol):
    """The guard that a call was redeemed with, in this process or elsewhere."""

    def settle(self, ticket: Ticket, ending: Ending, result: object = None, /) -> None: ...

    async def asettle(self, ticket: Ticket, ending: Ending, result: object = None, /) -> None: ...


class Running:
    """Between redeeming and settling. `args` are what the tool is to be called with; set `result`
    to what it answered (JSON-able)."""

    def __init__(self, guard: Settling, redeemed: Redeemed) -> None:
        self._guard = guard
        self._redeemed = redeemed
        self.result: object = _NOTHING

    @property
    def args(self) -> dict[str, Any]:
        return self._redeemed.args

    def _ending(self, error: BaseException | None) -> tuple[Ending, object]:
        if error is not None:
            # Who is cancelled or interrupted from outside does not know how the tool fared.
            return "error" if isinstance(error, Exception) else "cancelled", None
        return "ok", None if self.result is _NOTHING else self.result

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        ending, result = self._ending(error)
        try:
            self._guard.settle(self._redeemed.ticket, ending, result)
        except SettleError as odd:
            log.warning("%s", odd)  # written down as unknown; the tool has run all the same

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        ending, result = self._ending(error)
        try:
            await self._guard.asettle(self._redeemed.ticket, ending, result)
        except SettleError as odd:
            log.warning("%s", odd)
