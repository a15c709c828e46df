"""Cameras under the contract, with what works on their pictures: face engine, paper finder.

A camera is opened only for its self-test, which says so, and is closed again behind it; `look`
and `ask` never open one. Pictures are counted and their brightness is measured; none is kept.
Where a terminal serves somebody, `in_use` says so: the test then ends at once, before the
visit can come to its own use of the camera.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from devices.camera import Camera, CameraSpec, CameraState, StatusCallback
from devices.contract import (
    CameraCapabilities,
    Device,
    DeviceIdentity,
    DeviceKind,
    DeviceState,
    DeviceStatus,
    Finding,
    Probe,
    Result,
)
from devices.document.client import DocumentCamera
from devices.errors import DeviceError, Fault
from devices.face.client import PORTRAIT_HEIGHT_PX, PORTRAIT_WIDTH_PX, FaceStation
from devices.records import FaceMatch
from devices.worker import Cancel, DeviceWorker

MEASURE_S: Final = 2.0
# Below this share of what was asked for, a preview stutters and a match takes too long.
ENOUGH_SHARE: Final = 0.5
_DARK: Final = 8  # of 255, the mean over a picture
_ENGINE_ANSWER_S: Final = 8.0
_TICK_S: Final = 0.05
_FIRST_FRAME_S: Final = 12.0  # process, OpenCV and a slow device, on a busy machine
_SECOND_TRY_S: Final = 0.6  # a camera that was in use a moment ago is tried again by itself
_OFF_S: Final = 1.5

_STATES: Final = {
    CameraState.OFF: (DeviceState.POWERED_OFF, None),
    CameraState.STARTING: (DeviceState.STARTING, None),
    CameraState.LIVE: (DeviceState.ONLINE, None),
    CameraState.ABSENT: (DeviceState.ABSENT, Fault.CAMERA_ABSENT),
    CameraState.STALLED: (DeviceState.BROKEN, Fault.CAMERA_STALLED),
}


def _never() -> bool:
    return False


class CameraDevice(Device):
    """A camera. Pass `changed` to the camera as its status callback to hear of it at once."""

    absent_fault = Fault.CAMERA_ABSENT

    def __init__(
        self,
        camera: Camera,
        kind: DeviceKind,
        name: str,
        *,
        worker: DeviceWorker | None = None,
        owns_camera: bool = False,
        in_use: Callable[[], bool] = _never,
        patience_s: float = _FIRST_FRAME_S,
    ) -> None:
        """`patience_s`: how long the first frame may take."""
        super().__init__(DeviceIdentity(kind, name, camera.spec.device), worker)
        self._patience_s = patience_s
        self._camera = camera
        self._owns_camera = owns_camera
        self._in_use = in_use
        self._opened = False

    @property
    def capabilities(self) -> CameraCapabilities:
        """As configured."""
        spec = self._camera.spec
        return CameraCapabilities(
            width_px=spec.width_px,
            height_px=spec.height_px,
            frames_per_s=spec.fps,
            mirrored=spec.mirror,
            infrared=self.identity.kind is DeviceKind.INFRARED_CAMERA,
            matches_faces=self.identity.kind is DeviceKind.FACE_CAMERA,
            straightens_paper=self.identity.kind is DeviceKind.DOCUMENT_CAMERA,
        )

    def present(self) -> bool | None:
        """Whether the device's path is there."""
        return camera_path_exists(self._camera.spec)

    def look(self) -> None:
        """Notice a camera that was pulled or put back, without opening it."""
        there = self.present()
        if there is False:
            self._board.put(DeviceState.ABSENT, Fault.CAMERA_ABSENT)
        elif self._camera.state is not CameraState.OFF or there:
            self.changed(self._camera.state, None)

    def changed(self, state: CameraState, error: DeviceError | None) -> None:
        """What the camera says of itself; from any thread."""
        if self.status.detail == "self-test":
            return  # the test's end tells
        told, fault = _STATES[state]
        self._board.put(told, fault, error.detail if error else "")

    def close(self) -> None:
        """End the camera if it is this one's own."""
        super().close()
        if self._owns_camera:
            self._camera.close()

    def _ask(self, cancel: Cancel) -> DeviceStatus:
        cancel.raise_if_cancelled()
        if self.present() is False:
            raise DeviceError(Fault.CAMERA_ABSENT)
        told, fault = _STATES[self._camera.state]
        return DeviceStatus(told, time.monotonic(), fault)

    def _well(self) -> tuple[DeviceState, Fault | None, str]:
        told, _ = _STATES[self._camera.state]
        return told, None, ""

    # -- self-test --------------------------------------------------------------------

    def _probes(self) -> Sequence[Probe]:
        return (Probe("camera", self._open), Probe("frames", self._frames))

    def _open(self, cancel: Cancel) -> Finding:
        if self.present() is False:
            raise DeviceError(Fault.CAMERA_ABSENT, "no such device")
        self._keep_off(cancel)
        if self._camera.wanted:
            raise DeviceError(Fault.CANCELLED, "in use")
        began_s = time.monotonic()
        self._opened = True
        self._camera.start()
        while self._camera.state is not CameraState.LIVE:
            _, fault = _STATES[self._camera.state]
            waited_s = time.monotonic() - began_s
            if fault is not None and waited_s > _SECOND_TRY_S:
                raise DeviceError(fault)
            if waited_s > self._patience_s or cancel.remaining_s < _TICK_S * 2:
                raise DeviceError(fault or Fault.CAMERA_STALLED, "opened, and no frame came")
            self._wait(cancel)
        return Finding(
            "the camera was switched on for this test; no picture is kept",
            {"first_frame_s": round(time.monotonic() - began_s, 2)},
        )

    def _frames(self, cancel: Cancel) -> Finding:
        camera = self._camera
        first, began_s = camera.board.sequence, time.monotonic()
        while time.monotonic() - began_s < MEASURE_S:
            self._wait(cancel)
            _, fault = _STATES[camera.state]
            if fault is not None:
                raise DeviceError(fault, "while frames were counted")
        frames_per_s = (camera.board.sequence - first) / (time.monotonic() - began_s)
        picture = camera.latest()
        if picture is None or frames_per_s <= 0:
            raise DeviceError(Fault.CAMERA_STALLED, "no frame while they were counted")
        brightness = sum(picture.rgb[::97]) / len(picture.rgb[::97])
        figures = {
            "frames_per_s": round(frames_per_s, 1),
            "width_px": picture.width_px,
            "height_px": picture.height_px,
            "brightness": round(brightness),
        }
        if frames_per_s < ENOUGH_SHARE * camera.spec.fps:
            raise DeviceError(
                Fault.CAMERA_SLOW, f"{frames_per_s:.1f} frames/s of {camera.spec.fps}"
            )
        # In infrared an empty room is dark, and that is how it should be.
        if brightness < _DARK and self.identity.kind is not DeviceKind.INFRARED_CAMERA:
            return Finding("the picture is black: a cover, or no light?", figures, Result.UNKNOWN)
        return Finding(figures=figures)

    def _after_test(self) -> None:
        """Off again, also when somebody came: a visit cannot have come to its own use of the
        camera within the moment in which a test notices that."""
        if self._opened:
            self._opened = False
            self._camera.stop()
            self._camera.wait_for(CameraState.OFF, _OFF_S)

    def _keep_off(self, cancel: Cancel) -> None:
        """Leave at once where the terminal serves somebody."""
        cancel.raise_if_cancelled()
        if self._in_use():
            raise DeviceError(Fault.CANCELLED, "in use")

    def _wait(self, cancel: Cancel) -> None:
        self._keep_off(cancel)
        cancel.wait(_TICK_S)
        cancel.raise_if_cancelled()


