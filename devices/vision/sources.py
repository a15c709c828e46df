"""Real frame sources: a V4L2 camera through OpenCV, and picture files. For child processes."""

from __future__ import annotations

import time
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from devices.camera import CameraGone, CameraSpec, Frame

_LOST_FRAMES = 5  # in a row; a single one is usual on a USB bus, five are an unplugged camera

_BY_HAND, _BY_ITSELF = 1, 3  # V4L2_CID_EXPOSURE_AUTO: manual, aperture priority


class Pace:
    """Keeps a made-up source at the frame rate of a real one."""

    def __init__(self, fps: int) -> None:
        self._period_s = 1.0 / fps
        self._next_s = time.monotonic()

    def wait(self) -> float:
        """Sleep until the next frame is due; returns the monotonic time."""
        now_s = time.monotonic()
        self._next_s = max(self._next_s + self._period_s, now_s - self._period_s)
        if self._next_s > now_s:
            time.sleep(self._next_s - now_s)
        return time.monotonic()


class V4l2Source:
    """A camera of the kernel's video interface."""

    def __init__(self, spec: CameraSpec) -> None:
        self._spec = spec
        self._capture: cv2.VideoCapture | None = None
        self._lost = 0

    def open(self) -> None:
        """Open and configure; MJPEG, because raw pictures fill a shared USB 2 bus."""
        name = self._spec.device
        capture = cv2.VideoCapture(int(name) if name.isdigit() else name, cv2.CAP_V4L2)  # type: ignore[arg-type,call-overload,unused-ignore]
        if not capture.isOpened():
            capture.release()
            raise CameraGone(f"{name} cannot be opened")
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._spec.width_px)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._spec.height_px)
        capture.set(cv2.CAP_PROP_FPS, self._spec.fps)
        capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, _BY_HAND if self._spec.exposure else _BY_ITSELF)
        if self._spec.exposure:
            capture.set(cv2.CAP_PROP_EXPOSURE, self._spec.exposure)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 2)  # a preview that lags feels broken
        self._capture = capture
        self._lost = 0

    def read(self) -> Frame | None:
        """The next frame; CameraGone after several lost ones."""
        if self._capture is None:
            raise CameraGone("not open")
        got, picture = self._capture.read()
        if got:
            self._lost = 0
            return Frame(cast("npt.NDArray[np.uint8]", picture), time.monotonic())
        self._lost += 1
        if self._lost >= _LOST_FRAMES:
            raise CameraGone(f"{self._spec.device} delivers nothing")
        return None

    def close(self) -> None:
        """Release the device."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None


class FilesSource:
    """Picture files, each filling the frame, shown in turn for ever."""

    def __init__(self, spec: CameraSpec) -> None:
        self._spec = spec
        self._pictures: list[npt.NDArray[np.uint8]] = []
        self._shown = 0
        self._pace = Pace(spec.fps)

    def open(self) -> None:
        """Load all files; CameraGone when one is missing or no picture."""
        pictures = []
        for number, name in enumerate(self._spec.files):
            picture = cv2.imread(name)
            if picture is None:
                raise CameraGone(f"picture {number} cannot be read")
            pictures.append(fill(picture, self._spec.width_px, self._spec.height_px))
        if not pictures:
            raise CameraGone("no pictures given")
        self._pictures = pictures
        self._pace = Pace(self._spec.fps)

    def read(self) -> Frame:
        """The next picture at the frame rate."""
        if not self._pictures:
            raise CameraGone("not open")
        at_s = self._pace.wait()
        index = self._shown // self._spec.hold_frames % len(self._pictures)
        self._shown += 1
        return Frame(self._pictures[index].copy(), at_s)

    def close(self) -> None:
        """Forget the pictures."""
        self._pictures = []


def fill(picture: npt.ArrayLike, width_px: int, height_px: int) -> npt.NDArray[np.uint8]:
    """Scale to cover the frame, keeping the aspect, and cut what sticks out."""
    image = np.asarray(picture, dtype=np.uint8)
    scale = max(width_px / image.shape[1], height_px / image.shape[0])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    size = (
        max(width_px, round(image.shape[1] * scale)),
        max(height_px, round(image.shape[0] * scale)),
    )
    large = cv2.resize(image, size, interpolation=method)
    left, top = (size[0] - width_px) // 2, (size[1] - height_px) // 2
    cut = large[top : top + height_px, left : left + width_px]
    return np.ascontiguousarray(cut, dtype=np.uint8)
