"""A SAM-V reader that exists only on a pseudo-terminal, and speaks a real one's bytes.

`port` is a path that a driver opens like any serial port; it stays the same when the reader
vanishes and comes back, as a `/dev/serial/by-id` link does. One thread answers requests.
Every fault can be injected from any thread: those of the line (noise, wrong checksums,
truncated or slow or missing replies), of the card (taken away at any byte, not genuine,
garbage in its text), of the SAM (any status code) and of the plug (`vanish`, `come_back`).

A fault with a count applies to the next replies to the command it names (to any command by
default) and is then over. With `baud` set, bytes take the time that they take on a wire of
that speed, 10 bits each, in both directions.

What real readers do beyond the public frames is assumed: that a read may be repeated until
the card is lifted, and that a SAM reset makes a card that still lies there findable again.
"""

from __future__ import annotations

import os
import selectors
import shutil
import struct
import tempfile
import termios
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devices.samv.framing import Frame, FrameParser, Garbled, Trouble, seal
from devices.samv.protocol import FOUND, ITEM_ABSENT, NO_CARD, OK, Command
from devices.simulators.cards import CardOnReader
from devices.simulators.pty_line import PtyLine

SAM_ID = struct.pack("<HHIII", 5, 3, 20_260_101, 1, 990_000_001)
SAM_ID_TEXT = "05.03-20260101-0000000001-0990000001"

_BITS_PER_BYTE = 10
# Bytes that leave together when the wire has a speed: 1.4 ms at 115,200 baud.
_CHUNK_BYTES = 16
# What nobody reads for so long is lost, as on a real line.
_UNREAD_S = 0.5
_CHECKSUM, _LENGTH, _UNKNOWN = 0x10, 0x11, 0x24
_READ_FAILED, _SELECT_FAILED, _SAM_REJECTS = 0x41, 0x81, 0x32
_COMMAND_OF = {command.value: command for command in Command}


@dataclass(slots=True)
class _LineFault:
    """Something that happens to the bytes of the next `left` replies to `command`."""

    command: Command | None
    left: int
    noise: bytes = b""
    flip_checksum: bool = False
    keep_bytes: int | None = None
    change: Callable[[bytes], bytes] | None = None
    then: Callable[[], None] | None = None


@dataclass(slots=True)
class _Answer:
    """A status that the SAM gives instead of what it would say."""

    command: Command
    status: int
    left: int
    then: Callable[[], None] | None = None


