"""`licet mcp-proxy`: a guard between an MCP client and its servers."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .failures import Exit, Failed
from .policies import policy_arguments, program_of, read_bytes
from .verb import Streams, Verb

if TYPE_CHECKING:
    from licet.adapters.mcp_proxy import Identity, Proxy, ServerAddress, Token
    from licet.verifier.guard import Guard


def run(options: argparse.Namespace, streams: Streams) -> int:
    """Serve until the client leaves, or, over HTTP, until told to end."""
    from licet.adapters.catalogs.extras import MissingExtraError, needed

    try:
        needed("mcp", "mcp")
    except MissingExtraError as missing:
        raise Failed(str(missing)) from None
    import anyio

    from licet.adapters.mcp_proxy import Proxy
    from licet.adapters.mcp_proxy.calls import Limits

    logging.basicConfig(level=logging.WARNING, format="licet mcp-proxy: %(message)s")
    servers = _servers(options)
    identity = _identity(options)
    approver = None if options.approver is None else _object(options.approver, "--approver")
    program = program_of(options.policy, options.params, streams)
    with _guard(program, options) as guard:
        proxy = Proxy(
            guard,
            servers,
            identity=identity,
            approver=approver,
            limits=Limits(call=options.seconds),
            tools_only=options.tools_only,
        )
        if options.http is None:
            streams.out.flush()
            anyio.run(proxy.run_stdio)
        else:
            _serve(proxy, options, identity, streams)
    return Exit.fine


def _serve(proxy: Proxy, options: argparse.Namespace, identity: Identity, streams: Streams) -> None:
    import anyio

    from licet.adapters.mcp_proxy import http_door

    host, port = _address(options.http)

    def ready(where: str) -> None:
        streams.err.say(f"listening on {where}")
        streams.err.flush()

    try:
        app = http_door.application(
            proxy,
            host=host,
            tokens=_tokens(options, identity),
            anonymous=identity,
            allowed_hosts=options.allow_host,
            allowed_origins=options.allow_origin,
        )
        anyio.run(http_door.serve, app, host, port, ready)
    except ValueError as error:
        raise Failed(str(error)) from None
    except OSError as error:
        raise Failed(f"cannot listen on {options.http}: {error.strerror or error}") from None


def _guard(program: Any, options: argparse.Namespace) -> Guard:
    from licet.verifier.guard import Guard, UnsetParamsError
    from licet.verifier.history.store import StoreError

    try:
        store = None
        if options.store is not None:
            from licet.adapters.stores import open_store

            store = open_store(options.store)
        until = program.observe_until
        return Guard(program, store=store, tenant=options.tenant, observe_until=until)
    except UnsetParamsError as unset:
        names = ", ".join(f"`{name}`" for name in unset.names)
        raise Failed(f"no value for {names}: give it with --params FILE") from None
    except (StoreError, ImportError, ValueError) as error:
        raise Failed(f"the store cannot be used: {error}") from None


def _servers(options: argparse.Namespace) -> list[ServerAddress]:
    from licet.adapters.mcp_proxy import ServerAddress

    tokens = dict(_pair(each, "--server-token") for each in options.server_token)
    try:
        servers = [
            ServerAddress.parse(each, env=tuple(options.env), tokens=tokens)
            for each in options.server
        ]
    except ValueError as error:
        raise Failed(str(error)) from None
    names = [server.name for server in servers]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise Failed(f"two servers are called `{twice}`")
    if unknown := next((name for name in tokens if name not in names), None):
        raise Failed(f"--server-token names no server: `{unknown}`")
    return servers


def _identity(options: argparse.Namespace) -> Identity:
    from licet.adapters.mcp_proxy import Identity

    given: dict[str, Any] = {
        "principal": _object(options.principal, "--principal"),
        "context": _object(options.context, "--context"),
    }
    if options.session is not None:
        given["session"] = options.session
    return Identity(**given)


def _tokens(options: argparse.Namespace, identity: Identity) -> list[Token]:
    from licet.adapters.mcp_proxy import IdentityError, Token
    from licet.adapters.mcp_proxy.identities import read_tokens

    tokens: list[Token] = []
    if options.token_env is not None:
        secret = os.environ.get(options.token_env, "")
        if not secret:
            raise Failed(f"the variable {options.token_env} holds no token")
        tokens.append(Token.of(secret, identity))
    if options.tokens is not None:
        try:
            tokens += read_tokens(read_bytes(options.tokens))
        except IdentityError as error:
            raise Failed(f"cannot read `{options.tokens}`: {error}") from None
    return tokens


def _object(text: str, option: str) -> Mapping[str, Any]:
    """An object as JSON, or `@FILE` with one. Raises Failed."""
    from licet.compiler.exact_json import JsonError, decode

    data = read_bytes(Path(text[1:])) if text.startswith("@") else text.encode()
    try:
        value = decode(data)
    except JsonError as error:
        raise Failed(f"{option} is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise Failed(f"{option} is a JSON object")
    return value


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not value:
        raise Failed(f"{option} is NAME=VARIABLE")
    return name, value


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise Failed(f"--http is PORT or HOST:PORT, not `{text}`")
    return host.strip("[]") or "127.0.0.1", int(port)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError("between 0 and 86400 seconds")
    return value


def _arguments(parser: argparse.ArgumentParser) -> None:
    policy_arguments(parser)
    behind = parser.add_argument_group("the servers behind")
    behind.add_argument(
        "--server",
        metavar="NAME=WHERE",
        action="append",
        required=True,
        help="a command, or an address of streamable HTTP; NAME qualifies its tools; repeatable",
    )
    behind.add_argument(
        "--env", metavar="VARIABLE", action="append", default=[], help="handed on to commands"
    )
    behind.add_argument(
        "--server-token",
        metavar="NAME=VARIABLE",
        action="append",
        default=[],
        help="the variable that holds the bearer token for a server's address",
    )
    behind.add_argument(
        "--seconds", type=_seconds, default=300.0, help="for one call of a server; 300 unless told"
    )
    behind.add_argument(
        "--tools-only", action="store_true", help="no resources, prompts and completions"
    )
    who = parser.add_argument_group("who calls (JSON, or @FILE)")
    who.add_argument("--principal", metavar="JSON", default="{}")
    who.add_argument("--context", metavar="JSON", default="{}")
    who.add_argument("--session", metavar="ID", help="one for each run unless told")
    who.add_argument(
        "--approver",
        metavar="JSON",
        help="the person who answers the client's questions; nobody is asked there unless told",
    )
    memory = parser.add_argument_group("what is remembered")
    memory.add_argument("--store", metavar="URL", help="sqlite:///…; this process unless told")
    memory.add_argument("--tenant", default="default")
    front = parser.add_argument_group("in front (standard input and output unless told)")
    front.add_argument("--http", metavar="[HOST:]PORT", help="streamable HTTP, at /mcp")
    front.add_argument(
        "--token-env", metavar="VARIABLE", help="holds the bearer token of the principal above"
    )
    front.add_argument(
        "--tokens", metavar="FILE", type=Path, help="bearer tokens, each with its own"
    )
    front.add_argument("--allow-host", metavar="HOST", action="append", default=[])
    front.add_argument("--allow-origin", metavar="ORIGIN", action="append", default=[])


VERB = Verb(
    "mcp-proxy",
    "guard the tools of MCP servers, for any MCP client",
    _arguments,
    run,
    details=(
        "Checks every call of a tool before a server gets it; the rest of the protocol is passed\n"
        "on. Without --http it speaks on standard input and output.\n\n"
        "exit codes:\n"
        "  0  the client left\n"
        "  2  the policy, the store or the command line is wrong; nothing was served"
    ),
    examples=(
        (
            "licet mcp-proxy desk.licet --server desk='python desk.py'",
            "what a client is told to run",
        ),
        ("licet mcp-proxy desk.licet --server desk=http://127.0.0.1:8000/mcp --http 9000", "HTTP"),
    ),
)
