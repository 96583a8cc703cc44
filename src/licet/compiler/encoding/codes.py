"""Texts that are only compared, as numbers."""

from __future__ import annotations


class Codes:
    """The codes of interned texts: those of the rules for ever, those of a world for one call."""

    def __init__(self) -> None:
        self._fixed: dict[str, int] = {}
        self._texts: list[str] = []

    def fixed(self, text: str) -> int:
        """The code of a text in the rules."""
        code = self._fixed.get(text)
        if code is None:
            code = self._fixed[text] = len(self._texts)
            self._texts.append(text)
        return code

    def find(self, text: str) -> int | None:
        """The code of a text, if the rules have it."""
        return self._fixed.get(text)

    def all(self) -> dict[str, int]:
        """The codes of all texts in the rules, as they are now."""
        return dict(self._fixed)

    def __len__(self) -> int:
        return len(self._texts)

    def forget(self, size: int) -> None:
        """Take back the codes given after the first `size`."""
        while len(self._texts) > size:
            del self._fixed[self._texts.pop()]

    def text(self, code: int) -> str | None:
        """The text of a code, if it is one of the rules'."""
        return self._texts[code] if 0 <= code < len(self._texts) else None
