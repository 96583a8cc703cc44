"""`licet lsp`: the language server, for an editor to start."""

from __future__ import annotations

import argparse
import os

from .failures import Exit, Failed
from .verb import Streams, Verb


def run(_options: argparse.Namespace, streams: Streams) -> int:
    """Serve one editor on standard input and output until it leaves."""
    try:
        import pygls  # noqa: F401 - whether it is there at all
    except ImportError:
        raise Failed("the language server needs a library: pip install 'licet[lsp]'") from None
    from licet.service.lsp.server import make_server

    streams.out.flush()
    # The server closes what it is given; the process goes on to its own end.
    with os.fdopen(os.dup(0), "rb") as stdin, os.fdopen(os.dup(1), "wb") as stdout:
        make_server().start_io(stdin, stdout)
    return Exit.fine


def _arguments(parser: argparse.ArgumentParser) -> None:
    """There are none: an editor says everything over the wire."""


VERB = Verb(
    "lsp",
    "the language server, for an editor to start",
    _arguments,
    run,
    details=(
        "Speaks the Language Server Protocol on standard input and output: diagnostics, hover,\n"
        "completion, go to definition, references, rename, format, quick fixes."
    ),
    examples=(("licet lsp", "what an editor is told to run"),),
)
