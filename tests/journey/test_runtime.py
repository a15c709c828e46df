"""The shell: effects go to their carriers, results come back, and a visit has one end."""

from __future__ import annotations

from datetime import datetime

import pytest
from driver import APPLICANT, CHINA, NOON, RULES, receipt_number, sample, shipped

from kiosk.journey import effects as all_effects
from kiosk.journey.effects import CallGuide, CountUse, Effect, EndReason, EndVisit, KeepRating
from kiosk.journey.events import (
    CardRead,
    Help,
    ItemChosen,
    LanguageSet,
    Leave,
    Next,
    Recovered,
    TimedOut,
    WorldChanged,
)
from kiosk.journey.terms import Language, StepName
from kiosk.journey.views import View
from kiosk.journey.visit import Now, Visit
from kiosk.runtime import Runtime


class Shell:
    """A runtime whose world only writes down what it is asked."""

    def __init__(self) -> None:
        self.t_s = 50.0
        self.carried: list[tuple[Effect, int]] = []
        self.shown: list[View] = []
        self.wakes: list[float | None] = []
        self.ended: list[tuple[EndReason, Visit]] = []
        kinds = [
            kind
            for kind in vars(all_effects).values()
            if isinstance(kind, type) and issubclass(kind, Effect)
        ]
        asked = set(kinds) - {Effect, EndVisit, KeepRating, CountUse, CallGuide}
        self.runtime = Runtime(
            pack=sample(),
            rules=RULES,
            find=lambda _: (),
            now=lambda: Now(self.t_s, NOON, True),
            carriers=dict.fromkeys(asked, lambda e, n: self.carried.append((e, n))),
            show=self.shown.append,
            wake_at=self.wakes.append,
            ended=lambda reason, visit: self.ended.append((reason, visit)),
        )

    def post(self, *events: object) -> None:
        for event in events:
            self.t_s += 1
            self.runtime.post(event)  # type: ignore[arg-type]

    def names(self) -> list[tuple[str, int]]:
        return [(type(effect).__name__, number) for effect, number in self.carried]


def test_every_event_is_shown_and_the_next_deadline_asked_for() -> None:
    shell = Shell()
    shell.runtime.begin()
    assert shell.shown[-1].frame.step is StepName.WELCOME
    assert shell.wakes == [None]
    assert shell.runtime.at_rest
    shell.post(ItemChosen("TRV-001"))
    assert shell.shown[-1].frame.step is StepName.ITEM_GUIDE
    assert shell.wakes[-1] == pytest.approx(51.0 + 90.0)
    assert not shell.runtime.at_rest


def test_effects_carry_the_visits_number() -> None:
    shell = Shell()
    shell.post(ItemChosen("TRV-001"), Next())
    assert shell.names() == [("ReadCard", 1)]
    shell.post(Leave())
    assert shell.names() == [("ReadCard", 1), ("StopReading", 1)]
    shell.post(ItemChosen("TRV-001"), Next())
    assert shell.names()[-1] == ("ReadCard", 2)


def test_a_result_of_an_ended_visit_is_dropped() -> None:
    shell = Shell()
    shell.post(ItemChosen("TRV-001"), Next(), Leave(), ItemChosen("TRV-001"), Next())
    shell.post(CardRead(1, APPLICANT))
    assert not shell.runtime.visit.parties
    shell.post(CardRead(2, APPLICANT))
    assert set(shell.runtime.visit.parties) == {"applicant"}


def test_the_end_drops_everything_of_the_visit_and_keeps_the_world() -> None:
    shell = Shell()
    at = datetime(2026, 11, 20, 8, 0, tzinfo=CHINA)
    stubs = ((receipt_number(4), at),)
    shell.post(WorldChanged(line_up=False, staffed=True), Recovered(stubs))
    shell.post(LanguageSet(Language.EN), ItemChosen("TRV-001"), Next(), CardRead(1, APPLICANT))
    shell.post(Leave())
    ((reason, over),) = shell.ended
    assert reason is EndReason.LEFT
    assert set(over.parties) == {"applicant"}
    visit = shell.runtime.visit
    assert visit.number == 2
    assert shell.runtime.at_rest
    assert visit.language is Language.ZH
    assert not visit.parties
    assert (visit.world.line_up, visit.world.staffed) == (False, True)
    assert visit.stubs == stubs
    assert shell.shown[-1].body.stubs[0][0] == receipt_number(4)  # type: ignore[union-attr]
    assert shell.wakes[-1] is None


def test_idling_ends_a_visit_through_the_same_door() -> None:
    shell = Shell()
    shell.post(ItemChosen("TRV-001"))
    for _ in range(60):
        due = shell.wakes[-1]
        if due is None:
            break
        shell.t_s = due
        shell.runtime.post(TimedOut())
    assert [reason for reason, _ in shell.ended] == [EndReason.IDLE]
    assert shell.runtime.visit.number == 2


def test_a_new_catalogue_counts_from_the_next_visit() -> None:
    shell = Shell()
    shell.post(ItemChosen("TRV-001"))
    shell.runtime.use_pack(shipped(), lambda _: ("CRJ-001",))
    assert shell.runtime.visit.pack is sample()
    shell.post(Next(), Leave())
    assert shell.runtime.visit.pack is shipped()
    assert shell.runtime.visit.find("x") == ("CRJ-001",)


def test_calling_a_guide_needs_no_carrier() -> None:
    shell = Shell()
    shell.post(Help())
    assert shell.shown[-1].frame.help_open
    assert shell.carried == []


def test_what_a_touch_would_show_is_said_without_doing_it() -> None:
    shell = Shell()
    shell.runtime.begin()
    item = next(iter(sample().items))
    before, carried = shell.runtime.visit, len(shell.carried)
    foreseen = shell.runtime.foresee(ItemChosen(item))
    assert shell.runtime.visit is before
    assert len(shell.carried) == carried
    assert len(shell.shown) == 1
    shell.runtime.post(ItemChosen(item))
    assert shell.shown[-1] == foreseen
    assert shell.runtime.foresee(Leave()) is None  # it ends the visit
