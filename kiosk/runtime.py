"""The only shell around the pure visit: carries effects out and feeds results back as events.

Everything here runs on one thread, the one that calls `post`; carriers answer from any
thread through the `reply` that the application gives them. Knows no Qt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from kiosk.catalogue.model import Pack
from kiosk.journey.core import advance, new_visit, next_deadline, view
from kiosk.journey.effects import CallGuide, CountUse, Effect, EndReason, EndVisit, KeepRating, Say
from kiosk.journey.events import CatalogueRenewed, Event, Recovered
from kiosk.journey.views import View
from kiosk.journey.visit import Now, Rules, Visit, World
from kiosk.logs import note

Carrier = Callable[[Any, int], None]
"""Carries out one effect of the visit with this number; must return at once."""


class Runtime:
    """One terminal's visits, one after the other."""

    def __init__(
        self,
        *,
        pack: Pack,
        rules: Rules,
        find: Callable[[str], tuple[str, ...]],
        now: Callable[[], Now],
        carriers: Mapping[type[Effect], Carrier],
        show: Callable[[View], None],
        wake_at: Callable[[float | None], None],
        ended: Callable[[EndReason, Visit], None],
    ) -> None:
        """`show` draws a view, `wake_at` asks for `wake` at a monotonic time, `ended` wipes."""
        self._pack = pack
        self._rules = rules
        self._find = find
        self._now = now
        self._carriers = {
            KeepRating: _nothing,
            CountUse: _nothing,
            CallGuide: _call_guide,
            Say: _nothing,  # a terminal without a voice
            **carriers,
        }
        self._show = show
        self._wake_at = wake_at
        self._ended = ended
        self._stubs: tuple[tuple[str, datetime], ...] = ()
        self._visit = self._new(1, World())

    @property
    def visit(self) -> Visit:
        """The visit as it stands."""
        return self._visit

    @property
    def at_rest(self) -> bool:
        """Nobody is using the terminal."""
        return self._visit.pristine

    def begin(self) -> None:
        """Show the first screen."""
        self._refresh()

    def post(self, event: Event) -> None:
        """Something happened."""
        if isinstance(event, Recovered):
            self._stubs = event.stubs
        if isinstance(event, CatalogueRenewed):
            self._pack, self._find = event.pack, event.find
            if self.at_rest:
                self._visit = self._new(self._visit.number + 1, self._visit.world)
                self._refresh()
                return
        self._visit, effects = advance(self._visit, event, self._now())
        for effect in effects:
            self._carry(effect)
        self._refresh()

    def foresee(self, event: Event) -> View | None:
        """What `event` would show now; None where it ends the visit. Nothing is done."""
        now = self._now()
        after, effects = advance(self._visit, event, now)
        return None if any(isinstance(e, EndVisit) for e in effects) else view(after, now)

    def use_pack(self, pack: Pack, find: Callable[[str], tuple[str, ...]]) -> None:
        """A new catalogue: it takes effect between visits, and at once when nobody is here."""
        self.post(CatalogueRenewed(pack, find))

    def _carry(self, effect: Effect) -> None:
        if isinstance(effect, EndVisit):
            note("visit-ended", reason=effect.reason.value, steps=self._visit.touches)
            over = self._visit
            self._visit = self._new(over.number + 1, over.world)
            self._ended(effect.reason, over)
            return
        self._carriers[type(effect)](effect, self._visit.number)

    def _new(self, number: int, world: World) -> Visit:
        """What the terminal can do outlives the visit."""
        return new_visit(
            number, self._pack, self._rules, world, self._now(), self._find, self._stubs
        )

    def _refresh(self) -> None:
        now = self._now()
        self._show(view(self._visit, now))
        self._wake_at(next_deadline(self._visit, now))


def _nothing(_effect: Effect, _visit: int) -> None:
    pass


def _call_guide(_effect: Effect, _visit: int) -> None:
    note("guide-called")
