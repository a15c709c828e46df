"""Room for another visit: quotas, a disk that fills up, and the ballast that settles it."""

from __future__ import annotations

import errno
import gc
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw
import pytest
from queue_help import RECEIPT, WAIT_S

from offline_queue import (
    Intake,
    Level,
    Limits,
    Outbox,
    PrintState,
    QueueError,
    QueueFault,
    Sealed,
    SealedPart,
)
from offline_queue.limits import BALLAST_NAME, measure
from offline_queue.metrics import prometheus
from offline_queue.store import DATABASE_NAME, Store

KIB = 1024
SMALL = Limits(free_least_bytes=1024 * KIB, ballast_bytes=1024 * KIB)


def sealed(number: str, size: int = 100) -> Sealed:
    data = os.urandom(size)
    part = SealedPart(data, hashlib.sha256(data).hexdigest())
    digest = hashlib.sha256(b"{}").hexdigest()
    return Sealed(uuid.uuid4().hex, number, b"{}", digest, (part,), datetime.now(UTC))


def save(outbox: Outbox, size: int = 100) -> Sealed:
    kept = sealed(outbox.reserve_number().result(WAIT_S), size)
    outbox.enqueue(kept).result(WAIT_S)
    return kept


class SmallDisk(apsw.VFS):
    """A disk of `capacity` bytes below one directory, for SQLite and for whoever asks."""

    def __init__(self, place: Path, capacity: int) -> None:
        self.place = place
        self.capacity = capacity
        self.name = f"small-{uuid.uuid4().hex}"
        super().__init__(self.name, "")

    def free(self) -> int:
        files = [path.stat() for path in self.place.iterdir()]
        return self.capacity - sum(max(told.st_blocks * 512, told.st_size) for told in files)

    def statvfs(self, _place: object) -> Any:
        class Told:
            f_bavail = max(0, self.free()) // 512
            f_frsize = 512

        return Told

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        disk = self

        class File(apsw.VFSFile):
            def __init__(self) -> None:
                super().__init__("", name, flags)

            def xWrite(self, data: bytes, offset: int) -> None:
                grows = offset + len(data) - self.xFileSize()
                if grows > 0 and grows > disk.free():
                    raise apsw.FullError("planted")
                super().xWrite(data, offset)

        return File()


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallDisk]:
    vfs = SmallDisk(tmp_path, 8192 * KIB)
    monkeypatch.setattr(os, "statvfs", vfs.statvfs)
    yield vfs
    vfs.unregister()
    gc.collect()


@pytest.mark.parametrize(
    ("count", "size", "free", "intake"),
    [
        (0, 0, 10_000, Intake()),
        (79, 0, 10_000, Intake()),
        (80, 0, 10_000, Intake(Level.WARNING, "QU-09")),
        (100, 0, 10_000, Intake(Level.CLOSED, "QU-09")),
        (0, 800, 10_000, Intake(Level.WARNING, "QU-09")),
        (0, 1000, 10_000, Intake(Level.CLOSED, "QU-09")),
        (0, 0, 1999, Intake(Level.WARNING, "QU-01")),
        (0, 0, 999, Intake(Level.CLOSED, "QU-01")),
        (100, 1000, 0, Intake(Level.CLOSED, "QU-01")),
        (80, 0, 999, Intake(Level.CLOSED, "QU-01")),
    ],
)
def test_each_level(count: int, size: int, free: int, intake: Intake) -> None:
    limits = Limits(count_most=100, bytes_most=1000, free_least_bytes=1000)
    assert measure(limits, count=count, size=size, free=free) == intake


