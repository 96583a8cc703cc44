"""licet: what an agent may do, written as rules and decided by proof before it happens.

The names here are the public interface. They are imported when first used, so that `import licet`
stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

__all__ = [
    "Action",
    "ActionError",
    "Catalog",
    "Diagnostic",
    "Guard",
    "PolicyError",
    "Program",
    "Repair",
    "Tool",
    "UnsetParamsError",
    "Verdict",
    "Violation",
    "load_program",
]

if TYPE_CHECKING:
    from .compiler import Catalog, Program, Tool
    from .loading import Guard, PolicyError, load_program
    from .policy_lang import Diagnostic
    from .verifier import Action, ActionError, Repair, UnsetParamsError, Verdict, Violation

_HOMES = {
    "Action": "licet.verifier",
    "ActionError": "licet.verifier",
    "Catalog": "licet.compiler",
    "Diagnostic": "licet.policy_lang",
    "Guard": "licet.loading",
    "PolicyError": "licet.loading",
    "Program": "licet.compiler",
    "Repair": "licet.verifier",
    "Tool": "licet.compiler",
    "UnsetParamsError": "licet.verifier",
    "Verdict": "licet.verifier",
    "Violation": "licet.verifier",
    "load_program": "licet.loading",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'licet' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
