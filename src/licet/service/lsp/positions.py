"""Places in a text as an editor counts them: lines from 0, and units of its encoding in a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from licet.policy_lang import Source, Span

if TYPE_CHECKING:
    from lsprotocol.types import Position, Range

#: How many units a text takes, by the name of the encoding that client and server agreed on.
_SIZES = {"utf-8": 1, "utf-16": 2, "utf-32": 4}


@dataclass(frozen=True, slots=True)
class Places:
    """Converts between code points of sources and the editor's positions."""

    encoding: str = "utf-16"

    def range(self, span: Span) -> Range:
        """The range of a span."""
        from lsprotocol.types import Range

        return Range(self.position(span.source, span.start), self.position(span.source, span.end))

    def position(self, source: Source, offset: int) -> Position:
        """The position of a code point offset."""
        from lsprotocol.types import Position

        line, column = source.position(offset)
        return Position(line - 1, self._units(source.line(line)[: column - 1]))

    def offset(self, source: Source, position: Position) -> int:
        """The code point offset of a position; one past the end of a line is its end."""
        lines = source.text.split("\n")
        if position.line >= len(lines):
            return len(source.text)
        start = sum(len(line) + 1 for line in lines[: position.line])
        units = 0
        for column, char in enumerate(lines[position.line]):
            if units >= position.character:
                return start + column
            units += self._units(char)
        return start + len(lines[position.line])

    def _units(self, text: str) -> int:
        size = _SIZES[self.encoding]
        name = self.encoding if size == 1 else f"{self.encoding}-le"
        return len(text.encode(name, "surrogatepass")) // size
