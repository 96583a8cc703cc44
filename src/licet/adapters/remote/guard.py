"""The guard of a service: `Guard.connect("https://licet.example", key=…)`.

It has the methods of a guard, and refuses whatever it cannot learn: no answer, a late one, one of
another form. A check that has an `id`, and a settlement, are sent again where the first time may
have been lost; a redemption never is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypedDict, TypeVar, cast, overload
from urllib.parse import quote, urlencode

from licet.verifier.action import Action, ActionError
from licet.verifier.admission import HOSTS_OWN, NOT_YOURS, brief, path_text
from licet.verifier.approvals import Approval, ApprovalError
from licet.verifier.redeeming import ENDINGS, Ending, Redeemed, RedeemError, SettleError
from licet.verifier.running import Running
from licet.verifier.sessions import GuardSession
from licet.verifier.tickets import Ticket, TicketError, arguments_digest, frozen
from licet.verifier.verdict import Verdict, Violation

from . import approvals, verdicts
from .transport import RemoteError, Request, Transport, encode

if TYPE_CHECKING:
    import ssl

log = logging.getLogger("licet")

F = TypeVar("F", bound=Callable[..., Any])

_FAILED = "the check itself failed"
_CONFLICT = 409
_MISSING = 404
#: How long one request waits for somebody's answer, before it is asked again.
_WAIT = 15.0
_PAGE = 500


class ConnectOptions(TypedDict, total=False):
    """The options of `Guard.connect`."""

    seconds: float
    connections: int
    verify: ssl.SSLContext | bool


class RemoteGuard:
    """Decides calls by asking a service. Safe to share between threads, tasks and event loops.

    `key` is a host's: the service takes its word on who acts and on facts. `seconds` bounds each
    check, redemption and settlement with all its attempts, `connections` how many are open at once.
    `verify`: an SSL context with the authorities to trust, where the system's are not meant.

    The tenant is the key's. Params, facts' resolvers, observe mode and all else that a guard is
    made with stand in the service's configuration.
    """

    #: Whose calls these are is not said here: the service knows it by the key.
    tenant = ""

    def __init__(
        self,
        url: str,
        *,
        key: str,
        seconds: float = 10.0,
        connections: int = 100,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        if not seconds > 0 or connections < 1:
            raise ValueError("`seconds` and `connections` are more than nothing")
        self._seconds = seconds
        self._transport = Transport(url, key, connections=connections, verify=verify)

    # --- checks

    def check(
        self,
        action: Action | Mapping[str, object],
        *,
        tenant: str | None = None,
        commit: bool = False,
    ) -> Verdict:
        """The verdict on one proposed call: `Guard.check`, decided by the service.

        Whatever happens, the answer is a verdict. Where the service gave none, it is a refusal of
        kind `fault`. The service knows the tenant by the key, and what it allows a host is always
        reserved: another `tenant`, `commit` and a call with a `history` are refused.
        """
        asked = self._asked(action, tenant, commit)
        if isinstance(asked, Verdict):
            return asked
        try:
            answer = self._transport.send(asked.request)
        except Exception as error:
            return asked.failed(error)
        return asked.read(answer)

    async def acheck(
        self,
        action: Action | Mapping[str, object],
        *,
        tenant: str | None = None,
        commit: bool = False,
    ) -> Verdict:
        """`check`, without blocking the event loop."""
        asked = self._asked(action, tenant, commit)
        if isinstance(asked, Verdict):
            return asked
        try:
            answer = await self._transport.asend(asked.request)
        except Exception as error:
            return asked.failed(error)
        return asked.read(answer)

    def _asked(
        self, action: Action | Mapping[str, object], tenant: str | None, commit: bool
    ) -> _Asked | Verdict:
        try:
            call = action if isinstance(action, Action) else Action.from_mapping(action)
        except ActionError as error:
            return _malformed(error)
        except Exception:  # an object that only looks like a mapping
            return _malformed(ActionError("the call cannot be read"))
        if tenant not in (None, self.tenant) or commit or call.history is not None:
            text = "a service takes no tenant, commit or history from a client"
            return _fault(call, text)
        sent: dict[str, object] = {"tool": call.tool, "args": call.args}
        for name in ("principal", "context", "session", "facts", "now", "id"):
            # What the host does not mention is left to the service's configuration of the key.
            if isinstance(action, Action) or action.get(name) is not None:
                sent[name] = getattr(call, name)
        try:
            body = encode({name: value for name, value in sent.items() if value is not None})
        except Exception as error:
            return _fault(call, f"the call is not JSON: {error}")
        again = call.id is not None
        return _Asked(call, Request("POST", "v1/check", body, again, self._seconds))

    # --- running what was allowed

    def redeem(self, ticket: Ticket | str | None, args: Mapping[str, object]) -> Running:
        """Right at the tool: the frozen arguments of the one call that the ticket is for.

        A context, as `Guard.redeem` is. Raises RedeemError wherever the service did not say that
        the tool may run: the tool must not run then. A ticket whose answer was lost is spent.
        """
        given, request = self._redemption(ticket, args)
        try:
            answer = self._transport.send(request)
        except Exception as error:
            raise _unredeemed(error) from None
        return Running(self, _redeemed(given, args, answer))

    async def aredeem(self, ticket: Ticket | str | None, args: Mapping[str, object]) -> Running:
        """`redeem`, without blocking the event loop."""
        given, request = self._redemption(ticket, args)
        try:
            answer = await self._transport.asend(request)
        except Exception as error:
            raise _unredeemed(error) from None
        return Running(self, _redeemed(given, args, answer))

    def _redemption(
        self, ticket: Ticket | str | None, args: Mapping[str, object]
    ) -> tuple[Ticket, Request]:
        if ticket is None:
            raise RedeemError("this verdict allows nothing: it has no ticket")
        try:
            given = ticket if isinstance(ticket, Ticket) else Ticket.read(ticket)
            body = encode({"ticket": str(given), "args": args})
        except TicketError as error:
            raise RedeemError(str(error)) from None
        except Exception:
            raise RedeemError("the arguments are not JSON") from None
        return given, Request("POST", "v1/redeem", body, False, self._seconds)

    def settle(self, ticket: Ticket | str, ending: Ending, result: object = None) -> None:
        """How a call ended: `Guard.settle`. Raises SettleError where it could not be written down
        as it was said, RemoteError (a StoreError) where the service did not answer."""
        request = self._settlement(ticket, ending, result)
        try:
            answer = self._transport.send(request)
        except RemoteError as error:
            raise _unsettled(error) from None
        _check_settled(answer)

    async def asettle(self, ticket: Ticket | str, ending: Ending, result: object = None) -> None:
        """`settle`, without blocking the event loop."""
        request = self._settlement(ticket, ending, result)
        try:
            answer = await self._transport.asend(request)
        except RemoteError as error:
            raise _unsettled(error) from None
        _check_settled(answer)

    def _settlement(self, ticket: Ticket | str, ending: Ending, result: object) -> Request:
        if ending not in ENDINGS:
            raise ValueError(f"a call ends {', '.join(ENDINGS)}, not {ending!r}")
        said: dict[str, object] = {"ticket": str(ticket), "outcome": ending}
        try:
            body = encode({**said, "result": result} if ending == "ok" else said)
        except Exception:
            raise SettleError("what the tool answered is not JSON: its end is not known") from None
        return Request("POST", "v1/settle", body, True, self._seconds)

    def session(
        self,
        *,
        principal: Mapping[str, object],
        context: Mapping[str, object] | None = None,
        session: Mapping[str, object] | str | None = None,
    ) -> GuardSession[Self]:
        """A view of the guard for one agent at work: who acts is said once."""
        return GuardSession(self, dict(principal), dict(context or {}), session, self.tenant)

    @overload
    def tool(self, function: F, /) -> F: ...

    @overload
    def tool(self, /, *, name: str | None = None) -> Callable[[F], F]: ...

    def tool(
        self, function: F | None = None, /, *, name: str | None = None
    ) -> F | Callable[[F], F]:
        """A function that runs only what is allowed, in `with guard.session(…):` (`Guard.tool`)."""
        from licet.adapters.frameworks.plain import guarded

        def register(function: F) -> F:
            return guarded(self, function, name=name)

        return register if function is None else register(function)

    # --- approvals

    def pending(self) -> list[Approval]:
        """The approvals that wait for somebody, oldest first. Raises RemoteError."""
        found: list[Approval] = []
        after = ""
        while True:
            query = urlencode({"after": after, "limit": _PAGE})
            page = self._transport.send(self._get(f"v1/approvals?{query}"))
            if not isinstance(page.get("approvals"), list):
                raise RemoteError("the service's answer is not a page of approvals")
            found += [_approval(each) for each in page["approvals"]]
            following = page.get("next")
            if following is None:
                return found
            if not isinstance(following, str) or following <= after:
                raise RemoteError("the service's pages do not come to an end")
            after = following

    def approval(self, id: str) -> Approval | None:
        """One approval, whatever has become of it. Raises RemoteError."""
        try:
            return _approval(self._transport.send(self._get(_path(id))), id)
        except RemoteError as error:
            if error.status == _MISSING and error.detail:
                return None
            raise

    def approve(self, id: str) -> Approval:
        """The owner of the key agrees, who has to be an approver: the service takes nobody's word
        on who that is. Raises ApprovalError where it is not theirs to say, and RemoteError."""
        return self._answer(id, "approve")

    def reject(self, id: str) -> Approval:
        """The owner of the key does not agree: the call is refused until the approval expires."""
        return self._answer(id, "reject")

    def _answer(self, id: str, said: str) -> Approval:
        request = Request("POST", f"{_path(id)}/{said}", None, False, self._seconds)
        try:
            return _approval(self._transport.send(request), id)
        except RemoteError as error:
            if error.status in (_CONFLICT, _MISSING) and error.detail:
                raise ApprovalError(error.detail) from None
            raise

    async def answered(self, id: str, *, seconds: float | None = None) -> Approval:
        """Wait until somebody has answered or the approval is over, at most `seconds`.

        Raises LookupError where there is no such approval, RemoteError where the service does not
        answer: what is waited for is in its store, and can be asked for again.
        """
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            left = _WAIT if until is None else max(0.0, min(_WAIT, until - time.monotonic()))
            path = f"{_path(id)}/wait?seconds={left:.3f}"
            request = Request("GET", path, None, True, left + self._seconds)
            try:
                found = _approval(await self._transport.asend(request), id)
            except RemoteError as error:
                if error.status == _MISSING and error.detail:
                    raise LookupError(f"there is no approval {id!r}") from None
                raise
            if found.state != "open" or (until is not None and time.monotonic() >= until):
                return found

    def _get(self, path: str) -> Request:
        return Request("GET", path, None, True, self._seconds)

    # --- life

    def close(self) -> None:
        """Close the connections. In an event loop: `await guard.aclose()`."""
        self._transport.close()

    async def aclose(self) -> None:
        """Close the connections, those of the running event loop too."""
        await self._transport.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


class _Asked:
    """A call that the service is asked about."""

    def __init__(self, call: Action, request: Request) -> None:
        self.call = call
        self.request = request

    def failed(self, error: Exception) -> Verdict:
        log.error("the service gave no verdict; the call is refused: %s", error)
        said = str(error) if isinstance(error, RemoteError) else type(error).__name__
        return _fault(self.call, said)

    def read(self, answer: dict[str, Any]) -> Verdict:
        try:
            verdict = verdicts.read(answer, self.call.id)
            ticket = verdict.ticket
            if ticket is not None and not f".{ticket.tool}".endswith(f".{self.call.tool}"):
                raise verdicts.UnreadableError("the ticket is for another tool")
        except Exception as error:
            return self.failed(RemoteError(str(error)))
        return verdict


def _fault(call: Action, text: str) -> Verdict:
    return verdicts.refusal(brief(call.tool), Violation("fault", text, _FAILED), call.id)


def _malformed(error: ActionError) -> Verdict:
    """The refusal that the embedded guard makes of what is not even a call."""
    path = path_text(error.path) or None
    if error.path and error.path[0] in HOSTS_OWN:
        violation = Violation("fault", error.message, NOT_YOURS, path=path)
    else:
        violation = Violation("bad_argument", error.message, error.message, path=path)
    return verdicts.refusal("", violation, None)


def _unredeemed(error: Exception) -> RedeemError:
    if isinstance(error, RemoteError) and error.status == _CONFLICT and error.detail:
        return RedeemError(error.detail)
    return RedeemError(f"the ticket could not be redeemed: {error}")


def _redeemed(ticket: Ticket, args: Mapping[str, object], answer: dict[str, Any]) -> Redeemed:
    """The arguments that the ticket is for, numbers in the kind that they were given in."""
    try:
        run = frozen(args, answer["args"])
        digests = {arguments_digest(run), arguments_digest(answer["args"])}
        right = isinstance(run, dict) and digests == {ticket.digest}
    except Exception:
        right = False
    if not right:
        raise RedeemError("the service's answer is not the arguments that the ticket is for")
    return Redeemed(ticket, cast(dict[str, Any], run))


def _unsettled(error: RemoteError) -> Exception:
    if error.status == _CONFLICT and error.detail:
        return SettleError(error.detail)
    return error


def _check_settled(answer: dict[str, Any]) -> None:
    if answer.get("settled") is not True:
        raise RemoteError("the service did not say that the call is settled")


def _path(id: str) -> str:
    return f"v1/approvals/{quote(id, safe='')}"


def _approval(data: Any, id: str | None = None) -> Approval:
    try:
        found = approvals.read(data)
    except ValueError as error:
        raise RemoteError(str(error)) from None
    if id not in (None, found.id):
        raise RemoteError("the service answered on another approval")
    return found
