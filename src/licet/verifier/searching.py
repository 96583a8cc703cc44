"""Tools by words: what a person looks for, not what a call was meant as."""

from __future__ import annotations

from licet.compiler.catalog import Catalog, Tool

from .suggesting import squashed, words


def matching(catalog: Catalog, text: str) -> list[Tool]:
    """The tools whose name or description has every word, those with more in the name first."""
    wanted = words(text)
    found: list[tuple[float, str, Tool]] = []
    if not wanted:
        return []
    for tool in catalog:
        named = {*words(tool.name), *words(tool.source)}
        joined = squashed(tool.qualified)
        in_name = [word for word in wanted if word in named or word in joined]
        missing = [word for word in wanted if word not in in_name]
        if missing and not set(missing) <= set(words_of(tool.description)):
            continue
        found.append((-len(in_name) + len(named) / 100, tool.qualified, tool))
    return [tool for _, _, tool in sorted(found, key=lambda item: item[:2])]


def words_of(description: str) -> tuple[str, ...]:
    """The words of a description, as those of names are read."""
    return words(description[:2_000])
