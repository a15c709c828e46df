"""The sender against a real HTTP server with a script: each row of the answer table, time
and chance injected, nothing waits."""

from __future__ import annotations

import hashlib
import json
import queue
import socket
import ssl
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from queue_help import WAIT_S, VirtualPace

from offline_queue import (
    Alarm,
    Delivered,
    LineChanged,
    Outbox,
    Part,
    Quarantined,
    QueueError,
    QueueFault,
    Saved,
    Sender,
    SenderEvent,
    SenderSettings,
    State,
    Submission,
    Waiting,
)
from offline_queue.answers import Answer, Trouble, Verdict, judge, retry_after_s
from offline_queue.backoff import Backoff
from offline_queue.sender import RealPace, plain_acknowledgement
from offline_queue.wire import WireSettings, content_digest

HTML = {"Content-Type": "text/html; charset=utf-8"}
JSON = {"Content-Type": "application/json"}


@dataclass
class Reply:
    """What the server says: `body` may depend on the request."""

    status: int = 200
    body: bytes | Callable[[Request], bytes] = b"{}"
    headers: dict[str, str] = field(default_factory=lambda: dict(JSON))


@dataclass
class Request:
    """What came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def acknowledge(request: Request) -> bytes:
    """A right acknowledgement."""
    return json.dumps(
        {
            "application_id": request.headers["Idempotency-Key"],
            "digest": hashlib.sha256(request.body).hexdigest(),
            "case_number": "C-1",
            "sequence": 1,
            "received_at": "2026-05-10T09:00:00Z",
        }
    ).encode()


def part_receipt(request: Request) -> bytes:
    """A right answer to a part."""
    return json.dumps({"sha256": hashlib.sha256(request.body).hexdigest()}).encode()


class Server:
    """Answers by (method, kind of path); unknown doors answer as a good backend would."""

    def __init__(self) -> None:
        self.script: dict[str, Reply] = {}
        self.seen: list[Request] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                request = Request(
                    self.command, self.path, dict(self.headers), self.rfile.read(length)
                )
                outer.seen.append(request)
                reply = outer.reply(request)
                body = reply.body(request) if callable(reply.body) else reply.body
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_POST = answer

            def log_message(self, *_: object) -> None:
                return

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = False
        self._http.block_on_close = False
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def reply(self, request: Request) -> Reply:
        door = f"{request.method} {request.path.rsplit('/', 1)[-1]}"
        if request.method == "PUT":
            return self.script.get("PUT", Reply(200, part_receipt))
        standard = {
            "GET health": Reply(200, b'{"status":"ok"}'),
            "GET parts": Reply(200, b'{"parts":[]}'),
            "POST applications": Reply(201, acknowledge),
        }
        return self.script.get(door, standard[door])

    def posts(self) -> int:
        return sum(request.method == "POST" for request in self.seen)

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@dataclass
class Rig:
    """A server, an outbox, and a sender that the test drives step by step."""

    server: Server
    outbox: Outbox
    sender: Sender
    pace: VirtualPace
    events: list[SenderEvent]

    def save(self, parts: int = 0) -> Saved:
        number = self.outbox.reserve_number().result(WAIT_S)
        data = tuple(Part(f"p{i}", "image/jpeg", bytes([i]) * 100) for i in range(parts))
        new = Submission(uuid.uuid4().hex, number, b'{"a":1}', data, datetime.now(UTC))
        return self.outbox.enqueue(new).result(WAIT_S)

    def run(self, steps: int = 50) -> float | None:
        """Step until there is something to wait for; for how long."""
        for _ in range(steps):
            wait_s = self.sender.step()
            if wait_s is None or wait_s > 0:
                return wait_s
        raise AssertionError("the sender never rests")

    def state(self, saved: Saved) -> tuple[State, int]:
        told = self.outbox.delivery(saved.number).result(WAIT_S)
        assert told is not None
        return told.state, told.attempts

    def told(self, kind: type) -> list[SenderEvent]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    server = Server()
    outbox = Outbox.open(tmp_path, terminal="LW042")
    pace = VirtualPace()
    events: list[SenderEvent] = []
    settings = SenderSettings(WireSettings(server.url))
    sender = Sender(outbox, settings, on_change=events.append, pace=pace)
    yield Rig(server, outbox, sender, pace, events)
    sender.close()
    outbox.close()
    server.close()


def test_delivery_parts_first_then_the_document(rig: Rig) -> None:
    saved = rig.save(parts=2)
    assert rig.run() is None
    assert rig.state(saved) == (State.DELIVERED, 1)
    assert [f"{r.method} {r.path}" for r in rig.server.seen] == [
        f"PUT /v1/applications/{saved.id}/parts/p0",
        f"PUT /v1/applications/{saved.id}/parts/p1",
        "POST /v1/applications",
    ]
    for request in rig.server.seen:
        assert request.headers["Content-Digest"] == content_digest(request.body)
    assert rig.server.seen[-1].headers["Idempotency-Key"] == saved.id
    assert rig.events == [
        LineChanged(True),
        Delivered(saved.number, "C-1", "2026-05-10T09:00:00Z", 1),
    ]


def test_an_upload_that_broke_off_is_resumed(rig: Rig) -> None:
    saved = rig.save(parts=3)
    rig.server.script["POST applications"] = Reply(500)
    assert rig.run()
    rig.server.seen.clear()
    rig.server.script.clear()
    there = [
        {"id": f"p{i}", "sha256": hashlib.sha256(bytes([i]) * 100).hexdigest()} for i in (0, 2)
    ]
    rig.server.script["GET parts"] = Reply(200, json.dumps({"parts": there}).encode())
    rig.pace.now += 10
    rig.run()
    assert [r.path.rsplit("/", 1)[-1] for r in rig.server.seen] == ["parts", "p1", "applications"]
    assert rig.state(saved) == (State.DELIVERED, 2)


def wrong(**changes: object) -> Callable[[Request], bytes]:
    """An acknowledgement with a fault."""

    def body(request: Request) -> bytes:
        plain = json.loads(acknowledge(request))
        for key, value in changes.items():
            if value is None:
                del plain[key]
            else:
                plain[key] = value
        return json.dumps(plain).encode()

    return body


# What the server says; the state after it; attempts that count; what is announced.
ROWS = [
    ("201", Reply(201, acknowledge), State.DELIVERED, 1, Delivered),
    ("200", Reply(200, acknowledge), State.DELIVERED, 1, Delivered),
    ("202", Reply(202), State.ACCEPTED, 1, Waiting),
    ("204", Reply(204, b""), State.WAITING, 1, LineChanged),
    ("200 portal", Reply(200, b"<html>sign in</html>", HTML), State.WAITING, 1, LineChanged),
    ("201 portal", Reply(201, acknowledge, HTML), State.WAITING, 1, LineChanged),
    ("202 portal", Reply(202, b"<html>", HTML), State.WAITING, 1, LineChanged),
    ("200 empty", Reply(200, b"{}"), State.WAITING, 1, LineChanged),
    ("200 no json", Reply(200, b"nope"), State.WAITING, 1, LineChanged),
    ("200 list", Reply(200, b"[]"), State.WAITING, 1, LineChanged),
    ("other id", Reply(200, wrong(application_id="0" * 32)), State.WAITING, 1, LineChanged),
    ("other digest", Reply(200, wrong(digest="0" * 64)), State.WAITING, 1, LineChanged),
    ("no case", Reply(200, wrong(case_number=None)), State.WAITING, 1, LineChanged),
    ("empty case", Reply(200, wrong(case_number="")), State.WAITING, 1, LineChanged),
    ("odd sequence", Reply(200, wrong(sequence="1")), State.WAITING, 1, LineChanged),
    ("301", Reply(301, b"", {"Location": "http://127.0.0.1:1/"}), State.WAITING, 1, LineChanged),
    ("302", Reply(302, b"", {"Location": "/login", **HTML}), State.WAITING, 1, LineChanged),
    ("307", Reply(307, b"", {"Location": "/v2"}), State.WAITING, 1, LineChanged),
    ("409", Reply(409, b'{"code":"in-progress"}'), State.WAITING, 1, Waiting),
    ("409 parts", Reply(409, b'{"code":"parts-missing"}'), State.WAITING, 1, Waiting),
    ("409 incomplete", Reply(409, b'{"code":"incomplete"}'), State.WAITING, 1, Waiting),
    ("422 unreadable", Reply(422, b'{"code":"unreadable"}'), State.QUARANTINED, 1, Quarantined),
    ("200 yes", Reply(200, b"true"), State.WAITING, 1, LineChanged),
    ("100k", Reply(200, b"[" * 100_000), State.WAITING, 1, LineChanged),
    ("402", Reply(402), State.WAITING, 1, Waiting),
    ("451", Reply(451), State.WAITING, 1, Waiting),
    ("599", Reply(599), State.WAITING, 1, Waiting),
    ("409 conflict", Reply(409, b'{"code":"conflict"}'), State.QUARANTINED, 1, Quarantined),
    ("400", Reply(400, b'{"code":"malformed"}'), State.QUARANTINED, 1, Quarantined),
    ("damaged", Reply(400, b'{"code":"digest-wrong"}'), State.WAITING, 1, Waiting),
    ("413", Reply(413), State.QUARANTINED, 1, Quarantined),
    ("422", Reply(422, b'{"code":"invalid"}'), State.QUARANTINED, 1, Quarantined),
    ("400 of a proxy", Reply(400, b"<html>", HTML), State.WAITING, 1, LineChanged),
    ("401", Reply(401), State.WAITING, 0, Alarm),
    ("403", Reply(403), State.WAITING, 0, Alarm),
    ("404", Reply(404), State.WAITING, 0, Alarm),
    ("408", Reply(408), State.WAITING, 1, Waiting),
    ("425", Reply(425), State.WAITING, 1, Waiting),
    ("429", Reply(429), State.WAITING, 1, Waiting),
    ("418", Reply(418), State.WAITING, 1, Waiting),
    ("500", Reply(500), State.WAITING, 1, Waiting),
    ("502 html", Reply(502, b"<html>", HTML), State.WAITING, 1, Waiting),
    ("503", Reply(503), State.WAITING, 1, Waiting),
    ("504", Reply(504), State.WAITING, 1, Waiting),
]


@pytest.mark.expected_logs("nothing can be delivered: not-allowed", reason="401, 403 and 404 alarm")
@pytest.mark.parametrize(
    ("reply", "state", "attempts", "announced"), [row[1:] for row in ROWS], ids=[r[0] for r in ROWS]
)
def test_each_row_of_the_table(
    rig: Rig, reply: Reply, state: State, attempts: int, announced: type
) -> None:
    saved = rig.save()
    rig.server.script["POST applications"] = reply
    wait_s = rig.run()
    assert rig.state(saved) == (state, attempts)
    assert rig.told(announced), rig.events
    assert (wait_s is None) == (state in (State.DELIVERED, State.QUARANTINED))
    assert rig.server.posts() == 1, "one attempt, and no redirect was followed"
    if state is not State.DELIVERED:
        assert not rig.told(Delivered)
        assert rig.outbox.document(saved.id).result(WAIT_S) == b'{"a":1}', "the payload is kept"
    if state in (State.WAITING, State.ACCEPTED):
        rig.server.script.clear()
        rig.sender.poke()
        rig.run()
        assert rig.state(saved)[0] is State.DELIVERED, "the next good answer delivers it"


@pytest.mark.parametrize("door", ["POST applications", "PUT"])
def test_what_the_line_damages_is_sent_again_three_times_before_staff_look(
    rig: Rig, door: str
) -> None:
    damaged = Reply(400, b'{"code":"digest-wrong"}')
    unlucky = rig.save(parts=1)
    rig.server.script[door] = damaged
    for _ in range(3):
        rig.pace.now += rig.run() or 0.0
        assert rig.state(unlucky)[0] is State.WAITING
    rig.server.script.clear()
    rig.run()
    assert rig.state(unlucky) == (State.DELIVERED, 4)

    sick = rig.save(parts=1)
    rig.server.script[door] = damaged
    for _ in range(3):
        rig.pace.now += rig.run() or 0.0
        assert rig.state(sick)[0] is State.WAITING
    assert rig.run() is None
    assert rig.state(sick) == (State.QUARANTINED, 4)
    assert rig.told(Quarantined) == [
        Quarantined(sick.number, "damaged-on-the-way 400 digest-wrong")
    ]
    assert rig.sender.line_up, "it is the line's quality, not its absence"


@pytest.mark.expected_logs("nothing can be delivered", reason="404 on a part alarms")
@pytest.mark.parametrize(
    ("reply", "state"),
    [
        (Reply(200, b"<html>", HTML), State.WAITING),
        (Reply(200, b'{"sha256":"0"}'), State.WAITING),
        (Reply(413), State.QUARANTINED),
        (Reply(404), State.WAITING),
        (Reply(503), State.WAITING),
    ],
)
def test_the_table_holds_for_parts_too(rig: Rig, reply: Reply, state: State) -> None:
    saved = rig.save(parts=1)
    rig.server.script["PUT"] = reply
    rig.run()
    assert rig.state(saved)[0] is state
    assert rig.server.posts() == 0, "no document before its parts"


def test_one_that_is_refused_or_fails_holds_up_no_other(rig: Rig) -> None:
    sick, ill, well = rig.save(), rig.save(), rig.save()

    real = rig.server.reply

    def reply(request: Request) -> Reply:
        key = request.headers.get("Idempotency-Key")
        return {sick.id: Reply(500), ill.id: Reply(422)}.get(key or "", real(request))

    rig.server.reply = reply  # type: ignore[method-assign]
    rig.run()
    assert rig.state(sick)[0] is State.WAITING
    assert rig.state(ill)[0] is State.QUARANTINED
    assert rig.state(well)[0] is State.DELIVERED


def test_while_the_line_is_down_there_is_one_probe(rig: Rig) -> None:
    for _ in range(5):
        rig.save()
    rig.server.script["POST applications"] = Reply(200, b"<html>", HTML)
    rig.server.script["GET health"] = Reply(200, b"<html>", HTML)
    rig.run()
    assert rig.server.posts() == 1
    rig.server.seen.clear()
    waits = []
    for _ in range(12):
        waits.append(rig.run() or 0.0)
        rig.pace.now += waits[-1]
    assert rig.server.posts() == 0
    assert {r.path for r in rig.server.seen} == {"/v1/health"}
    assert waits[:4] == [2.0, 4.0, 8.0, 16.0]
    assert max(waits) == 900.0
    rig.server.script.clear()
    assert rig.run() is None
    assert rig.outbox.status().result(WAIT_S).counts[State.DELIVERED] == 5
    assert rig.told(LineChanged) == [LineChanged(False), LineChanged(True)]


def test_a_new_submission_is_worth_one_look_at_a_dead_line(rig: Rig) -> None:
    rig.save()
    rig.server.script["POST applications"] = Reply(302)
    rig.server.script["GET health"] = Reply(302)
    for _ in range(8):
        rig.pace.now += rig.run() or 0.0
    rig.run()
    rig.server.seen.clear()
    assert rig.run()
    assert rig.server.seen == []
    fresh = rig.save()
    rig.run()
    assert [r.path for r in rig.server.seen] == ["/v1/health"]
    assert Waiting(fresh.number, "line-down", 0) in rig.events
    assert rig.state(fresh) == (State.QUEUED, 0)


def test_only_the_backends_own_health_brings_the_line_back(rig: Rig) -> None:
    for body, headers in ((b"<html>", HTML), (b'{"status":"ok"}', HTML), (b"{}", JSON)):
        rig.server.script["GET health"] = Reply(200, body, headers)
        assert rig.sender.probe() is False
    rig.server.script.clear()
    assert rig.sender.probe() is True


def test_retry_after_holds_everything_and_is_clamped(rig: Rig) -> None:
    first = rig.save()
    rig.save()
    rig.server.script["POST applications"] = Reply(503, b"{}", {**JSON, "Retry-After": "120"})
    assert rig.run() == 150.0, "what was asked for and, at worst, a quarter more"
    assert rig.server.posts() == 1, "the others wait as well"
    rig.pace.now += 149
    assert rig.run() == 1.0
    rig.server.script.clear()
    rig.pace.now += 1
    rig.run()
    assert rig.state(first) == (State.DELIVERED, 2)


@pytest.mark.expected_logs("nothing can be delivered: not-allowed 403", reason="it must alarm")
def test_one_that_a_proxy_forbids_comes_after_all_others(rig: Rig) -> None:
    sick, well = rig.save(), [rig.save() for _ in range(3)]
    real = rig.server.reply

    def reply(request: Request) -> Reply:
        forbidden = request.headers.get("Idempotency-Key") == sick.id
        return Reply(403) if forbidden else real(request)

    rig.server.reply = reply  # type: ignore[method-assign]
    assert rig.run() == 900.0, "it may well be meant for all"
    rig.pace.now += 900
    assert rig.run() == 900.0
    assert {rig.state(one)[0] for one in well} == {State.DELIVERED}
    assert rig.state(sick) == (State.WAITING, 0)
    late = rig.save()
    rig.run()
    assert rig.state(late)[0] is State.DELIVERED, "nor does it hold up those of later"


@pytest.mark.expected_logs("nothing can be delivered: not-allowed 403", reason="it must alarm")
def test_an_alarm_pauses_until_somebody_pokes_or_the_pause_is_over(rig: Rig) -> None:
    saved = rig.save()
    rig.server.script["POST applications"] = Reply(403)
    assert rig.run() == 900.0
    assert rig.sender.alarm == "not-allowed 403"
    assert rig.events[-2:] == [
        Alarm("not-allowed 403"),
        Waiting(saved.number, "not-allowed 403", 0),
    ]
    assert rig.run() == 900.0
    assert rig.server.posts() == 1
    rig.pace.now += 900
    assert rig.run() == 900.0
    assert rig.server.posts() == 2
    rig.server.script.clear()
    rig.sender.poke()
    rig.run()
    assert rig.state(saved) == (State.DELIVERED, 1)
    assert rig.sender.alarm == ""


def test_the_backoff_of_one_submission_doubles_up_to_its_cap(rig: Rig) -> None:
    rig.save()
    rig.server.script["POST applications"] = Reply(500)
    waits = []
    for _ in range(12):
        waits.append(rig.run() or 0.0)
        rig.pace.now += waits[-1]
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    assert rig.server.posts() == 12


@given(st.integers(-5, 10**6), st.floats(0, 0.999))
def test_a_delay_is_within_its_span(attempt: int, chance: float) -> None:
    backoff = Backoff()
    assert 0.0 <= backoff.delay_s(attempt, lambda: chance) <= backoff.span_s(attempt) <= 900.0


@pytest.mark.parametrize(
    ("field_", "date", "seconds"),
    [
        ("", "", None),
        ("7", "", 7.0),
        ("0", "", 1.0),
        ("999999999999999", "", 3600.0),
        ("Sun, 10 May 2026 09:01:00 GMT", "Sun, 10 May 2026 09:00:00 GMT", 60.0),
        ("Sun, 10 May 2026 09:01:00 GMT", "", None),
        ("-5", "", None),
        ("soon", "Sun, 10 May 2026 09:00:00 GMT", None),
    ],
)
def test_retry_after(field_: str, date: str, seconds: float | None) -> None:
    assert retry_after_s(Answer(503, retry_after=field_, date=date)) == seconds


@given(
    st.integers(100, 599),
    st.sampled_from(["text/html", "application/json", ""]),
    st.binary(max_size=40),
    st.booleans(),
)
def test_nothing_but_a_good_200_or_201_delivers(
    status: int, kind: str, body: bytes, good: bool
) -> None:
    row = judge(Answer(status, kind, body, good=good))
    assert (row.verdict is Verdict.DELIVERED) == (good and status in (200, 201))
    if row.verdict is Verdict.QUARANTINE:
        assert status in (400, 409, 413, 422)


def test_no_answer_is_a_row_too() -> None:
    assert judge(Answer(trouble=Trouble.TLS)).verdict is Verdict.PAUSE
    assert judge(Answer(trouble=Trouble.NETWORK)).verdict is Verdict.OFFLINE


@pytest.mark.expected_logs("cannot follow the sender: QU-01", reason="the planted full disk")
def test_delivered_is_announced_only_once_it_is_written_down(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = rig.save()
    real = rig.outbox.mark_delivered

    def full(*_: object) -> Future[None]:
        future: Future[None] = Future()
        future.set_exception(QueueError(QueueFault.DISK_FULL))
        return future

    monkeypatch.setattr(rig.outbox, "mark_delivered", full)
    for _ in range(3):
        assert rig.run() == 90.0
    assert not rig.told(Delivered)
    assert rig.state(saved)[0] is State.SENDING
    assert rig.server.posts() == 1, "nothing is sent before the last result is kept"
    monkeypatch.setattr(rig.outbox, "mark_delivered", real)
    rig.run()
    assert rig.state(saved)[0] is State.DELIVERED
    assert [event.number for event in rig.told(Delivered)] == [saved.number]


@pytest.mark.parametrize("ordinal", [0, 1])
def test_what_the_disk_changed_is_not_sent(rig: Rig, ordinal: int) -> None:
    sick, well = rig.save(parts=1), rig.save()
    rig.outbox._submit(
        lambda store: store._db.execute(
            "UPDATE payload SET data=x'00' WHERE ordinal=? AND seq=1", (ordinal,)
        )
    ).result(WAIT_S)
    rig.run()
    assert rig.told(Quarantined) == [Quarantined(sick.number, "damaged-here QU-06")]
    assert rig.state(sick)[0] is State.QUARANTINED
    assert rig.state(well)[0] is State.DELIVERED


@pytest.mark.expected_logs("a listener of the sender failed: KeyError", reason="it is planted")
def test_a_failing_listener_stops_nothing(tmp_path: Path) -> None:
    server = Server()
    delivered = threading.Event()

    def listener(event: SenderEvent) -> None:
        if isinstance(event, Delivered):
            delivered.set()
        raise KeyError("planted")

    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        sender = Sender(outbox, SenderSettings(WireSettings(server.url)), on_change=listener)
        sender.start()
        number = outbox.reserve_number().result(WAIT_S)
        outbox.enqueue(Submission("a" * 32, number, b"{}", (), datetime.now(UTC))).result(WAIT_S)
        assert delivered.wait(WAIT_S)
        sender.close()
        assert outbox.status().result(WAIT_S).counts[State.DELIVERED] == 1
    server.close()


def test_one_that_breaks_the_line_each_time_holds_up_no_other(rig: Rig) -> None:
    """A large upload that a bad radio never carries, while small ones would pass."""
    heavy = rig.save(parts=1)
    light = [rig.save() for _ in range(3)]
    rig.server.script["PUT"] = Reply(200, b"<html>", HTML)  # taken for a dead line
    for _ in range(10):
        rig.pace.now += rig.run() or 0.0
    assert rig.state(heavy)[0] is State.WAITING
    assert {rig.state(one)[0] for one in light} == {State.DELIVERED}


def test_a_fleet_spreads_its_start_when_the_line_comes_back(rig: Rig) -> None:
    settings = SenderSettings(WireSettings(rig.server.url), spread_s=600)
    sender = Sender(rig.outbox, settings, on_change=rig.events.append, pace=rig.pace)
    rig.sender = sender
    rig.save()
    rig.server.script["POST applications"] = Reply(302)
    assert rig.run() == 600.0, "the power may have come back for all of them"
    assert rig.server.posts() == 0
    rig.pace.now += 600
    rig.run()
    rig.server.script.clear()
    rig.pace.now += 2
    assert rig.run() == 600.0
    assert rig.server.posts() == 1
    rig.pace.now += 600
    rig.run()
    assert rig.server.posts() == 2


def test_the_line_is_known_at_once_even_while_what_waits_is_spread(rig: Rig) -> None:
    settings = SenderSettings(WireSettings(rig.server.url), spread_s=600, idle_probe_s=30)
    rig.sender = Sender(rig.outbox, settings, on_change=rig.events.append, pace=rig.pace)
    saved = rig.save()
    assert rig.run() == 600.0
    assert rig.events[0] == LineChanged(True)
    assert rig.server.posts() == 0
    rig.pace.now += 600
    rig.run()
    assert rig.state(saved)[0] is State.DELIVERED


def test_an_idle_line_is_looked_at_now_and_then_and_holds_up_nothing(rig: Rig) -> None:
    settings = SenderSettings(WireSettings(rig.server.url), idle_probe_s=30)
    rig.sender = Sender(rig.outbox, settings, on_change=rig.events.append, pace=rig.pace)
    assert rig.run() == 30.0
    assert rig.events == [LineChanged(True)]
    rig.pace.now += 10
    saved = rig.save()
    assert rig.run() == 20.0
    assert rig.state(saved)[0] is State.DELIVERED, "at once, not with the next look"
    assert [r.path for r in rig.server.seen].count("/v1/health") == 1
    rig.pace.now += 20
    rig.server.script["GET health"] = Reply(302)
    assert rig.run() == 2.0
    assert rig.events[-1] == LineChanged(False)
    rig.server.script.clear()
    rig.pace.now += 2
    assert rig.run() == 28.0
    assert rig.events[-1] == LineChanged(True)


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda t: json.dumps(t).encode()))
def test_any_body_is_no_acknowledgement(body: bytes) -> None:
    try:
        plain_acknowledgement(body, "a" * 32, "0" * 64)
    except ValueError:
        return
    pytest.fail("taken for an acknowledgement")


class Mute:
    """Accepts connections and says nothing, or one byte now and then."""

    def __init__(self, drip: bytes = b"") -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.connected = threading.Event()
        self._drip = drip
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        try:
            peer, _ = self._listening.accept()
        except OSError:
            return
        with peer:
            self.connected.set()
            while not self._stop.wait(0.02):
                try:
                    peer.sendall(self._drip)
                except OSError:
                    return

    def close(self) -> None:
        self._stop.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


@pytest.mark.parametrize("drip", [b"", b"x"])
def test_a_peer_that_hangs_costs_a_deadline_and_nothing_else(tmp_path: Path, drip: bytes) -> None:
    mute = Mute(drip)
    events: list[SenderEvent] = []
    wire = WireSettings(mute.url, connect_timeout_s=2, read_timeout_s=0.4, total_timeout_s=0.5)
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        sender = Sender(outbox, SenderSettings(wire), on_change=events.append, pace=VirtualPace())
        number = outbox.reserve_number().result(WAIT_S)
        outbox.enqueue(Submission("a" * 32, number, b"{}", (), datetime.now(UTC))).result(WAIT_S)
        sender.step()
        sender.close()
    mute.close()
    assert events == [LineChanged(False), Waiting(number, "network", 1)]


def test_stopping_cuts_a_hanging_upload_and_takes_new_ones_meanwhile(tmp_path: Path) -> None:
    mute = Mute()
    events: queue.SimpleQueue[SenderEvent] = queue.SimpleQueue()
    outbox = Outbox.open(tmp_path, terminal="LW042")
    wire = WireSettings(mute.url, read_timeout_s=600, total_timeout_s=600)
    sender = Sender(outbox, SenderSettings(wire), on_change=events.put)
    sender.start()
    numbers = []
    for index in range(3):
        numbers.append(outbox.reserve_number().result(WAIT_S))
        new = Submission(f"{index:032x}", numbers[-1], b"{}", (), datetime.now(UTC))
        outbox.enqueue(new).result(WAIT_S)
        assert mute.connected.wait(WAIT_S)
    sender.close()
    told = outbox.delivery(numbers[0]).result(WAIT_S)
    outbox.close()
    mute.close()
    assert told is not None
    assert (told.state, told.attempts) == (State.WAITING, 0)
    assert events.empty(), "stopping is no news about the line"


def _tls_server(place: Path) -> tuple[ssl.SSLContext, Path]:
    """A server of 127.0.0.1, and the certificate that only some trust."""
    key, cert = place / "key.pem", place / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=portal"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert


@pytest.mark.expected_logs("nothing can be delivered: tls", reason="it must alarm")
def test_a_wrong_certificate_alarms_and_counts_no_attempt(tmp_path: Path) -> None:
    context, _ = _tls_server(tmp_path)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        peer, _ = listening.accept()
        with peer:
            try:
                context.wrap_socket(peer, server_side=True).close()
            except OSError:
                return

    thread = threading.Thread(target=serve)
    thread.start()
    events: list[SenderEvent] = []
    url = f"https://127.0.0.1:{listening.getsockname()[1]}"
    with Outbox.open(tmp_path / "q", terminal="LW042") as outbox:
        sender = Sender(
            outbox, SenderSettings(WireSettings(url)), on_change=events.append, pace=VirtualPace()
        )
        number = outbox.reserve_number().result(WAIT_S)
        outbox.enqueue(Submission("a" * 32, number, b"{}", (), datetime.now(UTC))).result(WAIT_S)
        sender.step()
        told = outbox.delivery(number).result(WAIT_S)
        sender.close()
    thread.join(WAIT_S)
    listening.close()
    assert told is not None
    assert (told.state, told.attempts) == (State.WAITING, 0)
    assert events == [LineChanged(False), Alarm("tls"), Waiting(number, "tls", 0)]


@pytest.mark.parametrize("until", ["connected", "hello", "handshake", "beginning of a body"])
def test_tls_that_breaks_off_is_a_line_that_is_down(tmp_path: Path, until: str) -> None:
    """A radio, or a balancer that has no backend: nobody has to mend a certificate."""
    context, cert = _tls_server(tmp_path)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        peer, _ = listening.accept()
        if until == "hello":
            peer.recv(4096)
        if until in ("handshake", "beginning of a body"):
            peer = context.wrap_socket(peer, server_side=True)
        if until == "beginning of a body":
            peer.recv(4096)
        peer.close()

    thread = threading.Thread(target=serve)
    thread.start()
    events: list[SenderEvent] = []
    wire = WireSettings(f"https://127.0.0.1:{listening.getsockname()[1]}", verify=str(cert))
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        sender = Sender(outbox, SenderSettings(wire), on_change=events.append, pace=VirtualPace())
        number = outbox.reserve_number().result(WAIT_S)
        part = Part("p", "image/jpeg", bytes(8_000_000))  # more than any buffer on the way takes
        new = Submission("a" * 32, number, b"{}", (part,), datetime.now(UTC))
        outbox.enqueue(new).result(WAIT_S)
        sender.step()
        sender.close()
    thread.join(WAIT_S)
    listening.close()
    assert events == [LineChanged(False), Waiting(number, "network", 1)]


def test_the_thread_delivers_by_itself_and_is_woken_by_each_enqueue(tmp_path: Path) -> None:
    server = Server()
    events: queue.SimpleQueue[SenderEvent] = queue.SimpleQueue()
    with Outbox.open(tmp_path, terminal="LW042") as outbox:
        sender = Sender(
            outbox, SenderSettings(WireSettings(server.url)), on_change=events.put, pace=RealPace()
        )
        sender.start()
        for index in range(3):
            number = outbox.reserve_number().result(WAIT_S)
            new = Submission(f"{index:032x}", number, b"{}", (), datetime.now(UTC))
            outbox.enqueue(new).result(WAIT_S)
            event = events.get(timeout=WAIT_S)
            if isinstance(event, LineChanged):
                event = events.get(timeout=WAIT_S)
            assert isinstance(event, Delivered)
            assert event.number == number
        sender.close()
    server.close()
