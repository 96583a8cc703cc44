import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from licet.verifier.action import Action, ActionError


def test_the_json_form() -> None:
    text = (
        '{"id": "c1", "tool": "refund", "args": {"amount": 499.990}, "principal": {"id": "a"},'
        ' "context": {"ok": true}, "session": "s1", "now": "2026-11-22T15:00:00Z",'
        ' "facts": {"reservation": [{"key": ["R1"], "value": null}]}}'
    )
    assert Action.from_json(text) == Action(
        tool="refund",
        args={"amount": Decimal("499.990")},
        principal={"id": "a"},
        context={"ok": True},
        session={"id": "s1"},
        facts={"reservation": [{"key": ["R1"], "value": None}]},
        now="2026-11-22T15:00:00Z",
        id="c1",
    )


def test_python_forms() -> None:
    action = Action("t", facts={"f": {"a": 1, ("b", 2): 3}}, now=datetime(2026, 1, 1, tzinfo=UTC))
    assert action.facts == {"f": [{"key": ["a"], "value": 1}, {"key": ["b", 2], "value": 3}]}
    assert action.now == "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("text", "message", "path"),
    [
        ("[]", "a call is an object", ()),
        ("{}", "a call names its `tool`", ("tool",)),
        ('{"tool":null}', "`tool` is not a text with at least one character", ("tool",)),
        ('{"tool":""}', "`tool` is not a text with at least one character", ("tool",)),
        ('{"tool":"t","arg":{}}', "a call has no `arg`; did you mean `args`?", ("arg",)),
        ('{"tool":"t","args":[]}', "`args` is not an object", ("args",)),
        ('{"tool":"t","session":1}', "`session` is not an object", ("session",)),
        ('{"tool":"t","now":1}', "`now` is not a time", ("now",)),
        ('{"tool":"t","facts":{"f":1}}', "the values of a fact are a list", ("facts", "f")),
        ('{"tool":"t","tool":"u"}', "the key `tool` stands twice in one object", ()),
        ('{"tool":"t","args":{"a":NaN}}', "`NaN` is not a number of JSON", ("args", "a")),
        (
            '{"tool":"t","args":{"a":1e400}}',
            "a number has over 100 digits or a huge exponent",
            ("args", "a"),
        ),
        ('{"tool":"t","args":' + '{"a":' * 10_000, "the value nests deeper than 64", ()),
        ('"' + "a" * 10_000_000 + '"', "the text is longer than 4,000,000 characters", ()),
    ],
)
def test_refused(text: str, message: str, path: tuple[object, ...]) -> None:
    start = time.thread_time()
    with pytest.raises(ActionError) as caught:
        Action.from_json(text)
    assert (caught.value.message, caught.value.path) == (message, path)
    assert time.thread_time() - start < 1


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ActionError):
        Action("t", now=datetime(2026, 1, 1))
