"""Readers of chip cards without pcscd: virtual cards at the edge where a driver meets a card.

`SimulatedChips` keeps the promises of `devices.readers.ChipReader` with the production code
that tells cards apart and reads them. What it leaves out is the service and its process; for
those see `devices.simulators.pcsc`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from devices.errors import DeviceError, Fault
from devices.pcsc import guard, identify, socialcard
from devices.pcsc.emrtd.key import DocumentKey
from devices.pcsc.emrtd.read import read_document
from devices.pcsc.emrtd.sod import TrustStore
from devices.records import (
    CardKind,
    PcscStatus,
    SlotState,
    SocialCard,
    TravelDocument,
    UnknownCard,
)
from devices.simulators.pcsc import VirtualCard
from devices.worker import Cancel

_LOOK_S = 0.02
READER = "Simulated"


def _ignore(_: object) -> None:
    pass


class SimulatedChips:
    """One reader with one slot. Cards are put there and taken away from any thread."""

    def __init__(
        self,
        trust: TrustStore | None = None,
        on_status: Callable[[PcscStatus], None] = _ignore,
    ) -> None:
        self._trust = trust or TrustStore()
        self.on_status = on_status
        self._changed = threading.Condition()
        self._card: VirtualCard | None = None
        self._plugged_in = True
        self.commands = 0
        self.refused = 0  # reads that came while no reader was plugged in
        self.remove_after: int | None = None

    @property
    def status(self) -> PcscStatus:
        """The slot."""
        if not self._plugged_in:
            return PcscStatus(service=True)
        state = SlotState.EMPTY if self._card is None else SlotState.PRESENT
        return PcscStatus(service=True, slots=((READER, state),))

    def put_card(self, card: VirtualCard) -> None:
        """Lay a card down."""
        self._set(card)

    def take_card(self) -> None:
        """Take it away."""
        self._set(None)

    def plug(self, *, in_: bool) -> None:
        """Pull the reader, or put it back."""
        self._plugged_in = in_
        self._set(None)

    def remove_after_commands(self, count: int | None) -> None:
        """The card is taken away after so many more commands; None for never."""
        self.commands, self.remove_after = 0, count

    def _set(self, card: VirtualCard | None) -> None:
        with self._changed:
            self._card = card
            self._changed.notify_all()
        self.on_status(self.status)

    def read(
        self,
        cancel: Cancel,
        *,
        wait_s: float,
        key: DocumentKey | None = None,
        read_deadline_s: float = 20.0,  # noqa: ARG002 - cards in memory take no time
        progress: Callable[[str], None] = _ignore,
    ) -> SocialCard | TravelDocument | UnknownCard:
        """As `devices.pcsc.reader.PcscReader.read`."""
        card = self._wait_for(cancel, wait_s)
        progress("found")
        kind = identify.kind_of(card)
        if kind is CardKind.SOCIAL:
            return socialcard.read_card(card)
        if kind is not CardKind.TRAVEL:
            return identify.uid_of(card)
        if key is None:
            raise DeviceError(Fault.DOCUMENT_KEY_NEEDED)
        card.reset()
        return read_document(card, key, self._trust, progress)

    def wait_until_taken(self, cancel: Cancel, *, wait_s: float) -> bool:
        """As `devices.pcsc.reader.PcscReader.wait_until_taken`."""
        return self._until(lambda: self._card is None, cancel, wait_s)

    def close(self) -> None:
        """Nothing is held."""

    def _wait_for(self, cancel: Cancel, wait_s: float) -> _Lying:
        self._until(lambda: self._card is not None or not self._plugged_in, cancel, wait_s)
        card = self._card
        if card is None:
            self.refused += not self._plugged_in
            raise DeviceError(Fault.CARD_ABSENT if self._plugged_in else Fault.READER_ABSENT)
        return _Lying(self, card, cancel)

    def _until(self, holds: Callable[[], bool], cancel: Cancel, wait_s: float) -> bool:
        until_s = time.monotonic() + wait_s
        with self._changed:
            while not holds():
                cancel.raise_if_cancelled()
                if time.monotonic() >= until_s:
                    return False
                self._changed.wait(_LOOK_S)
        return True

    def lies(self, card: VirtualCard) -> bool:
        """Whether it is still this one that lies there."""
        return self._card is card


class _Lying:
    """A card as long as it lies there. Fulfils `devices.pcsc.card.Card`."""

    def __init__(self, reader: SimulatedChips, card: VirtualCard, cancel: Cancel) -> None:
        self._reader, self._card, self._cancel = reader, card, cancel
        card.reset()

    def transmit(self, apdu: bytes) -> bytes:
        """One command, if the guard lets it pass."""
        guard.check(apdu)
        self._cancel.raise_if_cancelled()
        self._reader.commands += 1
        most = self._reader.remove_after
        if most is not None and self._reader.commands > most:
            self._reader.take_card()
        if not self._reader.lies(self._card):
            raise DeviceError(Fault.CARD_REMOVED)
        return self._card.respond(apdu)

    def reset(self) -> None:
        """Begin anew."""
        self._card.reset()
