"""The terminal's process, which is killed: `kiosk.app.Terminal` with its window, threads, sealed
outbox, sender and printer, in which residents hand in applications.

Run by `test_sigkill.py` as a process that has imported everything and has one thread only; for
each line of JSON on standard input it forks a child, which is the terminal's process, and says
how that ended: terminal code, exit code, seconds. A child is killed from outside `kill_after_s`
after the fork. Nothing of Qt but its modules exists before it. Devices are absent, and the
visits come to the terminal walked up to the review by the pure journey; from there on everything
is the terminal's own.

A life appends lines to a file: "saved NUMBER ID" when the screen says so, "printed NUMBER",
"stub NUMBER" for each that the first screen offers after a restart, and, if it is not killed,
the names of all points that it passed.
"""

from __future__ import annotations

import ctypes
import gc
import json
import math
import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from driver import Hall, hall_for, shipped
from points import Points, put_in
from PySide6.QtCore import QTimer

import kiosk.app
from config.settings import Settings
from config.words import load_words
from devices.camera import CameraSpec
from devices.records import Page
from devices.samv.driver import SamvReader
from devices.simulators.printer import SimulatedPrinter
from kiosk import logs
from kiosk.app import Equipment, Terminal
from kiosk.catalogue.model import Pack
from kiosk.catalogue.search import SearchIndex
from kiosk.contract.base import Model
from kiosk.journey.events import Event, Leave, Next, PrintAsked, Rated, Signed
from kiosk.journey.terms import StepName
from kiosk.journey.views import View
from kiosk.journey.visit import Visit
from kiosk.receipts.content import Delivery, Stub
from kiosk.receipts.layout.pdf import render_stub
from offline_queue import State
from screens.registry import MODULES

_PR_SET_PDEATHSIG: Final = 1
_LIFE_S: Final = 300  # of a machine that does much else
_FAULT: Final = 3  # how a process ends that met a fault of its own
_TICK_MS: Final = 4
_PAGE_BYTES: Final = 20_000
# What a terminal imports when it is first needed.
_LATE: Final = (
    "cryptography.hazmat.backends.openssl.backend",
    "cryptography.hazmat.primitives.asymmetric.rsa",
    "kiosk.receipts.layout.guide",
    "offline_queue.http",
)
_SIGNATURE: Final = (tuple((100 + 20 * i, 500 + 7 * i) for i in range(20)),)
# Two papers, which is printed and rated; one, whose resident leaves as soon as it is saved.
ITEMS: Final = ("CL-001", "MZ-010")

Story = Iterator[Callable[[], bool]]


@cache
def catalogue() -> Pack:
    """Of what is shipped, only what is handed in here."""
    whole = shipped()
    return replace(
        whole,
        plain=tuple(
            replace(one, codes=tuple(code for code in one.codes if code in ITEMS))
            for one in whole.plain
        ),
        items={code: whole.items[code] for code in ITEMS},
        bundles={},
        matters={code: whole.matters[code] for code in ITEMS},
    )


def reviewed(code: str) -> Visit:
    """A visit that needs nothing more but the signature."""
    hall: Hall = hall_for(code)
    hall.start(code)
    hall.walk_to(StepName.REVIEW)
    papers = {
        name: replace(paper, pages=tuple(map(_page, paper.pages)))
        for name, paper in hall.visit.papers.items()
    }
    return replace(hall.visit, papers=papers, pack=catalogue())


def _page(page: Page) -> Page:
    return replace(page, jpeg=b"\xff\xd8" + os.urandom(_PAGE_BYTES))


