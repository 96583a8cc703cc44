"""The tools that a call to an unknown one most likely meant.

First the same name in another source, then what is near by spelling, by shared words and by the
arguments that were given; what takes them as they are goes before what does not. Names that only
look like operations, such as IAM's actions, share words with the real ones.
"""

from __future__ import annotations

import math
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import nlargest

from rapidfuzz import fuzz, process

from licet.compiler.catalog import Catalog, Tool

SHOWN = 3
#: How many candidates of each kind are looked at closely: their schemas are read.
LOOKED_AT = 12
LONGEST = 200
#: Below this likeness (of 100) a tool is not worth naming, unless the arguments speak for it.
LIKENESS = 58.0
#: Words that say nothing about what an operation is on.
_FILLERS = frozenset(("a", "all", "an", "by", "for", "from", "in", "my", "of", "on", "the", "to"))
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

#: Whether a tool takes arguments as they are.
Fits = Callable[[Tool, object], bool]


def squashed(name: str) -> str:
    """A name without what spellings differ in: `put_object` and `PutObject` are one."""
    return re.sub(r"[^0-9a-z]", "", name[:LONGEST].lower())


def words(name: str) -> tuple[str, ...]:
    """The words of a name, singular, each once: `ListAllMyBuckets` is list, bucket."""
    found = (word.lower() for word in _WORD.findall(name[:LONGEST]))
    kept = [_singular(word) for word in found if word not in _FILLERS]
    return tuple(dict.fromkeys(kept))


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("s") and not word.endswith("ss") and len(word) > 3:
        return word[:-1]
    return word


@dataclass(frozen=True, slots=True)
class _Known:
    """One tool, as names are compared."""

    source: str
    name: str
    qualified: str


class Suggestions:
    """What may have been meant, over one catalog. Safe to share between threads."""

    def __init__(self, catalog: Catalog, fits: Fits) -> None:
        self._catalog = catalog
        self._fits = fits
        self._turn = threading.Lock()

    def near(self, name: str, args: object = None) -> tuple[str, ...]:
        """At most three qualified names, the likeliest first."""
        with self._turn:  # the tables below are made once
            table = self._table
        source, short = self._split(name[: 2 * LONGEST])
        key = squashed(short)
        elsewhere = sorted(
            table.by_key.get(key, ()),
            key=lambda each: (
                each.source != source,
                not self._takes(each, args),
                -fuzz.ratio(each.source, source),
                each.qualified,
            ),
        )
        found = [each.qualified for each in elsewhere]
        ranked = self._ranked(source, short, args)
        if len(found) >= SHOWN and (
            home := next((n for n in ranked if self._is_of(n, source)), "")
        ):
            found = [*[name for name in found if name != home][: SHOWN - 1], home]
        found += [name for name in ranked if name not in found]
        return tuple(found[:SHOWN])

    @staticmethod
    def _is_of(qualified: str, source: str) -> bool:
        return qualified.startswith(f"{source}.")

    def _split(self, name: str) -> tuple[str, str]:
        """A name's source and short name, at the dot that leaves a known source if there is one."""
        source, dot, short = name.partition(".")
        if dot and source in self._table.sources:
            return source, short
        source, dot, short = name.rpartition(".")
        return (source, short) if dot else ("", name)

    def _ranked(self, source: str, short: str, args: object) -> list[str]:
        table = self._table
        key, said = squashed(short), words(short)
        own = table.sources.get(source)
        pool = dict.fromkeys(self._likely(own, key, said)) if own is not None else {}
        likeliest = max((self._likeness(each, key, said) for each in pool), default=0.0)
        if likeliest < 75:  # nothing in its own source is plainly meant
            pool |= dict.fromkeys(self._likely(table.all, key, said))
        scored = []
        for each in pool:
            likeness = self._likeness(each, key, said)
            fit = self._fit(each, args)
            if likeness >= LIKENESS or (likeness >= LIKENESS / 1.5 and fit > 0.9):
                at_home = 12.0 if each.source == source else 0.0
                scored.append(
                    (-(likeness + (12.0 * fit if args else 0.0) + at_home), each.qualified)
                )
        return [name for _, name in sorted(scored)]

    def _likely(self, pool: _Pool, key: str, said: Sequence[str]) -> list[_Known]:
        """Those of a pool with the nearest spelling, and those that share the most words."""
        spelt = process.extract(key, pool.keys, scorer=fuzz.ratio, limit=LOOKED_AT)
        found = [pool.tools[place] for _, _, place in spelt]
        shared: dict[int, float] = {}
        for word in said:
            weight = self._table.weight(word)
            for place in pool.by_word.get(word, ()):
                shared[place] = shared.get(place, 0.0) + weight
        best = nlargest(
            LOOKED_AT, shared.items(), key=lambda item: item[1] / self._table.total(pool, item[0])
        )
        return found + [pool.tools[place] for place, _ in best]

    def _likeness(self, each: _Known, key: str, said: Sequence[str]) -> float:
        """From 0 to 100: the better of spelling and shared words, helped by the other."""
        spelling = fuzz.ratio(self._table.keys[each.qualified], key)
        shared = 100.0 * self._shared(each, said)
        best, other = max(spelling, shared), min(spelling, shared)
        return 0.8 * best + 0.2 * other

    def _shared(self, each: _Known, said: Sequence[str]) -> float:
        """The weight of the words in both names, as a part of the weight of all (Dice)."""
        table = self._table
        theirs = table.words[each.qualified]
        total = sum(theirs.values()) + sum(map(table.weight, said))
        if not total:
            return 0.0
        return 2 * sum(theirs[word] for word in said if word in theirs) / total

    def _fit(self, each: _Known, args: object) -> float:
        """From 0 to 1: how well the arguments go with a tool."""
        if not isinstance(args, Mapping):
            return 0.0
        if self._takes(each, args):
            return 1.0
        params = self._catalog.qualified[each.qualified].params
        names = {field.name for field in params.fields}
        if not args:
            return 0.3 if not names else 0.0
        return 0.9 * sum(name in names for name in args) / len(args)

    def _takes(self, each: _Known, args: object) -> bool:
        return isinstance(args, Mapping) and self._fits(
            self._catalog.qualified[each.qualified], args
        )

    @cached_property
    def _table(self) -> _Table:
        return _Table(self._catalog)


