"""Typed rules → SMT: deciding worlds by Z3, and questions for a solver in another process."""

from .encoder import FactKeys, State, States, ToolEncoder
from .failures import EncodingError, EncodingFault, EncodingLimit, UnsupportedText
from .library import Context
from .openness import Openness
from .question import Leaf, Question
from .rebuilding import complete
from .soil import Aspect

__all__ = [
    "Aspect",
    "Context",
    "EncodingError",
    "EncodingFault",
    "EncodingLimit",
    "FactKeys",
    "Leaf",
    "Openness",
    "Question",
    "State",
    "States",
    "ToolEncoder",
    "UnsupportedText",
    "complete",
]
