"""The commit as the runtime sees it: said once, after the disk has it, and before "received"."""

from __future__ import annotations

import io
import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from disk_search import needles, search
from PIL import Image
from pypdf import PdfReader
from world_help import WAIT_S, Ear, Said, ScriptedBackend, http, no_answer

from central_backend.embedded import EmbeddedBackend
from central_backend.keyring import Made, in_memory
from devices.simulators.cards import PEOPLE
from kiosk.application.draft import AnswerRecord, Attachment, Draft, MaterialRecord, PartyRecord
from kiosk.catalogue.search import MAX_COUNTED
from kiosk.contract import Envelope, canonical_bytes
from kiosk.contract.sealing import unseal
from kiosk.contract.suites import SuiteId
from kiosk.journey.effects import CountUse, Enqueue, KeepRating
from kiosk.journey.events import (
    Delivered,
    DeliveryWaits,
    Recovered,
    Saved,
    SaveFailed,
    WorldChanged,
)
from kiosk.sealing import Sealing
from kiosk.world.submitting import Submitting
from offline_queue import Outbox, PrintState, Sender, SenderSettings, State
from offline_queue.backoff import Backoff
from offline_queue.limits import Limits
from offline_queue.wire import WireSettings

ELDER = PEOPLE["elder"]
PHONE = "13957729173"
KEYS: Made = in_memory(datetime.now(UTC))
NOT_TO_BE_SEEN = (ELDER.name, ELDER.number, ELDER.address, PHONE)
JPEG = b"\xff\xd8" + b"page" * 2000


def draft(**changes: Any) -> Draft:
    party = PartyRecord(
        role="applicant",
        document_kind="resident",
        name=ELDER.name,
        number=ELDER.number,
        birth=ELDER.birth,
        sex="2",
        nation="01",
        nationality="",
        address=ELDER.address,
        valid_to=None,
        verified="card-and-face",
        distance=0.31,
        threshold=0.5,
        frames=3,
    )
    made = Draft(
        terminal="LW042",
        site="永兴街道",
        item="GG-001",
        kind="apply",
        pack="a" * 64,
        made_at=datetime.now(UTC),
        clock_trusted=True,
        language="zh",
        parties=(party,),
        answers=(AnswerRecord("purpose", "yes"),),
        told=(),
        situations=(("GG-001", "usual"),),
        materials=(
            MaterialRecord("form", "handed-in", (Attachment("form-1", "image/jpeg", JPEG),)),
            MaterialRecord("deed", "pledged", (), 10, None),
        ),
        form=(("phone", PHONE),),
        delivery="pick-up",
        address="",
        contact=PHONE,
        signature=Attachment("signature", "image/svg+xml", b"<svg/>"),
    )
    return replace(made, **changes)


