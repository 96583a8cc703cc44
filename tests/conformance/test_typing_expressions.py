"""The table of `typing_expressions.md`, row by row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from licet.compiler import compile_sources
from licet.policy_lang import Source

PAGE = Path(__file__).with_name("typing_expressions.md").read_text("utf-8")
VOCABULARY = PAGE.split("```licet\n")[1].split("```")[0]
ROWS = re.findall(r"^\| `(.*)` \| (ok|LIC.*) \|$", PAGE, re.MULTILINE)


def test_every_row_is_read() -> None:
    assert len(ROWS) == sum(line.startswith("| `") for line in PAGE.splitlines())


@pytest.mark.parametrize(("expression", "result"), ROWS)
def test_row(expression: str, result: str) -> None:
    text = f"{VOCABULARY}forbid x on refund when {expression}"
    program, found = compile_sources([Source("table.licet", text)])
    shown = "; ".join(f"{d.code} `{d.span.text}`" for d in found if d.span) or "ok"
    assert shown == result
    assert (program is None) == any(d.severity.value == "error" for d in found)
