"""The server itself: what an editor sends, and what it gets back.

https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/

Importing this module needs `licet[lsp]`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lsprotocol import types as lsp
from pygls import uris
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer

from licet import __version__
from licet.policy_lang import Diagnostic, Severity, Source, format_source
from licet.policy_lang.rendering import visible
from licet.verifier.analysis.linted import Finding

from .completing import Completion, complete
from .describing import describe, fence
from .linting import Linting
from .mending import RenameError, fixes, may_rename, mended, rename
from .names import Occurrence, Symbol, at
from .policies import Policy, read_policy
from .positions import Places

#: Seconds of quiet after a change before the policy is compiled again.
QUIET = 0.2
#: Seconds after which what compiles is linted, if nothing has changed since.
LINT_QUIET = 0.8

log = logging.getLogger("licet")

_SEVERITIES = {
    Severity.error: lsp.DiagnosticSeverity.Error,
    Severity.warning: lsp.DiagnosticSeverity.Warning,
    Severity.info: lsp.DiagnosticSeverity.Information,
}
_KINDS = {
    "tool": lsp.CompletionItemKind.Method,
    "group": lsp.CompletionItemKind.Module,
    "argument": lsp.CompletionItemKind.Field,
    "field": lsp.CompletionItemKind.Field,
    "label": lsp.CompletionItemKind.EnumMember,
    "rule": lsp.CompletionItemKind.Event,
    "name": lsp.CompletionItemKind.Variable,
    "function": lsp.CompletionItemKind.Function,
    "word": lsp.CompletionItemKind.Keyword,
}


@dataclass(frozen=True, slots=True)
class _Linted:
    """What the checks found in one reading of a policy."""

    policy: Policy
    findings: tuple[Finding, ...]


class PolicyServer(LanguageServer):
    """A language server with the open documents and the policies that they are part of."""

    def __init__(self) -> None:
        super().__init__("licet", __version__)
        self._policies: dict[Path, tuple[object, Policy]] = {}
        self._published: dict[Path, set[Path]] = {}
        self._waiting: dict[Path, asyncio.TimerHandle] = {}
        #: None where the editor wants no lint.
        self._linting: Linting | None = None
        self._linted: dict[Path, _Linted] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def places(self) -> Places:
        return Places(lsp.PositionEncodingKind(self.workspace.position_encoding).value)

    def wants_lint(self, wanted: bool) -> None:
        """Lint from now on, or no more."""
        if self._linting is not None:
            self._linting.close()
        self._linting = Linting() if wanted else None

    def texts(self) -> dict[Path, str]:
        """The open documents, by resolved path."""
        return {
            path_of(uri): document.source
            for uri, document in self.workspace.text_documents.items()
            if uri.startswith("file:")
        }

    def policy(self, path: Path) -> Policy:
        """The policy of a document as it stands now."""
        texts = self.texts()
        beside = [p for p in sorted(path.parent.glob("*")) if p.suffix in (".licet", ".json")]
        stamp = (texts, [(p, p.stat().st_mtime_ns) for p in beside if p.is_file()])
        known = self._policies.get(path)
        if known is None or known[0] != stamp:
            known = self._policies[path] = (stamp, read_policy(path, texts))
        return known[1]

    def source(self, policy: Policy, path: Path) -> Source:
        """A document's text as the policy has read it."""
        tree = policy.files.get(policy.name_of(path))
        return Source(path.name, "") if tree is None else tree.span.source

    def occurrence(self, policy: Policy, path: Path, offset: int) -> Occurrence | None:
        name = policy.name_of(path)
        return at(tuple(o for file, o in policy.occurrences() if file == name), offset)

    # --- diagnostics

    def soon(self, uri: str) -> None:
        """Publish what is wrong once the author pauses."""
        self._later(path_of(uri), QUIET, self.publish)

    def publish(self, path: Path) -> None:
        """Publish what is wrong with the policy of a document, file by file."""
        policy = self.policy(path)
        self._show(path, policy, policy.diagnostics)
        self._later(path, LINT_QUIET, self._start_lint)

    def _later(self, path: Path, seconds: float, what: Callable[[Path], object]) -> None:
        """Do something about a document after a while, instead of what was to be done before."""
        self.forget(path)
        self._waiting[path] = asyncio.get_running_loop().call_later(seconds, what, path)

    def forget(self, path: Path) -> None:
        """Nothing is to be done about a document."""
        if (waiting := self._waiting.pop(path, None)) is not None:
            waiting.cancel()

    def _start_lint(self, path: Path) -> None:
        if self._linting is not None:
            task = asyncio.get_running_loop().create_task(self._lint(path, self._linting))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _lint(self, path: Path, linting: Linting) -> None:
        """Publish what the checks find, unless the text has changed by then."""
        policy = self.policy(path)

        def is_current() -> bool:
            known = self._policies.get(path)
            return known is not None and known[1] is policy

        try:
            found = await asyncio.to_thread(linting.findings, policy, is_current)
        except Exception:
            log.exception("a policy could not be linted")
            return
        if found is not None and self.policy(path) is policy:
            self._linted[path] = _Linted(policy, found)
            told = (*policy.diagnostics, *(finding.diagnostic for finding in found))
            self._show(path, policy, told)

    def findings(self, path: Path, policy: Policy) -> tuple[Finding, ...]:
        """What is known to be wrong with a document as it stands."""
        linted = self._linted.get(path)
        more = linted.findings if linted is not None and linted.policy is policy else ()
        return (*map(Finding, policy.diagnostics), *more)

    def _show(self, path: Path, policy: Policy, diagnostics: Iterable[Diagnostic]) -> None:
        found: dict[Path, list[lsp.Diagnostic]] = {path: []}
        for name in policy.files:
            found.setdefault(policy.path_of(name), [])
        for diagnostic in diagnostics:
            span = diagnostic.span
            file = path if span is None else policy.path_of(span.source.name)
            found.setdefault(file, []).append(self._diagnostic(policy, diagnostic))
        for file in self._published.get(path, set()) - found.keys():
            found[file] = []
        self._published[path] = set(found)
        own = found.pop(path)
        for file, told in (*found.items(), (path, own)):
            self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri_of(file), told))

    def _diagnostic(self, policy: Policy, of: Diagnostic) -> lsp.Diagnostic:
        nowhere = lsp.Range(lsp.Position(0, 0), lsp.Position(0, 0))
        told = [of.message, *(n.message for n in of.notes if n.span is None)]
        if of.help is not None:
            told.append(f"help: {of.help}")
        return lsp.Diagnostic(
            nowhere if of.span is None else self.places.range(of.span),
            "\n".join(visible(line) for line in told),
            severity=_SEVERITIES[of.severity],
            code=of.code,
            source="licet",
            related_information=[
                lsp.DiagnosticRelatedInformation(
                    lsp.Location(
                        uri_of(policy.path_of(note.span.source.name)),
                        self.places.range(note.span),
                    ),
                    visible(note.message),
                )
                for note in of.notes
                if note.span is not None
            ],
        )


