"""The backend over real HTTP, on SQLite and on PostgreSQL: exactly once, whatever happens."""

from __future__ import annotations

import queue
import socket
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from backend_help import WAIT_S, make_document

from central_backend.embedded import EmbeddedBackend
from kiosk.contract import Acknowledgement, ApplicationDocument, canonical_bytes, digest
from offline_queue import (
    Delivered,
    LineChanged,
    Outbox,
    Part,
    Sender,
    SenderEvent,
    SenderSettings,
    State,
    Submission,
)
from offline_queue.backoff import Backoff
from offline_queue.wire import Wire, WireSettings, content_digest

JPEG = {"Content-Type": "image/jpeg"}


def put(backend: EmbeddedBackend, id_: str, part: str, data: bytes) -> requests.Response:
    """Put one part."""
    url = f"{backend.url}/v1/applications/{id_}/parts/{part}"
    return requests.put(url, data, headers=JPEG, timeout=WAIT_S)


def post(backend: EmbeddedBackend, document: ApplicationDocument, **headers: str) -> Any:
    """Post a document."""
    return requests.post(
        f"{backend.url}/v1/applications",
        canonical_bytes(document),
        headers={"Idempotency-Key": document.application_id, **headers},
        timeout=WAIT_S,
    )


def test_health_and_openapi_need_nothing_from_elsewhere(backend: EmbeddedBackend) -> None:
    assert requests.get(f"{backend.url}/v1/health", timeout=WAIT_S).json()["status"] == "ok"
    schema = requests.get(f"{backend.url}/openapi.json", timeout=WAIT_S).json()
    assert "ApplicationDocument" in schema["components"]["schemas"]
    assert "/v1/applications" in schema["paths"]
    page = requests.get(f"{backend.url}/docs", timeout=WAIT_S).text
    assert "http://" not in page
    assert "https://" not in page


def test_taken_once_and_answered_the_same_for_ever(backend: EmbeddedBackend) -> None:
    data = {"a": b"A" * 1000, "b": b"B" * 1000}
    document = make_document(1, parts=data, name="欧阳\U00020000\ue123")
    for part, content in data.items():
        assert put(backend, document.application_id, part, content).status_code == 200
    first = post(backend, document)
    assert first.status_code == 201
    told = Acknowledgement.model_validate_json(first.content)
    assert told.application_id == document.application_id
    assert told.digest == digest(canonical_bytes(document))
    assert told.sequence == 1
    for _ in range(3):
        again = post(backend, document)
        assert (again.status_code, again.content) == (200, first.content)
    assert backend.effect_count(document.application_id) == 1
    stored = backend.stored()
    assert len(stored) == 1
    assert ApplicationDocument.model_validate_json(
        canonical_bytes(document)
    ) == ApplicationDocument.model_validate(stored[0]["document"], strict=False)
    assert [part["sha256"] for part in stored[0]["parts"]] == [digest(d) for d in data.values()]


def test_other_bytes_under_the_same_id_are_a_conflict(backend: EmbeddedBackend) -> None:
    document = make_document(1)
    post(backend, document)
    other = document.model_copy(update={"language": "en"})
    answer = post(backend, other)
    assert answer.status_code == 409
    assert answer.json()["code"] == "conflict"
    assert backend.stored()[0]["document"]["language"] == "zh"
    late = put(backend, document.application_id, "late", b"x")
    assert (late.status_code, late.json()["code"]) == (409, "conflict")


def test_no_document_before_its_parts_and_strays_are_dropped(backend: EmbeddedBackend) -> None:
    document = make_document(1, parts={"a": b"right", "b": b"also"})
    id_ = document.application_id
    put(backend, id_, "a", b"wrong")
    put(backend, id_, "stray", b"belongs to nothing")
    answer = post(backend, document)
    assert answer.status_code == 409
    assert (answer.json()["code"], answer.json()["fields"]) == ("parts-missing", ["a", "b"])
    assert backend.effect_count(id_) == 0
    put(backend, id_, "a", b"right")
    put(backend, id_, "b", b"also")
    listed = requests.get(f"{backend.url}/v1/applications/{id_}/parts", timeout=WAIT_S).json()
    assert [part["id"] for part in listed["parts"]] == ["a", "b", "stray"]
    assert post(backend, document).status_code == 201
    assert [part["id"] for part in backend.stored()[0]["parts"]] == ["a", "b"]


def test_the_receipt_number_of_another_application_is_refused(backend: EmbeddedBackend) -> None:
    assert post(backend, make_document(1)).status_code == 201
    answer = post(backend, make_document(1))
    assert (answer.status_code, answer.json()["code"]) == (422, "number-taken")
    assert post(backend, make_document(2)).json()["sequence"] == 2, "a refusal leaves no gap"


