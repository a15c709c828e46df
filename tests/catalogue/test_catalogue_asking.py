"""Asking well: eligibility, days since, a clock that is wrong, where it is offered, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from kiosk.catalogue.asking import because, changes
from kiosk.catalogue.check import prove
from kiosk.catalogue.engine import walk
from kiosk.catalogue.loader import load
from kiosk.catalogue.model import Hours, Matter, Offered, Result, Text, Tier
from kiosk.catalogue.offers import offered_here
from kiosk.catalogue_files import read_directory

BASE = read_directory(Path(__file__).parent / "broken" / "base")
TODAY = date(2026, 11, 21)
BORN = """\
eligibility:
  - id: adult
    text: {zh: 满十八岁, en: Aged 18 or older}
    when: {applicant.age: {at_least: 18}}
    reason: {zh: 满十八岁再来, en: Come when you are 18}
  - {id: insured, text: {zh: 已经参保, en: Insured}}
questions:
  - id: applicant_age
    known: applicant.age
    text: {zh: 几岁？, en: How old?}
    kind: number
    minimum: 0
    maximum: 130
  - id: born
    text: {zh: 孩子哪天出生？, en: When was the child born?}
    about: child
    kind: date
    earliest: 2000-01-01
form:
  - {use: contact_phone}
materials:
  - {use: household_book, from_whom: child, when: {born: {days_ago: {at_least: 60}}}}
situations:
  - {id: soon, name: {zh: 及时, en: In time}, when: {born: {days_ago: {under: 60}}}, result: accept}
  - id: late
    name: {zh: 晚了, en: Late}
    when: {born: {days_ago: {at_least: 60}}}
    result: accept
    materials: [household_book]
