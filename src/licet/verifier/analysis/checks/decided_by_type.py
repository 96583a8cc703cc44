"""# LIC417 decided-by-type

A comparison with a constant that the type of the value has decided already: it is always true, or never.

## Wrong

```licet
enum Role { support, manager }
principal { role: Role }
tool refund(amount: Decimal in 0 .. 10_000 step 0.01, reason: String) destructive
permit refunds on refund when args.amount <= 10_000 and args.reason != ""
```

## Right

```licet
enum Role { support, manager }
principal { role: Role }
tool refund(amount: Decimal in 0 .. 10_000 step 0.01, reason: String) destructive
permit refunds on refund when args.amount <= 500 and args.reason != ""
```

## Why

Every value was checked against its type before. The comparison adds nothing, and often a smaller bound was meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from licet.compiler import ir
from licet.compiler.exact_json import number_text
from licet.compiler.types import DecimalType, IntType
from licet.compiler.walking import walk
from licet.policy_lang import Severity

from ..linted import Finding, Linted
from .reporting import finding

CODE = "LIC417"


def find(policy: Linted) -> Iterator[Finding]:
    for written in policy.written:
        decided = [_decided(policy, tool, position) for tool, position, _ in written.on]
        common = set.intersection(*map(set, decided)) if decided else set()
        for text in sorted(common):
            yield finding(
                CODE,
                f"in `{written.rule.name}`, {text}",
                written.rule.span,
                Severity.warning,
                help="leave the comparison out, or compare with the bound that was meant",
            )


def _decided(policy: Linted, tool: str, position: int) -> list[str]:
    rule = policy.program.rules[tool].rules[position]
    found: list[str] = []
    for body in (*(let.value for let in rule.lets), rule.condition):
        for node in walk(body):
            if isinstance(node, ir.Less):
                if (path := _path(node.left)) and isinstance(node.right, ir.Const):
                    found.extend(_told(path, node.left, node.right, node.strict, below=True))
                elif (path := _path(node.right)) and isinstance(node.left, ir.Const):
                    found.extend(_told(path, node.right, node.left, node.strict, below=False))
    return found


def _told(path: str, read: ir.Expr, const: ir.Const, strict: bool, *, below: bool) -> Iterator[str]:
    """What the type of a place says of its comparison with a constant."""
    kind = read.type
    if not isinstance(kind, IntType | DecimalType) or not isinstance(const.value, int | Fraction):
        return
    low, high, bound = kind.low, kind.high, const.value
    sign = ("<" if below else ">") + ("" if strict else "=")
    told = f"`{path} {sign} {number_text(bound)}`"
    near, far = (high, low) if below else (low, high)

    def beats(a: int | Fraction, b: int | Fraction) -> bool:
        return (a < b if below else a > b) or (a == b and not strict)

    if near is not None and beats(near, bound):
        yield f"{told} is always true by its type `{kind}`"
    elif far is not None and not beats(far, bound):
        yield f"{told} is never true by its type `{kind}`"


def _path(expr: ir.Expr) -> str | None:
    """`args.amount`, where an expression is such a place."""
    match expr:
        case ir.Root("args" | "principal" | "context" | "session" as name):
            return name
        case ir.GetField(record, name):
            inner = _path(record)
            return None if inner is None else f"{inner}.{name}"
        case _:
            return None
