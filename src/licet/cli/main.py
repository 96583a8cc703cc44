"""The `licet` command: finds the verb, runs it, and turns whatever happens into an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import TextIO

from licet import __version__

from . import (
    approvals,
    audit,
    catalog,
    check,
    diff,
    explain,
    fmt,
    hook,
    init,
    keys,
    lint,
    lsp,
    mcp_proxy,
    mutate,
    prove,
    serve,
    show,
    test,
)
from .failures import Exit, Failed
from .terminal import Terminal
from .verb import Streams, Verb, examples_text

GROUPS: tuple[tuple[str, tuple[Verb, ...]], ...] = (
    ("write a policy", (init.VERB, fmt.VERB, explain.VERB, lsp.VERB)),
    ("try it", (test.VERB, mutate.VERB, lint.VERB, prove.VERB, diff.VERB, show.VERB)),
    ("use it", (check.VERB, mcp_proxy.VERB, hook.VERB, catalog.VERB)),
    ("run it", (serve.VERB, keys.VERB, approvals.VERB, audit.VERB)),
)
VERBS = {verb.name: verb for _, verbs in GROUPS for verb in verbs}

EXAMPLES = (
    ("licet init tools.json -o policies", "a first policy for a list of tools"),
    ("licet test policies", "run its tests"),
    ("licet check policies --call call.json", "decide one proposed call"),
    ("licet explain LIC010", "what a message's code means"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (`sys.argv` unless given) and return the exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    for stream in (sys.stdout, sys.stderr):
        _never_fail_to_encode(stream)
    streams = Streams(sys.stdin, Terminal(sys.stdout), Terminal(sys.stderr))
    try:
        code = _run(arguments, streams)
        streams.out.flush()
        return code
    except BrokenPipeError:
        _silence(sys.stdout)
        return Exit.nobody_reads
    except KeyboardInterrupt:
        return Exit.interrupted


def _run(arguments: Sequence[str], streams: Streams) -> int:
    name = next((a for a in arguments if not a.startswith("-")), "")
    prefix = f"licet {name}" if name in VERBS else "licet"
    try:
        return _dispatch(arguments, streams)
    except Failed as failed:
        if failed.message:
            streams.out.flush()
            streams.err.say(f"{prefix}: {failed.message}")
        return failed.code
    except SystemExit as done:  # argparse has printed a help page
        return done.code if isinstance(done.code, int) else Exit.fine
    except BrokenPipeError:
        raise
    except Exception as error:
        if os.environ.get("LICET_DEBUG") == "1":
            traceback.print_exc()
        summary = f"{type(error).__name__}: {error}".partition("\n")[0]
        streams.err.say(
            f"{prefix}: internal error, a bug in licet: {summary}"
            " (please report it with what LICET_DEBUG=1 prints)"
        )
        return Exit.bug


def _dispatch(arguments: Sequence[str], streams: Streams) -> int:
    if not arguments:
        raise Failed(f"name a verb: {', '.join(VERBS)} (see licet --help)")
    first, rest = arguments[0], arguments[1:]
    if first in ("-h", "--help", "help"):
        streams.out.write(overview())
        return Exit.fine
    if first in ("-V", "--version"):
        streams.out.write(f"licet {__version__}\n")
        return Exit.fine
    verb = VERBS.get(first)
    if verb is None:
        raise Failed(_unknown(first))
    return verb.run(verb.parse(rest), streams)


def overview() -> str:
    """What `licet --help` prints."""
    lines = [
        "usage: licet VERB …",
        "",
        "Policies for what an agent may do: every proposed call is permitted, or told why not.",
    ]
    for title, verbs in GROUPS:
        lines += ["", f"{title}:", *(f"  {verb.name:<9} {verb.summary}" for verb in verbs)]
    lines += [
        "",
        "options:",
        "  -h, --help     this page; licet VERB --help has the verb's own",
        "  -V, --version  the version",
        "",
        examples_text(EXAMPLES),
        "",
        "A policy is a file NAME.licet or a folder of them. NO_COLOR turns colours off.",
    ]
    return "\n".join(lines) + "\n"


def _unknown(word: str) -> str:
    from difflib import get_close_matches

    if word.startswith("-"):
        return f"there is no option `{word}` (see licet --help)"
    near = get_close_matches(word, VERBS, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(VERBS)}"
    return f"there is no verb `{word}`; {hint}"


def _never_fail_to_encode(stream: TextIO) -> None:
    """What the terminal's encoding lacks is shown as an escape."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def _silence(stream: TextIO) -> None:
    """What is still buffered goes nowhere, so that the interpreter's own flush is quiet."""
    try:
        descriptor = stream.fileno()
    except OSError:  # not a file: a test's buffer
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
