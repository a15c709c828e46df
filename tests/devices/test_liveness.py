"""The turn rule on sequences of sightings: what passes, and everything that must not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.face.liveness import (
    Base,
    Break,
    Side,
    Sighting,
    Spot,
    Stage,
    TurnLimits,
    TurnTest,
    same_place,
)
from devices.records import FaceHint

LIMITS = TurnLimits()
STRAIGHT = Sighting(0.0, 320, 240, 200, 0.02, 0.72, 0.1)
FRAME_S = 0.12


def begin(side: Side = Side.LEFT) -> TurnTest:
    return TurnTest(side, Base.of([STRAIGHT]), LIMITS, 0.0)


def turned(part: float = 0.2, distance: float = 0.42) -> Sighting:
    """The nose aside by `part` (positive: the person's left), as by a head."""
    return replace(STRAIGHT, aside=0.02 + part, distance=distance, flatness=0.85)


def play(test: TurnTest, *faces: Sighting | None, frame_s: float = FRAME_S) -> Stage:
    stage = test.stage
    for number, face in enumerate(faces, 1):
        at_s = number * frame_s
        stage = test.see(None if face is None else replace(face, at_s=at_s), at_s)
    return stage


@pytest.mark.parametrize("side", list(Side))
def test_a_turn_to_the_demanded_side_and_back_passes(side: Side) -> None:
    test = begin(side)
    out = [turned(side.sign * part) for part in (0.05, 0.11, 0.16, 0.2, 0.22)]
    assert play(test, *out) is Stage.BACK
    assert test.hint is FaceHint.TURN_BACK
    back = [turned(side.sign * 0.1), replace(STRAIGHT, distance=0.2), STRAIGHT]
    assert play(test, *out, *back) is Stage.PASSED
    assert test.hint is FaceHint.NONE


def test_the_hint_names_the_side() -> None:
    assert begin(Side.LEFT).hint is FaceHint.TURN_LEFT
    assert begin(Side.RIGHT).hint is FaceHint.TURN_RIGHT


def test_a_turn_without_the_return_does_not_pass() -> None:
    assert play(begin(), *[turned()] * 30) is Stage.BACK


def test_one_frame_is_no_turn() -> None:
    assert play(begin(), turned(), STRAIGHT, turned(), STRAIGHT, STRAIGHT) is Stage.TURN


def test_the_other_side_breaks_it_and_nothing_mends_that() -> None:
    test = begin(Side.LEFT)
    assert play(test, turned(-0.2), turned(-0.2)) is Stage.BROKEN
    assert test.broken_by is Break.WRONG_WAY
    assert play(test, turned(), turned(), STRAIGHT, STRAIGHT) is Stage.BROKEN


def test_shaking_the_head_both_ways_does_not_pass_either() -> None:
    test = begin(Side.LEFT)
    play(test, *[turned(0.2)] * 3, *[turned(-0.2)] * 3, STRAIGHT, STRAIGHT)
    assert test.broken_by is Break.WRONG_WAY


def test_somebody_else_breaks_it() -> None:
    test = begin()
    assert play(test, *[turned(distance=0.8)] * 2) is Stage.BROKEN
    assert test.broken_by is Break.OTHER_FACE


def test_a_turned_face_that_is_not_near_is_no_evidence() -> None:
    assert play(begin(), *[turned(distance=0.62)] * 20) is Stage.TURN


def test_one_blurred_frame_is_nobody_else() -> None:
    blurred = turned(0.05, distance=0.9)
    assert play(begin(), blurred, turned(), turned(), STRAIGHT, STRAIGHT) is Stage.PASSED


def test_who_comes_back_must_be_who_was_matched() -> None:
    back = replace(STRAIGHT, distance=0.58)
    assert play(begin(), turned(), turned(), *[back] * 10) is Stage.BACK


def test_a_gap_breaks_it() -> None:
    test = begin()
    assert play(test, *[None] * 8) is Stage.BROKEN
    assert test.broken_by is Break.GAP


def test_a_short_loss_in_the_turn_does_not() -> None:
    faces = (turned(), turned(), None, None, turned(), STRAIGHT, STRAIGHT)
    assert play(begin(), *faces) is Stage.PASSED


def test_a_machine_that_looked_away_for_seconds_saw_no_continuity() -> None:
    test = begin()
    play(test, turned(), frame_s=0.1)
    assert test.see(replace(turned(), at_s=2.7), 2.7) is Stage.BROKEN
    assert test.broken_by is Break.GAP


@pytest.mark.parametrize("frame_s", [0.04, 0.3, 0.9, 1.5, 2.2])
def test_a_busy_machine_costs_nobody_the_turn(frame_s: float) -> None:
    faces = (STRAIGHT, turned(0.05), turned(), turned(), turned(0.1), STRAIGHT, STRAIGHT)
    assert play(begin(), *faces, frame_s=frame_s) is Stage.PASSED


def test_two_lost_looks_of_a_busy_machine_are_no_gap_and_three_are() -> None:
    assert play(begin(), turned(), None, None, turned(), frame_s=0.7) is Stage.TURN
    assert play(begin(), turned(), None, None, None, frame_s=0.7) is Stage.BROKEN


def test_a_busy_machine_gives_a_jump_no_more_room_than_a_face_needs() -> None:
    test = begin()
    assert play(test, replace(STRAIGHT, x=320 + 1.2 * 200), frame_s=2.4) is Stage.BROKEN
    assert test.broken_by is Break.JUMP


def test_few_looks_have_their_end_as_well() -> None:
    assert play(begin(), *[STRAIGHT] * 8, frame_s=2.2) is Stage.TURN
    test = begin()
    assert play(test, *[STRAIGHT] * 9, frame_s=2.2) is Stage.BROKEN
    assert test.broken_by is Break.TOO_SLOW


@pytest.mark.parametrize("jump", [{"x": 480.0}, {"y": 90.0}, {"height": 120.0}, {"height": 320.0}])
def test_a_face_that_jumps_breaks_it(jump: dict[str, float]) -> None:
    test = begin()
    assert play(test, turned(), replace(turned(), **jump)) is Stage.BROKEN
    assert test.broken_by is Break.JUMP


def test_time_runs_out() -> None:
    test = begin()
    assert play(test, *[STRAIGHT] * 80) is Stage.BROKEN
    assert test.broken_by is Break.TOO_SLOW


def test_a_sheet_of_paper_that_is_turned_far_is_no_head() -> None:
    sheet = replace(turned(0.16), below=0.72 * 1.4)  # its eyes have come closer together
    assert play(begin(), *[sheet] * 20) is Stage.TURN


@pytest.mark.parametrize("flatness", [1.0, 0.97, 0.3, -1.0])
def test_what_a_sheet_explains_or_nothing_does_is_no_head(flatness: float) -> None:
    assert play(begin(), *[replace(turned(), flatness=flatness)] * 20) is Stage.TURN


def test_a_base_needs_a_frame() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Base.of([])


faces = st.builds(
    Sighting,
    st.just(0.0),
    st.floats(250, 390),
    st.floats(200, 280),
    st.floats(160, 240),
    st.floats(-0.4, 0.4),
    st.floats(0.5, 1.1),
    st.floats(0.0, 0.9),
    st.floats(0.0, 1.0),
)


@given(st.lists(st.none() | faces, max_size=60), st.sampled_from(list(Side)))
def test_what_passes_has_shown_a_near_turn_and_a_near_return(
    shown: list[Sighting | None], side: Side
) -> None:
    test = begin(side)
    if play(test, *shown) is not Stage.PASSED:
        return
    there = [face for face in shown if face is not None]
    moved = [(face.aside - STRAIGHT.aside) * side.sign for face in there]
    out = [
        number
        for number, face in enumerate(there)
        if moved[number] >= LIMITS.turned and face.distance <= LIMITS.near
    ]
    back = [
        number
        for number, face in enumerate(there)
        if abs(moved[number]) <= LIMITS.straight and face.distance <= LIMITS.back_near
    ]
    assert len(out) >= LIMITS.frames
    assert len(back) >= LIMITS.frames
    assert out[0] < back[-1]


@given(st.lists(faces, max_size=60), st.sampled_from(list(Side)))
def test_no_flat_picture_passes(shown: list[Sighting], side: Side) -> None:
    """However it is held, and wherever its nose goes: a sheet explains it."""
    flat = [
        replace(face, x=320, y=240, height=200, distance=0.2, flatness=0.965 + face.flatness * 0.03)
        for face in shown
    ]
    assert play(begin(side), *flat) in (Stage.TURN, Stage.BROKEN)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Spot(0.5, 0.5, 0.4), True),
        (Spot(0.6, 0.45, 0.3), True),
        (Spot(0.8, 0.5, 0.4), False),
        (Spot(0.5, 0.5, 0.15), False),
    ],
)
def test_two_cameras_see_a_face_in_about_one_place(other: Spot, same: bool) -> None:
    assert same_place(Spot(0.5, 0.5, 0.4), other) is same


def test_a_head_that_still_comes_round_is_no_measure() -> None:
    restless = [replace(STRAIGHT, aside=aside) for aside in (0.02, -0.05, -0.15)]
    assert Base.of([STRAIGHT] * 3).unrest <= LIMITS.unrest
    assert Base.of(restless).unrest > LIMITS.unrest
