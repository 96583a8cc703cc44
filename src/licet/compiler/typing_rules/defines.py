"""Defines: written out at each use, so that they may read the arguments of the tool at hand."""

from __future__ import annotations

from licet.policy_lang import Note, Span, ast

from ..gathering import Entry
from ..types import Type
from .context import Context, Delayed, Scope, Typed


def infer_define(
    context: Context,
    entry: Entry,
    arguments: tuple[ast.Expr, ...],
    span: Span,
    scope: Scope,
    expected: Type | None,
) -> Typed | None:
    """The body of a define with its parameters standing for the arguments of this use."""
    declaration = entry.declaration
    assert isinstance(declaration, ast.DefineDecl)
    context.declared.used_defines.add(entry)
    params = declaration.params or ()
    if entry in scope.defines:
        context.error(
            "LIC105",
            f"the define `{entry.name}` uses itself",
            span,
            scope,
            "a define is written out where it is used, so it cannot contain itself",
        )
        return None
    if len(params) != len(arguments):
        many = f"{len(params)} argument{'' if len(params) == 1 else 's'}"
        context.error(
            "LIC114",
            f"`{entry.name}` takes {many}, not {len(arguments)}",
            span,
            scope,
            f"write `{entry.name}({', '.join(params)})`" if params else f"write `{entry.name}`",
        )
        return None
    inside = Scope(
        unit=entry.unit,
        variables={
            name: Delayed(node, scope) for name, node in zip(params, arguments, strict=True)
        },
        known=scope.known,
        trail=(*scope.trail, Note(f"`{entry.name}` is used here", span)),
        defines=(*scope.defines, entry),
    )
    return context.infer(declaration.body, inside, expected)
