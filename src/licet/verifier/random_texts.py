"""Random texts that nobody can guess, drawn many at a time.

To ask the system for each takes ten microseconds in the middle of other work, a tenth of a check.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable

#: Texts that are drawn at once.
AT_ONCE = 256


class RandomTexts:
    """Texts of `size` random bytes each. Safe to share between threads: none is given twice. A
    forked child draws its own."""

    def __init__(self, size: int, spelled: Callable[[bytes], str]) -> None:
        self._size, self._spelled = size, spelled
        #: For which process, and what is left of what was drawn for it. Asked for each time, since
        #: a server that forks by itself calls none of Python's hooks.
        self._drawn: tuple[int, list[str]] = (0, [])

    def __call__(self) -> str:
        process, drawn = self._drawn
        if process == os.getpid():
            try:
                return drawn.pop()
            except IndexError:
                pass
        size = self._size
        raw = os.urandom(size * AT_ONCE)
        texts = [self._spelled(raw[at : at + size]) for at in range(0, len(raw), size)]
        text = texts.pop()
        self._drawn = (os.getpid(), texts)
        return text


def urlsafe(raw: bytes) -> str:
    """Bytes as letters, digits, `-` and `_`."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


#: 18 bytes each: the nonces of tickets.
new_nonce = RandomTexts(18, urlsafe)
#: 16 bytes each, in hexadecimal: the ids of requests.
new_request = RandomTexts(16, bytes.hex)
