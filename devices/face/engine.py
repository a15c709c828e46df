"""The face process: reads frames off the camera's board, compares, and says what it saw.

Promises:
- frames and encodings exist in this process's memory only and are dropped with the match;
- models are loaded and run once before "ready" is sent, so that a first match is not slow;
- a command to cancel is heard between two frames (about 0.1 s at worst);
- where a challenge is asked for, no match leaves this process without it: what was matched
  is either shown to be a living head (`devices.face.liveness`) or is not a match.

Commands: `("match", ticket, portrait, threshold, frames, deadline_at_s, challenge)`,
`("cancel", ticket)`. Answers: `("ready",)`, `("hint", ticket, hint)`, `("matched", ticket,
FaceMatch)`, `("unseen", ticket, FaceMatch)`, `("no-portrait", ticket)`, `("not-live",
ticket, FaceMatch, why)`. A challenge is "none", "turn" or "infrared".
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from statistics import median
from typing import Any, Protocol, cast

import cv2
import numpy as np
import numpy.typing as npt

from devices.face import liveness, quality
from devices.face.flatness import FLAT, Straight, corners
from devices.face.library import face_detector, face_recognition
from devices.face.liveness import Base, Side, Sighting, Spot, Stage, TurnLimits, TurnTest
from devices.face.quality import Box, Limits, Picture, Point
from devices.records import FaceHint, FaceMatch
from devices.vision.board import BoardHandle, FrameBoard, PreviewFrame
from devices.vision.process import child_main

Encoding = npt.NDArray[np.float64]

PORTRAIT_WIDTH_PX = 102
PORTRAIT_HEIGHT_PX = 126
PORTRAIT_SCALE = 3  # dlib's detector needs 80 px; a card's face has about 60
DETECT_HEIGHT_PX = 480
SAME_PERSON = 0.5  # frames of one match that are further apart show two people
_FAR_LOOK_EVERY = 4  # frames without a face between two slow looks for a far one
_HINT_AFTER = 2  # frames that agree before a hint changes: it must not flicker
# A moving head is never as sharp as one that stands. Blurred so far, a sheet still correlates
# at 0.97 and more; further, it might pass for a head.
_TURNED_SHARP = 0.5
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
    grey = _crop(rgb, face)
    light = quality.exposure(grey, limits)
    if light:
        return light
    if not quality.pose_within(*_marks(rgb, face), limits):
        return FaceHint.LOOK_STRAIGHT
    if quality.sharpness(grey) < limits.sharpness:
        return FaceHint.HOLD_STILL
    return FaceHint.NONE


def _crop(rgb: Picture, face: Box) -> Picture:
    """The face alone, grey."""
    left, top = max(0, face.left), max(0, face.top)
    crop = rgb[top : max(top + 1, face.bottom), left : max(left + 1, face.right)]
    return np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _marks(rgb: Picture, face: Box) -> tuple[list[Point], list[Point], Point]:
    """Both eyes' corners, the one at the picture's left first, and the nose's base (px)."""
    marks = face_recognition.face_landmarks(rgb, [face.css], model="small")[0]
    # dlib names the eyes by the picture's side, with x growing to the right.
    eyes = sorted((marks["left_eye"], marks["right_eye"]), key=lambda eye: eye[0][0])
    return eyes[0], eyes[1], marks["nose_tip"][0]


def sight(
    rgb: Picture,
    face: Box,
    distance: float,
    at_s: float,
    straight: Straight | None = None,
    limits: Limits | None = None,
) -> Sighting:
    """One face as a turn test takes it; `distance` is the encoding's from the matched face.

    Against `straight` it is measured how flat the face is; a blurred one says nothing.
    """
    marks = _marks(rgb, face)
    _, aside, below = quality.pose(*marks)
    flatness = FLAT
    sharp = quality.sharpness(_crop(rgb, face))
    if straight is not None and sharp >= (limits or Limits()).sharpness * _TURNED_SHARP:
        flatness = straight.flatness(rgb, corners(*marks))
    return Sighting(
        at_s=at_s,
        x=(face.left + face.right) / 2,
        y=(face.top + face.bottom) / 2,
        height=float(face.height_px),
        aside=aside,
        below=below,
        distance=distance,
        flatness=flatness,
    )


