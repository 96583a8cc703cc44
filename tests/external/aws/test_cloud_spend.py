"""A policy on what an agent spends, against Amazon's catalog with enums of a thousand labels."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("botocore")
from licet.loading import load_program
from licet.verifier.testing import run_tests


def test_compiles_and_passes_its_tests() -> None:
    loaded = load_program([Path(__file__).with_name("cloud_spend.licet")])
    assert loaded.program is not None, loaded.diagnostics
    (result,) = run_tests(loaded.program)
    assert result.passed, [failure.verdict.message for failure in result.failures]
