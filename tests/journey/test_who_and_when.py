"""Who it is: cards, faces, the ladder, second parties; and what a wrong clock does."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest
from driver import (
    APPLICANT,
    CHINA,
    DIFFERENT,
    MATCHED,
    OTHER,
    RULES,
    STROKES,
    Hall,
    sample,
    sample_with,
    shipped,
)

from devices.records import FaceHint, PaperState, PortraitFormat, PrinterStatus
from kiosk.journey.effects import (
    AskCentral,
    EndReason,
    Enqueue,
    MatchFace,
    Print,
    ReadCard,
    StopFace,
)
from kiosk.journey.events import (
    Answered,
    Back,
    CardFailed,
    CardFound,
    CardRead,
    CentralAnswered,
    CentralFailed,
    ConsentGiven,
    ConsentRefused,
    DeliveryChosen,
    FaceDone,
    FaceFailed,
    FaceHinted,
    ItemChosen,
    LanguageSet,
    Leave,
    Next,
    OtherWay,
    PledgeMade,
    PrintAsked,
    PrintFailed,
    RungChosen,
    Saved,
    Signed,
    TryAgain,
    TryQuestions,
    WorldChanged,
)
from kiosk.journey.steps.identify import badge_of
from kiosk.journey.submit import draft_of
from kiosk.journey.terms import Language, Rung, StepName
from kiosk.journey.visit import ASSISTANT, Place
from kiosk.wire import document_of

ADULT = {
    "for_whom": "me",
    "purpose": "tourism",
    "permit_until": date(2030, 1, 1),
    "lost": False,
}
GUIDE = replace(OTHER, number="330303199001019999", name="公羊助")
WITH_BADGE = replace(RULES, badge_salt="salt", badges=(badge_of(GUIDE.number, "salt"),))
ASSISTED = sample_with("items/trv-001.yaml", "sign: true\n", "sign: true\nassisted: true\n")


# Answers with which HJ-001 is accepted, the householder standing by.
_PROBE = Hall(shipped())
_PROBE.send(ItemChosen("HJ-001"))
HOUSEHOLD = _PROBE.plan()


def at_face(pack=None, **more) -> Hall:
    hall = Hall(pack or sample(), **more)
    hall.start("TRV-001")
    hall.settle()
    hall.wait(3)
    assert hall.at is StepName.VERIFY_FACE
    return hall


def possible(hall: Hall) -> dict[Rung, bool]:
    assert hall.at is StepName.OTHER_WAY
    return {line.rung: line.possible for line in hall.view.body.rungs}  # type: ignore[union-attr]


# -- cards ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("valid_from", "valid_to", "civil", "trusted", "notice"),
    [
        (date(2010, 1, 1), date(2026, 11, 21), date(2026, 11, 21), True, ""),
        (date(2010, 1, 1), date(2026, 11, 20), date(2026, 11, 21), True, "card-expired"),
        (date(2026, 11, 21), date(2046, 11, 21), date(2026, 11, 21), True, ""),
        (date(2026, 11, 22), date(2046, 11, 22), date(2026, 11, 21), True, "card-not-yet-valid"),
        # A clock that is not trusted is never ahead: what has ended by it has ended.
        (date(2010, 1, 1), date(2026, 11, 20), date(2026, 11, 21), False, "card-expired"),
        (date(2010, 1, 1), date(2020, 1, 1), date(1970, 1, 1), False, ""),
        (date(2010, 1, 1), date(2030, 1, 1), date(1970, 1, 1), False, ""),
        (date(2010, 1, 1), date(1969, 12, 31), date(1970, 1, 1), False, "card-expired"),
    ],
)
def test_an_ended_card_is_refused_and_doubt_is_not(
    valid_from: date, valid_to: date, civil: date, trusted: bool, notice: str
) -> None:
    card = replace(APPLICANT, valid_from=valid_from, valid_to=valid_to, long_term=False)
    hall = Hall(
        sample(),
        cards={"applicant": card, "": OTHER},
        civil=datetime(civil.year, civil.month, civil.day, 12, tzinfo=CHINA),
        trusted=trusted,
    )
    hall.start("TRV-001")
    hall.settle()
    shown = hall.view.frame.notice
    assert (shown.key if shown else "") == notice
    assert ("applicant" in hall.visit.parties) == (not notice)
    if notice:
        hall.wait(5)
        assert hall.at is StepName.IDENTIFY
        hall.send(TryAgain())
        assert len(hall.of(ReadCard)) == 2


def test_a_card_that_cannot_be_read_is_said_and_read_again() -> None:
    hall = Hall(sample())
    hall.start("TRV-001")
    hall.send(CardFound(1))
    assert not hall.view.frame.back, "not while it is read"
    shown = hall.send(CardFailed(1, "RD-07"))
    assert shown.body.state == "failed"  # type: ignore[union-attr]
    assert shown.frame.notice is not None
    assert shown.frame.notice.key == "card-removed"
    hall.send(TryAgain())
    assert len(hall.of(ReadCard)) == 2
    hall.send(CardFailed(1, "XX-99"))
    assert hall.view.frame.notice is not None
    assert hall.view.frame.notice.key == "reader-staff"


def test_the_second_party_needs_another_card() -> None:
    hall = Hall(shipped(), cards={"applicant": APPLICANT, "householder": APPLICANT, "": OTHER})
    hall.start("HJ-001")
    plan = {**HOUSEHOLD, "householder_here": True}
    for _ in range(40):
        if hall.visit.place == Place(StepName.IDENTIFY, "householder"):
            break
        hall.pass_by(plan)
    shown = hall.settle()
    assert shown.frame.notice is not None
    assert shown.frame.notice.key == "card-same-person"
    assert "householder" not in hall.visit.parties
    hall.cards["householder"] = OTHER
    hall.send(TryAgain())
    hall.identify()
    assert hall.visit.parties["householder"].verified
    assert hall.view.frame.person == "欧**", "the one who applies is shown"
    hall.walk_to(StepName.REVIEW, plan=plan)
    assert {p.role for p in draft_of(hall.visit, hall.now).parties} == {"applicant", "householder"}


def test_tries_of_one_party_are_not_those_of_the_other() -> None:
    hall = Hall(shipped())
    hall.start("HJ-001")
    plan = {**HOUSEHOLD, "householder_here": True}
    hall.settle()
    hall.wait(3)
    assert hall.view.body.role == ""  # type: ignore[union-attr]
    hall.send(ConsentGiven(), FaceDone(1, DIFFERENT), TryAgain(), FaceDone(1, DIFFERENT))
    hall.send(TryAgain(), FaceDone(1, MATCHED))
    hall.wait(3)
    hall.waiting.clear()
    for _ in range(40):
        if hall.visit.place == Place(StepName.VERIFY_FACE, "householder"):
            break
        if hall.visit.place == Place(StepName.IDENTIFY, "householder"):
            hall.settle()
            hall.wait(3)
            continue
        hall.pass_by(plan)
    assert hall.view.body.tries_left == 3  # type: ignore[union-attr]
    assert hall.view.body.state == "consent"  # type: ignore[union-attr]
    assert hall.view.body.role == "户主", "who stands before the camera is told"  # type: ignore[union-attr]


# -- face -------------------------------------------------------------------------------


def test_the_camera_stays_off_until_consent() -> None:
    hall = at_face()
    hall.wait(60)
    hall.send(Next(), TryAgain())
    assert not hall.of(MatchFace)
    hall.send(ConsentGiven(), ConsentGiven())
    assert len(hall.of(MatchFace)) == 1
    assert hall.visit.parties["applicant"].consented
    shown = hall.send(FaceHinted(1, FaceHint.COME_CLOSER))
    assert shown.body.hint == "come-closer"  # type: ignore[union-attr]


def test_consent_can_be_taken_back_while_looking() -> None:
    hall = at_face()
    hall.send(ConsentGiven(), ConsentRefused())
    assert hall.at is StepName.OTHER_WAY
    assert isinstance(hall.effects[-1], StopFace)
    assert not hall.visit.parties["applicant"].consented
    hall.send(FaceDone(1, MATCHED))
    assert not hall.visit.parties["applicant"].verified, "a look that was stopped is no proof"
    hall.send(Back())
    assert hall.view.body.state == "consent"  # type: ignore[union-attr]


def test_a_match_cannot_be_gone_back_over_while_it_is_shown() -> None:
    hall = at_face()
    hall.send(ConsentGiven(), FaceDone(1, MATCHED))
    assert hall.view.body.state == "matched"  # type: ignore[union-attr]
    assert not hall.view.frame.back
    hall.send(Back(), ConsentRefused(), OtherWay())
    assert hall.at is StepName.VERIFY_FACE
    hall.wait(2)
    assert hall.at is StepName.QUESTIONS


def test_a_badge_that_vouched_cannot_be_gone_back_over() -> None:
    hall = vouching()
    hall.send(CardRead(1, GUIDE), Back())
    assert hall.visit.place.role == ASSISTANT
    hall.wait(3)
    assert hall.at is StepName.QUESTIONS


@pytest.mark.parametrize("code", ["CM-01", "CM-02"])
def test_a_camera_that_is_away_is_waited_for_and_costs_no_try(code: str) -> None:
    hall = at_face()
    hall.send(ConsentGiven(), FaceFailed(1, code))
    assert hall.view.body.state == "away"  # type: ignore[union-attr]
    assert hall.view.frame.notice is not None
    assert hall.view.frame.notice.code == code
    assert not isinstance(hall.effects[-1], StopFace), "it is seen when it is back"
    hall.send(WorldChanged(camera_ok=False), WorldChanged(line_up=True))
    assert hall.view.body.state == "away"  # type: ignore[union-attr]
    hall.send(WorldChanged(camera_ok=True))
    assert isinstance(hall.effects[-1], MatchFace)
    assert hall.view.body.state == "looking"  # type: ignore[union-attr]
    assert hall.view.body.tries_left == 3  # type: ignore[union-attr]
    assert hall.view.frame.notice is None


def test_who_does_not_wait_for_the_camera_has_another_way_and_does_not_block_the_terminal() -> None:
    hall = at_face()
    hall.send(ConsentGiven(), FaceFailed(1, "CM-01"), OtherWay())
    assert hall.at is StepName.OTHER_WAY
    assert isinstance(hall.effects[-1], StopFace)
    hall = at_face()
    hall.send(ConsentGiven(), FaceFailed(1, "CM-01"))
    hall.wait(1_000)
    assert hall.ended == [EndReason.IDLE]


def test_an_engine_that_failed_costs_no_try() -> None:
    hall = at_face()
    hall.send(ConsentGiven(), FaceFailed(1, "FC-01"))
    assert hall.view.body.state == "failed"  # type: ignore[union-attr]
    assert hall.view.body.tries_left == 3  # type: ignore[union-attr]


SICK = PrinterStatus(online=False, paper=PaperState.UNKNOWN, detail="cover-open", code="PR-06")
WELL = PrinterStatus(online=True, paper=PaperState.OK)
LOW = PrinterStatus(online=True, paper=PaperState.LOW)


def told(hall: Hall) -> tuple[str, str]:
    notice = hall.view.frame.notice
    return (notice.key, notice.code) if notice is not None else ("", "")


def test_who_signs_knows_how_the_printer_is_all_the_time() -> None:
    hall = Hall(sample())
    hall.send(WorldChanged(printer=LOW))
    hall.start("TRV-001")
    hall.walk_to(StepName.SIGN)
    assert told(hall) == ("paper-low", "")
    hall.send(WorldChanged(printer=SICK))
    assert told(hall) == ("no-receipt", "PR-06")
    hall.send(Signed(STROKES))
    assert told(hall) == ("no-receipt", "PR-06"), "a stroke does not wipe it away"
    hall.send(WorldChanged(printer=WELL))
    assert told(hall) == ("", "")
    hall.send(Signed(()), Next(), WorldChanged(printer=WELL))
    assert told(hall) == ("sign-first", ""), "what else was said stays"


def test_who_hands_in_without_a_signature_knows_it_too() -> None:
    pack = sample_with("items/trv-001.yaml", "sign: true\n", "sign: false\n")
    hall = Hall(pack)
    hall.send(WorldChanged(printer=SICK))
    hall.start("TRV-001")
    hall.walk_to(StepName.REVIEW)
    assert told(hall) == ("no-receipt", "PR-06")


def test_who_wants_a_certificate_knows_that_it_cannot_be_printed() -> None:
    hall = Hall(shipped())
    hall.send(WorldChanged(printer=WELL, sheets=SICK))
    hall.start("SB-001")
    hall.walk_to(StepName.RESULT)
    assert told(hall) == ("no-sheet", "PR-06")
    hall.send(WorldChanged(sheets=WELL))
    assert told(hall) == ("", "")


@pytest.mark.parametrize("code", ["PR-04", "PR-05"])
def test_paper_that_may_lie_in_the_slot_is_to_be_taken_and_can_be_printed_again(code: str) -> None:
    hall = Hall(sample())
    hall.start("TRV-001")
    hall.walk_to(StepName.SUBMITTED)
    hall.send(Saved(1, "LW042-00001-3", "0" * 32))
    hall.wait(5)
    assert hall.view.body.printing == "printing"  # type: ignore[union-attr]
    hall.send(PrintFailed(1, "receipt", code))
    assert hall.view.body.printing == "unknown"  # type: ignore[union-attr]
    assert "take.receipt" in hall.view.body.take_with  # type: ignore[union-attr]
    hall.send(PrintAsked())
    assert isinstance(hall.effects[-1], Print), "again, by a person's choice"


def test_three_looks_and_no_more_whatever_way_one_goes() -> None:
    hall = at_face()
    hall.send(ConsentGiven(), FaceDone(1, DIFFERENT))
    assert hall.view.body.tries_left == 2  # type: ignore[union-attr]
    hall.send(Back())  # to the reader, and the same card again
    hall.settle()
    hall.wait(3)
    assert hall.at is StepName.VERIFY_FACE
    assert hall.view.body.tries_left == 2  # type: ignore[union-attr]
    hall.send(ConsentGiven(), FaceFailed(1, "FC-03"))
    hall.send(OtherWay(), Back())
    assert hall.view.body.tries_left == 1  # type: ignore[union-attr]
    hall.send(Back())
    hall.send(CardRead(1, APPLICANT))
    hall.wait(3)
    assert hall.view.body.tries_left == 1  # type: ignore[union-attr]
    hall.send(OtherWay(), RungChosen(Rung.OTHER_CARD), CardRead(1, APPLICANT))
    hall.wait(3)
    assert hall.view.body.tries_left == 1  # type: ignore[union-attr]
    hall.send(ConsentGiven(), FaceDone(1, DIFFERENT))
    assert hall.view.body.tries_left == 0  # type: ignore[union-attr]
    looks = len(hall.of(MatchFace))
    hall.send(TryAgain(), ConsentGiven(), OtherWay(), Back(), ConsentGiven(), TryAgain())
    assert len(hall.of(MatchFace)) == looks == 3
    hall.send(OtherWay(), RungChosen(Rung.OTHER_CARD), CardRead(1, OTHER))
    hall.wait(3)
    assert hall.view.body.tries_left == 3, "another card is another matter"  # type: ignore[union-attr]


def test_a_card_without_a_usable_portrait_leads_to_the_other_ways() -> None:
    assert APPLICANT.portrait is not None
    picture = replace(APPLICANT.portrait, format=PortraitFormat.UNKNOWN)
    hall = at_face(cards={"applicant": replace(APPLICANT, portrait=picture), "": OTHER})
    shown = hall.send(ConsentGiven())
    assert not hall.of(MatchFace)
    assert shown.body.state == "failed"  # type: ignore[union-attr]
    assert shown.body.tries_left == 0  # type: ignore[union-attr]
    hall.send(OtherWay())
    assert hall.at is StepName.OTHER_WAY


def test_a_child_is_told_to_have_a_guardian_by_a_trusted_clock_only() -> None:
    child = replace(APPLICANT, birth=date(2012, 11, 22))
    for trusted in (True, False):
        hall = at_face(cards={"applicant": child, "": OTHER}, trusted=trusted)
        assert hall.view.body.guardian is trusted  # type: ignore[union-attr]
    of_age = replace(APPLICANT, birth=date(2012, 11, 21))
    assert not at_face(cards={"applicant": of_age, "": OTHER}).view.body.guardian  # type: ignore[union-attr]


# -- the ladder -------------------------------------------------------------------------


@pytest.mark.parametrize("assisted", [True, False])
@pytest.mark.parametrize("staffed", [True, False])
@pytest.mark.parametrize("reader_ok", [True, False])
@pytest.mark.parametrize("has_card", [True, False])
def test_what_is_possible_here_and_now(
    assisted: bool, staffed: bool, reader_ok: bool, has_card: bool
) -> None:
    hall = Hall(ASSISTED if assisted else sample())
    hall.send(WorldChanged(staffed=staffed))
    hall.start("TRV-001")
    if has_card:
        hall.settle()
        hall.wait(3)
    hall.send(WorldChanged(reader_ok=reader_ok), OtherWay())
    assert possible(hall) == {
        Rung.OTHER_CARD: reader_ok,
        Rung.APP_CODE: False,
        Rung.AUTHORISED_PERSON: assisted and staffed and has_card,
        Rung.APPOINTMENT: True,
    }
    reasons = {line.rung: line.reason_key for line in hall.view.body.rungs}  # type: ignore[union-attr]
    assert all(reasons.values())
    for rung, is_possible in possible(hall).items():
        if not is_possible:
            hall.send(RungChosen(rung))
            assert hall.at is StepName.OTHER_WAY
            assert hall.visit.rung is None
    assert hall.view.frame.next_key == ""
    shown = hall.send(RungChosen(Rung.APPOINTMENT))
    assert shown.frame.next_key == "action.done", "who has read where to call is done"
    hall.send(Next())
    assert hall.at is StepName.FAREWELL


def vouching(rules=WITH_BADGE) -> Hall:
    hall = at_face(ASSISTED, rules=rules, face=DIFFERENT)
    hall.send(WorldChanged(staffed=True))
    hall.send(ConsentRefused(), RungChosen(Rung.AUTHORISED_PERSON))
    assert hall.visit.place == Place(StepName.IDENTIFY, ASSISTANT, "applicant")
    return hall


def test_a_badge_vouches_and_is_recorded() -> None:
    hall = vouching()
    hall.send(CardRead(1, GUIDE))
    hall.wait(3)
    assert hall.at is StepName.QUESTIONS
    party = hall.visit.parties["applicant"]
    assert party.card.number == APPLICANT.number, "whose matter it is does not change"
    assert party.verified
    assert not hall.of(MatchFace)
    assert not hall.view.frame.back
    hall.walk_to(StepName.SUBMITTED, plan=ADULT)
    (effect,) = hall.of(Enqueue)
    record = effect.draft.parties[0]  # type: ignore[attr-defined]
    assert record.verified == "assisted"
    assert WITH_BADGE.badges[0].startswith(record.assisted_by)
    assert GUIDE.number not in repr(effect)
    document = document_of(
        effect.draft,  # type: ignore[attr-defined]
        number="LW042-00001-1",
        application_id=f"{1:032x}",
        pledge_text="t",
    )
    assert [e.kind.value for e in document.parties[0].evidence] == ["card", "assisted"]


def test_a_face_that_did_not_match_is_no_evidence() -> None:
    hall = at_face(ASSISTED, rules=WITH_BADGE)
    hall.send(WorldChanged(staffed=True), ConsentGiven(), FaceDone(1, DIFFERENT), OtherWay())
    hall.send(RungChosen(Rung.AUTHORISED_PERSON), CardRead(1, GUIDE))
    hall.wait(3)
    hall.waiting.clear()
    hall.walk_to(StepName.SUBMITTED, plan=ADULT)
    (effect,) = hall.of(Enqueue)
    document = document_of(
        effect.draft,  # type: ignore[attr-defined]
        number="LW042-00001-1",
        application_id=f"{1:032x}",
        pledge_text="t",
    )
    assert [e.kind.value for e in document.parties[0].evidence] == ["card", "assisted"]


@pytest.mark.parametrize("card", [OTHER, APPLICANT])
def test_anybody_elses_card_does_not_vouch(card) -> None:
    hall = vouching()
    shown = hall.send(CardRead(1, card))
    assert shown.frame.notice is not None
    assert shown.frame.notice.key == "not-authorised"
    assert not hall.visit.parties["applicant"].verified
    hall.wait(5)
    hall.send(Next())
    assert hall.at is StepName.IDENTIFY
    hall.send(OtherWay())
    assert hall.at is StepName.IDENTIFY, "a badge has no other way"
    hall.send(Back())
    assert hall.at is StepName.OTHER_WAY


def test_without_badges_nobody_vouches() -> None:
    hall = vouching(RULES)
    hall.send(CardRead(1, GUIDE))
    assert not hall.visit.parties["applicant"].verified


def test_an_expired_badge_does_not_vouch() -> None:
    hall = vouching()
    hall.send(CardRead(1, replace(GUIDE, valid_to=date(2020, 1, 1), long_term=False)))
    assert not hall.visit.parties["applicant"].verified


# -- the clock --------------------------------------------------------------------------


def test_with_a_wrong_clock_ages_are_asked_and_handed_in_as_told() -> None:
    hall = Hall(sample(), civil=datetime(1970, 1, 1, 8, tzinfo=CHINA), trusted=False)
    hall.start("TRV-001")
    hall.identify()
    seen = []
    while hall.at is StepName.QUESTIONS:
        name = hall.visit.place.detail
        seen.append(name)
        if name.startswith("fact:"):
            hall.send(Answered(name, "62"), Next())
        else:
            hall.pass_by(ADULT)
    assert seen.count("fact:applicant.age") == 1
    assert len(seen) == len(set(seen))
    hall.walk_to(StepName.REVIEW, plan=ADULT)
    targets = [r.target for s in hall.view.body.sections for r in s.rows]  # type: ignore[union-attr]
    assert "questions:fact:applicant.age" in targets
    draft = draft_of(hall.visit, hall.now)
    assert [(t.question, t.value) for t in draft.told] == [("applicant.age", "62")]
    assert not draft.clock_trusted


def test_with_a_wrong_clock_a_pledge_is_due_in_days() -> None:

    plan = {**ADULT, "purpose": "family", "kin": frozenset({"spouse"}), "months": 1}
    hall = Hall(sample(), civil=datetime(1970, 1, 1, 8, tzinfo=CHINA), trusted=False)
    hall.start("TRV-001")
    hall.walk_to(StepName.MATERIALS, plan=plan)
    hall.send(PledgeMade("kinship"))
    lines = {m.id: m.due for m in hall.view.body.materials}  # type: ignore[union-attr]
    assert lines["kinship"] == "15 天内"
    hall.send(LanguageSet(Language.EN))
    lines = {m.id: m.due for m in hall.view.body.materials}  # type: ignore[union-attr]
    assert lines["kinship"] == "within 15 days"
    hall.walk_to(StepName.SUBMITTED, plan=plan)
    (effect,) = hall.of(Enqueue)
    record = next(m for m in effect.draft.materials if m.id == "kinship")  # type: ignore[attr-defined]
    assert (record.pledge_days, record.due) == (15, None)
    hall.settle()
    hall.wait(3)
    (printed,) = hall.of(Print)
    (owed,) = printed.content.owed  # type: ignore[attr-defined]
    assert (owed.due, owed.days) == (None, 15), "paper says it as the screen does"


def test_where_a_result_is_picked_up_is_said_and_printed() -> None:
    hall = Hall(shipped())  # its guide names the terminals: there one applies
    hall.start("CRJ-001")
    hall.walk_to(StepName.DELIVERY)
    assert hall.view.body.department == "公安局出入境管理"  # type: ignore[union-attr]
    hall.send(DeliveryChosen("pick-up"), Next())
    hall.walk_to(StepName.SUBMITTED)
    hall.settle()
    hall.wait(3)
    (printed,) = hall.of(Print)
    content = printed.content  # type: ignore[attr-defined]
    assert content.result_note == "办好以后，带身份证到公安局出入境管理取。"


def test_the_review_reads_as_people_write() -> None:
    hall = Hall(shipped())
    hall.start("SB-002")
    body = hall.walk_to(StepName.REVIEW).body
    rows = {row.target: row.value for s in body.sections for row in s.rows}  # type: ignore[union-attr]
    assert rows["form:contact_phone"] == "139 5772 9173"
    assert "1990年1月1日" in rows.values()
    hall.send(LanguageSet(Language.EN))
    body = hall.view.body
    rows = {row.target: row.value for s in body.sections for row in s.rows}  # type: ignore[union-attr]
    assert "1 Jan 1990" in rows.values()
    assert hall.visit.form["contact_phone"] == "13957729173", "handed in as it always was"


def test_what_is_to_be_brought_stands_first() -> None:
    hall = Hall(shipped())
    hall.start("CRJ-001")
    hall.walk_to(StepName.OUTCOME)
    states = [line.state for line in hall.view.body.materials]  # type: ignore[union-attr]
    assert states[0] == "needed"
    assert states[-1] == "from-card"


# -- the world --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "change", "key"),
    [
        ("CRT-001", {"line_up": False}, "line-needed"),
        ("PEN-001", {"line_up": False}, "line-needed"),
        ("TRV-001", {"line_up": False}, ""),
        ("TRV-001", {"intake_open": False}, "queue-closed"),
        ("CRT-001", {"intake_open": False}, ""),
        ("TRV-001", {"reader_ok": False}, "reader-absent"),
        ("TRV-001", {"camera_ok": False}, "camera-absent"),
        ("PEN-001", {"camera_ok": False}, ""),
        ("TRV-001", {"printer": PrinterStatus(online=False, paper=PaperState.OUT)}, ""),
    ],
)
def test_what_cannot_be_done_now_is_said_before_anything_is_asked(
    code: str, change: dict[str, object], key: str
) -> None:
    hall = Hall(sample())
    shown = hall.send(WorldChanged(**change), ItemChosen(code))  # type: ignore[arg-type]
    blocked = shown.body.blocked  # type: ignore[union-attr]
    assert (blocked.key if blocked else "") == key
    assert shown.frame.next_enabled is not bool(key)
    hall.send(Next())
    assert (hall.at is StepName.ITEM_GUIDE) is bool(key)
    if key:
        undone = {name: not value for name, value in change.items()}
        hall.send(WorldChanged(**undone), Next())  # type: ignore[arg-type]
        assert hall.at is StepName.IDENTIFY


@pytest.mark.parametrize(
    ("year", "trusted", "key"),
    [
        (2025, True, "not-offered-yet"),
        (2025, False, ""),  # a clock that may be wrong withholds nothing
        (2026, True, ""),
        (2031, True, "not-offered-any-more"),
        (2031, False, ""),
    ],
)
def test_rules_that_are_not_in_force_are_not_followed(year: int, trusted: bool, key: str) -> None:
    """PEN-001 is in force from 2026 to 2030."""
    hall = Hall(sample(), civil=datetime(year, 6, 1, 12, tzinfo=CHINA), trusted=trusted)
    cards = {card.code: card.available for card in hall.view.body.popular}  # type: ignore[union-attr]
    assert cards["PEN-001"] is not bool(key)
    shown = hall.send(ItemChosen("PEN-001"))
    blocked = shown.body.blocked  # type: ignore[union-attr]
    assert (blocked.key if blocked else "") == key
    if key:
        assert dict(blocked.values)["day"] == {2025: "2026年1月1日", 2031: "2030年12月31日"}[year]
    hall.send(Next())
    assert (hall.at is StepName.ITEM_GUIDE) is bool(key)


def test_a_guide_on_the_spot_stands_in_for_a_broken_camera_where_the_item_allows() -> None:
    for staffed in (True, False):
        hall = Hall(ASSISTED)
        shown = hall.send(WorldChanged(camera_ok=False, staffed=staffed), ItemChosen("TRV-001"))
        assert shown.body.can_start is staffed  # type: ignore[union-attr]


def test_a_line_that_breaks_while_asking_is_said_and_asked_again() -> None:

    hall = Hall(sample())
    hall.start("CRT-001")
    hall.walk_to(StepName.RESULT, plan={})
    hall.send(Next(), CentralFailed(1, "NW-01"))
    assert hall.view.body.state == "failed"  # type: ignore[union-attr]
    assert hall.view.frame.notice is not None
    assert hall.view.frame.notice.key == "line-down"
    hall.send(TryAgain(), TryAgain())
    assert len(hall.of(AskCentral)) == 2
    hall.waiting[:] = hall.waiting[-1:]
    hall.settle()
    assert hall.view.body.state == "ready"  # type: ignore[union-attr]


def test_an_empty_record_is_an_answer() -> None:

    hall = Hall(shipped())
    hall.start("SF-001")
    hall.walk_to(StepName.RESULT, plan={})
    hall.send(CentralAnswered(1, "", (), found=False), PrintAsked())
    assert hall.view.body.state == "none"  # type: ignore[union-attr]
    assert not hall.of(Print)
    hall.send(Next())
    assert hall.at is StepName.RATE


# -- bundles ----------------------------------------------------------------------------

ABROAD = {
    "wants_travel": True,
    **ADULT,
    "worked_abroad": True,
}


@pytest.mark.parametrize(
    ("answers", "items", "materials"),
    [
        (
            {**ABROAD, "worked_abroad": False},
            ["TRV-001", "PEN-001"],
            {"travel_permit", "bank_card"},
        ),
        (
            {**ABROAD, "purpose": "work", "months": 2, "worked_abroad": False},
            ["PEN-001"],
            {"bank_card"},
        ),
        (ABROAD, ["TRV-001"], {"travel_permit"}),
    ],
)
def test_of_a_bundle_only_what_is_accepted_is_handed_in(
    answers: dict[str, object], items: list[str], materials: set[str]
) -> None:
    hall = Hall(sample())
    hall.start("BUN-001")
    hall.walk_to(StepName.OUTCOME, plan=answers)  # type: ignore[arg-type]
    body = hall.view.body
    assert body.can_go_on  # type: ignore[union-attr]
    assert {m.id for m in body.materials} == materials  # type: ignore[union-attr]
    parts = {p.result for p in body.parts}  # type: ignore[union-attr]
    assert (parts == {"accept"}) is (len(items) == 2)
    hall.walk_to(StepName.SUBMITTED, plan=answers)  # type: ignore[arg-type]
    (effect,) = hall.of(Enqueue)
    draft = effect.draft  # type: ignore[attr-defined]
    assert [item for item, _ in draft.situations] == items
    assert {m.id for m in draft.materials} == materials
    keys = {key for key, _ in draft.form}
    assert ("account" in keys) == ("PEN-001" in items)
    assert ("home" in keys) == ("TRV-001" in items)
    pack = hall.visit.pack
    wanted = {pack.departments[pack.items[item].department].name.zh for item in items}
    assert set(hall.view.body.department.split("、")) == wanted  # type: ignore[union-attr]


def test_of_a_bundle_in_which_nothing_is_accepted_nothing_is_handed_in() -> None:
    hall = Hall(sample())
    hall.start("BUN-001")
    plan = {**ABROAD, "purpose": "work", "months": 2}
    hall.walk_to(StepName.OUTCOME, plan=plan)  # type: ignore[arg-type]
    assert not hall.view.body.can_go_on  # type: ignore[union-attr]
    hall.send(Next())
    assert hall.at is StepName.FAREWELL
    hall.send(Leave())
    assert not hall.of(Enqueue)


def test_a_part_that_is_not_possible_leaves_the_others() -> None:
    child = replace(APPLICANT, birth=date(2012, 1, 1))
    hall = Hall(sample(), cards={"applicant": child, "": OTHER})
    hall.send(ItemChosen("BUN-001"), TryQuestions(), Back())
    hall.send(Next())
    hall.walk_to(StepName.OUTCOME, plan={**ABROAD, "for_whom": "child"})  # type: ignore[arg-type]
    results = {p.item: p.result for p in hall.view.body.parts}  # type: ignore[union-attr]
    assert results == {"往来港澳签注": "accept", "社保待遇核准": "not-possible"}
    hall.walk_to(StepName.SUBMITTED, plan={**ABROAD, "for_whom": "child"})  # type: ignore[arg-type]
    (effect,) = hall.of(Enqueue)
    assert [item for item, _ in effect.draft.situations] == ["TRV-001"]  # type: ignore[attr-defined]
