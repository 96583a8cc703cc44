"""Entries: their text, their chain, what cannot be recorded."""

import hashlib
import json
from decimal import Decimal

import pytest

from licet.compiler.exact_json import decode
from licet.verifier.audit import (
    EntryError,
    FieldPathError,
    Recorder,
    Redaction,
    entry_of,
    line_of,
)
from licet.verifier.audit.entries import body_of
from licet.verifier.history import Head
from support.audit_log import AuditLog, filled

KEY = bytes(range(32))


def test_the_text_and_the_hash_of_entries():
    log = AuditLog()
    log.set_head(Head(seq=4, change=9, policy="sha256:p"))
    recorder = Recorder()
    first = recorder.append(log, "expiry", {"call": "c1", "nonce": "n1"})
    second = recorder.append(log, "mode", {"mode": "observe", "until": "2026-12-01T00:00:00Z"})
    assert first.text == (
        '{"v": 1, "tenant": "acme", "seq": 1, "previous": "", "at": "2026-11-18T11:06:40Z", '
        '"kind": "expiry", "body": {"call": "c1", "nonce": "n1"}}'
    )
    assert (
        first.hash
        == "sha256:" + hashlib.sha256(b"licet audit entry 1\n\n" + first.text.encode()).hexdigest()
    )
    assert json.loads(second.text)["previous"] == first.hash
    assert (
        second.hash
        == "sha256:"
        + hashlib.sha256(
            b"licet audit entry 1\n" + first.hash.encode() + b"\n" + second.text.encode()
        ).hexdigest()
    )
    assert log.entries == [first, second]
    assert log.head() == Head(
        seq=4, change=9, policy="sha256:p", audit_seq=2, audit_hash=second.hash
    )


def test_numbers_are_exact():
    log = AuditLog()
    entry = Recorder().append(
        log, "settlement", {"result": [9007199254740993, Decimal("0.10"), Decimal("1e-30")]}
    )
    assert body_of(entry.text) == {"result": [9007199254740993, Decimal("0.1"), Decimal("1e-30")]}
    assert entry_of(line_of(entry).encode()) == entry


@pytest.mark.parametrize("value", [0.1, float("nan"), object(), b"x", {1: 2}, {"a": {1, 2}}])
def test_what_is_not_exact_json_is_not_recorded(value):
    log = AuditLog()
    with pytest.raises((TypeError, ValueError)):
        Recorder().append(log, "settlement", {"result": value})
    assert (log.entries, log.head()) == ([], Head())


def test_what_no_reader_would_take_is_not_recorded():
    log = AuditLog()
    with pytest.raises(ValueError, match="longer than any reader takes"):
        Recorder().append(log, "settlement", {"result": ["\U0001f600" * 100_000] * 60})
    assert (log.entries, log.head()) == ([], Head())


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="no kind of audit entry"):
        Recorder().append(AuditLog(), "verdcit", {})


def test_a_call_as_deep_as_calls_may_be():
    deep = decode("[" * 62 + "]" * 62)
    body = {"verdict": {"counterexample": {"args": {"a": deep}}}, "call": {"args": {"a": deep}}}
    entry = Recorder().append(AuditLog(), "verdict", body)
    assert body_of(entry.text) == body


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}\n",
        b'{"hash": "sha256:00", "entry": {}}\n',
        line_of(filled(1).entries[0]).encode()[:-1],
        line_of(filled(1).entries[0]).replace('"v": 1', '"v": 2').encode(),
        line_of(filled(1).entries[0]).replace('"seq": 1', '"seq": 01').encode(),
        line_of(filled(1).entries[0]).replace("acme", "acmé").encode(),
        line_of(filled(1).entries[0]).replace("acme", "ac\x00me").encode(),
    ],
)
def test_what_is_no_entry(line):
    with pytest.raises(EntryError):
        entry_of(line)


# --- redaction


def redacted(body, *paths):
    return body_of(Recorder(Redaction(KEY, paths)).append(AuditLog(), "verdict", body).text)


def test_the_named_fields_and_nothing_else():
    call = {
        "tool": "send",
        "args": {"body": "hello there", "to": ["a@x.org", "b@x.org"], "amount": 3},
        "principal": {"email": "me@x.org", "id": "p1"},
        "facts": {
            "order": [
                {"key": ["R1"], "value": {"card": "4111", "total": 5}},
                {"key": ["R2"], "value": None},
            ]
        },
        "history": [{"name": "spent", "key": ["p1"], "value": 700}],
    }
    found = redacted(
        {"verdict": {"outcome": "allow", "tool": "send"}, "call": call, "digest": "sha256:1"},
        "args.body",
        "args.to.*",
        "principal.email",
        "facts.order.*.card",
        "history.spent",
    )
    places = [tuple(place) for place in found["redacted"]]
    assert places == [
        ("call", "args", "body"),
        ("call", "args", "to", "0"),
        ("call", "args", "to", "1"),
        ("call", "principal", "email"),
        ("call", "facts", "order", "0", "value", "card"),
        ("call", "history", "0", "key"),
        ("call", "history", "0", "value"),
        ("digest",),
    ]
    assert found["call"]["args"]["amount"] == 3
    assert found["call"]["principal"]["id"] == "p1"
    assert found["call"]["facts"]["order"][1] == {"key": ["R2"], "value": None}
    assert found["verdict"] == {"outcome": "allow", "tool": "send"}


def test_a_model_cannot_hide_what_the_policy_says():
    """By writing names of tools, rules or people into an argument that is hidden."""
    verdict = {
        "id": "v1",
        "outcome": "deny",
        "tool": "refund",
        "rules": ["too_much"],
        "violations": [{"kind": "forbidden", "message": "No.", "rule": "too_much"}],
        "policy": "sha256:p",
    }
    note = "refund too_much deny forbidden sha256:p v1 p1 enforce"
    call = {"tool": "refund", "args": {"note": note}, "principal": {"id": "p1"}}
    found = redacted({"verdict": verdict, "call": call, "mode": "enforce"}, "args.note")
    assert found["verdict"] == verdict
    assert found["call"]["principal"] == {"id": "p1"}
    assert found["mode"] == "enforce"


def test_messages_that_have_nothing_to_do_with_it_are_kept():
    verdict = {"violations": [{"message": "Support refunds at most 500."}], "message": "Refused."}
    call = {"args": {"card": "4111-2222-3333"}}
    assert redacted({"verdict": verdict, "call": call}, "args.card")["verdict"] == verdict


def test_texts_without_a_call_to_compare_them_with_are_hidden():
    body = {"approval": "a1", "event": "asked", "by": "u1", "text": "Pay 4111?", "rules": ["big"]}
    found = redacted(body, "args.card")
    assert set(found["text"]) == {"$committed"}
    assert {**found, "text": "Pay 4111?"} == {**body, "redacted": [["text"]]}


def test_a_hidden_number_hides_every_text_with_a_number():
    verdict = {"violations": [{"message": "The sum is 1,233."}], "message": "Refused."}
    found = redacted({"verdict": verdict, "call": {"args": {"amount": 411}}}, "args.amount")
    assert set(found["verdict"]["violations"][0]["message"]) == {"$committed"}
    assert found["verdict"]["message"] == "Refused."


@pytest.mark.parametrize(
    "path", ["", "args", "tool.x", "args.", "args..a", "args.a b", "now.x", "*"]
)
def test_paths_that_name_no_field(path):
    with pytest.raises(FieldPathError):
        Redaction(KEY, [path])


def test_a_short_key_is_refused():
    with pytest.raises(ValueError, match="32 bytes"):
        Redaction(b"short", ["args.x"])