def spot(face: Box, rgb: Picture) -> Spot:
    """Where a face is, as parts of its picture."""
    height, width = rgb.shape[:2]
    return Spot(
        (face.left + face.right) / 2 / width,
        (face.top + face.bottom) / 2 / height,
        face.height_px / height,
    )


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
    sightings: list[Sighting] = field(default_factory=list)  # of the frames in `used`
    straight: Straight | None = field(default=None, repr=False)  # of the last good frame
    face: Box | None = None  # in the frame that was looked at last
    _blank: int = 0

    def look(self, rgb: Picture, at_s: float = 0.0) -> FaceHint:
        """Take one frame in, taken at `at_s` (monotonic); returns the gate's verdict."""
        self.seen += 1
        boxes = find_faces(rgb)
        if boxes:
            self._blank = 0
        else:
            if self._blank % _FAR_LOOK_EVERY == 0:
                boxes = find_faces(rgb, upsample=1)
            self._blank += 1
        hint = judge(rgb, boxes, self.limits)
        face = self.face = quality.nearest(boxes)
        if hint or face is None:
            self.refused[hint] += 1
            return hint
        encoding = encode(rgb, face)
        if self.used and _distance(self.used[0], encoding) > SAME_PERSON:
            self.again()  # somebody else has stepped in
            self.refused[FaceHint.ONE_PERSON] += 1
        self.used.append(encoding)
        self.sightings.append(sight(rgb, face, 0.0, at_s))
        if self.decided:
            self.straight = Straight.of(rgb, face, corners(*_marks(rgb, face)))
        return FaceHint.NONE

    def again(self) -> None:
        """Begin again: no frame so far counts."""
        self.used.clear()
        self.sightings.clear()

    def drop_first(self) -> None:
        """The first good frame does not count: the head was still coming round."""
        del self.used[0], self.sightings[0]

    def drop_last(self) -> None:
        """The last good frame does not count: another camera did not bear it out."""
        self.used.pop()
        self.sightings.pop()

    def watch(self, rgb: Picture, at_s: float) -> Sighting | None:
        """The matched face in a later frame, straight or not; None without exactly one."""
        self.seen += 1
        boxes = find_faces(rgb)
        face = quality.nearest(boxes)
        if face is None or quality.presence(boxes, rgb.shape[0], self.limits):
            return None
        distance = _distance(self.matched_face, encode(rgb, face))
        return sight(rgb, face, distance, at_s, self.straight, self.limits)

    @property
    def matched_face(self) -> Encoding:
        """The middle of the encodings that were compared."""
        return cast("Encoding", np.mean(self.used, axis=0))

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

    def __init__(
        self,
        board: FrameBoard,
        pipe: Connection[Any, Any],
        limits: Limits,
        infrared: FrameBoard | None = None,
        choose: Callable[[], Side] = lambda: secrets.choice(tuple(Side)),
    ) -> None:
        self._board = board
        self._pipe = pipe
        self._limits = limits
        self._infrared = infrared
        self._beside: PreviewFrame | None = None  # the infrared frame beside the one looked at
        self._choose = choose

    def run(self) -> None:
        """Serve until the parent closes the pipe."""
        self._pipe.send(("ready",))
        while True:
            match self._pipe.recv():
                case (
                    "match",
                    int(ticket),
                    bytes(portrait),
                    threshold,
                    frames,
                    deadline_at_s,
                    str(challenge),
                ):
                    self._match(ticket, portrait, threshold, frames, deadline_at_s, challenge)
                    self._beside = None
                case _:
                    continue  # a cancel that came after its match had ended

    def _match(
        self,
        ticket: int,
        portrait: bytes,
        threshold: float,
        frames: int,
        deadline_at_s: float,
        challenge: str,
    ) -> None:
        began_s = time.monotonic()
        encoding = encode_portrait(portrait)
        if encoding is None:
            self._pipe.send(("no-portrait", ticket))
            return
        trial = Trial(encoding, threshold, frames, self._limits)
        told = _Teller(self._pipe, ticket)
        round_ = ROUNDS[challenge](trial, told, self)
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
            # Taken before the looking begins: on a busy machine that takes longer than a
            # picture stays fresh.
            self._beside = self._infrared.latest() if self._infrared is not None else None
            answer = round_.look(as_picture(frame), frame.at_s)
            if answer is not None:
                self._pipe.send((answer[0], ticket, *answer[1:]))
                return
        answer = round_.late()
        self._pipe.send((answer[0], ticket, *answer[1:]))

    def now_s(self) -> float:
        """The clock of the frames."""
        return time.monotonic()

    def choose(self) -> Side:
        """To which side the next turn is demanded; nobody can know it before."""
        return self._choose()

    def infrared_at(self, at_s: float) -> Picture | None:
        """The infrared picture of that moment, None when there is none fresh enough."""
        frame = self._beside
        if frame is None or abs(frame.at_s - at_s) > liveness.INFRARED_FRESH_S:
            return None
        return as_picture(frame)

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
        if self._run[1] >= _HINT_AFTER or self._told is None:
            self.say(hint)

    def say(self, hint: FaceHint) -> None:
        """Send a hint now, unless it is what was sent last."""
        if hint is not self._told:
            self._told = hint
            self._pipe.send(("hint", self._ticket, hint))


Answer = tuple[Any, ...]


