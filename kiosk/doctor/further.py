"""What else may be attached, for the doctor: readers of chip cards, a code scanner, a voice."""

from __future__ import annotations

from typing import Final

from config.settings import Settings
from config.words import load_words
from devices.adapters.cards import PcscDevice, pcsc_device
from devices.adapters.scanners import ScannerDevice
from devices.adapters.voice import VoiceDevice
from devices.readers import MakesChipReader
from devices.scanners.scanner import CodeScanner
from devices.voice.voice import Voice
from devices.worker import DeviceWorker
from kiosk.doctor.examine import Examined
from kiosk.doctor.report import Weight
from kiosk.journey.visit import World
from kiosk.world.reader import CardReading
from kiosk.world.scanner import Scanning
from kiosk.world.voice import Speaking, trial_sentences

CHIPS: Final = "card-reader"
SCANNER: Final = "scanner"
VOICE: Final = "voice"


def further_at_rest(
    settings: Settings,
    chips: MakesChipReader | None,
    scanner: CodeScanner | None,
    voice: Voice | None = None,
    *,
    aloud: bool = False,
) -> tuple[Examined, ...]:
    """Those that the settings name; the doctor opens them itself. `aloud`: the voice is heard."""
    found = []
    if chips is not None:
        found.append(Examined(pcsc_device(chips), Weight.LIMITS))
    if scanner is not None:
        device = ScannerDevice(scanner, _address(settings), name=SCANNER)
        found.append(Examined(device, Weight.LIMITS))
    if voice is not None:
        found.append(_voice(settings, voice, aloud=aloud))
    return tuple(found)


def further_in_service(
    settings: Settings,
    reading: CardReading,
    scanning: Scanning | None,
    speaking: Speaking | None,
    world: World,
    *,
    aloud: bool = False,
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
    if speaking is not None:
        shared = speaking.worker, speaking.well
        found.append(_voice(settings, speaking.voice, *shared, aloud=aloud))
    return tuple(found)


def _voice(
    settings: Settings,
    voice: Voice,
    worker: DeviceWorker | None = None,
    well: bool | None = None,
    *,
    aloud: bool,
) -> Examined:
    words = load_words()
    sentences = trial_sentences({"zh": words.zh, "en": words.en})
    device = VoiceDevice(voice, sentences, name=VOICE, worker=worker, aloud=aloud)
    meant = settings.voice.kind == "speaker"
    return Examined(device, Weight.LIMITS if meant else Weight.TELLS, well)


def _address(settings: Settings) -> str:
    return settings.scanner.port or settings.scanner.usb
