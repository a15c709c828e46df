"""What the outbox does to its database, one transaction a command.

`Store` belongs to the thread that made it. Every method either is on disk when it returns
or raises and has changed nothing. Failures leave as `QueueError`; after an I/O error the
intake is closed, because what the disk said before can no longer be relied upon.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import apsw

from offline_queue.errors import QueueError, QueueFault
from offline_queue.numbers import format_number, parse_number
from offline_queue.records import (
    Claim,
    Delivery,
    PartHead,
    PrintState,
    QueueStatus,
    Receipt,
    Saved,
    State,
    Submission,
    Unprinted,
)
from offline_queue.schema import prepare, transaction

DATABASE_NAME: Final = "outbox.db"

# Above this the WAL is folded back even while commands wait: 64 MiB of disk is enough.
_WAL_PAGES_MOST: Final = 8192
_LAST_NUMBER: Final = "number:last"
_SENDABLE: Final = (State.QUEUED, State.WAITING, State.ACCEPTED)

# What the engine reports, and what that means to the outbox. First match wins.
_FAULTS: Final = (
    (apsw.FullError, QueueFault.DISK_FULL),
    (apsw.IOError, QueueFault.IO_ERROR),
    (apsw.CantOpenError, QueueFault.IO_ERROR),
    (apsw.ReadOnlyError, QueueFault.IO_ERROR),
    (apsw.BusyError, QueueFault.LOCKED),
    (apsw.CorruptError, QueueFault.UNREADABLE),
    (apsw.NotADBError, QueueFault.UNREADABLE),
)
_CLOSES_INTAKE: Final = frozenset({QueueFault.IO_ERROR, QueueFault.UNREADABLE})

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _translate(error: apsw.Error) -> QueueError:
    for kind, fault in _FAULTS:
        if isinstance(error, kind):
            # The extended code says which call failed (such as 1034: fsync); the message
            # may name a path and stays out.
            return QueueError(fault, f"SQLite {getattr(error, 'extendedresult', 0)}")
    return QueueError(QueueFault.REFUSED, type(error).__name__)


def _command(
    method: Callable[Concatenate[Store, _P], _R],
) -> Callable[Concatenate[Store, _P], _R]:
    """One command of the store: engine errors become `QueueError`."""

    @wraps(method)
    def run(self: Store, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return method(self, *args, **kwargs)
        except apsw.Error as error:
            fault = _translate(error)
            if fault.fault in _CLOSES_INTAKE:
                self.intake_open = False
            raise fault from None

    return run


class Store:
    """The outbox's tables. One instance per file, one thread per instance."""

    def __init__(self, path: Path, *, vfs: str | None = None) -> None:
        """Open or create the database. Raises QueueError (QU-01, QU-02, QU-04, QU-06)."""
        self.intake_open = True
        self._wal_pages = 0
        try:
            self._db = apsw.Connection(str(path), vfs=vfs)
        except apsw.Error as error:
            raise _translate(error) from None
        try:
            prepare(self._db)
            self._db.set_wal_hook(self._on_wal)
            # Whatever was in hand when the process ended was neither sent nor not sent.
            self._db.execute("UPDATE submission SET state='waiting' WHERE state='sending'")
            self._checkpoint("TRUNCATE")
        except apsw.Error as error:
            self._db.close()
            raise _translate(error) from None
        except QueueError:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the database; never raises."""
        try:
            self._db.close()
        except apsw.Error:
            # Nothing is owed: every command was on disk when it returned.
            self._db.close(True)

    # --- intake

    @_command
    def reserve_number(self, terminal: str) -> str:
        """The next number of this terminal, used up from now on."""
        self._check_intake()
        with transaction(self._db):
            running = self._last_number() + 1
            self._put(_LAST_NUMBER, str(running))
        return format_number(terminal, running)

    @_command
    def enqueue(self, submission: Submission) -> Saved:
        """Keep document and parts in one transaction."""
        self._check_intake()
        heads, digest = _heads(submission)
        fingerprint = _fingerprint(digest, heads)
        known = self._row("SELECT fingerprint, number FROM submission WHERE id=?", submission.id)
        if known is not None:
            if known != (fingerprint, submission.number):
                raise QueueError(QueueFault.CONFLICT, f"id of {known[1]}")
            return self._saved(submission.id)
        self._check_number(submission.number)
        size = len(submission.document) + sum(head.size for head in heads)
        with transaction(self._db):
            seq = self._scalar(
                "INSERT INTO submission (id, number, digest, fingerprint, state, print_state,"
                " saved_at, payload_bytes) VALUES (?,?,?,?,?,?,?,?) RETURNING seq",
                submission.id,
                submission.number,
                digest,
                fingerprint,
                State.QUEUED,
                PrintState.WANTED,
                submission.created_at.isoformat(),
                size,
            )
            insert = "INSERT INTO payload VALUES (?,?,?,?,?,?)"
            self._db.execute(insert, (seq, 0, "", "", digest, submission.document))
            for ordinal, (head, part) in enumerate(
                zip(heads, submission.parts, strict=True), start=1
            ):
                row = (seq, ordinal, head.id, head.media_type, head.sha256, part.data)
                self._db.execute(insert, row)
        return self._saved(submission.id)

    # --- delivery

    @_command
    def claim(self, not_yet: Collection[str]) -> Claim | None:
        """Take the oldest sendable submission that is not in `not_yet` (ids) in hand."""
        marks = ",".join("?" * len(_SENDABLE))
        rows = self._db.execute(
            "SELECT seq, id, number, digest, attempts FROM submission"
            f" WHERE state <> 'delivered' AND state IN ({marks}) ORDER BY seq",
            _SENDABLE,
        )
        found = next((row for row in rows if row[1] not in not_yet), None)
        rows.close()
        if found is None:
            return None
        seq, id_, number, digest, attempts = found
        heads = tuple(
            PartHead(*row)
            for row in self._db.execute(
                "SELECT part_id, media_type, sha256, length(data) FROM payload"
                " WHERE seq=? AND ordinal>0 ORDER BY ordinal",
                (seq,),
            )
        )
        self._db.execute(
            "UPDATE submission SET state='sending', attempts=attempts+1 WHERE seq=?", (seq,)
        )
        return Claim(id_, number, digest, heads, attempts + 1)

    @_command
    def document(self, id_: str) -> bytes:
        """The document's bytes. Raises QueueError (QU-08) when they are gone."""
        return self._payload("ordinal=0", id_)

    @_command
    def part(self, id_: str, part_id: str) -> bytes:
        """One part's bytes. Raises QueueError (QU-08) when they are gone."""
        return self._payload("ordinal>0 AND part_id=?", id_, part_id)

    @_command
    def put_back(self, id_: str, state: State, reason: str, *, counted: bool = True) -> None:
        """End an attempt without delivery: `state` is waiting, accepted or quarantined.

        An attempt that is not `counted` says nothing about the submission.
        """
        if state not in (State.WAITING, State.ACCEPTED, State.QUARANTINED):
            raise QueueError(QueueFault.REFUSED, f"{state} is no way to put back")
        self._db.execute(
            "UPDATE submission SET state=?, reason=?, attempts=attempts-?"
            " WHERE id=? AND state='sending'",
            (state, reason, 0 if counted else 1, id_),
        )

    @_command
    def delivered(self, id_: str, receipt: Receipt) -> None:
        """Record the delivery and drop the payload, in one transaction."""
        with transaction(self._db):
            self._db.execute(
                "UPDATE submission SET state='delivered', reason='', case_number=?, sequence=?,"
                " acknowledged_at=? WHERE id=? AND state <> 'delivered'",
                (receipt.case_number, receipt.sequence, receipt.received_at, id_),
            )
            if self._db.changes() == 1:
                self._db.execute(
                    "DELETE FROM payload WHERE seq=(SELECT seq FROM submission WHERE id=?)",
                    (id_,),
                )
                self._put("acknowledged:last", receipt.received_at)

    @_command
    def requeue(self, number: str) -> bool:
        """Send a quarantined submission again; False when there is none of this number."""
        self._db.execute(
            "UPDATE submission SET state='waiting', reason=''"
            " WHERE number=? AND state='quarantined'",
            (number,),
        )
        return self._db.changes() == 1

    # --- what is known

    @_command
    def set_print_state(self, number: str, state: PrintState) -> None:
        """Remember what became of the receipt. Raises QueueError (QU-08) without one."""
        self._db.execute(
            "UPDATE submission SET print_state=? WHERE number=?", (PrintState(state), number)
        )
        if self._db.changes() != 1:
            raise QueueError(QueueFault.ABSENT, "no submission of this number")

    @_command
    def unprinted(self, states: Collection[PrintState]) -> list[Unprinted]:
        """Submissions whose receipt is in one of `states`, oldest first."""
        wanted = {PrintState(state).value for state in states}
        return [
            Unprinted(number, datetime.fromisoformat(saved_at), State(state))
            for number, saved_at, state, print_state in self._db.execute(
                "SELECT number, saved_at, state, print_state FROM submission"
                " WHERE print_state <> 'printed' ORDER BY seq"
            )
            if print_state in wanted
        ]

    @_command
    def delivery(self, number: str) -> Delivery | None:
        """How far the submission of this number has come."""
        row = self._row(
            "SELECT id, number, state, saved_at, attempts, reason, print_state, case_number,"
            " acknowledged_at FROM submission WHERE number=?",
            number,
        )
        if row is None:
            return None
        id_, number, state, saved_at, attempts, reason, print_state, case, at = row
        return Delivery(
            id_,
            number,
            State(state),
            datetime.fromisoformat(saved_at),
            attempts,
            reason,
            PrintState(print_state),
            case,
            at,
        )

    @_command
    def status(self, now: datetime) -> QueueStatus:
        """Figures about the whole queue; `now` is aware civil time, for the oldest's age."""
        counts = dict.fromkeys(State, 0)
        size = 0
        for state, number, weight in self._db.execute(
            "SELECT state, count(*), sum(payload_bytes) FROM submission GROUP BY state"
        ):
            counts[State(state)] = number
            if state != State.DELIVERED:
                size += weight
        oldest = self._scalar(
            "SELECT saved_at FROM submission WHERE state <> 'delivered' ORDER BY seq LIMIT 1"
        )
        # A clock that was set back must not show a negative age.
        age = (
            None
            if oldest is None
            else max(0.0, (now - datetime.fromisoformat(oldest)).total_seconds())
        )
        last = self._meta("acknowledged:last") or ""
        return QueueStatus(counts, age, size, last, self.intake_open)

    @_command
    def get_meta(self, key: str) -> str | None:
        """A value that the application keeps beside the queue."""
        return self._meta(f"app:{key}")

    @_command
    def put_meta(self, key: str, value: str) -> None:
        """Keep a small value durably. Raises QueueError when the intake is closed."""
        self._check_intake()
        self._put(f"app:{key}", value)

    # --- housekeeping

    @property
    def needs_rest(self) -> bool:
        """Whether `rest` has something to do."""
        return self._wal_pages > 0

    @property
    def must_rest(self) -> bool:
        """Whether the WAL has grown so long that commands must wait for `rest`."""
        return self._wal_pages > _WAL_PAGES_MOST

    def rest(self) -> None:
        """Fold the WAL into the database and give free pages back; between commands.

        Truncating also takes deleted payloads out of the WAL. Failures here lose nothing
        and show at the next command.
        """
        try:
            self._checkpoint("TRUNCATE")
        except apsw.Error as error:
            self._wal_pages = 0
            if _translate(error).fault in _CLOSES_INTAKE:
                self.intake_open = False

    def _checkpoint(self, mode: str) -> None:
        free = self._scalar("PRAGMA freelist_count")
        if isinstance(free, int) and free > 0:
            self._db.execute("PRAGMA incremental_vacuum").fetchall()
        self._db.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        self._wal_pages = 0

    def _on_wal(self, _db: apsw.Connection, _name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _check_intake(self) -> None:
        if not self.intake_open:
            raise QueueError(QueueFault.IO_ERROR, "closed by an earlier error")

    def _check_number(self, number: str) -> None:
        try:
            parsed = parse_number(number)
        except ValueError as error:
            raise QueueError(QueueFault.REFUSED, str(error)) from None
        if str(parsed) != number or parsed.running > self._last_number():
            raise QueueError(QueueFault.REFUSED, "this number was never reserved")
        if self._row("SELECT 1 FROM submission WHERE number=?", number) is not None:
            raise QueueError(QueueFault.CONFLICT, "this number is taken by another id")

    def _saved(self, id_: str) -> Saved:
        row = self._row(
            "SELECT id, number, digest, saved_at, state FROM submission WHERE id=?", id_
        )
        if row is None:
            raise QueueError(QueueFault.ABSENT, "no submission of this id")
        return Saved(row[0], row[1], row[2], datetime.fromisoformat(row[3]), State(row[4]))

    def _payload(self, condition: str, *args: str) -> bytes:
        data = self._scalar(
            "SELECT data FROM payload WHERE"
            f" seq=(SELECT seq FROM submission WHERE id=?) AND {condition}",
            *args,
        )
        if not isinstance(data, bytes):
            raise QueueError(QueueFault.ABSENT, "the payload is gone")
        return data

    def _last_number(self) -> int:
        return int(self._meta(_LAST_NUMBER) or 0)

    def _meta(self, key: str) -> str | None:
        value: str | None = self._scalar("SELECT value FROM meta WHERE key=?", key)
        return value

    def _put(self, key: str, value: str) -> None:
        self._db.execute(
            "INSERT INTO meta VALUES (?,?) ON CONFLICT (key) DO UPDATE SET value=excluded.value",
            (key, value),
        )

    def _row(self, sql: str, *args: Any) -> tuple[Any, ...] | None:
        cursor = self._db.execute(sql, args)
        row = cursor.fetchone()
        cursor.close()
        return row

    def _scalar(self, sql: str, *args: Any) -> Any:
        row = self._row(sql, *args)
        return None if row is None else row[0]


def _heads(submission: Submission) -> tuple[tuple[PartHead, ...], str]:
    if len({part.id for part in submission.parts}) != len(submission.parts):
        raise QueueError(QueueFault.REFUSED, "two parts of one id")
    if submission.created_at.tzinfo is None:
        raise QueueError(QueueFault.REFUSED, "created_at without a time zone")
    heads = tuple(
        PartHead(p.id, p.media_type, hashlib.sha256(p.data).hexdigest(), len(p.data))
        for p in submission.parts
    )
    return heads, hashlib.sha256(submission.document).hexdigest()


def _fingerprint(digest: str, heads: tuple[PartHead, ...]) -> str:
    whole = hashlib.sha256(digest.encode())
    for head in heads:
        for text in (head.id, head.media_type, head.sha256):
            raw = text.encode()
            whole.update(len(raw).to_bytes(4, "big") + raw)
    return whole.hexdigest()