def test_a_quota_closes_the_intake_before_a_visit_and_never_at_its_end(tmp_path: Path) -> None:
    limits = Limits(count_most=5, ballast_bytes=0)

    def intake() -> Intake:
        told = outbox.intake().result(WAIT_S)
        status = outbox.status().result(WAIT_S)
        assert (status.intake, status.intake_open) == (told, told.open)
        return told

    with Outbox.open(tmp_path, terminal="LW042", limits=limits) as outbox:
        kept = [save(outbox) for _ in range(3)]
        assert intake() == Intake()
        kept.append(save(outbox))
        assert intake() == Intake(Level.WARNING, "QU-09")
        kept.append(save(outbox))
        assert intake() == Intake(Level.CLOSED, "QU-09")
        save(outbox)  # who had begun before may still finish
    with Outbox.open(tmp_path, terminal="LW042", limits=limits) as outbox:
        assert intake() == Intake(Level.CLOSED, "QU-09"), "counted anew"
        for one in kept[:2]:
            outbox.mark_delivered(one.id, RECEIPT).result(WAIT_S)
            outbox.mark_delivered(one.id, RECEIPT).result(WAIT_S)
        assert intake() == Intake(Level.WARNING, "QU-09")
        outbox.mark_delivered(kept[2].id, RECEIPT).result(WAIT_S)
        assert intake() == Intake()


@pytest.mark.expected_logs("the ballast is given up", reason="the disk was filled on purpose")
def test_a_disk_that_fills_up_is_settled_with_the_ballast(tmp_path: Path, disk: SmallDisk) -> None:
    with Outbox.open(tmp_path, terminal="LW042", limits=SMALL, vfs=disk.name) as outbox:
        assert (tmp_path / BALLAST_NAME).stat().st_blocks * 512 >= SMALL.ballast_bytes
        kept: list[Sealed] = []
        closed_at: list[int] = []

        def fill() -> None:
            while True:
                kept.append(save(outbox, 150 * KIB))
                # The WAL is folded back when idle or at 16 MiB: more than this disk has.
                outbox._submit(lambda store: store.rest()).result(WAIT_S)
                if not outbox.intake().result(WAIT_S).open:
                    closed_at.append(len(kept))

        with pytest.raises(QueueError) as full:
            fill()
        assert full.value.fault is QueueFault.DISK_FULL
        assert closed_at
        assert closed_at[0] < len(kept), "before the end"
        # Whatever is left is filled by somebody else's file.
        (tmp_path / "stranger").write_bytes(bytes(max(0, disk.free())))

        def print_states() -> None:
            for state in PrintState:
                for one in kept:
                    outbox.set_print_state(one.number, state).result(WAIT_S)

        print_states()
        assert not (tmp_path / BALLAST_NAME).stat().st_size, "it was needed"
        assert outbox.intake().result(WAIT_S) == Intake(Level.CLOSED, "QU-01")
        for one in kept:
            outbox.mark_delivered(one.id, RECEIPT).result(WAIT_S)
        (tmp_path / "stranger").unlink()
        looks = [outbox.intake().result(WAIT_S) for _ in range(4)]  # some space at each
        assert looks[-1] == Intake()
        assert (tmp_path / BALLAST_NAME).stat().st_size == SMALL.ballast_bytes, "made again"
        save(outbox, 150 * KIB)


@pytest.mark.expected_logs("the ballast is given up", reason="the disk was filled on purpose")
@pytest.mark.parametrize("in_order", [True, False], ids=["stopped", "killed"])
def test_a_terminal_that_starts_on_a_full_disk_sends_what_waits(
    tmp_path: Path, disk: SmallDisk, in_order: bool
) -> None:
    limits = replace(SMALL, free_least_bytes=0)
    before = tmp_path / "before"
    with Outbox.open(before, terminal="LW042", limits=limits) as outbox:
        kept = [save(outbox, 150 * KIB) for _ in range(3)]
        outbox.claim().result(WAIT_S)
        if not in_order:
            _move(before, tmp_path, copy=True)
    if in_order:
        _move(before, tmp_path)
    (tmp_path / "stranger").write_bytes(bytes(max(0, disk.free())))
    with Outbox.open(tmp_path, terminal="LW042", limits=limits, vfs=disk.name) as outbox:
        for _ in kept:
            claim = outbox.claim().result(WAIT_S)
            assert claim is not None
            outbox.mark_delivered(claim.id, RECEIPT).result(WAIT_S)
        assert outbox.status().result(WAIT_S).undelivered == 0


