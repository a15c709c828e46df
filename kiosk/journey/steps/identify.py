"""Put the card on the reader: the applicant's, another party's, or an authorised person's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Final

from kiosk.catalogue.model import Text
from kiosk.identity.validity import Validity, masked, validity
from kiosk.journey.effects import Effect, ReadCard, StopReading
from kiosk.journey.events import (
    CardFailed,
    CardFound,
    CardRead,
    Event,
    Next,
    OtherWay,
    TimedOut,
    TryAgain,
)
from kiosk.journey.terms import StepName
from kiosk.journey.turn import Action, Plain, Turn
from kiosk.journey.views import IdentifyView, Notice
from kiosk.journey.visit import ASSISTANT, Now, Party, Place, Reading, Visit, lead_role, needs_face

NOTICES: Final[Mapping[str, str]] = {
    "RD-01": "reader-absent",
    "RD-02": "reader-silent",
    "RD-03": "reader-garbled",
    "RD-04": "reader-staff",
    "RD-05": "card-absent",
    "RD-06": "card-not-selected",
    "RD-07": "card-removed",
    "RD-08": "card-not-genuine",
    "RD-09": "card-unreadable",
    "RD-10": "card-wrong-kind",
    "RD-12": "reader-silent",
}
_ASSISTANT_NAME: Final = Text("工作人员", "Authorised person")
_INVALID: Final[Mapping[Validity, tuple[str, str]]] = {
    Validity.EXPIRED: ("card-expired", "ID-01"),
    Validity.NOT_YET: ("card-not-yet-valid", "ID-02"),
}


def badge_of(number: str, salt: str) -> str:
    """The badge of an authorised person: SHA-256 of salt and ID number, in hex."""
    return hashlib.sha256(f"{salt}:{number}".encode()).hexdigest()


class Identify(Plain):
    """Read a card and take it as a party's identity."""

    name: ClassVar[StepName] = StepName.IDENTIFY

    def enter(self, visit: Visit, now: Now) -> Turn:
        """Await a card at once: nothing needs to be touched."""
        return self._await(visit, now)

    def leave(self, visit: Visit) -> tuple[Effect, ...]:
        """Nobody waits any more."""
        return (StopReading(),)

    def _await(self, visit: Visit, now: Now) -> Turn:
        reading = Reading("waiting", now.monotonic_s)
        return Turn(replace(visit, reading=reading), (ReadCard(visit.rules.card_wait_s),))

    def on(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        """A card was found, read, or not."""
        if isinstance(event, CardFound) and visit.reading.state in ("waiting", "failed"):
            return Turn(replace(visit, reading=Reading("reading", now.monotonic_s), notice=None))
        if isinstance(event, CardRead):
            return self._take(visit, event, now)
        if isinstance(event, CardFailed):
            return self._failed(visit, NOTICES.get(event.code, "reader-staff"), event.code)
        if isinstance(event, TryAgain) and visit.reading.state == "failed":
            return self._await(visit, now)
        if isinstance(event, OtherWay) and visit.place.role != ASSISTANT:
            return Turn(visit, to=Place(StepName.OTHER_WAY, visit.place.role))
        if isinstance(event, (Next, TimedOut)) and visit.reading.state == "read":
            return self._go_on(visit)
        return None

    def _failed(self, visit: Visit, key: str, code: str) -> Turn:
        return Turn(replace(visit, reading=Reading("failed"), notice=Notice(key, code)))

    def _take(self, visit: Visit, event: CardRead, now: Now) -> Turn:
        card, role = event.card, visit.place.role
        invalid = _INVALID.get(validity(card, now.today))
        if invalid is not None:
            return self._failed(visit, *invalid)
        if role == ASSISTANT:
            return self._vouch(visit, badge_of(card.number, visit.rules.badge_salt), now)
        if any(p.card.number == card.number for r, p in visit.parties.items() if r != role):
            return self._failed(visit, "card-same-person", "ID-04")
        party = Party(role, card, event.portrait_png)
        return Turn(
            replace(
                visit,
                parties={**visit.parties, role: party},
                reading=Reading("read", now.monotonic_s),
                notice=None,
            )
        )

    def _vouch(self, visit: Visit, badge: str, now: Now) -> Turn:
        """An authorised person stands in for the face match; who it was is recorded."""
        role = visit.place.detail
        party = visit.parties.get(role)
        if badge not in visit.rules.badges or party is None:
            return self._failed(visit, "not-authorised", "ID-05")
        parties = {**visit.parties, role: replace(party, assisted_by=badge[:12])}
        return Turn(
            replace(visit, parties=parties, reading=Reading("read", now.monotonic_s), notice=None)
        )

    def _go_on(self, visit: Visit) -> Turn:
        if visit.place.role == ASSISTANT:
            place = Place(StepName.VERIFY_FACE, visit.place.detail)
            return Turn(replace(visit, place=place), forward=True, keep_trail=False)
        # Where the card alone proves who it is, this was the verification: Back ends here.
        matter = visit.matter
        return Turn(visit, forward=True, keep_trail=matter is None or needs_face(matter))

    def can_go_back(self, visit: Visit) -> bool:
        """Not while the card lies there and is read, and not over a badge that vouched."""
        vouched = visit.place.role == ASSISTANT and visit.reading.state == "read"
        return visit.reading.state != "reading" and not vouched

    def idle_factor(self, visit: Visit) -> float:
        """Reading is the machine's work."""
        return 0.0 if visit.reading.state == "reading" else 1.0

    def due_s(self, visit: Visit) -> float | None:
        """After a read, go on by itself: one touch less."""
        if visit.reading.state == "read":
            return visit.reading.since_s + visit.rules.card_pause_s
        return None

    def view(self, visit: Visit, now: Now) -> IdentifyView:
        """Whose card, and how far the reading is."""
        role, matter = visit.place.role, visit.matter
        assert matter is not None, "identify is entered with a matter"
        names = {party.role: party.name for party in matter.parties}
        party = visit.parties.get(role)
        return IdentifyView(
            role=visit.say(_ASSISTANT_NAME if role == ASSISTANT else names.get(role)),
            role_is_applicant=role == lead_role(matter),
            state=visit.reading.state,
            name=masked(party.card.name or party.card.english_name) if party else "",
            portrait_png=party.portrait_png if party else None,
        )

    def action(self, visit: Visit, now: Now) -> Action:
        """After a read one may go on without waiting."""
        return Action("action.next" if visit.reading.state == "read" else "")