class House:
    """An outbox, its carrier, and a sender to some backend."""

    def __init__(
        self, folder: Path, ear: Ear, suite: SuiteId = SuiteId.INTERNATIONAL, pinned: bool = True
    ) -> None:
        folder.mkdir(exist_ok=True)
        key_set = folder / "first-key-set.json"
        key_set.write_bytes(canonical_bytes(KEYS.keyring.signed_set))
        self.sealing = Sealing(
            folder / "keys",
            terminal="LW042",
            suite=suite,
            authority_keys=[KEYS.authority_pin] if pinned else [],
            now=lambda: datetime.now(UTC),
            first_key_set=key_set,
        )
        self.outbox = Outbox.open(
            folder / "outbox",
            terminal="LW042",
            chain=self.sealing.chain,
            limits=Limits(free_least_bytes=0, ballast_bytes=0),
        )
        self.ear = ear
        self.submitting = Submitting(
            self.outbox, ear, lambda language: f"promise {language}", self.sealing
        )
        self.sender: Sender | None = None

    def read(self, saved: Saved) -> tuple[bytes, ...]:
        """Document and attachments, as the backend opens them."""
        id_ = saved.application_id
        envelope = Envelope.model_validate_json(self.outbox.document(id_).result(WAIT_S))
        parts = [self.outbox.part(id_, str(part.ordinal)).result(WAIT_S) for part in envelope.parts]
        header = envelope.header
        return unseal(KEYS.keyring.unsealer(header.suite, header.key_id), envelope, parts)

    def send_to(self, url: str) -> None:
        self.sender = Sender(
            self.outbox,
            SenderSettings(
                WireSettings(url),
                backoff=Backoff(base_s=0.05, cap_s=0.1),
            ),
            on_change=self.submitting.sender_says,
            acknowledge=self.sealing.acknowledged,
        )
        self.sender.start()

    def close(self) -> None:
        if self.sender is not None:
            self.sender.close()
        self.submitting.close()
        self.outbox.close()

    def hold(self, more_pages: int) -> None:
        """The disk has room for so many pages more: the engine's own limit."""
        pages = self.store(lambda db: db.execute("PRAGMA page_count").fetchall()[0][0])
        limit = pages + more_pages
        self.store(lambda db: db.execute(f"PRAGMA max_page_count={limit}").fetchall())

    def store(self, command: Callable[[Any], Any]) -> Any:
        return self.outbox._submit(lambda store: command(store._db)).result(WAIT_S)


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def house(tmp_path: Path, ear: Ear) -> Iterator[House]:
    with opened(tmp_path, ear) as made:
        yield made


@contextmanager
def opened(folder: Path, ear: Ear, **changes: Any) -> Iterator[House]:
    made = House(folder / "terminal", ear, **changes)
    try:
        yield made
    finally:
        made.close()


def test_saved_is_said_when_the_disk_has_it(house: House, ear: Ear) -> None:
    house.submitting.enqueue(Enqueue(draft()), 9)
    saved = ear.wait(Saved)
    assert saved.visit == 9
    delivery = house.outbox.delivery(saved.number).result(WAIT_S)
    assert delivery is not None
    assert delivery.state is State.QUEUED
    first, page, signature = house.read(saved)
    document = json.loads(first)
    assert document["receipt_number"] == saved.number
    assert document["pledge"]["text"] == "promise zh"
    assert document["pledge"]["materials"] == ["deed"]
    assert page == JPEG
    assert signature == b"<svg/>"


def pages(name: str, *colours: int) -> tuple[Attachment, ...]:
    made = []
    for number, grey in enumerate(colours, 1):
        buffer = io.BytesIO()
        Image.new("L", (300, 400), grey).save(buffer, "JPEG")
        made.append(Attachment(f"{name}-{number}", "image/jpeg", buffer.getvalue()))
    return tuple(made)


def test_several_pages_are_one_pdf_and_one_page_stays_a_picture(house: House, ear: Ear) -> None:
    handed = (
        MaterialRecord("book", "handed-in", pages("book", 10, 120, 230)),
        MaterialRecord("form", "handed-in", pages("form", 50)),
    )
    house.submitting.enqueue(Enqueue(draft(materials=handed)), 1)
    saved = ear.wait(Saved)
    first, pdf, *_ = house.read(saved)
    book, form = json.loads(first)["materials"]
    assert [a["media_type"] for a in book["attachments"]] == ["application/pdf"]
    assert [a["media_type"] for a in form["attachments"]] == ["image/jpeg"]
    shades: list[Any] = [
        page.images[0].image.getpixel((9, 9)) for page in PdfReader(io.BytesIO(pdf)).pages
    ]
    assert [round(shade, -1) for shade in shades] == [10, 120, 230], "in their order"


def test_pages_that_cannot_be_bound_are_kept_as_they_are(house: House, ear: Ear) -> None:
    broken = (pages("book", 10)[0], Attachment("book-2", "image/jpeg", JPEG))
    house.submitting.enqueue(
        Enqueue(draft(materials=(MaterialRecord("book", "handed-in", broken),))), 1
    )
    saved = ear.wait(Saved)
    assert house.read(saved)[2] == JPEG


