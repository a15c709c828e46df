"""The difference between two catalogues, counted over all cases and told in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from catalogue_sample import FILES
from hypothesis import given
from hypothesis import strategies as st

from config.words import load_words
from kiosk.catalogue.cuts import TooManyAnswers, domains
from kiosk.catalogue.diff import Change, MatterDiff, diff
from kiosk.catalogue.engine import walk
from kiosk.catalogue.loader import load
from kiosk.catalogue.model import Pack
from kiosk.catalogue.pack import Certificate, build
from kiosk.catalogue_words import DiffWords
from kiosk.cli import main

OLD = load(FILES)
TRAVEL = "items/trv-001.yaml"


def changed(*changes: tuple[str, str], file: str = TRAVEL) -> Pack:
    text = FILES[file]
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return load({**FILES, file: text})


def of(code: str, new: Pack) -> MatterDiff:
    return next(one for one in diff(OLD, new).matters if one.code == code)


def by_key(found: MatterDiff) -> dict[str, list[Change]]:
    made: dict[str, list[Change]] = {}
    for change in found.changes:
        made.setdefault(change.key, []).append(change)
    return made


def test_a_catalogue_does_not_differ_from_itself() -> None:
    found = diff(OLD, load(dict(FILES)))
    assert found.matters == ()
    assert found.shared == ()


def test_a_paper_that_is_needed_in_more_cases_is_counted() -> None:
    new = changed(
        ("when: {kin: [spouse, parent]}", "when: {any: [{kin: [spouse]}, {purpose: tourism}]}")
    )
    found = of("TRV-001", new)
    kinds = by_key(found)
    (more,) = kinds["material-more"]
    (less,) = kinds["material-less"]
    # By hand: a grown-up or a child's parent, with and without the old permit; of the parents
    # alone, or together with a friend.
    assert (more.cases, less.cases) == (2 * 2, 2 * 2 * 2)
    assert found.changed == more.cases + less.cases
    assert found.complete
    for change in (more, less):
        assert change.example is not None
        answers = {key: one for key, one in change.example.items() if "." not in key}
        facts_of = {key: one for key, one in change.example.items() if "." in key}
        paths = [walk(one.matters["TRV-001"], answers, facts_of) for one in (OLD, new)]  # type: ignore[arg-type]
        names = [{one.id for one in path.materials} for path in paths]
        assert ("kinship" in names[1]) == (change.key == "material-more")
        assert ("kinship" in names[0]) == (change.key == "material-less")


def test_a_limit_that_moves_changes_only_who_stands_between() -> None:
    found = of("TRV-001", changed(("at_least: 16", "at_least: 18"), ("under: 16", "under: 18")))
    (result,) = found.changes
    assert (result.key, result.old, result.new) == ("result", "accept", "not-possible")
    assert result.example is not None
    assert result.example["applicant.age"] == 16
    assert result.cases == found.changed
    assert 0 < found.changed < found.cases


def test_a_new_answer_and_a_removed_one() -> None:
    more = changed(
        (
            "      - {id: work,",
            "      - {id: study, text: {zh: 读书, en: Study}}\n      - {id: work,",
        ),
        ("when: {purpose: work}", "when: {purpose: [work, study]}"),
    )
    assert by_key(of("TRV-001", more))["answer-more"][0].cases > 0
    back = next(one for one in diff(more, OLD).matters if one.code == "TRV-001")
    assert (
        by_key(back)["answer-less"][0].cases == by_key(of("TRV-001", more))["answer-more"][0].cases
    )


def test_words_fees_and_days_are_told_value_by_value() -> None:
    new = changed(
        ("{zh: 不收费, en: Free}", "{zh: 十五元, en: 15 yuan}"),
        ("promised: 5", "promised: 3"),
        ("check: {zh: 没有过期, en: Not expired}", "check: {zh: 还有半年, en: Half a year left}"),
        ("  notes:\n    - {zh: 样例, en: Sample}\n", ""),
    )
    found = of("TRV-001", new)
    assert found.cases == 0 or found.changed == 0
    told = {change.what: change for change in found.changes}
    assert told["guide.fee"].new is not None
    assert (told["guide.days_promised"].old, told["guide.days_promised"].new) == (5, 3)
    assert "materials[travel_permit].review[valid].check" in told
    assert told["guide.notes[1]"].key == "part-less"
    # What search and order use is nothing that a resident is asked.
    assert diff(OLD, changed(("use_rank: 90", "use_rank: 9"), ("gangao", "aomen"))).matters == ()


def test_items_and_departments_come_and_go() -> None:
    fewer = dict(FILES)
    del fewer["items/crt-001.yaml"]
    fewer["plain.yaml"] = fewer["plain.yaml"].replace("CRT-001", "TRV-001")
    fewer["departments.yaml"] = fewer["departments.yaml"].replace("00000002", "00000009")
    found = diff(OLD, load(fewer))
    assert [(one.code, one.changes[0].key) for one in found.matters] == [("CRT-001", "withdrawn")]
    assert [one.what for one in found.shared] == ["departments[social].phone"]
    assert diff(load(fewer), OLD).matters[0].changes[0].key == "added"


def test_too_many_cases_are_said_to_be_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kiosk.catalogue.diff.MAX_CASES", 7)
    new = changed(("at_least: 16", "at_least: 18"), ("under: 16", "under: 18"))
    found = of("TRV-001", new)
    assert (found.cases, found.complete) == (7, False)
    said = DiffWords(OLD, new, load_words(), "en").text(diff(OLD, new))
    assert "Too many cases; of the first 7" in said


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_kind_of_change_has_its_words(language: str) -> None:
    phone = "  - {key: contact_phone, label: {zh: 手机, en: Mobile}, kind: phone, about: applicant}"
    pairs = [
        (OLD, changed(("at_least: 16", "at_least: 18"), ("under: 16", "under: 18"))),
        (OLD, changed(("sign: true", "sign: false"), ("[post, pick-up]", "[post]"))),
        (OLD, changed(("when: {kin: [spouse, parent]}", "when: {kin: spouse}"))),
        (OLD, changed((phone, ""))),
        (OLD, changed(("\n    when: {purpose: family}", ""))),
    ]
    for old, new in [*pairs, *((new, old) for old, new in pairs)]:
        found = diff(old, new)
        said = DiffWords(old, new, load_words(), language).text(found)
        assert found.matters
        assert "{" not in said
        assert "diff." not in said
        json.dumps(DiffWords(old, new, load_words(), language).plain(found))


def test_the_domains_hold_a_value_for_every_test() -> None:
    values = domains(OLD.matters["TRV-001"])
    assert values["applicant.age"] == (0, 16)
    assert set(values["for_whom"]) == {"me", "child"}
    assert len(values["kin"]) == 3  # one who counts, a friend, both
    both = domains(
        OLD.matters["TRV-001"], changed(("maximum: 24", "maximum: 12")).matters["TRV-001"]
    )
    assert both["months"] == (0, 13)


@given(st.integers(13, 20))
def test_many_options_of_which_several_are_chosen_are_too_many(count: int) -> None:
    options = "".join(
        f"      - {{id: o{n}, text: {{zh: 选{n}, en: O {n}}}}}\n" for n in range(count)
    )
    text = FILES[TRAVEL]
    begin, end = text.index("      - {id: spouse"), text.index("    when: {purpose: family}")
    text = text[:begin] + options + text[end:]
    each = ", ".join(f"{{kin: o{n}}}" for n in range(count))
    text = text.replace("when: {kin: [spouse, parent]}", f"when: {{any: [{each}]}}")
    text = text.replace("kin: friend", "kin: o0")
    matter = load({**FILES, TRAVEL: text}).matters["TRV-001"]
    with pytest.raises(TooManyAnswers):
        domains(matter)


# -- the command --------------------------------------------------------------------------


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_the_command_compares_a_pack_with_a_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old.pack").write_bytes(build(OLD, Certificate()))
    new = written(
        tmp_path / "new", {**FILES, TRAVEL: FILES[TRAVEL].replace("promised: 5", "promised: 3")}
    )
    assert main(["catalogue", "diff", str(tmp_path / "old.pack"), str(new)]) == 1
    assert "承诺工作日：5 → 3" in capsys.readouterr().out
    assert main(["catalogue", "diff", "--json", str(new), str(new)]) == 0
    assert json.loads(capsys.readouterr().out)["matters"] == []
    (tmp_path / "old.pack").write_bytes(b"x")
    assert main(["catalogue", "diff", str(tmp_path / "old.pack"), str(new)]) == 2
    assert "CP-01" in capsys.readouterr().err


def test_build_writes_what_install_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = written(tmp_path / "source", FILES)
    pack, packs = tmp_path / "a.pack", tmp_path / "packs"
    assert main(["catalogue", "build", str(source), "-o", str(pack)]) == 0
    assert "3 items, 1 bundles" in capsys.readouterr().out
    assert main(["catalogue", "install", str(pack), "--packs", str(packs)]) == 0
    assert OLD.hash[:12] in capsys.readouterr().out
    pack.write_bytes(pack.read_bytes()[:-3])
    assert main(["catalogue", "install", str(pack), "--packs", str(packs)]) == 2
    assert "CP-05" in capsys.readouterr().err
    (source / TRAVEL).write_text(FILES[TRAVEL].replace("{under: 16}", "{under: 15}"))
    assert main(["catalogue", "build", str(source), "-o", str(pack)]) == 2
    assert "CT-80" in capsys.readouterr().err
