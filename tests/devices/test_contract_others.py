"""The contract of devices, kept by PC/SC readers, ESC/POS printers and code scanners."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.adapters.cards import PcscDevice, fault_of, pcsc_device
from devices.adapters.hotplug import HotplugMonitor
from devices.adapters.printers import PrinterDevice
from devices.adapters.samv import SamvDevice
from devices.adapters.scanners import ScannerDevice
from devices.contract import Device, DeviceState, Result
from devices.errors import Fault
from devices.pcsc.reader import PcscReader
from devices.printers.escpos import EscPosPrinter
from devices.printers.escpos_wire import wire_of
from devices.records import PcscStatus, SlotState
from devices.samv.driver import SamvReader
from devices.samv.usb import open_usb
from devices.samv.vendor import VendorReader
from devices.scanners.scanner import CodeScanner
from devices.scanners.serial_line import serial_line
from devices.simulators.escpos import EscPosSimulator
from devices.simulators.pcsc import PcscStack, VirtualUidCard
from devices.simulators.scanner import SerialScannerSimulator
from devices.worker import Cancel

WAIT_S = 20.0


def wait_for(device: Device, *states: DeviceState) -> None:
    came = threading.Event()
    stop = device.listen(lambda told: came.set() if told.state in states else None)
    if device.status.state not in states:
        assert came.wait(WAIT_S), f"never {states}: {device.status}"
    stop()


@pytest.fixture(scope="module")
def stack() -> Iterator[PcscStack]:
    with PcscStack() as running:
        yield running


def test_pcscd_is_pulled_and_put_back(stack: PcscStack) -> None:
    device = pcsc_device(
        lambda on_status: PcscReader(socket_path=stack.socket_path, on_status=on_status)
    )
    wait_for(device, DeviceState.ONLINE)
    told = device.self_test(Cancel(WAIT_S))
    assert told.result is Result.OK, told.steps
    assert told.figures["readers"] >= 1  # type: ignore[operator]
    assert told.figures["cards"] == 0
    stack.slot().put_card(VirtualUidCard(bytes.fromhex("FFCA000000")))
    with HotplugMonitor([device], look_every_s=0.02):
        stack.kill()
        wait_for(device, DeviceState.ABSENT, DeviceState.UNKNOWN)
        gone = device.self_test(Cancel(WAIT_S))
        assert gone.fault is Fault.PCSC_ABSENT
        assert gone.steps[1].result is Result.UNKNOWN
        stack.start()
        wait_for(device, DeviceState.ONLINE)
    assert device.self_test(Cancel(WAIT_S)).result is Result.OK, "no restart of ours"
    stack.slot().take_card()
    device.close()


def test_what_nobody_knows_is_not_fine() -> None:
    assert fault_of(PcscStatus(None)) is Fault.DEADLINE
    assert fault_of(PcscStatus(False)) is Fault.PCSC_ABSENT
    assert fault_of(PcscStatus(True)) is Fault.READER_ABSENT
    assert fault_of(PcscStatus(True, (("r", SlotState.UNKNOWN),))) is None
    assert PcscDevice.absent_fault is Fault.PCSC_ABSENT


def test_a_serial_printer_with_all_its_states() -> None:
    with EscPosSimulator() as simulator:
        printer = EscPosPrinter(wire_of(simulator.address), answer_s=0.2)
        device = PrinterDevice(printer, simulator.address, release=printer.close)
        assert device.self_test(Cancel(WAIT_S)).result is Result.OK
        assert device.capabilities.confirms_jobs is None, "found out with the first job"
        simulator.set_cover_open(True)
        assert device.self_test(Cancel(WAIT_S)).fault is Fault.PRINTER_COVER_OPEN
        simulator.set_cover_open(False)
        with HotplugMonitor([device], look_every_s=0.02):
            for _ in range(3):
                simulator.unplug()
                wait_for(device, DeviceState.ABSENT)
                simulator.plug()
                wait_for(device, DeviceState.ONLINE)
        simulator.stall()
        told = device.self_test(Cancel(WAIT_S))
        assert told.result is Result.FAILED, "a printer that says nothing is not fine"
        simulator.resume()
        device.close()


def test_a_test_page_on_a_serial_printer() -> None:
    with EscPosSimulator() as simulator:
        printer = EscPosPrinter(wire_of(simulator.address))
        pdf = one_page()
        device = PrinterDevice(printer, simulator.address, test_page=lambda: pdf)
        told = device.self_test(Cancel(WAIT_S))
        assert told.result is Result.OK, told.steps
        assert len(simulator.receipts) == 1
        assert device.capabilities.confirms_jobs is True
        assert told.steps[2].detail == "", "it said itself that the page came out"
        printer.close()
        device.close()


def one_page() -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    made = io.BytesIO()
    canvas = Canvas(made, pagesize=(200, 60))
    canvas.drawString(10, 20, "test page")
    canvas.save()
    return made.getvalue()


def test_a_serial_scanner_is_pulled_and_put_back() -> None:
    simulator = SerialScannerSimulator()
    device = ScannerDevice(CodeScanner(serial_line(simulator.port)), simulator.port)
    assert device.self_test(Cancel(WAIT_S)).result is Result.OK
    assert device.capabilities.qr_codes is None, "it does not tell"
    with HotplugMonitor([device], look_every_s=0.02):
        for _ in range(3):
            simulator.vanish()
            wait_for(device, DeviceState.ABSENT)
            simulator.come_back()
            wait_for(device, DeviceState.ONLINE)
    simulator.vanish()
    assert device.self_test(Cancel(WAIT_S)).fault is Fault.SCANNER_ABSENT
    device.close()
    simulator.close()


@pytest.mark.parametrize("way", ["usb", "vendor"])
def test_readers_on_other_lines_that_are_not_there(way: str, tmp_path: Path) -> None:
    driver = (
        SamvReader("usb:1-2.3", serial_factory=open_usb)
        if way == "usb"
        else VendorReader(tmp_path / "libnone.so")
    )
    device = SamvDevice(driver, driver.port)
    told = device.self_test(Cancel(WAIT_S))
    assert (told.result, told.fault) == (Result.FAILED, Fault.READER_ABSENT)
    device.close()
