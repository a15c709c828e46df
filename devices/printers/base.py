"""What every printer promises.

`print` returns only when the job is known to be printed as far as the printer can tell, and
raises DeviceError otherwise: PAPER_OUT, PRINTER_ABSENT, PRINTER_COVER_OPEN, PRINTER_JAMMED
and PRINT_FAILED mean that no whole page came out and none will come later; PRINT_HALF means
the same, and that a part may have come out, which has to be taken away (its detail says why);
PRINT_UNKNOWN means that nobody can tell. Nothing is ever sent twice by a printer itself:
printing again is the caller's decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from devices.errors import DeviceError, Fault
from devices.records import PaperState, PrinterStatus
from devices.worker import Cancel

Media = Literal["80mm", "a4"]


@dataclass(frozen=True, slots=True)
class PrinterCapabilities:
    """What a printer can do, as configured: few receipt printers tell it themselves."""

    media: Media
    reports_paper: bool  # whether "no complaint" may be read as "there is paper"
    presenter: bool | None = None  # tells whether the paper was taken; None where unknown


@dataclass(frozen=True, slots=True)
class PrintJob:
    """A finished job: the printer's own id of it, and where it went."""

    job_id: str
    target: str


class Printer(Protocol):
    """One printer, used by one thread at a time."""

    @property
    def capabilities(self) -> PrinterCapabilities:
        """What it can do."""
        ...

    def status(self) -> PrinterStatus:
        """Its state now; never raises, an unreachable printer is offline."""
        ...

    def print(self, pdf: bytes, *, title: str, deadline_s: float, cancel: Cancel) -> PrintJob:
        """Print a PDF. `title` holds no personal data. Ends at `deadline_s` or when `cancel`
        says so, whichever is first. Raises DeviceError."""
        ...


class NoPrinter:
    """Where there is none for this kind of page: said beforehand, and every job is refused."""

    def __init__(self, media: Media) -> None:
        self._capabilities = PrinterCapabilities(media, reports_paper=False)

    @property
    def capabilities(self) -> PrinterCapabilities:
        """What it would print."""
        return self._capabilities

    def status(self) -> PrinterStatus:
        """Never there."""
        return PrinterStatus(False, PaperState.UNKNOWN, "there is none")

    def print(self, pdf: bytes, *, title: str, deadline_s: float, cancel: Cancel) -> PrintJob:  # noqa: ARG002
        """Raises DeviceError: PRINTER_ABSENT."""
        raise DeviceError(Fault.PRINTER_ABSENT, "there is none")
