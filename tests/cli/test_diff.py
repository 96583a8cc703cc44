"""`licet diff`: two policies by path or by revision, for people, machines and pull requests."""

from __future__ import annotations

import json
import subprocess

import pytest

POLICY = """\
tool refund(amount: Decimal in 0 .. 10_000 step 0.01)
tool look(id: String)
permit looks on look
permit refunds on refund when args.amount <= 500
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.licet").write_text(POLICY, "utf-8")
    (tmp_path / "new.licet").write_text(POLICY.replace("500", "600"), "utf-8")
    return tmp_path


def test_text(licet, folder):
    out = (
        "widens: some calls get further, and none less far: proved\n"
        "\n"
        "refund  widens\n"
        "  denied → allowed  by refunds\n"
        "    for example refund with args.amount = 500.01\n"
        "\n"
        "1 tool unchanged: proved\n"
    )
    assert licet("diff", "old.licet", "new.licet") == (0, out, "")
    assert licet("diff", "old.licet", "old.licet").out.startswith("equivalent: ")


def test_json_is_as_documented(licet, folder):
    code, out, _ = licet("diff", "new.licet", "old.licet", "--output", "json")
    assert code == 0
    assert json.loads(out) == {
        "verdict": "narrows",
        "tools": [
            {
                "tool": "refund",
                "verdict": "narrows",
                "changes": [
                    {
                        "kind": "denied",
                        "witness": {
                            "tool": "refund",
                            "args": {"amount": 500.01},
                            "now": "1970-01-01T00:00:00Z",
                        },
                        "rules": ["refunds"],
                    }
                ],
            },
            {"tool": "look", "verdict": "equivalent", "changes": []},
        ],
    }


def test_markdown_is_nothing_but_text(licet, folder):
    name = '"`|<img src=x>\\n::error::x"'
    text = f"tool {name}(n: Int)\npermit all on {name} when args.n > NUMBER\n"
    (folder / "old.licet").write_text(text.replace("NUMBER", "5"), "utf-8")
    (folder / "new.licet").write_text(text.replace("NUMBER", "4"), "utf-8")
    code, out, err = licet("diff", "old.licet", "new.licet", "--output", "markdown")
    if code == 2:  # such a name is not even a name
        assert "LIC" in err
        return
    [row] = [line for line in out.splitlines() if "denied" in line]
    assert "::error" not in [line[:7] for line in out.splitlines()]
    assert row.replace("\\|", "").count("|") == 6
    assert row.count("`") % 2 == 0


def test_thresholds(licet, folder):
    assert licet("diff", "old.licet", "new.licet", "--fail-on", "widens").code == 1
    assert licet("diff", "new.licet", "old.licet", "--fail-on", "widens").code == 0
    assert licet("diff", "new.licet", "old.licet", "--fail-on", "changes").code == 1
    assert licet("diff", "old.licet", "old.licet", "--fail-on", "changes").code == 0


def test_what_is_not_decided_counts_as_wider(licet, folder):
    areas = "tool area(a: Int, b: Int, c: Int)\npermit areas on area when {}\n"
    cubes = "args.a * args.a * args.a + args.b * args.b * args.b {} args.c * args.c * args.c"
    positive = "args.a > 0 and args.b > 0 and args.c > 0"
    (folder / "old.licet").write_text(areas.format(positive), "utf-8")
    (folder / "new.licet").write_text(
        areas.format(f"{positive} or {cubes.format('==')} and args.a * args.b * args.c > 0"),
        "utf-8",
    )
    ended = licet("diff", "old.licet", "new.licet", "--seconds", "0.2", "--fail-on", "widens")
    assert ended.code == 1


def test_revisions(licet, folder):
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)

    (folder / "new.licet").unlink()
    (folder / "link.licet").symlink_to("/etc/hostname")
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    (folder / "link.licet").unlink()
    (folder / "old.licet").write_text(POLICY.replace("500", "600"), "utf-8")
    assert licet("diff", "main", "old.licet").out.startswith("widens: ")
    git("add", ".")
    git("commit", "-q", "-m", "two")
    assert licet("diff", "main", "main~1").out.startswith("narrows: ")
    assert licet("diff", "main~1:old.licet", "main:old.licet").out.startswith("widens: ")
    assert licet("diff", "main", "nowhere").code == 2
    assert licet("diff", "main:nothing.licet", "old.licet").code == 2
    assert licet("diff", "--fail-on", "widens", "--upload-pack=x", "old.licet").code == 2


def test_what_cannot_be_read(licet, folder):
    assert licet("diff", "old.licet", "missing.licet").code == 2
    (folder / "new.licet").write_text("permit", "utf-8")
    assert licet("diff", "old.licet", "new.licet").code == 2


TOOLS = {
    "tools": [
        {
            "name": "read",
            "inputSchema": {"type": "object", "properties": {"n": {"type": "integer"}}},
            "annotations": {"readOnlyHint": True},
        },
        {"name": "wipe", "inputSchema": {"type": "object", "properties": {}}},
    ]
}
BUNDLE = """\
use tools mcp "tools.json" as desk
import "common.licet"
permit reads on any when tool.read_only
permit small on desk.read when (args.n ?? 0) <= most
"""


def bundle(folder, config: str = "", tools: object = TOOLS, common: str = "const most = 5\n"):
    """A project of its own: a policy with what it imports, its tools and its configuration."""
    folder.mkdir()
    (folder / "licet.toml").write_text(config, "utf-8")
    (folder / "tools.json").write_text(json.dumps(tools), "utf-8")
    (folder / "common.licet").write_text(common, "utf-8")
    (folder / "p.licet").write_text(BUNDLE, "utf-8")
    return folder


def verdicts(licet, old, new) -> dict[str, str]:
    """The verdict on each tool, every change of which is shown by a call."""
    code, out, err = licet("diff", f"{old}/p.licet", f"{new}/p.licet", "--output", "json")
    assert code == 0, err
    found = json.loads(out)
    assert all(change["witness"] for tool in found["tools"] for change in tool["changes"])
    return {tool["tool"]: tool["verdict"] for tool in found["tools"]}


def test_hints_imports_tools_and_the_mode_are_part_of_what_is_compared(licet, tmp_path):
    old = bundle(tmp_path / "old")
    same = {"desk.read": "equivalent", "desk.wipe": "equivalent"}
    assert verdicts(licet, old, bundle(tmp_path / "same")) == same
    hinted = bundle(tmp_path / "hinted", '[hints]\n"desk.wipe" = { read_only = true }\n')
    assert verdicts(licet, old, hinted) == {**same, "desk.wipe": "widens"}
    unhinted = bundle(tmp_path / "unhinted", '[hints]\n"desk.read" = { read_only = false }\n')
    assert verdicts(licet, old, unhinted) == {**same, "desk.read": "narrows"}
    imported = bundle(
        tmp_path / "imported",
        '[hints]\n"desk.read" = { read_only = false }\n',
        common="const most = 6\n",
    )
    assert verdicts(licet, unhinted, imported) == {**same, "desk.read": "widens"}
    hints = {"readOnlyHint": True, "destructiveHint": False}
    claimed = {"tools": [TOOLS["tools"][0], {**TOOLS["tools"][1], "annotations": hints}]}
    changed = bundle(tmp_path / "claimed", tools=claimed)
    assert verdicts(licet, old, changed) == {**same, "desk.wipe": "widens"}
    observing = bundle(tmp_path / "observing", "[guard]\nobserve_until = 2026-12-01T00:00:00Z\n")
    assert verdicts(licet, old, observing) == {"desk.read": "equivalent", "desk.wipe": "widens"}
    told = licet("diff", f"{old}/p.licet", f"{observing}/p.licet", "--output", "markdown").out
    assert "guards only observe until 2026-12-01T00:00:00+00:00" in told


def test_the_lock_is_part_of_what_is_compared(licet, tmp_path):
    old, new = bundle(tmp_path / "old"), bundle(tmp_path / "new")
    for folder in (old, new):
        assert licet("catalog", "lock", folder).code == 0
    changed = {**TOOLS, "tools": [{**TOOLS["tools"][0], "description": "now"}, TOOLS["tools"][1]]}
    (new / "tools.json").write_text(json.dumps(changed), "utf-8")
    same = {"desk.read": "equivalent", "desk.wipe": "equivalent"}
    assert verdicts(licet, old, new) == {**same, "desk.read": "narrows"}
    assert verdicts(licet, new, old) == {**same, "desk.read": "widens"}


def test_a_revision_has_its_lock_and_its_compiled_catalog(licet, tmp_path, monkeypatch):
    folder = bundle(tmp_path / "project")
    monkeypatch.chdir(folder)
    assert licet("catalog", "build", "desk=tools.json", "-o", "desk.lcat").code == 0
    text = BUNDLE.replace('mcp "tools.json" as desk', '"desk.lcat"')
    (folder / "p.licet").write_text(text, "utf-8")
    assert licet("catalog", "lock", ".").code == 0
    for arguments in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-q", "-m", "one")):
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)
    assert licet("diff", "main", "p.licet").out.startswith("equivalent: ")
    (folder / "licet.lock").write_text('{"version": 1, "tools": {}}', "utf-8")
    assert licet("diff", "main", "p.licet").out.startswith("narrows: ")


@pytest.mark.parametrize(
    "config",
    [
        '[guard]\nobserve_until = "2026-12-01T00:00:00Z"\n',
        "[guard]\nobserve_until = 2026-12-01T00:00:00\n",
        "[guard]\nobserve = true\n",
        "guard = 1\n",
    ],
)
def test_a_mode_that_cannot_be_read_is_no_mode(licet, tmp_path, config):
    folder = bundle(tmp_path / "odd", config)
    ended = licet("lint", f"{folder}/p.licet", "--no-cache")
    assert ended.code == 1
    assert "LIC306" in ended.out
