"""What reading a text for its calls comes to: the calls, all of them, or a refusal.

Nothing is run and nothing guessed. A text of which some part cannot be read for certain has no
calls: whoever gets `UnreadableCallError` refuses the whole.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """One call that a text makes: a tool's name, and its arguments as JSON data.

    `line` counts from 1; 0 where the text has no lines.
    """

    tool: str
    args: dict[str, object]
    line: int = 0


class UnreadableCallError(ValueError):
    """The text may make calls that cannot be read without running it. The reason is for its
    author."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {reason}" if line else reason)
        self.reason = reason
        self.line = line
