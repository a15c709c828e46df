"""Reader, cameras and printer as the runtime sees them: every failure has its code and ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import zxingcpp
from PIL import Image
from world_help import Ear, spin

from config.words import load_words
from devices.camera import CameraSpec, CameraState
from devices.errors import Fault
from devices.records import PaperState, Portrait, PortraitFormat, ScannedCode
from devices.samv.driver import SamvReader
from devices.samv.protocol import TEXT_BYTES
from devices.simulators import cards, photos
from devices.simulators.camera import FROZEN, GONE, SceneControl
from devices.simulators.printer import SimulatedPrinter
from devices.simulators.samv import SamvSimulator
from kiosk.journey.effects import (
    AimDocumentCamera,
    MatchFace,
    Print,
    ReadCard,
    ReadCode,
    StopReading,
    TakePhoto,
)
from kiosk.journey.events import (
    CaptureFailed,
    CardFailed,
    CardFound,
    CardRead,
    CodeFailed,
    CodeSeen,
    FaceDone,
    FaceFailed,
    PageCaptured,
    Printed,
    PrintFailed,
    WorldChanged,
)
from kiosk.receipts.content import Delivery, Stub
from kiosk.world.codes import CodeReading, Seen
from kiosk.world.documents import PaperCapture
from kiosk.world.face import FaceMatching
from kiosk.world.printing import Printing
from kiosk.world.reader import CardReading
from kiosk.world.sight import Sight
from offline_queue import Outbox, PrintState, Submission

WAIT = ReadCard(20.0)


@pytest.fixture
def ear() -> Ear:
    return Ear()


# -- reader -------------------------------------------------------------------------------


@pytest.fixture
def wire() -> Iterator[SamvSimulator]:
    with SamvSimulator() as simulator:
        yield simulator


@pytest.fixture
def reading(wire: SamvSimulator, ear: Ear) -> Iterator[CardReading]:
    carrier = CardReading(SamvReader(wire.port), ear)
    yield carrier
    carrier.close()


def elder() -> cards.CardOnReader:
    return cards.make_card(cards.PEOPLE["elder"], np.asarray(photos.portrait_image("astronaut")))


def test_a_card_is_found_and_read_with_its_portrait(
    wire: SamvSimulator, reading: CardReading, ear: Ear
) -> None:
    reading.read(WAIT, 4)
    wire.put_card(elder())
    read = ear.wait(CardRead)
    assert (read.visit, read.card.number) == (4, cards.PEOPLE["elder"].number)
    assert read.portrait_png is not None
    assert read.portrait_png.startswith(b"\x89PNG")
    assert ear.wait(CardFound).visit == 4
    assert ear.wait(WorldChanged).reader_ok is True


def test_garbage_in_the_text_block_is_an_unreadable_card(
    wire: SamvSimulator, reading: CardReading, ear: Ear
) -> None:
    wire.garbage_text(bytes(range(256)) * (TEXT_BYTES // 256))
    wire.put_card(elder())
    reading.read(WAIT, 1)
    assert ear.wait(CardFailed).code == "RD-09"
    assert ear.wait(WorldChanged).reader_ok is True, "the reader itself is well"


def test_noise_before_a_reply_is_read_through(
    wire: SamvSimulator, reading: CardReading, ear: Ear
) -> None:
    wire.noise_before(b"\xaa\xaa\x00\x96i\xff" * 20, times=3)
    wire.put_card(elder())
    reading.read(WAIT, 1)
    assert ear.wait(CardRead).card.number == cards.PEOPLE["elder"].number


def test_nothing_but_wrong_checksums_is_garbled(
    wire: SamvSimulator, reading: CardReading, ear: Ear
) -> None:
    wire.bad_checksum(10_000)
    wire.put_card(elder())
    reading.read(WAIT, 1)
    assert ear.wait(CardFailed).code == "RD-03"
    assert ear.wait(WorldChanged).reader_ok is False
    wire.heal()
    reading.look()
    assert ear.wait(WorldChanged, lambda e: e.reader_ok is True)


def test_a_reader_that_hangs_in_the_middle_is_silent(
    wire: SamvSimulator, reading: CardReading, ear: Ear
) -> None:
    wire.stall_after_bytes(300)
    wire.put_card(elder())
    reading.read(WAIT, 1)
    assert ear.wait(CardFailed).code in ("RD-02", "RD-03")
    assert ear.wait(WorldChanged).reader_ok is False
    wire.heal()
    wire.put_card(elder())
    reading.read(WAIT, 1)
    assert ear.wait(CardRead)
    assert ear.wait(WorldChanged, lambda e: e.reader_ok is True)


def test_a_reader_that_vanishes_is_told_and_told_again_when_it_is_back(
    wire: SamvSimulator, reading: CardReading, ear: Ear
) -> None:
    reading.look()
    assert ear.wait(WorldChanged).reader_ok is True
    wire.vanish_after_bytes(200)
    wire.put_card(elder())
    reading.read(WAIT, 1)
    assert ear.wait(CardFailed).code == "RD-01"
    assert ear.wait(WorldChanged, lambda e: e.reader_ok is False)
    ear.forget()
    # The visit still stands at the reader: nobody has called `stop`.
    reading.look()
    wire.come_back()
    spin(lambda: reading.look() is None and bool(ear.events), "the reader is back")
    assert ear.events == [WorldChanged(reader_ok=True, id_cards=True)]
    reading.read(WAIT, 1)
    wire.put_card(elder())
    assert ear.wait(CardRead)


def test_who_waits_no_more_gets_no_answer(
    wire: SamvSimulator, reading: CardReading, ear: Ear
) -> None:
    reading.read(WAIT, 1)
    spin(lambda: bool(wire.commands), "the wait for a card")
    reading.stop(StopReading(), 1)
    spin(lambda: reading.look() is None and bool(ear.events), "the reader is asked again")
    assert not [e for e in ear.events if isinstance(e, (CardFailed, CardRead))]


def test_a_second_wait_takes_the_place_of_the_first(
    wire: SamvSimulator, reading: CardReading, ear: Ear
) -> None:
    reading.read(WAIT, 1)
    reading.read(WAIT, 2)
    wire.put_card(elder())
    assert ear.wait(CardRead).visit == 2
    assert not [e for e in ear.events if isinstance(e, CardFailed)]


# -- cameras ------------------------------------------------------------------------------


@pytest.fixture
def scene() -> Iterator[SceneControl]:
    control = SceneControl("nobody")
    yield control
    control.close()


def match(deadline_s: float = 20.0) -> MatchFace:
    portrait = np.asarray(photos.portrait_image("astronaut"))
    block = cards.make_card(cards.PEOPLE["elder"], portrait).portrait
    return MatchFace(Portrait(PortraitFormat.WEBP, block), 0.5, 1, deadline_s)


def test_a_camera_that_is_gone_and_comes_back(scene: SceneControl, ear: Ear) -> None:
    scene.set(GONE)
    faces = FaceMatching(scene.face_spec(), ear)
    try:
        faces.start()
        faces.look()
        faces.match(match(600.0), 1)
        assert ear.wait(FaceFailed).code == "CM-01", "long before the deadline"
        assert ear.wait(WorldChanged).camera_ok is False
        ear.forget()
        faces.look()
        assert not ear.events, "while it is wanted, its own process tells"
        faces.stop()
        spin(lambda: faces.look() is None and bool(ear.events), "it is worth another try")
        assert ear.events == [WorldChanged(camera_ok=True)]
        scene.set("astronaut")
        faces.match(match(), 2)
        done = ear.wait(FaceDone)
        assert (done.visit, done.result.matched) == (2, True)
        assert faces.latest() is not None
        faces.stop()
        assert faces.latest() is None, "no picture after the camera is off"
    finally:
        faces.close()


def test_a_camera_that_was_missed_is_told_to_be_back(scene: SceneControl) -> None:
    """A visit that waits for it goes on, whether or not the camera had said that it was away."""
    told: list[bool] = []
    sight = Sight(scene.face_spec(), told.append)
    sight.missed(CameraState.STARTING)
    assert told == [False]
    sight.changed(CameraState.LIVE)
    assert told == [False, True]
    sight.missed(CameraState.LIVE)  # it came back a moment ago, and does not say so again
    assert told == [False, True, False, True]


def test_a_portrait_that_cannot_be_decoded(scene: SceneControl, ear: Ear) -> None:
    faces = FaceMatching(scene.face_spec(), ear)
    try:
        broken = Portrait(PortraitFormat.WEBP, b"RIFF" + bytes(1020))
        faces.match(MatchFace(broken, 0.5, 1, 10.0), 1)
        assert ear.wait(FaceFailed).code == "RD-11"
    finally:
        faces.close()


def test_a_match_that_nobody_waits_for_gives_no_answer(scene: SceneControl, ear: Ear) -> None:
    faces = FaceMatching(scene.face_spec(), ear)
    try:
        faces.start()
        faces.match(match(), 1)
        faces.stop()
        scene.set("astronaut")
        faces.match(match(), 2)
        assert ear.wait(FaceDone).visit == 2
        assert not [e for e in ear.events if isinstance(e, FaceFailed)]
    finally:
        faces.close()


def test_a_document_camera_photographs_is_lost_and_comes_back(
    scene: SceneControl, ear: Ear
) -> None:
    scene.set("paper:permit")
    desk = PaperCapture(scene.document_spec(), ear)
    try:
        desk.start()
        desk.aim(AimDocumentCamera(), 1)
        desk.take(TakePhoto(20.0), 1)
        page = ear.wait(PageCaptured).page
        assert page.jpeg.startswith(b"\xff\xd8")
        assert page.straightened
        ear.wait(WorldChanged, lambda e: e.document_camera_ok is True)
        ear.forget()
        scene.set(GONE)
        assert ear.wait(WorldChanged).document_camera_ok is False
        desk.take(TakePhoto(3.0), 1)
        assert ear.wait(CaptureFailed).code == "CM-01"
        desk.stop()
        ear.forget()
        spin(lambda: desk.look() is None and bool(ear.events), "it is worth another try")
        scene.set("paper:form")
        desk.aim(AimDocumentCamera(), 2)
        desk.take(TakePhoto(20.0), 2)
        assert ear.wait(PageCaptured).visit == 2
    finally:
        desk.close()


def test_a_camera_that_hangs_is_stalled(scene: SceneControl, ear: Ear) -> None:
    scene.set("paper:permit")
    desk = PaperCapture(scene.document_spec(), ear)
    try:
        desk.aim(AimDocumentCamera(), 1)
        spin(lambda: desk.latest() is not None, "a picture")
        scene.set(FROZEN)
        ear.wait(WorldChanged, lambda e: e.document_camera_ok is False)
        assert desk.latest() is None, "no picture stands frozen"
        desk.take(TakePhoto(1.0), 1)
        assert ear.wait(CaptureFailed).code in ("CM-01", "CM-02")
    finally:
        desk.close()


# -- codes --------------------------------------------------------------------------------


def shown(folder: Path, text: str) -> CameraSpec:
    """A document camera that sees a telephone's code lie on the desk."""
    desk = Image.new("L", (1280, 960), 90)
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode)
    drawn = Image.fromarray(np.asarray(zxingcpp.write_barcode_to_image(code))).resize((360, 360))
    desk.paste(drawn.rotate(7, fillcolor=255), (420, 300))
    desk.save(folder / "desk.png")
    return CameraSpec("files", width_px=1280, height_px=960, files=(str(folder / "desk.png"),))


