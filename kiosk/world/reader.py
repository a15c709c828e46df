"""Carries out ReadCard and StopReading: waits at every reader at once, and takes what comes first.

- The SAM-V reader knows ID cards, the readers behind PC/SC social-security cards and travel
  documents; each has a worker of its own. Which card it is, is found out.
- Every wait ends in exactly one CardRead or CardFailed, unless it is given up. A reader that
  fails does not end the wait while another has a card in work, or may still get one.
- A chip card that was read, or was left behind by an earlier visit, is not read again before
  it was taken up: nobody goes on with the identity of who stood there before.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devices.adapters.cards import fault_of
from devices.errors import DeviceError, Fault
from devices.pcsc.emrtd.key import DocumentKey, MrzError
from devices.readers import ChipReader, MakesChipReader
from devices.records import (
    CardKind,
    IdCard,
    PcscStatus,
    Portrait,
    PortraitFormat,
    SlotState,
    SocialCard,
    TravelDocument,
    UnknownCard,
)
from devices.samv.driver import SamvReader
from devices.worker import Cancel, DeviceWorker, Failed, Outcome, Ticket
from kiosk.identity.papers import DataPage, ReadPaper
from kiosk.journey.effects import ReadCard, StopReading
from kiosk.journey.events import (
    CardFailed,
    CardFound,
    CardRead,
    CardStays,
    Event,
    WorldChanged,
)

_READ_MARGIN_S = 6.0  # beyond the wait for a card: the read itself, with a reset
_CHIP_MARGIN_S = 26.0  # a travel document takes longer
_LOOK_DEADLINE_S = 3.0
# How soon the SAM finds a card that the PC/SC reader beside it sees as well.
_GRACE_S = 1.0
_ID_CARD_ELSEWHERE = "ID-06"  # an ID card on a reader that cannot read it
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
_CHIPS_UNWELL = frozenset({Fault.PCSC_ABSENT, Fault.READER_ABSENT})
_READER_CODES = frozenset(fault.code for fault in _UNWELL | _CHIPS_UNWELL)
# Faults of a card that the SAM may turn out to have found.
_MAYBE_FOR_SAM = frozenset({Fault.CARD_WRONG_KIND, Fault.CARD_MUTE, Fault.CARD_UNREADABLE})
_SAM, _CHIPS = "sam", "chips"


@dataclass(frozen=True, slots=True)
class _Read:
    card: ReadPaper
    portrait_png: bytes | None
    portrait: Portrait | None = None


class _Wait:
    """One wait at all readers. Every end is told once, whichever threads it comes from."""

    def __init__(self, visit: int, sides: Iterable[str], reply: Callable[[Event], None]) -> None:
        self.visit = visit
        self._reply = reply
        self._lock = threading.Lock()
        self._open = set(sides)
        self._found: set[str] = set()
        self._given_up: dict[str, tuple[str, bool]] = {}  # code; whether a card was to blame
        self._over = False
        self._tickets: list[Ticket] = []

    def add(self, ticket: Ticket) -> None:
        """What is to be withdrawn when this is over."""
        with self._lock:
            self._tickets.append(ticket)
            over = self._over
        if over:
            ticket.cancel()

    def end(self) -> bool:
        """Over, and nothing is told any more; False if it was over before."""
        with self._lock:
            ended, self._over = not self._over, True
            tickets = tuple(self._tickets)
        for ticket in tickets:
            ticket.cancel()
        return ended

    def again(self, side: str) -> bool:
        """Whether this side, which gave up for its reader's sake, shall go on waiting."""
        with self._lock:
            code, _ = self._given_up.get(side, ("", True))
            if self._over or code not in _READER_CODES:
                return False
            self._open.add(side)
            del self._given_up[side]
            return True

    def found(self, side: str) -> None:
        """A card lies on this side."""
        with self._lock:
            first = not self._found and not self._over
            self._found.add(side)
        if first:
            self._reply(CardFound(self.visit))

    def read(self, what: _Read) -> bool:
        """A card was read; whether it was the first."""
        first = self.end()
        if first:
            self._reply(CardRead(self.visit, what.card, what.portrait_png, what.portrait))
        return first

    def failed(self, side: str, code: str, *, by_card: bool) -> None:
        """This side gave up: for a card that it could not read, else for another reason."""
        with self._lock:
            self._open.discard(side)
            self._given_up[side] = (code, by_card)
            if self._over or (self._open and (not by_card or self._open & self._found)):
                return
        if self.end():
            self._reply(CardFailed(self.visit, self._worst()))

    def _worst(self) -> str:
        """A card's fault before a card that did not come, and that before a reader's fault."""

        def rank(told: tuple[str, bool]) -> int:
            code, by_card = told
            return 0 if by_card else 1 if code == Fault.CARD_ABSENT.code else 2

        return min(self._given_up.values(), key=rank)[0]


