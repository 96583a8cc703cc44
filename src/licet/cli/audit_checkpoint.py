"""`licet audit keygen` and `licet audit checkpoint`: signed statements of where an audit stands."""

from __future__ import annotations

import argparse
from pathlib import Path

from .audit_source import open_source, source_argument
from .audit_verify import findings
from .failures import Exit, Failed
from .findings import plural
from .verb import Streams, Verb


def keygen(options: argparse.Namespace, streams: Streams) -> int:
    """Make a key pair."""
    from licet.verifier.audit.signing_keys import CheckpointError, generate_key

    path: Path = options.path
    try:
        name = generate_key(path)
    except CheckpointError as error:
        raise Failed(str(error)) from None
    streams.out.say(f"key {name}")
    streams.out.say(f"  {path}      signs checkpoints; keep it secret, away from the audit")
    streams.out.say(f"  {path}.pub  verifies them; give it to whoever verifies")
    return Exit.fine


def checkpoint(options: argparse.Namespace, streams: Streams) -> int:
    """Verify the audit, then sign where it ends. 0: signed; 1: it is not whole, nothing signed."""
    from licet.verifier.audit import Verifier
    from licet.verifier.audit.checkpoints import append, appending, held_in
    from licet.verifier.audit.signing_keys import (
        CheckpointError,
        read_private_key,
        read_public_key,
    )

    source = open_source(options, streams.input)
    try:
        key = read_private_key(options.key)
        keys = [key.public_key(), *map(read_public_key, options.earlier_key)]
        with appending(options.checkpoints) as file:
            held = held_in(file, keys)
            for line, problem in held.problems:
                streams.out.say(f"checkpoints, line {line:,}: {problem}")
            anchors = [c.anchor for c in held.valid]
            if options.tenant is not None:
                anchors = [anchor for anchor in anchors if anchor.tenant == options.tenant]
            verifier = Verifier((*source.heads, *anchors))
            found = sum(1 for _ in findings(verifier, source, streams))
            if found:
                streams.out.say(f"not whole: {plural(found, 'finding')}, see licet audit verify")
            if found or held.problems:
                streams.out.say("nothing was signed")
                return Exit.refused
            ends = {name: (s.seq, s.hash) for name, s in verifier.standings.items()}
            added = append(file, held, key, ends)
    except CheckpointError as error:
        raise Failed(str(error)) from None
    for new in added:
        streams.out.say(f"checkpoint {new.number:,}: tenant {new.tenant}, number {new.seq:,}")
    if not added:
        streams.out.say("no entries since the last checkpoint" if ends else "no entries")
    return Exit.fine


def _keygen_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="NAME", type=Path, help="the new files: NAME and NAME.pub")


def _checkpoint_arguments(parser: argparse.ArgumentParser) -> None:
    source_argument(parser)
    parser.add_argument(
        "--checkpoints",
        metavar="FILE",
        type=Path,
        required=True,
        help="the file to append to; keep it where whoever writes the audit cannot write",
    )
    parser.add_argument(
        "--key", metavar="FILE", type=Path, required=True, help="the private key to sign with"
    )
    parser.add_argument(
        "--earlier-key",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="a public key that signed before this one",
    )


KEYGEN = Verb(
    "audit keygen",
    "make the key that signs checkpoints",
    _keygen_arguments,
    keygen,
    details="exit codes:\n  0  made\n  2  a file is there already, or cannot be written",
    examples=(("licet audit keygen audit.key", "writes audit.key and audit.key.pub"),),
)

CHECKPOINT = Verb(
    "audit checkpoint",
    "verify, then sign where the audit stands",
    _checkpoint_arguments,
    checkpoint,
    details=(
        "exit codes:\n"
        "  0  signed, or there is nothing new\n"
        "  1  the audit or the file of checkpoints is not whole; nothing was signed\n"
        "  2  something cannot be read or written"
    ),
    examples=(
        (
            "licet audit checkpoint sqlite:///state.db --checkpoints cp.jsonl --key audit.key",
            "every hour, from a machine apart",
        ),
    ),
)
