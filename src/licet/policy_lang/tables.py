"""The parse tables of `grammar.lark`; `parsing.py` runs them.

Lark works them out (`table_making`), which takes longer than to read most policies, so they are
kept beside the grammar, with the digest of its text. Where the grammar is another, they are worked
out anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from sys import intern
from typing import Any, Final

from .building_declarations import DeclarationBuilder
from .tokens import END

#: Both lie beside this file.
GRAMMAR: Final = "grammar.lark"
KEPT: Final = "grammar.tables.json"

Build = Callable[[DeclarationBuilder, list[Any], int], Any]
Reduction = tuple[Build | None, int, str]
"""What to do with the last n values (None: there is one, keep it), n, and the rule's name."""


@dataclass(frozen=True, slots=True)
class Tables:
    """For each state: the next state (int) or the reduction that a terminal or rule leads to."""

    states: tuple[dict[str, int | Reduction], ...]
    start: dict[str, int]
    end: dict[str, int]

    def accepts(self, stack: list[int], kind: str) -> bool:
        """Whether a terminal may come next, all reductions before it considered."""
        action = self.states[stack[-1]].get(kind)
        if action is None or isinstance(action, int):
            return action is not None
        stack = stack.copy()
        while not isinstance(action, int):
            if action is None:
                return False
            _, size, rule = action
            if size:
                del stack[-size:]
            following = self.states[stack[-1]][rule]
            assert isinstance(following, int)
            stack.append(following)
            if kind == END and following in self.end.values():
                return True
            action = self.states[following].get(kind)
        return True

    def expected(self, stack: list[int]) -> frozenset[str]:
        """Every terminal that may come next."""
        return frozenset(
            kind
            for kind in self.states[stack[-1]]
            if kind != kind.lower() or kind == END
            if self.accepts(stack, kind)
        )


@cache
def tables() -> Tables:
    """The tables, with the function of `building` that makes each rule's node."""
    grammar = files(__package__).joinpath(GRAMMAR).read_text("utf-8")
    kept = json.loads(files(__package__).joinpath(KEPT).read_text("utf-8"))
    if kept["grammar"] != digest_of(grammar):
        from .table_making import made

        kept = made(grammar)
    return _read(kept)


def digest_of(grammar: str) -> str:
    """By which kept tables know their grammar."""
    return hashlib.sha256(grammar.encode("utf-8")).hexdigest()


def _read(kept: Mapping[str, Any]) -> Tables:
    """The tables that `table_making.made` wrote as plain data."""
    names = [intern(name) for name in kept["names"]]
    rules: list[Reduction] = [
        (getattr(DeclarationBuilder, build) if build else None, size, intern(name))
        for build, size, name in kept["rules"]
    ]
    states = tuple(
        {
            names[name]: to if to >= 0 else rules[-1 - to]
            for name, to in zip(row[::2], row[1::2], strict=True)
        }
        for row in kept["states"]
    )
    return Tables(states, kept["start"], kept["end"])
