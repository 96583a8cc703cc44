"""Expressions of a policy → typed IR: every name resolved, every absence handled.

One file per kind of expression; `checker` dispatches. An expression that cannot be typed is
reported once and has no IR (`None`): nothing that contains it is complained about again.
"""

from .checker import Checker
from .context import Binding, Declared, Delayed, Scope, Typed

__all__ = ["Binding", "Checker", "Declared", "Delayed", "Scope", "Typed"]
