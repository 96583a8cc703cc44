"""Everything that a verb says goes through here: styles, and text that cannot do harm.

A terminal obeys control characters, a reader is misled by bidirectional and invisible ones, and
text of users, models and tools may hold any. So `say` escapes whatever is not printable, and
nothing is ever read as markup. Styles are used on a terminal only, and never where NO_COLOR is
set or TERM is dumb.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


class Styled(NamedTuple):
    """A piece of a line with a style of rich's (`bold red`)."""

    text: str
    style: str


Piece = str | Styled


class Terminal:
    """One output stream. Raises BrokenPipeError where nobody reads any more."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.interactive = stream.isatty()
        self.coloured = (
            self.interactive and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        )
        self._console: Console | None = None

    def say(self, *pieces: Piece) -> None:
        """One line, its pieces joined as they are. Never wrapped: a terminal does that itself."""
        if not self.coloured:
            self.stream.write("".join(_plain(piece) for piece in pieces) + "\n")
            return
        from rich.text import Text

        text = Text()
        for piece in pieces:
            if isinstance(piece, Styled):
                text.append(_plain(piece), piece.style)
            else:
                text.append(_plain(piece))
        self.console.print(text, soft_wrap=True)

    def write(self, text: str) -> None:
        """Text of ours, or made harmless already, as it is."""
        self.stream.write(text)

    def render(self, renderable: RenderableType) -> None:
        """A renderable of rich's, whose text must have been escaped already."""
        self.console.print(renderable)

    @property
    def console(self) -> Console:
        """A console of rich's on this stream, without markup, emoji codes or highlighting."""
        if self._console is None:
            from rich.console import Console
            from rich.theme import Theme

            class Quiet(Console):
                def on_broken_pipe(self) -> None:
                    raise  # noqa: PLE0704 - called while BrokenPipeError is handled; `main` ends quietly

            self._console = Quiet(
                file=self.stream,
                force_terminal=self.interactive,
                color_system="auto" if self.coloured else None,
                no_color=not self.coloured,
                markup=False,
                emoji=False,
                highlight=False,
                theme=Theme({"markdown.code": "cyan"}),
            )
        return self._console

    def flush(self) -> None:
        self.stream.flush()


def _plain(piece: Piece) -> str:
    return printable(piece.text if isinstance(piece, Styled) else piece)


def printable(text: str) -> str:
    """The text with every control, bidirectional and invisible character as `\\u{…}`."""
    if text.isascii() and text.isprintable():
        return text
    from licet.compiler.exact_json import escaped

    return escaped(text)
