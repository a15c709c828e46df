"""Whatever happens in whatever order, a visit keeps its promises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import cast

import pytest
from driver import (
    APPLICANT,
    CHINA,
    DIFFERENT,
    MATCHED,
    OTHER,
    RULES,
    SECRET_ADDRESS,
    SECRET_PHONE,
    STROKES,
    Hall,
    hall_for,
    receipt_number,
    sample_with,
    sampled,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.records import (
    ChipAccess,
    ChipAuthenticity,
    FaceHint,
    Page,
    PaperState,
    Portrait,
    PortraitFormat,
    PrinterStatus,
    ScannedCode,
    Sex,
    SocialCard,
    TravelDocument,
)
from kiosk.application.fields import problem
from kiosk.catalogue.model import Answer
from kiosk.identity.papers import DataPage, PaperKind
from kiosk.journey import events as all_events
from kiosk.journey.core import advance, next_deadline
from kiosk.journey.effects import EndVisit, Enqueue, MatchFace
from kiosk.journey.events import (
    AnotherMatter,
    AnotherPage,
    Answered,
    Back,
    CaptureAsked,
    CaptureFailed,
    CardFailed,
    CardFound,
    CardRead,
    CardStays,
    CatalogueRenewed,
    CentralAnswered,
    CentralFailed,
    ChangeAsked,
    CodeFailed,
    CodeOwner,
    CodeRefused,
    CodeSeen,
    ConsentGiven,
    ConsentRefused,
    DataPageRead,
    Delivered,
    DeliveryChosen,
    DeliveryWaits,
    Event,
    FaceDone,
    FaceFailed,
    FaceHinted,
    FieldTyped,
    FromWorld,
    GroupOpened,
    Help,
    ItemChosen,
    LanguageSet,
    Leave,
    MaterialCleared,
    Next,
    OtherWay,
    PageCaptured,
    PageKept,
    PhotoTaken,
    PlainOpened,
    PledgeMade,
    PrintAsked,
    Printed,
    PrintFailed,
    Rated,
    RatingReason,
    RatingSaved,
    Recovered,
    Retake,
    RungChosen,
    Saved,
    SaveFailed,
    SearchOpened,
    SearchTyped,
    Signed,
    SizeSet,
    Stay,
    ThemeSet,
    TimedOut,
    Touch,
    TryAgain,
    TryQuestions,
    WorldChanged,
)
from kiosk.journey.route import fields_of, materials_of, route
from kiosk.journey.steps import STEPS
from kiosk.journey.steps.identify import FIELDS, badge_of
from kiosk.journey.terms import Language, Rung, Size, StepName, Theme
from kiosk.journey.views import QuestionView, ReviewView
from kiosk.journey.visit import ASSISTANT, Visit, lead_role, needs_face, path_of

GUIDE = replace(OTHER, number="330303199001019999", name="公羊助")
CHILD = replace(APPLICANT, number="330303201501011111", birth=date(2015, 1, 1))
ENDED = replace(APPLICANT, number="330303196001012222", valid_to=date(2020, 1, 1), long_term=False)
SOCIAL = SocialCard(
    name=APPLICANT.name,
    number=APPLICANT.number,
    sex=Sex.FEMALE,
    nation="01",
    birthplace="330303",
    birth=None,
    card_id="",
    card_type="3",
    version="3.00",
    institution="",
    issued=None,
    expires=date(2030, 1, 1),
    card_number="A1",
)
PASSPORT = TravelDocument(
    document_code="P",
    issuing_state="UTO",
    number="L898902C3",
    surname=APPLICANT.name,
    given_names="",
    nationality="UTO",
    sex=Sex.UNSTATED,
    birth_yymmdd="<<<<<<",
    expiry_yymmdd="340623",
    optional="",
    mrz="",
    portrait=None,
    access=ChipAccess.BAC,
    authenticity=ChipAuthenticity.NOT_AUTHENTICATED,
    authenticity_detail="",
)
CARDS = (
    APPLICANT, OTHER, GUIDE, CHILD, ENDED, replace(APPLICANT, portrait=None), SOCIAL, PASSPORT,
)  # fmt: skip
_PICTURE = Portrait(PortraitFormat.RGB, b"portrait-of")
HAS_BADGE = replace(RULES, badge_salt="s", badges=(badge_of(GUIDE.number, "s"),))
ASSISTED = sample_with("items/trv-001.yaml", "sign: true\n", "sign: true\nassisted: true\n")


def _nothing_found(_: str) -> tuple[str, ...]:
    return ()


_LATER = sample_with("items/trv-001.yaml", "pledge_days: 15", "pledge_days: 5")
_WITHOUT = replace(ASSISTED, matters={}, items={}, bundles={}, hash="0" * 64)

Draw = Callable[[st.SearchStrategy], object]
SOME_TEXTS = (
    "",
    "1",
    "yes",
    "no",
    "tourism",
    "2030-01-01",
    SECRET_PHONE,
    SECRET_ADDRESS,
    "䶮\ue863",
)
CODES = ("RD-01", "RD-07", "CM-01", "FC-02", "FC-03", "QU-01", "QU-03", "NW-01", "PR-02", "ZZ")
MADE: dict[type[Event], Callable[[Hall, Draw], Event]] = {}


def _one(*of: object) -> st.SearchStrategy:
    return st.sampled_from(of)


def _plain(kind: type[Event]) -> Callable[[Hall, Draw], Event]:
    return lambda hall, draw: kind()


def _answered(hall: Hall, draw: Draw) -> Event:
    body = hall.view.body
    if isinstance(body, QuestionView):
        ids = [option.id for option in body.options] or ["0", "3", "62", "2030-01-01", "1800-01-01"]
        name = draw(_one(body.id, body.id, body.id, "lost"))
        return Answered(str(name), str(draw(_one(*ids, "", "x", ",".join(ids)))))
    return Answered("purpose", str(draw(_one(*SOME_TEXTS))))


def _material(hall: Hall, draw: Draw) -> str:
    matter = hall.visit.matter
    ids = [m.id for m in matter.materials] if matter is not None else []
    return str(draw(_one(*ids, "nothing")))


def _field(hall: Hall, draw: Draw) -> Event:
    if hall.visit.reading.state == "key":
        asked = FIELDS[hall.visit.reading.asked]
        return FieldTyped(asked, str(draw(_one("E0-01", "1985-08-20", "2031-02-30", "x"))))
    key = draw(_one(hall.visit.place.detail, "contact_phone", "delivery_address", "nothing"))
    return FieldTyped(str(key), str(draw(_one(*SOME_TEXTS))))


def _change(hall: Hall, draw: Draw) -> Event:
    body = hall.view.body
    rows = (
        [row.target for s in body.sections for row in s.rows]
        if isinstance(body, ReviewView)
        else []
    )
    steps = [step.value for step in StepName]
    return ChangeAsked(str(draw(_one(*rows, *rows, *rows, *steps, ":", "questions:x"))))


def _world(hall: Hall, draw: Draw) -> Event:
    name = draw(
        _one(
            "line_up",
            "reader_ok",
            "id_cards",
            "chip_cards",
            "card_lies",
            "card_left",
            "scanner_ok",
            "camera_ok",
            "document_camera_ok",
            "intake_open",
            "staffed",
            "printer",
        )
    )
    if name == "printer":
        paper = draw(_one(*PaperState))
        return WorldChanged(printer=PrinterStatus(online=bool(draw(st.booleans())), paper=paper))  # type: ignore[arg-type]
    return WorldChanged(**{str(name): bool(draw(st.booleans()))})  # type: ignore[arg-type]


for _kind in (
    Next, Back, Leave, Stay, Help, SearchOpened, TryQuestions, ConsentGiven, ConsentRefused,
    TryAgain, OtherWay, PhotoTaken, PageKept, Retake, AnotherPage, PrintAsked, AnotherMatter,
    TimedOut,
):  # fmt: skip
    MADE[_kind] = _plain(_kind)
MADE |= {
    LanguageSet: lambda hall, draw: LanguageSet(draw(_one(*Language))),  # type: ignore[arg-type]
    SizeSet: lambda hall, draw: SizeSet(draw(_one(*Size))),  # type: ignore[arg-type]
    ThemeSet: lambda hall, draw: ThemeSet(draw(_one(*Theme))),  # type: ignore[arg-type]
    GroupOpened: lambda hall, draw: GroupOpened(str(draw(_one("approvals", "", "nothing")))),
    PlainOpened: lambda hall, draw: PlainOpened(str(draw(_one("travel", "other", "nothing")))),
    SearchTyped: lambda hall, draw: SearchTyped(str(draw(_one("", "gangao", "x" * 500)))),
    ItemChosen: lambda hall, draw: ItemChosen(str(draw(_one(*hall.pack.matters, "NO-001")))),
    RungChosen: lambda hall, draw: RungChosen(draw(_one(*Rung))),  # type: ignore[arg-type]
    Answered: _answered,
    CaptureAsked: lambda hall, draw: CaptureAsked(_material(hall, draw)),
    PledgeMade: lambda hall, draw: PledgeMade(_material(hall, draw)),
    MaterialCleared: lambda hall, draw: MaterialCleared(_material(hall, draw)),
    FieldTyped: _field,
    DeliveryChosen: lambda hall, draw: DeliveryChosen(str(draw(_one("post", "pick-up", "x")))),
    ChangeAsked: _change,
    Signed: lambda hall, draw: Signed(draw(_one((), STROKES, (((1, 1),),)))),  # type: ignore[arg-type]
    Rated: lambda hall, draw: Rated(int(str(draw(_one(-1, 0, 1, 3, 5, 9))))),
    RatingReason: lambda hall, draw: RatingReason(str(draw(_one("slow", "easy", "x")))),
    WorldChanged: _world,
    CatalogueRenewed: lambda hall, draw: CatalogueRenewed(
        {"same": hall.pack, "later": _LATER, "withdrawn": _WITHOUT}[
            str(draw(_one("same", "later", "withdrawn")))
        ],
        _nothing_found,
    ),
    Recovered: lambda hall, draw: Recovered(
        ((receipt_number(7), datetime(2026, 11, 20, 9, 0, tzinfo=CHINA)),)
    ),
}


def _number(hall: Hall, draw: Draw) -> int:
    return hall.number - (draw(st.integers(0, 9)) == 0)


def _receipt(hall: Hall, draw: Draw) -> str:
    return str(draw(_one(hall.visit.submission.number, receipt_number(99))))


def _central(hall: Hall, draw: Draw) -> Event:
    pdf = draw(_one(None, b"pdf"))
    found = bool(draw(st.booleans()))
    return CentralAnswered(_number(hall, draw), "t", _SECTIONS, pdf, found=found)  # type: ignore[arg-type]


_PAGE = Page(b"jpeg", 9, 9, straightened=True)
_SECTIONS = (("一", (("姓名", APPLICANT.name),)),)
MADE |= {
    CardFound: lambda hall, draw: CardFound(_number(hall, draw)),
    CardRead: lambda hall, draw: CardRead(
        _number(hall, draw),
        draw(_one(*CARDS)),  # type: ignore[arg-type]
        portrait=cast("Portrait | None", draw(_one(None, _PICTURE))),
    ),  # type: ignore[arg-type]
    CardStays: lambda hall, draw: CardStays(_number(hall, draw), bool(draw(st.booleans()))),
    DataPageRead: lambda hall, draw: DataPageRead(
        _number(hall, draw), DataPage("E00000001", "850820", str(draw(_one("360315", "<<<<<<"))))
    ),
    CodeSeen: lambda hall, draw: CodeSeen(_number(hall, draw), ScannedCode("a code", "qr-code")),
    CodeOwner: lambda hall, draw: CodeOwner(
        _number(hall, draw),
        draw(_one(PaperKind.RESIDENT, PaperKind.PASSPORT)),  # type: ignore[arg-type]
        APPLICANT.name,
        draw(_one(APPLICANT.number, OTHER.number)),  # type: ignore[arg-type]
    ),
    CodeRefused: lambda hall, draw: CodeRefused(_number(hall, draw), str(draw(_one(*CODES)))),
    CodeFailed: lambda hall, draw: CodeFailed(_number(hall, draw), str(draw(_one(*CODES)))),
    CardFailed: lambda hall, draw: CardFailed(_number(hall, draw), str(draw(_one(*CODES)))),
    FaceHinted: lambda hall, draw: FaceHinted(_number(hall, draw), draw(_one(*FaceHint))),  # type: ignore[arg-type]
    FaceDone: lambda hall, draw: FaceDone(_number(hall, draw), draw(_one(MATCHED, DIFFERENT))),  # type: ignore[arg-type]
    FaceFailed: lambda hall, draw: FaceFailed(_number(hall, draw), str(draw(_one(*CODES)))),
    PageCaptured: lambda hall, draw: PageCaptured(_number(hall, draw), _PAGE),
    CaptureFailed: lambda hall, draw: CaptureFailed(_number(hall, draw), str(draw(_one(*CODES)))),
    Saved: lambda hall, draw: Saved(_number(hall, draw), receipt_number(hall.number), "0" * 32),
    SaveFailed: lambda hall, draw: SaveFailed(_number(hall, draw), str(draw(_one(*CODES)))),
    Delivered: lambda hall, draw: Delivered(_number(hall, draw), _receipt(hall, draw), "C-1"),
    DeliveryWaits: lambda hall, draw: DeliveryWaits(
        _number(hall, draw), _receipt(hall, draw), "NW-01"
    ),
    CentralAnswered: lambda hall, draw: CentralAnswered(
        _number(hall, draw),
        "t",
        _SECTIONS,
        cast("bytes | None", draw(_one(None, b"pdf"))),
        found=bool(draw(st.booleans())),  # type: ignore[arg-type]
    ),
    CentralFailed: lambda hall, draw: CentralFailed(_number(hall, draw), str(draw(_one(*CODES)))),
    Printed: lambda hall, draw: Printed(
        _number(hall, draw), str(draw(_one("receipt", "certificate", "list", "stub")))
    ),
    PrintFailed: lambda hall, draw: PrintFailed(
        _number(hall, draw), str(draw(_one("receipt", "list"))), str(draw(_one(*CODES)))
    ),
    RatingSaved: lambda hall, draw: RatingSaved(_number(hall, draw)),
}


def test_every_event_can_happen_here() -> None:
    kinds = {
        kind
        for kind in vars(all_events).values()
        if isinstance(kind, type) and issubclass(kind, Event)
    }
    assert set(MADE) == kinds - {Event, Touch, FromWorld}


PLANS: dict[str, dict[str, Answer]] = {
    "TRV-001": {
        "for_whom": "child",
        "purpose": "family",
        "kin": frozenset({"spouse"}),
        "months": 3,
        "permit_until": date(2030, 1, 1),
        "lost": False,
    },
    "PEN-001": {"worked_abroad": False, "lost": False},
    "CRT-001": {},
}
PLANS["BUN-001"] = {**PLANS["TRV-001"], **PLANS["PEN-001"], "wants_travel": True}
STARTS = (
    StepName.WELCOME,
    StepName.IDENTIFY,
    StepName.VERIFY_FACE,
    StepName.QUESTIONS,
    StepName.OUTCOME,
    StepName.MATERIALS,
    StepName.FORM,
    StepName.REVIEW,
    StepName.SIGN,
    StepName.SUBMITTED,
)
_FREE = {
    StepName.WELCOME, StepName.CHOOSE, StepName.OTHER_WAY, StepName.FAREWELL, StepName.RENEWED,
    StepName.LEAVE,
}  # fmt: skip


class Promises:
    """What has to hold after each event."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.agreed: set[tuple[int, str, str]] = set()  # visit, role, card

    def happen(self, event: Event) -> None:
        hall = self.hall
        before, number, many = hall.visit, hall.number, len(hall.effects)
        if before.place.step is StepName.VERIFY_FACE:
            role = before.place.role
            key = (number, role, before.parties[role].card.number)
            if isinstance(event, ConsentGiven):
                self.agreed.add(key)
            elif isinstance(event, (ConsentRefused, CardRead)):
                self.agreed.discard(key)
        hall.send(event)
        for effect in hall.effects[many:]:
            self._effect(before, event, effect)
        if hall.number == number:
            self._moved(before, event, hall.visit)
            if isinstance(event, Leave) and hall.at is StepName.LEAVE:
                self._stays(before)
        self._everywhere(hall.visit)

    def _stays(self, before: Visit) -> None:
        """Whoever says to stay finds everything as it was left."""
        stayed, _ = advance(self.hall.visit, Next(), self.hall.now)
        for name in ("answers", "told", "papers", "form", "parties", "trail"):
            if before.place.step not in (StepName.IDENTIFY, StepName.VERIFY_FACE):
                assert getattr(stayed, name) == getattr(before, name), name
        if stayed.place == before.place:
            assert stayed.draft == before.draft
            assert stayed.capturing.page == before.capturing.page

    def _effect(self, before: Visit, event: Event, effect: object) -> None:
        hall = self.hall
        if isinstance(effect, MatchFace):
            role = before.place.role
            card = before.parties[role].card
            assert (hall.number, role, card.number) in self.agreed
            assert effect.portrait == card.portrait
        if isinstance(effect, EndVisit):
            assert before.submission.state != "saving"
        if isinstance(effect, Enqueue):
            assert before.submission.state in ("", "failed")
            self._draft(effect)

    def _draft(self, effect: Enqueue) -> None:
        visit, now, draft = self.hall.visit, self.hall.now, effect.draft
        matter = visit.matter
        assert matter is not None
        path = path_of(visit, now)
        assert path.complete or any(s.result == "accept" for _, s in path.situations)
        assert draft.situations
        assert {a.question for a in draft.answers} == set(path.on_path)
        assert [m.id for m in draft.materials] == [m.id for m in materials_of(path)]
        brought = {m.id for m in matter.materials if m.brought}
        for record in draft.materials:
            if record.id in brought:
                assert record.attachments or record.status == "pledged"
        form = dict(draft.form)
        for one in fields_of(matter, path):
            assert not problem(one.kind, form.get(one.key, ""), required=one.required)
        assert set(form) <= {one.key for one in fields_of(matter, path)}
        assert (draft.signature is not None) == matter.sign
        assert draft.delivery in matter.delivery or not matter.delivery
        assert draft.parties
        for party in draft.parties:
            assert party.verified != "card" or not needs_face(matter)

    def _moved(self, before: Visit, event: Event, after: Visit) -> None:
        if not isinstance(event, Back) or before.place == after.place:
            return
        assert before.submission.state not in ("saving", "saved", "received")
        matter = after.matter
        if matter is None or before.place.step in (StepName.CHOOSE, StepName.ITEM_GUIDE):
            return
        lead = after.parties.get(lead_role(matter))
        if lead is not None and lead.verified and needs_face(matter):
            assert after.place.step not in (StepName.IDENTIFY, StepName.VERIFY_FACE) or (
                after.place.role != lead.role
            )

    def _everywhere(self, visit: Visit) -> None:
        now = self.hall.now
        place = visit.place
        typing = place.step is StepName.QUESTIONS and not self.hall.view.frame.next_enabled
        assistant = place.step is StepName.IDENTIFY and place.role == ASSISTANT
        if place.step not in _FREE and not typing and not assistant:
            assert place in route(visit, now)
        due = next_deadline(visit, now)
        if due is not None and due <= now.monotonic_s:
            assert due == STEPS[place.step].due_s(visit)
        if visit.submission.state == "saving":
            assert due is None
            assert not self.hall.view.frame.leave
        assert len(visit.trail) == len(set(visit.trail))
        for party in visit.parties.values():
            tries = visit.face_tries.get(party.card.number, 0)
            assert tries <= visit.rules.face_tries


