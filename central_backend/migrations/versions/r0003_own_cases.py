"""Somebody's own cases are found by their number without reading every party."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """An index."""
    op.create_index(op.f("ix_case_party_number"), "case_party", ["number"], unique=False)


def downgrade() -> None:
    """Gone again; nothing depends on it."""
    op.drop_index(op.f("ix_case_party_number"), table_name="case_party")
