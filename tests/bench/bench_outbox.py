"""What it costs to keep an application durably, to deliver the queue, and to open a long one.

Enqueue: an application of 20 KB and one of 2 MB, numbered, sealed to the backend and chained
as on a terminal, until whoever called knows that it is on the disk; beside the same bytes in
one transaction of the standard library's SQLite with WAL and synchronous FULL (the floor), and
beside the queues that others would have taken, which number, seal and chain nothing. Making
the document is not measured: no peer does it. In every round all take turns, in an order by
chance, on the same disk. What each peer really keeps through a power cut is read back from its
own connection, not from its manual, and written beside its figure.

Twice, because the log of SQLite is cheap to sync where it overwrites and dear where it grows:
"as in service", with a pause before every round in which whoever wants to may tidy up, the
databases new as after a terminal's start; and "in a row", without pauses, after so many that
every log has reached its length. The first also on an ext4 whose disk takes its time to flush
(`slow_disk`, where it can be had), as a terminal's does: the disk under a virtual machine often
answers before anything is kept. How often the disk was made to flush is counted there.

Drain: against the real backend in a process of its own on loopback, and 10,000 against a
server that only acknowledges, for the terminal's memory. Opening: a queue of 100,000.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, TypeVar

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "central_backend")]

import huey.storage  # noqa: E402
import litequeue  # noqa: E402
import persistqueue  # noqa: E402
from backend_help import make_document  # noqa: E402
from memory import memory_kib  # noqa: E402
from slow_disk import flushes, slow_disk, why_not  # noqa: E402

from central_backend.keyring import in_memory  # noqa: E402
from kiosk.contract import canonical_bytes  # noqa: E402
from kiosk.contract.suites import SuiteId  # noqa: E402
from kiosk.sealing import Sealing  # noqa: E402
from offline_queue import (  # noqa: E402
    Limits,
    Outbox,
    Sealed,
    SealedPart,
    Sender,
    SenderSettings,
    State,
    parse_number,
)
from offline_queue.wire import WireSettings  # noqa: E402

TERMINAL = "LW042"  # the one of `make_document`
SMALL_BYTES, LARGE_BYTES = 20_000, 2_000_000
HANGING_ROUNDS = 15
DRAINED_BY_THE_BACKEND = 200
DRAINED_FOR_MEMORY = 10_000
OPENED = 100_000
OPENED_PAYLOAD_BYTES = 1_000
WAIT_S = 120
DRAIN_DEADLINE_S = 900

BARE = "bare SQLite (WAL, FULL)"
OURS, SEALING, SAVING = "ours", "sealing", "saving"
CHANCE = Random(4)

Row = tuple[str, float, str, str, float]
Put = Callable[[bytes], None]
T = TypeVar("T")


class Took(NamedTuple):
    """Time on the clock, and of the processor in all threads."""

    wall_ms: float
    processor_ms: float


class Rounds(NamedTuple):
    """How often everything is done, and what lies between."""

    name: str
    measured: int
    warm_up: int
    pause_s: float


# The outbox tidies up when nobody has asked it for 0.2 s.
SMALL_IN_SERVICE = Rounds("as in service", 60, 3, 0.3)
SMALL_IN_A_ROW = Rounds("in a row", 200, 300, 0.0)
LARGE_IN_SERVICE = Rounds("as in service", 15, 3, 0.3)
FLUSHES_MS = (0, 1, 2, 3)


def run() -> list[Row]:
    """Rows of name, value, unit, name of what stands beside, its value."""
    no_flash = why_not()
    if no_flash:
        print(f"no disk whose flush takes its time: {no_flash}", file=sys.stderr)
    # Not in /tmp, which may be memory: a sync has to reach a disk.
    place = Path(tempfile.mkdtemp(prefix="bench-outbox-", dir="/var/tmp"))
    try:
        return [
            *_enqueue(place / "small", "20 KB", SMALL_BYTES, SMALL_IN_SERVICE),
            *_enqueue(place / "row", "20 KB", SMALL_BYTES, SMALL_IN_A_ROW),
            *(() if no_flash else _on_flash(place / "flash")),
            *_enqueue(place / "large", "2 MB", LARGE_BYTES, LARGE_IN_SERVICE),
            *_enqueue_while_an_upload_hangs(place / "hanging"),
            *_drain(place / "drain"),
            *_drain_in_little_memory(place / "memory"),
            *_open(place / "long"),
        ]
    finally:
        shutil.rmtree(place)


# -- enqueue --------------------------------------------------------------------------------


class Terminal:
    """An outbox with its keys: seals, chains, keeps."""

    def __init__(self, place: Path, keys: Any = None) -> None:
        made = keys or in_memory(datetime.now(UTC))
        self.sealing = Sealing(
            place / "keys",
            terminal=TERMINAL,
            suite=SuiteId.INTERNATIONAL,
            authority_keys=(made.authority_pin,),
            now=lambda: datetime.now(UTC),
        )
        self.sealing.offer(canonical_bytes(made.keyring.signed_set))
        self.outbox = Outbox.open(
            place / "queue", terminal=TERMINAL, chain=self.sealing.chain, limits=Limits()
        )

    def keep(self, data: bytes) -> dict[str, Took]:
        """What happens between the resident's last touch and "saved", and what it took."""
        number, numbering = _timed(lambda: self.outbox.reserve_number().result(WAIT_S))
        document = make_document(parse_number(number).running, parts={"page": data})
        sealed, sealing = _timed(lambda: self.sealing.seal_application(document, [data]))
        _, saving = _timed(lambda: self.outbox.enqueue(sealed).result(WAIT_S))
        return {
            OURS: Took(*map(sum, zip(numbering, sealing, saving, strict=True))),
            SEALING: sealing,
            SAVING: saving,
        }


