"""The two clocks of a terminal.

The wall clock may be years wrong. Civil time never runs below its high-water mark, and is
trusted only when it is not below the mark and not absurdly far beyond it. A small step back,
as time servers make them, is no reason for distrust: civil time then stands still for a while.
What a machine cannot find out, a person can say: after a long sleep, or where the mark itself is
wrong, somebody who knows the day tells it (`Clock.believe`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Final

from kiosk.journey.visit import Now

BUILT = datetime(2026, 11, 1, tzinfo=UTC)
"""No true time lies before this version was made."""
FARTHEST = timedelta(days=400)
"""A jump beyond this is a wrong clock rather than a long sleep."""
STEP_BACK = timedelta(minutes=2)
"""A correction that does not make the time wrong."""
CLOCK_MARK: Final = "clock-mark"
"""Under which name the outbox keeps the mark."""


class WrongDay(ValueError):
    """The wall clock does not show the day that somebody says it is."""

    code = "CK-01"


def mark_of(kept: str | None) -> datetime | None:
    """The mark as it was kept; None where there is none that can be used."""
    try:
        mark = datetime.fromisoformat(kept) if kept else None
    except ValueError:
        return None
    return mark if mark is not None and mark.tzinfo is not None else None


class Clock:
    """Tells `Now`; `mark` is what is to be kept over restarts."""

    def __init__(
        self,
        mark: datetime | None = None,
        *,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._mark = max(mark, BUILT) if mark is not None else BUILT
        self._known = mark is not None
        self._wall = wall
        self._monotonic = monotonic

    @property
    def mark(self) -> datetime:
        """The high-water mark, aware, in UTC."""
        return self._mark

    @property
    def wall(self) -> datetime:
        """What the wall clock shows, right or wrong, in local time."""
        return self._wall().astimezone()

    def believe(self, today: date) -> None:
        """Somebody who knows the day says that the wall clock is right. Raises WrongDay."""
        wall = self._wall()
        if wall.astimezone().date() != today or wall < BUILT:
            raise WrongDay
        self._mark, self._known = wall, True

    def now(self) -> Now:
        """Both clocks at this moment; `civil` in local time."""
        wall = self._wall()
        ahead = self._known and wall > self._mark + FARTHEST
        trusted = wall >= self._mark - STEP_BACK and not ahead
        if trusted:
            self._mark, self._known = max(wall, self._mark), True
        return Now(self._monotonic(), self._mark.astimezone(), trusted)
