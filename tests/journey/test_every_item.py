"""Every item of the shipped catalogue, from the first touch to the farewell, in both languages."""

from __future__ import annotations

import hashlib

import pytest
from driver import Hall, any_way, hall_for, receipt_number, shipped, suited

from kiosk.catalogue.model import Assurance, Kind
from kiosk.contract import ApplicationDocument
from kiosk.contract.canonical import canonical_bytes
from kiosk.journey.effects import AskCentral, EndReason, Enqueue, MatchFace, Print
from kiosk.journey.events import Delivered, ItemChosen, LanguageSet, Next
from kiosk.journey.terms import Language, StepName
from kiosk.wire import document_of

ALL = sorted(shipped().matters)
# A sample of ten items a run; every item in both languages is a campaign.
CODES = ALL[:: max(1, len(ALL) // 10)]
LANGUAGES = (Language.ZH, Language.EN)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", CODES)
def test_every_item_can_be_walked_to_its_end(code: str, language: Language) -> None:
    walked_to_its_end(code, language)


@pytest.mark.campaign
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", ALL)
def test_all_items_can_be_walked_to_their_end(code: str, language: Language) -> None:
    walked_to_its_end(code, language)


def walked_to_its_end(code: str, language: Language) -> None:
    hall = hall_for(code)
    hall.send(LanguageSet(language), ItemChosen(code))
    shown = hall.view
    assert shown.frame.heading == shipped().matters[code].name.in_(language)
    if suited(code) is None:
        plan = any_way(hall.matter, {})
        hall.walk_to(StepName.OUTCOME, plan=plan)
        assert not hall.view.body.can_go_on  # type: ignore[union-attr]
        hall.walk_to(StepName.WELCOME, plan=plan)
        assert hall.visit.pristine
        return
    plan = hall.plan()
    hall.walk_to(StepName.RATE, plan=plan)
    applying = shipped().matters[code].kind is Kind.APPLY
    assert len(hall.of(Enqueue)) == applying
    assert len(hall.of(AskCentral)) == (not applying)
    assert hall.view.frame.person == "欧**" or hall.matter.assurance is Assurance.NONE
    number = hall.visit.number
    hall.walk_to(StepName.WELCOME, plan=plan)
    assert hall.ended == [EndReason.DONE]
    assert hall.visit.number == number + 1
    assert hall.visit.pristine


@pytest.mark.parametrize("code", [c for c in CODES if shipped().matters[c].kind is Kind.APPLY])
def test_what_is_handed_in_is_what_the_answers_ask_for(code: str) -> None:
    if suited(code) is None:
        return
    hall = hall_for(code)
    hall.start(code)
    plan = hall.plan()
    hall.walk_to(StepName.REVIEW, plan=plan)
    hall.walk_to(StepName.SUBMITTED, plan=plan)
    (effect,) = hall.of(Enqueue)
    assert isinstance(effect, Enqueue)
    draft, matter = effect.draft, hall.matter
    assert {a.question for a in draft.answers} <= set(plan)
    assert draft.parties[0].role == "applicant"
    assert {p.verified for p in draft.parties} == {matter.assurance.value}
    faces = matter.assurance is Assurance.CARD_AND_FACE
    assert len(hall.of(MatchFace)) == (len(draft.parties) if faces else 0)
    by_id = {m.id: m for m in matter.materials}
    for record in draft.materials:
        from_resident = by_id[record.id].brought
        assert (record.status == "handed-in") == from_resident
        assert bool(record.attachments) == from_resident
    assert (draft.signature is not None) == matter.sign
    assert draft.contact == "13957729173"

    document = document_of(
        draft, number=receipt_number(1), application_id=f"{1:032x}", pledge_text="本人承诺。"
    )
    data = canonical_bytes(document)
    again = ApplicationDocument.model_validate_json(data)
    assert again == document
    assert canonical_bytes(again) == data
    digests = {p.id: (p.sha256, p.bytes) for p in document.attachments()}
    assert digests == {
        a.id: (hashlib.sha256(a.data).hexdigest(), len(a.data)) for a in draft.attachments
    }
    assert document.parties[0].name == draft.parties[0].name


def test_a_certificate_takes_at_most_seven_touches() -> None:
    for code, matter in shipped().matters.items():
        if matter.kind is not Kind.CERTIFICATE:
            continue
        hall = Hall(shipped())
        hall.walk_to(StepName.WELCOME) if hall.at is not StepName.WELCOME else None
        hall.send(ItemChosen(code))
        hall.walk_to(StepName.FAREWELL, plan={})
        assert hall.of(Print), "it is on paper"
        assert hall.touches <= 7
        hall.wait(hall.rules.farewell_s + 1)
        assert hall.ended == [EndReason.DONE]


def test_received_is_said_once_the_backend_has_it() -> None:
    hall = Hall(shipped())
    hall.start("SMK-001")
    hall.walk_to(StepName.SUBMITTED)
    hall.settle()
    assert hall.view.body.state == "saved"  # type: ignore[union-attr]
    shown = hall.send(Delivered(hall.visit.number, receipt_number(1), "SMK-2026-1"))
    assert shown.body.state == "received"  # type: ignore[union-attr]
    assert shown.body.case_number == "SMK-2026-1"  # type: ignore[union-attr]
    hall.send(Next())
    assert hall.at is StepName.RATE
