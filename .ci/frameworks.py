"""Each adapter against the newest version of its framework, in an environment of its own:
`python .ci/frameworks.py [NAME …]`. Writes the table of docs/adapters.md.

Needs uv (in .venv) and a package index. Exit 1 where an adapter does not pass.
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


@dataclass(frozen=True)
class Framework:
    """The name that people know, what is installed of licet, and the distribution whose version is
    told, else Python's; or the `version` of a program that is no package of Python."""

    title: str
    extra: str
    distribution: str = ""
    version: str = ""

    @property
    def wanted(self) -> str:
        return f"licet[{self.extra}]" if self.extra else "licet"


#: By the name of a driver in tests/support/frameworks.
FRAMEWORKS = {
    "plain": Framework("Plain Python", ""),
    "mcp_proxy": Framework("MCP proxy, 2026-07-28", "mcp", "mcp"),
    "mcp_proxy_legacy": Framework("MCP proxy, 2025-11-25", "mcp", "mcp"),
    "claude_code": Framework("Claude Code's hooks", "hooks", version="as of 2.1.332"),
    "codex": Framework("Codex's hooks", "hooks", version="as of 0.169.0"),
    "langchain": Framework("LangChain", "langchain", "langchain"),
    "langgraph": Framework("LangGraph", "langchain", "langgraph"),
    "openai_agents": Framework("OpenAI Agents", "openai-agents", "openai-agents"),
    "pydantic_ai": Framework("Pydantic AI", "pydantic-ai", "pydantic-ai-slim"),
    "strands": Framework("Strands", "strands", "strands-agents"),
    "agent_framework": Framework(
        "Microsoft agent-framework", "agent-framework", "agent-framework-core"
    ),
    "crewai": Framework("CrewAI", "crewai", "crewai"),
    "smolagents": Framework("smolagents", "smolagents", "smolagents"),
    "llama_index": Framework("LlamaIndex", "llama-index", "llama-index-core"),
    "google_adk": Framework("Google ADK", "google-adk", "google-adk"),
    "fastmcp": Framework("FastMCP", "fastmcp", "fastmcp"),
    "claude_agent_sdk": Framework("Claude Agent SDK", "claude-agent-sdk", "claude-agent-sdk"),
}
ROW = re.compile(r"^\| (?P<title>[^|]+) \| `licet[^|]*` \|.*\|$", re.MULTILINE)
NOT_APPLICABLE = "not applicable: "


@dataclass(frozen=True)
class Outcome:
    """What an adapter's suite came to. `left_out`: the cases that do not apply, and why."""

    version: str
    passed: int
    total: int
    left_out: tuple[tuple[str, str], ...] = ()

    def row(self, of: Framework) -> str:
        why = "; ".join(f"*{case}*: {reason}" for case, reason in self.left_out) or "–"
        cells = (of.title, f"`{of.wanted}`", self.version, f"{self.passed} of {self.total}", why)
        return f"| {' | '.join(cells)} |"


def tried(name: str, folder: Path) -> Outcome:
    """Install one framework, and run the suite. Raises CalledProcessError where it cannot be
    installed."""
    framework = FRAMEWORKS[name]
    uv = str(UV) if UV.exists() else "uv"
    python = folder / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", folder], check=True)
    wanted = [framework.wanted.replace("licet", str(ROOT)), *TOOLS]
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *wanted], check=True)
    version = framework.version or version_of(framework.distribution, python)
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
    return read(report, version)


def version_of(distribution: str, python: Path) -> str:
    ask = f"from importlib.metadata import version; print(version({distribution!r}))"
    if not distribution:
        ask = "import sys; print('Python', '.'.join(map(str, sys.version_info[:2])))"
    asked = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True)
    return asked.stdout.strip()


def read(report: Path, version: str) -> Outcome:
    """What a report in JUnit's form says. What was skipped for another reason did not pass."""
    passed, left_out, total = 0, [], 0
    for case in ElementTree.parse(report).iter("testcase"):
        skipped = case.find("skipped")
        message = "" if skipped is None else skipped.get("message", "")
        if message.startswith(NOT_APPLICABLE):
            name = case.get("name", "").partition("[")[0].removeprefix("test_")
            left_out.append((name.replace("_", " "), message.removeprefix(NOT_APPLICABLE)))
            continue
        total += 1
        passed += not any(each.tag in ("failure", "error", "skipped") for each in case)
    return Outcome(version, passed, total, tuple(left_out))


def write(name: str, outcome: Outcome) -> None:
    """Put the row of one adapter into the page, in place of the one that it had."""
    framework = FRAMEWORKS[name]
    text = PAGE.read_text("utf-8")
    head = "|---|---|---|---|---|\n"
    before, rows = text.rsplit(head, 1)  # the table is the last thing of the page
    kept = {m["title"]: m[0] for m in ROW.finditer(rows)}
    kept[framework.title] = outcome.row(framework)
    table = "\n".join(kept[each.title] for each in FRAMEWORKS.values() if each.title in kept)
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
