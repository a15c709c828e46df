"""Sealed submissions: opaque, chained, in lanes; and what an older schema left behind."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from queue_help import RECEIPT, WAIT_S, fault_of

from offline_queue import (
    Limits,
    Outbox,
    Part,
    PrintState,
    QueueFault,
    Sealed,
    SealedPart,
    State,
    Submission,
)
from offline_queue.schema import APPLICATION_ID, MIGRATIONS
from offline_queue.store import DATABASE_NAME, FIRST_PREVIOUS


def hexed(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sealed(number: str, *, parts: int = 2, id_: str = "", **more: Any) -> Sealed:
    """Bytes that nobody here can read."""
    id_ = id_ or uuid.uuid4().hex
    envelope = json.dumps({"id": id_}).encode()
    data = [f"{id_}{ordinal}".encode() * 20 for ordinal in range(parts)]
    pieces = tuple(SealedPart(one, hexed(one)) for one in data)
    return Sealed(id_, number, envelope, hexed(envelope), pieces, datetime.now(UTC), **more)


def save(outbox: Outbox, **more: Any) -> Sealed:
    kept = sealed(outbox.reserve_number().result(WAIT_S), **more)
    outbox.enqueue(kept).result(WAIT_S)
    return kept


def chain(index: int, previous: str, id_: str, digest: str) -> tuple[bytes, str]:
    entry = json.dumps([index, previous, id_, digest]).encode()
    return entry, hexed(entry)


def entries(outbox: Outbox) -> list[list[Any]]:
    rows: list[Any] = outbox._submit(
        lambda store: store._db.execute(
            "SELECT data FROM payload WHERE ordinal=-1 ORDER BY seq"
        ).fetchall()
    ).result(WAIT_S)
    return [json.loads(row[0]) for row in rows]


def test_what_is_posted_is_made_of_the_bytes_that_came(tmp_path: Path) -> None:
    with Outbox.open(tmp_path, terminal="LW042", chain=chain) as outbox:
        kept = save(outbox, suite="2", hash="sm3")
        claim = outbox.claim().result(WAIT_S)
        assert claim is not None
        assert (claim.digest, claim.suite) == (kept.digest, "2")
        assert [(head.id, head.digest) for head in claim.parts] == [
            (str(ordinal), part.digest) for ordinal, part in enumerate(kept.parts)
        ]
        posted = outbox.handover(kept.id).result(WAIT_S)
        entry = json.dumps([1, FIRST_PREVIOUS, kept.id, kept.digest]).encode()
        assert posted == b'{"chain":' + entry + b',"envelope":' + kept.envelope + b"}"
        for ordinal, part in enumerate(kept.parts):
            assert outbox.part(kept.id, str(ordinal)).result(WAIT_S) == part.data


def test_without_a_chain_there_is_no_entry(tmp_path: Path) -> None:
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        kept = save(outbox)
        posted = outbox.handover(kept.id).result(WAIT_S)
        assert json.loads(posted) == {"chain": None, "envelope": {"id": kept.id}}


def test_the_chain_has_no_gap_whatever_fails_between(tmp_path: Path) -> None:
    fails = False

    def moody(index: int, previous: str, id_: str, digest: str) -> tuple[bytes, str]:
        if fails:
            raise RuntimeError("planted")
        return chain(index, previous, id_, digest)

    kept: list[Sealed] = []
    told: list[list[Any]] = []
    for _ in range(2):
        with Outbox.open(tmp_path, terminal="LW042", chain=moody) as outbox:
            kept.append(save(outbox))
            fails = True
            number = outbox.reserve_number().result(WAIT_S)
            lost = sealed(number)
            assert isinstance(outbox.enqueue(lost).exception(WAIT_S), RuntimeError)
            assert outbox.delivery(number).result(WAIT_S) is None, "nothing of it is kept"
            fails = False
            outbox.enqueue(kept[-1]).result(WAIT_S)  # a repeat makes no second entry
            kept.append(save(outbox))
            told = entries(outbox)
    assert [row[0] for row in told] == [1, 2, 3, 4]
    assert [row[2] for row in told] == [one.id for one in kept]
    previous = FIRST_PREVIOUS
    for row in told:
        assert row[1] == previous
        previous = hexed(json.dumps(row).encode())


def test_a_repeat_is_the_same_and_other_bytes_are_a_conflict(tmp_path: Path) -> None:
    with Outbox.open(tmp_path, terminal="LW042", chain=chain) as outbox:
        kept = save(outbox)
        first = outbox.enqueue(kept).result(WAIT_S)
        assert (first.digest, first.state) == (kept.digest, State.QUEUED)
        other = sealed(kept.number, id_=kept.id, parts=3)
        assert fault_of(outbox.enqueue(other)) is QueueFault.CONFLICT
        thief = sealed(kept.number)
        assert fault_of(outbox.enqueue(thief)) is QueueFault.CONFLICT


def test_a_digest_that_does_not_fit_is_refused_at_the_door(tmp_path: Path) -> None:
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        right = sealed(outbox.reserve_number().result(WAIT_S))
        wrong = replace(right, digest="0" * 64)
        torn = replace(right, parts=(*right.parts, SealedPart(b"x", "0" * 64)))
        for bad in (wrong, torn):
            assert fault_of(outbox.enqueue(bad)) is QueueFault.REFUSED
        assert outbox.enqueue(right).result(WAIT_S).state is State.QUEUED


def test_within_a_lane_in_order_and_no_lane_waits_for_another(tmp_path: Path) -> None:
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        first, second = save(outbox, lane="visit-1"), save(outbox, lane="visit-1")
        other = save(outbox, lane="visit-2")

        def next_id(*not_yet: str) -> str:
            claim = outbox.claim(not_yet).result(WAIT_S)
            return claim.id if claim is not None else ""

        assert next_id() == first.id
        assert next_id() == other.id, "the second of the visit waits for its first"
        outbox.put_back(first.id, State.WAITING, "busy 503").result(WAIT_S)
        assert next_id(first.id) == ""
        for _ in range(7):  # a stuck one does not hold its lane for ever
            assert next_id() == first.id
            outbox.put_back(first.id, State.WAITING, "busy 503").result(WAIT_S)
        assert next_id(first.id) == second.id


@pytest.mark.parametrize("ended", [State.ACCEPTED, State.QUARANTINED, State.DELIVERED])
def test_what_the_backend_has_or_refused_holds_no_lane(tmp_path: Path, ended: State) -> None:
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        first, second = save(outbox, lane="v"), save(outbox, lane="v")
        outbox.claim().result(WAIT_S)
        if ended is State.DELIVERED:
            outbox.mark_delivered(first.id, RECEIPT).result(WAIT_S)
        else:
            outbox.put_back(first.id, ended, "because").result(WAIT_S)
        claim = outbox.claim({first.id}).result(WAIT_S)
        assert claim is not None
        assert claim.id == second.id


def test_higher_priority_goes_first(tmp_path: Path) -> None:
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        low, high = save(outbox), save(outbox, priority=5)
        ids = []
        while (claim := outbox.claim().result(WAIT_S)) is not None:
            ids.append(claim.id)
        assert ids == [high.id, low.id]


def test_the_keys_that_are_still_needed(tmp_path: Path) -> None:
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        old, _ = save(outbox, key_id="seal-1"), save(outbox, key_id="seal-2")
        assert outbox.status().result(WAIT_S).key_ids == ("seal-1", "seal-2")
        outbox.mark_delivered(old.id, RECEIPT).result(WAIT_S)
        assert outbox.status().result(WAIT_S).key_ids == ("seal-2",)


def test_a_tombstone_is_left_after_time_in_service_whatever_the_wall_clock_says(
    tmp_path: Path,
) -> None:
    now = 0.0
    limits = Limits(ballast_bytes=0, keep_delivered_s=100)

    def opened() -> Outbox:
        return Outbox.open(
            tmp_path, terminal="LW042", chain=chain, limits=limits, monotonic=lambda: now
        )

    with opened() as outbox:
        done, kept = save(outbox), save(outbox)
        outbox.mark_delivered(done.id, RECEIPT).result(WAIT_S)
        now = 60.0
        assert outbox.purge().result(WAIT_S) == 0
    with opened() as outbox:  # time goes on where it stood
        now = 99.0
        assert outbox.purge().result(WAIT_S) == 0
        now = 101.0
        assert outbox.purge().result(WAIT_S) == 1
    with opened() as outbox:
        counts = outbox.status().result(WAIT_S).counts
        assert (counts[State.PURGED], counts[State.DELIVERED], counts[State.QUEUED]) == (1, 0, 1)
        told = outbox.delivery(done.number).result(WAIT_S)
        assert told is not None
        assert (told.id, told.digest, told.position) == (done.id, done.digest, 1)
        assert (told.state, told.acknowledged_at) == (State.PURGED, RECEIPT.received_at)
        assert outbox.enqueue(done).result(WAIT_S).state is State.PURGED, "a repeat, not a second"
        assert fault_of(outbox.enqueue(sealed(done.number))) is QueueFault.CONFLICT
        other = sealed(done.number, id_=done.id, parts=1)
        assert fault_of(outbox.enqueue(other)) is QueueFault.CONFLICT
        outbox.mark_delivered(kept.id, RECEIPT).result(WAIT_S)
        save(outbox)
        assert [row[0] for row in entries(outbox)] == [3], "the chain goes on"


# --- what an older version left


def version_one(place: Path) -> list[Submission]:
    """An outbox as schema 1 wrote it: one of each state."""
    place.mkdir(exist_ok=True)
    kept = []
    with sqlite3.connect(place / DATABASE_NAME) as db:
        db.executescript(MIGRATIONS[0])
        db.execute(f"PRAGMA application_id={APPLICATION_ID}")
        db.execute("PRAGMA user_version=1")
        db.execute("INSERT INTO meta VALUES ('number:last', '6')")
        states = ("queued", "sending", "waiting", "accepted", "quarantined", "delivered")
        with Outbox.open(place / "numbers", terminal="LW042") as other:
            numbers = [other.reserve_number().result(WAIT_S) for _ in states]
        for seq, (state, number) in enumerate(zip(states, numbers, strict=True), start=1):
            document, data = f'{{"n":{seq}}}'.encode(), bytes([seq]) * 500
            new = Submission(
                f"{seq:032x}", number, document, (Part("p", "image/png", data),), datetime.now(UTC)
            )
            kept.append(new)
            db.execute(
                "INSERT INTO submission VALUES (?,?,?,?,?,?,2,'','printed',?,?,'',0,'')",
                (
                    seq,
                    new.id,
                    number,
                    hexed(document),
                    _fingerprint_of_version_one(new),
                    state,
                    new.created_at.isoformat(),
                    len(document) + 500,
                ),
            )
            if state != "delivered":
                db.execute(
                    "INSERT INTO payload VALUES (?,0,'','',?,?)", (seq, hexed(document), document)
                )
                db.execute(
                    "INSERT INTO payload VALUES (?,1,'p','image/png',?,?)",
                    (seq, hexed(data), data),
                )
    db.close()
    return kept


def _fingerprint_of_version_one(kept: Submission) -> str:
    whole = hashlib.sha256(hexed(kept.document).encode())
    for part in kept.parts:
        for text in (part.id, part.media_type, hexed(part.data)):
            raw = text.encode()
            whole.update(len(raw).to_bytes(4, "big") + raw)
    return whole.hexdigest()


def seal_clear(clear: Submission) -> Sealed:
    pieces = (clear.document[::-1], *(part.data + b"!" for part in clear.parts))
    new = sealed(clear.number, id_=clear.id)
    return replace(new, parts=tuple(SealedPart(one, hexed(one)) for one in pieces), key_id="k")


def test_migration_loses_no_row_and_sends_clear_rows_as_before(tmp_path: Path) -> None:
    kept = version_one(tmp_path)
    for _ in range(2):
        with Outbox.open(tmp_path, terminal="LW042") as outbox:
            counts = outbox.status().result(WAIT_S).counts
            assert counts == {
                State.QUEUED: 1,
                State.SENDING: 0,
                State.WAITING: 2,
                State.ACCEPTED: 1,
                State.QUARANTINED: 1,
                State.DELIVERED: 1,
                State.PURGED: 0,
            }
            for old in kept[:5]:
                assert outbox.handover(old.id).result(WAIT_S) == old.document
                assert outbox.part(old.id, "p").result(WAIT_S) == old.parts[0].data
            for old in kept:
                assert outbox.enqueue(old).result(WAIT_S).id == old.id, "known as the same"
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        claim = outbox.claim().result(WAIT_S)
        assert claim is not None
        assert (claim.id, claim.suite) == (kept[0].id, "")
        assert claim.parts[0].digest == hexed(kept[0].parts[0].data)
        assert outbox.reserve_number().result(WAIT_S).startswith("LW042-00007-")


def test_clear_rows_are_sealed_once_and_leave_no_trace(tmp_path: Path) -> None:
    kept = version_one(tmp_path)
    with Outbox.open(tmp_path, terminal="LW042", reseal=seal_clear, chain=chain) as outbox:
        assert [row[2] for row in entries(outbox)] == [old.id for old in kept[:5]]
        for old in kept[:5]:
            told = outbox.delivery(old.number).result(WAIT_S)
            assert told is not None
            assert told.print_state is PrintState.PRINTED
            assert outbox.part(old.id, "0").result(WAIT_S) == old.document[::-1]
            assert outbox.part(old.id, "1").result(WAIT_S) == old.parts[0].data + b"!"
        assert outbox.status().result(WAIT_S).counts[State.DELIVERED] == 1
    disk = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    for old in kept[:5]:
        assert old.document not in disk

    def never(_: Submission) -> Sealed:
        raise AssertionError("sealed twice")

    with Outbox.open(tmp_path, terminal="LW042", reseal=never, chain=chain) as outbox:
        claim = outbox.claim().result(WAIT_S)
        assert claim is not None
        assert claim.suite == "1"


@pytest.mark.expected_logs("stays unsealed: KeyError", reason="the port is broken on purpose")
@pytest.mark.expected_logs("stays unsealed: QU-07", reason="the port gives another's name")
def test_what_cannot_be_sealed_is_kept_and_sent_as_before(tmp_path: Path) -> None:
    kept = version_one(tmp_path)

    def broken(clear: Submission) -> Sealed:
        if clear.id == kept[0].id:
            raise KeyError("planted")
        if clear.id == kept[1].id:
            return replace(seal_clear(clear), id="0" * 32)
        return seal_clear(clear)

    with Outbox.open(tmp_path, terminal="LW042", reseal=broken, chain=chain) as outbox:
        for old in kept[:2]:
            assert outbox.handover(old.id).result(WAIT_S) == old.document
        assert [row[0] for row in entries(outbox)] == [1, 2, 3]
        assert outbox.part(kept[2].id, "0").result(WAIT_S) == kept[2].document[::-1]
