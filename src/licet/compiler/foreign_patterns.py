"""Regular expressions of others (Java's, ECMA's, Smithy's) → patterns of the language.

Soundness: the texts that the result lets in are exactly those that the foreign expression matches
as a whole, or, where `exact` is False, these and more. Look-around and anchors are resolved
where they say something about the whole text, about a part of fixed width, or about one
character; elsewhere they are left out. What cannot be read at all is None.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from .char_ranges import WORD, Ranges, common, outside, together
from .foreign_pattern_syntax import (
    Boundary,
    End,
    Look,
    Node,
    PatternSyntaxError,
    Start,
    read,
)
from .regex import (
    ANY,
    MAX_REPEAT,
    Chars,
    Concat,
    Empty,
    Regex,
    RegexError,
    Repeat,
    Union,
    matcher,
    parse,
    show,
)

MAX_ALTERNATIVES = 64
EVERYTHING = Repeat(ANY, 0, None)


@dataclass(frozen=True, slots=True)
class Translation:
    """Texts that match all of `patterns`, none of `excluded`, and are as long as said."""

    patterns: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    min_length: int = 0
    max_length: int | None = None
    exact: bool = True

    def takes(self, text: str) -> bool:
        """Whether a text is one of these."""
        return (
            len(text) >= self.min_length
            and (self.max_length is None or len(text) <= self.max_length)
            and all(matcher(pattern)(text) for pattern in self.patterns)
            and not any(matcher(pattern)(text) for pattern in self.excluded)
        )


@functools.lru_cache(maxsize=20_000)
def whole(pattern: str) -> Translation | None:
    """The texts that a pattern matches from end to end, as AWS reads those of its models."""
    return _translated(pattern, searched=False)


@functools.lru_cache(maxsize=4_000)
def anywhere(pattern: str) -> Translation | None:
    """The texts in which a pattern is found, as JSON Schema reads it."""
    return _translated(pattern, searched=True)


def _translated(pattern: str, *, searched: bool) -> Translation | None:
    try:
        node = read(pattern, java=not searched)
        return _written(_alternatives(node), searched)
    except (PatternSyntaxError, RegexError, RecursionError):
        return None


# --- one alternative at a time -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Branch:
    """A language: what the whole text matches, and what it also must and must not match."""

    main: Regex
    required: tuple[Regex, ...] = ()
    excluded: tuple[Regex, ...] = ()
    exact: bool = True


def _written(alternatives: list[list[Node]], searched: bool) -> Translation | None:
    found = [b for items in alternatives if (b := _branch(items, searched)) is not None]
    if not found:
        return None
    exact = all(branch.exact for branch in found)
    if len(found) == 1:
        patterns = (found[0].main, *found[0].required)
        excluded = found[0].excluded
    else:
        # Conditions of one alternative among others are no conditions on the whole: widened.
        exact = exact and not any(b.required or b.excluded for b in found)
        patterns, excluded = (_union(b.main for b in found),), ()
    low, high = 0, None
    main = patterns[0]
    try:
        first = _text(main)
    except RegexError:
        main, low, high, known = _loosened(main)
        first = _text(main)
        exact = exact and known
    return Translation(
        tuple(dict.fromkeys((first, *map(_text, patterns[1:])))),
        tuple(dict.fromkeys(map(_text, excluded))),
        low,
        high,
        exact,
    )


def _text(node: Regex) -> str:
    text = show(node)
    parse(text)
    return text


def _loosened(node: Regex) -> tuple[Regex, int, int | None, bool]:
    """An expression too large to be written out, without its long counts: (it, the least and the
    greatest length of its texts, whether that says the same)."""
    items = list(node.items) if isinstance(node, Concat) else [node]
    long = [item for item in items if isinstance(item, Repeat) and isinstance(item.item, Chars)]
    widths = [_width(item) for item in items if item not in long]
    if long and len({item.item for item in long}) == 1 and None not in widths:
        places = [place for place, item in enumerate(items) if item in long]
        if places == list(range(places[0], places[-1] + 1)):
            fixed = sum(width for width in widths if width is not None)
            ends = [item.high for item in long]
            most = None if None in ends else fixed + sum(end for end in ends if end is not None)
            least = fixed + sum(item.low for item in long)
            loose = Repeat(long[0].item, 0, None)
            whole_text = [*items[: places[0]], loose, *items[places[-1] + 1 :]]
            return _concat(whole_text), least, most, True
    return _uncounted(node), 0, None, False


def _uncounted(node: Regex) -> Regex:
    match node:
        case Concat(items):
            return _concat(map(_uncounted, items))
        case Union(options):
            return _union(map(_uncounted, options))
        case Repeat(item, low, high) if max(low, high or 0) > 1:
            return Repeat(_uncounted(item), min(low, 1), None)
        case Repeat(item, low, high):
            return Repeat(_uncounted(item), low, high)
        case _:
            return node


def _branch(items: list[Node], searched: bool) -> _Branch | None:
    """One alternative without unions around its anchors; None if no text matches it."""
    anchored = _anchored(items)
    if anchored is None:
        return None
    start, items, end = anchored
    if searched:
        items = [*([] if start else [EVERYTHING]), *items, *([] if end else [EVERYTHING])]
    exact = True
    bounded = _bounded(items)
    if bounded is None:
        return None
    items, known = bounded
    exact = exact and known
    required: list[Regex] = []
    excluded: list[Regex] = []
    while (at := next((i for i, n in enumerate(items) if isinstance(n, Look)), None)) is not None:
        look = items[at]
        assert isinstance(look, Look)
        before, after = items[:at], items[at + 1 :]
        condition = _condition(look, before, after)
        if condition is not None:
            (excluded if look.negative else required).append(condition)
            items = before + after
        else:
            restricted = _restricted(look, after)
            exact = exact and restricted is not None
            items = before + (after if restricted is None else restricted)
    main, known = _plain(_sequence(items))
    return _Branch(main, tuple(required), tuple(excluded), exact and known)


def _anchored(items: list[Node]) -> tuple[bool, list[Node], bool] | None:
    """Anchors taken out: what stands before a `^` and behind a `$` has to be empty."""
    start = end = False
    for place in [i for i, node in enumerate(items) if isinstance(node, Start)]:
        if not all(_may_be_empty(node) for node in items[:place]):
            return None
        start = True
    last = max((i for i, node in enumerate(items) if isinstance(node, Start)), default=-1)
    kept = [n for n in items[: last + 1] if isinstance(n, Look) and not n.behind]
    items = kept + items[last + 1 :]
    first = next((i for i, node in enumerate(items) if isinstance(node, End)), None)
    if first is not None:
        if not all(_may_be_empty(node) for node in items[first:]):
            return None
        end = True
        items = items[:first] + [n for n in items[first:] if isinstance(n, Look) and n.behind]
    return start, items, end


def _bounded(items: list[Node]) -> tuple[list[Node], bool] | None:
    """Word boundaries decided by what stands beside them; dropped (not exact) where unclear."""
    kept: list[Node] = []
    exact = True
    sides: tuple[bool | None, bool | None] | None = None
    for place, node in enumerate(items):
        if not isinstance(node, Boundary):
            kept.append(node)
            sides = sides if isinstance(node, Look) else None
            continue
        if sides is None:  # the same for all boundaries between two characters
            left = _wordness(reversed(items[:place]), last=True)
            sides = left, _wordness(items[place + 1 :], last=False)
        left, right = sides
        if left is None or right is None:
            exact = False
        elif (left != right) == node.negative:
            return None
    return kept, exact


def _wordness(items: Iterable[Node], *, last: bool) -> bool | None:
    """Whether the next character is one of a word; the end of the text is none. None: unclear."""
    for node in items:
        if isinstance(node, Look | Boundary):
            continue
        plain = _plain(node)[0]
        edge = _edge(plain, last)
        if edge:
            inside = common(edge, WORD)
            if inside != edge and inside:
                return None
            if _may_be_empty(plain):
                return None
            return bool(inside)
    return False


def _condition(look: Look, before: list[Node], after: list[Node]) -> Regex | None:
    """What the whole text matches exactly where a look holds; None where that cannot be said."""
    inside = _alternatives(look.node)
    if len(inside) != 1:
        inner: list[list[Node]] = [
            [n for n in items if not isinstance(n, Start)] for items in inside
        ]
    else:
        inner = inside
    around = after if look.behind else before
    if any(isinstance(node, Look) for node in around):
        around = [node for node in around if not isinstance(node, Look)]
    fixed, known = _plain(_sequence(around))
    if not known or _width(fixed) is None:
        return None
    options: list[Regex] = []
    for items in inner:
        anchored = _anchored(items)
        if anchored is None or any(isinstance(node, Look | Boundary) for node in anchored[1]):
            return None
        start, middle, end = anchored
        body, known = _plain(_sequence(middle))
        if not known:
            return None
        if look.behind:
            if end:
                return None
            options.append(_concat([*([] if start else [EVERYTHING]), body, fixed]))
        else:
            if start and before and not _may_be_empty(fixed):
                return None
            options.append(_concat([fixed, body, *([] if end else [EVERYTHING])]))
    return _union(options)


def _restricted(look: Look, after: list[Node]) -> list[Node] | None:
    """What follows a look-ahead at one character, without the first characters that it forbids."""
    if look.behind:
        return None
    seen, known = _plain(look.node)
    if not known or not isinstance(seen, Chars):
        return None
    rest, known = _plain(_sequence(after))
    if not known or _may_be_empty(rest):
        return None
    allowed = outside(seen.ranges) if look.negative else seen.ranges
    first = _starting(rest, allowed)
    return None if first is None else [first]


def _starting(node: Regex, allowed: Ranges) -> Regex | None:
    """The texts of a language, none of them empty, whose first character is allowed."""
    match node:
        case Chars(ranges):
            kept = common(ranges, allowed)
            return Chars(kept) if kept else None
        case Concat(items):
            head, rest = items[0], _concat(items[1:])
            options = []
            if (first := _starting(head, allowed)) is not None:
                options.append(_concat([first, rest]))
            if _may_be_empty(head) and (later := _starting(rest, allowed)) is not None:
                options.append(later)
            return _union(options) if options else None
        case Union(choices):
            kept_choices = [c for c in (_starting(o, allowed) for o in choices) if c is not None]
            return _union(kept_choices) if kept_choices else None
        case Repeat(item, low, high):
            first = _starting(item, allowed)
            if first is None:
                return None
            more = _repeat(item, max(low - 1, 0), None if high is None else high - 1)
            return _concat([first, more])
        case _:
            return None


# --- plain expressions ---------------------------------------------------------------------------


def _alternatives(node: Node) -> list[list[Node]]:
    """The unions around anchors and looks, multiplied out into sequences."""
    match node:
        case Union(options):
            if not _is_special(node):
                return [[node]]
            found = [items for option in options for items in _alternatives(option)]
        case Concat(parts):
            choices = [_alternatives(part) for part in parts]
            count = 1
            for choice in choices:
                count *= len(choice)
            if count > MAX_ALTERNATIVES:
                raise PatternSyntaxError("too many alternatives")
            found = [[n for items in combined for n in items] for combined in product(*choices)]
        case Empty():
            return [[]]
        case Repeat(item, 0, 1) if _is_special(item):
            found = [[], *_alternatives(item)]
        case Repeat(item, 1, 1):
            return _alternatives(item)
        case _:
            return [[node]]
    if len(found) > MAX_ALTERNATIVES:
        raise PatternSyntaxError("too many alternatives")
    return found


def _is_special(node: Node) -> bool:
    match node:
        case Start() | End() | Boundary() | Look():
            return True
        case Concat(items) | Union(items):
            return any(map(_is_special, items))
        case Repeat(item, _, _):
            return _is_special(item)
        case _:
            return False


def _plain(node: Node) -> tuple[Regex, bool]:
    """The expression without looks and anchors, and whether it says the same."""
    match node:
        case Start() | End() | Boundary() | Look():
            return Empty(), False
        case Concat(items):
            exact = True
            parts: list[Regex] = []
            for place, item in enumerate(items):
                if isinstance(item, Look):
                    restricted = _restricted(item, list(items[place + 1 :]))
                    if restricted is not None:
                        rest, known = _plain(restricted[0])
                        return _concat([*parts, rest]), exact and known
                part, known = _plain(item)
                parts.append(part)
                exact = exact and known
            return _concat(parts), exact
        case Union(options):
            pairs = [_plain(option) for option in options]
            return _union(part for part, _ in pairs), all(known for _, known in pairs)
        case Repeat(item, low, high):
            part, known = _plain(item)
            return _repeat(part, low, high), known
        case _:
            return node, True


def _sequence(items: Iterable[Node]) -> Node:
    flat: list[Node] = []
    for item in items:
        flat += item.items if isinstance(item, Concat) else [item]
    flat = [item for item in flat if not isinstance(item, Empty)]
    if not flat:
        return Empty()
    return flat[0] if len(flat) == 1 else Concat(tuple(flat))  # type: ignore[arg-type]


def _concat(items: Iterable[Regex]) -> Regex:
    joined = _sequence(items)
    assert not isinstance(joined, Start | End | Boundary | Look)
    return joined


def _union(options: Iterable[Regex]) -> Regex:
    flat: list[Regex] = []
    for option in options:
        flat += option.options if isinstance(option, Union) else [option]
    flat = list(dict.fromkeys(flat))
    return flat[0] if len(flat) == 1 else Union(tuple(flat))


def _repeat(item: Regex, low: int, high: int | None) -> Regex:
    """A repetition; one that counts beyond what the language allows is written as several."""
    if isinstance(item, Empty) or high == 0:
        return Empty()
    if (low, high) == (1, 1):
        return item
    parts: list[Regex] = []
    while low > MAX_REPEAT or (high is not None and high > MAX_REPEAT):
        most = MAX_REPEAT if high is not None or low > MAX_REPEAT else 0
        least = min(low, MAX_REPEAT)
        parts.append(Repeat(item, least, most if high is not None else MAX_REPEAT))
        low -= least
        high = None if high is None else high - MAX_REPEAT
    if high is None or high > 0:
        parts.append(item if (low, high) == (1, 1) else Repeat(item, low, high))
    return _concat(parts)


def _may_be_empty(node: Node) -> bool:
    match node:
        case Chars():
            return False
        case Concat(items):
            return all(map(_may_be_empty, items))
        case Union(options):
            return any(map(_may_be_empty, options))
        case Repeat(item, low, _):
            return low == 0 or _may_be_empty(item)
        case _:
            return True


def _width(node: Regex) -> int | None:
    """The one length of all texts of an expression; None if they differ."""
    match node:
        case Chars():
            return 1
        case Empty():
            return 0
        case Concat(items):
            widths = [_width(item) for item in items]
            return None if None in widths else sum(w for w in widths if w is not None)
        case Union(options):
            all_widths = {_width(option) for option in options}
            return all_widths.pop() if len(all_widths) == 1 else None
        case Repeat(item, low, high):
            width = _width(item)
            return width * low if width is not None and low == high else None


def _edge(node: Regex, last: bool) -> Ranges:
    """The characters with which the texts of an expression begin, or end."""
    match node:
        case Chars(ranges):
            return ranges
        case Concat(items):
            found: Ranges = ()
            for item in reversed(items) if last else items:
                found = together([*found, *_edge(item, last)])
                if not _may_be_empty(item):
                    break
            return found
        case Union(options):
            return together([r for option in options for r in _edge(option, last)])
        case Repeat(item, _, _):
            return _edge(item, last)
        case _:
            return ()
