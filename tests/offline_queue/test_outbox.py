"""The outbox on a real disk: durable, private, one at a time, honest about failures."""

from __future__ import annotations

import gc
import hashlib
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest
from queue_help import RECEIPT, WAIT_S, fault_of

from offline_queue import (
    Outbox,
    Part,
    PrintState,
    QueueError,
    QueueFault,
    Sealed,
    SealedPart,
    State,
    Submission,
    parse_number,
)
from offline_queue.records import QueueStatus
from offline_queue.store import DATABASE_NAME

ROOT = Path(__file__).resolve().parents[2]
PLANTED = b"planted-personal-text-4711"


def submission(number: str, *, document: bytes = b"{}", parts: int = 1) -> Submission:
    """Something to keep."""
    data = tuple(Part(f"p{i}", "image/jpeg", bytes([i]) * 2000) for i in range(parts))
    return Submission(uuid.uuid4().hex, number, document, data, datetime.now(UTC))


def save(outbox: Outbox, **kwargs: Any) -> Submission:
    """Reserve, enqueue, wait."""
    kept = submission(outbox.reserve_number().result(WAIT_S), **kwargs)
    outbox.enqueue(kept).result(WAIT_S)
    return kept


def test_saved_is_there_after_reopening(tmp_path: Path) -> None:
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        kept = save(outbox, document=b"the document", parts=3)
    with Outbox.open(tmp_path) as outbox:
        claim = outbox.claim().result(WAIT_S)
        assert claim is not None
        assert (claim.id, claim.number, claim.attempts) == (kept.id, kept.number, 1)
        assert outbox.document(kept.id).result(WAIT_S) == b"the document"
        for part in kept.parts:
            assert outbox.part(kept.id, part.id).result(WAIT_S) == part.data


def test_numbers_go_on_and_are_never_reused(tmp_path: Path) -> None:
    seen = []
    for _ in range(3):
        with Outbox.open(tmp_path, terminal="LW042") as outbox:
            seen += [outbox.reserve_number().result(WAIT_S) for _ in range(4)]
    assert len(set(seen)) == 12
    assert [int(number.split("-")[1]) for number in seen] == list(range(1, 13))


def test_the_same_again_is_kept_once_and_other_bytes_are_refused(tmp_path: Path) -> None:
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        kept = save(outbox)
        first = outbox.enqueue(kept).result(WAIT_S)
        assert outbox.enqueue(kept).result(WAIT_S) == first
        assert outbox.status().result(WAIT_S).undelivered == 1

        other = Submission(kept.id, kept.number, b"[]", kept.parts, kept.created_at)
        assert fault_of(outbox.enqueue(other)) is QueueFault.CONFLICT
        moved = Submission(
            kept.id, kept.number, kept.document, (Part("p0", "image/png", b"x"),), kept.created_at
        )
        assert fault_of(outbox.enqueue(moved)) is QueueFault.CONFLICT
        thief = Submission(uuid.uuid4().hex, kept.number, b"{}", (), kept.created_at)
        assert fault_of(outbox.enqueue(thief)) is QueueFault.CONFLICT

        outbox.mark_delivered(kept.id, RECEIPT).result(WAIT_S)
        again = outbox.enqueue(kept).result(WAIT_S)
        assert (again.id, again.state) == (kept.id, State.DELIVERED)


@pytest.mark.parametrize("number", ["LW042-00009-0", "nonsense", "LW042-99999-0", "lw042-00001-7"])
def test_a_number_that_was_not_reserved_is_refused(tmp_path: Path, number: str) -> None:
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        outbox.reserve_number().result(WAIT_S)
        assert fault_of(outbox.enqueue(submission(number))) is QueueFault.REFUSED


def test_without_a_terminal_code_there_are_no_numbers(tmp_path: Path) -> None:
    with Outbox.open(tmp_path) as outbox:
        assert fault_of(outbox.reserve_number()) is QueueFault.REFUSED


