"""Tools that hide calls (`dispatch`): a batch is unwrapped into its calls, or refused.

A call of a dispatch tool is allowed exactly if the call itself and every call in it are. What is
in it is found where batches keep their calls: a list of objects that each name a tool and its
arguments, in one of the spellings below. A batch in a batch is unwrapped too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from .reading import UnreadableCallError, WrittenCall

MAX_CALLS: Final = 100
MAX_NESTING: Final = 4
_NAMES: Final = ("tool", "name", "tool_name", "recipient_name")
_ARGUMENTS: Final = ("args", "arguments", "parameters", "input")


def unwrapped(
    args: Mapping[str, object], is_dispatch: Callable[[str], bool]
) -> tuple[WrittenCall, ...]:
    """The calls inside the arguments of a dispatch tool, those of inner batches after them.

    `is_dispatch` says of a tool's name whether it hides calls itself. Raises UnreadableCallError
    where the arguments do not show plainly which calls they hold.
    """
    found: list[WrittenCall] = []
    for call in _calls(args, is_dispatch, 0):
        found.append(call)
        if len(found) > MAX_CALLS:
            raise UnreadableCallError(f"over {MAX_CALLS} calls in one")
    return tuple(found)


def _calls(
    args: Mapping[str, object], is_dispatch: Callable[[str], bool], depth: int
) -> Iterator[WrittenCall]:
    if depth > MAX_NESTING:
        raise UnreadableCallError(f"batches in batches, deeper than {MAX_NESTING}")
    lists = [value for value in args.values() if isinstance(value, list | tuple)]
    if len(lists) != 1:
        raise UnreadableCallError("a batch holds one list of calls")
    for item in lists[0]:
        call = _call(item)
        yield call
        if is_dispatch(call.tool):
            yield from _calls(call.args, is_dispatch, depth + 1)


def _call(item: object) -> WrittenCall:
    if isinstance(item, Mapping):
        names = [key for key in _NAMES if key in item]
        arguments = [key for key in _ARGUMENTS if key in item]
        if len(names) == 1 and len(arguments) == 1 and len(item) == 2:
            name, args = item[names[0]], item[arguments[0]]
            if isinstance(name, str) and isinstance(args, Mapping):
                return WrittenCall(name, {str(key): value for key, value in args.items()})
    raise UnreadableCallError("an entry of a batch is a tool's name and its arguments")
