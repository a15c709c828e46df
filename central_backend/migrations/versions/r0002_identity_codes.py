"""Codes of the province's app."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make their table."""
    op.create_table(
        "identity_code",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_by", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("code_hash"),
    )
    op.create_index(
        op.f("ix_identity_code_expires_at"), "identity_code", ["expires_at"], unique=False
    )


def downgrade() -> None:
    """Drop it: no code lives longer than a minute."""
    op.drop_table("identity_code")
