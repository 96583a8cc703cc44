"""`licet explain`: the pages of diagnostic codes."""

import subprocess
import sys

import pytest

from licet.cli.explain import code_pages, title

CODES = tuple(code_pages())


def test_every_page_has_a_title():
    assert CODES
    assert [code for code, page in code_pages().items() if not title(page)] == []


@pytest.mark.parametrize("spelling", ["LIC001", "lic001", "1", "LIC1"])
def test_a_page_is_plain_where_it_is_no_terminal(licet, spelling):
    page = code_pages()["LIC001"].read_text(encoding="utf-8")
    assert licet("explain", spelling) == (0, page, "")


def test_without_a_code_all_are_listed(licet):
    listed = "".join(f"{code}  {title(page)}\n" for code, page in code_pages().items())
    assert licet("explain") == (0, listed, "")


def test_an_unknown_code_gets_the_nearest_ones(licet):
    assert "LIC998" not in CODES
    near = ", ".join(CODES[-3:])
    assert licet("explain", "LIC998") == (
        2,
        "",
        f"licet explain: there is no code `LIC998`; the nearest are {near}\n",
    )


def test_what_is_no_code_is_told_where_they_are(licet):
    assert licet("explain", "\x1b[31m") == (
        2,
        "",
        "licet explain: there is no code `\\u{1b}[31m`; licet explain lists them all\n",
    )


def test_the_pages_are_found_from_any_folder(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "licet.cli.main", "explain", "LIC001"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("# LIC001 ")