class Told(Protocol):
    """Who passes hints on."""

    def saw(self, hint: FaceHint) -> None:
        """What the gate said of one frame; shown once frames agree."""

    def say(self, hint: FaceHint) -> None:
        """Show this now."""


class Surroundings(Protocol):
    """What a round takes from outside: a clock, a coin, a second camera."""

    def now_s(self) -> float:
        """The clock of the frames."""

    def choose(self) -> Side:
        """To which side the next turn is demanded."""

    def infrared_at(self, at_s: float) -> Picture | None:
        """The infrared picture of that moment, None when there is none fresh enough."""


class MatchRound:
    """A match alone: nothing is asked about life."""

    def __init__(
        self, trial: Trial, told: Told, around: Surroundings, limits: TurnLimits | None = None
    ) -> None:
        self._trial = trial
        self._told = told
        self._around = around
        self._limits = limits or TurnLimits()
        self._hint = FaceHint.NONE

    def look(self, rgb: Picture, at_s: float) -> Answer | None:
        """Take one frame in; the answer once there is one."""
        self._hint = self._trial.look(rgb, at_s)
        self._told.saw(self._hint)
        return ("matched", self._trial.result()) if self._trial.decided else None

    def late(self) -> Answer:
        """The answer when time is up."""
        return ("unseen", self._trial.result())


class TurnRound(MatchRound):
    """A match, then a turn of the head and back; after a break both begin again."""

    _test: TurnTest | None = None
    _broken: int = 0
    _why: str = ""

    def look(self, rgb: Picture, at_s: float) -> Answer | None:
        if self._test is None:
            answer = super().look(rgb, at_s)
            if answer is None or not self._trial.result().matched:
                return answer
            base = Base.of(self._trial.sightings)
            if base.unrest > self._limits.unrest:
                self._trial.drop_first()
                return None
            began_s = self._around.now_s()
            self._test = TurnTest(self._around.choose(), base, self._limits, began_s)
            self._told.say(self._test.hint)
            return None
        stage = self._test.see(self._trial.watch(rgb, at_s), at_s)
        if stage is Stage.PASSED:
            return ("matched", replace(self._trial.result(), liveness="turn"))
        if stage is not Stage.BROKEN:
            self._told.say(self._test.hint)
            return None
        self._why = str(self._test.broken_by)
        self._broken += 1
        if self._broken >= self._limits.starts:
            return self._not_live()
        self._test = None
        self._trial.again()
        self._told.say(FaceHint.LOOK_STRAIGHT)
        return None

    def late(self) -> Answer:
        if self._test is not None or self._broken:
            return self._not_live()
        return super().late()

    def _not_live(self) -> Answer:
        why = self._why or liveness.Break.TOO_SLOW.value
        return ("not-live", replace(self._trial.result(), matched=False), why)


class InfraredRound(MatchRound):
    """A match whose every frame shows the face in the infrared picture too."""

    _refusals: int = 0

    def look(self, rgb: Picture, at_s: float) -> Answer | None:
        answer = super().look(rgb, at_s)
        if self._hint:
            return None  # refused by the gate: nothing to bear out
        if not self._borne_out(rgb, at_s):
            self._trial.drop_last()
            self._refusals += 1
            return self._not_live() if self._refusals >= liveness.INFRARED_REFUSALS else None
        if answer is None or not answer[1].matched:
            return answer
        return ("matched", replace(answer[1], liveness="infrared"))

    def late(self) -> Answer:
        return self._not_live() if self._refusals else super().late()

    def _borne_out(self, rgb: Picture, at_s: float) -> bool:
        picture, face = self._around.infrared_at(at_s), self._trial.face
        if picture is None or face is None:
            return False
        place = spot(face, rgb)
        return any(
            liveness.same_place(place, spot(found, picture)) for found in find_faces(picture)
        )

    def _not_live(self) -> Answer:
        return ("not-live", replace(self._trial.result(), matched=False), "no-infrared-face")


ROUNDS: dict[str, type[MatchRound]] = {
    "none": MatchRound,
    "turn": TurnRound,
    "infrared": InfraredRound,
}


def warm_up() -> None:
    """Run every model once on an empty picture: the first run pages them in."""
    empty = np.full((DETECT_HEIGHT_PX, 640, 3), 127, dtype=np.uint8)
    box = Box(140, 420, 340, 220)
    find_faces(empty)
    face_recognition.face_landmarks(empty, [box.css], model="small")
    encode(empty, box)


def serve(boot: tuple[BoardHandle, int, BoardHandle | None], pipe: Connection[Any, Any]) -> None:
    """Load, warm up, obey."""
    handle, niceness, infrared = boot
    with contextlib.suppress(OSError):
        os.nice(niceness)
    cv2.setNumThreads(1)
    warm_up()
    second = FrameBoard(infrared) if infrared is not None else None
    Engine(FrameBoard(handle), pipe, Limits(), second).run()


if __name__ == "__main__":
    child_main(serve)
