"""What the outbox does to its database, one transaction a command.

`Store` belongs to the thread that made it. Every method either is on disk when it returns
or raises and has changed nothing. Failures leave as `QueueError`; after an I/O error the
intake is closed, because what the disk said before can no longer be relied upon. What
settles a submission (sending, delivery, print state, purge) gets the ballast's space when the
disk is full, and so does opening.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Final, NamedTuple, ParamSpec, TypeVar

import apsw

from offline_queue.errors import QueueError, QueueFault
from offline_queue.limits import Ballast, Intake, Level, Limits, free_bytes, measure
from offline_queue.numbers import format_number, parse_number
from offline_queue.records import (
    Chain,
    Claim,
    Delivery,
    Part,
    PartHead,
    PrintState,
    QueueStatus,
    Receipt,
    Reseal,
    Saved,
    Sealed,
    State,
    Submission,
    Unprinted,
)
from offline_queue.schema import check, prepare, transaction

log = logging.getLogger(__name__)

DATABASE_NAME: Final = "outbox.db"
FIRST_PREVIOUS: Final = "0" * 64

# Above this (16 MiB) the WAL is folded back even while commands wait. Folding needs as much
# room again before it frees any, so this is well below the ballast.
_WAL_PAGES_MOST: Final = 4096
# Giving pages back writes each of them to the WAL first: little at a time for a full disk,
# and not for long, since commands may be waiting.
_VACUUM_PAGES: Final = 128
_VACUUM_ROUNDS: Final = 8
_LAST_NUMBER: Final = "number:last"
_CHAIN_HEAD: Final = "chain:head"
_SERVICE: Final = "service:s"
_RESTS: Final = "rests"  # since the start; of no meaning but that it changes
# So many numbers beyond the last one handed out are used up on the disk already, by a commit
# that was due anyway: a number costs no sync of its own. A start skips as many at most.
_NUMBERS_AHEAD: Final = 2
# After so many attempts of an earlier one the later ones of its lane go on without it.
_LANE_PATIENCE: Final = 8
# What one visit handed in lies close together; so far back an earlier one is looked for.
_LANE_SPAN: Final = 64
_PURGED_AT_ONCE: Final = 200
_DELIVERY: Final = (
    "SELECT s.id, s.number, s.state, s.saved_at, s.attempts, s.reason, s.print_state,"
    " s.case_number, s.acknowledged_at, s.digest, s.payload_bytes, s.position,"
    " s.exported_at, s.suite FROM submission AS s"
)

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


def _settling(
    method: Callable[Concatenate[Store, _P], _R],
) -> Callable[Concatenate[Store, _P], _R]:
    """A command that frees space, or that somebody waits for: on a full disk the WAL is
    folded back for it, and then the ballast given up."""
    once = _command(method)

    @wraps(method)
    def run(self: Store, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        for relief in (self.rest, self.release_ballast):
            try:
                return once(self, *args, **kwargs)
            except QueueError as error:
                if error.fault is not QueueFault.DISK_FULL:
                    raise
            self._clear = True  # the WAL's own length is room, too
            relief()
        return once(self, *args, **kwargs)

    return run


class Store:
    """The outbox's tables. One instance per file, one thread per instance."""

    def __init__(
        self,
        path: Path,
        *,
        vfs: str | None = None,
        chain: Chain | None = None,
        reseal: Reseal | None = None,
        limits: Limits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open or create the database. Raises QueueError (QU-01, QU-02, QU-04, QU-06)."""
        self.intake_open = True
        self._wal_pages = 0
        self._rests = 0
        self._loose = False  # whether the database has pages to give back
        self._clear = True  # whether the WAL may hold what an older version kept in clear
        self._fresh: set[str] = set()  # numbers handed out since the start and not saved yet
        self._handing_out = threading.Lock()
        self._chain = chain
        self._limits = limits or Limits(ballast_bytes=0)
        self._place = path.parent
        self._ballast = Ballast(path.parent, self._limits.ballast_bytes)
        self._monotonic = monotonic
        self._opened_at = monotonic()
        try:
            self._open(path, vfs, reseal)
        except QueueError as error:
            # What waits on a full disk has to get out, or the disk stays full.
            if error.fault is not QueueFault.DISK_FULL or not self._give_up_ballast():
                raise
            self._open(path, vfs, reseal)
        self._ballast.make(self._limits.free_least_bytes)

    def _open(self, path: Path, vfs: str | None, reseal: Reseal | None) -> None:
        try:
            self._db = apsw.Connection(str(path), vfs=vfs)
        except apsw.Error as error:
            raise _translate(error) from None
        try:
            prepare(self._db)
            check(self._db)
            self._db.set_wal_hook(self._on_wal)
            # Whatever was in hand when the process ended was neither sent nor not sent.
            self._db.execute("UPDATE submission SET state='waiting' WHERE state='sending'")
            self._last = self._used_up = int(self._meta(_LAST_NUMBER) or 0)
            self._last_before = self._last  # a run that hands out no number uses none up
            self._head = self._last_in_chain()
            self._clear = (
                self._row("SELECT 1 FROM submission WHERE form='plain' AND state <> 'delivered'")
                is not None
            )
            self._service_before = int(self._meta(_SERVICE) or 0)
            if reseal is not None:
                self._reseal(reseal)
            self._count, self._size = self._weigh()
            self._checkpoint()
        except apsw.Error as error:
            self.close()
            raise _translate(error) from None
        except QueueError:
            self.close()
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
        number = self.number_at_hand(terminal)
        while number is None:
            with transaction(self._db):
                self._put(_LAST_NUMBER, str(self._last + 1))
            self._used_up = self._last + 1
            number = self.number_at_hand(terminal)
        return number

    def number_at_hand(self, terminal: str) -> str | None:
        """The next number where the disk need not be asked, None else; from any thread."""
        with self._handing_out:
            if not self.intake_open or self._last >= self._used_up:
                return None
            number = format_number(terminal, self._last + 1)
            self._last += 1
            self._fresh.add(number)
        return number

    @_command
    def enqueue(self, submission: Submission | Sealed) -> Saved:
        """Keep document, parts and chain entry in one transaction."""
        self._check_intake()
        kept = _kept(submission)
        known = self._known(submission.id)
        if known is not None:
            if known != (kept.fingerprint, submission.number):
                raise QueueError(QueueFault.CONFLICT, f"id of {known[1]}")
            return self._saved(submission.id)
        if submission.number not in self._fresh:
            self._check_number(submission.number)
        with transaction(self._db):
            used_up = self._use_up_numbers()
            head, entry = self._chained(submission)
            self._db.execute(
                "INSERT INTO submission (digest, fingerprint, payload_bytes, form, suite, hash,"
                " key_id, lane, priority, position, entry_digest, id, number, state,"
                " print_state, saved_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    *_columns(submission, kept, head if entry else _Head(0, "")),
                    submission.id,
                    submission.number,
                    State.QUEUED,
                    PrintState.WANTED,
                    submission.created_at.isoformat(),
                ),
            )
            self._write_payload(self._db.last_insert_rowid(), kept, entry)
        self._head = head
        self._used_up = used_up
        self._fresh.discard(submission.number)
        self._clear = self._clear or isinstance(submission, Submission)
        self._count += 1
        self._size += kept.size
        at = submission.created_at
        return Saved(submission.id, submission.number, kept.digest, at, State.QUEUED)

    def _use_up_numbers(self) -> int:
        """Within a transaction: the last number used up once it is committed."""
        if self._last < self._used_up:
            return self._used_up
        ahead = self._last + _NUMBERS_AHEAD
        self._put(_LAST_NUMBER, str(ahead))
        return ahead

    def _chained(self, submission: Submission | Sealed) -> tuple[_Head, bytes]:
        """The chain's head once this is committed, and its entry; as before and nothing for
        what is not chained."""
        if self._chain is None or isinstance(submission, Submission):
            return self._head, b""
        position, previous = self._head
        entry, digest = self._chain(position + 1, previous, submission.id, submission.digest)
        return _Head(position + 1, digest), entry

    def _write_payload(self, seq: int, kept: _Kept, entry: bytes) -> None:
        rows = [(seq, ordinal, *row) for ordinal, row in enumerate(kept.rows)]
        if entry:  # beside the envelope it costs no page of its own
            rows.insert(0, (seq, -1, "", "", _sha256(entry), "", entry))
        self._db.executemany(
            "INSERT INTO payload (seq, ordinal, part_id, media_type, sha256, digest, data)"
            " VALUES (?,?,?,?,?,?,?)",
            rows,
        )

    def _reseal(self, reseal: Reseal) -> None:
        """Seal what an older version kept in clear, each in one transaction.

        One that cannot be sealed stays as it is and is sent as before: a resident was told
        that it is saved.
        """
        rows: list[Any] = self._db.execute(
            "SELECT seq, id, number, saved_at FROM submission"
            " WHERE form='plain' AND state <> 'delivered' ORDER BY seq"
        ).fetchall()
        for seq, id_, number, saved_at in rows:
            try:
                document, parts = self._payload("ordinal=0", id_), self._clear_parts(seq)
                at = datetime.fromisoformat(saved_at)
                sealed = reseal(Submission(id_, number, document, parts, at))
                kept = _kept(sealed)
                if (sealed.id, sealed.number) != (id_, number):
                    raise QueueError(QueueFault.REFUSED, "sealed under another name")
                with transaction(self._db):
                    head, entry = self._chained(sealed)
                    self._db.execute("DELETE FROM payload WHERE seq=?", (seq,))
                    self._db.execute(
                        "UPDATE submission SET digest=?, fingerprint=?, payload_bytes=?, form=?,"
                        " suite=?, hash=?, key_id=?, lane=?, priority=?, position=?,"
                        " entry_digest=? WHERE seq=?",
                        (*_columns(sealed, kept, head if entry else _Head(0, "")), seq),
                    )
                    self._write_payload(seq, kept, entry)
                self._head = head
            except apsw.Error:
                raise
            except Exception as error:  # noqa: BLE001 - whatever the port raises
                log.error("a submission of an older version stays unsealed: %s", _name(error))

    def _clear_parts(self, seq: int) -> tuple[Part, ...]:
        rows: list[Any] = self._db.execute(
            "SELECT part_id, media_type, data FROM payload WHERE seq=? AND ordinal>0"
            " ORDER BY ordinal",
            (seq,),
        ).fetchall()
        return tuple(Part(*row) for row in rows)

    # --- delivery

    @_settling
    def claim(self, not_yet: Collection[str]) -> Claim | None:
        """Take the next sendable submission that is not in `not_yet` (ids) in hand.

        Next is by priority, then age; one whose lane has an earlier one to send is not.
        """
        found = self._row(
            "SELECT seq, id, number, digest, attempts, suite, state FROM submission AS s"
            " WHERE state IN ('queued', 'waiting', 'accepted')"
            " AND id NOT IN (SELECT value FROM json_each(?))"
            " AND (lane = '' OR NOT EXISTS (SELECT 1 FROM submission AS e"
            "   WHERE e.seq BETWEEN s.seq - ? AND s.seq - 1 AND e.lane = s.lane"
            "   AND e.state IN ('queued', 'sending', 'waiting') AND e.attempts < ?))"
            " ORDER BY priority DESC, seq LIMIT 1",
            json.dumps(sorted(not_yet)),
            _LANE_SPAN,
            _LANE_PATIENCE,
        )
        if found is None:
            return None
        seq, id_, number, digest, attempts, suite, state = found
        heads = tuple(
            PartHead(*row)
            for row in self._db.execute(
                "SELECT part_id, media_type, coalesce(nullif(digest, ''), sha256), length(data)"
                " FROM payload WHERE seq=? AND ordinal>0 ORDER BY ordinal",
                (seq,),
            )
        )
        self._db.execute(
            "UPDATE submission SET state='sending', attempts=attempts+1 WHERE seq=?", (seq,)
        )
        asked = state == State.ACCEPTED
        return Claim(id_, number, digest, heads, attempts + 1, suite, asked)

    @_command
    def handover(self, id_: str) -> bytes:
        """What is posted: the document, or chain entry and envelope around sealed parts.

        Raises QueueError: QU-08 when it is gone, QU-06 when the disk changed it.
        """
        data = self._payload("ordinal=0", id_)
        form, position = self._row("SELECT form, position FROM submission WHERE id=?", id_) or (
            "plain",
            0,
        )
        if form == "plain":
            return data
        entry = self._payload("ordinal=-1", id_) if position else b"null"
        return b'{"chain":' + entry + b',"envelope":' + data + b"}"

    @_command
    def document(self, id_: str) -> bytes:
        """The document's or the envelope's bytes. Raises QueueError as `handover` does."""
        return self._payload("ordinal=0", id_)

    @_command
    def part(self, id_: str, part_id: str) -> bytes:
        """One part's bytes. Raises QueueError as `handover` does."""
        return self._payload("ordinal>0 AND part_id=?", id_, part_id)

    @_settling
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

    @_settling
    def delivered(self, id_: str, receipt: Receipt) -> bool:
        """Record the delivery and drop the payload, in one transaction; False when it was
        recorded before, or there is none of this id."""
        with transaction(self._db):
            row = self._row(
                "UPDATE submission SET state='delivered', reason='', case_number=?, sequence=?,"
                " acknowledged_at=?, settled_s=? WHERE id=? AND state <> 'delivered'"
                " RETURNING seq, payload_bytes, form",
                receipt.case_number,
                receipt.sequence,
                receipt.received_at,
                self._service_s(),
                id_,
            )
            if row is not None:
                # Sealed bytes need no overwriting, and a full disk has no room for it.
                self._db.execute(f"PRAGMA secure_delete={'ON' if row[2] == 'plain' else 'OFF'}")
                self._db.execute("DELETE FROM payload WHERE seq=?", (row[0],))
                self._put("acknowledged:last", receipt.received_at)
                self._put(_SERVICE, str(self._service_s()))
        if row is None:
            return False
        self._count -= 1
        self._size -= row[1]
        return True

    @_settling
    def purge(self) -> int:
        """Turn delivered rows that are old enough into tombstones, some at a time; how many.

        Age is time in service: a wall clock that jumped years ahead purges nothing.
        """
        before = self._service_s() - self._limits.keep_delivered_s
        with transaction(self._db):
            self._put(_SERVICE, str(self._service_s()))
            rows = self._db.execute(
                "SELECT seq, id, number, digest, fingerprint, position, saved_at, acknowledged_at"
                " FROM submission WHERE state = 'delivered' AND settled_s <= ?"
                " ORDER BY settled_s LIMIT ?",
                (before, _PURGED_AT_ONCE),
            ).fetchall()
            if rows:  # the row that holds the chain's head may be among them
                self._put(_CHAIN_HEAD, f"{self._head.position} {self._head.digest}")
            for seq, *kept in rows:
                self._db.execute("INSERT INTO tombstone VALUES (?,?,?,?,?,?,?)", kept)
                self._db.execute("DELETE FROM submission WHERE seq=?", (seq,))
        return len(rows)

    @_settling
    def requeue(self, number: str) -> bool:
        """Send a quarantined submission again; False when there is none of this number."""
        self._db.execute(
            "UPDATE submission SET state='waiting', reason='', attempts=0"
            " WHERE number=? AND state='quarantined'",
            (number,),
        )
        return self._db.changes() == 1

    @_settling
    def mark_exported(self, ids: Collection[str], at: str) -> None:
        """Remember that these were written to a stick; they stay until acknowledged."""
        with transaction(self._db):
            for id_ in ids:
                self._db.execute("UPDATE submission SET exported_at=? WHERE id=?", (at, id_))

    # --- room

    def intake(self) -> Intake:
        """Whether another visit may begin that ends in a submission."""
        if not self.intake_open:
            return Intake(Level.CLOSED, QueueFault.IO_ERROR.code)
        if not self._ballast.whole:
            self.rest()  # what was delivered meanwhile may have left room
        if not self._ballast.make(self._limits.free_least_bytes):
            return Intake(Level.CLOSED, QueueFault.DISK_FULL.code)
        free = free_bytes(self._place)
        return measure(self._limits, count=self._count, size=self._size, free=free)

    def release_ballast(self) -> None:
        """Give the ballast's space to the disk, and fold the WAL back while there is some:
        that takes room in the database before it frees the WAL's."""
        if self._give_up_ballast():
            self.rest()

    def _give_up_ballast(self) -> bool:
        given_up = self._ballast.release()
        if given_up:
            log.error("the disk is full; the ballast is given up")
        return given_up

    def _last_in_chain(self) -> _Head:
        kept, _, digest = (self._meta(_CHAIN_HEAD) or f"0 {FIRST_PREVIOUS}").partition(" ")
        row = self._row(
            "SELECT position, entry_digest FROM submission ORDER BY position DESC LIMIT 1"
        )
        return max(_Head(int(kept), digest), _Head(*row) if row is not None else _Head())

    def _weigh(self) -> tuple[int, int]:
        count, size = self._row(
            "SELECT count(*), coalesce(sum(payload_bytes), 0) FROM submission"
            " WHERE state <> 'delivered'"
        ) or (0, 0)
        return count, size

    def _service_s(self) -> int:
        """Seconds that this outbox was open in its life; no clock of the wall is asked."""
        return self._service_before + int(self._monotonic() - self._opened_at)

    # --- what is known

    @_settling
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
        row = self._row(f"{_DELIVERY} WHERE s.number=?", number)
        if row is not None:
            return _delivery(row)
        left = self._row(
            "SELECT id, digest, position, saved_at, acknowledged_at FROM tombstone WHERE number=?",
            number,
        )
        if left is None:
            return None
        id_, digest, position, saved_at, at = left
        return Delivery(
            id_,
            number,
            State.PURGED,
            datetime.fromisoformat(saved_at),
            attempts=0,
            reason="",
            print_state=PrintState.PRINTED,
            case_number="",
            acknowledged_at=at,
            digest=digest,
            position=position,
        )

    @_command
    def listing(self, states: Collection[State], most: int, after: str) -> list[Delivery]:
        """Up to `most` rows in one of `states`, oldest first, from behind number `after`."""
        marks = ",".join("?" * len(states))
        rows = self._db.execute(
            f"{_DELIVERY} WHERE s.state IN ({marks})"
            " AND s.seq > coalesce((SELECT seq FROM submission WHERE number=?), 0)"
            " ORDER BY s.seq LIMIT ?",
            (*(State(state).value for state in states), after, most),
        )
        return [_delivery(row) for row in rows]

    @_command
    def digest_of(self, id_: str) -> tuple[str, State] | None:
        """Digest and state of what has this id, None where there is none."""
        row = self._row(
            "SELECT digest, state FROM submission WHERE id=?"
            " UNION ALL SELECT digest, 'purged' FROM tombstone WHERE id=?",
            id_,
            id_,
        )
        return None if row is None else (row[0], State(row[1]))

    @_command
    def part_heads(self, id_: str) -> list[tuple[str, str, int]]:
        """Name, SHA-256 and size of each part, by ordinal."""
        rows: list[Any] = self._db.execute(
            "SELECT part_id, sha256, length(data) FROM payload WHERE ordinal > 0"
            " AND seq = (SELECT seq FROM submission WHERE id=?) ORDER BY ordinal",
            (id_,),
        ).fetchall()
        return rows

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
        counts[State.PURGED] = self._scalar("SELECT count(*) FROM tombstone")
        keys = self._db.execute(
            "SELECT DISTINCT key_id FROM submission"
            " WHERE state <> 'delivered' AND key_id <> '' ORDER BY key_id"
        )
        intake = self.intake()
        return QueueStatus(
            counts,
            age,
            size,
            self._meta("acknowledged:last") or "",
            intake.open,
            intake,
            tuple(key for (key,) in keys),
        )

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
        return self._wal_pages > 0 or self._loose

    @property
    def must_rest(self) -> bool:
        """Whether the WAL has grown so long that commands must wait for `rest`."""
        return self._wal_pages > _WAL_PAGES_MOST

    def rest(self) -> None:
        """Fold the WAL into the database and give some free pages back; between commands.

        The WAL keeps its length and its next round is begun here, so that the next commit
        costs one sync and not three; unless it may hold something in clear or the disk is
        full. Failures here lose nothing and show at the next command.
        """
        try:
            self._checkpoint()  # first: on a full disk it makes the room for what follows
            for _ in range(_VACUUM_ROUNDS):
                if not self._loose:
                    break
                self._db.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()
                self._checkpoint()
            if not self._clear:
                self._begin_wal()
        except apsw.Error as error:
            self._wal_pages, self._loose = 0, False
            if _translate(error).fault in _CLOSES_INTAKE:
                self.intake_open = False

    def _begin_wal(self) -> None:
        """Commit something small: the first commit of a WAL syncs its header as well."""
        self._rests += 1
        with transaction(self._db):
            # What is as it was would not be written.
            self._put(_RESTS, str(self._rests))
            used_up = self._use_up_numbers() if self._last > self._last_before else self._used_up
        self._used_up = used_up
        self._wal_pages = 0

    def _checkpoint(self) -> None:
        mode = "TRUNCATE" if self._clear else "PASSIVE"
        self._db.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        self._wal_pages = 0
        self._loose = self._scalar("PRAGMA freelist_count") > 0

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
        if str(parsed) != number or parsed.running > self._last:
            raise QueueError(QueueFault.REFUSED, "this number was never reserved")
        taken = self._row(
            "SELECT 1 FROM submission WHERE number=? UNION ALL"
            " SELECT 1 FROM tombstone WHERE number=?",
            number,
            number,
        )
        if taken is not None:
            raise QueueError(QueueFault.CONFLICT, "this number is taken by another id")

    def _known(self, id_: str) -> tuple[str, str] | None:
        """Fingerprint and number of what has this id."""
        return self._row(
            "SELECT fingerprint, number FROM submission WHERE id=?"
            " UNION ALL SELECT fingerprint, number FROM tombstone WHERE id=?",
            id_,
            id_,
        )

    def _saved(self, id_: str) -> Saved:
        row = self._row(
            "SELECT id, number, digest, saved_at, state FROM submission WHERE id=? UNION ALL"
            " SELECT id, number, digest, saved_at, 'purged' FROM tombstone WHERE id=?",
            id_,
            id_,
        )
        if row is None:
            raise QueueError(QueueFault.ABSENT, "no submission of this id")
        return Saved(row[0], row[1], row[2], datetime.fromisoformat(row[3]), State(row[4]))

    def _payload(self, condition: str, *args: str) -> bytes:
        row = self._row(
            "SELECT data, sha256 FROM payload WHERE"
            f" seq=(SELECT seq FROM submission WHERE id=?) AND {condition}",
            *args,
        )
        if row is None:
            raise QueueError(QueueFault.ABSENT, "the payload is gone")
        data: bytes = row[0]
        # Pages have no checksum: a disk that changed a byte would go unseen.
        if hashlib.sha256(data).hexdigest() != row[1]:
            raise QueueError(QueueFault.UNREADABLE, "the disk changed a payload")
        return data

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


class _Head(NamedTuple):
    """The last entry of the chain."""

    position: int = 0
    digest: str = FIRST_PREVIOUS


@dataclass(frozen=True, slots=True)
class _Kept:
    """A submission as rows: (part id, media type, SHA-256, digest on the wire, data)."""

    rows: tuple[tuple[str, str, str, str, bytes], ...]
    digest: str
    fingerprint: str  # of everything that may not change: tells a repeat from a conflict
    size: int


def _kept(submission: Submission | Sealed) -> _Kept:
    if submission.created_at.tzinfo is None:
        raise QueueError(QueueFault.REFUSED, "created_at without a time zone")
    if isinstance(submission, Sealed):
        return _kept_sealed(submission)
    if len({part.id for part in submission.parts}) != len(submission.parts):
        raise QueueError(QueueFault.REFUSED, "two parts of one id")
    digest = _sha256(submission.document)
    rows = (
        ("", "", digest, "", submission.document),
        *((p.id, p.media_type, _sha256(p.data), "", p.data) for p in submission.parts),
    )
    heads = [text for row in rows[1:] for text in row[:3]]
    return _Kept(rows, digest, _fingerprint(digest, *heads), _size(rows))


def _columns(submission: Submission | Sealed, kept: _Kept, head: _Head) -> tuple[str | int, ...]:
    """What a row says of a submission's content: digest to entry_digest, in this order."""
    if isinstance(submission, Submission):
        sealing: tuple[str | int, ...] = ("plain", "", "sha256", "", "", 0)
    else:
        one = submission
        sealing = ("sealed", one.suite, one.hash, one.key_id, one.lane, one.priority)
    return (kept.digest, kept.fingerprint, kept.size, *sealing, head.position, head.digest)


def _kept_sealed(sealed: Sealed) -> _Kept:
    media_type = "application/octet-stream"
    rows = (
        ("", "", _sha256(sealed.envelope), sealed.digest, sealed.envelope),
        *(
            (str(ordinal), media_type, _sha256(part.data), part.digest, part.data)
            for ordinal, part in enumerate(sealed.parts)
        ),
    )
    if sealed.hash == "sha256" and any(row[2] != row[3] for row in rows):
        raise QueueError(QueueFault.REFUSED, "a digest does not fit its bytes")
    digests = [text for row in rows for text in row[2:4]]
    return _Kept(rows, sealed.digest, _fingerprint(sealed.hash, *digests), _size(rows))


def _size(rows: tuple[tuple[str, str, str, str, bytes], ...]) -> int:
    return sum(len(row[4]) for row in rows)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _fingerprint(first: str, *texts: str) -> str:
    # Framed like this since schema 1; another way would turn every repeat into a conflict.
    whole = hashlib.sha256(first.encode())
    for text in texts:
        raw = text.encode()
        whole.update(len(raw).to_bytes(4, "big") + raw)
    return whole.hexdigest()


def _delivery(row: tuple[Any, ...]) -> Delivery:
    id_, number, state, saved_at, attempts, reason, print_state, *rest = row
    return Delivery(
        id_,
        number,
        State(state),
        datetime.fromisoformat(saved_at),
        attempts,
        reason,
        PrintState(print_state),
        *rest,
    )


def _name(error: Exception) -> str:
    return getattr(error, "code", type(error).__name__)
