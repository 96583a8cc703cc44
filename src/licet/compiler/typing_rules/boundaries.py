"""What may bound paths and addresses: well-formed texts that the model does not choose."""

from __future__ import annotations

from licet.policy_lang import Span

from .. import ir
from ..builtins import BUILTINS
from ..walking import walk
from .context import Context, Scope


def is_boundary(context: Context, function: str, outer: ir.Expr, span: Span, scope: Scope) -> bool:
    """Whether a text may bound paths or addresses.

    At run time a malformed one has nothing under it, so that a forbid would be silent: what is
    known now is checked now, and the model does not choose its own boundary.
    """
    view = "path" if function == "path_under" else "cidr"
    if isinstance(outer, ir.Const) and BUILTINS[view].call(outer.value) is None:
        context.error(
            "LIC128",
            f"`{outer.value}` is not a {'path' if view == 'path' else 'network'}",
            span,
            scope,
            "write whole segments without `.` or `..`: `/data/out`"
            if view == "path"
            else "write the network with all its parts and its length: `10.0.0.0/8`",
        )
        return False
    if reads_arguments(outer):
        context.error(
            "LIC128",
            "an argument cannot be the boundary of what is allowed",
            span,
            scope,
            "take the boundary from the policy, a param, the context or a fact",
        )
        return False
    return True


def is_pattern(
    context: Context, pattern: ir.Expr, span: Span, scope: Scope, *, glob: bool = False
) -> bool:
    """Whether a text may say which texts are allowed: the model does not choose it."""
    if reads_arguments(pattern):
        context.error(
            "LIC151",
            "an argument cannot be the pattern of what is allowed",
            span,
            scope,
            "take the pattern from the policy, a param, the context or a fact",
        )
        return False
    known = pattern.value if isinstance(pattern, ir.Const) and not glob else ""
    if BUILTINS["search"].call("", known) is None:
        context.error(
            "LIC117",
            "bad pattern: it has no equal in the language's regular expressions",
            span,
            scope,
            "look-around, back-references and anchors inside are left out; see `matches`",
        )
        return False
    return True


def reads_arguments(expr: ir.Expr) -> bool:
    """Whether a value comes from the model's arguments."""
    return any(isinstance(node, ir.Root) and node.name == "args" for node in walk(expr))
