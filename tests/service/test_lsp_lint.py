"""Lint in the language server, driven over standard input and output by a real client."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

pytest.importorskip("pygls")
import pytest_lsp
from lsprotocol import types as lsp
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLEAN = """\
policy "desk"
tool refund(amount: Decimal in 0 .. 10_000)
permit small on refund when args.amount <= 500
"""
FAULTY = (
    CLEAN
    + """\
const spare = 5 # nobody reads it
forbid never on refund when args.amount < 5 and args.amount > 9
"""
)


@pytest_lsp.fixture(
    config=ClientServerConfig(server_command=[sys.executable, "-m", "licet.cli.main", "lsp"]),
    scope="module",
    loop_scope="module",
)
async def client(lsp_client: LanguageClient):
    await lsp_client.initialize_session(
        lsp.InitializeParams(capabilities=client_capabilities("visual-studio-code"), root_uri=None)
    )
    yield
    await lsp_client.shutdown_session()


class Document:
    """One policy in a folder, as an editor sees it."""

    def __init__(self, folder: Path, client: LanguageClient) -> None:
        self.path = folder / "desk.licet"
        self.client = client
        self.version = 0

    @property
    def uri(self) -> str:
        return self.path.as_uri()

    def write(self, text: str) -> None:
        """Open or change the document, without saving it."""
        if not self.version:
            self.path.write_text(text, "utf-8")
            item = lsp.TextDocumentItem(self.uri, "licet", 1, text)
            self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
        else:
            change = lsp.TextDocumentContentChangeWholeDocument(text)
            where = lsp.VersionedTextDocumentIdentifier(self.version, self.uri)
            self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(where, [change]))
        self.version += 1

    async def shows(self, *codes: str) -> list[lsp.Diagnostic]:
        """Wait until exactly these codes are shown."""
        async with asyncio.timeout(120):
            while True:
                found = list(self.client.diagnostics.get(self.uri, ()))
                if self.uri in self.client.diagnostics and [d.code for d in found] == [*codes]:
                    return found
                await asyncio.sleep(0.02)

    async def fixes(self, of: lsp.Diagnostic) -> list[lsp.CodeAction]:
        found = await self.client.text_document_code_action_async(
            lsp.CodeActionParams(
                lsp.TextDocumentIdentifier(self.uri), of.range, lsp.CodeActionContext([of])
            )
        )
        return [action for action in found or () if isinstance(action, lsp.CodeAction)]


@pytest.fixture
def document(tmp_path: Path, client: LanguageClient) -> Document:
    return Document(tmp_path, client)


async def test_what_lint_proves_is_shown_and_goes_with_its_cause(document: Document) -> None:
    document.write(FAULTY)
    spare, never = await document.shows("LIC426", "LIC410")
    assert (spare.range.start.line, never.range.start.line) == (3, 4)
    assert never.severity == lsp.DiagnosticSeverity.Error
    document.write(CLEAN)
    await document.shows()


async def test_a_policy_that_does_not_compile_is_not_linted(document: Document) -> None:
    document.write(FAULTY.replace("args.amount <= 500", "args.amoun <= 500"))
    (wrong,) = await document.shows("LIC108")
    assert "amoun" in wrong.message
    document.write(FAULTY)
    await document.shows("LIC426", "LIC410")


async def test_what_lint_would_fix_is_a_quick_fix(document: Document) -> None:
    document.write(FAULTY)
    spare, never = await document.shows("LIC426", "LIC410")
    (fix,) = await document.fixes(spare)
    assert fix.title == "Take it out"
    assert fix.edit is not None
    ((uri, (change,)),) = (fix.edit.changes or {}).items()
    assert (uri, change.new_text) == (document.uri, "")
    assert (change.range.start, change.range.end) == (lsp.Position(3, 0), lsp.Position(4, 0))
    assert await document.fixes(never) == []


async def test_the_project_weighs_what_is_shown(document: Document) -> None:
    (document.path.parent / "licet.toml").write_text(
        """[lint.severity]\nLIC410 = "info"\nLIC426 = "off"\n""", "utf-8"
    )
    document.write(FAULTY)
    (never,) = await document.shows("LIC410")
    assert never.severity == lsp.DiagnosticSeverity.Information


async def test_a_wrong_configuration_is_told(document: Document) -> None:
    (document.path.parent / "licet.toml").write_text("""[lint]\nsecond = 2\n""", "utf-8")
    document.write(FAULTY)
    (wrong,) = await document.shows("LIC306")
    assert "knows no `second`" in wrong.message


async def test_only_the_last_of_many_changes_is_linted(document: Document) -> None:
    for number in range(30):
        document.write(FAULTY.replace("> 9", f"> {9 + number}"))
    document.write(CLEAN + "const last = 1\n")
    (last,) = await document.shows("LIC426")
    assert "last" in last.message
