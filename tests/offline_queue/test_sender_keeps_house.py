"""The sender beyond delivery: sealed uploads, heartbeats, keys, an ill backend, purging."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

import pytest
from queue_help import WAIT_S, VirtualPace

from offline_queue import (
    Alarm,
    Delivered,
    Heartbeat,
    Outbox,
    QueueError,
    QueueFault,
    QueueStatus,
    Receipt,
    Sealed,
    SealedPart,
    Sender,
    SenderEvent,
    SenderSettings,
    State,
    Waiting,
)
from offline_queue.answers import Answer, Trouble
from offline_queue.wire import Wire, WireSettings


class Scripted(Wire):
    """A backend behind the sender's own door, for what needs no socket."""

    def __init__(self) -> None:
        super().__init__(WireSettings("http://127.0.0.1:1"))
        self.seen: list[tuple[str, str, bytes, dict[str, str]]] = []
        self.script: dict[str, Callable[[bytes], Answer]] = {}
        self.parts: dict[str, str] = {}

    def request(  # type: ignore[no-untyped-def]
        self, method: str, path: str, *, body: bytes | None = None, headers=None, **_: object
    ) -> Answer:
        self.seen.append((method, path, body or b"", dict(headers or {})))
        door = f"{method} {path.rsplit('/', 1)[-1]}" if method != "PUT" else "PUT"
        if door in self.script:
            return self.script[door](body or b"")
        doors = {"PUT": self._put, "GET": self._get, "POST": self._post}
        return doors[method](path, body or b"")

    def _put(self, path: str, body: bytes) -> Answer:
        ordinal = path.rsplit("/", 1)[-1]
        self.parts[ordinal] = hashlib.sha256(body).hexdigest()
        return answer(201, {"ordinal": int(ordinal), "digest": self.parts[ordinal]})

    def _get(self, path: str, _body: bytes) -> Answer:
        if path.endswith("health"):
            return answer(200, {"status": "ok"})
        there = [{"ordinal": int(n), "digest": digest} for n, digest in self.parts.items()]
        return answer(200, {"parts": there})

    def _post(self, path: str, body: bytes) -> Answer:
        if path.endswith("heartbeat"):
            return answer(200, {})
        envelope = json.loads(body)["envelope"]
        return answer(
            201,
            {
                "application_id": envelope["id"],
                "digest": hashlib.sha256(json.dumps(envelope).encode()).hexdigest(),
                "case_number": "C-1",
                "sequence": 1,
                "received_at": "2026-05-10T09:00:00Z",
            },
        )

    def doors(self) -> list[str]:
        return [f"{method} {path.rsplit('/', 1)[-1]}" for method, path, _, _ in self.seen]


def answer(status: int, plain: object) -> Answer:
    return Answer(status, "application/json", json.dumps(plain).encode())


class Rig:
    """An outbox, a scripted backend, and a sender driven step by step."""

    def __init__(self, place: Path, heartbeat: Heartbeat | None = None) -> None:
        self.outbox = Outbox.open(place, terminal="LW042")
        self.wire = Scripted()
        self.pace = VirtualPace()
        self.events: list[SenderEvent] = []
        self.sender = Sender(
            self.outbox,
            SenderSettings(WireSettings("http://127.0.0.1:1")),
            on_change=self.events.append,
            heartbeat=heartbeat,
            pace=self.pace,
            wire=self.wire,
        )

    def save(self, parts: int = 0, **more: str) -> Sealed:
        id_ = uuid.uuid4().hex
        envelope = json.dumps({"id": id_}).encode()
        data = [bytes([n]) * 50 for n in range(parts)]
        new = Sealed(
            id_,
            self.outbox.reserve_number().result(WAIT_S),
            envelope,
            hashlib.sha256(envelope).hexdigest(),
            tuple(SealedPart(one, hashlib.sha256(one).hexdigest()) for one in data),
            datetime.now(UTC),
            **more,  # type: ignore[arg-type]
        )
        self.outbox.enqueue(new).result(WAIT_S)
        return new

    def run(self) -> float | None:
        for _ in range(80):
            wait_s = self.sender.step()
            if wait_s is None or wait_s > 0:
                return wait_s
        raise AssertionError("the sender never rests")

    def state(self, kept: Sealed) -> State:
        told = self.outbox.delivery(kept.number).result(WAIT_S)
        assert told is not None
        return told.state

    def close(self) -> None:
        self.sender.close()
        self.outbox.close()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.close()


def test_sealed_parts_go_by_ordinal_with_their_suite_and_the_envelope_last(rig: Rig) -> None:
    kept = rig.save(parts=3, suite="2")
    rig.run()
    assert rig.wire.doors() == ["PUT 0", "PUT 1", "PUT 2", "POST applications"]
    assert [head["X-Suite"] for _, _, _, head in rig.wire.seen[:3]] == ["2"] * 3
    assert rig.wire.seen[-1][2] == b'{"chain":null,"envelope":' + kept.envelope + b"}"
    assert rig.wire.seen[-1][3]["Idempotency-Key"] == kept.id
    assert rig.state(kept) is State.DELIVERED