class Life:
    """One life of the terminal: plays a story, one event of Qt after the other."""

    def __init__(
        self, told: dict[str, Any], visits: list[Visit], points: Points, said: int
    ) -> None:
        self._visits = visits
        self._points = points
        self._said = said
        self._told: set[tuple[str, ...]] = set()
        self.app = kiosk.app.application(["terminal"])
        folder = Path(told["place"])
        self.terminal = Terminal(_settings(told, folder), catalogue(), _equipment(folder))
        # Devices are absent, so their processes are not started either.
        self.terminal._face.start = _nothing  # type: ignore[method-assign]
        self.terminal._documents.start = _nothing  # type: ignore[method-assign]
        self.terminal.watch = self._watch
        self._story = self._after_a_cut() if told["again"] else self._day()
        self._until: Callable[[], bool] = lambda: True
        self._timer = QTimer()
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._tick)

    def run(self) -> None:
        """Until the story is told."""
        self.terminal.begin()
        self._timer.start()
        self.app.exec()
        self.terminal.close()

    def say(self, *words: str) -> None:
        """To whoever judges; it outlives this process."""
        os.write(self._said, (" ".join(words) + "\n").encode())

    def _tick(self) -> None:
        if not self._until():
            return
        try:
            self._until = next(self._story)
        except StopIteration:
            self._timer.stop()
            self.app.quit()

    def _watch(self, _view: View) -> None:
        """What stands on the screen was promised."""
        visit = self.terminal.runtime.visit
        kept = visit.submission
        if kept.number:
            self._say_once("saved", kept.number, kept.application_id)
            if visit.printing.get("receipt") == "printed":
                self._say_once("printed", kept.number)

    def _say_once(self, *words: str) -> None:
        if words not in self._told:
            self._told.add(words)
            self.say(*words)

    # --- stories

    def _day(self) -> Story:
        """One visit after the other; the last resident leaves without waiting for paper."""
        yield self._is_open
        for place, visit in enumerate(self._visits):
            yield from self._hand_in(visit)
            if place == len(self._visits) - 1:
                self._post(Leave())
            else:
                yield lambda: self._visit.printing.get("receipt") == "printed"
                self._post(Next())  # the rating
                self._post(Rated(5))
                self._post(Next())
            self._post(Next())  # the farewell
            yield lambda: self._at(StepName.WELCOME)
        yield from self._all_delivered()

    def _after_a_cut(self) -> Story:
        """What was saved and not printed is offered; it is printed, and one more handed in."""
        yield self._is_open
        yield lambda: self._heard
        while stubs := self._visit.stubs:
            for number, _ in stubs:
                self._say_once("stub", number)
            self._post(PrintAsked())
            yield lambda: self._visit.printing.get("stub") == "printed"
            self._post(Leave())
            self._post(Next())
            yield lambda before=stubs: self._visit.stubs != before  # type: ignore[misc]
        yield from self._hand_in(self._visits[0])
        yield lambda: self._visit.printing.get("receipt") == "printed"
        yield from self._all_delivered()

    def _hand_in(self, visit: Visit) -> Story:
        here = self._visit
        self.terminal.runtime._visit = replace(
            visit,
            number=here.number,
            rules=here.rules,
            world=here.world,
            find=here.find,
            touched_s=self.terminal.now().monotonic_s,
        )
        self._post(Next())
        assert self._at(StepName.SIGN)
        self._post(Signed(_SIGNATURE))
        self._post(Next())
        yield lambda: self._visit.submission.state in ("saved", "received")

    def _all_delivered(self) -> Story:
        open_ = tuple(state for state in State if state not in (State.DELIVERED, State.PURGED))
        yield lambda: not self.terminal.outbox.listing(open_).result()
        rests = self._points.passed["rest returned"]
        yield lambda: self._points.passed["rest returned"] > rests

    @property
    def _visit(self) -> Visit:
        return self.terminal.runtime.visit

    def _at(self, step: StepName) -> bool:
        return self._visit.place.step is step

    def _is_open(self) -> bool:
        return self.terminal._up and self._visit.world.line_up

    @property
    def _heard(self) -> bool:
        return self._points.passed["answer Recovered after"] > 0

    def _post(self, event: Event) -> None:
        self.terminal._post(event)


def _settings(told: dict[str, Any], folder: Path) -> Settings:
    return Settings.model_validate(
        {
            "terminal": {"code": told["code"]},
            "screen": {"full_screen": False},
            "printer": {"kind": "none"},
            "backend": {"url": told["url"], "spread_s": 0},
            "sealing": {"authority_keys": (told["pin"],), "key_set": told["key_set"]},
            "data": {"directory": str(folder / "data"), "socket": str(folder / "s")},
        }
    )


def _equipment(folder: Path) -> Equipment:
    nowhere = CameraSpec("v4l2", str(folder / "no-camera"), 640, 480, 15)
    paper = SimulatedPrinter(folder / "paper")
    return Equipment(
        reader=SamvReader(str(folder / "no-reader")),
        face=nowhere,
        documents=nowhere,
        receipts=paper,
        sheets=paper,
        demo=True,
    )


def _nothing() -> None:
    pass


# --- the process that forks


