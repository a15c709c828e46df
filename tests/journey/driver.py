"""A terminal without a terminal: a scripted world and a clock that moves when told to.

`Hall` holds one visit after the other, as `kiosk.runtime` does, and looks at every event,
visit, view and effect on the way: a view can always be made, and nobody is named in a repr.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from functools import cache

from catalogue_sample import FILES
from catalogue_sample import shipped as shipped

from devices.records import (
    CardLayout,
    FaceMatch,
    IdCard,
    Page,
    Portrait,
    PortraitFormat,
    Sex,
)
from kiosk.catalogue.loader import load
from kiosk.catalogue.model import (
    Answer,
    Fact,
    Matter,
    Pack,
    PartyIdentity,
    Text,
)
from kiosk.demo import plan as planning
from kiosk.identity.papers import paper_of
from kiosk.identity.validity import Today, facts
from kiosk.journey.asked_facts import PREFIX
from kiosk.journey.core import advance, new_visit, next_deadline, view
from kiosk.journey.effects import (
    AskCentral,
    Effect,
    EndReason,
    EndVisit,
    Enqueue,
    MatchFace,
    Print,
    ReadCard,
    TakePhoto,
)
from kiosk.journey.events import (
    Answered,
    CaptureAsked,
    CardRead,
    CentralAnswered,
    ConsentGiven,
    DeliveryChosen,
    Event,
    FaceDone,
    FieldTyped,
    ItemChosen,
    Next,
    PageCaptured,
    PageKept,
    PhotoTaken,
    Printed,
    Saved,
    Signed,
    TimedOut,
    Touch,
    WorldChanged,
)
from kiosk.journey.route import ADDRESS
from kiosk.journey.steps.questions import answer_text
from kiosk.journey.terms import StepName
from kiosk.journey.views import (
    DeliveryView,
    FarewellView,
    FormView,
    ItemGuideView,
    MaterialsView,
    OutcomeView,
    QuestionView,
    RateView,
    ResultView,
    ReviewView,
    SignView,
    SubmittedView,
    View,
)
from kiosk.journey.visit import Now, Rules, Visit, World, lead_role

CHINA = timezone(timedelta(hours=8))
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=CHINA)
STROKES = (tuple((100 + 20 * i, 500 + 7 * i) for i in range(20)),)

SECRET_NAME = "欧阳\ue863媚"
SECRET_PHONE = "13957729173"
SECRET_ADDRESS = "浙江省温州市龙湾区秘密弄77号"
APPLICANT = IdCard(
    layout=CardLayout.RESIDENT,
    name=SECRET_NAME,
    english_name="",
    sex=Sex.FEMALE,
    nation="01",
    nationality="",
    birth=date(1964, 3, 4),
    address=SECRET_ADDRESS,
    number="330303196403047729",
    issuer="温州市公安局龙湾分局",
    valid_from=date(2010, 1, 1),
    valid_to=None,
    long_term=True,
    portrait=Portrait(PortraitFormat.WEBP, b"portrait-of-the-applicant"),
)
OTHER = replace(
    APPLICANT,
    name="司马藏虎",
    sex=Sex.MALE,
    birth=date(1958, 5, 6),
    number="330303195805066618",
    portrait=Portrait(PortraitFormat.WEBP, b"portrait-of-another"),
)
_TYPED = {
    "phone": SECRET_PHONE,
    "name": "诸葛隐名",
    "address": "温州市鹿城区暗巷88号",
    "date": "1990-01-01",
    "money": "100.50",
    "number": "5",
    "code": "QX55Y77",
    "person-number": "330302197703031119",
    "bank-card": "6222021234567890128",
    "credit-code": "91330300MA2XY8877K",
    "text": "暗语文字",
}
SECRETS = (
    SECRET_NAME[1:],
    SECRET_PHONE,
    SECRET_ADDRESS[-6:],
    APPLICANT.number,
    OTHER.name[1:],
    OTHER.number,
    _TYPED["name"][1:],
    _TYPED["address"][-5:],
    _TYPED["code"],
    _TYPED["person-number"],
    _TYPED["bank-card"],
    _TYPED["credit-code"],
    _TYPED["text"],
    "portrait-of",
)
MATCHED = FaceMatch(matched=True, distance=0.31, threshold=0.47, frames_used=3, frames_seen=4)
DIFFERENT = FaceMatch(matched=False, distance=0.71, threshold=0.47, frames_used=3, frames_seen=4)
RULES = Rules(
    terminal="LW042",
    site=Text("永兴街道", "Yongxing"),
    counter=Text("区服务中心", "District centre"),
    phone="0577-0000",
)


@cache
def sample() -> Pack:
    """The compact catalogue of the catalogue tests."""
    return load(FILES)


def sample_with(name: str, old: str, new: str) -> Pack:
    """The compact catalogue with one text changed in one file."""
    assert old in FILES[name], f"{old!r} is not in {name}"
    return load({**FILES, name: FILES[name].replace(old, new)})


# -- finding answers --------------------------------------------------------------------


def told_by(cards: Mapping[str, IdCard], *, trusted: bool = True) -> dict[str, Fact]:
    """The facts of all these cards."""
    today = Today(NOON.date(), trusted)
    return {
        f"{role}.{name}": value
        for role, card in cards.items()
        for name, value in facts(paper_of(card, today.day), today, RULES.local_prefixes).items()
    }


def accepting(matter: Matter, known: Mapping[str, Fact]) -> dict[str, Answer]:
    """The first answers with which something can be handed in."""
    found = planning.accepting(matter, known, NOON.date())
    assert found is not None, f"{matter.code}: no way is accepted"
    return dict(found)


def any_way(matter: Matter, known: Mapping[str, Fact]) -> dict[str, Answer]:
    """The first answers that lead to a decision, whichever."""
    return dict(next(planning.plans(matter, known, NOON.date())))


@cache
def suited(code: str) -> dict[str, IdCard] | None:
    """Cards by role of whoever can hand in, or see, this matter; None if nobody can."""
    matter = shipped().matters[code]
    usual = planning.Cast(APPLICANT, OTHER)
    found = planning.suited(matter, usual, Today(NOON.date(), trusted=True), RULES.local_prefixes)
    return None if found is None else {lead_role(matter): found.lead, "": found.other}


# -- the hall ---------------------------------------------------------------------------


@dataclass
class Hall:
    """One terminal with whoever stands before it."""

    pack: Pack
    rules: Rules = RULES
    world: World = field(default_factory=World)
    civil: datetime = NOON
    trusted: bool = True
    t_s: float = 100.0
    cards: dict[str, IdCard] = field(
        default_factory=lambda: {"applicant": APPLICANT, "": OTHER}
    )  # by role; "" for whoever else
    face: FaceMatch = MATCHED
    find: Callable[[str], tuple[str, ...]] = lambda _: ()
    watched: bool = True  # look for names in what a log could show; slow

    def __post_init__(self) -> None:
        self.number = 0
        self.effects: list[Effect] = []  # all of this terminal's life
        self.waiting: list[Effect] = []  # asked of the world, not yet answered
        self.ended: list[EndReason] = []
        self.touches = 0
        self.steps: list[StepName] = []
        self.saved = 0
        self._drawn: tuple[Visit, Now, View] | None = None
        self._new()

    def _new(self) -> None:
        self.number += 1
        self.waiting = []
        self.visit: Visit = new_visit(
            self.number, self.pack, self.rules, self.world, self.now, self.find
        )

    @property
    def now(self) -> Now:
        """Both clocks."""
        civil = self.civil + timedelta(seconds=self.t_s - 100.0)
        return Now(self.t_s, civil, self.trusted)

    @property
    def at(self) -> StepName:
        """The step that is shown."""
        return self.visit.place.step

    @property
    def view(self) -> View:
        """What is shown; the same visit at the same time shows the same."""
        now, drawn = self.now, self._drawn
        if drawn is None or drawn[0] is not self.visit or drawn[1] != now:
            drawn = self._drawn = (self.visit, now, view(self.visit, now))
        return drawn[2]

    @property
    def matter(self) -> Matter:
        """What the visit is about."""
        assert self.visit.matter is not None
        return self.visit.matter

    def of(self, kind: type[Effect]) -> list[Effect]:
        """All effects of a kind so far."""
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def send(self, *events: Event, after_s: float = 0.5) -> View:
        """These events, each a moment after the one before."""
        for event in events:
            self.t_s += after_s
            self._one(event)
        return self.view

    def _one(self, event: Event) -> None:
        self.touches += isinstance(event, Touch)
        if isinstance(event, WorldChanged):
            changes = {n: getattr(event, n) for n in event.__dataclass_fields__}
            self.world = replace(self.world, **{n: v for n, v in changes.items() if v is not None})
        self.visit, effects = advance(self.visit, event, self.now)
        self.effects += effects
        shown = self.view
        if self.watched:
            nameless(event, self.visit, shown, effects)
        if not self.steps or self.steps[-1] is not shown.frame.step:
            self.steps.append(shown.frame.step)
        for effect in effects:
            if isinstance(effect, EndVisit):
                assert effect is effects[-1], "nothing is asked for after the end"
                self.ended.append(effect.reason)
                self._new()
            else:
                self.waiting.append(effect)

    def wait(self, seconds: float) -> View:
        """Nothing happens for so long, but what the visit itself wants to happen."""
        until_s = self.t_s + seconds
        for _ in range(10_000):
            due_s = next_deadline(self.visit, self.now)
            if due_s is None or due_s > until_s:
                break
            self.t_s = max(self.t_s, due_s)
            self._one(TimedOut())
        else:
            raise AssertionError("deadlines come without end")
        self.t_s = max(self.t_s, until_s)
        return self.view

    # -- the world's answers --

    def settle(self) -> View:
        """The world answers everything that it was asked."""
        while self.waiting:
            effect = self.waiting.pop(0)
            answer = _ANSWERS.get(type(effect))
            if answer is not None:
                self.send(answer(self, effect))
        return self.view

    def card(self) -> IdCard:
        """The card of the role that is asked for."""
        return self.card_of(self.visit.place.role)

    def card_of(self, role: str) -> IdCard:
        """The card of whoever has this role."""
        return self.cards.get(role, self.cards[""])

    # -- walking --

    def start(self, code: str) -> View:
        """Choose an item and begin."""
        return self.send(ItemChosen(code), Next())

    def identify(self) -> View:
        """Read the cards and match the faces that are asked for."""
        while self.at in (StepName.IDENTIFY, StepName.VERIFY_FACE):
            before = self.visit.place
            if self.at is StepName.VERIFY_FACE:
                self.send(ConsentGiven())
            self.settle()
            self.wait(3)
            assert self.visit.place != before, f"stuck at {before}"
        return self.view

    def told(self) -> dict[str, Fact]:
        """What the cards of whoever may come tell."""
        roles = [p.role for p in self.matter.parties if p.identity is PartyIdentity.CARD]
        return told_by({role: self.card_of(role) for role in roles})

    def plan(self) -> dict[str, Answer]:
        """Answers with which the item is accepted, given whoever may come."""
        return accepting(self.matter, self.told())

    def walk_to(
        self, *steps: StepName, plan: Mapping[str, Answer] | None = None, most: int = 200
    ) -> View:
        """Do what is asked until one of these steps is shown."""
        wanted = plan if plan is not None else self.plan()
        for _ in range(most):
            if self.at in steps:
                return self.view
            self.pass_by(wanted)
        raise AssertionError(f"{steps} not reached; at {self.visit.place}")

    def pass_by(self, plan: Mapping[str, Answer]) -> None:
        """Do what the step that is shown asks for."""
        body = self.view.body
        if self.at in (StepName.IDENTIFY, StepName.VERIFY_FACE):
            self.identify()
            return
        if isinstance(body, QuestionView):
            self.answer(body, plan)
        elif isinstance(body, MaterialsView):
            self.hand_in(body)
        elif isinstance(body, FormView) and not body.confirm:
            text = _TYPED[body.kind]
            fitting = text.ljust(body.length, "7")[: body.length or None]
            self.send(FieldTyped(body.key, fitting))
        elif isinstance(body, DeliveryView):
            self.send(DeliveryChosen(body.methods[0]))
            if body.methods[0] == "post" and not body.address:  # of a card that tells none
                self.send(FieldTyped(ADDRESS, _TYPED["address"]))
        elif isinstance(body, SignView):
            self.send(Signed(STROKES))
        elif isinstance(body, (SubmittedView, ResultView)):
            self.settle()
            self.wait(3)
            self.settle()
        elif not isinstance(
            body, (ItemGuideView, OutcomeView, FormView, ReviewView, RateView, FarewellView)
        ):
            raise AssertionError(f"nobody knows what to do at {self.visit.place}")
        shown = self.view.frame
        assert shown.next_key, f"no way on at {self.visit.place}"
        assert shown.next_enabled, f"no way on at {self.visit.place}"
        self.send(Next())

    def answer(self, body: QuestionView, plan: Mapping[str, Answer]) -> None:
        """Answer the question that is shown; of an unplanned fact, what the card would tell."""
        if body.id.startswith(PREFIX) and body.id not in plan:
            role, _, name = body.id.removeprefix(PREFIX).partition(".")
            told = told_by({role: self.card_of(role)})
            self.send(Answered(body.id, str(told[f"{role}.{name}"])))
            return
        self.send(Answered(body.id, answer_text(plan[body.id])))

    def hand_in(self, body: MaterialsView) -> None:
        """Photograph every paper that is needed."""
        for line in body.materials:
            if line.state == "needed":
                self.send(CaptureAsked(line.id), PhotoTaken())
                self.settle()
                self.send(PageKept())


def nameless(event: Event, visit: Visit, shown: View, effects: tuple[Effect, ...]) -> None:
    """Nobody's name, number, address or telephone is in what a log could show."""
    for what in (event, visit, shown, effects):
        text = repr(what)
        for secret in SECRETS:
            assert secret not in text, f"{type(what).__name__} names somebody"


