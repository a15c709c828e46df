"""A new catalogue while somebody fills in: it takes effect between visits, and only what
changed for this very case is asked again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from driver import NOON, STROKES, Hall, sample, sample_with

from kiosk.catalogue.model import Kind, Matter, Pack
from kiosk.journey.effects import AskCentral, EndReason, Enqueue
from kiosk.journey.events import (
    AnotherMatter,
    Answered,
    CatalogueRenewed,
    CentralFailed,
    LanguageSet,
    Next,
    Signed,
    TryAgain,
)
from kiosk.journey.terms import Language, StepName
from kiosk.journey.views import QuestionView, RenewedView, ResultView, ReviewView

TRAVEL = "items/trv-001.yaml"
PLAN = {
    "for_whom": "me",
    "purpose": "family",
    "kin": frozenset({"spouse"}),
    "months": 3,
    "permit_until": NOON.date().replace(year=2030),
    "lost": False,
}


def found(_: str) -> tuple[str, ...]:
    return ("TRV-001",)


def at(step: StepName, plan: dict[str, object] | None = None) -> Hall:
    hall = Hall(sample())
    hall.start("TRV-001")
    hall.walk_to(step, plan=plan or PLAN)  # type: ignore[arg-type]
    return hall


def renew(hall: Hall, pack: Pack) -> None:
    hall.send(CatalogueRenewed(pack, found))


def without(code: str) -> Pack:
    pack = sample()
    matters = {key: one for key, one in pack.matters.items() if key != code}
    items = {key: one for key, one in pack.items.items() if key != code}
    return replace(pack, matters=matters, items=items, hash="0" * 64)


def handed_in(hall: Hall) -> Enqueue:
    (effect,) = hall.of(Enqueue)
    assert isinstance(effect, Enqueue)
    return effect


def test_a_catalogue_that_does_not_touch_this_case_interrupts_nobody() -> None:
    hall = at(StepName.REVIEW)
    renew(hall, sample_with("items/pen-001.yaml", "under: 50", "under: 60"))
    hall.walk_to(StepName.SUBMITTED, plan=PLAN)  # type: ignore[arg-type]
    assert StepName.RENEWED not in hall.steps
    assert handed_in(hall).draft.pack == sample().hash  # a visit keeps its pack


def test_what_changes_for_others_only_interrupts_nobody() -> None:
    hall = at(StepName.REVIEW)
    renew(
        hall, sample_with(TRAVEL, "when: {kin: [spouse, parent]}", "when: {kin: [spouse, friend]}")
    )
    hall.walk_to(StepName.SUBMITTED, plan=PLAN)  # type: ignore[arg-type]
    assert StepName.RENEWED not in hall.steps


def test_a_paper_that_is_needed_now_is_all_that_is_asked() -> None:
    plan = {**PLAN, "kin": frozenset({"friend"})}
    hall = at(StepName.REVIEW, plan)
    assert "kinship" not in hall.visit.papers
    newer = sample_with(TRAVEL, "when: {kin: [spouse, parent]}", "when: {kin: [spouse, friend]}")
    renew(hall, newer)
    assert isinstance(hall.view.body, ReviewView)  # nobody is interrupted while reading
    shown = hall.send(Next())
    body = shown.body
    assert isinstance(body, RenewedView)
    assert (body.withdrawn, body.again, body.less) == (False, (), ())
    assert body.more == ("亲属关系证明",)
    assert not shown.frame.back
    hall.send(Next())
    assert hall.at is StepName.MATERIALS
    before = len(hall.steps)
    hall.walk_to(StepName.SUBMITTED, plan=plan)  # type: ignore[arg-type]
    assert hall.steps[before:] == [StepName.REVIEW, StepName.SIGN, StepName.SUBMITTED]
    draft = handed_in(hall).draft
    assert draft.pack == newer.hash
    assert {one.id for one in draft.materials} == {"travel_permit", "kinship"}


def test_a_question_that_means_something_else_is_asked_again() -> None:
    hall = at(StepName.REVIEW)
    renew(hall, sample_with(TRAVEL, "text: {zh: 去几个月？", "text: {zh: 一共去几个月？"))
    shown = hall.send(Next())
    assert isinstance(shown.body, RenewedView)
    assert shown.body.again == ("一共去几个月？",)
    shown = hall.send(Next())
    assert isinstance(shown.body, QuestionView)
    assert shown.body.id == "months"
    assert shown.body.value == ""
    hall.send(Answered("months", "7"), Next())
    assert hall.at is StepName.REVIEW
    hall.walk_to(StepName.SUBMITTED, plan=PLAN)  # type: ignore[arg-type]
    answers = {one.question: one.value for one in handed_in(hall).draft.answers}
    assert answers["months"] == "7"
    assert answers["purpose"] == "family"


def test_an_option_that_is_gone_and_one_that_is_new() -> None:
    hall = at(StepName.REVIEW)
    renew(
        hall,
        sample_with(TRAVEL, "{id: spouse, text: {zh: 配偶", "{id: spouse, text: {zh: 丈夫妻子"),
    )
    hall.send(Next())
    assert hall.at is StepName.RENEWED
    hall.send(Next())
    assert hall.visit.place.detail == "kin"
    hall = at(StepName.REVIEW)
    more = "      - {id: cousin, text: {zh: 表亲, en: Cousin}}\n      - {id: friend,"
    renew(hall, sample_with(TRAVEL, "      - {id: friend,", more))
    hall.send(Next())
    assert hall.at is StepName.SIGN


def test_what_becomes_impossible_is_said_before_anything_is_handed_in() -> None:
    hall = at(StepName.SIGN)
    newer = sample_with(TRAVEL, "purpose: [tourism, family], applicant.age: {at_least: 16}",
                        "purpose: [tourism], applicant.age: {at_least: 16}")  # fmt: skip
    renew(hall, newer)
    hall.send(Signed(STROKES), Next())
    assert hall.at is StepName.RENEWED
    assert not hall.of(Enqueue)


def test_a_fee_is_told_although_nothing_is_asked() -> None:
    hall = at(StepName.REVIEW)
    renew(hall, sample_with(TRAVEL, "{zh: 不收费, en: Free}", "{zh: 十五元, en: 15 yuan}"))
    shown = hall.send(LanguageSet(Language.EN), Next())
    assert isinstance(shown.body, RenewedView)
    (fee,) = shown.body.values
    assert (fee.old, fee.new) == ("Free", "15 yuan")
    hall.send(Next())
    assert hall.at is StepName.REVIEW


def test_it_is_found_out_at_the_last_moment_and_signed_again() -> None:
    plan = {**PLAN, "kin": frozenset({"friend"})}
    hall = at(StepName.SIGN, plan)
    hall.send(Signed(STROKES))
    renew(hall, sample_with(TRAVEL, "when: {kin: [spouse, parent]}", "when: {kin: [friend]}"))
    hall.send(Next())
    assert hall.at is StepName.RENEWED
    assert not hall.of(Enqueue)
    hall.send(Next())
    hall.walk_to(StepName.SIGN, plan=plan)  # type: ignore[arg-type]
    assert hall.visit.strokes == ()
    hall.walk_to(StepName.SUBMITTED, plan=plan)  # type: ignore[arg-type]
    assert len(hall.of(Enqueue)) == 1


@pytest.mark.parametrize("step", [StepName.REVIEW, StepName.SIGN])
def test_a_withdrawn_item_is_not_handed_in(step: StepName) -> None:
    hall = at(step)
    renew(hall, without("TRV-001"))
    if step is StepName.SIGN:
        hall.send(Signed(STROKES))
    shown = hall.send(Next())
    assert isinstance(shown.body, RenewedView)
    assert shown.body.withdrawn
    assert shown.frame.next_key == "action.done"
    hall.send(Next())
    assert hall.at is StepName.FAREWELL
    assert not hall.of(Enqueue)
    hall.wait(30)
    assert hall.ended == [EndReason.DONE]


def test_two_catalogues_may_follow_each_other() -> None:
    hall = at(StepName.REVIEW)
    renew(hall, without("TRV-001"))
    renew(hall, sample())
    hall.walk_to(StepName.SUBMITTED, plan=PLAN)  # type: ignore[arg-type]
    assert len(hall.of(Enqueue)) == 1


def test_another_matter_is_begun_by_the_new_rules() -> None:
    hall = at(StepName.SUBMITTED)
    hall.settle()
    newer = without("PEN-001")
    renew(hall, newer)
    hall.send(AnotherMatter())
    assert hall.at is StepName.CHOOSE
    assert hall.visit.pack is newer
    assert hall.visit.find is found


# -- certificates and records: nothing is handed in, a department is asked


CERTIFICATE = "items/crt-001.yaml"


def asking(pack: Pack, *, newer: Pack) -> Hall:
    """At the certificate's item guide, begun, when the newer catalogue comes."""
    hall = Hall(pack)
    hall.start("CRT-001")
    renew(hall, newer)
    return hall


