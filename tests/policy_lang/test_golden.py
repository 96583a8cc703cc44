"""Whole files with mistakes, beside everything that is said about them.

Run with LICET_GOLDEN=write to rewrite what is expected, and read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from licet.policy_lang import Source, parse, render_text

FOLDER = Path(__file__).parent / "golden"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.licet")), ids=lambda path: path.stem)
def test_what_is_said_about_a_file(path: Path) -> None:
    tree, diagnostics = parse(Source(path.name, path.read_text("utf-8")))
    kept = ", ".join(getattr(node, "name", type(node).__name__) for node in tree.declarations)
    said = f"{render_text(diagnostics)}\nread: {kept or 'nothing'}\n"
    expected = path.with_suffix(".txt")
    if os.environ.get("LICET_GOLDEN") == "write":
        expected.write_text(said, "utf-8")
    assert said == expected.read_text("utf-8")