def _timed(act: Callable[[], T]) -> tuple[T, Took]:
    began_s, used_s = time.perf_counter(), time.process_time()
    given = act()
    wall_s, processor_s = time.perf_counter() - began_s, time.process_time() - used_s
    return given, Took(wall_s * 1_000, processor_s * 1_000)


def _enqueue(place: Path, label: str, size: int, rounds: Rounds, device: str = "") -> Iterator[Row]:
    place.mkdir()
    ours = Terminal(place)
    took: dict[str, list[Took]] = {}
    flushed: dict[str, list[int]] = {}
    count: Callable[[], int] = partial(flushes, device) if device else int
    with _peers(place) as peers:
        for turn in range(rounds.warm_up + rounds.measured):
            time.sleep(rounds.pause_s)
            data = os.urandom(size)
            acts: dict[str, Callable[[], dict[str, Took]]] = {
                OURS: partial(ours.keep, data),
                **{name: partial(_put, name, put, data) for name, put in peers.items()},
            }
            for way in CHANCE.sample(list(acts), len(acts)):
                before = count()
                done = acts[way]()
                if turn >= rounds.warm_up:
                    flushed.setdefault(way, []).append(count() - before)
                    for name, one in done.items():
                        took.setdefault(name, []).append(one)
    ours.outbox.close()
    wall = {name: statistics.median(one.wall_ms for one in all_) for name, all_ in took.items()}
    label = f"{label} sealed and saved, {rounds.name}"
    for name in peers:
        yield (label, wall[OURS], "ms", name, wall[name])
    yield (f"{label}: times bare SQLite", wall[OURS] / wall[BARE], "", "limit at 20 KB", 2.0)
    yield (f"{label}: sealing alone", wall[SEALING], "ms", "saving alone", wall[SAVING])
    slowest = {name: max(one.wall_ms for one in took[name]) for name in (OURS, BARE)}
    yield (f"{label}: slowest", slowest[OURS], "ms", BARE, slowest[BARE])
    used = {name: statistics.median(one.processor_ms for one in took[name]) for name in wall}
    yield (f"{label}: processor time", used[OURS], "ms", BARE, used[BARE])
    each = {name: statistics.mean(counts) for name, counts in flushed.items()}
    for name in peers if device else ():
        yield (f"{label}: flushes", each[OURS], "each", name, each[name])


def _put(name: str, put: Put, data: bytes) -> dict[str, Took]:
    return {name: _timed(lambda: put(data))[1]}


@contextmanager
def _peers(place: Path) -> Iterator[dict[str, Put]]:
    """Each way to keep bytes, named with the durability that its connection reports."""
    floor = sqlite3.connect(place / "bare.db", isolation_level=None)
    floor.execute("PRAGMA journal_mode=WAL")
    floor.execute("PRAGMA synchronous=FULL")
    floor.execute("CREATE TABLE payload (id TEXT PRIMARY KEY, data BLOB)")

    def bare(data: bytes) -> None:
        floor.execute("BEGIN IMMEDIATE")
        floor.execute("INSERT INTO payload VALUES (?,?)", (uuid.uuid4().hex, data))
        floor.execute("COMMIT")

    ack: Any = persistqueue.SQLiteAckQueue(str(place / "persist"), auto_commit=True)
    hue: Any = huey.storage.SqliteStorage(filename=str(place / "huey.db"))
    lite: Any = litequeue.LiteQueue(str(place / "lite.db"))
    yield {
        BARE: bare,
        f"persist-queue ack ({_durability(ack._putter)})": ack.put,
        f"huey ({_durability(hue.conn)})": hue.enqueue,
        f"litequeue ({_durability(lite.conn)})": lambda data: _lite(lite, data),
    }
    for end in (floor.close, ack.close, hue.close, lite.close):
        end()


