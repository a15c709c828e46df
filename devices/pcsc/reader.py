"""A PC/SC reader, as the terminal sees it: ask for a card, get a record or a DeviceError.

Promises:

- `read` and `kind` block, belong inside a `DeviceWorker`, and end by their deadline or soon
  after their cancel, whatever card, reader or pcscd do: what hangs is in a child process, and
  that is killed.
- A child that ends or is killed is started again by itself, with growing pauses if it keeps
  ending; what it was asked for is asked of the next one, once.
- A restart of pcscd or a pulled reader in the middle of a read is waited out while there is
  time, and the card read from the start.
- `status` is what was last seen; it is unknown whenever nobody looks.

Proven with real pcscd and virtual cards, not yet with real readers and cards.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devices.errors import DeviceError, Fault
from devices.pcsc.emrtd.key import DocumentKey
from devices.pcsc.host import SILENT_S, Boot, CardRecord, Request
from devices.records import CardKind, PcscStatus
from devices.vision.process import Child, Worker, tell
from devices.worker import Cancel

READ_DEADLINE_S = 20.0
KIND_DEADLINE_S = 5.0
# How long a child may take to obey a deadline or a cancel before it is killed.
GRACE_S = 0.5
_RESTART_FIRST_S, _RESTART_LONGEST_S = 0.05, 5.0
# A child that lived for so long was well: the next restart is at once again.
_WELL_AFTER_S = 10.0
_CANCEL_NOTICED_S = 0.05
_UNKNOWN = PcscStatus(service=None)


def _ignore(_: str) -> None:
    pass


@dataclass(slots=True, eq=False)
class _Call:
    """One command on its way: who waits for it, and what came of it."""

    number: int
    request: Request
    progress: Callable[[str], None]
    kill_at: float
    fault: Fault = Fault.DEADLINE  # if it has to be killed
    again: bool = True  # whether another child may try if this one ends
    ended: threading.Event = field(default_factory=threading.Event)
    value: Any = field(default=None, repr=False)
    error: DeviceError | None = None

    def end(self, value: Any = None, error: DeviceError | None = None) -> None:
        self.value, self.error = value, error
        self.ended.set()


class PcscReader(Worker):
    """The smart-card readers of a terminal, as one device."""

    def __init__(
        self,
        *,
        reader: str = "",
        certificates: Path | None = None,
        socket_path: Path | None = None,
        on_status: Callable[[PcscStatus], None] | None = None,
        grace_s: float = GRACE_S,
        silent_s: float = SILENT_S,
    ) -> None:
        """Start the child.

        `reader` is a part of the names of the readers to use ("" for all), `certificates` a
        folder of country certificates, `socket_path` the service's socket if it is not where
        the system has it. `on_status` is called on a thread of ours. A card that leaves a command
        without an answer for `silent_s` is given up.
        """
        self._boot = Boot(str(socket_path or ""), reader, certificates, silent_s)
        self._on_status = on_status
        self._grace_s = grace_s
        self._numbers = itertools.count(1)
        self._calls: dict[int, _Call] = {}
        self._latest = _UNKNOWN
        self._start_at: float | None = 0.0
        self._started_at = 0.0
        self._pause_s = _RESTART_FIRST_S
        self.restarts = -1
        super().__init__("pcsc-reader")

    @property
    def status(self) -> PcscStatus:
        """Service and slots as last seen."""
        return self._latest

    def read(
        self,
        cancel: Cancel,
        *,
        wait_s: float,
        key: DocumentKey | None = None,
        read_deadline_s: float = READ_DEADLINE_S,
        progress: Callable[[str], None] = _ignore,
    ) -> CardRecord:
        """Wait at most `wait_s` for a card, find out which it is, and read it.

        `key` opens a travel document. `progress` is told "found", then for a travel document
        "opening", "text", "portrait". Raises DeviceError: CARD_ABSENT, CARD_REMOVED, CARD_MUTE,
        CARD_COLLISION, CARD_UNREADABLE, CARD_NOT_GENUINE, DOCUMENT_KEY_NEEDED (a travel
        document and no `key`), DOCUMENT_KEY_WRONG, READER_ABSENT, READER_REFUSED, READER_SILENT
        (the card left a command without an answer), PCSC_ABSENT, CANCELLED, DEADLINE.
        """
        request = Request(wait_s, read_deadline_s, key)
        record: CardRecord = self._ask(request, cancel, progress)
        return record

    def kind(self, cancel: Cancel, *, wait_s: float) -> CardKind:
        """Wait for a card and say only what it is. Raises as `read` does."""
        request = Request(wait_s, KIND_DEADLINE_S, kind_only=True)
        kind: CardKind = self._ask(request, cancel, _ignore)
        return kind

    def wait_until_taken(self, cancel: Cancel, *, wait_s: float) -> bool:
        """Wait until no card lies there; False if after `wait_s` that cannot be said."""
        return bool(self._ask(Request(wait_s, KIND_DEADLINE_S, until_empty=True), cancel, _ignore))

    def _ask(self, request: Request, cancel: Cancel, progress: Callable[[str], None]) -> Any:
        cancel.raise_if_cancelled()
        patience_s = min(request.wait_s + request.read_s, cancel.remaining_s) + self._grace_s
        call = _Call(next(self._numbers), request, progress, time.monotonic() + patience_s)
        if not self._post(lambda: self._begin(call)):
            raise DeviceError(Fault.CANCELLED, "the reader is closed")
        withdrawn = False
        while not call.ended.wait(_CANCEL_NOTICED_S):
            if cancel.cancelled and not withdrawn:
                withdrawn = True
                self._post(lambda: self._withdraw(call, cancel))
            if not self._thread.is_alive() and not call.ended.is_set():
                raise DeviceError(Fault.CANCELLED, "the reader is closed")
        if call.error is not None:
            if call.error.fault in (Fault.CANCELLED, Fault.DEADLINE):
                cancel.raise_if_cancelled()
            raise call.error
        return call.value

    # What follows runs on the worker's thread.

    def _begin(self, call: _Call) -> None:
        self._calls[call.number] = call
        if self._child:
            self._child.send(("read", call.number, call.request))

    def _withdraw(self, call: _Call, cancel: Cancel) -> None:
        if call.number in self._calls:
            call.fault = Fault.DEADLINE if cancel.remaining_s <= 0 else Fault.CANCELLED
            call.kill_at = min(call.kill_at, time.monotonic() + self._grace_s)
            if self._child:
                self._child.send(("cancel", call.number))
            else:
                self._finish(call.number, error=DeviceError(call.fault))

    def _finish(self, number: int, value: Any = None, error: DeviceError | None = None) -> None:
        call = self._calls.pop(number, None)
        if call is not None:
            call.end(value, error)

    def _message(self, message: tuple[Any, ...]) -> None:
        verb, *rest = message
        if verb == "status":
            self._see(rest[0])
        elif verb == "progress":
            call = self._calls.get(rest[0])
            if call is not None:
                if rest[1] == "found":
                    at_most = time.monotonic() + call.request.read_s + self._grace_s
                    call.kill_at = min(call.kill_at, at_most)
                tell(call.progress, rest[1])
        elif verb == "done":
            self._pause_s = _RESTART_FIRST_S
            self._finish(rest[0], value=rest[1])
        elif verb == "failed":
            self._finish(rest[0], error=DeviceError(Fault[rest[1]], rest[2]))

    def _see(self, status: PcscStatus) -> None:
        if status != self._latest:
            self._latest = status
            if self._on_status is not None:
                tell(self._on_status, status)

    def _child_gone(self) -> None:
        # Reading changes nothing on a card, so the next child may try what this one did not
        # end; but not for ever, if it is the card that ends children.
        for call in tuple(self._calls.values()):
            if not call.again:
                detail = "the reader's process ended"
                self._finish(call.number, error=DeviceError(Fault.PCSC_ABSENT, detail))
            call.again = False
        self._start_again()

    def _start_again(self) -> None:
        self._see(_UNKNOWN)
        now = time.monotonic()
        well = now - self._started_at >= _WELL_AFTER_S
        self._pause_s = _RESTART_FIRST_S if well else min(2 * self._pause_s, _RESTART_LONGEST_S)
        self._start_at = now + self._pause_s

    def _tick(self) -> float | None:
        now = time.monotonic()
        overdue = [call for call in self._calls.values() if now >= call.kill_at]
        if overdue:
            self._drop_child()
            for call in overdue:
                self._finish(call.number, error=DeviceError(call.fault, "the card hangs"))
            self._child_gone()
        if self._start_at is not None and now >= self._start_at:
            self._start()
        waits = [call.kill_at for call in self._calls.values()]
        if self._start_at is not None:
            waits.append(self._start_at)
        return max(0.0, min(waits) - time.monotonic()) if waits else None

    def _start(self) -> None:
        try:
            self._child = Child("devices.pcsc.host", self._boot)
        except OSError:
            self._start_again()
            return
        self._start_at, self._started_at = None, time.monotonic()
        self.restarts += 1
        # Asked for while no child ran.
        for call in self._calls.values():
            self._child.send(("read", call.number, call.request))

    def _ended(self) -> None:
        for number in tuple(self._calls):
            self._finish(number, error=DeviceError(Fault.CANCELLED, "the reader is closed"))
