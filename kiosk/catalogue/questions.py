"""Reads questions, each in the scope of those before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

from kiosk.catalogue.conditions import FACTS, fact_kind
from kiosk.catalogue.errors import Findings, Rule
from kiosk.catalogue.model import (
    ALWAYS,
    Option,
    Question,
    QuestionKind,
)
from kiosk.catalogue.parts import EMPTY, ids_of, text, unique
from kiosk.catalogue.reader import At, Fields, nearest
from kiosk.catalogue.scope import COMBINERS, MAX_NUMBER, Scope, words_of

NONE_OF_THESE = ("none", "none_of_these")  # ids of options that stand alone by themselves
_EARLIEST, _LATEST = date(1900, 1, 1), date(2100, 1, 1)


def questions_of(
    fields: Fields,
    roles: frozenset[str],
    guards: dict[str, frozenset[str]],
    known: Mapping[str, Question],
    mark: Callable[[str, str, At], None],
) -> tuple[Question, ...]:
    """The questions of a file, in order; `mark` is told where each stands."""
    at = fields.maybe("questions")
    if at is None:
        return ()
    every = frozenset(ids_of(at))
    waiting = _cycle(at, guards)
    earlier: dict[str, Question] = dict(known)
    questions: list[Question] = []
    for one in at.parts(most=80):
        scope = Scope(dict(earlier), every - set(earlier), roles, guards=guards)
        question = _question(one, scope, waits=_id(one) in waiting)
        if waiting and question.id == waiting[0]:
            one.report(
                Rule.CYCLE,
                f"these wait for each other: {', '.join(waiting)}",
                "let one of them be asked without the others",
            )
        unique(one, question.id, [known.id for known in questions])
        if question.id in COMBINERS:
            one.report(Rule.BAD_NAME, f"'{question.id}' has a meaning in conditions", "rename it")
        if question.kind is QuestionKind.DATE and question.id in roles:
            one.report(Rule.BAD_NAME, f"'{question.id}' is the name of a role", "rename it")
        mark("questions", question.id, one)
        for index, option in enumerate(question.options):
            options = one.table().find("options")
            if options:
                mark("options", f"{question.id}.{option.id}", options.parts()[index])
        questions.append(question)
        earlier.setdefault(question.id, question)
    return tuple(questions)


def _id(at: At) -> str:
    quiet = At(Findings(), at.file, at.key, at.node)
    return quiet.table().take("id", At.identifier, "")


def _cycle(at: At, guards: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """The first questions found that wait for each other, in their order; usually none."""
    needs: dict[str, set[str]] = {}
    for one in At(Findings(), at.file, at.key, at.node).parts():
        when = one.table().maybe("when")
        words = words_of(when) if when else frozenset()
        behind = (guards.get(word.partition(".")[0], frozenset()) for word in words if "." in word)
        needs.setdefault(_id(one), set()).update(words, *behind)
    for name in needs:
        if name in (reached := _reach(needs, name)):
            return tuple(one for one in needs if one in reached and name in _reach(needs, one))
    return ()


def _reach(needs: Mapping[str, set[str]], name: str) -> set[str]:
    """Every question that this one waits for, directly or through others."""
    reached: set[str] = set()
    waiting = [name]
    while waiting:
        for further in (needs.get(waiting.pop(), set()) & needs.keys()) - reached:
            reached.add(further)
            waiting.append(further)
    return reached


def _question(at: At, scope: Scope, *, waits: bool) -> Question:
    fields = at.table()
    if waits:  # told already; its condition cannot be read
        fields.find("when")
    name = fields.take("id", At.identifier, "")
    kind_at = fields.need("kind")
    kind = kind_at.choice(QuestionKind, QuestionKind.ONE) if kind_at else QuestionKind.ONE
    limits = {
        key: fields.maybe(key) for key in ("unit", "minimum", "maximum", "earliest", "latest")
    }
    numeric = kind is QuestionKind.NUMBER
    for key, one in limits.items():
        right = numeric if key in ("unit", "minimum", "maximum") else kind is QuestionKind.DATE
        if one and not right:
            what = f"'{key}' does not fit a question of kind {kind.value}"
            one.report(Rule.LIMITS, what, "remove it")
    least, most = (_number(limits[key]) for key in ("minimum", "maximum"))
    first, last = (_day(limits[key]) for key in ("earliest", "latest"))
    if numeric and (least is None or most is None or least >= most):
        at.report(Rule.LIMITS, "a number needs its limits", "minimum: and maximum:, in this order")
    if first and last and first >= last:
        at.report(Rule.LIMITS, "the limits leave no day", "earliest: before latest:")
    unit = limits["unit"]
    question = Question(
        id=name,
        text=fields.take("text", text, EMPTY),
        kind=kind,
        about=fields.option(
            "about",
            lambda one: one.one_of(sorted(scope.roles), Rule.UNKNOWN_ROLE),
            "applicant",
        ),
        options=_options(at, fields, kind) if kind_at else (),
        hint=fields.option("hint", text, None),
        when=ALWAYS if waits else fields.option("when", scope.condition, ALWAYS),
        unit=unit.text() if unit else None,
        minimum=least,
        maximum=most,
        earliest=first or (_EARLIEST if kind is QuestionKind.DATE else None),
        latest=last or (_LATEST if kind is QuestionKind.DATE else None),
        always=fields.option("always", At.boolean, False),
    )
    fact_at = fields.maybe("known")
    if fact_at:
        question = _for_fact(fact_at, question, scope)
    fields.finish()
    return question


def _for_fact(at: At, question: Question, scope: Scope) -> Question:
    """The question as the words for a fact; its answer is the fact, told or read from a card."""
    name = at.string()
    kind = fact_kind(name)
    role = name.partition(".")[0]
    if kind is None or role not in scope.roles:
        at.report(
            Rule.FACT_QUESTION,
            f"there is no fact '{name[:60]}'",
            nearest(name, [f"{one}.{fact}" for one in sorted(scope.roles) for fact in FACTS]),
        )
        return question
    options = {option.id for option in question.options}
    if question.kind is not kind.kind or options != set(kind.options):
        mend = f"kind: {kind.kind.value}"
        if kind.options:
            mend += f", options {', '.join(kind.options)}"
        at.report(Rule.FACT_QUESTION, f"'{name}' is not answered like this", mend)
    if question.when.op != "always" or question.about != role:
        at.report(
            Rule.FACT_QUESTION,
            "a fact is asked for whenever it is needed, about its own party",
            f"no when:, about: {role}",
        )
    return replace(question, known=name)


def _number(at: At | None) -> int | None:
    return at.integer(-MAX_NUMBER, MAX_NUMBER) if at else None


def _day(at: At | None) -> date | None:
    return at.date() if at else None


def _options(at: At, fields: Fields, kind: QuestionKind) -> tuple[Option, ...]:
    listed = fields.maybe("options")
    chosen = kind in (QuestionKind.ONE, QuestionKind.MANY)
    if listed and not chosen:
        listed.report(Rule.OPTIONS, f"a question of kind {kind.value} has no options", "remove")
    parts = listed.parts(most=40) if listed else []
    if chosen and len(parts) < 2:
        at.report(Rule.OPTIONS, f"{len(parts)} option(s) to choose from", "at least two options")
    options: list[Option] = []
    for one in parts:
        option_fields = one.table()
        option = Option(
            option_fields.take("id", At.identifier, ""),
            option_fields.take("text", text, EMPTY),
            option_fields.option("hint", text, None),
        )
        alone = option_fields.maybe("alone")
        if alone and kind is not QuestionKind.MANY:
            alone.report(Rule.OPTIONS, "only of several answers one can stand alone", "remove it")
        if kind is QuestionKind.MANY:
            option = replace(option, alone=alone.boolean() if alone else option.id in NONE_OF_THESE)
        option_fields.finish()
        unique(one, option.id, [known.id for known in options])
        options.append(option)
    return tuple(options) if chosen else ()
