"""Writes `docs/devices.md`: every fault, what each device can do, and what was proven how.

    python -m devices.adapters.page > docs/devices.md

A test holds the page to this module, and this module to the code.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from devices.adapters.cameras import document_device, face_device, infrared_device
from devices.adapters.cards import pcsc_device
from devices.adapters.printers import PrinterDevice
from devices.adapters.samv import SamvDevice
from devices.adapters.scanners import ScannerDevice
from devices.adapters.voice import VoiceDevice
from devices.camera import CameraSpec
from devices.contract import Device, DeviceState
from devices.errors import Fault, Recovery, Severity
from devices.pcsc.reader import PcscReader
from devices.printers.cups import CupsPrinter
from devices.printers.escpos import EscPosPrinter
from devices.printers.escpos_wire import wire_of
from devices.printers.pdf_folder import PdfFolderPrinter
from devices.samv.driver import SamvReader
from devices.scanners.scanner import CodeScanner
from devices.scanners.serial_line import serial_line
from devices.voice.voice import Voice

_SEVERITIES: Final = {
    Severity.NOTICE: "this one command failed; the device is well",
    Severity.DEGRADED: "the device works, but not always or not wholly",
    Severity.OUT_OF_SERVICE: "the device can do nothing until this is mended",
}
_RECOVERIES: Final = {
    Recovery.RESIDENT: "whoever stands there, told by the screen what to do",
    Recovery.ITSELF: "nobody: the driver tries again, and goes on when it can",
    Recovery.RESET: "the driver resets the device; if that does not help, somebody replugs it",
    Recovery.STAFF: "a technician or a guide",
}
_STATES: Final = {
    DeviceState.UNKNOWN: "not asked yet, or it does not tell; never to be read as fine",
    DeviceState.STARTING: "its process starts, or its port is being opened",
    DeviceState.ONLINE: "it answered, and nothing is known to be wrong",
    DeviceState.BUSY: "it works on a command",
    DeviceState.POWERED_OFF: "there, and switched off on purpose, as a camera between visits",
    DeviceState.OFFLINE: "there, and not answering or not ready",
    DeviceState.ABSENT: "not there: unplugged, or its service does not run",
    DeviceState.BROKEN: "there, and somebody has to mend it",
}
_PROVEN: Final = (
    (
        "SAM-V reader, serial",
        "a simulated reader on a pseudo-terminal, at the speed of a real wire, with every fault "
        "that we could think of",
        "a reader of any make, a card",
    ),
    (
        "SAM-V reader, USB",
        "a stand-in for libusb that speaks the same bytes",
        "a reader; endpoints and ids are from public descriptions",
    ),
    (
        "SAM-V reader, vendor's library",
        "C libraries compiled in the tests: one behaves, others crash, hang and lie",
        "any vendor's own library",
    ),
    (
        "PC/SC readers",
        "the real pcscd, with virtual readers and cards; the worked examples of ICAO 9303-11",
        "a reader, a card or a passport made of plastic and paper",
    ),
    (
        "cameras",
        "photographs and drawn scenes that go the way of a camera's frames",
        "a camera on V4L2",
    ),
    (
        "face matching",
        "the real models on photographs",
        "people before a terminal; how well it decides is measured on photographs only",
    ),
    (
        "CUPS printer",
        "the real cupsd with a scripted backend",
        "a printer behind it; whether paper came out is only as true as the printer's word",
    ),
    (
        "ESC/POS printer",
        "a simulated printer on a pseudo-terminal and over TCP, with all its states",
        "a printer of any make",
    ),
    (
        "code scanners",
        "a simulated serial scanner, and evdev's own reading of a keyboard's events; drawn codes "
        "for the camera",
        "a scanner",
    ),
    (
        "voice",
        "the real espeak-ng and the real aplay, into ALSA's null device; simulated players that "
        "hang, crash and are missing",
        "a sound card, a loudspeaker, a hall; nobody has said yet how well it is understood",
    ),
)


def _devices(stack: ExitStack) -> Iterator[tuple[str, Device]]:
    """One of each, nothing opened."""
    spec = CameraSpec("v4l2", "/dev/v4l/by-id/camera")
    escpos = EscPosPrinter(wire_of("tcp:127.0.0.1:9100"))
    made = (
        ("SAM-V reader", SamvDevice(SamvReader("/dev/ttyUSB0"), "/dev/ttyUSB0")),
        ("PC/SC readers", pcsc_device(_unplugged)),
        ("face camera", face_device(spec)),
        ("infrared camera", infrared_device(spec)),
        ("document camera", document_device(spec)),
        ("CUPS printer", PrinterDevice(CupsPrinter("receipt"), "receipt", confirms_jobs=False)),
        (
            "ESC/POS printer",
            PrinterDevice(escpos, "tcp:127.0.0.1:9100"),
        ),
        ("folder of PDF files", PrinterDevice(PdfFolderPrinter(Path("/nowhere")), "/nowhere")),
        ("voice", VoiceDevice(Voice(), ())),
        ("code scanner", ScannerDevice(CodeScanner(serial_line("/dev/ttyACM0")), "/dev/ttyACM0")),
    )
    for name, device in made:
        stack.callback(device.close)
        yield name, device


def _unplugged(on_status: object) -> PcscReader:
    del on_status
    return PcscReader(socket_path=Path("/nowhere"))


def _table(*rows: tuple[str, ...]) -> list[str]:
    head, *rest = rows
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rest), ""]


def _word(value: object) -> str:
    if value is None:
        return "unknown"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def render() -> str:
    """The page."""
    lines = [
        "# Devices",
        "",
        "Written by `python -m devices.adapters.page > docs/devices.md`; a test holds it to the",
        "code. `devices/` is a library: it knows hardware and no government service. What every",
        "device promises stands in `devices/contract.py`: identity, capabilities, a status with",
        "notifications, one queue of commands with deadline and cancel, and a self-test. Whatever",
        "was pulled and is put back works again without a restart.",
        "",
        "`kiosk doctor [--json] [--device NAME] [--print-test-page] [--say-test-sentence]` runs",
        "the self-tests. While a terminal runs it asks that one, and somebody who uses it is not",
        "disturbed. Cameras are switched on for the test and off again; no picture is kept. It",
        "ends with 0 if the terminal serves, 1 if it serves with limits, 2 if it cannot serve,",
        "and 3 if that could not be found out.",
        "",
        "## What was proven, and what was not",
        "",
        "No hardware stood beside this code yet. Each driver was proven against:",
        "",
        *_table(("device", "proven against", "not yet proven with"), *_PROVEN),
        "## Faults",
        "",
        "A code never changes its meaning.",
        "",
        *_table(
            ("code", "severity", "who mends it", "meaning"),
            *((f.code, f.severity.value, f.recovery.value, f.meaning) for f in Fault),
        ),
        *_table(("severity", "says"), *((s.value, text) for s, text in _SEVERITIES.items())),
        *_table(("who", "is"), *((r.value, text) for r, text in _RECOVERIES.items())),
        "## States",
        "",
        *_table(("state", "says"), *((s.value, text) for s, text in _STATES.items())),
        "## Capabilities and self-tests",
        "",
        "As configured by default. What is not known of a device stays unknown.",
        "",
    ]
    with ExitStack() as stack:
        rows = []
        for name, device in _devices(stack):
            told = device.capabilities.told()
            can = ", ".join(f"{key}: {_word(value)}" for key, value in told.items())
            rows.append((name, can, ", ".join(device.steps)))
    lines += _table(("device", "capabilities", "steps of the self-test"), *rows)
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    sys.stdout.write(render())
