"""API keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | Sequence[str] | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, TEXT, nullable=False)


def _int(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=null, autoincrement=False)


def upgrade() -> None:
    op.create_table(
        "licet_keys",
        _int("tenant"),
        _text("hash"),
        _text("name"),
        _int("made"),
        _int("ends", null=True),
        _text("document"),
        sa.PrimaryKeyConstraint("tenant", "hash", name="licet_keys_key"),
        sa.UniqueConstraint("hash", name="licet_keys_hash"),
    )
