"""The rating (好差评): voluntary, one for a visit, nothing preselected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Final

from kiosk.journey.effects import Effect, KeepRating
from kiosk.journey.events import Event, Next, Rated, RatingReason
from kiosk.journey.terms import StepName
from kiosk.journey.turn import Action, Plain, Turn
from kiosk.journey.views import RateView
from kiosk.journey.visit import Now, Rating, Visit

_BAD: Final = ("slow", "unclear", "many-papers", "machine", "failed")
_GOOD: Final = ("easy", "quick", "friendly")
REASONS: Final[Mapping[int, tuple[str, ...]]] = {
    1: _BAD,
    2: _BAD,
    3: ("slow", "unclear", "many-papers"),
    4: _GOOD,
    5: _GOOD,
}


class Rate(Plain):
    """Five levels and the reasons listed for each; skipping is as easy."""

    name: ClassVar[StepName] = StepName.RATE

    def on(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        """Choose, take back, go on."""
        rating = visit.rating
        if isinstance(event, Rated) and 0 <= event.level <= 5:
            level = 0 if event.level == rating.level else event.level
            return Turn(replace(visit, rating=Rating(level)))
        if isinstance(event, RatingReason) and event.reason in REASONS.get(rating.level, ()):
            chosen = set(rating.reasons) ^ {event.reason}
            return Turn(replace(visit, rating=replace(rating, reasons=tuple(sorted(chosen)))))
        if isinstance(event, Next):
            effects: tuple[Effect, ...] = ()
            if rating.level and not rating.kept:
                effects = (KeepRating(visit.matter_code, rating.level, rating.reasons),)
                visit = replace(visit, rating=replace(rating, kept=True))
            return Turn(visit, effects, forward=True, keep_trail=False)
        return None

    def can_go_back(self, visit: Visit) -> bool:
        """The matter is done."""
        return False

    def view(self, visit: Visit, now: Now) -> RateView:
        """The level, if one was chosen, with its reasons."""
        rating = visit.rating
        return RateView(rating.level, REASONS.get(rating.level, ()), rating.reasons)

    def action(self, visit: Visit, now: Now) -> Action:
        """Skip, or send."""
        return Action("action.send" if visit.rating.level else "action.skip")
