"""A framework's tools as the data of a tool list: MCP's form, whatever the framework.

Adapters describe their tools with `entry`, `licet init --from` saves what they say, and a gate
compares it with what an agent has when it runs (`reviewing`). Titles are left out: frameworks make
them up from names, each in its own way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from licet.adapters.catalogs.tool_lists import FROM_AGENT

Entry = dict[str, Any]

#: One tool of a framework as an entry. Raises whatever the framework raises.
Describe = Callable[[Any], Entry]

#: Keywords whose values are schemas by name: a `title` in there is a name.
_BY_NAME = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")
#: Keywords whose values are data.
_DATA = ("default", "const", "enum", "examples")


def entry(name: str, description: str | None, schema: Mapping[str, Any]) -> Entry:
    """One tool. Its arguments are those of the schema and no others. Raises TypeError or ValueError
    for what is no JSON."""
    plain: dict[str, Any] = json.loads(json.dumps(schema, allow_nan=False))
    return {
        "name": name,
        "description": description or "",
        "inputSchema": _untitled(plain),
        "_meta": {FROM_AGENT: True},
    }


def _untitled(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_untitled(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _BY_NAME and isinstance(value, Mapping):
            kept[key] = {name: _untitled(each) for name, each in value.items()}
        elif key in _DATA:
            kept[key] = value
        elif key != "title":
            kept[key] = _untitled(value)
    return kept
