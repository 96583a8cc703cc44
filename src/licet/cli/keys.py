"""`licet keys …`: the API keys in a service's database, for whoever runs it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .failures import Exit, Failed
from .stores import existing_store, login_name, opened_store, told
from .verb import Streams, Verb, family

if TYPE_CHECKING:
    from licet.service.keys import Keyring, KeyView
    from licet.service.settings import Scope, ServiceSettings

_OVERLAP = 3_600


def create(options: argparse.Namespace, streams: Streams) -> int:
    """Make a key; its text alone goes to standard output."""
    scope = _scope(options)
    with _keyring(options, make=True) as keyring:
        key, _ = keyring.create(options.tenant, options.name, scope, by=_by())
    _show(key, f"the key `{options.name}` of the tenant `{options.tenant}`", streams)
    return Exit.fine


def rotate(options: argparse.Namespace, streams: Streams) -> int:
    """Make a new secret; the old one ends after the overlap."""
    expires = None
    if options.expires is not None:
        expires = _scope_from({"roles": ["agent"], "expires": options.expires}).expires
    with _keyring(options) as keyring:
        key, _ = keyring.rotate(
            options.tenant, options.name, overlap=options.overlap, by=_by(), expires=expires
        )
    _show(key, f"the new secret of `{options.name}`", streams)
    streams.err.say(f"older secrets end in {options.overlap:,} s")
    return Exit.fine


def revoke(options: argparse.Namespace, streams: Streams) -> int:
    """End all secrets of a key."""
    with _keyring(options) as keyring:
        keyring.revoke(options.tenant, options.name, by=_by())
    streams.out.say(f"`{options.name}` is revoked: it ends within two seconds everywhere")
    return Exit.fine


def listed(options: argparse.Namespace, streams: Streams) -> int:
    """The keys of a tenant, never a secret."""
    from licet.compiler.json_text import json_line

    with _keyring(options) as keyring:
        found = keyring.list(options.tenant)
    if options.output == "json":
        streams.out.write("".join(json_line(key.plain()) + "\n" for key in found))
        return Exit.fine
    for key in found:
        for line in _lines(key):
            streams.out.say(line)
    if not found:
        streams.out.say(f"the tenant `{options.tenant}` has no keys in this database")
    return Exit.fine


def _lines(key: KeyView) -> Iterator[str]:
    from licet.compiler.json_text import json_line

    plain: Any = key.plain()
    yield f"{key.name}  {', '.join(plain['roles'])}"
    for name in ("principal", "context", "session", "tools"):
        if name in plain:
            yield f"  {name} {json_line(plain[name])}"
    for each in plain["secrets"]:
        yield f"  made {each['made']}, " + (
            "no end" if each["ends"] is None else f"ends {each['ends']}"
        )


def _show(key: str, what: str, streams: Streams) -> None:
    streams.err.say(f"{what}, shown this once:")
    streams.err.flush()
    streams.out.say(key)


@contextmanager
def _keyring(options: argparse.Namespace, *, make: bool = False) -> Iterator[Keyring]:
    """The keys of the database that the command line or licet.toml names. Raises Failed."""
    try:
        from licet.service.keys import KeyRefusedError, Keyring, UnknownKeyError
    except ImportError:
        raise Failed("the service's keys need libraries: pip install 'licet[service]'") from None
    from licet.verifier.history import StoreError

    settings = _settings()
    url = _database(options, settings)
    store = opened_store(url) if make else existing_store(url)
    try:
        yield Keyring(store, settings.redact)
    except UnknownKeyError:
        raise Failed(f"the tenant `{options.tenant}` has no key `{options.name}`") from None
    except KeyRefusedError as error:
        raise Failed(str(error)) from None
    except StoreError as error:
        raise Failed(f"cannot use `{told(url)}`: {error}") from None
    finally:
        store.close()


def _settings() -> ServiceSettings:
    """What licet.toml says of the service, as far as there is one. Raises Failed."""
    from licet.compiler.loading import CONFIG, project_root
    from licet.service.settings import SettingsError, read_settings

    try:
        return read_settings(project_root(Path.cwd()) / CONFIG)
    except SettingsError as error:
        raise Failed(str(error)) from None


def _database(options: argparse.Namespace, settings: ServiceSettings) -> str:
    if options.database is not None:
        return str(options.database)
    url = settings.database
    if url == "memory":
        raise Failed("a service in memory keeps no keys beyond its own end: name a --database")
    return url


def _scope(options: argparse.Namespace) -> Scope:
    asked = {
        "roles": options.role,
        "principal": _json(options.principal, "--principal"),
        "context": _json(options.context, "--context"),
        "session": options.session,
        "tools": options.tools,
        "expires": options.expires,
    }
    return _scope_from(asked)


def _scope_from(asked: dict[str, object]) -> Scope:
    try:
        from licet.service.keys import KeyRefusedError, scope_from
    except ImportError:
        raise Failed("the service's keys need libraries: pip install 'licet[service]'") from None
    try:
        return scope_from(asked)
    except KeyRefusedError as error:
        raise Failed(str(error)) from None


def _json(text: str | None, flag: str) -> object:
    from licet.compiler.exact_json import JsonError, decode

    try:
        return None if text is None else decode(text)
    except JsonError as error:
        raise Failed(f"{flag} is not exact JSON: {error.message}") from None


def _by() -> str:
    return f"licet keys, {login_name()}"


def _where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tenant", metavar="NAME", default="default", help="`default` unless told")
    parser.add_argument(
        "--database",
        metavar="URL",
        help="the service's; unless told as licet.toml says, else sqlite:///licet.db",
    )


def _named(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    _where(parser)


def _create_arguments(parser: argparse.ArgumentParser) -> None:
    _named(parser)
    parser.add_argument(
        "--role",
        action="append",
        required=True,
        metavar="ROLE",
        help="agent, host, approver, policy_author, auditor, administrator; may be repeated",
    )
    parser.add_argument("--principal", metavar="JSON", help="as whom its calls and answers count")
    parser.add_argument("--context", metavar="JSON", help="what is so of its calls")
    parser.add_argument("--session", metavar="ID", help="the session of its calls")
    parser.add_argument(
        "--tools", action="append", metavar="GLOB", help="these alone; may be repeated"
    )
    parser.add_argument("--expires", metavar="TIME", help="2027-01-01T00:00:00Z")


def _rotate_arguments(parser: argparse.ArgumentParser) -> None:
    _named(parser)
    parser.add_argument(
        "--overlap",
        metavar="SECONDS",
        type=int,
        default=_OVERLAP,
        help="how long older secrets live on; an hour unless told, 0: they end now",
    )
    parser.add_argument("--expires", metavar="TIME", help="until when the new secret is good")


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    _where(parser)
    parser.add_argument("--output", choices=("text", "json"), default="text")


def _verb(
    name: str,
    summary: str,
    arguments: Callable[[argparse.ArgumentParser], None],
    run: Callable[[argparse.Namespace, Streams], int],
    *examples: tuple[str, str],
) -> Verb:
    details = "exit codes:\n  0  done\n  2  it cannot be done as things stand, or input is wrong"
    return Verb(f"keys {name}", summary, arguments, run, details, examples)


VERB = family(
    "keys",
    "API keys in a service's database: make, rotate, revoke",
    (
        _verb(
            "create",
            "make a key, and show it this once",
            _create_arguments,
            create,
            ('licet keys create desk --role agent --principal \'{"id": "a1"}\'', "for one agent"),
        ),
        _verb("list", "what keys there are", _list_arguments, listed, ("licet keys list", "all")),
        _verb(
            "rotate",
            "make a new secret; the old one ends after an overlap",
            _rotate_arguments,
            rotate,
            ("licet keys rotate desk --overlap 86400", "a day to put the new one in place"),
        ),
        _verb(
            "revoke",
            "end a key, within two seconds everywhere",
            _named,
            revoke,
            ("licet keys revoke desk", "it leaked"),
        ),
    ),
    details="docs/service.md says what a key is for; each of these is written down in the audit.",
)
