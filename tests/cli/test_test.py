"""`licet test`: exit codes, and what it says where a test fails."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

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
        '            Order "R1" was paid with 900.\n'
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


def test_junit_has_a_case_for_each_test(licet, folder):
    pytest.importorskip("junitparser")
    with (folder / "desk.licet").open("a") as file:
        file.write(FAILING)
    code, out, err = licet("test", "desk.licet", "--output", "junit")
    assert (code, err) == (1, "")
    suites = ElementTree.fromstring(out)
    assert (suites.get("tests"), suites.get("failures")) == ("2", "1")
    first, second = suites.iter("testcase")
    assert (first.get("name"), first.get("file"), len(first)) == (
        "support may refund a little",
        "desk.licet",
        0,
    )
    (failure,) = second
    assert failure.get("message") == (
        "expected allow, got deny by support_limit; "
        "expected deny by support_limit, got deny by too_much, support_limit"
    )
    assert "  because   args.amount = 700" in failure.text.splitlines()


def test_several_calls_in_a_row_are_each_reported(licet, folder):
    policy = (
        'tool t(n: Int)\npermit p on t when args.n < 3\ntest "x"\n'
        "  call t { n: 2 }\n  then allow by p\n  call t { n: 3 }\n  then allow\n"
        "  call t { n: 1 }\n  then deny\n"
    )
    (folder / "a.licet").write_text(policy)
    code, out, _ = licet("test", "a.licet", "--output", "json")
    assert code == 1
    assert [call["passed"] for call in json.loads(out)["calls"]] == [True, False, False]


def test_watch_runs_again_after_a_change(folder, interruptible):
    pytest.importorskip("watchfiles")
    process = subprocess.Popen(
        [sys.executable, "-m", "licet.cli.main", "test", "desk.licet", "--watch"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "passed   support may refund a little\n"
        assert process.stdout.readline() == "1 test: 1 passed\n"
        (folder / "notes.txt").write_text("no policy")
        (folder / "desk.licet").write_text("tool\n")  # broken: waited for
        assert process.stdout.readline() == "\n"
        assert process.stdout.readline().startswith("error[LIC")
        (folder / "desk.licet").write_text("tool t()\n")
        while "no tests" not in (line := process.stdout.readline()):
            assert line
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
    finally:
        process.kill()
        process.communicate()


def test_watch_says_what_to_install(licet, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    assert licet("test", "desk.licet", "--watch") == (
        2,
        "",
        "licet test: --watch needs a library: pip install 'licet[watch]'\n",
    )


def test_watching_a_policy_that_is_not_there_ends(licet, folder):
    pytest.importorskip("watchfiles")
    code, out, err = licet("test", "nowhere.licet", "--watch")
    assert (code, out) == (2, "")
    assert "no such file" in err


COVERAGE = """\
passed   support may refund a little
1 test: 1 passed
coverage
  rules      1 of 5 decided both ways
  conditions 1 of 5 decided both ways
  never applies  permit reads  desk.licet:15:1
  always applies permit refunds  desk.licet:16:1
  always true    context.confirmed  desk.licet:16:31
  never decided  permit closing  desk.licet:17:1
  never decided  now >= args.at  desk.licet:17:35
  never applies  forbid too_much  desk.licet:19:1
  always false   args.amount > o.paid  desk.licet:21:8
  always true    principal.role == support  desk.licet:24:8
"""


def test_coverage_says_what_the_tests_leave_undecided(licet, folder):
    code, out, err = licet("test", "desk.licet", "--coverage")
    assert (code, err) == (0, "")
    assert out == COVERAGE


def test_coverage_as_json_comes_last(licet, folder):
    code, out, _ = licet("test", "desk.licet", "--coverage", "--output", "json")
    assert code == 0
    found = json.loads(out.splitlines()[-1])["coverage"]
    assert not found["complete"]
    assert found["rules"][1] == {
        "rule": "refunds",
        "kind": "permit",
        "where": "desk.licet:16:1",
        "applied": True,
        "did_not_apply": False,
        "constant": False,
    }
    assert {one["text"] for one in found["conditions"]} >= {"context.confirmed"}


def test_coverage_has_no_junit_form(licet, folder):
    code, out, err = licet("test", "desk.licet", "--coverage", "--output", "junit")
    assert (code, out) == (2, "")
    assert err == "licet test: --coverage has no JUnit form: use --output text or json\n"
