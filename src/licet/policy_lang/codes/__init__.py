"""The codes of every diagnostic: one Markdown page each, `LICnnn.md`, in this folder.

A page's first line is `# LICnnn short-kebab-name`; then come what it means, `## Wrong`,
`## Right` and `## Why`. The folder is the list: a code without a page does not exist.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_CODE = re.compile(r"LIC\d{3}")


def page(code: str) -> str | None:
    """The Markdown page of a code, None if there is no such code."""
    if not _CODE.fullmatch(code):
        return None
    file = files(__package__).joinpath(f"{code}.md")
    return file.read_text("utf-8") if file.is_file() else None


def title(code: str) -> str:
    """The short name of a code, such as `single-equals`; the empty string for an unknown one."""
    text = page(code)
    return "" if text is None else text.partition("\n")[0].removeprefix(f"# {code}").strip()


@cache
def all_codes() -> tuple[str, ...]:
    """Every code, in order."""
    names = (entry.name.removesuffix(".md") for entry in files(__package__).iterdir())
    return tuple(sorted(name for name in names if _CODE.fullmatch(name)))
