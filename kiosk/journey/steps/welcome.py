"""The first screen: where everybody begins."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Final

from kiosk.journey.aloud import Speech, Spoken
from kiosk.journey.effects import Print
from kiosk.journey.events import (
    Event,
    GroupOpened,
    ItemChosen,
    PlainOpened,
    PrintAsked,
    SearchOpened,
)
from kiosk.journey.shown import by_use, group_cards, item_card
from kiosk.journey.terms import StepName
from kiosk.journey.turn import Action, Plain, Turn
from kiosk.journey.views import PlainCard, WelcomeView
from kiosk.journey.visit import Browse, Now, Place, Visit
from kiosk.receipts.content import Delivery, Stub

POPULAR: Final = 4
# The visit before ended with a call of its own.
_CARD_LEFT: Final = Speech(Spoken.CARD_LEFT, after_s=10.0, again_s=10.0, times=2)
_CHOOSE: Final = Place(StepName.CHOOSE)


class Welcome(Plain):
    """Groups, most used, six plain entries in large mode, numbers saved before a power cut."""

    name: ClassVar[StepName] = StepName.WELCOME

    def on(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        """Choose, or print the stub of what was saved before a power cut."""
        if isinstance(event, GroupOpened):
            return Turn(replace(visit, browse=Browse(group=event.group)), to=_CHOOSE)
        if isinstance(event, SearchOpened):
            return Turn(replace(visit, browse=Browse(searching=True)), to=_CHOOSE)
        if isinstance(event, PlainOpened):
            return self._open_plain(visit, event.entry)
        if isinstance(event, ItemChosen) and event.code in visit.pack.matters:
            return Turn(replace(visit, matter_code=event.code), to=Place(StepName.ITEM_GUIDE))
        if isinstance(event, PrintAsked) and visit.stubs:
            if visit.printing.get("stub") == "printing":
                return Turn(visit)
            printing = {**visit.printing, "stub": "printing"}
            number, saved_at = visit.stubs[0]
            stub = Stub(
                language="zh" if visit.language == "zh" else "en",
                number=number,
                saved_at=saved_at,
                clock_trusted=now.trusted,
                terminal=visit.rules.terminal,
                delivery=Delivery.KEPT,
                site=visit.say(visit.rules.site),
                ask_phone=visit.rules.phone,
                simulated=visit.rules.demo,
            )
            return Turn(replace(visit, printing=printing), (Print("stub", content=stub),))
        return None

    def _open_plain(self, visit: Visit, entry: str) -> Turn | None:
        for plain in visit.pack.plain:
            if plain.id == entry:
                browse = Browse(entry=entry, searching=not plain.codes)
                return Turn(replace(visit, browse=browse), to=_CHOOSE)
        return None

    def speech(self, visit: Visit) -> Speech | None:
        """A forgotten card, as long as nobody else has begun."""
        return _CARD_LEFT if visit.world.card_left and visit.pristine else None

    def view(self, visit: Visit, now: Now) -> WelcomeView:
        """Everything that one may begin with."""
        return WelcomeView(
            popular=tuple(item_card(visit, matter, now) for matter in by_use(visit)[:POPULAR]),
            groups=group_cards(visit),
            plain=tuple(
                PlainCard(p.id, visit.say(p.name), visit.say(p.hint), not p.codes)
                for p in visit.pack.plain
            ),
            stubs=tuple((number, f"{at:%Y-%m-%d %H:%M}") for number, at in visit.stubs),
            out_of_order=not visit.world.intake_open and not visit.world.reader_ok,
        )

    def action(self, visit: Visit, now: Now) -> Action:
        """None: the tiles are the actions."""
        return Action("")
