"""The contract of devices, kept by printers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_printer_cups import Cupsd, cupsd, daemon  # noqa: F401 - the last two are fixtures

from devices.adapters.hotplug import HotplugMonitor
from devices.adapters.printers import PrinterDevice, fault_of
from devices.contract import DeviceState, Result
from devices.errors import Fault
from devices.printers.cups import CupsPrinter
from devices.records import PaperState, PrinterStatus
from devices.simulators.printer import SimulatedPrinter
from devices.worker import Cancel

WAIT_S = 20.0
PAGE = b"%PDF-1.4\n% test\n%%EOF\n"


@pytest.fixture
def printer(tmp_path: Path) -> SimulatedPrinter:
    return SimulatedPrinter(tmp_path / "paper")


@pytest.fixture
def device(printer: SimulatedPrinter) -> Iterator[PrinterDevice]:
    running = PrinterDevice(printer, "receipt")
    yield running
    running.close()


def test_no_page_is_printed_unasked(device: PrinterDevice, printer: SimulatedPrinter) -> None:
    told = device.self_test(Cancel(WAIT_S))
    assert told.result is Result.OK
    assert [step.name for step in told.steps] == ["printer", "paper"]
    assert printer.files() == []


def test_a_test_page_when_asked(printer: SimulatedPrinter) -> None:
    device = PrinterDevice(printer, "receipt", test_page=lambda: PAGE)
    told = device.self_test(Cancel(WAIT_S))
    assert told.result is Result.OK
    assert [path.read_bytes() for path in printer.files()] == [PAGE]
    assert "look whether" in told.steps[2].detail, "nobody claims what nobody knows"
    printer.fail_next(Fault.PRINT_FAILED)
    assert device.self_test(Cancel(WAIT_S)).fault is Fault.PRINT_FAILED
    device.close()


def test_paper_that_nobody_tells_of_is_unknown_and_not_fine(
    device: PrinterDevice, printer: SimulatedPrinter
) -> None:
    printer.set_paper(PaperState.UNKNOWN)
    told = device.self_test(Cancel(WAIT_S))
    assert told.result is Result.OK, "this printer can print"
    assert told.steps[1].result is Result.UNKNOWN
    assert told.steps[1].optional
    assert told.figures["paper"] == "unknown"


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (PrinterStatus(True, PaperState.UNKNOWN), None),
        (PrinterStatus(True, PaperState.LOW, "media-low"), None),
        (PrinterStatus(True, PaperState.OUT), Fault.PAPER_OUT),
        (PrinterStatus(False, PaperState.OUT, "media-empty,stopped"), Fault.PAPER_OUT),
        (PrinterStatus(False, PaperState.UNKNOWN, "cover-open"), Fault.PRINTER_COVER_OPEN),
        (PrinterStatus(False, PaperState.UNKNOWN, "media-jam"), Fault.PRINTER_JAMMED),
        (PrinterStatus(False, PaperState.UNKNOWN, "paused,stopped"), Fault.PRINT_FAILED),
        (PrinterStatus(False, PaperState.UNKNOWN, "offline,stopped"), Fault.PRINTER_ABSENT),
        (PrinterStatus(False, PaperState.UNKNOWN, "ConnectionRefusedError"), Fault.PRINTER_ABSENT),
    ],
)
def test_what_a_printer_says_names_its_trouble(status: PrinterStatus, fault: Fault | None) -> None:
    assert fault_of(status) is fault


def test_unplugged_and_back(device: PrinterDevice, printer: SimulatedPrinter) -> None:
    with HotplugMonitor([device], look_every_s=0.01, ask_every_s=0.02):
        for _ in range(5):
            wait_for(device, DeviceState.ONLINE)
            printer.set_online(False)
            wait_for(device, DeviceState.ABSENT)
            printer.set_online(True)
        printer.set_paper(PaperState.OUT)
        wait_for(device, DeviceState.BROKEN)
        assert device.status.fault is Fault.PAPER_OUT


def test_real_queues(cupsd: Cupsd) -> None:  # noqa: F811 - pytest's way
    well = PrinterDevice(CupsPrinter("ok", cupsd.address), "ok", test_page=lambda: PAGE)
    told = well.self_test(Cancel(WAIT_S))
    assert told.result is Result.OK, told.steps
    assert told.figures["paper"] == "unknown", "silence is no paper"
    assert [path.read_bytes() for path in cupsd.printed()] == [PAGE]
    well.close()
    queue = CupsPrinter("empty", cupsd.address, patience_s=0.1, retry_s=0.0)
    empty = PrinterDevice(queue, "empty", test_page=lambda: PAGE)
    assert empty.self_test(Cancel(WAIT_S)).fault is Fault.PAPER_OUT
    assert empty.status.state is DeviceState.BROKEN
    unasked = PrinterDevice(queue, "empty")
    assert unasked.self_test(Cancel(WAIT_S)).fault is Fault.PAPER_OUT
    unasked.close()
    cupsd.order("paper")
    told = empty.self_test(Cancel(WAIT_S))
    assert told.result is Result.OK, "the page tells, and not what the queue said before"
    assert empty.status.state is DeviceState.ONLINE
    empty.close()
    nobody = PrinterDevice(CupsPrinter("no-such-queue", cupsd.address), "no-such-queue")
    assert nobody.self_test(Cancel(WAIT_S)).fault is Fault.PRINTER_ABSENT
    nobody.close()


def test_cups_that_does_not_run() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    device = PrinterDevice(CupsPrinter("receipt", f"127.0.0.1:{port}"), "receipt")
    told = device.self_test(Cancel(WAIT_S))
    assert told.fault is Fault.PRINTER_ABSENT
    assert told.steps[0].detail == "ConnectionRefusedError"
    device.close()


def test_cups_that_says_nothing_costs_no_more_than_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        device = PrinterDevice(CupsPrinter("receipt", address, request_s=0.3), "receipt")
        assert device.self_test(Cancel(WAIT_S)).fault is Fault.PRINTER_ABSENT
        device.close()


def wait_for(device: PrinterDevice, state: DeviceState) -> None:
    came = threading.Event()
    stop = device.listen(lambda told: came.set() if told.state is state else None)
    if device.status.state is not state:
        assert came.wait(WAIT_S), f"never {state}: {device.status}"
    stop()
