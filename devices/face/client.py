"""The face station as the screen's process sees it: two child processes, one queue.

The camera sits in one child, matching in another, and frames go from one to the other
through shared memory: a hung camera does not cost the loaded models, a crashed model does
not cost the preview, and no frame passes through this interpreter. Neither NumPy nor OpenCV
nor face_recognition is imported here.

Promises:
- the camera is off until `look(True)`, which is for after consent, and `look(False)` closes
  the device and wipes its pictures;
- every match ends in exactly one call of `done`, with a FaceMatch or a DeviceError;
- a match with a challenge ends in a FaceMatch that matched only when the challenge was met;
- a match whose camera is away for longer than `away_s` ends then, not at its deadline;
- after a crash the running match fails with FACE_ENGINE_FAILED and the next one works.

`hint`, `done` and `status` are called on a worker's thread and must hand over at once.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from devices.camera import Camera, CameraSpec, CameraState, StatusCallback
from devices.errors import DeviceError, Fault
from devices.records import FaceHint, FaceMatch
from devices.vision.board import BoardHandle, PreviewFrame
from devices.vision.process import Child, Worker, tell

PORTRAIT_WIDTH_PX = 102
PORTRAIT_HEIGHT_PX = 126

HintCallback = Callable[[FaceHint], None]
DoneCallback = Callable[["FaceMatch | DeviceError"], None]

CHALLENGES = ("none", "turn", "infrared")
TURN_EXTRA_S = 12.0  # on top of a match's deadline, for the turn and one more try at it
AWAY_S = 1.2  # for so long a camera may be away within a match: a loose plug, a reset of the bus

_ENGINE_NICENESS = 5
_LOAD_S = 60.0  # loading takes 2 s; on a machine that is busy starting up, more
_GRACE_S = 2.0  # past a match's deadline, for the frame that is being worked on
_BACKOFF_S = (0.0, 0.5, 2.0, 5.0)
_LOOK_S = 0.2
_CAMERA_FAULTS = {
    CameraState.OFF: Fault.CAMERA_ABSENT,
    CameraState.ABSENT: Fault.CAMERA_ABSENT,
    CameraState.STALLED: Fault.CAMERA_STALLED,
}


class FaceNotSeen(DeviceError):
    """No, or too few, good frames before the deadline; `match` says what was wrong."""

    def __init__(self, match: FaceMatch) -> None:
        detail = f"{match.frames_used} of {match.frames_seen} frames, " + ", ".join(match.reasons)
        super().__init__(Fault.FACE_NOT_SEEN, detail)
        self.match = match


class FaceNotLive(DeviceError):
    """The face matched but no living head was shown; `why` is for technicians."""

    def __init__(self, match: FaceMatch, why: str) -> None:
        super().__init__(Fault.FACE_NOT_LIVE, why)
        self.match = match
        self.why = why


@dataclass(eq=False)
class _Job:
    number: int
    portrait: bytes = field(repr=False)
    threshold: float
    frames: int
    deadline_at_s: float
    challenge: str
    hint: HintCallback
    done: DoneCallback


class Ticket:
    """A running command. `cancel` ends it with CANCELLED unless it has already ended."""

    def __init__(self, cancel: Callable[[], None]) -> None:
        self._cancel = cancel

    def cancel(self) -> None:
        """Give the command up; returns at once."""
        self._cancel()


class FaceStation:
    """A camera and a matching engine, with an infrared camera where there is one."""

    def __init__(
        self,
        spec: CameraSpec,
        status: StatusCallback | None = None,
        infrared: CameraSpec | None = None,
        *,
        away_s: float = AWAY_S,
    ) -> None:
        self.camera = Camera(spec, status)
        self.infrared = Camera(infrared) if infrared is not None else None
        self._engine = _EngineWorker(self.camera, self.infrared, away_s)

    def start(self) -> None:
        """Start both processes and load the models; the camera stays off."""
        for camera in self._cameras:
            camera.prewarm()
        self._engine.start()

    def look(self, on: bool) -> None:
        """Turn the camera on (only after consent) or off, which cancels every match."""
        for camera in self._cameras:
            if on:
                camera.start()
            else:
                camera.stop()
        if not on:
            self._engine.cancel_all("the camera was turned off")

    def preview(self) -> PreviewFrame | None:
        """The newest picture, None while the camera is off."""
        return self.camera.latest()

    def match(
        self,
        portrait: bytes,
        *,
        threshold: float,
        frames: int,
        deadline_s: float,
        hint: HintCallback,
        done: DoneCallback,
        challenge: str = "none",
    ) -> Ticket:
        """Compare who stands there with a portrait (102 x 126 RGB bytes).

        `frames` good frames are compared and their median distance decides. `deadline_s`
        runs from now. Matches queue up. `challenge` is one of CHALLENGES (see
        `devices.face.liveness`); a turn has TURN_EXTRA_S more and shows what it demands by
        hints. Ends in FaceMatch, or DeviceError: FACE_NOT_SEEN (a FaceNotSeen),
        FACE_NOT_LIVE (a FaceNotLive), FACE_PORTRAIT_EMPTY, FACE_ENGINE_FAILED,
        CAMERA_ABSENT, CAMERA_STALLED or CANCELLED. ValueError when the portrait has the
        wrong size, or for infrared where there is no such camera.
        """
        if len(portrait) != PORTRAIT_WIDTH_PX * PORTRAIT_HEIGHT_PX * 3:
            raise ValueError("the portrait is not 102 x 126 RGB")
        if frames < 1:
            raise ValueError("a match needs at least one frame")
        if challenge not in CHALLENGES:
            raise ValueError(f"challenge {challenge!r} is not one of {', '.join(CHALLENGES)}")
        if challenge == "infrared" and self.infrared is None:
            raise ValueError("there is no infrared camera")
        if challenge == "turn":
            deadline_s += TURN_EXTRA_S
        return self._engine.match(portrait, threshold, frames, deadline_s, challenge, hint, done)

    @property
    def engine_ready(self) -> bool:
        """Whether the models are loaded."""
        return self._engine.ready

    @property
    def engine_pid(self) -> int | None:
        """The engine's process id, None while none runs."""
        return self._engine.child_pid

    def close(self) -> None:
        """End all processes; a match that runs is cancelled."""
        self._engine.close()
        for camera in self._cameras:
            camera.close()

    @property
    def _cameras(self) -> tuple[Camera, ...]:
        return (self.camera,) if self.infrared is None else (self.camera, self.infrared)