def test_a_sealed_upload_is_resumed_by_digest(rig: Rig) -> None:
    kept = rig.save(parts=3)
    rig.wire.script["POST applications"] = lambda _: answer(409, {"code": "incomplete"})
    rig.run()
    rig.wire.script.clear()
    rig.wire.seen.clear()
    rig.wire.parts["1"] = "0" * 64  # the backend has other bytes there
    del rig.wire.parts["2"]
    rig.pace.now += 10
    rig.run()
    assert rig.wire.doors() == ["GET parts", "PUT 1", "PUT 2", "POST applications"]
    assert rig.state(kept) is State.DELIVERED


def test_nothing_of_it_there_yet_is_no_wrong_door(rig: Rig) -> None:
    kept = rig.save(parts=1)
    rig.wire.script["PUT"] = lambda _: answer(503, {})
    rig.run()
    rig.wire.script = {"GET parts": lambda _: answer(404, {"code": "not-found"})}
    rig.pace.now += 10
    rig.run()
    assert rig.state(kept) is State.DELIVERED
    assert rig.sender.alarm == ""


def test_what_was_taken_in_is_asked_for_without_its_parts(rig: Rig) -> None:
    kept = rig.save(parts=2)
    rig.wire.script["POST applications"] = lambda _: answer(202, {})
    rig.run()
    assert rig.state(kept) is State.ACCEPTED
    assert rig.outbox.part(kept.id, "1").result(WAIT_S), "kept until it is acknowledged"
    rig.wire.seen.clear()
    rig.wire.script.clear()
    rig.pace.now += 10
    rig.run()
    assert rig.wire.doors() == ["POST applications"]
    assert rig.state(kept) is State.DELIVERED


def test_a_backend_that_fails_for_all_is_asked_less_and_less(rig: Rig) -> None:
    for _ in range(40):
        rig.save()
    rig.wire.script["POST applications"] = lambda _: answer(500, {})
    waits = [rig.run() or 0.0]
    assert rig.wire.doors().count("POST applications") == 3, "three failures speak for all"
    for _ in range(5):
        rig.pace.now += waits[-1]
        waits.append(rig.run() or 0.0)
    assert waits == [2.0, 4.0, 8.0, 16.0, 32.0, 64.0]
    assert len(rig.wire.seen) == 8
    rig.wire.script.clear()
    rig.pace.now += 900
    rig.run()
    assert rig.outbox.status().result(WAIT_S).counts[State.DELIVERED] == 40


def test_three_sick_ones_hold_up_the_others_for_seconds_only(rig: Rig) -> None:
    sick = [rig.save() for _ in range(3)]
    well = [rig.save() for _ in range(5)]
    good = rig.wire._post

    def some(body: bytes) -> Answer:
        ill = json.loads(body)["envelope"]["id"] in {one.id for one in sick}
        return answer(500, {}) if ill else good("/v1/applications", body)

    rig.wire.script["POST applications"] = some
    assert rig.run() == 2.0
    rig.pace.now += 2.0
    rig.run()
    assert {rig.state(one) for one in well} == {State.DELIVERED}


@pytest.mark.expected_logs("nothing can be delivered: not-allowed 403", reason="it must alarm")
def test_one_that_waits_for_a_forbidden_one_of_its_visit_is_one_look_and_no_more(rig: Rig) -> None:
    rig.wire.script["POST applications"] = lambda _: answer(403, {})
    rig.save(lane="visit")
    rig.run()
    rig.wire.seen.clear()
    second = rig.save(lane="visit")
    assert rig.run() == 900.0
    assert rig.wire.doors() == ["GET health", "POST applications"]
    assert rig.events[-1] == Waiting(second.number, "not-allowed 403", 0)


def test_what_somebody_else_settled_is_forgotten(rig: Rig) -> None:
    kept = rig.save()
    rig.wire.script["POST applications"] = lambda _: answer(503, {})
    assert rig.run() == 2.0
    rig.outbox.mark_delivered(kept.id, Receipt("C", 1, "2026-05-10")).result(WAIT_S)
    rig.pace.now += 3
    assert rig.run() is None


def test_long_delivered_ones_become_tombstones_by_themselves(rig: Rig) -> None:
    kept = rig.save()
    rig.run()
    rig.outbox._submit(
        lambda store: store._db.execute("UPDATE submission SET settled_s=-9999999")
    ).result(WAIT_S)
    rig.pace.now += 3601
    rig.run()
    assert rig.state(kept) is State.PURGED


# --- heartbeats and keys


class Beats:
    """The terminal's side of a heartbeat."""

    def __init__(self) -> None:
        self.told: list[bytes] = []
        self.keys: list[bytes] = []
        self.newer = False
        self.refuses = False

    def heartbeat(self) -> Heartbeat:
        return Heartbeat(self._tell, self._told, self._keys, every_s=100.0)

    def _tell(self, status: QueueStatus) -> bytes:
        return json.dumps({"depth": status.undelivered}).encode()

    def _told(self, body: bytes) -> bool:
        self.told.append(body)
        return self.newer

    def _keys(self, body: bytes) -> None:
        if self.refuses:
            raise ValueError("an older set")
        self.keys.append(body)


