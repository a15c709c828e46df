"""A SAM-V reader on a serial port: from "a card, please" to an `IdCard` with its portrait.

All methods block and belong inside a `DeviceWorker`; none may be called from two threads at
once. Each ends in a result or in a `DeviceError`, never in anything else, and none waits
longer than it was told. What the driver does about trouble, so that nobody above has to:

- A damaged, cut or missing reply is asked for again while there is time. After three such
  failures in a row the SAM is reset; if that does not help the reader is reported.
- A card that stops answering mid-read is looked for again: it is reported as removed only if
  it is no longer there, and read once more if it is.
- A port that vanished is opened again, with growing pauses; no restart is needed.
- Where the reader's speed is not known it is found by asking for the SAM's status at each
  (`bauds`), the one that worked last first; at that one a SAM that says nothing is reset.

A fingerprint is read only by a call that asks for it, and never is part of an `IdCard`.
Addresses that were added to the card since it was issued are read with it, because who has
moved does not live where the print says; where they cannot be had, the card counts without.

A reply is acted upon only if its checksum is right. Time is spent in `select` on the port,
never in fixed waits, so a read takes as long as its bytes need on the wire.

After a read the card has to be lifted before the reader finds it again, and until then it
cannot be told whether it still lies there: ask for it to be taken up right after a read.

Proven against a simulated reader on a pseudo-terminal, not yet against hardware.
"""

from __future__ import annotations

import contextlib
import termios
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, overload

import serial

from devices.errors import DeviceError, Fault
from devices.records import Fingerprint, IdCard, number_is_valid
from devices.samv.framing import Frame, FrameParser, Garbled
from devices.samv.protocol import (
    ADDRESSES,
    FOUND,
    OK,
    STATUS,
    TEXT_BYTES,
    CardData,
    Command,
    Reply,
    format_sam_id,
    portrait_of,
    split_card_data,
)
from devices.samv.textblock import (
    ADDRESS_BYTES,
    CHECKED_LAYOUTS,
    TextBlockError,
    addresses_of,
    parse,
)
from devices.worker import Cancel

FIND_EVERY_S = 0.3
READ_DEADLINE_S = 3.0
# A reader answers these within a tenth of this; it is the patience, not the usual time.
REPLY_DEADLINE_S = 1.0
# How much of a read's deadline may pass before its first byte: the rest is for a second try.
FIRST_TRY_SHARE = 0.6
# A frame that stopped for so long does not go on. Adapters pause for some 16 ms.
QUIET_S = 0.25
FAILURES_BEFORE_RESET = 3
# Added addresses: how long their first byte may take, and all of them (at 9,600 baud 0.3 s).
_ADDRESSES_FIRST_S = 0.5
_ADDRESSES_S = 1.0
# How often a card that is still there is read again after it failed.
CARD_TRIES = 3
REOPEN_FIRST_S = 0.1
REOPEN_LONGEST_S = 5.0
# For how long a vanished port is waited for while a resident stands there with a card.
ABSENT_PATIENCE_S = 5.0
# How soon a cancel is noticed. Costs no time otherwise: arriving bytes end the wait.
_POLL_S = 0.02
_WRITE_TIMEOUT_S = 1.0
# Every speed that readers can be set to, the usual one first.
BAUDS = (115_200, 57_600, 38_400, 19_200, 9_600)
# The status needs 20 bytes both ways, 21 ms at 9,600 baud; adapters add some 16.
_BAUD_TRY_S = 0.25

# What a port raises when its device is gone. pyserial's own exception is an OSError; its
# closed port raises TypeError from a file descriptor of None.
_PORT_GONE = (OSError, termios.error, TypeError, ValueError)
_PROTOCOL_FAULTS = frozenset({Fault.READER_SILENT, Fault.READER_GARBLED})
_CARD_FAULTS = frozenset(
    {Fault.CARD_REMOVED, Fault.CARD_NOT_SELECTED, Fault.CARD_NOT_GENUINE, Fault.CARD_ABSENT}
)


