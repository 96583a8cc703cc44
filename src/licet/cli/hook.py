"""`licet hook …`: what coding agents run, and how it gets into their settings."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from .failures import Exit, Failed
from .verb import Streams, Verb, family


def _running(agent: str) -> Callable[[argparse.Namespace, Streams], int]:
    def run(options: argparse.Namespace, _streams: Streams) -> int:
        """Become the hook's own process, which imports nothing of this one."""
        from licet.adapters.hooks import client

        program = os.path.abspath(client.__file__)
        words = [sys.executable, "-I", "-S", program, agent, options.policy]
        try:
            os.execv(sys.executable, words)
        except OSError as error:
            raise Failed(f"the guard could not run ({error.strerror})", Exit.wrong) from None

    return run


def _policy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("policy", metavar="POLICY", help="a `.licet` file, or a folder of them")


def _place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("agent", choices=("claude-code", "codex"), metavar="AGENT")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--project",
        nargs="?",
        const=".",
        metavar="FOLDER",
        help="this project's settings (the default: the current folder's)",
    )
    where.add_argument("--user", action="store_true", help="the user's settings, for all projects")


def _install_arguments(parser: argparse.ArgumentParser) -> None:
    _place(parser)
    parser.add_argument("--policy", required=True, metavar="POLICY", help="what is to hold")
    parser.add_argument("--dry-run", action="store_true", help="show the change alone")


def _uninstall_arguments(parser: argparse.ArgumentParser) -> None:
    _place(parser)
    parser.add_argument("--dry-run", action="store_true", help="show the change alone")


def _path(options: argparse.Namespace) -> Path:
    from licet.adapters.hooks.settings import settings_path

    project = Path(options.project or ".").resolve()
    return settings_path(options.agent, "user" if options.user else "project", project)


def _install(options: argparse.Namespace, streams: Streams) -> int:
    from licet.adapters.hooks.settings import installed
    from licet.loading import load_program
    from licet.policy_lang import render_text

    policy = Path(options.policy).resolve()
    loaded = load_program([policy])
    if loaded.program is None:
        streams.err.write(render_text(loaded.diagnostics))
        raise Failed("the policy does not load, and every call would be refused")
    code = _changed(lambda: installed(options.agent, _path(options), policy), options, streams)
    if options.agent == "codex" and not options.dry_run:
        streams.out.say("Codex runs a new hook only when you trust it: say /hooks in Codex.")
    return code


def _uninstall(options: argparse.Namespace, streams: Streams) -> int:
    from licet.adapters.hooks.settings import uninstalled

    return _changed(lambda: uninstalled(_path(options)), options, streams)


def _changed(change: Callable[[], object], options: argparse.Namespace, streams: Streams) -> int:
    from licet.adapters.hooks.settings import Change, SettingsError

    try:
        made = change()
        assert isinstance(made, Change)
        if made.before == made.after:
            streams.out.say(f"{made.path}: nothing to change")
            return Exit.fine
        streams.out.write(
            "".join(
                difflib.unified_diff(
                    made.before.splitlines(keepends=True),
                    made.after.splitlines(keepends=True),
                    str(made.path),
                    str(made.path),
                )
            )
        )
        if not options.dry_run:
            made.write()
    except (SettingsError, OSError) as error:
        raise Failed(str(error)) from None
    return Exit.fine


def _status(options: argparse.Namespace, streams: Streams) -> int:
    """Run what is installed, with events that must be refused."""
    from licet.adapters.hooks.probing import unblocked
    from licet.adapters.hooks.settings import (
        EVENTS,
        SettingsError,
        are_disabled,
        installed_commands,
    )

    path = _path(options)
    try:
        found = installed_commands(path)
        problems = [f"{path} turns all hooks off"] if are_disabled(path) else []
    except (SettingsError, OSError) as error:
        raise Failed(str(error)) from None
    for event in EVENTS[options.agent]:
        handlers = found.get(event, [])
        if not handlers:
            problems.append(f"no hook for {event}: run `licet hook install`")
        elif options.agent == "claude-code" and handlers[0].get("onFailure") != "block":
            problems.append(f"the hook for {event} lacks onFailure: block")
    before = found.get("PreToolUse", [])
    for handler in before:
        project = Path(options.project or ".").resolve()
        for what in unblocked(options.agent, str(handler["command"]), project):
            problems.append(f"the hook let through {what}")
    for problem in problems:
        streams.out.say(problem)
    if not problems:
        streams.out.say(f"{path}: the hook is installed and blocks")
    return Exit.refused if problems else Exit.fine


VERB = family(
    "hook",
    "the guard in Claude Code and Codex: install, check, run",
    (
        Verb(
            "hook install",
            "put the hooks into an agent's settings, and show the change",
            _install_arguments,
            _install,
            examples=(("licet hook install claude-code --policy policies", "guard this project"),),
        ),
        Verb(
            "hook uninstall",
            "take them out again",
            _uninstall_arguments,
            _uninstall,
            examples=(("licet hook uninstall claude-code", "this project, no longer"),),
        ),
        Verb(
            "hook status",
            "run what is installed, with calls that must be refused",
            _place,
            _status,
            examples=(("licet hook status claude-code", "whether it really blocks"),),
        ),
        Verb(
            "hook claude-code", "answer one event of Claude Code", _policy, _running("claude-code")
        ),
        Verb("hook codex", "answer one event of Codex", _policy, _running("codex")),
    ),
    details="docs/hooks.md says what is guarded, and what cannot be.",
)
