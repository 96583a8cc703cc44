"""The language server, driven over standard input and output by a real client."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

pytest.importorskip("pygls")
import pytest_lsp
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMMON = """\
enum Role { support, manager }
group money = refund, pay_*
define small(n) = n < most
const most = 500
"""
DESK = """\
policy "desk"
use tools "tools.json" as shop
principal { id: String, role: Role }
fact order(id: String) -> { owner: String, total: Decimal, lines: List<{ sku: String }> }?

permit money on money when principal.role == manager
forbid large on refund
  let o = order(args.order_id)
  when not small(args.amount) or any(l in o.lines: l.sku == "x")
  message "{args.amount} of {o.total}, {l.sku}."

test "t"
  given principal { role: support }
  call refund { order_id: "1", amount: 1 }
  then deny
"""
TOOLS = """\
[{"name": "refund", "description": "Pays back. ``` [x](http://evil.example) \\u001b[31m",
  "inputSchema": {"type": "object", "required": ["order_id", "amount"], "properties": {
    "order_id": {"type": "string"}, "amount": {"type": "number"},
    "mode": {"enum": ["card", "cash", "in-kind"]}}}},
 {"name": "pay_out", "inputSchema": {"type": "object", "properties": {}}}]
"""


@pytest_lsp.fixture(
    config=ClientServerConfig(server_command=[sys.executable, "-m", "licet.cli.main", "lsp"]),
    scope="module",
    loop_scope="module",
)
async def client(lsp_client: LanguageClient):
    await lsp_client.initialize_session(
        lsp.InitializeParams(
            capabilities=client_capabilities("visual-studio-code"),
            root_uri=None,
            initialization_options={"lint": False},
        )
    )
    yield
    await lsp_client.shutdown_session()


class Desk:
    """A folder with a policy of two files, as an editor sees it."""

    def __init__(self, folder: Path, client: LanguageClient) -> None:
        self.client = client
        self.folder = folder
        self.texts: dict[str, str] = {}
        for name, text in (("common.licet", COMMON), ("desk.licet", DESK), ("tools.json", TOOLS)):
            (folder / name).write_text(text, "utf-8")

    def uri(self, name: str = "desk.licet") -> str:
        return (self.folder / name).as_uri()

    async def open(self, text: str = DESK, name: str = "desk.licet") -> list[lsp.Diagnostic]:
        """Open or change a document, without saving it; what is wrong with it then."""
        self.client.diagnostics.pop(self.uri(name), None)
        if name in self.texts:
            change = lsp.TextDocumentContentChangeWholeDocument(text)
            where = lsp.VersionedTextDocumentIdentifier(len(text), self.uri(name))
            params = lsp.DidChangeTextDocumentParams(where, [change])
            self.client.text_document_did_change(params)
        else:
            item = lsp.TextDocumentItem(self.uri(name), "licet", 1, text)
            self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
        self.texts[name] = text
        async with asyncio.timeout(60):
            while self.uri(name) not in self.client.diagnostics:
                await asyncio.sleep(0.01)
        return list(self.client.diagnostics[self.uri(name)])

    def at(self, marked: str, name: str = "desk.licet") -> dict[str, object]:
        """The position of the `|` in a piece of the document's text."""
        before, _, after = marked.partition("|")
        text = self.texts[name]
        assert text.count(before + after) == 1, marked
        start = text[: text.index(before + after) + len(before)]
        line = start.rpartition("\n")[2]
        units = len(line.encode("utf-16-le")) // 2
        position = lsp.Position(start.count("\n"), units)
        return {
            "text_document": lsp.TextDocumentIdentifier(self.uri(name)),
            "position": position,
        }

    def text_at(self, uri: str, where: lsp.Range) -> str:
        name = uri.rpartition("/")[2]
        text = self.texts.get(name) or (self.folder / name).read_text("utf-8")
        assert where.start.line == where.end.line
        line = text.split("\n")[where.start.line].encode("utf-16-le")
        return line[where.start.character * 2 : where.end.character * 2].decode("utf-16-le")

    async def labels(self, marked: str) -> list[str]:
        params = lsp.CompletionParams(**self.at(marked))
        found = await self.client.text_document_completion_async(params)
        assert isinstance(found, lsp.CompletionList)
        return [item.label for item in found.items]

    async def hover(self, marked: str) -> str | None:
        found = await self.client.text_document_hover_async(lsp.HoverParams(**self.at(marked)))
        if found is None:
            return None
        assert isinstance(found.contents, lsp.MarkupContent)
        return found.contents.value