def _move(before: Path, to: Path, *, copy: bool = False) -> None:
    for path in before.iterdir():
        (shutil.copy if copy else shutil.move)(path, to / path.name)


def test_no_room_for_the_name_of_the_lock_s_holder_locks_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "planted")

    monkeypatch.setattr(os, "pwrite", full)
    with Outbox.open(tmp_path), pytest.raises(QueueError, match="QU-04"):
        Outbox.open(tmp_path)


def test_without_a_ballast_the_same_disk_cannot_be_settled(tmp_path: Path, disk: SmallDisk) -> None:
    limits = Limits(free_least_bytes=1024 * KIB, ballast_bytes=0)
    with Outbox.open(tmp_path, terminal="LW042", limits=limits, vfs=disk.name) as outbox:
        kept = save(outbox)

        def truncate(store: Store) -> None:
            store._clear = True  # or the WAL's own length would be room enough
            store.rest()

        outbox._submit(truncate).result(WAIT_S)
        (tmp_path / "stranger").write_bytes(bytes(disk.free()))
        error = outbox.mark_delivered(kept.id, RECEIPT).exception(WAIT_S)
        assert isinstance(error, QueueError)
        assert error.fault is QueueFault.DISK_FULL
        (tmp_path / "stranger").unlink()
        assert outbox.mark_delivered(kept.id, RECEIPT).result(WAIT_S) is True


def test_an_io_error_closes_the_intake_with_its_code(tmp_path: Path, disk: SmallDisk) -> None:
    with Outbox.open(tmp_path, terminal="LW042", vfs=disk.name) as outbox:
        outbox._submit(lambda store: setattr(store, "intake_open", False)).result(WAIT_S)
        assert outbox.intake().result(WAIT_S) == Intake(Level.CLOSED, "QU-02")
        status = outbox.status().result(WAIT_S)
        assert status.intake_open is False
        assert "\nkiosk_outbox_disk_failed 1\n" in prometheus(status, datetime.now(UTC))


# One line of Prometheus' text format 0.0.4, as far as these metrics use it.
_HEAD = re.compile(r"# (HELP|TYPE) ([a-z_]+) (?:gauge|[^\\]+)")
_SAMPLE = re.compile(r'([a-z_]+)(\{[a-z]+="[a-z]+"\})? (-?[0-9]+)')


def test_the_metrics_are_prometheus_text_and_of_nobody(tmp_path: Path) -> None:
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        kept = [save(outbox) for _ in range(2)]
        outbox.mark_delivered(kept[0].id, RECEIPT).result(WAIT_S)
        text = prometheus(outbox.status().result(WAIT_S), datetime.now(UTC))
    assert text.endswith("\n")
    assert not any(word in text for one in kept for word in (one.number, one.id, one.digest))
    seen: list[str] = []
    samples: set[str] = set()
    for line in text.splitlines():
        if (head := _HEAD.fullmatch(line)) is not None:
            if head[1] == "HELP":
                assert head[2] not in seen, "a family is told once, in one piece"
                seen.append(head[2])
            assert head[2] == seen[-1]
            continue
        sample = _SAMPLE.fullmatch(line)
        assert sample is not None, line
        assert sample[1] == seen[-1]
        assert line.rsplit(" ", 1)[0] not in samples, "each once"
        samples.add(line.rsplit(" ", 1)[0])
    assert {one.partition("{")[0] for one in samples} == set(seen)


def test_a_damaged_table_is_found_when_the_outbox_is_opened(tmp_path: Path) -> None:
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        for _ in range(200):
            save(outbox)
        root = outbox._submit(
            lambda store: store._scalar(
                "SELECT rootpage FROM sqlite_schema WHERE name='submission'"
            )
        ).result(WAIT_S)
    path = tmp_path / DATABASE_NAME
    raw = bytearray(path.read_bytes())
    begin = (root - 1) * 4096
    raw[begin + 20 : begin + 200] = os.urandom(180)
    path.write_bytes(raw)
    with pytest.raises(QueueError, match="QU-06"):
        Outbox.open(tmp_path, terminal="LW042")
    assert path.read_bytes() == raw, "nothing is mended by guessing"
