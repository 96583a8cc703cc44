"""Runs something again whenever a file of a policy's project changes, until interrupted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from .failures import Failed
from .verb import Streams

#: What a policy may be made of: itself, lists of tools, params.
SUFFIXES = (".licet", ".toml", ".json", ".yaml", ".yml")


def rerun(
    run: Callable[[], int], paths: Sequence[Path], params: Path | None, streams: Streams
) -> int:
    """Run now and after each change. A policy that does not load is waited for, too.

    Only an interrupt ends it. Raises Failed where the library that watches is not installed.
    """
    try:
        from watchfiles import DefaultFilter, watch
    except ImportError:
        raise Failed("--watch needs a library: pip install 'licet[watch]'") from None

    from licet.compiler.loading import project_root

    folders = {project_root(path) for path in paths if path.exists()}
    if params is not None and params.exists():
        folders.add(params.resolve().parent)
    if not folders:
        return run()  # which says what is missing
    usual = DefaultFilter()
    first = True
    for changes in watch(
        *folders,
        watch_filter=lambda change, path: path.endswith(SUFFIXES) and usual(change, path),
        rust_timeout=250,
        yield_on_timeout=True,  # so that the first run begins when the watch has
    ):
        if first:
            _tried(run, streams)
        elif changes:
            streams.out.say()
            _tried(run, streams)
        first = False
    raise KeyboardInterrupt


def _tried(run: Callable[[], int], streams: Streams) -> None:
    try:
        run()
    except Failed as failed:
        if failed.message:
            streams.err.say(f"licet test: {failed.message}")
    streams.out.flush()