class Silent:
    """A scanner that somebody might use."""

    by_camera = False

    def __init__(self) -> None:
        self.done: Seen | None = None

    def await_code(self, wait_s: float, done: Seen) -> None:
        self.done = done

    def give_up_code(self) -> None:
        self.done = None


def test_a_code_under_the_document_camera_is_seen_and_the_camera_goes_off(
    tmp_path: Path, ear: Ear
) -> None:
    desk = PaperCapture(shown(tmp_path, "ZJ-PERSON-7Q2K"), ear)
    scanner = Silent()
    codes = CodeReading((scanner, desk), ear)
    try:
        codes.read(ReadCode(60.0, camera=True), 3)
        seen = ear.wait(CodeSeen)
        assert (seen.visit, seen.code.text, seen.code.symbology) == (3, "ZJ-PERSON-7Q2K", "qr-code")
        assert "ZJ-PERSON" not in repr(seen)
        assert scanner.done is None, "who did not see it stops waiting"
        assert desk.camera.wait_for(CameraState.OFF, 20.0)
        assert desk.latest() is None
    finally:
        desk.close()


def test_a_document_camera_that_is_away_does_not_stop_the_scanner(
    scene: SceneControl, ear: Ear
) -> None:
    scene.set(GONE)
    desk = PaperCapture(scene.document_spec(), ear)
    scanner = Silent()
    codes = CodeReading((scanner, desk), ear)
    try:
        codes.read(ReadCode(600.0, camera=True), 1)
        assert desk.camera.wait_for(CameraState.ABSENT, 20.0)
        assert desk.camera.wait_for(CameraState.OFF, 20.0), "it is not waited for"
        assert not [e for e in ear.events if isinstance(e, CodeFailed)]
        assert scanner.done is not None
        scanner.done(ScannedCode("from the scanner", ""))
        assert ear.wait(CodeSeen).code.text == "from the scanner"
    finally:
        desk.close()


