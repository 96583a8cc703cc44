"""Packages that not every installation has: each belongs to an extra of licet."""

from __future__ import annotations

import importlib
from types import ModuleType


class MissingExtraError(ImportError):
    """A package of an extra is not installed; the text says how to install it."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"`{package}` is not installed: pip install 'licet[{extra}]'")
        self.extra = extra


def needed(module: str, extra: str) -> ModuleType:
    """The module of a package that an extra brings. Raises MissingExtraError."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and not module.startswith(error.name):
            raise
        raise MissingExtraError(module.partition(".")[0], extra) from error
