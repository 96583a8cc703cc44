"""# LIC426 unused-declaration

A const, param, table, define, group, enum, record, fact, label or import that nothing uses. `licet lint --fix` takes it out; params and labels, which others may name, are left to the author. What an imported file declares is for all that import it, and is looked at where that file itself is linted.

## Wrong

```licet
const most = 500
tool refund(amount: Decimal in 0 .. 10_000 step 0.01)
permit refunds on refund when args.amount <= 400
```

## Right

```licet
const most = 500
tool refund(amount: Decimal in 0 .. 10_000 step 0.01)
permit refunds on refund when args.amount <= most
```

## Why

A bound that is declared and not used bounds nothing, and looks as if it did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from licet.compiler.types import (
    EnumType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    Type,
)
from licet.policy_lang import Severity, ast

from ..linted import Edit, Finding, Linted
from ..syntax import nodes, read_by
from .reporting import finding

CODE = "LIC426"


_KINDS: dict[type, str] = {
    ast.ValueDecl: "const",
    ast.TableDecl: "table",
    ast.DefineDecl: "define",
    ast.GroupDecl: "group",
    ast.EnumDecl: "enum",
    ast.RecordDecl: "record",
    ast.FactDecl: "fact",
}


def find(policy: Linted) -> Iterator[Finding]:
    files = policy.program.files
    used = Counter(name for file in files.values() for name in _names(file))
    outside = set(_labels(policy))
    given = _given(policy)
    own = [file for name, file in files.items() if name not in policy.program.imported]
    for declaration in (declaration for file in own for declaration in file.declarations):
        if isinstance(declaration, ast.Import):
            if _idle(declaration, files, used):
                yield _unused(f"nothing of `{declaration.path}` is used", declaration)
            continue
        kind = _KINDS.get(type(declaration))
        if kind is None:
            continue
        name: str = declaration.name  # type: ignore[union-attr]
        param = getattr(declaration, "is_param", False)
        if used[name] <= Counter(_names(declaration))[name]:
            kind = "param" if param else kind
            yield _unused(f"the {kind} `{name}` is not used", declaration, mend=not param)
        elif isinstance(declaration, ast.EnumDecl) and name not in given:
            for label in declaration.labels:
                if not used[label] and label not in outside:
                    yield _unused(
                        f"the label `{label}` of `{name}` is not used", declaration, mend=False
                    )


def _unused(message: str, declaration: ast.Declaration, *, mend: bool = True) -> Finding:
    return finding(
        CODE,
        message,
        declaration.span,
        Severity.warning,
        help="use it, or take it out",
        edits=(Edit(declaration.span, ""),) if mend else (),
    )


def _names(node: ast.Node) -> Iterator[str]:
    """Every name that a part of a policy mentions, and every text, which may be a label."""
    for part in nodes(node):
        match part:
            case ast.Name(name) | ast.Call(name) | ast.Member(_, name) | ast.NamedType(name):
                yield name
            case ast.GivenFact(name):
                yield name
            case ast.ToolPattern(text):
                yield text.rpartition(".")[2]
            case ast.StringLiteral(value):
                yield value


def _idle(declaration: ast.Import, files: Mapping[str, ast.File], used: Mapping[str, int]) -> bool:
    """Whether an imported file only declares names, and nobody mentions one of them."""
    wanted = declaration.path.rpartition("/")[2]
    found = [file for name, file in files.items() if name.rpartition("/")[2] == wanted]
    for file in found:
        own = Counter(_names(file))
        for each in file.declarations:
            if type(each) not in _KINDS and not isinstance(each, ast.PolicyDecl):
                return False
            name = getattr(each, "name", "")
            if used.get(name, 0) > own[name] or isinstance(each, ast.EnumDecl):
                return False
    return bool(found)


def _given(policy: Linted) -> set[str]:
    """The types of params, and those inside them: a deployment chooses their values."""
    found: set[str] = set()
    for declaration in policy.declarations():
        types: tuple[ast.TypeExpr, ...] = ()
        match declaration:
            case ast.ValueDecl(type=type_, is_param=True) if type_ is not None:
                types = (type_,)
            case ast.TableDecl(params=keys, result=result, is_param=True):
                types = (*keys, result)
            case _:
                pass
        for each in types:
            found |= read_by(policy.program, each)
    return found


def _labels(policy: Linted) -> Iterator[str]:
    """The labels of enums whose values come from outside."""
    program = policy.program
    types: list[Type] = [program.principal, program.context, program.session]
    types += [tool.params for tool in program.catalog]
    types += [fact.result for fact in program.facts.values()]
    types += [kind for fact in program.facts.values() for _, kind in fact.params]
    while types:
        match types.pop():
            case EnumType(_, labels):
                yield from labels
            case OptionalType(inner) | ListType(inner):
                types.append(inner)
            case MapType(key, value):
                types += [key, value]
            case RecordType(_, fields):
                types += [field.type for field in fields]
            case _:
                pass
