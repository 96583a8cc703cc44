"""Values from outside → run-time values of a type, or every reason why not. See `compiling`."""

from ..values import conforms, render, show
from .compiling import Validator, validator
from .problems import MAX_NODES, MAX_PROBLEMS, BadValue, Kind, Problem, nearest

__all__ = [
    "MAX_NODES",
    "MAX_PROBLEMS",
    "BadValue",
    "Kind",
    "Problem",
    "Validator",
    "conforms",
    "nearest",
    "render",
    "show",
    "validator",
]
