"""The quality gate's checks, one by one, without any model."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.face import quality
from devices.face.quality import Box, Limits
from devices.records import FaceHint

LIMITS = Limits()
FRAME_PX = 480


def face(height_px: int, left: int = 100, score: float = 1.0) -> Box:
    return Box(100, left + height_px, 100 + height_px, left, score)


@pytest.mark.parametrize(
    ("boxes", "hint"),
    [
        ([], FaceHint.NO_FACE),
        ([face(200)], FaceHint.NONE),
        ([face(90)], FaceHint.COME_CLOSER),
        ([face(200), face(180, 350)], FaceHint.ONE_PERSON),
        ([face(180, 350), face(200)], FaceHint.ONE_PERSON),
        ([face(200), face(80, 350)], FaceHint.NONE),  # the queue behind
        ([face(200), face(180, 350, score=0.02)], FaceHint.NONE),  # a badge, a pattern
        ([face(90), face(85, 350)], FaceHint.ONE_PERSON),
    ],
)
def test_who_is_there(boxes: list[Box], hint: FaceHint) -> None:
    assert quality.presence(boxes, FRAME_PX, LIMITS) is hint


@given(st.lists(st.integers(1, 400), min_size=1, max_size=6))
def test_the_nearest_face_is_the_largest(heights: list[int]) -> None:
    found = quality.nearest([face(height) for height in heights])
    assert found is not None
    assert found.height_px == max(heights)


@pytest.mark.parametrize(
    ("level", "hint"),
    [(20, FaceHint.MORE_LIGHT), (120, FaceHint.NONE), (235, FaceHint.LESS_LIGHT)],
)
def test_light(level: int, hint: FaceHint) -> None:
    assert quality.exposure(np.full((80, 80), level, dtype=np.uint8), LIMITS) is hint


def test_half_a_face_in_the_sun_is_too_much_light() -> None:
    crop = np.full((80, 80), 110, dtype=np.uint8)
    crop[:, 50:] = 255
    assert quality.exposure(crop, LIMITS) is FaceHint.LESS_LIGHT


def texture() -> quality.Picture:
    """Something with detail at every scale, about as contrasty as skin and brows."""
    rng = np.random.default_rng(5)
    crop = np.full((200, 200), 130.0, dtype=np.float32)
    for sigma, weight in ((1.2, 40), (3.0, 60), (9.0, 90)):
        noise = rng.normal(0, 1, crop.shape).astype(np.float32)
        crop += np.asarray(cv2.GaussianBlur(noise, (0, 0), sigma), dtype=np.float32) * weight
    return np.clip(crop, 0, 255).astype(np.uint8)


def test_blur_makes_a_face_less_sharp_and_dim_light_does_not() -> None:
    crop = texture()
    values = [quality.sharpness(crop)]
    for sigma in (1.0, 2.0, 4.0):
        soft = np.asarray(cv2.GaussianBlur(crop, (0, 0), sigma), dtype=np.uint8)
        values.append(quality.sharpness(soft))
    assert values == sorted(values, reverse=True)
    assert values[0] > LIMITS.sharpness > values[-1]
    dim = np.asarray(cv2.convertScaleAbs(crop, alpha=0.6), dtype=np.uint8)
    assert quality.sharpness(dim) == pytest.approx(values[0], rel=0.1)


def marks(
    roll_deg: float = 0.0, aside: float = 0.0, below: float = 0.7, scale: float = 60.0
) -> tuple[list[quality.Point], list[quality.Point], quality.Point]:
    """Two eyes (outer and inner corner) and a nose, turned and scaled."""
    angle = math.radians(roll_deg)

    def turned(x: float, y: float) -> quality.Point:
        return (
            300 + scale * (x * math.cos(angle) - y * math.sin(angle)),
            200 + scale * (x * math.sin(angle) + y * math.cos(angle)),
        )

    left = [turned(-0.65, 0), turned(-0.35, 0)]
    right = [turned(0.35, 0), turned(0.65, 0)]
    return left, right, turned(aside, below)


@given(st.floats(-40, 40), st.floats(-0.4, 0.4), st.floats(0.1, 1.1), st.floats(20, 200))
def test_pose_is_told_whatever_the_size(
    roll_deg: float, aside: float, below: float, scale: float
) -> None:
    found = quality.pose(*marks(roll_deg, aside, below, scale))
    assert found == pytest.approx((roll_deg, aside, below), abs=1e-6)


@pytest.mark.parametrize(
    ("points", "straight"),
    [
        (marks(), True),
        (marks(roll_deg=12), True),
        (marks(roll_deg=28), False),
        (marks(aside=0.35), False),
        (marks(aside=-0.35), False),
        (marks(below=0.1), False),
        (marks(below=1.2), False),
    ],
)
def test_looking_straight(
    points: tuple[list[quality.Point], list[quality.Point], quality.Point], straight: bool
) -> None:
    assert quality.frontal(*points) is straight


def test_eyes_in_one_place_are_no_pose() -> None:
    point = [(10.0, 10.0)]
    assert not quality.frontal(point, point, (10.0, 20.0))
