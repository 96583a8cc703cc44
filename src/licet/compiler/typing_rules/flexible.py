"""Which expressions take their type from their surroundings: labels, text, literals of them."""

from __future__ import annotations

from licet.policy_lang import ast

from ..resolution import SIDES
from .context import Context, Delayed, Scope


def is_flexible(context: Context, node: ast.Expr, scope: Scope) -> bool:
    """Whether the other side of an operator should be typed first."""
    match node:
        case ast.StringLiteral():
            return True
        case ast.Name(name=name):
            binding = scope.variables.get(name)
            if isinstance(binding, Delayed):
                return is_flexible(context, binding.node, binding.scope)
            return (
                binding is None
                and name not in context.roots
                and not _is_side(context, name)
                and not context.declared.index.candidates("value", name, scope.unit)
            )
        case ast.ListLiteral(items=items):
            return all(is_flexible(context, item, scope) for item in items)
        case ast.RecordLiteral():
            return True
        case ast.Conditional(consequence=consequence, alternative=alternative):
            return is_flexible(context, consequence, scope) and is_flexible(
                context, alternative, scope
            )
        case _:
            return False


def _is_side(context: Context, name: str) -> bool:
    return (
        name in SIDES
        and context.tool is not None
        and context.declared.change(context.tool) is not None
    )
