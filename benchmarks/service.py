"""The service beside a bare FastAPI route that only echoes, and under many clients.

    python benchmarks/service.py throughput [--seconds 5] [--rounds 5] [--clients 4]
    python benchmarks/service.py crowd [--clients 200] [--rounds 5]
    python benchmarks/service.py neighbours [--beside solves|uploads|canary] [--calls 300]

`throughput`: real servers and clients over loopback, in turns within one run, so that whatever else
the machine does falls upon all alike: `/v1/check` and `/v1/check/batch` with memory in the process,
and the same bodies echoed, as JSON by FastAPI's own means and as bytes. What a call costs the
server in processor time hardly depends on the machine's load; compare the rest within one run.
`of echo` is a part of the JSON echo's: of its calls a second beside the same clients, and of those
that one core of the server's could answer. `with a budget` and `with ids` use the memory, which is
in the process; `no memory` is a call that no rule and nobody asks for again.

`crowd`: 200 clients against two workers with PostgreSQL; errors, budgets, verdicts against the
embedded guard's. `neighbours`: what one tenant's calls take beside another's work, and without
it: questions that no solver answers in time (`solves`), policies that are sent and examined
(`uploads`), a policy that decides beside the active one (`canary`, on batches that are asked in
both cases).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import httpx

from licet import Guard
from support import crowd, slow_solves
from support.http_clients import Client, quantile, timed
from support.postgres import Server
from support.serve_process import (
    HOST_KEY,
    Served,
    descendants,
    free_port,
    served,
    tenants_configuration,
)

#: What a desk would have: who may, how much at a time, and a budget for each day.
POLICY = """
enum Role { support, manager }
principal { id: String, role: Role }
context { risk: Decimal in 0 .. 1 step 0.01 }
tool lookup(order_id: String) read_only
tool refund(order_id: String, amount: Decimal in 0 .. 10_000 step 0.01, note: String?)
permit reads on any when tool.read_only
permit refunds on refund
forbid small on refund when principal.role == support and args.amount > 500
forbid risky on refund when context.risk > 0.8
limit day on refund sum(args.amount) per principal.id within day <= 1_000_000_000
"""
BATCH = 100
ECHO = """
from typing import Any
from fastapi import FastAPI, Request, Response

app = FastAPI()


@app.post("/json")
async def as_json(body: dict[str, Any]) -> dict[str, Any]:
    return body


@app.post("/bytes")
async def as_bytes(request: Request) -> Response:
    return Response(await request.body(), media_type="application/json")
"""


def refund(number: int, *, id: bool) -> dict[str, object]:
    """A call as a host sends it, allowed."""
    call: dict[str, object] = {
        "tool": "refund",
        "args": {"order_id": f"R{number % 1_000}", "amount": 1 + number % 400},
        "principal": {"id": f"agent {number % 50}", "role": "support"},
        "context": {"risk": 0.1},
        "session": f"session {number % 50}",
    }
    return {**call, "id": f"{os.getpid()}.{number}"} if id else call


def lookup(number: int) -> dict[str, object]:
    """A call that no rule asks for again."""
    call = refund(number, id=False)
    return {**call, "tool": "lookup", "args": {"order_id": f"R{number % 1_000}"}}


@dataclass
class Kind:
    """One thing that is measured. `per`: calls in a request."""

    name: str
    path: str
    call: Any
    per: int = 1
    echo: bool = False
    rates: list[float] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def body(self, number: int) -> bytes:
        calls = [self.call(number * self.per + place) for place in range(self.per)]
        return json.dumps(calls[0] if self.per == 1 else {"calls": calls}).encode()


def with_id(number: int) -> dict[str, object]:
    return refund(number, id=True)


def without_id(number: int) -> dict[str, object]:
    return refund(number, id=False)


KINDS = [
    Kind("echo, JSON", "/json", with_id, echo=True),
    Kind("echo, bytes", "/bytes", with_id, echo=True),
    Kind("/v1/check, with a budget", "/v1/check", with_id),
    Kind("/v1/check, no memory", "/v1/check", lookup),
    Kind("/v1/check/batch, with a budget", "/v1/check/batch", without_id, BATCH),
    Kind("/v1/check/batch, with ids", "/v1/check/batch", with_id, BATCH),
    Kind("/v1/check/batch, no memory", "/v1/check/batch", lookup, BATCH),
]


def processor_seconds(pid: int) -> float:
    """What a process and its children have used so far."""
    ticks = 0
    for each in (pid, *descendants(pid)):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def waited(running: Served) -> float:
    """Seconds that the workers' threads were ready to run and had no core."""
    delays = 0
    for pid in running.workers():
        for thread in Path(f"/proc/{pid}/task").iterdir():
            delays += int((thread / "schedstat").read_text().split()[1])
    return delays / 1e9


