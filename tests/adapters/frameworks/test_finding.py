"""Whose tools an object has, where no framework is needed for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from licet import Guard
from licet.adapters.frameworks.describing import entry
from licet.adapters.frameworks.finding import listed


def refund(order_id: str, amount: float = 1.5) -> str:
    """Pay an order
    back.

    At length.
    """
    raise NotImplementedError


async def lookup(title: str) -> str:
    raise NotImplementedError


REFUND: dict[str, Any] = {
    "name": "refund",
    "description": "Pay an order back.",
    "inputSchema": {
        "type": "object",
        "properties": {
            "order_id": {"type": "string"},
            "amount": {"type": "number", "default": 1.5},
        },
        "required": ["order_id"],
    },
    "_meta": {"licet/agent": True},
}


def test_functions_by_themselves_and_in_collections() -> None:
    assert listed(refund) == [REFUND]
    assert [each["name"] for each in listed([refund, {"x": lookup}])] == ["refund", "lookup"]


def test_a_guard_lists_what_it_guards(tmp_path: Path) -> None:
    policy = tmp_path / "p.licet"
    policy.write_text("permit everything on any\ntool pay()\n", "utf-8")
    with Guard.load(policy) as guard:
        with pytest.raises(TypeError, match="it is a Guard"):
            listed(guard)
        guarded = guard.tool(name="pay")(refund)
        assert listed(guard) == listed(guarded) == [{**REFUND, "name": "pay"}]


@pytest.mark.parametrize("found", [None, 7, "refund", object(), int])
def test_what_has_no_tools(found: object) -> None:
    with pytest.raises(TypeError):
        listed(found)


def test_titles_of_schemas_go_and_names_stay() -> None:
    schema = {
        "title": "Args",
        "properties": {
            "title": {"title": "Title", "type": "string", "enum": ["title"]},
            "default": {"anyOf": [{"title": "X", "type": "null"}], "default": {"title": "kept"}},
        },
    }
    assert entry("t", None, schema)["inputSchema"] == {
        "properties": {
            "title": {"type": "string", "enum": ["title"]},
            "default": {"anyOf": [{"type": "null"}], "default": {"title": "kept"}},
        },
    }
    with pytest.raises(ValueError, match="JSON"):
        entry("t", None, {"default": float("nan")})