def test_what_is_not_the_contract_is_refused_without_repeating_it(
    backend: EmbeddedBackend,
) -> None:
    document = make_document(1, name="planted-name")
    good = canonical_bytes(document)
    bad = (
        b"",
        b"{",
        b"[]",
        good[:-1],
        good.replace(b'"zh"', b'"xx"'),
        good.replace(b'"form":{}', b'"form":{},"more":1'),
        b" " + good,
        good.replace(b"planted-name", b"planted-name\\u0000"),
    )
    headers = {"Idempotency-Key": document.application_id}
    for body in bad:
        answer = requests.post(
            f"{backend.url}/v1/applications", body, headers=headers, timeout=WAIT_S
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), body
        assert "planted-name" not in answer.text
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    other = requests.post(f"{backend.url}/v1/applications", good, headers=headers, timeout=WAIT_S)
    assert other.status_code == 422
    for key in ("", "x", "A" * 32, "../../etc"):
        headers = {"Idempotency-Key": key}
        odd = requests.post(f"{backend.url}/v1/applications", good, headers=headers, timeout=WAIT_S)
        assert odd.status_code == 422
    assert backend.stored() == []


def test_a_digest_that_does_not_fit_is_refused(backend: EmbeddedBackend) -> None:
    document = make_document(1)
    for field in (content_digest(b"other"), "sha-256=nonsense", "md5=:AAAA:"):
        answer = post(backend, document, **{"Content-Digest": field})
        assert (answer.status_code, answer.json()["code"]) == (400, "digest-wrong")
    right = content_digest(canonical_bytes(document))
    assert post(backend, document, **{"Content-Digest": right}).status_code == 201


def test_a_part_may_be_too_large(backend: EmbeddedBackend) -> None:
    answer = put(backend, "a" * 32, "big", b"x" * (32 * 1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


def test_many_at_once_have_one_effect_each_and_a_gapless_sequence(
    backend: EmbeddedBackend,
) -> None:
    documents = [make_document(i) for i in range(1, 9)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda d: (d, post(backend, d)), documents * 4))
    codes = {answer.status_code for _, answer in answers}
    assert codes <= {200, 201, 409}
    for _, answer in answers:
        if answer.status_code == 409:
            assert answer.json()["code"] == "in-progress"
    firsts = [answer for _, answer in answers if answer.status_code == 201]
    assert len(firsts) == 8
    assert sorted(answer.json()["sequence"] for answer in firsts) == list(range(1, 9))
    assert all(backend.effect_count(d.application_id) == 1 for d in documents)


def test_progress_by_number_and_four_digits_with_few_tries(backend: EmbeddedBackend) -> None:
    document = make_document(1)
    post(backend, document)
    url = f"{backend.url}/v1/progress"

    def ask(last4: str, number: str = document.receipt_number) -> requests.Response:
        return requests.post(url, json={"receipt_number": number, "last4": last4}, timeout=WAIT_S)

    told = ask("002x").json()
    assert (told["state"], told["owed_materials"]) == ("received", ["photo"])
    assert ask("0029").status_code == 404
    assert ask("002X", "LW042-00002-5").json() == ask("0029").json()
    for _ in range(4):
        last = ask("0000")
    assert last.status_code == 429
    assert int(last.headers["Retry-After"]) > 0
    assert ask("002X").status_code == 429, "also for the right digits: no guessing"


SERVER_ERROR = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
PORTAL = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 14\r\n"
    b"Connection: close\r\n\r\n<html>sign in."
)


