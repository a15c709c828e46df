"""Named points in a terminal's process, at which it can be killed.

A point is passed before and after each call named here: the disk's writes, syncs, truncations
and deletes (named by what the store was doing), each command of the store, each request to the
backend, and what lies between journey, world, printer and store: the effects that the journey
asks for, the answers that it gets, sealing, rendering, paper, screens, the end.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import apsw

from devices.simulators.printer import SimulatedPrinter
from kiosk.app import Terminal
from kiosk.journey.effects import CountUse, EndVisit, Enqueue, KeepRating, Print
from kiosk.journey.events import Delivered, Printed, PrintFailed, Recovered, Saved
from kiosk.journey.views import SubmittedView
from kiosk.runtime import Runtime
from kiosk.sealing import Sealing
from kiosk.world.printing import Printing
from kiosk.world.submitting import Submitting
from offline_queue.store import Store
from offline_queue.wire import Wire
from screens.shell import Shell

PHASES: Final = (
    "reserve_number",
    "enqueue",
    "claim",
    "put_back",
    "delivered",
    "set_print_state",
    "unprinted",
    "put_meta",
    "get_meta",
    "rest",
    "close",
)
_REAL: Final = "unix"  # the name of the disk that SQLite brings
_EFFECTS: Final = (Enqueue, Print, EndVisit, CountUse, KeepRating)
_ANSWERS: Final = (Saved, Delivered, Printed, PrintFailed, Recovered)


class Points:
    """Counts what is passed, and kills: at pass `at` of the point `name`, "" for of all."""

    def __init__(self, name: str, at: int) -> None:
        self.passed: Counter[str] = Counter()
        self.phase = "open"
        self._name = name
        self._at = at
        self._total = 0

    def __call__(self, name: str) -> None:
        """Pass one."""
        self.passed[name] += 1
        self._total += 1
        count = self.passed[self._name] if self._name == name else self._total
        if self._at == count and self._name in ("", name):
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, name: str, call: Callable[[], Any]) -> Any:
        """Two points: before and after."""
        self(f"{name} before")
        result = call()
        self(f"{name} after")
        return result


class Disk(apsw.VFS):
    """The real disk, with points; for every connection of this process."""

    def __init__(self, points: Points) -> None:
        self.points = points
        super().__init__("points", _REAL, makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        """A file of the real disk."""
        points = self.points
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        which = path.rsplit("outbox.db", 1)[-1] or "-db"

        class File(apsw.VFSFile):
            def __init__(self) -> None:
                super().__init__(_REAL, name, flags)

            def xWrite(self, data: bytes, offset: int) -> None:
                write = super().xWrite
                points.around(f"{points.phase}{which} write", lambda: write(data, offset))

            def xSync(self, flags: int) -> None:
                sync = super().xSync
                points.around(f"{points.phase}{which} sync", lambda: sync(flags))

            def xTruncate(self, size: int) -> None:
                truncate = super().xTruncate
                points.around(f"{points.phase}{which} truncate", lambda: truncate(size))

        return File()

    def xDelete(self, name: str, sync_directory: bool) -> None:
        """Of a journal."""
        delete = super().xDelete
        self.points.around(f"{self.points.phase} delete", lambda: delete(name, sync_directory))


def put_in(points: Points) -> Disk:
    """Put `points` into this process; keep what is returned."""
    for name in PHASES:
        _name_phase(points, name)
    for owner, method, name_of in _CALLS:
        _surround(points, owner, method, name_of)
    return Disk(points)


def _name_phase(points: Points, name: str) -> None:
    """Let a command of the store say its name to the disk."""
    method = getattr(Store, name)

    def run(store: Store, *args: Any, **kwargs: Any) -> Any:
        points.phase = name
        try:
            result = method(store, *args, **kwargs)
        finally:
            points.phase = "between"
        points(f"{name} returned")
        return result

    setattr(Store, name, run)


def _surround(
    points: Points, owner: type, method: str, name_of: Callable[[tuple[Any, ...]], str]
) -> None:
    """Points around a method; none for calls to which `name_of` gives no name."""
    call = getattr(owner, method)

    def run(*args: Any, **kwargs: Any) -> Any:
        name = name_of(args)
        if not name:
            return call(*args, **kwargs)
        return points.around(name, lambda: call(*args, **kwargs))

    setattr(owner, method, run)


def _of(what: str, kinds: tuple[type, ...]) -> Callable[[tuple[Any, ...]], str]:
    return lambda args: f"{what} {type(args[1]).__name__}" if isinstance(args[1], kinds) else ""


def _request(args: tuple[Any, ...]) -> str:
    _, method, path = args[:3]
    return f"wire {method} {'part' if method == 'PUT' else path.rsplit('/', 1)[-1]}"


def _screen(args: tuple[Any, ...]) -> str:
    body = args[1].body
    if not isinstance(body, SubmittedView):
        return ""
    return f"screen {body.state or 'none'} {body.printing or 'unprinted'}"


def _called(name: str) -> Callable[[tuple[Any, ...]], str]:
    return lambda _: name


_CALLS: Final[list[tuple[type, str, Callable[[tuple[Any, ...]], str]]]] = [
    (Wire, "request", _request),
    (Runtime, "_carry", _of("effect", _EFFECTS)),
    (Runtime, "post", _of("answer", _ANSWERS)),
    (Submitting, "_save", _called("save")),
    (Sealing, "seal_application", _called("seal")),
    (Sealing, "chain", _called("chain")),
    (Sealing, "acknowledged", _called("acknowledged")),
    (Printing, "_render", _called("render")),
    (SimulatedPrinter, "print", _called("paper")),
    (Shell, "show_view", _screen),
    (Terminal, "begin", _called("begin")),
    (Terminal, "close", _called("stop")),
]
