"""`licet mutate` and `licet test --generate`: what they print, and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

POLICY = """\
policy "door"
tool open(n: Int in 0 .. 9)

permit opens on open when args.n > 3

test "four"
  call open { n: 4 }
  then allow by opens
"""


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "door.licet").write_text(POLICY)
    return tmp_path / "door.licet"


SURVIVORS = """\
SURVIVED  opens: `args.n > 3` becomes `true`  door.licet:4:27
  test "opens: args.n > 3 becomes true"
    call open { n: 0 }
    then deny
SURVIVED  opens: `>` becomes `>=`  door.licet:4:34
  test "opens: > becomes >="
    call open { n: 3 }
    then deny
SURVIVED  opens: `3` becomes `2`  door.licet:4:36
  test "opens: 3 becomes 2"
    call open { n: 3 }
    then deny
6 mutants: 3 noticed by a test, 3 survived
"""


def test_survivors_come_with_the_test_that_is_missing(licet, door):
    assert licet("mutate", "door.licet") == (1, SURVIVORS, "")


def test_with_those_tests_nothing_survives(licet, door):
    lines = [line[2:] for line in SURVIVORS.splitlines() if line.startswith("  ")]
    door.write_text(POLICY + "\n" + "\n".join(lines) + "\n")
    assert licet("mutate", "door.licet") == (0, "6 mutants: 6 noticed by a test\n", "")


def test_json_has_every_mutant(licet, door):
    code, out, err = licet("mutate", "door.licet", "--output", "json")
    assert (code, err) == (1, "")
    mutants = list(map(json.loads, out.splitlines()))
    assert [(m["after"], m["state"]) for m in mutants] == [
        ("forbid", "killed"),
        ("true", "survived"),
        ("false", "killed"),
        (">=", "survived"),
        ("4", "killed"),
        ("2", "survived"),
    ]
    assert mutants[0] == {
        "kind": "effect",
        "rule": "opens",
        "where": "door.licet:4:1",
        "before": "permit",
        "after": "forbid",
        "state": "killed",
        "killed_by": "four",
        "reason": None,
        "call": None,
        "test": None,
    }
    assert mutants[3]["call"]["args"] == {"n": 3}
    (door.parent / "call.json").write_text(json.dumps(mutants[3]["call"]))
    assert licet("check", "door.licet", "--call", "call.json").code == 1


def test_a_call_that_no_test_can_hold_is_shown_as_json(licet, door):
    door.write_text("tool t(x: Decimal)\npermit p on t when args.x * 3 != 1\n")
    code, out, _ = licet("mutate", "door.licet", "--rule", "p")
    assert code == 1
    assert '  no test can say it: {"tool": "t", "args": {"x": "1/3"}' in out


def test_only_the_named_rules_are_changed(licet, door):
    door.write_text(POLICY + "forbid nine on open when args.n == 9\n")
    code, out, _ = licet("mutate", "door.licet", "--rule", "nine", "--output", "json")
    assert code == 1
    assert {json.loads(line)["rule"] for line in out.splitlines()} == {"nine"}
    assert licet("mutate", "door.licet", "--rule", "none") == (
        2,
        "",
        "licet mutate: there is no rule `none`\n",
    )


def test_a_rule_that_names_others_is_no_less_a_policy(licet, door):
    door.write_text(POLICY.replace("> 3", "> base") + "const base = 3\n")
    code, out, _ = licet("mutate", "door.licet")
    assert code == 1
    assert "SURVIVED  `3` becomes `2`  door.licet:9:14\n" in out


def test_failing_tests_are_refused(licet, door):
    door.write_text(POLICY.replace("n: 4", "n: 1"))
    assert licet("mutate", "door.licet") == (
        2,
        "",
        "licet mutate: the tests have to pass first, and `four` fails: see licet test\n",
    )


def test_a_wrong_policy_is_exit_2(licet, door):
    door.write_text("permit\n")
    code, out, err = licet("mutate", "door.licet")
    assert (code, out) == (2, "")
    assert err.startswith("error[LIC")


def test_a_policy_without_rules_has_no_mutants(licet, door):
    door.write_text('policy "x"\n')
    assert licet("mutate", "door.licet") == (0, "0 mutants\n", "")


# --- generate


def test_generated_tests_are_both_sides_of_each_rule(licet, door):
    code, out, err = licet("test", "door.licet", "--generate")
    assert (code, err) == (0, "")
    assert out == (
        'test "opens: just inside"\n  call open { n: 4 }\n  then allow by opens\n\n'
        'test "opens: just outside"\n  call open { n: 3 }\n  then deny\n'
    )
    (door.parent / "more.licet").write_text(out)
    assert licet("fmt", "--check", "more.licet").code == 0
    assert licet("test", ".").out.endswith("3 tests: 3 passed\n")


def test_a_name_that_is_taken_is_not_taken_again(licet, door):
    door.write_text(POLICY.replace("four", "opens: just inside"))
    assert 'test "opens: just inside (2)"\n' in licet("test", "door.licet", "--generate").out


def test_a_side_that_is_not_there_is_a_comment(licet, door):
    door.write_text("tool open(n: Int in 0 .. 9)\npermit p on open when args.n > 10\n")
    code, out, _ = licet("test", "door.licet", "--generate")
    assert code == 1
    assert out.startswith("# p: there is no call in which it applies: that is proved\n\ntest ")


def test_generate_goes_with_no_other_output(licet, door):
    code, out, err = licet("test", "door.licet", "--generate", "--output", "json")
    assert (code, out) == (2, "")
    assert err == "licet test: --generate prints tests, and goes with no other output\n"