class CardReading:
    """All card readers of a terminal."""

    def __init__(
        self,
        reader: SamvReader,
        reply: Callable[[Event], None],
        *,
        wlt_library: Path | None = None,
        chips: MakesChipReader | None = None,
    ) -> None:
        """`chips` starts the readers behind PC/SC, None where there are none; see `start`."""
        self._reader = reader
        self._reply = reply
        self._wlt_library = wlt_library
        self._make_chips = chips
        self._chips: ChipReader | None = None
        self._worker = DeviceWorker("card-reader", unexpected=Fault.READER_ABSENT)
        self._chip_worker = DeviceWorker("chip-reader", unexpected=Fault.PCSC_ABSENT)
        self._wait: _Wait | None = None
        self._effect = ReadCard(0.0)  # what `_wait` is for
        self._read = 0  # reads asked of the SAM-V reader
        self._over = 0  # the last of them that has its answer
        self._lock = threading.Lock()
        self._told: dict[str, bool] = {}
        self._well: dict[str, bool] = {}
        self._lies = False
        self._stays = False  # what lies there has to be taken up before anything is read

    @property
    def reader(self) -> SamvReader:
        """The SAM-V driver, for diagnosis: only by way of `worker`."""
        return self._reader

    @property
    def worker(self) -> DeviceWorker:
        """The SAM-V reader's only queue."""
        return self._worker

    @property
    def chips(self) -> ChipReader | None:
        """The readers behind PC/SC, for diagnosis: only by way of `chip_worker`."""
        return self._chips

    @property
    def chip_worker(self) -> DeviceWorker:
        """Their only queue."""
        return self._chip_worker

    def start(self) -> None:
        """Start the process that watches the PC/SC readers, where there are any."""
        if self._make_chips is not None and self._chips is None:
            self._chips = self._make_chips(self._chips_changed)
            self._chips_changed(self._chips.status)

    def read(self, effect: ReadCard, visit: int) -> None:
        """Await and read a card for this visit; an earlier wait is given up."""
        self.stop()
        self._effect = effect
        chips = self._chips if effect.chips else None
        wait = self._wait = _Wait(visit, (_SAM, _CHIPS) if chips else (_SAM,), self._reply)
        self._read_sam(effect, wait)
        if chips is not None:
            self._read_chips(effect, wait, chips)

    def stop(self, _effect: StopReading | None = None, _visit: int = 0) -> None:
        """Give up waiting."""
        wait, self._wait = self._wait, None
        if wait is not None:
            wait.end()

    def visit_over(self) -> None:
        """The visit has ended: a card that still lies there is somebody's, and is told of."""
        self.stop()
        with self._lock:
            left = self._stays = self._lies
        self._tell(card_left=left)

    def look(self) -> None:
        """Ask the readers how they are, unless busy; WorldChanged says when that changed."""
        if self._chips is not None:
            self._chips_changed(self._chips.status)
        if self._over != self._read:
            return

        def done(outcome: Outcome[None]) -> None:
            well = not isinstance(outcome, Failed)
            self._tell_well(_SAM, well)
            wait = self._wait
            if well and wait is not None and wait.again(_SAM):
                self._read_sam(self._effect, wait)

        self._worker.submit(lambda _: self._reader.status(), deadline_s=_LOOK_DEADLINE_S, done=done)

    def close(self) -> None:
        """End the workers and let the readers go."""
        self.stop()
        self._worker.close()
        self._chip_worker.close()
        self._reader.close()
        if self._chips is not None:
            self._chips.close()

    def _was_read(self, wait: _Wait, what: _Read) -> None:
        """Whatever lies on a chip reader now is taken up before the next card is read."""
        with self._lock:
            stays_before, self._stays = self._stays, self._stays or self._lies
        if not wait.read(what):
            with self._lock:
                self._stays = stays_before and self._lies

    # -- ID cards ---------------------------------------------------------------------

    def _read_sam(self, effect: ReadCard, wait: _Wait) -> None:
        self._read += 1
        read = self._read

        def command(cancel: Cancel) -> _Read:
            card = self._reader.read_card(
                cancel, wait_s=effect.wait_s, progress=lambda _: wait.found(_SAM)
            )
            return _Read(card, self._portrait_png(card))

        def done(outcome: Outcome[_Read]) -> None:
            self._over = read
            if not isinstance(outcome, Failed):
                self._tell_well(_SAM, True)
                self._was_read(wait, outcome.value)
                return
            fault = outcome.error.fault
            if fault is not Fault.CANCELLED:
                well = fault not in _UNWELL
                self._tell_well(_SAM, well)
                wait.failed(_SAM, fault.code, by_card=well and fault is not Fault.CARD_ABSENT)

        deadline_s = effect.wait_s + _READ_MARGIN_S
        wait.add(self._worker.submit(command, deadline_s=deadline_s, done=done))

    def _portrait_png(self, card: IdCard) -> bytes | None:
        """The portrait for the screen; without one the visit goes on."""
        from devices.portrait import decode  # OpenCV: loaded with the first card, off the GUI

        if card.portrait is None:
            return None
        try:
            return _png(decode(card.portrait, wlt_library=self._wlt_library))
        except DeviceError:
            return None

    # -- chip cards -------------------------------------------------------------------

    def _read_chips(self, effect: ReadCard, wait: _Wait, chips: ChipReader) -> None:
        def command(cancel: Cancel) -> _Read:
            self._until_taken(chips, cancel, effect.wait_s, wait)
            record = chips.read(
                cancel,
                wait_s=effect.wait_s,
                key=_key_of(effect.page),
                progress=lambda what: wait.found(_CHIPS) if what == "found" else None,
            )
            if isinstance(record, UnknownCard):
                raise _NotOurs(record)
            return _with_portrait(record)

        def patient(cancel: Cancel) -> _Read:
            try:
                return command(cancel)
            except DeviceError as error:
                if error.fault in _MAYBE_FOR_SAM:
                    cancel.wait(_GRACE_S)
                raise

        def done(outcome: Outcome[_Read]) -> None:
            if not isinstance(outcome, Failed):
                self._was_read(wait, outcome.value)
                return
            error = outcome.error
            if error.fault is Fault.CANCELLED:
                return
            by_card = error.fault not in _CHIPS_UNWELL and error.fault is not Fault.CARD_ABSENT
            wait.failed(_CHIPS, self._code_of(error), by_card=by_card)

        deadline_s = effect.wait_s + _CHIP_MARGIN_S
        wait.add(self._chip_worker.submit(patient, deadline_s=deadline_s, done=done))

    def _until_taken(self, chips: ChipReader, cancel: Cancel, wait_s: float, wait: _Wait) -> None:
        """Nothing is read before the card that has to be taken up is gone."""
        with self._lock:
            if not self._stays:
                return
        self._reply(CardStays(wait.visit, True))
        if not chips.wait_until_taken(cancel, wait_s=wait_s):
            raise DeviceError(Fault.CARD_ABSENT, "an earlier card was not taken up")
        with self._lock:
            self._stays = False
        self._reply(CardStays(wait.visit, False))

    def _code_of(self, error: DeviceError) -> str:
        if isinstance(error, _NotOurs) and error.kind is CardKind.RESIDENT_ID:
            well = self._well.get(_SAM, True)
            return _ID_CARD_ELSEWHERE if well else Fault.READER_ABSENT.code
        if error.fault is Fault.READER_SILENT:  # here it is the card that does not answer
            return Fault.CARD_MUTE.code
        return error.fault.code

    def _chips_changed(self, status: PcscStatus) -> None:
        """What the PC/SC readers see; from any thread."""
        if status.service is None:
            return  # their process begins anew and will tell
        well = fault_of(status) is None
        self._tell_well(_CHIPS, well)
        states = [state for _, state in status.slots]
        empty = bool(states) and all(state is SlotState.EMPTY for state in states)
        lies = any(state in (SlotState.PRESENT, SlotState.MUTE) for state in states)
        with self._lock:
            self._lies = lies
            if empty:
                self._stays = False
        self._tell(card_lies=lies, **({"card_left": False} if empty else {}))
        wait, chips = self._wait, self._chips
        if well and wait is not None and chips is not None and wait.again(_CHIPS):
            self._read_chips(self._effect, wait, chips)

    # -- the world ----------------------------------------------------------------------

    def _tell_well(self, side: str, well: bool) -> None:
        with self._lock:
            self._well[side] = well
            some = any(self._well.values())
        name = "id_cards" if side == _SAM else "chip_cards"
        self._tell(reader_ok=some, **{name: well})

    def _tell(self, **now: bool) -> None:
        """What differs from what was told last."""
        with self._lock:
            news = {name: value for name, value in now.items() if self._told.get(name) != value}
            self._told.update(news)
        if news:
            self._reply(WorldChanged(**news))  # type: ignore[arg-type]