def drive(url: str, kind: Kind, client: int, seconds: float, told: Any) -> None:
    """One client, in a process of its own: requests one after the other for some seconds."""
    connection = Client(url, HOST_KEY)
    number = client * 10_000_000 + time.monotonic_ns() % 1_000_000
    bodies = [kind.body(number + place) for place in range(20)]
    connection.send(kind.path, bodies.pop())
    taken: list[float] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        # made beforehand where that costs nothing: the client is not what is measured
        body = bodies.pop() if bodies else kind.body(number := number + 20)
        status, answer = timed(lambda body=body: connection.send(kind.path, body), taken)
        if status != 200 or (not kind.echo and b'"allowed":false' in answer):
            raise SystemExit(f"{status}: {answer[:500]!r}")
    told.put(taken)


def measure(url: str, pid: int, kind: Kind, clients: int, seconds: float) -> None:
    told: Any = multiprocessing.Queue()
    before, began = processor_seconds(pid), time.monotonic()
    arguments = [(url, kind, number, seconds, told) for number in range(clients)]
    running = [multiprocessing.Process(target=drive, args=each) for each in arguments]
    for each in running:
        each.start()
    taken = [one for _ in running for one in told.get(timeout=seconds + 120)]
    for each in running:
        each.join()
    calls = len(taken) * kind.per
    kind.cpu.append((processor_seconds(pid) - before) / (calls + clients * kind.per))
    kind.rates.append(calls / min(seconds, time.monotonic() - began))
    kind.taken += taken


@contextmanager
def echoing(folder: Path) -> Iterator[tuple[str, int]]:
    """The bare route, served as the service is."""
    (folder / "echo.py").write_text(ECHO)
    port = free_port()
    options = ["--port", str(port), "--no-access-log", "--log-level", "warning"]
    process = subprocess.Popen([sys.executable, "-m", "uvicorn", "echo:app", *options], cwd=folder)
    try:
        client = Client(f"http://127.0.0.1:{port}", HOST_KEY)
        while client.post("/json", {})[0] != 200:
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait()


