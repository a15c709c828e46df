"""Deleting what has been kept long enough, class by class, and proving it.

Each class is one transaction that ends with its own proof: the rows are counted again, and a
`Deletion` that only grows says which class, how many, how many bytes, up to when. Ids, digests,
numbers and acknowledgements of applications stay for good, so that a repeat is known in ten
years too. Afterwards the file is rewritten, so that no page still holds the bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine, Select, delete, func, literal, select
from sqlalchemy.orm import Session

from central_backend import audit
from central_backend.database import (
    Base,
    Case,
    CaseMaterial,
    CaseNote,
    CaseParty,
    Deletion,
    FailedTry,
    GivenAnswer,
    Heartbeat,
    OperatorSession,
    Rejected,
    SameMatter,
    SealedPart,
    StoredApplication,
    StoredAttachment,
    StoredDocument,
)
from central_backend.identity_codes import IdentityCodes
from central_backend.settings import Retention


class Kind(StrEnum):
    """The classes of what is kept."""

    DOCUMENTS = "documents"
    ATTACHMENTS = "attachments"
    AUDIT = "audit"
    HEARTBEATS = "heartbeats"
    REJECTED = "rejected"
    ANSWERS = "answers"  # certificates and records that were given out


class Purged(NamedTuple):
    """What went of one class."""

    kind: Kind
    rows: int
    size: int  # bytes


class NotGone(Exception):
    """Rows were still there after they were deleted: the transaction was taken back."""


def purge(engine: Engine, periods: Retention, now: datetime) -> list[Purged]:
    """Delete what is older than its period. Raises NotGone."""
    done = []
    IdentityCodes(engine, now=lambda: now).forget()
    for kind, drop in _DROPS.items():
        before = now - timedelta(days=getattr(periods, f"{kind.value}_days"))
        with Session(engine) as session, session.begin():
            count, size = drop(session, before, now)
            if count:
                session.add(
                    Deletion(at=now, kind=kind.value, before=before, count=count, bytes=size)
                )
                audit.append(
                    session,
                    at=now,
                    actor="purge",
                    action="deleted",
                    subject=kind.value,
                    detail={"count": count, "before": before.isoformat()},
                )
        done.append(Purged(kind, count, size))
    with Session(engine) as session, session.begin():
        session.execute(delete(OperatorSession).where(OperatorSession.expires_at < now))
        session.execute(delete(FailedTry).where(FailedTry.at < now - timedelta(days=1)))
    if any(one.rows for one in done):
        _rewrite(engine)
    return done


def _closed(before: datetime) -> Select[Any]:
    return select(Case.application_id).where(Case.closed_at < before)


def _drop_documents(session: Session, before: datetime, _now: datetime) -> tuple[int, int]:
    going = _closed(before)
    cases = select(Case.case_number).where(Case.closed_at < before)
    told = _drop(session, StoredDocument, StoredDocument.application_id.in_(going), "data")
    for table in (CaseParty, CaseMaterial, CaseNote):
        _drop(session, table, table.case_number.in_(cases))
    _drop(session, SameMatter, SameMatter.application_id.in_(going))
    return told


def _drop_attachments(session: Session, before: datetime, _now: datetime) -> tuple[int, int]:
    return _drop(
        session, StoredAttachment, StoredAttachment.application_id.in_(_closed(before)), "data"
    )


def _drop_heartbeats(session: Session, before: datetime, _now: datetime) -> tuple[int, int]:
    return _drop(session, Heartbeat, Heartbeat.at < before, "body")


def _drop_rejected(session: Session, before: datetime, _now: datetime) -> tuple[int, int]:
    """What could not be read, and parts whose application never came."""
    filed = select(StoredApplication.id)
    strays = (SealedPart.put_at < before) & SealedPart.application_id.not_in(filed)
    count, size = _drop(session, Rejected, Rejected.at < before, "body")
    stray_count, stray_size = _drop(session, SealedPart, strays, "data")
    return count + stray_count, size + stray_size


def _drop_answers(session: Session, before: datetime, _now: datetime) -> tuple[int, int]:
    return _drop(session, GivenAnswer, GivenAnswer.at < before, "answer")


_DROPS: Final[dict[Kind, Callable[[Session, datetime, datetime], tuple[int, int]]]] = {
    Kind.DOCUMENTS: _drop_documents,
    Kind.ATTACHMENTS: _drop_attachments,
    Kind.AUDIT: audit.drop_before,
    Kind.HEARTBEATS: _drop_heartbeats,
    Kind.REJECTED: _drop_rejected,
    Kind.ANSWERS: _drop_answers,
}


def _drop(
    session: Session, table: type[Base], condition: Any, measured: str = ""
) -> tuple[int, int]:
    length: Any = func.length(getattr(table, measured)) if measured else literal(0)
    size = func.coalesce(func.sum(length), 0)
    count, bytes_ = session.execute(
        select(func.count(), size).select_from(table).where(condition)
    ).one()
    session.execute(
        delete(table).where(condition), execution_options={"synchronize_session": False}
    )
    left = session.scalar(select(func.count()).select_from(table).where(condition))
    if left:
        raise NotGone(f"{left} rows of {table.__tablename__}")
    return count, int(bytes_)


def _rewrite(engine: Engine) -> None:
    """Give the freed pages up: SQLite by a new file, PostgreSQL by new tables."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "postgresql":
            for table in Base.metadata.tables:
                connection.exec_driver_sql(f'VACUUM (FULL) "{table}"')
            return
    raw = engine.raw_connection()
    try:
        raw.execute("VACUUM")
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        raw.close()
