"""The audit: what was decided and done, append-only, chained, and checkable by others."""

from .bodies import (
    ActivationBody,
    ApprovalBody,
    Evidence,
    ExpiryBody,
    KeyBody,
    Kind,
    ModeBody,
    PolicyBody,
    RedemptionBody,
    SettlementBody,
    VerdictBody,
)
from .entries import EntryError, Envelope, entry_of, line_of
from .field_paths import FieldPathError
from .recording import Recorder
from .redaction import Redaction
from .verifying import Anchor, Finding, Verifier

__all__ = [
    "ActivationBody",
    "Anchor",
    "ApprovalBody",
    "EntryError",
    "Envelope",
    "Evidence",
    "ExpiryBody",
    "FieldPathError",
    "Finding",
    "KeyBody",
    "Kind",
    "ModeBody",
    "PolicyBody",
    "Recorder",
    "Redaction",
    "RedemptionBody",
    "SettlementBody",
    "VerdictBody",
    "Verifier",
    "entry_of",
    "line_of",
]
