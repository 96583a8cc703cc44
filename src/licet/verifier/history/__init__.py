"""What a guard remembers: earlier calls, what is reserved, approvals, and the record of it all."""

from .store import (
    AuditEntry,
    CallState,
    ForgetfulTransaction,
    Head,
    Leaf,
    NodeRange,
    Store,
    StoredApproval,
    StoredCall,
    StoredKey,
    StoreError,
    Transaction,
    UnkeepableError,
)

__all__ = [
    "AuditEntry",
    "CallState",
    "ForgetfulTransaction",
    "Head",
    "Leaf",
    "NodeRange",
    "Store",
    "StoreError",
    "StoredApproval",
    "StoredCall",
    "StoredKey",
    "Transaction",
    "UnkeepableError",
]
