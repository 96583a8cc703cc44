"""Trees as nested lists in parentheses: how `licet show` prints the syntax tree and the IR.

In: nodes of the AST or rules of the IR. Out: forms, and their lines, each form on one line where it
fits. A node's class and fields give the words, so a new kind of node needs nothing here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal
from fractions import Fraction

from licet.compiler import ir, types
from licet.compiler.exact_json import number_text
from licet.compiler.values import show
from licet.policy_lang import ast
from licet.policy_lang.source import Span

WIDTH = 100

#: A word, or a list that begins with its head.
Form = str | list["Form"]


def lines(form: Form, indent: int = 0) -> Iterator[str]:
    """A form as lines, broken below its head where it is wider than WIDTH columns."""
    flat = _flat(form)
    if isinstance(form, str) or len(form) < 2 or indent + len(flat) <= WIDTH:
        yield " " * indent + flat
        return
    names = next((i for i, item in enumerate(form) if not isinstance(item, str)), len(form))
    beside, below = form[: max(names, 1)], form[max(names, 1) :]
    opening = " " * indent + "(" + " ".join(map(_flat, beside))
    if not below:
        yield opening + ")"
        return
    yield opening
    for index, item in enumerate(below):
        inner = list(lines(item, indent + 2))
        if index == len(below) - 1:
            inner[-1] += ")"
        yield from inner


def _flat(form: Form) -> str:
    return form if isinstance(form, str) else "(" + " ".join(map(_flat, form)) + ")"


def node(value: object) -> Form:
    """The form of a node, of a tuple of nodes or of a plain value."""
    match value:
        case ir.Const(constant, kind):
            return show(constant, kind, limit=WIDTH)
        case ir.Param(name):
            return f"param.{_word(name)}"
        case ir.Root(name):
            return name
        case ir.Var():
            return variable(value)
        case ast.StringLiteral(text):
            return _quoted(text)
        case ast.NumberLiteral(number):
            return number_text(number)
        case ast.BoolLiteral(value):
            return node(value)
        case ast.Name(name):
            return _word(name)
        case ir.GetField(record, name) | ast.Member(record, name):
            inner = node(record)
            return (
                f"{inner}.{_word(name)}" if isinstance(inner, str) else ["get", inner, _word(name)]
            )
        case str():
            return _word(value)
        case bool():
            return "true" if value else "false"
        case None:
            return "none"
        case int() | Decimal() | Fraction():
            return number_text(value)
        case tuple():
            return [node(item) for item in value]
        case _ if _is_type(value):
            return f"<{value}>"
        case _ if is_dataclass(value) and not isinstance(value, type):
            return [_kebab(type(value).__name__), *_parts(value)]
        case _:
            raise TypeError(f"not a node: {type(value).__name__}")


def rule(item: ir.Rule) -> Form:
    """The form of a rule of the IR, its bound variables with their types."""
    form: list[Form] = [item.kind, item.name]
    for let in item.lets:
        form.append(["let", f"{variable(let.var)}:", f"<{let.var.type}>", node(let.value)])
    form.append(["when", node(item.condition)])
    if item.approver is not None:
        form.append(["to", node(item.approver), *(["needs", str(item.needs)] * (item.needs > 1))])
    if item.message is not None:
        parts = (_quoted(part) if isinstance(part, str) else node(part) for part in item.message)
        form.append(["message", *parts])
    return form


def variable(var: ir.Var) -> str:
    """A variable with the number that sets it apart from others of its name."""
    return f"{_word(var.name)}#{var.slot}"


def _parts(value: object) -> Iterator[Form]:
    """A node's fields in order. Spans, what is not there, and the types of the IR's inner nodes,
    which follow from their parts, are left out; a flag is its own name."""
    inner = type(value).__module__.startswith(ir.__name__ + ".")
    for field in fields(value):  # type: ignore[arg-type]
        item = getattr(value, field.name)
        if (
            isinstance(item, Span)
            or not field.compare
            or item is None
            or item is False
            or item == ()
        ):
            continue
        if inner and field.name == "type":
            continue
        if item is True and field.name != "value":
            yield field.name
        elif isinstance(item, tuple):
            yield [field.name, *map(node, item)]
        elif "None" in str(field.type):  # one of several clauses: say which
            form = node(item)
            yield form if form[0] == field.name else [field.name, form]
        else:
            yield node(item)


def _is_type(value: object) -> bool:
    return type(value).__module__ == types.__name__


def _word(text: str) -> str:
    plain = re.fullmatch(r"[A-Za-z_][\w.*-]*|[-+*/%<>=!?]{1,2}", text, re.ASCII)
    return text if plain else _quoted(text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()