@pytest.fixture
def desk(tmp_path: Path, client: LanguageClient) -> Desk:
    return Desk(tmp_path, client)


async def test_diagnostics_follow_what_is_written_not_what_is_saved(desk: Desk) -> None:
    assert await desk.open() == []
    (wrong,) = await desk.open(DESK.replace("when not small", "when not smal"))
    assert (wrong.code, wrong.source, wrong.severity) == (
        "LIC101",
        "licet",
        lsp.DiagnosticSeverity.Error,
    )
    assert wrong.message.startswith("unknown function `smal`\nhelp: did you mean `small`")
    assert desk.text_at(desk.uri(), wrong.range).startswith("smal(")
    assert await desk.open(DESK) == []


async def test_a_mistake_is_shown_in_the_file_that_holds_it(desk: Desk) -> None:
    await desk.open()
    assert await desk.open(COMMON.replace("= 500", '= "a"'), "common.licet") != []
    assert await desk.open(COMMON, "common.licet") == []


async def test_columns_are_utf_16_units(desk: Desk) -> None:
    text = DESK.replace('message "', 'message "😀 {nope} ')
    (wrong, *_) = await desk.open(text)
    assert desk.text_at(desk.uri(), wrong.range) == "nope"


async def test_completion(desk: Desk) -> None:
    await desk.open()
    broken = DESK.replace("forbid large on refund\n", "forbid large on refund\n  when args.\n")
    await desk.open(broken)
    assert await desk.labels("when args.|\n") == ["order_id", "amount", "mode"]
    for written, wanted in (
        ("forbid x on |\n", ["refund", "pay_out", "money", "any"]),
        ("forbid x on refund when principal.|\n", ["id", "role"]),
        ("forbid x on refund when principal.role == |\n", ["support", "manager"]),
        ("forbid x on refund when principal.role in [support, |\n", ["support", "manager"]),
        ('forbid x on refund when args.mode == "in-kind" or args.mode != |\n', None),
        ("forbid x on refund\n  let o = order(args.order_id)\n  when o.|\n", None),
        ("forbid x on refund when any(l in (order(args.order_id).lines ?? []): l.|\n", []),
        (
            "forbid x on refund\n  let o = order(args.order_id)\n  when any(l in o.lines: l.|\n",
            ["sku"],
        ),
        ('test "u"\n  call refund { |\n', ["order_id", "amount", "mode"]),
        ('test "u"\n  call refund { mode: |\n', ["card", "cash", '"in-kind"']),
        ('test "u"\n  given principal { role: |\n', ["support", "manager"]),
        ('test "u"\n  call refund {} then deny by |\n', ["money", "large"]),
        ("# when principal.|\n", []),
    ):
        text, _, _ = written.partition("|")
        await desk.open(f"{DESK}\n{text}\n")
        found = await desk.labels(f"{text}|\n")
        if wanted is not None:
            assert found == wanted, written
        elif "mode" in written:
            assert found == ["card", "cash", '"in-kind"']
        else:
            assert found == ["owner", "total", "lines"]
    await desk.open(DESK + "\nesc")
    words = await desk.labels("\nesc|")
    assert {"forbid", "permit", "test"} <= set(words)
    await desk.open(f"{DESK}\nforbid x on refund when \n")
    names = await desk.labels("forbid x on refund when |\n")
    assert {"args", "principal", "order", "small", "most", "support", "email"} <= set(names)


async def test_hover_shows_types_declarations_and_the_catalogs_words_as_text(desk: Desk) -> None:
    await desk.open()
    tool = await desk.hover("forbid large on ref|und")
    assert tool is not None
    assert "tool shop.refund(\n  order_id: String,\n  amount: Decimal," in tool
    assert tool.rstrip().splitlines()[-1] == "````"
    assert "\x1b" not in tool
    assert await desk.hover("when not sma|ll(") == ("```licet\ndefine small(n) = n < most\n```")
    assert await desk.hover("principal.ro|le ==") == "```licet\nprincipal.role: Role\n```"
    assert await desk.hover("== mana|ger") == "```licet\nenum Role { support, manager }\n```"
    assert await desk.hover("small(args.am|ount)") == "```licet\nargs.amount: Decimal\n```"
    assert await desk.hover("any(l in o.li|nes") == "```licet\no.lines: List<{ sku: String }>\n```"
    assert await desk.hover("pol|icy") is None


