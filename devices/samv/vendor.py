"""A SAM-V reader through its vendor's library (SDT API, `libsdtapi.so`), in a child process.

Some readers are sold with a library and no word about their wire. Here such a library is one
more line: `VendorPort` takes the frames that the driver sends, has the library carry them
out, and gives its answers back as frames. So everything that `SamvReader` does about cards,
deadlines, resets and cancels holds for it too, and `VendorReader` is a `SamvReader`.

The library is loaded by path, in a process of its own (`vendor_child`). One that hangs is
killed when the driver's patience is over and started again with the next command; one that
crashes is a reader that vanished and comes back; one that says lengths which cannot be, or
writes where it should not, is a reader that answers garbage. Nothing it does reaches this
process.

The API is as public wrappers of it describe it. Proven with stand-ins compiled for the tests
(which behave, crash, hang and lie), not with a vendor's own library.
"""

from __future__ import annotations

import contextlib
import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devices.samv.driver import SamvReader, SerialPort
from devices.samv.framing import FrameParser, Garbled, seal
from devices.samv.protocol import OK, Command

# A find through a library may take this long where a card is awaited; over a line it is ms.
REPLY_DEADLINE_S = 2.0
FIRST_USB_PORT = 1_001

_CHILD = Path(__file__).with_name("vendor_child.py")
_HEAD = struct.Struct("<iI")
_MOST_BYTES = 8_192
_POLL_S = 0.02
_CLOSE_S = 0.3
_OVERRUN, _MISSING = -101, -100
_UNKNOWN_COMMAND = 0x24
_LETTERS: dict[Command, bytes] = {
    Command.RESET: b"x",
    Command.STATUS: b"s",
    Command.SAM_ID: b"i",
    Command.FIND: b"f",
    Command.SELECT: b"l",
    Command.READ: b"r",
    Command.READ_WITH_FINGERPRINT: b"p",
    Command.READ_ADDRESSES: b"a",
}
_COMMAND_OF = {command.value: command for command in Command}
# How many lengths come before the blocks; the addresses' single one is not part of a reply.
_LENGTHS: dict[Command, int] = {
    Command.READ: 2,
    Command.READ_WITH_FINGERPRINT: 3,
    Command.READ_ADDRESSES: 1,
}
# What a library that hands out nothing but a status has to say.
_PLAIN = frozenset({Command.RESET, Command.STATUS})
_GARBAGE = b"\x00\x00\x00\x00"
# Codes of the library itself, below those of the SAM: its port cannot be opened, or was lost.
_PORT_FAILED = frozenset({0x01, 0x09})
_NO_ANSWER = 0x02


@dataclass(frozen=True, slots=True)
class _Answer:
    code: int
    data: bytes


class _Child:
    """One running child; its answers are read without ever waiting longer than told."""

    def __init__(self, library: Path, port: int) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-I",
                str(_CHILD),
                str(library.resolve()),
                str(port),
                str(os.getpid()),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        self._buffer = bytearray()
        self.waits_for: bytes | None = None

    @property
    def is_usable(self) -> bool:
        """Whether it can take a command."""
        return self._process.poll() is None and self.waits_for is None

    def ask(self, letter: bytes) -> None:
        """Send a command. Raises OSError if the child is gone."""
        assert self._process.stdin is not None
        self._process.stdin.write(letter)
        self.waits_for = letter

    def answer(self, timeout_s: float) -> _Answer | None:
        """The whole answer, or None if it is not there within `timeout_s`.

        Raises OSError if the child is gone, or says what no answer can be.
        """
        assert self._process.stdout is not None
        poll = select.poll()
        poll.register(self._process.stdout, select.POLLIN)
        until = time.monotonic() + timeout_s
        while True:
            if len(self._buffer) >= _HEAD.size:
                code, size_bytes = _HEAD.unpack_from(self._buffer)
                if size_bytes > _MOST_BYTES:
                    raise OSError("the vendor's library answers garbage")
                end = _HEAD.size + size_bytes
                if len(self._buffer) >= end:
                    data = bytes(self._buffer[_HEAD.size : end])
                    del self._buffer[:end]
                    self.waits_for = None
                    return _Answer(code, data)
            if not poll.poll(max(0.0, until - time.monotonic()) * 1_000):
                return None
            received = os.read(self._process.stdout.fileno(), _MOST_BYTES)
            if not received:
                raise OSError("the vendor's library ended")
            self._buffer += received

    def end(self) -> None:
        """Close the port if the library lets us, then end the process."""
        with contextlib.suppress(OSError):
            if self.is_usable:
                self.ask(b"c")
                self.answer(_CLOSE_S)
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


