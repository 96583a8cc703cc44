"""A shell command line → its simple commands, each a list of words, or a refusal.

Read by a shell's own grammar (bashlex). Taken are commands in a row (`;`, `&&`, a newline) whose
words say what they are: no pipeline, substitution, variable, glob, redirection or control flow,
since each of them can put a call where nobody sees it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from licet.adapters.catalogs.extras import needed

from .reading import UnreadableCallError

MAX_TEXT: Final = 100_000
#: What has a meaning of its own where it is not quoted.
_SPECIAL: Final = frozenset("*?[]{}~$`!\\")


def commands(text: str) -> tuple[tuple[str, ...], ...]:
    """The words of each command, quotes taken away. Raises UnreadableCallError, and
    MissingExtraError without the parser."""
    bashlex = needed("bashlex", "hooks")
    if len(text) > MAX_TEXT:
        raise UnreadableCallError(f"the command is longer than {MAX_TEXT:,} characters")
    if any(ord(char) < 0x20 and char not in "\n\t" for char in text):
        raise UnreadableCallError("the command has control characters")
    try:
        trees = bashlex.parse(text.strip())
    except Exception as error:  # the parser raises what it likes, and knows less than a shell
        raise UnreadableCallError("the command cannot be read as a shell would") from error
    return tuple(_words(node, text.strip()) for tree in trees for node in _simple(tree))


def _simple(node: Any) -> Iterator[Any]:
    """The simple commands of a list that runs in a row."""
    match node.kind:
        case "command":
            yield node
        case "list":
            for part in node.parts:
                if part.kind == "operator":
                    if part.op not in (";", "&&", "\n"):
                        raise UnreadableCallError(f"what stands around `{part.op}` may not run")
                elif part.kind != "reservedword":
                    yield from _simple(part)
        case kind:
            raise UnreadableCallError(f"a {kind} is not read")


def _words(node: Any, text: str) -> tuple[str, ...]:
    found: list[str] = []
    for part in node.parts:
        if part.kind != "word":
            raise UnreadableCallError(f"a {part.kind} is not read")
        if part.parts:
            raise UnreadableCallError(f"a {part.parts[0].kind} is not read")
        written = text[part.pos[0] : part.pos[1]]
        plain, bare = _unquoted(written)
        if any(char in _SPECIAL for char in bare):
            raise UnreadableCallError("a shell would make something else of a word: quote it")
        if plain != part.word:
            raise UnreadableCallError("a word is quoted in a way that is not read")
        found.append(plain)
    if not found:
        raise UnreadableCallError("there is no command")
    return tuple(found)


def _unquoted(written: str) -> tuple[str, str]:
    """A word without its quotes, and the part of it that stood outside of any."""
    plain, bare, at = "", "", 0
    while at < len(written):
        char = written[at]
        if char in "'\"":
            end = written.find(char, at + 1)
            if end < 0:
                raise UnreadableCallError("a quotation has no end")
            inside = written[at + 1 : end]
            if char == '"' and any(c in "\\$`!" for c in inside):
                raise UnreadableCallError("a quotation holds what a shell works out")
            plain += inside
            at = end + 1
            continue
        plain, bare, at = plain + char, bare + char, at + 1
    return plain, bare
