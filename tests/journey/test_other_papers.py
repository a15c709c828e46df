"""Social-security cards and travel documents in a visit: what opens them, and what they prove."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from driver import NOON, OTHER, RULES, Hall, sample, sample_with

from devices.records import (
    ChipAccess,
    ChipAuthenticity,
    Portrait,
    PortraitFormat,
    Sex,
    SocialCard,
    TravelDocument,
)
from kiosk.identity.papers import DataPage, PaperKind, Proof, paper_of
from kiosk.identity.validity import Today, facts, masked
from kiosk.journey.effects import MatchFace, ReadCard, ReadCode, StopCode
from kiosk.journey.events import (
    Back,
    CardFailed,
    CardFound,
    CardRead,
    CardStays,
    ConsentGiven,
    DataPageRead,
    FieldTyped,
    Leave,
    Next,
    OtherWay,
    RungChosen,
    TryAgain,
    WorldChanged,
)
from kiosk.journey.steps.identify import badge_of
from kiosk.journey.submit import draft_of
from kiosk.journey.terms import Rung, StepName
from kiosk.wire import document_of

SOCIAL = SocialCard(
    name="陈秀英",
    number="990102195304120021",
    sex=Sex.FEMALE,
    nation="01",
    birthplace="990102",
    birth=None,
    card_id="1",
    card_type="3",
    version="3.00",
    institution="",
    issued=date(2019, 5, 20),
    expires=date(2029, 5, 20),
    card_number="A1",
)
PASSPORT = TravelDocument(
    document_code="P",
    issuing_state="UTO",
    number="L898902C3",
    surname="SAMPLE",
    given_names="ANNA MARIA",
    nationality="UTO",
    sex=Sex.FEMALE,
    birth_yymmdd="690806",
    expiry_yymmdd="340623",
    optional="",
    mrz="",
    portrait=None,
    access=ChipAccess.PACE,
    authenticity=ChipAuthenticity.NOT_AUTHENTICATED,
    authenticity_detail="no certificate",
)
FACE = Portrait(PortraitFormat.RGB, bytes(102 * 126 * 3))
PAGE = DataPage("L898902C3", "690806", "340623")
TYPED = (("number", "L898902C3"), ("birth", "1969-08-06"), ("expiry", "2034-06-23"))
BOTH = WorldChanged(chip_cards=True)


def at_reader(item: str = "TRV-001") -> Hall:
    hall = Hall(sample())
    hall.send(BOTH)
    hall.start(item)
    assert hall.at is StepName.IDENTIFY
    return hall


def asked(hall: Hall) -> tuple[str, str]:
    body = hall.view.body
    return body.state, body.asked  # type: ignore[union-attr]


def notice(hall: Hall) -> str:
    told = hall.view.frame.notice
    return told.key if told is not None else ""


def type_page(hall: Hall) -> None:
    for name, text in TYPED:
        assert asked(hall) == ("key", name)
        hall.send(FieldTyped(name, text), Next())


# -- what the screen offers -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "world", "accepts"),
    [
        ("TRV-001", WorldChanged(chip_cards=False), "id"),
        ("TRV-001", WorldChanged(chip_cards=True), "id-or-passport"),
        ("TRV-001", WorldChanged(chip_cards=True, id_cards=False), "passport"),
        ("PEN-001", WorldChanged(chip_cards=True), "id-or-any"),
        ("PEN-001", WorldChanged(chip_cards=True, id_cards=False), "any"),
    ],
)
def test_only_cards_that_help_are_asked_for(item: str, world: WorldChanged, accepts: str) -> None:
    hall = Hall(sample())
    hall.send(world)
    hall.start(item)
    assert hall.view.body.accepts == accepts  # type: ignore[union-attr]


# -- a social-security card -------------------------------------------------------------------


def test_a_social_security_card_is_an_identity_without_a_portrait() -> None:
    hall = at_reader("PEN-001")
    hall.send(CardFound(1), CardRead(1, SOCIAL))
    assert hall.view.body.paper == "social"  # type: ignore[union-attr]
    card = hall.visit.parties["applicant"].card
    assert (card.kind, card.proof) == (PaperKind.SOCIAL_SECURITY, Proof.NOT_AUTHENTICATED)
    assert card.birth == date(1953, 4, 12), "the ID number tells it where the card does not"
    hall.wait(3)
    assert hall.at is not StepName.IDENTIFY


def test_where_a_face_is_asked_for_it_leads_to_the_other_ways_without_a_camera() -> None:
    hall = at_reader()
    hall.send(CardRead(1, SOCIAL))
    hall.wait(3)
    assert hall.at is StepName.OTHER_WAY
    assert notice(hall) == "face-no-portrait"
    assert not hall.of(MatchFace)
    hall.send(RungChosen(Rung.OTHER_CARD))
    assert hall.at is StepName.IDENTIFY
    assert not hall.visit.parties


def test_an_expired_social_security_card_is_not_sent_to_the_police() -> None:
    hall = at_reader("PEN-001")
    hall.send(CardRead(1, replace(SOCIAL, expires=date(2020, 1, 1))))
    assert notice(hall) == "card-expired-other"
    assert not hall.visit.parties


def test_nobody_vouches_with_a_card_that_anyone_could_have_made() -> None:
    badge = badge_of(SOCIAL.number, "salt")
    assisted = sample_with("items/trv-001.yaml", "sign: true\n", "sign: true\nassisted: true\n")
    hall = Hall(assisted, rules=replace(RULES, badge_salt="salt", badges=(badge,)))
    hall.send(BOTH)
    hall.start("TRV-001")
    hall.send(WorldChanged(staffed=True), CardRead(1, OTHER))
    hall.wait(3)
    hall.send(OtherWay(), RungChosen(Rung.AUTHORISED_PERSON))
    (*_, effect) = hall.of(ReadCard)
    assert not effect.chips, "a badge is an ID card: the other readers are not asked"  # type: ignore[attr-defined]
    assert hall.view.body.accepts == "id"  # type: ignore[union-attr]
    hall.send(CardRead(1, SOCIAL))
    assert notice(hall) == "not-authorised"


@pytest.mark.parametrize(
    ("card", "told"),
    [
        (SOCIAL, {"card_kind": "resident", "age": 73, "sex": "female"}),
        (replace(SOCIAL, number="830000199211050009"), {"card_kind": "permit"}),
        (replace(SOCIAL, nation=""), {"sex": "female"}),
        (PASSPORT, {"age": 57, "sex": "female"}),
        (replace(PASSPORT, birth_yymmdd="<<<<<<"), {"sex": "female"}),
    ],
)
def test_what_a_paper_does_not_tell_is_left_to_be_asked(card: object, told: dict[str, int]) -> None:
    found = facts(paper_of(card, NOON.date()), Today(NOON.date(), True), ())  # type: ignore[arg-type]
    assert told.items() <= found.items()
    if "card_kind" not in told:
        assert "card_kind" not in found


# -- a travel document ------------------------------------------------------------------------


def test_a_locked_document_asks_for_its_data_page_and_is_opened_with_it() -> None:
    hall = at_reader()
    hall.send(CardFound(1), CardFailed(1, "RD-23"))
    assert notice(hall) == "", "nothing went wrong"
    assert not hall.view.frame.next_enabled
    type_page(hall)
    (*_, effect) = hall.of(ReadCard)
    assert effect.page == PAGE  # type: ignore[attr-defined]
    hall.send(CardFound(1), CardRead(1, PASSPORT, b"png", FACE))
    card = hall.visit.parties["applicant"].card
    assert (card.kind, card.english_name) == (PaperKind.PASSPORT, "SAMPLE, ANNA MARIA")
    hall.wait(3)
    assert hall.at is StepName.VERIFY_FACE
    assert getattr(hall.view.body, "paper", "") == "passport", "it is no card that is spoken of"
    hall.send(ConsentGiven())
    (match,) = hall.of(MatchFace)
    assert match.portrait == FACE  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("native", "name"),
    [("王小明", "王小明"), ("", "SAMPLE, ANNA MARIA"), ("Иванов Пётр", "SAMPLE, ANNA MARIA")],
)
def test_a_passport_s_chinese_name_is_the_name(native: str, name: str) -> None:
    hall = at_reader("PEN-001")
    hall.send(CardRead(1, replace(PASSPORT, native_name=native)))
    assert hall.view.body.name == masked(name)  # type: ignore[union-attr]
    hall.wait(3)
    draft = draft_of(hall.visit, hall.now)
    assert draft.parties[0].name == name
    assert hall.visit.parties["applicant"].card.english_name == "SAMPLE, ANNA MARIA"


def test_a_wrong_data_page_is_shown_to_be_mended() -> None:
    hall = at_reader()
    hall.send(CardFailed(1, "RD-23"))
    type_page(hall)
    hall.send(CardFound(1), CardFailed(1, "RD-24"))
    assert notice(hall) == "data-page-wrong"
    assert asked(hall) == ("key", "number")
    assert hall.view.body.value == "L898902C3"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("field", "text", "error"),
    [
        (0, "--", "number"),
        (0, "护照", "number"),
        (1, "1969-02-30", "date"),
        (2, "2034-06-", "date"),
    ],
)
def test_what_cannot_be_is_said_before_the_chip_is_asked(field: int, text: str, error: str) -> None:
    hall = at_reader()
    hall.send(CardFailed(1, "RD-23"))
    for name, right in TYPED[:field]:
        hall.send(FieldTyped(name, right), Next())
    reads = len(hall.of(ReadCard))
    hall.send(FieldTyped(TYPED[field][0], text), Next())
    assert hall.view.body.error_key == f"identify.key.error.{error}"  # type: ignore[union-attr]
    assert len(hall.of(ReadCard)) == reads
    hall.send(FieldTyped(*TYPED[field]))
    assert not hall.view.body.error_key  # type: ignore[union-attr]


def test_back_leads_from_field_to_field_and_then_to_the_card() -> None:
    hall = at_reader()
    hall.send(CardFailed(1, "RD-23"), FieldTyped(*TYPED[0]), Next())
    assert asked(hall) == ("key", "birth")
    hall.send(Back())
    assert asked(hall) == ("key", "number")
    hall.send(Back())
    assert hall.view.body.state == "waiting"  # type: ignore[union-attr]
    (*_, effect) = hall.of(ReadCard)
    assert effect.page is None  # type: ignore[attr-defined]


def test_a_document_taken_away_is_read_again_without_typing() -> None:
    hall = at_reader()
    hall.send(CardFailed(1, "RD-23"))
    type_page(hall)
    hall.send(CardFound(1), CardFailed(1, "RD-07"), TryAgain())
    (*_, effect) = hall.of(ReadCard)
    assert effect.page == PAGE  # type: ignore[attr-defined]


def test_the_scanner_reads_the_data_page_instead() -> None:
    hall = at_reader()
    hall.send(WorldChanged(scanner_ok=True), CardFailed(1, "RD-23"))
    assert hall.view.body.can_scan  # type: ignore[union-attr]
    assert len(hall.of(ReadCode)) == 1
    hall.send(DataPageRead(1, PAGE))
    (*_, effect) = hall.of(ReadCard)
    assert effect.page == PAGE  # type: ignore[attr-defined]
    assert len(hall.of(StopCode)) == 1


def test_nobody_waits_for_a_code_after_the_visit() -> None:
    hall = at_reader()
    hall.send(WorldChanged(scanner_ok=True), CardFailed(1, "RD-23"), Leave())
    assert len(hall.of(StopCode)) == 1
    assert hall.at is StepName.WELCOME


@pytest.mark.parametrize("card", [SOCIAL, PASSPORT])
def test_what_was_not_authenticated_is_recorded_so(card: SocialCard | TravelDocument) -> None:
    hall = at_reader("PEN-001")
    hall.send(CardRead(1, card))
    hall.wait(3)
    draft = draft_of(hall.visit, hall.now)
    document = document_of(
        draft, number="LW042-00001-1", application_id=f"{1:032x}", pledge_text="t"
    )
    party = document.parties[0]
    assert party.evidence[0].proof == "not-authenticated"
    assert not party.long_term
    kinds = {SOCIAL: "social-security", PASSPORT: "passport"}
    assert party.document_kind.value == kinds[card]


# -- taken up again -----------------------------------------------------------------------------


def test_a_card_that_is_known_to_lie_there_is_waited_for() -> None:
    hall = at_reader("PEN-001")
    hall.send(WorldChanged(card_lies=True), CardRead(1, SOCIAL))
    hall.wait(5)
    assert hall.view.body.state == "read"  # type: ignore[union-attr]
    hall.send(WorldChanged(card_lies=False))
    hall.wait(0.1)
    assert hall.at is not StepName.IDENTIFY


def test_a_card_that_stays_is_not_waited_for_without_end() -> None:
    hall = at_reader("PEN-001")
    hall.send(WorldChanged(card_lies=True), CardRead(1, SOCIAL))
    hall.wait(RULES.card_lies_s + 1)
    assert hall.at is not StepName.IDENTIFY


def test_another_card_is_read_as_soon_as_it_is_put_down() -> None:
    hall = at_reader("PEN-001")
    hall.send(WorldChanged(card_lies=True), CardFailed(1, "RD-10"))
    assert notice(hall) == "card-not-usable"
    reads = len(hall.of(ReadCard))
    hall.send(WorldChanged(card_lies=False))
    assert len(hall.of(ReadCard)) == reads
    hall.send(WorldChanged(card_lies=True))
    assert len(hall.of(ReadCard)) == reads + 1
    hall.send(CardFound(1))
    assert notice(hall) == "", "what was said of the other card is over"


def test_another_card_is_asked_for_only_once_the_first_is_gone() -> None:
    hall = at_reader()
    hall.send(CardStays(1, True))
    assert hall.view.body.state == "occupied"  # type: ignore[union-attr]
    hall.send(CardStays(1, False))
    assert hall.view.body.state == "waiting"  # type: ignore[union-attr]
    hall.send(CardStays(1, True), CardFound(1))
    assert hall.view.body.state == "reading", "an ID card on the other reader is read"  # type: ignore[union-attr]


def test_a_forgotten_card_is_told_of_on_the_first_screen_until_it_is_gone() -> None:
    hall = Hall(sample())
    hall.send(WorldChanged(card_left=True))
    assert notice(hall) == "card-left"
    assert hall.visit.pristine
    hall.send(WorldChanged(card_left=False))
    assert notice(hall) == ""
