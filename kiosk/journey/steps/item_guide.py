"""The item guide: what, for whom, papers, fee, days, and whether it can be done here and now."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from kiosk.catalogue.model import Kind, Matter
from kiosk.journey.effects import CountUse, Print
from kiosk.journey.events import Event, Next, PrintAsked, TryQuestions
from kiosk.journey.shown import blocked, conditions_of, guide_lines, material_line
from kiosk.journey.terms import StepName
from kiosk.journey.turn import Action, Plain, Turn
from kiosk.journey.views import ItemGuideView
from kiosk.journey.visit import (
    Capturing,
    Central,
    Now,
    Rating,
    Submission,
    Visit,
    lead_role,
)
from kiosk.receipts.guide_of import guide_of


def fresh_case(visit: Visit, matter_code: str) -> Visit:
    """The visit about another matter: identity and looks stay, the case is gone.

    Whose identity stays is who stands at the terminal; a householder or an elder whose card
    was read belonged to the case.
    """
    matter = visit.matter
    lead = lead_role(matter) if matter is not None else ""
    if not matter_code and visit.newer is not None:  # another matter is begun by the new rules
        find = visit.newer_find or visit.find
        visit = replace(visit, pack=visit.newer, find=find, newer=None, newer_find=None)
    return replace(
        visit,
        matter_code=matter_code,
        parties={role: party for role, party in visit.parties.items() if role == lead},
        trial=False,
        fast=False,
        passed=frozenset(),
        told={},
        answers={},
        draft=None,
        papers={},
        form={},
        confirmed_fields=frozenset(),
        delivery="",
        strokes=(),
        rung=None,
        capturing=Capturing(),
        submission=Submission(),
        central=Central(),
        printing={},
        rating=Rating(),
        outcome_seen=(),
    )


class ItemGuide(Plain):
    """What one wants to know before beginning."""

    name: ClassVar[StepName] = StepName.ITEM_GUIDE

    def on(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        """Begin, or try the questions without identity."""
        matter = visit.matter
        if matter is None:
            return None
        if isinstance(event, Next) and blocked(visit, matter, now) is None:
            return Turn(fresh_case(visit, matter.code), (CountUse(matter.code),), forward=True)
        if isinstance(event, TryQuestions) and self._can_try(matter):
            tried = replace(fresh_case(visit, matter.code), trial=True)
            return Turn(tried, (CountUse(matter.code),), forward=True)
        if isinstance(event, PrintAsked) and visit.printing.get("guide") != "printing":
            return self._print(visit, matter, now)
        return None

    def _print(self, visit: Visit, matter: Matter, now: Now) -> Turn:
        """The guide on paper."""
        printing = {**visit.printing, "guide": "printing"}
        content = guide_of(
            visit.pack,
            matter.code,
            "zh" if visit.language == "zh" else "en",
            printed_on=now.civil.date() if now.trusted else None,
            terminal=visit.rules.terminal,
            site=visit.say(visit.rules.site),
            simulated=visit.rules.demo,
        )
        return Turn(replace(visit, printing=printing), (Print("guide", content=content),))

    def view(self, visit: Visit, now: Now) -> ItemGuideView:
        """The guide."""
        matter = visit.matter
        assert matter is not None, "the item guide is entered with a matter"
        guide = matter.guide
        stop = blocked(visit, matter, now)
        departments = tuple(
            visit.say(visit.pack.departments[d].name)
            for d in matter.departments
            if d in visit.pack.departments
        )
        return ItemGuideView(
            name=visit.say(matter.name),
            for_whom=visit.say(guide.for_whom),
            lines=guide_lines(visit, matter),
            materials=tuple(material_line(visit, m, now) for m in matter.materials),
            notes=tuple(visit.say(note) for note in guide.notes),
            conditions=conditions_of(visit, matter),
            can_start=stop is None,
            blocked=stop,
            can_try=self._can_try(matter),
            sample=matter.sample,
            departments=departments,
            can_print=visit.world.printer.online,
            printing=visit.printing.get("guide", ""),
        )

    def _can_try(self, matter: Matter) -> bool:
        return matter.kind is Kind.APPLY and bool(matter.questions or len(matter.components) > 1)

    def action(self, visit: Visit, now: Now) -> Action:
        """Begin."""
        matter = visit.matter
        return Action("action.start", matter is not None and blocked(visit, matter, now) is None)
