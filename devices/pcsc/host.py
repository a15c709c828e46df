"""The child process that may hang: pcscd, cards and the parsing of what they say live here.

Run as `python -m devices.pcsc.host FD`. Messages in: ("read", id, Request), ("cancel", id). Out:
("status", PcscStatus), ("progress", id, text), ("done", id, record), ("failed", id, name of the
fault, detail). One command runs at a time; the next waits for its end.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

from devices.errors import DeviceError, Fault
from devices.pcsc import identify, socialcard
from devices.pcsc.emrtd.key import DocumentKey
from devices.pcsc.emrtd.read import read_document
from devices.pcsc.emrtd.sod import TrustStore
from devices.pcsc.service import Connection, Scard, Watcher
from devices.records import CardKind, PcscStatus, SlotState, SocialCard, TravelDocument, UnknownCard
from devices.vision.process import child_main
from devices.worker import Cancel

# For how long a service or reader that is gone is waited for while a resident stands there.
ABSENT_PATIENCE_S = 5.0
_AGAIN_AFTER_S = 0.1
# For how long a card that was just laid down may fail to answer.
SETTLE_S = 1.0
# A chip may take seconds to compute; ISO/IEC 14443-4 allows 5 s for one answer.
SILENT_S = 6.0
_LOOKS = 10  # at a silent card, in this time
_HUNG_EXIT = 71
_UNSETTLED = frozenset({Fault.CARD_REMOVED, Fault.CARD_MUTE})
# What a card that is being pulled out may look like.
_MAYBE_REMOVED = frozenset({Fault.CARD_UNREADABLE, Fault.DOCUMENT_KEY_WRONG})
_GONE = frozenset({Fault.PCSC_ABSENT, Fault.READER_ABSENT})

CardRecord = SocialCard | TravelDocument | UnknownCard


@dataclass(frozen=True, slots=True)
class Boot:
    """What a child is told once. `reader` is a part of the wanted readers' names."""

    socket_path: str = ""
    reader: str = ""
    certificates: Path | None = None
    silent_s: float = SILENT_S


@dataclass(frozen=True, slots=True)
class Request:
    """Wait for a card and read it (or say only of which kind it is)."""

    wait_s: float
    read_s: float
    key: DocumentKey | None = field(default=None, repr=False)
    kind_only: bool = False
    until_empty: bool = False


class Slots:
    """What the watcher last saw, and a place to wait for something else."""

    def __init__(self, reader: str) -> None:
        self._reader = reader
        self._changed = threading.Condition()
        self._status = PcscStatus(service=None)

    def publish(self, status: PcscStatus) -> bool:
        """Take a new status; whether it differs."""
        wanted = tuple(slot for slot in status.slots if self._reader in slot[0])
        status = PcscStatus(status.service, wanted)
        with self._changed:
            differs = status != self._status
            self._status = status
            self._changed.notify_all()
        return differs

    @property
    def status(self) -> PcscStatus:
        """The wanted readers' slots."""
        with self._changed:
            return self._status

    def wake(self) -> None:
        """Let those who wait look at their cancel."""
        with self._changed:
            self._changed.notify_all()

    def wait_for_change(self, seen: PcscStatus, cancel: Cancel, until: float) -> PcscStatus:
        """The status once it differs from `seen`, or at `until` (monotonic). May raise."""
        with self._changed:
            while True:
                cancel.raise_if_cancelled()
                left_s = min(until - time.monotonic(), cancel.remaining_s)
                if self._status != seen or left_s <= 0:
                    return self._status
                self._changed.wait(left_s)