def path_of(uri: str) -> Path:
    return Path(uris.to_fs_path(uri) or "").resolve()


def uri_of(path: Path) -> str:
    return uris.from_fs_path(str(path)) or ""


def make_server() -> PolicyServer:
    """A server with every feature; `start_io()` runs it on standard input and output."""
    server = PolicyServer()

    @server.feature(lsp.INITIALIZE)
    def initialized(ls: PolicyServer, params: lsp.InitializeParams) -> None:
        options = params.initialization_options
        wanted = not isinstance(options, Mapping) or options.get("lint") is not False
        ls.wants_lint(wanted)

    @server.feature(lsp.SHUTDOWN)
    def stopped(ls: PolicyServer, _params: None) -> None:
        ls.wants_lint(False)

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    async def opened(ls: PolicyServer, params: lsp.DidOpenTextDocumentParams) -> None:
        ls.publish(path_of(params.text_document.uri))

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(ls: PolicyServer, params: lsp.DidChangeTextDocumentParams) -> None:
        ls.soon(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    async def saved(ls: PolicyServer, params: lsp.DidSaveTextDocumentParams) -> None:
        ls.soon(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(ls: PolicyServer, params: lsp.DidCloseTextDocumentParams) -> None:
        ls.forget(path_of(params.text_document.uri))

    @server.feature(
        lsp.TEXT_DOCUMENT_COMPLETION,
        lsp.CompletionOptions(trigger_characters=[".", " ", "{", ","]),
    )
    def completion(ls: PolicyServer, params: lsp.CompletionParams) -> lsp.CompletionList:
        path = path_of(params.text_document.uri)
        policy = ls.policy(path)
        source = ls.source(policy, path)
        offset = ls.places.offset(source, params.position)
        items = [_item(found) for found in complete(policy, source.text, offset)]
        return lsp.CompletionList(is_incomplete=False, items=items)

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    def hover(ls: PolicyServer, params: lsp.HoverParams) -> lsp.Hover | None:
        path = path_of(params.text_document.uri)
        policy = ls.policy(path)
        source = ls.source(policy, path)
        offset = ls.places.offset(source, params.position)
        found = ls.occurrence(policy, path, offset)
        told = describe(policy, found, source.text, offset)
        if told is None:
            return None
        place = None if found is None else ls.places.range(found.span)
        return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, told), place)

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    def definition(ls: PolicyServer, params: lsp.DefinitionParams) -> list[lsp.Location]:
        policy, found = _found(ls, params)
        return [] if found is None else _places(ls, policy, found.symbol, declares=True)

    @server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
    def references(ls: PolicyServer, params: lsp.ReferenceParams) -> list[lsp.Location]:
        policy, found = _found(ls, params)
        return [] if found is None else _places(ls, policy, found.symbol, declares=False)

    @server.feature(lsp.TEXT_DOCUMENT_PREPARE_RENAME)
    def prepare(ls: PolicyServer, params: lsp.PrepareRenameParams) -> lsp.Range | None:
        policy, found = _found(ls, params)
        if found is None or not may_rename(policy, found):
            return None
        return ls.places.range(found.span)

    @server.feature(lsp.TEXT_DOCUMENT_RENAME, lsp.RenameOptions(prepare_provider=True))
    def renamed(ls: PolicyServer, params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
        policy, found = _found(ls, params)
        if found is None:
            return None
        path = path_of(params.text_document.uri)
        try:
            places = rename(policy, path, found, params.new_name, ls.texts())
        except RenameError as error:
            raise JsonRpcInvalidParams(str(error)) from None
        return lsp.WorkspaceEdit(
            {
                uri_of(policy.path_of(file)): [
                    lsp.TextEdit(ls.places.range(span), params.new_name) for span in spans
                ]
                for file, spans in places.items()
            }
        )

    @server.feature(lsp.TEXT_DOCUMENT_FORMATTING)
    def formatted(ls: PolicyServer, params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit]:
        path = path_of(params.text_document.uri)
        source = Source(path.name, ls.texts().get(path, ""))
        text, _ = format_source(source)
        if text is None or text == source.text:
            return []
        end = ls.places.position(source, len(source.text))
        return [lsp.TextEdit(lsp.Range(lsp.Position(0, 0), end), text)]

    @server.feature(
        lsp.TEXT_DOCUMENT_CODE_ACTION,
        lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix]),
    )
    def actions(ls: PolicyServer, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        path = path_of(params.text_document.uri)
        policy = ls.policy(path)
        name = policy.name_of(path)
        found = [
            finding
            for finding in ls.findings(path, policy)
            if (span := finding.diagnostic.span) is not None
            and span.source.name == name
            and _meets(ls.places.range(span), params.range)
        ]
        return [
            lsp.CodeAction(
                visible(fix.title),
                lsp.CodeActionKind.QuickFix,
                diagnostics=[ls._diagnostic(policy, finding.diagnostic)],
                edit=lsp.WorkspaceEdit(
                    {uri_of(path): [lsp.TextEdit(ls.places.range(fix.span), fix.text)]}
                ),
            )
            for finding in found
            for fix in (*fixes(finding.diagnostic), *mended(finding))
        ]

    return server


def _found(
    ls: PolicyServer,
    params: lsp.DefinitionParams | lsp.ReferenceParams | lsp.PrepareRenameParams | lsp.RenameParams,
) -> tuple[Policy, Occurrence | None]:
    """The policy of a document, and the name at a position in it."""
    path = path_of(params.text_document.uri)
    policy = ls.policy(path)
    offset = ls.places.offset(ls.source(policy, path), params.position)
    return policy, ls.occurrence(policy, path, offset)


def _places(
    ls: PolicyServer, policy: Policy, symbol: Symbol, *, declares: bool
) -> list[lsp.Location]:
    return [
        lsp.Location(uri_of(policy.path_of(file)), ls.places.range(o.span))
        for file, o in policy.occurrences()
        if o.symbol == symbol and (o.declares or not declares)
    ]


def _item(of: Completion) -> lsp.CompletionItem:
    docs = lsp.MarkupContent(lsp.MarkupKind.Markdown, fence(of.docs, "text")) if of.docs else None
    return lsp.CompletionItem(
        of.label, kind=_KINDS[of.kind], detail=visible(of.detail) or None, documentation=docs
    )


def _meets(a: lsp.Range, b: lsp.Range) -> bool:
    return a.start <= b.end and b.start <= a.end
