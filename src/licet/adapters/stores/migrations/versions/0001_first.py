"""The first tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _text(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, TEXT, nullable=null)


def _int(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=False, autoincrement=False)


def upgrade() -> None:
    op.create_table(
        "licet_tenants",
        sa.Column("tenant", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        _text("name"),
        _int("seq"),
        _int("change"),
        _int("at"),
        _text("policy"),
        _int("audit_seq"),
        _text("audit_hash"),
        sa.UniqueConstraint("name", name="licet_tenants_name"),
    )
    op.create_table(
        "licet_calls",
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
        sa.PrimaryKeyConstraint("tenant", "seq", name="licet_calls_key"),
        sa.UniqueConstraint("tenant", "change", name="licet_calls_change"),
        sa.UniqueConstraint("tenant", "nonce", name="licet_calls_nonce"),
        sa.UniqueConstraint("tenant", "principal", "session", "call_id", name="licet_calls_id"),
    )
    op.create_index(
        "licet_calls_due",
        "licet_calls",
        ["tenant", "expires", "seq"],
        sqlite_where=sa.text("state = 'reserved'"),
        postgresql_where=sa.text("state = 'reserved'"),
    )
    op.create_table(
        "licet_coverage",
        _int("tenant"),
        _text("policy"),
        _int("change"),
        sa.PrimaryKeyConstraint("tenant", "policy", name="licet_coverage_key"),
    )
    op.create_table(
        "licet_leaves",
        _int("tenant"),
        _text("pot"),
        _int("slot"),
        _int("at"),
        _int("seq"),
        _text("text"),
        sa.PrimaryKeyConstraint("tenant", "pot", "slot", name="licet_leaves_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("licet_leaves_at", "licet_leaves", ["tenant", "pot", "at", "slot"])
    op.create_index("licet_leaves_seq", "licet_leaves", ["tenant", "seq", "pot", "slot"])
    op.create_table(
        "licet_nodes",
        _int("tenant"),
        _text("pot"),
        _int("level"),
        _int("slot"),
        _text("text"),
        sa.PrimaryKeyConstraint("tenant", "pot", "level", "slot", name="licet_nodes_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "licet_approvals",
        _int("tenant"),
        _text("id"),
        _text("binding"),
        _text("principal"),
        _text("session"),
        _text("state"),
        _int("asked"),
        _int("expires"),
        _text("document"),
        sa.PrimaryKeyConstraint("tenant", "id", name="licet_approvals_key"),
    )
    op.create_index(
        "licet_approvals_binding", "licet_approvals", ["tenant", "binding", "asked", "id"]
    )
    op.create_index("licet_approvals_state", "licet_approvals", ["tenant", "state", "id"])
    op.create_index(
        "licet_approvals_session",
        "licet_approvals",
        ["tenant", "principal", "session", "state"],
    )
    op.create_table(
        "licet_audit",
        _int("tenant"),
        _int("seq"),
        _text("hash"),
        _text("text"),
        sa.PrimaryKeyConstraint("tenant", "seq", name="licet_audit_key"),
    )
    op.create_table(
        "licet_secrets",
        _text("name"),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="licet_secrets_key"),
    )