def test_what_showed_a_living_head_is_in_the_application(house: House, ear: Ear) -> None:
    for shown, said in (("turn", "turn"), ("", "none")):
        party = replace(draft().parties[0], liveness=shown)
        house.submitting.enqueue(Enqueue(draft(parties=(party,))), 1)
        saved = ear.wait(Saved)
        ear.forget()
        document = json.loads(house.read(saved)[0])
        face = document["parties"][0]["evidence"][1]
        assert (face["kind"], face["liveness"]) == ("face", said)


def test_an_untrusted_clock_is_written_into_the_application(house: House, ear: Ear) -> None:
    house.submitting.enqueue(Enqueue(draft(clock_trusted=False)), 1)
    saved = ear.wait(Saved)
    document = json.loads(house.read(saved)[0])
    assert document["created"]["clock_trusted"] is False
    assert document["signatures"][0]["signed_at"]["clock_trusted"] is False


def test_a_full_disk_says_so_and_the_next_try_goes_through(house: House, ear: Ear) -> None:
    house.submitting.enqueue(Enqueue(draft()), 1)
    ear.wait(Saved)
    ear.forget()
    house.hold(1)
    house.submitting.enqueue(Enqueue(draft()), 1)
    assert ear.wait(SaveFailed).code == "QU-01"
    assert not [e for e in ear.events if isinstance(e, (Saved, WorldChanged))], "others go on"
    assert house.outbox.status().result(WAIT_S).counts[State.QUEUED] == 1, "the first is safe"
    ear.forget()
    house.hold(100_000)
    house.submitting.enqueue(Enqueue(draft()), 1)
    ear.wait(Saved)
    assert house.outbox.status().result(WAIT_S).counts[State.QUEUED] == 2


def test_a_broken_disk_closes_the_intake(house: House, ear: Ear) -> None:
    house.outbox._submit(lambda store: setattr(store, "intake_open", False)).result(WAIT_S)
    house.submitting.enqueue(Enqueue(draft()), 1)
    assert ear.wait(SaveFailed).code == "QU-02"
    told = ear.wait(WorldChanged)
    assert (told.intake_open, told.intake_code) == (False, "QU-02")


@pytest.mark.expected_logs("nothing more can be taken in: QU-02", reason="it must alarm")
def test_a_disk_that_fails_while_nobody_hands_in_closes_the_intake_at_once(
    house: House, ear: Ear
) -> None:
    with ScriptedBackend(no_answer) as silent:
        house.send_to(silent.url)
        house.outbox._submit(lambda store: setattr(store, "intake_open", False)).result(WAIT_S)
        told = ear.wait(WorldChanged, lambda e: e.intake_open is not None)
        assert (told.intake_open, told.intake_code) == (False, "QU-02")


def test_a_closed_outbox_is_an_error_and_not_a_hang(house: House, ear: Ear) -> None:
    house.outbox.close()
    house.submitting.enqueue(Enqueue(draft()), 1)
    assert ear.wait(SaveFailed).code == "QU-03"


