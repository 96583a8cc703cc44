"""Many plain clients of a service: a connection each, nothing sent twice, nothing made up."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from typing import Any, TypeVar
from urllib.parse import urlsplit

from licet.compiler.exact_json import decode

Answer = TypeVar("Answer")


class Client:
    """One connection, kept alive, and made anew after it broke. For one thread."""

    def __init__(self, url: str, key: str, *, seconds: float = 60.0) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._connection = HTTPConnection(parts.hostname, parts.port, timeout=seconds)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def send(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. Raises OSError or HTTPException where there is none."""
        try:
            self._connection.request("POST", path, body, self._headers)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except BaseException:
            self._connection.close()
            raise

    def post(self, path: str, body: Mapping[str, object]) -> tuple[int, Any]:
        """The same of JSON; status 0: there was no answer."""
        try:
            status, raw = self.send(path, json.dumps(body).encode())
            return status, decode(raw)
        except (OSError, HTTPException, ValueError) as error:
            return 0, {"detail": type(error).__name__}

    def close(self) -> None:
        self._connection.close()


def all_at_once(count: int, work: Callable[[int], Answer]) -> list[Answer]:
    """What `work(number)` returns in each of so many threads, which begin together."""
    ready = threading.Barrier(count)

    def one(number: int) -> Answer:
        ready.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def timed(work: Callable[[], Answer], taken: list[float]) -> Answer:
    """What `work` returns; how long it took is added."""
    began = time.perf_counter()
    answer = work()
    taken.append(time.perf_counter() - began)
    return answer


def quantile(taken: Sequence[float], share: float) -> float:
    """The value that a share of all do not pass."""
    ordered = sorted(taken)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
