"""A simulated receipt printer: a folder of PDF files with paper that can run out."""

from __future__ import annotations

import threading
from pathlib import Path

from devices.errors import DeviceError, Fault
from devices.printers.base import Media, PrintJob
from devices.printers.pdf_folder import PdfFolderPrinter
from devices.records import PaperState, PrinterStatus
from devices.worker import Cancel


class SimulatedPrinter(PdfFolderPrinter):
    """A folder printer whose paper and faults are set from outside, from any thread."""

    def __init__(self, folder: Path, media: Media = "80mm") -> None:
        super().__init__(folder, media)
        self._lock = threading.Lock()
        self._paper = PaperState.OK
        self._online = True
        self._next_fault: Fault | None = None
        self._ends_mid_job = False

    def set_paper(self, paper: PaperState) -> None:
        """Put paper in, let it run low, take it out, or stop telling (UNKNOWN)."""
        with self._lock:
            self._paper = paper

    def set_online(self, online: bool) -> None:
        """Plug or unplug it."""
        with self._lock:
            self._online = online

    def fail_next(self, fault: Fault = Fault.PRINT_FAILED) -> None:
        """The next job, and only that one, ends in `fault` without a file."""
        with self._lock:
            self._next_fault = fault

    def paper_ends_mid_job(self) -> None:
        """The paper ends while the next job prints: no whole page comes out."""
        with self._lock:
            self._ends_mid_job = True

    def status(self) -> PrinterStatus:
        """As set, if the folder works."""
        with self._lock:
            online, paper = self._online, self._paper
        if not online:
            return PrinterStatus(False, PaperState.UNKNOWN, "offline")
        folder = super().status()
        return PrinterStatus(True, paper) if folder.online else folder

    def print(self, pdf: bytes, *, title: str, deadline_s: float, cancel: Cancel) -> PrintJob:
        """Print as a folder printer does, unless something was set to go wrong."""
        status = self.status()
        if not status.online:
            raise DeviceError(Fault.PRINTER_ABSENT, status.detail)
        if status.paper is PaperState.OUT:
            raise DeviceError(Fault.PAPER_OUT)
        with self._lock:
            fault, self._next_fault = self._next_fault, None
            ends, self._ends_mid_job = self._ends_mid_job, False
            if ends:
                self._paper = PaperState.OUT
        if fault is not None:
            raise DeviceError(fault, "as set")
        if ends:
            raise DeviceError(Fault.PAPER_OUT, "the paper ended while printing")
        return super().print(pdf, title=title, deadline_s=deadline_s, cancel=cancel)