def test_sending_becomes_waiting_at_boot(tmp_path: Path) -> None:
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        kept = save(outbox)
        assert outbox.claim().result(WAIT_S) is not None
        assert outbox.claim().result(WAIT_S) is None, "it is in hand"
    with Outbox.open(tmp_path) as outbox:
        delivery = outbox.delivery(kept.number).result(WAIT_S)
        assert delivery is not None
        assert (delivery.state, delivery.attempts) == (State.WAITING, 1)


def test_delivery_leaves_a_tombstone_and_no_payload(tmp_path: Path) -> None:
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        kept = save(outbox, document=PLANTED * 50, parts=2)
        outbox.mark_delivered(kept.id, RECEIPT).result(WAIT_S)
        assert fault_of(outbox.document(kept.id)) is QueueFault.ABSENT
        assert fault_of(outbox.part(kept.id, "p0")) is QueueFault.ABSENT
        told = outbox.delivery(kept.number).result(WAIT_S)
        assert told is not None
        assert (told.state, told.case_number) == (State.DELIVERED, RECEIPT.case_number)
        assert told.acknowledged_at == RECEIPT.received_at
        status = outbox.status().result(WAIT_S)
        assert (status.undelivered, status.payload_bytes) == (0, 0)
        assert status.last_acknowledged_at == RECEIPT.received_at
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert PLANTED not in left


def test_a_late_failure_does_not_undo_a_delivery(tmp_path: Path) -> None:
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        kept = save(outbox)
        outbox.claim().result(WAIT_S)
        outbox.mark_delivered(kept.id, RECEIPT).result(WAIT_S)
        outbox.put_back(kept.id, State.WAITING, "late").result(WAIT_S)
        told = outbox.delivery(kept.number).result(WAIT_S)
        assert told is not None
        assert told.state is State.DELIVERED


def test_oldest_first_and_past_those_that_wait(tmp_path: Path) -> None:
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        first, second, third = (save(outbox) for _ in range(3))
        claimed = outbox.claim({first.id}).result(WAIT_S)
        assert claimed is not None
        assert claimed.id == second.id
        outbox.put_back(second.id, State.QUARANTINED, "refused 422").result(WAIT_S)
        ids = []
        while (claim := outbox.claim().result(WAIT_S)) is not None:
            ids.append(claim.id)
        assert ids == [first.id, third.id]
        assert outbox.requeue(second.number).result(WAIT_S) is True
        assert outbox.requeue(second.number).result(WAIT_S) is False


def test_receipts_that_are_not_printed(tmp_path: Path) -> None:
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        printed, unknown, wanted = (save(outbox) for _ in range(3))
        outbox.set_print_state(printed.number, PrintState.PRINTED).result(WAIT_S)
        outbox.set_print_state(unknown.number, PrintState.UNKNOWN).result(WAIT_S)
        assert fault_of(outbox.set_print_state("X", PrintState.PRINTED)) is QueueFault.ABSENT
    with Outbox.open(tmp_path) as outbox:
        rows = outbox.unprinted().result(WAIT_S)
        assert [(number, state) for number, _, state in rows] == [
            (unknown.number, State.QUEUED),
            (wanted.number, State.QUEUED),
        ]
        assert rows[0].saved_at == unknown.created_at
        only = outbox.unprinted({PrintState.WANTED}).result(WAIT_S)
        assert [row.number for row in only] == [wanted.number]


def test_status_counts_and_survives_its_journey_as_json(tmp_path: Path) -> None:
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        kept = save(outbox)
        save(outbox)
        outbox.mark_delivered(kept.id, RECEIPT).result(WAIT_S)
        later = datetime.now(UTC) + timedelta(hours=1)
        status = outbox.status(later).result(WAIT_S)
        assert status.counts[State.QUEUED] == 1
        assert status.counts[State.DELIVERED] == 1
        assert status.payload_bytes == 2002
        assert status.oldest_age_s is not None
        assert 3599 < status.oldest_age_s < 3700
        assert QueueStatus.from_json(status.to_json()) == status
        in_1970 = outbox.status(datetime(1970, 1, 1, tzinfo=UTC)).result(WAIT_S)
        assert in_1970.oldest_age_s == 0.0