def throughput(given: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        running = stack.enter_context(served(folder, POLICY, "--database", "memory", quiet=True))
        echo = stack.enter_context(echoing(folder))
        for _ in range(given.rounds):
            for kind in KINDS:
                url, pid = echo if kind.echo else (running.url, running.process.pid)
                measure(url, pid, kind, given.clients, given.seconds)
    base, spent = statistics.median(KINDS[0].rates), statistics.median(KINDS[0].cpu)
    print(
        f"{'':<34}{'calls/s':>9}{'of echo':>9}{'p50 ms':>9}{'p99 ms':>9}{'µs CPU':>9}{'/s core':>9}"
        f"{'of echo':>9}"
    )
    for kind in KINDS:
        rate, cpu = statistics.median(kind.rates), statistics.median(kind.cpu)
        half, most = (quantile(kind.taken, share) * 1e3 for share in (0.5, 0.99))
        print(
            f"{kind.name:<34}{rate:>9,.0f}{rate / base:>9.2f}{half:>9.2f}{most:>9.2f}"
            f"{cpu * 1e6:>9.0f}{1 / cpu:>9,.0f}{spent / cpu:>9.2f}"
        )


def many(given: argparse.Namespace) -> None:
    server = Server(durable=not given.hasty)
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            flags = ("--workers", "2", "--database", server.create_schema("crowd"))
            with served(folder, crowd.POLICY, *flags, quiet=True) as running:
                pid = running.process.pid
                before, began = processor_seconds(pid), time.monotonic()
                asked = crowd.ask_all(running.url, HOST_KEY, given.clients, given.rounds)
                took = time.monotonic() - began
                cpu = processor_seconds(pid) - before
            with Guard.load(folder / "shop.licet", seconds=20.0) as embedded:
                differences = asked.differences(embedded)
    finally:
        server.discard()
    calls = len(asked.taken)
    print(
        f"{given.clients} clients, {calls:,} calls in {took:.1f} s: {calls / took:,.0f} calls/s, "
        f"p50 {quantile(asked.taken, 0.5) * 1e3:,.0f} ms, "
        f"p99 {quantile(asked.taken, 0.99) * 1e3:,.0f} ms, "
        f"{cpu / calls * 1e3:.1f} ms of the workers' and solvers' processor time a call"
    )
    print(
        f"errors: {len(asked.errors())}; shared budget: {asked.moved()} of {crowd.SHARED}; "
        f"verdicts that differ from the embedded guard's: {len(differences)}"
    )


#: As many questions as lint has time for: whether these are sums of three cubes.
HARD_POLICY = slow_solves.SLOW_POLICY + "".join(
    f"forbid cubes{number} on hard when context.x * context.x * context.x"
    f" + context.y * context.y * context.y + context.z * context.z * context.z == {number}\n"
    for number in (390, 627, 633, 732, 921, 975)
)


class Solves:
    """Sixteen clients that ask what no solver answers in time."""

    clients = 16
    always = False  # what they do, also without the noise

    def turn(self, url: str, key: str, noisy: bool) -> None:
        """Make ready for calls that are measured with the noise, or without it."""

    def once(self, client: Client) -> None:
        client.post("/v1/check", slow_solves.SLOW)


class Uploads(Solves):
    """One person who sends policies, one after the other, that take lint as long as they may."""

    clients = 1

    def once(self, client: Client) -> None:
        sent = {"files": {"shop.licet": HARD_POLICY}, "policies": ["shop.licet"]}
        client.post("/v1/policies", sent)


class Canary(Solves):
    """Batches all the time, by which a canary decides too."""

    clients = 1
    always = True

    def turn(self, url: str, key: str, noisy: bool) -> None:
        text = slow_solves.SLOW_POLICY.replace("> 100", "> 200")
        sent = {"files": {"shop.licet": text}, "policies": ["shop.licet"]}
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
            digest = client.post("/v1/policies", json=sent).json()["digest"]
            client.request("POST" if noisy else "DELETE", f"/v1/policies/{digest}/canary")

    def once(self, client: Client) -> None:
        call = {"tool": "pay", "args": {"amount": 7}, "principal": {"id": "a"}}
        client.post("/v1/check/batch", {"calls": [call] * 20})


def neighbours(given: argparse.Namespace) -> None:
    keys = {"slow": "licet_test_key_of_slow_tenant", "other": "licet_test_key_of_other_tenant"}
    settings = tenants_configuration(keys, seconds=2.0).replace(
        'roles = ["host"]', 'roles = ["host", "policy_author"]'
    )
    beside = {"solves": Solves, "uploads": Uploads, "canary": Canary}[given.beside]()
    taken: dict[str, list[float]] = {"quiet": [], f"beside {given.beside}": []}
    delays = dict.fromkeys(taken, 0.0)
    stop = threading.Event()
    noisy = threading.Event()
    done: list[bool] = []

    def work(url: str) -> None:
        client = Client(url, keys["slow"])
        while not stop.is_set():
            if beside.always or noisy.wait(0.1):
                beside.once(client)
                done.append(noisy.is_set())

    server = Server(durable=not given.hasty)
    try:
        with tempfile.TemporaryDirectory() as name:
            flags = ("--workers", "2", "--database", server.create_schema("neighbours"))
            policy, folder = slow_solves.SLOW_POLICY, Path(name)
            with served(folder, policy, *flags, configuration=settings, quiet=True) as running:
                crowd_of = [
                    threading.Thread(target=work, args=(running.url,))
                    for _ in range(beside.clients)
                ]
                for thread in crowd_of:
                    thread.start()
                for turn in range(given.turns):
                    kind = list(taken)[turn % 2]
                    beside.turn(running.url, keys["slow"], bool(turn % 2))
                    (noisy.set if turn % 2 else noisy.clear)()
                    time.sleep(3.0)  # until what was asked before is answered
                    # anew: the service lets go of a connection that is idle for five seconds
                    client = Client(running.url, keys["other"])
                    before = waited(running)
                    for number in range(given.calls * 2 // given.turns):
                        call = {
                            "tool": "pay",
                            "args": {"amount": 200 * (number % 4 == 0)},
                            "principal": {"id": "b"},
                        }
                        status, told = timed(
                            lambda client=client, call=call: client.post("/v1/check", call),
                            taken[kind],
                        )
                        assert status == 200, told
                        assert told["allowed"] is (number % 4 != 0), told
                    delays[kind] += waited(running) - before
                stop.set()
                noisy.set()
                for thread in crowd_of:
                    thread.join()
    finally:
        server.discard()
    print(f"{'':<20}{'calls':>8}{'p50 ms':>9}{'p99 ms':>9}{'without a core, ms a call':>28}")
    for kind, all_taken in taken.items():
        half, most = (quantile(all_taken, share) * 1e3 for share in (0.5, 0.99))
        lacked = delays[kind] / len(all_taken) * 1e3
        print(f"{kind:<20}{len(all_taken):>8}{half:>9.1f}{most:>9.1f}{lacked:>28.1f}")
    quiet, loud = (quantile(each, 0.99) for each in taken.values())
    print(f"p99 beside {sum(done)} of {given.beside}: {loud / quiet:.2f} times the quiet one")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("throughput")
    one.add_argument("--seconds", type=float, default=5.0, help="each time, of each kind")
    one.add_argument("--rounds", type=int, default=5)
    one.add_argument("--clients", type=int, default=4)
    one.set_defaults(run=throughput)
    two = commands.add_parser("crowd")
    two.add_argument("--clients", type=int, default=200)
    two.add_argument("--rounds", type=int, default=5)
    two.set_defaults(run=many)
    three = commands.add_parser("neighbours")
    three.add_argument("--calls", type=int, default=400, help="of each kind")
    three.add_argument("--turns", type=int, default=8, help="half of them with the noise")
    three.add_argument("--beside", choices=("solves", "uploads", "canary"), default="solves")
    three.set_defaults(run=neighbours)
    for each in (two, three):
        each.add_argument("--hasty", action="store_true", help="PostgreSQL waits for no disk")
    given = parser.parse_args()
    cores, load = os.cpu_count(), os.getloadavg()[0]
    print(f"Python {platform.python_version()}, {cores} cores, load {load:.1f} at the start")
    given.run(given)
    print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
