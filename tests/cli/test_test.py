"""`licet test`: exit codes, and what it says where a test fails."""

import json
from pathlib import Path

import pytest

DESK = Path(__file__).parent / "golden" / "desk.licet"

FAILING = """\

test "support may refund a lot"
  given principal { id: "a1", role: support } context { confirmed: true }
    order("R1") { owner: "u1", paid: 900 }
  call refund { order: "R1", amount: 700 }
  then allow
  call refund { order: "R1", amount: 1000 }
  then deny by support_limit
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "desk.licet").write_bytes(DESK.read_bytes())
    return tmp_path


def test_tests_that_pass(licet, folder):
    assert licet("test", "desk.licet") == (
        0,
        "passed   support may refund a little\n1 test: 1 passed\n",
        "",
    )


def test_a_failure_says_what_came_instead_and_why(licet, folder):
    with (folder / "desk.licet").open("a") as file:
        file.write(FAILING)
    code, out, err = licet("test", "desk.licet")
    assert (code, err) == (1, "")
    assert out == (
        "passed   support may refund a little\n"
        "FAILED   support may refund a lot  desk.licet:35:1\n"
        '  call      refund {"order": "R1", "amount": 700}  desk.licet:38:3\n'
        "  expected  allow\n"
        "  got       deny by support_limit\n"
        "  message   refund was refused: Support refunds at most 500 (rule support_limit)."
        " Do not repeat this call unchanged.\n"
        "  because   args.amount = 700\n"
        "            principal.role = support\n"
        '  call      refund {"order": "R1", "amount": 1000}  desk.licet:40:3\n'
        "  expected  deny by support_limit\n"
        "  got       deny by too_much, support_limit\n"
        "            too_much fired besides\n"
        '  message   refund was refused: Order "R1" was paid with (not shown) (rule too_much);'
        " Support refunds at most 500 (rule support_limit). Do not repeat this call unchanged.\n"
        '  because   order("R1").paid = 900\n'
        "            args.amount = 1000\n"
        "2 tests: 1 passed, 1 failed\n"
    )


def test_json_has_every_call_with_its_verdict(licet, folder):
    with (folder / "desk.licet").open("a") as file:
        file.write(FAILING)
    code, out, err = licet("test", "desk.licet", "--output", "json")
    assert (code, err) == (1, "")
    first, second = map(json.loads, out.splitlines())
    assert (first["test"], first["passed"]) == ("support may refund a little", True)
    assert (second["test"], second["passed"]) == ("support may refund a lot", False)
    assert [
        (call["passed"], call["expected"], call["verdict"]["outcome"], call["verdict"]["rules"])
        for call in second["calls"]
    ] == [
        (False, {"outcome": "allow", "rules": None}, "deny", ["support_limit"]),
        (
            False,
            {"outcome": "deny", "rules": ["support_limit"]},
            "deny",
            ["too_much", "support_limit"],
        ),
    ]


def test_a_policy_without_tests_says_so(licet, folder):
    (folder / "a.licet").write_text('policy "a"\ntool t()\npermit p on t\n')
    assert licet("test", "a.licet") == (
        0,
        '"a" has no tests; write `test "NAME" given … call … then …`\n',
        "",
    )


def test_a_wrong_policy_is_exit_2(licet, folder):
    (folder / "a.licet").write_text('tool t()\ntest "x" call u {} then deny\n')
    code, out, err = licet("test", "a.licet")
    assert (code, out) == (2, "")
    assert err.startswith("error[LIC106]: ")
