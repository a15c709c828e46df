"""The proof: what is injected is found, with a case that shows it; what is right passes."""

from __future__ import annotations

import pytest
from catalogue_sample import FILES
from hypothesis import given, settings
from test_catalogue_engine import (
    GUIDE,
    TEXT,
    choice,
    make_item,
    matters,
    on_path,
    situation,
)

from kiosk.catalogue import check as proof
from kiosk.catalogue import diagram
from kiosk.catalogue.check import check, prove
from kiosk.catalogue.conditions import evaluate
from kiosk.catalogue.errors import Finding, Findings
from kiosk.catalogue.loader import load
from kiosk.catalogue.matters import of_bundle, of_item
from kiosk.catalogue.model import (
    ALWAYS,
    Bundle,
    Condition,
    Matter,
    Option,
    Question,
    QuestionKind,
)

TRV, PEN, BUN = "items/trv-001.yaml", "items/pen-001.yaml", "bundles/bun-001.yaml"


def found(file: str, *edits: tuple[str, str]) -> tuple[Finding, ...]:
    text = FILES[file]
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return check(load({**FILES, file: text}))


def proven(matter: Matter) -> list[Finding]:
    findings = Findings()
    proof._Proof(matter, {}, findings).run()
    # Made-up items do not say of every option what follows from it.
    return [one for one in findings.all() if one.code != "CT-91"]


def test_the_good_sample_is_proven() -> None:
    result = prove(load(FILES))
    assert result.findings == ()
    rows = {row.code: row for row in result.rows}
    assert set(rows) == {"TRV-001", "PEN-001", "CRT-001", "BUN-001"}
    assert all(row.complete and row.cases for row in result.rows)
    assert rows["TRV-001"].situations == 4


@pytest.mark.parametrize(
    ("file", "old", "new", "code", "key", "told"),
    [
        (TRV, "{under: 16}", "{under: 15}", "CT-80", "situations", "applicant.age: 15"),
        (TRV, "{purpose: work}", "{purpose: work, lost: true}", "CT-80", "*", "lost: false"),
        (TRV, "{under: 16}", "{under: 17}", "CT-81", "situations.minor", "applicant.age: 16"),
        (TRV, "{purpose: work}", "{purpose: [work, family]}", "CT-81", "*", "purpose: family"),
        (PEN, "worked_abroad: false}", "worked_abroad: true}", "CT-80", "*", "abroad: false"),
        (
            TRV,
            "when: {purpose: family}",
            "when: {all: [{purpose: family}, {purpose: work}]}",
            "CT-82",
            "questions.kin",
            "never asked",
        ),
        (
            TRV,
            "when: {kin: [spouse, parent]}",
            "when: {kin: [spouse, parent], purpose: work}",
            "CT-84",
            "materials.kinship",
            "never needed",
        ),
        (
            TRV,
            "    about: child\n    when: {for_whom: child}",
            "    about: child\n    when: {for_whom: child, not: {for_whom: child}}",
            "CT-85",
            "form.child_name",
            "never takes part",
        ),
        (TRV, "{for_whom: child}}\nq", "{for_whom: child, applicant.age: {under: 0}}}\nq",
         "CT-89", "parties.child", "never true"),
        (BUN, "{wants_travel: true}", "{wants_travel: true, not: {wants_travel: true}}",
         "CT-86", "include.TRV-001", "never takes part"),
        (BUN, "  TRV-001: {wants_travel: true}",
         "  TRV-001: {wants_travel: true}\n  PEN-001: {wants_travel: true}",
         "CT-87", "include", "wants_travel: false"),
    ],
)  # fmt: skip
def test_what_is_injected_is_found_with_its_case(
    file: str, old: str, new: str, code: str, key: str, told: str
) -> None:
    findings = [one for one in found(file, (old, new)) if one.code == code]
    assert findings
    assert any(told in one.message for one in findings), findings
    assert key == "*" or any(one.key == key for one in findings), findings
    if key not in ("*", "situations", "include"):
        assert all(one.line > 0 for one in findings if one.key == key)


def test_a_situation_that_never_fits_is_found() -> None:
    dead = """\
  - id: nobody
    name: {zh: 没有人, en: Nobody}
    when: {purpose: work, kin: spouse}
    result: accept
"""
    findings = found(TRV, ("situations:\n", "situations:\n" + dead))
    assert [(one.code, one.key) for one in findings] == [("CT-83", "situations.nobody")]


