"""Conditions as data, evaluated with three values: true, false, and not yet known.

Promises:

- A test of something unanswered or unknown is neither true nor false but None. `not` of
  None is None; `all` is false as soon as one part is, `any` true as soon as one part is.
- What is certainly never asked (its mapping has the value None) has no answer, so every
  test of it is false.
- More knowledge never turns true into false or back; it only settles what was None.
- Nothing is executed: a condition is compared, not run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from operator import ge, lt
from typing import Any, TypeAlias

from kiosk.catalogue.model import ALWAYS, Answer, Condition, Fact, QuestionKind

Known: TypeAlias = Mapping[str, Answer | Fact | None]
"""What is known: a key that is missing is unknown, a key with None is never asked."""

Test: TypeAlias = Callable[[Known], bool | None]
Live: TypeAlias = Callable[[Known], int]


@dataclass(frozen=True, slots=True)
class FactKind:
    """What values a fact can have."""

    kind: QuestionKind
    options: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int = 0


MAX_AGE_YEARS = 150

FACTS: Mapping[str, FactKind] = {
    "age": FactKind(QuestionKind.NUMBER, maximum=MAX_AGE_YEARS),
    "sex": FactKind(QuestionKind.ONE, ("male", "female")),
    "card_kind": FactKind(QuestionKind.ONE, ("resident", "permit", "foreign")),
    "residence": FactKind(QuestionKind.ONE, ("local", "elsewhere")),
    "card_expired": FactKind(QuestionKind.YES_NO),
}
"""What a party's document can tell, as `ROLE.name`."""


SINCE: Mapping[str, FactKind] = {
    "days_ago": FactKind(QuestionKind.NUMBER, minimum=-40_000, maximum=80_000),
    "years_ago": FactKind(QuestionKind.NUMBER, minimum=-110, maximum=220),
}
"""What today makes of the answer to a date question, as `QUESTION.name`; below 0 to come."""

DATED = frozenset(("age", "card_expired", *SINCE))
"""Facts that are not known while the clock is not trusted."""


def fact_kind(key: str) -> FactKind | None:
    """The kind of the fact "ROLE.name" or "QUESTION.name", or None when there is none."""
    name = key.partition(".")[2]
    return FACTS.get(name) or SINCE.get(name)


def since(name: str, day: date, today: date) -> int:
    """Days or completed years from a day to today; below 0 for a day to come."""
    if name == "days_ago":
        return (today - day).days
    return today.year - day.year - ((today.month, today.day) < (day.month, day.day))


def dated(condition: Condition) -> bool:
    """True when what the condition says depends on today."""
    return any(key.partition(".")[2] in DATED for key in keys(condition))


def evaluate(
    condition: Condition, answers: Mapping[str, Answer | None], facts: Mapping[str, Fact | None]
) -> bool | None:
    """True, False, or None while that is not known."""
    match condition.op:
        case "always":
            return True
        case "all":
            return _all([evaluate(part, answers, facts) for part in condition.parts])
        case "any":
            values = [evaluate(part, answers, facts) for part in condition.parts]
            return _not(_all([_not(value) for value in values]))
        case "not":
            return _not(_all([evaluate(part, answers, facts) for part in condition.parts]))
        case _:
            known: Known = facts if "." in condition.key else answers
            if condition.key not in known:
                return None
            return holds(condition, known[condition.key])


def _all(values: list[bool | None]) -> bool | None:
    if False in values:
        return False
    return None if None in values else True


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def holds(condition: Condition, value: Answer | Fact | None) -> bool:
    """Whether a single test is true of this value; None is what was never asked."""
    if value is None:
        return False
    match condition.op:
        case "answered":
            return True
        case "in":
            if isinstance(value, frozenset):
                return not value.isdisjoint(condition.values)
            return any(type(value) is type(one) and value == one for one in condition.values)
        case "at_least" | "from":
            return bool(value >= condition.values[0])  # type: ignore[operator]
        case "under" | "before":
            return bool(value < condition.values[0])  # type: ignore[operator]
    raise ValueError(f"no such test: {condition.op}")


def keys(condition: Condition) -> frozenset[str]:
    """The questions and facts that the condition looks at."""
    if condition.op == "always":
        return frozenset()
    if condition.parts:
        return frozenset().union(*(keys(part) for part in condition.parts))
    return frozenset((condition.key,)) if condition.key else frozenset()


