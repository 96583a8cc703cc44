"""Names across files: folders, imports, clashes, tools and groups."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from licet.compiler import Catalog, Program, Tool, compile_sources
from licet.compiler.types import STRING, Field, RecordType
from licet.loading import load_program
from licet.policy_lang import Source

IDS = RecordType("args", (Field("id", STRING),))


def compiled(
    files: Mapping[str, str],
    imported: Mapping[str, str] | None = None,
    catalog: Catalog | None = None,
) -> tuple[Program | None, list[str]]:
    program, found = compile_sources(
        [Source(name, text) for name, text in files.items()],
        catalog=catalog,
        read=lambda name: Source(name, imported[name]) if imported and name in imported else None,
    )
    return program, [f"{d.span} {d.code} {d.message}" for d in found]


def test_a_folder_is_the_union_of_its_files() -> None:
    program, found = compiled(
        {
            "a.licet": "permit small on pay when args.id == first_id",
            "b.licet": 'tool pay(id: String)\nconst first_id = "1"',
        }
    )
    assert found == []
    assert program is not None
    assert [rule.name for rule in program.rules["pay"].permits] == ["small"]


def test_duplicates_of_a_folder_are_errors() -> None:
    _, found = compiled(
        {
            "a.licet": "tool pay()\nprincipal { id: String }\npermit p on pay",
            "b.licet": "tool pay()\nprincipal { id: String }\npermit p on pay",
        }
    )
    assert found == [
        "b.licet:1:1 LIC102 the tool `pay` is declared twice",
        "b.licet:2:1 LIC102 `principal` is declared twice",
        "b.licet:3:1 LIC102 the rule `p` is declared twice",
    ]


def test_imports_are_seen_and_their_params_given() -> None:
    program, found = compiled(
        {"main.licet": 'import "lib/common.licet" with { cap: 7 }\npermit p on pay when fair'},
        {
            "lib/common.licet": "tool pay(n: Int)\nparam cap: Int = 5\ndefine fair = args.n < cap\n"
            "forbid never on pay when args.n > 100",
        },
    )
    assert found == []
    assert program is not None
    assert program.params == {"cap": 7}
    assert [rule.name for rule in program.rules["pay"].rules] == ["p", "never"]


def test_a_clash_of_files_needs_the_stem() -> None:
    files = {
        "main.licet": 'import "one.licet"\nimport "two.licet"\ntool pay(n: Int)\n'
        "permit p on pay when args.n < cap"
    }
    imported = {"one.licet": "const cap = 1", "two.licet": "const cap = 2"}
    assert compiled(files, imported)[1] == [
        "main.licet:4:31 LIC104 `cap` is declared in several files"
    ]
    fixed = {"main.licet": files["main.licet"].replace("< cap", "< two.cap")}
    assert compiled(fixed, imported)[1] == []


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("missing.licet", "LIC302 cannot read the imported file `missing.licet`"),
        ("../out.licet", "LIC303 `../out.licet` is outside the project"),
        ("/etc/passwd", "LIC303 `/etc/passwd` is outside the project"),
        ("a/../../b.licet", "LIC303 `a/../../b.licet` is outside the project"),
        ("main.licet", "LIC304 files import each other in a circle: `main.licet` → `main.licet`"),
    ],
)
def test_imports_that_are_refused(path: str, found: str) -> None:
    assert compiled({"main.licet": f'import "{path}"'})[1] == [f"main.licet:1:1 {found}"]


def test_importing_with_two_values_is_refused() -> None:
    text = 'import "c.licet" with { a: 1 }\nimport "c.licet" with { a: 2 }'
    assert compiled({"m.licet": text}, {"c.licet": "param a: Int"})[1] == [
        "m.licet:2:28 LIC305 `a` of `c.licet` is given two different values"
    ]


CATALOG = Catalog(
    (
        Tool("get", "desk", IDS, read_only=True),
        Tool("refund", "desk", IDS, tags=("money",)),
        Tool("refund", "shop", IDS),
    )
)


@pytest.mark.parametrize(
    ("on", "permitted"),
    [
        ("any", {"desk.get", "desk.refund", "shop.refund"}),
        ("*refund", {"desk.refund", "shop.refund"}),
        ("desk.*", {"desk.get", "desk.refund"}),
        ("get", {"desk.get"}),
        ("both, get", {"desk.get", "shop.refund", "desk.refund"}),
    ],
)
def test_what_on_means(on: str, permitted: set[str]) -> None:
    groups = "group inner = shop.refund\ngroup both = inner, desk.refund\n"
    program, found = compiled({"p": f"{groups}permit p on {on}"}, catalog=CATALOG)
    assert found == []
    assert program is not None
    assert {name for name, rules in program.rules.items() if rules.permits} == permitted
    assert set(program.rules) == {"desk.get", "desk.refund", "shop.refund"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("permit p on refund", "1:13 LIC104 `refund` may mean several tools"),
        ("permit p on refunds", "1:13 LIC106 unknown tool `refunds`"),
        ("permit p on x_*", "1:13 LIC107 `x_*` matches no tool"),
        ("group get = desk.refund", "1:1 LIC103 the group `get` has the name of a tool"),
    ],
)
def test_patterns_that_are_refused(text: str, found: str) -> None:
    assert compiled({"p": text}, catalog=CATALOG)[1] == [f"p:{found}"]


def test_nothing_is_said_of_tools_that_a_missing_catalog_may_have() -> None:
    text = 'use tools "gone.json"\npermit p on gone.refund\nforbid q on any when args.x > nme'
    assert compiled({"p": text})[1] == ["p:1:1 LIC302 catalogs cannot be read here"]


# --- on disk -----------------------------------------------------------------------------------


def test_a_folder_is_loaded_with_the_params_of_its_project(tmp_path: Path) -> None:
    (tmp_path / "licet.toml").write_text("[params]\ncap = 0.1\n")
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "a.licet").write_text(
        'import "../lib/common.licet"\npermit p on pay when args.n < cap'
    )
    (folder / "b.licet").write_text("param cap: Decimal")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "common.licet").write_text("tool pay(n: Decimal)")
    loaded = load_program([folder])
    assert loaded.diagnostics == ()
    assert loaded.program is not None
    assert str(loaded.program.params["cap"]) == "1/10"
    overridden = load_program([folder], params={"cap": 3}).program
    assert overridden is not None
    assert overridden.params == {"cap": 3}


def codes(path: Path) -> list[str]:
    loaded = load_program([path])
    assert loaded.program is None
    return [d.code for d in loaded.diagnostics]


def test_what_cannot_be_loaded(tmp_path: Path) -> None:
    assert codes(tmp_path) == ["LIC301"]
    assert codes(tmp_path / "missing.licet") == ["LIC301"]
    (tmp_path / "a.licet").write_bytes(b"\xff")
    assert codes(tmp_path) == ["LIC302"]
    (tmp_path / "a.licet").write_text("tool a()")
    (tmp_path / "licet.toml").write_text("params = 5")
    assert codes(tmp_path) == ["LIC306"]
    (tmp_path / "licet.toml").write_text("[params")
    assert codes(tmp_path) == ["LIC306"]


def test_links_do_not_lead_out_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "secret.licet").write_text("tool a()")
    project = tmp_path / "project"
    project.mkdir()
    (project / "main.licet").write_text('import "link.licet"')
    (project / "link.licet").symlink_to(tmp_path / "secret.licet")
    assert codes(project / "main.licet") == ["LIC302"]
