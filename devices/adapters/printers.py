"""Any printer under the contract: its state with reasons, and a test page when asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from devices.contract import (
    Device,
    DeviceIdentity,
    DeviceKind,
    DeviceState,
    DeviceStatus,
    Finding,
    PrintCapabilities,
    Probe,
    Result,
)
from devices.errors import DeviceError, Fault
from devices.printers.base import Printer
from devices.records import PaperState, PrinterStatus
from devices.worker import Cancel, DeviceWorker

TEST_PAGE_S = 30.0
# Words in a printer's reasons that name the trouble better than "cannot be reached".
_REASONS: tuple[tuple[str, Fault], ...] = (
    ("media-empty", Fault.PAPER_OUT),
    ("media-needed", Fault.PAPER_OUT),
    ("cover", Fault.PRINTER_COVER_OPEN),
    ("door-open", Fault.PRINTER_COVER_OPEN),
    ("interlock", Fault.PRINTER_COVER_OPEN),
    ("jam", Fault.PRINTER_JAMMED),
    ("cutter", Fault.PRINTER_JAMMED),
    ("error", Fault.PRINT_FAILED),
)
# The queue is there and answers, but does not print: somebody stopped it, or it gave up.
_HELD_BACK = ("paused", "stopped", "rejecting", "missing-filter", "insecure-filter")

# What a queue of CUPS may still say although it is mended, until the next job: where a test page
# is printed, that one decides.
_PAGE_TELLS = frozenset({Fault.PAPER_OUT, Fault.PRINTER_COVER_OPEN, Fault.PRINTER_JAMMED})


def fault_of(status: PrinterStatus) -> Fault | None:
    """What keeps a printer from printing, None if nothing is known to."""
    if status.paper is PaperState.OUT:
        return Fault.PAPER_OUT
    if status.online:
        return None
    for word, fault in _REASONS:
        if word in status.detail:
            return fault
    held = any(word in status.detail for word in _HELD_BACK) and "offline" not in status.detail
    return Fault.PRINT_FAILED if held else Fault.PRINTER_ABSENT


class PrinterDevice(Device):
    """A printer. `address` is a CUPS queue or an address of `devices.printers.escpos_wire`;
    `test_page` makes a PDF for it, None where none is to be printed."""

    absent_fault = Fault.PRINTER_ABSENT

    def __init__(
        self,
        printer: Printer,
        address: str,
        *,
        name: str = "printer",
        worker: DeviceWorker | None = None,
        confirms_jobs: bool | None = None,
        test_page: Callable[[], bytes] | None = None,
        release: Callable[[], None] | None = None,
    ) -> None:
        """`confirms_jobs`: None where the driver itself finds that out, or nobody knows.

        `release` lets a printer go that keeps its line open.
        """
        super().__init__(DeviceIdentity(DeviceKind.PRINTER, name, address), worker)
        self._printer = printer
        self._confirms_jobs = confirms_jobs
        self._test_page = test_page
        self._let_go = release

    @property
    def capabilities(self) -> PrintCapabilities:
        """As the driver is configured."""
        told = self._printer.capabilities
        return PrintCapabilities(
            media=told.media,
            reports_paper=told.reports_paper,
            presenter=told.presenter,
            confirms_jobs=self._confirms(),
        )

    def _confirms(self) -> bool | None:
        if self._confirms_jobs is not None:
            return self._confirms_jobs
        found_out = getattr(self._printer, "confirmation", None)
        return None if found_out is None else found_out.value != "none"

    def present(self) -> bool | None:
        """Whether the path of a printer that is no queue is there (`serial:` or `device:`)."""
        kind, _, path = self.identity.address.partition(":")
        return Path(path).exists() if kind in ("serial", "device") else None

    def _ask(self, cancel: Cancel) -> DeviceStatus:
        cancel.raise_if_cancelled()
        status = self._printer.status()
        fault = fault_of(status)
        if fault is not None:
            raise DeviceError(fault, status.detail)
        return DeviceStatus(DeviceState.ONLINE, time.monotonic(), detail=status.detail)

    def _probes(self) -> Sequence[Probe]:
        probes = (Probe("printer", self._state), Probe("paper", self._paper, optional=True))
        if self._test_page is None:
            return probes
        return (*probes, Probe("test-page", self._print))

    def _state(self, cancel: Cancel) -> Finding:
        try:
            told = self._ask(cancel)
        except DeviceError as error:
            if self._test_page is None or error.fault not in _PAGE_TELLS:
                raise
            return Finding(f"{error.fault.code} so far; the test page tells")
        return Finding(told.detail or "no complaint")

    def _paper(self, _: Cancel) -> Finding:
        paper = self._printer.status().paper
        if paper is PaperState.OUT and self._test_page is None:
            raise DeviceError(Fault.PAPER_OUT)
        if paper is PaperState.OUT:
            return Finding("out so far", {"paper": paper.value}, Result.UNKNOWN)
        unknown = paper is PaperState.UNKNOWN
        return Finding(
            "this printer does not tell" if unknown else "",
            {"paper": paper.value},
            Result.UNKNOWN if unknown else Result.OK,
        )

    def _print(self, cancel: Cancel) -> Finding:
        assert self._test_page is not None
        pdf = self._test_page()
        deadline_s = min(TEST_PAGE_S, cancel.remaining_s)
        job = self._printer.print(pdf, title="test-page", deadline_s=deadline_s, cancel=cancel)
        sure = "" if self._confirms() else "handed over; look whether it came out"
        return Finding(sure, {"job": job.job_id})

    def _release(self) -> None:
        if self._let_go is not None:
            self._let_go()
