"""The ladder: other ways to prove who one is, and which are possible here and now.

A code from the province's app has a page of its own: it is shown, the backend says whose it
is, and whoever put a card down before has to be the same person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Final

from kiosk.identity.papers import told_by_app
from kiosk.identity.validity import masked
from kiosk.journey.effects import AskWhose, Effect, ReadCode, StopCode
from kiosk.journey.events import (
    CodeFailed,
    CodeOwner,
    CodeRefused,
    CodeSeen,
    DataPageRead,
    Event,
    Next,
    RungChosen,
    TimedOut,
    TryAgain,
)
from kiosk.journey.terms import Rung, StepName
from kiosk.journey.turn import Action, Plain, Turn
from kiosk.journey.views import Notice, OtherWayView, RungLine
from kiosk.journey.visit import ASSISTANT, Coding, Facing, Now, Party, Place, Visit, needs_face

_CODE: Final = Rung.APP_CODE.value  # the page of the code
_CODE_WAIT_S: Final = 90.0  # to take the phone out, and find the app
_KNOWN_PAUSE_S: Final = 2.0
_NO_CODE: Final = "ID-07"
NOTICES: Final[Mapping[str, str]] = {
    _NO_CODE: "code-not-identity",
    "ID-08": "code-expired",
    "ID-09": "code-used",
    "ID-10": "code-other-person",
    "ID-04": "card-same-person",
    "NW-01": "code-line-down",
    "NW-02": "central-nonsense",
    "NW-03": "central-refused",
    "SC-01": "code-reader-absent",
    "SC-02": "code-not-shown",
    "SC-03": "code-unreadable",
}


class OtherWayStep(Plain):
    """Another card, a code from the app, an authorised person, an appointment."""

    name: ClassVar[StepName] = StepName.OTHER_WAY

    def enter(self, visit: Visit, now: Now) -> Turn:
        """Nothing is chosen yet; or a code is looked for at once."""
        if visit.place.detail == _CODE:
            return self._await_code(visit)
        return Turn(replace(visit, rung=None))

    def leave(self, visit: Visit) -> tuple[Effect, ...]:
        """Nobody shows a code any more."""
        waiting = visit.place.detail == _CODE and visit.coding.state == "waiting"
        return (StopCode(),) if waiting else ()

    def on(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        """Take a rung that is possible; a code and what the backend says of it."""
        if visit.place.detail == _CODE:
            return self._on_code(visit, event, now)
        if isinstance(event, Next) and visit.rung is Rung.APPOINTMENT:
            return Turn(visit, to=Place(StepName.FAREWELL), keep_trail=False)
        if not isinstance(event, RungChosen):
            return None
        if not any(line.rung is event.rung and line.possible for line in self._rungs(visit)):
            return None
        role = visit.place.role
        if event.rung is Rung.OTHER_CARD:
            parties = {r: p for r, p in visit.parties.items() if r != role}
            visit = replace(visit, parties=parties, facing=Facing())
            return Turn(visit, to=Place(StepName.IDENTIFY, role), keep_trail=False)
        if event.rung is Rung.APP_CODE:
            return Turn(visit, to=Place(StepName.OTHER_WAY, role, _CODE))
        if event.rung is Rung.AUTHORISED_PERSON:
            return Turn(visit, to=Place(StepName.IDENTIFY, ASSISTANT, role))
        return Turn(replace(visit, rung=event.rung))

    # -- the code from the app ------------------------------------------------------------

    def _await_code(self, visit: Visit) -> Turn:
        effect = ReadCode(_CODE_WAIT_S, camera=visit.world.document_camera_ok)
        return Turn(replace(visit, coding=Coding("waiting")), (effect,))

    def _on_code(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        state = visit.coding.state
        if state == "waiting":
            return self._seen(visit, event)
        if state == "asking" and isinstance(event, CodeOwner):
            return self._known(visit, event, now)
        if state == "asking" and isinstance(event, CodeRefused):
            return self._code_failed(visit, event.code)
        if state == "failed" and isinstance(event, TryAgain):
            return self._await_code(visit)
        if state == "known" and isinstance(event, (Next, TimedOut)):
            return self._go_on(visit)
        return None

    def _seen(self, visit: Visit, event: Event) -> Turn | None:
        if isinstance(event, CodeFailed):
            return self._code_failed(visit, event.code)
        if isinstance(event, DataPageRead):
            return self._code_failed(visit, _NO_CODE)
        if not isinstance(event, CodeSeen):
            return None
        asking = replace(visit, coding=Coding("asking"), notice=None)
        return Turn(asking, (AskWhose(event.code.text),))

    def _code_failed(self, visit: Visit, code: str) -> Turn:
        notice = Notice(NOTICES.get(code, "code-reader-absent"), code)
        return Turn(replace(visit, coding=Coding("failed"), notice=notice))

    def _known(self, visit: Visit, event: CodeOwner, now: Now) -> Turn:
        role = visit.place.role
        party = visit.parties.get(role)
        if party is None:
            party = Party(role, told_by_app(event.kind, event.name, event.number))
        elif not _same(party.card.number, event.number):
            return self._code_failed(visit, "ID-10")
        if any(_same(p.card.number, event.number) for r, p in visit.parties.items() if r != role):
            return self._code_failed(visit, "ID-04")
        parties = {**visit.parties, role: replace(party, app_code=True)}
        coding = Coding("known", now.monotonic_s)
        return Turn(replace(visit, parties=parties, coding=coding, notice=None))

    def _go_on(self, visit: Visit) -> Turn:
        """As from the step that the code stands for."""
        matter = visit.matter
        face = matter is not None and needs_face(matter)
        place = Place(StepName.VERIFY_FACE if face else StepName.IDENTIFY, visit.place.role)
        return Turn(replace(visit, place=place), forward=True, keep_trail=False)

    def can_go_back(self, visit: Visit) -> bool:
        """Not while the backend is asked, nor once it has said who it is."""
        return visit.place.detail != _CODE or visit.coding.state in ("waiting", "failed")

    def idle_factor(self, visit: Visit) -> float:
        """Asking is the machine's work; to find the code in a phone takes a while."""
        if visit.place.detail != _CODE:
            return 1.0
        return {"asking": 0.0, "waiting": 2.0}.get(visit.coding.state, 1.0)

    def due_s(self, visit: Visit) -> float | None:
        """Who is known goes on by itself."""
        known = visit.place.detail == _CODE and visit.coding.state == "known"
        return visit.coding.since_s + _KNOWN_PAUSE_S if known else None

    # -- what is shown --------------------------------------------------------------------

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
        no_code = _no_code(visit)
        return (
            RungLine(Rung.OTHER_CARD, visit.world.reader_ok, other_card),
            RungLine(Rung.APP_CODE, not no_code, no_code or "rung.app-code.hint"),
            RungLine(Rung.AUTHORISED_PERSON, not why_not, why_not or "rung.authorised-person.hint"),
            RungLine(Rung.APPOINTMENT, True, "rung.appointment.hint"),
        )

    def view(self, visit: Visit, now: Now) -> OtherWayView:
        """The rungs in order, the possible ones before the others; or the page of the code.

        Large letters put some on a second page: that must not be the only one that is left.
        """
        code = visit.coding.state if visit.place.detail == _CODE else ""
        party = visit.parties.get(visit.place.role) if code == "known" else None
        return OtherWayView(
            rungs=tuple(sorted(self._rungs(visit), key=lambda line: not line.possible)),
            chosen=visit.rung,
            phone=visit.rules.phone,
            code=code,
            sees=_sees(visit),
            name=masked(party.card.shown_name) if party is not None else "",
        )

    def action(self, visit: Visit, now: Now) -> Action:
        """The rungs are the actions; who is known goes on, who has read where to call is done."""
        if visit.rung is Rung.APPOINTMENT and visit.place.detail != _CODE:
            return Action("action.done")
        known = visit.place.detail == _CODE and visit.coding.state == "known"
        return Action("action.next" if known else "")


def _same(number: str, other: str) -> bool:
    return number.upper() == other.upper()


def _no_code(visit: Visit) -> str:
    """Why no code can be shown here now, "" if it can."""
    if not visit.rules.app_codes or not _sees(visit):
        return "rung.app-code.not-here"
    return "" if visit.world.line_up else "rung.app-code.line-down"


def _sees(visit: Visit) -> str:
    """What looks for a code."""
    scanner, camera = visit.world.scanner_ok, visit.world.document_camera_ok
    if scanner and camera:
        return "both"
    return "scanner" if scanner else "camera" if camera else ""
