"""The first tables, and what keeps the audit trail growing only.

The triggers hold against this program's mistakes and against a hand with an SQL prompt. Who
owns the database can drop them; then the hashes of the trail no longer fit.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_MOMENT: Final = sa.DateTime(timezone=True)
_ROW_ID: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# Table, event, when it is refused. An entry may go only after an anchor said so for good.
_REFUSED: Final = (
    ("audit_entry", "UPDATE", ""),
    (
        "audit_entry",
        "DELETE",
        "OLD.sequence > (SELECT COALESCE(MAX(through), 0) FROM audit_anchor)",
    ),
    (
        # SQLite's REPLACE deletes without asking the trigger above.
        "audit_entry",
        "INSERT",
        "NEW.sequence <= (SELECT COALESCE(MAX(sequence), 0) FROM audit_entry)",
    ),
    (
        "audit_anchor",
        "INSERT",
        "NOT EXISTS (SELECT 1 FROM audit_entry"
        " WHERE sequence = NEW.through AND digest = NEW.digest)",
    ),
    ("audit_anchor", "UPDATE", ""),
    ("audit_anchor", "DELETE", ""),
    ("deletion", "UPDATE", ""),
    ("deletion", "DELETE", ""),
)


def upgrade() -> None:
    """Make everything."""

    op.create_table(
        "application",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("suite", sa.String(length=8), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("receipt_number", sa.String(length=40), nullable=False),
        sa.Column("terminal", sa.String(length=12), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("acknowledgement", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("receipt_number"),
        sa.UniqueConstraint("sequence"),
    )
    op.create_index(op.f("ix_application_terminal"), "application", ["terminal"], unique=False)
    op.create_table(
        "attachment",
        sa.Column("application_id", sa.String(length=32), nullable=False),
        sa.Column("part_id", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("application_id", "part_id"),
    )
    op.create_table(
        "audit_anchor",
        sa.Column("through", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("through"),
    )
    op.create_table(
        "audit_entry",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(length=40), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_index(op.f("ix_audit_entry_subject"), "audit_entry", ["subject"], unique=False)
    op.create_table(
        "certificate",
        sa.Column("certificate_no", sa.String(length=40), nullable=False),
        sa.Column("verify_code", sa.String(length=20), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("masked_name", sa.String(length=200), nullable=False),
        sa.Column("issued_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("certificate_no"),
    )
    op.create_table(
        "chain_entry",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("terminal", sa.String(length=12), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("application_id", sa.String(length=32), nullable=False),
        sa.Column("envelope_digest", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.String(length=20), nullable=False),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("terminal", "position", "digest"),
    )
    op.create_index(op.f("ix_chain_entry_terminal"), "chain_entry", ["terminal"], unique=False)
    op.create_table(
        "counter",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "deletion",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("before", _MOMENT, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "failed_try",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_failed_try_key_hash"), "failed_try", ["key_hash"], unique=False)
    op.create_table(
        "flag",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("application_id", sa.String(length=32), nullable=False),
        sa.Column("terminal", sa.String(length=12), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("first_at", _MOMENT, nullable=False),
        sa.Column("last_at", _MOMENT, nullable=False),
        sa.Column("cleared_at", _MOMENT, nullable=True),
        sa.Column("cleared_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("mark"),
    )
    op.create_index(op.f("ix_flag_kind"), "flag", ["kind"], unique=False)
    op.create_table(
        "given_answer",
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("question_digest", sa.String(length=64), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("request_id"),
    )
    op.create_index(op.f("ix_given_answer_at"), "given_answer", ["at"], unique=False)
    op.create_table(
        "heartbeat",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("terminal", sa.String(length=12), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_heartbeat_at"), "heartbeat", ["at"], unique=False)
    op.create_index(op.f("ix_heartbeat_terminal"), "heartbeat", ["terminal"], unique=False)
    op.create_table(
        "operator_session",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("operator", sa.String(length=64), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_table(
        "rejected",
        sa.Column("application_id", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("terminal", sa.String(length=12), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("application_id", "digest"),
    )
    op.create_index(op.f("ix_rejected_at"), "rejected", ["at"], unique=False)
    op.create_table(
        "sealed_part",
        sa.Column("application_id", sa.String(length=32), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("put_at", _MOMENT, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("application_id", "ordinal"),
    )
    op.create_index(op.f("ix_sealed_part_put_at"), "sealed_part", ["put_at"], unique=False)
    op.create_table(
        "terminal",
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("first_seen_at", _MOMENT, nullable=False),
        sa.Column("heartbeat_at", _MOMENT, nullable=True),
        sa.Column("application_at", _MOMENT, nullable=True),
        sa.Column("version", sa.String(length=200), nullable=False),
        sa.Column("pack", sa.String(length=200), nullable=False),
        sa.Column("depth", sa.BigInteger(), nullable=False),
        sa.Column("oldest_age_s", sa.BigInteger(), nullable=False),
        sa.Column("quarantined", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("key_ids", sa.Text(), nullable=False),
        sa.Column("key_set_version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "terminal_key",
        sa.Column("terminal", sa.String(length=12), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("suite", sa.String(length=8), nullable=False),
        sa.Column("public", sa.Text(), nullable=False),
        sa.Column("enrolled_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("terminal", "key_id"),
    )
    op.create_table(
        "case_file",
        sa.Column("case_number", sa.String(length=40), nullable=False),
        sa.Column("application_id", sa.String(length=32), nullable=False),
        sa.Column("item", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("acceptance_number", sa.String(length=40), nullable=True),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.Column("closed_at", _MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"]),
        sa.PrimaryKeyConstraint("case_number"),
        sa.UniqueConstraint("acceptance_number"),
    )
    op.create_index(
        op.f("ix_case_file_application_id"), "case_file", ["application_id"], unique=False
    )
    op.create_index(op.f("ix_case_file_closed_at"), "case_file", ["closed_at"], unique=False)
    op.create_index(op.f("ix_case_file_state"), "case_file", ["state"], unique=False)
    op.create_table(
        "document",
        sa.Column("application_id", sa.String(length=32), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"]),
        sa.PrimaryKeyConstraint("application_id"),
    )
    op.create_table(
        "same_matter",
        sa.Column("application_id", sa.String(length=32), nullable=False),
        sa.Column("mark", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"]),
        sa.PrimaryKeyConstraint("application_id"),
    )
    op.create_index(op.f("ix_same_matter_mark"), "same_matter", ["mark"], unique=False)
    op.create_table(
        "case_line",
        sa.Column("case_number", sa.String(length=40), nullable=False),
        sa.Column("department", sa.String(length=64), nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["case_number"], ["case_file.case_number"]),
        sa.PrimaryKeyConstraint("case_number", "department"),
    )
    op.create_table(
        "case_material",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("case_number", sa.String(length=40), nullable=False),
        sa.Column("material", sa.String(length=128), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("due", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["case_number"], ["case_file.case_number"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_case_material_case_number"), "case_material", ["case_number"], unique=False
    )
    op.create_table(
        "case_note",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("case_number", sa.String(length=40), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["case_number"], ["case_file.case_number"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_case_note_case_number"), "case_note", ["case_number"], unique=False)
    op.create_table(
        "case_party",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("case_number", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("document_kind", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["case_number"], ["case_file.case_number"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_case_party_case_number"), "case_party", ["case_number"], unique=False)

    _only_growing()


def _only_growing() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    if postgresql:
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$"
            " DECLARE refused boolean; BEGIN"
            " IF TG_NARGS = 0 THEN refused := true;"
            " ELSE EXECUTE 'SELECT ' || TG_ARGV[0] USING OLD, NEW INTO refused; END IF;"
            " IF refused THEN RAISE EXCEPTION '% only grows', TG_TABLE_NAME; END IF;"
            " IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$"
        )
    for table, event, condition in _REFUSED:
        name = f"{table}_{event.lower()}_refused"
        if postgresql:
            # What SQLite calls OLD and NEW comes to the function as $1 and $2.
            asked = condition.replace("OLD.", "($1).").replace("NEW.", "($2).")
            arguments = f"'{asked}'" if asked else ""
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {event} ON {table}"
                f" FOR EACH ROW EXECUTE FUNCTION refuse_change({arguments})"
            )
            if event == "UPDATE":
                op.execute(
                    f"CREATE TRIGGER {table}_truncate_refused BEFORE TRUNCATE ON {table}"
                    " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
                )
        else:
            when = f" WHEN {condition}" if condition else ""
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {event} ON {table}{when}"
                f" BEGIN SELECT RAISE(ABORT, '{table} only grows'); END"
            )


def downgrade() -> None:
    """There is nothing before the first revision."""
    raise NotImplementedError("the first revision cannot be taken back")
