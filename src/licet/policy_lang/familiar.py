"""Words that people know from elsewhere, and how the same is said in a policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_ANY = "write `any(x in xs: …)`"
_ALL = "write `all(x in xs: …)`"
_LIST = "write a list: `[… for x in xs if …]`"
_BELOW = "write `a under b`, of paths, addresses and networks"
_DEFAULT = "write `a ?? default`"
_HAS = "write `has a`"
_LENGTH = "write `length(x)`"
_MATCHES = 'write `s matches /…/` for the whole text, or `search(s, "…")`'

#: Of functions, by the name in lower case, without `_`.
_SAID: Final[Mapping[str, str]] = {
    "regex": _MATCHES,
    "match": _MATCHES,
    "glob": 'write `s like "a*"`',
    "within": _BELOW,
    "overlaps": 'write `cidr_overlaps(cidr(s), "…")`',
    "any": _ANY,
    "all": _ALL,
    "startswith": "write `s startswith t`",
    "endswith": "write `s endswith t`",
    "exists": _ANY,
    "some": _ANY,
    "every": _ALL,
    "forall": _ALL,
    "filter": _LIST,
    "map": _LIST,
    "len": _LENGTH,
    "size": _LENGTH,
    "length": _LENGTH,
    "count": "write `length(xs)`, or `count(x in xs: …)` of some",
    "sum": "write `sum(x in xs: x)`",
    "unique": "write `distinct(xs)`",
    "coalesce": _DEFAULT,
    "default": _DEFAULT,
    "present": _HAS,
    "defined": _HAS,
    "isnull": "write `not has a`",
    "now": "write `now`, without parentheses",
    "today": "write `now.date`",
    "tolower": "write `lower(s)`",
    "lowercase": "write `lower(s)`",
    "downcase": "write `lower(s)`",
    "keys": "write `[k for k, v in m]`",
    "values": "write `[v for k, v in m]`",
    "trim": 'compare with a pattern: `s like "a*"`',
    "trimprefix": 'compare with a pattern: `s like "a*"`',
    "trimsuffix": 'compare with a pattern: `s like "*a"`',
    "concat": "write `a + b`",
    "mod": "write `a % b`",
}


#: Of names alone.
_NAMES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("null", "nil", "none", "undefined"), "what is absent is asked for: `has a`"),
    "true": "write `true`",
    "false": "write `false`",
    "today": "write `now.date`",
    "input": "a call's arguments are `args`, who makes it is `principal`",
}


def said(function: str) -> str | None:
    """How a policy says what a function of that name does elsewhere; None for other names."""
    return _SAID.get(function.lower().replace("_", ""))


def meant(name: str) -> str | None:
    """How a policy says what a name stands for elsewhere; None for other names."""
    return _NAMES.get(name.lower())
