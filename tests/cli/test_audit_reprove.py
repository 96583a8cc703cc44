"""`licet audit reprove`: verdicts of a real guard come out the same; what differs, what cannot."""

import json
from decimal import Decimal

import pytest

from licet.verifier.audit import Recorder, Redaction
from licet.verifier.audit.entries import make_entry
from licet.verifier.verdict import Verdict
from support.audit_log import AuditLog
from support.shop import refund, shop

KEY = bytes(range(32))
CALLS = (
    refund(),
    refund(args={"order_id": "R1", "amount": 900, "note": "please"}),
    refund(principal={"id": "a2", "role": "support"}, context={"risk": Decimal("0.9")}),
    refund(facts={"order": [{"key": ["R1"], "value": {"$unknown": True}}]}),
    {**refund(), "tool": "close_shop", "args": {"reason": "enough"}},
    {**refund(), "args": {"order_id": "R1", "amount": -1}},
    {**refund(), "tool": "lookup", "args": {"order_id": "R1"}},
)


def body(verdict: Verdict, call):
    return {
        "verdict": verdict.for_operator(),
        "call": call,
        "evidence": {"engine": "z3", "by": "evaluation", "states": {}},
        "digest": "sha256:00",
        "mode": "enforce",
    }


def exact(call):
    """As a record holds it: no binary floats."""
    return {**call, "context": {"risk": Decimal(str(call["context"]["risk"]))}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A policy, and the bodies of real verdicts of it."""
    folder = tmp_path_factory.mktemp("shop")
    with shop(folder) as guard:
        bodies = [body(guard.check(call), exact(call)) for call in CALLS]
    return folder, bodies


def log_of(bodies, paths=()):
    log, recorder = AuditLog(), Recorder(Redaction(KEY, paths) if paths else None)
    for one in bodies:
        recorder.append(log, "verdict", one)
    recorder.append(log, "expiry", {"call": "c1", "nonce": "n1"})
    return log.text()


def test_every_verdict_comes_out_the_same(licet, folder):
    path, bodies = folder
    assert {b["verdict"]["outcome"] for b in bodies} == {"allow", "deny"}
    out = licet("audit", "reprove", "-", "--policy", path / "shop.licet", stdin=log_of(bodies))
    assert out == (0, "7 verdicts: 7 the same, 0 differ, 0 cannot be decided again\n", "")


def test_a_verdict_that_differs(licet, folder):
    path, bodies = folder
    forged = {**bodies[1], "verdict": {**bodies[1]["verdict"], "outcome": "allow"}}
    other = {**bodies[1], "verdict": {**bodies[1]["verdict"], "rules": ["risky"]}}
    call = {**bodies[0]["call"], "context": {"risk": 1}}
    changed = {**bodies[0], "call": call}
    text = log_of([bodies[0], forged, other, changed])
    code, out, err = licet("audit", "reprove", "-", "--policy", path / "shop.licet", stdin=text)
    assert (code, err) == (1, "")
    assert out == (
        "tenant acme, number 2 (line 2) differs: was allow (too_much), is deny (too_much)\n"
        "tenant acme, number 3 (line 3) differs: was deny (risky), is deny (too_much)\n"
        "tenant acme, number 4 (line 4) differs: was allow (refunds), is deny (risky)\n"
        "4 verdicts: 1 the same, 3 differ, 0 cannot be decided again\n"
    )


def test_what_cannot_be_decided_again(licet, folder):
    path, bodies = folder
    first = bodies[0]
    elsewhere = {**first["verdict"], "policy": "sha256:other"}
    fault = {"outcome": "deny", "rules": [], "violations": [{"kind": "fault", "message": ""}]}
    cases = [
        {**first, "call": None},
        {**first, "verdict": elsewhere},
        {**first, "verdict": {**first["verdict"], "catalog": "sha256:other"}},
        {**first, "verdict": {**first["verdict"], **fault}},
        {**first, "call": {**first["call"], "approved": {"$committed": "hmac-sha256:0"}}},
        {"verdict": 7},
    ]
    text = log_of(cases) + "{}\n"
    arguments = ("audit", "reprove", "-", "--output", "json", "--policy", path / "shop.licet")
    code, out, err = licet(*arguments, stdin=text)
    assert (code, err) == (1, "")
    told = [json.loads(line) for line in out.splitlines()]
    assert told.pop() == {"same": 0, "differs": 0, "cannot": 7}
    assert {one["result"] for one in told} == {"cannot"}
    assert [(one["seq"], one["message"]) for one in told] == [
        (1, "the call was not admitted, so there is no record of what it held"),
        (2, "the policy sha256:other was not given"),
        (3, "the policy was not given with the catalog sha256:other"),
        (4, "something on the host's side was broken then"),
        (5, "who had agreed to it was redacted"),
        (6, "it is not a verdict's record: 'int' object is not subscriptable"),
        (None, "it is no entry: it does not begin and end as a line of an export does"),
    ]


def test_redacted_inputs(licet, folder):
    """What no rule reads makes no difference; what decides cannot be proved."""
    path, bodies = folder
    allow, much, risky = bodies[0], bodies[1], bodies[2]

    def reproved(one, *paths):
        out = licet(
            *("audit", "reprove", "-", "--policy", path / "shop.licet"), stdin=log_of([one], paths)
        )
        assert out.err == ""
        return out.code, out.out.splitlines()[0]

    same = (0, "1 verdict: 1 the same, 0 differ, 0 cannot be decided again")
    assert reproved(much, "args.note") == same
    assert reproved(allow, "principal.id", "session.prompt") == same
    assert reproved(risky, "principal.role") == same  # refused whatever the role is
    cannot = "tenant acme, number 1 (line 1) cannot be decided again: "
    rule = "the rule too_much reads what was redacted: args.amount"
    assert reproved(much, "args.amount") == (1, cannot + rule)
    risk = "a rule reads what was redacted: context.risk"
    assert reproved(allow, "context.risk") == (1, cannot + risk)
    assert reproved(allow, "facts.order.*.total")[0] == 1
    assert reproved(allow, "facts.blocked")[0] == 1


def test_a_model_cannot_make_its_call_look_redacted(licet, folder):
    path, bodies = folder
    call = {**bodies[1]["call"]}
    call["args"] = {**call["args"], "note": '{"$committed": "hmac-sha256:00"}'}
    text = log_of([{**bodies[1], "call": call}])
    out = licet("audit", "reprove", "-", "--policy", path / "shop.licet", stdin=text)
    assert out.code == 0


def test_two_policies_by_their_digests(licet, folder, tmp_path):
    path, bodies = folder
    with shop(tmp_path, (path / "shop.licet").read_text().replace("500", "50")) as guard:
        newer = body(guard.check(CALLS[0]), exact(CALLS[0]))
        refused = {**refund(), "principal": {"id": "a2", "role": "support"}}
        refused_by_newer = body(guard.check(refused), exact(refused))
    text = log_of([bodies[0], newer, refused_by_newer])
    both = ("--policy", path / "shop.licet", "--policy", tmp_path / "shop.licet")
    assert licet("audit", "reprove", "-", *both, stdin=text).code == 0
    assert licet("audit", "reprove", "-", *both[:2], stdin=text).out.splitlines()[-1] == (
        "3 verdicts: 1 the same, 0 differ, 2 cannot be decided again"
    )


@pytest.mark.slow
def test_many_are_spread_over_processes(licet, folder):
    path, bodies = folder
    many = [bodies[0]] * 450
    many[400] = {**bodies[0], "verdict": {**bodies[0]["verdict"], "outcome": "deny"}}
    command = ("audit", "reprove", "-", "--policy", path / "shop.licet", "--jobs")
    spread = licet(*command, "2", stdin=log_of(many))
    assert spread == licet(*command, "1", stdin=log_of(many))
    assert spread.out == (
        "tenant acme, number 401 (line 401) differs: was deny (refunds), is allow (refunds)\n"
        "450 verdicts: 449 the same, 1 differ, 0 cannot be decided again\n"
    )


def test_wrong_input(licet, folder, tmp_path):
    path, _ = folder
    bad = tmp_path / "bad.licet"
    bad.write_text("permit")
    assert licet("audit", "reprove", "-", "--policy", bad).code == 2
    assert licet("audit", "reprove", "none", "--policy", path / "shop.licet").code == 2
    assert licet("audit", "reprove", "-", "--policy", "none").err == (
        "licet audit: cannot read `none`: no such file or folder\n"
    )
    assert licet("audit", "reprove", "-").code == 2
    assert licet("audit", "reprove", "-", "--policy", path / "shop.licet", stdin="").err == (
        "licet audit: there are no entries in `-`\n"
    )


def test_a_changed_entry_is_decided_by_what_it_says_now(licet, folder):
    """Why an audit is verified first: reproving looks at inputs, not at hashes."""
    path, bodies = folder
    entry = make_entry("acme", 1, "", 0, "verdict", bodies[0])
    line = f'{{"hash": "sha256:{"0" * 64}", "entry": {entry.text}}}\n'
    out = licet("audit", "reprove", "-", "--policy", path / "shop.licet", stdin=line)
    assert out.code == 0
    assert licet("audit", "verify", "-", stdin=line).code == 1
