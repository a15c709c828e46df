"""Whether a terminal takes applications in, as it last said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("intake", sa.String(length=8), "open"),
    ("intake_code", sa.String(length=5), ""),
)


def upgrade() -> None:
    """The columns; the next heartbeat fills them."""
    for name, kind, default in _COLUMNS:
        op.add_column("terminal", sa.Column(name, kind, nullable=False, server_default=default))


def downgrade() -> None:
    """Gone again; nothing depends on them."""
    for name, _, _ in _COLUMNS:
        op.drop_column("terminal", name)
