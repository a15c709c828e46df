"""Plays a scenario by itself: touches the real buttons and waits for what they bring.

A scenario is a generator of conditions to wait for. Every screen that comes up is kept as a
picture; the last picture of a screen is taken right before it is left, and written by a thread
of its own while the visit goes on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, QTimer, Slot
from PySide6.QtGui import QImage, QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

from kiosk.app import Terminal
from kiosk.demo.pictures import png_of
from kiosk.demo.stage import Stage
from kiosk.journey.terms import StepName
from kiosk.journey.views import View

TICK_MS: Final = 15
DEADLINE_S: Final = 25.0
# A picture of a live preview is worth taking only when there is something in it.
_LIVE: Final = frozenset({"looking", "aim"})
_LIVE_AFTER_S: Final = 0.7
_TURN_AFTER_MS: Final = 120
_TYPING: Final = ("key:", "cand:")  # the screen stays; its picture is taken when it is left
_FRAMES_SEEN: Final = 4


class ScriptFailed(Exception):
    """The scenario did not go as it should."""


@dataclass(frozen=True, slots=True)
class Until:
    """Wait until `holds`; `what` says in words for what."""

    holds: Callable[[], bool]
    what: str
    deadline_s: float = DEADLINE_S


Script = Generator[Until, None, None]


@dataclass(slots=True)
class Shown:
    """One screen that came up."""

    name: str
    state: str
    at_s: float
    screenshot: str
    notice: str = ""
    touches: int = 0


@dataclass(slots=True)
class Record:
    """What is known of the visit after it is over."""

    shown: list[Shown] = field(default_factory=list)
    touches: int = 0
    facts: dict[str, Any] = field(default_factory=dict)


class Player(QObject):
    """Plays one script on one terminal."""

    def __init__(self, terminal: Terminal, stage: Stage, out: Path, *, first: int = 1) -> None:
        super().__init__()
        self.terminal = terminal
        self.stage = stage
        self.record = Record()
        self.error = ""
        self.at_once = False  # write every picture before going on: the power may go
        self.out = out
        self._picture: QImage | None = None
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pictures")
        self._first = first
        self.began_s = time.monotonic()
        self._key: tuple[str, ...] = ()
        self._shown_s = 0.0
        self._live_due = False
        self._over = False
        self._first_frame = 0
        self._view: View | None = None
        self._script: Script | None = None
        self._until: Until | None = None
        self._until_s = 0.0
        self._done: Callable[[], None] = QApplication.quit
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        terminal.watch = self._watch

    # -- for scripts ------------------------------------------------------------------

    @property
    def view(self) -> View:
        """What is on the screen."""
        assert self._view is not None, "nothing was shown yet"
        return self._view

    @property
    def body(self) -> Any:
        """The step's part of it."""
        return self.view.body

    @property
    def step(self) -> StepName:
        """The step shown."""
        return self.view.frame.step

    def is_at(self, step: StepName, *states: str) -> Callable[[], bool]:
        """A condition: this step, in one of these states."""
        return lambda: (
            self.step is step and (not states or getattr(self.body, "state", "") in states)
        )

    def has_left(self, step: StepName, page: str) -> Callable[[], bool]:
        """A condition: another step, or another page of this one (a question, a field)."""
        return lambda: (
            self.step is not step
            or page
            not in (
                getattr(self.body, "id", None),
                getattr(self.body, "key", None),
            )
        )

    def sees_paper(self) -> bool:
        """The document camera's picture has been on the screen for some frames."""
        preview = self.terminal.document_preview()
        if preview is None:
            self._first_frame = 0
            return False
        self._first_frame = self._first_frame or preview[3]
        return preview[3] >= self._first_frame + _FRAMES_SEEN

    def can_touch(self, name: str) -> bool:
        """The button is there, visible and enabled."""
        return self.terminal.window.touchable(name) is not None

    def touch(self, name: str) -> None:
        """Touch the button called `name`.

        Raises:
            ScriptFailed: there is none that a person could touch.
        """
        if not name.startswith(_TYPING):
            self.picture()
        self.record.touches += 1
        if self.record.shown:
            self.record.shown[-1].touches += 1
        if not self.terminal.window.touch(name):
            raise ScriptFailed(f"nothing called {name} can be touched at {self.step.value}")

    def draw(self, widget: QWidget, points: list[tuple[float, float]]) -> None:
        """Draw a stroke on a pad; points are parts of its width and height. One touch."""
        self.record.touches += 1
        size = widget.size()
        spots = [QPointF(x * size.width(), y * size.height()) for x, y in points]
        self._mouse(widget, QEvent.Type.MouseButtonPress, spots[0])
        for spot in spots[1:]:
            self._mouse(widget, QEvent.Type.MouseMove, spot)
        self._mouse(widget, QEvent.Type.MouseButtonRelease, spots[-1])

    def _mouse(self, widget: QWidget, kind: QEvent.Type, at: QPointF) -> None:
        released = kind == QEvent.Type.MouseButtonRelease
        event = QMouseEvent(
            kind,
            at,
            widget.mapToGlobal(at),
            Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else Qt.MouseButton.LeftButton,
            Qt.MouseButton.NoButton if released else Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(widget, event)

    def picture(self) -> None:
        """Take (or retake) the picture of the screen shown."""
        if not self.record.shown or self._over:
            return
        self._picture = self.terminal.window.grab().toImage()
        if self.at_once:
            self._keep_picture()
            self._writer.submit(_nothing).result()

    def _keep_picture(self) -> None:
        """Hand the last picture of the screen shown to the thread that writes it."""
        image, self._picture = self._picture, None
        if image is not None:
            self._writer.submit(_write, image, self.out / self.record.shown[-1].screenshot)

    # -- playing ----------------------------------------------------------------------

    def play(self, script: Script, done: Callable[[], None]) -> None:
        """Begin; `done` is called when the script ended, or failed (`error` then says why)."""
        self._script, self._done = script, done
        self._next()
        if self._script is not None:
            self._timer.start()

    @Slot()
    def _tick(self) -> None:
        if self._live_due and time.monotonic() - self._shown_s > _LIVE_AFTER_S:
            self._live_due = False
            self.picture()
        until = self._until
        if until is None:
            return
        try:
            holds = until.holds()
        except Exception as error:  # noqa: BLE001 - a script's mistake ends the script, with its type
            self._end(f"{type(error).__name__}: {error}")
            return
        if holds:
            self._next()
        elif time.monotonic() > self._until_s:
            where = f"{self.step.value} {getattr(self.body, 'state', '')}".strip()
            self._end(f"did not come: {until.what} (at {where})")

    def _next(self) -> None:
        assert self._script is not None, "a script is playing"
        try:
            self._until = next(self._script)
            self._until_s = time.monotonic() + self._until.deadline_s
        except StopIteration:
            self._end("")
        except Exception as error:  # noqa: BLE001 - as above
            self._end(f"{type(error).__name__}: {error}")

    def _end(self, error: str) -> None:
        self._timer.stop()
        self._script = self._until = None
        self.error = error
        if error:
            self.picture()
        self._keep_picture()
        self._over = True
        self._writer.shutdown()
        self._done()

    def _watch(self, view: View) -> None:
        self._view = view
        if self._over:
            return  # the terminal goes on; nobody keeps pictures any more
        self.stage.follow(view)
        body = view.body
        state = str(getattr(body, "state", ""))
        detail = str(getattr(body, "id", "") or getattr(body, "key", ""))
        notice = view.frame.notice.key if view.frame.notice is not None else ""
        idle = "idle" if view.frame.idle_left_s is not None else ""
        key = (view.frame.step.value, state, detail, notice, idle)
        if key == self._key:
            if getattr(body, "turn", ""):  # the picture worth keeping is the one with the arrow
                self._live_due = False
                QTimer.singleShot(_TURN_AFTER_MS, self.picture)
            return
        self._keep_picture()
        self._key = key
        self._shown_s = time.monotonic()
        self._live_due = state in _LIVE
        number = len(self.record.shown) + self._first
        parts = [part for part in (view.frame.step.value, state, idle) if part]
        self.record.shown.append(
            Shown(
                name=view.frame.step.value,
                state=state,
                at_s=round(self._shown_s - self.began_s, 3),
                screenshot=f"{number:02d}-{'-'.join(parts)}.png",
                notice=notice,
            )
        )
        self.picture()  # now, since some screens are gone at once,
        QTimer.singleShot(0, self.picture)  # and again when all of it has its place


def _write(image: QImage, path: Path) -> None:
    """Whole or not at all; what a run that was killed had begun goes."""
    for left in path.parent.glob("*.part"):
        left.unlink(missing_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(png_of(image))
    os.replace(part, path)


def _nothing() -> None:
    pass
