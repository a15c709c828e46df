"""The smart-card service (pcscd): its readers, its cards, and what its codes mean.

The only module that calls it, through pyscard's low-level functions; a call can block in C for
as long as a card likes, so all of this runs in a child process that can be killed (`host`).

- `Watcher` knows readers and cards. Unlike pyscard's monitors it outlives a restart of pcscd
  and a pulled reader: on whatever code tells of a lost context it makes a new one.
- `Connection` is one card. Every command passes the guard, every code becomes a DeviceError.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from devices.errors import DeviceError, Fault
from devices.pcsc import guard
from devices.records import PcscStatus, SlotState
from devices.worker import Cancel

_SUCCESS = 0
_TIMEOUT = 0x8010000A
_NO_READERS = 0x8010002E
_UNKNOWN_READER = 0x80100009
_CANCELLED = 0x80100002
_COMM_ERROR = 0x80100013
# A context or the service behind it is gone: throw it away and make a new one.
CONTEXT_LOST = frozenset({0x80100003, 0x8010001D, 0x8010001E, _NO_READERS, _COMM_ERROR})
_NOT_TRANSACTED = 0x80100016
_RESET_CARD = 0x80100068

FAULTS: dict[int, tuple[Fault, str]] = {
    0x80100003: (Fault.PCSC_ABSENT, "the context is gone"),
    0x8010001D: (Fault.PCSC_ABSENT, "the service is not there"),
    0x8010001E: (Fault.PCSC_ABSENT, "the service was stopped"),
    _COMM_ERROR: (Fault.PCSC_ABSENT, "the connection to the service broke"),
    _NO_READERS: (Fault.READER_ABSENT, "no reader"),
    _UNKNOWN_READER: (Fault.READER_ABSENT, "the reader is gone"),
    0x80100017: (Fault.READER_ABSENT, "the reader is not available"),
    0x8010000B: (Fault.READER_REFUSED, "somebody else uses the card"),
    0x8010000C: (Fault.CARD_REMOVED, "no card"),
    0x80100069: (Fault.CARD_REMOVED, "removed"),
    0x80100067: (Fault.CARD_REMOVED, "not powered"),
    0x80100066: (Fault.CARD_MUTE, "no answer to reset"),
    0x8010000F: (Fault.CARD_MUTE, "no common protocol"),
    0x80100065: (Fault.CARD_MUTE, "cannot be powered"),
    _NOT_TRANSACTED: (Fault.CARD_UNREADABLE, "the exchange with the card failed"),
    _RESET_CARD: (Fault.CARD_UNREADABLE, "somebody else reset the card"),
}

# Readers come and go by a notification of their own. The wait is bounded all the same: one that
# comes between listing and waiting is not told of by every version of the service.
LOOK_EVERY_S = 5.0
RETRY_FIRST_S, RETRY_LONGEST_S = 0.1, 2.0
_PNP = "\\\\?PnP?\\Notification"

_SCOPE_USER = 0
_SHARE_EXCLUSIVE = 1
_T0, _T1 = 1, 2
_STATUS_BYTES = 2
_RESET, _UNPOWER = 1, 2
_STATE_CHANGED, _STATE_UNKNOWN, _STATE_UNAVAILABLE = 0x0002, 0x0004, 0x0008
_STATE_EMPTY, _STATE_PRESENT, _STATE_MUTE = 0x0010, 0x0020, 0x0200


class Scard(Protocol):
    """What is needed of `smartcard.scard`; each function returns its code first."""

    SCARD_PCI_T0: Any
    SCARD_PCI_T1: Any
    SCardEstablishContext: Callable[..., Any]
    SCardReleaseContext: Callable[..., Any]
    SCardListReaders: Callable[..., Any]
    SCardGetStatusChange: Callable[..., Any]
    SCardConnect: Callable[..., Any]
    SCardReconnect: Callable[..., Any]
    SCardTransmit: Callable[..., Any]
    SCardDisconnect: Callable[..., Any]


class ServiceError(Exception):
    """A call failed with `code`."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{code:08X}")
        self.code = code


def _unsigned(code: int) -> int:
    return code & 0xFFFFFFFF


def _check(code: int) -> None:
    if _unsigned(code) != _SUCCESS:
        raise ServiceError(_unsigned(code))


def fault_of(code: int) -> DeviceError:
    """What a code of the service means."""
    fault, detail = FAULTS.get(code, (Fault.PCSC_ABSENT, "unforeseen"))
    return DeviceError(fault, f"{detail}, {code:08X}")


class Context:
    """One connection to the service. Raises ServiceError."""

    def __init__(self, scard: Scard) -> None:
        self._scard = scard
        code, self._handle = scard.SCardEstablishContext(_SCOPE_USER)
        _check(code)

    def readers(self) -> tuple[str, ...]:
        """Names of the readers' slots, sorted."""
        code, names = self._scard.SCardListReaders(self._handle, [])
        if _unsigned(code) == _NO_READERS:
            return ()
        _check(code)
        return tuple(sorted(names))

    def changes(self, known: dict[str, int], timeout_s: float) -> dict[str, int] | None:
        """States once one differs from what is known, or None after the time."""
        code, states = self._scard.SCardGetStatusChange(
            self._handle, round(timeout_s * 1_000), list(known.items())
        )
        if _unsigned(code) == _TIMEOUT:
            return None
        _check(code)
        return {name: state & ~_STATE_CHANGED for name, state, _ in states}

    def connect(self, reader: str) -> tuple[Any, int]:
        """Handle and protocol of the card in a slot."""
        code, card, protocol = self._scard.SCardConnect(
            self._handle, reader, _SHARE_EXCLUSIVE, _T0 | _T1
        )
        _check(code)
        return card, protocol

    def release(self) -> None:
        """Let it go; a context whose service is gone has nothing to let go."""
        self._scard.SCardReleaseContext(self._handle)