def test_small_values_are_kept(tmp_path: Path) -> None:
    with Outbox.open(tmp_path) as outbox:
        assert outbox.get_meta("clock").result(WAIT_S) is None
        outbox.put_meta("clock", "2026-05-10T09:00:00+00:00").result(WAIT_S)
        outbox.put_meta("clock", "2026-05-11T09:00:00+00:00").result(WAIT_S)
    with Outbox.open(tmp_path) as outbox:
        assert outbox.get_meta("clock").result(WAIT_S) == "2026-05-11T09:00:00+00:00"


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    place = tmp_path / "queue"
    place.mkdir(mode=0o755)
    with Outbox.open(place, terminal="LW042") as outbox:
        save(outbox)
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        for path in place.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
        assert (place / f"{DATABASE_NAME}-wal").exists()
        assert not (place / f"{DATABASE_NAME}-shm").exists(), "exclusive locking needs none"
    with Outbox.open(place, terminal="LW042") as outbox:
        save(outbox)
        assert not (place / f"{DATABASE_NAME}-shm").exists(), "nor when it is opened again"


def test_a_second_one_is_told_who_has_it(tmp_path: Path) -> None:
    with Outbox.open(tmp_path):
        with pytest.raises(QueueError, match=f"QU-04.*process {os.getpid()}") as caught:
            Outbox.open(tmp_path)
        assert caught.value.fault is QueueFault.LOCKED
    Outbox.open(tmp_path).close()


def test_absent_newer_foreign_or_broken_files_are_left_alone(tmp_path: Path) -> None:
    with pytest.raises(QueueError, match="QU-08"):
        Outbox.open(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()

    newer = tmp_path / "newer"
    Outbox.open(newer).close()
    with sqlite3.connect(newer / DATABASE_NAME) as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    with sqlite3.connect(foreign / DATABASE_NAME) as db:
        db.execute("PRAGMA user_version=1")
        db.execute("CREATE TABLE t (x)")
    db.close()
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / DATABASE_NAME).write_bytes(b"no database at all" * 500)
    for place in (newer, foreign, broken):
        before = (place / DATABASE_NAME).read_bytes()
        with pytest.raises(QueueError, match="QU-06"):
            Outbox.open(place)
        assert (place / DATABASE_NAME).read_bytes() == before


def test_after_closing_every_command_says_so(tmp_path: Path) -> None:
    outbox = Outbox.open(tmp_path, terminal="LW042")
    last = outbox.reserve_number()
    outbox.close()
    outbox.close()
    assert last.result(WAIT_S), "what was given before is still done"
    assert fault_of(outbox.reserve_number()) is QueueFault.CLOSED
    assert fault_of(outbox.status()) is QueueFault.CLOSED


def test_many_threads_at_once(tmp_path: Path) -> None:
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        heard: list[str] = []
        outbox.add_listener(heard.append)
        saved: list[str] = []

        def visit() -> None:
            for _ in range(10):
                saved.append(save(outbox).number)

        threads = [threading.Thread(target=visit) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_S)
        assert len(set(saved)) == 40
        assert outbox.status().result(WAIT_S).counts[State.QUEUED] == 40
        assert sorted(heard) == sorted(saved)


_CHILD = """
import os, sys, uuid
from datetime import UTC, datetime
from offline_queue import Outbox, Part, Submission
outbox = Outbox.open(sys.argv[1], terminal="LW042")
while True:
    number = outbox.reserve_number().result()
    parts = (Part("a", "image/jpeg", os.urandom(300_000)),)
    kept = Submission(uuid.uuid4().hex, number, b"{}" * 100, parts, datetime.now(UTC))
    outbox.enqueue(kept).result()
    os.write(1, f"{number} {kept.id}\\n".encode())
"""


