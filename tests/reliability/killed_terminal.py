"""A small terminal as a process that kills itself where it is told to.

Run by `test_sigkill.py`: real sealing, outbox and sender against a real backend. It reads one
JSON object from standard input, hands in two applications, says "number id digest" for each
that was saved, delivers them, notes the print states, purges, rests and stops. A point is
passed before and after each call to the disk's writes, syncs and deletes and to the wire, and
is named by what the store was doing. SIGKILL comes at the n-th pass of one point, or at the n-th
of all. In the end it says the names of all points that it passed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
from terminals import WAIT_S, RealTerminal

from offline_queue import Delivered, PrintState
from offline_queue.answers import Answer
from offline_queue.backoff import Backoff
from offline_queue.store import Store
from offline_queue.wire import Wire

DISK = "points"
PHASES = (
    "reserve_number",
    "enqueue",
    "claim",
    "put_back",
    "delivered",
    "set_print_state",
    "purge",
    "put_meta",
    "rest",
    "close",
)


class Points:
    """Counts what is passed, and kills."""

    def __init__(self, name: str, at: int) -> None:
        self.passed: Counter[str] = Counter()
        self.phase = "open"
        self._name = name
        self._at = at
        self._total = 0

    def __call__(self, name: str) -> None:
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
    """The real disk, with points."""

    def __init__(self, points: Points) -> None:
        self.points = points
        super().__init__(DISK, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        points = self.points
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        which = path.rsplit("outbox.db", 1)[-1] or "-db"

        class File(apsw.VFSFile):
            def __init__(self) -> None:
                super().__init__("", name, flags)

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
        delete = super().xDelete
        self.points.around(f"{self.points.phase} delete", lambda: delete(name, sync_directory))


def name_phases(points: Points) -> None:
    """Let each command of the store say its name."""

    def named(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def run(store: Store, *args: Any, **kwargs: Any) -> Any:
            points.phase = name
            try:
                result = method(store, *args, **kwargs)
            finally:
                points.phase = "between"
            points(f"{name} returned")
            return result

        return run

    for name in PHASES:
        setattr(Store, name, named(name, getattr(Store, name)))


def name_requests(points: Points) -> None:
    """Let each request say its door."""
    ask = Wire.request

    def request(wire: Wire, method: str, path: str, **more: Any) -> Answer:
        door = f"wire {method} {'part' if method == 'PUT' else path.rsplit('/', 1)[-1]}"
        answer: Answer = points.around(door, lambda: ask(wire, method, path, **more))
        return answer

    setattr(Wire, "request", request)  # noqa: B010 - a method of another class


def main() -> None:
    told = json.loads(sys.stdin.readline())
    points = Points(told["name"], told["at"])
    name_phases(points)
    name_requests(points)
    _disk = Disk(points)
    done = threading.Semaphore(0)
    terminal = RealTerminal(
        Path(told["place"]),
        told["url"],
        told["pin"],
        told["key_set"].encode(),
        code=told["code"],
        on_change=lambda event: done.release() if isinstance(event, Delivered) else None,
        backoff=Backoff(0.01, 0.05),
        vfs=DISK,
    )
    numbers = []
    for _ in range(2):
        saved = terminal.save((700,))
        os.write(1, f"saved {saved.number} {saved.id} {saved.digest}\n".encode())
        numbers.append(saved.number)
    terminal.sender.start()
    for _ in numbers:
        assert done.acquire(timeout=WAIT_S)
    for number in numbers:
        terminal.outbox.set_print_state(number, PrintState.PRINTED).result(WAIT_S)
    terminal.outbox.put_meta("clock", "x").result(WAIT_S)
    terminal.outbox.purge().result(WAIT_S)
    terminal.outbox._submit(lambda store: store.rest()).result(WAIT_S)
    terminal.close()
    for name in sorted(points.passed):
        os.write(1, f"point {points.passed[name]} {name}\n".encode())


if __name__ == "__main__":
    main()
