"""What the servers list, held against what the policy was written for.

A tool is offered where the policy's catalog has it and the server still describes it as it was
reviewed: the same name, description, hints and schemas. Where the catalog was made from a list of
the server's tools, its digest says so. Tools that a policy declares itself have none: those are
held to what the server said when the proxy first saw them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import mcp_types as types

from licet.adapters.catalogs import tool_lists
from licet.compiler.catalog import Catalog, Tool


@dataclass(frozen=True)
class Offer:
    """One tool of one server. `qualified` is its name in the policy's catalog, None where the
    catalog has none; `refused` says why it is not to be called, empty where it may be."""

    server: str
    name: str
    listed: types.Tool
    qualified: str | None
    refused: str = ""


@dataclass
class Reviewer:
    """Holds what servers say against one catalog, for as long as the proxy runs."""

    catalog: Catalog
    _seen: dict[tuple[str, str], str] = field(default_factory=dict)

    def offers(self, server: str, listed: Iterable[types.Tool]) -> list[Offer]:
        """The tools of a server, each with what is wrong with it."""
        tools = list(listed)
        names = [tool.name for tool in tools]
        return [self._offer(server, tool, names.count(tool.name) > 1) for tool in tools]

    def _offer(self, server: str, listed: types.Tool, twice: bool) -> Offer:
        known = self._known(server, listed.name)
        if known is None:
            return Offer(server, listed.name, listed, None, "the policy does not know it")
        refused = ""
        if twice:
            refused = "its server lists two tools of this name"
        elif known.unlocked:
            refused = "it is not as it was locked"
        elif not self._is_as_reviewed(server, known, listed):
            refused = "it has changed since its rules were reviewed"
        return Offer(server, listed.name, listed, known.qualified, refused)

    def _known(self, server: str, name: str) -> Tool | None:
        """The catalog's tool. A tool that the policy declares itself goes by its name alone."""
        tool = self.catalog.qualified.get(f"{server}.{name}")
        if tool is not None and tool.name == name:
            return tool
        own = self.catalog.qualified.get(name)
        return own if own is not None and not own.source else None

    def _is_as_reviewed(self, server: str, known: Tool, listed: types.Tool) -> bool:
        data: Mapping[str, Any] = listed.model_dump(mode="json", by_alias=True, exclude_none=True)
        read, _ = tool_lists.read({"tools": [data]}, server, None, "mcp")
        if not read:  # what cannot be read cannot be compared
            return False
        digest = read[0].digest
        if known.digest:
            return digest == known.digest
        return self._seen.setdefault((server, listed.name), digest) == digest


def named(offers: Iterable[Offer]) -> dict[str, list[Offer]]:
    """The offers by each name that a client may use: qualified by the server, and short."""
    found: dict[str, list[Offer]] = {}
    for offer in offers:
        for name in {offer.name, f"{offer.server}.{offer.name}"}:
            found.setdefault(name, []).append(offer)
    return found


def shown(offers: Iterable[Offer]) -> list[types.Tool]:
    """The tools that a client is told of: those that are not refused whatever the arguments are,
    under short names where these are unambiguous."""
    every = list(offers)
    names = named(every)
    return [
        offer.listed
        if len(names[offer.name]) == 1
        else offer.listed.model_copy(update={"name": f"{offer.server}.{offer.name}"})
        for offer in every
        if not offer.refused
    ]
