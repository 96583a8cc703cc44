"""# LIC430 limit-without-effect

A limit that decides nothing: no call fits under its bound, what it counts adds up to nothing or is never allowed, or another limit stops calls first. That is proved.

## Wrong

```licet
tool refund(amount: Decimal in 100 .. 10_000)
permit refunds on refund
limit daily on refund sum(args.amount) within day <= 50
```

## Right

```licet
tool refund(amount: Decimal in 100 .. 10_000)
permit refunds on refund
limit daily on refund sum(args.amount) within day <= 50_000
```

## Why

A bound below what a single call adds refuses everything: a forbid says so in fewer words. A bound that sums never come to is a promise that nobody keeps: `count() within day <= 3` of at most 100 each never comes to `sum(args.amount) within day <= 500`.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter

from licet.policy_lang import Note, Severity

from ..limit_comparison import Measured, stops_first
from ..linted import Finding, Linted, Written
from .reporting import finding, names

CODE = "LIC430"


def find(policy: Linted) -> Iterator[Finding]:
    limits = [written for written in policy.written if written.rule.limit is not None]
    measured = {id(written): _measured(policy, written) for written in limits}
    useless: set[int] = set()
    for written in reversed(limits):
        if written.everywhere_dead:
            continue
        found = _alone(policy, written)
        if found is None:
            others = [w for w in limits if w is not written and id(w) not in useless]
            first = (w for w in others if stops_first(measured[id(w)], measured[id(written)]))
            found = _beside(written, next(first, None))
        if found is not None:
            useless.add(id(written))
            yield found


def _measured(policy: Linted, written: Written) -> Measured:
    """The limit's rule on each tool; of two, which is how it asks somebody, the later one."""
    rules = {tool: policy.program.rules[tool].rules[position] for tool, position, _ in written.on}
    limit = written.rule.limit
    assert limit is not None
    return Measured(policy.program.history[limit.spent.name], rules)


def _alone(policy: Linted, written: Written) -> Finding | None:
    """What is wrong with a limit by itself, on all of its tools or on some."""
    rule = written.rule
    last = {tool: (position, known) for tool, position, known in written.on}
    asks = any(policy.program.rules[t].rules[p].kind == "escalate" for t, (p, _) in last.items())
    for fault, told, help in (
        (
            "full",
            "asks about every call" if asks else "leaves no room for any call",
            "raise the bound, or write an escalation" if asks else "raise it, or write a forbid",
        ),
        ("empty", "adds up nothing for any call", "add up what a call costs"),
        ("apart", "counts no call that is allowed", "count calls that the permits let pass"),
    ):
        where = [tool for tool, (_, known) in last.items() if attrgetter(fault)(known)]
        if where:
            some = "" if len(where) == len(last) else f" of {names(where)}"
            return finding(
                CODE,
                f"the limit `{rule.name}` {told}{some}",
                rule.span,
                Severity.warning if some else Severity.error,
                help=help,
            )
    return None


def _beside(written: Written, other: Written | None) -> Finding | None:
    if other is None:
        return None
    return finding(
        CODE,
        f"the limit `{written.rule.name}` is never passed: `{other.rule.name}` stops calls first",
        written.rule.span,
        Severity.warning,
        (Note(f"`{other.rule.name}` is here", other.rule.span),),
        help="lower its bound, or leave it out",
    )
