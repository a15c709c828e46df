"""A serial line without a cable: a simulator sits at one end, a driver opens the other by path."""

from __future__ import annotations

import contextlib
import os
import tty
from pathlib import Path


class PtyLine:
    """One line, plugged in or not. Whoever has it sees to it that one thread at a time uses it.

    `master` is the simulator's end, None while unplugged. Its own handle of the driver's end,
    `slave`, keeps the line up while no driver has it open.
    """

    def __init__(self, path: Path, *, blocking: bool = False) -> None:
        """`path` leads to the driver's end; `blocking`: whether the simulator's end waits."""
        self.path = path
        self.master: int | None = None
        self.slave: int | None = None
        self._blocking = blocking

    def plug(self) -> bool:
        """Plug in, always under the same path; whether it was not plugged in."""
        if self.master is not None:
            return False
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, self._blocking)
        os.symlink(os.ttyname(self.slave), self.path)
        return True

    def unplug(self) -> None:
        """Pull the plug: the line hangs up and its path is gone."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        for handle in (self.master, self.slave):
            if handle is not None:
                os.close(handle)
        self.master = self.slave = None
