"""Actions in, verdicts out: admission, deciding, explaining, repairing."""

from .action import Action, ActionError
from .guard import Guard, UnsetParamsError
from .verdict import Change, Reason, Repair, Verdict, Violation

__all__ = [
    "Action",
    "ActionError",
    "Change",
    "Guard",
    "Reason",
    "Repair",
    "UnsetParamsError",
    "Verdict",
    "Violation",
]
