"""A whole try at a match on simulated frames: no process, no camera, no waiting.

Frames are drawn for a clock of their own and judged by the production rounds of
`devices.face.engine`, so that many tries, honest and not, can be played and counted. Who
stands there does what the hints say, a little later, as people do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from devices.face.engine import ROUNDS, Answer, Encoding, Trial, encode_portrait
from devices.face.liveness import Side, TurnLimits
from devices.records import FaceHint
from devices.simulators import photos
from devices.simulators.stage import Actor

Picture = npt.NDArray[np.uint8]

_SIZE: Final = (640, 480)
_NOISE_SIGMA: Final = 2.5
_NOISE_FRAMES: Final = 5


@dataclass(frozen=True, slots=True)
class Manner:
    """How somebody behaves and how fast the machine is."""

    frame_s: float = 0.12  # from one judged frame to the next
    late_s: float = 0.35  # from a hint to the first move
    until_s: float = 27.0  # the match's deadline with a turn
    obeys: Callable[[str], str] = lambda pose: pose  # the demanded pose -> the one taken
    begin_s: float = 0.0  # where in the scene's slow motion the try begins


@dataclass
class Attempt:
    """What came of a try."""

    answer: Answer
    took_s: float
    hints: list[FaceHint] = field(default_factory=list)

    @property
    def accepted(self) -> bool:
        """Whether a person would be let in."""
        return self.answer[0] == "matched" and bool(self.answer[1].matched)

    @property
    def why(self) -> str:
        """Why it was not a living head, "" where that was not the question."""
        return str(self.answer[2]) if self.answer[0] == "not-live" else ""


class _World:
    """Clock, coin and second camera of one try."""

    def __init__(self, side: Side, infrared: Actor | None) -> None:
        self._side = side
        self._infrared = infrared
        self.at_s = 0.0
        self.pose = ""
        self.hints: list[FaceHint] = []

    def now_s(self) -> float:
        return self.at_s

    def choose(self) -> Side:
        return self._side

    def infrared_at(self, at_s: float) -> Picture | None:
        if self._infrared is None:
            return None
        return np.ascontiguousarray(self._infrared.seen(at_s, self.pose)[:, :, ::-1])

    def saw(self, hint: FaceHint) -> None:
        self.say(hint)

    def say(self, hint: FaceHint) -> None:
        if not self.hints or self.hints[-1] is not hint:
            self.hints.append(hint)


@lru_cache(maxsize=4)
def _encoding(person: str) -> Encoding:
    found = encode_portrait(photos.rgb_of(photos.portrait_webp(person)))
    if found is None:
        raise ValueError("the portrait shows no face")
    return found


@lru_cache(maxsize=1)
def _noise(seed: int) -> tuple[npt.NDArray[np.int8], ...]:
    rng = np.random.default_rng(seed)
    shape = (_SIZE[1], _SIZE[0], 3)
    return tuple(
        rng.normal(0, _NOISE_SIGMA, shape).round().astype(np.int8) for _ in range(_NOISE_FRAMES)
    )


def attempt(
    scene: str,
    portrait_of: str,
    challenge: str,
    *,
    side: Side = Side.LEFT,
    manner: Manner | None = None,
    threshold: float = 0.5,
    frames: int = 3,
    limits: TurnLimits | None = None,
    seed: int = 0,
) -> Attempt:
    """Play one try of `scene` with the card of `portrait_of`; `challenge` as for a match."""
    manner = manner or Manner()
    encoding = _encoding(portrait_of)
    noise = _noise(seed)
    actor = Actor(scene, _SIZE)
    world = _World(side, Actor(scene, _SIZE, infrared=True) if challenge == "infrared" else None)
    round_ = ROUNDS[challenge](Trial(encoding, threshold, frames), world, world, limits)
    hint_s, pose = 0.0, ""
    for number in range(math.ceil(manner.until_s / manner.frame_s)):
        world.at_s = manner.begin_s + number * manner.frame_s
        wanted = str(world.hints[-1]).removeprefix("turn-") if world.hints else ""
        wanted = manner.obeys(wanted if wanted in ("left", "right") else "")
        if wanted == pose:
            hint_s = world.at_s
        elif world.at_s - hint_s >= manner.late_s:
            pose = world.pose = wanted
        seen = cv2.add(
            actor.seen(world.at_s, pose),
            noise[number % _NOISE_FRAMES],
            dtype=cv2.CV_8U,
        )
        rgb = np.ascontiguousarray(np.asarray(seen, dtype=np.uint8)[:, :, ::-1])
        answer = round_.look(rgb, world.at_s)
        if answer is not None:
            return Attempt(answer, world.at_s - manner.begin_s, world.hints)
    return Attempt(round_.late(), manner.until_s, world.hints)
