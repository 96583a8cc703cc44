"""Stores to test: each kind by name, with a URL of its own for every test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from licet.adapters.stores import open_store
from licet.verifier.history import Store

NUMBERS = itertools.count()


def url_of(kind: str, request: pytest.FixtureRequest) -> str:
    """The URL of an empty store, `sqlite` or `postgresql`."""
    if kind == "sqlite":
        return f"sqlite:///{request.getfixturevalue('tmp_path') / 'state.db'}"
    url: str = request.getfixturevalue("server").create_schema(f"test{next(NUMBERS)}")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty durable store, of each kind."""
    return url_of(request.param, request)


#: How to make each kind of store that `test_contract.py` holds to the protocol.
STORES: dict[str, Callable[[pytest.FixtureRequest], Store]] = {
    "sqlite": lambda request: open_store(url_of("sqlite", request)),
    "postgresql": lambda request: open_store(url_of("postgresql", request)),
}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """An empty store of each kind."""
    made = STORES[request.param](request)
    yield made
    made.close()
