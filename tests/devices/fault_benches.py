"""Every device's bench for the campaign, and how many faults each gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import fault_cards
import fault_pictures
import fault_printers
import fault_scanners
import fault_voice
from fault_campaign import Bench

BENCHES: Final[dict[str, Callable[[], Bench]]] = {
    bench.device: bench
    for bench in (
        fault_cards.SerialReader,
        fault_cards.UsbReader,
        fault_cards.LibraryReader,
        fault_cards.SmartCards,
        fault_pictures.FaceCamera,
        fault_pictures.PaperCamera,
        fault_pictures.FaceEngine,
        fault_printers.Cups,
        fault_printers.SerialReceipts,
        fault_printers.NetworkReceipts,
        fault_scanners.SerialScanner,
        fault_scanners.WedgeScanner,
        fault_voice.SpeechAndPlayer,
    )
}
FAULTS: Final = {
    "samv-serial": 500,
    "samv-usb": 300,
    "samv-library": 200,
    "smart-cards": 500,
    "face-camera": 30,
    "document-camera": 50,
    "face-engine": 40,
    "cups": 100,
    "receipts-serial": 240,
    "receipts-network": 240,
    "scanner-serial": 160,
    "scanner-wedge": 160,
    "voice": 170,
}
"""In `make campaign`."""
