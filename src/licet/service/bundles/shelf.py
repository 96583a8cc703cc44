"""What the store holds of a tenant's policies: bundles, who sent and activated them, and when.

Everything is a document of the tenant's (`verifier.history`), read and written in a transaction
that somebody else began. Instants are microseconds since 1970-01-01T00:00Z; persons are those that
`people.person_of` gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal, Self

from licet.compiler.exact_json import decode
from licet.compiler.json_text import json_line
from licet.verifier.audit import Recorder
from licet.verifier.history import Transaction

from .bundle import MAX_BYTES_OF_FILES, Bundle

#: How two policies compare: `unknown` where nothing says so, or time ran out.
Verdict = Literal["equivalent", "narrows", "widens", "incomparable", "unknown"]
#: What lets no call get further than before, which is proved.
HARMLESS: Final = frozenset({"equivalent", "narrows"})
#: Where an activation came from: the operator's files, an upload, a rollback, or a start: with
#: another mode in the configuration, or by a version that makes something else of the same bundle.
Source = Literal["files", "upload", "rollback", "start"]

#: Uploads that are kept of a tenant, and activations whose bundles are kept whatever their number.
MOST_UPLOADS: Final = 300
MOST_ACTIVATIONS: Final = 50
#: Calls that a canary decided otherwise, which are kept.
MOST_DIFFERENCES: Final = 200
#: No id is greater.
_END: Final = "~"
_LARGEST: Final = 4 * MAX_BYTES_OF_FILES
#: What it writes has no field of a call, so that there is nothing to leave out.
_RECORDER: Final = Recorder()


@dataclass(frozen=True, slots=True)
class _Kept:
    """A document with plain fields."""

    def text(self) -> str:
        return json_line(asdict(self))

    @classmethod
    def read(cls, text: str) -> Self:
        data = decode(text, max_size=_LARGEST)
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in data.items()})


@dataclass(frozen=True, slots=True)
class Upload(_Kept):
    """A bundle that was sent: the first who did so is who it is by. `policy` and `catalog` are the
    digests of what it compiled to; `verdict` is how it compares with `base`, the bundle that was
    active when that was looked at (empty: none)."""

    number: int
    digest: str
    by: str
    at: int
    source: Literal["upload", "files"]
    name: str
    policy: str
    catalog: str
    base: str = ""
    verdict: Verdict = "unknown"


@dataclass(frozen=True, slots=True)
class Activation(_Kept):
    """A bundle that was made the active one. `number` is the head's; `before` is the bundle that
    was active until then (empty: none that is known); `by` are all who said so, the last one last.
    `observe_until` is 0 where it is enforced."""

    number: int
    digest: str
    by: tuple[str, ...]
    at: int
    source: Source
    verdict: Verdict
    before: str
    observe_until: int = 0


@dataclass(frozen=True, slots=True)
class Ask(_Kept):
    """Somebody wants a bundle to be active, and a second person has to want it too. It holds while
    `activation` is the last one."""

    digest: str
    by: str
    at: int
    activation: int
    observe_until: int = 0


@dataclass(frozen=True, slots=True)
class Canary(_Kept):
    """A bundle that decides beside the active one."""

    digest: str
    by: str
    at: int


class Shelf:
    """The documents of one tenant, in one transaction. Raises StoreError."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx

    # bundles

    def bundle(self, digest: str) -> Bundle | None:
        """Raises BundleError where it cannot be read any more."""
        text = self.tx.document("bundle", digest)
        return None if text is None else Bundle.read(text)

    def upload(self, digest: str) -> Upload | None:
        number = self.tx.document("number", digest)
        text = None if number is None else self.tx.document("upload", number)
        return None if text is None else Upload.read(text)

    def uploads(self, before: int | None, most: int) -> Sequence[Upload]:
        """The newest first; `before` is the number of the last one of the page before."""
        listed = self.tx.documents("upload", _END if before is None else _id(before), most)
        return [Upload.read(text) for _, text in listed]

    def put_upload(self, upload: Upload) -> None:
        """Insert or replace, by its number."""
        self.tx.put_document("number", upload.digest, _id(upload.number))
        self.tx.put_document("upload", _id(upload.number), upload.text())

    def put(
        self, bundle: Bundle, by: str, source: Literal["upload", "files"], name: str, policy: str,
        catalog: str,
    ) -> Upload:  # fmt: skip
        """Keep a bundle: whoever sent it first is whom it is by. Where it has come to compile to
        something else, what was found before is forgotten. What nobody activated is forgotten after
        many others."""
        digest = bundle.digest
        known = self.upload(digest)
        if known is not None and (known.policy, known.catalog) == (policy, catalog):
            return known
        if known is not None:
            for kind in ("report", "ask"):
                self.tx.drop_document(kind, digest)
            changed = replace(
                known, name=name, policy=policy, catalog=catalog, base="", verdict="unknown"
            )
            self.put_upload(changed)
            return changed
        last = self.uploads(None, 1)
        number = last[0].number + 1 if last else 1
        upload = Upload(number, digest, by, self.tx.instant, source, name, policy, catalog)
        self.tx.put_document("bundle", digest, bundle.text())
        self.put_upload(upload)
        self._forget()
        return upload

    def _forget(self) -> None:
        listed = self.uploads(None, MOST_UPLOADS + MOST_ACTIVATIONS + 2)
        if len(listed) <= MOST_UPLOADS:
            return
        canary = self.canary()
        needed = {each.digest for each in self.activations(None, MOST_ACTIVATIONS)}
        needed |= {self.files()[0], "" if canary is None else canary.digest}
        for upload in listed[MOST_UPLOADS:]:
            if upload.digest not in needed:
                for kind in ("bundle", "number", "report", "ask"):
                    self.tx.drop_document(kind, upload.digest)
                self.tx.drop_document("upload", _id(upload.number))

    # what was found about them

    def report(self, digest: str) -> dict[str, Any]:
        """All that was found, as `examining` makes it; empty: nothing."""
        text = self.tx.document("report", digest)
        found: dict[str, Any] = (
            {} if text is None else decode(text, max_size=_LARGEST, max_depth=80)
        )
        return found

    def put_report(
        self, digest: str, base: str, verdict: Verdict, report: Mapping[str, Any]
    ) -> None:
        """What was found of a bundle that is kept, compared with `base` (empty: with none)."""
        upload = self.upload(digest)
        if upload is not None:
            self.put_upload(replace(upload, base=base, verdict=verdict))
            self.tx.put_document("report", digest, json_line(report))

    # what was active

    def active(self) -> Activation | None:
        """What is active now; None where that is no bundle: a guard of another program's has made
        its own policy the active one, or nothing is."""
        text = self.tx.document("activation", _id(self.tx.head().activation))
        return None if text is None else Activation.read(text)

    def activations(self, before: int | None, most: int) -> Sequence[Activation]:
        """The newest first."""
        listed = self.tx.documents("activation", _END if before is None else _id(before), most)
        return [Activation.read(text) for _, text in listed]

    def previous(self) -> Activation | None:
        """The last activation of another bundle than the active one."""
        now = self.active()
        digest = None if now is None else now.digest
        recent = self.activations(None, MOST_ACTIVATIONS)
        return next((each for each in recent if each.digest != digest), None)

    def put_activation(self, activation: Activation) -> None:
        self.tx.put_document("activation", _id(activation.number), activation.text())

    def files(self) -> tuple[str, int]:
        """The operator's files as they were last seen, and until when the configuration observed;
        empty: never."""
        digest, _, until = (self.tx.document("files", "files") or "").partition(" ")
        return digest, int(until or 0)

    def put_files(self, digest: str, observe_until: int) -> None:
        self.tx.put_document("files", "files", f"{digest} {observe_until}")

    def note(self, digest: str, event: str, by: str, **more: str) -> None:
        """Let the audit tell that somebody did something with a bundle (`audit.bodies`), other than
        to make it active, which its guard writes down."""
        body = {"bundle": digest, "event": event, "by": by, **more}
        _RECORDER.append(self.tx, "policy", body)

    # who waits for a second person, and what decides beside

    def ask(self, digest: str) -> Ask | None:
        """The one that still holds: of the last activation, and not a day old."""
        text = self.tx.document("ask", digest)
        found = None if text is None else Ask.read(text)
        return found if found is not None and self._holds(found) else None

    def asks(self) -> Mapping[str, Ask]:
        """All that still hold, by the bundle."""
        found = (Ask.read(text) for _, text in self.tx.documents("ask", _END, MOST_UPLOADS))
        return {ask.digest: ask for ask in found if self._holds(ask)}

    def _holds(self, ask: Ask) -> bool:
        young = self.tx.instant - ask.at < ASK_LIFE
        return young and ask.activation == self.tx.head().activation

    def put_ask(self, ask: Ask) -> None:
        self.tx.put_document("ask", ask.digest, ask.text())

    def canary(self) -> Canary | None:
        text = self.tx.document("canary", "canary")
        return None if text is None else Canary.read(text)

    def put_canary(self, canary: Canary | None) -> None:
        """Let a bundle decide beside the active one from now on; None: let none."""
        head = self.tx.head()
        number = head.canary + 1
        self.tx.set_head(head._replace(canary=number))
        if canary is None:
            self.tx.drop_document("canary", "canary")
        else:
            self.tx.put_document("canary", "canary", canary.text())
            self.tx.put_document("compared", "counts", json_line({"canary": number}))

    def compared(self) -> Mapping[str, int]:
        """How the calls compared that the last canary has decided, by result; `canary` is its
        number, `written` how many differences were kept."""
        found: dict[str, int] = decode(self.tx.document("compared", "counts") or "{}")
        return found

    def differences(self) -> Sequence[Mapping[str, Any]]:
        """The last calls that the last canary has decided otherwise, the newest first."""
        number = self.compared().get("canary")
        kept = [
            decode(text, max_size=_LARGEST, max_depth=80)
            for _, text in self.tx.documents("difference", _END, MOST_DIFFERENCES)
        ]
        found = [each for each in kept if each["canary"] == number]
        return sorted(found, key=lambda each: -int(each["n"]))

    def add_compared(
        self, number: int, counts: Mapping[str, int], differences: Sequence[Mapping[str, object]]
    ) -> None:
        """Add what the canary of that number has decided; nothing where it is not the last one."""
        kept = dict(self.compared())
        if kept.get("canary") != number:
            return
        for result, count in counts.items():
            kept[result] = kept.get(result, 0) + count
        for each in differences:
            n = kept.get("written", 0) + 1
            kept["written"] = n
            text = json_line({"n": n, "canary": number, **each})
            self.tx.put_document("difference", _id(n % MOST_DIFFERENCES), text)
        self.tx.put_document("compared", "counts", json_line(kept))


#: How long a request waits for a second person, in microseconds.
ASK_LIFE: Final = 24 * 3_600 * 1_000_000


def _id(number: int) -> str:
    return f"{number:012d}"


def changes(report: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The tools of a report on which something changes."""
    tools = (report.get("diff") or {}).get("tools") or ()
    return [tool for tool in tools if tool["verdict"] != "equivalent"]
