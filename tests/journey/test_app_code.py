"""A code from the province's app: who shows one is known, unless it is not theirs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from driver import APPLICANT, OTHER, RULES, Hall, sample

from devices.records import ScannedCode
from kiosk.contract import EvidenceKind
from kiosk.identity.papers import DataPage, PaperKind, Proof
from kiosk.journey.effects import AskWhose, ReadCode, StopCode
from kiosk.journey.events import (
    Back,
    CardRead,
    CodeFailed,
    CodeOwner,
    CodeRefused,
    CodeSeen,
    ConsentRefused,
    DataPageRead,
    Leave,
    OtherWay,
    RungChosen,
    TryAgain,
    WorldChanged,
)
from kiosk.journey.submit import draft_of
from kiosk.journey.terms import Rung, StepName
from kiosk.journey.views import OtherWayView
from kiosk.journey.visit import World
from kiosk.wire import document_of

WITH_CODES = replace(RULES, app_codes=True)
ADULT = {
    "for_whom": "me",
    "purpose": "tourism",
    "permit_until": date(2030, 1, 1),
    "lost": False,
}
CODE = "YBM1:" + "A" * 26
SEEN = CodeSeen(1, ScannedCode(CODE, "qr-code"))
OWN = CodeOwner(1, PaperKind.RESIDENT, APPLICANT.name, APPLICANT.number)
OTHERS = CodeOwner(1, PaperKind.RESIDENT, OTHER.name, OTHER.number)


def at_ladder(*, card: bool = True, item: str = "TRV-001", **world: bool) -> Hall:
    """The ladder, with the applicant's card read or without any."""
    hall = Hall(sample(), rules=WITH_CODES, world=World(**world))  # type: ignore[arg-type]
    hall.start(item)
    if not card:
        hall.send(OtherWay())
    else:
        hall.send(CardRead(1, APPLICANT))
        hall.wait(3)
        hall.send(ConsentRefused())
    assert hall.at is StepName.OTHER_WAY
    return hall


def at_code(*, card: bool = True, item: str = "TRV-001", **world: bool) -> Hall:
    hall = at_ladder(card=card, item=item, **world)
    hall.send(RungChosen(Rung.APP_CODE))
    assert body(hall).code == "waiting"
    return hall


def body(hall: Hall) -> OtherWayView:
    shown = hall.view.body
    assert isinstance(shown, OtherWayView)
    return shown


def line(hall: Hall) -> tuple[bool, str]:
    found = next(one for one in body(hall).rungs if one.rung is Rung.APP_CODE)
    return found.possible, found.reason_key


def notice(hall: Hall) -> str:
    shown = hall.view.frame.notice
    return shown.key if shown is not None else ""


def evidence(hall: Hall) -> list[tuple[EvidenceKind, str | None]]:
    hall.walk_to(StepName.OUTCOME, plan=ADULT)
    draft = draft_of(hall.visit, hall.now)
    document = document_of(
        draft, number="LW042-00001-7", application_id="0" * 32, pledge_text="\u2026"
    )
    return [(one.kind, one.proof) for one in document.parties[0].evidence]


# -- what is said before anything is shown ----------------------------------------------


def test_without_the_line_it_is_said_before_a_phone_is_taken_out() -> None:
    hall = at_ladder(line_up=False)
    assert line(hall) == (False, "rung.app-code.line-down")
    hall.send(RungChosen(Rung.APP_CODE))
    assert body(hall).code == ""
    assert not hall.of(ReadCode)
    hall.send(WorldChanged(line_up=True))
    assert line(hall) == (True, "rung.app-code.hint")


def test_a_terminal_that_sees_no_codes_does_not_offer_it() -> None:
    hall = at_ladder(scanner_ok=False, document_camera_ok=False)
    assert line(hall) == (False, "rung.app-code.not-here")
    hall = Hall(sample(), rules=RULES)
    hall.start("TRV-001")
    hall.send(OtherWay())
    assert line(hall) == (False, "rung.app-code.not-here"), "the backend knows no codes"


@pytest.mark.parametrize(
    ("scanner", "camera", "sees"),
    [(True, True, "both"), (True, False, "scanner"), (False, True, "camera")],
)
def test_whatever_can_see_a_code_looks_for_it(scanner: bool, camera: bool, sees: str) -> None:
    hall = at_code(scanner_ok=scanner, document_camera_ok=camera)
    assert body(hall).sees == sees
    (effect,) = hall.of(ReadCode)
    assert isinstance(effect, ReadCode)
    assert effect.camera is camera


