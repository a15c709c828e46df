"""What the answers lead to: possible or not and why, and the list of materials."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from kiosk.catalogue.engine import Path
from kiosk.catalogue.model import Matter, Result, Source, Text
from kiosk.journey.effects import Print
from kiosk.journey.events import Event, Next, PrintAsked
from kiosk.journey.route import can_go_on, materials_of, papers_asked, seen_as
from kiosk.journey.shown import (
    blocked,
    days_text,
    guide_lines,
    material_lines,
    printing_shown,
    situation_text,
    whys,
)
from kiosk.journey.terms import StepName
from kiosk.journey.turn import Action, Plain, Turn
from kiosk.journey.views import MaterialLine, OutcomePart, OutcomeView
from kiosk.journey.visit import Now, Place, Visit, path_of
from kiosk.receipts.content import BringList, BringMaterial

_ONLY_WITH = Text("要和“{}”一起办", "Only together with: {}")
_NOT_BROUGHT = frozenset({"from-card", "from-state", "made-here"})
_WORST_FIRST = (Result.NOT_POSSIBLE, Result.COUNTER, Result.ACCEPT)


class Outcome(Plain):
    """The outcome with its list; a trial may be gone on with."""

    name: ClassVar[StepName] = StepName.OUTCOME

    def on(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        """Go on, end here, or print the list."""
        matter = visit.matter
        if matter is None:
            return None
        path = path_of(visit, now)
        if isinstance(event, Next):
            return self._go_on(visit, matter, path, now)
        if isinstance(event, PrintAsked) and visit.printing.get("list") != "printing":
            printing = {**visit.printing, "list": "printing"}
            content = self._bring_list(visit, matter, path, now)
            return Turn(replace(visit, printing=printing), (Print("list", content=content),))
        return None

    def _go_on(self, visit: Visit, matter: Matter, path: Path, now: Now) -> Turn:
        if not can_go_on(path):
            return Turn(visit, to=Place(StepName.FAREWELL), keep_trail=False)
        visit = replace(visit, outcome_seen=seen_as(path))
        if not visit.trial:
            return Turn(visit, forward=True)
        if blocked(visit, matter, now) is not None:
            return Turn(visit, to=Place(StepName.FAREWELL), keep_trail=False)
        # The answers are kept; what is complete is passed by from here on.
        start = replace(visit, trial=False, fast=True, place=Place(StepName.ITEM_GUIDE), trail=())
        return Turn(start, forward=True, keep_trail=False)

    def view(self, visit: Visit, now: Now) -> OutcomeView:
        """The result for each item, the materials, and the rest of the guide."""
        matter = visit.matter
        assert matter is not None, "the outcome is entered with a matter"
        path = path_of(visit, now)
        going = can_go_on(path)
        return OutcomeView(
            result=self._result(path, going).value,
            parts=self._parts(visit, path),
            materials=self._materials(visit, path, now) if going else (),
            lines=guide_lines(visit, matter),
            trial=visit.trial,
            can_go_on=going and blocked(visit, matter, now) is None,
            can_print=visit.world.printer.online,
            printing=printing_shown(visit, "list"),
        )

    def _materials(self, visit: Visit, path: Path, now: Now) -> tuple[MaterialLine, ...]:
        """What is to be brought first: that is what the list is read for."""
        lines = material_lines(visit, path, now)
        return tuple(sorted(lines, key=lambda line: line.state in _NOT_BROUGHT))

    def _result(self, path: Path, going: bool) -> Result:
        """A bundle of which some part can be handed in can be handed in."""
        if going:
            return Result.ACCEPT
        results = {situation.result for _, situation in path.situations}
        results -= {Result.ACCEPT}  # of no use without an item that is needed
        return next((r for r in _WORST_FIRST if r in results), Result.NOT_POSSIBLE)

    def _parts(self, visit: Visit, path: Path) -> tuple[OutcomePart, ...]:
        parts, matter = [], visit.matter
        going = can_go_on(path)
        needed = {c.item.code for c in matter.components if c.needed} if matter else set()
        refused = [code for code, s in path.situations if s.result is not Result.ACCEPT]
        lacking = next((visit.pack.items[code] for code in refused if code in needed), None)
        for code, situation in path.situations:
            item = visit.pack.items[code]
            alone = not going and situation.result is Result.ACCEPT
            department = visit.pack.departments.get(item.department)
            parts.append(
                OutcomePart(
                    item=visit.say(item.name),
                    department=visit.say(department.name) if department else "",
                    situation=situation_text(visit, code, situation),
                    result=self._result(path, going).value if alone else situation.result.value,
                    reason=(
                        visit.say(_ONLY_WITH).format(visit.say(lacking.name))
                        if alone and lacking is not None
                        else visit.say(situation.reason)
                    ),
                )
            )
        return tuple(parts)

    def _bring_list(self, visit: Visit, matter: Matter, path: Path, now: Now) -> BringList:
        reasons = [visit.say(s.reason) for _, s in path.situations if s.reason is not None]
        stop = not can_go_on(path)
        days = matter.guide.days_promised
        why = whys(visit, path, now)
        return BringList(
            language="zh" if visit.language == "zh" else "en",
            item=visit.say(matter.name),
            materials=tuple(
                BringMaterial(visit.say(m.name), why[m.id], visit.say(m.hint))
                for m in papers_asked(path)
            ),
            situation="; ".join(situation_text(visit, code, s) for code, s in path.situations),
            not_today=" ".join(reasons) if stop else "",
            already_held=tuple(
                visit.say(m.name) for m in materials_of(path) if m.held or m.source is Source.CARD
            ),
            where=visit.say(matter.guide.where),
            fee=visit.say(matter.guide.fee),
            days=days_text(visit, days) if days is not None else "",
            ask_phone=matter.guide.phone,
            printed_on=now.civil.date() if now.trusted else None,
            terminal=visit.rules.terminal,
            site=visit.say(visit.rules.site),
            sample=matter.sample,
            simulated=visit.rules.demo,
        )

    def action(self, visit: Visit, now: Now) -> Action:
        """On with the application, or done."""
        matter = visit.matter
        if matter is None or not can_go_on(path_of(visit, now)):
            return Action("action.done")
        if visit.trial:
            return Action("action.start" if blocked(visit, matter, now) is None else "action.done")
        return Action("action.next")
