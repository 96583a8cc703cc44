"""`licet audit …`: what was decided and done, and whether the record of it can be believed."""

from __future__ import annotations

from . import audit_checkpoint, audit_export, audit_reprove, audit_verify
from .verb import family

VERB = family(
    "audit",
    "verify the record of decisions, sign it, prove it again",
    (
        audit_verify.VERB,
        audit_reprove.VERB,
        audit_checkpoint.CHECKPOINT,
        audit_checkpoint.KEYGEN,
        audit_export.VERB,
    ),
    details="docs/audit.md says what is recorded and what verifying can and cannot show.",
)
