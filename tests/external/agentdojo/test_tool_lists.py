"""The tools of two suites import as they were published, and policies compile over them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from licet import Guard, load_program
from licet.adapters.catalogs import tool_lists
from licet.compiler.exact_json import decode
from licet.policy_lang import Severity, render_text

SUITES = decode((Path(__file__).parent / "tools.json").read_bytes())
NUMBER_OF_TOOLS = {"banking": 11, "workspace": 24}


@pytest.mark.parametrize("suite", NUMBER_OF_TOOLS)
def test_the_tools_import(suite: str) -> None:
    tools, found = tool_lists.read(SUITES[suite], suite)
    assert [d for d in found if d.severity is Severity.error] == [], render_text(found)
    assert [tool.name for tool in tools] == [tool["name"] for tool in SUITES[suite]["tools"]]
    assert len(tools) == NUMBER_OF_TOOLS[suite]
    for tool, published in zip(tools, SUITES[suite]["tools"], strict=True):
        schema = published["parameters"]
        assert {p.name for p in tool.params.fields} == set(schema["properties"])


@pytest.mark.parametrize("suite", NUMBER_OF_TOOLS)
def test_a_permissive_policy_compiles_over_them(suite: str, tmp_path: Path) -> None:
    (tmp_path / "tools.json").write_text(json.dumps(SUITES[suite], default=float), "utf-8")
    policy = tmp_path / "all.licet"
    policy.write_text(f'use tools "tools.json" as {suite}\npermit everything on any\n', "utf-8")
    loaded = load_program([policy])
    assert loaded.program is not None, render_text(loaded.diagnostics)
    assert len(loaded.program.rules) == NUMBER_OF_TOOLS[suite]


def test_a_transfer_is_judged(tmp_path: Path) -> None:
    (tmp_path / "tools.json").write_text(json.dumps(SUITES["banking"], default=float), "utf-8")
    policy = tmp_path / "bank.licet"
    policy.write_text(
        'use tools "tools.json" as bank\n'
        "permit transfers on send_money\n"
        "forbid large on send_money when args.amount > 1_000\n",
        "utf-8",
    )
    transfer = {
        "recipient": "GB29NWBK60161331926819",
        "amount": 98.70,
        "subject": "rent",
        "date": "2022-01-01",
    }
    with Guard.load(policy, engine="both") as guard:
        verdicts = [
            guard.check({"tool": "send_money", "args": {**transfer, **changes}})
            for changes in ({}, {"amount": 1_000.01}, {"amount": "98.70"}, {"to": "x"})
        ]
        unpermitted = guard.check({"tool": "get_iban", "args": {}})
    assert [(v.outcome, [x.rule or x.path for x in v.violations]) for v in verdicts] == [
        ("allow", []),
        ("deny", ["large"]),
        ("deny", ["args.amount"]),
        ("deny", ["args.to"]),
    ]
    assert [v.kind for v in unpermitted.violations] == ["no_permit"]
