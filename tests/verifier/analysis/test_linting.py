"""Lint: Markdown cases with the codes in the line, pages, open questions, the cache."""

from __future__ import annotations

import ast
import json
import os
import re
from pathlib import Path

import pytest

from licet.compiler import compile_sources
from licet.compiler.catalog import Catalog, Tool
from licet.compiler.program import Program
from licet.compiler.types import RecordType
from licet.policy_lang import Source, codes
from licet.verifier.analysis.checks import CHECKS
from licet.verifier.analysis.inquiry import Effort
from licet.verifier.analysis.keeping import Kept
from licet.verifier.analysis.linted import Finding
from licet.verifier.analysis.linting import Project, lint
from licet.verifier.analysis.surveying import Survey, key
from licet.verifier.solving import SolverPool

CASES = (Path(__file__).parent / "lint_cases.md").read_text("utf-8")
SECTIONS = [
    (title.strip(), block)
    for title, block in re.findall(
        r"^## (.+?)\n\n```licet\n(.*?)```", CASES, re.MULTILINE | re.DOTALL
    )
]
EFFORT = Effort(2)
EXPECTED = re.compile(r"# (error|warning|info): \[(LIC\d{3})\]")
#: Those that rest on what the project says.
ELSEWHERE = {"LIC420", "LIC423"}


@pytest.fixture(scope="module")
def pool():
    with SolverPool(2) as pool:
        yield pool


def program_of(text: str) -> Program:
    program, found = compile_sources([Source("p.licet", text)])
    assert program is not None, found
    return program


def linted(
    pool: SolverPool, program: Program, project: Project | None = None, kept: Kept | None = None
) -> tuple[Finding, ...]:
    return lint(
        program,
        pool,
        EFFORT,
        project=project or Project(),
        kept=kept or Kept(),
        version="test",
    )


def told(findings: tuple[Finding, ...]) -> list[tuple[int, str, str]]:
    found = []
    for finding in findings:
        d = finding.diagnostic
        assert d.span is not None
        assert d.help
        assert "\n" not in d.message
        found.append((d.span.source.position(d.span.start)[0], d.severity.value, d.code))
    return sorted(found)


@pytest.mark.parametrize(("title", "block"), SECTIONS, ids=[title for title, _ in SECTIONS])
def test_cases(pool, title, block):
    expected = sorted(
        (number, weight, code)
        for number, line in enumerate(block.split("\n"), 1)
        for weight, code in EXPECTED.findall(line)
    )
    assert told(linted(pool, program_of(block))) == expected


def example(code: str, heading: str) -> str:
    section = (codes.page(code) or "").split(f"## {heading}\n", 1)[1]
    return section.split("```licet\n", 1)[1].split("```", 1)[0]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.CODE)
def test_a_check_is_its_own_page(check):
    page = Path(codes.__file__).parent / f"{check.CODE}.md"
    doc = ast.get_docstring(ast.parse(Path(check.__file__).read_text("utf-8")), clean=False)
    assert doc is not None
    if os.environ.get("LICET_GOLDEN") == "write":
        page.write_text(doc, "utf-8")
    assert page.read_text("utf-8") == doc
    assert doc.startswith(f"# {check.CODE} ")


def test_checks_are_in_the_order_of_their_codes():
    found = [check.CODE for check in CHECKS]
    assert found == sorted(set(found))


@pytest.mark.parametrize(
    "check", [c for c in CHECKS if c.CODE not in ELSEWHERE], ids=lambda c: c.CODE
)
def test_pages_tell_the_truth(pool, check):
    wrong = linted(pool, program_of(example(check.CODE, "Wrong")))
    assert check.CODE in {finding.diagnostic.code for finding in wrong}
    assert linted(pool, program_of(example(check.CODE, "Right"))) == ()


def test_what_is_imported_is_there_for_others_too(pool):
    shared = """enum Unit { g, kg }
    define heavy = args.weight > 30
    define light = args.weight < 1
    tool send(weight: Decimal in 0 .. 100)
    """
    own = """import "shared.licet"
    define unread = args.weight > 50
    permit sends on send when not heavy
    """
    sources = {
        "own.licet": Source("own.licet", own),
        "shared.licet": Source("shared.licet", shared),
    }
    program, found = compile_sources([sources["own.licet"]], read=sources.get)
    assert program is not None, found
    assert [finding.diagnostic.message for finding in linted(pool, program)] == [
        "the define `unread` is not used"
    ]
    together, found = compile_sources([*sources.values()], read=sources.get)
    assert together is not None, found
    assert sorted(finding.diagnostic.message for finding in linted(pool, together)) == [
        "the define `light` is not used",
        "the define `unread` is not used",
        "the enum `Unit` is not used",
    ]


def test_facts_without_resolvers_and_new_tools(pool):
    text = example("LIC420", "Wrong")
    assert linted(pool, program_of(text)) == ()
    assert linted(pool, program_of(text), Project(frozenset(("vip",)))) == ()
    [finding] = linted(pool, program_of(text), Project(frozenset()))
    assert finding.diagnostic.code == "LIC420"
    text = example("LIC423", "Wrong").replace("tool read", "# tool read")
    tools = tuple(
        Tool(name, "desk", RecordType("args", ()), read_only=True)
        for name in ("read_file", "read_secrets")
    )
    program, _ = compile_sources([Source("p.licet", text)], catalog=Catalog(tools))
    assert program is not None
    assert linted(pool, program) == ()
    [finding] = linted(pool, program, Project(locked=frozenset(("desk.read_file",))))
    assert finding.diagnostic.code == "LIC423"
    assert finding.diagnostic.message == "`read_*` now stands for `desk.read_secrets` too"
    now = frozenset(("desk.read_file", "desk.read_secrets"))
    assert linted(pool, program, Project(locked=now)) == ()


def test_what_the_solver_gives_up_on_is_told_and_nothing_is_claimed():
    pool = SolverPool(1)
    pool.close()
    text = (
        "tool one(n: Int)\npermit all on one\nforbid none on one when args.n > 5 and args.n < 4\n"
    )
    found = linted(pool, program_of(text))
    assert {finding.diagnostic.code for finding in found} == {"LIC405"}


def test_surveys_are_kept_by_content_and_odd_ones_are_not_believed(pool, tmp_path):
    text = (
        "tool one(n: Int)\npermit all on one\nforbid none on one when args.n > 5 and args.n < 4\n"
    )
    kept = Kept(tmp_path / "kept")
    program = program_of(text)
    first = linted(pool, program, kept=kept)
    [file] = (tmp_path / "kept").iterdir()
    dead = SolverPool(1)
    dead.close()
    assert linted(dead, program, kept=kept) == first
    changed = program_of(text.replace("> 5", "> 3"))
    assert key(changed, "one", EFFORT, "test") != key(program, "one", EFFORT, "test")
    for odd in ("", "{}", "[1]", '{"rules": [], "permitted": true, "open": []}', "\0"):
        file.write_text(odd, "utf-8")
        assert linted(pool, program, kept=kept) == first
    assert Survey.read(json.loads(file.read_text("utf-8"))) is not None
    other = program_of(text.replace("none", "renamed"))
    assert key(other, "one", EFFORT, "test") != key(program, "one", EFFORT, "test")
