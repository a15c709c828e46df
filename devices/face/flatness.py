"""Could the turned face be the straight one on a tilted sheet of paper?

Whatever way a flat picture is held, what the camera sees of it is the first view through
one homography (3 x 3). So the straight face is laid over the turned one by the best
homography that can be found (enhanced correlation: Evangelidis and Psarakis, 2008), and
what is left tells: a sheet correlates almost wholly, a head, whose nose, cheeks and brow
lie at different depths, does not. Light and contrast do not matter to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from devices.face.quality import Box, Picture, Point

SIDE_PX: Final = 96
FLAT: Final = 1.0  # also where nothing can be said: what is not shown to be a head is flat
_REACH: Final = 1.1  # of the detector's square
_ROUNDS: Final = 40
_ENOUGH: Final = 1e-4
_SMOOTH: Final = 5

Points = npt.NDArray[np.float32]


def corners(left_eye: list[Point], right_eye: list[Point], nose: Point) -> Points:
    """Three points that lay one face over another to begin with: both eyes and the nose."""
    return np.array([np.mean(left_eye, axis=0), np.mean(right_eye, axis=0), nose], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Straight:
    """The face as it looked into the camera, small and grey. Kept in memory only."""

    picture: npt.NDArray[np.float32] = field(repr=False)
    points: Points = field(repr=False)  # its eyes and nose, in px of `picture`

    @classmethod
    def of(cls, rgb: Picture, face: Box, points: Points) -> Straight:
        """Cut out of a frame; `points` as `corners` gives them, in px of the frame."""
        scale = SIDE_PX / (face.height_px * _REACH)
        x, y = (face.left + face.right) / 2, (face.top + face.bottom) / 2
        middle = SIDE_PX / 2
        matrix = np.array(
            [[scale, 0, middle - x * scale], [0, scale, middle - y * scale]], dtype=np.float32
        )
        small = cv2.warpAffine(_grey(rgb), matrix, (SIDE_PX, SIDE_PX), flags=cv2.INTER_AREA)
        inside = np.concatenate([points, np.ones((3, 1), np.float32)], axis=1) @ matrix.T
        return cls(_soft(small), np.asarray(inside, dtype=np.float32))

    def flatness(self, rgb: Picture, points: Points) -> float:
        """How well a sheet of paper explains this later frame: the correlation, up to 1."""
        laid = cv2.getAffineTransform(self.points, points)
        over = cv2.warpAffine(
            _grey(rgb), laid, (SIDE_PX, SIDE_PX), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        soft = _soft(over)
        found = self._explain(soft, np.eye(3, dtype=np.float32), cv2.MOTION_HOMOGRAPHY)
        if found is not None:
            return found
        # Three points may lay it badly, and the search runs away: bring it near first.
        near = np.eye(2, 3, dtype=np.float32)
        if self._explain(soft, near, cv2.MOTION_AFFINE) is None:
            return FLAT
        start = np.concatenate([near, np.array([[0, 0, 1]], np.float32)])
        found = self._explain(soft, start, cv2.MOTION_HOMOGRAPHY)
        return FLAT if found is None else found

    def _explain(
        self, soft: npt.NDArray[np.float32], start: npt.NDArray[np.float32], motion: int
    ) -> float | None:
        """The best correlation; `start` becomes how. None where the search runs away."""
        ends = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _ROUNDS, _ENOUGH)
        try:
            found, how = cv2.findTransformECC(
                self.picture, soft, start, motion, ends, _MASK, _SMOOTH
            )
        except cv2.error:
            return None
        start[:] = how
        return float(found)


def _grey(rgb: Picture) -> Picture:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _soft(grey: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    small = np.asarray(grey, dtype=np.float32)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), 1.0), dtype=np.float32)


def _mask() -> Picture:
    """The face without the corners, where the background shows."""
    mask = np.zeros((SIDE_PX, SIDE_PX), dtype=np.uint8)
    half = SIDE_PX // 2
    cv2.ellipse(
        mask, (half, half), (round(SIDE_PX * 0.46), round(SIDE_PX * 0.48)), 0, 0, 360, 255, -1
    )
    return mask


_MASK: Final = _mask()
