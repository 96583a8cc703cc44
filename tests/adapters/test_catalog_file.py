"""Compiled catalogs: what is written is what is read, and nothing else is."""

import json
import shutil
import zipfile
from fractions import Fraction
from pathlib import Path

import pytest

from licet import Guard, PolicyError
from licet.adapters.catalogs import aws
from licet.adapters.catalogs.catalog_file import CatalogFile, CatalogFileError, write
from licet.adapters.catalogs.listed import Listed
from licet.compiler.catalog import Catalog, Tool
from licet.compiler.clock import clock
from licet.compiler.intake import BadValue, validator
from licet.compiler.type_codec import CodecError, TypeReader, TypeWriter
from licet.compiler.types import (
    BOOL,
    DATE,
    DURATION,
    INT,
    JSON,
    STRING,
    TIME,
    Choice,
    DecimalType,
    Defined,
    Definitions,
    EnumType,
    Field,
    IntType,
    JsonType,
    ListType,
    MapType,
    OptionalType,
    RecordType,
    StringType,
    TimeType,
    Type,
)

TREE = Definitions()
TREE.types["Tree"] = RecordType(
    "", (Field("leaf", BOOL), Field("more", ListType(JsonType(Defined("Tree", TREE)), 0, 2)))
)
KINDS: tuple[Type, ...] = (
    *(BOOL, INT, STRING, DATE, TIME, DURATION, JSON, TimeType(seconds=True)),
    IntType(-1, 10**40, 3),
    DecimalType(Fraction(1, 3), None, True, False, Fraction(1, 100), True),
    StringType(1, 9, ("a+", "[ab]*"), ("ab",)),
    EnumType("Role", ("b", "a")),
    MapType(EnumType("", ("x",)), OptionalType(INT), 1, 4),
    ListType(ListType(INT, unique=True), 1, 2),
    RecordType("", (Field("a", INT, 3), Field("b", OptionalType(STRING))), True),
    RecordType("", (Field("a", OptionalType(INT)), Field("b", OptionalType(INT))), exclusive=True),
    RecordType(
        "",
        (
            Field("q", DecimalType(), Fraction(1, 2)),
            Field("l", ListType(INT), (1, 2)),
            Field("m", MapType(STRING, INT), {"a": 1}),
        ),
    ),
    JsonType(Choice((INT, STRING), exactly_one=True)),
    JsonType(Defined("Tree", TREE)),
)


def shape_of(kind: Type) -> object:
    return kind.shape if isinstance(kind, JsonType) else None


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_type_is_read_as_it_was_written(kind: Type) -> None:
    writer = TypeWriter()
    place = writer.write(ListType(kind))
    scopes = writer.scopes()
    nodes = json.loads(json.dumps(writer.nodes))
    found = TypeReader(nodes, scopes).read(place)
    assert isinstance(found, ListType)
    assert found.element == kind
    assert getattr(found.element, "seconds", None) == getattr(kind, "seconds", None)
    shape = shape_of(kind)
    if isinstance(shape, Choice):
        assert shape_of(found.element) == shape
    if isinstance(shape, Defined):
        check = validator(found.element, clock("UTC"))
        good = {"leaf": True, "more": [{"leaf": False, "more": []}]}
        assert check(good) == {"leaf": True, "more": ({"leaf": False, "more": ()},)}
        with pytest.raises(BadValue):
            check({"leaf": True, "more": [{"leaf": 1, "more": []}]})


def test_equal_types_are_written_once() -> None:
    writer = TypeWriter()
    kinds = [RecordType("", (Field("a", StringType(1)),)) for _ in range(10)]
    assert len({writer.write(kind) for kind in kinds}) == 1
    assert len(writer.nodes) == 2


@pytest.mark.parametrize(
    "nodes",
    [
        [["list", 0, 0, None, False]],
        [["list", 1, 0, None, False], ["bool"]],
        [["nothing"]],
        [["int", "1", None, None]],
        [["decimal", "1/0", None, None, False, False, False]],
        [["record", "", [["a", -1, None]], False, False]],
        [["enum", "", [1]]],
        [["defined", 0, "x"]],
        [[]],
        [5],
    ],
)
def test_a_malformed_table_is_refused(nodes: list[object]) -> None:
    with pytest.raises(CodecError):
        TypeReader(nodes, []).read(0)


DESK = Listed(
    "desk",
    (
        Tool(
            "refund",
            "desk",
            RecordType("", (Field("amount", IntType(0, 100)),)),
            BOOL,
            "Pays.",
            destructive=True,
            tags=("money",),
            digest="d1",
        ),
        Tool("look", "desk", RecordType("", ()), read_only=True, digest="d2"),
    ),
)


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    path = tmp_path / "c.lcat"
    write([(DESK, "by hand"), (aws.service("sts"), "botocore")], path)
    return path


def test_a_catalog_holds_what_its_sources_hold(catalog: Path) -> None:
    found = CatalogFile(catalog)
    assert [(s.name, s.origin) for s in found.sources] == [("desk", "by hand"), ("sts", "botocore")]
    desk, sts = found.sources
    assert sorted(desk.names()) == ["look", "refund"]
    assert [desk.tool(name) for name in DESK.names()] == [DESK.tool(n) for n in DESK.names()]
    theirs = aws.service("sts")
    assert [sts.tool(name) for name in theirs.names()] == [theirs.tool(n) for n in theirs.names()]
    with pytest.raises(KeyError):
        desk.tool("steal")


