"""Every example of the documentation holds: policies compile, their tests pass, Python runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from licet import Guard, load_program
from licet.policy_lang import Source, parse, render_text
from licet.verifier.testing import run_tests

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
]
BLOCK = re.compile(r"^```([a-z-]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[object]:
    return [
        pytest.param(
            match[2],
            id=f"{page.relative_to(ROOT)}:{page.read_text()[: match.start()].count(chr(10)) + 1}",
        )
        for page in PAGES
        for match in BLOCK.finditer(page.read_text("utf-8"))
        if match[1] == language
    ]


@pytest.mark.parametrize("text", blocks("licet"))
def test_policies_compile_and_their_tests_pass(text: str, tmp_path: Path) -> None:
    policy = tmp_path / "example.licet"
    policy.write_text(text, "utf-8")
    loaded = load_program([policy])
    assert loaded.program is not None, render_text(loaded.diagnostics)
    for result in run_tests(loaded.program):
        assert result.passed, result.failures


@pytest.mark.parametrize("text", blocks("licet-fragment"))
def test_fragments_parse(text: str) -> None:
    _, diagnostics = parse(Source("fragment", text))
    assert diagnostics == ()


@pytest.mark.parametrize("text", blocks("python"))
def test_python_runs(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder that holds the policy of the README."""
    policy = next(
        m[2] for m in BLOCK.finditer((ROOT / "README.md").read_text("utf-8")) if m[1] == "licet"
    )
    (tmp_path / "refunds.licet").write_text(policy, "utf-8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(text, "example", "exec"), names)
    guard = names.get("guard")
    assert isinstance(guard, Guard)
    guard.close()


def test_the_readme_shows_what_the_guard_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    code = next(m[2] for m in BLOCK.finditer(readme) if m[1] == "python")
    said = " ".join(line[2:] for line in code.splitlines() if line.startswith("# "))
    policy = next(m[2] for m in BLOCK.finditer(readme) if m[1] == "licet")
    (tmp_path / "refunds.licet").write_text(policy, "utf-8")
    exec(
        compile(
            code.replace('"refunds.licet"', repr(str(tmp_path / "refunds.licet"))), "x", "exec"
        ),
        {},
    )
    assert capsys.readouterr().out.split() == said.split()


def test_links_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []
