"""Every code has a page, and a syntax code's page tells the truth about its two examples."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from licet.policy_lang import Source, codes, parse

ROOM = Path(codes.__file__).parent.parent
PAGE = re.compile(
    r"# (LIC\d{3}) [a-z]+(-[a-z]+)*\n\n.+?\n\n## Wrong\n\n.+?## Right\n\n.+?## Why\n\n.+\n",
    re.DOTALL,
)
SYNTAX = [code for code in codes.all_codes() if code < "LIC100"]


def example(code: str, heading: str) -> str:
    page = codes.page(code) or ""
    section = page.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    match = re.search(r"```licet\n(.*?)```", section, re.DOTALL)
    assert match is not None
    return match[1]


@pytest.mark.parametrize("code", codes.all_codes())
def test_a_page_has_the_four_parts(code: str) -> None:
    match = PAGE.fullmatch(codes.page(code) or "")
    assert match is not None
    assert match[1] == code


@pytest.mark.parametrize("code", SYNTAX)
def test_the_wrong_example_gives_that_code_alone(code: str) -> None:
    _, diagnostics = parse(Source("wrong.licet", example(code, "Wrong")))
    assert {diagnostic.code for diagnostic in diagnostics} == {code}


@pytest.mark.parametrize("code", SYNTAX)
def test_the_right_example_parses(code: str) -> None:
    _, diagnostics = parse(Source("right.licet", example(code, "Right")))
    assert diagnostics == ()


def test_every_syntax_code_in_the_room_has_a_page_and_the_other_way_round() -> None:
    used = {
        code
        for file in ROOM.glob("*.py")
        for code in re.findall(r"\"(LIC0\d\d)\"", file.read_text("utf-8"))
    }
    assert sorted(used) == SYNTAX


def test_titles_are_short_names() -> None:
    assert codes.title("LIC006") == "single-equals"
    assert len({codes.title(code) for code in codes.all_codes()}) == len(codes.all_codes())


@pytest.mark.parametrize("code", ["", "LIC000", "LIC6", "lic006", "../source", "LIC006.md"])
def test_an_unknown_code_has_no_page_and_no_title(code: str) -> None:
    assert codes.page(code) is None
    assert codes.title(code) == ""
