"""Cameras: where frames come from, and the child process that takes them.

A V4L2 call can block in C without a timeout, so a camera always sits in a process of its
own that can be killed. The screen's process gets finished RGB pictures out of shared memory
and never imports NumPy or OpenCV. A camera that is gone or silent is reported with its code
and tried again, for as long as it is wanted; it never takes the terminal down.

Nothing is opened before `start`, and after `stop` the device is closed and every picture in
memory overwritten; `state` is OFF only once that has happened.
"""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from devices.errors import DeviceError, Fault
from devices.vision.board import FrameBoard, PreviewFrame
from devices.vision.process import Child, Worker, tell

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "Camera",
    "CameraGone",
    "CameraSpec",
    "CameraState",
    "Frame",
    "FrameSource",
    "PreviewFrame",
    "open_source",
]


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as OpenCV has it: uint8, height x width x 3, blue first; monotonic time."""

    bgr: npt.NDArray[np.uint8] = field(repr=False)
    at_s: float


class CameraGone(Exception):
    """A source cannot be opened, or was lost. The text is for technicians."""


class FrameSource(Protocol):
    """Where frames come from. `open` and `read` raise CameraGone; `close` never does."""

    def open(self) -> None:
        """Take the device."""

    def read(self) -> Frame | None:
        """The next frame, waiting for it; None when this one was lost."""

    def close(self) -> None:
        """Let the device go."""


@dataclass(frozen=True, slots=True)
class CameraSpec:
    """Which camera, and how. Picklable.

    `kind` is "v4l2" (`device` is an index or a path such as /dev/v4l/by-id/...), "files"
    (`files` are pictures shown in turn, `hold_frames` each) or "simulated" (`device` is the
    scene file of `devices.simulators.camera.SceneControl`).
    """

    kind: str = "v4l2"
    device: str = "0"
    width_px: int = 640
    height_px: int = 480
    fps: int = 25
    exposure: int = 0  # in 0.1 ms, 0 for the camera's own choice
    mirror: bool = False  # a preview in which one sees oneself as in a mirror
    preview_width_px: int = 0  # preview scaled down to this width, 0 for the full frame
    files: tuple[str, ...] = ()
    hold_frames: int = 1
    stall_s: float = 2.0  # without a frame for so long, the camera counts as stalled
    still: bool = False  # simulated only: no motion, no noise of its own
    infrared: bool = False  # simulated only: the scene as an infrared camera beside sees it

    @property
    def preview_size_px(self) -> tuple[int, int]:
        """Width and height of a preview picture."""
        if not self.preview_width_px or self.preview_width_px >= self.width_px:
            return self.width_px, self.height_px
        scale = self.preview_width_px / self.width_px
        return self.preview_width_px, round(self.height_px * scale)


_SOURCES = {  # loaded in the child only, and no simulator unless it is asked for
    "v4l2": ("devices.vision.sources", "V4l2Source"),
    "files": ("devices.vision.sources", "FilesSource"),
    "simulated": ("devices.simulators.stage", "SimulatedSource"),
}


def open_source(spec: CameraSpec) -> FrameSource:
    """The source that `spec` names, not yet opened. Imports OpenCV: for child processes."""
    try:
        module, name = _SOURCES[spec.kind]
    except KeyError:
        raise ValueError(f"camera kind {spec.kind!r} is not one of {sorted(_SOURCES)}") from None
    source: FrameSource = getattr(importlib.import_module(module), name)(spec)
    return source


class CameraState(StrEnum):
    """What a camera is doing."""

    OFF = "off"  # the device is closed, no picture is in memory
    STARTING = "starting"
    LIVE = "live"
    ABSENT = "absent"  # tried again by itself
    STALLED = "stalled"  # its process was ended and is started again by itself


StatusCallback = Callable[[CameraState, DeviceError | None], None]

_FAULTS = {CameraState.ABSENT: Fault.CAMERA_ABSENT, CameraState.STALLED: Fault.CAMERA_STALLED}
_START_S = 15.0  # interpreter, OpenCV and a slow device's first frame, on a busy machine
_CLOSE_S = 1.0
_BACKOFF_S = (0.1, 0.5, 1.0, 2.0, 5.0)
_LOOK_S = 0.25


class Camera(Worker):
    """A camera in its own process. `status` is called on the worker's thread."""

    module = "devices.vision.serve"

    def __init__(self, spec: CameraSpec, status: StatusCallback | None = None) -> None:
        self.spec = spec
        self.board = FrameBoard.create(*spec.preview_size_px)
        self._status = status
        self._state = CameraState.OFF
        self._state_changed = threading.Condition()
        self._wanted = False  # set by the caller's thread at once, so that no picture comes late
        self._keep = False  # keep a process, device closed or not
        self._session = 0
        self._since_s = 0.0  # of the present opening, closing, or of going live
        self._closing = False
        self._retry_at_s: float | None = None
        self._failures = 0
        self._cached: PreviewFrame | None = None
        super().__init__("camera")

    @property
    def state(self) -> CameraState:
        """The present state."""
        return self._state

    @property
    def wanted(self) -> bool:
        """Whether the camera has been started and not stopped."""
        return self._wanted

    def prewarm(self) -> None:
        """Start the process without opening the device, so that `start` is quick."""
        self._post(self._prewarm)

    def start(self) -> None:
        """Open the device, and keep trying until `stop`."""
        self._wanted = True
        self._post(self._open)

    def stop(self) -> None:
        """Close the device and wipe its pictures; `latest` gives none from now on."""
        self._wanted = False
        self._cached = None
        self._post(self._shut)

    def latest(self) -> PreviewFrame | None:
        """The newest picture, None while the camera is not live: no picture stands frozen."""
        if not self._wanted or self._state is not CameraState.LIVE:
            self._cached = None
            return None
        cached = self._cached
        if cached is None or cached.sequence != self.board.sequence:
            cached = self.board.latest()
            self._cached = cached
        return self._cached

    def wait_for(self, state: CameraState, timeout_s: float) -> bool:
        """Wait until the camera is in `state`; False when it did not get there in time."""
        with self._state_changed:
            return self._state_changed.wait_for(lambda: self._state == state, timeout_s)

    def close(self) -> None:
        """Close the device and end the process."""
        self._wanted = False
        self._cached = None
        super().close()

    # On the worker's thread:

    def _prewarm(self) -> None:
        self._keep = True
        self._spawn()

    def _spawn(self) -> None:
        if self._child is None:
            boot = (self.spec, self.board.handle)
            self._child = Child(self.module, boot, (self.board.handle.fd,))

    def _open(self) -> None:
        if not self._wanted:
            return
        self._keep = True
        running = self._state in (CameraState.STARTING, CameraState.LIVE)
        if running and self._child and not self._closing:
            return  # asked twice
        self._failures = 0
        self._connect()

    def _connect(self) -> None:
        self._retry_at_s = None
        self._closing = False
        self._session += 1
        self._since_s = time.monotonic()
        self._enter(CameraState.STARTING)
        self._spawn()
        if self._child:
            self._child.send(("open", self._session))

    def _shut(self) -> None:
        if self._wanted:
            return
        self._retry_at_s = None
        if self._child is None or self._state is CameraState.OFF:
            self._be_off()
            return
        self._closing = True
        self._since_s = time.monotonic()
        self._child.send(("close", self._session))

    def _be_off(self) -> None:
        self._closing = False
        self.board.wipe()
        self._enter(CameraState.OFF)

    def _message(self, message: tuple[Any, ...]) -> None:
        match message:
            case ("live", self._session) if not self._closing:
                self._failures = 0
                self._since_s = time.monotonic()  # its first frame may have taken long
                self._enter(CameraState.LIVE)
            case ("absent", self._session, str(detail)) if not self._closing:
                self._enter(CameraState.ABSENT, detail)
            case ("closed", self._session):
                if self._closing:
                    self._be_off()
            case _:
                self._other_message(message)

    def _other_message(self, message: tuple[Any, ...]) -> None:
        """A message that only a subclass understands."""

    def _child_gone(self) -> None:
        self.board.wipe()
        if self._closing or not self._wanted:
            self._be_off()
            if self._keep:
                self._retry_at_s = time.monotonic() + self._backoff_s()
            return
        self._enter(CameraState.ABSENT, "the camera's process ended")
        self._retry_at_s = time.monotonic() + self._backoff_s()

    def _backoff_s(self) -> float:
        pause_s = _BACKOFF_S[min(self._failures, len(_BACKOFF_S) - 1)]
        self._failures += 1
        return pause_s

    def _tick(self) -> float | None:
        now_s = time.monotonic()
        if self._retry_at_s is not None:
            if now_s < self._retry_at_s:
                return self._retry_at_s - now_s
            self._retry_at_s = None
            if self._wanted:
                self._connect()
            elif self._keep:
                self._spawn()
        if self._closing and now_s - self._since_s > _CLOSE_S:
            self._drop_child()  # stuck in the driver
            self._be_off()
            self._retry_at_s = now_s + self._backoff_s()
            return 0.0
        if self._state is CameraState.STARTING and now_s - self._since_s > _START_S:
            self._stalled(now_s)
        elif self._state is CameraState.LIVE and not self._closing:
            at_s = self.board.latest_at_s()
            if now_s - max(at_s, self._since_s) > self.spec.stall_s:
                self._stalled(now_s)
        return None if self._state is CameraState.OFF and not self._closing else _LOOK_S

    def _stalled(self, now_s: float) -> None:
        self._drop_child()
        self.board.wipe()
        self._enter(CameraState.STALLED, "no frame came")
        self._retry_at_s = now_s + self._backoff_s()

    def _enter(self, state: CameraState, detail: str = "") -> None:
        if state is self._state:
            return
        with self._state_changed:
            self._state = state
            self._state_changed.notify_all()
        if self._status:
            fault = _FAULTS.get(state)
            tell(self._status, state, DeviceError(fault, detail) if fault else None)

    def _ended(self) -> None:
        self._status = None
        self.board.wipe()
        self._enter(CameraState.OFF)
