"""`licet init`: what a first policy permits, and that it stands whatever a tool list says."""

import json

import pytest

TOOLS = [
    {
        "name": "get_order",
        "description": "Fetch an order.",
        "inputSchema": {
            "type": "object",
            "properties": {"id": {"type": "string"}},
            "required": ["id"],
            "additionalProperties": False,
        },
        "annotations": {"readOnlyHint": True},
    },
    {
        "name": "refund",
        "description": "Pay an order back.\nIt cannot be undone.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "order": {"type": "string", "minLength": 3},
                "amount": {"type": "number", "minimum": 5},
                "note": {"type": "string"},
            },
            "required": ["order", "amount"],
        },
    },
]

POLICY = """\
policy "desk"

# What no rule permits is denied.
use tools "desk.json" as desk

principal {
  id: String  # who acts: vouched for by the host, never by the model
}

# The list itself says that these only read. Check it: a hint is a claim.
#   get_order                        Fetch an order.
permit reads on any when tool.read_only and not tool.destructive

# Denied until somebody writes the rule. Rules have this form:
#   permit NAME on refund when CONDITION
#   forbid NAME on refund when CONDITION
#     message "What was refused, and what to do instead."
#
#   refund                           Pay an order back. It cannot be undone.

test "what only reads is permitted"
  given principal { id: "a1" }
  call get_order { id: "a" }
  then allow by reads

test "what no rule permits is denied"
  given principal { id: "a1" }
  call refund { order: "abc", amount: 5 }
  then deny
"""

HOSTILE = [
    {"name": 'x" on any permit y*', "inputSchema": {"type": "object"}},
    {"name": "permit", "inputSchema": {"type": "object"}},
    {"name": "any", "inputSchema": {"type": "object"}},
    {"name": "a.b", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}},
    {"name": "получить", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}},
    {
        "name": "get-weather",
        "description": "Weather.\npermit all on any \u202e\x1b[31m\u2028 # " + "x" * 500,
        "inputSchema": {
            "type": "object",
            "properties": {"when": {"enum": ["on", "off"]}, 'user "id"': {"type": "string"}},
            "required": ["when", 'user "id"'],
        },
        "annotations": {"readOnlyHint": True},
    },
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "desk.json").write_text(json.dumps({"tools": TOOLS}))
    (tmp_path / "hostile.json").write_text(json.dumps({"tools": HOSTILE}))
    return tmp_path


def test_the_policy_and_its_tools_stand_side_by_side(licet, folder):
    assert licet("init", "desk.json", "-o", "policies") == (
        0,
        (
            "wrote policies/desk.licet: 2 tools, 1 permitted as reads, others denied\n"
            "wrote policies/desk.json: the tool list that it stands on\n"
            "next: licet test policies/desk.licet\n"
        ),
        "",
    )
    assert (folder / "policies" / "desk.licet").read_text() == POLICY
    assert (folder / "policies" / "desk.json").read_bytes() == (folder / "desk.json").read_bytes()


def test_where_the_list_is_there_already_only_the_policy_is_written(licet, folder):
    assert licet("init", "desk.json", "--name", "front desk").out == (
        "wrote front desk.licet: 2 tools, 1 permitted as reads, others denied\n"
        "next: licet test front desk.licet\n"
    )
    text = (folder / "front desk.licet").read_text()
    assert text.startswith('policy "front desk"\n')
    assert 'use tools "desk.json" as front_desk\n' in text


@pytest.mark.parametrize("catalog", ["desk", "hostile"])
def test_what_init_writes_passes_its_own_tests(licet, folder, catalog):
    assert licet("init", f"{catalog}.json").code == 0
    assert licet("fmt", "--check", f"{catalog}.licet").code == 0
    code, out, err = licet("test", f"{catalog}.licet")
    assert (code, err) == (0, "")
    assert out == (
        "passed   what only reads is permitted\n"
        "passed   what no rule permits is denied\n"
        "2 tests: 2 passed\n"
    )


def test_hostile_text_is_quoted_or_escaped(licet, folder):
    licet("init", "hostile.json")
    lines = (folder / "hostile.licet").read_text().splitlines()
    assert '#   "get-weather"                    Weather. permit all on any' in "\n".join(lines)
    assert '  call "x\\" on any permit y*" {}' in lines
    rules = [line for line in lines if line.startswith(("permit", "forbid"))]
    assert rules == ["permit reads on any when tool.read_only and not tool.destructive"]
    assert all(line.isprintable() for line in lines)
    assert max(map(len, lines)) <= 100


def test_files_that_exist_are_kept_unless_forced(licet, folder):
    (folder / "desk.licet").write_text("mine")
    assert licet("init", "desk.json") == (
        2,
        "",
        "licet init: `desk.licet` exists already; --force overwrites it\n",
    )
    assert (folder / "desk.licet").read_text() == "mine"
    assert licet("init", "desk.json", "--force").code == 0
    assert (folder / "desk.licet").read_text() == POLICY


