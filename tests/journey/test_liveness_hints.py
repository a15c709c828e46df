"""The demanded turn comes back as data, is shown, and goes with the next hint."""

from __future__ import annotations

from dataclasses import replace

import pytest
from driver import RULES, Hall, shipped

from config.settings import Settings, SettingsError, load
from devices.records import FaceHint
from kiosk.journey.effects import MatchFace, StopFace
from kiosk.journey.events import ConsentGiven, FaceFailed, FaceHinted
from kiosk.journey.terms import StepName


def looking(liveness: str) -> Hall:
    hall = Hall(shipped(), rules=replace(RULES, face_liveness=liveness))
    hall.start("SB-001")
    hall.settle()
    hall.wait(3)
    assert hall.at is StepName.VERIFY_FACE
    hall.send(ConsentGiven())
    return hall


@pytest.mark.parametrize("liveness", ["turn", "infrared", "none"])
def test_the_match_is_asked_for_with_the_terminal_s_challenge(liveness: str) -> None:
    hall = looking(liveness)
    (effect,) = hall.of(MatchFace)
    assert isinstance(effect, MatchFace)
    assert effect.challenge == liveness


def test_a_demanded_turn_is_shown_until_the_next_hint() -> None:
    hall = looking("turn")
    shown = [
        hall.send(FaceHinted(hall.number, hint)).body.turn  # type: ignore[union-attr]
        for hint in (
            FaceHint.NONE,
            FaceHint.TURN_LEFT,
            FaceHint.TURN_BACK,
            FaceHint.TURN_RIGHT,
            FaceHint.LOOK_STRAIGHT,
        )
    ]
    assert shown == ["", "left", "", "right", ""]


def test_no_living_head_costs_a_try_and_turns_the_camera_off() -> None:
    hall = looking("turn")
    before = hall.view.body.tries_left  # type: ignore[union-attr]
    view = hall.send(FaceFailed(hall.number, "FC-05"))
    assert view.frame.notice is not None
    assert (view.frame.notice.key, view.frame.notice.code) == ("face-not-live", "FC-05")
    assert view.body.tries_left == before - 1  # type: ignore[union-attr]
    assert isinstance(hall.effects[-1], StopFace)


@pytest.mark.parametrize("name", ["turn", "infrared", "none"])
def test_settings_name_what_is_asked(name: str) -> None:
    changes = {"KIOSK_FACE__LIVENESS": name, "KIOSK_FACE__INFRARED_DEVICE": "4"}
    assert load(None, changes).face.liveness == name


def test_infrared_without_its_camera_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="infrared_device"):
        load(None, {"KIOSK_FACE__LIVENESS": "infrared"})
    assert Settings().face.liveness == "none"
