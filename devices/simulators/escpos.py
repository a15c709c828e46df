"""An ESC/POS receipt printer that exists only on a pseudo-terminal or a TCP port.

It speaks a real one's bytes and keeps what it prints as dots, so that a test can lay a
receipt over the page it came from. Like a real one it has a buffer before its mechanics:
bytes are taken in while there is room, real-time commands are carried out when they arrive
(even among dots, as some real ones do), everything else in its turn, and nothing while it
is offline. So paper that is put in again lets it go on with what it still holds. While it
is offline and full it still listens for real-time commands; what else comes then is lost.

All states can be set from any thread. `address` stays the same when the printer is pulled
and plugged in again. What a model may lack (process ids, answers in their turn, reports of
changes, the clearing of buffers, single status queries) can be left out.
"""

from __future__ import annotations

import contextlib
import os
import random
import selectors
import shutil
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from devices.records import PaperState
from devices.simulators.pty_line import PtyLine

Dots = NDArray[np.bool_]

WIDTH_DOTS = 576
_BUFFER_BYTES = 65_536
_READ_BYTES = 512
_TICK_S = 0.01
_CLEAR = b"\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08"
_CLEARED = b"\x37\x25\x00"
# Commands by their first bytes: how long they are in all. Dots and cuts have their own.
_LENGTHS: tuple[tuple[bytes, int], ...] = (
    (_CLEAR, len(_CLEAR)),
    (b"\x10\x04", 3),
    (b"\x10\x05", 3),
    (b"\x1b@", 2),
    (b"\x1ba", 3),
    (b"\x1da", 3),
    (b"\x1dr", 3),
    (b"\x1d(H", 11),
    (b"\x1dVA", 4),
    (b"\x1dVB", 4),
    (b"\x1dV", 3),
    (b"\x1dv0", 8),
    (b"\n", 1),
    (b"\x00", 1),
)