@pytest.mark.parametrize("lines", [1, 2, 5, 9])
def test_killed_right_after_saved(tmp_path: Path, lines: int) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert child.stdout is not None
    told = [child.stdout.readline().decode().split() for _ in range(lines)]
    child.send_signal(signal.SIGKILL)
    told += [line.decode().split() for line in child.stdout if line.endswith(b"\n")]
    child.stdout.close()
    child.wait(WAIT_S)
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        for number, id_ in told:
            kept = outbox.delivery(number).result(WAIT_S)
            assert kept is not None
            assert kept.id == id_
            assert len(outbox.part(id_, "a").result(WAIT_S)) == 300_000
        fresh = outbox.reserve_number().result(WAIT_S)
        assert fresh not in [number for number, _ in told]


_FAILING_PROGRAM = """
import os, sys, threading, uuid
from datetime import UTC, datetime
from offline_queue import Outbox, Part, Submission
from offline_queue.sender import Sender, SenderSettings
from offline_queue.wire import WireSettings
outbox = Outbox.open(sys.argv[1], terminal="LW042")
number = outbox.reserve_number().result()
Sender(outbox, SenderSettings(WireSettings("http://127.0.0.1:9"))).start()
part = Part("a", "image/jpeg", os.urandom(300_000))
outbox.enqueue(Submission(uuid.uuid4().hex, number, b"{}", (part,), datetime.now(UTC)))
print(number, flush=True)
raise RuntimeError
"""


