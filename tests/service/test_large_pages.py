"""Memory in large pages: nothing in it changes, and where there are none nothing happens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from licet.service.large_pages import use_large_pages

CODE = """
from licet.service.large_pages import use_large_pages
made = [(number, str(number)) for number in range(200_000)]
moved = use_large_pages()
assert made == [(number, str(number)) for number in range(200_000)]
more = [str(number) for number in range(200_000)]
print(moved, len(set(more)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux")
def test_what_was_made_is_as_it_was_and_more_can_be() -> None:
    run = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    moved, more = map(int, run.stdout.split())
    assert moved >= 0  # how many there are is the machine's
    assert more == 200_000


@pytest.mark.parametrize("text", ["", "no map\n", "7f00-7f01 r-xp 0000 08:01 77 /lib/libc.so\n"])
def test_where_there_is_nothing_to_move(tmp_path: Path, text: str) -> None:
    maps = tmp_path / "maps"
    assert use_large_pages(maps) == 0  # no such file
    maps.write_text(text)
    assert use_large_pages(maps) == 0
