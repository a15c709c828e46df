"""Carries out Print on a worker, once; what became of a receipt is kept in the outbox.

A receipt is marked "unknown" before it goes to the printer and "printed" after: whatever
happens between, it is offered again by a person's choice and never doubled silently.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from devices.adapters.printers import fault_of
from devices.errors import DeviceError, Fault
from devices.printers.base import Printer
from devices.records import PrinterStatus
from devices.worker import Cancel, DeviceWorker, Failed, Outcome
from kiosk.journey.effects import Print
from kiosk.journey.events import Event, Printed, PrintFailed, WorldChanged
from kiosk.logs import note
from kiosk.receipts.content import BringList, GuideSlip, Receipt, Stub
from offline_queue.outbox import Outbox
from offline_queue.records import PrintState

_DEADLINE_S = 60.0
_LOOK_DEADLINE_S = 10.0
# After these nobody can tell whether paper came out.
_UNKNOWN_AFTER = frozenset({Fault.PRINT_UNKNOWN, Fault.DEADLINE, Fault.CANCELLED})


class Printing:
    """The receipt printer, and the A4 printer for what the backend made."""

    def __init__(
        self,
        receipts: Printer,
        sheets: Printer,
        outbox: Outbox,
        words: Mapping[str, Mapping[str, str]],
        reply: Callable[[Event], None],
        *,
        keep: Callable[[str, bytes], None] | None = None,
    ) -> None:
        """`words` has the receipts' words by language; `keep` gets every PDF (for the demo)."""
        self._receipts = receipts
        self._sheets = sheets
        self._outbox = outbox
        self._words = words
        self._reply = reply
        self._keep = keep
        self._worker = DeviceWorker("printer", unexpected=Fault.PRINT_FAILED)

    @property
    def worker(self) -> DeviceWorker:
        """The queue of both printers."""
        return self._worker

    def print(self, effect: Print, visit: int) -> None:
        """Render and print; answers Printed or PrintFailed."""
        number = effect.content.number if isinstance(effect.content, Receipt | Stub) else ""

        def command(cancel: Cancel) -> None:
            pdf = effect.pdf if effect.pdf is not None else self._render(effect)
            if self._keep is not None:
                self._keep(effect.what, pdf)
            printer = self._sheets if effect.pdf is not None else self._receipts
            if number:
                self._outbox.set_print_state(number, PrintState.UNKNOWN).result()
            printer.print(pdf, title=effect.what, deadline_s=_DEADLINE_S, cancel=cancel)

        def done(outcome: Outcome[None]) -> None:
            if isinstance(outcome, Failed):
                self._failed(effect.what, number, visit, outcome.error)
                return
            if number:
                self._outbox.set_print_state(number, PrintState.PRINTED)
            note("printed", kind=effect.what)
            self._reply(Printed(visit, effect.what))
            self._look_now()

        self._worker.submit(command, deadline_s=_DEADLINE_S + 5.0, done=done)

    def look(self) -> None:
        """Ask the printer how it is; answers WorldChanged."""
        self._worker.submit(
            lambda _: self._look_now(), deadline_s=_LOOK_DEADLINE_S, done=lambda _: None
        )

    def close(self) -> None:
        """End the worker."""
        self._worker.close()

    def _look_now(self) -> None:
        receipts = _with_code(self._receipts.status())
        same = self._sheets is self._receipts
        sheets = receipts if same else _with_code(self._sheets.status())
        self._reply(WorldChanged(printer=receipts, sheets=sheets))

    def _failed(self, what: str, number: str, visit: int, error: DeviceError) -> None:
        if number and error.fault not in _UNKNOWN_AFTER:
            self._outbox.set_print_state(number, PrintState.FAILED)
        note("print-failed", kind=what, code=error.fault.code)
        self._reply(PrintFailed(visit, what, error.fault.code))
        self._look_now()

    def _render(self, effect: Print) -> bytes:
        from kiosk.receipts.layout import (
            guide,
            pdf,
        )  # reportlab and fonts: loaded with the first paper

        content = effect.content
        if content is None:
            raise DeviceError(Fault.PRINT_FAILED, "nothing to print")
        words = self._words[content.language]
        if isinstance(content, Receipt):
            return pdf.render(content, words)
        if isinstance(content, Stub):
            return pdf.render_stub(content, words)
        if isinstance(content, GuideSlip):
            return guide.render_guide(content, words)
        assert isinstance(content, BringList)
        return pdf.render_bring_list(content, words)


def _with_code(status: PrinterStatus) -> PrinterStatus:
    fault = fault_of(status)
    return replace(status, code=fault.code if fault is not None else "")