class _NotOurs(DeviceError):
    """A card that is there and that PC/SC alone cannot read."""

    def __init__(self, card: UnknownCard) -> None:
        super().__init__(Fault.CARD_WRONG_KIND, card.kind.value)
        self.kind = card.kind


def _key_of(page: DataPage | None) -> DocumentKey | None:
    """Raises DeviceError(DOCUMENT_KEY_WRONG) for what cannot stand on a data page."""
    if page is None:
        return None
    try:
        return DocumentKey(page.number, page.birth_yymmdd, page.expiry_yymmdd)
    except MrzError as error:
        name = error.field
    raise DeviceError(Fault.DOCUMENT_KEY_WRONG, name)


def _with_portrait(record: SocialCard | TravelDocument) -> _Read:
    """With the picture for screen and match; without one the ladder goes on."""
    from devices.pcsc.emrtd.picture import picture_of

    if not isinstance(record, TravelDocument) or record.portrait is None:
        return _Read(record, None)
    try:
        image = picture_of(record.portrait)
    except DeviceError:
        return _Read(record, None)
    return _Read(record, _png(image), Portrait(PortraitFormat.RGB, image.rgb))


def _png(image: Any) -> bytes:
    from PIL import Image

    png = io.BytesIO()
    Image.frombytes("RGB", (image.width_px, image.height_px), image.rgb).save(png, "PNG")
    return png.getvalue()
