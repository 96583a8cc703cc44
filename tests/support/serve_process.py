"""`licet serve` in a process of its own, on a free port of this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from licet.service.auth import hash_of

HOST_KEY = "licet_test_host_key_of_the_process"
APPROVER_KEY = "licet_test_approver_key_of_the_process"
AGENT_KEY = "licet_test_agent_key_of_the_process"


@dataclass
class Served:
    url: str
    process: subprocess.Popen[bytes]

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        return self.process.wait(60)


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


def _configuration() -> str:
    keys = "".join(
        f'[[service.keys]]\nname = "{name}"\nhash = "{hash_of(key)}"\nroles = ["{name}"]\n'
        'principal = { id = "boss", role = "manager" }\n'
        for name, key in (("approver", APPROVER_KEY), ("agent", AGENT_KEY))
    )
    return f"[service]\nseconds = 20.0\n{keys}"


@contextmanager
def served(folder: Path, policy: str, *, port: int | None = None) -> Iterator[Served]:
    """The service on a policy's text, ready; it remembers in `folder`, also when started again."""
    (folder / "shop.licet").write_text(policy, "utf-8")
    (folder / "licet.toml").write_text(_configuration(), "utf-8")
    port = free_port() if port is None else port
    code = "import sys; from licet.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "serve", "shop.licet", "--port", str(port)]
    process = subprocess.Popen(
        command, cwd=folder, env={**os.environ, "LICET_API_KEY": HOST_KEY}, stdin=subprocess.DEVNULL
    )
    running = Served(f"http://127.0.0.1:{port}", process)
    try:
        for _ in range(600):
            assert process.poll() is None, "the service did not start"
            try:
                if httpx.get(f"{running.url}/readyz", trust_env=False).is_success:
                    break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield running
    finally:
        if process.poll() is None:
            running.stop()
