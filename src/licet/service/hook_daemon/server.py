"""A Unix socket of this user's, each connection one event. See `adapters/hooks/client` for the
protocol.

It listens before it has loaded anything, so that whoever starts it can hand over the event and
wait. What it cannot answer it does not: the client refuses then.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from licet.adapters.hooks import client

if TYPE_CHECKING:
    from .desk import Desk

MAX_AT_ONCE: Final = 64
READ_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 0.5


def serve(path: str, policy: str) -> None:
    """Answer until nobody has asked for a while, or a client of another version has. Of several
    for one socket, one serves and the others end."""
    os.umask(0o077)
    place = os.open(path + ".daemon", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    if not _taken(place):
        return
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    os.chmod(path, 0o600)
    listener.listen(128)
    listener.settimeout(LOOK_SECONDS)
    _Server(path, listener, Path(policy)).run()


def _taken(place: int) -> bool:
    """The right to serve, held until the process ends; waits a little for one that is leaving."""
    for _ in range(100):
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.1)
        else:
            return True
    return False


class _Server:
    def __init__(self, path: str, listener: socket.socket, policy: Path) -> None:
        self._path = path
        self._listener = listener
        self._policy = policy
        self._stamp = client.stamp().encode()
        self._slots = threading.Semaphore(MAX_AT_ONCE)
        self._busy = 0
        self._lock = threading.Lock()
        self._last = time.monotonic()
        self._leaving = threading.Event()
        self._loading = threading.Lock()
        self._desk: Desk | None = None

    def run(self) -> None:
        inode = os.stat(self._path).st_ino
        threading.Thread(target=self._opened, daemon=True).start()
        while not self._leaving.is_set():
            try:
                self._take()
            except TimeoutError:
                if self._idle() or not self._is_mine(inode):
                    break
        if self._is_mine(inode):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)
        self._rest()
        self._listener.close()
        until = time.monotonic() + READ_SECONDS
        while self._busy and time.monotonic() < until:
            time.sleep(0.01)
        if self._desk is not None:
            self._desk.close()
        os._exit(0)

    def _is_mine(self, inode: int) -> bool:
        try:
            return os.stat(self._path).st_ino == inode
        except OSError:
            return False

    def _idle(self) -> bool:
        desk = self._desk
        seconds = 60.0 if desk is None else desk.idle_seconds
        return not self._busy and time.monotonic() - self._last > seconds

    def _rest(self) -> None:
        """Those who connected before the socket's name was taken away."""
        self._listener.settimeout(0)
        with contextlib.suppress(OSError):
            while True:
                self._take()

    def _take(self) -> None:
        connection, _ = self._listener.accept()
        self._slots.acquire()
        with self._lock:
            self._busy += 1
        threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        try:
            with connection:
                connection.settimeout(READ_SECONDS)
                if client.peer_uid(connection) == os.getuid():
                    connection.sendall(self._said(connection))
        except Exception:
            return  # whoever asked is gone, or gets no answer and refuses
        finally:
            self._slots.release()
            with self._lock:
                self._busy -= 1
                self._last = time.monotonic()

    def _said(self, connection: socket.socket) -> bytes:
        with connection.makefile("rb") as stream:
            words = stream.readline(4096).split()
            if len(words) != 5 or b" ".join(words[:2]) + b" " != client.GREETING:
                raise ValueError("no request")
            size = int(words[4])
            if not 0 <= size <= client.MAX_EVENT:
                raise ValueError("the event is too long")
            event = stream.read(size)
        if len(event) != size:
            raise ValueError("the event broke off")
        if words[3] != self._stamp or client.stamp().encode() != self._stamp:
            self._leaving.set()
            return client.GREETING + b"replaced\n"
        reply = self._opened().reply(words[2].decode(), event)
        out, err = reply.out.encode(), reply.err.encode()
        head = f"{reply.code} {len(out)} {len(err)}\n".encode()
        return client.GREETING + head + out + err

    def _opened(self) -> Desk:
        with self._loading:
            if self._desk is None:
                from .desk import Desk

                self._desk = Desk(self._policy)
            return self._desk
