"""The proxy heeds what the project says of observing."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from licet.cli.mcp_proxy import _guard
from licet.loading import load_program


def test_the_proxys_guard_observes_as_long_as_the_project_says(tmp_path: Path) -> None:
    (tmp_path / "p.licet").write_text("tool look(id: String)\n", "utf-8")
    until = datetime.now(UTC) + timedelta(hours=1)
    for config, observes in (
        ("", False),
        (f"[guard]\nobserve_until = {until.isoformat()}\n", True),
    ):
        (tmp_path / "licet.toml").write_text(config, "utf-8")
        program = load_program([tmp_path]).program
        assert program is not None
        with _guard(program, Namespace(store=None, tenant="default")) as guard:
            assert guard.check({"tool": "look", "args": {"id": "x"}}).allowed == observes
            assert not guard.check({"tool": "lok", "args": {"id": "x"}}).allowed
