"""What a project says of its tools wins over what their sources say."""

import json
from pathlib import Path

import pytest

from licet import Guard, PolicyError

TOOLS = [
    {"name": name, "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": reads}}
    for name, reads in (("get", True), ("search", False), ("search_all", False))
]


def policy(tmp_path: Path, config: str) -> Path:
    (tmp_path / "desk.json").write_text(json.dumps(TOOLS))
    (tmp_path / "licet.toml").write_text(config)
    path = tmp_path / "p.licet"
    path.write_text('use tools "desk.json"\npermit reads on any when tool.read_only\n')
    return path


def allowed(guard: Guard) -> list[bool]:
    return [
        guard.check({"tool": name, "args": {}}).allowed for name in ("get", "search", "search_all")
    ]


def test_hints_of_the_project_win(tmp_path: Path) -> None:
    with Guard.load(policy(tmp_path, "")) as guard:
        assert allowed(guard) == [True, False, False]
        without = guard.program.catalog.digest
    config = '[hints]\n"desk.search*" = { read_only = true }\n"desk.get" = { read_only = false }\n'
    with Guard.load(policy(tmp_path, config)) as guard:
        assert allowed(guard) == [False, True, True]
        assert guard.program.catalog.digest != without


@pytest.mark.parametrize(
    "hints",
    [
        '"desk.get" = { readonly = true }',
        '"desk.get" = { read_only = "yes" }',
        '"desk.get" = true',
    ],
)
def test_what_is_no_hint_loads_nothing(tmp_path: Path, hints: str) -> None:
    with pytest.raises(PolicyError, match="LIC215"):
        Guard.load(policy(tmp_path, f"[hints]\n{hints}\n"))
    with pytest.raises(PolicyError, match="LIC215"):
        Guard.load(policy(tmp_path, "hints = 5\n"))
