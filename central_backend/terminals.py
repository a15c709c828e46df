"""Terminals: what each last said of itself, and who has been silent for too long."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from central_backend.database import Heartbeat, Terminal
from central_backend.keyring import Told
from kiosk.contract import canonical_bytes
from kiosk.contract import envelope as wire


def seen_application(session: Session, code: str, at: datetime) -> None:
    """An application came from this terminal."""
    _put(session, code, at, {"application_at": at})


def seen_heartbeat(session: Session, said: wire.Heartbeat, at: datetime) -> None:
    """A terminal told how it is."""
    _put(
        session,
        said.terminal,
        at,
        {
            "heartbeat_at": at,
            "version": said.version,
            "pack": said.pack,
            "depth": said.queue_depth,
            "oldest_age_s": round(said.oldest_age_s or 0),
            "quarantined": said.quarantined,
            "bytes": said.bytes,
            "key_ids": " ".join(said.key_ids_in_use),
            "key_set_version": said.key_set_version,
            "intake": said.intake,
            "intake_code": said.intake_code,
        },
    )
    session.add(Heartbeat(terminal=said.terminal, at=at, body=canonical_bytes(said).decode()))


def overdue(terminal: Terminal, now: datetime, overdue_s: int) -> bool:
    """Whether nothing was heard of it for too long."""
    heard = [at for at in (terminal.heartbeat_at, terminal.application_at) if at is not None]
    return max(heard, default=terminal.first_seen_at) < now - timedelta(seconds=overdue_s)


def told_of_keys(session: Session) -> list[Told]:
    """What every known terminal said of its keys, the silent ones included."""
    return [
        Told(terminal.code, tuple(terminal.key_ids.split()), terminal.key_set_version)
        for terminal in session.scalars(select(Terminal).order_by(Terminal.code))
    ]


def _put(session: Session, code: str, at: datetime, said: dict[str, object]) -> None:
    postgresql = session.get_bind().dialect.name == "postgresql"
    insert = postgresql_insert if postgresql else sqlite_insert
    empty: dict[str, object] = {
        "version": "",
        "pack": "",
        "depth": 0,
        "oldest_age_s": 0,
        "quarantined": 0,
        "bytes": 0,
        "key_ids": "",
        "key_set_version": 0,
        "intake": "open",
        "intake_code": "",
    }
    statement = insert(Terminal).values(code=code, first_seen_at=at, **{**empty, **said})
    session.execute(statement.on_conflict_do_update(index_elements=[Terminal.code], set_=said))
