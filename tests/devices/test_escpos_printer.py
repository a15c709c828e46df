"""EscPosPrinter over a pseudo-terminal and over TCP: every state, every accident, every time."""

from __future__ import annotations

import io
import random
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pypdf
import pytest
import yaml
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from devices.errors import DeviceError, Fault
from devices.printers.base import PrintJob
from devices.printers.escpos import Confirmation, EscPosPrinter
from devices.printers.escpos_wire import wire_of
from devices.printers.raster import DPI, draw
from devices.records import PaperState
from devices.scanners.camera import find_codes
from devices.simulators.escpos import EscPosSimulator
from devices.worker import Cancel, DeviceWorker, Failed, Outcome
from kiosk.receipts.content import Delivery, Receipt, Stub
from kiosk.receipts.layout.pdf import render, render_stub

WAIT_S = 10.0
DEADLINE_S = 8.0


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition; fails after WAIT_S."""
    end = time.monotonic() + WAIT_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end, f"never: {what}"
        pause.wait(0.005)


def receipt() -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(80 * mm, 40 * mm))
    canvas.rect(5 * mm, 3 * mm, 70 * mm, 34 * mm)
    for line in range(5):
        canvas.drawString(8 * mm, (8 + 6 * line) * mm, f"line {line} of a receipt")
    canvas.save()
    return out.getvalue()


PDF = receipt()
DOTS = draw(PDF, Cancel())
ROWS = len(DOTS)


@pytest.fixture(params=["pty", "tcp"])
def simulator(request: pytest.FixtureRequest) -> Iterator[EscPosSimulator]:
    with EscPosSimulator(request.param) as made:
        yield made


@pytest.fixture
def pty() -> Iterator[EscPosSimulator]:
    with EscPosSimulator("pty") as made:
        yield made


def printer_of(simulator: EscPosSimulator, **limits: float) -> EscPosPrinter:
    chosen = {"answer_s": 0.1, "stall_s": 1.0, "patience_s": 0.1, "confirm_s": 2.0} | limits
    return EscPosPrinter(wire_of(simulator.address), **chosen)  # type: ignore[arg-type]


@pytest.fixture
def printer(simulator: EscPosSimulator) -> Iterator[EscPosPrinter]:
    made = printer_of(simulator)
    yield made
    made.close()


def print_it(
    printer: EscPosPrinter, deadline_s: float = DEADLINE_S, cancel: Cancel | None = None
) -> PrintJob:
    return printer.print(PDF, title="receipt", deadline_s=deadline_s, cancel=cancel or Cancel(60.0))


def fault_of(printer: EscPosPrinter, deadline_s: float = DEADLINE_S) -> DeviceError:
    began = time.monotonic()
    with pytest.raises(DeviceError) as caught:
        print_it(printer, deadline_s)
    assert time.monotonic() - began < deadline_s + 2.0
    return caught.value


def assert_prints(simulator: EscPosSimulator, printer: EscPosPrinter) -> None:
    """The next receipt comes out whole, alone, and dot by dot."""
    before = len(simulator.receipts)
    print_it(printer)
    new = simulator.receipts[before:]
    assert (new[-1] == DOTS).all() if new[-1].shape == DOTS.shape else not "the page"
    assert simulator.unexpected == b""
    assert simulator.hanging_rows == 0


# What is printed.


def test_a_receipt_comes_out_dot_by_dot(simulator: EscPosSimulator, printer: EscPosPrinter) -> None:
    job = print_it(printer)
    (page,) = simulator.receipts
    assert (page == DOTS).all()
    assert simulator.unexpected == b""
    assert len(job.job_id) == 4
    assert printer.confirmation is Confirmation.PROCESS_ID
    assert printer.capabilities.presenter is None


def test_one_after_the_other_each_with_its_own_cut(
    simulator: EscPosSimulator, printer: EscPosPrinter
) -> None:
    ids = {print_it(printer).job_id for _ in range(3)}
    assert len(ids) == 3
    assert [page.shape for page in simulator.receipts] == [DOTS.shape] * 3


def test_what_another_library_sends_is_printed_alike(pty: EscPosSimulator) -> None:
    """The simulated printer is not made for our own driver alone."""
    from escpos.printer import Dummy  # type: ignore[import-untyped]
    from PIL import Image

    dummy = Dummy()
    dummy.image(Image.fromarray(~DOTS), impl="bitImageRaster", center=False)
    dummy.cut()
    wire = wire_of(pty.address)()
    at = 0
    while at < len(dummy.output):
        at += wire.write(dummy.output[at:], 1.0)
    until(lambda: bool(pty.receipts), "the page")
    wire.close()
    (page,) = pty.receipts
    assert (page[:ROWS] == DOTS).all()


def test_a_real_receipt_of_ours_fits_and_is_followed(pty: EscPosSimulator) -> None:
    path = Path(__file__).parents[2] / "config" / "words" / "receipt.zh.yaml"
    words = {key: str(text) for key, text in yaml.safe_load(path.read_text("utf-8")).items()}
    stub = Stub(
        language="zh",
        number="LW042-00317-6",
        saved_at=datetime(2026, 11, 21, 21, 23),  # noqa: DTZ001 - civil time as shown
        clock_trusted=True,
        terminal="LW042",
        delivery=Delivery.KEPT,
        site="永兴街道",
    )
    pdf = render_stub(stub, words)
    printer = printer_of(pty)
    printer.print(pdf, title="stub", deadline_s=DEADLINE_S, cancel=Cancel())
    (page,) = pty.receipts
    assert (page == draw(pdf, Cancel())).all()
    assert 0.01 < page.mean() < 0.5
    printer.close()


RECEIPT = Receipt(
    language="zh",
    item="往来港澳通行证签注",
    number="LW042-00317-6",
    saved_at=datetime(2026, 11, 21, 21, 23),  # noqa: DTZ001 - civil time as shown
    clock_trusted=True,
    terminal="LW042",
    site="永兴街道",
    delivery=Delivery.KEPT,
    handed_in=("身份证", "往来港澳通行证"),
    ask_phone="0577-00001234",
    ask_hours="工作日8:30–17:00",
    qr="https://example.org/q/LW042-00317-6",
)


def test_a_receipt_keeps_its_size_and_its_qr_code_on_paper() -> None:
    path = Path(__file__).parents[2] / "config" / "words" / "receipt.zh.yaml"
    words = {key: str(text) for key, text in yaml.safe_load(path.read_text("utf-8")).items()}
    pdf = render(RECEIPT, words)
    dots = draw(pdf, Cancel())
    height_mm = float(pypdf.PdfReader(io.BytesIO(pdf)).pages[0].mediabox.height) / 72 * 25.4
    assert abs(len(dots) - height_mm / 25.4 * DPI) < 2, "drawn as large as it is"
    paper = np.pad(np.where(dots, 0, 255).astype(np.uint8), 32, constant_values=255)
    assert [code.text for code in find_codes(paper)] == [RECEIPT.qr]


# Status.


def test_a_well_printer_says_so(printer: EscPosPrinter) -> None:
    status = printer.status()
    assert (status.online, status.paper, status.detail) == (True, PaperState.OK, "")


STATES: list[tuple[str, Callable[[EscPosSimulator], None], bool, PaperState, Fault | None]] = [
    ("low", lambda s: s.set_paper(PaperState.LOW), True, PaperState.LOW, None),
    ("out", lambda s: s.set_paper(PaperState.OUT), False, PaperState.OUT, Fault.PAPER_OUT),
    (
        "cover",
        lambda s: s.set_cover_open(True),
        False,
        PaperState.OK,
        Fault.PRINTER_COVER_OPEN,
    ),
    ("offline", lambda s: s.set_offline(True), False, PaperState.OK, Fault.PRINTER_ABSENT),
    ("broken", lambda s: s.break_down(), False, PaperState.OK, Fault.PRINT_FAILED),
    ("mute", lambda s: s.stall(), False, PaperState.UNKNOWN, Fault.PRINTER_ABSENT),
    ("gone", lambda s: s.unplug(), False, PaperState.UNKNOWN, Fault.PRINTER_ABSENT),
    ("garbage", lambda s: s.garble(7), False, PaperState.UNKNOWN, Fault.PRINTER_ABSENT),
]


@pytest.mark.parametrize(
    ("happens", "online", "paper", "fault"),
    [row[1:] for row in STATES],
    ids=[row[0] for row in STATES],
)
@pytest.mark.parametrize("simulator", ["pty"], indirect=True)
def test_each_state_is_known_before_anything_is_sent(
    simulator: EscPosSimulator,
    printer: EscPosPrinter,
    happens: Callable[[EscPosSimulator], None],
    online: bool,
    paper: PaperState,
    fault: Fault | None,
) -> None:
    printer.status()
    happens(simulator)
    status = printer.status()
    assert (status.online, status.paper) == (online, paper)
    if fault is None:
        assert_prints(simulator, printer)
        return
    assert fault_of(printer).fault is fault
    assert simulator.hanging_rows == 0
    assert simulator.receipts == ()


@pytest.mark.parametrize("number", [4])
def test_a_query_that_a_model_lacks_is_unknown_and_soon_not_asked(number: int) -> None:
    with EscPosSimulator(mute=frozenset({number})) as simulator:
        printer = printer_of(simulator)
        for _ in range(4):
            status = printer.status()
            assert status.online
            assert f"no-answer-{number}" in status.detail
        began = time.monotonic()
        printer.status()
        assert time.monotonic() - began < 0.09
        assert_prints(simulator, printer)
        printer.close()


def test_a_printer_whose_word_on_paper_is_not_trusted_says_unknown(pty: EscPosSimulator) -> None:
    printer = EscPosPrinter(wire_of(pty.address), reports_paper=False)
    assert printer.status().paper is PaperState.UNKNOWN
    assert not printer.capabilities.reports_paper
    pty.set_paper(PaperState.OUT)
    assert printer.status().paper is PaperState.OUT
    printer.close()


def test_late_answers_are_not_taken_for_others(pty: EscPosSimulator) -> None:
    printer = printer_of(pty, answer_s=0.05)
    pty.set_paper(PaperState.OUT)
    pty.answer_late(0.08)
    for _ in range(5):
        status = printer.status()
        assert not status.online
        assert "open" not in status.detail
    pty.answer_late(0.0)
    until(lambda: printer.status().paper is PaperState.OUT, "as it is")
    printer.close()


# Accidents in the middle.

MID: list[tuple[str, Callable[[EscPosSimulator], None], Callable[[EscPosSimulator], None], str]] = [
    (
        "paper ends",
        lambda s: s.paper_ends_after(ROWS // 2),
        lambda s: s.set_paper(PaperState.OK),
        "PR-02",
    ),
    (
        "paper ends with the last rows",
        lambda s: s.paper_ends_after(ROWS - 2),
        lambda s: s.set_paper(PaperState.OK),
        "PR-02",
    ),
]


@pytest.mark.parametrize(
    ("happens", "mended", "why"), [row[1:] for row in MID], ids=[row[0] for row in MID]
)
def test_paper_that_ends_in_the_middle_leaves_half_a_receipt_and_nothing_later(
    simulator: EscPosSimulator,
    printer: EscPosPrinter,
    happens: Callable[[EscPosSimulator], None],
    mended: Callable[[EscPosSimulator], None],
    why: str,
) -> None:
    happens(simulator)
    error = fault_of(printer)
    assert error.fault is Fault.PRINT_HALF
    assert error.detail.startswith(why)
    rows = simulator.hanging_rows
    assert 0 < rows < ROWS
    assert printer.status().paper is PaperState.OUT
    mended(simulator)
    assert printer.status().online
    # What the printer still held is gone: nothing was printed by putting in paper.
    assert simulator.hanging_rows == rows
    assert_prints(simulator, printer)
    # The half is cut off by itself, not glued to somebody else's receipt.
    assert [len(page) for page in simulator.receipts] == [rows, ROWS]


def test_a_cover_opened_in_the_middle(simulator: EscPosSimulator, printer: EscPosPrinter) -> None:
    simulator.slow(400)
    outcome = in_background(printer)
    until(lambda: simulator.hanging_rows > 40, "some rows")
    simulator.set_cover_open(True)
    error = outcome()
    assert error is not None
    assert error.fault is Fault.PRINT_HALF
    assert error.detail.startswith("PR-06")
    simulator.set_cover_open(False)
    simulator.slow(None)
    assert_prints(simulator, printer)


def test_a_cover_opened_for_a_moment_stops_nothing(
    simulator: EscPosSimulator,
) -> None:
    printer = printer_of(simulator, patience_s=5.0)
    simulator.slow(800)
    outcome = in_background(printer)
    until(lambda: simulator.hanging_rows > 40, "some rows")
    simulator.set_cover_open(True)
    simulator.set_cover_open(False)
    assert outcome() is None
    assert (simulator.receipts[0] == DOTS).all()
    printer.close()


@pytest.mark.parametrize("simulator", ["pty"], indirect=True)
def test_a_hot_head_is_waited_for(simulator: EscPosSimulator) -> None:
    printer = printer_of(simulator, stall_s=5.0)
    simulator.slow(800)
    outcome = in_background(printer)
    until(lambda: simulator.hanging_rows > 40, "some rows")
    simulator.pause(True)
    assert printer_still_busy(outcome)
    simulator.pause(False)
    assert outcome() is None
    assert (simulator.receipts[0] == DOTS).all()
    printer.close()


@pytest.mark.parametrize("simulator", ["pty"], indirect=True)
def test_a_stuck_cutter_is_unknown_and_told_from_then_on(
    simulator: EscPosSimulator, printer: EscPosPrinter
) -> None:
    assert_prints(simulator, printer)
    simulator.jam_cutter()
    error = fault_of(printer)
    # The page is printed and hangs in the printer: nobody can say that it was handed out.
    assert error.fault is Fault.PRINT_UNKNOWN
    assert error.detail.startswith("PR-07")
    assert "cutter-error" in printer.status().detail
    assert fault_of(printer).fault is Fault.PRINTER_JAMMED
    simulator.free_cutter()
    assert_prints(simulator, printer)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.95])
def test_the_plug_pulled_in_the_middle(
    simulator: EscPosSimulator, printer: EscPosPrinter, part: float
) -> None:
    simulator.unplug_after(int(ROWS * part))
    error = fault_of(printer)
    assert error.fault in {Fault.PRINT_HALF, Fault.PRINT_UNKNOWN}
    assert not printer.status().online
    simulator.plug()
    assert printer.status().online
    assert_prints(simulator, printer)


def test_pulled_and_plugged_in_again_and_again(
    simulator: EscPosSimulator, printer: EscPosPrinter
) -> None:
    for _ in range(12):
        simulator.unplug()
        assert not printer.status().online
        simulator.plug()
        assert printer.status().online
    assert_prints(simulator, printer)


def test_an_idle_connection_that_was_hung_up_is_opened_again_unnoticed() -> None:
    with EscPosSimulator("tcp") as simulator:
        printer = printer_of(simulator)
        for _ in range(3):
            simulator.hang_up()
            assert_prints(simulator, printer)
        printer.close()


@pytest.mark.parametrize("rows", [5, 130])
def test_after_a_hang_up_amid_a_band_the_next_receipt_is_whole(rows: int) -> None:
    """What the line had taken in never arrived: a printer that can't be cleared misses it."""
    with EscPosSimulator("tcp", clears=False, buffer_bytes=1_500) as simulator:
        printer = printer_of(simulator)
        simulator.slow(400)
        outcome = in_background(printer)
        until(lambda: simulator.hanging_rows > rows, "some rows")
        simulator.hang_up()
        error = outcome()
        assert error is not None
        assert error.fault in {Fault.PRINT_HALF, Fault.PRINT_UNKNOWN}
        simulator.slow(None)
        assert_prints(simulator, printer)
        printer.close()


