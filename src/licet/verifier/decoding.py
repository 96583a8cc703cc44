"""A solver's model, read back as a world.

In: a question and the SMT-LIB values of its symbols. Out: a complete world, which is a *proposal*:
it counts only once the reference evaluator has replayed it, so what cannot be read is no world,
not an error.
"""

from __future__ import annotations

from collections.abc import Mapping

from licet.compiler.encoding import EncodingError, Question
from licet.compiler.types import Value
from licet.compiler.world import Path, World


def assignments(question: Question, values: Mapping[str, str]) -> dict[Path, Value] | None:
    """The values of leaves, by path; None if one of them is no value of its type."""
    found: dict[Path, Value] = {}
    try:
        for leaf in question.leaves:
            text = values.get(leaf.symbol)
            if text is not None:
                found[leaf.path] = question.value(leaf, text)
    except (EncodingError, ValueError):
        return None
    return found


def world_of(question: Question, values: Mapping[str, str]) -> World | None:
    """The world that a model of a question describes; None if it describes none."""
    found = assignments(question, values)
    if found is None:
        return None
    try:
        return question.world(found)
    except (EncodingError, LookupError, ValueError):
        return None
