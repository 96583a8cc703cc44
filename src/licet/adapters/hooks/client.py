"""The process that a coding agent starts before each tool call: asks the daemon, says its answer.

Run as a script by `python -I -S`, so that nothing of the working directory or of any environment is
imported; it uses the standard library alone, little of it, and reads no JSON. Whatever goes wrong
here is exit code 2 with a reason on standard error, which stops the call: an agent runs the tool
on any other code but 0.

    client.py claude-code|codex POLICY [--seconds N]

To the daemon: a line `licet-hook 1 AGENT STAMP LENGTH`, then the event. From it: a line
`licet-hook 1 EXIT OUT ERR` with two lengths, then what to print on standard output and error; or
`licet-hook 1 replaced`, from a daemon of another version, which ends.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import NoReturn

AGENTS = ("claude-code", "codex")
MAX_EVENT = 16_000_000
MAX_ANSWER = 1_000_000
SECONDS = 20.0
PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GREETING = b"licet-hook 1 "


class Trouble(Exception):  # noqa: N818 - said to a person, never raised to one
    """The guard cannot answer; the text says why."""


def main(arguments: list[str]) -> NoReturn:
    """Answer one event, and end the process."""
    code, out, err = 2, b"", b"licet: the guard failed; the call is refused\n"
    try:
        agent, policy, seconds = _options(arguments)
        _limit(seconds)
        code, out, err = ask(agent, policy, _event())
    except Trouble as trouble:
        err = f"licet: {trouble}; the call is refused\n".encode("utf-8", "backslashreplace")
    except BaseException as error:
        err = f"licet: the guard failed ({type(error).__name__}); the call is refused\n".encode()
    _end(code, out, err)


def _options(arguments: list[str]) -> tuple[str, str, float]:
    if len(arguments) not in (2, 4) or arguments[0] not in AGENTS:
        raise Trouble("the hook is set up wrongly: run `licet hook install` again")
    seconds = SECONDS
    if len(arguments) == 4:
        if arguments[2] != "--seconds" or not arguments[3].isdigit():
            raise Trouble("the hook is set up wrongly: run `licet hook install` again")
        seconds = min(max(float(arguments[3]), 1.0), 3600.0)
    return arguments[0], os.path.realpath(arguments[1]), seconds


def _limit(seconds: float) -> None:
    """Refuse when the time is over, wherever this process hangs, or when somebody ends it."""

    def stop(number: int, _frame: object) -> None:
        why = "did not answer in time" if number == signal.SIGALRM else "was stopped"
        _end(2, b"", f"licet: the guard {why}; the call is refused\n".encode())

    for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _end(code: int, out: bytes, err: bytes) -> NoReturn:
    try:
        _write(1, out)
    except BaseException:
        code = 2  # an answer that did not arrive allows nothing
    try:
        _write(2, err)
    finally:
        os._exit(code)


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _event() -> bytes:
    found = bytearray()
    while chunk := os.read(0, 1 << 20):
        found += chunk
        if len(found) > MAX_EVENT:
            raise Trouble(f"the event is longer than {MAX_EVENT:,} bytes")
    return bytes(found)


# --- the daemon


def runtime_folder() -> str:
    """The private folder of the sockets, made if it is missing. Raises Trouble."""
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    folder = (
        os.path.join(base, "licet")
        if os.path.isabs(base) and os.path.isdir(base)
        else f"/tmp/licet-{os.getuid()}"
    )
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise Trouble(f"the daemon's folder cannot be made ({error.strerror})") from None
    found = os.lstat(folder)
    if (found.st_mode & 0o170000) != 0o040000:
        raise Trouble("the daemon's folder is no folder")
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise Trouble("the daemon's folder is not private")
    return folder


def socket_path(policy: str) -> str:
    """Where the daemon of a policy (a resolved path) listens, for this licet and interpreter."""
    from hashlib import sha256

    names = "\0".join((policy, PACKAGE, sys.executable))
    digest = sha256(names.encode("utf-8", "surrogateescape"))
    return os.path.join(runtime_folder(), digest.hexdigest()[:24] + ".sock")


def stamp() -> str:
    """The version of the code, as its files tell it: of client and daemon they must be equal."""
    found = []
    for name in ("__init__.py", "adapters/hooks/client.py", "service/hook_daemon/server.py"):
        of = os.stat(os.path.join(PACKAGE, name))
        found.append(f"{of.st_mtime_ns:x}.{of.st_size:x}")
    return "-".join(found)


def peer_uid(connection: socket.socket) -> int:
    """The user at the other end of a socket. Raises OSError where that cannot be known."""
    from socket import SOL_SOCKET

    if sys.platform == "linux":
        credentials = connection.getsockopt(SOL_SOCKET, 17, 12)  # SO_PEERCRED: pid, uid, gid
        return int.from_bytes(credentials[4:8], sys.byteorder)
    credentials = connection.getsockopt(0, 1, 76)  # LOCAL_PEERCRED: version, uid, groups
    return int.from_bytes(credentials[4:8], sys.byteorder)


def ask(agent: str, policy: str, event: bytes) -> tuple[int, bytes, bytes]:
    """Exit code, output and error for one event, by a daemon that is started where there is none.
    Raises Trouble and OSError."""
    path = socket_path(policy)
    for _ in range(3):
        connection = _connected(path) or _started(path, policy)
        try:
            if peer_uid(connection) != os.getuid():
                raise Trouble("the daemon is not of this user")
            head = f"{agent} {stamp()} {len(event)}\n".encode()
            connection.sendall(GREETING + head + event)
            answer = _answer(connection)
        finally:
            connection.close()
        if answer is not None:
            return answer
        _wait_for_end(path)
    raise Trouble("the daemon could not be replaced")


def _connected(path: str) -> socket.socket | None:
    from socket import AF_UNIX, SOCK_STREAM, socket

    connection = socket(AF_UNIX, SOCK_STREAM)
    try:
        connection.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    return connection


def _started(path: str, policy: str) -> socket.socket:
    """Connect, starting the daemon: of many that try at once, one starts it."""
    import fcntl
    import time

    with open(path + ".start", "w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if found := _connected(path):
            return found
        _spawn(path, policy)
        for _ in range(2000):
            if found := _connected(path):
                return found
            time.sleep(0.01)
    raise Trouble("the daemon does not start: see `licet hook status`")


def _spawn(path: str, policy: str) -> None:
    """Start the daemon, on its own: it outlives this process and what started that."""
    program = os.path.join(PACKAGE, "service", "hook_daemon", "boot.py")
    log = os.open(path + ".log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    child = os.fork()
    if child == 0:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            if os.fork() == 0:
                nowhere = os.open(os.devnull, os.O_RDONLY)
                os.dup2(nowhere, 0)
                os.dup2(log, 1)
                os.dup2(log, 2)
                os.closerange(3, 256)
                os.chdir("/")
                os.execv(sys.executable, [sys.executable, "-I", program, path, policy])
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(log)


def _wait_for_end(path: str) -> None:
    """A daemon that was told of another version goes; wait until its place is free."""
    import fcntl

    with open(path + ".daemon", "w") as place:
        fcntl.flock(place, fcntl.LOCK_EX)


def _answer(connection: socket.socket) -> tuple[int, bytes, bytes] | None:
    """The daemon's answer; None where it is of another version and goes. Raises Trouble."""
    found = bytearray()
    while chunk := connection.recv(1 << 16):
        found += chunk
        if len(found) > MAX_ANSWER:
            raise Trouble("the daemon's answer is too long")
    head, newline, body = bytes(found).partition(b"\n")
    words = head.split(b" ")
    if not newline or not head.startswith(GREETING):
        raise Trouble("the daemon broke off" if not found else "the daemon's answer is broken")
    if words[2:] == [b"replaced"] and not body:
        return None
    if len(words) != 5 or words[2] not in (b"0", b"2") or not (words[3] + words[4]).isdigit():
        raise Trouble("the daemon's answer is broken")
    size = int(words[3])
    if len(body) != size + int(words[4]):
        raise Trouble("the daemon's answer is broken")
    if words[2] == b"2" and len(body) == size:
        raise Trouble("the daemon gave no reason")
    return int(words[2]), body[:size], body[size:]


if __name__ == "__main__":
    main(sys.argv[1:])