def _read(hall: Hall, _: Effect) -> Event:
    return CardRead(hall.visit.number, hall.card(), b"portrait-of the card as PNG")


def _matched(hall: Hall, _: Effect) -> Event:
    return FaceDone(hall.visit.number, hall.face)


def _page(hall: Hall, _: Effect) -> Event:
    return PageCaptured(hall.visit.number, Page(b"jpeg", 100, 140, straightened=True))


def receipt_number(count: int) -> str:
    """Like those of the outbox."""
    return f"LW042-{count:05}-{count % 10}"


def _saved(hall: Hall, _: Effect) -> Event:
    hall.saved += 1
    return Saved(hall.visit.number, receipt_number(hall.saved), f"{hall.saved:032x}")


def _told(hall: Hall, effect: Effect) -> Event:
    assert isinstance(effect, AskCentral)
    rows = (("参保人", SECRET_NAME), ("证件", APPLICANT.number))
    return CentralAnswered(hall.visit.number, "证明", (("一", rows),), b"%PDF", (b"png",))


def _printed(hall: Hall, effect: Effect) -> Event:
    assert isinstance(effect, Print)
    return Printed(hall.visit.number, effect.what)


_ANSWERS: Mapping[type[Effect], Callable[[Hall, Effect], Event]] = {
    ReadCard: _read,
    MatchFace: _matched,
    TakePhoto: _page,
    Enqueue: _saved,
    AskCentral: _told,
    Print: _printed,
}


def hall_for(code: str, rules: Rules = RULES) -> Hall:
    """A terminal with the shipped catalogue and whoever suits the item before it."""
    hall = Hall(shipped(), rules=rules)
    hall.cards = suited(code) or hall.cards
    return hall


def sampled(kind: str = "", most: int = 10) -> list[str]:
    """Some matters of a kind that can be handed in, spread over the catalogue."""
    codes = [code for code, one in sorted(shipped().matters.items()) if kind in ("", one.kind)]
    found: list[str] = []
    for begin in range(max(1, len(codes) // most)):
        for code in codes[begin :: max(1, len(codes) // most)]:
            if len(found) < most and suited(code) is not None:
                found.append(code)
    return found