class SamvSimulator:
    """The simulated reader. Use it as a context manager, or call `close`."""

    def __init__(
        self, *, baud: int | None = None, line_baud: int | None = None, sam_id: bytes = SAM_ID
    ) -> None:
        """`baud` None is an endless fast wire. With `line_baud` a driver is understood only
        if it has set its port to this speed."""
        self._lock = threading.RLock()
        self._baud = baud
        self._line_speed = None if line_baud is None else getattr(termios, f"B{line_baud}")
        self._sam_id = sam_id
        self._card: CardOnReader | None = None
        self._found = self._selected = self._read = False
        self._line_faults: deque[_LineFault] = deque()
        self._answers: deque[_Answer] = deque()
        self._deeds: dict[Command, Callable[[], None]] = {}
        self._garbage: bytes | None = None
        self._bytes_per_s: float | None = None
        self._stalled = threading.Event()
        self._closing = threading.Event()
        self._closed = False
        self._log: list[Command] = []
        self._wire_bytes = 0
        self._dir = Path(tempfile.mkdtemp(prefix="samv-"))
        self.port = str(self._dir / "reader")
        self._wake_read, self._wake_write = os.pipe()
        self._line = PtyLine(self._dir / "reader")
        self._parser = FrameParser()
        self.come_back()
        self._thread = threading.Thread(target=self._run, name="samv-simulator", daemon=True)
        self._thread.start()

    def __enter__(self) -> SamvSimulator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Unplug for good."""
        self._closing.set()
        self._wake()
        self._thread.join()
        self.vanish()
        with self._lock:
            if self._closed:
                return
            self._closed = True
        os.close(self._wake_read)
        os.close(self._wake_write)
        shutil.rmtree(self._dir, ignore_errors=True)

    # What a person does.

    def put_card(self, card: CardOnReader) -> None:
        """Lay a card on the reader, in place of any other."""
        with self._lock:
            self._card = card
            self._found = self._selected = self._read = False

    def take_card(self) -> None:
        """Take the card away."""
        with self._lock:
            self._card = None
            self._found = self._selected = self._read = False

    @property
    def has_card(self) -> bool:
        """Whether a card lies there."""
        with self._lock:
            return self._card is not None

    def vanish(self) -> None:
        """Pull the plug: the port hangs up and its path is gone."""
        with self._lock:
            self._line.unplug()
        self._wake()

    def come_back(self) -> None:
        """Plug in again, under the same path."""
        with self._lock:
            if not self._line.plug():
                return
            self._parser.reset()
            self._found = self._selected = self._read = False
        self._wake()

    # What goes wrong.

    def noise_before(self, noise: bytes, *, times: int = 1, command: Command | None = None) -> None:
        """Bytes before a reply that belong to nothing."""
        self._add(_LineFault(command, times, noise=noise))

    def bad_checksum(self, times: int = 1, *, command: Command | None = None) -> None:
        """Replies whose XOR is wrong."""
        self._add(_LineFault(command, times, flip_checksum=True))

    def truncate_at(
        self, size_bytes: int, *, times: int = 1, command: Command | None = Command.READ
    ) -> None:
        """Replies that end after so many bytes; the card stays."""
        self._add(_LineFault(command, times, keep_bytes=size_bytes))

    def damage(
        self, change: Callable[[bytes], bytes], *, times: int = 1, command: Command | None = None
    ) -> None:
        """Replies that arrive as `change` leaves them: bytes lost, or bits turned."""
        self._add(_LineFault(command, times, change=change))

    def swap_after_bytes(self, size_bytes: int, card: CardOnReader) -> None:
        """Another card lies there when so many bytes of the next read reply were sent."""
        self._add(
            _LineFault(Command.READ, 1, keep_bytes=size_bytes, then=lambda: self.put_card(card))
        )

    def remove_after_bytes(self, size_bytes: int) -> None:
        """The card is taken away when so many bytes of the next read reply were sent."""
        self._add(_LineFault(Command.READ, 1, keep_bytes=size_bytes, then=self.take_card))

    def stall_after_bytes(self, size_bytes: int) -> None:
        """The reader hangs when so many bytes of the next read reply were sent."""
        self._add(_LineFault(Command.READ, 1, keep_bytes=size_bytes, then=self.stall))

    def vanish_after_bytes(self, size_bytes: int) -> None:
        """The plug is pulled when so many bytes of the next read reply were sent."""
        self._add(_LineFault(Command.READ, 1, keep_bytes=size_bytes, then=self.vanish))

    def remove_during_read(self) -> None:
        """The card is taken away while the SAM reads it: the SAM says that it failed."""
        with self._lock:
            self._answers.append(_Answer(Command.READ, _READ_FAILED, 1, self.take_card))

    def stall(self) -> None:
        """Answer nothing until `resume`."""
        self._stalled.set()

    def resume(self) -> None:
        """Answer again; what was asked meanwhile is lost."""
        with self._lock:
            self._parser.reset()
        self._stalled.clear()

    def slow(self, bytes_per_s: float | None) -> None:
        """Send no faster than this; None ends it."""
        with self._lock:
            self._bytes_per_s = bytes_per_s

    def garbage_text(self, block: bytes | None) -> None:
        """Give this for the text of any card; None ends it."""
        with self._lock:
            self._garbage = block

    def answer(self, command: Command, status: int, times: int = 1) -> None:
        """Let the SAM answer a command with this SW3 and nothing else."""
        with self._lock:
            self._answers.append(_Answer(command, status, times))

    def when_asked(self, command: Command, deed: Callable[[], None]) -> None:
        """Do this, such as `take_card` or `vanish`, when the next such request has come in."""
        with self._lock:
            self._deeds[command] = deed

    def heal(self) -> None:
        """End every fault, and plug in again."""
        with self._lock:
            self._deeds.clear()
            self._line_faults.clear()
            self._answers.clear()
            self._garbage = self._bytes_per_s = None
        self.come_back()
        self.resume()

    # What a test looks at.

    @property
    def commands(self) -> tuple[Command, ...]:
        """Every command understood so far."""
        with self._lock:
            return tuple(self._log)

    @property
    def wire_s(self) -> float:
        """How long all bytes so far take on the wire, both directions, at `baud`."""
        with self._lock:
            return self._wire_bytes * _BITS_PER_BYTE / (self._baud or 115_200)

    @property
    def wire_bytes(self) -> int:
        """All bytes so far, both directions."""
        with self._lock:
            return self._wire_bytes

    # The thread.

    def _add(self, fault: _LineFault) -> None:
        with self._lock:
            self._line_faults.append(fault)

    def _wake(self) -> None:
        with self._lock:
            if not self._closed:
                os.write(self._wake_write, b"\x00")

    def _run(self) -> None:
        while not self._closing.is_set():
            received = self._receive()
            if self._stalled.is_set() or not received:
                continue
            if not self._same_speed():
                self._write(b"\xfe\x00" * (len(received) // 4))
                continue
            with self._lock:
                self._wire_bytes += len(received)
                asked = self._parser.feed(received)
            self._take_time(len(received))
            for item in asked:
                self._reply_to(item)

    def _same_speed(self) -> bool:
        with self._lock:
            if self._line_speed is None or self._line.slave is None:
                return True
            return bool(termios.tcgetattr(self._line.slave)[4] == self._line_speed)

    def _receive(self) -> bytes:
        with self._lock:
            master = self._line.master
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_read, selectors.EVENT_READ)
            if master is not None:
                try:
                    selector.register(master, selectors.EVENT_READ)
                except (OSError, ValueError):
                    return b""  # it vanished meanwhile
            ready = {key.fd for key, _ in selector.select()}
        if self._wake_read in ready:
            os.read(self._wake_read, 4_096)
            return b""
        with self._lock:
            if self._line.master is None or self._line.master != master:
                return b""
            try:
                return os.read(self._line.master, 4_096)
            except OSError:
                return b""

    def _take_time(self, size_bytes: int) -> None:
        if self._baud is not None:
            self._closing.wait(size_bytes * _BITS_PER_BYTE / self._baud)

    def _reply_to(self, item: Frame | Garbled) -> None:
        if isinstance(item, Garbled):
            statuses = {Trouble.CHECKSUM: _CHECKSUM, Trouble.LENGTH: _LENGTH}
            if item.trouble in statuses:
                self._send(None, _reply(statuses[item.trouble]))
            return
        command = _COMMAND_OF.get((item.payload[0], item.payload[1]))
        if command is None:
            self._send(None, _reply(_UNKNOWN))
            return
        with self._lock:
            self._log.append(command)
            self._deeds.pop(command, lambda: None)()
            payload = self._injected(command) or _ANSWERS[command](self)
        self._send(command, payload)

    def _injected(self, command: Command) -> bytes | None:
        for answer in self._answers:
            if answer.command is not command:
                continue
            answer.left -= 1
            if answer.left <= 0:
                self._answers.remove(answer)
            if answer.then is not None:
                answer.then()
            return _reply(answer.status)
        return None

    def _reset(self) -> bytes:
        self._found = self._selected = self._read = False
        return _reply(OK)

    def _find(self) -> bytes:
        self._selected = False
        self._found = self._card is not None and not self._read
        return _reply(FOUND, bytes(4)) if self._found else _reply(NO_CARD)

    def _select(self) -> bytes:
        self._selected = self._found
        return _reply(OK, bytes(8)) if self._selected else _reply(_SELECT_FAILED)

    def _card_data(self, with_fingerprint: bool) -> bytes:
        card = self._card
        if card is None or not self._selected:
            return _reply(_READ_FAILED)
        if not card.genuine:
            return _reply(_SAM_REJECTS)
        self._read = True
        parts = [self._garbage if self._garbage is not None else card.text, card.portrait]
        if with_fingerprint:
            parts.append(card.fingerprint)
        lengths = b"".join(len(part).to_bytes(2, "big") for part in parts)
        return _reply(OK, lengths + b"".join(parts))

    def _addresses(self) -> bytes:
        card = self._card
        if card is None or not self._selected:
            return _reply(_READ_FAILED)
        return _reply(OK, card.addresses) if card.addresses else _reply(ITEM_ABSENT)

    def _send(self, command: Command | None, payload: bytes) -> None:
        raw = seal(payload)
        then: Callable[[], None] | None = None
        with self._lock:
            for fault in tuple(self._line_faults):
                if fault.command not in (None, command):
                    continue
                fault.left -= 1
                if fault.left <= 0:
                    self._line_faults.remove(fault)
                if fault.flip_checksum:
                    raw = raw[:-1] + bytes([raw[-1] ^ 0xFF])
                if fault.keep_bytes is not None:
                    raw = raw[: fault.keep_bytes]
                if fault.change is not None:
                    raw = fault.change(raw)
                raw = fault.noise + raw
                then = fault.then
                break
        self._write(raw)
        if then is not None:
            then()

    def _write(self, raw: bytes) -> None:
        due = time.monotonic()
        at = 0
        while at < len(raw):
            # Looked at for each chunk, so that a change is felt in the middle of a reply.
            with self._lock:
                bytes_per_s = self._bytes_per_s or (self._baud or 0) / _BITS_PER_BYTE
            size_bytes = len(raw)
            if bytes_per_s:
                size_bytes = max(1, min(_CHUNK_BYTES, int(bytes_per_s / 20)))
            chunk = raw[at : at + size_bytes]
            if bytes_per_s:
                # A chunk is there when its last bit has arrived.
                due += len(chunk) / bytes_per_s
                self._closing.wait(max(0.0, due - time.monotonic()))
            if not self._put_on_wire(chunk):
                return
            at += len(chunk)

    def _put_on_wire(self, chunk: bytes) -> bool:
        """Send bytes; False if the line hung up or nobody takes them."""
        until = time.monotonic() + _UNREAD_S
        while chunk and not self._closing.is_set() and time.monotonic() < until:
            with self._lock:
                if self._stalled.is_set() or self._line.master is None:
                    return False
                try:
                    sent = os.write(self._line.master, chunk)
                except BlockingIOError:
                    sent = 0
                except OSError:
                    return False
                self._wire_bytes += sent
            chunk = chunk[sent:]
            if chunk:
                self._closing.wait(0.001)
        return not chunk


def _reply(status: int, data: bytes = b"") -> bytes:
    return bytes([0, 0, status]) + data


_ANSWERS: dict[Command, Callable[[SamvSimulator], bytes]] = {
    Command.RESET: SamvSimulator._reset,
    Command.STATUS: lambda _: _reply(OK),
    Command.SAM_ID: lambda reader: _reply(OK, reader._sam_id),
    Command.FIND: SamvSimulator._find,
    Command.SELECT: SamvSimulator._select,
    Command.READ: lambda reader: reader._card_data(False),
    Command.READ_WITH_FINGERPRINT: lambda reader: reader._card_data(True),
    Command.READ_ADDRESSES: SamvSimulator._addresses,
}