def test_equal_catalogs_are_equal_files(catalog: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.lcat"
    digest = write([(aws.service("sts"), "botocore"), (DESK, "by hand")], other)
    assert other.read_bytes() == catalog.read_bytes()
    assert CatalogFile(other).digest == digest == CatalogFile(catalog).digest
    changed = Listed("desk", (*DESK.tools[:1],))
    assert write([(changed, "by hand"), (aws.service("sts"), "botocore")], other) != digest


def test_two_sources_of_one_name_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two sources are named `desk`"):
        write([(DESK, "a"), (DESK, "b")], tmp_path / "c.lcat")
    assert list(tmp_path.iterdir()) == []


def rewritten(catalog: Path, **members: bytes) -> Path:
    """The catalog with members replaced; their names are without folder and suffix."""
    target = catalog.with_name("rewritten.lcat")
    with zipfile.ZipFile(catalog) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, members.get("m" + Path(name).stem, old.read(name)))
    return target


def test_a_part_that_was_changed_is_refused(catalog: Path) -> None:
    with zipfile.ZipFile(catalog) as archive:
        part = archive.read("sources/00000.json")
    looser = rewritten(catalog, m00000=part.replace(b"100", b"999"))
    source = CatalogFile(looser).sources[0]
    with pytest.raises(CatalogFileError, match="is not the file that was opened"):
        source.tool("refund")
    assert CatalogFile(looser).sources[1].tool("GetCallerIdentity").name == "GetCallerIdentity"


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (b"{", "is no compiled catalog"),
        (b"[]", "this is no compiled catalog"),
        (b'{"format": "licet catalog", "version": 2, "sources": []}', "build it again"),
        (b'{"format": "licet catalog", "version": 1}', "is no compiled catalog"),
        (b'{"format": "licet catalog", "version": 1, "sources": [{}]}', "is no compiled catalog"),
    ],
)
def test_another_index_is_refused(catalog: Path, index: bytes, message: str) -> None:
    with pytest.raises(CatalogFileError, match=message):
        CatalogFile(rewritten(catalog, mindex=index))


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.lcat"
    for data in (b"", b"PK\x03\x04", b"hello" * 100):
        path.write_bytes(data)
        with pytest.raises(CatalogFileError):
            CatalogFile(path)


POLICY = (
    'use tools "c.lcat"\npermit small on desk.refund when args.amount < 50\npermit me on sts.*\n'
)


def test_a_policy_stands_on_a_compiled_catalog(catalog: Path, tmp_path: Path) -> None:
    policy = tmp_path / "p.licet"
    policy.write_text(POLICY)
    with Guard.load(policy) as guard:
        assert guard.check({"tool": "refund", "args": {"amount": 49}}).allowed
        assert not guard.check({"tool": "refund", "args": {"amount": 50}}).allowed
        assert not guard.check({"tool": "refund", "args": {"amount": 101}}).allowed
        assert guard.check({"tool": "sts.GetCallerIdentity", "args": {}}).allowed
        assert guard.check({"tool": "sts.GetCalerIdentity", "args": {}}).violations[0].suggestions[
            :1
        ] == ("sts.GetCallerIdentity",)


def test_a_catalog_that_goes_away_refuses(catalog: Path, tmp_path: Path) -> None:
    policy = tmp_path / "p.licet"
    policy.write_text('use tools "c.lcat"\npermit all on any\n')
    with Guard.load(policy) as guard:
        assert guard.check({"tool": "look", "args": {}}).allowed  # its source has been read
        catalog.unlink()
        assert guard.check({"tool": "refund", "args": {"amount": 1}}).allowed
        refused = guard.check({"tool": "sts.GetCallerIdentity", "args": {}})
        assert refused.outcome == "deny"
        assert refused.violations[0].kind == "fault"
        assert "can no longer be read" in refused.violations[0].message


def test_mistakes_of_a_use_line(catalog: Path, tmp_path: Path) -> None:
    policy = tmp_path / "p.licet"
    policy.write_text('use tools "c.lcat" as mine\npermit all on any\n')
    with pytest.raises(PolicyError, match="LIC214"):
        Guard.load(policy)
    (tmp_path / "c.lcat").write_bytes(b"no zip")
    policy.write_text('use tools "c.lcat"\npermit all on any\n')
    with pytest.raises(PolicyError, match=r"LIC212.*`c.lcat` is no compiled catalog"):
        Guard.load(policy)


def test_one_source_may_have_another_name(tmp_path: Path) -> None:
    write([(DESK, "by hand")], tmp_path / "c.lcat")
    policy = tmp_path / "p.licet"
    policy.write_text('use tools "c.lcat" as mine\npermit all on mine.look\n')
    with Guard.load(policy) as guard:
        assert guard.check({"tool": "mine.look", "args": {}}).allowed
        assert not guard.check({"tool": "desk.look", "args": {}}).allowed


def test_only_what_is_asked_for_is_read(catalog: Path) -> None:
    """Names and what they may mean come from the index alone: the parts may be gone."""
    copy = catalog.with_name("copy.lcat")
    shutil.copy(catalog, copy)
    found = Catalog(sources=CatalogFile(copy).sources)
    copy.unlink()
    assert found.meanings("refund") == ("desk.refund",)
    assert "sts.GetCallerIdentity" in found.qualified
    assert len(found) == 2 + len(aws.service("sts").names())
