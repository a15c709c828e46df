"""Who is examined: a terminal at rest, from its settings, or one that runs, from its parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.settings import Settings
from devices.adapters.cameras import (
    CameraDevice,
    FaceDevice,
    document_device,
    face_device,
    infrared_device,
)
from devices.adapters.printers import PrinterDevice
from devices.adapters.samv import SamvDevice, SamvDriver
from devices.camera import CameraSpec
from devices.contract import DeviceKind
from devices.document.client import DocumentCamera
from devices.face.client import FaceStation
from devices.printers.base import NoPrinter, Printer
from devices.printers.cups import CupsPrinter
from devices.printers.escpos import EscPosPrinter
from devices.worker import DeviceWorker
from kiosk.catalogue.model import Pack
from kiosk.doctor.checks import (
    Check,
    backend_check,
    catalogue_check,
    clock_check,
    disk_check,
    fonts_check,
    outbox_check,
    pinyin_check,
    sealing_check,
    settings_check,
)
from kiosk.doctor.examine import DEADLINES_S, TEST_PAGE_S, Examined, Patient
from kiosk.doctor.report import Weight
from kiosk.journey.visit import Now, World
from offline_queue import QueueStatus

READER: Final = "reader"
FACE: Final = "face"
INFRARED: Final = "infrared"
DOCUMENTS: Final = "document-camera"
RECEIPTS: Final = "receipt-printer"
SHEETS: Final = "a4-printer"


@dataclass(frozen=True, slots=True)
class Attached:
    """Drivers that nobody uses yet. None where the settings leave a device out."""

    reader: SamvDriver | None
    face: CameraSpec | None
    documents: CameraSpec | None
    receipts: Printer | None
    sheets: Printer | None  # None where sheets go to the receipt printer
    portraits: bool | None = None
    infrared: CameraSpec | None = None
    further: tuple[Examined, ...] = ()  # whatever else keeps the contract


@dataclass(frozen=True, slots=True)
class Running:
    """The parts of a running terminal, with the queues that they are used through."""

    reader: SamvDriver
    reader_worker: DeviceWorker
    reader_address: str
    station: FaceStation
    documents: DocumentCamera
    receipts: Printer
    sheets: Printer
    printer_worker: DeviceWorker
    world: World
    in_use: Callable[[], bool]
    closing: Callable[[], bool]
    demo: bool
    further: tuple[Examined, ...] = ()  # on workers that they share with the terminal


@dataclass(frozen=True, slots=True)
class Needs:
    """What the checks look at."""

    settings: Settings
    pack: Callable[[], Pack]
    outbox: Callable[[], QueueStatus | None]
    now: Callable[[], Now]
    demo: bool = False

    def checks(self) -> tuple[Check, ...]:
        """All of them."""
        settings = self.settings
        return (
            *(() if self.demo else (settings_check(settings),)),
            outbox_check(self.outbox),
            disk_check(Path(settings.data.directory)),
            clock_check(self.now),
            fonts_check(),
            pinyin_check(),
            sealing_check(settings, self.now),
            backend_check(settings.backend),
            catalogue_check(self.pack, demo=self.demo),
        )


def patient_at_rest(attached: Attached, needs: Needs, *, print_page: bool) -> Patient:
    """A terminal that does not run: the doctor opens its devices itself."""
    settings = needs.settings
    devices: list[Examined] = []
    if attached.reader is not None:
        reader = SamvDevice(
            attached.reader, settings.reader.port, name=READER, portraits=attached.portraits
        )
        devices.append(Examined(reader, Weight.STOPS))
    if attached.face is not None:
        devices.append(Examined(face_device(attached.face, name=FACE), Weight.LIMITS))
    if attached.infrared is not None:
        infrared = infrared_device(attached.infrared, name=INFRARED)
        devices.append(Examined(infrared, Weight.LIMITS))
    if attached.documents is not None:
        camera = document_device(attached.documents, name=DOCUMENTS)
        devices.append(Examined(camera, Weight.LIMITS))
    printers = (
        (RECEIPTS, attached.receipts, _address(attached.receipts, settings)),
        (SHEETS, attached.sheets, settings.printer.a4_queue),
    )
    devices += [
        Examined(_printer(name, printer, queue, None, settings, print_page), Weight.LIMITS)
        for name, printer, queue in printers
        if printer is not None
    ]
    return Patient(
        settings.terminal.code,
        "devices",
        (*devices, *attached.further),
        needs.checks(),
        deadlines_s=_deadlines(print_page),
    )


def patient_in_service(running: Running, needs: Needs, *, print_page: bool) -> Patient:
    """A terminal that runs: its drivers, behind its own queues."""
    settings, world = needs.settings, running.world
    printer = settings.printer
    reader = SamvDevice(
        running.reader, running.reader_address, name=READER, worker=running.reader_worker
    )
    devices = [
        Examined(reader, Weight.STOPS, world.id_cards),
        Examined(
            FaceDevice(running.station, name=FACE, in_use=running.in_use),
            Weight.LIMITS,
            world.camera_ok,
        ),
        Examined(
            CameraDevice(
                running.documents, DeviceKind.DOCUMENT_CAMERA, DOCUMENTS, in_use=running.in_use
            ),
            Weight.LIMITS,
            world.document_camera_ok,
        ),
        Examined(
            _printer(
                RECEIPTS,
                running.receipts,
                _address(running.receipts, settings),
                running.printer_worker,
                settings,
                print_page,
            ),
            Weight.LIMITS,
            world.printer.online,
        ),
    ]
    second = running.station.infrared
    if second is not None:
        infrared = CameraDevice(second, DeviceKind.INFRARED_CAMERA, INFRARED, in_use=running.in_use)
        devices.append(Examined(infrared, Weight.LIMITS, world.camera_ok))
    if running.sheets is not running.receipts and not isinstance(running.sheets, NoPrinter):
        sheets = _printer(
            SHEETS,
            running.sheets,
            printer.a4_queue,
            running.printer_worker,
            settings,
            print_page,
        )
        devices.append(Examined(sheets, Weight.LIMITS))
    return Patient(
        settings.terminal.code,
        "running-terminal",
        (*devices, *running.further),
        needs.checks(),
        in_use=running.in_use,
        closing=running.closing,
        deadlines_s=_deadlines(print_page),
    )


def _address(receipts: Printer | None, settings: Settings) -> str:
    """Where receipts go: a queue of CUPS, or a line of their own."""
    told = settings.printer
    return told.address if isinstance(receipts, EscPosPrinter) else told.queue


def _printer(
    name: str,
    printer: Printer,
    queue: str,
    worker: DeviceWorker | None,
    settings: Settings,
    print_page: bool,
) -> PrinterDevice:
    def page() -> bytes:
        from kiosk.doctor.page import test_page  # loads reportlab

        return test_page(settings.terminal.code, printer.capabilities.media)

    return PrinterDevice(
        printer,
        queue,
        name=name,
        worker=worker,
        # CUPS knows that the bytes are handed over, not that paper came out.
        confirms_jobs=False if isinstance(printer, CupsPrinter) else None,
        test_page=page if print_page else None,
        release=None if worker is not None else getattr(printer, "close", None),
    )


def _deadlines(print_page: bool) -> dict[DeviceKind, float]:
    deadlines_s = dict(DEADLINES_S)
    if print_page:
        deadlines_s[DeviceKind.PRINTER] = 2 * TEST_PAGE_S  # two printers may share a queue
    return deadlines_s
