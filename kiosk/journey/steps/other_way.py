"""The ladder: other ways to prove who one is, and which are possible here and now."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from kiosk.journey.events import Event, RungChosen
from kiosk.journey.terms import Rung, StepName
from kiosk.journey.turn import Action, Plain, Turn
from kiosk.journey.views import OtherWayView, RungLine
from kiosk.journey.visit import ASSISTANT, Facing, Now, Place, Visit, needs_face


class OtherWayStep(Plain):
    """Another card, a code from the app, an authorised person, an appointment."""

    name: ClassVar[StepName] = StepName.OTHER_WAY

    def enter(self, visit: Visit, now: Now) -> Turn:
        """Nothing is chosen yet."""
        return Turn(replace(visit, rung=None))

    def on(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        """Take a rung that is possible."""
        if not isinstance(event, RungChosen):
            return None
        if not any(line.rung is event.rung and line.possible for line in self._rungs(visit)):
            return None
        role = visit.place.role
        if event.rung is Rung.OTHER_CARD:
            parties = {r: p for r, p in visit.parties.items() if r != role}
            visit = replace(visit, parties=parties, facing=Facing())
            return Turn(visit, to=Place(StepName.IDENTIFY, role), keep_trail=False)
        if event.rung is Rung.AUTHORISED_PERSON:
            return Turn(visit, to=Place(StepName.IDENTIFY, ASSISTANT, role))
        return Turn(replace(visit, rung=event.rung))

    def _rungs(self, visit: Visit) -> tuple[RungLine, ...]:
        matter = visit.matter
        assert matter is not None, "the ladder is entered with a matter"
        has_card = visit.place.role in visit.parties
        vouching = needs_face(matter) and matter.assisted and has_card
        why_not = "rung.authorised-person.not-for-item" if not vouching else ""
        if not why_not and not visit.world.staffed:
            why_not = "rung.authorised-person.nobody-now"
        other_card = "rung.other-card.hint"
        if visit.world.chip_cards:
            other_card = "rung.other-card.passport"
        return (
            RungLine(Rung.OTHER_CARD, visit.world.reader_ok, other_card),
            RungLine(Rung.APP_CODE, False, "rung.app-code.not-here"),
            RungLine(Rung.AUTHORISED_PERSON, not why_not, why_not or "rung.authorised-person.hint"),
            RungLine(Rung.APPOINTMENT, True, "rung.appointment.hint"),
        )

    def view(self, visit: Visit, now: Now) -> OtherWayView:
        """All rungs in order, the impossible ones with the reason."""
        return OtherWayView(rungs=self._rungs(visit), chosen=visit.rung, phone=visit.rules.phone)

    def action(self, visit: Visit, now: Now) -> Action:
        """The rungs are the actions."""
        return Action("")
