"""`licet fmt PATHS`: policies in their one canonical layout."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

from .failures import Exit, Failed
from .verb import Streams, Verb

if TYPE_CHECKING:
    from licet.policy_lang.source import Source

_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def run(options: argparse.Namespace, streams: Streams) -> int:
    """Format files, or only say what would change. 1: something would; 2: syntax errors."""
    from .policy_files import STDIN, policy_files

    if STDIN in options.paths:
        if len(options.paths) > 1:
            raise Failed("- (standard input) stands alone")
        return _standard_input(options, streams)
    changed = wrong = 0
    files = policy_files(options.paths)
    for path in files:
        try:
            differs = _file(path, options, streams)
        except Failed as failed:
            if failed.message:
                streams.err.say(f"licet fmt: {failed.message}")
            wrong += 1
        else:
            changed += differs
    _summary(len(files), changed, wrong, options, streams)
    if wrong:
        return Exit.wrong
    return Exit.refused if changed and _only_looks(options) else Exit.fine


def _standard_input(options: argparse.Namespace, streams: Streams) -> int:
    from .policy_files import text_source

    source = text_source("<stdin>", streams.input.buffer.read())
    text = _formatted(source, streams)
    if not _only_looks(options):
        streams.out.write(text)
        return Exit.fine
    if text == source.text:
        return Exit.fine
    if options.diff:
        _print_diff(source.name, source.text, text, streams)
    return Exit.refused


def _file(path: Path, options: argparse.Namespace, streams: Streams) -> bool:
    """Whether the file was not in layout. Raises Failed where it cannot be read or written."""
    from .policy_files import source_of

    source = source_of(path)
    text = _formatted(source, streams)
    if text == source.text:
        return False
    if options.diff:
        _print_diff(str(path), source.text, text, streams)
    elif options.check:
        streams.err.say(f"would format {path}")
    if not _only_looks(options):
        replace_text(path, text)
        streams.err.say(f"formatted {path}")
    return True


def _formatted(source: Source, streams: Streams) -> str:
    """The text in layout. Diagnostics of a file with syntax errors are printed; raises Failed."""
    from licet.policy_lang.formatting import format_source

    from .findings import report

    text, diagnostics = format_source(source)
    if text is None:
        report(diagnostics, streams.err)
        raise Failed()
    return text


def _only_looks(options: argparse.Namespace) -> bool:
    return bool(options.check or options.diff)


def _summary(
    files: int, changed: int, wrong: int, options: argparse.Namespace, streams: Streams
) -> None:
    from .findings import plural

    parts = []
    if changed:
        verb = "would be formatted" if _only_looks(options) else "formatted"
        parts.append(f"{plural(changed, 'file')} {verb}")
    if files - changed - wrong:
        parts.append(f"{plural(files - changed - wrong, 'file')} left as they are")
    if wrong:
        parts.append(f"{plural(wrong, 'file')} not touched")
    streams.err.say(", ".join(parts).replace("1 file left as they are", "1 file left as it is"))


def _print_diff(name: str, old: str, new: str, streams: Streams) -> None:
    from .terminal import Styled

    for line in _diff(name, old, new):
        style = _DIFF_STYLES.get(line[:1])
        streams.out.say(Styled(line, style) if style else line)


def _diff(name: str, old: str, new: str) -> Iterator[str]:
    lines = unified_diff(
        old.split("\n"), new.split("\n"), f"{name} (as it is)", f"{name} (formatted)", lineterm=""
    )
    for line in lines:
        yield line.replace("\t", "    ")


def replace_text(path: Path, text: str) -> None:
    """Write a whole file or nothing: a reader sees the old text or the new. Raises Failed.

    The mode is kept, and a link goes on pointing where it did.
    """
    from .policies import reason

    target = path.resolve()
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, target.stat().st_mode & 0o7777)
        os.replace(temporary, target)
        temporary = ""
    except OSError as error:
        raise Failed(f"cannot write `{path}`: {reason(error)}") from None
    finally:
        if temporary:
            os.unlink(temporary)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="+",
        help="a file, a folder (its *.licet files), or - for standard input",
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a file is not in layout"
    )
    parser.add_argument(
        "--diff", action="store_true", help="write nothing; print what would change, exit 1 then"
    )


VERB = Verb(
    "fmt",
    "bring policies into their one layout",
    _arguments,
    run,
    details="A file with syntax errors is never touched; the exit code is 2 then.",
    examples=(
        ("licet fmt policies", "every *.licet file below a folder"),
        ("licet fmt --check --diff .", "what would change, for CI"),
        ("licet fmt - < desk.licet", "from standard input to standard output"),
    ),
)
