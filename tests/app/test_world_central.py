"""Questions to a backend that misbehaves: each ends in one code, and nothing hangs."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from world_help import Ear, Said, ScriptedBackend, http, no_answer, spin

from central_backend.embedded import EmbeddedBackend
from devices.simulators.cards import PEOPLE
from kiosk.contract import CodeAnswer, DocumentKind, QuestionParty
from kiosk.identity.papers import PaperKind
from kiosk.journey.effects import AskCentral, AskWhose
from kiosk.journey.events import CentralAnswered, CentralFailed, CodeOwner, CodeRefused
from kiosk.world.central import Asking

ANSWER_S = 0.6
JSON = "application/json"
ELDER = PEOPLE["elder"]
WORDS = {"zh": "字", "en": "word"}
NOT_TO_BE_SEEN = (ELDER.name, ELDER.number)


def question(*, certificate: bool = True, record: str = "social-insurance") -> AskCentral:
    return AskCentral(
        item="SB-001",
        record=record,
        certificate=certificate,
        language="zh",
        document_kind="resident",
        name=ELDER.name,
        id_number=ELDER.number,
        how_verified="card-and-face",
    )


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def asking_at(ear: Ear) -> Iterator[Callable[[str], Asking]]:
    made: list[Asking] = []

    def make(url: str, answer_s: float = ANSWER_S) -> Asking:
        made.append(Asking(url, "LW042", ear, connect_s=0.5, answer_s=answer_s))
        return made[-1]

    yield make
    for asking in made:
        asking.close()


def nothing(request: bytes, **changes: Any) -> bytes:
    """A right answer: nothing was found."""
    asked = json.loads(request)
    answer = {
        "answer": "nothing",
        "request_id": asked["request_id"],
        "message": WORDS,
        "as_of": "2026-11-21T12:00:00+08:00",
        "sample": True,
        **changes,
    }
    return http("200 OK", JSON, json.dumps(answer).encode())


def test_a_right_answer_is_understood(ear: Ear, asking_at: Callable[[str], Asking]) -> None:
    """The script of these tests can be right, so that the wrong ones mean something."""
    with ScriptedBackend(lambda body: Said((nothing(body),))) as backend:
        asking_at(backend.url).ask(question(), 7)
        answer = ear.wait(CentralAnswered)
    assert (answer.visit, answer.found, answer.title) == (7, False, "字")
    assert backend.requests[0].startswith(b"POST /v1/certificates ")


WRONG: dict[str, tuple[Callable[[bytes], Said], str]] = {
    "HTML with 200": (
        lambda _: Said((http("200 OK", "text/html", b"<html>Welcome to the hotel</html>"),)),
        "NW-02",
    ),
    "HTML that claims to be JSON": (lambda _: Said((http("200 OK", JSON, b"<html>"),)), "NW-02"),
    "a redirect to a portal": (
        lambda _: Said((b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",)),
        "NW-01",
    ),
    "500": (lambda _: Said((http("500 Oops", "text/plain", b"oops"),)), "NW-01"),
    "503 with HTML": (lambda _: Said((http("503 Later", "text/html", b"<p>"),)), "NW-01"),
    "429": (lambda _: Said((http("429 Slowly", JSON, b"{}"),)), "NW-01"),
    "404 of the backend": (lambda _: Said((http("404 No", JSON, b"{}"),)), "NW-03"),
    "404 of somebody else": (lambda _: Said((http("404 No", "text/html", b"<p>"),)), "NW-02"),
    "422": (lambda _: Said((http("422 No", "application/problem+json", b"{}"),)), "NW-03"),
    "204": (lambda _: Said((b"HTTP/1.1 204 Nothing\r\n\r\n",)), "NW-02"),
    "no JSON": (lambda _: Said((http("200 OK", JSON, b"\x00\xff{"),)), "NW-02"),
    "deep JSON": (lambda _: Said((http("200 OK", JSON, b"[" * 100_000),)), "NW-02"),
    "other JSON": (lambda _: Said((http("200 OK", JSON, b'{"answer": "yes"}'),)), "NW-02"),
    "an answer to another question": (
        lambda body: Said((nothing(body, request_id="0" * 32),)),
        "NW-02",
    ),
    "an answer of another kind": (
        lambda body: Said(
            (
                nothing(
                    body,
                    answer="records",
                    records=[{"title": WORDS, "rows": []}],
                ).replace(b'"message"', b'"messag_"'),
            )
        ),
        "NW-02",
    ),
    "records where a certificate is wanted": (
        lambda body: Said(
            (
                http(
                    "200 OK",
                    JSON,
                    json.dumps(
                        {
                            "answer": "records",
                            "request_id": json.loads(body)["request_id"],
                            "records": [{"title": WORDS, "rows": []}],
                            "as_of": "2026-11-21T12:00:00+08:00",
                            "sample": True,
                        }
                    ).encode(),
                ),
            )
        ),
        "NW-02",
    ),
    "a certificate that is no PDF": (
        lambda body: Said(
            (
                http(
                    "200 OK",
                    JSON,
                    json.dumps(
                        {
                            "answer": "certificate",
                            "request_id": json.loads(body)["request_id"],
                            "certificate_no": "1",
                            "verify_code": "2",
                            "verify_url": "http://127.0.0.1/3",
                            "issued_at": "2026-11-21T12:00:00+08:00",
                            "title": WORDS,
                            "lines": [],
                            "pdf": "PGh0bWw+",
                            "sample": True,
                        }
                    ).encode(),
                ),
            )
        ),
        "NW-02",
    ),
    "silence": (no_answer, "NW-01"),
    "silence in the middle": (
        lambda _: Said((b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n",), hang=True),
        "NW-01",
    ),
    "a byte now and then": (
        lambda _: Said(
            (
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n",
                *(b" " for _ in range(900)),
            ),
            every_s=0.1,
        ),
        "NW-01",
    ),
    "an end in the middle": (
        lambda _: Said((http("200 OK", JSON, b"{" + b" " * 500)[:-300],)),
        "NW-01",
    ),
    "no HTTP": (lambda _: Said((b"220 mail.example ESMTP\r\n",)), "NW-01"),
    "nothing at all": (lambda _: Said(()), "NW-01"),
    "wrong gzip": (
        lambda _: Said(
            (
                http("200 OK", JSON, b"no gzip").replace(
                    b"Connection", b"Content-Encoding: gzip\r\nConnection"
                ),
            )
        ),
        "NW-01",
    ),
    "a body without end": (
        lambda _: Said(
            (
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n",
                *(b" " * 1_000_000 for _ in range(40)),
            )
        ),
        "NW-02",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_ends_in_its_code(
    name: str, ear: Ear, asking_at: Callable[[str], Asking]
) -> None:
    script, code = WRONG[name]
    with ScriptedBackend(script) as backend:
        began_s = time.monotonic()
        asking_at(backend.url).ask(question(), 3)
        failed = ear.wait(CentralFailed)
        took_s = time.monotonic() - began_s
    assert (failed.visit, failed.code) == (3, code)
    assert took_s < 10, "it hung"
    assert len(ear.events) == 1, "one question, one answer"


def test_a_refused_connection_is_a_line_that_is_down(
    ear: Ear, asking_at: Callable[[str], Asking]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    asking_at(f"http://127.0.0.1:{port}").ask(question(), 1)
    assert ear.wait(CentralFailed).code == "NW-01"


def test_the_next_visit_does_not_wait_for_a_question_that_nobody_asks_any_more(
    ear: Ear, asking_at: Any
) -> None:
    scripts = iter([no_answer, lambda body: Said((nothing(body),))])
    with ScriptedBackend(lambda body: next(scripts)(body)) as backend:
        asking = asking_at(backend.url, 60.0)
        asking.ask(question(), 1)
        spin(lambda: len(backend.requests) == 1, "the first question")
        asking.stop()
        asking.ask(question(), 2)
        assert ear.wait(CentralAnswered).visit == 2


def test_closing_does_not_wait_for_the_backend(ear: Ear, asking_at: Any) -> None:
    with ScriptedBackend(no_answer) as backend:
        asking = asking_at(backend.url, 60.0)
        asking.ask(question(), 1)
        spin(lambda: len(backend.requests) == 1, "the question")
        began_s = time.monotonic()
        asking.close()
        assert time.monotonic() - began_s < 5
    assert "asking_0" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("name", ["HTML with 200", "422", "silence", "other JSON"])
def test_nobody_is_named_in_what_is_logged(
    name: str, ear: Ear, asking_at: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    script, code = WRONG[name]
    with ScriptedBackend(script) as backend:
        asking_at(backend.url).ask(question(), 1)
        ear.wait(CentralFailed)
    assert code in caplog.text
    for secret in NOT_TO_BE_SEEN:
        assert secret not in caplog.text
        assert secret not in repr(ear.events)


def test_the_real_backend_answers_certificate_and_records(ear: Ear, asking_at: Any) -> None:
    with EmbeddedBackend() as backend:
        asking = asking_at(backend.url, 20.0)
        asking.ask(question(), 1)
        made = ear.wait(CentralAnswered)
        assert made.pdf is not None
        assert made.pdf.startswith(b"%PDF-")
        assert made.certificate_number
        assert [page[:4] for page in made.pages_png] == [b"\x89PNG"]
        ear.forget()
        asking.ask(replace(question(record="housing-fund"), item="GJJ-003"), 1)
        long = ear.wait(CentralAnswered)
        assert len(long.pages_png) == 2, "every page of it is shown"
        assert len(set(long.pages_png)) == 2
        ear.forget()
        asking.ask(question(certificate=False, record="water-bill"), 2)
        found = ear.wait(CentralAnswered)
        assert found.pdf is None
        assert found.sections
        ear.forget()
        backend.pull_network()
        asking.ask(question(), 3)
        assert ear.wait(CentralFailed).code == "NW-01"
        ear.forget()
        backend.restore_network()
        asking.ask(question(), 4)
        assert ear.wait(CentralAnswered).visit == 4


# -- codes of the app -------------------------------------------------------------------

LI = QuestionParty(name=ELDER.name, document_kind=DocumentKind.RESIDENT_ID, number=ELDER.number)
CODE = "YBM1:" + "A" * 26


def owner(request: bytes, **changes: Any) -> bytes:
    """A right answer: it is the elder's."""
    asked = json.loads(request)
    party = json.loads(LI.model_dump_json())
    answer = {
        "request_id": asked["request_id"],
        "state": "good",
        "party": party,
        "sample": True,
        **changes,
    }
    return http("200 OK", JSON, json.dumps(answer).encode())


