"""Messages → proposed calls: whose word each field is, by the role of who sent it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from licet.compiler.catalog import Catalog
from licet.verifier.batches import UnreadableBatchError, inner_calls

from .callers import Caller
from .messages import VOUCHED
from .problems import Problem


def call_of(data: dict[str, Any], caller: Caller) -> dict[str, Any]:
    """The call that a caller proposes, in the form of a call's JSON.

    What the credential's configuration says stands where a host says nothing; an agent has no say
    in it. Raises Problem 403 for a field that is not the caller's to send, and for a tool that its
    credential is not for.
    """
    if not caller.may_check(data["tool"]):
        raise Problem(403, "this credential is not for this tool", more={"path": "tool"})
    own: dict[str, Any] = {
        "principal": caller.principal,
        "context": caller.context,
        "session": {"id": caller.session or caller.name},
    }
    if caller.vouches:
        return {**own, **{key: value for key, value in data.items() if value is not None}}
    if foreign := sorted(VOUCHED.intersection(data)):
        text = f"`{foreign[0]}` is a host's word: this credential sends a tool and its arguments"
        raise Problem(403, text, more={"path": foreign[0]})
    return {**own, **data}


def check_reach(call: Mapping[str, Any], caller: Caller, catalog: Catalog) -> None:
    """Raises Problem 403 where a call, or one that is in a batch, is of a tool that the caller's
    credential is not for."""
    if caller.tools is None:
        return
    waiting = [(cast(str, call["tool"]), cast(Mapping[str, object], call.get("args") or {}))]
    while waiting:
        name, args = waiting.pop()
        if not caller.may_check(name):
            text = "this credential is not for a tool that is called here"
            raise Problem(403, text, more={"path": "tool"})
        tools = catalog.find(name)
        if len(tools) != 1 or not tools[0].dispatch:
            continue
        try:
            waiting += [(each.tool, each.args) for each in inner_calls(args, tools[0].params)]
        except UnreadableBatchError:
            text = "which tools this batch calls cannot be read, and this credential is for a few"
            raise Problem(403, text, more={"path": "args"}) from None
