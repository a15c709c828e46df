"""The document camera in its own process: one page out, whatever happens to it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from devices.camera import CameraState
from devices.document import DocumentCamera
from devices.errors import DeviceError, Fault
from devices.face.client import Ticket
from devices.records import Page
from devices.simulators.camera import SceneControl

START_S = 30.0


@dataclass
class Shot:
    """One capture and its result."""

    results: list[Page | DeviceError] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    ticket: Ticket | None = None

    def done(self, result: Page | DeviceError) -> None:
        self.results.append(result)
        self.over.set()

    @property
    def result(self) -> Page | DeviceError:
        assert self.over.wait(START_S)
        assert len(self.results) == 1
        return self.results[0]

    @property
    def page(self) -> Page:
        assert isinstance(self.result, Page)
        return self.result

    @property
    def fault(self) -> Fault:
        assert isinstance(self.result, DeviceError)
        return self.result.fault


def shoot(camera: DocumentCamera, deadline_s: float = 10.0) -> Shot:
    shot = Shot()
    shot.ticket = camera.capture(deadline_s, shot.done)
    return shot


@pytest.fixture(scope="module")
def scene() -> Iterator[SceneControl]:
    control = SceneControl("empty")
    yield control
    control.close()


@pytest.fixture(scope="module")
def shared(scene: SceneControl) -> Iterator[DocumentCamera]:
    camera = DocumentCamera(scene.document_spec())
    yield camera
    camera.close()


@pytest.fixture
def camera(shared: DocumentCamera, scene: SceneControl) -> DocumentCamera:
    scene.set("empty")
    shared.look(True)
    assert shared.wait_for(CameraState.LIVE, START_S)
    assert settled(shared, outlined=False)
    return shared


def settled(camera: DocumentCamera, *, outlined: bool) -> bool:
    """Wait until the picture shows the scene that was just set."""
    pause, deadline_s = threading.Event(), time.monotonic() + START_S
    while bool(camera.outline()) != outlined:
        if time.monotonic() > deadline_s:
            return False
        pause.wait(0.01)
    return True


def test_a_camera_that_is_off_takes_no_page(shared: DocumentCamera) -> None:
    assert shared.preview() is None
    assert shoot(shared).fault is Fault.CAMERA_ABSENT


@pytest.mark.parametrize("kind", ["permit", "register", "form"])
def test_a_paper_becomes_a_straight_page(
    camera: DocumentCamera, scene: SceneControl, kind: str
) -> None:
    scene.set(f"paper:{kind}")
    assert settled(camera, outlined=True)
    began_s = time.monotonic()
    page = shoot(camera).page
    assert time.monotonic() - began_s < 4.0
    assert page.straightened
    assert page.warnings == ()
    assert page.jpeg.startswith(b"\xff\xd8")
    assert len(page.jpeg) <= 700_000
    assert max(page.width_px, page.height_px) > 900
    assert "jpeg" not in repr(page)


def test_the_preview_shows_where_the_paper_lies(
    camera: DocumentCamera, scene: SceneControl
) -> None:
    scene.set("paper:form")
    assert settled(camera, outlined=True)
    points = camera.outline()
    assert len(points) == 4
    assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in points)
    frame = camera.preview()
    assert frame is not None
    assert (frame.width_px, frame.height_px) == (960, 720)
    scene.set("empty")
    assert settled(camera, outlined=False)


@pytest.mark.parametrize(
    ("name", "warning"), [("glare", "glare"), ("blurred", "blurred"), ("empty", "no-edge")]
)
def test_a_bad_picture_is_a_page_with_a_warning(
    camera: DocumentCamera, scene: SceneControl, name: str, warning: str
) -> None:
    scene.set(name)
    assert settled(camera, outlined=name != "empty")
    page = shoot(camera).page
    assert warning in page.warnings
    assert page.straightened == (name != "empty")


def test_a_cancelled_capture_gives_no_page(camera: DocumentCamera) -> None:
    shot = shoot(camera)
    assert shot.ticket
    shot.ticket.cancel()
    assert shot.fault is Fault.CANCELLED
    assert shoot(camera).page.jpeg  # and the next one works
    assert len(shot.results) == 1


def test_a_camera_that_is_gone_is_the_reason(camera: DocumentCamera, scene: SceneControl) -> None:
    scene.set("gone")
    assert camera.wait_for(CameraState.ABSENT, 5.0)
    assert shoot(camera, deadline_s=0.3).fault is Fault.CAMERA_ABSENT
    scene.set("paper:form")
    assert camera.wait_for(CameraState.LIVE, START_S)
    assert shoot(camera).page.jpeg


def test_a_killed_process_fails_its_capture_and_comes_back(
    camera: DocumentCamera, scene: SceneControl
) -> None:
    pid = camera.child_pid
    assert pid
    os.kill(pid, signal.SIGSTOP)  # so that the capture cannot be done before the end
    shot = shoot(camera)
    os.kill(pid, signal.SIGKILL)
    assert shot.fault is Fault.CAMERA_ABSENT
    assert camera.wait_for(CameraState.LIVE, START_S)
    assert shoot(camera).page.jpeg


def test_a_capture_waits_for_a_camera_that_is_coming(
    shared: DocumentCamera, scene: SceneControl
) -> None:
    scene.set("paper:form")
    shared.look(False)
    assert shared.wait_for(CameraState.OFF, 5.0)
    shared.look(True)
    assert shoot(shared).page.straightened


def test_turning_off_ends_what_runs_and_wipes(camera: DocumentCamera) -> None:
    pid = camera.child_pid
    assert pid
    shot = shoot(camera)
    camera.look(False)
    assert isinstance(shot.result, (Page, DeviceError))
    assert camera.wait_for(CameraState.OFF, 5.0)
    assert camera.outline() == ()
    assert camera.board.is_blank()


def test_closing_answers_a_running_capture(scene: SceneControl) -> None:
    camera = DocumentCamera(scene.document_spec())
    camera.look(True)
    shot = shoot(camera)
    camera.close()
    assert shot.fault is Fault.CANCELLED
    assert shoot(camera).fault is Fault.CANCELLED
