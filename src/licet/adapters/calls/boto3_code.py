"""Python code that calls AWS through boto3 → the calls that it makes, in their order.

What is read is what runs from top to bottom for certain: imports of boto3, names bound to literals,
sessions and clients, and calls of a client's methods. Everything else could make a call that
nobody sees (a loop, a condition, a function, another library), so it is refused.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Mapping
from typing import Final

from licet.adapters.catalogs.extras import needed

from .reading import UnreadableCallError, WrittenCall

MAX_CODE: Final = 100_000
MAX_CALLS: Final = 1_000
_CLIENT_OPTIONS: Final = frozenset(
    ("region_name", "api_version", "use_ssl", "verify", "config", "profile_name")
)


class _Module:
    """The name `boto3`, or a session: what clients are made of."""


class _Result:
    """What a call answers: it may be printed, and is no argument."""


class _Client:
    def __init__(self, service: str) -> None:
        self.service = service


_Bound = object


def read(code: str) -> tuple[WrittenCall, ...]:
    """The calls of a text. Raises UnreadableCallError, and MissingExtraError without botocore."""
    if len(code) > MAX_CODE:
        raise UnreadableCallError(f"the code is longer than {MAX_CODE:,} characters")
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UnreadableCallError("this is no Python") from None
    reader = _Reader()
    try:
        for statement in tree.body:
            reader.statement(statement)
    except RecursionError:
        raise UnreadableCallError("the code nests too deeply") from None
    return tuple(reader.calls)


class _Reader:
    def __init__(self) -> None:
        self.names: dict[str, _Bound] = {}
        self.calls: list[WrittenCall] = []

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Import(names=names) if all(name.name == "boto3" for name in names):
                for name in names:
                    self.names[name.asname or "boto3"] = _Module()
            case ast.Import(names=names) if all(name.name in ("json",) for name in names):
                pass
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self.names[name] = self.value(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self.names[name] = self.value(value)
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                pass
            case ast.Expr(value=ast.Call(func=ast.Name(id="print"), args=args, keywords=[])):
                if "print" in self.names:
                    raise UnreadableCallError("`print` is another thing here", node.lineno)
                for each in args:
                    self.value(each)
            case ast.Expr(value=value):
                self.value(value)
            case _:
                what = type(node).__name__.lower()
                raise UnreadableCallError(f"a statement `{what}` is not read", node.lineno)

    def value(self, node: ast.expr) -> _Bound:
        """The value of an expression: data, or one of the things above."""
        match node:
            case ast.Constant(value=None | bool() | int() | float() | str() as plain):
                return plain
            case ast.Constant(value=bytes() as data):
                try:
                    return data.decode("utf-8")
                except UnicodeDecodeError:
                    raise UnreadableCallError("bytes that are no text", node.lineno) from None
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return -number
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return [self.data(item) for item in items]
            case ast.Dict(keys=keys, values=values):
                found: dict[object, object] = {}
                for key, item in zip(keys, values, strict=True):
                    name = None if key is None else self.data(key)
                    if not isinstance(name, str):
                        raise UnreadableCallError("a key that is no text", node.lineno)
                    found[name] = self.data(item)
                return found
            case ast.Name(id=name, ctx=ast.Load()):
                if name not in self.names:
                    raise UnreadableCallError(f"`{name}` is not known", node.lineno)
                return self.names[name]
            case ast.Subscript(value=inner, slice=place):
                whole = self.value(inner)
                self.data(place)
                if isinstance(whole, _Result):
                    return whole
                raise UnreadableCallError("a part of something is not read", node.lineno)
            case ast.Call():
                return self.call(node)
            case _:
                what = type(node).__name__.lower()
                raise UnreadableCallError(f"an expression `{what}` is not read", node.lineno)

    def data(self, node: ast.expr) -> object:
        """A value that is data. What a call answers is not known before it runs."""
        found = self.value(node)
        if isinstance(found, _Result):
            raise UnreadableCallError(
                "an argument is computed from what another call answers", node.lineno
            )
        if isinstance(found, _Module | _Client):
            raise UnreadableCallError("an argument is no data", node.lineno)
        return found

    def call(self, node: ast.Call) -> _Bound:
        if not isinstance(node.func, ast.Attribute):
            raise UnreadableCallError("only clients of boto3 are called", node.lineno)
        target, method = self.value(node.func.value), node.func.attr
        given: dict[str, object] = {}
        for keyword in node.keywords:
            if keyword.arg is None:
                spread = self.data(keyword.value)
                if not isinstance(spread, Mapping):
                    raise UnreadableCallError("`**` of what is no dict", node.lineno)
                more = {str(name): item for name, item in spread.items()}
            else:
                more = {keyword.arg: self.data(keyword.value)}
            if twice := given.keys() & more.keys():
                raise UnreadableCallError(f"`{min(twice)}` is given twice", node.lineno)
            given |= more
        plain = [self.data(each) for each in node.args]
        if isinstance(target, _Module):
            return self.made(method, plain, given, node.lineno)
        if isinstance(target, _Client):
            tool = _tool(target.service, method, node.lineno)
            if plain:
                raise UnreadableCallError("a client takes its arguments by name", node.lineno)
            if len(self.calls) == MAX_CALLS:
                raise UnreadableCallError(f"over {MAX_CALLS:,} calls", node.lineno)
            self.calls.append(WrittenCall(tool, given, node.lineno))
            return _Result()
        raise UnreadableCallError("only clients of boto3 are called", node.lineno)

    def made(self, method: str, plain: list[object], given: dict[str, object], line: int) -> _Bound:
        """What `boto3` or a session makes."""
        if method == "Session" and not plain and given.keys() <= _CLIENT_OPTIONS:
            return _Module()
        if method == "client":
            service = given.pop("service_name", plain[0] if plain else None)
            rest = plain[1:] if plain else []
            if rest or not given.keys() <= _CLIENT_OPTIONS:  # an endpoint could be anything
                raise UnreadableCallError("a client takes a service and a region here", line)
            if isinstance(service, str):
                return _Client(service)
        raise UnreadableCallError(f"`{method}` of boto3 is not read", line)


def _tool(service: str, method: str, line: int) -> str:
    """The operation that a method stands for; a method that there is not keeps its name."""
    if method.startswith("_") or method in (
        *("get_paginator", "get_waiter", "generate_presigned_url", "generate_presigned_post"),
        *("can_paginate", "close", "exceptions", "meta", "waiter_names"),
        *("upload_file", "upload_fileobj", "download_file", "download_fileobj", "copy"),
    ):
        raise UnreadableCallError(f"`{method}` is no operation: it makes calls of its own", line)
    return f"{service}.{_methods(service).get(method, method)}"


@functools.lru_cache(maxsize=512)
def _methods(service: str) -> Mapping[str, str]:
    """The operations of a service by the name of their method."""
    from licet.adapters.catalogs import aws

    named = needed("botocore", "aws").xform_name
    try:
        operations = aws.service(service).names()
    except KeyError:
        return {}
    return {named(operation): operation for operation in operations}
