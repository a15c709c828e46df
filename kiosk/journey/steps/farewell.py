"""Take your things; a few seconds later the terminal is anybody's again."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar, Final

from kiosk.journey.aloud import Speech, Spoken
from kiosk.journey.effects import EndReason, EndVisit
from kiosk.journey.events import Event, Next, TimedOut
from kiosk.journey.steps.submitted import things
from kiosk.journey.terms import StepName
from kiosk.journey.turn import Action, Plain, Turn
from kiosk.journey.views import FarewellView
from kiosk.journey.visit import Now, Visit

_CALLS: Final = 3  # to take up a card


class Farewell(Plain):
    """The end of a visit that was not broken off."""

    name: ClassVar[StepName] = StepName.FAREWELL

    def enter(self, visit: Visit, now: Now) -> Turn:
        """Count down."""
        return Turn(replace(visit, farewell_s=now.monotonic_s, trail=()))

    def on(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        """Time, or a touch, ends it."""
        if isinstance(event, (Next, TimedOut)):
            return Turn(visit, (EndVisit(EndReason.DONE),))
        return None

    def can_go_back(self, visit: Visit) -> bool:
        """No."""
        return False

    def idle_factor(self, visit: Visit) -> float:
        """It has a deadline of its own."""
        return 0.0

    def due_s(self, visit: Visit) -> float | None:
        """A few seconds; longer while a card is known to lie there."""
        return visit.farewell_s + self._stay_s(visit)

    def _stay_s(self, visit: Visit) -> float:
        return visit.rules.card_lies_s if visit.world.card_lies else visit.rules.farewell_s

    def speech(self, visit: Visit) -> Speech | None:
        """A card that is known to lie there, again and again; else to take everything along."""
        if visit.world.card_lies:
            return Speech(Spoken.CARD_LIES, again_s=6.0, times=_CALLS)
        return Speech(Spoken.TAKE_THINGS) if things(visit) else None

    def view(self, visit: Visit, now: Now) -> FarewellView:
        """What to take along, and the number."""
        left_s = visit.farewell_s + self._stay_s(visit) - now.monotonic_s
        return FarewellView(
            take_with=things(visit),
            number=visit.submission.number,
            seconds_left=max(0, math.ceil(left_s)),
            card_lies=visit.world.card_lies,
        )

    def action(self, visit: Visit, now: Now) -> Action:
        """Leave now."""
        return Action("action.leave")
