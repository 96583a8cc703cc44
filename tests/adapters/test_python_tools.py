"""Python functions and pydantic models as tools."""

import enum
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from licet import Guard
from licet.adapters.catalogs.python import catalog_of, tool_of
from licet.compiler import types as t


class Cabin(enum.StrEnum):
    economy = "economy"
    business = "business"


class Leg(BaseModel):
    """A leg."""

    city: str
    stops: int = Field(0, ge=0, le=3)


def book(
    legs: list[Leg],
    amount: Annotated[float, Field(gt=0)],
    cabin: Cabin = Cabin.economy,
    note: str | None = None,
    *,
    how: Literal["card", "cash"] = "card",
) -> bool:
    """Books legs,
    and pays.

    More about it.
    """
    raise NotImplementedError


def look(id: str) -> None:
    """Looks."""


def test_a_function_is_a_tool() -> None:
    tool = tool_of(book, "desk")
    leg = t.RecordType("", (t.Field("city", t.STRING), t.Field("stops", t.IntType(0, 3), 0)), True)
    assert tool.params == t.RecordType(
        "",
        (
            t.Field("legs", t.ListType(leg)),
            t.Field("amount", t.DecimalType(Fraction(0), low_open=True)),
            t.Field("cabin", t.EnumType("", ("economy", "business")), "economy"),
            t.Field("note", t.OptionalType(t.STRING)),
            t.Field("how", t.EnumType("", ("card", "cash")), "card"),
        ),
    )
    assert (tool.qualified, tool.description) == ("desk.book", "Books legs, and pays.")
    assert (tool.read_only, tool.destructive) == (False, True)


def test_a_model_is_a_tool() -> None:
    tool = tool_of(Leg)
    assert (tool.name, tool.description, tool.params.open) == ("Leg", "A leg.", False)


def untyped(a):  # type: ignore[no-untyped-def]
    return a


def several(*args: int) -> None: ...


def positional(a: int, /) -> None: ...


def open_ended(**options: int) -> None: ...


def callback(a: "Any", b: "Undefined") -> None: ...  # type: ignore[name-defined] # noqa: F821


@pytest.mark.parametrize(
    ("described", "reason"),
    [
        (untyped, "does not say of which type `a` is"),
        (several, "which no call can give by name"),
        (positional, "which no call can give by name"),
        (open_ended, "which no call can give by name"),
        (callback, "has no schema"),
        (Path, "is a class, but no pydantic model"),
    ],
)
def test_what_cannot_be_described(described: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        tool_of(described)


def test_a_catalog_for_a_guard(tmp_path: Path) -> None:
    catalog = catalog_of([book, look], "desk", read_only=["look"])
    policy = tmp_path / "p.licet"
    policy.write_text("permit reads on any when tool.read_only\n")
    with Guard.load(policy, catalog=catalog) as guard:
        assert guard.check({"tool": "desk.look", "args": {"id": "1"}}).allowed
        assert not guard.check({"tool": "book", "args": {"legs": [], "amount": 1}}).allowed
    with pytest.raises(ValueError, match="two tools are named `look`"):
        catalog_of([look, look], "desk")
    with pytest.raises(ValueError, match="there is no tool `lok`"):
        catalog_of([look], "desk", read_only=["lok"])
