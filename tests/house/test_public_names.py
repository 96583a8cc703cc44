"""What `from licet import …` offers: a change here is a change for every user."""

from __future__ import annotations

import licet


def test_the_facade() -> None:
    assert licet.__all__ == [
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
    for name in licet.__all__:
        assert getattr(licet, name).__module__.startswith("licet.")
