"""The stick: whole files only, the same once, nothing lost by exporting, and the way back."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import uuid
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from queue_help import WAIT_S

from offline_queue import (
    Outbox,
    QueueError,
    QueueFault,
    Receipt,
    Sealed,
    SealedPart,
    State,
    Submission,
)
from offline_queue import export as exporting
from offline_queue.export import ExportDone, Exported, ImportDone, export, import_acknowledgements
from offline_queue.sender import plain_acknowledgement

AT = "2026-05-10T09:00:00+00:00"


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox.open(tmp_path / "queue", terminal="LW042") as outbox:
        yield outbox


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    place = tmp_path / "stick"
    place.mkdir()
    return place


def save(outbox: Outbox, parts: int = 1, size: int = 1000) -> Sealed:
    id_ = uuid.uuid4().hex
    envelope = json.dumps({"id": id_}).encode()
    data = [os.urandom(size) for _ in range(parts)]
    new = Sealed(
        id_,
        outbox.reserve_number().result(WAIT_S),
        envelope,
        hashlib.sha256(envelope).hexdigest(),
        tuple(SealedPart(one, hashlib.sha256(one).hexdigest()) for one in data),
        datetime.now(UTC),
    )
    outbox.enqueue(new).result(WAIT_S)
    return new


def manifest(items: tuple[Exported, ...]) -> bytes:
    return json.dumps([[item.number, item.handover, *item.parts] for item in items]).encode()


def take_out(outbox: Outbox, stick: Path, **more: Any) -> ExportDone:
    return export(outbox, stick, manifest, terminal="LW042", at=AT, **more)


def counts(outbox: Outbox) -> dict[State, int]:
    return {s: n for s, n in outbox.status().result(WAIT_S).counts.items() if n}


def receipt_for(kept: Sealed, **more: object) -> dict[str, object]:
    plain: dict[str, object] = {
        "application_id": kept.id,
        "digest": kept.digest,
        "case_number": "C-1",
        "sequence": 1,
        "received_at": AT,
    }
    return {**plain, **more}


def test_all_that_waits_is_in_the_file_byte_for_byte(outbox: Outbox, stick: Path) -> None:
    kept = [save(outbox, parts=n) for n in (0, 1, 3)]
    refused, gone = save(outbox), save(outbox)
    outbox.claim([one.id for one in (*kept, gone)]).result(WAIT_S)
    outbox.put_back(refused.id, State.QUARANTINED, "refused 422").result(WAIT_S)
    outbox.mark_delivered(gone.id, Receipt("C", 1, AT)).result(WAIT_S)
    clear = Submission(
        "c" * 32, outbox.reserve_number().result(WAIT_S), b"{}", (), datetime.now(UTC)
    )
    outbox.enqueue(clear).result(WAIT_S)

    done = take_out(outbox, stick)
    assert (done.applications, done.written, done.left_out) == (3, 1, 1), "the clear one stays"
    (path,) = done.files
    wanted = {
        f"{one.id}/handover.json": b'{"chain":null,"envelope":' + one.envelope + b"}"
        for one in kept
    } | {f"{one.id}/parts/{n}": part.data for one in kept for n, part in enumerate(one.parts)}
    with zipfile.ZipFile(path) as file:
        told = json.loads(file.read("manifest.json"))
        assert file.namelist()[0] == "manifest.json"
        assert {name: file.read(name) for name in file.namelist()[1:]} == wanted
        assert all(info.compress_type == zipfile.ZIP_STORED for info in file.infolist())
    assert [row[0] for row in told] == [one.number for one in kept], "oldest first"
    assert counts(outbox)[State.QUEUED] == 4, "nothing leaves by being exported"


def test_exporting_again_writes_nothing_again(outbox: Outbox, stick: Path) -> None:
    save(outbox)
    first = take_out(outbox, stick)
    before = [(path.name, path.stat().st_mtime_ns) for path in stick.iterdir()]
    assert take_out(outbox, stick) == first._replace(written=0)
    assert [(path.name, path.stat().st_mtime_ns) for path in stick.iterdir()] == before
    first.files[0].write_bytes(first.files[0].read_bytes()[:-30])  # a stick pulled out
    assert take_out(outbox, stick) == first
    save(outbox)
    assert take_out(outbox, stick).files != first.files


def test_it_is_cut_into_files_and_gone_on_with(
    outbox: Outbox, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(6):
        save(outbox, size=10_000)
    real, calls = exporting._put, 0

    def full(file: zipfile.ZipFile, name: str, data: bytes) -> None:
        nonlocal calls
        calls += 1
        if calls == 8:
            raise OSError(errno.ENOSPC, "planted")
        real(file, name, data)

    monkeypatch.setattr(exporting, "_put", full)
    with pytest.raises(QueueError, match="QU-10"):
        take_out(outbox, stick, file_most_bytes=25_000)
    assert len(list(stick.iterdir())) == 1, "the first is whole; of the second nothing is left"
    done = take_out(outbox, stick, file_most_bytes=25_000)
    assert (len(done.files), done.written, done.applications) == (3, 2, 6)
    assert sorted(stick.iterdir()) == sorted(done.files)


def test_a_stick_without_room_is_said_before_it_is_filled(
    outbox: Outbox, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(outbox)
    monkeypatch.setattr(exporting, "free_bytes", lambda _: 100)
    with pytest.raises(QueueError, match="QU-10"):
        take_out(outbox, stick)
    assert list(stick.iterdir()) == []


def test_a_place_that_is_not_there_is_said(outbox: Outbox, stick: Path) -> None:
    save(outbox)
    with pytest.raises(QueueError, match="QU-11"):
        take_out(outbox, stick / "no")
    stick.rmdir()
    stick.write_bytes(b"a file")
    with pytest.raises(QueueError, match="QU-11"):
        take_out(outbox, stick)


def test_one_that_the_disk_damaged_spoils_no_file(outbox: Outbox, stick: Path) -> None:
    sick, well = save(outbox), save(outbox)
    outbox._submit(
        lambda store: store._db.execute("UPDATE payload SET data=x'00' WHERE seq=1 AND ordinal=1")
    ).result(WAIT_S)
    done = take_out(outbox, stick)
    assert (done.applications, done.left_out) == (1, 1)
    with zipfile.ZipFile(done.files[0]) as file:
        names = " ".join(file.namelist())
    assert well.id in names
    assert sick.id not in names


def test_one_that_is_delivered_while_its_file_is_written(
    outbox: Outbox, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = save(outbox), save(outbox)
    real = exporting._put

    def delivered_meanwhile(file: zipfile.ZipFile, name: str, data: bytes) -> None:
        outbox.mark_delivered(second.id, Receipt("C", 1, AT)).result(WAIT_S)
        real(file, name, data)

    monkeypatch.setattr(exporting, "_put", delivered_meanwhile)
    done = take_out(outbox, stick)
    assert done.applications == 1
    with zipfile.ZipFile(done.files[0]) as file:
        assert json.loads(file.read("manifest.json"))[0][0] == first.number
    assert [path.name for path in stick.iterdir()] == [done.files[0].name]


def test_acknowledgements_are_believed_one_by_one(outbox: Outbox, tmp_path: Path) -> None:
    good, wrong, known, waits = (save(outbox) for _ in range(4))
    outbox.mark_delivered(known.id, Receipt("C", 1, AT)).result(WAIT_S)
    path = tmp_path / "back.json"
    told = [
        receipt_for(good),
        receipt_for(wrong, digest="0" * 64),
        receipt_for(known),
        receipt_for(waits, application_id="0" * 32),
        {"application_id": 7},
        "nonsense",
    ]
    path.write_text(json.dumps({"version": 1, "acknowledgements": told}))
    done = import_acknowledgements(outbox, path, plain_acknowledgement)
    assert done == ImportDone(delivered=1, known=1, refused=3, strange=1)
    assert counts(outbox) == {State.DELIVERED: 2, State.QUEUED: 2}
    again = import_acknowledgements(outbox, path, plain_acknowledgement)
    assert again == ImportDone(delivered=0, known=2, refused=3, strange=1)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b'{"acknowledgements":{}}', b"[" * 9999, b"\xff"]
)
def test_another_file_is_refused_whole(outbox: Outbox, tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "back.json"
    path.write_bytes(raw)
    with pytest.raises(QueueError) as caught:
        import_acknowledgements(outbox, path, plain_acknowledgement)
    assert caught.value.fault is QueueFault.NOT_OURS
