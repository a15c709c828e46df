"""Reads conditions: what a condition may refer to at its place, and in which shape.

Promises: a condition that refers to something unknown, to a later question or to a party
without a part, or whose test does not fit, is reported and replaced by `ALWAYS`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kiosk.catalogue.conditions import FACTS, SINCE, FactKind
from kiosk.catalogue.errors import Findings, Rule
from kiosk.catalogue.model import (
    ALWAYS,
    Answer,
    Condition,
    Question,
    QuestionKind,
)
from kiosk.catalogue.reader import At, nearest
from kiosk.catalogue.source import Listing, Scalar, Table

COMBINERS = ("any", "all", "not", "answered")
MAX_NUMBER = 999_999_999


@dataclass(slots=True)
class Scope:
    """What a condition may refer to at one place of an item."""

    questions: dict[str, Question] = field(default_factory=dict)
    later: frozenset[str] = frozenset()  # ids of questions that come later
    roles: frozenset[str] = frozenset()
    later_roles: frozenset[str] = frozenset()
    guards: dict[str, frozenset[str]] = field(default_factory=dict)  # role: its questions

    def condition(self, at: At) -> Condition:
        """The condition at this place; `ALWAYS` in place of what does not fit."""
        parts = [self._entry(key, one) for key, one in at.table()]
        if not parts:
            return ALWAYS
        return parts[0] if len(parts) == 1 else Condition("all", parts=tuple(parts))

    def _entry(self, key: str, at: At) -> Condition:
        if key in ("any", "all"):
            listed = at.parts(least=1, most=50)
            return Condition(key, parts=tuple(self.condition(one) for one in listed) or (ALWAYS,))
        if key == "not":
            return Condition("not", parts=(self.condition(at),))
        if key == "answered":
            return self._answered(at)
        if "." in key:
            return self._fact(key, at)
        question = self._question(key, at)
        if question is None:
            return ALWAYS
        if question.known:
            return self._fact(question.known, at)
        options = tuple(option.id for option in question.options)
        return _test(key, question.kind, options, at)

    def _answered(self, at: At) -> Condition:
        key = at.string()
        question = self._question(key, at) if key else None
        return Condition("answered", question.known or key) if question else ALWAYS

    def _question(self, key: str, at: At) -> Question | None:
        question = self.questions.get(key)
        if question is None and key in self.later:
            at.report(
                Rule.LATER_QUESTION,
                f"the question '{key}' comes later",
                "move it up, or ask about an earlier one",
            )
        elif question is None:
            facts = [f"{role}.{name}" for role in sorted(self.roles) for name in FACTS]
            at.report(
                Rule.UNKNOWN_QUESTION,
                f"there is no question '{key[:60]}'",
                nearest(key, [*self.questions, *facts, *COMBINERS]),
            )
        return question

    def _fact(self, key: str, at: At) -> Condition:
        role, _, name = key.partition(".")
        kind = FACTS.get(name)
        if kind is None:
            allowed = nearest(name, FACTS)
            at.report(Rule.UNKNOWN_QUESTION, f"there is no fact '{name[:60]}'", allowed)
            return ALWAYS
        if role not in self.roles:
            message, rule = f"no party has the role '{role[:60]}'", Rule.UNKNOWN_ROLE
            if role in self.later_roles:
                message, rule = f"the party '{role}' comes later", Rule.LATER_QUESTION
            at.report(rule, message, nearest(role, sorted(self.roles)))
            return ALWAYS
        late = sorted(self.guards.get(role, frozenset()) - set(self.questions))
        if late:
            at.report(
                Rule.LATER_QUESTION,
                f"whether '{role}' takes part depends on '{late[0]}', which comes later",
                "move that question up",
            )
        return _test(key, kind.kind, kind.options, at, kind)


def _test(
    key: str, kind: QuestionKind, options: tuple[str, ...], at: At, fact: FactKind | None = None
) -> Condition:
    """One test, in the shape that the kind of question or fact takes."""
    if kind is QuestionKind.YES_NO:
        word = at.node.text if isinstance(at.node, Scalar) and at.node.plain else ""
        if word not in ("true", "false"):
            at.report(Rule.WRONG_TEST, f"'{key}' is answered by yes or no", "true or false")
        return Condition("in", key, (word == "true",))
    if kind in (QuestionKind.NUMBER, QuestionKind.DATE):
        return _limits(key, kind, at, fact)
    values: list[Answer] = []
    for one in at.parts(least=1) if isinstance(at.node, Listing) else [at]:
        if not isinstance(one.node, Scalar):
            one.report(Rule.WRONG_TEST, f"'{key}' is answered by an option", nearest("", options))
            continue
        value = one.one_of(options, Rule.UNKNOWN_OPTION)
        if value in values:
            one.report(Rule.DUPLICATE_ID, f"'{value}' is listed twice")
        values.append(value)
    return Condition("in", key, tuple(values))


def _limits(key: str, kind: QuestionKind, at: At, fact: FactKind | None) -> Condition:
    number = kind is QuestionKind.NUMBER
    names = ("at_least", "under") if number else ("from", "before")
    if not isinstance(at.node, Table):
        what = "a number" if number else "a date"
        at.report(
            Rule.WRONG_TEST,
            f"'{key}' is {what}",
            f"{{{names[0]}: …}}, {{{names[1]}: …}} or both",
        )
        return ALWAYS
    fields = at.table()
    for name, since in SINCE.items() if not number else ():
        ago = fields.maybe(name)
        if ago:
            fields.finish()
            return _limits(f"{key}.{name}", QuestionKind.NUMBER, ago, since)
    parts: list[Condition] = []
    values: list[Answer] = []
    for name in names:
        limit = fields.maybe(name)
        if limit is None:
            continue
        most = fact.maximum if fact else MAX_NUMBER
        least = fact.minimum if fact else -MAX_NUMBER
        value: Answer = limit.integer(least, most) if number else limit.date()
        parts.append(Condition(name, key, (value,)))
        values.append(value)
    fields.finish()
    if not parts:
        at.report(Rule.WRONG_TEST, "no limit is given", " or ".join(names))
    if len(values) == 2 and values[0] >= values[1]:  # type: ignore[operator]
        at.report(Rule.WRONG_TEST, "no value lies between these limits", "lower limit first")
    if len(parts) == 1:
        return parts[0]
    return Condition("all", parts=tuple(parts)) if parts else ALWAYS


def words_of(at: At) -> frozenset[str]:
    """Every key within a condition that was not read yet."""
    found: set[str] = set()
    quiet = At(Findings(), at.file, at.key, at.node)
    for key, one in quiet.table():
        if key in ("any", "all"):
            found.update(*(words_of(part) for part in one.parts()))
        elif key == "not":
            found |= words_of(one)
        else:
            found.add(one.string() if key == "answered" else key)
    return frozenset(found)
