"""The catalogue that is shipped: proven case by case, and held to what policy staff decided.

Each row of `CASES` is one person who comes to the terminal: what they answer, what their
card tells, and where that leads. The rows are written from the rules of the item, not from
the files, so that a slip in a file shows here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from itertools import combinations
from pathlib import Path

import pytest
from catalogue_sample import shipped

from kiosk.catalogue.check import prove
from kiosk.catalogue.conditions import keys
from kiosk.catalogue.engine import validate, walk
from kiosk.catalogue.model import (
    Answer,
    Assurance,
    Fact,
    Item,
    Kind,
    Option,
    Pack,
    PartyIdentity,
    Question,
    Result,
    Source,
    Text,
)

DIRECTORY = Path(__file__).resolve().parents[2] / "config" / "catalogue"
ACCEPT, COUNTER, NOT_POSSIBLE = Result.ACCEPT, Result.COUNTER, Result.NOT_POSSIBLE

MAX_QUESTION_CHARS = 14
MAX_OPTION_CHARS = 10
MAX_HINT_CHARS = 20
MAX_CASES_PER_ITEM = 20_000
MAX_PAGES_PER_ITEM = 7  # questions that one resident is asked for one item

CODES = {
    "CRJ-001": "approvals",
    "MB-001": "approvals",
    "GSH-001": "approvals",
    "SB-001": "certificates",
    "JT-001": "transport",
    "SB-002": "social",
    "SMK-001": "card",
    "FC-001": "housing",
    "FC-002": "housing",
    "YS-001": "health",
    "YB-001": "health",
    "SF-001": "payments",
    "HJ-001": "household",
    "GG-001": "public",
}
GROUPS = (
    "approvals",
    "certificates",
    "transport",
    "social",
    "card",
    "housing",
    "health",
    "payments",
    "household",
    "public",
)

Facts = dict[str, Fact]
Answers = dict[str, Answer]


def of(
    role: str = "applicant",
    *,
    age: int = 40,
    sex: str = "female",
    card_kind: str = "resident",
    residence: str = "local",
) -> Facts:
    """What the card of one party tells."""
    told: Facts = {"age": age, "sex": sex, "card_kind": card_kind, "residence": residence}
    return {f"{role}.{name}": value for name, value in told.items()}


@pytest.fixture(scope="module")
def pack() -> Pack:
    return shipped()


SELF: Answers = {"for_whom": "self", "permit_state": "valid"}
CHILD: Answers = {"for_whom": "child", "child_permit_state": "valid"}
PERMIT_PAPERS = "resident_id_card travel_permit photo"
CHILD_PAPERS = "resident_id_card child_permit household_book photo"
RETIRES: Answers = {"retire_way": "at_age", "paid_15_years": "enough", "early_work": False}
PENSION_PAPERS = "id_card pension_card pension_request"
HOUSEHOLDER = of("householder", age=50, sex="male")
HERE: Answers = {"householder_here": True}
MOVE_PAPERS = "resident_id_card householder_id_card householder_book"
RENTAL: Answers = {"home_owned": "none", "household_size": 3, "family_income": 10}
RENTAL_PAPERS = "id_card family_book"
NEW_DOCTOR: Answers = {"doctor_grade": "doctor", "visit_form": "regular", "same_scope": True}
SELLER: Answers = {"goods": "daily", "wants_trade_name": False}
SCHOOL: Answers = {"acting_as": "legal_representative", "fire_passed": True}
SCHOOL_PAPERS = "id_card setup_request charter capital_proof teacher_list"
AWAY: Answers = {"insured_here": True, "care_place": "other_province"}
KEPT: Answers = {"identity_changed": False, "same_bank": "keep"}

# (item, answers, facts, situation, result, materials)
CASES: tuple[tuple[str, Answers, Facts, str, Result, str], ...] = (
    # 往来港澳签注
    (
        "CRJ-001",
        {
            **SELF,
            "destination": "hongkong",
            "purpose": "tourism",
            "travel_times": "once_year",
            "registered_staff": False,
        },
        of(),
        "tourism",
        ACCEPT,
        PERMIT_PAPERS,
    ),
    (
        "CRJ-001",
        {
            **SELF,
            "destination": "both",
            "purpose": "tourism",
            "travel_times": "twice_year",
            "registered_staff": True,
        },
        of(residence="elsewhere"),
        "tourism",
        ACCEPT,
        f"{PERMIT_PAPERS} staff_opinion",
    ),
    (
        "CRJ-001",
        {**CHILD, "destination": "macau", "purpose": "tourism", "travel_times": "once_year"},
        {},
        "tourism",
        ACCEPT,
        CHILD_PAPERS,
    ),
    (
        "CRJ-001",
        {
            **SELF,
            "destination": "hongkong",
            "purpose": "family",
            "relative": "spouse",
            "registered_staff": False,
        },
        of(),
        "visit_spouse",
        ACCEPT,
        f"{PERMIT_PAPERS} marriage_certificate relative_identity",
    ),
    (
        "CRJ-001",
        {
            **SELF,
            "destination": "macau",
            "purpose": "family",
            "relative": "parent_or_child",
            "registered_staff": True,
        },
        of(),
        "visit_parent_or_child",
        ACCEPT,
        f"{PERMIT_PAPERS} kinship_paper relative_identity staff_opinion",
    ),
    (
        "CRJ-001",
        {**CHILD, "destination": "hongkong", "purpose": "family", "child_visits": "parent"},
        {},
        "child_visits_parent",
        ACCEPT,
        f"{CHILD_PAPERS} kinship_paper relative_identity",
    ),
    (
        "CRJ-001",
        {**SELF, "destination": "hongkong", "purpose": "family", "relative": "other"},
        of(),
        "visit_other_relative",
        COUNTER,
        "",
    ),
    (
        "CRJ-001",
        {
            **SELF,
            "destination": "both",
            "purpose": "business",
            "company_filed": True,
            "registered_staff": False,
        },
        of(),
        "business",
        ACCEPT,
        f"{PERMIT_PAPERS} business_letter",
    ),
    (
        "CRJ-001",
        {**SELF, "destination": "macau", "purpose": "business", "company_filed": False},
        of(),
        "business_not_filed",
        COUNTER,
        "",
    ),
    (
        "CRJ-001",
        {**CHILD, "destination": "macau", "purpose": "business"},
        {},
        "business_child",
        NOT_POSSIBLE,
        "",
    ),
    (
        "CRJ-001",
        {**SELF, "destination": "macau", "purpose": "stay", "registered_staff": False},
        of(),
        "stay",
        ACCEPT,
        f"{PERMIT_PAPERS} entry_permit",
    ),
    (
        "CRJ-001",
        {**SELF, "destination": "both", "purpose": "stay"},
        of(),
        "two_places",
        COUNTER,
        "",
    ),
    (
        "CRJ-001",
        {"for_whom": "self", "permit_state": "never"},
        of(),
        "no_valid_permit",
        COUNTER,
        "",
    ),
    (
        "CRJ-001",
        {"for_whom": "child", "child_permit_state": "expired"},
        {},
        "no_valid_permit",
        COUNTER,
        "",
    ),
    ("CRJ-001", {"for_whom": "self"}, of(age=15), "self_under_16", COUNTER, ""),
    ("CRJ-001", {"for_whom": "self"}, of(card_kind="permit"), "not_mainland", NOT_POSSIBLE, ""),
    ("CRJ-001", {"for_whom": "other"}, {}, "for_other", COUNTER, ""),
    # 社保参保证明, 不动产查询, 水费查询: nothing to ask, nothing to bring
    ("SB-001", {}, {}, "own_record", ACCEPT, ""),
    ("FC-001", {}, {}, "own_record", ACCEPT, ""),
    ("SF-001", {}, {}, "own_record", ACCEPT, ""),
    # 社保待遇核准
    (
        "SB-002",
        {**RETIRES, "insured_as": "employee"},
        of(age=60, sex="male"),
        "employee_due",
        ACCEPT,
        f"{PENSION_PAPERS} employer_declaration",
    ),
    (
        "SB-002",
        {**RETIRES, "insured_as": "employee"},
        of(age=59, sex="male"),
        "not_yet",
        NOT_POSSIBLE,
        "",
    ),
    (
        "SB-002",
        {**RETIRES, "insured_as": "employee", "job_kind": "worker", "early_work": True},
        of(age=50),
        "employee_due",
        ACCEPT,
        f"{PENSION_PAPERS} employer_declaration work_archive",
    ),
    (
        "SB-002",
        {**RETIRES, "insured_as": "employee", "job_kind": "staff"},
        of(age=54),
        "not_yet",
        NOT_POSSIBLE,
        "",
    ),
    (
        "SB-002",
        {**RETIRES, "insured_as": "employee", "job_kind": "staff", "retire_way": "elastic"},
        of(age=55),
        "employee_due",
        ACCEPT,
        f"{PENSION_PAPERS} employer_declaration elastic_notice",
    ),
    (
        "SB-002",
        {**RETIRES, "insured_as": "flexible", "paid_15_years": "unsure"},
        of(age=55),
        "flexible_due",
        ACCEPT,
        PENSION_PAPERS,
    ),
    (
        "SB-002",
        {**RETIRES, "insured_as": "flexible", "paid_15_years": "short"},
        of(age=62, sex="male"),
        "paid_too_short",
        COUNTER,
        "",
    ),
    (
        "SB-002",
        {"insured_as": "rural_urban", "paid_15_years": "enough"},
        of(age=60),
        "rural_urban_due",
        ACCEPT,
        PENSION_PAPERS,
    ),
    ("SB-002", {"insured_as": "rural_urban"}, of(age=59), "not_yet", NOT_POSSIBLE, ""),
    (
        "SB-002",
        {"insured_as": "employee", "retire_way": "early"},
        of(age=45),
        "early_retirement",
        COUNTER,
        "",
    ),
    ("SB-002", {"insured_as": "public_sector"}, of(age=60), "public_sector", COUNTER, ""),
    # 户口投靠
    (
        "HJ-001",
        {
            **HERE,
            "join_whom": "spouse",
            "married_where": "this_province",
            "householder_home": "own",
        },
        {**of(age=30), **HOUSEHOLDER},
        "join_spouse",
        ACCEPT,
        f"{MOVE_PAPERS} marriage_record home_record householder_consent",
    ),
    (
        "HJ-001",
        {
            **HERE,
            "join_whom": "spouse",
            "married_where": "other_province",
            "householder_home": "public_rent",
        },
        {**of(age=30, residence="elsewhere"), **HOUSEHOLDER},
        "join_spouse",
        ACCEPT,
        f"{MOVE_PAPERS} mover_book marriage_certificate public_lease householder_consent",
    ),
    (
        "HJ-001",
        {**HERE, "join_whom": "spouse", "married_where": "abroad"},
        {**of(), **HOUSEHOLDER},
        "married_abroad",
        COUNTER,
        "",
    ),
    (
        "HJ-001",
        {**HERE, "join_whom": "parents", "married_now": False, "householder_home": "own"},
        {**of(age=25, residence="elsewhere"), **HOUSEHOLDER},
        "join_parents",
        ACCEPT,
        f"{MOVE_PAPERS} mover_book kinship_proof home_record householder_consent",
    ),
    (
        "HJ-001",
        {**HERE, "join_whom": "parents"},
        {**of(age=17), **HOUSEHOLDER},
        "minor",
        COUNTER,
        "",
    ),
    (
        "HJ-001",
        {**HERE, "join_whom": "parents", "married_now": True},
        {**of(age=25), **HOUSEHOLDER},
        "married_child",
        COUNTER,
        "",
    ),
    (
        "HJ-001",
        {**HERE, "join_whom": "children", "householder_home": "own"},
        {**of(age=55, residence="elsewhere"), **HOUSEHOLDER},
        "join_children",
        ACCEPT,
        f"{MOVE_PAPERS} mover_book kinship_proof home_record householder_consent",
    ),
    (
        "HJ-001",
        {**HERE, "join_whom": "children"},
        {**of(age=59, sex="male"), **HOUSEHOLDER},
        "parent_not_old",
        COUNTER,
        "",
    ),
    (
        "HJ-001",
        {
            **HERE,
            "join_whom": "spouse",
            "married_where": "this_province",
            "householder_home": "collective",
        },
        {**of(), **HOUSEHOLDER},
        "collective_household",
        COUNTER,
        "",
    ),
    (
        "HJ-001",
        {**HERE, "join_whom": "other"},
        {**of(), **HOUSEHOLDER},
        "other_relative",
        COUNTER,
        "",
    ),
    (
        "HJ-001",
        HERE,
        {**of(), **of("householder", residence="elsewhere")},
        "householder_elsewhere",
        NOT_POSSIBLE,
        "",
    ),
    (
        "HJ-001",
        HERE,
        {**of(card_kind="permit"), **HOUSEHOLDER},
        "not_mainland",
        NOT_POSSIBLE,
        "",
    ),
    ("HJ-001", {"householder_here": False}, {}, "householder_absent", NOT_POSSIBLE, ""),
    # 医师多点执业
    (
        "YS-001",
        {**NEW_DOCTOR, "second_place": "this_city"},
        {},
        "second_place_added",
        ACCEPT,
        "id_card doctor_licence doctor_request engagement",
    ),
    (
        "YS-001",
        {**NEW_DOCTOR, "second_place": "same_province"},
        {},
        "second_place_added",
        ACCEPT,
        "id_card doctor_licence doctor_request engagement place_licence",
    ),
    (
        "YS-001",
        {**NEW_DOCTOR, "second_place": "this_city", "same_scope": False},
        {},
        "scope_changed",
        COUNTER,
        "",
    ),
    (
        "YS-001",
        {"doctor_grade": "doctor", "second_place": "this_city", "visit_form": "occasional"},
        {},
        "occasional",
        NOT_POSSIBLE,
        "",
    ),
    (
        "YS-001",
        {"doctor_grade": "doctor", "second_place": "other_province"},
        {},
        "other_province",
        NOT_POSSIBLE,
        "",
    ),
    ("YS-001", {"doctor_grade": "assistant"}, {}, "assistant", COUNTER, ""),
    ("YS-001", {"doctor_grade": "none"}, {}, "not_registered", NOT_POSSIBLE, ""),
    # 民办教育机构设立登记
    (
        "MB-001",
        {
            **SCHOOL,
            "school_type": "kindergarten",
            "school_premises": "owned",
            "profit": "non_profit",
        },
        {},
        "kindergarten",
        ACCEPT,
        f"{SCHOOL_PAPERS} building_title fire_approval food_statement non_profit_statement",
    ),
    (
        "MB-001",
        {
            **SCHOOL,
            "acting_as": "agent",
            "school_type": "arts_sports",
            "school_premises": "leased",
            "profit": "for_profit",
        },
        {},
        "arts_sports",
        ACCEPT,
        f"{SCHOOL_PAPERS} authority_letter representative_id_copy school_lease fire_approval",
    ),
    (
        "MB-001",
        {**SCHOOL, "school_type": "arts_sports", "school_premises": "residential"},
        {},
        "residential_building",
        NOT_POSSIBLE,
        "",
    ),
    (
        "MB-001",
        {**SCHOOL, "school_type": "kindergarten", "fire_passed": False},
        {},
        "fire_not_passed",
        NOT_POSSIBLE,
        "",
    ),
    ("MB-001", {"acting_as": "agent", "school_type": "vocational"}, {}, "vocational", COUNTER, ""),
    (
        "MB-001",
        {"acting_as": "legal_representative", "school_type": "school_subjects"},
        {},
        "school_subjects",
        NOT_POSSIBLE,
        "",
    ),
    # 微商个体户营业执照
    (
        "GSH-001",
        {**SELLER, "place": "online"},
        of(),
        "online_shop",
        ACCEPT,
        "id_card registration_request platform_proof",
    ),
    (
        "GSH-001",
        {**SELLER, "goods": "packaged_food", "place": "home", "premises_right": "own"},
        of(age=18),
        "home_business",
        ACCEPT,
        "id_card registration_request title_record home_statement food_filing",
    ),
    (
        "GSH-001",
        {**SELLER, "place": "shop", "premises_right": "rented"},
        of(),
        "shop_business",
        ACCEPT,
        "id_card registration_request lease",
    ),
    (
        "GSH-001",
        {**SELLER, "place": "home", "premises_right": "family"},
        of(),
        "home_business",
        ACCEPT,
        "id_card registration_request family_title home_statement",
    ),
    ("GSH-001", {"goods": "homemade_food"}, of(), "homemade_food", COUNTER, ""),
    ("GSH-001", {"goods": "medicine"}, of(), "medicine", COUNTER, ""),
    ("GSH-001", {}, of(age=17), "under_18", COUNTER, ""),
    ("GSH-001", {}, of(age=15), "under_16", NOT_POSSIBLE, ""),
    ("GSH-001", {}, of(card_kind="permit"), "permit_holder", COUNTER, ""),
    ("GSH-001", {}, of(card_kind="foreign"), "foreigner", NOT_POSSIBLE, ""),
    # 市民卡挂失补办
    (
        "SMK-001",
        {**KEPT, "card_problem": "lost"},
        {},
        "lost_card",
        ACCEPT,
        "id_card id_photo loss_statement",
    ),
    (
        "SMK-001",
        {**KEPT, "card_problem": "broken"},
        {},
        "worn_card",
        ACCEPT,
        "id_card id_photo old_card",
    ),
    (
        "SMK-001",
        {**KEPT, "card_problem": "expired"},
        {},
        "worn_card",
        ACCEPT,
        "id_card id_photo old_card",
    ),
    ("SMK-001", {"card_problem": "never"}, {}, "first_card", COUNTER, ""),
    (
        "SMK-001",
        {"card_problem": "lost", "identity_changed": True},
        {},
        "identity_changed",
        COUNTER,
        "",
    ),
    (
        "SMK-001",
        {"card_problem": "lost", "identity_changed": False, "same_bank": "change"},
        {},
        "bank_changed",
        COUNTER,
        "",
    ),
    # 机动车补领行驶证
    (
        "JT-001",
        {"car_owner": "self", "licence_problem": "lost", "details_changed": False},
        {},
        "own_car",
        ACCEPT,
        "id_card licence_request",
    ),
    (
        "JT-001",
        {"car_owner": "self", "licence_problem": "damaged", "details_changed": False},
        {},
        "own_car",
        ACCEPT,
        "id_card licence_request damaged_licence",
    ),
    (
        "JT-001",
        {"car_owner": "relative", "licence_problem": "lost", "details_changed": False},
        {},
        "relatives_car",
        ACCEPT,
        "id_card licence_request owner_letter owner_id_copy",
    ),
    (
        "JT-001",
        {
            "car_owner": "company",
            "company_letter": True,
            "licence_problem": "lost",
            "details_changed": False,
        },
        {},
        "company_car",
        ACCEPT,
        "id_card licence_request company_letter company_licence",
    ),
    (
        "JT-001",
        {"car_owner": "company", "company_letter": False},
        {},
        "company_without_letter",
        COUNTER,
        "",
    ),
    (
        "JT-001",
        {"car_owner": "self", "licence_problem": "lost", "details_changed": True},
        {},
        "details_changed",
        COUNTER,
        "",
    ),
    # 公租房申请
    (
        "FC-002",
        {**RENTAL, "marital": "single", "family_care": frozenset({"none_of_these"})},
        of(),
        "local_family",
        ACCEPT,
        f"{RENTAL_PAPERS} income_statement",
    ),
    (
        "FC-002",
        {
            **RENTAL,
            "marital": "married",
            "family_care": frozenset({"low_income_aid", "disabled"}),
        },
        of(),
        "local_family",
        ACCEPT,
        f"{RENTAL_PAPERS} family_marriage_certificate income_statement "
        "low_income_licence disability_licence",
    ),
    (
        "FC-002",
        {
            **RENTAL,
            "insured_one_year": True,
            "marital": "divorced",
            "family_care": frozenset({"none_of_these"}),
        },
        of(residence="elsewhere"),
        "new_resident_family",
        ACCEPT,
        f"{RENTAL_PAPERS} divorce_paper income_statement insurance_record",
    ),
    (
        "FC-002",
        {"insured_one_year": False},
        of(residence="elsewhere"),
        "not_insured_long",
        NOT_POSSIBLE,
        "",
    ),
    (
        "FC-002",
        {
            "home_owned": "small",
            "household_size": 1,
            "family_income": 6,
            "marital": "single",
            "family_care": frozenset({"none_of_these"}),
        },
        of(),
        "local_family",
        ACCEPT,
        f"{RENTAL_PAPERS} income_statement",
    ),
    (
        "FC-002",
        {"home_owned": "none", "household_size": 1, "family_income": 7},
        of(),
        "income_over",
        NOT_POSSIBLE,
        "",
    ),
    (
        "FC-002",
        {"home_owned": "none", "household_size": 2, "family_income": 13},
        of(),
        "income_over",
        NOT_POSSIBLE,
        "",
    ),
    (
        "FC-002",
        {"home_owned": "none", "household_size": 3, "family_income": 19},
        of(),
        "income_over",
        NOT_POSSIBLE,
        "",
    ),
    ("FC-002", {"home_owned": "enough"}, of(), "home_enough", NOT_POSSIBLE, ""),
    ("FC-002", {}, of(age=17), "under_age", NOT_POSSIBLE, ""),
    # 异地就医备案
    (
        "YB-001",
        {**AWAY, "away_reason": "live"},
        {},
        "living_away",
        ACCEPT,
        "id_card away_statement",
    ),
    ("YB-001", {**AWAY, "away_reason": "work"}, {}, "working_away", ACCEPT, "id_card work_proof"),
    (
        "YB-001",
        {**AWAY, "away_reason": "referral"},
        {},
        "referred",
        ACCEPT,
        "id_card referral_form",
    ),
    (
        "YB-001",
        {**AWAY, "away_reason": "visit", "in_hospital": True},
        {},
        "emergency",
        ACCEPT,
        "id_card admission_paper",
    ),
    (
        "YB-001",
        {**AWAY, "away_reason": "visit", "in_hospital": False},
        {},
        "visiting",
        ACCEPT,
        "id_card",
    ),
    (
        "YB-001",
        {"insured_here": True, "care_place": "overseas"},
        {},
        "overseas",
        NOT_POSSIBLE,
        "",
    ),
    ("YB-001", {"insured_here": False}, {}, "insured_elsewhere", NOT_POSSIBLE, ""),
    # 老年人优待证
    (
        "GG-001",
        {"elder_card_for": "self", "had_card": "never"},
        of(age=60),
        "own_card",
        ACCEPT,
        "id_card id_photo",
    ),
    (
        "GG-001",
        {"elder_card_for": "self", "had_card": "broken"},
        of(age=72, residence="elsewhere"),
        "own_card",
        ACCEPT,
        "id_card id_photo residence_permit old_senior_card",
    ),
    ("GG-001", {"elder_card_for": "self"}, of(age=59), "self_too_young", NOT_POSSIBLE, ""),
    (
        "GG-001",
        {"elder_card_for": "parent", "elder_had_card": "lost"},
        of("elder", age=81),
        "parents_card",
        ACCEPT,
        "id_card elder_id_card elder_photo child_statement",
    ),
    (
        "GG-001",
        {"elder_card_for": "parent", "elder_had_card": "broken"},
        of("elder", age=66, residence="elsewhere"),
        "parents_card",
        ACCEPT,
        "id_card elder_id_card elder_photo elder_residence_permit child_statement old_senior_card",
    ),
    (
        "GG-001",
        {"elder_card_for": "parent"},
        of("elder", age=58),
        "parent_too_young",
        NOT_POSSIBLE,
        "",
    ),
    ("GG-001", {"elder_card_for": "other"}, {}, "for_other", COUNTER, ""),
)


@pytest.mark.parametrize(
    ("code", "answers", "facts", "situation", "result", "materials"),
    CASES,
    ids=[f"{number}-{case[0]}-{case[3]}" for number, case in enumerate(CASES)],
)
def test_case(
    pack: Pack,
    code: str,
    answers: Answers,
    facts: Facts,
    situation: str,
    result: Result,
    materials: str,
) -> None:
    path = walk(pack.matters[code], answers, facts)
    assert path.complete, (path.next, path.missing_facts)
    assert [(item, one.id) for item, one in path.situations] == [(code, situation)]
    assert path.result is result
    if result is ACCEPT:
        assert {one.id for one in path.materials} == set(materials.split())


def test_every_answer_of_a_case_is_one_the_keypad_takes(pack: Pack) -> None:
    for code, answers, *_ in CASES:
        questions = {one.id: one for one in pack.matters[code].questions}
        for name, answer in answers.items():
            assert validate(questions[name], answer) == answer, (code, name)


def test_cases_reach_every_situation_and_five_for_each_application(pack: Pack) -> None:
    reached = {(code, situation) for code, _, _, situation, _, _ in CASES}
    fourteen = [pack.items[code] for code in CODES]
    there = {(item.code, one.id) for item in fourteen for one in item.situations}
    assert there - reached == set()
    rows = Counter(case[0] for case in CASES)
    for item in fourteen:
        if item.kind is Kind.APPLY:
            assert rows[item.code] >= 5, item.code


def test_the_check_finds_nothing_and_looked_at_every_case(pack: Pack) -> None:
    found = prove(pack)
    assert list(found.findings) == []
    for row in found.rows:
        assert row.complete, row.code
        assert row.cases < MAX_CASES_PER_ITEM or row.code in pack.bundles, row.code


def test_the_fourteen_items_lie_in_ten_groups(pack: Pack) -> None:
    assert {code: pack.items[code].group for code in CODES} == CODES
    assert tuple(group.id for group in pack.groups) == GROUPS
    assert {item.group for item in pack.items.values()} == set(GROUPS)


BUNDLES = {
    "我要退休", "新生儿出生", "身后一件事", "我要开餐馆", "我要开药店", "二手房过户", "员工录用",
    "购房提取公积金一件事", "灵活就业参保", "军人退役",
}  # fmt: skip


def test_there_are_as_many_items_and_bundles_as_were_promised(pack: Pack) -> None:
    assert len(pack.items) == 210
    groups = Counter(item.group for item in pack.items.values())
    assert set(groups) == set(GROUPS)
    assert min(groups.values()) >= 10
    assert {bundle.name.zh for bundle in pack.bundles.values()} == BUNDLES


def test_sixty_items_and_more_have_real_branches(pack: Pack) -> None:
    """Three questions, of which one is asked only after another's answer, and three ways out of
    which two differ in the result or in the papers."""

    def branches(item: Item) -> bool:
        ids = {one.id for one in item.questions}
        asked_if = any(keys(one.when) & ids for one in item.questions)
        ways = {(one.result, one.materials) for one in item.situations}
        return len(ids) >= 3 and asked_if and len(item.situations) >= 3 and len(ways) >= 2

    assert sum(branches(item) for item in pack.items.values()) >= 60


def _said(item: Item) -> set[str]:
    """What a resident reads of an item, apart from what every item of an office says."""
    told = {one.zh for one in (item.name, item.guide.for_whom, item.guide.basis, item.guide.result)}
    told |= {one.zh for one in item.guide.notes}
    for question in item.questions:
        told |= {question.text.zh, *(one.text.zh for one in question.options)}
    told |= {one.name.zh for one in item.materials} | {one.label.zh for one in item.form}
    for situation in item.situations:
        told |= {situation.name.zh, situation.reason.zh if situation.reason else ""}
    return told


def test_no_item_is_another_one_under_a_new_name(pack: Pack) -> None:
    """The closest two of what is applied for are two ways to begin a business."""
    said = {code: _said(item) for code, item in pack.items.items() if item.kind is Kind.APPLY}
    alike = {
        (one, other): len(said[one] & said[other]) / len(said[one] | said[other])
        for one, other in combinations(said, 2)
    }
    assert {pair for pair, share in alike.items() if share > 0.35} == set(), max(alike.values())


def test_all_are_samples(pack: Pack) -> None:
    assert all(item.sample and item.as_of for item in pack.items.values())
    assert all(bundle.as_of for bundle in pack.bundles.values())
    assert all(bundle.confirmed is None for bundle in pack.bundles.values())
    assert all(matter.sample for matter in pack.matters.values())


def test_every_telephone_number_is_clearly_invented(pack: Pack) -> None:
    numbers = [matter.guide.phone for matter in pack.matters.values()]
    numbers += [department.phone for department in pack.departments.values()]
    for number in numbers:
        assert re.fullmatch(r"0577-0000[0-9]{4}", number)


def test_certificate_and_queries_ask_nothing(pack: Pack) -> None:
    looked_up = [item for item in pack.items.values() if item.kind is not Kind.APPLY]
    assert {item.code for item in looked_up} >= {"SB-001", "FC-001", "SF-001"}
    for item in looked_up:
        assert not item.questions
        assert not item.form
        assert not item.materials
        assert not item.sign
        assert item.line
        assert item.record is not None


def test_every_application_says_where_to_call_back(pack: Pack) -> None:
    for item in pack.items.values():
        if item.kind is Kind.APPLY:
            phone = next(field for field in item.form if field.key == "contact_phone")
            assert phone.required
            assert phone.about == "applicant"
            assert item.sign
            assert item.assurance is Assurance.CARD_AND_FACE or item.code not in CODES


def test_most_used_first(pack: Pack) -> None:
    ranks = {code: item.use_rank for code, item in pack.items.items()}
    ranks |= {code: bundle.use_rank for code, bundle in pack.bundles.items()}
    first = sorted({*CODES, "TX-001"}, key=lambda code: -ranks[code])[:4]
    assert first == ["SB-001", "CRJ-001", "FC-001", "TX-001"]


def test_plain_entries(pack: Pack) -> None:
    assert [entry.name.zh for entry in pack.plain] == [
        "开证明",
        "看病、医保",
        "社保、养老金",
        "身份证、户口",
        "查水电费",
        "别的事",
    ]
    assert all(entry.codes for entry in pack.plain[:-1])
    assert pack.plain[-1].codes == ()


def test_a_daughter_is_not_asked_about_herself(pack: Pack) -> None:
    path = walk(
        pack.matters["GG-001"],
        {"elder_card_for": "parent", "elder_had_card": "never"},
        of("elder", age=80),
    )
    assert path.complete
    assert path.missing_facts == ()
    assert [one.about for one in path.asked[1:]] == ["elder"]
    assert [party.role for party in path.parties] == ["applicant", "elder"]
    assert {one.about for one in path.fields} == {"applicant", "elder"}


def test_the_household_move_needs_two_cards(pack: Pack) -> None:
    path = walk(pack.matters["HJ-001"], HERE, {})
    assert {(one.role, one.identity) for one in path.parties} == {
        ("applicant", PartyIdentity.CARD),
        ("householder", PartyIdentity.CARD),
    }


@pytest.mark.parametrize(("acting_as", "there"), [("legal_representative", False), ("agent", True)])
def test_the_legal_representative_is_named_when_an_agent_comes(
    pack: Pack, acting_as: str, there: bool
) -> None:
    path = walk(pack.matters["MB-001"], {"acting_as": acting_as}, {})
    assert ("legal_representative" in {one.role for one in path.parties}) is there
    assert ("representative_name" in {one.key for one in path.fields}) is there
    assert "organisation" in {one.role for one in path.parties}


RETIRING: Mapping[str, Answer] = {
    **RETIRES,
    "insured_as": "employee",
    "insured_here": True,
    "care_place": "other_province",
    "away_reason": "live",
    "card_problem": "lost",
    **KEPT,
    "elder_card_for": "self",
    "had_card": "never",
}


@pytest.mark.parametrize(
    ("age", "moves", "card", "senior", "taking_part"),
    [
        (61, False, False, False, ["SB-002"]),
        (61, True, False, False, ["SB-002", "YB-001"]),
        (61, False, True, True, ["SB-002", "SMK-001", "GG-001"]),
        (61, True, True, True, ["SB-002", "YB-001", "SMK-001", "GG-001"]),
    ],
)
def test_retiring_takes_in_what_is_wanted(
    pack: Pack, age: int, moves: bool, card: bool, senior: bool, taking_part: list[str]
) -> None:
    own: Answers = {
        "moves_away": moves,
        "new_citizen_card": card,
        "wants_senior_card": senior,
    }
    path = walk(pack.matters["TX-001"], {**RETIRING, **own}, of(age=age, sex="male"))
    assert path.complete
    assert path.result is ACCEPT
    assert list(path.taking_part) == taking_part
    assert [code for code, _ in path.situations] == taking_part
    # Papers and fields that several items need are there once.
    for names in ([one.id for one in path.materials], [one.key for one in path.fields]):
        assert len(names) == len(set(names))
    assert "id_card" in {one.id for one in path.materials}


def test_a_woman_who_retires_at_55_is_not_offered_the_senior_card(pack: Pack) -> None:
    answers: Answers = {
        **RETIRING,
        "job_kind": "staff",
        "moves_away": False,
        "new_citizen_card": False,
        "wants_senior_card": True,  # an answer from before another card was read
    }
    path = walk(pack.matters["TX-001"], answers, of(age=55))
    assert path.complete
    assert list(path.taking_part) == ["SB-002"]
    assert "wants_senior_card" not in path.on_path


def test_too_early_for_retirement_is_said(pack: Pack) -> None:
    own: Answers = {"moves_away": True, "new_citizen_card": False}
    path = walk(pack.matters["TX-001"], {**RETIRING, **own}, of(age=45, sex="male"))
    assert path.result is NOT_POSSIBLE
    assert dict(path.situations)["SB-002"].id == "not_yet"


def test_the_bundle_counts_its_departments_truthfully(pack: Pack) -> None:
    matter = pack.matters["TX-001"]
    assert len(matter.departments) == 4
    assert "4 个部门" in matter.comes_out.zh
    assert "4 offices" in matter.comes_out.en


def _questions(pack: Pack) -> Iterator[tuple[str, Question]]:
    for item in pack.items.values():
        yield from ((item.code, one) for one in item.questions)
    for bundle in pack.bundles.values():
        yield from ((bundle.code, one) for one in bundle.questions)


def test_what_shares_an_id_is_the_same_everywhere(pack: Pack) -> None:
    """Of the fourteen; where items meet in a bundle the check sees to it (CT-67)."""
    seen: dict[str, Question] = {}
    for code, question in _questions(pack):
        if code not in CODES:
            continue
        assert seen.setdefault(question.id, question) == question, (code, question.id)
    cards = {
        one.name for item in pack.items.values() for one in item.materials if one.id == "id_card"
    }
    assert len(cards) == 1
    phones = {
        (one.label, one.kind)
        for item in pack.items.values()
        for one in item.form
        if one.key == "contact_phone"
    }
    assert len(phones) == 1


def test_words_are_short_enough_for_one_page(pack: Pack) -> None:
    def over(text: Text | None, most: int) -> bool:
        return text is not None and len(text.zh) > most

    for code, question in _questions(pack):
        assert not over(question.text, MAX_QUESTION_CHARS), (code, question.id)
        assert not over(question.hint, MAX_HINT_CHARS), (code, question.id)
        assert question.text.zh.endswith("？"), (code, question.id)
        assert question.text.en.endswith("?"), (code, question.id)
        option: Option
        for option in question.options:
            assert not over(option.text, MAX_OPTION_CHARS), (code, option.id)
            assert not over(option.hint, MAX_HINT_CHARS), (code, option.id)
    for item in pack.items.values():
        hints = [one.hint for one in item.materials] + [one.hint for one in item.form]
        assert not any(over(hint, MAX_HINT_CHARS) for hint in hints), item.code


def _texts(value: object) -> Iterator[Text]:
    """Every text within a frozen record, however deep."""
    if isinstance(value, Text):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, Mapping):
        yield from _texts(tuple(value.values()))
    elif is_dataclass(value):
        for one in fields(value):
            yield from _texts(getattr(value, one.name))


def test_chinese_is_punctuated_as_chinese_and_english_as_english(pack: Pack) -> None:
    texts = list(_texts(pack))
    units = {one.unit for _, one in _questions(pack)}
    units |= {one.unit for item in pack.items.values() for one in item.fact_questions}
    assert len(texts) > 1_000
    for text in texts:
        assert not re.search(r"[,;:?!()]", text.zh), text.zh
        assert not text.zh.endswith("。"), text.zh  # one line: a full stop only between sentences
        assert text.en.isascii() or set(re.findall(r"[^ -~]", text.en)) <= {*"×“”’–"}, text.en
        assert text in units or text.en[0].isupper() or text.en[0].isdigit(), text.en


def test_nobody_answers_more_pages_than_fit_a_visit(pack: Pack) -> None:
    longest = Counter[str]()
    for code, answers, facts, *_ in CASES:
        asked = walk(pack.matters[code], answers, facts).asked
        longest[code] = max(longest[code], len(asked))
    assert max(longest.values()) <= MAX_PAGES_PER_ITEM, longest


def test_the_card_is_not_asked_for_what_it_tells(pack: Pack) -> None:
    for code, question in _questions(pack):
        if code not in CODES:  # CT-73 sees to the others
            continue
        told = re.search(r"几岁|多大|性别|男还是女|出生", question.text.zh)
        assert told is None, (code, question.id)


def test_what_is_made_or_looked_up_is_never_owed(pack: Pack) -> None:
    for item in pack.items.values():
        for one in item.materials:
            if one.pledge_days is not None:
                assert one.source is Source.RESIDENT, (item.code, one.id)
            assert (one.form == "statement") is (one.source is Source.TERMINAL), (item.code, one.id)
