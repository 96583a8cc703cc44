"""Stores that a command line names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from .failures import Failed

if TYPE_CHECKING:
    from licet.verifier.history import Store


def existing_store(url: str) -> Store:
    """The store at a URL, which must be there already. Raises Failed."""
    file = url.removeprefix("sqlite:///")
    if file != url and not Path(unquote(file)).exists():
        raise Failed(f"cannot read `{told(url)}`: no such file or directory")
    return opened_store(url)


def opened_store(url: str) -> Store:
    """The store at a URL, made where it is made by whoever opens it first. Raises Failed."""
    from licet.verifier.history import StoreError

    try:
        from licet.adapters.stores import open_store

        return open_store(url)
    except (ImportError, StoreError, ValueError) as error:
        raise Failed(f"cannot read `{told(url)}`: {error}") from None


def told(url: str) -> str:
    """A URL as it may be shown: without a user and a password."""
    kind, slashes, rest = url.partition("://")
    return kind + slashes + rest.rpartition("@")[2]


def login_name() -> str:
    """Who runs this command, by the system's own word and not by the environment's."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
