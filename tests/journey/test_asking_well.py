"""What is told while questions are asked: how many, how long, what for, and that it is in vain.

And what is handed in: the same after an answer was changed and changed back, nothing of what
is off the path, and no paper that the state holds.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from catalogue_sample import FILES
from driver import APPLICANT, NOON, Hall, hall_for, sample, sampled, shipped
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiosk.application.draft import Draft
from kiosk.catalogue.cuts import domains
from kiosk.catalogue.engine import walk
from kiosk.catalogue.loader import load
from kiosk.catalogue.model import Source
from kiosk.demo import plan as planning
from kiosk.journey.asked_facts import PREFIX
from kiosk.journey.effects import CountUse
from kiosk.journey.events import (
    Answered,
    Back,
    CaptureAsked,
    ChangeAsked,
    ItemChosen,
    LanguageSet,
    Next,
    PageKept,
    PhotoTaken,
    TryQuestions,
    WorldChanged,
)
from kiosk.journey.route import papers_asked
from kiosk.journey.steps.questions import answer_text
from kiosk.journey.submit import draft_of
from kiosk.journey.terms import Language, StepName
from kiosk.journey.views import (
    ItemGuideView,
    MaterialsView,
    OutcomeView,
    QuestionView,
    WelcomeView,
)
from kiosk.journey.visit import path_of


def question(hall: Hall) -> QuestionView:
    body = hall.view.body
    assert isinstance(body, QuestionView)
    return body


def outcome(hall: Hall) -> OutcomeView:
    body = hall.view.body
    assert isinstance(body, OutcomeView)
    return body


# -- how many, how long -------------------------------------------------------------------


@pytest.mark.parametrize("code", sampled("apply"))
@pytest.mark.parametrize("trial", [False, True])
def test_no_more_is_asked_than_was_said(code: str, trial: bool) -> None:
    hall = hall_for(code)
    hall.send(ItemChosen(code))
    plan = hall.plan()
    if trial and not hall.view.body.can_try:  # type: ignore[union-attr]
        return
    hall.send(TryQuestions() if trial else Next())
    hall.identify()
    said: list[int] = []
    while hall.at is StepName.QUESTIONS:
        body = question(hall)
        hall.answer(body, plan)
        assert question(hall).most_left <= body.most_left, "answering makes it no more"
        said.append(body.most_left)
        hall.send(Next())
        hall.identify()
    for place, most in enumerate(said):
        assert len(said) - place - 1 <= most


def test_the_minutes_are_those_to_the_end_and_a_trial_names_none() -> None:
    hall = Hall(sample())
    hall.start("TRV-001")
    hall.identify()
    assert question(hall).minutes > 0
    hall = Hall(sample())
    hall.send(ItemChosen("TRV-001"), TryQuestions())
    assert question(hall).minutes == 0


# -- in vain ------------------------------------------------------------------------------


def test_that_nothing_can_be_handed_in_is_said_at_once_with_the_reason() -> None:
    hall = Hall(shipped())
    hall.send(ItemChosen("CRJ-001"), TryQuestions())
    body = question(hall)
    assert not body.cannot
    hall.send(Answered(body.id, body.options[-1].id))
    told = question(hall)
    assert told.cannot
    assert told.cannot_why
    assert not told.needed
    hall.send(Answered(body.id, body.options[0].id))
    assert not question(hall).cannot


def test_before_the_decision_the_answer_in_the_way_is_named() -> None:
    """Two counters, told apart by a later question: neither reason is the one as yet."""
    two = """situations:
  - id: adult
    name: {zh: 去窗口, en: "Counter"}
    when: {for_whom: me}
    result: accept
  - id: young
    name: {zh: 一, en: "One"}
    when: {for_whom: child, lost: true}
    result: counter
    reason: {zh: 请到一号窗口, en: "Please go to counter one"}
  - id: other
    name: {zh: 二, en: "Two"}
    when: {for_whom: child, lost: false}
    result: counter
    reason: {zh: 请到二号窗口, en: "Please go to counter two"}
