"""The solver, kept at arm's length: every search runs in a worker process that can be killed.

A 50 ms time limit inside Z3 has been seen to take 6 s, deaf to interrupts, so the only limit that
holds is the one that the operating system enforces. In: SMT-LIB text. Out: sat, unsat or unknown,
never an exception and never a guess: a crash, garbage, the deadline are all unknown.
"""

from .pool import SHARES, Asked, SolverPool, Solvers
from .protocol import (
    Adjustable,
    Answer,
    Check,
    Core,
    Forced,
    Nearest,
    NearestOpen,
    Query,
    Sat,
    Unknown,
    Unsat,
)

__all__ = [
    "SHARES",
    "Adjustable",
    "Answer",
    "Asked",
    "Check",
    "Core",
    "Forced",
    "Nearest",
    "NearestOpen",
    "Query",
    "Sat",
    "SolverPool",
    "Solvers",
    "Unknown",
    "Unsat",
]
