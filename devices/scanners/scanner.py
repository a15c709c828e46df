"""Waits for a code from a scanner device, whichever line it comes over.

Promises of `CodeScanner`, which belongs inside a `DeviceWorker`:

- A code is taken only if it was scanned after `read` began: what the person before scanned,
  or half of a code, is never given to the next.
- A read ends in a code or a DeviceError, at most a moment after it was told to.
- A scanner that was pulled is opened again, with growing pauses; no restart is needed.
- The line is held from the first `open` to `close`: a keyboard wedge that nobody holds would
  type what it scans into whatever has the focus.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Protocol

from devices.errors import DeviceError, Fault
from devices.records import ScannedCode
from devices.scanners.text import code_of
from devices.worker import Cancel

# How soon a cancel is noticed; what arrives ends the wait.
_POLL_S = 0.05
REOPEN_FIRST_S = 0.1
REOPEN_LONGEST_S = 5.0
ABSENT_PATIENCE_S = 5.0
_LINES_MOST = 8


class Line(Protocol):
    """An open scanner. Its methods raise OSError when it is gone."""

    def take(self, timeout_s: float) -> list[str | None]:
        """What was scanned and ended within `timeout_s`; None for what cannot be read."""
        ...

    def drain(self) -> None:
        """Forget what was scanned so far, and the rest of what is just being scanned."""

    def close(self) -> None:
        """Let it go."""


class CodeScanner:
    """One scanner; `open_line` opens its line, raising OSError if it is not there."""

    def __init__(
        self,
        open_line: Callable[[], Line],
        *,
        aim: bool = False,
        absent_patience_s: float = ABSENT_PATIENCE_S,
    ) -> None:
        """`aim`: the scanner begins each code with its AIM identifier.

        `absent_patience_s` is for how long a read waits for a scanner that is not there.
        """
        self._open_line = open_line
        self._aim = aim
        self._absent_patience_s = absent_patience_s
        self._line: Line | None = None
        self._waiting = False

    @property
    def is_waiting(self) -> bool:
        """Whether a code that is shown now would be taken."""
        return self._waiting

    def open(self) -> None:
        """Take hold of the scanner. Raises DeviceError(SCANNER_ABSENT)."""
        if self._line is not None:
            return
        try:
            self._line = self._open_line()
        except OSError as error:
            reason = type(error).__name__
        else:
            return
        raise DeviceError(Fault.SCANNER_ABSENT, f"cannot be opened ({reason})")

    def close(self) -> None:
        """Let the scanner go; a later read takes hold of it again."""
        line, self._line = self._line, None
        if line is not None:
            with contextlib.suppress(OSError):
                line.close()

    def status(self) -> None:
        """Return if the scanner is there, else raise DeviceError(SCANNER_ABSENT).

        Between reads only: what was scanned meanwhile is forgotten.
        """
        self.open()
        self._drain()

    def read(self, cancel: Cancel, *, wait_s: float, more_s: float = 0.0) -> ScannedCode:
        """The next code. With `more_s`, lines that come so soon after each other are one code
        of several lines, as the zone of a travel document.

        Raises DeviceError: CODE_ABSENT if none came within `wait_s`, CODE_UNREADABLE for what
        is no text, SCANNER_ABSENT, CANCELLED, DEADLINE."""
        try:
            return self._read(cancel, wait_s, more_s)
        finally:
            self._waiting = False

    def _read(self, cancel: Cancel, wait_s: float, more_s: float) -> ScannedCode:
        until = time.monotonic() + wait_s
        absent_since: float | None = None
        pause_s = REOPEN_FIRST_S
        self._waiting = False
        while True:
            cancel.raise_if_cancelled()
            left_s = until - time.monotonic()
            if left_s <= 0 and self._waiting:
                raise DeviceError(Fault.CODE_ABSENT)
            try:
                self.open()
                if not self._waiting:
                    self._drain()
                    self._waiting = True
                    absent_since, pause_s = None, REOPEN_FIRST_S
                scanned = self._take(min(_POLL_S, max(0.0, left_s)))
            except DeviceError as error:
                trouble = error
            else:
                if scanned:
                    return self._code(self._gathered(scanned, cancel, more_s))
                continue
            self._waiting = False
            now = time.monotonic()
            absent_since = now if absent_since is None else absent_since
            if now - absent_since >= self._absent_patience_s or now >= until:
                raise trouble
            cancel.wait(min(pause_s, max(0.0, until - now)))
            pause_s = min(2 * pause_s, REOPEN_LONGEST_S)

    def _gathered(self, scanned: list[str | None], cancel: Cancel, more_s: float) -> str | None:
        """The first code, or with `more_s` all lines until none follows for so long."""
        if more_s <= 0:
            return scanned[0]
        while not cancel.cancelled and len(scanned) <= _LINES_MOST:
            more = self._take(more_s)
            if not more:
                break
            scanned += more
        lines = [line for line in scanned if line is not None]
        return "\n".join(lines) if len(lines) == len(scanned) else None

    def _code(self, text: str | None) -> ScannedCode:
        code = code_of(text, aim=self._aim)
        if code is None:
            raise DeviceError(Fault.CODE_UNREADABLE)
        return code

    def _drain(self) -> None:
        assert self._line is not None
        try:
            self._line.drain()
        except OSError as error:
            reason = type(error).__name__
        else:
            return
        self.close()
        raise DeviceError(Fault.SCANNER_ABSENT, f"vanished ({reason})")

    def _take(self, timeout_s: float) -> list[str | None]:
        assert self._line is not None
        try:
            return self._line.take(timeout_s)
        except OSError as error:
            reason = type(error).__name__
        self.close()
        raise DeviceError(Fault.SCANNER_ABSENT, f"vanished ({reason})")
