"""Fields that an entry must not tell: a keyed commitment stands in the place of each.

    {"$committed": "hmac-sha256:…"}

A commitment is an HMAC over the tenant, the entry's number, the place in the entry and the
canonical value. Its key is derived from the deployment's, for this purpose alone. So equal
values look different in every place, short values cannot be guessed without the key, and with
it anybody can check a claimed value (`Redaction.commitment`).

Fields are named by path (`field_paths`). Where the entry tells of the same values elsewhere (a
verdict's messages, reasons, counterexample, repair) those texts are committed to as well, rather
too many than too few (`likeness`). What the policy and the catalog say, names of tools and
rules, is never hidden: a model could otherwise hide it by writing it into a hidden argument.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from typing import Final

from licet.compiler.exact_json import canonical

from .entry_redaction import EntryRedaction, Place
from .field_paths import FieldPaths

COMMITTED: Final = "$committed"
_PURPOSE: Final = b"licet audit commitment 1"


class Redaction:
    """Which fields are hidden, and the key (32 bytes or more) that commits to them.

    Raises FieldPathError for a path that names no field, ValueError for a short key.
    """

    def __init__(self, key: bytes, paths: Iterable[str]) -> None:
        if len(key) < 32:
            raise ValueError("the key of a redaction has 32 bytes or more")
        self._key = hmac.digest(key, _PURPOSE, "sha256")
        self._paths = FieldPaths.parse(paths)

    def commitment(self, tenant: str, seq: int, place: Place, value: object) -> dict[str, object]:
        """What stands for a value at a place of an entry: ("call", "args", "body"). Compare it
        with what the entry has there to check a claim."""
        tag = hmac.digest(self._key, canonical([tenant, seq, list(place), value]), "sha256")
        return {COMMITTED: "hmac-sha256:" + tag.hex()}

    def redact(self, body: Mapping[str, object], *, tenant: str, seq: int) -> dict[str, object]:
        """The body of an entry without what it must not tell."""
        if not self._paths:
            return dict(body)
        entry = EntryRedaction(
            self._paths, lambda place, value: self.commitment(tenant, seq, place, value)
        )
        return entry.redact(body)
