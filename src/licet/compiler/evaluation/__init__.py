"""The reference meaning of a policy: typed core and a world to values and verdicts, no solver.

Small and plain on purpose. The SMT encoding decides; this says what it has to agree with.
"""

from .documents import conforms
from .expressions import evaluate, read_paths
from .judging import Judgement, RuleOutcome, State, judge, judge_rule, message_text
from .places import COMPUTED, UnknownRead, WrongType
from .prepared import Binder, Read, prepared

__all__ = [
    "COMPUTED",
    "Binder",
    "Judgement",
    "Read",
    "RuleOutcome",
    "State",
    "UnknownRead",
    "WrongType",
    "conforms",
    "evaluate",
    "judge",
    "judge_rule",
    "message_text",
    "prepared",
    "read_paths",
]
