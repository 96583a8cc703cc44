"""The examples of frameworks run offline, and say what a guarded agent should."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

EXAMPLES = Path(__file__).parents[3] / "examples"
NEEDS = {
    "agent_framework": "agent_framework",
    "claude_agent_sdk": "claude_agent_sdk",
    "crewai": "crewai",
    "fastmcp": "fastmcp",
    "google_adk": "google.adk",
    "langchain": "langchain",
    "llama_index": "llama_index.core",
    "openai_agents": "agents",
    "pydantic_ai": "pydantic_ai",
    "smolagents": "smolagents",
    "strands": "strands",
}
TOLD = """\
c1: refund was refused: A refund is at most 1000, not 2000 (rule huge). \
Because args.amount = 2000. \
The nearest call that is allowed has args.amount = 500 instead of 2000.
c2: paid 40 for R1
c3: paid 600 for R1
"""


@pytest.mark.parametrize("name", sorted(NEEDS))
def test_an_example(name: str, tmp_path: Path) -> None:
    pytest.importorskip(NEEDS[name], reason=f"{name} is not installed")
    done = subprocess.run(
        [sys.executable, EXAMPLES / name / "agent.py"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "HOME": str(tmp_path), "CREWAI_STORAGE_DIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    asked, _, told = done.stdout.partition("\n")
    assert asked.startswith("asked: refund {")
    # Strands and Claude Code put words of their own before a reason
    assert re.sub(r"^c1: (DENIED|PreToolUse:\w+ hook error): ", "c1: ", told) == TOLD


@pytest.mark.parametrize("name", sorted(NEEDS))
def test_a_missing_framework_is_named(name: str) -> None:
    """Without the framework, the adapter says what to install."""
    code = (
        f"import sys; sys.modules[{NEEDS[name]!r}] = None\nimport licet.adapters.frameworks.{name}"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    extra = name.replace("_", "-")
    assert f"pip install 'licet[{extra}]'" in done.stderr.splitlines()[-1]
