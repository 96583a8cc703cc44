"""Documents; how often another policy became the active one, or decided beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | Sequence[str] | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
OLD = "tenant, name, seq, change, at, policy, audit_seq, audit_hash"


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, TEXT, nullable=False)


def _int(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=False, autoincrement=False)


def _counter(name: str) -> sa.Column[Any]:
    return sa.Column(
        name, sa.BigInteger(), nullable=False, server_default=sa.text("0"), autoincrement=False
    )


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        # Made anew, so that the table reads as if it had been made so at first.
        op.rename_table("licet_tenants", "licet_tenants_before")
        op.create_table(
            "licet_tenants",
            sa.Column("tenant", sa.Integer(), primary_key=True),
            _text("name"),
            _int("seq"),
            _int("change"),
            _int("at"),
            _text("policy"),
            _int("audit_seq"),
            _text("audit_hash"),
            _counter("activation"),
            _counter("canary"),
            sa.UniqueConstraint("name", name="licet_tenants_name"),
        )
        op.execute(f"INSERT INTO licet_tenants ({OLD}) SELECT {OLD} FROM licet_tenants_before")
        op.drop_table("licet_tenants_before")
    else:
        op.add_column("licet_tenants", _counter("activation"))
        op.add_column("licet_tenants", _counter("canary"))
    op.create_table(
        "licet_documents",
        _int("tenant"),
        _text("kind"),
        _text("id"),
        _text("text"),
        sa.PrimaryKeyConstraint("tenant", "kind", "id", name="licet_documents_key"),
    )
