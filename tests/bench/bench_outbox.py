"""What it costs to save an application durably, beside a bare SQLite commit.

An application with 2 MB of pictures goes through the outbox's own thread (hashes, lock,
future and all) and, turn by turn on the same disk, through Python's sqlite3 with WAL and
synchronous FULL in one transaction: that is the floor. Both are measured again while the
sender is stuck in an upload to a server that never answers.
"""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from offline_queue import Outbox, Part, Sender, SenderSettings, Submission
from offline_queue.wire import WireSettings

ROUNDS = 25
PICTURES = 4
PICTURE_BYTES = 500_000
DOCUMENT_BYTES = 6_000
WAIT_S = 60

Row = tuple[str, float, str, str, float]


def run() -> list[Row]:
    """Rows of name, value, unit, name of the floor, value of the floor."""
    # Not in /tmp, which may be memory: a sync has to reach a disk.
    place = Path(tempfile.mkdtemp(prefix="bench-outbox-", dir="/var/tmp"))
    try:
        rows = _measure(place / "quiet", "saved", None)
        with _mute_server() as (url, connected):
            rows += _measure(place / "hanging", "saved while an upload hangs", (url, connected))
        return rows
    finally:
        shutil.rmtree(place)


def _measure(place: Path, name: str, hanging: tuple[str, threading.Event] | None) -> list[Row]:
    place.mkdir()
    ours: list[float] = []
    bare: list[float] = []
    floor = _Bare(place / "bare.db")
    with Outbox.open(place / "queue", terminal="BENCH1") as outbox:
        sender = None
        if hanging is not None:
            settings = WireSettings(hanging[0], read_timeout_s=600, total_timeout_s=600)
            sender = Sender(outbox, SenderSettings(settings))
            sender.start()
            _save(outbox)
            assert hanging[1].wait(WAIT_S), "the upload did not begin"
        for _ in range(ROUNDS):
            pictures = [os.urandom(PICTURE_BYTES) for _ in range(PICTURES)]
            document = os.urandom(DOCUMENT_BYTES)
            ours.append(_save(outbox, document, pictures))
            bare.append(floor.save(document, pictures))
        if sender is not None:
            sender.close()
    floor.close()
    label = f"2 MB {name}"
    return [
        (f"{label}, median", statistics.median(ours), "ms", "bare SQLite", statistics.median(bare)),
        (f"{label}, slowest of {ROUNDS}", max(ours), "ms", "bare SQLite", max(bare)),
    ]


def _save(outbox: Outbox, document: bytes = b"{}", pictures: list[bytes] | None = None) -> float:
    number = outbox.reserve_number().result(WAIT_S)
    parts = tuple(Part(f"p{i}", "image/jpeg", data) for i, data in enumerate(pictures or [b"x"]))
    kept = Submission(uuid.uuid4().hex, number, document, parts, datetime.now(UTC))
    began = time.perf_counter()
    outbox.enqueue(kept).result(WAIT_S)
    return (time.perf_counter() - began) * 1_000


class _Bare:
    """The same bytes in one transaction of the standard library's SQLite."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("CREATE TABLE payload (id TEXT, ordinal INTEGER, data BLOB)")

    def save(self, document: bytes, pictures: list[bytes]) -> float:
        id_ = uuid.uuid4().hex
        began = time.perf_counter()
        self._db.execute("BEGIN IMMEDIATE")
        for ordinal, data in enumerate([document, *pictures]):
            self._db.execute("INSERT INTO payload VALUES (?,?,?)", (id_, ordinal, data))
        self._db.execute("COMMIT")
        return (time.perf_counter() - began) * 1_000

    def close(self) -> None:
        self._db.close()


@contextmanager
def _mute_server() -> Iterator[tuple[str, threading.Event]]:
    """Takes a connection, reads what comes, answers nothing."""
    connected = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            peer, _ = listening.accept()
        except OSError:
            return
        with peer:
            connected.set()
            while peer.recv(65_536):
                continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", connected
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


if __name__ == "__main__":
    for name, value, unit, floor_name, floor_value in run():
        sys.stdout.write(f"{name}: {value:.1f} {unit} ({floor_name}: {floor_value:.1f} {unit})\n")
