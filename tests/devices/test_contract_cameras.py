"""The contract of devices, kept by cameras: opened for the test only, pulled and put back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.adapters import cameras
from devices.adapters.cameras import (
    CameraDevice,
    FaceDevice,
    camera_path_exists,
    document_device,
    face_device,
    infrared_device,
)
from devices.camera import CameraSpec, CameraState
from devices.contract import DeviceKind, DeviceState, Result
from devices.document.client import DocumentCamera
from devices.errors import Fault
from devices.face.client import FaceStation
from devices.simulators.camera import FROZEN, GONE, SceneControl
from devices.worker import Cancel

WAIT_S = 60.0


@pytest.fixture(autouse=True)
def short_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two seconds of counting are for terminals."""
    monkeypatch.setattr(cameras, "MEASURE_S", 0.7)
    monkeypatch.setattr(cameras, "ENOUGH_SHARE", 0.0)  # nor is this machine's speed the question


@pytest.fixture
def scene() -> Iterator[SceneControl]:
    control = SceneControl("nobody")
    yield control
    control.close()


@pytest.fixture(scope="module")
def station() -> Iterator[tuple[FaceStation, SceneControl]]:
    """Loading the models takes seconds: once for all."""
    control = SceneControl("nobody")
    running = FaceStation(control.face_spec())
    running.start()
    yield running, control
    running.close()
    control.close()


def until(holds: object, what: str) -> None:
    end_s = time.monotonic() + WAIT_S
    pause = threading.Event()
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end_s, f"never: {what}"
        pause.wait(0.01)


def test_frames_are_counted_the_engine_answers_and_the_camera_is_off_again(
    station: tuple[FaceStation, SceneControl],
) -> None:
    running, control = station
    control.set("nobody")
    device = FaceDevice(running)
    told = device.self_test(Cancel(WAIT_S))
    assert told.result is Result.OK, told.steps
    assert [step.name for step in told.steps] == ["camera", "frames", "engine"]
    assert told.figures["frames_per_s"] > 12  # type: ignore[operator]
    assert told.figures["engine_answer_s"] >= 0  # type: ignore[operator]
    assert "switched on" in told.steps[0].detail
    assert running.camera.state is CameraState.OFF
    assert running.preview() is None
    assert device.status.state is DeviceState.POWERED_OFF
    assert device.capabilities.matches_faces is True
    assert device.capabilities.infrared is False
    device.close()


def test_a_camera_that_is_gone(station: tuple[FaceStation, SceneControl]) -> None:
    running, control = station
    control.set(GONE)
    device = FaceDevice(running)
    told = device.self_test(Cancel(WAIT_S))
    assert told.fault is Fault.CAMERA_ABSENT
    assert [step.result for step in told.steps[1:]] == [Result.UNKNOWN] * 2
    assert running.camera.state is CameraState.OFF, "nobody keeps trying behind people's backs"
    control.set("nobody")
    assert device.self_test(Cancel(WAIT_S)).result is Result.OK, "put back, no restart"
    device.close()


def test_somebody_who_comes_ends_the_test_and_the_camera(
    station: tuple[FaceStation, SceneControl],
) -> None:
    running, control = station
    control.set("nobody")
    used = threading.Event()
    device = FaceDevice(running, in_use=used.is_set)

    def come() -> None:
        running.camera.wait_for(CameraState.LIVE, WAIT_S)
        used.set()

    visitor = threading.Thread(target=come)
    visitor.start()
    told = device.self_test(Cancel(WAIT_S))
    visitor.join()
    assert told.result is Result.UNKNOWN
    assert told.fault is None
    assert running.camera.wait_for(CameraState.OFF, WAIT_S)
    device.close()


def test_a_camera_that_is_in_use_is_not_touched(
    station: tuple[FaceStation, SceneControl],
) -> None:
    running, control = station
    control.set("nobody")
    running.look(True)
    assert running.camera.wait_for(CameraState.LIVE, WAIT_S)
    device = FaceDevice(running, in_use=lambda: True)
    assert device.self_test(Cancel(WAIT_S)).result is Result.UNKNOWN
    assert running.camera.state is CameraState.LIVE
    running.look(False)
    device.close()


def test_a_camera_that_opens_and_delivers_nothing(scene: SceneControl) -> None:
    scene.set(FROZEN)
    camera = DocumentCamera(scene.document_spec())
    device = CameraDevice(
        camera, DeviceKind.DOCUMENT_CAMERA, "desk", owns_camera=True, patience_s=2.5
    )
    began_s = time.monotonic()
    told = device.self_test(Cancel(WAIT_S))
    assert told.fault in (Fault.CAMERA_STALLED, Fault.CAMERA_ABSENT)
    assert time.monotonic() - began_s < 10
    device.close()


def test_a_black_picture_is_not_fine(tmp_path: Path) -> None:
    import cv2
    import numpy as np

    black = tmp_path / "black.png"
    cv2.imwrite(str(black), np.zeros((48, 64, 3), np.uint8))
    spec = CameraSpec("files", width_px=64, height_px=48, files=(str(black),))
    device = document_device(spec)
    told = device.self_test(Cancel(WAIT_S))
    assert told.result is Result.UNKNOWN
    assert "black" in told.steps[1].detail
    black.unlink()
    device.look()
    assert device.status.state is DeviceState.ABSENT
    assert device.self_test(Cancel(WAIT_S)).fault is Fault.CAMERA_ABSENT
    device.close()


def test_an_infrared_camera_may_see_a_dark_room(tmp_path: Path) -> None:
    import cv2
    import numpy as np

    black = tmp_path / "black.png"
    cv2.imwrite(str(black), np.zeros((48, 64, 3), np.uint8))
    device = infrared_device(CameraSpec("files", width_px=64, height_px=48, files=(str(black),)))
    assert device.capabilities.infrared is True
    assert device.self_test(Cancel(WAIT_S)).result is Result.OK
    device.close()


def test_a_document_camera_is_pulled_and_put_back_while_it_looks(scene: SceneControl) -> None:
    scene.set("empty")
    camera = DocumentCamera(scene.document_spec())
    device = CameraDevice(camera, DeviceKind.DOCUMENT_CAMERA, "desk", owns_camera=True)
    camera.look(True)
    for _ in range(2):
        until(lambda: (device.look(), device.status.state)[1] is DeviceState.ONLINE, "online")
        scene.set(GONE)
        until(lambda: (device.look(), device.status.state)[1] is DeviceState.ABSENT, "absent")
        scene.set("empty")
    device.close()


def test_nothing_is_opened_by_looking(scene: SceneControl) -> None:
    device = face_device(scene.face_spec())
    device.open()
    until(lambda: device.status.state is DeviceState.POWERED_OFF, "asked")
    device.look()
    assert device.status.state is DeviceState.POWERED_OFF
    device.close()


def test_a_device_node_that_is_not_there() -> None:
    assert camera_path_exists(CameraSpec("v4l2", "/dev/v4l/by-id/none")) is False
    assert camera_path_exists(CameraSpec("v4l2", "/dev/null")) is True
    assert camera_path_exists(CameraSpec("simulated", "/dev/null")) is None
    device = document_device(CameraSpec("v4l2", "/dev/v4l/by-id/none"))
    assert device.self_test(Cancel(WAIT_S)).fault is Fault.CAMERA_ABSENT
    device.close()