class SerialPort(Protocol):
    """What the driver needs of a serial port; pyserial's `Serial` has it."""

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read at once."""

    def read(self, size: int = 1, /) -> bytes:
        """At most `size` bytes, fewer or none after a short timeout."""

    def write(self, data: bytes, /) -> int | None:
        """Send all of it."""

    def reset_input_buffer(self) -> None:
        """Forget what was received and not read."""

    def close(self) -> None:
        """Let the port go."""


@dataclass(frozen=True, slots=True)
class CardWithFingerprint:
    """A card that was read with its fingerprint; None where the card carries none."""

    card: IdCard = field(repr=False)
    fingerprint: Fingerprint | None = field(repr=False)


def open_serial(port: str, baud: int) -> SerialPort:
    """A real port, 8N1, no flow control, which nobody else may open meanwhile."""
    return serial.Serial(
        port, baud, timeout=_POLL_S, write_timeout=_WRITE_TIMEOUT_S, exclusive=True
    )


def _ignore(_: str) -> None:
    pass


class SamvReader:
    """One reader. `open` is optional: every command opens the port if it is not open."""

    def __init__(
        self,
        port: str,
        *,
        baud: int = 115_200,
        bauds: Sequence[int] = (),
        serial_factory: Callable[[str, int], SerialPort] = open_serial,
        quiet_s: float = QUIET_S,
        reply_deadline_s: float = REPLY_DEADLINE_S,
        absent_patience_s: float = ABSENT_PATIENCE_S,
        find_every_s: float = FIND_EVERY_S,
    ) -> None:
        """`bauds` (such as `BAUDS`) are tried until one is answered; none: it is `baud`."""
        self._port = port
        self._baud = baud
        self._bauds = tuple(bauds)
        self._baud_known = not self._bauds
        self._serial_factory = serial_factory
        self._quiet_s = quiet_s
        self._reply_deadline_s = reply_deadline_s
        self._absent_patience_s = absent_patience_s
        self._find_every_s = find_every_s
        self._serial: SerialPort | None = None
        self._parser = FrameParser()
        self._failures = 0

    @property
    def port(self) -> str:
        """The port's path."""
        return self._port

    def open(self) -> None:
        """Open the port. Raises DeviceError: READER_ABSENT, and READER_SILENT where the speed
        is not known and none is answered (which takes 0.25 s each)."""
        self._open(Cancel())

    @property
    def baud(self) -> int | None:
        """The line's speed; None while it is not known."""
        return self._baud if self._baud_known else None

    def _open(self, cancel: Cancel) -> None:
        if self._serial is not None:
            return
        if self._baud_known:
            self._open_at(self._baud)
        else:
            self._find_baud(cancel)
        self._failures = 0

    def _open_at(self, baud: int) -> None:
        try:
            self._serial = self._serial_factory(self._port, baud)
        except _PORT_GONE as error:
            reason = type(error).__name__
        else:
            return
        raise DeviceError(Fault.READER_ABSENT, f"cannot open the port ({reason})")

    def _find_baud(self, cancel: Cancel) -> None:
        """Open the port at the first speed at which the SAM says anything whole."""
        usual = (self._baud,) if self._baud in self._bauds else ()
        bauds = tuple(dict.fromkeys((*usual, *self._bauds)))
        for baud, command in (
            *((baud, Command.STATUS) for baud in bauds),
            (bauds[0], Command.RESET),
        ):
            cancel.raise_if_cancelled()
            self._open_at(baud)
            try:
                self._transfer(command, cancel, _BAUD_TRY_S, _BAUD_TRY_S)
            except DeviceError as error:
                self.close()
                if error.fault not in _PROTOCOL_FAULTS:
                    raise
            except _PORT_GONE as error:
                self.close()
                reason = type(error).__name__
                raise DeviceError(Fault.READER_ABSENT, f"the port vanished ({reason})") from None
            else:
                self._baud, self._baud_known = baud, True
                return
        # So many questions in vain: who waits for a card is told, and not left to wait.
        self._failures = FAILURES_BEFORE_RESET
        raise DeviceError(Fault.READER_SILENT, "no answer at any speed")

    def close(self) -> None:
        """Let the port go; a later command opens it again."""
        port, self._serial = self._serial, None
        if port is not None:
            with contextlib.suppress(*_PORT_GONE):
                port.close()
        self._parser.reset()

    def sam_id(self, deadline_s: float = REPLY_DEADLINE_S) -> str:
        """The SAM's id, as `05.03-YYYYMMDD-nnnnnnnnnn-nnnnnnnnnn`."""
        return format_sam_id(self._once(Command.SAM_ID, deadline_s).data)

    def status(self, deadline_s: float = REPLY_DEADLINE_S) -> None:
        """Return if the SAM is well, else raise the DeviceError that says what is wrong."""
        self._once(Command.STATUS, deadline_s)

    def reset(self, deadline_s: float = REPLY_DEADLINE_S) -> None:
        """Reset the SAM."""
        self._once(Command.RESET, deadline_s)
        self._failures = 0

    @overload
    def read_card(
        self,
        cancel: Cancel,
        *,
        wait_s: float,
        read_deadline_s: float = ...,
        progress: Callable[[str], None] = ...,
        fingerprint: Literal[False] = False,
    ) -> IdCard: ...

    @overload
    def read_card(
        self,
        cancel: Cancel,
        *,
        wait_s: float,
        read_deadline_s: float = ...,
        progress: Callable[[str], None] = ...,
        fingerprint: Literal[True],
    ) -> CardWithFingerprint: ...

    def read_card(
        self,
        cancel: Cancel,
        *,
        wait_s: float,
        read_deadline_s: float = READ_DEADLINE_S,
        progress: Callable[[str], None] = _ignore,
        fingerprint: bool = False,
    ) -> IdCard | CardWithFingerprint:
        """Wait at most `wait_s` for a card and read it within `read_deadline_s` of finding it.

        `progress` is called with "found" once, when a card was found. `fingerprint` asks for
        that block too. Raises DeviceError: CARD_ABSENT if none came, CARD_REMOVED,
        CARD_NOT_SELECTED, CARD_NOT_GENUINE, CARD_WRONG_KIND and CARD_UNREADABLE for the card,
        READER_* for the reader (READER_REFUSED by one that reads no fingerprints), CANCELLED
        or DEADLINE as `cancel` says.
        """
        self._wait_for_card(cancel, wait_s)
        until = time.monotonic() + read_deadline_s
        progress("found")
        command = Command.READ_WITH_FINGERPRINT if fingerprint else Command.READ
        parts = split_card_data(self._read_found(command, cancel, read_deadline_s).data)
        card = _card_of(parts)
        if card.address:
            card = replace(card, added_addresses=self._added_addresses(cancel, until))
        if not fingerprint:
            return card
        return CardWithFingerprint(card, _fingerprint_of(parts.fingerprint))

    def _wait_for_card(self, cancel: Cancel, wait_s: float) -> None:
        until = time.monotonic() + wait_s
        absent_since: float | None = None
        pause_s = REOPEN_FIRST_S
        resets = 0
        answered = False
        while True:
            cancel.raise_if_cancelled()
            began = time.monotonic()
            try:
                self._find(cancel, max(until - began, FIND_EVERY_S))
            except DeviceError as error:
                trouble = error
            else:
                return
            now = time.monotonic()
            if trouble.fault is Fault.READER_ABSENT:
                absent_since = began if absent_since is None else absent_since
                if now - absent_since >= self._absent_patience_s or now >= until:
                    raise trouble
                cancel.wait(min(pause_s, max(0.0, until - now)))
                pause_s = min(2 * pause_s, REOPEN_LONGEST_S)
                continue
            absent_since, pause_s = None, REOPEN_FIRST_S
            if trouble.fault in _PROTOCOL_FAULTS:
                # After a reset a noisy line gets its three tries again, a mute reader one.
                if resets and trouble.fault is Fault.READER_SILENT:
                    raise trouble
                if self._failures >= FAILURES_BEFORE_RESET:
                    if resets:
                        raise trouble
                    resets += 1
                    self._recover(cancel)
            elif trouble.fault is not Fault.CARD_ABSENT:
                raise trouble
            else:
                resets, answered = 0, True
            if now >= until:
                if answered and not resets and trouble.fault in _PROTOCOL_FAULTS:
                    # One late reply as the wait ends is no reader that fell silent.
                    raise DeviceError(Fault.CARD_ABSENT, "and the last answer came late")
                raise trouble
            cancel.wait(min(began + self._find_every_s, until) - now)

    def _read_found(self, command: Command, cancel: Cancel, read_deadline_s: float) -> Reply:
        """Select and read a card that was just found, again if need be."""
        until = time.monotonic() + read_deadline_s
        patience_s = read_deadline_s * FIRST_TRY_SHARE
        found, selected = True, False
        card_failures = resets = 0
        trouble: DeviceError | None = None
        while True:
            cancel.raise_if_cancelled()
            left_s = until - time.monotonic()
            if trouble is not None and left_s <= 0:
                raise trouble
            try:
                if not found:
                    self._find(cancel, left_s)
                    found = True
                if not selected:
                    self._ask(Command.SELECT, cancel, min(self._reply_deadline_s, left_s))
                    selected = True
                left_s = until - time.monotonic()
                return self._ask(command, cancel, min(patience_s, left_s), left_s)
            except DeviceError as error:
                earlier, trouble = trouble, error
            if trouble.fault in _PROTOCOL_FAULTS:
                if self._failures >= FAILURES_BEFORE_RESET:
                    if resets:
                        raise trouble
                    resets += 1
                    self._recover(cancel)
                    found = selected = False
            elif trouble.fault in _CARD_FAULTS:
                # A card that moves fails in many ways, and even looks false: only one that is
                # found again each time is reported for what the reader said of it.
                if not found:
                    raise _told_by(earlier, trouble)
                card_failures += 1
                if card_failures >= CARD_TRIES:
                    raise _given_up(trouble)
                found = selected = False
            else:
                raise trouble

    def _added_addresses(self, cancel: Cancel, until: float) -> tuple[str, ...]:
        """Those of the card that was just read; none where the reader cannot tell in time.

        Asked for a second time only if the reply was damaged. Raises DeviceError: CANCELLED
        and DEADLINE, as `cancel` says.
        """
        until = min(until, time.monotonic() + _ADDRESSES_S)
        for _ in range(2):
            left_s = until - time.monotonic()
            if left_s <= 0:
                break
            first_s = min(_ADDRESSES_FIRST_S, left_s)
            try:
                reply = self._exchange(Command.READ_ADDRESSES, cancel, first_s, left_s)
                reply.raise_if_failed()
            except DeviceError as error:
                if error.fault in (Fault.CANCELLED, Fault.DEADLINE):
                    raise
                if error.fault is not Fault.READER_GARBLED:
                    break
            else:
                return addresses_of(reply.data)
        return ()

    def _recover(self, cancel: Cancel) -> None:
        """Reset the SAM; if even that is not answered, open the port anew."""
        self._failures = 0
        try:
            self._ask(Command.RESET, cancel, self._reply_deadline_s)
        except DeviceError as error:
            if error.fault in (Fault.CANCELLED, Fault.DEADLINE):
                raise
            self.close()
            # Another reader, of another speed, may have been plugged in.
            self._baud_known = not self._bauds
        self._failures = 0

    def _find(self, cancel: Cancel, left_s: float = float("inf")) -> None:
        self._ask(Command.FIND, cancel, min(self._reply_deadline_s, left_s))

    def _once(self, command: Command, deadline_s: float) -> Reply:
        return self._ask(command, Cancel(), deadline_s)

    def _ask(
        self, command: Command, cancel: Cancel, deadline_s: float, to_the_end_s: float = 0.0
    ) -> Reply:
        """One request and its reply; raises what its status stands for."""
        reply = self._exchange(command, cancel, deadline_s, to_the_end_s)
        reply.raise_if_failed()
        return reply

    def _exchange(
        self, command: Command, cancel: Cancel, deadline_s: float, to_the_end_s: float = 0.0
    ) -> Reply:
        self._open(cancel)
        try:
            reply = self._transfer(command, cancel, deadline_s, to_the_end_s)
        except DeviceError as error:
            if error.fault in _PROTOCOL_FAULTS:
                self._failures += 1
            raise
        except _PORT_GONE as error:
            reason = type(error).__name__
        else:
            status = STATUS.get(reply.status)
            damaged = status is not None and status.fault in _PROTOCOL_FAULTS
            self._failures = self._failures + 1 if damaged else 0
            return reply
        self.close()
        raise DeviceError(Fault.READER_ABSENT, f"the port vanished ({reason})")

    def _transfer(
        self, command: Command, cancel: Cancel, deadline_s: float, to_the_end_s: float
    ) -> Reply:
        """Send a request; the first whole reply to it that comes back.

        `deadline_s` is for its first byte, `to_the_end_s`, if that is longer, for its last:
        a reply that is slow but keeps coming is not asked for a second time.
        """
        port = self._serial
        assert port is not None
        # A late reply to an earlier request must not be taken for this one's.
        self._parser.reset()
        port.reset_input_buffer()
        port.write(command.frame)
        now = time.monotonic()
        until = now + deadline_s
        last_until = now + max(deadline_s, to_the_end_s)
        heard_at: float | None = None
        garbled = False
        while now < until:
            cancel.raise_if_cancelled()
            received = port.read(max(1, port.in_waiting))
            now = time.monotonic()
            if received:
                heard_at, until = now, last_until
                items = self._parser.feed(received)
            elif heard_at is not None and now - heard_at >= self._quiet_s:
                items = self._parser.settle()
                if not any(isinstance(item, Frame) for item in items):
                    raise DeviceError(Fault.READER_GARBLED, "an unfinished or damaged reply")
            else:
                continue
            for item in items:
                if isinstance(item, Frame) and _fits(command, reply := Reply.of(item.payload)):
                    return reply
                garbled = garbled or isinstance(item, Garbled)
        if garbled:
            raise DeviceError(Fault.READER_GARBLED, "no whole reply before the deadline")
        if heard_at is not None:
            raise DeviceError(Fault.READER_SILENT, "the reply did not end before the deadline")
        raise DeviceError(Fault.READER_SILENT, "no reply before the deadline")


