"""The simulated camera: photographs and papers as frames, with the faults of real ones.

A person moves slowly (shift, turn of the head's plane, distance), the light changes, the
picture is noisy, and now and then it is blurred; papers lie a little differently each time
they are put down. Runs in the camera's process. Nothing here is random beyond its seed, so
a scene looks the same each time it is opened.

Who stands there turns the head when the scene's record says so; a printed photograph that
is held up is tilted instead, and in a swap it is somebody else who turns. An infrared
camera sees people grey, paper white and a telephone's screen black.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

from devices.camera import CameraGone, CameraSpec, Frame
from devices.simulators import camera, heads, paper, photos
from devices.vision.sources import Pace, fill

Picture = npt.NDArray[np.uint8]

FACE_HEIGHT = 200 / 480  # of the frame's height: someone at arm's length
FACE_CENTRE = 0.47  # of the canvas's height
_NOISE_FRAMES = 4
_NOISE_SIGMA = 2.5
_BLUR_EVERY_S = 4.0
_BLUR_FOR_S = 0.35
_BENT_PITCH = {"bent": 0.0, "bent-askew": 25.0}  # deg at the whole tilt
_BENT_RADIUS = 0.85  # of a bent sheet, in face heights


class SimulatedSource:
    """Frames of the scene that the scene file names at this moment."""

    def __init__(self, spec: CameraSpec) -> None:
        self._spec = spec
        self._fd: int | None = None
        self._pace = Pace(spec.fps)
        self._scene = ""
        self._draw: Callable[[float, str], Picture] | None = None
        self._began_s = 0.0
        rng = np.random.default_rng(20180601)
        shape = (spec.height_px, spec.width_px, 3)
        self._noise = [
            rng.normal(0, _NOISE_SIGMA, shape).round().astype(np.int8) for _ in range(_NOISE_FRAMES)
        ]
        self._count = 0

    def open(self) -> None:
        """Take the scene file; CameraGone while there is none or the scene is "gone"."""
        try:
            self._fd = os.open(self._spec.device, os.O_RDONLY)
        except OSError:
            raise CameraGone("no scene file") from None
        self._began_s = time.monotonic()
        self._pace = Pace(self._spec.fps)
        if self._named_scene()[0] == camera.GONE:
            raise CameraGone("unplugged")

    def read(self) -> Frame | None:
        """The next frame at the frame rate; CameraGone when the scene has become "gone"."""
        at_s = self._pace.wait()
        scene, pose = self._named_scene()
        if scene == camera.GONE:
            raise CameraGone("unplugged")
        if scene == camera.FROZEN:
            return None
        if scene != self._scene or self._draw is None:
            self._draw = self._stage(scene)
            self._scene = scene
            self._began_s = time.monotonic()
        picture = self._draw(at_s - self._began_s, pose)
        self._count += 1
        if scene in (camera.GARBAGE, camera.TORN):
            return Frame(picture, at_s)
        noise = self._noise[self._count % _NOISE_FRAMES]
        noisy = cv2.add(picture, noise, dtype=cv2.CV_8U)
        return Frame(np.asarray(noisy, dtype=np.uint8), at_s)

    def close(self) -> None:
        """Let the scene file go."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _named_scene(self) -> tuple[str, str]:
        if self._fd is None:
            raise CameraGone("not open")
        record = os.pread(self._fd, camera.RECORD_BYTES, 0).decode(errors="replace")
        scene, _, pose = record.strip().partition("|")
        return scene, pose

    def _stage(self, scene: str) -> Callable[[float, str], Picture]:
        size = (self._spec.width_px, self._spec.height_px)
        still = self._spec.still
        if scene == camera.GARBAGE:
            return partial(_crackle, np.random.default_rng(self._count), size)
        if scene == camera.TORN:
            return partial(
                _crackle, np.random.default_rng(self._count), (size[0] // 3, size[1] // 2)
            )
        if scene in camera.PAPER_SCENES or scene.startswith(camera.CODE):
            return partial(_lie, _paper_scene(scene, size), still)
        try:
            return Actor(scene, size, still=still, infrared=self._spec.infrared).seen
        except photos.PhotoMissing as missing:
            raise CameraGone(str(missing)) from None


class Actor:
    """Who, or what, is before the face camera in one scene."""

    def __init__(
        self, scene: str, size: tuple[int, int], *, still: bool = False, infrared: bool = False
    ) -> None:
        self._size = size
        self._still = still
        self._gain = 0.1 if scene == "dark" and not infrared else 1.0
        self._blurry = scene == "blurry"
        self._neck = heads.Neck()
        self._printed = scene in ("photo", *_BENT_PITCH)
        self._pitch = _BENT_PITCH.get(scene)
        show = _in_infrared if infrared else _as_it_is
        face = size[1] * FACE_HEIGHT
        first = _people_scene(scene, size)
        self._canvas = show(scene, first, face)
        spot = (first.shape[1] * 0.5, first.shape[0] * FACE_CENTRE, face)
        self._head = heads.Head(self._canvas, *spot)
        self._sheet, self._edge = _sheet(self._canvas, face)
        self._behind = _hall(first.shape[1], first.shape[0]) if self._printed else first
        if scene == "swap":
            other = show(scene, _people_scene("hopper", size), face)
            self._other: heads.Head | None = heads.Head(other, *spot)
        else:
            self._other = None

    def seen(self, t_s: float, pose: str) -> Picture:
        """The scene `t_s` after it began, with the head (or the paper) turning to `pose`."""
        reach = heads.TILT_DEG if self._printed else heads.TURN_DEG
        angle = self._neck.towards({"left": reach, "right": -reach}.get(pose, 0.0), t_s)
        if self._printed:
            canvas = self._tilt(angle)
        else:
            head = self._other if self._other is not None and abs(angle) > 1.0 else self._head
            canvas = head.turned(angle)
        return _move(canvas, self._size, self._gain, self._still, self._blurry, t_s)

    def _tilt(self, angle_deg: float) -> Picture:
        """A sheet of paper with a face on it, before the empty hall."""
        height, width = self._canvas.shape[:2]
        middle = (width * 0.5, height * FACE_CENTRE)
        if self._pitch is not None:
            pitch = self._pitch * abs(angle_deg) / heads.TILT_DEG
            radius = self._size[1] * FACE_HEIGHT * _BENT_RADIUS
            maps = heads.bent(*middle, radius, angle_deg, pitch, (width, height))
            seen = cv2.remap(self._sheet, *maps, cv2.INTER_LINEAR)
            mask = cv2.remap(self._edge, *maps, cv2.INTER_LINEAR)
            picture = self._behind.copy()
            cv2.copyTo(seen, mask, picture)
            return picture
        matrix = heads.tilted(self._sheet, *middle, height * 2.0, angle_deg)
        seen = cv2.warpPerspective(self._sheet, matrix, (width, height))
        mask = cv2.warpPerspective(self._edge, matrix, (width, height))
        picture = self._behind.copy()
        cv2.copyTo(seen, mask, picture)
        return picture


def _move(
    canvas: Picture,
    size: tuple[int, int],
    gain: float,
    still: bool,
    blurry: bool,
    t_s: float,
) -> Picture:
    """The canvas as somebody who stands before a camera moves in it."""
    width, height = size
    sway = 0.0 if still else 1.0
    shift_x = sway * width * 0.022 * math.sin(t_s * 0.9)
    shift_y = sway * height * 0.016 * math.sin(t_s * 0.6 + 1)
    turn_deg = sway * 3.0 * math.sin(t_s * 0.7 + 2)
    scale = 1.0 + sway * 0.035 * math.sin(t_s * 0.5)
    matrix = cv2.getRotationMatrix2D((canvas.shape[1] / 2, canvas.shape[0] / 2), turn_deg, scale)
    matrix[0, 2] += width / 2 - canvas.shape[1] / 2 + shift_x
    matrix[1, 2] += height / 2 - canvas.shape[0] / 2 + shift_y
    moved = cv2.warpAffine(canvas, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    if blurry or (not still and t_s % _BLUR_EVERY_S > _BLUR_EVERY_S - _BLUR_FOR_S):
        moved = cv2.blur(moved, (19, 5))  # mostly sideways, as a turning head blurs
    light = gain * (1.0 + sway * 0.10 * math.sin(t_s * 1.3))
    return np.asarray(cv2.convertScaleAbs(moved, alpha=light), dtype=np.uint8)


def _as_it_is(_scene: str, canvas: Picture, _face_px: float) -> Picture:
    return canvas


def _in_infrared(scene: str, canvas: Picture, face_px: float) -> Picture:
    """Grey, from the red that is nearest; paper without its ink, a screen without its picture."""
    red = cv2.GaussianBlur(canvas[:, :, 2], (0, 0), 0.8)
    grey = np.asarray(cv2.cvtColor(np.asarray(red, np.uint8), cv2.COLOR_GRAY2BGR), np.uint8)
    blank = {"photo": 215, "bent": 215, "bent-askew": 215, "screen": 22}.get(scene)
    if blank is not None:
        grey[_sheet(canvas, face_px)[1] > 0] = blank
    return grey


def _sheet(canvas: Picture, face_px: float) -> tuple[Picture, Picture]:
    """The canvas with a paper's white edge around the face, and where that paper is."""
    height, width = canvas.shape[:2]
    x, y = width * 0.5, height * FACE_CENTRE
    half_w, half_h = face_px * 0.95, face_px * 1.12
    box = (round(x - half_w), round(y - half_h)), (round(x + half_w), round(y + half_h))
    mask = np.zeros((height, width), dtype=np.uint8)
    cv2.rectangle(mask, *box, 255, -1)
    sheet = canvas.copy()
    cv2.rectangle(sheet, *box, (242, 244, 244), max(2, round(face_px * 0.07)))
    return sheet, mask


def _crackle(rng: np.random.Generator, size: tuple[int, int], _t_s: float, _pose: str) -> Picture:
    """Noise, another one each time."""
    return rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)


def _lie(picture: Picture, still: bool, t_s: float, _pose: str) -> Picture:
    """A paper lies still; only the light flickers a little."""
    light = 1.0 if still else 1.0 + 0.02 * math.sin(t_s * 2.1)
    return np.asarray(cv2.convertScaleAbs(picture, alpha=light), dtype=np.uint8)


def _people_scene(scene: str, size: tuple[int, int]) -> Picture:
    width, height = size
    margin = 1.25  # the canvas reaches beyond the frame, so that motion shows no edge
    canvas = _hall(round(width * margin), round(height * margin))
    face = height * FACE_HEIGHT
    if scene == "two-people":
        _stand(canvas, "astronaut", face * 0.72, 0.30)
        _stand(canvas, "hopper", face * 0.72, 0.70)
    elif scene == "far":
        _stand(canvas, "astronaut", face * 0.42, 0.5)
    elif scene in photos.PEOPLE:
        _stand(canvas, scene, face, 0.5)
    elif scene in ("dark", "blurry", *camera.ATTACK_SCENES):
        _stand(canvas, "astronaut", face, 0.5)
    return canvas


def _stand(canvas: Picture, person: str, face_px: float, centre: float) -> None:
    """Put a person into the canvas, face centred at `centre` of its width, edges feathered."""
    rgb, (left, top, box_width, box_height) = photos.live(person)
    scale = face_px / box_height
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    person_bgr = cv2.resize(rgb[:, :, ::-1], None, fx=scale, fy=scale, interpolation=method)
    face_x, face_y = (left + box_width / 2) * scale, (top + box_height / 2) * scale
    x = round(canvas.shape[1] * centre - face_x)
    y = round(canvas.shape[0] * FACE_CENTRE - face_y)
    if centre != 0.5:  # side by side, neither may cover the other's face
        reach = round(canvas.shape[1] * 0.19)
        cut = slice(max(0, round(face_x) - reach), round(face_x) + reach)
        x += cut.start
        person_bgr = person_bgr[:, cut]
    feather = max(4, round(face_px * 0.12))
    mask = np.zeros(person_bgr.shape[:2], dtype=np.float32)
    mask[feather : None if y + mask.shape[0] >= canvas.shape[0] else -feather, feather:-feather] = 1
    mask = np.asarray(cv2.blur(mask, (feather, feather)), dtype=np.float32)[:, :, None]
    x0, y0 = max(0, x), max(0, y)
    x1 = min(canvas.shape[1], x + mask.shape[1])
    y1 = min(canvas.shape[0], y + mask.shape[0])
    part = (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x))
    below = canvas[y0:y1, x0:x1]
    mixed = below * (1 - mask[part]) + person_bgr[part] * mask[part]
    canvas[y0:y1, x0:x1] = np.clip(mixed, 0, 255).astype(np.uint8)


