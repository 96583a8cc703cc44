"""Facts that the service looks up itself; whatever fails there is unknown, and never allows."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from licet.service.resolvers import Breaker, CircuitOpenError, Source
from licet.service.settings import Fact, SettingsError
from support.serving import ask, close, serve

CALL = {"tool": "refund", "args": {"order_id": "R1", "amount": 100}}


def python_order(id: str) -> dict[str, object]:
    return {"owner": "u1", "total": 200}


def python_blocked(owner: str) -> bool:
    return False


def python_broken(owner: str) -> bool:
    raise RuntimeError("the directory is away")


def python(name: str, function: str) -> dict[str, object]:
    return {"name": name, "python": f"facts_of_this_test:{function}"}


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "facts_of_this_test", sys.modules[__name__])


class Facts(BaseHTTPRequestHandler):
    """Answers what the test wants, and keeps what it was asked."""

    answer: bytes = b'{"value": false}'
    status = 200
    asked: list[Any] = []  # noqa: RUF012 - emptied by the fixture

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.asked.append(json.loads(self.rfile.read(length)))
        self.send_response(self.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Facts.answer, Facts.status, Facts.asked = b'{"value": false}', 200, []
    with ThreadingHTTPServer(("127.0.0.1", 0), Facts) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/facts"
        server.shutdown()
        thread.join()


def outcome(folder: Path, *facts: dict[str, object]) -> tuple[str, str | None]:
    app = serve(folder, store=None, facts=[{"seconds": 30.0, **fact} for fact in facts])
    told = ask(app, "POST", "/v1/check", role="agent", json=CALL).json()
    close(app)
    found = told["model"]["violations"]
    return told["outcome"], found[0]["kind"] if found else None


def test_from_python(tmp_path: Path) -> None:
    both = python("order", "python_order"), python("blocked", "python_blocked")
    assert outcome(tmp_path, *both) == ("allow", None)


def test_from_a_query(tmp_path: Path) -> None:
    orders = tmp_path / "orders.db"
    with sqlite3.connect(orders) as rows:
        rows.execute("create table orders (id text, owner text, total int)")
        rows.execute("insert into orders values ('R1', 'u1', 200)")
    rows.close()
    base = {"name": "order", "database": f"sqlite:///{orders}"}
    good = {**base, "sql": "select owner, total from orders where id = :id"}
    free = python("blocked", "python_blocked")
    assert outcome(tmp_path, good, free) == ("allow", None)
    for sql in (
        "select owner, total from orders where id = 'R2' and :id = :id",  # none: it does not exist
        "select owner from orders where id = :id",
        "select owner, total from nowhere where id = :id",
        "delete from orders where id = :id returning owner, total",
        "select owner, total from orders where :id = :id union all select 'u2', 3",
    ):
        assert outcome(tmp_path, {**base, "sql": sql}, free)[0] == "deny"
    with sqlite3.connect(orders) as rows:
        assert rows.execute("select count(*) from orders").fetchone() == (1,)
    rows.close()


def test_from_an_endpoint(tmp_path: Path, server: str) -> None:
    order = python("order", "python_order")
    blocked = {"name": "blocked", "url": server, "private": True}
    assert outcome(tmp_path, order, blocked) == ("allow", None)
    assert Facts.asked == [{"fact": "blocked", "keys": ["u1"]}]
    Facts.answer = b'{"value": true}'
    assert outcome(tmp_path, order, blocked) == ("deny", "forbidden")


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (500, b'{"value": false}'),
        (302, b'{"value": false}'),
        (200, b""),
        (200, b'{"value": "false"}'),
        (200, b'{"value": false, "value": true}'),
        (200, b'{"result": false}'),
        (200, b"[" * 1_000),
        (200, b'{"value": false}' + b" " * 1_000_001),
    ],
)
def test_answers_that_are_none(tmp_path: Path, server: str, status: int, answer: bytes) -> None:
    Facts.status, Facts.answer = status, answer
    blocked = {"name": "blocked", "url": server, "private": True}
    assert outcome(tmp_path, python("order", "python_order"), blocked)[0] == "deny"


def test_addresses_that_are_not_public_are_not_asked(tmp_path: Path, server: str) -> None:
    for url in (server, server.replace("127.0.0.1", "localhost")):
        blocked = {"name": "blocked", "url": url}
        assert outcome(tmp_path, python("order", "python_order"), blocked)[0] == "deny"
    assert Facts.asked == []


def test_one_that_raises_is_unknown(tmp_path: Path) -> None:
    both = python("order", "python_order"), python("blocked", "python_broken")
    assert outcome(tmp_path, *both) == ("deny", "undetermined")


@pytest.mark.parametrize(
    "fact",
    [
        {"name": "ordr", "python": "os:getcwd"},
        {"name": "order", "python": "no_such_module:f"},
        {"name": "order", "python": "os:no_such_function"},
        {"name": "order", "sql": "select 1", "database": "mysql://x"},
    ],
)
def test_sources_that_are_none(tmp_path: Path, fact: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="the fact `ord"):
        serve(tmp_path, store=None, facts=[fact])


def test_what_fails_is_counted_and_said_without_what_it_was_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    order = {**python("order", "python_order"), "seconds": 30.0}
    blocked = {**python("blocked", "python_broken"), "seconds": 30.0, "failures": 2}
    app = serve(tmp_path, store=None, facts=[order, blocked])
    for _ in range(3):
        told = ask(app, "POST", "/v1/check", role="agent", json=CALL).json()
        assert told["outcome"] == "deny"
    page = ask(app, "GET", "/metrics", role="auditor").text
    assert 'licet_fact_failures_total{fact="blocked",result="failed",tenant=""} 2.0' in page
    assert 'licet_fact_failures_total{fact="blocked",result="left_alone",tenant=""} 1.0' in page
    assert [record.getMessage() for record in caplog.records] == [
        "the fact `blocked` fails (RuntimeError): left alone for 10 s"
    ]
    close(app)


def test_one_that_is_late_counts_as_failed_and_one_that_answers_as_mended(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lost: list[tuple[str, str]] = []
    fact = Fact(name="blocked", python="os:getcwd", seconds=1e-9, failures=1, pause=1e-9)
    source = Source(fact, lambda name, result: lost.append((name, result)))
    with source.asked():
        pass
    assert lost == [("blocked", "failed")]
    patient = Source(fact.model_copy(update={"seconds": 30.0}), lambda *_: None)
    with suppress(OSError), patient.asked():
        raise OSError("a secret")
    with patient.asked():
        pass
    assert [record.getMessage() for record in caplog.records] == [
        "the fact `blocked` fails (it was late): left alone for 1e-09 s",
        "the fact `blocked` fails (OSError): left alone for 1e-09 s",
        "the fact `blocked` is known again",
    ]


def test_a_breaker_opens_lets_one_try_and_closes() -> None:
    now = [0.0]
    breaker = Breaker(2, 10.0, lambda: now[0])
    for last in (False, True):
        breaker.enter()
        assert breaker.leave(failed=True) is last
    with pytest.raises(CircuitOpenError):
        breaker.enter()
    now[0] = 10.0
    breaker.enter()
    with pytest.raises(CircuitOpenError):  # another one, while the first tries
        breaker.enter()
    breaker.leave(failed=True)
    now[0] = 15.0
    with pytest.raises(CircuitOpenError):
        breaker.enter()
    now[0] = 20.0
    breaker.enter()
    breaker.leave(failed=False)
    breaker.enter()
