"""The rules changed while the resident was at it: what is different, before anything is sent."""

from __future__ import annotations

from typing import ClassVar

from kiosk.catalogue.model import Text
from kiosk.journey.events import Event, Next
from kiosk.journey.renewal import renewal, renewed
from kiosk.journey.route import first_open, last_asked
from kiosk.journey.shown import days_text
from kiosk.journey.terms import StepName
from kiosk.journey.turn import Action, Plain, Turn
from kiosk.journey.views import Changed, RenewedView
from kiosk.journey.visit import Now, Place, Visit


class Renewed(Plain):
    """Says what changed; then only what changed is asked."""

    name: ClassVar[StepName] = StepName.RENEWED

    def on(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        """On with the new rules; with a withdrawn item, to the end."""
        if not isinstance(event, Next):
            return None
        found = renewal(visit, now)
        if found is not None and found.withdrawn:
            return Turn(visit, to=Place(StepName.FAREWELL), keep_trail=False)
        after = renewed(visit)
        place = first_open(after, now) or last_asked(after, now)
        return Turn(after, to=place, keep_trail=False)

    def view(self, visit: Visit, now: Now) -> RenewedView:
        """What is different for this case."""
        found = renewal(visit, now)
        matter = visit.matter
        assert matter is not None, "the step is entered with a matter"
        if found is None:
            return RenewedView(False, (), (), (), (), matter.guide.phone)
        return RenewedView(
            withdrawn=found.withdrawn,
            again=tuple(visit.say(one.text) for one in found.again),
            more=tuple(visit.say(one.name) for one in found.more),
            less=tuple(visit.say(one.name) for one in found.less),
            values=tuple(
                Changed(key, _value(visit, old), _value(visit, new))
                for key, old, new in found.values
            ),
            phone=matter.guide.phone,
        )

    def can_go_back(self, visit: Visit) -> bool:
        """What was filled in by the old rules is not handed in."""
        return False

    def idle_factor(self, visit: Visit) -> float:
        """Reading takes a while."""
        return 2.0

    def action(self, visit: Visit, now: Now) -> Action:
        """On, or done where nothing can be handed in."""
        found = renewal(visit, now)
        return Action("action.done" if found is not None and found.withdrawn else "action.next")


def _value(visit: Visit, value: Text | int) -> str:
    return days_text(visit, value) if isinstance(value, int) else visit.say(value)
