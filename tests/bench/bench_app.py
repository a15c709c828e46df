"""The whole terminal: start to first screen, memory at rest, touch to next screen.

Touches are real clicks on the real screens, offscreen at 1080 x 1920: from the click to the end
of the painting that follows it. The floor beside it is an empty window of the same size.

They are measured twice. As a person touches: before each touch the terminal has had a pause, in
which it looks ahead as it does in service (`screens.ahead`), for at most 0.2 s of work; people
need 0.3 s and more, and it begins after 0.1 s. And one straight after another, faster than
anybody touches, when nothing could be prepared.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

from memory import memory_kib

Row = tuple[str, float, str, str, float]

_EMPTY = (
    "from PySide6.QtWidgets import QApplication, QWidget\n"
    "app = QApplication([]); w = QWidget(); w.resize(1080, 1920); w.show()\n"
    "app.processEvents(); print('painted', flush=True)\n"
)
_STARTS = 3
_ROUNDS = 4
_PAUSE_S = 0.2
_EVERY = 8  # with pauses only so many-th item is taken in each round: a pause takes its time


def _start(command: list[str]) -> tuple[float, list[str]]:
    # A terminal keeps its compiled modules; the first start here writes them.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    began = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    assert child.stdout is not None
    first = child.stdout.readline()
    took_s = time.monotonic() - began
    if first.strip() != "painted":
        raise RuntimeError("no first screen")
    rest = child.stdout.read().splitlines()
    child.wait()
    return took_s, rest


def _starting() -> Iterator[Row]:
    from kiosk.catalogue.pack import build
    from kiosk.catalogue_command import certificate_of
    from kiosk.catalogue_files import DEFAULT_DIRECTORY, load_directory

    script = str(Path(__file__).with_name("started.py"))
    times, memory = [], 0.0
    with tempfile.TemporaryDirectory() as kept:
        pack = Path(kept) / "shipped.pack"
        shipped = load_directory(DEFAULT_DIRECTORY)
        pack.write_bytes(build(shipped, certificate_of(shipped)))
        for turn in range(_STARTS + 1):
            with tempfile.TemporaryDirectory() as folder:
                took_s, rest = _start([script, folder, str(pack)])
            if not turn:  # it writes the compiled modules
                continue
            times.append(took_s)
            resident = (line for line in rest if line.startswith("VmRSS"))
            memory = max(float(line.split()[1]) / 1024 for line in resident)
    empty = median(_start(["-c", _EMPTY])[0] for _ in range(_STARTS))
    yield "start to first screen, median", median(times), "s", "an empty window", empty
    yield "start to first screen", max(times), "s", "limit", 1.5
    yield "main process at rest", memory, "MB", "limit", 250.0


def _touching() -> Iterator[Row]:
    from datetime import UTC, datetime

    from PySide6.QtWidgets import QApplication, QWidget

    from config.themes import load_themes
    from config.words import load_words
    from kiosk.app import rest_the_collector
    from kiosk.catalogue.model import Text
    from kiosk.catalogue.search import SearchIndex
    from kiosk.catalogue_files import DEFAULT_DIRECTORY, load_directory
    from kiosk.journey.events import Event
    from kiosk.journey.views import View
    from kiosk.journey.visit import Now, Rules
    from kiosk.runtime import Runtime
    from screens.ahead import Ahead
    from screens.shell import Shell
    from screens.theme import Look

    app = QApplication.instance() or QApplication([])
    pack = load_directory(DEFAULT_DIRECTORY)
    index = SearchIndex.build(pack)
    holder: list[Runtime] = []
    aheads: list[Ahead] = []

    def emit(event: Event) -> None:
        holder[0].post(event)

    def show(view: View) -> None:
        shell.show_view(view)
        aheads[0].shown(view)

    class Nothing:
        def latest(self) -> None:
            return None

    shell = Shell(load_words(), Look.of(load_themes()), emit, Nothing())
    rules = Rules("LW042", Text("永兴街道", "Yongxing Street"), Text("中心", "Centre"), "0577")
    runtime = Runtime(
        pack=pack,
        rules=rules,
        find=lambda query: index.find(query, 40),
        now=lambda: Now(time.monotonic(), datetime.now(UTC), True),
        carriers={},
        show=show,
        wake_at=lambda _: None,
        ended=lambda _reason, _visit: shell.rebuild(),
    )
    holder.append(runtime)
    aheads.append(Ahead(shell, runtime.foresee))
    shell.resize(1080, 1920)
    shell.show()
    runtime.begin()
    app.processEvents()
    rest_the_collector()

    parts_ms: list[float] = []  # of looking ahead: a touch may have to wait for the end of one

    def visits(*, pauses: bool) -> tuple[list[float], list[float]]:
        times_ms: list[float] = []
        ends_ms: list[float] = []  # the touch that ends a visit: all screens are built anew

        def touch(name: str) -> bool:
            if shell.touchable(name) is None:
                return False
            until = time.perf_counter() + _PAUSE_S
            more = pauses
            while more and (began := time.perf_counter()) < until:
                more = aheads[0].work()
                parts_ms.append((time.perf_counter() - began) * 1000)
            began = time.perf_counter()
            shell.touch(name)
            app.processEvents()
            taken = ends_ms if name == "leave" else times_ms
            taken.append((time.perf_counter() - began) * 1000)
            return True

        for turn in range(_ROUNDS):
            for at, (code, matter) in enumerate(pack.matters.items()):
                if pauses and at % _EVERY != turn:
                    continue
                shell.sweep()  # as the terminal does between visits
                gc.collect()
                shell.warm()
                app.processEvents()
                touch("search") if turn % 2 else touch(f"group:{matter.group}")
                if turn % 4 == 2 and touch("group:"):  # all items, and to the group again
                    touch("back")
                    touch(f"group:{matter.group}")
                for key in "shebao" if turn % 2 else "":
                    touch(f"key:{key}")
                while shell.touchable(f"item:{code}") is None and touch("page:on"):
                    pass
                if not touch(f"item:{code}"):
                    touch("leave")
                    continue
                touch("try")
                for _ in range(40):
                    body = runtime.visit
                    if body.place.step != "questions":
                        break
                    options = [b for b in shell.findChildren(QWidget) if b.isVisibleTo(shell)]
                    names = [b.objectName() for b in options]
                    named = [name for name in names if name.startswith("option:")]
                    if named:
                        touch(named[turn % len(named)])
                    else:
                        for digit in "30":
                            touch(f"key:{digit}")
                    if not touch("next"):
                        break
                touch("leave")
        return times_ms, ends_ms

    paused_ms, paused_ends_ms = visits(pauses=True)
    before_kib = memory_kib()
    row_ms, row_ends_ms = visits(pauses=False)
    left_kib = (memory_kib() - before_kib) / len(row_ends_ms)
    shell.close()
    blank = QWidget()
    blank.resize(1080, 1920)
    blank.show()
    app.processEvents()
    floor = []
    for _ in range(50):
        began = time.perf_counter()
        blank.update()
        app.processEvents()
        floor.append((time.perf_counter() - began) * 1000)
    yield (
        f"touch to painted, median of {len(paused_ms)}",
        median(paused_ms),
        "ms",
        "an empty window repainted",
        median(floor),
    )
    yield "touch to painted, 99 %", _percentile(paused_ms), "ms", "limit", 16.7
    yield "touch to painted, worst", max(paused_ms), "ms", "limit", 33.0
    ends_ms = paused_ends_ms + row_ends_ms  # the spare screens are made between visits: alike
    yield (
        f"touch that ends a visit, 99 % of {len(ends_ms)}",
        _percentile(ends_ms),
        "ms",
        "limit",
        16.7,
    )
    yield "touch that ends a visit, worst", max(ends_ms), "ms", "limit", 33.0
    yield (
        f"memory that a visit leaves behind, of {len(row_ends_ms)}",
        left_kib,
        "KiB",
        "limit: 100 a day for a month in 250 MB",
        85.0,
    )
    yield "a part of looking ahead, 99 %", _percentile(parts_ms), "ms", "limit", 16.7
    yield "a part of looking ahead, worst", max(parts_ms), "ms", "limit", 33.0
    yield (
        f"without pauses, median of {len(row_ms)}",
        median(row_ms),
        "ms",
        "with",
        median(paused_ms),
    )
    yield "without pauses, 99 %", _percentile(row_ms), "ms", "with", _percentile(paused_ms)
    yield "without pauses, worst", max(row_ms), "ms", "with", max(paused_ms)


def _percentile(times_ms: list[float]) -> float:
    """What 99 of 100 stay under."""
    return quantiles(times_ms, n=100)[98]


def run() -> list[Row]:
    """All rows."""
    return [*_starting(), *_touching()]


if __name__ == "__main__":
    for row in run():
        print(row)
