"""`licet serve` in a process of its own, on a free port of this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
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

    def wait_until_ready(self) -> None:
        until = time.monotonic() + 120
        with httpx.Client(trust_env=False, verify=False) as client:  # nothing of TLS is read for it
            while time.monotonic() < until:
                assert self.process.poll() is None, "the service did not start"
                with contextlib.suppress(httpx.HTTPError):
                    if client.get(f"{self.url}/readyz").is_success:
                        return
                time.sleep(0.1)
        raise AssertionError("the service is not ready")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def workers(self) -> list[int]:
        """The processes that answer, where there are several."""
        return [
            pid
            for pid in descendants(self.process.pid)
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

    def wait_for_workers(self, number: int) -> None:
        until = time.monotonic() + 120
        while len(self.workers()) != number:
            assert time.monotonic() < until, f"there are never {number} workers"
            time.sleep(0.05)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        return self.process.wait(60)


def descendants(pid: int) -> list[int]:
    """The children of a process, and theirs, as the kernel lists them."""
    found: list[int] = []
    with contextlib.suppress(OSError):  # it has just ended
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                found += [int(child), *descendants(int(child))]
    return found


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


def tenants_configuration(keys: Mapping[str, str], *, seconds: float = 20.0) -> str:
    """A configuration with a host's key for each tenant."""
    lines = [f"[service]\nseconds = {seconds}\n"]
    for tenant, key in keys.items():
        lines.append(
            f'[[service.keys]]\nname = "{tenant}"\nhash = "{hash_of(key)}"\nroles = ["host"]\n'
            f'tenant = "{tenant}"\n'
        )
    return "".join(lines)


@contextmanager
def served(
    folder: Path,
    policy: str,
    *flags: str,
    port: int | None = None,
    configuration: str | None = None,
    quiet: bool = False,
) -> Iterator[Served]:
    """The service on a policy's text, ready; it remembers in `folder`, also when started again.

    `flags` are those of `licet serve`; `quiet`: its log goes to the file `log` of the folder."""
    (folder / "shop.licet").write_text(policy, "utf-8")
    (folder / "licet.toml").write_text(configuration or _configuration(), "utf-8")
    port = free_port() if port is None else port
    code = "import sys; from licet.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "serve", "shop.licet", "--port", str(port), *flags]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "LICET_API_KEY": HOST_KEY},
            stdin=subprocess.DEVNULL,
            stdout=log if quiet else None,
            stderr=log if quiet else None,
        )
    running = Served(f"http://127.0.0.1:{port}", process)
    try:
        running.wait_until_ready()
        yield running
    finally:
        if process.poll() is None:
            running.stop()