def test_a_certificate_whose_rules_did_not_change_is_asked_for() -> None:
    hall = asking(sample(), newer=sample_with(TRAVEL, "minutes: 6", "minutes: 7"))
    hall.walk_to(StepName.RATE)
    assert StepName.RENEWED not in hall.steps
    assert len(hall.of(AskCentral)) == 1


def test_a_certificate_that_costs_something_now_is_told_before_it_is_asked_for() -> None:
    newer = sample_with(CERTIFICATE, "{zh: 不收费, en: Free}", "{zh: 五元, en: 5 yuan}")
    hall = asking(sample(), newer=newer)
    hall.walk_to(StepName.RESULT)
    stages = hall.view.frame.progress
    shown = hall.send(Next())
    assert isinstance(shown.body, RenewedView)
    assert [(one.old, one.new) for one in shown.body.values] == [("不收费", "五元")]
    assert not hall.of(AskCentral)
    assert shown.frame.progress == stages
    shown = hall.send(Next())
    assert isinstance(shown.body, ResultView)
    assert shown.body.state == "confirm", "who knows the new rules says yes again"
    assert not hall.of(AskCentral)
    hall.walk_to(StepName.RATE)
    assert len(hall.of(AskCentral)) == 1


def test_a_query_is_not_asked_by_rules_that_are_over() -> None:
    newer = sample_with(CERTIFICATE, "record: social-insurance", "record: pension")
    old, new = (
        replace(pack, matters={**pack.matters, "CRT-001": _query(pack)})
        for pack in (sample(), newer)
    )
    hall = asking(old, newer=new)
    hall.walk_to(StepName.RENEWED)
    assert not hall.of(AskCentral)
    hall.send(Next())
    assert hall.at is StepName.RESULT
    (asked,) = hall.of(AskCentral)
    assert isinstance(asked, AskCentral)
    assert asked.record == "pension"


