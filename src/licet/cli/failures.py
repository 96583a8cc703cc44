"""How a verb ends, as the exit code that scripts rely on."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every verb."""

    fine = 0
    refused = 1  # something was refused, failed, or would be changed
    wrong = 2  # the policy, the input or the command line is wrong
    bug = 70  # ours; EX_SOFTWARE of sysexits
    interrupted = 130
    nobody_reads = 141  # what a shell says of a process that SIGPIPE ended


class Failed(Exception):  # noqa: N818 - the verb failed, which is no fault of ours
    """The verb cannot go on. `message` is one line; empty if all has been said already."""

    def __init__(self, message: str = "", code: Exit = Exit.wrong) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
