"""Two policies on one tool, over domains small enough to try every call: see
`properties/test_differences_are_exact.py`."""

from __future__ import annotations

from hypothesis import strategies as st

CONDITIONS = (
    "args.n > {k}",
    "args.n == {k}",
    "args.n <= most(args.cabin)",
    "args.cabin == economy",
    "args.cabin < economy",
    "principal.role == manager",
    "not principal.role == manager",
    "has args.tip",
    "(args.tip ?? 1) > {k}",
    "vip(args.cabin)",
    "context.risk * 2 > args.n",
    "context.risk + args.n == {k}",
)


@st.composite
def rules(draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(("permit", "permit", "forbid")))
    parts = [
        draw(st.sampled_from(CONDITIONS)).format(k=draw(st.integers(0, 3)))
        for _ in range(draw(st.integers(0, 2)))
    ]
    joint = draw(st.sampled_from((" and ", " or ")))
    return f"{kind} NAME on pay" + (f" when {joint.join(parts)}" if parts else "")


@st.composite
def policies(draw: st.DrawFn, lines: list[str]) -> str:
    low, high = draw(st.sampled_from(((0, 3), (0, 2), (1, 3))))
    labels = draw(st.sampled_from(("basic, economy", "economy, basic", "basic, economy, business")))
    extra = draw(st.sampled_from(("", ", rush: Bool?", ", rush: Bool")))
    tip = draw(st.sampled_from(("Int in 0 .. 2?", "Int in 0 .. 1?", "Int in 1 .. 2?")))
    team = draw(st.sampled_from(("", ", team: Bool")))
    top = draw(st.integers(1, 2))
    cell = draw(st.integers(0, 3))
    body = "\n".join(line.replace("NAME", f"r{i}") for i, line in enumerate(lines))
    return (
        f"enum Cabin {{ {labels} }}\nenum Role {{ support, manager }}\n"
        f"principal {{ role: Role{team} }}\ncontext {{ risk: Int in 0 .. {top} }}\n"
        f"table most(Cabin) -> Int {{ basic: {cell}; _: 1 }}\nfact vip(cabin: Cabin) -> Bool\n"
        f"tool pay(n: Int in {low} .. {high}, cabin: Cabin, tip: {tip}{extra})\n{body}\n"
    )


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str, str]:
    first = draw(st.lists(rules(), min_size=1, max_size=4))
    second = list(first)
    for _ in range(draw(st.integers(0, 2))):
        if second and draw(st.booleans()):
            second.pop(draw(st.integers(0, len(second) - 1)))
        second.insert(draw(st.integers(0, len(second))), draw(rules()))
    old = draw(policies(first))
    if draw(st.booleans()):
        head, _, _ = old.partition("tool pay")
        tool = old[len(head) :].partition("\n")[0]
        body = "\n".join(line.replace("NAME", f"r{i}") for i, line in enumerate(second))
        return old, f"{head}{tool}\n{body}\n"
    return old, draw(policies(second))
