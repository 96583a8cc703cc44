"""`licet show`: each stage as text, and the SMT-LIB as another reader takes it."""

from pathlib import Path

import pytest
import z3

GOLDEN = Path(__file__).parent / "golden"
DESK = GOLDEN / "desk.licet"


@pytest.mark.parametrize("stage", ["ast", "ir"])
def test_a_stage_reads_as_it_always_did(licet, stage):
    expected = (GOLDEN / f"desk.{stage}.txt").read_text()
    assert licet("show", stage, DESK) == (0, expected, "")


def test_one_tool(licet):
    assert licet("show", "ir", DESK, "--tool", "get_order") == (
        0,
        "; get_order(id: String)\n(permit reads (when true))\n",
        "",
    )


def test_an_unknown_tool_gets_the_nearest(licet):
    assert licet("show", "ir", DESK, "--tool", "refnd") == (
        2,
        "",
        "licet show: there is no tool `refnd`; did you mean `refund`?\n",
    )


def test_a_syntax_tree_is_of_a_file(licet):
    code, out, err = licet("show", "ast", DESK, "--tool", "refund")
    assert (code, out) == (2, "")
    assert err == "licet show: --tool goes with ir and smt: a syntax tree is of a file\n"


def test_errors_are_printed_and_the_rest_of_the_tree_too(licet, tmp_path):
    (tmp_path / "a.licet").write_text("permit a onb any\npermit b on any\n")
    code, out, err = licet("show", "ast", tmp_path / "a.licet")
    assert (code, out) == (2, "(rule-decl permit b (on (tool-pattern any)))\n")
    assert err.startswith("error[LIC005]: ")


def test_another_reader_takes_the_smt_lib(licet):
    code, out, err = licet("show", "smt", DESK, "--tool", "refund")
    assert (code, err) == (0, "")
    solver = z3.Solver()
    solver.from_string(out)
    assert solver.check() == z3.sat
    allowed = z3.Solver()
    allowed.from_string(out + "\n(assert allowed)")
    assert allowed.check() == z3.sat
    both = z3.Solver()
    both.from_string(out + "\n(assert allowed)\n(assert r3_applies)")
    assert both.check() == z3.unsat