class Connection:
    """The card in one slot, ours alone until `close`. Fulfils `card.Card`."""

    def __init__(self, scard: Scard, reader: str, cancel: Cancel) -> None:
        """Connect. `cancel` is looked at before every command. Raises DeviceError."""
        self._scard = scard
        self._cancel = cancel
        self._context = _or_fault(lambda: Context(scard))
        try:
            self._card, self._protocol = _or_fault(lambda: self._context.connect(reader))
        except DeviceError:
            self._context.release()
            raise
        self._asked_at: float | None = None

    @property
    def silent_s(self) -> float:
        """For how long the card has not answered a command; 0.0 between commands."""
        asked_at = self._asked_at
        return 0.0 if asked_at is None else time.monotonic() - asked_at

    def transmit(self, apdu: bytes) -> bytes:
        """Send one command, if the guard lets it pass; the raw answer. Raises DeviceError."""
        guard.check(apdu)
        self._cancel.raise_if_cancelled()
        pci = self._scard.SCARD_PCI_T1 if self._protocol == _T1 else self._scard.SCARD_PCI_T0
        self._asked_at = time.monotonic()
        code, answer = self._scard.SCardTransmit(self._card, pci, list(apdu))
        self._asked_at = None
        if _unsigned(code) != _SUCCESS:
            if _unsigned(code) == _NOT_TRANSACTED:
                self.require_presence()
            raise fault_of(_unsigned(code))
        if len(answer) < _STATUS_BYTES:
            # Some drivers call it a success when the card is pulled out of an exchange.
            self.require_presence()
            raise fault_of(_NOT_TRANSACTED)
        return bytes(byte & 0xFF for byte in answer)

    def reset(self) -> None:
        """Let the card begin anew. Raises DeviceError."""
        self._cancel.raise_if_cancelled()
        code, self._protocol = self._scard.SCardReconnect(
            self._card, _SHARE_EXCLUSIVE, _T0 | _T1, _RESET
        )
        if _unsigned(code) != _SUCCESS:
            raise fault_of(_unsigned(code))

    def close(self) -> None:
        """Unpower the card and let it go, whatever has become of it."""
        self._scard.SCardDisconnect(self._card, _UNPOWER)
        self._context.release()

    def require_presence(self) -> None:
        """Raise what became of the card, if it is not there any more; it is reset otherwise.

        A card on its way out fails in many ways before the reader notices that it is gone.
        """
        code, _ = self._scard.SCardReconnect(self._card, _SHARE_EXCLUSIVE, _T0 | _T1, _RESET)
        if _unsigned(code) in FAULTS:
            raise fault_of(_unsigned(code))


def _or_fault(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except ServiceError as error:
        code = error.code
    raise fault_of(code)


def _slot_state(state: int) -> SlotState:
    if state & (_STATE_UNKNOWN | _STATE_UNAVAILABLE):
        return SlotState.UNKNOWN
    if state & _STATE_MUTE:
        return SlotState.MUTE
    if state & _STATE_PRESENT:
        return SlotState.PRESENT
    return SlotState.EMPTY if state & _STATE_EMPTY else SlotState.UNKNOWN


class Watcher:
    """Tells of service, readers and cards, for as long as the process lives."""

    def __init__(
        self,
        scard: Scard,
        publish: Callable[[PcscStatus], None],
        *,
        retry_first_s: float = RETRY_FIRST_S,
    ) -> None:
        self._scard = scard
        self._publish = publish
        self._retry_first_s = retry_first_s
        self._stop = threading.Event()

    def stop(self) -> None:
        """End `run` at its next look."""
        self._stop.set()

    def run(self) -> None:
        """Watch. Returns after `stop` only."""
        pause_s = self._retry_first_s
        while not self._stop.is_set():
            try:
                context = Context(self._scard)
            except ServiceError:
                self._publish(PcscStatus(service=False))
            else:
                if self._watch(context):
                    pause_s = self._retry_first_s
                context.release()
            self._stop.wait(pause_s)
            pause_s = min(2 * pause_s, RETRY_LONGEST_S)

    def _watch(self, context: Context) -> bool:
        """Watch until the context is lost; whether it ever worked."""
        worked = False
        known: dict[str, int] = {}
        try:
            while not self._stop.is_set():
                names = context.readers()
                known = {name: known.get(name, 0) for name in names}
                fresh = context.changes(known, 0.0) if names else {}
                known.update(fresh or {})
                slots = tuple((name, _slot_state(known[name])) for name in names)
                self._publish(PcscStatus(service=True, slots=slots))
                worked = True
                changed = context.changes({**known, _PNP: 0}, LOOK_EVERY_S)
                known.update(changed or {})
        except ServiceError as error:
            if error.code not in (_UNKNOWN_READER, _CANCELLED):
                self._publish(PcscStatus(service=False if error.code in CONTEXT_LOST else None))
        return worked