def _query(pack: Pack) -> Matter:
    return replace(pack.matters["CRT-001"], kind=Kind.QUERY)


def test_only_the_face_is_asked_for_where_a_certificate_needs_it_now() -> None:
    hall = asking(sample(), newer=sample_with(CERTIFICATE, "level: card,", "level: card-and-face,"))
    hall.walk_to(StepName.RENEWED)
    hall.send(Next())
    assert hall.at is StepName.VERIFY_FACE
    before = len(hall.steps)
    hall.walk_to(StepName.RATE)
    assert hall.steps[before - 1 :] == [StepName.VERIFY_FACE, StepName.RESULT, StepName.RATE]
    assert len(hall.of(AskCentral)) == 1


def test_a_withdrawn_certificate_is_not_asked_for_even_after_a_dead_line() -> None:
    hall = Hall(sample())
    hall.start("CRT-001")
    hall.walk_to(StepName.RESULT)
    hall.send(Next(), CentralFailed(hall.visit.number, "NW-01"))
    renew(hall, without("CRT-001"))
    shown = hall.send(TryAgain())
    assert isinstance(shown.body, RenewedView)
    assert shown.body.withdrawn
    assert len(hall.of(AskCentral)) == 1, "that of before"
    hall.send(Next())
    assert hall.at is StepName.FAREWELL


def test_a_certificate_that_was_given_is_not_taken_back() -> None:
    hall = Hall(sample())
    hall.start("CRT-001")
    hall.walk_to(StepName.RESULT)
    hall.send(Next())
    renew(hall, without("CRT-001"))
    hall.settle()
    assert isinstance(hall.view.body, ResultView)
    assert hall.view.body.state == "ready"
    hall.walk_to(StepName.RATE)
