"""`licet serve POLICY…`: decide calls over HTTP."""

from __future__ import annotations

import argparse
import os
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .failures import Exit, Failed
from .policies import policy_arguments, read_params, reason
from .verb import Streams, Verb

if TYPE_CHECKING:
    from licet.service.settings import ServiceSettings
    from licet.service.starting import Plan
    from licet.verifier.history import Store


def run(options: argparse.Namespace, streams: Streams) -> int:
    """Serve until told to stop. 2: the policy, the configuration or the database is wrong."""
    try:
        import fastapi  # noqa: F401 - whether they are there at all
        import uvicorn  # noqa: F401
    except ImportError:
        raise Failed("the service needs libraries: pip install 'licet[service]'") from None
    from licet.service.starting import Plan, first_key, open_database
    from licet.verifier.history import StoreError

    for path in options.policy:
        if not path.exists():
            raise Failed(f"cannot read `{path}`: no such file or folder")
    settings = _settings(options)
    _check_free(settings.host, settings.port)
    params = None if options.params is None else read_params(options.params)
    try:
        store = open_database(settings.database)
        key_hash, made = first_key(settings, store)
    except (ValueError, ImportError, StoreError) as error:
        raise Failed(str(error)) from None
    plan = Plan(tuple(options.policy), settings, params, key_hash)
    if made is not None:
        streams.out.say(f"host key, shown this once: {made}")
        streams.out.flush()
    _serve(plan, store, streams)
    return Exit.fine


def _settings(options: argparse.Namespace) -> ServiceSettings:
    from licet.compiler.loading import CONFIG, project_root
    from licet.service.settings import SettingsError, read_settings

    path: Path = options.config or project_root(options.policy[0]) / CONFIG
    if options.config is not None and not path.is_file():
        raise Failed(f"cannot read `{path}`: no such file")
    try:
        settings = read_settings(
            path,
            host=options.host,
            port=options.port,
            workers=options.workers,
            database=options.database,
        )
    except SettingsError as error:
        raise Failed(str(error)) from None
    for each in settings.tokens:
        if each.jwks is not None and not Path(each.jwks).is_file():
            raise Failed(f"`service.tokens`: there is no file `{each.jwks}`")
    return settings


def _check_free(host: str, port: int) -> None:
    """Raises Failed where nobody can listen there: said at once, with the address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, port))
    except OSError as error:
        raise Failed(f"cannot listen on {host}:{port}: {reason(error)}") from None


def _serve(plan: Plan, store: Store, streams: Streams) -> None:
    from logging.config import dictConfig

    import uvicorn

    from licet.loading import PolicyError
    from licet.service import starting
    from licet.service.bundles.bundle import BundleError
    from licet.service.connections import Prompt
    from licet.service.settings import SettingsError
    from licet.service.telemetry.messages import CONFIGURATION
    from licet.verifier.guard import UnsetParamsError
    from licet.verifier.history import StoreError

    from .findings import report

    settings = plan.settings
    common: dict[str, object] = {
        "host": settings.host,
        "port": settings.port,
        "log_level": "warning",
        "access_log": False,
        "server_header": False,
        "date_header": True,
        "timeout_graceful_shutdown": 30,
        "http": Prompt,
    }
    if settings.telemetry.logs:
        dictConfig(CONFIGURATION)
        common["log_config"] = CONFIGURATION
    try:
        # Built here too where workers build their own: what is wrong is said once, at the start.
        app = starting.app_of(plan, store)
    except PolicyError as error:
        report(error.diagnostics, streams.err)
        raise Failed() from None
    except UnsetParamsError as error:
        raise Failed(f"{error}: give them with --params FILE, or in licet.toml") from None
    except BundleError as error:
        where = f"`{error.path}`: " if error.path else ""
        raise Failed(f"{where}{error}") from None
    except (StoreError, SettingsError) as error:
        raise Failed(str(error)) from None
    if settings.workers == 1:
        config = uvicorn.Config(starting.settled(app), **common)  # type: ignore[arg-type]
        server = uvicorn.Server(config)
        with server.config.bind_socket() as bound:
            _say_where(settings.host, bound.getsockname()[1], streams)
            server.run(sockets=[bound])
        return
    app.state.service.policies.close()
    app.state.service.guards.close()
    app.state.service.telemetry.close()
    store.close()
    os.environ[starting.PLAN_VARIABLE] = plan.text()
    _say_where(settings.host, settings.port, streams)
    with tempfile.TemporaryDirectory(prefix="licet-metrics-") as shared:
        # Each worker counts into a file there, so that any of them answers for all.
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", shared)
        uvicorn.run(
            "licet.service.starting:worker",
            factory=True,
            workers=settings.workers,
            **common,  # type: ignore[arg-type]
        )


def _say_where(host: str, port: int, streams: Streams) -> None:
    name = f"[{host}]" if ":" in host else host
    streams.out.say(f"serving on http://{name}:{port}")
    streams.out.flush()


def _arguments(parser: argparse.ArgumentParser) -> None:
    policy_arguments(parser)
    parser.add_argument("--host", metavar="ADDRESS", help="127.0.0.1 unless told")
    parser.add_argument("--port", metavar="N", type=int, help="8000 unless told")
    parser.add_argument("--workers", metavar="N", type=int, help="processes; one unless told")
    parser.add_argument(
        "--database",
        metavar="URL",
        help="sqlite:///licet.db unless told; postgresql://user@host/database; memory",
    )
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="another file than the project's licet.toml"
    )


VERB = Verb(
    "serve",
    "decide calls over HTTP",
    _arguments,
    run,
    details=(
        "Listens on this machine alone unless --host says otherwise, and remembers in a file of\n"
        "the working directory. The first host key is taken from LICET_API_KEY, or made and shown\n"
        "once. Other keys and all else stand in licet.toml under [service]: docs/service.md."
    ),
    examples=(
        ("licet serve policies", "on 127.0.0.1:8000"),
        ("licet serve policies --workers 4 --database postgresql://licet@db/licet", "for many"),
    ),
)
