"""Histories of a store on a disk in memory, and what every power cut in them leaves.

At each call that SQLite makes, states are drawn that a cut at this moment could leave. Each
new one is recovered by SQLite itself, and what it then holds must be what the store held
before the command that was under way or what it holds after it, nothing else: that is, nothing
acknowledged is missing, nothing is half there, no number comes twice. Each picture of pages
that was not seen before is checked page by page and opened with the production store, which
must give every submission back byte for byte and the chain without a gap.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

import apsw
from memory_disk import Image, MemoryDisk

from offline_queue import (
    Limits,
    Part,
    PrintState,
    QueueError,
    Receipt,
    Sealed,
    SealedPart,
    State,
    Submission,
    parse_number,
)
from offline_queue.schema import APPLICATION_ID, MIGRATIONS
from offline_queue.store import DATABASE_NAME, FIRST_PREVIOUS, Store

TERMINAL: Final = "LW042"
WAL_NAME: Final = f"{DATABASE_NAME}-wal"
AT: Final = datetime(2026, 5, 10, 9, 0, tzinfo=UTC)
LIMITS: Final = Limits(ballast_bytes=0, free_least_bytes=0, keep_delivered_s=0)
RECEIPT: Final = Receipt("2026000001", 1, AT.isoformat())
_SIZES: Final = (40, 700, 5000)
_TABLES: Final = ("meta", "submission", "payload", "tombstone")


class Broken(AssertionError):
    """A promise that a power cut broke: "lost", "torn" or "doubled"."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(f"{kind}: {why}")
        self.kind = kind


