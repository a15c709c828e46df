"""Every failure of a device, on one page: its code, how bad it is, and who can recover it.

A code is shown to people beside words they understand (`config/words`), so it never
changes its meaning. Texts here are for technicians and never hold personal data.
"""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import NamedTuple


class Recovery(StrEnum):
    """Who can mend a failure."""

    RESIDENT = "resident"
    ITSELF = "itself"
    RESET = "reset"
    STAFF = "staff"


class Severity(StrEnum):
    """What a failure says of the device it came from."""

    NOTICE = "notice"  # this one command failed, the device is well
    DEGRADED = "degraded"  # the device works, but not always or not wholly
    OUT_OF_SERVICE = "out-of-service"  # the device can do nothing until this is mended


_NOTICE, _DEGRADED, _OUT = Severity


class _Row(NamedTuple):
    code: str
    recovery: Recovery
    meaning: str
    severity: Severity = Severity.DEGRADED


class Fault(Enum):
    """Code, recovery, meaning and severity of each failure."""

    READER_ABSENT = _Row(
        "RD-01", Recovery.ITSELF, "the reader's port cannot be opened or vanished", _OUT
    )
    READER_SILENT = _Row(
        "RD-02", Recovery.RESET, "the reader did not answer before the deadline", _OUT
    )
    READER_GARBLED = _Row(
        "RD-03", Recovery.ITSELF, "no frame with a right checksum came", _DEGRADED
    )
    READER_SAM_FAILED = _Row("RD-04", Recovery.STAFF, "the SAM failed its self-test", _OUT)
    CARD_ABSENT = _Row("RD-05", Recovery.RESIDENT, "no card was put on the reader in time", _NOTICE)
    CARD_NOT_SELECTED = _Row(
        "RD-06", Recovery.RESIDENT, "the card was found but not selected", _NOTICE
    )
    CARD_REMOVED = _Row(
        "RD-07", Recovery.RESIDENT, "the card was taken away while it was read", _NOTICE
    )
    CARD_NOT_GENUINE = _Row(
        "RD-08", Recovery.STAFF, "card and SAM did not accept each other", _NOTICE
    )
    CARD_UNREADABLE = _Row("RD-09", Recovery.STAFF, "the card's text block makes no sense", _NOTICE)
    CARD_WRONG_KIND = _Row(
        "RD-10", Recovery.RESIDENT, "this is not a card that the SAM reads", _NOTICE
    )
    PORTRAIT_UNREADABLE = _Row(
        "RD-11", Recovery.STAFF, "the portrait is missing or has no decoder", _NOTICE
    )
    READER_REFUSED = _Row("RD-12", Recovery.RESET, "the reader refused the command", _DEGRADED)
    PCSC_ABSENT = _Row("RD-20", Recovery.ITSELF, "the smart-card service does not answer", _OUT)
    CARD_MUTE = _Row(
        "RD-21", Recovery.RESIDENT, "the card does not answer: wrong way round?", _NOTICE
    )
    CARD_COLLISION = _Row(
        "RD-22", Recovery.RESIDENT, "more than one card lies on the reader", _NOTICE
    )
    DOCUMENT_KEY_NEEDED = _Row("RD-23", Recovery.RESIDENT, "the data page opens the chip", _NOTICE)
    DOCUMENT_KEY_WRONG = _Row(
        "RD-24", Recovery.RESIDENT, "the data page did not open the chip", _NOTICE
    )
    COMMAND_FORBIDDEN = _Row("RD-25", Recovery.STAFF, "a command that could lock a card", _NOTICE)
    CAMERA_ABSENT = _Row("CM-01", Recovery.ITSELF, "the camera cannot be opened or vanished", _OUT)
    CAMERA_STALLED = _Row("CM-02", Recovery.ITSELF, "the camera delivers no frames", _OUT)
    CAMERA_SLOW = _Row("CM-03", Recovery.STAFF, "the camera delivers too few frames", _DEGRADED)
    FACE_ENGINE_FAILED = _Row(
        "FC-01", Recovery.ITSELF, "the face process ended or did not answer", _OUT
    )
    FACE_PORTRAIT_EMPTY = _Row(
        "FC-02", Recovery.STAFF, "no face was found in the card's portrait", _NOTICE
    )
    FACE_NOT_SEEN = _Row("FC-03", Recovery.RESIDENT, "no good frame before the deadline", _NOTICE)
    FACE_DIFFERENT = _Row(
        "FC-04", Recovery.RESIDENT, "the face is too far from the portrait", _NOTICE
    )
    FACE_NOT_LIVE = _Row(
        "FC-05", Recovery.RESIDENT, "the face matched, but not as a living head", _NOTICE
    )
    PRINTER_ABSENT = _Row("PR-01", Recovery.STAFF, "the printer cannot be reached", _OUT)
    PAPER_OUT = _Row("PR-02", Recovery.STAFF, "the printer has no paper", _OUT)
    PRINT_FAILED = _Row("PR-03", Recovery.STAFF, "the print job failed", _DEGRADED)
    PRINT_UNKNOWN = _Row(
        "PR-04", Recovery.STAFF, "nobody can tell whether the job was printed", _DEGRADED
    )
    PRINT_HALF = _Row(
        "PR-05", Recovery.RESIDENT, "part of a page came out and is no receipt", _NOTICE
    )
    PRINTER_COVER_OPEN = _Row("PR-06", Recovery.STAFF, "the printer's cover is open", _OUT)
    PRINTER_JAMMED = _Row("PR-07", Recovery.STAFF, "the printer's cutter or paper is stuck", _OUT)
    SCANNER_ABSENT = _Row(
        "SC-01", Recovery.ITSELF, "the code scanner cannot be opened or vanished", _OUT
    )
    CODE_ABSENT = _Row("SC-02", Recovery.RESIDENT, "no code was shown in time", _NOTICE)
    CODE_UNREADABLE = _Row(
        "SC-03", Recovery.RESIDENT, "what was scanned is no text or too long", _NOTICE
    )
    VOICE_ABSENT = _Row(
        "VO-01", Recovery.ITSELF, "no sound can be played: no sound card, or no player", _OUT
    )
    SPEECH_FAILED = _Row(
        "VO-02", Recovery.STAFF, "the speech program is missing or gives no speech", _DEGRADED
    )
    PLAYER_FAILED = _Row(
        "VO-03", Recovery.ITSELF, "the player crashed or did not end in time", _DEGRADED
    )
    CANCELLED = _Row("DV-01", Recovery.ITSELF, "the command was cancelled", _NOTICE)
    DEADLINE = _Row(
        "DV-02", Recovery.ITSELF, "the command did not end before its deadline", _DEGRADED
    )

    @property
    def code(self) -> str:
        """The stable code, such as "RD-07"."""
        return self.value.code

    @property
    def recovery(self) -> Recovery:
        """Who can mend it."""
        return self.value.recovery

    @property
    def meaning(self) -> str:
        """One line for a technician."""
        return self.value.meaning

    @property
    def severity(self) -> Severity:
        """What it says of the device."""
        return self.value.severity


class DeviceError(Exception):
    """A device's failure. `detail` is for technicians and holds no personal data."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(f"{fault.code} {fault.meaning}" + (f" ({detail})" if detail else ""))
        self.fault = fault
        self.detail = detail
