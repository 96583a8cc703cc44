"""What a bundle may hold, and what is taken of the policy on a disk."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from licet.adapters.catalogs.locking import LOCK_FILE
from licet.loading import PolicyError, load_program
from licet.service.bundles import shelf
from licet.service.bundles.bundle import (
    MAX_BYTES,
    MAX_FILES,
    MAX_PARTS,
    Bundle,
    BundleError,
    uploaded,
)
from licet.service.bundles.examining import _read
from licet.service.bundles.files import policy_tables, read_files
from licet.service.bundles.unpacking import compiled, unpack
from licet.verifier.history.memory import MemoryStore
from support.shop import SHOP

TEXT = 'policy "p"\nprincipal { id: String }\nparam most: Int\ntool pay(amount: Int in 0 .. 100)\n'
RULE = "permit small on pay when args.amount <= most\n"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../up.licet",
        "a/../../up.licet",
        "a/./b.licet",
        "a//b.licet",
        "a/",
        "c:/windows.licet",
        "a\\b.licet",
        "a\0b.licet",
        "a\nb.licet",
        "a\u202eb.licet",
        " a.licet",
        "a /b.licet",
        "x" * 201,
        "é" * 101,
        "/".join(["a"] * (MAX_PARTS + 1)),
        "below/licet.toml",
        "tools.lcat",
    ],
)
def test_paths_that_are_none(path: str) -> None:
    with pytest.raises(BundleError) as told:
        uploaded({"p.licet": TEXT, path: "x"})
    assert "`" not in told.value.path  # whoever shows it quotes it


@pytest.mark.parametrize(
    ("files", "policies"),
    [
        ({}, ["."]),
        ({"readme.md": "no policy"}, ["."]),
        ({"p.licet": TEXT}, []),
        ({"p.licet": TEXT}, ["q.licet"]),
        ({"p.licet": TEXT}, ["../p.licet"]),
        ({"p.licet": TEXT}, ["/p.licet"]),
        ({"p.licet": TEXT}, ["."] * 51),
        ({"a": "a file", "a/p.licet": TEXT}, ["a"]),
        ({"p.licet": TEXT, **{f"{n}.json": "" for n in range(MAX_FILES)}}, ["."]),
        ({"p.licet": TEXT, "much.json": "x" * MAX_BYTES}, ["."]),
        ({"p.licet": "\ud800"}, ["."]),
    ],
)
def test_files_that_are_no_bundle(files: dict[str, str], policies: list[str]) -> None:
    with pytest.raises(BundleError):
        uploaded(files, policies)


@pytest.mark.parametrize(
    "configuration",
    [
        '[[service.facts]]\nname = "order"\npython = "os:system"',
        '[[service.facts]]\nname = "order"\nurl = "http://169.254.169.254/"',
        '[service]\ndatabase = "postgresql://evil/db"',
        'service.host = "0.0.0.0"',
        '"service" = { port = 1 }',
        "[hooks]\nx = 1",
        "[guard]\nobserve_until = 2026-12-01T00:00:00Z",
        "a = [",
        "\x00",
    ],
)
def test_a_bundle_says_nothing_of_the_service(configuration: str) -> None:
    with pytest.raises(BundleError) as caught:
        uploaded({"p.licet": TEXT, "licet.toml": configuration})
    assert caught.value.path == "licet.toml"


def test_params_are_bounded() -> None:
    with pytest.raises(BundleError, match="params"):
        uploaded({"p.licet": TEXT}, params={"most": "x" * 60_000})


def test_equal_bundles_have_one_digest_and_others_another() -> None:
    files = {"p.licet": TEXT + RULE, "tools.json": "[]"}
    one = uploaded(files, params={"most": 1})
    assert uploaded(dict(reversed(files.items())), params={"most": 1}).digest == one.digest
    assert Bundle.read(one.text()) == one
    others = [
        uploaded({**files, "p.licet": TEXT}, params={"most": 1}),
        uploaded({**files, "q.json": ""}, params={"most": 1}),
        uploaded(files, ["p.licet"], {"most": 1}),
        uploaded(files, params={"most": 2}),
    ]
    assert len({each.digest for each in others} | {one.digest}) == 5


def test_a_bundle_is_the_top_of_its_project(tmp_path: Path) -> None:
    """A `licet.toml` in a folder above would open that folder to it."""
    (tmp_path / "licet.toml").write_text("[params]\nmost = 100\n")
    (tmp_path / "secret.licet").write_text(TEXT)
    inner = tmp_path / "inner"
    inner.mkdir()
    paths = unpack(uploaded({"p.licet": 'import "../secret.licet"\n' + TEXT + RULE}), inner)
    loaded = load_program(paths)
    assert loaded.program is None
    assert [found.code for found in loaded.diagnostics if found.severity.value == "error"] == [
        "LIC303"
    ]


def test_the_files_of_a_project_without_what_is_the_operators(tmp_path: Path) -> None:
    (tmp_path / "licet.toml").write_text(
        '# about us\n[service]\n# the password\ndatabase = "postgresql://u:secret@h/d"\n'
        '[params]\n# cents\nmost = 5\n[[service.keys]]\nname = "x"\n'
        '[guard]\nobserve_until = 2026-12-01T00:00:00Z\n[hints]\n"t.*" = { atomic = true }\n'
    )
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    listed = [{"name": "send", "inputSchema": schema}]
    for folder in ("policies", "shared", "elsewhere"):
        (tmp_path / folder).mkdir()
    (tmp_path / "shared" / "t.json").write_text(json.dumps(listed))
    (tmp_path / "shared" / "common.licet").write_text("const bound = 3\n")
    (tmp_path / "elsewhere" / "private.txt").write_text("secret")
    (tmp_path / "policies" / "p.licet").write_text(
        'import "../shared/common.licet"\nuse tools "../shared/t.json"\n' + TEXT + RULE
    )
    (tmp_path / LOCK_FILE).write_text('{"version": 1, "tools": {}}')
    bundle, until = read_files([tmp_path / "policies"], {"most": 7})
    assert sorted(bundle.files) == [
        LOCK_FILE,
        "licet.toml",
        "policies/p.licet",
        "shared/common.licet",
        "shared/t.json",
    ]
    assert b"secret" not in bundle.text().encode()
    assert bundle.files["licet.toml"] == (
        b'[params]\n# cents\nmost = 5\n[hints]\n"t.*" = { atomic = true }\n'
    )
    assert until == datetime(2026, 12, 1, tzinfo=UTC)
    whole = load_program([tmp_path / "policies"], params={"most": 7}).program
    kept = compiled(Bundle.read(bundle.text()))
    assert whole is not None
    assert (kept.digest, kept.catalog.digest) == (whole.digest, whole.catalog.digest)


@pytest.mark.parametrize("text", ["service.host = 'x'\n[params]\na = 1\n", "[params", "a = 1\n"])
def test_a_configuration_that_cannot_be_taken_apart(text: str) -> None:
    if text == "a = 1\n":
        assert policy_tables(text) == ""
        return
    with pytest.raises(BundleError):
        policy_tables(text + "[service]\nport = 1\n")


def test_what_does_not_compile_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "p.licet").write_text("permit\n")
    with pytest.raises(PolicyError):
        read_files([tmp_path])


def line(tool: str, verdict: str) -> dict[str, object]:
    return {"compared": {"tool": tool, "verdict": verdict, "presence": "both", "changes": []}}


COMPILED = {
    "compiled": {
        "policy": "sha256:p",
        "catalog": "sha256:c",
        "name": "p",
        "tools": 2,
        "unset": [],
        "diagnostics": [],
    }
}


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        ([], "unknown"),
        ([line("a", "narrows"), line("b", "narrows")], "unknown"),  # killed before the end
        ([line("a", "narrows"), {"shown": []}], "unknown"),
        ([line("a", "narrows"), {"different": True}], "narrows"),
        ([line("a", "equivalent"), {"different": True}], "equivalent"),
        ([line("a", "narrows"), line("b", "widens"), {"different": True}], "incomparable"),
        ([line("a", "narrows"), {"shown": ["context.risk"]}, {"different": True}], "incomparable"),
        ([line("a", "equivalent"), {"shown": ["x"]}, {"different": True}], "widens"),
        ([line("a", "equivalent"), {"hidden": ["x"]}, {"different": True}], "narrows"),
        ([line("a", "widens"), {"hidden": ["x"]}, {"different": True}], "incomparable"),
    ],
)
def test_what_was_not_compared_is_unknown(lines: list[dict[str, object]], verdict: str) -> None:
    assert _read([COMPILED, *lines], True).verdict == verdict
    assert _read([COMPILED, *lines], False).verdict == "unknown"
    assert _read(lines, True).policy is None


def test_the_shop_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "shop.licet").write_text(SHOP)
    (tmp_path / "other.licet").write_text("not read")
    assert sorted(read_files([tmp_path / "shop.licet"])[0].files) == ["shop.licet"]


def test_what_nobody_activated_is_forgotten_after_many_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shelf, "MOST_UPLOADS", 3)
    bundles = [uploaded({"p.licet": f"{TEXT}# {number}\n"}) for number in range(8)]
    with MemoryStore().begin("one") as tx:
        kept = shelf.Shelf(tx)
        for number, bundle in enumerate(bundles):
            kept.put(bundle, "ann", "upload", "p", "sha256:p", "sha256:c")
            if number == 0:
                kept.put_files(bundle.digest, 0)
            if number == 1:
                kept.put_activation(
                    shelf.Activation(1, bundle.digest, ("ann",), 1, "upload", "narrows", "")
                )
            if number == 2:
                kept.put_canary(shelf.Canary(bundle.digest, "ann", 1))
        left = [each.digest for each in kept.uploads(None, 99)]
        assert left == [bundles[number].digest for number in (7, 6, 5, 2, 1, 0)]
        found = [kept.bundle(bundle.digest) for bundle in bundles]
        assert [each is not None for each in found] == [True] * 3 + [False] * 2 + [True] * 3
        assert kept.upload(bundles[3].digest) is None
