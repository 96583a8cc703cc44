"""What the MCP proxy adds to an allowed call, over stdio: the same tool of the same server, called
directly and through the proxy, in turns.

    python benchmarks/mcp_proxy.py [--calls 500]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from mcp import Client, StdioServerParameters

SERVER = """
from mcp.server import MCPServer

desk = MCPServer("desk")


@desk.tool()
def refund(order: str, amount: int) -> dict[str, int]:
    return {"paid": amount}


desk.run("stdio")
"""
POLICY = """
principal { id: String }
tool refund(order: String, amount: Int in 0 .. 10_000)
permit refunds on refund when args.amount <= 500
forbid kitchen on refund when args.order == "kitchen"
"""
LIMIT = "limit total on refund sum(args.amount) per principal.id <= 1_000_000_000\n"


async def measure(folder: Path, policy: str, mode: str, calls: int) -> None:
    server = folder / "desk.py"
    server.write_text(SERVER, "utf-8")
    path = folder / "desk.licet"
    path.write_text(policy, "utf-8")
    guarded = [
        *("-m", "licet.cli.main", "mcp-proxy", str(path), "--principal", '{"id": "bot"}'),
        *("--server", f"desk={sys.executable} {server}"),
    ]
    env = {key: os.environ[key] for key in ("PYTHONPATH",) if key in os.environ}
    times: dict[str, list[float]] = {"direct": [], "proxy": []}
    async with AsyncExitStack() as stack:
        clients: dict[str, Client] = {}
        for name, args in (("direct", [str(server)]), ("proxy", guarded)):
            started = time.perf_counter()
            where = StdioServerParameters(command=sys.executable, args=args, env=env)
            client = Client(where, mode=mode, cache=None)
            clients[name] = await stack.enter_async_context(client)
            await clients[name].list_tools()
            print(f"  {name}: tools listed after {time.perf_counter() - started:.2f} s")
        for number in range(calls + 50):
            for name, client in clients.items():
                begun = time.perf_counter()
                done = await client.call_tool("refund", {"order": f"R{number}", "amount": 40})
                if number >= 50:
                    times[name].append(time.perf_counter() - begun)
                assert not done.is_error, done
    direct, proxied = (statistics.median(times[name]) * 1e3 for name in ("direct", "proxy"))
    print(
        f"  median: direct {direct:.2f} ms, proxy {proxied:.2f} ms, added {proxied - direct:.2f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=500)
    options = parser.parse_args()
    for mode in ("legacy", "auto"):
        for title, policy in (("rules alone", POLICY), ("with a limit", POLICY + LIMIT)):
            print(f"{mode}, {title}:")
            with tempfile.TemporaryDirectory() as folder:
                asyncio.run(measure(Path(folder), policy, mode, options.calls))


if __name__ == "__main__":
    main()
