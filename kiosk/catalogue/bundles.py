"""Reads one bundle file to a `Bundle`; its items were read before."""

from __future__ import annotations

from collections.abc import Mapping

from kiosk.catalogue.conditions import keys
from kiosk.catalogue.errors import Rule
from kiosk.catalogue.model import (
    Answer,
    Bundle,
    Condition,
    Fact,
    Item,
    QuestionKind,
)
from kiosk.catalogue.parts import Shared, head_of, item_code, unique
from kiosk.catalogue.questions import questions_of
from kiosk.catalogue.reader import At, nearest
from kiosk.catalogue.scope import Scope


def bundle_of(root: At, shared: Shared, items: Mapping[str, Item]) -> Bundle:
    """The bundle in a file; items that could not be read are left out quietly."""
    fields = root.table()
    code = fields.take("code", item_code, "")
    head = head_of(fields, shared)
    listed = fields.take("items", lambda at: at.parts(least=2, most=20), [])
    codes: list[str] = []
    for one in listed:
        name = one.one_of(sorted({*items, *shared.codes}), Rule.UNKNOWN_ITEM)
        unique(one, name, codes)
        codes.append(name)
    for key in ("items", "include"):
        at = fields.find(key)
        if at and code:
            shared.places[f"{code}/{key}"] = (at.file, at.line)
    parts = [items[name] for name in codes if name in items]
    roles = frozenset(party.role for item in parts for party in item.parties)
    ids = frozenset(question.id for item in parts for question in item.questions)
    guards = {party.role: keys(party.when) & ids for item in parts for party in item.parties}

    def mark(kind: str, name: str, at: At) -> None:
        if code and name:
            shared.places.setdefault(f"{code}/{kind}/{name}", (at.file, at.line))

    questions = questions_of(fields, roles | {"applicant"}, guards, {}, mark)
    scope = Scope({one.id: one for one in questions}, ids, roles, guards=guards)
    include: dict[str, Condition] = {}
    at = fields.maybe("include")
    for name, one in at.table() if at else []:
        if name not in codes:
            one.report(Rule.UNKNOWN_ITEM, f"'{name[:40]}' is no item of it", nearest(name, codes))
        include[name] = scope.condition(one)
        mark("include", name, one)
    settled: dict[str, dict[str, Answer | Fact]] = {}
    at = fields.maybe("settled")
    for name, one in at.table() if at else []:
        if name not in codes:
            one.report(Rule.UNKNOWN_ITEM, f"'{name[:40]}' is no item of it", nearest(name, codes))
        elif name in items:
            settled[name] = _settled(one, items[name])
    needs: list[str] = []
    at = fields.maybe("needs")
    for one in at.parts(least=1, most=20) if at else []:
        name = one.one_of(codes, Rule.UNKNOWN_ITEM)
        unique(one, name, needs)
        needs.append(name)
    departments = {item.department for item in parts}
    progress: list[str] = []
    order = fields.maybe("progress")
    for one in order.parts(most=20) if order else []:
        name = one.one_of(sorted(departments), Rule.PROGRESS)
        unique(one, name, progress)
        progress.append(name)
    if order and parts and (missing := sorted(departments - {*progress})):
        order.report(Rule.PROGRESS, f"'{missing[0]}' is missing", "name each department once")
    fields.finish()
    return Bundle(
        code=code,
        name=head.name,
        group=head.group,
        minutes=head.minutes,
        comes_out=head.comes_out,
        version=head.version,
        effective_from=head.effective_from,
        guide=head.guide,
        items=tuple(codes),
        include=include,
        questions=tuple(one for one in questions if not one.known),
        aliases=head.aliases,
        use_rank=head.use_rank,
        confirmed=head.confirmed,
        effective_until=head.effective_until,
        as_of=head.as_of,
        progress=tuple(progress),
        settled=settled,
        needs=tuple(needs),
        fact_questions=tuple(one for one in questions if one.known),
    )


def _settled(root: At, item: Item) -> dict[str, Answer | Fact]:
    """What the event answers of an item, by question id or fact."""
    questions = {one.id: one for one in (*item.questions, *item.fact_questions)}
    found: dict[str, Answer | Fact] = {}
    for key, at in root.table():
        question = questions.get(key)
        if question is None:
            message = f"{item.code} does not ask '{key[:60]}'"
            at.report(Rule.UNKNOWN_QUESTION, message, nearest(key, questions))
            continue
        match question.kind:
            case QuestionKind.ONE:
                options = [option.id for option in question.options]
                value: Answer | Fact = at.one_of(options, Rule.UNKNOWN_OPTION)
            case QuestionKind.YES_NO:
                value = at.boolean()
            case QuestionKind.NUMBER:
                value = at.integer(question.minimum or 0, question.maximum or 0)
            case _:
                value = ""
                at.report(
                    Rule.WRONG_TEST,
                    f"no event settles '{key}', a question of kind {question.kind.value}",
                    "leave it to the resident",
                )
        found[question.known or key] = value
    return found
