"""Why a department moved its line: reason, what to bring, until when."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("department", sa.String(length=64)),
    ("state", sa.String(length=20)),
    ("reason", sa.String(length=32)),
    ("bring", sa.Text()),
    ("until", sa.String(length=10)),
)


def upgrade() -> None:
    """The columns; of notes that are there, the trail tells which move each was written at."""
    for name, kind in _COLUMNS:
        op.add_column("case_note", sa.Column(name, kind, nullable=False, server_default=""))
    notes = _by_case("SELECT id, case_number FROM case_note ORDER BY id")
    moves = _by_case(
        "SELECT detail, subject FROM audit_entry WHERE action = 'moved' ORDER BY sequence"
    )
    update = sa.text(
        "UPDATE case_note SET department = :department, state = :to, reason = :reason"
        " WHERE id = :id"
    )
    for case, ids in notes.items():
        told = [json.loads(str(detail)) for detail in moves.get(case, [])]
        written = [one for one in told if one.get("note")]
        if len(written) != len(ids):
            continue  # the trail's time is over: nobody can tell any more
        for id_, one in zip(ids, written, strict=True):
            # What was written at another move was for the office alone, and stays so.
            reason = "other" if one["to"] in ("to-be-corrected", "refused") else ""
            values = {"id": id_, "department": one["department"], "to": one["to"]}
            op.get_bind().execute(update, {**values, "reason": reason})


def downgrade() -> None:
    """What was written stays; of which move it was is lost."""
    for name, _ in _COLUMNS:
        op.drop_column("case_note", name)


def _by_case(statement: str) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    for value, case in op.get_bind().execute(sa.text(statement)):
        found.setdefault(case, []).append(value)
    return found