class CuttingProxy:
    """Carries bytes to the backend and spoils answers after the backend has done its work.

    `cuts` answers are lost in the way that `how` says; after that everything passes.
    """

    def __init__(self, target: str, cuts: int, how: str = "cut") -> None:
        self._how = how
        self._target = ("127.0.0.1", int(target.rsplit(":", 1)[1]))
        self._cuts = cuts
        self.lost = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._threads: list[threading.Thread] = []
        self._main = threading.Thread(target=self._accept)
        self._main.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._carry, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._target) as server:
            up = threading.Thread(target=_pump, args=(client, server))
            up.start()
            while answer := _receive(server):
                # The backend has done its work: only then is the answer lost.
                if self.lost < self._cuts:
                    self.lost += 1
                    if self._how == "truncate":
                        client.sendall(answer[: len(answer) // 2])
                    elif self._how == "error":
                        client.sendall(SERVER_ERROR)
                    elif self._how == "portal":
                        client.sendall(PORTAL)
                    elif self._how == "stall":
                        up.join()  # until the client has had enough
                    break
                client.sendall(answer)
            for side in (client, server):
                try:
                    side.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue
            up.join()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._main.join()
        for thread in self._threads:
            thread.join()


def _receive(peer: socket.socket) -> bytes:
    try:
        return peer.recv(65_536)
    except OSError:
        return b""


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox.open(tmp_path / "queue", terminal="LW042") as opened:
        yield opened


def enqueue(outbox: Outbox, parts: dict[str, bytes]) -> Submission:
    """Reserve a number, build the document, save it."""
    number = outbox.reserve_number().result(WAIT_S)
    document = make_document(int(number.split("-")[1]), parts=parts)
    data = tuple(Part(id_, "image/jpeg", content) for id_, content in parts.items())
    kept = Submission(
        document.application_id, number, canonical_bytes(document), data, datetime.now(UTC)
    )
    outbox.enqueue(kept).result(WAIT_S)
    return kept


def next_delivered(events: queue.SimpleQueue[SenderEvent]) -> Delivered:
    """Wait for a delivery."""
    while True:
        event = events.get(timeout=WAIT_S)
        if isinstance(event, Delivered):
            return event


@pytest.mark.parametrize("cuts", [1, 2, 3, 5, 8])
def test_lost_answers_double_nothing(backend: EmbeddedBackend, outbox: Outbox, cuts: int) -> None:
    proxy = CuttingProxy(backend.url, cuts)
    events: queue.SimpleQueue[SenderEvent] = queue.SimpleQueue()
    settings = SenderSettings(WireSettings(proxy.url), Backoff(base_s=0.01, cap_s=0.05))
    sender = Sender(outbox, settings, on_change=events.put)
    sender.start()
    kept = enqueue(outbox, {"a": b"A" * 5000, "b": b"B" * 5000})
    event = next_delivered(events)
    sender.close()
    proxy.close()
    assert proxy.lost == cuts
    assert event.number == kept.number
    assert backend.effect_count(kept.id) == 1
    stored = backend.stored()
    assert [s["receipt_number"] for s in stored] == [kept.number]
    assert event.case_number == stored[0]["cases"][0]["case_number"]


@pytest.mark.expected_logs("Failed to parse headers", reason="urllib3 notes half an answer")
@pytest.mark.parametrize("how", ["truncate", "error", "portal", "stall"])
def test_committed_but_never_told_so(backend: EmbeddedBackend, outbox: Outbox, how: str) -> None:
    """The backend commits, and the terminal hears half of it, a 500, a sign-in page, nothing."""
    proxy = CuttingProxy(backend.url, 2, how)
    events: queue.SimpleQueue[SenderEvent] = queue.SimpleQueue()
    wire = WireSettings(proxy.url, read_timeout_s=0.3)
    sender = Sender(outbox, SenderSettings(wire, Backoff(0.01, 0.05)), on_change=events.put)
    kept = enqueue(outbox, {})
    sender.start()
    event = next_delivered(events)
    sender.close()
    proxy.close()
    assert proxy.lost == 2
    assert event.attempts >= 2
    assert event.case_number == backend.stored()[0]["cases"][0]["case_number"]
    assert backend.effect_count(kept.id) == 1


def test_the_201_itself_is_lost(backend: EmbeddedBackend, outbox: Outbox) -> None:
    """No parts: the first answer through the proxy is the one to the document."""
    proxy = CuttingProxy(backend.url, 1)
    events: queue.SimpleQueue[SenderEvent] = queue.SimpleQueue()
    settings = SenderSettings(WireSettings(proxy.url), Backoff(base_s=0.01, cap_s=0.05))
    sender = Sender(outbox, settings, on_change=events.put)
    kept = enqueue(outbox, {})
    sender.start()
    event = next_delivered(events)
    sender.close()
    proxy.close()
    assert event.attempts == 2
    assert backend.effect_count(kept.id) == 1


def test_pulled_network_saved_here_first_delivered_after(
    backend: EmbeddedBackend, outbox: Outbox
) -> None:
    backend.pull_network()
    assert not backend.network
    assert Wire(WireSettings(backend.url)).request("GET", "/v1/health").status == 0
    events: queue.SimpleQueue[SenderEvent] = queue.SimpleQueue()
    settings = SenderSettings(WireSettings(backend.url), Backoff(base_s=0.02, cap_s=0.05))
    sender = Sender(outbox, settings, on_change=events.put)
    sender.start()
    kept = enqueue(outbox, {"a": b"A"})
    assert events.get(timeout=WAIT_S) == LineChanged(False)
    assert outbox.status().result(WAIT_S).undelivered == 1
    assert backend.stored() == []
    backend.restore_network()
    assert next_delivered(events).number == kept.number
    backend.pull_network()
    backend.restore_network()
    later = enqueue(outbox, {"a": b"A"})
    assert next_delivered(events).number == later.number
    sender.close()
    assert [s["effects"] for s in backend.stored()] == [1, 1]
    assert outbox.status().result(WAIT_S).counts[State.DELIVERED] == 2