class EscPosSimulator:
    """The simulated printer. Use it as a context manager, or call `close`."""

    def __init__(
        self,
        link: Literal["pty", "tcp"] = "pty",
        *,
        process_ids: bool = True,
        in_turn: bool = True,
        reports_changes: bool = True,
        clears: bool = True,
        mute: frozenset[int] = frozenset(),
        buffer_bytes: int = _BUFFER_BYTES,
    ) -> None:
        """`mute` are the status queries that this model does not know."""
        self._link = link
        self._process_ids = process_ids
        self._in_turn = in_turn
        self._reports_changes = reports_changes
        self._clears = clears
        self._mute = mute
        self._buffer_bytes = buffer_bytes
        self._lock = threading.RLock()
        self._dir = Path(tempfile.mkdtemp(prefix="escpos-"))
        self._wake_read, self._wake_write = os.pipe()
        self._closing = threading.Event()
        # The state that people and accidents set.
        self._paper = PaperState.OK
        self._rows_left: int | None = None
        self._cover_open = self._cutter_jam = self._jam_held = False
        self._unrecoverable = self._pausing = self._off = False
        self._stalled = False
        self._garbage: random.Random | None = None
        self._answer_late_s = 0.0
        self._rows_per_s: float | None = None
        self._unplug_after_rows: int | None = None
        self._rows_due = 0.0
        # The printer.
        self._buffer = bytearray()
        self._scanned = 0
        self._dots_left = 0
        self._dots_width_bytes = 0
        self._page: list[Dots] = []
        self._receipts: list[Dots] = []
        self._unexpected = bytearray()
        self._report = False
        self._reported = b""
        self._received_bytes = 0
        # The line.
        self._pty = PtyLine(self._dir / "printer")
        self._listener: socket.socket | None = None
        self._peer: socket.socket | None = None
        self._tcp_port = 0
        self.plug()
        self._thread = threading.Thread(target=self._run, name="escpos-simulator", daemon=True)
        self._thread.start()

    def __enter__(self) -> EscPosSimulator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def address(self) -> str:
        """Where a driver finds it."""
        if self._link == "pty":
            return f"serial:{self._dir / 'printer'}"
        return f"tcp:127.0.0.1:{self._tcp_port}"

    def close(self) -> None:
        """Pull the plug for good."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._wake()
        self._thread.join()
        self.unplug()
        os.close(self._wake_read)
        os.close(self._wake_write)
        shutil.rmtree(self._dir, ignore_errors=True)

    # What people do, and what goes wrong.

    def set_paper(self, paper: PaperState) -> None:
        """Put paper in, let it run low, or take it out."""
        with self._change():
            self._paper = paper
            self._rows_left = None

    def paper_ends_after(self, rows: int) -> None:
        """The paper ends when so many more rows of dots were printed."""
        with self._change():
            self._rows_left = rows

    def set_cover_open(self, is_open: bool) -> None:
        """Open or close the cover."""
        with self._change():
            self._cover_open = is_open

    def jam_cutter(self) -> None:
        """The next cut sticks."""
        with self._change():
            self._jam_held = True

    def free_cutter(self) -> None:
        """A technician has removed the jam; the printer waits to be told to recover."""
        with self._change():
            self._jam_held = False

    def break_down(self) -> None:
        """An error from which it does not recover."""
        with self._change():
            self._unrecoverable = True

    def pause(self, pausing: bool) -> None:
        """A hot head: it waits and goes on by itself."""
        with self._change():
            self._pausing = pausing

    def set_offline(self, off: bool) -> None:
        """Offline without a reason."""
        with self._change():
            self._off = off

    def stall(self) -> None:
        """Take nothing, print nothing and answer nothing, until `resume`."""
        with self._change():
            self._stalled = True

    def resume(self) -> None:
        """End a stall."""
        with self._change():
            self._stalled = False

    def slow(self, rows_per_s: float | None) -> None:
        """Print no faster than this; None ends it."""
        with self._change():
            self._rows_per_s = rows_per_s
            self._rows_due = time.monotonic()

    def garble(self, seed: int | None) -> None:
        """Answer random bytes instead of what is right; None ends it."""
        with self._change():
            self._garbage = None if seed is None else random.Random(seed)

    def noise(self, raw: bytes) -> None:
        """These bytes come unasked."""
        with self._change():
            line = self._line()
            if line is not None:
                os.write(line, raw)

    def answer_late(self, late_s: float) -> None:
        """Let every answer come late."""
        with self._change():
            self._answer_late_s = late_s

    def unplug_after(self, rows: int) -> None:
        """The plug is pulled when so many more rows of dots were printed."""
        with self._change():
            self._unplug_after_rows = rows

    def unplug(self) -> None:
        """Pull the plug: the line is gone, the printer forgets what it held."""
        with self._lock:
            if self._link == "pty":
                self._pty.unplug()
            else:
                for line in (self._peer, self._listener):
                    if line is not None:
                        line.close()
                self._peer = self._listener = None
            self._forget()
        if not self._closing.is_set():
            self._wake()

    def plug(self) -> None:
        """Plug in again, under the same address."""
        with self._lock:
            if self._link == "pty":
                self._pty.plug()
            elif self._listener is None:
                listener = socket.socket()
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                # Little room before the printer, as in a small network card.
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
                listener.bind(("127.0.0.1", self._tcp_port))
                listener.listen(1)
                listener.setblocking(False)
                self._tcp_port = listener.getsockname()[1]
                self._listener = listener
        self._wake()

    def hang_up(self) -> None:
        """End the connection as an idle network printer does; it can be opened again."""
        with self._lock:
            if self._peer is not None:
                self._peer.close()
                self._peer = None
        self._wake()

    def heal(self) -> None:
        """End every fault, mend everything, put in paper and plug in again."""
        with self._change():
            self._paper, self._rows_left = PaperState.OK, None
            self._cover_open = self._jam_held = self._off = False
            self._unrecoverable = self._pausing = self._stalled = False
            self._garbage = self._rows_per_s = self._unplug_after_rows = None
            self._answer_late_s = 0.0
        self.plug()

    # What a test looks at.

    @property
    def receipts(self) -> tuple[Dots, ...]:
        """What was printed and cut off, oldest first: arrays of shape (rows, 576)."""
        with self._lock:
            return tuple(self._receipts)

    @property
    def hanging_rows(self) -> int:
        """Rows that are printed and not cut off."""
        with self._lock:
            return len(self._page)

    @property
    def unexpected(self) -> bytes:
        """Bytes that were no command of this printer: it would have printed them as text."""
        with self._lock:
            return bytes(self._unexpected)

    @property
    def received_bytes(self) -> int:
        """All bytes taken in so far."""
        with self._lock:
            return self._received_bytes

    @property
    def held_bytes(self) -> int:
        """Bytes that were taken in and not worked on."""
        with self._lock:
            return len(self._buffer)

    # The thread.

    @contextlib.contextmanager
    def _change(self):  # type: ignore[no-untyped-def]
        with self._lock:
            yield
        self._wake()

    def _wake(self) -> None:
        os.write(self._wake_write, b"\x00")

    def _forget(self) -> None:
        self._buffer.clear()
        self._scanned = self._dots_left = 0
        self._report, self._reported = False, b""

    def _run(self) -> None:
        while not self._closing.is_set():
            ready, wakened = self._await()
            if wakened:
                os.read(self._wake_read, 4_096)
            with self._lock:
                if ready:
                    self._take_in()
                if not self._stalled:
                    self._act_at_once()
                    if not self._can_print():
                        self._lose_what_has_no_room()
                    self._work()
                    self._report_change()

    def _await(self) -> tuple[bool, bool]:
        with self._lock:
            room = len(self._buffer) < self._buffer_bytes or not self._can_print()
            room = room and not self._stalled
            line = self._line()
            listener = self._listener if self._peer is None else None
            busy = bool(self._buffer) and self._can_print() and not self._stalled
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_read, selectors.EVENT_READ)
            for source in (line if room else None, listener):
                if source is not None:
                    # It may be closed meanwhile: then somebody wakes this thread.
                    with contextlib.suppress(OSError, ValueError):
                        selector.register(source, selectors.EVENT_READ)
            found = {key.fd for key, _ in selector.select(_TICK_S if busy else None)}
        return bool(found - {self._wake_read}), self._wake_read in found

    def _line(self) -> int | None:
        if self._link == "pty":
            return self._pty.master
        return None if self._peer is None else self._peer.fileno()

    def _take_in(self) -> None:
        if self._link == "tcp" and self._peer is None:
            if self._listener is not None:
                with contextlib.suppress(OSError):
                    self._peer, _ = self._listener.accept()
                    self._peer.setblocking(False)
                    self._peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return
        line = self._line()
        if line is None:
            return
        try:
            data = os.read(line, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data and self._peer is not None:
            self._peer.close()
            self._peer = None
        self._received_bytes += len(data)
        self._buffer += data

    def _say(self, data: bytes) -> None:
        if self._garbage is not None:
            data = self._garbage.randbytes(len(data))
        if self._answer_late_s:
            self._closing.wait(self._answer_late_s)
        line = self._line()
        if line is not None:
            with contextlib.suppress(OSError):
                os.write(line, data)

    # Real-time commands, when they arrive.

    def _act_at_once(self) -> None:
        buffer = self._buffer
        at = self._scanned
        while at < len(buffer):
            if buffer[at] != 0x10:
                at += 1
                continue
            rest = bytes(buffer[at : at + len(_CLEAR)])
            if rest == _CLEAR and self._clears:
                self._clear_buffers(keep_after=at + len(_CLEAR))
                self._cutter_jam = self._cutter_jam and self._jam_held
                self._say(_CLEARED)
                at = 0
                continue
            if len(rest) < 3 and rest in (b"\x10", b"\x10\x04", b"\x10\x05", b"\x10\x14"):
                break  # the rest may still come
            if len(rest) < len(_CLEAR) and _CLEAR.startswith(rest):
                break
            if rest.startswith(b"\x10\x04") and rest[2] in (1, 2, 3, 4):
                self._answer_status(rest[2])
                at += 3
            elif rest.startswith(b"\x10\x05\x02"):
                self._cutter_jam = self._cutter_jam and self._jam_held
                self._clear_buffers(keep_after=at + 3)
                at = 0
            else:
                at += 1
        self._scanned = at

    def _lose_what_has_no_room(self) -> None:
        # A real-time command that has not wholly arrived stays.
        if self._scanned > self._buffer_bytes:
            del self._buffer[self._buffer_bytes : self._scanned]
            self._scanned = self._buffer_bytes

    def _clear_buffers(self, keep_after: int) -> None:
        del self._buffer[:keep_after]
        self._dots_left = 0

    def _answer_status(self, number: int) -> None:
        if number in self._mute:
            return
        out = self._paper is PaperState.OUT
        error = self._cutter_jam or self._unrecoverable
        bits = {
            1: 0x08 * (not self._online()),
            2: 0x04 * self._cover_open | 0x20 * out | 0x40 * error,
            3: 0x08 * self._cutter_jam | 0x20 * self._unrecoverable | 0x40 * self._pausing,
            4: 0x0C * (out or self._paper is PaperState.LOW) | 0x60 * out,
        }
        self._say(bytes([0x12 | bits[number]]))

    def _online(self) -> bool:
        broken = self._cutter_jam or self._unrecoverable or self._cover_open or self._off
        return not broken and self._paper is not PaperState.OUT

    def _can_print(self) -> bool:
        return self._online() and not self._pausing

    def _report_change(self) -> None:
        if not (self._report and self._reports_changes):
            return
        out = self._paper is PaperState.OUT
        first = 0x10 | 0x08 * (not self._online()) | 0x20 * self._cover_open
        second = 0x08 * self._cutter_jam | 0x20 * self._unrecoverable | 0x40 * self._pausing
        third = 0x03 * (out or self._paper is PaperState.LOW) | 0x0C * out
        report = bytes([first, second, third, 0])
        if report != self._reported:
            self._reported = report
            self._say(report)

    # Everything else, in its turn.

    def _work(self) -> None:
        while self._buffer and self._can_print():
            if self._dots_left:
                if not self._print_row():
                    return
                continue
            command = self._next_command()
            if command is None:
                return
            self._carry_out(command)

    def _next_command(self) -> bytes | None:
        buffer = self._buffer
        for start, length in _LENGTHS:
            if buffer.startswith(start):
                if len(buffer) < length:
                    return None
                return self._pop(length)
            if len(buffer) < len(start) and start.startswith(bytes(buffer)):
                return None
        self._unexpected += self._pop(1)
        return b""

    def _pop(self, size_bytes: int) -> bytes:
        taken = bytes(self._buffer[:size_bytes])
        del self._buffer[:size_bytes]
        self._scanned = max(0, self._scanned - size_bytes)
        return taken

    def _carry_out(self, command: bytes) -> None:
        if command.startswith(b"\x1dv0"):
            self._dots_width_bytes = int.from_bytes(command[4:6], "little")
            self._dots_left = int.from_bytes(command[6:8], "little")
        elif command.startswith(b"\x1dV"):
            self._cut()
        elif command.startswith(b"\x1da"):
            self._report, self._reported = command[2] != 0, b""
        elif command.startswith(b"\x1dr") and self._in_turn:
            self._say(bytes([0x03 if self._paper is PaperState.LOW else 0x00]))
        elif command.startswith(b"\x1d(H") and self._process_ids:
            self._say(b"\x37\x22" + command[7:] + b"\x00")

    def _print_row(self) -> bool:
        """One row of dots; False if that has to wait."""
        if len(self._buffer) < self._dots_width_bytes:
            return False
        if self._rows_per_s is not None:
            now = time.monotonic()
            if now < self._rows_due:
                return False
            self._rows_due = max(self._rows_due, now - _TICK_S) + 1 / self._rows_per_s
        packed = np.frombuffer(self._pop(self._dots_width_bytes), np.uint8)
        row = np.zeros(WIDTH_DOTS, np.bool_)
        dots = np.unpackbits(packed).astype(np.bool_)[:WIDTH_DOTS]
        row[: len(dots)] = dots
        self._page.append(row)
        self._dots_left -= 1
        if self._rows_left is not None:
            self._rows_left -= 1
            if self._rows_left <= 0:
                self._paper, self._rows_left = PaperState.OUT, None
        if self._unplug_after_rows is not None:
            self._unplug_after_rows -= 1
            if self._unplug_after_rows <= 0:
                self._unplug_after_rows = None
                self.unplug()
        return True

    def _cut(self) -> None:
        if self._jam_held:
            self._cutter_jam = True
            return
        if self._page:
            self._receipts.append(np.array(self._page))
            self._page.clear()
