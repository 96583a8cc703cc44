"""The tools of coding agents as a catalog: `use tools coding_agent "claude_code", "codex"`.

Tools are named as the agents name them (`claude_code.Bash`). Their arguments are the agents' own,
with paths resolved, and with what is read off them: `programs` of a command line that can be read,
`files` of a patch (`mapping`). An alias is of no use: calls come under the agent's name.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from licet.adapters.catalogs import tool_lists
from licet.adapters.catalogs.listed import Listed
from licet.compiler.catalog import ToolSource
from licet.compiler.exact_json import decode

NAMES: Final = ("claude_code", "codex")


@cache
def source(name: str) -> ToolSource:
    """The tools of an agent, by one of NAMES."""
    text = files(__package__).joinpath("tools", f"{name}.json").read_bytes()
    tools, problems = tool_lists.read(decode(text), name, format="mcp")
    if problems:
        raise ValueError(f"the tools of {name}: {problems[0].message}")
    return Listed(name, tools)