def test_no_code_in_time_and_nothing_that_could_see_one(ear: Ear, scene: SceneControl) -> None:
    scene.set("paper:form")
    desk = PaperCapture(scene.document_spec(), ear)
    codes = CodeReading((desk,), ear)
    try:
        codes.read(ReadCode(60.0), 1)
        assert ear.wait(CodeFailed) == CodeFailed(1, "SC-01"), "the camera was not asked for"
        assert desk.camera.state is CameraState.OFF
        ear.forget()
        codes.read(ReadCode(0.5, camera=True), 2)
        assert ear.wait(CodeFailed) == CodeFailed(2, "SC-02")
        ear.forget()
        codes.read(ReadCode(600.0, camera=True), 3)
        codes.stop()
        assert desk.camera.wait_for(CameraState.OFF, 20.0)
        assert not [e for e in ear.events if isinstance(e, CodeFailed)]
    finally:
        desk.close()


# -- printer ------------------------------------------------------------------------------


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox.open(tmp_path / "outbox", terminal="LW042") as opened:
        yield opened


@pytest.fixture
def saved(outbox: Outbox) -> str:
    number = outbox.reserve_number().result(20)
    outbox.enqueue(Submission("1" * 32, number, b"{}", (), datetime.now(UTC))).result(20)
    return number