def test_an_application_that_does_not_fit_closes_nothing(
    house: House, ear: Ear, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    house.submitting.enqueue(Enqueue(draft(contact="x" * 5000)), 1)
    assert ear.wait(SaveFailed).code == "QU-07"
    house.outbox.intake().result(WAIT_S)
    assert len(ear.events) == 1, "others can still hand in"
    for secret in NOT_TO_BE_SEEN:
        assert secret not in caplog.text
    house.submitting.enqueue(Enqueue(draft()), 2)
    ear.wait(Saved)


def test_received_is_said_to_the_visit_that_handed_in_and_after_saved(
    house: House, ear: Ear
) -> None:
    with EmbeddedBackend(keys=KEYS) as backend:
        house.send_to(backend.url)
        for visit in (3, 4, 5):
            house.submitting.enqueue(Enqueue(draft()), visit)
        for visit in (3, 4, 5):
            delivered = ear.wait(Delivered, lambda e, v=visit: e.visit == v)
            assert delivered.case_number
        stored = backend.stored()
    told = [e for e in ear.events if isinstance(e, (Saved, Delivered))]
    for visit in (3, 4, 5):
        first, second = (e for e in told if e.visit == visit)
        assert isinstance(first, Saved)
        assert isinstance(second, Delivered)
        assert first.number == second.number
    assert [s["effects"] for s in stored] == [1, 1, 1]
    assert ear.wait(WorldChanged).line_up is True


def test_an_answer_that_is_no_acknowledgement_is_not_received(house: House, ear: Ear) -> None:
    page = http("200 OK", "text/html", b"<html>Welcome to the hotel</html>")
    with ScriptedBackend(lambda _: Said((page,))) as portal:
        house.send_to(portal.url)
        house.submitting.enqueue(Enqueue(draft()), 3)
        waits = ear.wait(DeliveryWaits)
        assert (waits.visit, waits.code) == (3, "NW-01")
    assert not [e for e in ear.events if isinstance(e, Delivered)]


def test_saving_does_not_wait_for_an_upload_that_hangs(house: House, ear: Ear) -> None:
    with ScriptedBackend(no_answer) as silent:
        house.send_to(silent.url)
        house.submitting.enqueue(Enqueue(draft()), 1)
        ear.wait(Saved)
        ear.forget()
        began_s = time.monotonic()
        house.submitting.enqueue(Enqueue(draft()), 2)
        ear.wait(Saved)
        assert time.monotonic() - began_s < 0.5


def test_after_a_restart_the_number_is_known_and_delivered_to_nobodys_visit(
    tmp_path: Path, ear: Ear
) -> None:
    with opened(tmp_path, ear) as before:
        before.submitting.enqueue(Enqueue(draft()), 8)
        number = ear.wait(Saved).number
    ear.forget()
    with opened(tmp_path, ear) as after, EmbeddedBackend(keys=KEYS) as backend:
        after.submitting.recover(datetime.now(UTC))
        ((found, _),) = ear.wait(Recovered).stubs
        assert found == number
        after.send_to(backend.url)
        delivered = ear.wait(Delivered)
        assert (delivered.visit, delivered.number) == (0, number)
        assert len(backend.stored()) == 1


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        (PrintState.WANTED, True),
        (PrintState.UNKNOWN, True),
        (PrintState.PRINTED, False),
        (PrintState.FAILED, False),
    ],
)
def test_only_a_receipt_that_may_be_missing_is_offered_again(
    house: House, ear: Ear, state: PrintState, offered: bool
) -> None:
    house.submitting.enqueue(Enqueue(draft()), 1)
    number = ear.wait(Saved).number
    house.outbox.set_print_state(number, state).result(WAIT_S)
    house.submitting.recover(datetime.now(UTC))
    assert bool(ear.wait(Recovered).stubs) is offered


def test_a_resident_who_left_without_paper_leaves_nothing_to_who_comes_next(
    house: House, ear: Ear
) -> None:
    house.submitting.enqueue(Enqueue(draft()), 1)
    number = ear.wait(Saved).number
    house.submitting.give_up_printing(number)
    house.submitting.give_up_printing("LW042-99999-0")  # unknown: nothing happens
    house.submitting.recover(datetime.now(UTC))
    assert ear.wait(Recovered).stubs == ()


def test_a_number_of_yesterday_is_not_offered(house: House, ear: Ear) -> None:
    house.submitting.enqueue(Enqueue(draft(made_at=datetime.now(UTC) - timedelta(days=1))), 1)
    ear.wait(Saved)
    house.submitting.recover(datetime.now(UTC))
    assert ear.wait(Recovered).stubs == ()


def test_recovering_from_a_closed_outbox_breaks_nothing(house: House, ear: Ear) -> None:
    house.outbox.close()
    house.submitting.recover(datetime.now(UTC))
    assert ear.events == []


def test_ratings_are_counted_without_anybodys_name(house: House) -> None:
    for level in (5, 5, 1):
        house.submitting.keep_rating(KeepRating("GG-001", level, ()), 1)
    house.submitting.close()
    assert house.outbox.get_meta("rating:GG-001:5").result(WAIT_S) == "2"
    assert house.outbox.get_meta("rating:GG-001:1").result(WAIT_S) == "1"


