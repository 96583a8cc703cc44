"""What encoding may raise. All of it refuses the call; none of it is a user's mistake."""

from __future__ import annotations


class EncodingError(Exception):
    """The rules could not be decided through the solver for this world."""


class EncodingLimit(EncodingError):  # noqa: N818 - an answer, not an accident
    """A bound on the size of the formula was reached; the caller refuses."""


class UnsupportedText(EncodingError):  # noqa: N818 - says what is unsupported
    """A text holds a code point that the sequence theory lacks (above U+2FFFF, or a surrogate)."""


class EncodingFault(EncodingError):  # noqa: N818 - a fault is an error
    """The solver failed, or a value is not of its declared type: a bug, here or in a caller."""