@pytest.fixture
def printer(tmp_path: Path) -> SimulatedPrinter:
    return SimulatedPrinter(tmp_path / "paper")


@pytest.fixture
def printing(printer: SimulatedPrinter, outbox: Outbox, ear: Ear) -> Iterator[Printing]:
    words = load_words()
    carrier = Printing(printer, printer, outbox, {"zh": words.zh, "en": words.en}, ear)
    yield carrier
    carrier.close()


def stub(number: str) -> Print:
    content = Stub("zh", number, datetime.now(UTC), True, "LW042", Delivery.KEPT)
    return Print("stub", content=content)


def state_of(outbox: Outbox, number: str) -> PrintState:
    """What the outbox will say after a restart."""
    left = (PrintState.WANTED, PrintState.UNKNOWN, PrintState.FAILED)
    for state in left:
        if number in {u.number for u in outbox.unprinted([state]).result(20)}:
            return state
    return PrintState.PRINTED


def test_what_is_printed_is_known_to_be(
    printing: Printing, outbox: Outbox, saved: str, ear: Ear, tmp_path: Path
) -> None:
    assert state_of(outbox, saved) is PrintState.WANTED
    printing.print(stub(saved), 5)
    assert ear.wait(Printed).visit == 5
    assert state_of(outbox, saved) is PrintState.PRINTED
    assert len(list((tmp_path / "paper").glob("*.pdf"))) == 1
    assert ear.wait(WorldChanged).printer is not None


@pytest.mark.parametrize(
    ("fault", "code", "left"),
    [
        (Fault.PRINT_FAILED, "PR-03", PrintState.FAILED),
        (Fault.PRINT_UNKNOWN, "PR-04", PrintState.UNKNOWN),
        (Fault.DEADLINE, "DV-02", PrintState.UNKNOWN),
        (Fault.CANCELLED, "DV-01", PrintState.UNKNOWN),
    ],
)
def test_what_became_of_a_receipt_is_kept(
    printing: Printing,
    printer: SimulatedPrinter,
    outbox: Outbox,
    saved: str,
    ear: Ear,
    fault: Fault,
    code: str,
    left: PrintState,
) -> None:
    printer.fail_next(fault)
    printing.print(stub(saved), 1)
    assert ear.wait(PrintFailed).code == code
    assert state_of(outbox, saved) is left
    printing.print(stub(saved), 1)
    ear.wait(Printed)
    assert state_of(outbox, saved) is PrintState.PRINTED, "the second time it is on paper"


def test_no_paper_is_told_and_so_is_new_paper(
    printing: Printing, printer: SimulatedPrinter, outbox: Outbox, saved: str, ear: Ear
) -> None:
    printer.set_paper(PaperState.OUT)
    printing.print(stub(saved), 1)
    assert ear.wait(PrintFailed).code == "PR-02"
    assert state_of(outbox, saved) is PrintState.FAILED
    told = ear.wait(WorldChanged).printer
    assert told is not None
    assert told.paper is PaperState.OUT
    ear.forget()
    printer.set_paper(PaperState.OK)
    printing.look()
    told = ear.wait(WorldChanged).printer
    assert told is not None
    assert (told.online, told.paper) == (True, PaperState.OK)


def test_an_unplugged_printer_is_absent(
    printing: Printing, printer: SimulatedPrinter, saved: str, ear: Ear
) -> None:
    printer.set_online(False)
    printing.print(stub(saved), 1)
    assert ear.wait(PrintFailed).code == "PR-01"


def test_a_sheet_of_the_backend_needs_no_number(printing: Printing, ear: Ear) -> None:
    printing.print(Print("certificate", pdf=b"%PDF-1.4\n%%EOF\n"), 1)
    assert ear.wait(Printed).what == "certificate"