class FaceDevice(CameraDevice):
    """The face camera and the engine that matches what it sees."""

    def __init__(
        self,
        station: FaceStation,
        *,
        name: str = "face",
        worker: DeviceWorker | None = None,
        owns_camera: bool = False,
        in_use: Callable[[], bool] = _never,
        patience_s: float = _FIRST_FRAME_S,
    ) -> None:
        super().__init__(
            station.camera,
            DeviceKind.FACE_CAMERA,
            name,
            worker=worker,
            owns_camera=False,
            in_use=in_use,
            patience_s=patience_s,
        )
        self._station = station
        self._owns_station = owns_camera

    def close(self) -> None:
        """End both processes if they are this one's own."""
        super().close()
        if self._owns_station:
            self._station.close()

    def _probes(self) -> Sequence[Probe]:
        return (*super()._probes(), Probe("engine", self._engine))

    def _open(self, cancel: Cancel) -> Finding:
        self._station.start()  # loading takes longer than looking; harmless when it runs
        return super()._open(cancel)

    def _engine(self, cancel: Cancel) -> Finding:
        """The engine is given an empty portrait and has to say that nobody is in it."""
        began_s = time.monotonic()
        while not self._station.engine_ready:
            self._wait(cancel)
        ready_s = time.monotonic()
        answer: list[FaceMatch | DeviceError] = []
        heard = threading.Event()

        def done(result: FaceMatch | DeviceError) -> None:
            answer.append(result)
            heard.set()

        ticket = self._station.match(
            bytes(PORTRAIT_WIDTH_PX * PORTRAIT_HEIGHT_PX * 3),
            threshold=0.0,
            frames=1,
            deadline_s=min(_ENGINE_ANSWER_S, cancel.remaining_s),
            hint=lambda _: None,
            done=done,
        )
        try:
            while not heard.is_set():
                self._wait(cancel)
        finally:
            ticket.cancel()
        told = answer[0]
        if isinstance(told, DeviceError) and told.fault is Fault.FACE_PORTRAIT_EMPTY:
            return Finding(
                figures={
                    "engine_load_s": round(ready_s - began_s, 2),
                    "engine_answer_s": round(time.monotonic() - ready_s, 3),
                }
            )
        if isinstance(told, DeviceError):
            raise DeviceError(told.fault, told.detail)
        raise DeviceError(Fault.FACE_ENGINE_FAILED, "a face was found where there is none")


