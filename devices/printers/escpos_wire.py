"""The line to an ESC/POS printer: serial, TCP, or the kernel's USB printer device.

All three are one non-blocking file descriptor, so that every wait here has an end: `write`
sends what the line takes now, `read` waits no longer than it is told. A line that is gone
raises `WireGone`, whatever it was.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import struct
import termios
import time
from collections.abc import Callable
from typing import Literal

import serial

Flow = Literal["none", "rts-cts", "dsr-dtr", "xon-xoff"]

_CONNECT_S = 2.0
_CLOSE_S = 0.5
_CLOSE_TICK_S = 0.02
# Little is on its way unseen: a status query is not to wait behind a whole receipt.
_SEND_BUFFER_BYTES = 8_192
_READ_BYTES = 4_096
_RETRY = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR})


class WireGone(Exception):
    """The line cannot be opened or has hung up. Its text says how, and holds no data."""


class Wire:
    """An open line. Used by one thread; `close` may be called twice."""

    def __init__(
        self,
        handle: int,
        close: Callable[[], None],
        drop: Callable[[], None] = lambda: None,
    ) -> None:
        """`handle` is a non-blocking descriptor that `close` closes; `drop` makes it forget
        what has not left it."""
        self._handle = handle
        self._close = close
        self._drop = drop
        self._closed = False

    def write(self, data: bytes | memoryview, timeout_s: float = 0.0) -> int:
        """Send as much of `data` as the line takes; 0 if it took none within `timeout_s`."""
        events = self._wait(select.POLLOUT, timeout_s)
        if not events & select.POLLOUT:
            return 0
        try:
            return os.write(self._handle, data)
        except OSError as error:
            if error.errno in _RETRY:
                return 0
            raise WireGone(type(error).__name__) from None

    def read(self, timeout_s: float) -> bytes:
        """What has arrived; b"" if nothing came within `timeout_s`."""
        events = self._wait(select.POLLIN, timeout_s)
        if not events & select.POLLIN:
            return b""
        try:
            data = os.read(self._handle, _READ_BYTES)
        except OSError as error:
            if error.errno in _RETRY:
                return b""
            raise WireGone(type(error).__name__) from None
        if not data:
            raise WireGone("hung up")
        return data

    def close(self) -> None:
        """Let the line go."""
        if not self._closed:
            self._closed = True
            with contextlib.suppress(OSError, termios.error):
                self._close()

    def discard(self) -> None:
        """Let the line go together with what was handed over and has not left it yet."""
        if not self._closed:
            with contextlib.suppress(OSError, termios.error):
                self._drop()
            self.close()

    def _wait(self, events: int, timeout_s: float) -> int:
        if self._closed:
            raise WireGone("closed")
        poll = select.poll()
        poll.register(self._handle, events)
        found = poll.poll(max(0.0, timeout_s) * 1_000)
        seen = found[0][1] if found else 0
        # What arrived before the hang-up is still read.
        if seen & (select.POLLERR | select.POLLHUP | select.POLLNVAL) and not seen & select.POLLIN:
            raise WireGone("hung up")
        return seen


Opener = Callable[[], Wire]


def serial_wire(port: str, *, baud: int = 115_200, flow: Flow = "none") -> Opener:
    """A serial line, 8N1, which nobody else may open meanwhile."""

    def open_it() -> Wire:
        try:
            line = serial.Serial(
                port,
                baud,
                timeout=0,
                write_timeout=0,
                exclusive=True,
                rtscts=flow == "rts-cts",
                dsrdtr=flow == "dsr-dtr",
                xonxoff=flow == "xon-xoff",
            )
            return Wire(line.fileno(), lambda: _close_serial(line), line.reset_output_buffer)
        except (OSError, ValueError, termios.error) as error:
            raise WireGone(type(error).__name__) from None

    return open_it


def _close_serial(line: serial.Serial) -> None:
    """The kernel's own close waits half a minute for a printer that takes nothing."""
    try:
        until = time.monotonic() + _CLOSE_S
        while line.out_waiting and time.monotonic() < until:
            time.sleep(_CLOSE_TICK_S)
        line.reset_output_buffer()
    finally:
        line.close()


def tcp_wire(host: str, port: int = 9_100, *, connect_s: float = _CONNECT_S) -> Opener:
    """A raw TCP port. `host` should be an address: a name may take long to be resolved."""

    def open_it() -> Wire:
        try:
            line = socket.create_connection((host, port), timeout=connect_s)
        except OSError as error:
            raise WireGone(type(error).__name__) from None
        try:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            line.setblocking(False)
        except OSError as error:
            line.close()
            raise WireGone(type(error).__name__) from None
        # A reset instead of an end: neither side delivers what is still on its way.
        abort = struct.pack("ii", 1, 0)
        return Wire(
            line.fileno(),
            line.close,
            lambda: line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, abort),
        )

    return open_it


def device_wire(path: str) -> Opener:
    """A character device that takes bytes as they are, such as /dev/usb/lp0."""

    def open_it() -> Wire:
        try:
            handle = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            raise WireGone(type(error).__name__) from None
        return Wire(handle, lambda: os.close(handle))

    return open_it


def wire_of(address: str, *, baud: int = 115_200, flow: Flow = "none") -> Opener:
    """The line for an address: `tcp:HOST:PORT`, `serial:PATH` or `device:PATH`.

    Raises ValueError for anything else. Opens nothing yet.
    """
    kind, _, rest = address.partition(":")
    if kind == "serial" and rest:
        return serial_wire(rest, baud=baud, flow=flow)
    if kind == "device" and rest:
        return device_wire(rest)
    host, _, port = rest.rpartition(":")
    if kind == "tcp" and host and port.isdecimal() and 0 < int(port) < 65_536:
        return tcp_wire(host.strip("[]"), int(port))
    raise ValueError("a printer's address is tcp:HOST:PORT, serial:PATH or device:PATH")
