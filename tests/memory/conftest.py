"""Stores for whole guards."""

from __future__ import annotations

import itertools

import pytest

NUMBERS = itertools.count()


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty store: a test names its kind."""
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('tmp_path') / 'state.db'}"
    found: str = request.getfixturevalue("server").create_schema(f"memory{next(NUMBERS)}")
    return found
