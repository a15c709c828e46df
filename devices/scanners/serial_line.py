"""A scanner on a serial port (or a USB one that pretends to be): a line of text for each code.

The parser promises, for any bytes in any portions: it never raises, keeps at most one longest
line, and gives out each line once. A line ends by CR or LF; empty ones do not count. One that
is too long or no text comes out as None, as soon as it ends. What stops in the middle for
longer than `GAP_S` was noise, and is forgotten.
"""

from __future__ import annotations

import termios
import time
from collections.abc import Callable

import serial

from devices.scanners.scanner import Line
from devices.scanners.text import MAX_CHARS, decode

# A scanner sends a code in one go; at 9,600 baud a byte takes 1 ms.
GAP_S = 0.5
MAX_LINE_BYTES = 4 * MAX_CHARS
_READ_BYTES = 4_096
# Some scanners are set to frame a code by these.
_FRAME = b"\x02\x03\x00"
_GONE = (termios.error, TypeError, ValueError)


class LineSplitter:
    """Turns received bytes into lines, in any portions."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._too_long = False
        self._unwanted = False

    @property
    def is_pending(self) -> bool:
        """Whether a line was begun and did not end."""
        return bool(self._buffer) or self._too_long

    def feed(self, data: bytes) -> list[str | None]:
        """Take bytes in; give out the lines that ended."""
        lines: list[str | None] = []
        *ended, rest = data.replace(b"\n", b"\r").split(b"\r")
        for part in ended:
            self._add(part)
            self._end(lines)
        self._add(rest)
        return lines

    def forget(self) -> None:
        """Give up a line that did not end."""
        self._buffer.clear()
        self._too_long = self._unwanted = False

    def skip(self) -> None:
        """Leave out the line that was begun, if one was, when it ends."""
        self._unwanted = self.is_pending

    def _add(self, part: bytes) -> None:
        self._buffer += part
        if len(self._buffer) > MAX_LINE_BYTES:
            self._buffer.clear()
            self._too_long = True

    def _end(self, lines: list[str | None]) -> None:
        raw = bytes(self._buffer).strip(_FRAME)
        if not self._unwanted and (raw or self._too_long):
            lines.append(None if self._too_long else decode(raw))
        self.forget()


class SerialLine:
    """An open serial scanner."""

    def __init__(self, port: serial.Serial, gap_s: float = GAP_S) -> None:
        self._port = port
        self._gap_s = gap_s
        self._splitter = LineSplitter()
        self._heard_at = time.monotonic()

    @property
    def is_pending(self) -> bool:
        """Whether a code was begun and did not end."""
        return self._splitter.is_pending

    def take(self, timeout_s: float) -> list[str | None]:
        """As `Line` says."""
        data = self._read(timeout_s)
        now = time.monotonic()
        if data:
            self._heard_at = now
        elif self._splitter.is_pending and now - self._heard_at >= self._gap_s:
            self._splitter.forget()
        return self._splitter.feed(data)

    def drain(self) -> None:
        """As `Line` says."""
        while data := self._read(0.0):
            self._heard_at = time.monotonic()
            self._splitter.feed(data)
        self._splitter.skip()

    def close(self) -> None:
        """As `Line` says."""
        try:
            self._port.close()
        except _GONE as error:
            raise OSError(type(error).__name__) from None

    def _read(self, timeout_s: float) -> bytes:
        try:
            self._port.timeout = timeout_s
            first = self._port.read(1)
            return bytes(first + self._port.read(min(self._port.in_waiting, _READ_BYTES)))
        except _GONE as error:
            raise OSError(type(error).__name__) from None


def serial_line(port: str, baud: int = 9_600, *, gap_s: float = GAP_S) -> Callable[[], Line]:
    """What opens the scanner at `port`, 8N1, which nobody else may open meanwhile."""

    def open_it() -> Line:
        try:
            return SerialLine(serial.Serial(port, baud, timeout=0, exclusive=True), gap_s)
        except _GONE as error:
            raise OSError(type(error).__name__) from None

    return open_it
