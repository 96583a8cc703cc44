"""Plain Python functions as guarded tools: sync, async, generators and async generators.

    @guard.tool
    def refund(order_id: str, amount: float) -> dict: ...

    with guard.session(principal={...}):
        refund("R1", 40)

A call in no session of the guard is refused: nobody has said who acts. What is refused raises
`RefusedError`, whose text may be shown to a model. A generator is checked and redeemed when it is
first asked for a value, and settled when it ends, fails or is closed.
"""

from __future__ import annotations

import functools
import inspect
import secrets
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, Protocol, TypeVar, cast

from licet.adapters.catalogs.python import description_of, schema_of
from licet.verifier.sessions import Checking, GuardSession, current

from .describing import Entry, entry
from .gate import Ask, Gate, Redeeming, Refuse, RefusedError, Run

F = TypeVar("F", bound=Callable[..., Any])

#: On a guarded function, the name of its tool; on a guard, its guarded functions by that name.
_TOOL = "_licet_tool"
_TOOLS = "_licet_tools"


class Guarding(Checking, Redeeming, Protocol):
    """A guard, in this process or elsewhere."""


def guarded(guard: Guarding, function: F, *, name: str | None = None) -> F:
    """`function`, which runs only what the guard allows. `name`: of its tool, else its own.

    Raises TypeError for a function that takes any number of positional arguments, which have no
    names to write rules about.
    """
    tool = name or str(getattr(function, "__name__", ""))
    signature = inspect.signature(function)
    if any(p.kind is p.VAR_POSITIONAL for p in signature.parameters.values()):
        raise TypeError(f"`{tool}` takes *args, whose values have no names in a policy")
    wrapper: Callable[..., Any]

    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            gate, given = _gate(guard, tool), _arguments(signature, args, kwargs)
            return _async_steps(gate, tool, given, wrapper, function, signature)

    elif inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            gate, given = _gate(guard, tool), _arguments(signature, args, kwargs)
            return _steps(gate, tool, given, wrapper, function, signature)

    elif inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            gate, given = _gate(guard, tool), _arguments(signature, args, kwargs)
            run = _run(await gate.acheck(tool, given, id=_new_id(), built=wrapper))
            async with gate.arunning(run, given) as call:
                answer = call.result = await _called(function, signature, call.args)
            return answer

    else:

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            gate, given = _gate(guard, tool), _arguments(signature, args, kwargs)
            run = _run(gate.check(tool, given, id=_new_id(), built=wrapper))
            with gate.running(run, given) as call:
                answer = call.result = _called(function, signature, call.args)
            return answer

    vars(wrapper)[_TOOL] = tool
    vars(guard).setdefault(_TOOLS, {})[tool] = wrapper
    return cast(F, wrapper)


def tools_of(found: object) -> list[Callable[..., Any]] | None:
    """The functions that stand under a guard's `@guard.tool`; None where there are none."""
    functions = getattr(found, _TOOLS, None)
    return list(functions.values()) if isinstance(functions, dict) else None


def described(function: Callable[..., Any]) -> Entry:
    """A function as a tool. Raises ValueError for one whose arguments have no types."""
    name = str(getattr(function, _TOOL, function.__name__))
    return entry(name, description_of(function), schema_of(function))


def _steps(
    gate: Gate,
    tool: str,
    given: dict[str, Any],
    wrapper: object,
    function: Callable[..., Any],
    signature: inspect.Signature,
) -> Generator[Any, Any, Any]:
    run = _run(gate.check(tool, given, id=_new_id(), built=wrapper))
    with gate.running(run, given) as call:
        return (yield from _called(function, signature, call.args))


async def _async_steps(
    gate: Gate,
    tool: str,
    given: dict[str, Any],
    wrapper: object,
    function: Callable[..., Any],
    signature: inspect.Signature,
) -> AsyncGenerator[Any, Any]:
    run = _run(await gate.acheck(tool, given, id=_new_id(), built=wrapper))
    async with gate.arunning(run, given) as call:
        steps = _called(function, signature, call.args)
        try:
            value = await anext(steps)
            while True:
                try:
                    sent = yield value
                except GeneratorExit:
                    raise
                except BaseException as error:
                    value = await steps.athrow(error)
                else:
                    value = await steps.asend(sent)
        except StopAsyncIteration:
            pass
        finally:
            await steps.aclose()


def _gate(guard: Guarding, tool: str) -> Gate:
    session = current(guard)
    if session is None:
        said = f"{tool} was not run: it is called in no session, so nobody has said who acts."
        raise RefusedError(Refuse(tool, said))
    return gate_of(session)


def gate_of(session: GuardSession[Guarding]) -> Gate:
    """The one gate of a session, so that repeated refusals are counted together."""
    gate: Gate | None = vars(session).get("_gate")
    if gate is None:
        gate = vars(session).setdefault("_gate", Gate(session, described))
    return gate


def _arguments(
    signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """What the function would run with: defaults included, those of None left out."""
    bound = signature.bind(*args, **kwargs)
    given = set(bound.arguments)
    bound.apply_defaults()
    arguments: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            arguments.update(value)
        elif name in given or value is not None:
            arguments[name] = value
    return arguments


def _called(
    function: Callable[..., Any], signature: inspect.Signature, args: dict[str, Any]
) -> Any:
    first = [
        p.name for p in signature.parameters.values() if p.kind is inspect.Parameter.POSITIONAL_ONLY
    ]
    named = {name: value for name, value in args.items() if name not in first}
    return function(*(args[name] for name in first if name in args), **named)


def _run(decision: Run | Refuse | Ask) -> Run:
    if not isinstance(decision, Run):
        raise RefusedError(decision)
    return decision


def _new_id() -> str:
    return secrets.token_urlsafe(12)
