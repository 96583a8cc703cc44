"""Typed rules → SMT: deciding worlds by Z3, and questions for a solver in another process."""

from .encoder import Decided, State, ToolEncoder
from .failures import EncodingError, EncodingFault, EncodingLimit, UnsupportedText
from .library import Context
from .places import Aspect
from .question import Leaf, Question
from .rebuilding import complete

__all__ = [
    "Aspect",
    "Context",
    "Decided",
    "EncodingError",
    "EncodingFault",
    "EncodingLimit",
    "Leaf",
    "Question",
    "State",
    "ToolEncoder",
    "UnsupportedText",
    "complete",
]
