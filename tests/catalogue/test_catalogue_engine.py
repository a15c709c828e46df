"""The engine: only answers on the path count, nothing is decided early or asked in vain."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import product

import pytest
from catalogue_sample import FILES
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.catalogue.conditions import compiled, evaluate, fact_kind, guarded, keys
from kiosk.catalogue.engine import Path, Problem, prepared, validate, walk
from kiosk.catalogue.loader import load
from kiosk.catalogue.matters import of_item
from kiosk.catalogue.model import (
    ALWAYS,
    Answer,
    Assurance,
    Condition,
    Fact,
    FieldKind,
    FormField,
    Guide,
    Item,
    Kind,
    Material,
    Matter,
    Option,
    PartyIdentity,
    PartyRole,
    Question,
    QuestionKind,
    Result,
    Situation,
    Source,
    Text,
)

PACK = load(FILES)
TRAVEL, PENSION, RETIRE = (PACK.matters[code] for code in ("TRV-001", "PEN-001", "BUN-001"))
GROWN: Mapping[str, Fact] = {"applicant.age": 60}


def ids(path: Path) -> list[str]:
    return [one.id for one in path.asked]


def test_one_question_after_the_other_leads_to_the_situation() -> None:
    answers: dict[str, Answer] = {}
    seen = []
    for answer in ("me", "family", frozenset({"spouse"}), 3, date(2030, 1, 1), False):
        path = walk(TRAVEL, answers, GROWN)
        assert path.next is not None
        seen.append(path.next.id)
        answers[path.next.id] = answer
    path = walk(TRAVEL, answers, GROWN)
    assert seen == ["for_whom", "purpose", "kin", "months", "permit_until", "lost"]
    assert path.complete
    assert [one.id for _, one in path.situations] == ["adult"]
    assert path.result is Result.ACCEPT
    assert [one.id for one in path.materials] == ["travel_permit", "kinship"]
    assert [one.key for one in path.fields] == ["contact_phone", "home"]
    assert [one.role for one in path.parties] == ["applicant"]


def test_unanswered_is_not_false() -> None:
    path = walk(TRAVEL, {}, GROWN)
    assert not path.decided
    assert path.result is None
    assert path.situations == ()
    # The child's field hangs on a question: it is neither there nor excluded.
    assert [one.key for one in path.fields] == ["contact_phone", "home"]


def test_an_answer_off_the_path_does_not_count_but_comes_back() -> None:
    answers: dict[str, Answer] = {
        "for_whom": "me",
        "purpose": "family",
        "kin": frozenset({"spouse"}),
    }
    before = walk(TRAVEL, answers, GROWN)
    away = walk(TRAVEL, {**answers, "purpose": "tourism"}, GROWN)
    assert "kin" not in away.on_path
    assert walk(TRAVEL, answers, GROWN) == before
    assert "kin" in before.on_path


def test_an_unknown_fact_blocks_and_is_named() -> None:
    path = walk(TRAVEL, {"for_whom": "me", "purpose": "tourism"}, {})
    assert path.missing_facts == ("applicant.age",)
    assert not path.decided
    child = walk(TRAVEL, {"for_whom": "child", "purpose": "tourism"}, {})
    assert child.missing_facts == ()
    assert [one.id for _, one in child.situations] == ["child"]


def test_nothing_more_is_asked_when_it_is_not_possible() -> None:
    path = walk(TRAVEL, {"for_whom": "me", "purpose": "family"}, {"applicant.age": 9})
    assert path.result is Result.NOT_POSSIBLE
    assert path.next is None
    assert path.most_left == 0
    assert path.complete


def test_before_the_decision_only_what_is_needed_whatever_comes() -> None:
    path = walk(TRAVEL, {"for_whom": "child", "lost": False}, GROWN)
    assert not path.decided
    assert [one.id for one in path.materials] == ["travel_permit"]


def test_who_takes_no_part_has_no_facts() -> None:
    item = make_item(
        questions=(choice("who", "me", "child"),),
        parties=(
            party("applicant"),
            party("child", Condition("in", "who", ("child",))),
        ),
        situations=(
            situation("small", Condition("under", "child.age", (6,))),
            situation("other", Condition("not", parts=(Condition("under", "child.age", (6,)),))),
        ),
    )
    me = walk(of_item(item), {"who": "me"}, {"child.age": 3})
    assert [one.id for _, one in me.situations] == ["other"]
    assert walk(of_item(item), {"who": "child"}, {}).missing_facts == ("child.age",)


def test_a_bundle_leaves_out_the_item_that_takes_no_part() -> None:
    path = walk(RETIRE, {"wants_travel": False, "worked_abroad": False, "lost": True}, GROWN)
    assert path.taking_part == ("PEN-001",)
    assert path.complete
    assert [one.key for one in path.fields] == ["contact_phone"]
    both = walk(RETIRE, {"wants_travel": True, "worked_abroad": False}, GROWN)
    assert both.next is not None
    assert both.next.id == "for_whom"
    assert not both.decided


def test_the_worst_result_of_a_bundle_counts() -> None:
    answers: dict[str, Answer] = {
        "wants_travel": True,
        "for_whom": "me",
        "purpose": "work",
        "worked_abroad": False,
    }
    path = walk(RETIRE, answers, GROWN)
    assert path.decided
    assert path.result is Result.COUNTER
    assert {code: one.result for code, one in path.situations} == {
        "TRV-001": Result.COUNTER,
        "PEN-001": Result.ACCEPT,
    }


def test_a_question_that_no_condition_mentions_is_asked_all_the_same() -> None:
    plain = choice("how", "a", "b")
    item = make_item(questions=(plain,), situations=(situation("only", ALWAYS),))
    assert walk(of_item(item), {}, {}).next == plain
    assert walk(of_item(item), {"how": "a"}, {}).next is None


def test_most_left_counts_the_longest_branch_not_the_sum() -> None:
    def under(name: str) -> Condition:
        return Condition("in", "branch", (name,))

    questions = (
        choice("branch", "a", "b", "c"),
        *(choice(f"a{n}", "x", "y", when=under("a")) for n in range(2)),
        *(choice(f"b{n}", "x", "y", when=under("b")) for n in range(4)),
        *(choice(f"c{n}", "x", "y", when=under("c")) for n in range(3)),
    )
    matter = of_item(make_item(questions=questions, situations=(situation("only", ALWAYS),)))
    assert walk(matter, {}, {}).most_left == 4
    assert walk(matter, {"branch": "a"}, {}).most_left == 1


@pytest.mark.parametrize(
    ("name", "raw", "want"),
    [
        ("for_whom", "me", "me"),
        ("for_whom", "you", Problem("answer-option")),
        ("for_whom", "", Problem("answer-missing")),
        ("for_whom", None, Problem("answer-missing")),
        ("for_whom", ["me"], Problem("answer-option")),
        ("kin", ["spouse", "spouse"], frozenset({"spouse"})),
        ("kin", [], Problem("answer-missing")),
        ("kin", "spouse", Problem("answer-option")),
        ("kin", [["x"]], Problem("answer-option")),
        ("months", " 12 ", 12),
        ("months", 25, Problem("answer-number-range", 0, 24)),
        ("months", "-1", Problem("answer-number-range", 0, 24)),
        ("months", "1.5", Problem("answer-number")),
        ("months", "１２", Problem("answer-number")),
        ("months", True, Problem("answer-number")),
        ("permit_until", "2030-02-28", date(2030, 2, 28)),
        ("permit_until", "2030-02-30", Problem("answer-date")),
        (
            "permit_until",
            date(2019, 1, 1),
            Problem("answer-date-range", date(2020, 1, 1), date(2040, 12, 31)),
        ),
        ("lost", True, True),
        ("lost", 1, Problem("answer-yes-no")),
    ],
)
def test_an_answer_is_taken_or_the_reason_is_told(name: str, raw: object, want: object) -> None:
    question = next(one for one in TRAVEL.questions if one.id == name)
    assert validate(question, raw) == want
    if not isinstance(want, Problem):
        assert type(validate(question, raw)) is type(want)


def test_none_of_these_stands_alone() -> None:
    question = Question(
        "care",
        TEXT,
        QuestionKind.MANY,
        "applicant",
        (Option("a", TEXT), Option("b", TEXT), Option("none", TEXT, alone=True)),
    )
    assert validate(question, ["none"]) == frozenset({"none"})
    assert validate(question, ["a", "none"]) == Problem("answer-alone")
    matter = of_item(make_item(questions=(question,), situations=(situation("only", ALWAYS),)))
    assert walk(matter, {"care": frozenset({"a", "none"})}, {}).on_path == {}


@given(st.dictionaries(st.sampled_from([q.id for q in TRAVEL.questions]), st.from_type(object)))
@settings(max_examples=60, deadline=None)
def test_what_does_not_fit_its_question_does_not_count(answers: dict[str, object]) -> None:
    path = walk(TRAVEL, answers, {"applicant.age": "old"})  # type: ignore[arg-type]
    for question in path.asked:
        assert not isinstance(validate(question, path.on_path[question.id]), Problem)
    assert path.missing_facts == ("applicant.age",) or path.on_path


# -- three values

TEXT = Text("字", "x")
KEYS = ("a", "b", "c")
_leaf = st.sampled_from(KEYS).map(lambda key: Condition("in", key, (True,)))
CONDITIONS = st.recursive(
    _leaf | st.just(ALWAYS),
    lambda inner: st.builds(
        lambda op, parts: Condition(op, parts=tuple(parts if op != "not" else parts[:1])),
        st.sampled_from(["all", "any", "not"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=8,
)
KNOWN = st.dictionaries(st.sampled_from(KEYS), st.sampled_from([True, False, None]))


@given(CONDITIONS, KNOWN)
def test_three_valued_evaluation_says_what_every_completion_says(
    condition: Condition, known: dict[str, bool | None]
) -> None:
    value = evaluate(condition, known, {})
    if value is not None:  # settled: no completion of what is unknown may differ
        open_keys = sorted(keys(condition) - known.keys())
        for rest in product([True, False, None], repeat=len(open_keys)):
            full = {**known, **dict(zip(open_keys, rest, strict=True))}
            assert evaluate(condition, full, {}) is value


@given(CONDITIONS, CONDITIONS, KNOWN)
def test_three_valued_laws(a: Condition, b: Condition, known: dict[str, bool | None]) -> None:
    def value(op: str, *parts: Condition) -> bool | None:
        return evaluate(Condition(op, parts=parts), known, {})

    def negated(one: Condition) -> Condition:
        return Condition("not", parts=(one,))

    assert value("not", negated(a)) is value("all", a)
    assert value("not", Condition("all", parts=(a, b))) is value("any", negated(a), negated(b))
    assert value("all", a, b) is value("all", b, a)
    assert value("any", a, b) is value("any", b, a)


@given(CONDITIONS, KNOWN)
def test_compiled_conditions_say_the_same(
    condition: Condition, known: dict[str, bool | None]
) -> None:
    bits = {key: 1 << n for n, key in enumerate(KEYS)}
    ready = compiled(condition, bits)
    assert ready.test(known) is evaluate(condition, known, {})
    if ready.test(known) is None:
        live = {key for key, bit in bits.items() if ready.live(known) & bit}
        assert live
        assert live <= keys(condition) - known.keys()


# -- generated items

GUIDE = Guide(TEXT, TEXT, TEXT, None, None, 0, TEXT, TEXT, "0577-00000000")


def choice(name: str, *options: str, when: Condition = ALWAYS) -> Question:
    return Question(
        name,
        TEXT,
        QuestionKind.ONE,
        "applicant",
        tuple(Option(one, TEXT) for one in options),
        when=when,
    )


def party(role: str, when: Condition = ALWAYS) -> PartyRole:
    return PartyRole(role, TEXT, PartyIdentity.CARD, when)


def situation(
    name: str, when: Condition, result: Result = Result.ACCEPT, *materials: str
) -> Situation:
    return Situation(name, TEXT, when, result, materials, None)


def make_item(
    questions: tuple[Question, ...] = (),
    materials: tuple[Material, ...] = (),
    form: tuple[FormField, ...] = (),
    situations: tuple[Situation, ...] = (),
    parties: tuple[PartyRole, ...] = (),
) -> Item:
    return Item(
        "GEN-001",
        TEXT,
        "group",
        Kind.APPLY,
        "department",
        Assurance.NONE,
        TEXT,
        False,
        1,
        TEXT,
        1,
        date(2026, 1, 1),
        GUIDE,
        parties or (party("applicant"),),
        questions,
        materials,
        form,
        situations,
    )


@st.composite
def matters(draw: st.DrawFn) -> Matter:
    """Items whose situations come from a decision tree: exactly one fits each case."""
    questions: list[Question] = []

    def condition(depth: int = 2) -> Condition:
        kind = draw(st.integers(0, 5 if depth and questions else 1))
        if not questions or kind == 0:
            return draw(
                st.sampled_from(
                    [ALWAYS, Condition("at_least", "applicant.age", (60,)), ALWAYS, ALWAYS]
                )
            )
        if kind <= 3:
            one = draw(st.sampled_from(questions))
            if one.kind is QuestionKind.NUMBER:
                return Condition(draw(st.sampled_from(["at_least", "under"])), one.id, (5,))
            if one.kind is QuestionKind.YES_NO:
                return Condition("in", one.id, (draw(st.booleans()),))
            options = [option.id for option in one.options]
            return Condition(
                "in",
                one.id,
                tuple(draw(st.lists(st.sampled_from(options), min_size=1, max_size=2))),
            )
        op = draw(st.sampled_from(["all", "any", "not"]))
        count = 1 if op == "not" else 2
        return Condition(op, parts=tuple(condition(depth - 1) for _ in range(count)))

    for number in range(draw(st.integers(1, 6))):
        kind = draw(
            st.sampled_from(
                [QuestionKind.ONE, QuestionKind.YES_NO, QuestionKind.NUMBER, QuestionKind.MANY]
            )
        )
        chosen = kind in (QuestionKind.ONE, QuestionKind.MANY)
        questions.append(
            Question(
                f"q{number}",
                TEXT,
                kind,
                "applicant",
                tuple(Option(one, TEXT) for one in "xyz") if chosen else (),
                when=condition(),
                minimum=0,
                maximum=9,
                always=draw(st.integers(0, 9)) == 0,
            )
        )
    materials = tuple(
        Material(f"m{n}", TEXT, "original", Source.RESIDENT, TEXT, (), when=condition())
        for n in range(3)
    )
    form = tuple(FormField(f"f{n}", TEXT, FieldKind.TEXT, when=condition()) for n in range(2))
    situations: list[Situation] = []

    def split(path: tuple[Condition, ...], depth: int) -> None:
        if depth and draw(st.booleans()):
            test = condition(1)
            split((*path, test), depth - 1)
            split((*path, Condition("not", parts=(test,))), depth - 1)
        else:
            needed = draw(st.lists(st.sampled_from(["m0", "m1", "m2"]), unique=True))
            result = draw(st.sampled_from(Result))
            when = Condition("all", parts=path) if path else ALWAYS
            situations.append(situation(f"s{len(situations)}", when, result, *needed))

    split((), 3)
    return of_item(make_item(tuple(questions), materials, form, tuple(situations)))


def values(question: Question) -> list[Answer]:
    return {
        QuestionKind.ONE: [*"xyz"],
        QuestionKind.YES_NO: [True, False],
        QuestionKind.NUMBER: [0, 5],
        QuestionKind.MANY: [frozenset("x"), frozenset("y"), frozenset("z"), frozenset("xyz")],
    }[question.kind]


@st.composite
def answered(draw: st.DrawFn) -> tuple[Matter, dict[str, Answer], dict[str, Fact]]:
    matter = draw(matters())
    answers = {
        one.id: draw(st.sampled_from(values(one)))
        for one in matter.questions
        if draw(st.integers(0, 3))
    }
    facts: dict[str, Fact] = draw(
        st.sampled_from([{}, {"applicant.age": 40}, {"applicant.age": 70}])
    )
    return matter, answers, facts


def on_path(
    matter: Matter, answers: Mapping[str, Answer], facts: Mapping[str, Fact]
) -> dict[str, Answer | None]:
    """By the book: what is known of each question, one after the other."""
    known: dict[str, Answer | None] = {}
    for question in matter.questions:
        when = evaluate(question.when, known, facts)
        if when is False:
            known[question.id] = None
        elif when and question.id in answers:
            known[question.id] = answers[question.id]
    return known


@given(answered())
@settings(max_examples=200, deadline=None)
def test_only_answers_on_the_path_count(
    case: tuple[Matter, dict[str, Answer], dict[str, Fact]],
) -> None:
    matter, answers, facts = case
    path = walk(matter, answers, facts)
    known = on_path(matter, answers, facts)
    assert dict(path.on_path) == {key: one for key, one in known.items() if one is not None}
    assert [one.id for one in path.asked] == list(path.on_path)
    # Off the path an answer may be anything: the path stays the same.
    off = {key: one for key, one in answers.items() if key in path.on_path}
    assert walk(matter, off, facts) == path
    backwards = dict(reversed(answers.items()))
    assert walk(matter, backwards, dict(reversed(facts.items()))) == path
    if path.next is not None:
        assert path.next.id not in answers
    for name in path.missing_facts:
        assert name not in facts


@given(answered(), st.data())
@settings(max_examples=100, deadline=None)
def test_changing_an_answer_and_back_restores_the_path(
    case: tuple[Matter, dict[str, Answer], dict[str, Fact]], data: st.DataObject
) -> None:
    matter, answers, facts = case
    before = walk(matter, answers, facts)
    question = data.draw(st.sampled_from(matter.questions))
    stored = dict(answers)
    stored[question.id] = data.draw(st.sampled_from(values(question)))
    walk(matter, stored, facts)
    if question.id in answers:
        stored[question.id] = answers[question.id]
    else:
        del stored[question.id]
    assert walk(matter, stored, facts) == before


@given(matters(), st.data())
@settings(max_examples=150, deadline=None)
def test_a_visit_asks_nothing_twice_ends_and_counts_down(
    matter: Matter, data: st.DataObject
) -> None:
    answers: dict[str, Answer] = {}
    facts: dict[str, Fact] = {"applicant.age": data.draw(st.sampled_from([40, 70]))}
    left = None
    while (path := walk(matter, answers, facts)).next is not None:
        assert path.next.id not in answers
        assert left is None or path.most_left < left
        left = path.most_left
        answers[path.next.id] = data.draw(st.sampled_from(values(path.next)))
    assert path.complete
    assert path.most_left == 0
    assert len(path.situations) == 1


def outcome(path: Path) -> tuple[object, ...]:
    return path.situations, path.materials, path.fields, path.parties


@given(matters(), st.data())
@settings(max_examples=150, deadline=None)
def test_what_is_not_asked_could_not_have_changed_anything(
    matter: Matter, data: st.DataObject
) -> None:
    answers: dict[str, Answer] = {}
    facts: dict[str, Fact] = {"applicant.age": data.draw(st.sampled_from([40, 70]))}
    while (path := walk(matter, answers, facts)).next is not None:
        answers[path.next.id] = data.draw(st.sampled_from(values(path.next)))
    if path.result is Result.NOT_POSSIBLE:
        assert not path.materials  # neither papers nor form are of any use then
        return
    for _ in range(5):
        rest = {
            one.id: data.draw(st.sampled_from(values(one)))
            for one in matter.questions
            if one.id not in answers
        }
        assert outcome(walk(matter, {**rest, **answers}, facts)) == outcome(path)


@given(answered())
@settings(max_examples=150, deadline=None)
def test_the_situation_is_the_one_whose_condition_holds(
    case: tuple[Matter, dict[str, Answer], dict[str, Fact]],
) -> None:
    matter, answers, facts = case
    path = walk(matter, answers, facts)
    known = on_path(matter, answers, facts)
    item = matter.components[0].item
    fit = [one for one in item.situations if evaluate(one.when, known, facts) is True]
    assert [one for _, one in path.situations] == fit
    assert path.decided == bool(fit)
    if fit and fit[0].result is not Result.NOT_POSSIBLE:
        needed = [
            one.id
            for one in item.materials
            if one.id in fit[0].materials and evaluate(one.when, known, facts) is True
        ]
        assert [one.id for one in path.materials] == needed


def test_guards_and_facts() -> None:
    child = Condition("in", "who", ("child",))
    tied = guarded(Condition("under", "child.age", (6,)), {"child": child})
    assert evaluate(tied, {"who": "me"}, {"child.age": 3}) is False
    assert evaluate(tied, {"who": "child"}, {}) is None
    assert fact_kind("applicant.shoe") is None
    assert prepared(TRAVEL) is prepared(TRAVEL)
