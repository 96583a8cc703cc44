"""Law: an entry's bytes hold no value of a redacted field, wherever the verdict quotes it; and
with the key, every commitment can be checked against the value that it stands for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licet import Guard
from licet.compiler.exact_json import escaped, shortened
from licet.compiler.values import quoted
from licet.verifier.audit import Recorder, Redaction
from licet.verifier.audit.entries import body_of
from support.audit_log import AuditLog
from support.shop import refund, shop

KEY = bytes(range(32))
PATHS = ("args.note", "args.order_id", "principal.id", "facts.order.*.owner", "session.prompt")
#: Nothing that is part of the words of an entry anyway.
secrets = st.text(
    st.characters(codec="utf-8", categories=("Lu", "Lo", "Nd", "Po", "Sm", "Cf", "Zs", "Cc")),
    min_size=6,
    max_size=200,
).filter(lambda text: len(set(text)) > 4)


def spellings(secret: str) -> list[str]:
    """As an entry's bytes may hold it."""
    return [json.dumps(secret)[1:-1], json.dumps(escaped(secret))[1:-1]]


def entry(body: Mapping[str, Any], paths: tuple[str, ...] = PATHS) -> str:
    log = AuditLog()
    return Recorder(Redaction(KEY, paths)).append(log, "verdict", body).text  # type: ignore[arg-type]


def body(verdict: Mapping[str, Any], call: Mapping[str, Any] | None) -> dict[str, Any]:
    evidence = {"engine": "z3", "by": "evaluation", "states": {}}
    return {
        "verdict": verdict,
        "call": call,
        "evidence": evidence,
        "digest": "sha256:00",
        "mode": "enforce",
    }


def quoting(secret: str) -> list[str]:
    """Texts as licet makes them of a value."""
    return [
        f"The owner {secret} is blocked.",
        f"not {shortened(secret)}",
        f"note = {quoted(secret)}",
        f"expected a number, got {secret!r}",
        f"ends in {secret[-4:]}",
        secret.casefold(),
    ]


@given(secret=secrets, data=st.data())
def test_texts_that_quote_a_hidden_value(secret: str, data: st.DataObject) -> None:
    said = data.draw(st.sampled_from(quoting(secret)))
    call = {"tool": "refund", "args": {"note": secret, "amount": 7}, "facts": {"order": []}}
    verdict = {
        "id": "v1",
        "outcome": "deny",
        "tool": "refund",
        "rules": ["limit"],
        "violations": [
            {"kind": "forbidden", "message": said, "rule": "limit", "path": "args.note"}
        ],
        "because": [
            {"path": "args.note", "value": quoted(secret)},
            {"path": f"order({quoted(secret)}).total", "value": "7"},
            {"path": "session.prompt", "value": quoted(secret)},
        ],
        "counterexample": {**call, "context": {"copy": secret, secret: 1}},
        "repair": {
            "outcome": "allow",
            "changes": [{"path": "args.note", "old": secret, "new": "x"}],
            "args": {"note": "x", "other": secret},
            "bound": f"args.note < {secret}",
        },
        "message": f"refund was refused: {said} (rule limit).",
        "settle": [f"order({quoted(secret)})"],
    }
    text = entry(body(verdict, call))
    for spelling in spellings(secret):
        assert spelling not in text
    assert said[:30] not in json.loads(text)["body"]["verdict"]["message"]
    kept = json.loads(text)["body"]["verdict"]
    assert (kept["tool"], kept["rules"], kept["violations"][0]["rule"]) == (
        "refund",
        ["limit"],
        "limit",
    )


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    with shop(tmp_path_factory.mktemp("shop")) as made:
        yield made


@given(note=secrets, order=secrets, owner=secrets, prompt=secrets)
@settings(max_examples=15)
def test_verdicts_of_a_guard(guard: Guard, note: str, order: str, owner: str, prompt: str) -> None:
    call = refund(
        args={"order_id": order, "amount": 900, "note": note},
        facts={
            "order": [{"key": [order], "value": {"owner": owner, "total": 200}}],
            "blocked": [{"key": [owner], "value": True}],
        },
        context={"risk": Decimal("0.1")},
        session={"prompt": prompt},
    )
    verdict = guard.check(call)
    assert verdict.rules == ("too_much", "blocked_owner")
    text = entry(body(verdict.for_operator(), call))
    for secret in (note, order, owner, prompt):
        for spelling in spellings(secret):
            assert spelling not in text


@given(secret=secrets)
def test_a_call_that_was_not_admitted(secret: str) -> None:
    """Its text may quote anything, and there is nothing to compare it with."""
    said = f"args.note: expected a number, got {shortened(secret)}"
    verdict = {
        "tool": "refund",
        "violations": [{"kind": "bad_argument", "message": said, "path": "args.note"}],
        "message": said,
    }
    text = entry(body(verdict, None))
    for spelling in spellings(secret):
        assert spelling not in text
    assert "expected a number" not in text


# --- checking a claim


def places(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where commitments stand."""
    if isinstance(value, dict):
        if set(value) == {"$committed"}:
            yield place
        else:
            for key, item in value.items():
                yield from places(item, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*place, str(index)))


def at(value: Any, place: tuple[str, ...]) -> Any:
    for step in place:
        value = value[int(step) if isinstance(value, list) else step]
    return value


@given(
    args=st.dictionaries(
        st.text(min_size=1, max_size=5),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
            max_leaves=5,
        ),
    )
)
def test_every_commitment_can_be_checked(args: dict[str, Any]) -> None:
    given_body = body({"tool": "refund", "violations": []}, {"tool": "refund", "args": args})
    redaction = Redaction(KEY, ["args.*"])
    redacted = body_of(entry(given_body, ("args.*",)))
    listed = [tuple(place) for place in redacted.pop("redacted", [])]  # type: ignore[attr-defined]
    assert sorted(listed) == sorted(places(redacted))
    for place in listed:
        claim = redaction.commitment("acme", 1, place, at(given_body, place))
        assert at(redacted, place) == claim
        assert at(redacted, place) != redaction.commitment("acme", 1, place, "another")
        assert at(redacted, place) != redaction.commitment("acme", 2, place, at(given_body, place))
        other_key = Redaction(bytes(32), ["args.*"])
        assert at(redacted, place) != other_key.commitment("acme", 1, place, at(given_body, place))
    assert len({str(at(redacted, place)) for place in listed}) == len(listed)