def begin(hall: Hall, start: StepName, code: str) -> None:
    """As far as this item leads towards `start`."""
    if start is StepName.WELCOME:
        return
    hall.start(code)
    if start is StepName.VERIFY_FACE:
        hall.settle()
        hall.wait(3)
    elif code != "CRT-001":
        signs = hall.matter.sign
        hall.walk_to(
            StepName.REVIEW if start is StepName.SIGN and not signs else start, plan=PLANS[code]
        )


@pytest.mark.parametrize("start", STARTS)
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_happens(start: StepName, data: st.DataObject) -> None:
    code = data.draw(_one("TRV-001", "BUN-001", "PEN-001", "CRT-001"))
    hall = Hall(ASSISTED, rules=HAS_BADGE)
    hall.send(WorldChanged(staffed=True))
    promises = Promises(hall)
    begin(hall, start, code)
    kinds = list(MADE)
    for _ in range(data.draw(st.integers(1, 30))):
        what = data.draw(st.integers(0, 9))
        body = hall.view.body
        if what < 3 and hall.visit.matter is not None and hall.view.frame.next_enabled:
            promises.happen(Next())
        elif what == 3 and isinstance(body, QuestionView):
            promises.happen(_answered(hall, data.draw))
        elif what == 4:
            number = hall.number
            hall.wait(data.draw(st.integers(1, 200)))
            if number == hall.number:
                promises._everywhere(hall.visit)
        elif what == 5 and hall.waiting:
            hall.settle()
            promises._everywhere(hall.visit)
        else:
            kind = data.draw(st.sampled_from(kinds))
            promises.happen(MADE[kind](hall, data.draw))


@pytest.mark.parametrize("code", sampled())
@settings(max_examples=5, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_happens_with_the_shipped_catalogue(code: str, data: st.DataObject) -> None:
    hall = hall_for(code, HAS_BADGE)
    promises = Promises(hall)
    hall.start(code)
    hall.identify()
    kinds = list(MADE)
    for _ in range(30):
        if isinstance(hall.view.body, QuestionView) and data.draw(st.integers(0, 3)):
            promises.happen(_answered(hall, data.draw))
            promises.happen(Next())
        else:
            kind = cast(type[Event], data.draw(st.sampled_from([Next, Back, *kinds])))
            promises.happen(MADE[kind](hall, data.draw))