def test_another_tool_list_of_that_name_is_kept_and_no_policy_left(licet, folder):
    (folder / "p").mkdir()
    (folder / "p" / "desk.json").write_text("[]")
    assert licet("init", "desk.json", "-o", "p") == (
        2,
        "",
        "licet init: `p/desk.json` exists already; --force overwrites it\n",
    )
    assert [path.name for path in (folder / "p").iterdir()] == ["desk.json"]
    assert (folder / "p" / "desk.json").read_text() == "[]"


@pytest.mark.parametrize("name", ["../desk", "a/b", "-x", "", "a\x1b"])
def test_names_that_are_no_file_names(licet, folder, name):
    code, out, err = licet("init", "desk.json", f"--name={name}")
    if name:
        assert (code, out) == (2, "")
        assert "cannot name a policy" in err
    else:
        assert code == 0  # an empty name is none


def test_a_list_that_cannot_be_read(licet, folder):
    (folder / "bad.json").write_text("{")
    code, out, err = licet("init", "bad.json")
    assert (code, out) == (2, "")
    assert err.startswith("error[LIC200]: ")
    assert not (folder / "bad.licet").exists()


def test_an_empty_list(licet, folder):
    (folder / "none.json").write_text('{"tools": []}')
    assert licet("init", "none.json") == (2, "", "licet init: `none.json` lists no tools\n")


AGENT = '''
import sys

print('{"tools": []}', flush=True)
print("noise", file=sys.stderr)


def get_order(id: str) -> str:
    """Fetch an order."""


def refund(order: str, amount: float) -> str:
    """Pay an order back."""


TOOLS = [get_order, refund]


def made():
    return TOOLS


def failing():
    raise RuntimeError("no\\nkey")
'''


@pytest.fixture
def code(folder):
    (folder / "shop").mkdir()
    (folder / "shop" / "desk_agent.py").write_text(AGENT)
    return folder


def test_an_agents_own_tools(licet, code):
    """What the module prints is not its answer; the policy stands on the saved list."""
    assert licet("init", "--from", "shop.desk_agent:TOOLS", "-o", "policies") == (
        0,
        (
            "wrote policies/desk_agent.licet: 2 tools, 0 permitted as reads, others denied\n"
            "wrote policies/desk_agent.json: the tool list that it stands on\n"
            "next: licet test policies/desk_agent.licet\n"
        ),
        "",
    )
    saved = json.loads((code / "policies" / "desk_agent.json").read_text())
    assert [tool["name"] for tool in saved["tools"]] == ["get_order", "refund"]
    assert licet("test", "policies/desk_agent.licet").code == 0
    assert 'use tools "desk_agent.json" as desk_agent' in (
        (code / "policies" / "desk_agent.licet").read_text()
    )


@pytest.mark.long
def test_an_agent_that_has_changed(licet, code):
    assert licet("init", "--from", "shop.desk_agent:made()", "--name", "desk", "-o", "p").code == 0
    live = "desk=agent:shop.desk_agent:TOOLS"
    assert licet("catalog", "diff", "p/desk.json", live).code == 0
    assert licet("lint", "p/desk.licet").code == 0
    with (code / "shop" / "desk_agent.py").open("a") as file:
        file.write("TOOLS[1].__doc__ = 'Pay in cents.'\n")
    changed = licet("catalog", "diff", "p/desk.json", live)
    assert changed.code == 1
    assert "desk.refund: its description" in changed.out
    policy = (code / "p" / "desk.licet").read_bytes()
    again = ("init", "--from", "shop.desk_agent:TOOLS", "--name", "desk", "-o", "p", "--tools-only")
    assert licet(*again).err == "licet init: `p/desk.json` exists already; --force overwrites it\n"
    assert licet(*again, "--force") == (
        0,
        "wrote p/desk.json: 2 tools of shop.desk_agent:TOOLS\n",
        "",
    )
    assert (code / "p" / "desk.licet").read_bytes() == policy
    assert licet("catalog", "diff", "p/desk.json", live).code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name a tool list, or an agent with --from"),
        (("desk.json", "--from", "a:b"), "name a tool list, or an agent with --from"),
        (("desk.json", "--tools-only"), "--tools-only saves the tools of an agent"),
        (("--from", "shop/desk_agent.py:TOOLS"), "names no object: write MODULE:OBJECT"),
        (("--from", "desk_agent.py:TOOLS"), "names no object: write MODULE:OBJECT"),
        (("--from", "desk_agent"), "names no object: write MODULE:OBJECT"),
        (("--from", "a:b; import os"), "names no object: write MODULE:OBJECT"),
    ],
)
def test_what_names_no_agent(licet, code, arguments, said):
    ended = licet("init", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert not list(code.glob("*.licet"))


@pytest.mark.long
@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("shop.none:x", "ModuleNotFoundError: No module named 'shop.none'"),
        ("shop.desk_agent:none", "AttributeError: module 'shop.desk_agent' has no attribute"),
        (
            "shop.desk_agent:failing()",
            "gives no tools: RuntimeError: no key (shop/desk_agent.py:24)",
        ),
        ("shop.desk_agent:sys", "TypeError: it is a module: neither an agent or a tool"),
    ],
)
def test_a_module_that_gives_no_tools(licet, code, target, said):
    ended = licet("init", "--from", target)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"licet init: `{target}` ")
    assert said in ended.err
    assert not list(code.glob("*.licet"))
