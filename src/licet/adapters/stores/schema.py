"""The tables, as SQLAlchemy sees them. What is in a database is made by `migrations/`; a test
holds the two against each other.

Every row belongs to a tenant, whose number begins every key: rows of one tenant lie together, and
no statement can leave them. Names begin with `licet_`, since a database may be shared with others.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine

#: The revision that this code works with: the newest in `migrations/versions`.
HEAD = "0003"
#: Where alembic keeps the revision of a database.
REVISION_TABLE = "licet_revision"

# Compared byte by byte, as SQLite and Python do: PostgreSQL would otherwise order by its locale,
# and an index over texts would break when the system's locales change.
TEXT: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")
# Only INTEGER is SQLite's own row number
NUMBER: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")


def _text(name: str, *, null: bool = False) -> Column[str]:
    return Column(name, TEXT, nullable=null)


def _int(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, autoincrement=False)


def _counter(name: str) -> Column[int]:
    """A number that rows of an earlier revision do not have."""
    return Column(name, BigInteger, nullable=False, server_default=text("0"), autoincrement=False)


METADATA = MetaData()

TENANTS = Table(
    "licet_tenants",
    METADATA,
    Column("tenant", NUMBER, primary_key=True),
    _text("name"),
    _int("seq"),
    _int("change"),
    _int("at"),
    _text("policy"),
    _int("audit_seq"),
    _text("audit_hash"),
    _counter("activation"),
    _counter("canary"),
    UniqueConstraint("name", name="licet_tenants_name"),
)

CALLS = Table(
    "licet_calls",
    METADATA,
    _int("tenant"),
    _int("seq"),
    _int("change"),
    _text("principal"),
    _text("session"),
    _text("call_id"),
    _text("nonce"),
    _text("tool"),
    _text("digest"),
    _text("policy"),
    _text("catalog"),
    _int("at"),
    _int("expires"),
    _text("state"),
    _text("record"),
    _text("result", null=True),
    PrimaryKeyConstraint("tenant", "seq", name="licet_calls_key"),
    UniqueConstraint("tenant", "change", name="licet_calls_change"),
    UniqueConstraint("tenant", "nonce", name="licet_calls_nonce"),
    UniqueConstraint("tenant", "principal", "session", "call_id", name="licet_calls_id"),
)
# Only what is reserved: as few rows as there are calls in flight
Index(
    "licet_calls_due",
    CALLS.c.tenant,
    CALLS.c.expires,
    CALLS.c.seq,
    sqlite_where=CALLS.c.state == "reserved",
    postgresql_where=CALLS.c.state == "reserved",
)

COVERAGE = Table(
    "licet_coverage",
    METADATA,
    _int("tenant"),
    _text("policy"),
    _int("change"),
    PrimaryKeyConstraint("tenant", "policy", name="licet_coverage_key"),
)

# Small rows that are found by their key alone: in SQLite the key itself holds them
LEAVES = Table(
    "licet_leaves",
    METADATA,
    _int("tenant"),
    _text("pot"),
    _int("slot"),
    _int("at"),
    _int("seq"),
    _text("text"),
    PrimaryKeyConstraint("tenant", "pot", "slot", name="licet_leaves_key"),
    sqlite_with_rowid=False,
)
Index("licet_leaves_at", LEAVES.c.tenant, LEAVES.c.pot, LEAVES.c.at, LEAVES.c.slot)
Index("licet_leaves_seq", LEAVES.c.tenant, LEAVES.c.seq, LEAVES.c.pot, LEAVES.c.slot)

NODES = Table(
    "licet_nodes",
    METADATA,
    _int("tenant"),
    _text("pot"),
    _int("level"),
    _int("slot"),
    _text("text"),
    PrimaryKeyConstraint("tenant", "pot", "level", "slot", name="licet_nodes_key"),
    sqlite_with_rowid=False,
)

APPROVALS = Table(
    "licet_approvals",
    METADATA,
    _int("tenant"),
    _text("id"),
    _text("binding"),
    _text("principal"),
    _text("session"),
    _text("state"),
    _int("asked"),
    _int("expires"),
    _text("document"),
    PrimaryKeyConstraint("tenant", "id", name="licet_approvals_key"),
)
Index(
    "licet_approvals_binding",
    APPROVALS.c.tenant,
    APPROVALS.c.binding,
    APPROVALS.c.asked,
    APPROVALS.c.id,
)
Index("licet_approvals_state", APPROVALS.c.tenant, APPROVALS.c.state, APPROVALS.c.id)
Index(
    "licet_approvals_session",
    APPROVALS.c.tenant,
    APPROVALS.c.principal,
    APPROVALS.c.session,
    APPROVALS.c.state,
)

DOCUMENTS = Table(
    "licet_documents",
    METADATA,
    _int("tenant"),
    _text("kind"),
    _text("id"),
    _text("text"),
    PrimaryKeyConstraint("tenant", "kind", "id", name="licet_documents_key"),
)

# A secret is found before it is known whose it is: no two tenants have one
KEYS = Table(
    "licet_keys",
    METADATA,
    _int("tenant"),
    _text("hash"),
    _text("name"),
    _int("made"),
    Column("ends", BigInteger, nullable=True),
    _text("document"),
    PrimaryKeyConstraint("tenant", "hash", name="licet_keys_key"),
    UniqueConstraint("hash", name="licet_keys_hash"),
)

AUDIT = Table(
    "licet_audit",
    METADATA,
    _int("tenant"),
    _int("seq"),
    _text("hash"),
    _text("text"),
    PrimaryKeyConstraint("tenant", "seq", name="licet_audit_key"),
)

# The one table without a tenant: what all who share the store share
SECRETS = Table(
    "licet_secrets",
    METADATA,
    _text("name"),
    Column("value", LargeBinary, nullable=False),
    PrimaryKeyConstraint("name", name="licet_secrets_key"),
)
