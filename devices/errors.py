"""Every failure of a device, on one page: its code, and who can recover it.

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


class _Row(NamedTuple):
    code: str
    recovery: Recovery
    meaning: str


class Fault(Enum):
    """Code, recovery and meaning of each failure."""

    READER_ABSENT = _Row("RD-01", Recovery.ITSELF, "the reader's port cannot be opened or vanished")
    READER_SILENT = _Row("RD-02", Recovery.RESET, "the reader did not answer before the deadline")
    READER_GARBLED = _Row("RD-03", Recovery.ITSELF, "no frame with a right checksum came")
    READER_SAM_FAILED = _Row("RD-04", Recovery.STAFF, "the SAM failed its self-test")
    CARD_ABSENT = _Row("RD-05", Recovery.RESIDENT, "no card was put on the reader in time")
    CARD_NOT_SELECTED = _Row("RD-06", Recovery.RESIDENT, "the card was found but not selected")
    CARD_REMOVED = _Row("RD-07", Recovery.RESIDENT, "the card was taken away while it was read")
    CARD_NOT_GENUINE = _Row("RD-08", Recovery.STAFF, "card and SAM did not accept each other")
    CARD_UNREADABLE = _Row("RD-09", Recovery.STAFF, "the card's text block makes no sense")
    CARD_WRONG_KIND = _Row("RD-10", Recovery.RESIDENT, "this is not a card that the SAM reads")
    PORTRAIT_UNREADABLE = _Row("RD-11", Recovery.STAFF, "the portrait is missing or has no decoder")
    READER_REFUSED = _Row("RD-12", Recovery.RESET, "the reader refused the command")
    PCSC_ABSENT = _Row("RD-20", Recovery.ITSELF, "the smart-card service does not answer")
    CARD_MUTE = _Row("RD-21", Recovery.RESIDENT, "the card does not answer: wrong way round?")
    CARD_COLLISION = _Row("RD-22", Recovery.RESIDENT, "more than one card lies on the reader")
    DOCUMENT_KEY_NEEDED = _Row("RD-23", Recovery.RESIDENT, "the data page opens the chip")
    DOCUMENT_KEY_WRONG = _Row("RD-24", Recovery.RESIDENT, "the data page did not open the chip")
    COMMAND_FORBIDDEN = _Row("RD-25", Recovery.STAFF, "a command that could lock a card")
    CAMERA_ABSENT = _Row("CM-01", Recovery.ITSELF, "the camera cannot be opened or vanished")
    CAMERA_STALLED = _Row("CM-02", Recovery.ITSELF, "the camera delivers no frames")
    FACE_ENGINE_FAILED = _Row("FC-01", Recovery.ITSELF, "the face process ended or did not answer")
    FACE_PORTRAIT_EMPTY = _Row("FC-02", Recovery.STAFF, "no face was found in the card's portrait")
    FACE_NOT_SEEN = _Row("FC-03", Recovery.RESIDENT, "no good frame before the deadline")
    FACE_DIFFERENT = _Row("FC-04", Recovery.RESIDENT, "the face is too far from the portrait")
    PRINTER_ABSENT = _Row("PR-01", Recovery.STAFF, "the printer cannot be reached")
    PAPER_OUT = _Row("PR-02", Recovery.STAFF, "the printer has no paper")
    PRINT_FAILED = _Row("PR-03", Recovery.STAFF, "the print job failed")
    PRINT_UNKNOWN = _Row("PR-04", Recovery.STAFF, "nobody can tell whether the job was printed")
    CANCELLED = _Row("DV-01", Recovery.ITSELF, "the command was cancelled")
    DEADLINE = _Row("DV-02", Recovery.ITSELF, "the command did not end before its deadline")

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


class DeviceError(Exception):
    """A device's failure. `detail` is for technicians and holds no personal data."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(f"{fault.code} {fault.meaning}" + (f" ({detail})" if detail else ""))
        self.fault = fault
        self.detail = detail
