"""The document camera as the screen's process sees it: preview, outline, one page at a time.

Promises what `devices.camera.Camera` promises, and: every capture ends in exactly one call
of `done`, on the worker's thread, with a Page or a DeviceError; so does every wait for a
code that is held under the camera, with a ScannedCode or a DeviceError. Pictures leave the child
as preview pixels and finished JPEG bytes only; nothing is written to any file.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from devices.camera import Camera, CameraSpec, CameraState, PreviewFrame, StatusCallback
from devices.errors import DeviceError, Fault
from devices.face.client import Ticket
from devices.records import Page, ScannedCode
from devices.vision.process import tell

PageCallback = Callable[["Page | DeviceError"], None]
CodeCallback = Callable[["ScannedCode | DeviceError"], None]
Outline = tuple[tuple[float, float], ...]  # four corners as parts of width and height, or none

JPEG_LIMIT_BYTES = 700_000
CODE_AWAY_S = 1.2
_GRACE_S = 2.0
_OUTLINE_FRESH_S = 1.0


@dataclass(eq=False)
class _Capture:
    number: int
    deadline_at_s: float
    limit_bytes: int
    done: PageCallback
    sent: bool = False


@dataclass(eq=False)
class _Wait:
    """For a code."""

    number: int
    deadline_at_s: float
    done: CodeCallback
    sent: bool = False
    away_since_s: float | None = None


class DocumentCamera(Camera):
    """A camera that looks down at a desk."""

    module = "devices.document.engine"

    def __init__(self, spec: CameraSpec, status: StatusCallback | None = None) -> None:
        self._numbers = itertools.count(1)
        self._captures: dict[int, _Capture] = {}
        self._code_wait: _Wait | None = None
        self._outline: tuple[float, Outline] = (0.0, ())
        super().__init__(spec, status)

    def look(self, on: bool) -> None:
        """Turn the camera on or off."""
        if on:
            self.start()
        else:
            self.stop()

    def preview(self) -> PreviewFrame | None:
        """The newest picture, None while the camera is off."""
        return self.latest()

    def outline(self) -> Outline:
        """Where the paper lies in the preview, () when none is seen: for drawing a frame."""
        at_s, points = self._outline
        return points if self.wanted and time.monotonic() - at_s < _OUTLINE_FRESH_S else ()

    def capture(
        self, deadline_s: float, done: PageCallback, limit_bytes: int = JPEG_LIMIT_BYTES
    ) -> Ticket:
        """Photograph the paper: the sharpest of a few frames, straightened.

        Ends in a Page (which may carry warnings), or DeviceError: CAMERA_ABSENT,
        CAMERA_STALLED, DEADLINE or CANCELLED.
        """
        number = next(self._numbers)
        job = _Capture(number, time.monotonic() + deadline_s, limit_bytes, done)
        looking = self.wanted  # as of now: what is turned off later is a cancel
        if not self._post(lambda: self._capture(job, looking)):
            done(DeviceError(Fault.CANCELLED, "the camera is closed"))

        def cancel() -> None:
            self._post(lambda: self._finish(number, DeviceError(Fault.CANCELLED)))

        return Ticket(cancel)

    def read_code(self, deadline_s: float, done: CodeCallback) -> Ticket:
        """Wait for a bar code or QR code that is shown from now on; an earlier wait ends.

        Ends in a ScannedCode, or DeviceError: CODE_ABSENT, CAMERA_ABSENT, CAMERA_STALLED or
        CANCELLED. The camera has to be on; one that is away for `CODE_AWAY_S` is not waited for.
        """
        wait = _Wait(next(self._numbers), time.monotonic() + deadline_s, done)
        looking = self.wanted
        if not self._post(lambda: self._await_code(wait, looking)):
            done(DeviceError(Fault.CANCELLED, "the camera is closed"))

        def cancel() -> None:
            self._post(lambda: self._end_code(wait, DeviceError(Fault.CANCELLED)))

        return Ticket(cancel)

    # On the worker's thread:

    def _await_code(self, wait: _Wait, looking: bool) -> None:
        if self._code_wait is not None:
            self._end_code(self._code_wait, DeviceError(Fault.CANCELLED, "another wait"))
        if not looking:
            tell(wait.done, DeviceError(Fault.CAMERA_ABSENT, "the camera is off"))
            return
        self._code_wait = wait
        self._send_waiting()

    def _end_code(self, wait: _Wait, result: ScannedCode | DeviceError) -> None:
        if wait is self._code_wait:
            self._code_wait = None
            if self._child:
                self._child.send(("code", 0, 0.0))
            tell(wait.done, result)

    def _look_after_code(self, now_s: float) -> None:
        wait = self._code_wait
        if wait is None:
            return
        if self.state in (CameraState.ABSENT, CameraState.STALLED):
            wait.away_since_s = wait.away_since_s or now_s
            if now_s - wait.away_since_s > CODE_AWAY_S:
                self._end_code(wait, DeviceError(self._why_no_frame(), "while awaiting a code"))
        else:
            wait.away_since_s = None
        if now_s > wait.deadline_at_s + (_GRACE_S if wait.sent else 0.0):
            self._end_code(wait, DeviceError(Fault.CODE_ABSENT))

    def _capture(self, job: _Capture, looking: bool) -> None:
        if not looking:
            tell(job.done, DeviceError(Fault.CAMERA_ABSENT, "the camera is off"))
            return
        self._captures[job.number] = job
        self._send_waiting()

    def _send_waiting(self) -> None:
        """Hand over what came while the camera was starting or away."""
        if self._child and self.state is CameraState.LIVE:
            for job in self._captures.values():
                if not job.sent:
                    job.sent = True
                    message = ("capture", job.number, job.deadline_at_s, job.limit_bytes)
                    self._child.send(message)
            wait = self._code_wait
            if wait is not None and not wait.sent:
                wait.sent = True
                self._child.send(("code", wait.number, wait.deadline_at_s))

    def _enter(self, state: CameraState, detail: str = "") -> None:
        super()._enter(state, detail)
        if state is not CameraState.LIVE and self._code_wait is not None:
            self._code_wait.sent = False  # the next process has to be told again
        self._send_waiting()

    def _finish(self, number: int, result: Page | DeviceError) -> None:
        job = self._captures.pop(number, None)
        if job:
            tell(job.done, result)

    def _finish_all(self, error: DeviceError) -> None:
        if self._code_wait is not None:
            self._end_code(self._code_wait, error)
        for number in list(self._captures):
            self._finish(number, error)

    def _finish_sent(self, error: DeviceError) -> None:
        for number in [job.number for job in self._captures.values() if job.sent]:
            self._finish(number, error)

    def _other_message(self, message: tuple[Any, ...]) -> None:
        match message:
            case ("page", int(number), Page() as page):
                self._finish(number, page)
            case ("no-frame", int(number)):
                self._finish(number, DeviceError(self._why_no_frame(), "no frame in time"))
            case ("code", int(number), found) if self._code_wait and (
                number == self._code_wait.number
            ):
                absent = DeviceError(Fault.CODE_ABSENT)
                self._end_code(self._code_wait, found if found is not None else absent)
            case ("outline", tuple(points)) if points:  # one look in vain makes nothing flicker
                self._outline = (time.monotonic(), points)

    def _why_no_frame(self) -> Fault:
        return Fault.CAMERA_ABSENT if self.state is CameraState.ABSENT else Fault.CAMERA_STALLED

    def _connect(self) -> None:
        super()._connect()
        if self._child:
            self._child.send(("outline", True))

    def _shut(self) -> None:
        if not self.wanted:
            if self._child:
                self._child.send(("outline", False))
            self._outline = (0.0, ())
            self._finish_all(DeviceError(Fault.CANCELLED, "the camera was turned off"))
        super()._shut()

    def _child_gone(self) -> None:
        super()._child_gone()
        self._finish_sent(DeviceError(Fault.CAMERA_ABSENT, "the camera's process ended"))

    def _stalled(self, now_s: float) -> None:
        super()._stalled(now_s)
        self._finish_sent(DeviceError(Fault.CAMERA_STALLED, "no frame came"))

    def _tick(self) -> float | None:
        pause_s = super()._tick()
        now_s = time.monotonic()
        self._look_after_code(now_s)
        for job in list(self._captures.values()):
            if not job.sent and now_s > job.deadline_at_s:
                self._finish(job.number, DeviceError(self._why_no_frame(), "no frame in time"))
            elif now_s > job.deadline_at_s + _GRACE_S:
                self._finish(job.number, DeviceError(Fault.DEADLINE))
        return pause_s

    def _ended(self) -> None:
        self._finish_all(DeviceError(Fault.CANCELLED, "the camera was closed"))
        super()._ended()