"""
    questions = """questions:
  - id: for_whom
    text: {zh: 给谁办？, en: "For whom?"}
    kind: one
    options:
      - {id: me, text: {zh: 我自己, en: "Me"}}
      - {id: child, text: {zh: 我的孩子, en: "My child"}}
  - {id: lost, text: {zh: 丢了吗？, en: "Is it lost?"}, kind: yes-no, when: {for_whom: child}}
"""
    head = FILES["items/trv-001.yaml"].split("parties:")[0].replace("untrusted: ask\n", "")
    form = """parties:
  - {role: applicant, name: {zh: 申请人, en: "Applicant"}, identity: card}
form:
  - {key: contact_phone, label: {zh: 联系电话, en: "Phone"}, kind: phone}
"""
    kept = {k: v for k, v in FILES.items() if k not in ("bundles/bun-001.yaml", "plain.yaml")}
    plain = FILES["plain.yaml"].replace("BUN-001", "TRV-001")
    item = head + form + questions + two
    hall = Hall(load({**kept, "plain.yaml": plain, "items/trv-001.yaml": item}))
    hall.send(ItemChosen("TRV-001"), TryQuestions(), Answered("for_whom", "child"))
    assert question(hall).cannot
    assert question(hall).cannot_why == "“我的孩子”"
    hall.send(LanguageSet(Language.EN), Next(), Answered("lost", "yes"))
    assert question(hall).cannot_why == "Please go to counter one"


# -- conditions and reasons ---------------------------------------------------------------


def test_a_condition_that_does_not_hold_is_told_as_what_is_asked_for() -> None:
    hall = Hall(shipped(), cards={"applicant": APPLICANT, "": APPLICANT})
    hall.send(LanguageSet(Language.ZH), ItemChosen("HJ-008"))
    guide = hall.view.body
    assert isinstance(guide, ItemGuideView)
    (condition,) = guide.conditions
    assert condition not in guide.notes
    hall.send(Next())
    hall.identify()
    (part,) = outcome(hall).parts
    assert part.situation == f"要求：{condition}"
    assert part.reason


def test_each_material_says_why_it_is_needed() -> None:
    hall = Hall(sample())
    hall.send(LanguageSet(Language.EN))
    hall.start("TRV-001")
    plan = {"for_whom": "me", "purpose": "family", "kin": frozenset({"spouse"}), "months": 3}
    hall.walk_to(
        StepName.OUTCOME,
        plan={**plan, "permit_until": NOON.date().replace(year=2030), "lost": False},  # type: ignore[arg-type]
    )
    why = {line.id: line.why for line in outcome(hall).materials}
    kinship = next(m for m in hall.matter.materials if m.id == "kinship")
    assert why["kinship"]
    assert kinship.why is not None or "Because you answered" in why["kinship"]


# -- what the state holds -----------------------------------------------------------------


def held_code() -> str:
    """An item with a paper that the state holds and one that has to be brought."""
    for code in sorted(shipped().matters):
        hall = hall_for(code)
        hall.send(ItemChosen(code))
        try:
            path = walk(hall.matter, hall.plan(), hall.told(), NOON.date())
        except AssertionError:
            continue
        papers = path.materials
        held = any(m.held and m.source is Source.RESIDENT for m in papers)
        if path.decided and held and any(m.brought for m in papers):
            return code
    raise AssertionError("no such item")


def test_nobody_is_asked_for_what_the_state_holds_but_may_hand_it_in() -> None:
    code = held_code()
    hall = hall_for(code)
    hall.start(code)
    hall.walk_to(StepName.MATERIALS)
    body = hall.view.body
    assert isinstance(body, MaterialsView)
    held = next(line for line in body.materials if line.can_bring)
    assert held.state == "from-state"
    assert held.id not in {m.id for m in papers_asked(path_of(hall.visit, hall.now))}
    hall.hand_in(body)
    assert hall.view.frame.next_enabled, "nothing more is wanted"
    record = next(m for m in draft_of(hall.visit, hall.now).materials if m.id == held.id)
    assert (record.status, record.attachments) == ("from-state", ())
    hall.send(CaptureAsked(held.id), PhotoTaken())
    hall.settle()
    hall.send(PageKept())
    record = next(m for m in draft_of(hall.visit, hall.now).materials if m.id == held.id)
    assert record.status == "handed-in"
    assert len(record.attachments) == 1


# -- used most ----------------------------------------------------------------------------


def test_what_is_begun_here_is_counted_and_comes_first() -> None:
    hall = Hall(shipped())
    rank = {code: one.use_rank for code, one in shipped().items.items()}
    code = sorted(rank, key=lambda one: -rank[one])[9]
    hall.send(ItemChosen(code))
    assert not hall.of(CountUse), "a look is not a use"
    hall.send(Next())
    assert hall.of(CountUse) == [CountUse(code)]
    hall = Hall(shipped())
    hall.send(WorldChanged(uses={code: 60}))
    body = hall.view.body
    assert isinstance(body, WelcomeView)
    assert body.popular[0].code == code


# -- changed and changed back -------------------------------------------------------------


def handed_in(hall: Hall) -> Draft:
    return replace(draft_of(hall.visit, hall.now), made_at=NOON)


def edited_and_reverted(code: str, data: st.DataObject) -> None:
    hall = hall_for(code)
    hall.start(code)
    hall.walk_to(StepName.REVIEW)
    before = handed_in(hall)
    worth = domains(hall.matter)
    asked = [q for q in path_of(hall.visit, hall.now).asked if len(worth[q.id]) > 1]
    for _ in range(data.draw(st.integers(1, 3))):
        if not asked:
            return
        one = data.draw(st.sampled_from(asked))
        old = hall.visit.answers[one.id]
        other = data.draw(st.sampled_from([v for v in worth[one.id] if v != old] or [old]))
        hall.send(ChangeAsked(f"questions:{one.id}"))
        assert hall.at is StepName.QUESTIONS, one.id
        hall.send(Answered(one.id, answer_text(other)))  # type: ignore[arg-type]
        draft = draft_of(hall.visit, hall.now)
        on_path = path_of(hall.visit, hall.now).on_path
        assert {a.question for a in draft.answers} == set(on_path), "nothing from off the path"
        hall.send(Answered(one.id, answer_text(old)), Next())
        assert hall.at is StepName.REVIEW
        assert handed_in(hall) == before


@pytest.mark.parametrize("code", sampled("apply", 5))
@settings(max_examples=4, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_an_answer_changed_and_changed_back_leaves_the_application_identical(
    code: str, data: st.DataObject
) -> None:
    edited_and_reverted(code, data)


@pytest.mark.campaign
@pytest.mark.parametrize("code", sampled("apply", 400))
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_is_changed_and_changed_back(code: str, data: st.DataObject) -> None:
    edited_and_reverted(code, data)


# -- every set of answers -----------------------------------------------------------------


def every_way(code: str, most: int) -> None:
    """Sets of answers, as the real cards leave them open, from the guide to their end."""
    known = hall_for(code)
    known.send(ItemChosen(code))
    facts = known.told()
    for count, plan in enumerate(planning.plans(known.matter, facts, NOON.date())):
        if count == most:
            return
        hall = hall_for(code)
        hall.start(code)
        hall.walk_to(StepName.OUTCOME, StepName.RESULT, plan=plan)
        answers = {k: v for k, v in plan.items() if not k.startswith(PREFIX)}
        assert dict(path_of(hall.visit, hall.now).on_path) == answers
        hall.walk_to(StepName.WELCOME, plan=plan)


@pytest.mark.parametrize("code", sorted(shipped().matters)[3::14])
def test_answer_sets_walk_to_their_end(code: str) -> None:
    every_way(code, 3)


@pytest.mark.campaign
@pytest.mark.parametrize("code", sorted(shipped().matters))
def test_every_answer_set_walks_to_its_end(code: str) -> None:
    every_way(code, 500)


def test_back_after_an_answer_in_vain_takes_the_notice_away() -> None:
    hall = Hall(shipped())
    hall.send(ItemChosen("CRJ-001"), TryQuestions())
    body = question(hall)
    hall.send(Answered(body.id, body.options[-1].id), Next())
    assert hall.at is StepName.OUTCOME
    hall.send(Back(), Answered(body.id, body.options[0].id))
    assert not question(hall).cannot