def test_a_case_too_large_is_said_not_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = tuple(choice(f"q{n}", "x", "y") for n in range(18))
    odd = Condition(
        "any",
        parts=tuple(
            Condition(
                "all",
                parts=(Condition("in", f"q{n}", ("x",)), Condition("in", f"q{n + 9}", ("x",))),
            )
            for n in range(9)
        ),
    )
    item = make_item(
        questions=questions,
        situations=(situation("a", odd), situation("b", Condition("not", parts=(odd,)))),
    )
    monkeypatch.setattr(diagram, "MAX_STEPS", 500)
    (finding,) = proven(of_item(item))
    assert finding.code == "CT-88"
    assert "split it at 'q0'" in finding.mend
    monkeypatch.undo()
    assert proven(of_item(item)) == []


def test_sets_of_answers_are_told_apart() -> None:
    """Two options of "many" may be chosen together: conditions on each overlap."""
    many = Question(
        "kin", TEXT, QuestionKind.MANY, "applicant", tuple(Option(one, TEXT) for one in "abc")
    )
    item = make_item(
        questions=(many,),
        situations=(
            situation("a", Condition("in", "kin", ("a",))),
            situation("b", Condition("in", "kin", ("b",))),
        ),
    )
    assert {one.code for one in proven(of_item(item))} == {"CT-80", "CT-81"}
    messages = " ".join(one.message for one in proven(of_item(item)))
    assert "kin: [a, b]" in messages
    assert "kin: [c]" in messages


def test_a_bundle_is_proven_with_its_own_conditions() -> None:
    """A question shared by two items may be asked in a bundle where one item alone would not."""
    shared = choice("paper", "yes", "no", when=Condition("in", "a", ("x",)))
    first = make_item(
        questions=(choice("a", "x", "y"), shared),
        situations=(
            situation("p", Condition("in", "paper", ("yes",))),
            situation("q", Condition("not", parts=(Condition("in", "paper", ("yes",)),))),
        ),
    )
    second = make_item(
        questions=(
            choice("b", "x", "y"),
            choice("paper", "yes", "no", when=Condition("in", "b", ("x",))),
        ),
        situations=(
            situation("p", Condition("in", "paper", ("yes",))),
            situation("not_asked", Condition("in", "b", ("y",))),
            situation("q", Condition("in", "paper", ("no",))),
        ),
    )
    assert proven(of_item(first)) == []
    assert proven(of_item(second)) == []
    bundle = Bundle("BUN-009", TEXT, "group", 1, TEXT, 1, first.effective_from, GUIDE, ("A", "B"))
    matter, problems = of_bundle(bundle, [first, second])
    assert problems == []
    assert matter is not None
    # With b: y but a: x, the paper is asked for the first item and counts for the second too.
    assert {one.code for one in proven(matter)} == {"CT-81", "CT-93"}


@given(matters())
@settings(max_examples=60, deadline=None)
def test_right_by_construction_is_never_called_a_gap_or_overlap(matter: Matter) -> None:
    codes = {one.code for one in proven(matter)}
    assert not codes & {"CT-80", "CT-81", "CT-88"}


@given(matters())
@settings(max_examples=60, deadline=None)
def test_a_situation_taken_away_is_a_gap_exactly_when_it_fits_somewhere(matter: Matter) -> None:
    from dataclasses import replace

    item = matter.components[0].item
    before = {one.key for one in proven(matter) if one.code == "CT-83"}
    gone, rest = item.situations[0], item.situations[1:]
    codes = {one.code for one in proven(of_item(replace(item, situations=rest)))}
    assert ("CT-80" in codes) == (f"situations.{gone.id}" not in before)


def test_every_counterexample_is_real() -> None:
    """The values told for a gap leave every situation false."""
    pack = load({**FILES, TRV: FILES[TRV].replace("{under: 16}", "{under: 15}")})
    matter = pack.matters["TRV-001"]
    facts = {"applicant.age": 15}
    answers = {"for_whom": "me", "purpose": "tourism", "lost": False}
    known = on_path(matter, answers, facts)  # type: ignore[arg-type]
    item = matter.components[0].item
    assert {evaluate(one.when, known, facts) for one in item.situations} == {False}
    assert ALWAYS.op == "always"