_LONG_REPLIES = frozenset({Command.READ, Command.READ_WITH_FINGERPRINT})
_ADDRESS_SIZES = frozenset(ADDRESS_BYTES * count for count in range(1, ADDRESSES + 1))


def _fits(command: Command, reply: Reply) -> bool:
    """Whether a reply can be this command's, and not a late one to an earlier command.

    Only what success looks like can tell: a find's has a status of its own, a read's is long.
    """
    if reply.status not in (OK, FOUND):
        return True
    if (reply.status == FOUND) != (command is Command.FIND):
        return False
    if command is Command.READ_ADDRESSES:
        return len(reply.data) in _ADDRESS_SIZES
    is_long = len(reply.data) >= TEXT_BYTES
    return is_long == (command in _LONG_REPLIES)


def _told_by(earlier: DeviceError | None, trouble: DeviceError) -> DeviceError:
    """What to report when a card that was found is not found again."""
    if earlier is not None and earlier.fault in _PROTOCOL_FAULTS:
        return earlier
    return DeviceError(Fault.CARD_REMOVED, trouble.detail)


def _given_up(trouble: DeviceError) -> DeviceError:
    """What to report when a card is there, again and again, and cannot be read."""
    if trouble.fault is Fault.CARD_REMOVED:
        return DeviceError(Fault.CARD_UNREADABLE, trouble.detail)
    return trouble


def _fingerprint_of(block: bytes) -> Fingerprint | None:
    return Fingerprint(block) if block.strip(b"\x00") else None


def _card_of(parts: CardData) -> IdCard:
    try:
        card = parse(parts.text)
    except TextBlockError as error:
        reason = str(error)
    else:
        if card.layout in CHECKED_LAYOUTS and not number_is_valid(card.number):
            raise DeviceError(Fault.CARD_UNREADABLE, "check digit")
        return replace(card, portrait=portrait_of(parts.portrait))
    raise DeviceError(Fault.CARD_UNREADABLE, reason)