class Host:
    """Carries out what the parent asks for."""

    def __init__(self, scard: Scard, boot: Boot, pipe: Pipe[Any, Any]) -> None:
        self._scard = scard
        self._pipe = pipe
        self._slots = Slots(boot.reader)
        self._trust = TrustStore.of_folder(boot.certificates)
        self._silent_s = boot.silent_s
        self._sending = threading.Lock()
        self._one_at_a_time = threading.Lock()
        self._cancels: dict[int, Cancel] = {}

    def run(self) -> None:
        """Serve until the parent closes the pipe."""
        watcher = Watcher(self._scard, self._on_status)
        threading.Thread(target=watcher.run, name="pcsc-watch", daemon=True).start()
        while True:
            verb, number, *rest = self._pipe.recv()
            if verb == "cancel":
                cancel = self._cancels.get(number)
                if cancel is not None:
                    cancel.cancel()
                    self._slots.wake()
                continue
            request: Request = rest[0]
            self._cancels[number] = Cancel(request.wait_s + request.read_s)
            threading.Thread(
                target=self._serve, args=(number, request), name="pcsc-card", daemon=True
            ).start()

    def _send(self, *message: object) -> None:
        with self._sending:
            self._pipe.send(message)

    def _on_status(self, status: PcscStatus) -> None:
        if self._slots.publish(status):
            self._send("status", self._slots.status)

    def _serve(self, number: int, request: Request) -> None:
        cancel = self._cancels[number]
        with self._one_at_a_time:
            try:
                record = self._carry_out(number, request, cancel)
            except DeviceError as error:
                self._send("failed", number, error.fault.name, error.detail)
            else:
                self._send("done", number, record)
            finally:
                del self._cancels[number]

    def _carry_out(self, number: int, request: Request, cancel: Cancel) -> object:
        if request.until_empty:
            return self._wait_until_empty(cancel, request.wait_s)
        until = time.monotonic() + request.wait_s
        while True:
            slot = self._wait_for_card(cancel, until)
            self._send("progress", number, "found")
            try:
                return self._read(number, slot, request, cancel)
            except DeviceError as error:
                if error.fault not in _GONE or cancel.cancelled:
                    raise
            # The service or the reader went away: with luck both are back in a moment, and
            # the resident has noticed nothing.
            until = max(until, time.monotonic() + ABSENT_PATIENCE_S)
            cancel.wait(_AGAIN_AFTER_S)

    def _wait_for_card(self, cancel: Cancel, until: float) -> str:
        began = time.monotonic()
        status = self._slots.status
        while True:
            filled = [name for name, state in status.slots if state is SlotState.PRESENT]
            if len(filled) == 1:
                return filled[0]
            if len(filled) > 1:
                raise DeviceError(Fault.CARD_COLLISION)
            last = until
            if not status.slots:
                last = min(until, began + ABSENT_PATIENCE_S)
            elif any(state is SlotState.MUTE for _, state in status.slots):
                last = min(until, time.monotonic() + SETTLE_S)
            seen, status = status, self._slots.wait_for_change(status, cancel, last)
            if status == seen and time.monotonic() >= last:
                raise _why_no_card(status)

    def _wait_until_empty(self, cancel: Cancel, wait_s: float) -> bool:
        until = time.monotonic() + wait_s
        status = self._slots.status
        # A reader that nobody sees is not known to be empty.
        while not status.slots or any(state is not SlotState.EMPTY for _, state in status.slots):
            seen, status = status, self._slots.wait_for_change(status, cancel, until)
            if status == seen and time.monotonic() >= until:
                return False
        return True

    def _read(self, number: int, slot: str, request: Request, cancel: Cancel) -> object:
        card = self._connect(slot, cancel)
        over = threading.Event()
        watch = threading.Thread(target=self._watch, args=(number, card, over), daemon=True)
        watch.start()
        try:
            return self._read_connected(card, number, request)
        except DeviceError as error:
            if error.fault in _MAYBE_REMOVED:
                card.require_presence()
            raise
        finally:
            over.set()
            card.close()

    def _watch(self, number: int, card: Connection, over: threading.Event) -> None:
        """End the process if the card stops answering: nothing else ends a call into C."""
        while not over.wait(self._silent_s / _LOOKS):
            if card.silent_s >= self._silent_s:
                self._send("failed", number, Fault.READER_SILENT.name, "the card hangs")
                os._exit(_HUNG_EXIT)

    def _connect(self, slot: str, cancel: Cancel) -> Connection:
        """Power the card up. One that is just being pushed in may fail at first."""
        settled_at = time.monotonic() + SETTLE_S
        while True:
            try:
                return Connection(self._scard, slot, cancel)
            except DeviceError as error:
                if error.fault not in _UNSETTLED or time.monotonic() >= settled_at:
                    raise
            cancel.wait(_AGAIN_AFTER_S)
            cancel.raise_if_cancelled()

    def _read_connected(self, card: Connection, number: int, request: Request) -> object:
        kind = identify.kind_of(card)
        if kind is CardKind.UNKNOWN:
            unknown = identify.uid_of(card)
            return unknown.kind if request.kind_only else unknown
        if request.kind_only:
            return kind
        if kind is CardKind.SOCIAL:
            return socialcard.read_card(card)
        if request.key is None:
            raise DeviceError(Fault.DOCUMENT_KEY_NEEDED)
        # Some chips do not let go of an application once it is selected.
        card.reset()

        def progress(text: str) -> None:
            self._send("progress", number, text)

        return read_document(card, request.key, self._trust, progress)


def _why_no_card(status: PcscStatus) -> DeviceError:
    if not status.service:
        return DeviceError(Fault.PCSC_ABSENT)
    if not status.slots:
        return DeviceError(Fault.READER_ABSENT, "no reader")
    if any(state is SlotState.MUTE for _, state in status.slots):
        return DeviceError(Fault.CARD_MUTE)
    return DeviceError(Fault.CARD_ABSENT)


def _run(boot: Boot, pipe: Pipe[Any, Any]) -> None:
    if boot.socket_path:
        os.environ["PCSCLITE_CSOCK_NAME"] = boot.socket_path
    # Not before: the library looks for its socket when it is loaded.
    from smartcard import scard

    Host(scard, boot, pipe).run()


if __name__ == "__main__":
    child_main(_run)