# -- whose it is ------------------------------------------------------------------------


def test_the_code_of_who_put_the_card_down_takes_the_place_of_the_camera() -> None:
    hall = at_code()
    hall.send(SEEN)
    assert body(hall).code == "asking"
    (asked,) = hall.of(AskWhose)
    assert asked == AskWhose(CODE)
    hall.send(OWN)
    assert body(hall).code == "known"
    assert body(hall).name == "欧**"
    assert hall.view.frame.verified
    hall.wait(3)
    assert hall.at is StepName.QUESTIONS
    assert not hall.view.frame.back, "Back does not cross the verification"
    card = hall.visit.parties["applicant"].card
    assert card.proof is Proof.SAM, "the card stays what was read"
    assert evidence(hall) == [(EvidenceKind.CARD, "sam"), (EvidenceKind.APP_CODE, None)]


def test_without_a_card_the_code_says_who_it_is() -> None:
    hall = at_code(card=False)
    hall.send(SEEN, OWN)
    hall.wait(3)
    assert hall.at is StepName.QUESTIONS
    party = hall.visit.parties["applicant"]
    assert (party.card.number, party.card.birth) == (APPLICANT.number, date(1964, 3, 4))
    assert (party.card.sex, party.card.proof) == (APPLICANT.sex, Proof.APP)
    assert evidence(hall) == [(EvidenceKind.APP_CODE, None)], "no card was read, none is claimed"


def test_an_item_that_asks_for_a_card_alone_takes_a_code_for_it() -> None:
    hall = at_code(card=False, item="CRT-001")
    hall.send(SEEN, OWN)
    hall.wait(3)
    assert hall.at not in (StepName.OTHER_WAY, StepName.IDENTIFY, StepName.VERIFY_FACE)


def test_somebody_elses_code_is_refused_and_changes_nothing() -> None:
    hall = at_code()
    before = hall.visit.parties
    hall.send(SEEN, OTHERS)
    assert (body(hall).code, notice(hall)) == ("failed", "code-other-person")
    assert hall.visit.parties == before
    assert not hall.view.frame.verified
    hall.send(TryAgain(), SEEN, OWN)
    assert body(hall).code == "known"


# -- what goes wrong --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "key"),
    [
        ("ID-07", "code-not-identity"),
        ("ID-08", "code-expired"),
        ("ID-09", "code-used"),
        ("NW-01", "code-line-down"),
        ("NW-02", "central-nonsense"),
        ("NW-03", "central-refused"),
    ],
)
def test_a_code_that_tells_nobody_is_said_and_can_be_shown_again(code: str, key: str) -> None:
    hall = at_code()
    hall.send(SEEN, CodeRefused(1, code))
    assert (body(hall).code, notice(hall)) == ("failed", key)
    hall.send(TryAgain())
    assert (body(hall).code, notice(hall)) == ("waiting", "")
    assert len(hall.of(ReadCode)) == 2


@pytest.mark.parametrize(
    ("code", "key"),
    [
        ("SC-01", "code-reader-absent"),
        ("SC-02", "code-not-shown"),
        ("SC-03", "code-unreadable"),
        ("CM-01", "code-reader-absent"),
    ],
)
def test_no_code_at_all_is_said(code: str, key: str) -> None:
    hall = at_code()
    hall.send(CodeFailed(1, code))
    assert (body(hall).code, notice(hall)) == ("failed", key)


def test_the_lines_of_a_passport_are_no_code() -> None:
    hall = at_code()
    hall.send(DataPageRead(1, DataPage("E00000001", "850820", "340623")))
    assert notice(hall) == "code-not-identity"


def test_back_leads_to_the_ladder_and_stops_looking() -> None:
    hall = at_code()
    hall.send(Back())
    assert body(hall).code == ""
    assert isinstance(hall.effects[-1], StopCode)
    hall.send(SEEN, OWN)
    assert not hall.view.frame.verified, "an answer that nobody waits for"


def test_nobody_goes_back_while_the_backend_is_asked_and_leaving_ends_it() -> None:
    hall = at_code()
    hall.send(SEEN)
    assert not hall.view.frame.back
    hall.send(Leave())
    assert hall.at is StepName.WELCOME


def test_an_answer_without_a_question_is_nobody() -> None:
    hall = at_code()
    hall.send(OWN)
    assert body(hall).code == "waiting"
    assert not hall.view.frame.verified


def test_asking_is_not_idling() -> None:
    hall = at_code()
    hall.send(SEEN)
    hall.wait(1000)
    assert body(hall).code == "asking"
