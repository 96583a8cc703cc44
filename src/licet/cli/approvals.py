"""`licet approvals …`: what waits for somebody, and their answer, wherever it is kept."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .failures import Exit, Failed
from .stores import existing_store, told
from .verb import Streams, Verb, family

if TYPE_CHECKING:
    from licet.verifier.approvals import Approval
    from licet.verifier.history import Store

#: The environment variable with the key of a service.
KEY = "LICET_KEY"
#: Characters of the arguments in a list; `show` has all.
_LONGEST = 240


class _Place(Protocol):
    """Where approvals are kept. All methods raise StoreError."""

    def pending(self) -> list[Approval]: ...

    def approval(self, id: str) -> Approval | None: ...

    def answer(self, id: str, *, agrees: bool) -> Approval:
        """Raises ApprovalError where it is not theirs to say."""


def listed(options: argparse.Namespace, streams: Streams) -> int:
    """What waits, oldest first."""
    with _place(options, streams) as place:
        found = place.pending()
    for one in found:
        _print(one, options.output, streams, short=True)
    if not found and options.output == "text":
        streams.out.say("nothing waits")
    return Exit.fine


def show(options: argparse.Namespace, streams: Streams) -> int:
    """One, whatever became of it."""
    with _place(options, streams) as place:
        found = place.approval(options.id)
    if found is None:
        raise Failed(f"there is no approval `{options.id}`")
    _print(found, options.output, streams, short=False)
    return Exit.fine


def _answering(agrees: bool) -> Callable[[argparse.Namespace, Streams], int]:
    def run(options: argparse.Namespace, streams: Streams) -> int:
        """0: written down; 1: the answer does not count."""
        from licet.verifier.approvals import ApprovalError

        with _place(options, streams) as place:
            if place.approval(options.id) is None:
                raise Failed(f"there is no approval `{options.id}`")
            try:
                found = place.answer(options.id, agrees=agrees)
            except ApprovalError as error:
                raise Failed(f"this answer does not count: {error}", Exit.refused) from None
        _print(found, options.output, streams, short=False)
        return Exit.fine

    return run


# --- where they are kept


@contextmanager
def _place(options: argparse.Namespace, streams: Streams) -> Iterator[_Place]:
    """The place that the command line names. Raises Failed."""
    from licet.verifier.history import StoreError

    at: str = options.at
    try:
        with ExitStack() as open_things:
            if at.startswith(("http://", "https://")):
                yield _Service(options, open_things)
            else:
                yield _store(options, streams, open_things)
    except StoreError as error:
        raise Failed(f"cannot use `{told(at)}`: {error}") from None


class _Service:
    """A service: who answers is whom the key says."""

    def __init__(self, options: argparse.Namespace, open_things: ExitStack) -> None:
        from licet.loading import Guard

        for name in ("tenant", "approver", "policy"):
            if getattr(options, name, None):
                flag = "--as" if name == "approver" else f"--{name}"
                raise Failed(f"a service is asked with a key, which says {_SAYS[name]}: no {flag}")
        key = os.environ.get(KEY, "")
        if not key:
            raise Failed(f"put a key of the service into the environment's {KEY}")
        try:
            self._guard = open_things.enter_context(Guard.connect(options.at, key=key))
        except (ValueError, ImportError) as error:
            raise Failed(str(error)) from None

    def pending(self) -> list[Approval]:
        return self._guard.pending()

    def approval(self, id: str) -> Approval | None:
        return self._guard.approval(id)

    def answer(self, id: str, *, agrees: bool) -> Approval:
        return self._guard.approve(id) if agrees else self._guard.reject(id)


_SAYS = {
    "tenant": "whose approvals these are",
    "approver": "who answers",
    "policy": "what holds",
}


class _Kept:
    """A store: who answers is said here. Whoever may write to the store could say anything."""

    def __init__(
        self, options: argparse.Namespace, streams: Streams, store: Store, open_things: ExitStack
    ) -> None:
        self._options, self._streams, self._store = options, streams, store
        self._open = open_things
        self._tenant: str = options.tenant or "default"

    def pending(self) -> list[Approval]:
        from licet.verifier.approvals import open_approvals

        with self._store.begin(self._tenant) as tx:
            return open_approvals(tx, tx.instant)

    def approval(self, id: str) -> Approval | None:
        from licet.verifier.approvals import read

        with self._store.begin(self._tenant) as tx:
            found = tx.approval(id)
            return None if found is None else read(found, tx.instant, self._tenant)

    def answer(self, id: str, *, agrees: bool) -> Approval:
        from licet.service.outbox import leave
        from licet.verifier.guard import Guard

        from .policies import concrete, program_of

        options = self._options
        program = program_of(options.policy, options.params, self._streams)
        with concrete():
            guard = Guard(
                program,
                store=self._store,
                tenant=self._tenant,
                activate=False,
                redact=_redacted(options.policy[0]),
                announce=leave,
            )
        self._open.enter_context(guard)
        act = guard.approve if agrees else guard.reject
        return act(id, approver=options.approver)


def _store(options: argparse.Namespace, streams: Streams, open_things: ExitStack) -> _Kept:
    """The store at a URL, or that of the hooks of a policy."""
    url: str = options.at
    answers = hasattr(options, "approver")
    if "://" not in url:
        from licet.service.hook_daemon.desk import HookSettingsError, store_of

        path = Path(url)
        if not path.exists():
            raise Failed(f"cannot read `{url}`: no such file or folder")
        try:
            url = store_of(path)
        except HookSettingsError as error:
            raise Failed(str(error)) from None
        if answers and not options.policy:
            options.policy = [path]
    if answers:
        if options.approver is None:
            raise Failed(
                "say who answers: --as '{\"id\": …}', with the fields of the policy's principal"
            )
        options.approver = _person(options.approver)
        if not options.policy:
            raise Failed("say which policy holds there: --policy POLICY")
    store = existing_store(url)
    open_things.callback(store.close)
    return _Kept(options, streams, store, open_things)


def _redacted(policy: Path) -> Sequence[str]:
    """The fields that the service of a policy's project keeps out of its audit. Raises Failed."""
    from licet.compiler.loading import CONFIG, project_root

    try:
        from licet.service.settings import SettingsError, read_settings
    except ImportError:  # so that there is no service here, nor a table that says anything to it
        return ()
    try:
        return read_settings(project_root(policy) / CONFIG).redact
    except SettingsError as error:
        raise Failed(str(error)) from None


