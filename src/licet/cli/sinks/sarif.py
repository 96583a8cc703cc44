"""Findings as a SARIF 2.1.0 log, which code hosts and editors read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html

Text of a policy goes into plain-text messages only, with everything that could be read as a link
escaped; Markdown is our own pages'. Columns count code points, as everywhere in licet.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from urllib.parse import quote

from licet import __version__
from licet.policy_lang import Diagnostic, Severity, Span, codes
from licet.policy_lang.rendering import visible

from .places import file_of

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

_LEVELS = {Severity.error: "error", Severity.warning: "warning", Severity.info: "note"}


def sarif_log(diagnostics: Sequence[Diagnostic], folder: str = "") -> dict[str, object]:
    """A log with one run, as JSON data; `folder` is the project's, from the checkout's root."""
    rules = sorted({diagnostic.code for diagnostic in diagnostics})
    fingerprints = _Fingerprints()
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "licet",
                        "semanticVersion": __version__,
                        "rules": [_rule(code) for code in rules],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [
                    _result(diagnostic, rules.index(diagnostic.code), folder, fingerprints)
                    for diagnostic in diagnostics
                ],
            }
        ],
    }


def _rule(code: str) -> dict[str, object]:
    """What the code's page says of it."""
    page = codes.page(code) or f"# {code}\n\n{code}.\n"
    title = codes.title(code) or code
    paragraph = page.split("\n\n")[1].strip()
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in title.split("-")),
        "shortDescription": {"text": title.replace("-", " ")},
        "fullDescription": {"text": paragraph},
        "help": {"text": page, "markdown": page},
    }


def _result(
    diagnostic: Diagnostic, index: int, folder: str, fingerprints: _Fingerprints
) -> dict[str, object]:
    told = [diagnostic.message, *(note.message for note in diagnostic.notes if note.span is None)]
    if diagnostic.help is not None:
        told.append(f"help: {diagnostic.help}")
    result: dict[str, object] = {
        "ruleId": diagnostic.code,
        "ruleIndex": index,
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": "\n".join(_plain(line) for line in told)},
        "locations": [_location(diagnostic.span, folder)],
        "partialFingerprints": {"licetFinding/v1": fingerprints.of(diagnostic, folder)},
    }
    related = [
        {"id": number, **_location(note.span, folder), "message": {"text": _plain(note.message)}}
        for number, note in enumerate(diagnostic.notes, start=1)
        if note.span is not None
    ]
    if related:
        result["relatedLocations"] = related
    return result


def _location(span: Span | None, folder: str) -> dict[str, object]:
    """Where a finding is. Code hosts refuse results without a place: what is wrong with paths and
    configuration is put where these are written."""
    if span is None:
        uri = quote(PurePosixPath(folder, "licet.toml").as_posix())
        return {"physicalLocation": {"artifactLocation": {"uri": uri}}}
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(file_of(span, folder), errors="replace")},
            "region": {
                "startLine": line,
                "startColumn": column,
                "endLine": end_line,
                "endColumn": end_column,
            },
        }
    }


class _Fingerprints:
    """A name for each finding that stays while lines above it come and go.

    It is made of the code, the file, the line's own text and how often these were seen before.
    """

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def of(self, diagnostic: Diagnostic, folder: str) -> str:
        span = diagnostic.span
        where = ["", diagnostic.message]
        if span is not None:
            line = span.source.line(span.source.position(span.start)[0])
            where = [file_of(span, folder), " ".join(line.split())]
        base = "\0".join((diagnostic.code, *where))
        self._seen[base] += 1
        text = f"{base}\0{self._seen[base]}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _plain(text: str) -> str:
    """Text that no reader of plain-text messages takes for an embedded link."""
    shown = visible(text)
    for char in "\\[]":
        shown = shown.replace(char, "\\" + char)
    return shown