async def test_definition_and_references(desk: Desk) -> None:
    await desk.open()

    async def defined(marked: str) -> list[tuple[str, str]]:
        params = lsp.DefinitionParams(**desk.at(marked))
        found = await desk.client.text_document_definition_async(params)
        assert isinstance(found, list)
        return [(at.uri.rpartition("/")[2], desk.text_at(at.uri, at.range)) for at in found]

    assert await defined("when not sm|all(") == [("common.licet", "small")]
    assert await defined("on mon|ey when") == [("common.licet", "money")]
    assert await defined("role: Ro|le }") == [("common.licet", "Role")]
    assert await defined("in o|.lines") == [("desk.licet", "o")]
    assert await defined('l|.sku == "x"') == [("desk.licet", "l")]
    assert await defined("{l|.sku}") == [("desk.licet", "l")]
    assert await defined("polic|y") == []
    params = lsp.ReferenceParams(
        context=lsp.ReferenceContext(include_declaration=True), **desk.at("{o|.total}")
    )
    found = await desk.client.text_document_references_async(params)
    assert [desk.text_at(at.uri, at.range) for at in found or ()] == ["o", "o", "o"]


async def test_rename_changes_every_file_and_nothing_else(desk: Desk) -> None:
    await desk.open()

    async def renamed(marked: str, name: str) -> dict[str, list[str]]:
        params = lsp.RenameParams(new_name=name, **desk.at(marked))
        found = await desk.client.text_document_rename_async(params)
        if found is None:
            return {}
        return {
            uri.rpartition("/")[2]: [desk.text_at(uri, edit.range) for edit in edits]
            for uri, edits in (found.changes or {}).items()
        }

    assert await renamed("not sma|ll(", "little") == {
        "common.licet": ["small"],
        "desk.licet": ["small"],
    }
    assert await renamed("on mon|ey when", "cash") == {
        "common.licet": ["money"],
        "desk.licet": ["money"],
    }
    assert await renamed("let o| =", "found") == {"desk.licet": ["o", "o", "o"]}
    assert await renamed("any(l| in", "line") == {"desk.licet": ["l", "l", "l"]}
    for marked, name in (
        ("let o| =", "when"),
        ("let o| =", "1x"),
        ("let o| =", "args"),
        ("on ref|und\n", "pay"),
        ("forbid lar|ge", "money"),
    ):
        with pytest.raises(JsonRpcException, match="`"):
            await renamed(marked, name)
    prepared = await desk.client.text_document_prepare_rename_async(
        lsp.PrepareRenameParams(**desk.at("small(ar|gs.amount)"))
    )
    assert prepared is None


async def test_format_and_quick_fix(desk: Desk) -> None:
    await desk.open(DESK.replace("principal { id", "principal {   id"))
    options = lsp.FormattingOptions(tab_size=2, insert_spaces=True)
    where = lsp.TextDocumentIdentifier(desk.uri())
    params = lsp.DocumentFormattingParams(where, options)
    (edit,) = await desk.client.text_document_formatting_async(params) or ()
    assert "principal { id" in edit.new_text
    (wrong,) = await desk.open(DESK.replace("principal.role", "principal.rol"))
    actions = await desk.client.text_document_code_action_async(
        lsp.CodeActionParams(where, wrong.range, lsp.CodeActionContext([wrong]))
    )
    (fix,) = actions or ()
    assert isinstance(fix, lsp.CodeAction)
    assert fix.title == "Replace `rol` with `role`"
    assert fix.edit is not None
    ((uri, (change,)),) = (fix.edit.changes or {}).items()
    assert (uri, change.new_text) == (desk.uri(), "role")
    assert desk.text_at(uri, change.range) == "rol"
    assert not await desk.client.text_document_formatting_async(params)
    await desk.open("permit permit\n")
    assert not await desk.client.text_document_formatting_async(params)


async def test_a_new_document_and_a_hostile_one_do_no_harm(desk: Desk) -> None:
    for text in ("", "\x00\ud7ff\U0010ffff", "permit " * 2_000, '"' * 999, 'policy "\x1b[31m"'):
        await desk.open(text, "new.licet")
    found = await desk.open('import "../../etc/passwd"\npermit p on any\n', "new.licet")
    assert "outside the project" in " ".join(d.message for d in found)