def tests(condition: Condition) -> tuple[Condition, ...]:
    """Every single test within the condition."""
    if condition.parts:
        return tuple(test for part in condition.parts for test in tests(part))
    return () if condition.op in ("always", "all", "any", "not") else (condition,)


def both(*parts: Condition) -> Condition:
    """All of them, without needless nesting."""
    kept = tuple(part for part in parts if part.op != "always")
    if not kept:
        return ALWAYS
    return kept[0] if len(kept) == 1 else Condition("all", parts=kept)


def either(*parts: Condition) -> Condition:
    """Any of them, without needless nesting or repetition."""
    if any(part.op == "always" for part in parts):
        return ALWAYS
    kept = tuple(dict.fromkeys(parts))
    return kept[0] if len(kept) == 1 else Condition("any", parts=kept)


def guarded(condition: Condition, guards: Mapping[str, Condition]) -> Condition:
    """The condition with every fact tied to its party: who takes no part has no facts.

    `guards` has the condition under which each role takes part.
    """
    if condition.parts:
        parts = tuple(guarded(part, guards) for part in condition.parts)
        return Condition(condition.op, condition.key, condition.values, parts)
    role, dot, _ = condition.key.partition(".")
    return both(guards.get(role, ALWAYS), condition) if dot else condition


@dataclass(frozen=True, slots=True)
class Compiled:
    """A condition made ready to be tested thousands of times.

    `test` gives the three-valued result; `live` gives, as a bit mask over keys, what could
    still settle it (only meaningful while `test` gives None).
    """

    test: Test
    live: Live


def _always(_: Known) -> bool:
    return True


def _nothing(_: Known) -> int:
    return 0


def compiled(condition: Condition, bits: Mapping[str, int]) -> Compiled:
    """The condition as closures over plain values; `bits` gives each key its bit."""
    if condition.op == "always":
        return Compiled(_always, _nothing)
    if condition.op in ("all", "any", "not"):
        return _compiled_parts(condition, [compiled(part, bits) for part in condition.parts])
    bit = bits[condition.key]
    key = condition.key
    question, _, name = key.partition(".")
    # Before today can make something of an answer, the answer itself is wanted.
    first = bits[question] if name in SINCE else 0

    def live(known: Known) -> int:
        return 0 if key in known else bit

    def live_since(known: Known) -> int:
        if key in known:
            return 0
        return bit if question in known else first

    return Compiled(_compiled_test(condition), live_since if first else live)


def _compiled_parts(condition: Condition, parts: list[Compiled]) -> Compiled:
    inner = tuple(part.test for part in parts)

    def live(known: Known) -> int:
        mask = 0
        for part in parts:
            if part.test(known) is None:
                mask |= part.live(known)
        return mask

    def all_of(known: Known) -> bool | None:
        result: bool | None = True
        for test in inner:
            value = test(known)
            if value is False:
                return False
            if value is None:
                result = None
        return result

    def any_of(known: Known) -> bool | None:
        result: bool | None = False
        for test in inner:
            value = test(known)
            if value is True:
                return True
            if value is None:
                result = None
        return result

    def not_all(known: Known) -> bool | None:
        value = all_of(known)
        return None if value is None else not value

    table: dict[str, Test] = {"all": all_of, "any": any_of, "not": not_all}
    return Compiled(table[condition.op], live)


_MISSING = object()
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "at_least": ge,
    "from": ge,
    "under": lt,
    "before": lt,
}


def _compiled_test(condition: Condition) -> Test:
    key, op = condition.key, condition.op
    if op == "in" and all(isinstance(value, (str, bool)) for value in condition.values):
        wanted = frozenset(condition.values)

        def chosen(known: Known) -> bool | None:
            value = known.get(key, _MISSING)
            if value is _MISSING:
                return None
            if type(value) is frozenset:
                return not wanted.isdisjoint(value)
            return value in wanted

        return chosen

    if op in _COMPARE:
        compare, limit = _COMPARE[op], condition.values[0]

        def compared(known: Known) -> bool | None:
            value = known.get(key, _MISSING)
            if value is _MISSING:
                return None
            return value is not None and compare(value, limit)

        return compared

    def test(known: Known) -> bool | None:
        return holds(condition, known[key]) if key in known else None

    return test
