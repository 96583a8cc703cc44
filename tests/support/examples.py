"""How many examples an expensive property tries."""

from __future__ import annotations

from hypothesis import settings

#: Hypothesis' own number, which the profiles `quick` and `ci` leave as it is.
USUAL = 100


def examples(few: int, *, share: int = 1, most: int | None = None) -> int:
    """`few`, unless a profile asks for more than usual: then one in `share` of those, at `most`."""
    asked = settings().max_examples
    if asked <= USUAL:
        return few
    return min(asked // share, most or asked)