def test_what_is_begun_here_is_counted_and_what_was_used_long_ago_fades(
    house: House, ear: Ear
) -> None:
    for _ in range(3):
        house.submitting.count_use(CountUse("GG-001"), 1)
    house.submitting.count_use(CountUse("SB-001"), 2)
    for _ in range(MAX_COUNTED - 2):
        house.submitting.count_use(CountUse("GG-001"), 3)
    house.submitting.close()
    told = [event.uses for event in ear.events if isinstance(event, WorldChanged)]
    assert told[3] == {"GG-001": 3, "SB-001": 1}
    assert told[-1] == house.submitting.uses() == {"GG-001": (MAX_COUNTED + 1) // 2}


@pytest.mark.parametrize("suite", list(SuiteId))
def test_either_suite_is_delivered_and_acknowledged(
    tmp_path: Path, ear: Ear, suite: SuiteId
) -> None:
    with opened(tmp_path, ear, suite=suite) as house, EmbeddedBackend(keys=KEYS) as backend:
        house.submitting.enqueue(Enqueue(draft()), 1)
        saved = ear.wait(Saved)
        header = Envelope.model_validate_json(
            house.outbox.document(saved.application_id).result(WAIT_S)
        ).header
        assert header.suite is suite
        house.send_to(backend.url)
        assert ear.wait(Delivered).number == saved.number
        (stored,) = backend.stored()
        assert stored["document"]["parties"][0]["name"] == ELDER.name


def test_without_a_key_to_seal_to_nothing_is_offered_and_nothing_is_kept(
    tmp_path: Path, ear: Ear
) -> None:
    with opened(tmp_path, ear, pinned=False) as house:
        house.submitting.look()
        told = ear.wait(WorldChanged)
        assert (told.intake_open, told.intake_code) == (False, "SE-06")
        house.submitting.enqueue(Enqueue(draft()), 1)
        assert ear.wait(SaveFailed).code == "SE-08"
        assert house.outbox.status().result(WAIT_S).undelivered == 0


def test_the_intake_opens_again_when_there_is_a_key(tmp_path: Path, ear: Ear) -> None:
    with opened(tmp_path, ear) as house:
        house.sealing._sealer, kept = None, house.sealing._sealer
        house.submitting.look()
        assert ear.wait(WorldChanged).intake_open is False
        ear.forget()
        house.sealing._sealer = kept
        house.submitting.look()
        told = ear.wait(WorldChanged)
        assert (told.intake_open, told.intake_code) == (True, "")


class NoSeal:
    """A mutant: looks like a sealer, and hands the parts on as they are."""

    def __init__(self, like: Any) -> None:
        self.suite, self.key_id = like.suite, like.key_id
        self.sealed_key = b"k" * 80

    def start(self, bound: bytes) -> NoSeal:
        return self

    def seal(self, nonce: bytes, plain: bytes) -> bytes:
        return plain + b"t" * 16


@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "mutant"])
def test_nothing_personal_of_an_application_is_on_the_disk(
    tmp_path: Path, ear: Ear, sealed: bool
) -> None:
    texts = {"name": ELDER.name, "number": ELDER.number, "address": ELDER.address, "phone": PHONE}
    texts |= {"item": "GG-001", "answer": '"purpose"', "attachment": "form-1"}
    page = bytes(random.Random(1).randbytes(9000))  # a picture's bytes look like chance
    form = MaterialRecord("form", "handed-in", (Attachment("form-1", "image/jpeg", page),))
    with opened(tmp_path, ear) as house:
        if not sealed:
            house.sealing._sealer = NoSeal(house.sealing._sealer)
        house.submitting.enqueue(Enqueue(draft(materials=(form,))), 1)
        ear.wait(Saved)
        found = search(tmp_path, needles(texts, [page]))
    kinds = {line.partition(" in ")[0].split(" at ")[0] for line in found}
    assert kinds == (set() if sealed else {*texts, "page 0"})
