"""Carries out ReadCode and StopCode: scanner and document camera wait for one code together.

The first that sees a code has it, and the others stop. A source that fails is no failure as
long as another still waits; when all have failed, the one that waited for nothing else than
the code (CODE_ABSENT) speaks before one that is broken.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from devices.errors import DeviceError, Fault
from devices.records import ScannedCode
from kiosk.journey.effects import ReadCode, StopCode
from kiosk.journey.events import CodeFailed, CodeSeen, Event

Seen = Callable[["ScannedCode | DeviceError"], None]


class CodeSource(Protocol):
    """A device that sees codes. Every `await_code` ends in one call of `done`, on any thread,
    unless it was given up or another wait took its place."""

    by_camera: bool  # waits only where the effect allows a camera

    def await_code(self, wait_s: float, done: Seen) -> None:
        """Wait for a code that is shown from now on."""

    def give_up_code(self) -> None:
        """Nobody waits any more; returns at once."""


class CodeReading:
    """All sources of codes as one."""

    def __init__(self, sources: Sequence[CodeSource], reply: Callable[[Event], None]) -> None:
        self._sources = tuple(sources)
        self._reply = reply
        self._lock = threading.Lock()
        self._run = 0
        self._open: set[int] = set()  # sources that still wait
        self._worst = Fault.SCANNER_ABSENT

    def read(self, effect: ReadCode, visit: int) -> None:
        """Let every source wait; an earlier wait is given up."""
        self.stop()
        chosen = [
            (number, source)
            for number, source in enumerate(self._sources)
            if effect.camera or not source.by_camera
        ]
        with self._lock:
            run = self._run
            self._open = {number for number, _ in chosen}
            self._worst = Fault.SCANNER_ABSENT
        if not chosen:
            self._reply(CodeFailed(visit, Fault.SCANNER_ABSENT.code))
        for number, source in chosen:
            source.await_code(effect.wait_s, self._hears(run, number, visit))

    def stop(self, _effect: StopCode | None = None, _visit: int = 0) -> None:
        """Give every wait up."""
        with self._lock:
            self._run += 1
            self._open = set()
        for source in self._sources:
            source.give_up_code()

    def _hears(self, run: int, number: int, visit: int) -> Seen:
        def done(result: ScannedCode | DeviceError) -> None:
            event = self._event(run, number, visit, result)
            if event is not None:
                self._reply(event)

        return done

    def _event(
        self, run: int, number: int, visit: int, result: ScannedCode | DeviceError
    ) -> Event | None:
        with self._lock:
            if run != self._run or number not in self._open:
                return None
            self._open.discard(number)
            if isinstance(result, ScannedCode):
                others = [self._sources[other] for other in self._open]
                self._open = set()
            else:
                if result.fault in (Fault.CODE_ABSENT, Fault.CODE_UNREADABLE):
                    self._worst = result.fault
                if self._open:
                    return None
                return CodeFailed(visit, self._worst.code)
        for source in others:
            source.give_up_code()
        return CodeSeen(visit, result)
