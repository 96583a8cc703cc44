"""The same rules twice: as a licet policy and as Cedar policies, with calls that they allow.

`count` rules over 40 tools: one permit for each tool, and forbids on amount, role, region, hour
and text.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

TOOLS = 40
ROLES = ("support", "lead", "finance", "engineer")
REGIONS = ("eu-west", "eu-north", "us-east", "us-west", "ap-south")


@dataclass(frozen=True)
class Bench:
    licet: str
    cedar: str
    calls: tuple[dict[str, object], ...]


def bench(count: int, seed: int = 7) -> Bench:
    """`count` rules in both languages and 200 calls, all of them allowed."""
    random_ = random.Random(seed)
    licet = [
        'policy "bench"',
        "enum Role { " + ", ".join(ROLES) + " }",
        "principal { id: String, role: Role }",
        "context { confirmed: Bool, hour: Int in 0 .. 23 }",
    ]
    cedar = []
    for tool in range(TOOLS):
        licet.append(
            f"tool t{tool}(amount: Int in 0 .. 1_000_000, count: Int in 0 .. 1_000, "
            "region: String, note: String?, urgent: Bool)"
        )
    for number in range(count):
        tool = number % TOOLS
        if number < TOOLS:
            licet.append(f"permit p{number} on t{tool} when context.confirmed")
            head = f'permit(principal, action == Action::"t{tool}", resource)'
            cedar.append(f"{head} when {{ context.confirmed }};")
            continue
        role, region = random_.choice(ROLES[1:]), random_.choice(REGIONS[1:])
        amount, most = random_.randint(5_000, 900_000), random_.randint(50, 900)
        hour = random_.randint(0, 23)
        theirs, ours = random_.choice(_conditions(number, role, region, amount, most, hour))
        licet.append(f"forbid f{number} on t{tool} when {theirs}")
        cedar.append(f'forbid(principal, action == Action::"t{tool}", resource) when {{ {ours} }};')
    calls = tuple(
        {
            "tool": f"t{random_.randrange(TOOLS)}",
            "args": {
                "amount": random_.randint(0, 4_000),
                "count": random_.randint(0, 49),
                "region": random_.choice(REGIONS),
                "note": f"order {random_.randrange(10_000)}",
                "urgent": random_.random() < 0.5,
            },
            "principal": {"id": f"a{random_.randrange(100)}", "role": random_.choice(ROLES)},
            "context": {"confirmed": True, "hour": random_.randint(0, 23)},
        }
        for _ in range(200)
    )
    return Bench("\n".join(licet), "\n".join(cedar), calls)


def _conditions(
    number: int, role: str, region: str, amount: int, most: int, hour: int
) -> tuple[tuple[str, str], ...]:
    """Conditions of one forbid: in licet's words, in Cedar's."""
    total = f"args.amount + args.count > {amount}"
    total_in_cedar = f"context.amount + context.count > {amount}"
    noted = f'(context has note && context.note == "n{number}")'
    busy = f"principal.role == {role} and args.count > {most}"
    return (
        (
            f"args.amount > {amount} and principal.role == {role}",
            f'context.amount > {amount} && context.role == "{role}"',
        ),
        (
            f'args.region == "{region}" and args.count > {most}',
            f'context.region == "{region}" && context.count > {most}',
        ),
        (
            f"args.urgent and context.hour == {hour} and {total}",
            f"context.urgent && context.hour == {hour} && {total_in_cedar}",
        ),
        (
            f'(args.note ?? "") == "n{number}" or {busy}',
            f'{noted} || context.role == "{role}" && context.count > {most}',
        ),
    )


def cedar_request(call: dict[str, object]) -> dict[str, object]:
    """A call as a request to cedarpy: what rules read is its context."""
    args, principal, context = call["args"], call["principal"], call["context"]
    assert isinstance(args, dict)
    assert isinstance(principal, dict)
    assert isinstance(context, dict)
    return {
        "principal": f'User::"{principal["id"]}"',
        "action": f'Action::"{call["tool"]}"',
        "resource": 'Resource::"any"',
        "context": {**args, "role": principal["role"], **context},
    }
