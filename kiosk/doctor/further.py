"""What else may be attached, for the doctor: readers of chip cards, and a code scanner."""

from __future__ import annotations

from typing import Final

from config.settings import Settings
from devices.adapters.cards import PcscDevice, pcsc_device
from devices.adapters.scanners import ScannerDevice
from devices.readers import MakesChipReader
from devices.scanners.scanner import CodeScanner
from kiosk.doctor.examine import Examined
from kiosk.doctor.report import Weight
from kiosk.journey.visit import World
from kiosk.world.reader import CardReading
from kiosk.world.scanner import Scanning

CHIPS: Final = "card-reader"
SCANNER: Final = "scanner"


def further_at_rest(
    settings: Settings, chips: MakesChipReader | None, scanner: CodeScanner | None
) -> tuple[Examined, ...]:
    """Those that the settings name; the doctor opens them itself."""
    found = []
    if chips is not None:
        found.append(Examined(pcsc_device(chips), Weight.LIMITS))
    if scanner is not None:
        device = ScannerDevice(scanner, _address(settings), name=SCANNER)
        found.append(Examined(device, Weight.LIMITS))
    return tuple(found)


def further_in_service(
    settings: Settings, reading: CardReading, scanning: Scanning | None, world: World
) -> tuple[Examined, ...]:
    """Those of a running terminal, on the queues that it uses them through."""
    found = []
    if reading.chips is not None:
        device = PcscDevice(reading.chips, name=CHIPS, worker=reading.chip_worker)
        found.append(Examined(device, Weight.LIMITS, world.chip_cards))
    if scanning is not None:
        held = ScannerDevice(
            scanning.scanner, _address(settings), name=SCANNER, worker=scanning.worker
        )
        found.append(Examined(held, Weight.LIMITS, world.scanner_ok))
    return tuple(found)


def _address(settings: Settings) -> str:
    return settings.scanner.port or settings.scanner.usb
