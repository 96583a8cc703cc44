"""The tools of any object of any framework: an agent, tools, plain functions, a guard.

Which adapter describes an object is told by the packages that its class and its bases come from.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any, Final

from . import plain
from .describing import Entry

#: Each adapter's module, and the packages of its framework, whole or a part of one.
PACKAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "agent_framework": ("agent_framework",),
    "claude_agent_sdk": ("claude_agent_sdk",),
    "crewai": ("crewai",),
    "fastmcp": ("fastmcp",),
    "google_adk": ("google.adk",),
    "langchain": ("langchain", "langchain_core", "langgraph"),
    "llama_index": ("llama_index",),
    "openai_agents": ("agents",),
    "pydantic_ai": ("pydantic_ai",),
    "smolagents": ("smolagents",),
    "strands": ("strands",),
}


def listed(found: object) -> list[Entry]:
    """What the object's tools are, in the order in which it has them.

    Raises TypeError for what has no tools, ImportError where an adapter's framework is missing, and
    whatever the framework raises.
    """
    if isinstance(found, list | tuple | set | frozenset):
        return [entry for each in found for entry in listed(each)]
    if isinstance(found, Mapping):
        return listed(list(found.values()))
    adapter = _adapter(found)
    if adapter is not None:
        return [adapter.described(tool) for tool in adapter.tools_of(found)]
    if inspect.isfunction(found) or inspect.ismethod(found):
        return [plain.described(found)]
    guarded = plain.tools_of(found)
    if guarded is None:
        raise TypeError(
            f"it is a {type(found).__qualname__}: neither an agent or a tool of a known framework, "
            "nor a function, nor a guard with functions under `@guard.tool`"
        )
    return [plain.described(function) for function in guarded]


def _adapter(found: object) -> Any:
    places = tuple(f"{base.__module__}." for base in type(found).__mro__)
    for module, known in PACKAGES.items():
        if any(place.startswith(f"{package}.") for place in places for package in known):
            return importlib.import_module(f".{module}", __package__)
    return None
