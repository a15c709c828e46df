"""The engine's own functions with the real models, on photographs of two exposures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from devices.face import engine, quality
from devices.records import FaceHint
from devices.simulators import photos

FACES = Path(__file__).resolve().parents[3] / "shared" / "faces"
THRESHOLD = 0.5

needs_faces = pytest.mark.skipif(
    not FACES.is_dir(), reason="the folder of photographs for tests is not beside the checkout"
)


def load(name: str) -> quality.Picture:
    with Image.open(FACES / name) as photo:
        small = photo.convert("RGB")
    small.thumbnail((1280, 1280))
    return np.asarray(small, dtype=np.uint8)


def framed(name: str, face_px: int = 200) -> quality.Picture:
    """The photograph as a 640 x 480 camera frame with the face in its middle."""
    picture = load(name)
    face = quality.nearest(engine.find_faces(picture, 1))
    assert face is not None
    x, y = (face.left + face.right) / 2, (face.top + face.bottom) / 2
    matrix = cv2.getRotationMatrix2D((x, y), 0, face_px / face.height_px)
    matrix[:, 2] += np.array([320 - x, 240 - y])
    seen = cv2.warpAffine(picture, matrix, (640, 480), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, dtype=np.uint8)


def card(name: str) -> bytes:
    """The photograph as a card's portrait, through 1,024 bytes."""
    picture = load(name)
    face = quality.nearest(engine.find_faces(picture, 1))
    assert face is not None
    x, y, side = (face.left + face.right) / 2, (face.top + face.bottom) / 2, face.height_px
    half_w, half_h = side * 0.86, side * 0.86 * 126 / 102
    box = (round(x - half_w), round(y - half_h), round(x + half_w), round(y + half_h))
    portrait = photos.as_portrait(Image.fromarray(picture), box)
    return photos.rgb_of(photos.webp_within(portrait, photos.PORTRAIT_BYTES))


def trial(name: str, frames: int = 1) -> engine.Trial:
    encoding = engine.encode_portrait(card(name))
    assert encoding is not None
    return engine.Trial(encoding, THRESHOLD, frames)


@needs_faces
@pytest.mark.parametrize("live", ["obama2.jpg", "obama3.jpg"])
def test_one_person_on_two_photographs_matches(live: str) -> None:
    attempt = trial("obama.jpg")
    assert attempt.look(framed(live)) is FaceHint.NONE
    result = attempt.result()
    assert result.matched, result


@needs_faces
def test_two_people_in_the_same_office_do_not_match() -> None:
    attempt = trial("obama.jpg")
    assert attempt.look(framed("biden.jpg")) is FaceHint.NONE
    result = attempt.result()
    assert not result.matched
    assert result.distance is not None
    assert result.distance > 0.6


@needs_faces
def test_somebody_else_who_steps_in_midway_begins_it_anew() -> None:
    attempt = trial("obama.jpg", frames=2)
    attempt.look(framed("obama2.jpg"))
    attempt.look(framed("biden.jpg"))
    assert len(attempt.used) == 1
    result = attempt.result()
    assert not result.matched
    assert result.frames_used == 1
    assert result.reasons == (FaceHint.ONE_PERSON,)
    attempt.look(framed("biden.jpg"))
    assert attempt.decided
    assert not attempt.result().matched


@needs_faces
def test_too_few_good_frames_are_never_a_match() -> None:
    attempt = trial("obama.jpg", frames=2)
    attempt.look(framed("obama.jpg"))
    result = attempt.result()
    assert result.distance is not None
    assert result.distance < THRESHOLD
    assert not result.matched


@needs_faces
def test_a_passer_by_far_behind_does_not_disturb() -> None:
    frame = framed("obama2.jpg")
    behind = cv2.resize(framed("biden.jpg", 200)[90:390, 190:450], None, fx=0.45, fy=0.45)
    frame[20 : 20 + behind.shape[0], 10 : 10 + behind.shape[1]] = behind
    assert len(engine.find_faces(frame)) == 2  # the detector does see both
    attempt = trial("obama.jpg")
    assert attempt.look(frame) is FaceHint.NONE
    assert attempt.result().matched


def test_an_empty_portrait_has_no_encoding() -> None:
    assert engine.encode_portrait(bytes(102 * 126 * 3)) is None
