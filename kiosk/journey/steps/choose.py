"""Choose an item: by group, by plain entry, or by search."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from kiosk.catalogue.model import Matter
from kiosk.journey.events import Event, GroupOpened, ItemChosen, SearchOpened, SearchTyped
from kiosk.journey.shown import by_use, group_cards, item_card
from kiosk.journey.terms import StepName
from kiosk.journey.turn import Action, Plain, Turn
from kiosk.journey.views import ChooseView
from kiosk.journey.visit import Browse, Now, Place, Visit

_OFFERED_UNASKED = 12
"""Before anything is typed: what is used most. All of them would be forty pages."""


class Choose(Plain):
    """The items of a group, of a plain entry, or found."""

    name: ClassVar[StepName] = StepName.CHOOSE

    def on(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        """Browse on, or choose."""
        if isinstance(event, GroupOpened):
            return Turn(replace(visit, browse=Browse(group=event.group)))
        if isinstance(event, SearchOpened):
            return Turn(replace(visit, browse=Browse(searching=True)))
        if isinstance(event, SearchTyped):
            browse = replace(visit.browse, searching=True, query=event.text[:40])
            return Turn(replace(visit, browse=browse))
        if isinstance(event, ItemChosen) and event.code in visit.pack.matters:
            return Turn(replace(visit, matter_code=event.code), to=Place(StepName.ITEM_GUIDE))
        return None

    def view(self, visit: Visit, now: Now) -> ChooseView:
        """The matters that fit."""
        browse = visit.browse
        return ChooseView(
            searching=browse.searching,
            query=browse.query,
            title=self._title(visit),
            group=browse.group,
            groups=group_cards(visit),
            cards=tuple(item_card(visit, matter, now) for matter in self._found(visit)),
        )

    def _title(self, visit: Visit) -> str:
        browse = visit.browse
        for group in visit.pack.groups:
            if group.id == browse.group:
                return visit.say(group.name)
        for entry in visit.pack.plain:
            if entry.id == browse.entry and not browse.searching:
                return visit.say(entry.name)
        return ""

    def _found(self, visit: Visit) -> list[Matter]:
        browse, matters = visit.browse, visit.pack.matters
        if browse.searching:
            if not browse.query.strip():
                return by_use(visit)[:_OFFERED_UNASKED]
            return [matters[code] for code in visit.find(browse.query)]
        if browse.entry:
            entry = next(p for p in visit.pack.plain if p.id == browse.entry)
            return [matters[code] for code in entry.codes if code in matters]
        if browse.group:
            return [m for m in by_use(visit) if m.group == browse.group]
        return by_use(visit)

    def action(self, visit: Visit, now: Now) -> Action:
        """None: the rows are the actions."""
        return Action("")
