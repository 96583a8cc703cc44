"""The calls inside a call: what a tool that is declared `dispatch` would make of its arguments.

Read from the arguments that would run, one level at a time: a list of objects that each name a
tool and its arguments, in one of the spellings below, or one such object as the arguments
themselves. Where anything else could hold a call, the whole cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from licet.compiler.types import EnumType, OptionalType, RecordType

MAX_CALLS: Final = 100
MAX_NESTING: Final = 4
_NAMES: Final = ("tool", "name", "tool_name", "recipient_name")
_ARGUMENTS: Final = ("args", "arguments", "parameters", "input")


@dataclass(frozen=True, slots=True)
class InnerCall:
    """One call of a batch. `path` leads to its arguments (`calls[1].args`)."""

    tool: str
    args: Mapping[str, object]
    path: str


class UnreadableBatchError(ValueError):
    """The arguments do not show plainly which calls they hold. `path` is where (may be empty)."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path


def inner_calls(args: Mapping[str, object], params: RecordType) -> tuple[InnerCall, ...]:
    """The calls that the arguments of a dispatch tool hold, in their order.

    `params` are the tool's parameters. Raises UnreadableBatchError.
    """
    if (only := _named(args)) is not None:
        return (InnerCall(only[0], only[1], only[2]),)
    lists = [key for key, value in args.items() if isinstance(value, list | tuple)]
    if len(lists) != 1:
        raise UnreadableBatchError("a batch holds one list of calls")
    for key, value in args.items():
        if key != lists[0] and not _is_plain(value, params, key):
            raise UnreadableBatchError("this could hold a call beside the list of calls", key)
    items = args[lists[0]]
    assert isinstance(items, list | tuple)
    if len(items) > MAX_CALLS:
        raise UnreadableBatchError(f"over {MAX_CALLS} calls in one", lists[0])
    return tuple(_entries(lists[0], items))


def _entries(key: str, items: list[object] | tuple[object, ...]) -> Iterator[InnerCall]:
    for position, item in enumerate(items):
        where = f"{key}[{position}]"
        found = _named(item) if isinstance(item, Mapping) else None
        if found is None:
            raise UnreadableBatchError(
                "an entry of a batch is a tool's name and its arguments", where
            )
        name, args, spelling = found
        yield InnerCall(name, args, f"{where}.{spelling}")


def _named(item: Mapping[str, object]) -> tuple[str, Mapping[str, object], str] | None:
    """The tool, its arguments, and the key of those, of an object that is a call."""
    names = [key for key in _NAMES if key in item]
    arguments = [key for key in _ARGUMENTS if key in item]
    if len(names) == 1 and len(arguments) == 1 and len(item) == 2:
        name, args = item[names[0]], item[arguments[0]]
        if isinstance(name, str) and isinstance(args, Mapping):
            return name, args, arguments[0]
    return None


def _is_plain(value: object, params: RecordType, key: str) -> bool:
    """Whether a value beside the calls is none: text only where it is one of a few labels."""
    if isinstance(value, str):
        declared = params.field(key)
        kind = None if declared is None else declared.type
        kind = kind.inner if isinstance(kind, OptionalType) else kind
        return isinstance(kind, EnumType)
    return not isinstance(value, Mapping | list | tuple)
