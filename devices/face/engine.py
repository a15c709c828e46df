"""The face process: reads frames off the camera's board, compares, and says what it saw.

Promises:
- frames and encodings exist in this process's memory only and are dropped with the match;
- models are loaded and run once before "ready" is sent, so that a first match is not slow;
- a command to cancel is heard between two frames (about 0.1 s at worst).

Commands: `("match", ticket, portrait, threshold, frames, deadline_at_s)`, `("cancel",
ticket)`. Answers: `("ready",)`, `("hint", ticket, hint)`, `("matched", ticket, FaceMatch)`,
`("unseen", ticket, FaceMatch)`, `("no-portrait", ticket)`.
"""

from __future__ import annotations

import contextlib
import os
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from statistics import median
from typing import Any, cast

import cv2
import numpy as np
import numpy.typing as npt

from devices.face import quality
from devices.face.quality import Box, Limits, Picture
from devices.records import FaceHint, FaceMatch
from devices.vision.board import BoardHandle, FrameBoard, PreviewFrame
from devices.vision.process import child_main

with warnings.catch_warnings():
    # face_recognition_models finds its files through pkg_resources, which is deprecated.
    warnings.simplefilter("ignore")
    import face_recognition
    from face_recognition.api import face_detector

Encoding = npt.NDArray[np.float64]

PORTRAIT_WIDTH_PX = 102
PORTRAIT_HEIGHT_PX = 126
PORTRAIT_SCALE = 3  # dlib's detector needs 80 px; a card's face has about 60
DETECT_HEIGHT_PX = 480
SAME_PERSON = 0.5  # frames of one match that are further apart show two people
_FAR_LOOK_EVERY = 4  # frames without a face between two slow looks for a far one
_HINT_AFTER = 2  # frames that agree before a hint changes: it must not flicker
_WAIT_S = 0.004
_NICENESS = 5  # the screen comes first


def find_faces(rgb: Picture, upsample: int = 0) -> list[Box]:
    """Faces in a frame, searched at `DETECT_HEIGHT_PX`, in px of the frame."""
    scale = min(1.0, DETECT_HEIGHT_PX / rgb.shape[0])
    small = rgb
    if scale < 1.0:
        size = (round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))
        small = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    boxes, scores, _ = face_detector.run(small, upsample, 0.0)
    return [
        Box(
            round(box.top() / scale),
            round(box.right() / scale),
            round(box.bottom() / scale),
            round(box.left() / scale),
            float(score),
        )
        for box, score in zip(boxes, scores, strict=True)
    ]


def encode(rgb: Picture, box: Box) -> Encoding:
    """The 128 numbers of one face."""
    found = face_recognition.face_encodings(rgb, [box.css], num_jitters=1, model="small")
    return cast("Encoding", found[0])


def encode_portrait(rgb: bytes) -> Encoding | None:
    """The encoding of a card's portrait (102 x 126 RGB), None when it shows no face."""
    shape = (PORTRAIT_HEIGHT_PX, PORTRAIT_WIDTH_PX, 3)
    small = np.frombuffer(rgb, dtype=np.uint8).reshape(shape)
    large = cv2.resize(
        small, None, fx=PORTRAIT_SCALE, fy=PORTRAIT_SCALE, interpolation=cv2.INTER_CUBIC
    )
    picture = np.asarray(large, dtype=np.uint8)
    for upsample in (0, 1):
        face = quality.nearest(find_faces(picture, upsample))
        if face:
            return encode(picture, face)
    return None


def judge(rgb: Picture, boxes: list[Box], limits: Limits) -> FaceHint:
    """The gate's verdict on one frame: NONE when it may be compared."""
    hint = quality.presence(boxes, rgb.shape[0], limits)
    face = quality.nearest(boxes)
    if hint or face is None:
        return hint
    left, top = max(0, face.left), max(0, face.top)
    crop = rgb[top : max(top + 1, face.bottom), left : max(left + 1, face.right)]
    grey = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    light = quality.exposure(grey, limits)
    if light:
        return light
    marks = face_recognition.face_landmarks(rgb, [face.css], model="small")[0]
    # dlib names the eyes by the picture's side, with x growing to the right.
    eyes = sorted((marks["left_eye"], marks["right_eye"]), key=lambda eye: eye[0][0])
    if not quality.pose_within(eyes[0], eyes[1], marks["nose_tip"][0], limits):
        return FaceHint.LOOK_STRAIGHT
    if quality.sharpness(grey) < limits.sharpness:
        return FaceHint.HOLD_STILL
    return FaceHint.NONE


