"""Where one limit is said to stop every call that another would, no order of calls ever passes the
other alone: sequences of calls are added up here in plain arithmetic, on no code of the stores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import permutations
from random import Random

from hypothesis import event, given, settings
from hypothesis import strategies as st

from licet.compiler import compile_sources
from licet.policy_lang import Source
from licet.verifier.analysis.limit_comparison import Measured, stops_first

SHARES = {
    "count()": lambda amount: 1,
    "sum(args.amount)": lambda amount: amount,
    "sum(args.amount * 2)": lambda amount: amount * 2,
    "sum(args.amount + 1)": lambda amount: amount + 1,
}
START = datetime(2026, 11, 22, 20, tzinfo=UTC)


@dataclass(frozen=True)
class Call:
    at: datetime
    amount: int
    gift: bool
    id: str
    team: str


@dataclass(frozen=True)
class Limit:
    share: str
    per: str
    window: str
    sign: str
    bound: int
    when: str

    def text(self, name: str) -> str:
        parts = (f"limit {name} on pay {self.share}", self.per, self.window, self.sign)
        return " ".join(filter(None, (*parts, str(self.bound), self.when)))

    def counts(self, call: Call) -> bool:
        return call.gift or not self.when

    def holds(self, earlier: Call, call: Call) -> bool:
        """Whether an earlier call counts with this one."""
        key = self.per.rpartition(".")[2]
        if not self.counts(earlier) or (key and getattr(earlier, key) != getattr(call, key)):
            return False
        match self.window.removeprefix("within "):
            case "":
                return True
            case "day":
                return earlier.at.date() == call.at.date()
            case "month":
                return (earlier.at.year, earlier.at.month) == (call.at.year, call.at.month)
            case hours:
                return call.at - earlier.at < timedelta(hours=int(hours.removesuffix("h")))

    def refuses(self, log: list[Call], call: Call) -> bool:
        if not self.counts(call):
            return False
        share = SHARES[self.share]
        total = sum(share(c.amount) for c in [*log, call] if c is call or self.holds(c, call))
        return total > self.bound or (self.sign == "<" and total == self.bound)


limits = st.builds(
    Limit,
    st.sampled_from(sorted(SHARES)),
    st.sampled_from(("", "per principal.id", "per principal.team")),
    st.sampled_from(("", "within 1h", "within 24h", "within day", "within month")),
    st.sampled_from(("<=", "<")),
    st.integers(0, 9),
    st.sampled_from(("", "when args.gift")),
)


def calls(random: Random, low: int, high: int) -> Iterator[Call]:
    """A few calls in an order; most follow close upon each other, by the same people."""
    now, gaps = START, random.choice(((1,), (1, 59), (20, 60, 200), (1, 1_440, 20_000)))
    for _ in range(random.randint(1, 8)):
        now += timedelta(minutes=random.choice(gaps))
        amount, gift = random.randint(low, high), random.random() < 0.7
        yield Call(now, amount, gift, random.choice("aab"), random.choice("xxy"))


@settings(max_examples=20, deadline=None)
@given(
    st.lists(limits, min_size=12, max_size=12),
    st.sampled_from(((0, 3), (1, 3), (2, 2))),
    st.integers(0, 2**32),
)
def test_the_other_is_never_passed_alone(
    drawn: list[Limit], amounts: tuple[int, int], seed: int
) -> None:
    low, high = amounts
    named = {f"l{place}": limit for place, limit in enumerate(drawn)}
    text = (
        "principal { id: String, team: String }\n"
        f"tool pay(amount: Int in {low} .. {high}, gift: Bool)\npermit pays on pay\n"
        + "".join(f"{limit.text(name)}\n" for name, limit in named.items())
    )
    program, found = compile_sources([Source("p.licet", text)])
    assert program is not None, found
    measured = {
        rule.name: Measured(program.history[rule.limit.spent.name], {"pay": rule})
        for rule in program.rules["pay"].forbids
    }
    said = [
        (one, other)
        for one, other in permutations(named, 2)
        if stops_first(measured[one], measured[other])
    ]
    event(f"{min(len(said), 9)} pairs")
    random = Random(seed)
    for _ in range(60):
        log: list[Call] = []
        for call in calls(random, low, high):
            refusing = {name for name, limit in named.items() if limit.refuses(log, call)}
            assert not [(one, other) for one, other in said if {one, other} & refusing == {other}]
            log.append(call)
