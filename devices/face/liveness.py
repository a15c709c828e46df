"""Is this a living head and not a picture of one: the rule, without pictures or clocks.

A head has depth: when it turns, the nose moves against the eyes, and no tilted sheet of
paper explains what is seen (`devices.face.flatness`). `TurnTest` asks for a turn to one side
and back, and follows one face through it, sighting by sighting. `docs/liveness.md` says what
that is worth.

Promises:
- it passes only after a turn to the demanded side and a return, each held for several
  sightings that are near the face that was matched with the card;
- nothing passes after a break: a turn to the wrong side, another face, a jump, a gap, or
  too much time end the test, and a new one has a new side;
- the same sightings give the same verdict.

Sides are the person's own: `LEFT` is the side of the left hand, and the left of a mirror.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Final

from devices.records import FaceHint


class Side(StrEnum):
    """Where to turn."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def hint(self) -> FaceHint:
        """What to show."""
        return FaceHint.TURN_LEFT if self is Side.LEFT else FaceHint.TURN_RIGHT

    @property
    def sign(self) -> int:
        """Of the nose's move to the right of an unmirrored picture."""
        return 1 if self is Side.LEFT else -1


class Break(StrEnum):
    """Why a test ended without passing."""

    WRONG_WAY = "wrong-way"
    OTHER_FACE = "other-face"
    JUMP = "jump"
    GAP = "gap"
    TOO_SLOW = "too-slow"


class Stage(StrEnum):
    """How far a test has come."""

    TURN = "turn"
    BACK = "back"
    PASSED = "passed"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class TurnLimits:
    """The decision rule in figures; `docs/liveness.md` has what they were set from."""

    turned: float = 0.12  # the nose's way aside, in distances between the eyes
    straight: float = 0.08  # back again: within this of where the nose was
    # How well a sheet of paper may explain a turned face, and how badly: with less, the two
    # views were not laid over each other at all, and nothing is known.
    flat: tuple[float, float] = (0.5, 0.96)
    drawn_out: float = 1.25  # nose below the eyes, against what it was
    unrest: float = 0.06  # how far the nose may move while the straight face is measured
    frames: int = 2  # sightings in a row, for the turn and for the return
    near: float = 0.55  # encoding's distance from the matched face, for a turned one
    back_near: float = 0.50  # for a frontal one
    far: float = 0.70  # somebody else
    far_frames: int = 2  # in a row: a single blurred one is nobody
    # A face is lost when it was looked for, and not found, for so long and so many times: a
    # machine that is busy looks seldom, and who stands there is not to blame.
    gap_s: float = 0.8
    gap_frames: int = 3
    blind_s: float = 2.5  # without any look at all, nothing is continuous
    jump: float = 0.5  # box centre between two sightings, in face heights
    jump_per_s: float = 0.6  # and so much more for each second between them
    jump_most: float = 1.1  # but never more than this
    size_ratio: float = 1.45  # box height between two sightings
    # Too slow is who was looked at so often within so long and has not done it.
    time_s: float = 8.0
    time_frames: int = 24
    longest_s: float = 18.0  # however few frames there were
    starts: int = 3  # tests within one match


@dataclass(frozen=True, slots=True)
class Sighting:
    """One face in one frame. Lengths in px of an unmirrored frame; nothing says whose it is."""

    at_s: float
    x: float  # centre of the box
    y: float
    height: float
    aside: float  # nose from the middle of the eyes to the picture's right, in eye distances
    below: float  # nose under the eyes, in the same measure
    distance: float  # of the encoding from the matched face
    flatness: float = 1.0  # how well a tilted sheet explains it; 1 where that was not asked


@dataclass(frozen=True, slots=True)
class Base:
    """The face as it was matched, looking straight."""

    aside: float
    below: float
    last: Sighting
    unrest: float = 0.0  # how far the nose moved while this was measured

    @classmethod
    def of(cls, sightings: Sequence[Sighting]) -> Base:
        """From the good frames of a match, oldest first; ValueError when there is none."""
        if not sightings:
            raise ValueError("a turn is measured against at least one frontal frame")
        asides = [one.aside for one in sightings]
        below = median(one.below for one in sightings)
        return cls(median(asides), below, sightings[-1], max(asides) - min(asides))