def face_device(
    spec: CameraSpec, *, name: str = "face", patience_s: float = _FIRST_FRAME_S
) -> FaceDevice:
    """A face camera with processes of its own, which end with it."""
    heard: list[FaceDevice] = []

    def changed(state: CameraState, error: DeviceError | None) -> None:
        for device in heard:
            device.changed(state, error)

    device = FaceDevice(
        FaceStation(spec, changed), name=name, owns_camera=True, patience_s=patience_s
    )
    heard.append(device)
    return device


def document_device(spec: CameraSpec, *, name: str = "document-camera") -> CameraDevice:
    """A document camera with a process of its own, which ends with it."""
    return _with_its_own(
        lambda status: DocumentCamera(spec, status), DeviceKind.DOCUMENT_CAMERA, name
    )


def infrared_device(spec: CameraSpec, *, name: str = "infrared") -> CameraDevice:
    """An infrared camera with a process of its own, which ends with it."""
    return _with_its_own(lambda status: Camera(spec, status), DeviceKind.INFRARED_CAMERA, name)


def _with_its_own(
    make: Callable[[StatusCallback], Camera], kind: DeviceKind, name: str
) -> CameraDevice:
    heard: list[CameraDevice] = []

    def changed(state: CameraState, error: DeviceError | None) -> None:
        for device in heard:
            device.changed(state, error)

    device = CameraDevice(make(changed), kind, name, owns_camera=True)
    heard.append(device)
    return device


def camera_path_exists(spec: CameraSpec) -> bool | None:
    """Whether the camera's device node is there; None for a camera without one."""
    if spec.kind == "v4l2":
        name = spec.device
        return Path(f"/dev/video{name}" if name.isdigit() else name).exists()
    if spec.kind == "files":
        return all(Path(name).exists() for name in spec.files)
    return None