class _EngineWorker(Worker):
    """Owns the engine's process and the queue of matches."""

    def __init__(self, camera: Camera, infrared: Camera | None, away_s: float) -> None:
        self._camera = camera
        self._infrared = infrared
        self._away_s = away_s
        self._away_since_s: float | None = None
        self._numbers = itertools.count(1)
        self._jobs: deque[_Job] = deque()
        self._running: _Job | None = None
        self._keep = False
        self._retry_at_s: float | None = None
        self._failures = 0
        self._load_by_s = 0.0
        self.ready = False
        super().__init__("face")

    def start(self) -> None:
        self._post(self._start)

    def match(
        self,
        portrait: bytes,
        threshold: float,
        frames: int,
        deadline_s: float,
        challenge: str,
        hint: HintCallback,
        done: DoneCallback,
    ) -> Ticket:
        until_s = time.monotonic() + deadline_s
        number = next(self._numbers)
        job = _Job(number, portrait, threshold, frames, until_s, challenge, hint, done)
        looking = self._camera.wanted  # as of now: what is turned off later is a cancel
        if not self._post(lambda: self._add(job, looking)):
            done(DeviceError(Fault.CANCELLED, "the station is closed"))

        def cancel() -> None:
            self._post(lambda: self._cancel(job))

        return Ticket(cancel)

    def cancel_all(self, why: str) -> None:
        self._post(lambda: self._cancel_all(why))

    # On the worker's thread:

    def _start(self) -> None:
        self._keep = True
        self._spawn()

    def _spawn(self) -> None:
        if self._child is None and self._keep:
            self._retry_at_s = None
            self._load_by_s = time.monotonic() + _LOAD_S
            handle: BoardHandle = self._camera.board.handle
            second = self._infrared.board.handle if self._infrared is not None else None
            fds = (handle.fd,) if second is None else (handle.fd, second.fd)
            boot = (handle, _ENGINE_NICENESS, second)
            self._child = Child("devices.face.engine", boot, fds)

    def _add(self, job: _Job, looking: bool) -> None:
        if not looking:
            tell(job.done, DeviceError(Fault.CAMERA_ABSENT, "the camera is off"))
            return
        self._jobs.append(job)
        self._next()

    def _next(self) -> None:
        if self._child and self.ready and not self._running and self._jobs:
            job = self._running = self._jobs.popleft()
            message = (
                "match",
                job.number,
                job.portrait,
                job.threshold,
                job.frames,
                job.deadline_at_s,
                job.challenge,
            )
            self._child.send(message)

    def _cancel(self, job: _Job) -> None:
        if job is self._running:
            if self._child:
                self._child.send(("cancel", job.number))
            self._finish(DeviceError(Fault.CANCELLED))
        elif job in self._jobs:
            self._jobs.remove(job)
            tell(job.done, DeviceError(Fault.CANCELLED))

    def _cancel_all(self, why: str) -> None:
        self._end_all(DeviceError(Fault.CANCELLED, why))

    def _end_all(self, error: DeviceError) -> None:
        if self._running and self._child:
            self._child.send(("cancel", self._running.number))
        self._finish(error)
        while self._jobs:
            tell(self._jobs.popleft().done, error)

    def _finish(self, result: FaceMatch | DeviceError) -> None:
        job, self._running = self._running, None
        if job:
            tell(job.done, result)

    def _message(self, message: tuple[Any, ...]) -> None:
        number = self._running.number if self._running else 0
        match message:
            case ("ready",):
                self.ready = True
                self._failures = 0
            case ("hint", int(ticket), FaceHint() as hint) if self._running and ticket == number:
                tell(self._running.hint, hint)
            case ("matched", int(ticket), FaceMatch() as result) if ticket == number:
                self._finish(result)
            case ("unseen", int(ticket), FaceMatch() as result) if ticket == number:
                self._finish(self._why_unseen(result))
            case ("not-live", int(ticket), FaceMatch() as result, str(why)) if ticket == number:
                self._finish(self._why_not_live(result, why))
            case ("no-portrait", int(ticket)) if ticket == number:
                self._finish(DeviceError(Fault.FACE_PORTRAIT_EMPTY))
            case _:
                pass  # of a match that was cancelled
        self._next()

    def _why_unseen(self, result: FaceMatch) -> DeviceError:
        fault = _CAMERA_FAULTS.get(self._camera.state)
        if result.frames_seen == 0:
            return DeviceError(fault or Fault.CAMERA_STALLED, "no frame during the match")
        return FaceNotSeen(result)

    def _why_not_live(self, result: FaceMatch, why: str) -> DeviceError:
        """An infrared camera that is away is a fault of the terminal, not of the person."""
        fault = _CAMERA_FAULTS.get(self._infrared.state) if self._infrared else None
        return DeviceError(fault, "the infrared camera") if fault else FaceNotLive(result, why)

    def _child_gone(self) -> None:
        self._fail("the process ended")

    def _fail(self, detail: str) -> None:
        self._drop_child()
        self.ready = False
        pause_s = _BACKOFF_S[min(self._failures, len(_BACKOFF_S) - 1)]
        self._failures += 1
        self._retry_at_s = time.monotonic() + pause_s
        self._finish(DeviceError(Fault.FACE_ENGINE_FAILED, detail))

    def _look_for_camera(self, now_s: float) -> None:
        """Who stands there learns soon that the camera is away."""
        state = self._camera.state
        if state not in (CameraState.ABSENT, CameraState.STALLED) or not self._waiting:
            self._away_since_s = None
            return
        if self._away_since_s is None:
            self._away_since_s = now_s
        # A camera that stalled has been waited for already.
        patience_s = self._away_s if state is CameraState.ABSENT else 0.0
        if now_s - self._away_since_s >= patience_s:
            self._away_since_s = None
            self._end_all(DeviceError(_CAMERA_FAULTS[state], "during the match"))

    @property
    def _waiting(self) -> bool:
        return self._running is not None or bool(self._jobs)

    def _tick(self) -> float | None:
        now_s = time.monotonic()
        self._look_for_camera(now_s)
        if self._retry_at_s is not None and now_s >= self._retry_at_s:
            self._spawn()
        if self._child and not self.ready and now_s > self._load_by_s:
            self._fail("the models did not load in time")
        if self._running and now_s > self._running.deadline_at_s + _GRACE_S:
            self._fail("no answer before the deadline")
        for job in [job for job in self._jobs if now_s > job.deadline_at_s + _GRACE_S]:
            self._jobs.remove(job)
            fault = Fault.DEADLINE if self.ready else Fault.FACE_ENGINE_FAILED
            tell(job.done, DeviceError(fault, "it was not this match's turn in time"))
        times = [job.deadline_at_s + _GRACE_S for job in self._jobs]
        if self._waiting:
            times.append(now_s + _LOOK_S)
        if self._running:
            times.append(self._running.deadline_at_s + _GRACE_S)
        if self._retry_at_s is not None:
            times.append(self._retry_at_s)
        if self._child and not self.ready:
            times.append(self._load_by_s)
        return max(0.0, min(times) - now_s + 0.001) if times else None

    def _ended(self) -> None:
        self._cancel_all("the station was closed")
