"""A crowd of clients at one service, each with a budget of its own, all with one that they share;
and the embedded guard, asked the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from licet import Guard
from licet.compiler.exact_json import decode
from licet.compiler.json_text import json_line
from support.http_clients import Client, all_at_once, timed

#: What all of them may move together.
SHARED = 500
POLICY = f"""
principal {{ id: String }}
tool pay(user: String, amount: Int in 0 .. 1_000)
tool move(amount: Int in 0 .. 1_000)
tool look(order: String) read_only
permit all on any
forbid strange on look when args.order startswith "secret"
limit own on pay sum(args.amount) per principal.id within day <= 100
limit shared on move sum(args.amount) within 24h <= {SHARED}
"""
MOVE = 5


def calls_of(client: int, rounds: int) -> Iterator[dict[str, Any]]:
    """What a client asks, in its order: what it may, what it may not, what passes its budget."""
    who = {"principal": {"id": f"client {client}"}, "session": f"session {client}"}
    for number in range(rounds):
        what: list[tuple[str, dict[str, Any]]] = [
            ("pay", {"user": f"u{client}", "amount": 60 - 7 * number % 40}),
            ("move", {"amount": MOVE}),
            ("look", {"order": f"{'secret' if client % 5 == 0 else 'plain'} {number}"}),
            ("pay", {"user": f"u{client}", "amount": 30}),
        ]
        for place, (tool, args) in enumerate(what):
            yield {"tool": tool, "args": args, "id": f"{number}.{place}", **who}


@dataclass
class Asked:
    """What a crowd was told: for each client its calls, each with status and answer."""

    clients: list[list[tuple[dict[str, Any], int, Any]]]
    taken: list[float] = field(default_factory=list)

    def errors(self) -> list[object]:
        """Answers that are no verdict, and verdicts that something was broken."""
        return [
            answer
            for calls in self.clients
            for _, status, answer in calls
            if status != 200 or "fault" in {v["kind"] for v in answer["verdict"]["violations"]}
        ]

    def moved(self) -> int:
        """What came out of the shared budget."""
        return sum(
            call["args"]["amount"]
            for calls in self.clients
            for call, _, answer in calls
            if call["tool"] == "move" and answer["allowed"]
        )

    def differences(self, embedded: Guard) -> list[object]:
        """Where the embedded guard says something else. What is left of the shared budget depends
        on who came first, so those calls are left out."""
        found: list[object] = []
        for calls in self.clients:
            for call, _, answer in calls:
                if call["tool"] == "move":
                    continue
                verdict = embedded.check(call)
                here = decode(json_line([verdict.for_operator(), verdict.for_model()]))
                there = [answer["verdict"], answer["model"]]
                for told, _ in (here, there):
                    del told["id"]
                    if told["counterexample"] is not None:
                        del told["counterexample"]["now"]
                if here != there:
                    found.append((call, here, there))
        return found


def ask_all(url: str, key: str, clients: int, rounds: int) -> Asked:
    """All clients at once, each on a connection of its own."""
    taken: list[float] = []

    def one(number: int) -> list[tuple[dict[str, Any], int, Any]]:
        client = Client(url, key, seconds=300.0)
        told: list[tuple[dict[str, Any], int, Any]] = []
        for call in calls_of(number, rounds):
            status, answer = timed(lambda call=call: client.post("/v1/check", call), taken)
            told.append((call, status, answer))
        client.close()
        return told

    return Asked(all_at_once(clients, one), taken)
