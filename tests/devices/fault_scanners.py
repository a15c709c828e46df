"""Code scanners in front of their simulators. Their lines carry no check sum: what is shown to
be kept out is noise that is no text, halves of codes, and codes that were shown to somebody else.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import ClassVar

from evdev import ecodes
from fault_campaign import Bench, Inject, WrongResult

from devices.records import ScannedCode
from devices.scanners.scanner import CodeScanner
from devices.scanners.serial_line import serial_line
from devices.scanners.wedge import WedgeId, wedge_line
from devices.simulators.scanner import SerialScannerSimulator, WedgeSimulator
from devices.worker import Cancel

GAP_S = 0.1


class Scanner(Bench):
    """What both kinds share."""

    deadline_s: ClassVar[float] = 1.0
    wait_s = 0.4
    simulator: SerialScannerSimulator | WedgeSimulator
    scanner: CodeScanner

    def __init__(self) -> None:
        super().__init__()
        self.code = ""
        self._shows = True

    @property
    def kinds(self) -> Mapping[str, Inject]:
        """Of people and of the plug."""
        return {
            "nothing is shown": lambda _: self._show_nothing(),
            "shown to the one before": self._too_early,
            "half of a code": self._half,
            "unplugged": lambda c: self.after(c.uniform(0, 0.2), self._vanish),
            "unplugged from the start": lambda _: self._vanish(),
            "unplugged, and back": self._vanish_briefly,
        }

    def _show(self, text: str) -> None:
        self.simulator.scan(text)

    def _show_nothing(self) -> None:
        self._shows = False

    def _too_early(self, chance: random.Random) -> None:
        self._shows = chance.random() < 0.5
        self._show(f"before-{chance.randrange(10**6)}")

    def _half(self, chance: random.Random) -> None:
        raise NotImplementedError

    def _vanish(self) -> None:
        self.simulator.vanish()

    def _vanish_briefly(self, chance: random.Random) -> None:
        self._vanish()
        self.after(chance.uniform(0.05, 0.3), self.simulator.come_back)

    def prepare(self, chance: random.Random) -> None:
        """Somebody with a code."""
        self.code = f"LW042-{chance.randrange(10**5):05}-{chance.randrange(10)}"
        self._shows = True

    def call(self, cancel: Cancel) -> object:
        """Wait for a code, which is shown again and again as people do."""
        if self._shows:
            self._show_again_and_again()
        return self.scanner.read(cancel, wait_s=self.wait_s)

    def _show_again_and_again(self) -> None:
        def show() -> bool:
            self._show(self.code)
            self._over.wait(0.03)
            return False

        self.when(show, lambda: None)

    def check(self, result: object) -> None:
        """It is the code that is shown now."""
        if result is not None and (not isinstance(result, ScannedCode) or result.text != self.code):
            raise WrongResult("a code that nobody shows")

    def mend(self) -> None:
        """Plugged in."""
        self.simulator.come_back()

    def serve(self) -> None:
        """The next code is read."""
        self.code = "LW042-00317-6"

        def right(cancel: Cancel) -> bool:
            self._show_again_and_again()
            try:
                found = self.scanner.read(cancel, wait_s=1.0)
            finally:
                self.end_helpers()
            return found.text == self.code

        self.serve_by(right)

    def close(self) -> None:
        """Let it go."""
        self.scanner.close()
        self.simulator.close()


class SerialScanner(Scanner):
    """On a pseudo-terminal."""

    device: ClassVar[str] = "scanner-serial"

    def __init__(self) -> None:
        super().__init__()
        self.simulator: SerialScannerSimulator = SerialScannerSimulator()
        self.scanner = CodeScanner(
            serial_line(self.simulator.port, gap_s=GAP_S), absent_patience_s=0.15
        )

    @property
    def kinds(self) -> Mapping[str, Inject]:
        """And of the line."""
        return {
            **super().kinds,
            "noise": lambda c: self._in_between(self._noise(c, c.randint(1, 60))),
            "a line of noise": lambda c: self._in_between(self._noise(c, c.randint(1, 60)) + b"\r"),
            "endless line": lambda c: self._in_between(b"\x01" + b"x" * c.randint(5_000, 20_000)),
            "garbage alone": self._garbage,
        }

    @staticmethod
    def _noise(chance: random.Random, size: int) -> bytes:
        """What is no text whatever it is put together with."""
        raw = chance.randbytes(size).replace(b"\r", b"\xff").replace(b"\n", b"\xff")
        return b"\x01" + raw + b"\x01"

    def _in_between(self, raw: bytes) -> None:
        self.after(0.05, lambda: self.simulator.send(raw[:3_000]))
        self.simulator.send(raw[3_000:6_000])

    def _garbage(self, chance: random.Random) -> None:
        self._shows = False
        raw = self._noise(chance, 100) + chance.choice((b"", b"\r", b"\n\r"))
        self.after(0.05, lambda: self.simulator.send(raw))

    def _half(self, chance: random.Random) -> None:
        half = self.code[: chance.randint(1, len(self.code) - 1)].encode()
        self._shows = False
        self.after(chance.uniform(0.02, 0.2), lambda: self.simulator.send(half))


class WedgeScanner(Scanner):
    """A keyboard at the edge of evdev."""

    device: ClassVar[str] = "scanner-wedge"

    def __init__(self) -> None:
        super().__init__()
        self.simulator: WedgeSimulator = WedgeSimulator()
        self.scanner = CodeScanner(
            wedge_line(WedgeId(0x1EAB, 0x1D03), keyboards=self.simulator.keyboards, gap_s=GAP_S),
            absent_patience_s=0.15,
        )

    @property
    def kinds(self) -> Mapping[str, Inject]:
        """And of the keyboard."""
        return {
            **super().kinds,
            "events lost": lambda c: self._spoilt(c, lambda: self.simulator.lose_events()),
            "a key of no text": lambda c: self._spoilt(
                c, lambda: self.simulator.tap(c.choice((ecodes.KEY_F5, ecodes.KEY_UP)))
            ),
            "a key of command": lambda c: self._spoilt(c, self._with_ctrl),
            "taken by another program": self._taken,
        }

    def _spoilt(self, chance: random.Random, act: Callable[[], object]) -> None:
        """In the middle of the first code that is shown; nothing else is shown."""
        at = chance.randrange(1, len(self.code))
        self._shows = False

        def show() -> None:
            self.simulator.scan(self.code[:at], enter=False)
            act()
            self.simulator.scan(self.code[at:])

        self.after(0.05, show)

    def _with_ctrl(self) -> None:
        self.simulator.event(ecodes.EV_KEY, ecodes.KEY_LEFTCTRL, 1)
        self.simulator.tap(ecodes.KEY_A)
        self.simulator.event(ecodes.EV_KEY, ecodes.KEY_LEFTCTRL, 0)

    def _taken(self, _: random.Random) -> None:
        self.scanner.close()
        self.simulator.grabbed = True
        self._taken_now = True

    def _half(self, chance: random.Random) -> None:
        half = self.code[: chance.randint(1, len(self.code) - 1)]
        self._shows = False
        self.after(chance.uniform(0.02, 0.2), lambda: self.simulator.scan(half, enter=False))

    _taken_now = False

    def mend(self) -> None:
        """Plugged in, and nobody else's."""
        if self._taken_now:
            self._taken_now = self.simulator.grabbed = False
        super().mend()
