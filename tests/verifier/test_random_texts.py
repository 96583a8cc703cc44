"""Random texts: none twice, in threads and in forked children."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from licet.verifier.random_texts import AT_ONCE, RandomTexts, urlsafe


def test_none_twice_in_threads() -> None:
    new = RandomTexts(18, urlsafe)
    with ThreadPoolExecutor(4) as threads:
        drawn = list(threads.map(lambda _: new(), range(20 * AT_ONCE)))
    assert len(set(drawn)) == len(drawn)
    assert {len(text) for text in drawn} == {24}


def test_a_forked_child_draws_its_own() -> None:
    new = RandomTexts(16, bytes.hex)
    new()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, new().encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(read, 100).decode()
    for end in (read, write):
        os.close(end)
    assert len(theirs) == 32
    assert theirs not in {new() for _ in range(AT_ONCE)}
