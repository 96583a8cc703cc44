"""Codex with its hooks."""

from __future__ import annotations

from typing import ClassVar, Literal

from support.frameworks import claude_code_driver

UNTOLD = "Codex tells of no failed call: it stays spent"


class Driver(claude_code_driver.Driver):
    AGENT: ClassVar[Literal["claude-code", "codex"]] = "codex"
    NOT_APPLICABLE: ClassVar[dict[str, str]] = {
        **claude_code_driver.Driver.NOT_APPLICABLE,
        "test_a_failed_tool_is_settled_as_one": UNTOLD,
        "test_a_cancelled_run_is_settled_as_one": UNTOLD,
    }
