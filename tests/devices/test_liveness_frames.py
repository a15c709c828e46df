"""Liveness on simulated frames through the real models: honest people and cheats.

A look costs a tenth of a second of real time and more, so the tries here are seen four times a
simulated second, which the rule has to bear anyway; `make bench` and `make campaign` look oftener.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import pytest

from devices.camera import CameraState
from devices.errors import DeviceError, Fault
from devices.face import engine, liveness, quality
from devices.face.client import FaceNotLive, FaceStation
from devices.face.flatness import Straight, corners
from devices.face.liveness import Side, Sighting, TurnLimits
from devices.records import FaceHint, FaceMatch
from devices.simulators import heads, photos, stage
from devices.simulators.attempts import Manner, attempt
from devices.simulators.camera import SceneControl

ONCE = TurnLimits(time_s=1.8, time_frames=8, starts=1)
SELDOM = Manner(frame_s=0.25)
OFTEN = pytest.param(Manner(), marks=pytest.mark.campaign, id="often")
MANNERS = [pytest.param(SELDOM, id="seldom"), OFTEN]
LOAD_S = 60.0


@pytest.fixture(scope="module", autouse=True)
def _people() -> None:
    try:
        for person in photos.PEOPLE:
            photos.photo_path(person)
    except photos.PhotoMissing as missing:
        pytest.skip(f"the demo's photographs are not installed: {missing}")


@pytest.mark.parametrize(
    ("person", "side", "manner"),
    [
        # The other person and side of these two are in the test of a busy machine below.
        ("hopper", Side.RIGHT, SELDOM),
        pytest.param("hopper", Side.RIGHT, Manner(), marks=pytest.mark.campaign),
        pytest.param("astronaut", Side.LEFT, Manner(), marks=pytest.mark.campaign),
    ],
)
def test_who_turns_as_asked_is_let_in(person: str, side: Side, manner: Manner) -> None:
    seen = attempt(person, person, "turn", side=side, manner=manner, limits=ONCE)
    assert seen.accepted, seen.answer
    assert seen.answer[1].liveness == "turn"
    assert seen.hints[-2:] == [side.hint, FaceHint.TURN_BACK]


def test_a_machine_that_looks_once_a_second_lets_in_who_turns_as_asked() -> None:
    seen = attempt("astronaut", "astronaut", "turn", manner=Manner(frame_s=1.05))
    assert seen.accepted, seen.answer
    assert seen.hints[-2:] == [FaceHint.TURN_LEFT, FaceHint.TURN_BACK]


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("sheet", ["photo", pytest.param("bent", marks=pytest.mark.campaign)])
def test_a_printed_photograph_is_not_when_it_is_turned(sheet: str, manner: Manner) -> None:
    seen = attempt(sheet, "astronaut", "turn", manner=manner, limits=ONCE)
    assert seen.answer[0] == "not-live"
    assert not seen.accepted
    assert not seen.answer[1].matched


def test_without_a_challenge_a_photograph_does_pass() -> None:
    plain = attempt("photo", "astronaut", "none", manner=SELDOM)
    assert plain.accepted, "that is the point of asking for one"


@pytest.mark.parametrize(
    "person", ["astronaut", pytest.param("hopper", marks=pytest.mark.campaign)]
)
def test_a_sheet_tilted_about_a_diagonal_is_flat_and_a_turned_head_is_not(person: str) -> None:
    """Tilted so, a sheet's nose goes as far aside as a head's: only its flatness tells."""
    canvas = stage._people_scene(person, (640, 480))
    height, width = canvas.shape[:2]
    middle = (width * 0.5, height * stage.FACE_CENTRE)
    straight_frame = _frame(canvas)
    first = quality.nearest(engine.find_faces(straight_frame))
    assert first is not None
    base = engine.sight(straight_frame, first, 0.0, 0.0)
    straight = Straight.of(straight_frame, first, corners(*engine._marks(straight_frame, first)))

    def seen(picture: quality.Picture) -> Sighting:
        frame = _frame(picture)
        face = quality.nearest(engine.find_faces(frame))
        assert face is not None
        return engine.sight(frame, face, 0.0, 0.0, straight)

    low, high = TurnLimits().flat
    for yaw_deg, pitch_deg in ((-42, -20), (36, -20), (-36, 20)):
        matrix = heads.tilted(canvas, *middle, height * 1.5, yaw_deg, pitch_deg)
        sheet = seen(np.asarray(cv2.warpPerspective(canvas, matrix, (width, height)), np.uint8))
        assert sheet.flatness > high
        if (yaw_deg, pitch_deg) == (-42, -20):
            assert abs(sheet.aside - base.aside) > TurnLimits().turned
    head = heads.Head(canvas, *middle, 480 * stage.FACE_HEIGHT)
    for angle_deg in (-24, 24):
        assert low <= seen(head.turned(angle_deg)).flatness <= high


def _frame(canvas: quality.Picture) -> quality.Picture:
    """The canvas's middle as a camera's frame, with some noise."""
    top, left = (canvas.shape[0] - 480) // 2, (canvas.shape[1] - 640) // 2
    noise = np.random.default_rng(3).normal(0, 2.5, (480, 640, 3)).round().astype(np.int8)
    noisy = cv2.add(canvas[top : top + 480, left : left + 640], noise, dtype=cv2.CV_8U)
    return np.ascontiguousarray(np.asarray(noisy, dtype=np.uint8)[:, :, ::-1])


@pytest.mark.parametrize("manner", MANNERS)
def test_somebody_else_who_turns_is_not(manner: Manner) -> None:
    seen = attempt("swap", "astronaut", "turn", side=Side.RIGHT, manner=manner, limits=ONCE)
    assert seen.answer[0] == "not-live"


def test_the_wrong_side_is_not() -> None:
    other = {"left": "right", "right": "left"}
    manner = replace(SELDOM, obeys=lambda pose: other.get(pose, ""))
    seen = attempt("astronaut", "astronaut", "turn", manner=manner, limits=ONCE)
    assert (seen.accepted, seen.why) == (False, "wrong-way")


def test_after_a_break_the_match_begins_again_and_can_still_pass() -> None:
    demands = [""]

    def confused(pose: str) -> str:
        """To the right, whatever is asked, the first time only."""
        if pose != demands[-1]:
            demands.append(pose)
        return "right" if pose and len(demands) == 2 else pose

    seen = attempt("hopper", "hopper", "turn", manner=replace(SELDOM, obeys=confused))
    assert seen.accepted, seen.answer
    assert seen.hints.count(FaceHint.TURN_LEFT) == 2


def test_another_person_never_gets_as_far_as_a_turn() -> None:
    seen = attempt("hopper", "astronaut", "turn", manner=SELDOM, limits=ONCE)
    assert seen.answer[0] == "matched"
    assert not seen.answer[1].matched
    assert FaceHint.TURN_LEFT not in seen.hints


@pytest.mark.parametrize(("scene", "in_"), [("astronaut", True), ("photo", False)])
def test_the_infrared_picture_bears_out_a_person_only(
    scene: str, in_: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "INFRARED_REFUSALS", 3)  # a few looks tell as much as twelve
    seen = attempt(scene, "astronaut", "infrared", manner=SELDOM)
    assert seen.accepted is in_, seen.answer
    assert seen.why == ("" if in_ else "no-infrared-face")
    assert seen.answer[1].liveness == ("infrared" if in_ else "")


# Through the processes:


@pytest.fixture(scope="module")
def scene() -> Iterator[SceneControl]:
    control = SceneControl("nobody")
    yield control
    control.close()


@pytest.fixture(scope="module")
def infrared() -> Iterator[SceneControl]:
    """What the infrared camera sees, so that it can be pulled alone."""
    control = SceneControl("nobody")
    yield control
    control.close()


@pytest.fixture(scope="module")
def station(scene: SceneControl, infrared: SceneControl) -> Iterator[FaceStation]:
    station = FaceStation(scene.face_spec(), infrared=infrared.infrared_spec())
    station.start()
    station.look(True)
    assert station.camera.wait_for(CameraState.LIVE, LOAD_S)
    assert station.infrared is not None
    assert station.infrared.wait_for(CameraState.LIVE, LOAD_S)
    yield station
    station.close()


@dataclass
class Try:
    """One match; `obey` hands each hint to whoever stands there."""

    obey: SceneControl
    hints: list[FaceHint] = field(default_factory=list)
    results: list[FaceMatch | DeviceError] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def hint(self, hint: FaceHint) -> None:
        self.hints.append(hint)
        self.obey.follow(hint)

    def done(self, result: FaceMatch | DeviceError) -> None:
        self.results.append(result)
        self.over.set()


def match(
    station: FaceStation, scene: SceneControl, challenge: str, deadline_s: float = 20.0
) -> tuple[Try, FaceMatch | DeviceError]:
    run = Try(scene)
    station.match(
        photos.rgb_of(photos.portrait_webp("astronaut")),
        threshold=0.5,
        frames=3,
        deadline_s=deadline_s,
        hint=run.hint,
        done=run.done,
        challenge=challenge,
    )
    assert run.over.wait(LOAD_S)
    return run, run.results[0]


@pytest.mark.campaign  # some seconds of real time
def test_a_person_who_follows_the_hints_passes(station: FaceStation, scene: SceneControl) -> None:
    scene.set("astronaut")
    run, result = match(station, scene, "turn")
    assert isinstance(result, FaceMatch), result
    assert (result.matched, result.liveness) == (True, "turn")
    assert {FaceHint.TURN_LEFT, FaceHint.TURN_RIGHT} & set(run.hints)
    assert FaceHint.TURN_BACK in run.hints


@pytest.mark.campaign  # twice some seconds of real time
def test_a_screen_is_not_in_the_infrared_picture(
    station: FaceStation, scene: SceneControl, infrared: SceneControl
) -> None:
    scene.set("screen")
    infrared.set("screen")
    _, result = match(station, scene, "infrared")
    assert isinstance(result, FaceNotLive)
    assert result.fault is Fault.FACE_NOT_LIVE
    assert result.why == "no-infrared-face"
    assert not result.match.matched
    scene.set("astronaut")
    infrared.set("astronaut")
    _, result = match(station, scene, "infrared")
    assert isinstance(result, FaceMatch), result
    assert (result.matched, result.liveness) == (True, "infrared")


def test_an_infrared_camera_that_is_away_is_the_terminal_s_fault_and_lets_nobody_in(
    station: FaceStation, scene: SceneControl, infrared: SceneControl
) -> None:
    scene.set("astronaut")
    infrared.set("gone")
    assert station.infrared is not None
    assert station.infrared.wait_for(CameraState.ABSENT, LOAD_S)
    _, result = match(station, scene, "infrared", deadline_s=60.0)  # long before that
    assert isinstance(result, DeviceError)
    assert result.fault is Fault.CAMERA_ABSENT
    infrared.set("astronaut")
    assert station.infrared.wait_for(CameraState.LIVE, LOAD_S), "put back, it is there again"


def test_looking_away_wipes_the_infrared_pictures_too(
    station: FaceStation, scene: SceneControl
) -> None:
    station.look(False)
    assert station.infrared is not None
    assert station.infrared.wait_for(CameraState.OFF, LOAD_S)
    assert station.infrared.board.is_blank()


def test_infrared_where_there_is_no_such_camera_is_the_caller_s_mistake(
    scene: SceneControl,
) -> None:
    plain = FaceStation(scene.face_spec())
    run = Try(scene)
    try:
        with pytest.raises(ValueError, match="infrared"):
            plain.match(
                bytes(102 * 126 * 3),
                threshold=0.5,
                frames=1,
                deadline_s=1,
                hint=run.hint,
                done=run.done,
                challenge="infrared",
            )
        with pytest.raises(ValueError, match="not one of"):
            plain.match(
                bytes(102 * 126 * 3),
                threshold=0.5,
                frames=1,
                deadline_s=1,
                hint=run.hint,
                done=run.done,
                challenge="smile",
            )
    finally:
        plain.close()


def test_a_scene_knows_its_poses(scene: SceneControl) -> None:
    with pytest.raises(ValueError, match="pose"):
        scene.turn("up")
