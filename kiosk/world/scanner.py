"""The code scanner: a source of codes beside the document camera (see `kiosk.world.codes`).

- It is held from the start on: a scanner that types like a keyboard must never type into
  whatever has the focus.
- The machine-readable zone of a travel document is told as what it is, its data page.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from devices.errors import Fault
from devices.pcsc.emrtd.key import MrzError, parse
from devices.records import ScannedCode
from devices.scanners.scanner import CodeScanner
from devices.worker import Cancel, DeviceWorker, Failed, Outcome, Ticket
from kiosk.identity.papers import DataPage
from kiosk.journey.events import CodeSeen, DataPageRead, Event, WorldChanged
from kiosk.world.codes import Seen

_MARGIN_S: Final = 2.0
_LOOK_DEADLINE_S: Final = 3.0
_MORE_LINES_S: Final = 0.4  # a zone comes as two or three lines, one right after the other


class Scanning:
    """One scanner."""

    by_camera = False

    def __init__(self, scanner: CodeScanner, reply: Callable[[Event], None]) -> None:
        self._scanner = scanner
        self._reply = reply
        self._worker = DeviceWorker("scanner", unexpected=Fault.SCANNER_ABSENT)
        self._lock = threading.Lock()
        self._ticket: Ticket | None = None
        self._reads = 0  # that have no answer yet
        self._well: bool | None = None

    @property
    def scanner(self) -> CodeScanner:
        """The driver, for diagnosis: only by way of `worker`."""
        return self._scanner

    @property
    def worker(self) -> DeviceWorker:
        """The scanner's only queue."""
        return self._worker

    def await_code(self, wait_s: float, done: Seen) -> None:
        """As `kiosk.world.codes.CodeSource` says."""
        self.give_up_code()
        with self._lock:
            self._reads += 1

        def command(cancel: Cancel) -> ScannedCode:
            return self._scanner.read(cancel, wait_s=wait_s, more_s=_MORE_LINES_S)

        def ended(outcome: Outcome[ScannedCode]) -> None:
            with self._lock:
                self._reads -= 1
            if not isinstance(outcome, Failed):
                self._tell_well(True)
                done(outcome.value)
            elif outcome.error.fault is not Fault.CANCELLED:
                self._tell_well(outcome.error.fault is not Fault.SCANNER_ABSENT)
                done(outcome.error)

        self._ticket = self._worker.submit(command, deadline_s=wait_s + _MARGIN_S, done=ended)

    def give_up_code(self) -> None:
        """Nobody waits any more."""
        ticket, self._ticket = self._ticket, None
        if ticket is not None:
            ticket.cancel()

    def look(self) -> None:
        """Take hold of it, or see that it is still there; not while a code is awaited."""
        with self._lock:
            if self._reads:
                return

        def ended(outcome: Outcome[None]) -> None:
            self._tell_well(not isinstance(outcome, Failed))

        self._worker.submit(
            lambda _: self._scanner.status(), deadline_s=_LOOK_DEADLINE_S, done=ended
        )

    def close(self) -> None:
        """Let it go."""
        self.give_up_code()
        self._worker.close()
        self._scanner.close()

    def _tell_well(self, well: bool) -> None:
        with self._lock:
            news, self._well = well is not self._well, well
        if news:
            self._reply(WorldChanged(scanner_ok=well))


def telling_pages(reply: Callable[[Event], None]) -> Callable[[Event], None]:
    """`reply`, which hears of a travel document's zone as DataPageRead, not as a code."""

    def told(event: Event) -> None:
        page = page_of(event.code) if isinstance(event, CodeSeen) else None
        if page is None or not isinstance(event, CodeSeen):
            reply(event)
        else:
            reply(DataPageRead(event.visit, page))

    return told


def page_of(code: ScannedCode) -> DataPage | None:
    """The data page, if this is a machine-readable zone whose check digits are right."""
    try:
        zone = parse(code.text)
    except MrzError:
        return None
    return DataPage(zone.number, zone.birth, zone.expiry)
