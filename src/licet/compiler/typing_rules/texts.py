"""Text: literals, `matches`, `like`, `contains startswith endswith`."""

from __future__ import annotations

import re
from collections.abc import Callable

from licet.policy_lang import Span, ast

from .. import ir
from ..folding import FALSE, TRUE
from ..regex import RegexError, from_glob, matcher, parse
from ..types import BOOL, STRING, EnumType, OptionalType, StringType, Type
from .boundaries import is_pattern
from .context import Context, Scope, Typed
from .optionals import required

#: The name of the table of an enum's labels as texts; no table that a policy declares has it.
LABELS = "text of labels"

LOOKS_LIKE_URL = re.compile(r"(?i)[a-z][a-z0-9+.-]*://")


def infer_string(
    context: Context, node: ast.StringLiteral, scope: Scope, expected: Type | None
) -> Typed | None:
    """`"text"`: a label where an enum is expected."""
    wanted = expected.inner if isinstance(expected, OptionalType) else expected
    if not isinstance(wanted, EnumType):
        return Typed(ir.Const(node.value, STRING))
    if node.value in wanted.labels:
        return Typed(ir.Const(node.value, wanted))
    context.unknown(
        "LIC110",
        f"label of `{wanted}`",
        node.value,
        wanted.labels,
        node.span,
        scope,
        "use one of the declared labels",
    )
    return None


def as_text(expr: ir.Expr) -> ir.Expr | None:
    """The expression as text: a label is the text that it is written as. None if it is neither."""
    if isinstance(expr.type, StringType):
        return expr
    if not isinstance(expr.type, EnumType):
        return None
    if isinstance(expr, ir.Const):
        return ir.Const(expr.value, STRING)
    rows = tuple(((label,), label) for label in expr.type.labels)
    return ir.TableRead(LABELS, (expr,), rows, STRING)


def label_test(value: ir.Expr, holds: Callable[[str], bool]) -> ir.Expr | None:
    """Whether a label's text passes a test that is known now; None where `value` is no label."""
    if not (isinstance(value, ir.TableRead) and value.name == LABELS):
        return None
    rows = [(key, True) for key, label in value.rows if holds(str(label))]
    return ir.TableRead(LABELS, value.keys, (*rows, ((None,), False)), BOOL)


def text(context: Context, node: ast.Expr, scope: Scope) -> ir.Expr | None:
    """The typed expression if it is text (a label is text too); else an error."""
    typed = required(context, node, scope, wanted=(STRING,))
    if typed is None:
        return None
    found = as_text(typed.expr)
    if found is not None:
        return found
    context.mismatch("text", typed.type, node.span, scope, "this operator compares text")
    return None


def valid_pattern(context: Context, pattern: str, span: Span, scope: Scope) -> bool:
    """Whether a pattern is of the language's regular expressions; else an error."""
    try:
        parse(pattern)
    except RegexError as problem:
        context.error(
            "LIC117",
            f"bad pattern: {problem.message} (at character {problem.offset + 1})",
            span,
            scope,
            "patterns match the whole text; `.` is any character; no anchors, look-around, "
            "back-references or flags",
        )
        return False
    return True


def infer_matches(context: Context, node: ast.Matches, scope: Scope) -> Typed | None:
    """`text matches /pattern/`."""
    value = text(context, node.text, scope)
    if not valid_pattern(context, node.pattern, node.pattern_span, scope) or value is None:
        return None
    return Typed(_matched(value, node.pattern))


def infer_like(context: Context, node: ast.WordComparison, scope: Scope) -> Typed | None:
    """`text like "a*b"`: the right side is a constant."""
    value = text(context, node.left, scope)
    glob = text(context, node.right, scope)
    if value is None or glob is None:
        return None
    if not (isinstance(glob, ir.Const) and isinstance(glob.value, str)):
        if not is_pattern(context, glob, node.right.span, scope, glob=True):
            return None
        return Typed(ir.Builtin("like", (value, glob), BOOL))
    pattern = from_glob(glob.value)
    if not valid_pattern(context, pattern, node.right.span, scope):
        return None
    return Typed(_matched(value, pattern))


def _matched(value: ir.Expr, pattern: str) -> ir.Expr:
    if isinstance(value, ir.Const) and isinstance(value.value, str):
        return TRUE if matcher(pattern)(value.value) else FALSE
    found = label_test(value, matcher(pattern))
    return ir.Matches(value, pattern) if found is None else found


def infer_text_test(context: Context, node: ast.WordComparison, scope: Scope) -> Typed | None:
    """`text contains part`, `startswith`, `endswith`."""
    value = text(context, node.left, scope)
    part = text(context, node.right, scope)
    if value is None or part is None:
        return None
    if isinstance(part, ir.Const) and isinstance(part.value, str):
        _warn_of_url(context, node, part.value)
        if isinstance(value, ir.Const) and isinstance(value.value, str):
            return Typed(TRUE if _tested(node.op, value.value, part.value) else FALSE)
        ending = part.value
        found = label_test(value, lambda label: _tested(node.op, label, ending))
        if found is not None:
            return Typed(found)
    return Typed(ir.TextTest(node.op, value, part))  # type: ignore[arg-type]


def _tested(op: str, value: str, part: str) -> bool:
    match op:
        case "contains":
            return part in value
        case "startswith":
            return value.startswith(part)
        case _:
            return value.endswith(part)


def _warn_of_url(context: Context, node: ast.WordComparison, part: str) -> None:
    view, way = "", ""
    if LOOKS_LIKE_URL.match(part) or part.startswith("//"):
        view, way = "URL", 'compare its parts: `url(…).host == "…"`, `url(…).path under "…"`'
    elif part.startswith(("/", "./", "~/")) or "/" in part[:-1]:
        view, way = "path", 'compare whole segments: `path(…) under "…"`'
    elif part.startswith("@"):
        view, way = "mail address", 'compare its domain: `email(…).domain == "…"`'
    if view:
        context.reporter.warning(
            "LIC141",
            f"`{node.op}` on what looks like a {view} can be fooled",
            node.span,
            way,
        )
