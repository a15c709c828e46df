"""The statement and the signature. Its Next is the commit: from there nothing goes back."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Final

from kiosk.journey.events import Event, Next, Signed, WorldChanged
from kiosk.journey.route import papers_asked
from kiosk.journey.shown import due_text, with_paper_notice
from kiosk.journey.terms import StepName
from kiosk.journey.turn import Action, Plain, Turn
from kiosk.journey.views import Notice, SignView
from kiosk.journey.visit import Now, Visit, path_of

FEWEST_POINTS: Final = 6  # a dot by accident is no signature
_MOST_POINTS: Final = 20_000
NO_RECEIPT: Final = "no-receipt"
_STATEMENT: Final = ("sign.statement.true", "sign.statement.use", "sign.statement.check")
_OWED: Final = "sign.statement.owed"


class Sign(Plain):
    """Sign and hand in."""

    name: ClassVar[StepName] = StepName.SIGN

    def enter(self, visit: Visit, now: Now) -> Turn:
        """Who signs knows before that no receipt will come out."""
        return Turn(with_paper_notice(visit, visit.world.printer, NO_RECEIPT))

    def on(self, visit: Visit, event: Event, now: Now) -> Turn | None:
        """Strokes, then the commit; and a printer that fails or recovers meanwhile."""
        if isinstance(event, WorldChanged) and event.printer is not None:
            return Turn(with_paper_notice(visit, event.printer, NO_RECEIPT))
        if isinstance(event, Signed):
            if sum(map(len, event.strokes)) > _MOST_POINTS:
                return Turn(visit)
            signed = replace(visit, strokes=event.strokes)
            return Turn(with_paper_notice(signed, visit.world.printer, NO_RECEIPT))
        if isinstance(event, Next):
            if not self._signed(visit):
                return Turn(replace(visit, notice=Notice("sign-first")))
            return Turn(visit, forward=True, keep_trail=False)
        return None

    def _signed(self, visit: Visit) -> bool:
        return sum(map(len, visit.strokes)) >= FEWEST_POINTS

    def view(self, visit: Visit, now: Now) -> SignView:
        """What is stated, what is owed, and the strokes so far."""
        owed = tuple(
            f"{visit.say(m.name)} · {due_text(visit, m.pledge_days, now)}"
            for m in papers_asked(path_of(visit, now))
            if m.pledge_days is not None and m.id in visit.papers and visit.papers[m.id].pledged
        )
        return SignView(
            statement=(*_STATEMENT, _OWED) if owed else _STATEMENT,
            owed=owed,
            strokes=visit.strokes,
        )

    def idle_factor(self, visit: Visit) -> float:
        """Reading and signing take a while."""
        return 2.0

    def action(self, visit: Visit, now: Now) -> Action:
        """Hand in."""
        return Action("action.submit", self._signed(visit))