"""


def newborn(untrusted: str = "ask", rest: str = BORN) -> Matter:
    text = (
        BASE["items/abc-001.yaml"]
        .partition("questions:")[0]
        .replace("untrusted: ask", f"untrusted: {untrusted}")
        .replace(", when: {for_whom: child}", "")
        + rest
    )
    files = {path: one for path, one in BASE.items() if not path.startswith("bundles/")}
    pack = load({**files, "items/abc-001.yaml": text})
    assert prove(pack).findings == ()
    return pack.matters["ABC-001"]


def test_who_may_not_apply_is_told_first_and_asked_nothing() -> None:
    matter = newborn()
    assert [one.text.en for one in matter.eligibility] == ["Aged 18 or older", "Insured"]
    path = walk(matter, {}, {"applicant.age": 17}, TODAY)
    assert [(one.id, one.result) for _, one in path.situations] == [
        ("not_adult", Result.NOT_POSSIBLE)
    ]
    assert path.next is None
    assert not path.can_succeed
    assert path.minutes_left == 0


@pytest.mark.parametrize(
    ("born", "situation"),
    [(date(2026, 11, 21), "soon"), (date(2026, 9, 23), "soon"), (date(2026, 9, 22), "late")],
)
def test_a_rule_counts_days_to_today(born: date, situation: str) -> None:
    path = walk(newborn(), {"born": born}, {"applicant.age": 40}, TODAY)
    assert [one.id for _, one in path.situations] == [situation]
    assert path.can_succeed


def test_the_words_for_a_fact_are_no_question_of_their_own() -> None:
    matter = newborn()
    assert [one.id for one in matter.questions] == ["born"]
    assert [one.known for one in matter.fact_questions] == ["applicant.age"]
    assert "applicant.age" in walk(matter, {}, {}, TODAY).missing_facts


def test_without_a_clock_it_is_asked_how_long_ago() -> None:
    matter = newborn()
    path = walk(matter, {"born": date(2026, 9, 1)}, {"applicant.age": 40}, None)
    assert path.missing_facts == ("born.days_ago",)
    told = {"applicant.age": 40, "born.days_ago": 81}
    path = walk(matter, {"born": date(2026, 9, 1)}, told, None)
    assert [one.id for _, one in path.situations] == ["late"]
    # What was told does not stand against a clock that is right.
    path = walk(matter, {"born": date(2026, 11, 1)}, told, TODAY)
    assert [one.id for _, one in path.situations] == ["soon"]


def test_without_a_clock_a_counter_may_decide() -> None:
    matter = newborn("counter")
    path = walk(matter, {}, {}, None)
    assert path.complete
    assert path.result is Result.COUNTER
    assert not path.can_succeed
    assert path.materials == ()
    assert walk(matter, {}, {}, TODAY).result is None


def test_without_a_clock_eligibility_may_count_as_met() -> None:
    rest = BORN.replace("{days_ago: {at_least: 60}}", "{from: 2020-01-01}")
    rest = rest.replace("{days_ago: {under: 60}}", "{before: 2020-01-01}")
    matter = newborn("accept", rest)
    path = walk(matter, {"born": date(2021, 1, 1)}, {}, None)
    assert [one.id for _, one in path.situations] == ["late"]
    assert path.complete
    assert walk(matter, {"born": date(2021, 1, 1)}, {}, TODAY).missing_facts == ("applicant.age",)


def test_a_material_says_because_of_what_and_what_would_change_it() -> None:
    matter = newborn()
    answers, facts = {"born": date(2026, 9, 1)}, {"applicant.age": 40}
    path = walk(matter, answers, facts, TODAY)
    why = because(matter, path, "household_book")
    assert [(one.id, answer) for one, answer in why.answers] == [("born", date(2026, 9, 1))]
    base = load(BASE).matters["ABC-001"]
    found = changes(base, {"for_whom": "child", "lives_here": True}, {"applicant.age": 40}, TODAY)
    by_answer = {(one.question.id, one.answer): one for one in found}
    assert by_answer["lives_here", False].result is Result.COUNTER
    assert by_answer["lives_here", False].dropped == ("household_book",)
    assert by_answer["for_whom", "self"].result is Result.ACCEPT


def test_the_minutes_still_to_come_shrink() -> None:
    matter = newborn()
    begin = walk(matter, {}, {"applicant.age": 40}, TODAY)
    end = walk(matter, {"born": TODAY}, {"applicant.age": 40}, TODAY)
    assert begin.minutes_left > end.minutes_left > 0
    assert begin.can_succeed


def test_a_site_offers_what_its_tier_and_hours_allow() -> None:
    matter = newborn()
    assert offered_here(matter, "village", False, TODAY) is None
    where = Text("区大厅", "District hall")
    limited = replace(matter, offered=Offered((Tier.DISTRICT,), Hours.STAFFED, where))
    never = offered_here(limited, "village", True, TODAY)
    assert never is not None
    assert (never.key, never.where) == ("not-offered-here", where)
    later = offered_here(limited, "district", False, TODAY)
    assert later is not None
    assert later.key == "not-offered-now"
    assert offered_here(limited, "district", True, TODAY) is None


@pytest.mark.parametrize(
    ("today", "key"),
    [
        (date(2025, 12, 31), "not-offered-yet"),
        (date(2026, 1, 1), ""),
        (date(2026, 12, 31), ""),
        (date(2027, 1, 1), "not-offered-any-more"),
        (None, ""),  # a clock that may be wrong withholds nothing
    ],
)
def test_rules_are_followed_from_their_first_day_to_their_last(
    today: date | None, key: str
) -> None:
    matter = replace(newborn(), effective_until=date(2026, 12, 31))
    stop = offered_here(matter, "village", False, today)
    assert (stop.key if stop else "") == key
    if stop:
        assert stop.where == matter.guide.where
        assert stop.day in (matter.effective_from, matter.effective_until)


def test_a_bundle_is_in_force_while_all_of_its_items_are() -> None:
    files = dict(BASE)
    for name, begin, end in (
        ("abc-001", "2026-03-01", "2027-12-31"),
        ("abc-002", "2026-02-01", ""),
    ):
        text = files[f"items/{name}.yaml"]
        assert "effective: {from: 2026-01-01}" in text
        until = f", until: {end}" if end else ""
        files[f"items/{name}.yaml"] = text.replace(
            "effective: {from: 2026-01-01}", f"effective: {{from: {begin}{until}}}"
        )
    bundle = load(files).matters["BUN-001"]
    assert (bundle.effective_from, bundle.effective_until) == (
        date(2026, 3, 1),
        date(2027, 12, 31),
    )
