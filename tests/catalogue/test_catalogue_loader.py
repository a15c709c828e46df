"""The loader: one small broken example per rule, and nothing but coded errors on noise."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest
from catalogue_sample import FILES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiosk.catalogue.errors import CatalogueErrors, Finding, Rule
from kiosk.catalogue.loader import load
from kiosk.catalogue.model import Condition, Pack, Source
from kiosk.catalogue.source import MAX_DEPTH, MAX_FILE_CHARS
from kiosk.contract import RecordKind

TRV, PEN, CRT, BUN = (
    "items/trv-001.yaml",
    "items/pen-001.yaml",
    "items/crt-001.yaml",
    "bundles/bun-001.yaml",
)


class Broken(NamedTuple):
    """One edit that breaks the good sample: the old text, once, becomes the new one."""

    code: str
    file: str
    old: str
    new: str
    line_with: str  # the finding points to the first line with this; "" for the whole file
    key: str


BROKEN = [
    Broken("CT-03", TRV, "group: approvals", "group: [approvals", "kind: apply", "*"),
    Broken("CT-04", TRV, "minutes: 6", "minutes: 6\x07", "minutes: 6", ""),
    Broken("CT-05", TRV, "minutes: 6", "---\nminutes: 6", "---", ""),
    Broken("CT-06", TRV, "minutes: 6", "minutes: &six 6", "&six", ""),
    Broken("CT-06", TRV, "minutes: 6", "minutes: *six", "*six", ""),
    Broken("CT-07", TRV, "minutes: 6", "minutes: !!python/name:os.system 6", "!!python", ""),
    Broken("CT-07", TRV, "minutes: 6", "minutes: !!int 6", "!!int", ""),
    Broken("CT-08", TRV, "minutes: 6", "minutes: " + "[" * 30 + "]" * 30, "minutes:", ""),
    Broken("CT-09", TRV, "minutes: 6", "minutes: 6\nminutes: 7", "minutes: 7", "minutes"),
    Broken("CT-10", TRV, "minutes: 6", "minutes: 6\n'a b': 7", "'a b'", "a b"),
    Broken("CT-10", TRV, "minutes: 6", "minutes: 6\n? [a]\n: 7", "? [a]", ""),
    Broken("CT-20", TRV, "minutes: 6", "minutes: 6\nminuets: 7", "minuets", "minuets"),
    Broken("CT-20", TRV, "visits: 0", "visit: 0", "visit: 0", "guide.visit"),
    Broken("CT-20", TRV, "by: person", "by: person\n        who: me", "who: me", "*.who"),
    Broken("CT-21", TRV, "minutes: 6\n", "", "code:", "minutes"),
    Broken("CT-21", TRV, "minutes: 6", "minutes:", "minutes:", "minutes"),
    Broken("CT-21", TRV, "effective: {from: 2026-01-01}", "effective: {}", "effective", "*.from"),
    Broken("CT-22", TRV, "minutes: 6", "minutes: six", "minutes", "minutes"),
    Broken("CT-22", TRV, "minutes: 6", 'minutes: "6"', "minutes", "minutes"),
    Broken("CT-22", TRV, "line: false", "line: no", "line: no", "line"),
    Broken("CT-22", TRV, "aliases: [港澳通行证签注, 去香港, gangao]", "aliases: x", "alia", "*"),
    Broken("CT-22", TRV, "{from: 2026-01-01}", "{from: soon}", "effective", "effective.from"),
    Broken("CT-22", TRV, "assurance: {level", "assurance: [x]\nx: {level", "assurance", "*ance"),
    Broken("CT-23", TRV, "kind: apply", "kind: aply", "kind: aply", "kind"),
    Broken("CT-23", TRV, "level: card-and-face", "level: face", "level: face", "assurance.level"),
    Broken("CT-23", TRV, "[post, pick-up]", "[post, pigeon]", "pigeon", "delivery[1]"),
    Broken("CT-23", TRV, "form: original", "form: papyrus", "papyrus", "materials[0].form"),
    Broken("CT-23", TRV, "by: person", "by: nobody", "nobody", "materials[0].review[0].by"),
    Broken("CT-24", TRV, "minutes: 6", "minutes: 600", "minutes", "minutes"),
    Broken("CT-24", TRV, "2020-01-01", "2020-02-30", "2020-02-30", "questions[4].earliest"),
    Broken("CT-24", TRV, "legal: 7, promised: 5", "legal: 5, promised: 7", "legal", "guide.days"),
    Broken("CT-24", TRV, "at_least: 16", "at_least: 200", "200", "*.at_least"),
    Broken("CT-25", TRV, "code: TRV-001", "code: TRV-1", "code", "code"),
    Broken("CT-25", TRV, "id: purpose", "id: Purpose", "Purpose", "questions[1].id"),
    Broken("CT-25", TRV, "id: permit_until", "id: any", "id: any", "questions[4]"),
    Broken("CT-25", TRV, 'phone: "0577-00000001"', "phone: call us", "call us", "guide.phone"),
    Broken("CT-26", TRV, "code: TRV-001", "code: TRV-002", "code: TRV", ""),
    Broken("CT-27", TRV, "{zh: 旅游, en: Tourism}", "{zh: 旅游}", "旅游}", "*options[0].text"),
    Broken("CT-27", TRV, "{zh: 旅游, en: Tourism}", "{zh: 旅游, en: }", "旅游,", "*.text"),
    Broken("CT-27", TRV, "{zh: 旅游, en: Tourism}", "{zh: 旅游, en: 旅游}", "旅游,", "*.text"),
    Broken("CT-28", TRV, "zh: 出生医学证明", "zh: 其他材料", "其他材料", "materials[2].name"),
    Broken("CT-28", TRV, "en: Birth certificate", "en: Valid ID", "Valid ID", "*.name"),
    Broken("CT-29", TRV, "zh: 旅游, en", "zh: ' ', en", "zh: ' '", "*.text.zh"),
    Broken("CT-29", TRV, "zh: 旅游, en", f"zh: {'长' * 700}, en", "长长", "*.text.zh"),
    Broken("CT-29", "groups.yaml", "mark: 批", "mark: 批准", "批准", "[0].mark"),
    Broken("CT-30", TRV, "id: kin\n", "id: purpose\n", "*2*id: purpose", "questions[2]"),
    Broken("CT-30", TRV, "{id: friend,", "{id: spouse,", "朋友", "questions[2].options[2]"),
    Broken("CT-30", TRV, "role: child", "role: applicant", "Child}", "parties[1]"),
    Broken("CT-30", TRV, "key: home", "key: contact_phone", "key: contact_phone\n", "form[1]"),
    Broken("CT-30", "departments.yaml", "id: social", "id: exit-entry", "社保局", "[1]"),
    Broken("CT-30", TRV, "[travel_permit, kinship, birth]", "[birth, birth]", "[birth", "*[1]"),
    Broken("CT-32", PEN, "until: 2030-12-31", "until: 2020-12-31", "until", "effective.until"),
    Broken("CT-40", TRV, "group: approvals", "group: approval", "group", "group"),
    Broken("CT-41", TRV, "department: exit-entry", "department: exit", "depart", "department"),
    Broken("CT-42", TRV, "from_whom: child", "from_whom: kid", "kid", "materials[2].from_whom"),
    Broken("CT-42", TRV, "about: child", "about: kid", "about: kid", "form[2].about"),
    Broken("CT-42", TRV, "applicant.age: {under", "kid.age: {under", "kid", "*.when.kid.age"),
    Broken("CT-42", CRT, "role: applicant", "role: owner", "parties:", "parties"),
    Broken("CT-43", TRV, "{kin: [spouse", "{kim: [spouse", "kim", "materials[1].when.kim"),
    Broken("CT-43", TRV, "applicant.age: {under", "applicant.hair: {under", "hair", "*.hair"),
    Broken("CT-43", TRV, "{lost: false}", "{answered: gone}", "gone", "*.when.answered"),
    Broken("CT-44", TRV, "when: {purpose: work}", "when: {purpose: play}", "play", "*.purpose"),
    Broken("CT-45", TRV, "{lost: false}", "{lost: 'no'}", "'no'", "materials[0].when.lost"),
    Broken("CT-45", TRV, "{purpose: work}", "{purpose: {under: 3}}", "under: 3", "*.purpose"),
    Broken("CT-45", TRV, "applicant.age: {under: 16}", "applicant.age: 16", "age: 16", "*.age"),
    Broken("CT-45", TRV, "{under: 16}", "{at_least: 9, under: 9}", "under: 9", "*.applicant.age"),
    Broken("CT-46", TRV, "when: {purpose: family}", "when: {lost: true}", "lost: true", "*.lost"),
    Broken("CT-47", TRV, "[travel_permit, kinship, birth]", "[brith, birth]", "brith", "*[0]"),
    Broken("CT-48", TRV, "[travel_permit, kinship, birth]", "[kinship]", "id: birth", "*[2]"),
    Broken("CT-49", BUN, "items: [TRV-001, PEN", "items: [TRV-009, PEN", "items", "items[0]"),
    Broken("CT-49", BUN, "  TRV-001: {wants", "  CRT-001: {wants", "  CRT", "include.CRT-001"),
    Broken("CT-49", "plain.yaml", "[CRT-001]", "[CRT-002]", "CRT-002", "[2].codes[0]"),
    Broken("CT-60", CRT, "situations:\n  - {id: any,", "situations: []\nx:\n  - {id: any,",
           "situations", "situations"),
    Broken("CT-61", TRV, "    reason: {zh: 请到窗口, en: Please go to a counter}\n", "",
           "id: worker", "situations[3]"),
    Broken("CT-62", TRV, "prefill: card.address", "prefill: card.shoe", "shoe", "form[1].prefill"),
    Broken("CT-62", TRV, "about: child\n", "about: child\n    prefill: card.name\n",
           "card.name", "form[2].prefill"),
    Broken("CT-63", CRT, "record: social-insurance\n", "", "kind", "kind"),
    Broken("CT-63", TRV, "pledge: true", "pledge: true\nrecord: water-bill", "water", "record"),
    Broken("CT-64", TRV, "pledge: true", "pledge: false", "pledge_days", "*.pledge_days"),
    Broken("CT-65", TRV, "kind: yes-no", "kind: yes-no\n    options: []", "options: []", "*tions"),
    Broken("CT-65", TRV, "      - {id: child, text: {zh: 孩子, en: My child}}\n", "",
           "id: for_whom", "questions[0]"),
    Broken("CT-65", TRV, "{id: work, text", "{id: work, alone: true, text", "alone", "*.alone"),
    Broken("CT-66", TRV, "kind: yes-no", "kind: yes-no\n    minimum: 1", "minimum: 1", "*.minimum"),
    Broken("CT-66", TRV, "maximum: 24", "maximum: 0", "id: months", "questions[3]"),
    Broken("CT-66", TRV, "latest: 2040-12-31", "latest: 2010-12-31", "id: permit", "questions[4]"),
    Broken("CT-67", PEN, "{zh: 旧证丢了吗？, en: Did you lose the old one?}",
           "{zh: 丢了卡吗？, en: Lost your card?}", "", "items"),
    Broken("CT-67", PEN, "key: contact_phone, label: {zh: 手机, en: Mobile}, kind: phone",
           "key: contact_phone, label: {zh: 手机, en: Mobile}, kind: number", "*", "*phone"),
    Broken("CT-68", BUN, "[TRV-001, PEN-001]", "[TRV-001, CRT-001]", "", "items"),
    Broken("CT-50", TRV, "  - id: travel_permit", "  - use: no_such_paper", "no_such", "*.use"),
    Broken("CT-70", TRV, "untrusted: ask\n", "", "id: adult", "untrusted"),
    Broken("CT-71", TRV, "pledge: true", "pledge: true\nid_card_only: true", "id: travel", "*"),
    Broken("CT-72", TRV, "    kind: yes-no", "    kind: yes-no\n    known: applicant.sex",
           "known:", "*.known"),
    Broken("CT-75", BUN, "items: [TRV-001, PEN-001]",
           "items: [TRV-001, PEN-001]\nprogress: [social]", "progress", "progress"),
    Broken("CT-69", "plain.yaml", "codes: []", "codes: [CRT-001]", "出门", ""),
]  # fmt: skip


def broken(case: Broken) -> tuple[Finding, ...]:
    text = FILES[case.file]
    assert case.old in text, "the example must still apply"
    with pytest.raises(CatalogueErrors) as caught:
        load({**FILES, case.file: text.replace(case.old, case.new, 1)})
    return caught.value.findings


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: f"{case.code}-{case.new[:24]!r}")
def test_each_rule_names_code_file_line_and_key(case: Broken) -> None:
    found = [one for one in broken(case) if one.code == case.code]
    assert found, broken(case)
    text = FILES[case.file].replace(case.old, case.new, 1)
    lines = text.split("\n")
    files = {one.file for one in found}
    if case.line_with not in ("", "*"):
        assert files == {case.file}
        marker, nth = case.line_with, 1
        if marker.startswith("*2*"):
            marker, nth = marker[3:], 2
        marker = marker.removesuffix("\n")
        if case.line_with.endswith("\n"):
            want = [n for n, line in enumerate(lines, 1) if line.endswith(marker)]
        else:
            want = [n for n, line in enumerate(lines, 1) if marker in line]
        assert want[nth - 1] in {one.line for one in found}, (want, found)
    if case.key != "*":
        tail = case.key.removeprefix("*")
        good = [
            one
            for one in found
            if (one.key.endswith(tail) if case.key.startswith("*") else one.key == tail)
        ]
        assert good, found


def test_every_rule_of_the_loader_has_its_example() -> None:
    elsewhere = {"CT-01", "CT-02", "CT-11", "CT-12"}  # tested below or with the directory
    proven = {rule.code for rule in Rule if rule.code >= "CT-80"}
    elsewhere |= {"CT-31", "CT-73", "CT-74", "CT-76"}  # in broken/
    assert {case.code for case in BROKEN} == {rule.code for rule in Rule} - elsewhere - proven


def test_codes_are_unique() -> None:
    codes = [rule.code for rule in Rule]
    assert len(codes) == len(set(codes))


def test_the_good_sample_loads() -> None:
    pack = load(FILES)
    assert list(pack.items) == ["CRT-001", "PEN-001", "TRV-001"]
    travel = pack.items["TRV-001"]
    assert travel.name.zh == "往来港澳签注"
    assert travel.sample
    assert not pack.items["PEN-001"].sample
    assert travel.materials[0].source is Source.RESIDENT
    assert travel.questions[2].when == Condition("in", "purpose", ("family",))
    assert pack.items["CRT-001"].record is RecordKind.SOCIAL_INSURANCE
    assert pack.places["TRV-001/questions/purpose"][0] == TRV


def test_all_findings_are_told_at_once_and_in_order() -> None:
    text = FILES[TRV].replace("minutes: 6", "minuts: 6").replace("kind: yes-no", "kind: maybe")
    with pytest.raises(CatalogueErrors) as caught:
        load({**FILES, TRV: text, PEN: FILES[PEN].replace("line: true", "line: 1")})
    found = caught.value.findings
    assert {"CT-20", "CT-21", "CT-22", "CT-23"} <= {one.code for one in found}
    assert list(found) == sorted(found)


def test_a_finding_offers_the_nearest_word() -> None:
    case = Broken("CT-20", TRV, "minutes: 6", "minuets: 6", "", "")
    assert any("did you mean 'minutes'?" in one.mend for one in broken(case))


def test_missing_and_stray_files_are_findings() -> None:
    with pytest.raises(CatalogueErrors) as caught:
        load({name: text for name, text in FILES.items() if name != "groups.yaml"})
    assert ("groups.yaml", "CT-12") in {(one.file, one.code) for one in caught.value.findings}
    for name in ("notes.yaml", "items/deep/trv-001.yaml", "items/readme.md"):
        with pytest.raises(CatalogueErrors) as caught:
            load({**FILES, name: "a: 1"})
        assert [(one.file, one.code) for one in caught.value.findings] == [(name, "CT-11")]


def test_yaml_words_mean_what_the_place_expects() -> None:
    """`no`, `on` and `null`-like words are ids and keys here, never guessed to be values."""
    text = FILES[TRV].replace("{id: tourism, text", "{id: no, text")
    text = text.replace("purpose: tourism", "purpose: no").replace(
        "[tourism, family]", "[no, family]"
    )
    item = load({**FILES, TRV: text}).items["TRV-001"]
    assert item.questions[1].options[0].id == "no"


def test_the_hash_is_of_the_content_not_its_form() -> None:
    first = load(FILES)
    reformatted = FILES[TRV].replace(
        "confirmed: null\npledge: true\n", "# a comment\npledge:   true\n\nconfirmed: null\n"
    )
    assert reformatted != FILES[TRV]
    backwards = dict(reversed({**FILES, TRV: reformatted}.items()))
    assert load(backwards).hash == first.hash
    changed = FILES[TRV].replace("minutes: 6", "minutes: 7")
    assert load({**FILES, TRV: changed}).hash != first.hash


def test_huge_and_deep_files_are_refused() -> None:
    for text, code in (
        ("a: " + "x" * MAX_FILE_CHARS, "CT-02"),
        ("[" * 100_000, "CT-08"),
        ("{a: " * 50_000, "CT-08"),
        ("- " * (MAX_DEPTH * 2) + "x", "CT-08"),
        ("[" + "1," * 60_000 + "]", "CT-08"),
        ("a: [" + "*x, " * 1000 + "]", "CT-06"),
        ("a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]", "CT-06"),
        ("<<: {a: b}", "CT-10"),
        ("a: 1\na: 2", "CT-09"),
        ("", "CT-05"),
        ("\ud800", "CT-04"),
    ):
        with pytest.raises(CatalogueErrors) as caught:
            load({**FILES, CRT: text})
        assert code in {one.code for one in caught.value.findings}


def test_an_unreadable_file_does_not_accuse_the_others() -> None:
    for name in (TRV, BUN, "groups.yaml", "departments.yaml"):
        with pytest.raises(CatalogueErrors) as caught:
            load({**FILES, name: "x: ["})
        assert [(one.file, one.code) for one in caught.value.findings] == [(name, "CT-03")]


# -- bundles


def test_a_bundle_asks_for_everything_once() -> None:
    matter = load(FILES).matters["BUN-001"]
    names = [one.id for one in matter.questions]
    assert names[0] == "wants_travel"
    assert sorted(names) == sorted(set(names))
    assert [one.key for one in matter.form].count("contact_phone") == 1
    assert matter.assurance.value == "card-and-face"
    assert matter.line
    assert matter.bundle
    assert matter.sample
    assert matter.departments == ("exit-entry", "social")
    assert matter.delivery == ("post", "pick-up")


def test_a_shared_question_is_asked_when_either_item_wants_it() -> None:
    matter = load(FILES).matters["BUN-001"]
    lost = next(one for one in matter.questions if one.id == "lost")
    assert lost.when.op == "always"  # the pension takes part in every case
    purpose = next(one for one in matter.questions if one.id == "purpose")
    assert purpose.when == Condition("in", "wants_travel", (True,))


# -- noise

_noise = st.text(max_size=300) | st.text(alphabet="abz:-[]{},'\"#&*!|>%@ \n\t0é中", max_size=300)


def _pack_or_errors(files: dict[str, str]) -> None:
    found: tuple[Finding, ...] = ()
    try:
        assert isinstance(load(files), Pack)
    except CatalogueErrors as error:
        found = error.findings
        refused = True
    else:
        refused = False
    assert refused == bool(found)
    for one in found:
        assert re.fullmatch(r"CT-\d\d", one.code)
        assert one.file in files
        assert 0 <= one.line <= len(files[one.file].splitlines()) + 1
        assert str(one)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(FILES)), _noise)
def test_noise_is_refused_with_codes(name: str, noise: str) -> None:
    _pack_or_errors({**FILES, name: noise})


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_mutations_are_loaded_or_refused_with_codes(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(FILES)))
    lines = FILES[name].split("\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.integers(0, 5)):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, lines[data.draw(st.integers(0, len(lines) - 1))])
            case 2:
                lines[at] = lines[at].partition(":")[0] + ": " + data.draw(_noise)
            case 3:
                lines[at] = "  " + lines[at]
            case 4:
                other = data.draw(st.integers(0, len(lines) - 1))
                lines[at], lines[other] = lines[other], lines[at]
            case _:
                cut = data.draw(st.integers(0, len(lines[at])))
                lines[at] = lines[at][:cut] + data.draw(st.text(max_size=3)) + lines[at][cut + 1 :]
        lines = lines or [""]
    _pack_or_errors({**FILES, name: "\n".join(lines)})
