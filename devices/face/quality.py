"""The quality gate: is this frame good enough to compare, and if not, what would help.

Each check answers with one `FaceHint`; the first that fails wins, in the order in which a
person can act on it: be there, be alone, come closer, light, look straight, hold still.
Thresholds were set on the photographs of `tests/bench/bench_face.py` with motion, blur and
light changing; no camera of a real terminal has been before them yet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from devices.records import FaceHint

Picture = npt.NDArray[np.uint8]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A face in px of the frame: the detector's square, about brow to chin."""

    top: int
    right: int
    bottom: int
    left: int
    score: float = 1.0

    @property
    def height_px(self) -> int:
        """Height of the square."""
        return self.bottom - self.top

    @property
    def css(self) -> tuple[int, int, int, int]:
        """The order that face_recognition takes."""
        return self.top, self.right, self.bottom, self.left


@dataclass(frozen=True, slots=True)
class Limits:
    """What a frame must have."""

    face_part: float = 0.22  # of the frame's height: 105 px of 480
    bystander_part: float = 0.5  # of the nearest face's height; smaller ones are the queue
    bystander_score: float = 0.15  # the detector's confidence; badges and patterns score below
    darkest: float = 55.0  # mean of the face, 0..255
    brightest: float = 215.0
    clipped_part: float = 0.25  # of the face's pixels at the upper end
    sharpness: float = 12.0  # variance of the Laplacian on a face of `_SHARP_SIDE_PX`
    roll_deg: float = 20.0
    nose_aside: float = 0.22  # nose from the middle of the eyes, in distances between the eyes
    nose_below: tuple[float, float] = (0.22, 0.95)  # nose under the eyes, in the same measure


_SHARP_SIDE_PX = 160
_CLIPPED = 250


def nearest(boxes: Sequence[Box]) -> Box | None:
    """The largest face."""
    return max(boxes, key=lambda box: box.height_px, default=None)


def presence(boxes: Sequence[Box], frame_height_px: int, limits: Limits) -> FaceHint:
    """Is exactly one person near: NO_FACE, ONE_PERSON, COME_CLOSER or NONE."""
    face = nearest(boxes)
    if face is None:
        return FaceHint.NO_FACE
    others = [
        box
        for box in boxes
        if box is not face
        and box.score >= limits.bystander_score
        and box.height_px >= face.height_px * limits.bystander_part
    ]
    if others:
        return FaceHint.ONE_PERSON
    if face.height_px < frame_height_px * limits.face_part:
        return FaceHint.COME_CLOSER
    return FaceHint.NONE


def exposure(crop: Picture, limits: Limits) -> FaceHint:
    """Light on the face (grey crop): MORE_LIGHT, LESS_LIGHT or NONE."""
    mean = float(crop.mean())
    if mean < limits.darkest:
        return FaceHint.MORE_LIGHT
    if mean > limits.brightest or float((crop >= _CLIPPED).mean()) > limits.clipped_part:
        return FaceHint.LESS_LIGHT
    return FaceHint.NONE


def sharpness(crop: Picture) -> float:
    """Variance of the Laplacian of a grey face at a fixed size and contrast."""
    side = (_SHARP_SIDE_PX, _SHARP_SIDE_PX)
    method = cv2.INTER_AREA if crop.shape[0] > _SHARP_SIDE_PX else cv2.INTER_LINEAR
    fixed = cv2.resize(crop, side, interpolation=method)
    calm = cv2.GaussianBlur(fixed, (0, 0), 0.8)  # the sensor's noise is not sharpness
    edges = cv2.Laplacian(np.asarray(calm, dtype=np.float32), cv2.CV_32F)
    # A face in half the light has a quarter of the variance, and is as sharp.
    gain = 128.0 / max(20.0, float(np.asarray(calm).mean()))
    return float(np.asarray(edges).var()) * gain * gain


def frontal(left_eye: Sequence[Point], right_eye: Sequence[Point], nose: Point) -> bool:
    """Whether the face looks at the camera, by two eyes' corners and the nose (px)."""
    return pose_within(left_eye, right_eye, nose, Limits())


def pose(
    left_eye: Sequence[Point], right_eye: Sequence[Point], nose: Point
) -> tuple[float, float, float]:
    """Roll in degrees, and where the nose is: aside and below, in eye distances."""
    (lx, ly), (rx, ry) = _middle(left_eye), _middle(right_eye)
    across_x, across_y = rx - lx, ry - ly
    distance = math.hypot(across_x, across_y)
    if distance < 1.0:
        return 90.0, 1.0, 0.0
    ux, uy = across_x / distance, across_y / distance
    nose_x, nose_y = nose[0] - (lx + rx) / 2, nose[1] - (ly + ry) / 2
    aside = (nose_x * ux + nose_y * uy) / distance
    below = (-nose_x * uy + nose_y * ux) / distance
    return math.degrees(math.atan2(across_y, across_x)), aside, below


def pose_within(
    left_eye: Sequence[Point], right_eye: Sequence[Point], nose: Point, limits: Limits
) -> bool:
    """The same as `frontal`, with limits of one's own."""
    roll_deg, aside, below = pose(left_eye, right_eye, nose)
    low, high = limits.nose_below
    return (
        abs(roll_deg) <= limits.roll_deg
        and abs(aside) <= limits.nose_aside
        and low <= below <= high
    )


def _middle(points: Sequence[Point]) -> Point:
    return (
        sum(point[0] for point in points) / len(points),
        sum(point[1] for point in points) / len(points),
    )