class VendorPort:
    """The library as a port that speaks frames. Raises OSError where a line would vanish."""

    def __init__(self, library: Path, port: int, *, open_s: float = REPLY_DEADLINE_S) -> None:
        """`port` is the API's: 1 to 16 serial, 1001 to 1016 USB."""
        if not library.is_file():
            raise OSError("the configured vendor library is missing")
        self._library = library
        self._port = port
        self._open_s = open_s
        self._parser = FrameParser()
        self._replies = bytearray()
        self._asked: Command | None = None
        self._child = self._start()

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read at once."""
        return len(self._replies)

    @property
    def child_pid(self) -> int:
        """The child's process id, for those who watch it."""
        return self._child._process.pid

    def write(self, data: bytes, /) -> int:
        """Have a request carried out. A library that still hangs in an earlier one is killed."""
        if not self._child.is_usable:
            self._child.end()
            self._child = self._start()
        for item in self._parser.feed(data):
            if isinstance(item, Garbled):
                continue
            command = _COMMAND_OF.get((item.payload[0], item.payload[1]))
            if command is None:
                self._replies += _reply(_UNKNOWN_COMMAND)
                continue
            self._asked = command
            self._child.ask(_LETTERS[command])
        return len(data)

    def read(self, size: int = 1, /) -> bytes:
        """At most `size` bytes of the reply, fewer or none after 20 ms."""
        if not self._replies and self._asked is not None:
            answer = self._child.answer(_POLL_S)
            if answer is not None:
                asked, self._asked = self._asked, None
                self._replies += _frame_of(asked, answer)
        elif not self._replies:
            time.sleep(_POLL_S)
        taken = bytes(self._replies[:size])
        del self._replies[:size]
        return taken

    def reset_input_buffer(self) -> None:
        """Forget what was answered and not read."""
        self._replies.clear()
        self._asked = None

    def close(self) -> None:
        """End the child."""
        self._child.end()

    def _start(self) -> _Child:
        child = _Child(self._library, self._port)
        try:
            child.ask(b"o")
            answer = child.answer(self._open_s)
            if answer is None:
                raise OSError("the vendor's library hangs")
            if answer.code != OK:
                raise OSError(f"the vendor's library cannot open its port ({answer.code:#x})")
        except OSError:
            child.end()
            raise
        return child


def _reply(status: int, data: bytes = b"") -> bytes:
    return seal(bytes([0, 0, status]) + data)


def _frame_of(command: Command, answer: _Answer) -> bytes:
    """The library's answer as the reader's own; what cannot be one becomes garbage."""
    if answer.code in _PORT_FAILED:
        raise OSError("the vendor's library lost its port")
    if answer.code == _MISSING:
        return _reply(_UNKNOWN_COMMAND)
    if answer.code == _NO_ANSWER or not 0 <= answer.code <= 0xFF:
        return _GARBAGE
    status = answer.code
    if status != OK:
        # A find's data is of no use, and a failed read's is none.
        return _reply(status)
    if command in _PLAIN:
        return _reply(status)
    count = _LENGTHS.get(command)
    if count is None:
        return _reply(status, answer.data)
    return _blocks(command, count, answer.data)


def _blocks(command: Command, count: int, data: bytes) -> bytes:
    head = 4 * count
    if len(data) < head:
        return _GARBAGE
    lengths = struct.unpack_from(f"<{count}I", data)
    if sum(lengths) != len(data) - head or any(length > 0xFFFF for length in lengths):
        return _GARBAGE
    if command is Command.READ_ADDRESSES:
        return _reply(OK, data[head:])
    return _reply(OK, struct.pack(f">{count}H", *lengths) + data[head:])


def open_vendor(library: Path) -> Callable[[str, int], SerialPort]:
    """A port factory for `SamvReader`: its port is the API's number, as text."""
    return lambda port, _baud: VendorPort(library, int(port))


class VendorReader(SamvReader):
    """A `devices.readers.CardReader` through the library at `library`."""

    def __init__(self, library: Path, port: int = FIRST_USB_PORT, **limits: Any) -> None:
        """`port` is the API's: 1 to 16 serial, 1001 to 1016 USB. `limits` are SamvReader's."""
        chosen = {"reply_deadline_s": REPLY_DEADLINE_S} | limits
        super().__init__(str(port), serial_factory=open_vendor(library), **chosen)
