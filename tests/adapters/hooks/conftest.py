"""A project with a policy for coding agents, whose daemons end with the test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.hook_process import POLICY, Hook


@pytest.fixture
def hook(tmp_path: Path) -> Iterator[Hook]:
    root = tmp_path / "project"
    root.mkdir()
    (root / "agent.licet").write_text(POLICY, "utf-8")
    settings = f'[hook]\nstore = "sqlite:///{tmp_path / "state.db"}"\n'
    (root / "licet.toml").write_text(settings, "utf-8")
    # a socket's path is at most about 100 bytes, and tmp_path is longer
    with tempfile.TemporaryDirectory(prefix="lh") as runtime:
        made = Hook(root, Path(runtime))
        yield made
        made.stop()