def hexed(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def chain(index: int, previous: str, id_: str, digest: str) -> tuple[bytes, str]:
    """A chain entry without a signature."""
    entry = json.dumps([index, previous, id_, digest]).encode()
    return entry, hexed(entry)


def sealed(number: str, chance: Random) -> Sealed:
    """Something sealed, of one of several sizes."""
    id_ = chance.randbytes(16).hex()
    envelope = json.dumps({"id": id_, "n": chance.randbytes(150).hex()}).encode()
    data = [chance.randbytes(chance.choice(_SIZES)) for _ in range(chance.randrange(3))]
    parts = tuple(SealedPart(one, hexed(one)) for one in data)
    lane = chance.choice(("", "", "visit"))
    return Sealed(id_, number, envelope, hexed(envelope), parts, AT, key_id="k", lane=lane)


def seal_clear(clear: Submission) -> Sealed:
    """Stands in for sealing: other bytes, the same for the same submission."""
    parts = tuple(
        SealedPart(one, hexed(one))
        for one in (clear.document[::-1], *(part.data + b"!" for part in clear.parts))
    )
    envelope = json.dumps({"id": clear.id}).encode()
    return Sealed(clear.id, clear.number, envelope, hexed(envelope), parts, AT, key_id="k")


def open_store(path: Path, vfs: str | None, kind: type[Store] = Store) -> Store:
    """The production store as the terminal opens it."""
    return kind(path, vfs=vfs, chain=chain, reseal=seal_clear, limits=LIMITS, monotonic=_still)


def _still() -> float:
    return 0.0


class Kept:
    """What was promised so far; a command that is under way counts as neither."""

    def __init__(self) -> None:
        self.saved: dict[str, Sealed | Submission] = {}
        self.under_way: set[str] = set()  # an enqueue or a delivery that has begun
        self.arrived: set[str] = set()
        self.numbers = 0

    def check(self, store: Store) -> None:
        """Raise Broken unless `store` keeps every promise."""
        for id_, kept in self.saved.items():
            told = store.digest_of(id_)
            if told is None:
                raise Broken("lost", "a submission that was saved is not there")
            if told[1] in (State.DELIVERED, State.PURGED):
                if id_ not in self.arrived and id_ not in self.under_way:
                    raise Broken("lost", "it counts as delivered and never was")
                continue
            self._check_bytes(store, kept if isinstance(kept, Sealed) else seal_clear(kept))
        number = parse_number(store.reserve_number(TERMINAL)).running
        if number <= self.numbers:
            raise Broken("doubled", f"the number {number} is handed out twice")
        self._check_chain(store)

    @staticmethod
    def _check_bytes(store: Store, kept: Sealed) -> None:
        try:
            posted = json.loads(store.handover(kept.id))["envelope"]
            parts = [store.part(kept.id, str(n)) for n in range(len(kept.parts))]
        except QueueError as error:
            raise Broken("torn", str(error)) from None
        if json.dumps(posted).encode() != kept.envelope:
            raise Broken("torn", "another envelope")
        if parts != [part.data for part in kept.parts]:
            raise Broken("torn", "other parts")

    @staticmethod
    def _check_chain(store: Store) -> None:
        rows: list[Any] = store._db.execute(
            "SELECT s.position, s.id, s.digest, s.entry_digest, p.data FROM submission s"
            " LEFT JOIN payload p ON p.seq = s.seq AND p.ordinal = -1 WHERE s.position > 0"
            " UNION ALL SELECT position, id, digest, '', NULL FROM tombstone WHERE position > 0"
            " ORDER BY 1"
        ).fetchall()
        if [row[0] for row in rows] != list(range(1, len(rows) + 1)):
            raise Broken("lost", "the chain has a gap")
        before = FIRST_PREVIOUS
        for position, id_, digest, entry_digest, entry in rows:
            if entry is not None and before:
                if entry != chain(position, before, id_, digest)[0]:
                    raise Broken("torn", "an entry of the chain is another")
                if entry_digest != hexed(entry):
                    raise Broken("torn", "an entry's digest is another")
            before = entry_digest  # "" where the row is a tombstone
        for table in ("submission", "tombstone"):
            twice = f"INSERT INTO {table} SELECT * FROM {table} LIMIT 1"
            if table == "submission":
                twice = (
                    "INSERT INTO submission (id, number, digest, fingerprint, state, print_state,"
                    " saved_at, payload_bytes) SELECT id, number || 'x', digest, fingerprint,"
                    " state, print_state, saved_at, payload_bytes FROM submission LIMIT 1"
                )
            with suppress(apsw.ConstraintError):
                store._db.execute(twice)
                if store._db.changes():
                    raise Broken("doubled", f"{table} takes the same id twice")


def content(db: apsw.Connection) -> str:
    """A digest of every row of every table."""
    whole = hashlib.sha256()
    there = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type='table'")}
    for table in (*_TABLES, "sqlite_sequence"):
        if table in there:
            whole.update(repr((table, db.execute(f"SELECT * FROM {table}").fetchall())).encode())
    return whole.hexdigest()


class Examiner:
    """Recovers states, each distinct one once. Needs a directory, best one in memory."""

    def __init__(self, place: Path) -> None:
        self._path = place / DATABASE_NAME
        self._place = place
        self._known: set[int] = set()
        self._views: dict[int, str] = {}
        self._there: Image = {}  # what the directory holds

    @property
    def states(self) -> int:
        """How many distinct ones were recovered."""
        return len(self._known)

    @property
    def views(self) -> int:
        """How many different pictures they gave, each opened by the production store."""
        return len(self._views)

    def contents_of(self, image: Image, kept: Kept) -> str | None:
        """What the recovered state holds, None for one that was seen. Raises Broken."""
        key = hash(tuple(sorted(image.items())))
        if key in self._known:
            return None
        self._known.add(key)
        self._write(image)
        db = apsw.Connection(str(self._path))
        try:
            db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            db.execute("PRAGMA locking_mode=EXCLUSIVE")
            db.execute("SELECT count(*) FROM sqlite_schema").fetchall()
            view = hash(db.serialize("main"))
            found = self._views.get(view)
            if found is not None:
                return found
            if db.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                raise Broken("torn", "a page is damaged")
            found = content(db)
        except apsw.Error as error:
            raise Broken("torn", f"it cannot be read ({type(error).__name__})") from None
        finally:
            db.close()
        self._views[view] = found
        self._open(kept)
        return found

    def _write(self, image: Image) -> None:
        for name in os.listdir(self._place):
            if name not in image:
                os.unlink(self._place / name)
        for name, data in image.items():
            if self._there.get(name) is data:
                continue
            handle = os.open(self._place / name, os.O_RDWR | os.O_CREAT, 0o600)
            os.pwrite(handle, data, 0)
            os.ftruncate(handle, len(data))
            os.close(handle)
        # With a journal SQLite rolls the database back, which writes to it.
        self._there = dict(image) if set(image) <= {DATABASE_NAME, WAL_NAME} else {}

    def _open(self, kept: Kept) -> None:
        self._there = {}
        try:
            store = open_store(self._path, None)
        except QueueError as error:
            raise Broken("torn", f"the store does not open: {error}") from None
        try:
            kept.check(store)
        finally:
            store.close()


class _Cut(Exception):
    """The power went."""


class History:
    """A seeded sequence of commands, with `per_call` states drawn at each call to the disk."""

    def __init__(
        self,
        seed: int,
        examiner: Examiner,
        *,
        per_call: int = 24,
        kind: type[Store] = Store,
        honest: bool = True,
        image: Image | None = None,
    ) -> None:
        self.disk = MemoryDisk(image, honest=honest)
        self.kept = Kept()
        self._chance = Random(seed)
        self._examiner = examiner
        self._per_call = per_call
        self._kind = kind
        self._path = Path("/") / DATABASE_NAME
        self._seen: set[str] = set()
        self._before = ""
        self._steps: set[str] = set()
        self._store: Store | None = None
        self._hand: list[str] = []

    @property
    def store(self) -> Store:
        assert self._store is not None
        return self._store

    def close(self) -> None:
        """Leave the disk."""
        self.disk.before = lambda _call, _file: None
        if self._store is not None:
            self._store.close()
        self._store = None
        self.disk.unregister()

    # --- drawing

    def _draw(self, _call: str, _file: str) -> None:
        if _call == "read":
            return
        for _ in range(self._per_call if self.disk.uncertain() else 1):
            found = self._examiner.contents_of(self.disk.torn_image(self._chance), self.kept)
            if found is not None:
                self._seen.add(found)

    def _draw_opening(self, call: str, file: str) -> None:
        """Opening takes several transactions: what each leaves is as good as the next."""
        if call == "read":
            return
        found = self._examiner.contents_of(self.disk.image(), self.kept)
        if found is not None:
            self._steps.add(found)
        self._draw(call, file)

    def _do(self, command: Callable[[], object]) -> None:
        """One command; then nothing else than before and after may have been seen."""
        self._seen.clear()
        self.disk.before = self._draw
        command()
        self._settle({self._before})

    def _settle(self, allowed: set[str]) -> None:
        self.disk.before = lambda _call, _file: None
        after = content(self.store._db)
        if not self._seen <= {after, *allowed}:
            raise Broken("lost", "a cut within a command leaves neither before nor after")
        self._seen.clear()
        self._draw("", "")
        self._draw_certain()
        if not self._seen <= {after}:
            raise Broken("lost", "what was acknowledged is gone after a cut")
        self._before = after

    def _draw_certain(self) -> None:
        found = self._examiner.contents_of(self.disk.certain_image(), self.kept)
        if found is not None:
            self._seen.add(found)

    # --- commands

    def open(self) -> None:
        """Start the terminal."""
        self._seen.clear()
        self._steps = {self._before}
        self.disk.before = self._draw_opening
        self._store = open_store(self._path, self.disk.name, self._kind)
        self._settle(self._steps)
        self._hand.clear()

    def reopen(self) -> None:
        """Stop it in good order, and start it again."""
        self._seen.clear()
        self.disk.before = self._draw
        self.store.close()
        if not self._seen <= {self._before}:
            raise Broken("lost", "a cut while closing")
        self.open()

    def reserve(self) -> str:
        told: list[str] = []
        self._do(lambda: told.append(self.store.reserve_number(TERMINAL)))
        self.kept.numbers = parse_number(told[0]).running
        return told[0]

    def enqueue(self) -> Sealed:
        """Reserve and save."""
        new = sealed(self.reserve(), self._chance)
        self._do(lambda: self.store.enqueue(new))
        self.kept.saved[new.id] = new
        return new

    def enqueue_through_a_cut(self) -> None:
        """The power goes within an enqueue; the terminal comes back and does it again."""
        new = sealed(self.reserve(), self._chance)
        left: list[Image] = []
        calls = self._chance.randrange(1, 24)

        def cut(call: str, _file: str) -> None:
            nonlocal calls
            calls -= call != "read"
            if calls == 0:
                left.append(self.disk.torn_image(self._chance))
                raise _Cut

        self.disk.before = cut
        try:
            self.store.enqueue(new)
        except _Cut:
            pass
        else:
            left.append(self.disk.certain_image())
            self.kept.saved[new.id] = new
        self.disk.before = lambda _call, _file: None
        self.store.close()  # of a process that is gone: what it does to the disk is undone here
        self.disk.restart(left[0])
        self.open()
        self._do(lambda: self.store.enqueue(new))
        self.kept.saved[new.id] = new
        (rows,) = self.store._db.execute("SELECT count(*) FROM submission WHERE id=?", (new.id,))
        if rows != (1,):
            raise Broken("doubled", "one submission, saved twice")

    def claim(self) -> None:
        """Take one in hand."""
        self._do(lambda: self._hand.extend(c.id for c in [self.store.claim(())] if c is not None))

    def put_back(self) -> None:
        """What is in hand waits, is taken in, or is refused."""
        state = self._chance.choice((State.WAITING, State.ACCEPTED, State.QUARANTINED))
        counted = self._chance.random() < 0.7
        for id_ in self._hand:
            self._do(partial(self.store.put_back, id_, state, "why", counted=counted))
        self._hand.clear()

    def deliver(self) -> None:
        """An acknowledgement comes for the oldest that has none."""
        id_ = next((id_ for id_ in self.kept.saved if id_ not in self.kept.arrived), None)
        if id_ is None:
            return
        self.kept.under_way.add(id_)
        self._do(lambda: self.store.delivered(id_, RECEIPT))
        self.kept.under_way.discard(id_)
        self.kept.arrived.add(id_)

    def print_state(self) -> None:
        """A receipt was printed, or not; one of those that is not purged."""
        for one in self.store.unprinted(set(PrintState))[:1]:
            state = self._chance.choice(list(PrintState))
            self._do(partial(self.store.set_print_state, one.number, state))

    def requeue(self) -> None:
        """Staff send what was refused again."""
        for one in self.store.listing((State.QUARANTINED,), 1, ""):
            self._do(partial(self.store.requeue, one.number))

    def export(self) -> None:
        """Written to a stick."""
        ids = [one.id for one in self.store.listing((State.QUEUED, State.WAITING), 2, "")]
        self._do(lambda: self.store.mark_exported(ids, AT.isoformat()))

    def again(self) -> None:
        """The same once more."""
        known = [kept for kept in self.kept.saved.values() if isinstance(kept, Sealed)]
        for kept in known[:2]:
            self._do(partial(self.store.enqueue, kept))

    def run(self, commands: int) -> None:
        """Open, then so many commands by chance."""
        if self._store is None:
            self.open()
        doors: list[tuple[Callable[[], object], int]] = [
            (self.enqueue, 6),
            (self.claim, 3),
            (self.put_back, 3),
            (self.deliver, 4),
            (lambda: self._do(self.store.purge), 2),
            (self.print_state, 2),
            (self.requeue, 1),
            (self.export, 1),
            (self.again, 1),
            (lambda: self._do(self.store.rest), 4),
            (lambda: self._do(lambda: self.store.put_meta("clock", AT.isoformat())), 1),
            (self.reopen, 1),
            (self.enqueue_through_a_cut, 2),
        ]
        for door in self._chance.choices([d for d, _ in doors], [n for _, n in doors], k=commands):
            door()


def left_by_version_one(seed: int) -> tuple[Image, Kept]:
    """A disk as schema 1 left it, with one submission in each state; and what it had promised."""
    chance = Random(seed)
    kept, disk = Kept(), MemoryDisk()
    db = apsw.Connection(str(Path("/") / DATABASE_NAME), vfs=disk.name)
    db.execute("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL")
    db.execute(MIGRATIONS[0])
    db.execute(f"PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version=1")
    states = ("queued", "sending", "waiting", "accepted", "quarantined", "delivered")
    db.execute("INSERT INTO meta VALUES ('number:last', ?)", (str(len(states)),))
    kept.numbers = len(states)
    for seq, state in enumerate(states, start=1):
        document, data = chance.randbytes(chance.choice(_SIZES)), chance.randbytes(900)
        new = Submission(f"{seq:032x}", f"{TERMINAL}-{seq:05d}-0", document, (), AT)
        new = Submission(new.id, new.number, document, (Part("p", "image/png", data),), AT)
        db.execute(
            "INSERT INTO submission VALUES (?,?,?,?,?,?,2,'','printed',?,?,'',0,'')",
            (seq, new.id, new.number, hexed(document), "f", state, AT.isoformat(), 900),
        )
        if state == "delivered":
            kept.arrived.add(new.id)
        else:
            for ordinal, id_, kind, one in ((0, "", "", document), (1, "p", "image/png", data)):
                row = (seq, ordinal, id_, kind, hexed(one), one)
                db.execute("INSERT INTO payload VALUES (?,?,?,?,?,?)", row)
        kept.saved[new.id] = new
    db.close()
    image = disk.image()
    disk.unregister()
    return image, kept