def test_a_program_that_fails_ends_and_keeps_what_it_was_given(tmp_path: Path) -> None:
    # A terminal that failed and did not end would never be started again.
    ended = subprocess.run(
        [sys.executable, "-c", _FAILING_PROGRAM, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        timeout=WAIT_S,
        check=False,
    )
    assert ended.returncode == 1
    with Outbox.open(tmp_path) as outbox:
        assert outbox.delivery(ended.stdout.decode().strip()).result(WAIT_S) is not None


class FailingDisk(apsw.VFS):
    """A disk whose writes and syncs fail while `fault` is set."""

    def __init__(self) -> None:
        self.fault: Callable[[str], None] = lambda _: None
        self.name = f"failing-{uuid.uuid4().hex}"
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        disk = self

        class File(apsw.VFSFile):
            def __init__(self) -> None:
                super().__init__("", name, flags)

            def xWrite(self, data: bytes, offset: int) -> None:
                disk.fault("write")
                super().xWrite(data, offset)

            def xSync(self, flags: int) -> None:
                disk.fault("sync")
                super().xSync(flags)

        return File()


@pytest.fixture
def disk() -> Iterator[FailingDisk]:
    vfs = FailingDisk()
    yield vfs
    vfs.unregister()
    gc.collect()


def _full(call: str) -> None:
    if call == "write":
        raise apsw.FullError("planted")


def _broken_write(call: str) -> None:
    if call == "write":
        raise apsw.IOError("planted")


def _broken_sync(call: str) -> None:
    if call == "sync":
        raise apsw.IOError("planted")


def test_a_full_disk_refuses_whole_submissions_and_recovers(
    tmp_path: Path, disk: FailingDisk
) -> None:
    with Outbox.open(tmp_path, terminal="LW042", vfs=disk.name) as outbox:
        kept = save(outbox)
        number = outbox.reserve_number().result(WAIT_S)
        late = submission(number, parts=4)
        disk.fault = _full
        assert fault_of(outbox.enqueue(late)) is QueueFault.DISK_FULL
        # Some numbers need no disk; what they are for is refused all the same.
        assert fault_of([outbox.reserve_number() for _ in range(3)][-1]) is QueueFault.DISK_FULL
        assert outbox.delivery(number).result(WAIT_S) is None
        assert outbox.document(kept.id).result(WAIT_S) == kept.document
        disk.fault = lambda _: None
        assert outbox.enqueue(late).result(WAIT_S).number == number
    with Outbox.open(tmp_path) as outbox:
        assert outbox.status().result(WAIT_S).counts[State.QUEUED] == 2


def sealed(number: str) -> Sealed:
    """Something that nobody here can read."""
    data = os.urandom(20_000)
    part = SealedPart(data, hashlib.sha256(data).hexdigest())
    digest = hashlib.sha256(b"{}").hexdigest()
    return Sealed(uuid.uuid4().hex, number, b"{}", digest, (part,), datetime.now(UTC))


def rested(outbox: Outbox) -> None:
    """As when nobody has done anything for a moment."""
    outbox._submit(lambda store: store.rest()).result(WAIT_S)


def test_a_number_and_an_enqueue_cost_one_sync_together(tmp_path: Path, disk: FailingDisk) -> None:
    calls: list[str] = []
    with Outbox.open(tmp_path, terminal="LW042", vfs=disk.name) as outbox:
        outbox.enqueue(sealed(outbox.reserve_number().result(WAIT_S))).result(WAIT_S)
        for _ in range(3):
            rested(outbox)
            disk.fault = calls.append
            number = outbox.reserve_number().result(WAIT_S)
            assert calls == [], "it was used up on the disk before"
            outbox.enqueue(sealed(number)).result(WAIT_S)
            assert calls.count("sync") == 1
            assert calls[-1] == "sync"
            disk.fault = lambda _: None
            calls.clear()


def test_a_number_that_no_commit_followed_is_not_handed_out_again(
    tmp_path: Path, disk: FailingDisk
) -> None:
    numbers: list[str] = []
    for life in range(4):
        place = tmp_path / str(life)
        with Outbox.open(place, terminal="LW042") as outbox:
            save(outbox)
            rested(outbox)
            numbers += [outbox.reserve_number().result(WAIT_S) for _ in range(1 + life % 3)]
            # The power goes now: what the disk has is all that the next life knows.
            after = tmp_path / str(life + 1)
            after.mkdir()
            for name in (DATABASE_NAME, f"{DATABASE_NAME}-wal"):
                shutil.copy(place / name, after)
    assert len(set(numbers)) == len(numbers)
    assert [parse_number(number).running for number in numbers] == sorted(
        parse_number(number).running for number in numbers
    )


def test_a_number_that_is_used_up_already_waits_for_no_command(tmp_path: Path) -> None:
    busy, go_on = threading.Event(), threading.Event()
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        before = save(outbox).number
        outbox._submit(lambda _: (busy.set(), go_on.wait(WAIT_S)))
        try:
            assert busy.wait(WAIT_S)
            number = outbox.reserve_number()
            assert number.done()
        finally:
            go_on.set()
        outbox.enqueue(sealed(number.result())).result(WAIT_S)
        assert parse_number(number.result()).running == parse_number(before).running + 1
    assert fault_of(outbox.reserve_number()) is QueueFault.CLOSED


def test_numbers_that_many_take_at_once_are_all_different(tmp_path: Path) -> None:
    taken: list[str] = []
    with Outbox.open(tmp_path, terminal="LW042") as outbox:

        def take(turn: int) -> None:
            number = outbox.reserve_number().result(WAIT_S)
            taken.append(number)
            if turn % 3:
                outbox.enqueue(sealed(number)).result(WAIT_S)
            elif turn % 2:
                rested(outbox)

        with ThreadPoolExecutor(8) as many:
            list(many.map(take, range(200)))
    assert sorted(parse_number(number).running for number in taken) == list(range(1, 201))


@pytest.mark.parametrize("fault", [_broken_write, _broken_sync])
def test_an_io_error_closes_the_intake_until_reopened(
    tmp_path: Path, disk: FailingDisk, fault: Callable[[str], None]
) -> None:
    told: list[str] = []
    with Outbox.open(tmp_path, terminal="LW042", vfs=disk.name) as outbox:
        outbox.add_failure_listener(told.append)
        kept = save(outbox)
        number = outbox.reserve_number().result(WAIT_S)
        assert told == []
        disk.fault = fault
        assert fault_of(outbox.enqueue(submission(number))) is QueueFault.IO_ERROR
        disk.fault = lambda _: None
        assert fault_of(outbox.enqueue(submission(number))) is QueueFault.IO_ERROR
        assert fault_of(outbox.reserve_number()) is QueueFault.IO_ERROR
        assert outbox.status().result(WAIT_S).intake_open is False
        assert told == ["QU-02"], "once"
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        assert outbox.document(kept.id).result(WAIT_S) == kept.document
        assert outbox.status().result(WAIT_S).intake_open is True
        save(outbox)


@pytest.mark.parametrize(("fault", "code"), [(_full, "QU-01"), (_broken_sync, "QU-02")])
def test_opening_on_a_failing_disk_says_which(
    tmp_path: Path, disk: FailingDisk, fault: Callable[[str], None], code: str
) -> None:
    disk.fault = fault
    with pytest.raises(QueueError, match=code):
        Outbox.open(tmp_path, vfs=disk.name)
    disk.fault = lambda _: None
    Outbox.open(tmp_path).close()


def test_nothing_is_told_before_it_is_synced(tmp_path: Path, disk: FailingDisk) -> None:
    with Outbox.open(tmp_path, terminal="LW042", vfs=disk.name) as outbox:
        pragmas = outbox._submit(
            lambda store: {
                name: store._db.execute(f"PRAGMA {name}").fetchall()[0][0]
                for name in ("synchronous", "journal_mode", "locking_mode")
            }
        ).result(WAIT_S)
        assert pragmas == {"synchronous": 2, "journal_mode": "wal", "locking_mode": "exclusive"}
        number = outbox.reserve_number().result(WAIT_S)
        calls: list[str] = []
        disk.fault = calls.append
        told_after: list[list[str]] = []
        future = outbox.enqueue(submission(number))
        future.add_done_callback(lambda _: told_after.append(list(calls)))
        future.result(WAIT_S)
        outbox.status().result(WAIT_S)
        assert told_after[0][-1] == "sync", "the last thing before the answer"
        assert "write" in told_after[0]
        disk.fault = lambda _: None


def test_every_write_of_an_enqueue_may_be_the_one_that_finds_the_disk_full(
    tmp_path: Path, disk: FailingDisk
) -> None:
    with Outbox.open(tmp_path, terminal="LW042", vfs=disk.name) as outbox:
        number = outbox.reserve_number().result(WAIT_S)
        kept = submission(number, parts=3)
        for index in range(1000):
            left = index

            def countdown(call: str) -> None:
                nonlocal left
                if call == "write":
                    if left == 0:
                        raise apsw.FullError("planted")
                    left -= 1

            disk.fault = countdown
            future = outbox.enqueue(kept)
            error = future.exception(WAIT_S)
            disk.fault = lambda _: None
            if error is None:
                break
            assert fault_of(future) is QueueFault.DISK_FULL
            assert outbox.delivery(number).result(WAIT_S) is None
            assert fault_of(outbox.document(kept.id)) is QueueFault.ABSENT
        assert index > 3, "the fault was never met"
    with Outbox.open(tmp_path) as outbox:
        assert outbox.document(kept.id).result(WAIT_S) == kept.document
        assert [outbox.part(kept.id, p.id).result(WAIT_S) for p in kept.parts] == [
            p.data for p in kept.parts
        ]


def test_a_real_full_disk(tmp_path: Path) -> None:
    """The engine's own limit instead of a simulated disk: nothing is torn."""
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        save(outbox)
        pages = outbox._submit(
            lambda store: int(str(store._db.execute("PRAGMA page_count").fetchall()[0][0]))
        ).result(WAIT_S)
        outbox._submit(
            lambda store: store._db.execute(f"PRAGMA max_page_count={pages + 3}").fetchall()
        ).result(WAIT_S)
        number = outbox.reserve_number().result(WAIT_S)
        big = submission(number, document=b"x" * 200_000)
        assert fault_of(outbox.enqueue(big)) is QueueFault.DISK_FULL
        assert outbox.status().result(WAIT_S).counts[State.QUEUED] == 1
        check = outbox._submit(
            lambda store: store._db.execute("PRAGMA integrity_check").fetchall()
        ).result(WAIT_S)
        assert check == [("ok",)]


def test_no_payload_in_any_repr(tmp_path: Path) -> None:
    kept = Submission("a", "n", PLANTED, (Part("p", "image/jpeg", PLANTED),), datetime.now(UTC))
    assert PLANTED.decode() not in repr(kept) + repr(kept.parts)