class _Pool:
    """Tools among which a search goes on, with their names taken apart."""

    def __init__(self) -> None:
        self.tools: list[_Known] = []
        self.keys: list[str] = []
        self.by_word: dict[str, list[int]] = {}

    def add(self, each: _Known, key: str, said: Sequence[str]) -> None:
        for word in said:
            self.by_word.setdefault(word, []).append(len(self.tools))
        self.tools.append(each)
        self.keys.append(key)


class _Table:
    """The names of a catalog, taken apart once."""

    def __init__(self, catalog: Catalog) -> None:
        known: list[_Known] = []
        for tool in catalog.tools:
            known.append(_Known(tool.source, tool.name, tool.qualified))
        for source in catalog.sources:
            for name in source.names():
                known.append(_Known(source.name, name, f"{source.name}.{name}"))
        self._size = len(known)
        self.keys = {each.qualified: squashed(each.name) for each in known}
        self.by_key: dict[str, list[_Known]] = {}
        self.all = _Pool()
        self.sources: dict[str, _Pool] = {}
        said = {each.qualified: words(each.name) for each in known}
        self._counts = Counter(word for found in said.values() for word in found)
        self.words = {
            qualified: {word: self.weight(word) for word in found}
            for qualified, found in said.items()
        }
        self._totals = {qualified: sum(found.values()) for qualified, found in self.words.items()}
        for each in known:
            key = self.keys[each.qualified]
            self.by_key.setdefault(key, []).append(each)
            self.all.add(each, key, said[each.qualified])
            self.sources.setdefault(each.source, _Pool()).add(each, key, said[each.qualified])

    def weight(self, word: str) -> float:
        """Rare words say more: the logarithm of how many names are without it."""
        return 1.0 + math.log((1 + self._size) / (1 + self._counts[word]))

    def total(self, pool: _Pool, place: int) -> float:
        """The weight of all words of a tool, and a little more, so that short names do not win."""
        return 6.0 + self._totals[pool.tools[place].qualified]
