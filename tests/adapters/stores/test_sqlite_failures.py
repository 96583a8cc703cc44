"""What may happen to a SQLite file: each is a StoreError, soon, and nothing is lost."""

from __future__ import annotations

import os
import pwd
import resource
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from licet.adapters.stores import open_store
from licet.verifier.history import AuditEntry, Head, Store, StoreError
from support.children import Child, Step
from support.store_rows import head, leaf


def advance(store: Store) -> None:
    """One more transaction, with something of size."""
    with store.begin("acme") as t:
        seq = t.head().seq + 1
        t.put_leaves([leaf("pot", seq - 1, text="x" * 5_000)])
        t.append_audit([AuditEntry(seq, str(seq), "x" * 5_000)])
        t.set_head(Head(seq=seq))


def sizes(store: Store) -> tuple[int, int, int]:
    """Head, leaves and audit, which all say how many transactions there were."""
    with store.begin("acme") as t:
        counted = t.head().seq, len(t.leaves("pot", 0, 9_999))
    return (*counted, len(store.audit("acme", 0, 9_999)))


def url_in(folder: Path) -> str:
    return f"sqlite:///{folder}/state.db"


def test_a_full_disk(tmp_path: Path) -> None:
    """The kernel refuses to let the files grow: then, and once there is room again."""

    def act(step: Step) -> None:
        store = open_store(url_in(tmp_path))
        advance(store)
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        reasons: set[str] = set()
        done = 1
        for _ in range(60):
            try:
                advance(store)
                done += 1
            except StoreError as error:
                reasons.add(str(error).partition(": ")[2])
        step(str(sorted(reasons)))
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        advance(store)
        step(str(done + 1))

    child = Child(act)
    reasons, done = list(child)
    assert child.wait() == 0
    assert reasons == "['reading or writing failed: disk I/O error']"
    store = open_store(url_in(tmp_path))
    assert sizes(store) == (int(done),) * 3
    store.close()


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    """Root may write what it likes, so it becomes `nobody`, who reaches the folder through its
    working directory only."""
    store = open_store(url_in(tmp_path))
    advance(store)
    store.close()
    (tmp_path / "state.db").chmod(0o444)
    tmp_path.chmod(0o555)

    def act(step: Step) -> None:
        os.chdir(tmp_path)
        folder = tmp_path
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.setgroups([])
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)
            folder = Path("/proc/self/cwd")
        try:
            sizes(open_store(url_in(folder)))
        except StoreError as error:
            step(str(error).partition(": ")[2])
        try:
            advance(open_store(url_in(folder)))
        except StoreError as error:
            step(str(error).partition(": ")[2])

    child = Child(act)
    assert list(child) == ["the file, or its log beside it, cannot be opened"] * 2
    assert child.wait() == 0
    tmp_path.chmod(0o755)


@pytest.mark.parametrize("act", ["deleted", "replaced", "moved away", "log deleted"])
def test_a_file_that_is_gone(tmp_path: Path, act: str) -> None:
    """SQLite would go on with what nobody else can find, and forget it at the end."""
    store = open_store(url_in(tmp_path))
    advance(store)
    path = tmp_path / "state.db"
    match act:
        case "deleted":
            path.unlink()
        case "replaced":
            shutil.copy(path, tmp_path / "copy.db")
            os.replace(tmp_path / "copy.db", path)
        case "moved away":
            path.rename(tmp_path / "other.db")
        case "log deleted":
            (tmp_path / "state.db-wal").unlink()
    with pytest.raises(StoreError, match=r"the file (is gone|was deleted or replaced)"):
        advance(store)
    if act in ("deleted", "moved away"):  # and never an empty one in its place
        with pytest.raises(StoreError):
            advance(store)
        assert not path.exists()
        with pytest.raises(StoreError):
            store.audit("acme", 0, 9)
    store.close()


def test_a_damaged_file(tmp_path: Path) -> None:
    store = open_store(url_in(tmp_path))
    for _ in range(20):
        advance(store)
    store.close()
    path = tmp_path / "state.db"
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)  # all but the header and the list of tables
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        sizes(open_store(url_in(tmp_path)))
    content[:100] = os.urandom(100)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="no SQLite database"):
        open_store(url_in(tmp_path))


def test_a_truncated_file(tmp_path: Path) -> None:
    store = open_store(url_in(tmp_path))
    for _ in range(20):
        advance(store)
    store.close()
    os.truncate(tmp_path / "state.db", 8192)
    with pytest.raises(StoreError):
        sizes(open_store(url_in(tmp_path)))


def test_another_process_that_does_not_stop_writing(tmp_path: Path) -> None:
    store = open_store(url_in(tmp_path), seconds=0.3)
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"another process has been writing for 0\.3 s"):
        advance(store)
    other.execute("ROLLBACK")
    other.close()
    advance(store)
    assert sizes(store) == (1, 1, 1)
    store.close()


def test_another_thread_that_does_not_come_to_an_end(tmp_path: Path) -> None:
    store = open_store(url_in(tmp_path), seconds=0.2)
    begun, end = threading.Event(), threading.Event()

    def stay() -> None:
        with store.begin("acme"):
            begun.set()
            end.wait()

    thread = threading.Thread(target=stay)
    thread.start()
    begun.wait()
    with pytest.raises(StoreError, match=r"other threads have been busy for 0\.2 s"):
        advance(store)
    end.set()
    thread.join()
    advance(store)
    store.close()


def test_a_forked_child_goes_on(tmp_path: Path) -> None:
    """With connections of its own: the parent's locks are none of the child's."""
    store = open_store(url_in(tmp_path))
    advance(store)

    def act(step: Step) -> None:
        advance(store)
        with store.begin("acme") as t:
            step("holds it")
            t.set_head(Head(seq=t.head().seq + 1))
            t.put_leaves([leaf("pot", 2)])
            t.append_audit([AuditEntry(3, "3", "")])

    child = Child(act)
    assert child.read() == "holds it"
    impatient = open_store(url_in(tmp_path), seconds=0.2)
    with pytest.raises(StoreError, match="another process has been writing"):
        advance(impatient)
    child.go_on()
    assert (child.read(), child.wait()) == ("", 0)
    advance(store)
    assert sizes(store) == (4, 4, 4)
    impatient.close()
    store.close()


def test_a_fork_in_the_middle_of_a_transaction(tmp_path: Path) -> None:
    """The parent's goes on; the child can neither end it nor begin another."""
    store = open_store(url_in(tmp_path), seconds=0.2)

    def act(step: Step) -> None:
        for attempt in (lambda: transaction.coverage("p"), lambda: advance(store)):
            try:
                attempt()
            except StoreError as error:
                step(str(error).partition(": ")[2])

    with store.begin("acme") as transaction:
        transaction.set_head(head(1))
        child = Child(act)
        assert list(child) == [
            "a transaction cannot be used after a fork",
            "this process was forked in the middle of a transaction, and cannot use the file",
        ]
        assert child.wait() == 0
    with store.begin("acme") as t:
        assert t.head() == head(1)
    store.close()


def test_the_power_fails_and_the_log_is_all_there_is(tmp_path: Path) -> None:
    """What a disk holds at any moment, copied while the store is open, is a whole store."""
    store = open_store(url_in(tmp_path))
    for _ in range(5):
        advance(store)
    (tmp_path / "copy").mkdir()
    for name in ("state.db", "state.db-wal"):
        shutil.copy(tmp_path / name, tmp_path / "copy" / name)
    store.close()
    copy = open_store(url_in(tmp_path / "copy"))
    assert sizes(copy) == (5, 5, 5)
    copy.close()