def _lite(queue: Any, data: bytes) -> None:
    # It takes text only; base64 would be the caller's business, so this is in its favour.
    queue.put(data.decode("latin-1"))


def _durability(connection: sqlite3.Connection) -> str:
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    level = connection.execute("PRAGMA synchronous").fetchone()[0]
    kept = "keeps" if level >= 2 or (mode != "wal" and level >= 1) else "loses in a power cut"
    return f"{mode}, synchronous {level}: {kept}"


def _enqueue_while_an_upload_hangs(place: Path) -> Iterator[Row]:
    place.mkdir()
    with _mute_server() as (url, connected):
        ours = Terminal(place)
        settings = WireSettings(url, read_timeout_s=600, total_timeout_s=600)
        sender = Sender(ours.outbox, SenderSettings(settings))
        sender.start()
        ours.keep(b"x")
        assert connected.wait(WAIT_S), "the upload did not begin"
        hanging: list[float] = []
        floor: list[float] = []
        with _peers(place) as peers:
            for _ in range(HANGING_ROUNDS):
                data = os.urandom(LARGE_BYTES)
                hanging.append(ours.keep(data)[OURS].wall_ms)
                floor.append(_put(BARE, peers[BARE], data)[BARE].wall_ms)
        sender.close()
        ours.outbox.close()
    yield (
        "2 MB sealed and saved while an upload hangs",
        statistics.median(hanging),
        "ms",
        BARE,
        statistics.median(floor),
    )


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


def _on_flash(place: Path) -> Iterator[Row]:
    """On an ext4 whose disk takes as long as flash memory to keep what it says it keeps."""
    for flush_ms in FLUSHES_MS:
        rounds = Rounds(f"as in service, a flush takes {flush_ms} ms", 60, 5, 0.3)
        with slow_disk(place / f"{flush_ms}", flush_ms) as (there, device):
            yield from _enqueue(there / "small", "20 KB", SMALL_BYTES, rounds, device)


# -- delivery -------------------------------------------------------------------------------

_BACKEND = """
import base64, sys
from central_backend.embedded import EmbeddedBackend
from kiosk.contract import canonical_bytes
with EmbeddedBackend(f"sqlite:///{sys.argv[1]}") as backend:
    keys = base64.b64encode(canonical_bytes(backend.keyring.signed_set)).decode()
    print(backend.url, backend.authority_pin, keys, flush=True)
    sys.stdin.read()
"""


class _Keys:
    """A running backend's keys, as `Terminal` takes them."""

    def __init__(self, pin: str, body: bytes) -> None:
        self.authority_pin = pin
        self.body = body


