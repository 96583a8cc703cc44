"""Hypothesis profiles: LICET_HYPOTHESIS_PROFILE chooses one, `quick` unless told. What all folders
share."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from support.postgres import Server

# Said out, because Hypothesis derandomizes by itself where it sees CI=true.
settings.register_profile("quick", derandomize=False, deadline=None, print_blob=True)
quick = settings.get_profile("quick")
# The same examples each time: a build that fails says something of the change that it is of. What
# is found elsewhere is kept in tests/corpus/.
settings.register_profile("ci", parent=quick, derandomize=True, database=None)
for name, examples in (("thorough", 20_000), ("nightly", 200_000)):
    settings.register_profile(
        name,
        parent=quick,
        max_examples=examples,
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile(os.environ.get("LICET_HYPOTHESIS_PROFILE", "quick"))


def pytest_collection_finish() -> None:
    """Thousands of tests and all that they import stay to the end: the collector need not look
    through them again and again, and forked children do not copy them by looking."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def lean() -> None:
    """For tests that fork often: a fork copies the tables of all memory that this process has, so
    what it has of other tests, and does not use, is given back first."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(AttributeError):  # a C library without it
            ctypes.CDLL(None).malloc_trim(0)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server, one for each worker: a test may stop it and start it again."""
    pytest.importorskip("psycopg")
    from support.postgres import Server, programs

    if programs() is None:
        pytest.skip("no PostgreSQL for this platform")
    started = Server()
    yield started
    started.discard()
