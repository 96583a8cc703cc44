"""The page of every code of names and types tells the truth about its two examples."""

from __future__ import annotations

import re

import pytest

from licet.compiler import compile_sources
from licet.policy_lang import Diagnostic, Severity, Source, codes

#: What they are about stands outside of the policy: see test_params, test_loading.
ELSEWHERE = {"LIC122", "LIC123"}
WARNINGS = {"LIC133", "LIC134", "LIC135", "LIC140", "LIC141"}
CODES = [c for c in codes.all_codes() if "LIC100" <= c < "LIC200" and c not in ELSEWHERE]


def example(code: str, heading: str) -> str:
    page = codes.page(code) or ""
    section = page.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    match = re.search(r"```licet\n(.*?)```", section, re.DOTALL)
    assert match is not None
    return match[1]


def diagnostics(text: str) -> tuple[Diagnostic, ...]:
    return compile_sources([Source("page.licet", text)])[1]


@pytest.mark.parametrize("code", CODES)
def test_the_wrong_example_gives_that_code_alone(code: str) -> None:
    found = diagnostics(example(code, "Wrong"))
    assert {d.code for d in found} == {code}
    weight = Severity.warning if code in WARNINGS else Severity.error
    assert {d.severity for d in found} == {weight}
    assert all(d.help for d in found)


@pytest.mark.parametrize("code", CODES)
def test_the_right_example_compiles(code: str) -> None:
    assert diagnostics(example(code, "Right")) == ()
