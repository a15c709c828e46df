"""`advance`, `view` and `next_deadline`: the whole of a visit from outside.

Promises:
- pure: the same visit, event and time give the same answer;
- an answer of the world to another visit changes nothing;
- between Enqueue and its result nothing ends the visit;
- Back never crosses identity verification, signature or commit;
- whatever the reason, a visit ends by the one effect `EndVisit`;
- what a step wants heard is said once, not at every change of the screen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from kiosk.catalogue.model import Pack
from kiosk.identity.validity import masked
from kiosk.journey.aloud import Spoken, follow
from kiosk.journey.effects import CallGuide, Effect, EndReason, EndVisit, Say
from kiosk.journey.events import (
    Back,
    CardFound,
    CardRead,
    CatalogueRenewed,
    Delivered,
    DeliveryWaits,
    Event,
    FromWorld,
    Help,
    LanguageSet,
    Leave,
    Printed,
    PrintFailed,
    Recovered,
    SizeSet,
    Stay,
    ThemeSet,
    TimedOut,
    Touch,
    WorldChanged,
)
from kiosk.journey.route import following, route
from kiosk.journey.steps import STEPS
from kiosk.journey.steps.leave import loses_work
from kiosk.journey.terms import Size, StepName
from kiosk.journey.turn import Turn
from kiosk.journey.views import Frame, Notice, View
from kiosk.journey.visit import Now, Place, Rules, Visit, World, lead_role

Result = tuple[Visit, tuple[Effect, ...]]

_MANY_S: Final = math.inf
_NO_PROGRESS: Final = frozenset(
    {
        StepName.WELCOME,
        StepName.CHOOSE,
        StepName.ITEM_GUIDE,
        StepName.OTHER_WAY,
        StepName.LEAVE,
        StepName.FAREWELL,
    }
)
_OFF_ROUTE: Final = frozenset({StepName.WELCOME, StepName.CHOOSE, StepName.OTHER_WAY})
_SOMEBODY_IS_THERE: Final = (CardFound, CardRead)  # who lays a card down does not idle
_CANNOT_LEAVE: Final = frozenset({StepName.WELCOME, StepName.LEAVE, StepName.FAREWELL})


def new_visit(
    number: int,
    pack: Pack,
    rules: Rules,
    world: World,
    now: Now,
    find: Callable[[str], tuple[str, ...]],
    stubs: tuple[tuple[str, datetime], ...] = (),
) -> Visit:
    """A visit that nobody has touched."""
    return Visit(
        number=number,
        pack=pack,
        rules=rules,
        world=world,
        touched_s=now.monotonic_s,
        find=find,
        stubs=stubs,
    )


def advance(visit: Visit, event: Event, now: Now) -> Result:
    """The visit after `event`, and what the world is asked to do."""
    if isinstance(event, FromWorld) and event.visit != visit.number:
        return visit, ()
    if isinstance(event, Touch):
        warned = visit.warned_s is not None
        visit = replace(visit, touched_s=now.monotonic_s, warned_s=None, touches=visit.touches + 1)
        if warned and isinstance(event, Stay):
            return visit, ()
    elif isinstance(event, _SOMEBODY_IS_THERE):
        visit = replace(visit, touched_s=now.monotonic_s, warned_s=None)
    handler = _COMMON.get(type(event), _step)
    after, effects = handler(visit, event, now)
    return _aloud(_patient(visit, after, now), effects, now)


def _aloud(visit: Visit, effects: tuple[Effect, ...], now: Now) -> Result:
    """Say what the step wants heard. Who goes and leaves a card behind is called back."""
    if effects and isinstance(effects[-1], EndVisit):
        if visit.world.card_lies:
            effects = (*effects[:-1], Say(Spoken.CARD_LEFT, visit.language), effects[-1])
        return visit, effects
    saying, what = follow(visit.saying, STEPS[visit.place.step].speech(visit), now.monotonic_s)
    if saying is visit.saying:
        return visit, effects
    said = (Say(what, visit.language),) if what is not None else ()
    return replace(visit, saying=saying), (*effects, *said)


def _patient(before: Visit, after: Visit, now: Now) -> Visit:
    """While the machine works nobody idles: a warning goes, and counting begins afresh after."""
    if _idle_factor(after) == 0.0:
        return replace(after, warned_s=None) if after.warned_s is not None else after
    if _idle_factor(before) == 0.0:
        return replace(after, touched_s=now.monotonic_s)
    return after


def _step(visit: Visit, event: Event, now: Now) -> Result:
    """Let the step answer. A touch clears the notice of what happened before it."""
    before = visit
    if isinstance(event, Touch):
        visit = replace(visit, notice=None)
    turn = STEPS[visit.place.step].on(visit, event, now)
    if turn is None:
        if isinstance(event, Back):
            return _back(before, now)
        return before, ()
    return _move(before, turn, now)


def _move(before: Visit, turn: Turn, now: Now) -> Result:
    visit = turn.visit
    if turn.to is not None:
        target = turn.to
    elif turn.forward:
        visit = replace(visit, passed=visit.passed | {before.place})
        target = following(visit, now)
    else:
        return visit, turn.effects
    trail = (*visit.trail, before.place) if turn.keep_trail else ()
    if before.place.step is StepName.LEAVE:
        trail = visit.trail  # nobody goes back to a question whether to leave
    if (
        turn.forward and target in trail
    ):  # back at review after a change: Back leads on from there, not round
        trail = trail[: trail.index(target)]
    return _enter(replace(visit, trail=trail), target, now, turn.effects)


def _enter(visit: Visit, place: Place, now: Now, effects: tuple[Effect, ...] = ()) -> Result:
    left = STEPS[visit.place.step].leave(visit)
    stays = visit.place.step is StepName.LEAVE
    if not stays and place.step is not StepName.LEAVE:  # who stays goes on typing
        visit = replace(visit, draft=None, field_error="")
    visit = replace(visit, place=place, help_open=False)
    step = STEPS[place.step]
    entered = step.resume(visit, now) if stays else step.enter(visit, now)
    visit, effects = entered.visit, (*effects, *left, *entered.effects)
    if entered.forward or entered.to is not None:
        visit, more = _move(visit, entered, now)
        return visit, (*effects, *more)
    return visit, effects


def _back(visit: Visit, now: Now) -> Result:
    visit = replace(visit, notice=None)
    if not STEPS[visit.place.step].can_go_back(visit):
        return visit, ()
    trail = _trail(visit, now)
    if not trail:
        return visit, ()
    place = trail[-1]
    visit = replace(visit, trail=trail[:-1], passed=visit.passed - {place})
    return _enter(visit, place, now)


def _trail(visit: Visit, now: Now) -> tuple[Place, ...]:
    """Where Back leads: places that an answer took off the route are passed by."""
    places = route(visit, now)
    return tuple(p for p in visit.trail if p.step in _OFF_ROUTE or p in places)


def _end(visit: Visit, reason: EndReason) -> Result:
    """The one way out; not while the application is being saved."""
    if visit.submission.state == "saving":
        return visit, ()
    return visit, (*STEPS[visit.place.step].leave(visit), EndVisit(reason))


def _leave(visit: Visit, _event: Event, now: Now) -> Result:
    on_paper = bool({"printed", "unknown"} & set(visit.printing.values()))
    if visit.submission.state in ("saved", "received") or on_paper:
        return _enter(visit, Place(StepName.FAREWELL), now)  # something is to be taken along
    if loses_work(visit, now):  # asked once, for a touch beside the mark
        visit = replace(visit, notice=None, trail=(*visit.trail, visit.place))
        return _enter(visit, Place(StepName.LEAVE), now)
    return _end(visit, EndReason.LEFT)


def _help(visit: Visit, _event: Event, _now: Now) -> Result:
    opened = not visit.help_open
    return replace(visit, help_open=opened), ((CallGuide(),) if opened else ())


def _language(visit: Visit, event: Event, _now: Now) -> Result:
    assert isinstance(event, LanguageSet)
    return replace(visit, language=event.language), ()


def _size(visit: Visit, event: Event, _now: Now) -> Result:
    assert isinstance(event, SizeSet)
    return replace(visit, size=event.size), ()


def _theme(visit: Visit, event: Event, _now: Now) -> Result:
    assert isinstance(event, ThemeSet)
    return replace(visit, theme=event.theme), ()


def _world(visit: Visit, event: Event, now: Now) -> Result:
    assert isinstance(event, WorldChanged)
    changes = {
        name: value
        for name in event.__dataclass_fields__
        if (value := getattr(event, name)) is not None
    }
    return _step(replace(visit, world=replace(visit.world, **changes)), event, now)


def _recovered(visit: Visit, event: Event, _now: Now) -> Result:
    assert isinstance(event, Recovered)
    return replace(visit, stubs=event.stubs), ()


def _renewed(visit: Visit, event: Event, _now: Now) -> Result:
    assert isinstance(event, CatalogueRenewed)
    return replace(visit, newer=event.pack, newer_find=event.find), ()


def _delivered(visit: Visit, event: Event, _now: Now) -> Result:
    assert isinstance(event, Delivered)
    if event.number != visit.submission.number or visit.submission.state not in (
        "saved",
        "received",
    ):
        return visit, ()
    received = replace(visit.submission, state="received", case_number=event.case_number, waits="")
    return replace(visit, submission=received), ()


def _waits(visit: Visit, event: Event, _now: Now) -> Result:
    assert isinstance(event, DeliveryWaits)
    if event.number != visit.submission.number or visit.submission.state != "saved":
        return visit, ()
    return replace(visit, submission=replace(visit.submission, waits=event.code)), ()


def _printed(visit: Visit, event: Event, _now: Now) -> Result:
    assert isinstance(event, Printed)
    if visit.printing.get(event.what) != "printing":  # of the matter before this one
        return visit, ()
    return replace(visit, printing={**visit.printing, event.what: "printed"}), ()


PRINT_NOTICES: Final[Mapping[str, str]] = {
    "PR-01": "printer-absent",
    "PR-02": "paper-out",
    "PR-03": "print-failed",
    "PR-04": "print-unknown",
    "PR-05": "print-half",
    "PR-06": "printer-cover-open",
    "PR-07": "printer-jammed",
}


_MAY_BE_PAPER: Final = frozenset({"PR-04", "PR-05"})


def _print_failed(visit: Visit, event: Event, _now: Now) -> Result:
    assert isinstance(event, PrintFailed)
    if visit.printing.get(event.what) != "printing":
        return visit, ()
    notice = Notice(PRINT_NOTICES.get(event.code, "print-failed"), event.code)
    # Something may lie in the slot: it is neither printed nor failed.
    state = "unknown" if event.code in _MAY_BE_PAPER else "failed"
    return replace(visit, printing={**visit.printing, event.what: state}, notice=notice), ()


def _timed_out(visit: Visit, _event: Event, now: Now) -> Result:
    due = STEPS[visit.place.step].due_s(visit)
    if due is not None and now.monotonic_s >= due:
        return _step(visit, TimedOut(), now)
    idle_due = _idle_due_s(visit)
    if idle_due == _MANY_S:
        return visit, ()
    if visit.warned_s is not None:
        if now.monotonic_s >= visit.warned_s + visit.rules.idle_warning_s:
            return _end(visit, EndReason.IDLE)
    elif now.monotonic_s >= idle_due:
        if visit.place.step is StepName.WELCOME:
            return _end(visit, EndReason.IDLE)  # only language and size are to be forgotten
        asked = Say(Spoken.STILL_THERE, visit.language)
        return replace(visit, warned_s=now.monotonic_s), (asked,)
    return visit, ()


_Handler = Callable[[Visit, Event, Now], Result]
_E = TypeVar("_E", bound=Event)
_COMMON: Final[Mapping[type[Event], _Handler]] = {
    Leave: _leave,
    Help: _help,
    LanguageSet: _language,
    SizeSet: _size,
    ThemeSet: _theme,
    WorldChanged: _world,
    Recovered: _recovered,
    CatalogueRenewed: _renewed,
    Delivered: _delivered,
    DeliveryWaits: _waits,
    Printed: _printed,
    PrintFailed: _print_failed,
    TimedOut: _timed_out,
}


def _idle_factor(visit: Visit) -> float:
    """How patient the step is; 0 while the machine works."""
    if visit.submission.state == "saving":
        return 0.0
    return STEPS[visit.place.step].idle_factor(visit)


def _idle_due_s(visit: Visit) -> float:
    factor = _idle_factor(visit)
    if visit.pristine or factor == 0.0:
        return _MANY_S
    usual_s = visit.rules.idle_large_s if visit.size is Size.LARGE else visit.rules.idle_normal_s
    return visit.touched_s + usual_s * factor


def next_deadline(visit: Visit, now: Now) -> float | None:
    """When `TimedOut` is to be sent, in monotonic seconds; None for never.

    During a warning it is every second, so that the seconds left are seen to pass.
    """
    candidates = [_idle_due_s(visit)]
    step_due = STEPS[visit.place.step].due_s(visit)
    if step_due is not None:
        candidates.append(step_due)
    if visit.saying.due_s is not None:
        candidates.append(visit.saying.due_s)
    if visit.warned_s is not None:
        passed_s = math.floor(now.monotonic_s - visit.warned_s) + 1
        candidates = [min(visit.warned_s + passed_s, visit.warned_s + visit.rules.idle_warning_s)]
    soonest = min(candidates)
    return None if soonest == _MANY_S else soonest


def view(visit: Visit, now: Now) -> View:
    """What is on the screen."""
    step = STEPS[visit.place.step]
    matter = visit.matter
    action = step.action(visit, now)
    person = ""
    verified = False
    if matter is not None:
        party = visit.parties.get(lead_role(matter))
        if party is not None:
            person = masked(party.card.shown_name)
            verified = party.verified
    notice = visit.notice
    if notice is None and visit.place.step is StepName.WELCOME and visit.world.card_left:
        notice = Notice("card-left")  # somebody's: said until it is taken up
    idle_left = None
    if visit.warned_s is not None:
        left = visit.warned_s + visit.rules.idle_warning_s - now.monotonic_s
        idle_left = max(0, math.ceil(left))
    return View(
        frame=Frame(
            step=visit.place.step,
            language=visit.language,
            size=visit.size,
            theme=visit.theme,
            heading=visit.say(matter.name) if matter is not None else "",
            person=person,
            verified=verified,
            progress=_progress(visit, now),
            back=step.can_go_back(visit) and (bool(_trail(visit, now)) or step.inner_back(visit)),
            leave=visit.place.step not in _CANNOT_LEAVE and visit.submission.state != "saving",
            next_key=action.key,
            next_enabled=action.enabled,
            notice=notice,
            idle_left_s=idle_left,
            help_open=visit.help_open,
            line_up=visit.world.line_up,
            demo=visit.rules.demo or (matter is not None and matter.sample),
            site=visit.say(visit.rules.site),
        ),
        body=step.view(visit, now),
    )


_STAGES: Final[tuple[frozenset[StepName], ...]] = (
    frozenset({StepName.IDENTIFY, StepName.VERIFY_FACE}),
    frozenset({StepName.QUESTIONS, StepName.OUTCOME}),
    frozenset({StepName.MATERIALS}),
    frozenset({StepName.FORM, StepName.DELIVERY}),
    frozenset({StepName.REVIEW, StepName.SIGN, StepName.RENEWED}),
    frozenset({StepName.SUBMITTED, StepName.RESULT, StepName.RATE}),
)


def _progress(visit: Visit, now: Now) -> tuple[int, int] | None:
    """Stages passed and in all; a stage that this matter does not have is not counted."""
    if visit.place.step in _NO_PROGRESS or visit.matter is None:
        return None
    applies, at = visit.matter.kind == "apply", visit.place.step
    if at is StepName.RENEWED and not applies:
        at = StepName.RESULT  # it stands before that
    steps = {place.step for place in route(visit, now)} | {at}
    stages = [stage for stage in _STAGES if (applies and not visit.trial) or stage & steps]
    here = next((i for i, stage in enumerate(stages) if at in stage), 0)
    return here + 1, len(stages)
