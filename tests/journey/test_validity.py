"""Whether a card is valid, how old somebody is, and what a card tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from driver import APPLICANT
from hypothesis import given
from hypothesis import strategies as st

from devices.records import CardLayout, Sex
from kiosk.identity.papers import paper_of
from kiosk.identity.validity import Today, Validity, age, facts, masked, validity

DAY = date(2026, 3, 3)
DAYS = st.dates(date(1900, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("birth", "on", "years"),
    [
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2008, 2, 29), date(2028, 2, 29), 20),
        (date(2008, 11, 21), date(2026, 11, 20), 17),
        (date(2008, 11, 21), date(2026, 11, 21), 18),
        (date(2026, 11, 21), date(2026, 11, 21), 0),
        (date(1999, 12, 31), date(2000, 1, 1), 0),
    ],
)
def test_completed_years(birth: date, on: date, years: int) -> None:
    assert age(birth, on) == years


@given(birth=DAYS, on=DAYS)
def test_a_year_passes_on_the_birthday_and_on_no_other_day(birth: date, on: date) -> None:
    if on == date.max:
        return
    after = date.fromordinal(on.toordinal() + 1)
    grown = age(birth, after) - age(birth, on)
    birthday = (after.month, after.day) == (birth.month, birth.day)
    leap_born = (birth.month, birth.day) == (2, 29) and (after.month, after.day) == (3, 1)
    skipped = leap_born and (on.month, on.day) == (2, 28)
    assert grown == int(birthday or skipped)


@given(valid_from=st.none() | DAYS, valid_to=st.none() | DAYS, day=DAYS, trusted=st.booleans())
def test_a_card_is_refused_for_a_reason_only(
    valid_from: date | None, valid_to: date | None, day: date, trusted: bool
) -> None:
    card = replace(APPLICANT, valid_from=valid_from, valid_to=valid_to, long_term=valid_to is None)
    found = validity(paper_of(card, DAY), Today(day, trusted))
    ended = valid_to is not None and valid_to < day
    early = valid_from is not None and valid_from > day
    assert (found is Validity.EXPIRED) == ended
    assert (found is Validity.NOT_YET) == (early and trusted and not ended)


def test_a_long_term_card_does_not_end() -> None:
    card = replace(APPLICANT, valid_to=None, long_term=True)
    assert validity(paper_of(card, DAY), Today(date(2999, 1, 1), True)) is Validity.VALID


@pytest.mark.parametrize(
    ("layout", "sex", "address", "told"),
    [
        (
            CardLayout.RESIDENT,
            Sex.FEMALE,
            "浙江省温州市龙湾区",
            {"card_kind": "resident", "sex": "female", "residence": "local"},
        ),
        (
            CardLayout.PERMIT,
            Sex.MALE,
            "福建省厦门市",
            {"card_kind": "permit", "sex": "male", "residence": "elsewhere"},
        ),
        (CardLayout.FOREIGN_2017, Sex.UNKNOWN, "", {"card_kind": "foreign"}),
        (CardLayout.FOREIGN_2023, Sex.UNSTATED, "", {"card_kind": "foreign"}),
    ],
)
def test_what_a_card_tells(
    layout: CardLayout, sex: Sex, address: str, told: dict[str, str]
) -> None:
    card = replace(APPLICANT, layout=layout, sex=sex, address=address)
    prefixes = ("浙江省温州市", "温州市")
    assert facts(paper_of(card, DAY), Today(date(2026, 3, 3), False), prefixes) == told
    trusted = facts(paper_of(card, DAY), Today(date(2026, 3, 3), True), prefixes)
    assert trusted == {**told, "age": 61}


def test_who_has_moved_lives_where_the_chip_says_and_not_the_print() -> None:
    card = replace(APPLICANT, address="福建省厦门市", added_addresses=("北京市", "浙江省温州市"))
    paper = paper_of(card, DAY)
    assert paper.address == "浙江省温州市"
    assert facts(paper, Today(DAY, True), ("浙江省温州市",))["residence"] == "local"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("欧阳媚", "欧**"),
        ("  陈 ", "陈**"),
        ("\ue863", "\ue863**"),
        ("\U00020bb7野", "\U00020bb7**"),
        ("Anne", "A**"),
        ("", ""),
        ("  ", ""),
    ],
)
def test_a_name_on_the_screen(name: str, shown: str) -> None:
    assert masked(name) == shown
