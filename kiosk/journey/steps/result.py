"""A certificate or one's own records: confirm, ask the backend, print or look.

When the rules changed for this very matter on the way here, that is told before it is asked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from kiosk.catalogue.model import Kind, Matter
from kiosk.journey.aloud import Speech, Spoken
from kiosk.journey.effects import AskCentral, Print
from kiosk.journey.events import (
    AnotherMatter,
    CentralAnswered,
    CentralFailed,
    Event,
    Next,
    PrintAsked,
    TryAgain,
    WorldChanged,
)
from kiosk.journey.renewal import renewal
from kiosk.journey.shown import printing_shown, with_paper_notice
from kiosk.journey.steps.item_guide import fresh_case
from kiosk.journey.submit import draft_of
from kiosk.journey.terms import StepName
from kiosk.journey.turn import Action, Plain, Turn
from kiosk.journey.views import Notice, ResultView
from kiosk.journey.visit import Central, Now, Place, Visit, lead_role

_NOTICES = {
    "NW-01": "line-down",
    "NW-02": "central-nonsense",
    "NW-03": "central-refused",
}


class Result(Plain):
    """Confirm, then the answer; a certificate prints by itself."""

    name: ClassVar[StepName] = StepName.RESULT

    def enter(self, visit: Visit, now: Now) -> Turn:
        """A query is asked at once; a certificate is confirmed first."""
        matter = visit.matter
        if matter is not None and matter.kind is Kind.QUERY and visit.central.state == "confirm":
            return self._ask(visit, matter, now)
        return Turn(self._about_paper(visit))

    def _about_paper(self, visit: Visit) -> Visit:
        """Who confirms a certificate knows before that it cannot be printed now."""
        if visit.central.state != "confirm":
            return visit
        return with_paper_notice(visit, visit.world.sheets, "no-sheet")

    def _ask(self, visit: Visit, matter: Matter, now: Now) -> Turn:
        if renewal(visit, now) is not None:
            return Turn(visit, to=Place(StepName.RENEWED), keep_trail=False)
        lead = next(p for p in draft_of(visit, now).parties if p.role == lead_role(matter))
        effect = AskCentral(
            item=matter.code,
            record=matter.record.value if matter.record is not None else "",
            certificate=matter.kind is Kind.CERTIFICATE,
            language=visit.language.value,
            document_kind=lead.document_kind,
            name=lead.name,
            id_number=lead.number,
            how_verified=lead.verified,
        )
        return Turn(replace(visit, central=Central("asking"), notice=None), (effect,))

    def on(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        """Confirm, the answer, print, another matter."""
        matter, state = visit.matter, visit.central.state
        if matter is None:
            return None
        if isinstance(event, WorldChanged) and event.sheets is not None:
            return Turn(self._about_paper(visit))
        if isinstance(event, CentralAnswered) and state == "asking":
            return self._answered(visit, event, matter)
        if isinstance(event, CentralFailed) and state == "asking":
            notice = Notice(_NOTICES.get(event.code, "central-nonsense"), event.code)
            return Turn(replace(visit, central=Central("failed"), notice=notice))
        if isinstance(event, TryAgain) and state == "failed":
            return self._ask(visit, matter, now)
        if isinstance(event, Next) and state == "confirm":
            return self._ask(visit, matter, now)
        if isinstance(event, PrintAsked) and state == "ready":
            return self._print(visit, matter)
        if isinstance(event, AnotherMatter) and state != "asking":
            return Turn(fresh_case(visit, ""), to=Place(StepName.CHOOSE), keep_trail=False)
        if isinstance(event, Next) and state != "asking":
            return Turn(visit, forward=True, keep_trail=False)
        return None

    def _answered(self, visit: Visit, event: CentralAnswered, matter: Matter) -> Turn:
        central = Central(
            state="ready" if event.found else "none",
            title=event.title,
            sections=event.sections,
            pdf=event.pdf,
            pages_png=event.pages_png,
            certificate_number=event.certificate_number,
        )
        visit = replace(visit, central=central)
        if event.found and matter.kind is Kind.CERTIFICATE:
            return self._print(visit, matter)
        return Turn(visit)

    def _print(self, visit: Visit, matter: Matter) -> Turn:
        what = _what(matter)
        if visit.central.pdf is None or visit.printing.get(what) in ("printing", "printed"):
            return Turn(visit)
        visit = replace(visit, printing={**visit.printing, what: "printing"}, notice=None)
        return Turn(visit, (Print(what, pdf=visit.central.pdf),))

    def idle_factor(self, visit: Visit) -> float:
        """Asking is the machine's work."""
        return 0.0 if visit.central.state == "asking" else 1.5

    def can_go_back(self, visit: Visit) -> bool:
        """Not while it is asked or printed."""
        return visit.central.state in ("confirm", "failed")

    def speech(self, visit: Visit) -> Speech | None:
        """The pages are there."""
        matter = visit.matter
        printed = matter is not None and visit.printing.get(_what(matter)) == "printed"
        return Speech(Spoken.TAKE_PAGES) if printed else None

    def view(self, visit: Visit, now: Now) -> ResultView:
        """The answer, or how far it is."""
        matter, central = visit.matter, visit.central
        assert matter is not None, "the result is entered with a matter"
        return ResultView(
            kind=matter.kind.value,
            state=central.state,
            title=central.title or visit.say(matter.name),
            sections=central.sections,
            pages_png=central.pages_png,
            certificate_number=central.certificate_number,
            printing=printing_shown(visit, _what(matter)),
        )

    def action(self, visit: Visit, now: Now) -> Action:
        """Confirm and print, or done."""
        state = visit.central.state
        if state == "asking":
            return Action("")
        return Action("action.print" if state == "confirm" else "action.done")


def _what(matter: Matter) -> str:
    return "certificate" if matter.kind is Kind.CERTIFICATE else "records"