def test_a_real_backend_says_whose_code_it_is_once(
    ear: Ear, asking_at: Callable[..., Asking]
) -> None:
    with EmbeddedBackend() as backend:
        asking = asking_at(backend.url, 10.0)
        code = backend.identity_code(LI)
        asking.ask_whose(AskWhose(code), 7)
        told = ear.wait(CodeOwner)
        assert (told.visit, told.kind, told.number) == (7, PaperKind.RESIDENT, ELDER.number)
        assert ELDER.name not in repr(told)
        asking.ask_whose(AskWhose(code), 7)
        assert ear.wait(CodeRefused).code == "ID-09"
        backend.pull_network()
        ear.forget()
        asking.ask_whose(AskWhose(CODE), 7)
        assert ear.wait(CodeRefused).code == "NW-01"


def test_what_is_no_code_of_the_app_never_leaves_the_terminal(
    ear: Ear, asking_at: Callable[[str], Asking]
) -> None:
    with ScriptedBackend(lambda body: Said((owner(body),))) as backend:
        asking = asking_at(backend.url)
        for shown in ("", "https://pay.invalid/12345", CODE + "\n", CODE.lower(), "x" * 100_000):
            asking.ask_whose(AskWhose(shown), 7)
            assert ear.wait(CodeRefused).code == "ID-07"
            ear.forget()
        assert backend.requests == []
        asking.ask_whose(AskWhose(CODE), 7)
        ear.wait(CodeOwner)


