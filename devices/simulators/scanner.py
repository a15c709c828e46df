"""Code scanners that exist only on a pseudo-terminal, or as a keyboard's event stream.

`SerialScannerSimulator` is a scanner on a serial port whose path stays the same when it is
pulled and plugged in again. `WedgeSimulator` is a keyboard at the edge of evdev: the events
are the kernel's own bytes in a pipe, read by evdev's own code; what it cannot show is the
kernel's part (finding, grabbing, unplugging), which is stood in for.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import struct
import tempfile
import threading
import time
from pathlib import Path

import evdev
from evdev import ecodes

from devices.scanners.wedge import PLAIN, SHIFTED
from devices.simulators.pty_line import PtyLine

_EVENT = struct.Struct("llHHi")


class SerialScannerSimulator:
    """The simulated serial scanner. Use it as a context manager, or call `close`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._dir = Path(tempfile.mkdtemp(prefix="scanner-"))
        self.port = str(self._dir / "scanner")
        self._line = PtyLine(Path(self.port), blocking=True)
        self.come_back()

    def __enter__(self) -> SerialScannerSimulator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Unplug for good."""
        self.vanish()
        shutil.rmtree(self._dir, ignore_errors=True)

    def scan(self, text: str, *, end: bytes = b"\r", encoding: str = "utf-8") -> None:
        """Somebody shows a code."""
        self.send(text.encode(encoding) + end)

    def send(self, raw: bytes) -> None:
        """These bytes arrive, whatever they are."""
        with self._lock:
            if self._line.master is not None:
                os.write(self._line.master, raw)

    def vanish(self) -> None:
        """Pull the plug."""
        with self._lock:
            self._line.unplug()

    def come_back(self) -> None:
        """Plug in again, under the same path."""
        with self._lock:
            self._line.plug()


class WedgeKeyboard(evdev.InputDevice[str]):
    """An opened keyboard whose events come from a pipe."""

    def __init__(self, simulator: WedgeSimulator, handle: int) -> None:
        # No device node: what the kernel would say of one is set here.
        self._simulator = simulator
        self.fd = handle
        self.path = "/dev/input/simulated"
        self.info = evdev.device.DeviceInfo(3, simulator.vendor, simulator.product, 0x110)
        self.name, self.phys, self.uniq = "scanner", simulator.phys, ""

    def capabilities(self, verbose: bool = False, absinfo: bool = True) -> dict[int, list[int]]:  # type: ignore[override]  # noqa: ARG002
        """The keys of a keyboard, or of what is none."""
        keys = [ecodes.KEY_1, ecodes.KEY_ENTER] if self._simulator.types else [ecodes.KEY_MUTE]
        return {ecodes.EV_KEY: keys}

    def grab(self) -> None:
        """Only one may."""
        if self._simulator.grabbed:
            raise OSError("Device or resource busy")
        self._simulator.grabbed = True

    def ungrab(self) -> None:
        """Let others have it."""
        self._simulator.grabbed = False


class WedgeSimulator:
    """The simulated keyboard wedge. `keyboards` is what a driver is given to look at."""

    def __init__(
        self,
        vendor: int = 0x1EAB,
        product: int = 0x1D03,
        phys: str = "usb-0000:00:14.0-2/input0",
        *,
        types: bool = True,
    ) -> None:
        self.vendor, self.product, self.phys, self.types = vendor, product, phys, types
        self.grabbed = False
        self._there = True
        self._write: int | None = None

    def keyboards(self) -> list[evdev.InputDevice[str]]:
        """Open it, if it is there."""
        if not self._there:
            return []
        self._hang_up()
        handle, self._write = os.pipe()
        os.set_blocking(handle, False)
        return [WedgeKeyboard(self, handle)]

    def scan(self, text: str, *, enter: bool = True) -> None:
        """Somebody shows a code of characters that a US keyboard has."""
        for char in text:
            self.press_char(char)
        if enter:
            self.tap(ecodes.KEY_ENTER)

    def press_char(self, char: str) -> None:
        """One character, with Shift where it needs it."""
        for table, shift in ((PLAIN, False), (SHIFTED, True)):
            code = next((key for key, shown in table.items() if shown == char), None)
            if code is not None:
                if shift:
                    self.event(ecodes.EV_KEY, ecodes.KEY_LEFTSHIFT, 1)
                self.tap(code)
                if shift:
                    self.event(ecodes.EV_KEY, ecodes.KEY_LEFTSHIFT, 0)
                return
        raise ValueError("no key for this character")

    def tap(self, code: int) -> None:
        """One key, down and up."""
        self.event(ecodes.EV_KEY, code, 1)
        self.event(ecodes.EV_KEY, code, 0)

    def lose_events(self) -> None:
        """The kernel's queue ran over."""
        self.event(ecodes.EV_SYN, ecodes.SYN_DROPPED, 0)

    def event(self, kind: int, code: int, value: int) -> None:
        """One event as the kernel writes it, and its end mark."""
        if self._write is None:
            return
        seconds, fraction = divmod(time.time(), 1)
        at = (int(seconds), int(fraction * 1e6))
        raw = _EVENT.pack(*at, kind, code, value)
        if kind != ecodes.EV_SYN:
            raw += _EVENT.pack(*at, ecodes.EV_SYN, ecodes.SYN_REPORT, 0)
        with contextlib.suppress(BrokenPipeError):  # nobody holds it any more
            os.write(self._write, raw)

    def vanish(self) -> None:
        """Pull the plug."""
        self._there = self.grabbed = False
        self._hang_up()

    def come_back(self) -> None:
        """Plug in again."""
        self._there = True

    def close(self) -> None:
        """Unplug for good."""
        self.vanish()

    def _hang_up(self) -> None:
        handle, self._write = self._write, None
        if handle is not None:
            os.close(handle)
