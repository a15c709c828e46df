"""The audit trail: who did what to which case, and it only grows.

Each entry carries the digest of the one before it, so that a line that is taken out, changed
or put in shows. The database refuses to change an entry or to drop one; when the trail's own
time is over, its beginning goes after an anchor has said how it ended (see the migrations).
Nothing personal is in an entry: it names case numbers, terminals and operators.

Lock order: whoever counts anything else in the same transaction appends last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from central_backend.database import AuditAnchor, AuditEntry, Counter, next_value

_NOTHING_BEFORE: Final = "0" * 64
_COUNTER: Final = "audit"


class Broken(NamedTuple):
    """Where the trail does not fit."""

    sequence: int
    why: str


def append(
    session: Session,
    *,
    at: datetime,
    actor: str,
    action: str,
    subject: str = "",
    detail: Mapping[str, str | int] | None = None,
) -> None:
    """Add one entry; it is there when the caller's transaction is."""
    sequence = next_value(session, _COUNTER)
    entry = AuditEntry(
        sequence=sequence,
        at=at.astimezone(UTC).isoformat(),
        actor=actor,
        action=action,
        subject=subject,
        detail=json.dumps(dict(detail or {}), sort_keys=True, ensure_ascii=False),
        previous=_digest_before(session, sequence),
    )
    entry.digest = _digest_of(entry)
    session.add(entry)
    session.flush()


def first_break(session: Session) -> Broken | None:
    """Where the trail was changed; None when every entry fits."""
    anchor = _anchor(session)
    expected = anchor.digest if anchor is not None else _NOTHING_BEFORE
    sequence = anchor.through if anchor is not None else 0
    for entry in session.scalars(
        select(AuditEntry).order_by(AuditEntry.sequence).execution_options(yield_per=1000)
    ):
        sequence += 1
        if entry.sequence != sequence:
            return Broken(sequence, "an entry is missing")
        if entry.previous != expected:
            return Broken(sequence, "it does not follow the entry before it")
        if entry.digest != _digest_of(entry):
            return Broken(sequence, "it was changed")
        expected = entry.digest
    counter = session.get(Counter, _COUNTER)
    if counter is not None and counter.value != sequence:
        return Broken(sequence + 1, "the end is missing")
    return None


def drop_before(session: Session, before: datetime, at: datetime) -> tuple[int, int]:
    """Delete the beginning of the trail, up to `before`; how many entries and bytes."""
    last = session.scalars(
        select(AuditEntry)
        .where(AuditEntry.at < before.astimezone(UTC).isoformat())
        .order_by(AuditEntry.sequence.desc())
        .limit(1)
    ).first()
    if last is None:
        return 0, 0
    old = AuditEntry.sequence <= last.sequence
    count, size = session.execute(
        select(func.count(), func.coalesce(func.sum(func.length(AuditEntry.detail)), 0)).where(old)
    ).one()
    session.add(
        AuditAnchor(through=last.sequence, digest=last.digest, at=at.astimezone(UTC).isoformat())
    )
    session.flush()
    session.execute(delete(AuditEntry).where(old), execution_options={"synchronize_session": False})
    return count, size


def _anchor(session: Session) -> AuditAnchor | None:
    return session.scalars(
        select(AuditAnchor).order_by(AuditAnchor.through.desc()).limit(1)
    ).first()


def _digest_before(session: Session, sequence: int) -> str:
    before = session.scalar(select(AuditEntry.digest).where(AuditEntry.sequence == sequence - 1))
    if before is not None:
        return before
    anchor = _anchor(session)
    return anchor.digest if anchor is not None else _NOTHING_BEFORE


def _digest_of(entry: AuditEntry) -> str:
    said = [
        entry.sequence,
        entry.at,
        entry.actor,
        entry.action,
        entry.subject,
        entry.detail,
        entry.previous,
    ]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()