@dataclass
class Trial:
    """One try at a match, frame by frame."""

    portrait: Encoding = field(repr=False)
    threshold: float
    frames_needed: int
    limits: Limits = field(default_factory=Limits)
    seen: int = 0
    refused: Counter[FaceHint] = field(default_factory=Counter)
    used: list[Encoding] = field(default_factory=list, repr=False)
    _blank: int = 0

    def look(self, rgb: Picture) -> FaceHint:
        """Take one frame in; returns the gate's verdict."""
        self.seen += 1
        boxes = find_faces(rgb)
        if boxes:
            self._blank = 0
        else:
            if self._blank % _FAR_LOOK_EVERY == 0:
                boxes = find_faces(rgb, upsample=1)
            self._blank += 1
        hint = judge(rgb, boxes, self.limits)
        face = quality.nearest(boxes)
        if hint or face is None:
            self.refused[hint] += 1
            return hint
        encoding = encode(rgb, face)
        if self.used and _distance(self.used[0], encoding) > SAME_PERSON:
            self.used.clear()  # somebody else has stepped in: begin again
            self.refused[FaceHint.ONE_PERSON] += 1
        self.used.append(encoding)
        return FaceHint.NONE

    @property
    def decided(self) -> bool:
        """Whether enough good frames are in."""
        return len(self.used) >= self.frames_needed

    def result(self) -> FaceMatch:
        """The decision by the median distance; never a match on too few frames."""
        distances = [_distance(self.portrait, encoding) for encoding in self.used]
        middle = float(median(distances)) if distances else None
        return FaceMatch(
            matched=self.decided and middle is not None and middle <= self.threshold,
            distance=middle,
            threshold=self.threshold,
            frames_used=len(self.used),
            frames_seen=self.seen,
            reasons=tuple(str(hint) for hint, _ in self.refused.most_common()),
        )


def _distance(one: Encoding, other: Encoding) -> float:
    return float(np.linalg.norm(one - other))


def as_picture(frame: PreviewFrame) -> Picture:
    """A frame off the board as others see the person, not as in a mirror."""
    shape = (frame.height_px, frame.width_px, 3)
    picture = np.frombuffer(frame.rgb, dtype=np.uint8).reshape(shape)
    if frame.mirrored:
        picture = np.asarray(cv2.flip(picture, 1), dtype=np.uint8)
    return picture


class Engine:
    """Obeys the parent: one match at a time."""

    def __init__(self, board: FrameBoard, pipe: Connection[Any, Any], limits: Limits) -> None:
        self._board = board
        self._pipe = pipe
        self._limits = limits

    def run(self) -> None:
        """Serve until the parent closes the pipe."""
        self._pipe.send(("ready",))
        while True:
            match self._pipe.recv():
                case ("match", int(ticket), bytes(portrait), threshold, frames, deadline_at_s):
                    self._match(ticket, portrait, threshold, frames, deadline_at_s)
                case _:
                    continue  # a cancel that came after its match had ended

    def _match(
        self, ticket: int, portrait: bytes, threshold: float, frames: int, deadline_at_s: float
    ) -> None:
        began_s = time.monotonic()
        encoding = encode_portrait(portrait)
        if encoding is None:
            self._pipe.send(("no-portrait", ticket))
            return
        trial = Trial(encoding, threshold, frames, self._limits)
        told = _Teller(self._pipe, ticket)
        last = 0
        while time.monotonic() < deadline_at_s:
            if self._cancelled(ticket):
                return
            if self._board.sequence == last or self._board.latest_at_s() < began_s:
                continue
            frame = self._board.latest()
            if frame is None or frame.sequence == last:
                continue
            last = frame.sequence
            told.saw(trial.look(as_picture(frame)))
            if trial.decided:
                self._pipe.send(("matched", ticket, trial.result()))
                return
        self._pipe.send(("unseen", ticket, trial.result()))

    def _cancelled(self, ticket: int) -> bool:
        """Look for a cancel; waits a moment, so that the loop does not spin."""
        if self._pipe.poll(_WAIT_S):
            return bool(self._pipe.recv() == ("cancel", ticket))
        return False


class _Teller:
    """Sends a hint when the frames agree on a new one."""

    def __init__(self, pipe: Connection[Any, Any], ticket: int) -> None:
        self._pipe = pipe
        self._ticket = ticket
        self._told: FaceHint | None = None
        self._run: tuple[FaceHint | None, int] = (None, 0)

    def saw(self, hint: FaceHint) -> None:
        kind, count = self._run
        self._run = (hint, count + 1 if hint is kind else 1)
        if hint is not self._told and (self._run[1] >= _HINT_AFTER or self._told is None):
            self._told = hint
            self._pipe.send(("hint", self._ticket, hint))


def warm_up() -> None:
    """Run every model once on an empty picture: the first run pages them in."""
    empty = np.full((DETECT_HEIGHT_PX, 640, 3), 127, dtype=np.uint8)
    box = Box(140, 420, 340, 220)
    find_faces(empty)
    face_recognition.face_landmarks(empty, [box.css], model="small")
    encode(empty, box)


def serve(boot: tuple[BoardHandle, int], pipe: Connection[Any, Any]) -> None:
    """Load, warm up, obey."""
    handle, niceness = boot
    with contextlib.suppress(OSError):
        os.nice(niceness)
    cv2.setNumThreads(1)
    warm_up()
    Engine(FrameBoard(handle), pipe, Limits()).run()


if __name__ == "__main__":
    child_main(serve)
