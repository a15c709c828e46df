"""Turning a photographed head, and tilting a printed photograph: what tells them apart.

A photograph has no depth, so a head is given some: a rounded relief with a nose. Turning it
moves each point by its depth, and the nose moves against the eyes as it does in life. It is
not a rendering: what comes into sight beside a turned cheek is stretched, and ears do not
appear. A sheet of paper is tilted by the exact perspective of a plane; one that is bent is a
piece of a cylinder, turned and tilted as seen from far away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]

TURN_DEG: Final = 27.0  # how far an obedient head turns
TILT_DEG: Final = 38.0  # how far somebody tilts a sheet of paper
_PER_S_DEG: Final = 70.0
_AHEAD: Final = 0.72  # of a turning head's middle before its axis, in face heights
_NOSE: Final = 0.30
_SEARCH: Final = 6  # rounds of the fixed point; the relief's slopes make it converge fast


@dataclass
class Neck:
    """An angle that follows a demand at the speed of a head."""

    angle_deg: float = 0.0
    at_s: float = 0.0

    def towards(self, demanded_deg: float, t_s: float) -> float:
        """The angle at `t_s`, having moved towards what is demanded."""
        step = _PER_S_DEG * min(0.2, max(0.0, t_s - self.at_s))
        self.at_s = t_s
        self.angle_deg += max(-step, min(step, demanded_deg - self.angle_deg))
        return self.angle_deg


class Head:
    """One head in a picture that can be turned about its vertical axis."""

    def __init__(self, canvas: Picture, x: float, y: float, face_px: float) -> None:
        """`x`, `y`: the middle of the detector's square, `face_px` its side."""
        self._canvas = canvas
        reach_x, reach_y = face_px * 1.3, face_px * 1.35
        self._left = max(0, round(x - reach_x))
        self._top = max(0, round(y - reach_y))
        self._right = min(canvas.shape[1], round(x + reach_x))
        self._bottom = min(canvas.shape[0], round(y + reach_y))
        rows, columns = np.mgrid[0 : self._bottom - self._top, 0 : self._right - self._left]
        self._rows = rows.astype(np.float32)
        self._columns = columns.astype(np.float32)
        u = (self._columns + self._left - x) / face_px
        v = (self._rows + self._top - y) / face_px
        head = np.exp(-(((u / 0.78) ** 2 + ((v + 0.1) / 0.98) ** 2) ** 2))
        nose = np.exp(-((u / 0.14) ** 2) - ((v - 0.13) / 0.2) ** 2)
        depth = _AHEAD * head * np.exp(-((u / 0.62) ** 2)) + _NOSE * nose
        self._depth = np.asarray(depth * face_px, dtype=np.float32)
        self._narrow = np.asarray(u * head * face_px, dtype=np.float32)

    def turned(self, angle_deg: float) -> Picture:
        """The picture with the head turned; positive is the person's left."""
        if abs(angle_deg) < 0.5:
            return self._canvas
        sine, cosine = math.sin(math.radians(angle_deg)), math.cos(math.radians(angle_deg))
        moved = np.asarray(self._depth * sine - self._narrow * (1 - cosine), dtype=np.float32)
        source = self._columns
        for _ in range(_SEARCH):
            there = cv2.remap(
                moved, source, self._rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
            source = np.asarray(self._columns - there, dtype=np.float32)
        part = np.ascontiguousarray(
            self._canvas[self._top : self._bottom, self._left : self._right]
        )
        turned = self._canvas.copy()
        turned[self._top : self._bottom, self._left : self._right] = cv2.remap(
            part, source, self._rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return turned


def tilted(
    picture: Picture, x: float, y: float, distance_px: float, yaw_deg: float, pitch_deg: float = 0.0
) -> npt.NDArray[np.float64]:
    """The perspective (3 x 3) that a sheet turned about (x, y) is seen with.

    `distance_px` is how far the eye is, in the sheet's own px.
    """
    height, width = picture.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    across, down = corners[:, 0] - x, corners[:, 1] - y
    yaw, pitch = math.radians(yaw_deg), math.radians(pitch_deg)
    away = across * math.sin(yaw)
    lowered = down * math.cos(pitch) - away * math.sin(pitch)
    away = down * math.sin(pitch) + away * math.cos(pitch)
    far = distance_px / (distance_px + away)
    seen = np.stack([x + across * math.cos(yaw) * far, y + lowered * far], axis=1)
    return np.asarray(
        cv2.getPerspectiveTransform(corners.astype(np.float32), seen.astype(np.float32)),
        dtype=np.float64,
    )


def bent(
    x: float,
    y: float,
    radius_px: float,
    yaw_deg: float,
    pitch_deg: float,
    size: tuple[int, int],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Where each px of a view of a bent sheet comes from in the flat one (for `cv2.remap`).

    The sheet is bent about the vertical through (x, y), towards the eye, and turned about that
    point. `size` is the width and height of both pictures; what is out of sight comes from -1.
    """
    yaw, pitch = math.radians(yaw_deg), math.radians(pitch_deg)
    across = (np.arange(size[0], dtype=np.float64) - x) / radius_px + math.sin(yaw)
    seen = np.abs(across) < 1.0
    round_ = np.arcsin(np.clip(across, -1.0, 1.0))  # the angle about the axis
    column = np.where(seen, x + radius_px * (round_ - yaw), -1.0)
    nearer = radius_px * (np.cos(round_) - math.cos(yaw)) * math.sin(pitch)
    down = np.arange(size[1], dtype=np.float64)[:, None] - y
    rows = np.where(seen, y + (down + nearer) / math.cos(pitch), -1.0)
    columns = np.repeat(column[None, :], size[1], axis=0)
    return columns.astype(np.float32), rows.astype(np.float32)