def _warm_up() -> None:
    """Do once what each life would do alike, writes nothing and takes long."""
    index = SearchIndex.build(catalogue())
    _replace(kiosk.app._Finder, "prepare", lambda finder: setattr(finder, "_index", index))
    _replace(kiosk.app, "open_pinyin", lambda: None)  # a process of its own, and nobody types
    _replace(kiosk.app, "rest_the_collector", _nothing)
    for name in _LATE:
        import_module(name)
    for model in _below(Model):
        model.model_rebuild()
    for step in StepName:
        if (module := MODULES.get(step)) is not None:
            import_module(module)
    words = load_words()
    _replace(kiosk.app, "load_words", lambda: words)
    stub = Stub("zh", "LW000-00001-0", datetime.now(UTC), True, "LW000", Delivery.KEPT)
    render_stub(stub, words.zh)


def _below(model: type[Model]) -> Iterator[type[Model]]:
    for one in model.__subclasses__():
        yield one
        yield from _below(one)


def _replace(owner: object, name: str, by: Callable[..., Any]) -> None:
    getattr(owner, name)  # it is there
    setattr(owner, name, by)


def live(told: dict[str, Any], visits: list[Visit]) -> None:
    """In the child: be the terminal."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.alarm(_LIFE_S)
    place = Path(told["place"])
    os.dup2(_appended(place / "log"), 2)
    logs.begin()
    sys.excepthook = _give_up  # also what a slot of Qt raised
    threading.excepthook = lambda args: _give_up(args.exc_type, args.exc_value, args.exc_traceback)
    said = _appended(place / "said")
    points = Points(told["name"], told["at"])
    disk = put_in(points)
    life = Life(told, visits, points, said)
    life.run()
    for name in sorted(points.passed):
        life.say("point", str(points.passed[name]), name)
    del disk


def _appended(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _give_up(kind: type[BaseException], error: BaseException | None, trace: Any) -> None:
    """A terminal that goes on after a fault of its own would hide it."""
    traceback.print_exception(kind, error, trace)
    os._exit(_FAULT)


class Nursery:
    """Forks a terminal for each line that it reads, several side by side, and sees them end."""

    def __init__(self, visits: list[Visit]) -> None:
        self._visits = visits
        self._heard = b""
        self._lives: dict[int, _Child] = {}  # by what can be waited for

    def run(self) -> None:
        """Until nobody asks for more."""
        asked = sys.stdin.fileno()
        while True:
            due_s = min((child.kill_at_s for child in self._lives.values()), default=math.inf)
            wait_s = None if due_s == math.inf else max(0.0, due_s - time.monotonic())
            ready = select.select([asked, *self._lives], [], [], wait_s)[0]
            if asked in ready:
                heard = os.read(asked, 65_536)
                if not heard:
                    return
                *lines, self._heard = (self._heard + heard).split(b"\n")
                for line in lines:
                    self._bear(json.loads(line))
            for watch in set(ready) & self._lives.keys():
                self._bury(watch)
            self._kill()

    def _bear(self, told: dict[str, Any]) -> None:
        began_s = time.monotonic()
        process = os.fork()
        if process == 0:
            try:
                live(told, self._visits)
            except Exception as error:  # noqa: BLE001 - whatever it is, whoever judges sees it
                _give_up(type(error), error, error.__traceback__)
            os._exit(0)
        after_s = told["kill_after_s"]
        kill_at_s = math.inf if after_s is None else began_s + after_s
        self._lives[os.pidfd_open(process)] = _Child(process, told["code"], began_s, kill_at_s)

    def _bury(self, watch: int) -> None:
        child = self._lives.pop(watch)
        os.close(watch)
        code = os.waitstatus_to_exitcode(os.waitpid(child.process, 0)[1])
        _say(json.dumps([child.code, code, round(time.monotonic() - child.began_s, 3)]))

    def _kill(self) -> None:
        for watch, child in self._lives.items():
            if child.kill_at_s <= time.monotonic():
                signal.pidfd_send_signal(watch, signal.SIGKILL)
                child.kill_at_s = math.inf


@dataclass(slots=True)
class _Child:
    process: int
    code: str  # the terminal's
    began_s: float
    kill_at_s: float


def main() -> None:
    """Be ready, then fork."""
    _warm_up()
    visits = [reviewed(code) for code in ITEMS]
    gc.collect()
    gc.freeze()
    assert len(os.listdir("/proc/self/task")) == 1, "a fork takes one thread along"
    _say("ready")
    Nursery(visits).run()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
