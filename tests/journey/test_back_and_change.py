"""Going back, trying without identity, changing from review: what is kept and what counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from driver import APPLICANT, OTHER, STROKES, Hall, hall_for, sample, sampled, shipped

from kiosk.journey.effects import Enqueue, MatchFace, Print
from kiosk.journey.events import (
    AnotherPage,
    Answered,
    Back,
    CaptureAsked,
    CardRead,
    ChangeAsked,
    ConsentGiven,
    DeliveryChosen,
    FieldTyped,
    ItemChosen,
    Leave,
    MaterialCleared,
    Next,
    PageKept,
    PhotoTaken,
    PledgeMade,
    PrintAsked,
    Retake,
    SearchOpened,
    Signed,
    TryQuestions,
    WorldChanged,
)
from kiosk.journey.route import route
from kiosk.journey.submit import draft_of
from kiosk.journey.terms import StepName
from kiosk.journey.visit import Place

ADULT = {
    "for_whom": "me",
    "purpose": "family",
    "kin": frozenset({"spouse"}),
    "months": 3,
    "permit_until": date(2030, 1, 1),
    "lost": False,
}
TOURIST = {**ADULT, "purpose": "tourism"}


def back_to_the_start(hall: Hall) -> list[Place]:
    """Back as long as it leads anywhere."""
    seen: list[Place] = []
    for _ in range(100):
        before = hall.visit.place
        hall.send(Back())
        if hall.visit.place == before:
            return seen
        seen.append(hall.visit.place)
    raise AssertionError("Back goes round")


# -- back -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step", [StepName.QUESTIONS, StepName.OUTCOME, StepName.FORM, StepName.REVIEW, StepName.SIGN]
)
def test_back_never_crosses_the_verification(step: StepName) -> None:
    hall = Hall(sample())
    hall.start("TRV-001")
    hall.walk_to(step, plan=ADULT)
    behind = {place.step for place in back_to_the_start(hall)}
    assert not behind & {
        StepName.VERIFY_FACE,
        StepName.IDENTIFY,
        StepName.ITEM_GUIDE,
        StepName.WELCOME,
    }
    assert not hall.view.frame.back
    assert hall.view.frame.verified


def test_where_the_card_is_all_the_proof_back_ends_at_it() -> None:
    hall = Hall(sample())
    hall.send(WorldChanged(line_up=True))
    hall.start("PEN-001")
    hall.walk_to(StepName.REVIEW, plan={"worked_abroad": False, "lost": False})
    assert StepName.IDENTIFY not in {place.step for place in back_to_the_start(hall)}
    assert hall.visit.parties["applicant"].card.number == APPLICANT.number


def test_before_the_face_is_matched_back_leads_to_the_first_screen() -> None:
    hall = Hall(sample())
    hall.start("TRV-001")
    hall.settle()
    hall.wait(3)
    assert hall.at is StepName.VERIFY_FACE
    steps = [place.step for place in back_to_the_start(hall)]
    assert steps == [StepName.IDENTIFY, StepName.ITEM_GUIDE, StepName.WELCOME]


@pytest.mark.parametrize("step", [StepName.SUBMITTED, StepName.RATE, StepName.FAREWELL])
def test_back_never_crosses_the_commit(step: StepName) -> None:
    hall = Hall(sample())
    hall.start("TRV-001")
    hall.walk_to(step, plan=ADULT)
    hall.settle()
    assert back_to_the_start(hall) == []
    assert not hall.view.frame.back


def test_back_and_forward_again_finds_everything_as_it_was() -> None:
    hall = Hall(sample())
    hall.start("TRV-001")
    hall.walk_to(StepName.REVIEW, plan=ADULT)
    draft = draft_of(hall.visit, hall.now)
    back_to_the_start(hall)
    while hall.at is not StepName.REVIEW:
        assert hall.view.frame.next_enabled
        hall.send(Next())
    assert replace(draft_of(hall.visit, hall.now), made_at=draft.made_at) == draft


def test_what_was_gone_back_over_is_shown_again() -> None:
    hall = Hall(sample())
    hall.start("TRV-001")
    hall.walk_to(StepName.OUTCOME, plan=ADULT)
    hall.send(Back(), Back(), Back())
    here = hall.visit.place
    hall.send(Back(), Next())
    assert hall.visit.place == here


def test_back_passes_by_a_question_that_is_asked_no_more() -> None:
    hall = Hall(sample())
    hall.start("TRV-001")
    hall.walk_to(StepName.REVIEW, plan=ADULT)
    hall.send(ChangeAsked("questions:purpose"), Answered("purpose", "tourism"), Next())
    asked = {place.detail for place in back_to_the_start(hall)}
    assert "purpose" in asked
    assert asked.isdisjoint({"kin", "months"})


def test_a_picture_can_be_given_up_even_where_back_leads_nowhere() -> None:
    hall = Hall(shipped())
    hall.start("HJ-001")
    hall.walk_to(StepName.MATERIALS)
    while hall.view.frame.back:
        break
    paper = next(m.id for m in hall.view.body.materials if m.state == "needed")  # type: ignore[union-attr]
    hall.visit = replace(hall.visit, trail=())  # as after a second card
    assert not hall.view.frame.back
    hall.send(CaptureAsked(paper))
    assert hall.view.frame.back
    hall.send(Back())
    assert hall.view.body.state == "list"  # type: ignore[union-attr]
    assert hall.at is StepName.MATERIALS


def test_what_was_being_typed_is_there_after_staying() -> None:
    hall = Hall(sample())
    hall.start("TRV-001")
    hall.walk_to(StepName.OUTCOME, plan=ADULT)
    while hall.visit.place.detail != "months":
        hall.send(Back())
    before = hall.send(Answered("months", "1234")).body
    hall.send(Leave())
    assert hall.at is StepName.LEAVE
    assert hall.send(Next()).body == before
    assert before.value == "1234"  # type: ignore[union-attr]


# -- a trial ----------------------------------------------------------------------------


def test_a_trial_asks_for_nobodys_card_and_says_what_to_bring() -> None:
    hall = Hall(sample())
    hall.send(ItemChosen("TRV-001"), TryQuestions())
    plan = {**ADULT}
    hall.walk_to(StepName.OUTCOME, plan=plan)
    assert StepName.IDENTIFY not in hall.steps
    body = hall.view.body
    assert body.trial  # type: ignore[union-attr]
    assert body.result == "accept"  # type: ignore[union-attr]
    assert [m.id for m in body.materials] == ["travel_permit", "kinship"]  # type: ignore[union-attr]
    hall.send(PrintAsked(), PrintAsked())
    (paper,) = hall.of(Print)
    assert paper.what == "list"  # type: ignore[attr-defined]
    assert len(paper.content.materials) == 2  # type: ignore[attr-defined]


def test_what_a_card_would_tell_is_asked_once() -> None:
    hall = Hall(sample())
    hall.send(ItemChosen("TRV-001"), TryQuestions())
    seen = []
    while hall.at is StepName.QUESTIONS:
        seen.append(hall.visit.place.detail)
        hall.pass_by(ADULT)
    assert seen[-1].startswith("fact:applicant.age") or "fact:applicant.age" in seen
    assert len(seen) == len(set(seen)), "nothing is asked twice"
    assert seen.count("fact:applicant.age") == 1


@pytest.mark.parametrize("code", sampled("apply"))
def test_no_trial_asks_anything_twice(code: str) -> None:
    hall = hall_for(code)
    hall.send(ItemChosen(code))
    if not hall.view.body.can_try:  # type: ignore[union-attr]
        assert hall.matter.kind != "apply"
        return
    plan = hall.plan()
    hall.send(TryQuestions())
    seen = []
    while hall.at is StepName.QUESTIONS:
        seen.append(hall.visit.place.detail)
        hall.pass_by(plan)
        assert len(seen) < 60
    assert len(seen) == len(set(seen))
    assert hall.at is StepName.OUTCOME
    assert hall.view.body.can_go_on  # type: ignore[union-attr]
    hall.send(Next())
    hall.identify()
    assert hall.at in (StepName.MATERIALS, StepName.FORM), "nothing is asked again"


def test_going_on_from_a_trial_keeps_the_answers() -> None:
    hall = Hall(sample())
    hall.send(ItemChosen("TRV-001"), TryQuestions())
    hall.walk_to(StepName.OUTCOME, plan=ADULT)
    answers = hall.visit.answers
    hall.send(Next())
    assert hall.at is StepName.IDENTIFY
    assert not hall.visit.trial
    hall.identify()
    assert hall.at is StepName.MATERIALS, "neither questions nor outcome come again"
    assert hall.visit.answers == answers


def test_the_card_overrules_what_was_told_in_a_trial() -> None:
    child = replace(APPLICANT, birth=date(2014, 1, 1))
    hall = Hall(sample(), cards={"applicant": child, "": OTHER})
    hall.send(ItemChosen("TRV-001"), TryQuestions())
    while hall.at is StepName.QUESTIONS:
        name = hall.view.body.id  # type: ignore[union-attr]
        if name == "fact:applicant.age":
            hall.send(Answered(name, "40"), Next())
        else:
            hall.pass_by(ADULT)
    assert hall.view.body.can_go_on  # type: ignore[union-attr]
    hall.send(Next())
    hall.identify()
    assert hall.at is StepName.OUTCOME, "the outcome is another one now"
    assert hall.view.body.result == "not-possible"  # type: ignore[union-attr]
    hall.send(Next())
    assert hall.at is StepName.FAREWELL
    assert not hall.of(Enqueue)


def test_a_trial_says_before_any_face_is_taken_that_today_cannot_succeed() -> None:
    hall = Hall(sample())
    hall.send(WorldChanged(intake_open=False), ItemChosen("TRV-001"), TryQuestions())
    hall.walk_to(StepName.OUTCOME, plan=ADULT)
    assert not hall.view.body.can_go_on  # type: ignore[union-attr]
    assert hall.view.frame.next_key == "action.done"
    hall.send(Next())
    assert hall.at is StepName.FAREWELL
    assert not hall.of(MatchFace)


def test_an_outcome_that_sends_to_the_counter_ends_a_trial_kindly() -> None:
    hall = Hall(sample())
    hall.send(ItemChosen("TRV-001"), TryQuestions())
    hall.walk_to(StepName.OUTCOME, plan={**ADULT, "purpose": "work"})
    body = hall.view.body
    assert body.result == "counter"  # type: ignore[union-attr]
    assert body.parts[0].reason == "请到窗口"  # type: ignore[union-attr]
    hall.send(PrintAsked())
    (paper,) = hall.of(Print)
    assert paper.content.not_today == "请到窗口"  # type: ignore[attr-defined]
    hall.send(Next())
    assert hall.at is StepName.FAREWELL


# -- changing from review ---------------------------------------------------------------


def at_review(plan=ADULT) -> Hall:
    hall = Hall(sample())
    hall.start("TRV-001")
    hall.walk_to(StepName.REVIEW, plan=plan)
    return hall


def test_a_changed_answer_takes_what_hung_on_it_out_of_the_draft() -> None:
    hall = at_review()
    first = draft_of(hall.visit, hall.now)
    assert "kinship" in {m.id for m in first.materials}
    assert "kin" in {a.question for a in first.answers}
    hall.send(ChangeAsked("questions:purpose"), Answered("purpose", "tourism"), Next())
    assert hall.at is StepName.REVIEW, "nothing new is to be asked"
    second = draft_of(hall.visit, hall.now)
    assert "kinship" not in {m.id for m in second.materials}
    assert {a.question for a in second.answers}.isdisjoint({"kin", "months"})
    hall.send(ChangeAsked("questions:purpose"), Answered("purpose", "family"), Next())
    assert hall.at is StepName.REVIEW
    third = draft_of(hall.visit, hall.now)
    assert replace(third, made_at=first.made_at) == first, "the old answer brings all back"


def test_new_questions_papers_and_fields_come_before_review_again() -> None:
    hall = at_review()
    hall.send(ChangeAsked("questions:for_whom"), Answered("for_whom", "child"), Next())
    seen = []
    for _ in range(30):
        if hall.at is StepName.REVIEW:
            break
        seen.append((hall.at, hall.visit.place.detail))
        hall.pass_by({**ADULT, "for_whom": "child"})
    assert hall.at is StepName.REVIEW
    assert (StepName.MATERIALS, "") in seen, "the birth certificate is needed"
    assert (StepName.FORM, "child_name") in seen
    assert (StepName.QUESTIONS, "purpose") not in seen, "what is complete is not asked again"
    draft = draft_of(hall.visit, hall.now)
    assert "birth" in {m.id for m in draft.materials}
    assert "child_name" in dict(draft.form)
    hall.send(ChangeAsked("questions:for_whom"), Answered("for_whom", "me"), Next())
    hall.walk_to(StepName.REVIEW, plan=ADULT)
    draft = draft_of(hall.visit, hall.now)
    assert "birth" not in {m.id for m in draft.materials}
    assert "child_name" not in dict(draft.form)


def test_back_from_a_change_cannot_hand_in_what_is_open() -> None:
    hall = at_review(TOURIST)
    hall.send(ChangeAsked("questions:for_whom"), Answered("for_whom", "child"), Back())
    for _ in range(40):
        if hall.at is StepName.SIGN:
            break
        hall.pass_by({**TOURIST, "for_whom": "child"})
    draft = draft_of(hall.visit, hall.now)
    assert all(m.attachments for m in draft.materials)
    assert "child_name" in dict(draft.form)


def test_back_from_a_spoilt_field_cannot_hand_it_in() -> None:
    hall = at_review()
    hall.send(ChangeAsked("form:contact_phone"), FieldTyped("contact_phone", "12"), Back())
    assert hall.at is StepName.REVIEW
    hall.send(Next())
    assert hall.visit.place == Place(StepName.FORM, detail="contact_phone")
    hall.send(Next())
    assert hall.view.body.error_key == "field.error.phone"  # type: ignore[union-attr]
    hall.send(FieldTyped("contact_phone", "139 5772 9173"), Next())
    assert hall.at is StepName.REVIEW
    assert draft_of(hall.visit, hall.now).contact == "13957729173"


def test_a_number_of_another_length_is_told_until_it_fits() -> None:
    hall = Hall(shipped())
    hall.start("JT-024")
    hall.identify()
    hall.walk_to(StepName.FORM)
    while hall.view.body.key != "bike_code":  # type: ignore[union-attr]
        hall.pass_by(hall.plan())
    hall.send(FieldTyped("bike_code", "1234567890 1234"), Next())
    assert hall.view.body.error_key == "field.error.length"  # type: ignore[union-attr]
    hall.send(FieldTyped("bike_code", "1234567890 12345"), Next())
    hall.walk_to(StepName.REVIEW)
    assert dict(draft_of(hall.visit, hall.now).form)["bike_code"] == "123456789012345"


def test_post_needs_an_address_even_when_chosen_from_review() -> None:
    hall = at_review()
    hall.send(ChangeAsked("delivery"), DeliveryChosen("post"))
    hall.send(FieldTyped("delivery_address", "路"), Next())
    assert hall.view.body.address_error_key == "field.error.address"  # type: ignore[union-attr]
    hall.send(Back(), Next())
    assert hall.at is StepName.DELIVERY
    hall.send(FieldTyped("delivery_address", "温州市鹿城区暗巷88号"), Next())
    assert hall.at is StepName.REVIEW
    hall.send(ChangeAsked("delivery"), DeliveryChosen("pick-up"), Next())
    assert draft_of(hall.visit, hall.now).address == ""


def test_back_from_review_does_not_go_round_after_changes() -> None:
    hall = at_review()
    for _ in range(3):
        hall.send(ChangeAsked("form:contact_phone"), Next())
        hall.send(ChangeAsked("questions:purpose"), Next())
    places = back_to_the_start(hall)
    assert len(places) == len(set(places))
    assert StepName.REVIEW not in {p.step for p in places}


@pytest.mark.parametrize(
    "target",
    ["submitted", "sign", "rate", "item_guide", "identify", "nonsense", "", "questions:nothing"],
)
def test_review_leads_only_to_what_can_be_changed(target: str) -> None:
    hall = at_review()
    hall.send(ChangeAsked(target))
    assert hall.at is StepName.REVIEW
    assert not hall.of(Enqueue)


def test_every_row_of_review_leads_to_its_place_and_back() -> None:
    for code in sampled("apply"):
        hall = hall_for(code)
        hall.start(code)
        hall.walk_to(StepName.REVIEW)
        draft = draft_of(hall.visit, hall.now)
        rows = [row for s in hall.view.body.sections for row in s.rows if row.target]  # type: ignore[union-attr]
        assert rows
        for row in rows:
            assert row.value, row.label
            hall.send(ChangeAsked(row.target))
            assert hall.at is not StepName.REVIEW, row.target
            hall.send(Next())
            assert hall.at is StepName.REVIEW, row.target
        assert replace(draft_of(hall.visit, hall.now), made_at=draft.made_at) == draft


def test_a_signature_does_not_outlive_a_change() -> None:
    hall = at_review()
    hall.send(Next(), Signed(STROKES))
    assert hall.view.frame.next_enabled
    hall.send(Back(), ChangeAsked("form:contact_phone"), FieldTyped("contact_phone", "13800138000"))
    hall.send(Next(), Next())
    assert hall.at is StepName.SIGN
    assert not hall.view.frame.next_enabled
    hall.send(Next())
    assert hall.at is StepName.SIGN
    assert hall.view.frame.notice is not None
    assert hall.view.frame.notice.key == "sign-first"
    assert not hall.of(Enqueue)


def test_a_dot_is_no_signature() -> None:
    hall = at_review()
    hall.send(Next(), Signed((((5, 5), (6, 6)),)))
    assert not hall.view.frame.next_enabled
    hall.send(Next())
    assert hall.at is StepName.SIGN


# -- papers -----------------------------------------------------------------------------


def at_papers() -> Hall:
    hall = Hall(sample())
    hall.start("TRV-001")
    hall.walk_to(StepName.MATERIALS, plan=ADULT)
    return hall


def _line(hall: Hall, name: str):
    return next(m for m in hall.view.body.materials if m.id == name)  # type: ignore[union-attr]


def test_a_paper_can_be_taken_again_continued_and_cleared() -> None:
    hall = at_papers()
    hall.send(Next())
    assert hall.view.frame.notice is not None
    assert hall.view.frame.notice.key == "papers-first"
    hall.send(CaptureAsked("travel_permit"), PhotoTaken())
    hall.settle()
    hall.send(Retake(), PhotoTaken())
    hall.settle()
    assert hall.view.body.more_pages  # type: ignore[union-attr]
    hall.send(AnotherPage(), PhotoTaken())
    hall.settle()
    assert hall.view.body.page_number == 2  # type: ignore[union-attr]
    assert not hall.view.body.more_pages  # type: ignore[union-attr]
    hall.send(AnotherPage())
    assert hall.view.body.state == "check", "two pages are the most"  # type: ignore[union-attr]
    hall.send(PageKept())
    assert (_line(hall, "travel_permit").state, _line(hall, "travel_permit").pages) == (
        "handed-in",
        2,
    )
    hall.send(CaptureAsked("travel_permit"), PhotoTaken())
    hall.settle()
    hall.send(PageKept())
    assert _line(hall, "travel_permit").pages == 1, "a full paper is photographed anew"
    hall.send(MaterialCleared("travel_permit"))
    assert _line(hall, "travel_permit").state == "needed"


def test_only_what_may_be_pledged_is_pledged() -> None:
    hall = at_papers()
    hall.send(PledgeMade("travel_permit"))
    assert _line(hall, "travel_permit").state == "needed"
    hall.send(PledgeMade("kinship"))
    line = _line(hall, "kinship")
    assert (line.state, line.due) == ("pledged", "2026年12月6日")
    hall.send(CaptureAsked("kinship"), PhotoTaken())
    hall.settle()
    hall.send(PageKept())
    assert _line(hall, "kinship").state == "handed-in"
    hall.send(PledgeMade("kinship"))
    hall.walk_to(StepName.SIGN, plan=ADULT)
    assert hall.view.body.owed == ("亲属关系证明 · 2026年12月6日",)  # type: ignore[union-attr]
    hall.walk_to(StepName.SUBMITTED, plan=ADULT)
    (effect,) = hall.of(Enqueue)
    record = next(m for m in effect.draft.materials if m.id == "kinship")  # type: ignore[attr-defined]
    assert (record.status, record.pledge_days, record.due) == ("pledged", 15, date(2026, 12, 6))
    assert record.attachments == ()


def test_without_a_document_camera_it_is_said_and_the_pledge_stays_open() -> None:
    hall = at_papers()
    hall.send(WorldChanged(document_camera_ok=False), CaptureAsked("kinship"))
    assert hall.view.frame.notice is not None
    assert hall.view.frame.notice.key == "document-camera-absent"
    assert hall.view.body.state == "aim"  # type: ignore[union-attr]  # it may be back
    hall.send(Back(), PledgeMade("kinship"))
    assert _line(hall, "kinship").state == "pledged"


# -- looking for an item ----------------------------------------------------------------


def test_the_place_is_on_the_route_wherever_one_goes() -> None:
    hall = Hall(shipped())
    hall.send(SearchOpened(), ItemChosen("CRJ-001"), Next())
    plan = hall.plan()
    for _ in range(60):
        if hall.at is StepName.SUBMITTED:
            break
        assert hall.visit.place in route(hall.visit, hall.now)
        hall.pass_by(plan)
    hall.settle()
    hall.send(Leave())


def test_a_card_that_comes_when_nobody_asked_is_not_taken() -> None:
    hall = at_review()
    parties = hall.visit.parties
    hall.send(CardRead(1, OTHER), ConsentGiven())
    assert hall.visit.parties == parties
