"""Each framework's adapter against the newest version of that framework, in an environment of its
own: `python .ci/frameworks.py [NAME …]`. Writes the table of docs/adapters.md.

Needs uv (in .venv) and a package index. Exit 1 where a framework does not pass.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "adapters.md"
UV = ROOT / ".venv" / "bin" / "uv"
#: What the suite itself needs.
TOOLS = ("hypothesis", "pytest", "pytest-asyncio", "pytest-timeout")
#: A driver in tests/support/frameworks: the name that people know, the extra, the distribution.
FRAMEWORKS = {
    "langchain": ("LangChain", "langchain", "langchain"),
    "langgraph": ("LangGraph", "langchain", "langgraph"),
    "openai_agents": ("OpenAI Agents", "openai-agents", "openai-agents"),
    "pydantic_ai": ("Pydantic AI", "pydantic-ai", "pydantic-ai-slim"),
    "strands": ("Strands", "strands", "strands-agents"),
    "agent_framework": ("Microsoft agent-framework", "agent-framework", "agent-framework-core"),
    "crewai": ("CrewAI", "crewai", "crewai"),
    "smolagents": ("smolagents", "smolagents", "smolagents"),
    "llama_index": ("LlamaIndex", "llama-index", "llama-index-core"),
    "google_adk": ("Google ADK", "google-adk", "google-adk"),
    "fastmcp": ("FastMCP", "fastmcp", "fastmcp"),
    "claude_agent_sdk": ("Claude Agent SDK", "claude-agent-sdk", "claude-agent-sdk"),
}
ROW = re.compile(r"^\| (?P<title>[^|]+) \| `licet\[(?P<extra>[^|]+)\]` \|.*\|$", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What a framework's suite came to."""

    version: str
    passed: int
    total: int

    def row(self, title: str, extra: str) -> str:
        return f"| {title} | `licet[{extra}]` | {self.version} | {self.passed} of {self.total} |"


def tried(name: str, folder: Path) -> Outcome:
    """Install one framework, and run the suite. Raises CalledProcessError where it cannot be
    installed."""
    _, extra, distribution = FRAMEWORKS[name]
    uv = str(UV) if UV.exists() else "uv"
    python = folder / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", folder], check=True)
    wanted = [f"{ROOT}[{extra}]", *TOOLS]
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *wanted], check=True)
    ask = f"from importlib.metadata import version; print(version({distribution!r}))"
    version = subprocess.run(
        [python, "-c", ask], check=True, capture_output=True, text=True
    ).stdout.strip()
    report = folder / "report.xml"
    suite = ROOT / "tests" / "adapters" / "frameworks" / "test_conformance.py"
    subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", suite],
        check=False,
        cwd=ROOT,
        # Some write into the home that they find.
        env={
            **os.environ,
            "HOME": str(folder),
            "LICET_FRAMEWORK": name,
            "PYTHONPATH": str(ROOT / "src"),
        },
    )
    if not report.exists():
        return Outcome(version, 0, 0)
    cases = list(ElementTree.parse(report).iter("testcase"))
    bad = sum(any(c.tag in ("failure", "error", "skipped") for c in case) for case in cases)
    return Outcome(version, len(cases) - bad, len(cases))


def write(name: str, outcome: Outcome) -> None:
    """Put the row of one framework into the page, in place of the one that it had."""
    title, extra, _ = FRAMEWORKS[name]
    text = PAGE.read_text("utf-8")
    head = "|---|---|---|---|\n"
    before, rows = text.rsplit(head, 1)  # the table is the last thing of the page
    kept = {m["title"]: m[0] for m in ROW.finditer(rows)}
    kept[title] = outcome.row(title, extra)
    table = "\n".join(kept[each[0]] for each in FRAMEWORKS.values() if each[0] in kept)
    PAGE.write_text(f"{before}{head}{table}\n", "utf-8")


def main(names: list[str]) -> int:
    if unknown := [name for name in names if name not in FRAMEWORKS]:
        print(f"unknown: {', '.join(unknown)}; there are {', '.join(FRAMEWORKS)}", file=sys.stderr)
        return 2
    good = True
    for name in names or FRAMEWORKS:
        with tempfile.TemporaryDirectory(prefix=f"licet-{name}-") as folder:
            try:
                outcome = tried(name, Path(folder))
            except subprocess.CalledProcessError as error:
                print(f"{name}: could not be installed ({error})", file=sys.stderr)
                good = False
                continue
        print(f"{name} {outcome.version}: {outcome.passed} of {outcome.total}")
        good &= 0 < outcome.total == outcome.passed
        write(name, outcome)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