def _drain(place: Path) -> Iterator[Row]:
    import base64

    place.mkdir()
    backend = subprocess.Popen(
        [sys.executable, "-c", _BACKEND, str(place / "backend.db")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert backend.stdout is not None
    try:
        url, *pin, keys = backend.stdout.readline().split()
        ours = Terminal.__new__(Terminal)
        ours.sealing = Sealing(
            place / "keys",
            terminal=TERMINAL,
            suite=SuiteId.INTERNATIONAL,
            authority_keys=(" ".join(pin),),
            now=lambda: datetime.now(UTC),
        )
        ours.sealing.offer(base64.b64decode(keys))
        ours.outbox = Outbox.open(place / "queue", terminal=TERMINAL, chain=ours.sealing.chain)
        for _ in range(DRAINED_BY_THE_BACKEND):
            ours.keep(os.urandom(SMALL_BYTES))
        sender = Sender(
            ours.outbox,
            SenderSettings(WireSettings(url)),
            acknowledge=ours.sealing.acknowledged,
        )
        taken = _drained(sender, ours.outbox, DRAINED_BY_THE_BACKEND)
        ours.outbox.close()
    finally:
        backend.communicate("", timeout=WAIT_S)
    yield (
        "drain, 20 KB, real backend on SQLite, loopback",
        DRAINED_BY_THE_BACKEND / taken,
        "a second",
        "limit: a day's 100 in a minute",
        100 / 60,
    )


def _drained(sender: Sender, outbox: Outbox, count: int) -> float:
    began = time.perf_counter()
    sender.start()
    while outbox.status().result(WAIT_S).counts[State.DELIVERED] < count:
        if time.perf_counter() - began > DRAIN_DEADLINE_S:
            raise TimeoutError("the queue was not drained")
        time.sleep(0.05)
    taken = time.perf_counter() - began
    sender.close()
    return taken


_DRAINING = """
import sys
sys.path[:0] = sys.argv[3:]
import bench_outbox
bench_outbox.drain_here(sys.argv[1], sys.argv[2])
"""


def drain_here(place: str, url: str) -> None:
    """In a process of its own: drain, and print how much memory that took."""
    with Outbox.open(place) as outbox:
        before = memory_kib()
        sender = Sender(outbox, SenderSettings(WireSettings(url)))
        taken = _drained(sender, outbox, DRAINED_FOR_MEMORY)
        sys.stdout.write(f"{taken} {before} {memory_kib('VmHWM')}\n")


def _drain_in_little_memory(place: Path) -> Iterator[Row]:
    _fill(place, DRAINED_FOR_MEMORY, 20_000)
    with _acknowledging_server() as url:
        told = subprocess.run(
            [sys.executable, "-c", _DRAINING, str(place), url, str(Path(__file__).parent)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    taken, before, peak = (float(word) for word in told.split())
    yield (
        "memory while draining 10,000 of 20 KB, above rest",
        (peak - before) / 1024,
        "MiB",
        "limit",
        50.0,
    )
    yield (
        "drain, 20 KB, a server that only acknowledges",
        DRAINED_FOR_MEMORY / taken,
        "a second",
        "limit: a day's 100 in a minute",
        100 / 60,
    )


@contextmanager
def _acknowledging_server() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told: dict[str, object] = {"digest": hashlib.sha256(body).hexdigest()}
            if self.command == "POST":
                envelope = body[len(b'{"chain":null,"envelope":') : -1]
                told = {
                    "application_id": self.headers["Idempotency-Key"],
                    "digest": hashlib.sha256(envelope).hexdigest(),
                    "case_number": "C",
                    "sequence": 1,
                    "received_at": "2026-05-10T09:00:00Z",
                }
            raw = json.dumps(told).encode()
            head = f"HTTP/1.1 201 \r\nContent-Type: application/json\r\nContent-Length: {len(raw)}"
            self.wfile.write(head.encode() + b"\r\n\r\n" + raw)

        do_PUT = do_POST = answer

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# -- opening --------------------------------------------------------------------------------


def _fill(place: Path, count: int, size: int) -> None:
    """A long queue, written in a few transactions: its making is not what is measured."""
    with Outbox.open(place, terminal=TERMINAL) as outbox:

        def many(store: Any) -> None:
            module: Any = import_module("offline_queue.store")

            @contextmanager
            def one_transaction(_: Any) -> Iterator[None]:
                yield

            # The commits of each number and each submission are put together.
            real, module.transaction = module.transaction, one_transaction
            store._db.execute("BEGIN IMMEDIATE")
            try:
                for _ in range(1_000):
                    store.enqueue(_sealed(store.reserve_number(TERMINAL), size))
                store._db.execute("COMMIT")
            finally:
                module.transaction = real

        for _ in range(count // 1_000):
            outbox._submit(many).result(WAIT_S)


def _sealed(number: str, size: int) -> Sealed:
    id_ = uuid.uuid4().hex
    envelope = json.dumps({"id": id_}).encode()
    data = os.urandom(size)
    part = SealedPart(data, hashlib.sha256(data).hexdigest())
    digest = hashlib.sha256(envelope).hexdigest()
    return Sealed(id_, number, envelope, digest, (part,), datetime.now(UTC), key_id="k")


def _open(place: Path) -> Iterator[Row]:
    _fill(place, OPENED, OPENED_PAYLOAD_BYTES)
    began = time.perf_counter()
    outbox = Outbox.open(place, terminal=TERMINAL)
    opened = time.perf_counter()
    claim = outbox.claim().result(WAIT_S)
    claimed = time.perf_counter()
    status = outbox.status().result(WAIT_S)
    told = time.perf_counter()
    assert claim is not None
    assert status.undelivered == OPENED
    outbox.close()
    yield ("open a queue of 100,000, checked", (opened - began) * 1_000, "ms", "limit", 3_000.0)
    yield ("its next to send", (claimed - opened) * 1_000, "ms", "limit", 100.0)
    yield ("its status", (told - claimed) * 1_000, "ms", "limit", 1_000.0)


if __name__ == "__main__":
    for name, value, unit, beside, other in run():
        sys.stdout.write(f"{name}: {value:.1f} {unit} ({beside}: {other:.1f})\n")