def _hall(width: int, height: int) -> Picture:
    """An empty hall, out of focus: wall, floor, two lamps and a doorway."""
    ramp = np.linspace(150, 105, height, dtype=np.float32)[:, None, None]
    hall = np.repeat(ramp, width, axis=1) * np.array([1.02, 1.0, 0.96], dtype=np.float32)
    floor = round(height * 0.8)
    hall[floor:] *= 0.72
    hall[round(height * 0.22) : floor, round(width * 0.08) : round(width * 0.22)] *= 0.7
    for x in (0.35, 0.75):
        cv2.circle(hall, (round(width * x), round(height * 0.1)), height // 18, (228, 236, 240), -1)
    sigma = height / 28
    return np.asarray(cv2.GaussianBlur(hall, (0, 0), sigma), dtype=np.float32).astype(np.uint8)


def _paper_scene(scene: str, size: tuple[int, int]) -> Picture:
    kind = scene.removeprefix("paper:")
    if scene == "empty":
        return paper.desk(*size)
    if scene.startswith(camera.CODE):
        phone = paper.phone(scene.removeprefix(camera.CODE))
        lies = paper.lying(phone.shape[1], phone.shape[0], size, turn_deg=6.0, fill=0.7)
        return paper.place(phone, size, lies)
    if not scene.startswith("paper:"):
        kind = "form"
    page = paper.draw(kind)
    corners = paper.lying(page.shape[1], page.shape[0], size, turn_deg=4.0)
    picture = paper.place(page, size, corners)
    if scene == "glare":
        picture = paper.with_glare(picture, corners)
    if scene == "blurred":
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), size[0] / 280), dtype=np.uint8)
    return fill(picture, *size)
