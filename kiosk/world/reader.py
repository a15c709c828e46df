"""Carries out ReadCard and StopReading with a SAM-V reader on its own worker."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devices.errors import DeviceError, Fault
from devices.records import IdCard
from devices.samv.driver import SamvReader
from devices.worker import Cancel, DeviceWorker, Failed, Outcome, Ticket
from kiosk.journey.effects import ReadCard, StopReading
from kiosk.journey.events import CardFailed, CardFound, CardRead, Event, WorldChanged

_READ_MARGIN_S = 6.0  # beyond the wait for a card: the read itself, with a reset
_LOOK_DEADLINE_S = 3.0
# The reader itself is at fault, and no card would help.
_UNWELL = frozenset(
    {
        Fault.READER_ABSENT,
        Fault.READER_SILENT,
        Fault.READER_GARBLED,
        Fault.READER_SAM_FAILED,
        Fault.READER_REFUSED,
    }
)


@dataclass(frozen=True, slots=True)
class _Read:
    card: IdCard
    portrait_png: bytes | None


class CardReading:
    """One reader."""

    def __init__(
        self,
        reader: SamvReader,
        reply: Callable[[Event], None],
        *,
        wlt_library: Path | None = None,
    ) -> None:
        self._reader = reader
        self._reply = reply
        self._wlt_library = wlt_library
        self._worker = DeviceWorker("card-reader", unexpected=Fault.READER_ABSENT)
        self._ticket: Ticket | None = None
        self._read = 0  # reads asked for
        self._over = 0  # the last of them that has its answer
        self._well: bool | None = None

    @property
    def reader(self) -> SamvReader:
        """The driver, for diagnosis: only by way of `worker`."""
        return self._reader

    @property
    def worker(self) -> DeviceWorker:
        """The reader's only queue."""
        return self._worker

    def read(self, effect: ReadCard, visit: int) -> None:
        """Await and read a card for this visit; an earlier wait is given up."""
        self.stop()
        self._read += 1
        read = self._read

        def found(_: str) -> None:
            self._reply(CardFound(visit))

        def command(cancel: Cancel) -> _Read:
            card = self._reader.read_card(cancel, wait_s=effect.wait_s, progress=found)
            return _Read(card, self._portrait_png(card))

        def done(outcome: Outcome[_Read]) -> None:
            self._over = read
            if not isinstance(outcome, Failed):
                self._tell_well(True)
                self._reply(CardRead(visit, outcome.value.card, outcome.value.portrait_png))
            elif outcome.error.fault is not Fault.CANCELLED:
                self._tell_well(outcome.error.fault not in _UNWELL)
                self._reply(CardFailed(visit, outcome.error.fault.code))

        self._ticket = self._worker.submit(
            command, deadline_s=effect.wait_s + _READ_MARGIN_S, done=done
        )

    def stop(self, _effect: StopReading | None = None, _visit: int = 0) -> None:
        """Give up waiting."""
        ticket, self._ticket = self._ticket, None
        if ticket is not None:
            ticket.cancel()

    def look(self) -> None:
        """Ask the reader how it is, unless it is busy; WorldChanged says when that changed."""
        if self._over != self._read:
            return

        def done(outcome: Outcome[None]) -> None:
            self._tell_well(not isinstance(outcome, Failed))

        self._worker.submit(lambda _: self._reader.status(), deadline_s=_LOOK_DEADLINE_S, done=done)

    def close(self) -> None:
        """End the worker and let the port go."""
        self.stop()
        self._worker.close()
        self._reader.close()

    def _tell_well(self, well: bool) -> None:
        if well != self._well:
            self._well = well
            self._reply(WorldChanged(reader_ok=well))

    def _portrait_png(self, card: IdCard) -> bytes | None:
        """The portrait for the screen; without one the visit goes on."""
        from PIL import Image

        from devices.portrait import decode  # OpenCV: loaded with the first card, off the GUI

        if card.portrait is None:
            return None
        try:
            image = decode(card.portrait, wlt_library=self._wlt_library)
        except DeviceError:
            return None
        png = io.BytesIO()
        Image.frombytes("RGB", (image.width_px, image.height_px), image.rgb).save(png, "PNG")
        return png.getvalue()
