"""`licet prove`: exit codes, and what it says of each claim."""

from __future__ import annotations

import json

import pytest

from licet.policy_lang import codes

POLICY = """\
tool refund(amount: Decimal in 0 .. 10_000 step 0.01)
permit refunds on refund when args.amount <= 500
"""


@pytest.fixture
def policy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(claims: str = "") -> str:
        (tmp_path / "p.licet").write_text(POLICY + claims, "utf-8")
        return "p.licet"

    return write


def test_proofs_that_hold(licet, policy):
    claims = (
        "prove a never allow refund when args.amount > 500\n"
        "prove b can allow refund when args.amount > 499\n"
    )
    assert licet("prove", policy(claims)) == (
        0,
        (
            "proved   a on refund\n"
            "proved   b on refund  refund with args.amount = 499.01\n"
            "2 claims: 2 proved\n"
        ),
        "",
    )


def test_a_proof_that_fails_shows_the_call(licet, policy):
    code, out, err = licet("prove", policy("prove a never allow refund when args.amount > 400\n"))
    assert (code, err) == (1, "")
    assert out == (
        "FAILED   a on refund\n"
        "error[LIC401]: `a` fails: a call of `refund` is allowed, or may be approved\n"
        " --> p.licet:3:1\n"
        "  |\n"
        "3 | prove a never allow refund when args.amount > 400\n"
        "  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "  = note: for example refund with args.amount = 400.01\n"
        "  = help: change the rules, or what the proof claims\n"
        "1 claim: 1 failed\n"
    )


def test_json_is_a_line_a_claim(licet, policy):
    claims = "prove a never allow refund when args.amount > 400\n"
    code, out, _ = licet("prove", policy(claims), "--output", "json")
    assert code == 1
    assert json.loads(out) == {
        "proof": "a",
        "mode": "never",
        "tool": "refund",
        "where": "p.licet:3:1",
        "status": "failed",
        "vacuous": False,
        "up_to": None,
        "reason": None,
        "witness": {
            "call": {
                "tool": "refund",
                "args": {"amount": 400.01},
                "now": "1970-01-01T00:00:00Z",
            },
            "matters": ["args.amount"],
            "params": {},
        },
    }


def test_thresholds(licet, policy):
    empty = policy("prove a never allow refund when args.amount > 20_000\n")
    assert licet("prove", empty).code == 0
    assert licet("prove", empty, "--fail-on", "warning").code == 1
    wrong = policy("prove a never allow refund\n")
    assert licet("prove", wrong).code == 1
    assert licet("prove", wrong, "--fail-on", "never").code == 0


@pytest.mark.parametrize(
    "options",
    [("--seconds", "0"), ("--seconds", "nan"), ("--list-bound", "0"), ("--list-bound", "99")],
)
def test_efforts_out_of_range(licet, policy, options):
    assert licet("prove", policy(), *options).code == 2


def test_no_proofs_and_a_wrong_policy(licet, policy):
    code, out, _ = licet("prove", policy())
    assert (code, "no proofs" in out) == (0, True)
    assert licet("prove", policy("prove a never allow refnd\n")).code == 2


@pytest.mark.parametrize("code", ["LIC401", "LIC402", "LIC403", "LIC404"])
def test_the_pages_tell_the_truth(licet, policy, tmp_path, code):
    for heading, wanted in (("Wrong", True), ("Right", False)):
        section = (codes.page(code) or "").split(f"## {heading}\n")[1].split("```")[1]
        (tmp_path / "page.licet").write_text(section.removeprefix("licet\n"), "utf-8")
        out = licet("prove", "page.licet", "--seconds", "2").out
        assert (f"[{code}]" in out) is wanted, out
