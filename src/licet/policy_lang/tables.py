"""The parse tables of `grammar.lark`, built once per process, when first needed.

Lark works out the LALR(1) tables, and refuses a grammar with a conflict; `parsing.py` runs them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from sys import intern
from typing import Any

from .building_declarations import DeclarationBuilder
from .tokens import END

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
    from lark import Lark
    from lark.lexer import Lexer

    class NoLexer(Lexer):  # type: ignore[misc, unused-ignore]
        """`lexing` makes the tokens; Lark is asked for its tables alone."""

        def __init__(self, _: object) -> None: ...

        def lex(self, *_: object) -> Any:
            return iter(())

    grammar = files(__package__).joinpath("grammar.lark").read_text("utf-8")
    starts = ["declaration", "expression"]
    lark = Lark(grammar, parser="lalr", lexer=NoLexer, start=starts, maybe_placeholders=False)
    table = lark.parse_interactive("", start=starts[0]).parser_state.parse_conf.parse_table
    reductions: dict[Any, Reduction] = {}

    def action(argument: Any) -> int | Reduction:
        if isinstance(argument, int):
            return argument
        if argument not in reductions:
            name = intern(str(argument.origin.name))
            if name.startswith("__"):  # a repetition that Lark named
                build: Build | None = DeclarationBuilder.repeat
            else:
                build = getattr(DeclarationBuilder, argument.alias) if argument.alias else None
            assert build is not None or len(argument.expansion) == 1
            reductions[argument] = build, len(argument.expansion), name
        return reductions[argument]

    return Tables(
        tuple(
            {
                intern(str(kind)): action(argument)
                for kind, (_, argument) in table.states[state].items()
            }
            for state in range(len(table.states))
        ),
        dict(table.start_states),
        dict(table.end_states),
    )
