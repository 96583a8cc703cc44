"""`grammar.lark` → its LALR(1) tables as plain data. Lark refuses a grammar with a conflict.

The same grammar gives the same data: states are numbered as they are met from the starts, with
their terminals and rules in order of their names. An action is the number of the next state, or
`-1 - n` for the reduction n.
"""

from __future__ import annotations

from typing import Any

from lark import Lark
from lark.lexer import Lexer

from .tables import digest_of

_STARTS = ["declaration", "expression"]


class _NoLexer(Lexer):  # type: ignore[misc, unused-ignore]
    """`lexing` makes the tokens; Lark is asked for its tables alone."""

    def __init__(self, _: object) -> None: ...

    def lex(self, *_: object) -> Any:
        return iter(())


def made(grammar: str) -> dict[str, Any]:
    """The tables of a grammar, as JSON data that `tables` reads."""
    lark = Lark(grammar, parser="lalr", lexer=_NoLexer, start=_STARTS, maybe_placeholders=False)
    table = lark.parse_interactive("", start=_STARTS[0]).parser_state.parse_conf.parse_table
    writing = _Writing(table)
    start = {name: writing.number(table.start_states[name]) for name in _STARTS}
    states = writing.rows()
    return {
        "grammar": digest_of(grammar),
        "start": start,
        "end": {name: writing.number(table.end_states[name]) for name in _STARTS},
        "names": list(writing.names),
        "rules": list(writing.rules),
        "states": states,
    }


class _Writing:
    """Numbers for states, names and reductions, as they are met."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self._states: dict[int, int] = {}
        self.names: dict[str, int] = {}
        self.rules: dict[tuple[str | None, int, str], int] = {}

    def number(self, state: int) -> int:
        return self._states.setdefault(state, len(self._states))

    def rows(self) -> list[list[int]]:
        """All states that are reached, each as names and actions in turns."""
        rows: list[list[int]] = []
        while len(rows) < len(self._states):
            state = list(self._states)[len(rows)]
            actions = self._table.states[state]
            rows.append([])
            for name in sorted(map(str, actions)):
                _, argument = actions[name]
                rows[-1] += [self.names.setdefault(name, len(self.names)), self._to(argument)]
        return rows

    def _to(self, argument: Any) -> int:
        if isinstance(argument, int):
            return self.number(argument)
        name = str(argument.origin.name)
        # A repetition is a rule that Lark named.
        build = "repeat" if name.startswith("__") else argument.alias or None
        assert build is not None or len(argument.expansion) == 1
        rule = (build and str(build), len(argument.expansion), name)
        return -1 - self.rules.setdefault(rule, len(self.rules))
