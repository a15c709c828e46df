"""A V4L2 camera at OpenCV's edge: what it is told before its first frame, and when it is gone.

No camera is here, so `cv2.VideoCapture` is stood in for; everything behind it is what runs.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from devices.camera import CameraGone, CameraSpec, open_source

SPEC = CameraSpec(device="/dev/v4l/by-id/a-camera", width_px=800, height_px=600, fps=30)
PICTURE = np.full((600, 800, 3), 90, np.uint8)


class Capture:
    """What OpenCV would give: `frames` are its answers, None for a lost one."""

    made: list[Capture]
    opens = True

    def __init__(self, device: int | str, driver: int) -> None:
        self.device, self.driver = device, driver
        self.settings: list[tuple[int, float]] = []
        self.frames: list[npt.NDArray[np.uint8] | None] = []
        self.released = False
        Capture.made.append(self)

    def isOpened(self) -> bool:
        return Capture.opens

    def set(self, what: int, value: float) -> bool:
        self.settings.append((what, value))
        return True

    def read(self) -> tuple[bool, npt.NDArray[np.uint8] | None]:
        frame = self.frames.pop(0) if self.frames else None
        return frame is not None, frame

    def release(self) -> None:
        self.released = True


@pytest.fixture(autouse=True)
def opencv(monkeypatch: pytest.MonkeyPatch) -> None:
    Capture.made, Capture.opens = [], True
    monkeypatch.setattr(cv2, "VideoCapture", Capture)


@pytest.mark.parametrize(
    ("exposure", "told"),
    [
        (0, [(cv2.CAP_PROP_AUTO_EXPOSURE, 3)]),
        (250, [(cv2.CAP_PROP_AUTO_EXPOSURE, 1), (cv2.CAP_PROP_EXPOSURE, 250)]),
    ],
)
def test_a_camera_is_set_up_before_its_first_frame(
    exposure: int, told: list[tuple[int, float]]
) -> None:
    open_source(replace(SPEC, exposure=exposure)).open()
    (capture,) = Capture.made
    assert (capture.device, capture.driver) == (SPEC.device, cv2.CAP_V4L2)
    # The compression first: which sizes and rates there are depends on it.
    assert capture.settings[:4] == [
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, 800),
        (cv2.CAP_PROP_FRAME_HEIGHT, 600),
        (cv2.CAP_PROP_FPS, 30),
    ]
    assert capture.settings[4 : 4 + len(told)] == told
    assert (cv2.CAP_PROP_EXPOSURE in dict(capture.settings)) == bool(exposure)


def test_a_camera_may_be_named_by_its_number() -> None:
    open_source(replace(SPEC, device="2")).open()
    assert Capture.made[0].device == 2


def test_a_camera_that_cannot_be_opened_is_gone_and_let_go() -> None:
    Capture.opens = False
    with pytest.raises(CameraGone):
        open_source(SPEC).open()
    assert Capture.made[0].released


def test_a_lost_frame_is_lost_and_five_in_a_row_are_a_pulled_camera() -> None:
    source = open_source(SPEC)
    source.open()
    capture = Capture.made[0]
    capture.frames = [PICTURE, None, None, None, None, PICTURE]
    first = source.read()
    assert first is not None
    assert first.bgr is PICTURE
    assert [source.read() for _ in range(4)] == [None] * 4
    assert source.read() is not None
    assert [source.read() for _ in range(4)] == [None] * 4
    with pytest.raises(CameraGone):
        source.read()
    source.close()
    source.close()
    assert capture.released
    with pytest.raises(CameraGone):
        source.read()
