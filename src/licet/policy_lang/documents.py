"""Documents that know where they may break: the layout engine of the formatter.

A document is text, a list of documents, a `Line` that may become a line break, or a `Group` whose
lines all break, or none. Comments of the source come out at the first broken line whose anchor
lies behind them; a group with a comment inside is always broken, so none is ever lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Union

from .lexing import Comment

WIDTH = 100


@dataclass(frozen=True, slots=True)
class Line:
    """A possible line break, `flat` when it is none.

    `anchor` is where in the source the text behind it begins. A `hard` line always breaks; one
    that keeps blank lines prints one where the author left one or more.
    """

    flat: str = " "
    anchor: int = 0
    hard: bool = False
    keeps_blank: bool = False


@dataclass(frozen=True, slots=True)
class Nest:
    """What is inside starts its lines further to the right."""

    indent: int
    inside: Doc


@dataclass(frozen=True, slots=True)
class Group:
    """Flat if it fits and nothing in it must break."""

    inside: Doc
    broken: bool = False


Doc = Union[str, Sequence["Doc"], Line, Nest, Group]  # noqa: UP007  (a recursive alias)


class Page:
    """The text so far, and the comments of the source that are still to come."""

    def __init__(self, text: str, comments: Sequence[Comment]) -> None:
        self.text = text
        self.comments = list(reversed(comments))
        self.out: list[str] = []
        self.column = 0
        self.reached = 0
        """How far in the source the lines printed so far begin."""

    def write(self, text: str) -> None:
        self.out.append(text)
        self.column += len(text)

    def newline(self, indent: int) -> None:
        while self.out and self.out[-1].isspace() and "\n" not in self.out[-1]:
            self.out.pop()
        self.out.append("\n")
        self.column = 0
        if indent:
            self.write(" " * indent)

    def flush(self, anchor: int, indent: int, keeps_blank: bool) -> None:
        """Write the comments before an offset, each on a line of its own but a trailing one."""
        may_trail = True
        while self.comments and self.comments[-1].start < anchor:
            comment = self.comments.pop()
            if may_trail and not comment.own_line and self.out:
                self.out.append(f"  {comment.text}")
            elif self.out:
                self.blank(comment.start, keeps_blank)
                self.newline(indent)
                self.write(comment.text)
            else:
                self.write(comment.text)
            may_trail = False

    def blank(self, offset: int, keeps_blank: bool) -> None:
        """Leave one line empty if the line before this offset's is empty in the source."""
        line = self.text.rfind("\n", 0, offset)
        if keeps_blank and self.out and line > self.reached:
            before = self.text.rfind("\n", 0, line)
            if not self.text[before + 1 : line].strip() and before >= self.reached:
                self.newline(0)
        self.reached = max(self.reached, offset)

    def print(self, doc: Doc, indent: int = 0) -> None:
        """Lay out one document from the current column on."""
        stack: list[tuple[int, bool, Doc]] = [(indent, False, doc)]
        while stack:
            indent, flat, doc = stack.pop()
            match doc:
                case str():
                    self.write(doc)
                case Line() if flat and not doc.hard:
                    self.write(doc.flat)
                case Line():
                    self.flush(doc.anchor, indent, doc.keeps_blank)
                    self.blank(doc.anchor, doc.keeps_blank)
                    self.newline(indent)
                case Nest():
                    stack.append((indent + doc.indent, flat, doc.inside))
                case Group():
                    fits = not doc.broken and (flat or self.fits(doc, stack))
                    stack.append((indent, fits, doc.inside))
                case _:
                    stack.extend((indent, flat, part) for part in reversed(doc))

    def fits(self, group: Group, rest: list[tuple[int, bool, Doc]]) -> bool:
        """Whether a group, and what follows up to the next break, ends before `WIDTH`."""
        left = WIDTH - self.column
        behind = len(rest)
        stack: list[tuple[bool, Doc]] = [(True, group.inside)]
        while left >= 0:
            if not stack:
                if behind == 0:
                    return True
                behind -= 1
                stack.append((rest[behind][1], rest[behind][2]))
            flat, doc = stack.pop()
            match doc:
                case str():
                    left -= len(doc)
                case Line():
                    if doc.hard or not flat:
                        return not flat
                    left -= len(doc.flat)
                case Nest():
                    stack.append((flat, doc.inside))
                case Group():
                    if doc.broken and flat:
                        return False
                    stack.append((flat and not doc.broken, doc.inside))
                case _:
                    stack.extend((flat, part) for part in reversed(doc))
        return False
