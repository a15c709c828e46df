"""The outbox: one directory, one lock, one store thread that owns the only connection.

Every command is put on the store thread's queue and answers with a future, so no caller
waits for the disk unless it wants to. Commands run in the order in which they were given.
A future that resolved is on disk. Callbacks of futures and listeners run on the store
thread and must be short.
"""

from __future__ import annotations

import atexit
import errno
import os
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Final, Self, TypeVar

from offline_queue.errors import QueueError, QueueFault
from offline_queue.limits import Intake, Limits
from offline_queue.lock import InstanceLock
from offline_queue.numbers import is_terminal_code
from offline_queue.records import (
    Chain,
    Claim,
    Delivery,
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
from offline_queue.store import DATABASE_NAME, Store

_R = TypeVar("_R")

# How long the thread stays idle before it folds the WAL back: long enough not to fall
# between the commands of one submission, short enough to leave no payload lying about.
_REST_AFTER_S: Final = 0.2
_UNDELIVERED: Final = (
    State.QUEUED,
    State.SENDING,
    State.WAITING,
    State.ACCEPTED,
    State.QUARANTINED,
)
_NOT_PRINTED: Final = (PrintState.WANTED, PrintState.UNKNOWN, PrintState.FAILED)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Outbox:
    """Durable intake and the memory of delivery. Make one with `Outbox.open`."""

    def __init__(
        self, store_factory: Callable[[], Store], lock: InstanceLock, terminal: str | None
    ) -> None:
        self._commands: SimpleQueue[tuple[Callable[[Store], None], Callable[[], None]] | None]
        self._commands = SimpleQueue()
        self._lock = lock
        self._terminal = terminal
        self._gate = threading.Lock()  # makes "closed" and "put" one step
        self._closed = False
        self._listeners: list[Callable[[str], None]] = []
        self._failure_listeners: list[Callable[[str], None]] = []
        self._opened: Future[None] = Future()
        self._store: Store  # the thread's own, but for the numbers at hand
        # A program that fails must end, so that it is started again: its end closes, and
        # waits for what was given, instead of waiting for a thread that nobody stops.
        self._thread = threading.Thread(
            target=self._run, args=(store_factory,), name="outbox-store", daemon=True
        )
        self._thread.start()
        atexit.register(self.close)

    @classmethod
    def open(
        cls,
        directory: Path | str,
        *,
        terminal: str | None = None,
        create: bool = True,
        chain: Chain | None = None,
        reseal: Reseal | None = None,
        limits: Limits | None = None,
        vfs: str | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> Outbox:
        """Open the outbox in `directory` (made with mode 0700 where it is missing).

        `terminal` is the terminal code for new receipt numbers; without it none can be
        reserved. With `create` False a directory without an outbox is an error (QU-08).
        `chain` makes the chain entry of each sealed submission; without it none is made.
        `reseal` seals, once and while opening, what an older version kept in clear.
        `limits` are those of `Limits`, without a ballast where they are left out.
        `vfs` names a registered SQLite VFS and `monotonic` a clock, for tests.

        Raises QueueError: QU-01 disk full, QU-02 I/O error, QU-04 open elsewhere, QU-06
        unreadable, QU-07 bad terminal code, QU-08 absent.
        """
        place = Path(directory)
        if terminal is not None and not is_terminal_code(terminal):
            raise QueueError(QueueFault.REFUSED, "the terminal code cannot stand in a number")
        if not create and not (place / DATABASE_NAME).exists():
            raise QueueError(QueueFault.ABSENT)
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.chmod(0o700)
            # What is in a directory that a power cut forgets is lost as well.
            _sync_directory(place.parent)
        except OSError as error:
            raise QueueError(QueueFault.IO_ERROR, os.strerror(error.errno or 0)) from None
        lock = InstanceLock(place)
        try:
            path = place / DATABASE_NAME
            _create_private(path)
            outbox = cls(
                lambda: Store(
                    path, vfs=vfs, chain=chain, reseal=reseal, limits=limits, monotonic=monotonic
                ),
                lock,
                terminal,
            )
        except BaseException:
            lock.release()
            raise
        try:
            outbox._opened.result()
        except BaseException:
            outbox.close()
            raise
        return outbox

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Finish the commands that were given, close the database, let the lock go.

        Later commands fail with QU-03. Harmless when called twice; not from a callback.
        """
        with self._gate:
            if not self._closed:
                self._closed = True
                self._commands.put(None)
        self._thread.join()
        self._lock.release()
        atexit.unregister(self.close)

    # --- intake

    def reserve_number(self) -> Future[str]:
        """A receipt number that is never handed out again. Gaps are possible."""
        terminal = self._terminal
        if terminal is None:
            return _failed(QueueError(QueueFault.REFUSED, "opened without a terminal code"))
        with self._gate:
            number = None if self._closed else self._store.number_at_hand(terminal)
        if number is not None:
            return _done(number)
        return self._submit(lambda store: store.reserve_number(terminal))

    def intake(self) -> Future[Intake]:
        """Whether a visit may begin that ends in a submission, or why not; measured now."""
        return self._submit(lambda store: store.intake())

    def enqueue(self, submission: Submission | Sealed) -> Future[Saved]:
        """Keep a submission; the future resolves after the commit.

        The same id with the same bytes resolves again to the same record, also after
        delivery. Fails with QU-01, QU-02, QU-03, QU-05 (other bytes under this id, or the
        number is taken), QU-07 (number never reserved, two parts of one id, a digest that
        does not fit), or with what the chain raised. Limits refuse no visit at its end: ask
        `intake` before it begins.
        """
        future = self._submit(lambda store: store.enqueue(submission))
        future.add_done_callback(self._tell)
        return future

    def add_listener(self, listener: Callable[[str], None]) -> None:
        """Call `listener(number)` on the store thread after each successful enqueue."""
        self._listeners.append(listener)

    def add_failure_listener(self, listener: Callable[[str], None]) -> None:
        """Call `listener(code)` on the store thread, once, after an I/O error has closed the
        intake. One that was met while opening is raised by `open`."""
        self._failure_listeners.append(listener)

    # --- what is known

    def set_print_state(self, number: str, state: PrintState) -> Future[None]:
        """Remember what became of a receipt. Fails with QU-08 for an unknown number."""
        return self._submit(lambda store: store.set_print_state(number, state))

    def unprinted(self, states: Collection[PrintState] = _NOT_PRINTED) -> Future[list[Unprinted]]:
        """Submissions whose receipt is in one of `states` (default: all but printed)."""
        return self._submit(lambda store: store.unprinted(states))

    def delivery(self, number: str) -> Future[Delivery | None]:
        """How far the submission of this number has come; None where there is none."""
        return self._submit(lambda store: store.delivery(number))

    def status(self, now: datetime | None = None) -> Future[QueueStatus]:
        """Figures about the queue. `now` (aware) is the wall clock where it is left out."""
        return self._submit(lambda store: store.status(now or _utc_now()))

    def get_meta(self, key: str) -> Future[str | None]:
        """A small value kept beside the queue, such as the clock's high-water mark."""
        return self._submit(lambda store: store.get_meta(key))

    def put_meta(self, key: str, value: str) -> Future[None]:
        """Keep a small value durably."""
        return self._submit(lambda store: store.put_meta(key, value))

    def requeue(self, number: str) -> Future[bool]:
        """Send a quarantined submission again; False when there is none of this number."""
        return self._submit(lambda store: store.requeue(number))

    def listing(
        self, states: Collection[State] = _UNDELIVERED, *, most: int = 1000, after: str = ""
    ) -> Future[list[Delivery]]:
        """Up to `most` submissions in one of `states`, oldest first, from behind the number
        `after`. Purged ones are not listed."""
        return self._submit(lambda store: store.listing(states, most, after))

    # --- for the sender and the export

    def claim(self, not_yet: Collection[str] = ()) -> Future[Claim | None]:
        """Take the next sendable submission whose id is not in `not_yet` in hand."""
        ids = frozenset(not_yet)
        return self._submit(lambda store: store.claim(ids))

    def handover(self, id_: str) -> Future[bytes]:
        """What is posted. Fails with QU-08 when it is gone, QU-06 when the disk changed it."""
        return self._submit(lambda store: store.handover(id_))

    def document(self, id_: str) -> Future[bytes]:
        """The document's or the envelope's bytes. Fails as `handover` does."""
        return self._submit(lambda store: store.document(id_))

    def part(self, id_: str, part_id: str) -> Future[bytes]:
        """One part's bytes; a sealed part's id is its ordinal. Fails as `handover` does."""
        return self._submit(lambda store: store.part(id_, part_id))

    def part_heads(self, id_: str) -> Future[list[tuple[str, str, int]]]:
        """Id, SHA-256 and size of each part, in order."""
        return self._submit(lambda store: store.part_heads(id_))

    def put_back(
        self, id_: str, state: State, reason: str, *, counted: bool = True
    ) -> Future[None]:
        """End an attempt without delivery."""
        return self._submit(lambda store: store.put_back(id_, state, reason, counted=counted))

    def mark_delivered(self, id_: str, receipt: Receipt) -> Future[bool]:
        """Record the delivery and drop the payload, in one transaction; False when that was
        done before. Whoever calls it has verified the acknowledgement."""
        return self._submit(lambda store: store.delivered(id_, receipt))

    def mark_exported(self, ids: Collection[str], at: str) -> Future[None]:
        """Remember that these were written to a stick."""
        return self._submit(lambda store: store.mark_exported(tuple(ids), at))

    def digest_of(self, id_: str) -> Future[tuple[str, State] | None]:
        """Digest and state of what has this id."""
        return self._submit(lambda store: store.digest_of(id_))

    def purge(self) -> Future[int]:
        """Turn some long delivered rows into tombstones; how many."""
        return self._submit(lambda store: store.purge())

    # --- the store thread

    def _submit(self, command: Callable[[Store], _R]) -> Future[_R]:
        future: Future[_R] = Future()

        def run(store: Store) -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = command(store)
            except BaseException as error:  # noqa: BLE001 - the caller gets it, whatever it is
                future.set_exception(error)
            else:
                future.set_result(result)

        def refuse() -> None:
            if future.set_running_or_notify_cancel():
                future.set_exception(QueueError(QueueFault.CLOSED))

        with self._gate:
            closed = self._closed
            if not closed:
                self._commands.put((run, refuse))
        if closed:
            refuse()
        return future

    def _tell(self, future: Future[Saved]) -> None:
        if future.cancelled() or future.exception() is not None:
            return
        for listener in tuple(self._listeners):
            listener(future.result().number)

    def _run(self, store_factory: Callable[[], Store]) -> None:
        try:
            store = store_factory()
        except BaseException as error:  # noqa: BLE001 - handed to whoever opens
            self._opened.set_exception(error)
            self._refuse_all()
            return
        self._store = store
        self._opened.set_result(None)
        try:
            self._serve(store)
        finally:
            store.close()

    def _serve(self, store: Store) -> None:
        well = True
        while True:
            if well and not store.intake_open:
                well = False
                for listener in tuple(self._failure_listeners):
                    listener(QueueFault.IO_ERROR.code)
            try:
                timeout_s = _REST_AFTER_S if store.needs_rest else None
                command = self._commands.get(timeout=timeout_s)
            except Empty:
                store.rest()
                continue
            if command is None:
                return
            command[0](store)
            if store.must_rest:
                store.rest()

    def _refuse_all(self) -> None:
        while (command := self._commands.get()) is not None:
            command[1]()


def _create_private(path: Path) -> None:
    # SQLite gives -wal the mode of the database, so this one mode decides for both.
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.fchmod(fd, 0o600)
        finally:
            os.close(fd)
        _sync_directory(path.parent)
    except OSError as error:
        fault = QueueFault.DISK_FULL if error.errno == errno.ENOSPC else QueueFault.IO_ERROR
        raise QueueError(fault, os.strerror(error.errno or 0)) from None


def _sync_directory(place: Path) -> None:
    fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _done(number: str) -> Future[str]:
    future: Future[str] = Future()
    future.set_result(number)
    return future


def _failed(error: QueueError) -> Future[str]:
    future: Future[str] = Future()
    future.set_exception(error)
    return future