def _person(text: str) -> Mapping[str, object]:
    from licet.compiler.exact_json import JsonError, decode

    try:
        person = decode(text)
    except JsonError as error:
        raise Failed(f"--as is not exact JSON: {error.message}") from None
    if not isinstance(person, dict):
        raise Failed("--as is an object: the principal who answers")
    return person


# --- what is printed


def _print(one: Approval, output: str, streams: Streams, *, short: bool) -> None:
    from licet.compiler.json_text import json_line

    plain: dict[str, Any] = one.plain()
    if output == "json":
        streams.out.write(json_line(plain) + "\n")
        return
    args = json_line(plain["args"])
    if short and len(args) > _LONGEST:
        args = args[: _LONGEST - 1] + "…"
    streams.out.say(f"{one.id}  {one.state}  {one.tool}")
    streams.out.say(f"  args {args}")
    streams.out.say(f"  for {json_line(plain['principal'])}, session {json_line(one.session)}")
    for rule in one.rules:
        agreed = f", agreed: {', '.join(rule.agreed)}" if rule.agreed else ""
        streams.out.say(
            f"  {rule.name}: {rule.message} ({len(rule.agreed)} of {rule.needs}{agreed})"
        )
    if one.rejected_by is not None:
        streams.out.say(f"  rejected by {one.rejected_by}")
    streams.out.say(f"  asked {plain['asked']}, until {plain['expires']}")


# --- the command line


def _where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "at",
        metavar="WHERE",
        help="a service (https://…, its key in LICET_KEY), a store (sqlite:///state.db), "
        "or a policy whose coding agents' hooks wait",
    )
    parser.add_argument("--tenant", metavar="NAME", help="of a store: `default` unless told")
    parser.add_argument("--output", choices=("text", "json"), default="text")


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="as the refusal and the list have it")
    _where(parser)


def _answer_arguments(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument(
        "--as",
        dest="approver",
        metavar="JSON",
        help="of a store: who answers, as the policy's principal; written down in the audit",
    )
    parser.add_argument(
        "--policy",
        nargs="+",
        type=Path,
        metavar="POLICY",
        help="of a store: the policy that is active there",
    )
    parser.add_argument(
        "--params", metavar="FILE", type=Path, help="values for the policy's params"
    )


_CODES = (
    "exit codes:\n"
    "  0  done\n"
    "  1  the answer does not count: not theirs to say, not open any more\n"
    "  2  there is no such approval, or something cannot be read"
)

VERB = family(
    "approvals",
    "what waits for somebody: list, show, approve, reject",
    (
        Verb(
            "approvals list",
            "what waits, oldest first",
            _where,
            listed,
            details=_CODES,
            examples=(
                ("licet approvals list https://licet.example.com", "with a key in LICET_KEY"),
            ),
        ),
        Verb(
            "approvals show",
            "one, whatever became of it",
            _one,
            show,
            details=_CODES,
            examples=(("licet approvals show ID policies", "of this project's coding agent"),),
        ),
        Verb(
            "approvals approve",
            "agree to a call, for one use",
            _answer_arguments,
            _answering(True),
            details="Nobody who stands behind a call may approve it.\n\n" + _CODES,
            examples=(
                (
                    'licet approvals approve ID policies --as \'{"id": "ana", "role": "lead"}\'',
                    "a coding agent's call",
                ),
            ),
        ),
        Verb(
            "approvals reject",
            "refuse a call until its approval expires",
            _answer_arguments,
            _answering(False),
            details=_CODES,
            examples=(
                ("licet approvals reject ID https://licet.example.com", "as the key's owner"),
            ),
        ),
    ),
    details="docs/memory.md says what an approval is for. Arguments are a model's words.",
)