class TurnTest:
    """One demanded turn, fed with one sighting after another."""

    def __init__(self, side: Side, base: Base, limits: TurnLimits, began_s: float) -> None:
        """`began_s` is when the demand was shown, on the clock of the sightings."""
        self.side = side
        self.stage = Stage.TURN
        self.broken_by: Break | None = None
        self._base = base
        self._limits = limits
        self._last = base.last
        self._seen_s = max(began_s, base.last.at_s)  # computing the match is nobody's gap
        self._began_s = began_s
        self._looks = 0
        self._blank = 0  # looks in a row without exactly one face
        self._looked_s = self._seen_s
        self._run = 0
        self._wrong = 0
        self._far = 0

    @property
    def hint(self) -> FaceHint:
        """What to show the person now."""
        return {Stage.TURN: self.side.hint, Stage.BACK: FaceHint.TURN_BACK}.get(
            self.stage, FaceHint.NONE
        )

    def see(self, sighting: Sighting | None, at_s: float) -> Stage:
        """Take one frame in; None when it shows no face, or several."""
        if self.stage in (Stage.PASSED, Stage.BROKEN):
            return self.stage
        self._looks += 1
        self._blank = self._blank + 1 if sighting is None else 0
        blind_s, self._looked_s = at_s - self._looked_s, at_s
        if self._too_slow(at_s - self._began_s):
            return self._break(Break.TOO_SLOW)
        if blind_s > self._limits.blind_s or self._lost(at_s - self._seen_s):
            return self._break(Break.GAP)
        if sighting is None:
            self._run = 0
            return self.stage
        if self._jumped(sighting):
            return self._break(Break.JUMP)
        self._last, self._seen_s = sighting, sighting.at_s
        if self._is_other(sighting):
            return self._break(Break.OTHER_FACE)
        return self._judge(sighting)

    def _judge(self, seen: Sighting) -> Stage:
        limits = self._limits
        moved = (seen.aside - self._base.aside) * self.side.sign
        self._wrong = self._wrong + 1 if moved <= -limits.turned else 0
        if self._wrong >= limits.frames:
            return self._break(Break.WRONG_WAY)
        if self.stage is Stage.TURN:
            holds = (
                moved >= limits.turned
                and 1 / limits.drawn_out <= seen.below / self._base.below <= limits.drawn_out
                and limits.flat[0] <= seen.flatness <= limits.flat[1]
                and seen.distance <= limits.near
            )
        else:
            holds = abs(moved) <= limits.straight and seen.distance <= limits.back_near
        self._run = self._run + 1 if holds else 0
        if self._run >= limits.frames:
            self._run = 0
            self.stage = Stage.BACK if self.stage is Stage.TURN else Stage.PASSED
        return self.stage

    def _too_slow(self, since_s: float) -> bool:
        limits = self._limits
        often = since_s > limits.time_s and self._looks >= limits.time_frames
        return often or since_s > limits.longest_s

    def _lost(self, since_s: float) -> bool:
        limits = self._limits
        return since_s > limits.blind_s or (
            since_s > limits.gap_s and self._blank >= limits.gap_frames
        )

    def _jumped(self, seen: Sighting) -> bool:
        limits, last = self._limits, self._last
        away = math.hypot(seen.x - last.x, seen.y - last.y) / last.height
        allowed = limits.jump + limits.jump_per_s * max(0.0, seen.at_s - last.at_s)
        allowed = min(allowed, limits.jump_most)
        ratio = max(seen.height / last.height, last.height / seen.height)
        return away > allowed or ratio > limits.size_ratio

    def _is_other(self, seen: Sighting) -> bool:
        self._far = self._far + 1 if seen.distance > self._limits.far else 0
        return self._far >= self._limits.far_frames

    def _break(self, why: Break) -> Stage:
        self.stage, self.broken_by = Stage.BROKEN, why
        return self.stage


INFRARED_FRESH_S: Final = 0.4
"""A picture of the second camera that is older than this beside the first one is no witness."""
INFRARED_REFUSALS: Final = 12
"""Good frames without their infrared face after which a match is given up."""
_CENTRE_PART = 0.25
_SIZE_RATIO = 2.0


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a face is, as parts of its picture's width (x, height) and height (y)."""

    x: float
    y: float
    height: float


def same_place(one: Spot, other: Spot) -> bool:
    """Whether two cameras side by side see a face where it can be the same one."""
    ratio = max(one.height / other.height, other.height / one.height)
    return (
        abs(one.x - other.x) <= _CENTRE_PART
        and abs(one.y - other.y) <= _CENTRE_PART
        and ratio <= _SIZE_RATIO
    )
