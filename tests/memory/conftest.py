"""Stores for whole guards."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from support.postgres import Server, programs

NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    if programs() is None:
        pytest.skip("no PostgreSQL for this platform")
    started = Server()
    yield started
    started.discard()


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty store: a test names its kind."""
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('tmp_path') / 'state.db'}"
    found: str = request.getfixturevalue("server").create_schema(f"memory{next(NUMBERS)}")
    return found
