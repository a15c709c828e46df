"""What a person must look at: the same thing is one flag, however often it comes."""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum

from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from central_backend.database import Flag


class FlagKind(StrEnum):
    """Why."""

    CONFLICT = "conflict"  # the same id came with other bytes
    NUMBER_TAKEN = "number-taken"  # a receipt number came for a second application
    UNREADABLE = "unreadable"  # it does not open, or is no application inside
    KEY_MISSING = "key-missing"  # sealed to a key of ours that is not at hand
    DUPLICATE = "duplicate"  # the same party, item and day under another id
    CHAIN_FORK = "chain-fork"  # two entries claim one place of a terminal's chain
    CHAIN_EDIT = "chain-edit"  # an entry does not follow the one before it
    CHAIN_SIGNATURE = "chain-signature"  # signed by nobody whom we know, or wrongly


def raise_flag(
    session: Session,
    kind: FlagKind,
    *,
    at: datetime,
    application_id: str = "",
    terminal: str = "",
    detail: str = "",
) -> None:
    """Raise it, or count it once more; one that was cleared comes back.

    `detail` is a code and what it speaks of, separated by colons; `words` has it for people.
    """
    said = "|".join((kind.value, application_id, terminal, detail))
    mark = hashlib.sha256(said.encode()).hexdigest()
    postgresql = session.get_bind().dialect.name == "postgresql"
    insert = postgresql_insert if postgresql else sqlite_insert
    statement = insert(Flag).values(
        mark=mark,
        kind=kind.value,
        application_id=application_id,
        terminal=terminal,
        detail=detail,
        count=1,
        first_at=at,
        last_at=at,
        cleared_by="",
    )
    statement = statement.on_conflict_do_update(
        index_elements=[Flag.mark],
        set_={"count": Flag.count + 1, "last_at": at, "cleared_at": None, "cleared_by": ""},
    )
    session.execute(statement)
