"""The clocks: a wall clock that is years wrong is noticed, and time never runs back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kiosk.world.clock import BUILT, FARTHEST, STEP_BACK, Clock, WrongDay

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


class Wall:
    """A wall clock that is set by hand."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


def test_a_right_clock_is_trusted_and_carries_the_mark_along() -> None:
    wall = Wall(NOON)
    clock = Clock(NOON - timedelta(hours=1), wall=wall, monotonic=lambda: 7.0)
    now = clock.now()
    assert (now.monotonic_s, now.civil, now.trusted) == (7.0, NOON, True)
    assert now.civil.utcoffset() is not None, "civil time knows its zone"
    assert clock.mark == NOON


@pytest.mark.parametrize("mark", [None, NOON])
def test_a_clock_in_1970_is_not_trusted_and_civil_time_stays_at_the_mark(
    mark: datetime | None,
) -> None:
    wall = Wall(datetime(1970, 1, 1, tzinfo=UTC))
    clock = Clock(mark, wall=wall)
    first = clock.now()
    assert not first.trusted
    assert first.civil == (mark or BUILT)
    wall.at += timedelta(days=1)
    assert clock.now().civil == first.civil
    wall.at = NOON + timedelta(minutes=1)
    assert clock.now().trusted, "set right by a time server"
    assert clock.now().civil == wall.at


def test_a_jump_of_years_is_not_trusted_and_leaves_no_mark() -> None:
    wall = Wall(NOON)
    clock = Clock(NOON, wall=wall)
    assert clock.now().trusted
    wall.at = NOON + timedelta(days=3650)
    ahead = clock.now()
    assert not ahead.trusted
    assert ahead.civil == NOON
    assert clock.mark == NOON
    wall.at = NOON + timedelta(seconds=5)
    assert clock.now().trusted


def test_a_long_sleep_is_no_jump() -> None:
    wall = Wall(NOON + FARTHEST)
    assert Clock(NOON, wall=wall).now().trusted
    wall.at += timedelta(seconds=1)
    assert not Clock(NOON, wall=wall).now().trusted


def test_a_first_start_believes_a_clock_after_the_making_of_this_version() -> None:
    far = BUILT + 3 * FARTHEST
    clock = Clock(None, wall=Wall(far))
    assert clock.now().trusted
    assert clock.mark == far


def test_a_small_step_back_stands_still_and_is_still_trusted() -> None:
    wall = Wall(NOON)
    clock = Clock(NOON, wall=wall)
    clock.now()
    wall.at = NOON - STEP_BACK
    stepped = clock.now()
    assert stepped.trusted
    assert stepped.civil == NOON, "civil time never runs back"
    wall.at = NOON - STEP_BACK - timedelta(seconds=1)
    assert not clock.now().trusted
    assert clock.now().civil == NOON


def test_civil_time_never_runs_back_whatever_the_wall_clock_does() -> None:
    wall = Wall(NOON)
    clock = Clock(NOON, wall=wall)
    seen = []
    for hours in (0, 1, -30, 5, 4, -100_000, 6, 200_000, 7, -1):
        wall.at = NOON + timedelta(hours=hours)
        seen.append(clock.now().civil)
    assert seen == sorted(seen)


def test_a_mark_before_this_version_was_made_counts_for_nothing() -> None:
    clock = Clock(datetime(2001, 1, 1, tzinfo=UTC), wall=Wall(datetime(2002, 1, 1, tzinfo=UTC)))
    now = clock.now()
    assert not now.trusted
    assert now.civil == BUILT


@pytest.mark.parametrize("days", [500, -500])
def test_a_clock_that_somebody_says_is_right_is_trusted(days: int) -> None:
    at = NOON + timedelta(days=600)
    clock = Clock(at - timedelta(days=days), wall=lambda: at)  # a long sleep; a mark too far
    assert not clock.now().trusted
    for wrong in (at + timedelta(days=1), at - timedelta(days=days)):
        with pytest.raises(WrongDay):
            clock.believe(wrong.astimezone().date())
    assert not clock.now().trusted
    clock.believe(at.astimezone().date())
    assert clock.now().trusted
    assert clock.now().civil == at
    assert clock.mark == at


def test_nobody_can_say_that_1970_is_right() -> None:
    wall = datetime(1970, 1, 5, tzinfo=UTC)
    clock = Clock(None, wall=lambda: wall)
    with pytest.raises(WrongDay):
        clock.believe(wall.astimezone().date())