@pytest.mark.parametrize("simulator", ["pty"], indirect=True)
def test_a_printer_that_stalls_in_the_middle(
    simulator: EscPosSimulator, printer: EscPosPrinter
) -> None:
    simulator.slow(400)
    outcome = in_background(printer)
    until(lambda: simulator.hanging_rows > 40, "some rows")
    simulator.stall()
    error = outcome()
    assert error is not None
    assert error.fault in {Fault.PRINT_HALF, Fault.PRINT_UNKNOWN}
    simulator.slow(None)
    simulator.resume()
    until(lambda: printer.status().online, "it answers again")
    assert_prints(simulator, printer)


def test_without_reports_of_changes_the_looks_find_out() -> None:
    with EscPosSimulator("pty", reports_changes=False) as simulator:
        printer = printer_of(simulator)
        simulator.paper_ends_after(ROWS // 2)
        assert fault_of(printer).fault is Fault.PRINT_HALF
        simulator.set_paper(PaperState.OK)
        assert_prints(simulator, printer)
        printer.close()


def test_without_clearing_all_sent_and_paper_out_is_unknown() -> None:
    with EscPosSimulator("pty", clears=False, buffer_bytes=200_000) as simulator:
        printer = printer_of(simulator)
        simulator.paper_ends_after(ROWS // 2)
        # Everything is in the printer and would come out with the next roll.
        assert fault_of(printer).fault is Fault.PRINT_UNKNOWN
        printer.close()


# Ends that somebody chose.


def test_a_cancel_in_the_middle_ejects_the_half(
    simulator: EscPosSimulator, printer: EscPosPrinter
) -> None:
    simulator.slow(400)
    cancel = Cancel()
    outcome = in_background(printer, cancel)
    until(lambda: simulator.hanging_rows > 40, "some rows")
    simulator.slow(None)
    cancel.cancel()
    error = outcome()
    if error is None:  # the rest was faster than the cancel
        return
    assert error.fault in {Fault.PRINT_HALF, Fault.PRINT_UNKNOWN}
    assert error.detail.startswith("DV-01")
    until(lambda: simulator.hanging_rows == 0, "the half is cut off")
    assert_prints(simulator, printer)


def test_a_cancel_before_the_first_dot_prints_nothing(
    simulator: EscPosSimulator, printer: EscPosPrinter
) -> None:
    cancel = Cancel()
    cancel.cancel()
    with pytest.raises(DeviceError) as caught:
        print_it(printer, cancel=cancel)
    assert caught.value.fault is Fault.CANCELLED
    assert simulator.received_bytes == 0


@pytest.mark.parametrize("simulator", ["pty"], indirect=True)
def test_a_deadline_in_the_middle(simulator: EscPosSimulator, printer: EscPosPrinter) -> None:
    simulator.slow(100)
    error = fault_of(printer, deadline_s=0.8)
    # How much of it the printer had taken in decides.
    assert error.fault in {Fault.PRINT_HALF, Fault.PRINT_UNKNOWN}
    assert error.detail.startswith("DV-02")
    simulator.slow(None)
    assert_prints(simulator, printer)


# Printers that confirm less.


def test_an_answer_in_its_turn_is_the_second_best() -> None:
    with EscPosSimulator(process_ids=False) as simulator:
        printer = printer_of(simulator)
        assert_prints(simulator, printer)
        assert printer.confirmation is Confirmation.IN_TURN
        simulator.paper_ends_after(ROWS // 2)
        assert fault_of(printer).fault is Fault.PRINT_HALF
        printer.close()


def test_a_stray_byte_is_no_answer_in_its_turn() -> None:
    with EscPosSimulator(process_ids=False) as simulator:
        printer = printer_of(simulator)
        assert_prints(simulator, printer)
        simulator.slow(400)
        outcome = in_background(printer)
        until(lambda: simulator.hanging_rows > 10, "some rows")
        simulator.noise(b"\x00\x00")
        error = outcome()
        assert error is not None
        assert error.fault in {Fault.PRINT_UNKNOWN, Fault.PRINT_HALF}
        simulator.heal()
        assert_prints(simulator, printer)
        printer.close()


def test_of_a_printer_that_confirms_nothing_nobody_can_tell() -> None:
    with EscPosSimulator(process_ids=False, in_turn=False) as simulator:
        printer = printer_of(simulator)
        error = fault_of(printer)
        assert error.fault is Fault.PRINT_UNKNOWN
        assert printer.confirmation is Confirmation.NONE
        until(lambda: len(simulator.receipts) == 1, "it is printed all the same, once")
        printer.close()


@pytest.mark.parametrize("seed", range(2))
def test_garbage_never_becomes_a_printed_receipt(seed: int) -> None:
    with EscPosSimulator(process_ids=bool(seed % 2)) as simulator:
        printer = printer_of(simulator, confirm_s=0.4)
        printer.status()
        simulator.slow(800)
        outcome = in_background(printer)
        until(lambda: simulator.hanging_rows > 10, "some rows")
        simulator.garble(seed)
        simulator.slow(None)
        error = outcome()
        assert error is not None
        assert error.fault in {Fault.PRINT_UNKNOWN, Fault.PRINT_HALF}
        simulator.garble(None)
        until(lambda: printer.status().online, "it answers again")
        assert_prints(simulator, printer)
        printer.close()


@pytest.mark.parametrize("simulator", ["tcp"], indirect=True)
def test_a_slow_printer_is_no_broken_one(simulator: EscPosSimulator) -> None:
    printer = printer_of(simulator)
    simulator.slow(600)
    print_it(printer)
    assert (simulator.receipts[0] == DOTS).all()
    printer.close()


ACCIDENTS: dict[str, Callable[[EscPosSimulator, random.Random], None]] = {
    "paper": lambda s, r: s.paper_ends_after(r.randrange(1, ROWS)),
    "unplug": lambda s, r: s.unplug_after(r.randrange(1, ROWS)),
    "jam": lambda s, _: s.jam_cutter(),
    "cover": lambda s, _: s.set_cover_open(True),
    "stall": lambda s, _: s.stall(),
    "garble": lambda s, r: s.garble(r.randrange(1_000)),
    "offline": lambda s, _: s.set_offline(True),
}


@pytest.mark.parametrize("seed", range(6))
def test_any_accident_in_any_model_is_told_as_it_was(seed: int) -> None:
    """Printed means a whole receipt, every other fault but "unknown" means none."""
    chance = random.Random(seed)
    with EscPosSimulator(
        chance.choice(("pty", "tcp")),
        process_ids=chance.random() < 0.6,
        reports_changes=chance.random() < 0.7,
        clears=chance.random() < 0.8,
        buffer_bytes=chance.choice((600, 4_096, 65_536)),
    ) as simulator:
        printer = printer_of(simulator, stall_s=0.6, confirm_s=0.6)
        before = len(simulator.receipts)
        name = chance.choice(sorted(ACCIDENTS))
        simulator.slow(chance.choice((800, 2_000)))
        outcome = in_background(printer)
        printed_rows = chance.randrange(1, ROWS // 2)
        until(lambda: simulator.hanging_rows >= printed_rows, "some rows")
        ACCIDENTS[name](simulator, chance)
        error = outcome()
        whole = [
            page
            for page in simulator.receipts[before:]
            if page.shape == DOTS.shape and (page == DOTS).all()
        ]
        if error is None:
            assert len(whole) == 1
        elif error.fault is not Fault.PRINT_UNKNOWN:
            assert whole == []
        simulator.heal()
        until(lambda: printer.status().online, "it answers again")
        assert_prints(simulator, printer)
        printer.close()


def in_background(
    printer: EscPosPrinter, cancel: Cancel | None = None
) -> Callable[[], DeviceError | None]:
    """Print on a worker; the function that is returned waits for the end."""
    worker = DeviceWorker("printer", unexpected=Fault.PRINT_FAILED)
    over = threading.Event()
    outcomes: list[Outcome[PrintJob]] = []

    def done(outcome: Outcome[PrintJob]) -> None:
        outcomes.append(outcome)
        over.set()

    worker.submit(
        lambda own: print_it(printer, cancel=cancel or own), deadline_s=DEADLINE_S, done=done
    )

    def wait() -> DeviceError | None:
        assert over.wait(WAIT_S)
        worker.close()
        (outcome,) = outcomes
        return outcome.error if isinstance(outcome, Failed) else None

    wait.over = over  # type: ignore[attr-defined]
    return wait


def printer_still_busy(outcome: Callable[[], DeviceError | None]) -> bool:
    over: threading.Event = outcome.over  # type: ignore[attr-defined]
    return not over.wait(0.5)
