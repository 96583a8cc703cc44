"""Google's methods as tools."""

from pathlib import Path

import pytest

from licet import Guard
from licet.adapters.catalogs import google, sources
from licet.compiler.clock import clock
from licet.compiler.intake import BadValue, validator


def problems(name: str, args: object) -> list[tuple[str, str]]:
    try:
        validator(google.api("drive:v3").tool(name).params, clock("UTC"))(args)
    except BadValue as bad:
        return [(p.kind, ".".join(map(str, p.path))) for p in bad.problems]
    return []


def test_a_method_is_a_tool() -> None:
    drive = google.api("drive:v3")
    tool = drive.tool("files.list")
    assert (tool.qualified, tool.read_only) == ("drive.files.list", True)
    assert drive.tool("files.delete").destructive
    assert len({drive.tool(name).digest for name in drive.names()}) == len(drive.names())
    assert list(drive.notes()) == []


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("files.list", {"pageSize": 10, "q": "name = 'a'"}, []),
        ("files.list", {"pageSize": 0}, [("out_of_range", "pageSize")]),
        ("files.list", {"pagesize": 1}, [("unknown_field", "pagesize")]),
        ("files.delete", {}, [("missing", "fileId")]),
        (
            "permissions.create",
            {"fileId": "f", "body": {"role": "reader", "typ": "user"}},
            [("unknown_field", "body.typ")],
        ),
        ("files.create", {"body": {"name": "a", "parents": ["p"]}}, []),
        ("files.create", {"body": {"name": 1}}, [("wrong_type", "body.name")]),
    ],
)
def test_the_document_holds(name: str, args: object, expected: list[tuple[str, str]]) -> None:
    assert problems(name, args) == expected


def test_a_policy_stands_on_an_api(tmp_path: Path) -> None:
    policy = tmp_path / "p.licet"
    policy.write_text('use tools google "drive:v3"\npermit reads on drive.* when tool.read_only\n')
    with Guard.load(policy) as guard:
        assert guard.check({"tool": "drive.files.list", "args": {}}).allowed
        assert not guard.check({"tool": "drive.files.delete", "args": {"fileId": "f"}}).allowed
        unknown = guard.check({"tool": "drive.file.list", "args": {}})
        assert unknown.violations[0].suggestions[0] == "drive.files.list"


def test_every_method_of_some_apis_can_be_read() -> None:
    for name in ("gmail:v1", "calendar:v3", "storage:v1", "sheets:v4"):
        api = google.api(name)
        assert [api.tool(each).name for each in api.names()] == list(api.names())


def test_an_unknown_api() -> None:
    _, (unknown,) = sources.installed("google", "drive:v9", None)
    assert unknown.code == "LIC211"
    assert "drive:v3" in (unknown.help or "")