def test_a_heartbeat_now_and_then_and_the_keys_once(tmp_path: Path) -> None:
    beats = Beats()
    rig = Rig(tmp_path, beats.heartbeat())
    rig.wire.script["GET keys"] = lambda _: answer(200, {"version": 1})
    assert rig.run() == 60.0
    assert rig.wire.seen == []
    rig.pace.now += 60
    assert rig.run() == 125.0
    assert rig.wire.doors() == ["POST heartbeat", "GET keys"]
    assert rig.wire.seen[0][2] == b'{"depth": 0}'
    rig.pace.now += 125
    rig.run()
    assert rig.wire.doors()[2:] == ["POST heartbeat"], "nothing new, nothing fetched"
    beats.newer = True
    rig.pace.now += 125
    rig.run()
    assert rig.wire.doors()[3:] == ["POST heartbeat", "GET keys"]
    assert beats.keys == [b'{"version": 1}'] * 2
    rig.close()


def test_an_answer_signed_by_a_key_of_tomorrow_asks_for_the_keys_at_once(tmp_path: Path) -> None:
    beats = Beats()
    rig = Rig(tmp_path, beats.heartbeat())
    rig.wire.script["GET keys"] = lambda _: answer(200, {"version": 2})
    rig.wire.script["POST applications"] = lambda _: answer(201, {"nobody": "knows"})
    kept = rig.save()
    rig.pace.now += rig.run() or 0.0
    del rig.wire.script["POST applications"]
    rig.run()
    assert rig.wire.doors() == [
        "POST applications",
        *("GET health", "POST heartbeat", "GET keys"),
        "POST applications",
    ]
    assert rig.state(kept) is State.DELIVERED
    rig.close()


@pytest.mark.expected_logs("nothing more can be taken in: QU-02", reason="it must alarm")
@pytest.mark.parametrize("readable", [True, False])
def test_a_disk_that_failed_alarms_at_once_and_the_backend_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, readable: bool
) -> None:
    told: list[QueueStatus] = []

    def tell(status: QueueStatus) -> bytes:
        told.append(status)
        return b"{}"

    rig = Rig(tmp_path, Heartbeat(tell))
    kept = rig.save()
    rig.run()
    assert (rig.sender.alarm, told) == ("", [])
    rig.outbox._submit(lambda store: setattr(store, "intake_open", False)).result(WAIT_S)
    if not readable:
        monkeypatch.setattr(rig.outbox, "status", _unreadable)
    rig.run()
    assert rig.events[-1] == Alarm("QU-02")
    assert rig.sender.alarm == "QU-02"
    assert [(one.intake_open, one.intake.code) for one in told] == [(False, "QU-02")]
    rig.run()
    assert rig.events.count(Alarm("QU-02")) == len(told) == 1, "once"
    assert rig.state(kept) is State.DELIVERED
    rig.close()


@pytest.mark.expected_logs("nothing more can be taken in: QU-02", reason="it must alarm")
def test_a_disk_that_failed_while_the_line_was_down_is_told_when_it_is_back(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path, Beats().heartbeat())
    rig.save()
    rig.wire.script["POST applications"] = lambda _: Answer(trouble=Trouble.NETWORK)
    wait_s = rig.run() or 0.0
    rig.outbox._submit(lambda store: setattr(store, "intake_open", False)).result(WAIT_S)
    rig.run()
    assert rig.events[-1] == Alarm("QU-02"), "who stands here is told at once"
    assert "POST heartbeat" not in rig.wire.doors()
    rig.wire.script.clear()
    rig.pace.now += wait_s
    rig.run()
    assert "POST heartbeat" in rig.wire.doors()
    rig.close()


def _unreadable() -> Future[QueueStatus]:
    failed: Future[QueueStatus] = Future()
    failed.set_exception(QueueError(QueueFault.IO_ERROR))
    return failed


@pytest.mark.expected_logs("a heartbeat was refused", reason="an older key set is no key set")
def test_keys_that_are_refused_are_asked_for_again(tmp_path: Path) -> None:
    beats = Beats()
    beats.refuses = True
    rig = Rig(tmp_path, beats.heartbeat())
    rig.wire.script["GET keys"] = lambda _: answer(200, {"version": 1})
    rig.pace.now += 60
    rig.run()
    beats.refuses = False
    rig.pace.now += 125
    rig.run()
    assert beats.keys == [b'{"version": 1}']
    rig.close()


@pytest.mark.parametrize("status", [302, 401, 404, 500])
def test_a_heartbeat_that_fails_stops_no_delivery(tmp_path: Path, status: int) -> None:
    rig = Rig(tmp_path, Beats().heartbeat())
    rig.wire.script["POST heartbeat"] = lambda _: answer(status, {})
    rig.pace.now += 60
    kept = rig.save()
    rig.run()
    assert rig.wire.doors() == ["POST heartbeat", "POST applications"]
    assert rig.state(kept) is State.DELIVERED
    assert rig.sender.alarm == ""
    assert [event for event in rig.events if isinstance(event, Delivered)]
    rig.close()