WRONG_OWNERS: dict[str, tuple[Callable[[bytes], Said], str]] = {
    "expired": (lambda b: Said((owner(b, state="expired", party=None),)), "ID-08"),
    "used": (lambda b: Said((owner(b, state="used", party=None),)), "ID-09"),
    "unknown": (lambda b: Said((owner(b, state="unknown", party=None),)), "ID-07"),
    "used, and yet a name": (lambda b: Said((owner(b, state="used"),)), "NW-02"),
    "good, and nobody": (lambda b: Said((owner(b, party=None),)), "NW-02"),
    "another question's": (lambda b: Said((owner(b, request_id="0" * 32),)), "NW-02"),
    "an organisation": (
        lambda b: Said(
            (owner(b, party={"name": "x", "document_kind": "credit-code", "number": "1"}),)
        ),
        "NW-02",
    ),
    "no such door": (lambda _: Said((http("404 No", JSON, b"{}"),)), "NW-03"),
    "a portal": (lambda _: Said((http("200 OK", "text/html", b"<html>"),)), "NW-02"),
    "500": (lambda _: Said((http("500 Oops", "text/plain", b"oops"),)), "NW-01"),
}


@pytest.mark.parametrize("name", WRONG_OWNERS)
def test_every_answer_about_a_code_ends_in_one_event(
    ear: Ear, asking_at: Callable[[str], Asking], name: str
) -> None:
    script, code = WRONG_OWNERS[name]
    with ScriptedBackend(script) as backend:
        asking_at(backend.url).ask_whose(AskWhose(CODE), 7)
        refused = ear.wait(CodeRefused)
    assert (refused.visit, refused.code) == (7, code)
    assert CodeAnswer.model_fields["party"].repr is False
