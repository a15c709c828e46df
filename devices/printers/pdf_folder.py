"""A printer that is a folder: each job becomes one whole PDF file, or none.

File names are a running number and say nothing of a person. A file appears under its name
only when all its bytes are on the disk.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from devices.errors import DeviceError, Fault
from devices.printers.base import Media, PrinterCapabilities, PrintJob
from devices.records import PaperState, PrinterStatus
from devices.worker import Cancel

_NAME = re.compile(r"job-(\d{4,})\.pdf")


class PdfFolderPrinter:
    """Prints into `folder`, which is made if it is not there."""

    def __init__(self, folder: Path, media: Media = "80mm") -> None:
        self._folder = folder
        self._media: Media = media

    @property
    def capabilities(self) -> PrinterCapabilities:
        """A folder has no paper, so its word on paper holds."""
        return PrinterCapabilities(self._media, reports_paper=True, presenter=None)

    def status(self) -> PrinterStatus:
        """Online while the folder can be written."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            return PrinterStatus(False, PaperState.UNKNOWN, type(error).__name__)
        writable = os.access(self._folder, os.W_OK)
        return PrinterStatus(writable, PaperState.OK if writable else PaperState.UNKNOWN)

    def print(
        self,
        pdf: bytes,
        *,
        title: str,  # noqa: ARG002 - a file name says nothing
        deadline_s: float,  # noqa: ARG002 - a local write does not wait
        cancel: Cancel,
    ) -> PrintJob:
        """Write the next file. Raises DeviceError: CANCELLED, DEADLINE,
        PRINTER_ABSENT, PRINT_FAILED."""
        cancel.raise_if_cancelled()
        return self._write(pdf)

    def files(self) -> list[Path]:
        """All printed files, oldest first."""
        if not self._folder.is_dir():
            return []
        found = [path for path in self._folder.iterdir() if _NAME.fullmatch(path.name)]
        return sorted(found, key=lambda path: (len(path.name), path.name))

    def _write(self, pdf: bytes) -> PrintJob:
        if not self.status().online:
            raise DeviceError(Fault.PRINTER_ABSENT, "the folder cannot be written")
        partial = self._folder / f".partial-{os.getpid()}"
        try:
            with partial.open("wb") as file:
                file.write(pdf)
                file.flush()
                os.fsync(file.fileno())
            return self._publish(partial)
        except OSError as error:
            raise DeviceError(Fault.PRINT_FAILED, type(error).__name__) from error
        finally:
            partial.unlink(missing_ok=True)

    def _publish(self, partial: Path) -> PrintJob:
        files = self.files()
        number = int(files[-1].stem.split("-")[1]) if files else 0
        while True:
            number += 1
            target = self._folder / f"job-{number:04}.pdf"
            try:
                os.link(partial, target)  # fails where the name is taken; a rename would not
            except FileExistsError:
                continue
            return PrintJob(f"{number:04}", str(target))
