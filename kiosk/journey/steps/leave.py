"""Asked before a visit is left in which something would be lost; one touch goes on with it."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Final

from kiosk.journey.events import Event, Next
from kiosk.journey.route import can_go_on, complete, route
from kiosk.journey.terms import StepName
from kiosk.journey.turn import Action, Plain, Turn
from kiosk.journey.views import LeaveView
from kiosk.journey.visit import Now, Visit, path_of

_IDENTITY: Final = frozenset({StepName.IDENTIFY, StepName.VERIFY_FACE})
_WORK: Final = _IDENTITY | {
    StepName.QUESTIONS,
    StepName.OUTCOME,
    StepName.MATERIALS,
    StepName.FORM,
    StepName.DELIVERY,
    StepName.REVIEW,
    StepName.SIGN,
}


def loses_work(visit: Visit, now: Now) -> bool:
    """Leaving now throws away what would have to be given again.

    Not so where the questions are only tried, and where nothing can be handed in anyway.
    """
    given = bool(visit.answers or visit.told or visit.papers or visit.form)
    if not given or visit.trial or visit.place.step not in _WORK:
        return False
    if visit.place.step is StepName.OUTCOME and not can_go_on(path_of(visit, now)):
        return False
    return visit.place in route(visit, now)


class Leave(Plain):
    """Stay, or really leave. The event `Leave` ends it; idling does, too."""

    name: ClassVar[StepName] = StepName.LEAVE

    def on(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        """On where it was left; who was verified meanwhile is not verified again."""
        if not isinstance(event, Next) or not visit.trail:
            return None
        place, before = visit.trail[-1], replace(visit, trail=visit.trail[:-1])
        if place.step in _IDENTITY and complete(visit, place, now):
            return Turn(replace(before, place=place, trail=()), forward=True)
        return Turn(before, to=place)

    def can_go_back(self, visit: Visit) -> bool:
        """Staying is the main action already."""
        return False

    def view(self, visit: Visit, now: Now) -> LeaveView:
        """What is lost."""
        in_hand = visit.capturing.page is not None
        return LeaveView(papers=in_hand or any(paper.pages for paper in visit.papers.values()))

    def action(self, visit: Visit, now: Now) -> Action:
        """Stay."""
        return Action("action.stay")
