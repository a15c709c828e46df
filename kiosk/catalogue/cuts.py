"""Which answers and facts the conditions of a matter can tell apart.

Promises: for each question and fact `domains` has one value of every kind that some
condition treats differently, in any of the versions given together; so trying these values
is trying all values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import combinations
from typing import TypeAlias

from kiosk.catalogue.conditions import fact_kind, tests
from kiosk.catalogue.model import Answer, Condition, Fact, Matter, Question, QuestionKind

Value: TypeAlias = Answer | Fact

MAX_TOGETHER = 12  # options of one question that are told apart where several may be chosen
_NO_DAY = date(2000, 1, 1)


class TooManyAnswers(ValueError):
    """A question has more distinguishable answers than can be tried."""


def domains(*versions: Matter) -> dict[str, tuple[Value, ...]]:
    """The values worth trying, by question id or fact. Raises TooManyAnswers."""
    found: dict[str, list[Condition]] = {}
    for matter in versions:
        for condition in conditions_of(matter):
            for test in tests(condition):
                found.setdefault(test.key, []).append(test)
    asked: dict[str, list[Question]] = {}
    for matter in versions:
        for question in matter.questions:
            same = asked.setdefault(question.id, [])
            if question not in same:
                same.append(question)
    made = {name: _answers(same, found.get(name, ())) for name, same in asked.items()}
    for key, tested in found.items():
        if "." in key and key not in made:
            made[key] = _facts(key, tested)
    return made


def conditions_of(matter: Matter) -> Iterator[Condition]:
    """Every condition of a matter, its items' included."""
    yield from (one.when for one in matter.questions)
    yield from (one.when for one in matter.parties)
    for component in matter.components:
        item = component.item
        yield component.include
        yield from (one.when for one in item.situations)
        yield from (one.when for one in item.materials)
        yield from (one.when for one in item.form)
        yield from (one.when for one in item.parties)


def _facts(key: str, tested: Sequence[Condition]) -> tuple[Value, ...]:
    kind = fact_kind(key)
    if kind is None:
        return ()
    if kind.kind is QuestionKind.NUMBER:
        return _numbers(tested, kind.minimum, kind.maximum)
    if kind.kind is QuestionKind.YES_NO:
        return (True, False)
    return _alike(kind.options, tested, ())


def _answers(versions: Sequence[Question], tested: Sequence[Condition]) -> tuple[Value, ...]:
    """Values for a question of which there may be several versions."""
    kinds = {one.kind for one in versions}
    if len(kinds) > 1:  # what answers the one is no answer to the other
        each = (_answers([v for v in versions if v.kind is kind], tested) for kind in kinds)
        return tuple(dict.fromkeys(value for values in each for value in values))
    kind = versions[0].kind
    if kind is QuestionKind.YES_NO:
        return (True, False)
    if kind is QuestionKind.NUMBER:
        limits = [(one.minimum or 0, one.maximum or 0) for one in versions]
        extra = [limit for least, most in limits for limit in (least, most + 1)]
        return _numbers(tested, min(limits)[0], max(most for _, most in limits), extra)
    if kind is QuestionKind.DATE:
        return _days(tested, versions)
    options = list(dict.fromkeys(option.id for one in versions for option in one.options))
    here = [frozenset(option.id for option in one.options) for one in versions]
    if kind is QuestionKind.MANY:
        alone = {option.id for one in versions for option in one.options if option.alone}
        return _sets(options, alone, tested, here)
    return _alike(options, tested, here)


def _alike(
    options: Sequence[str], tested: Iterable[Condition], here: Iterable[frozenset[str]]
) -> tuple[str, ...]:
    """One option of each group that all tests, and all versions, treat alike."""
    named = [*here, *(frozenset(test.values) for test in tested if test.op == "in")]
    groups: dict[tuple[bool, ...], str] = {}
    for option in options:
        groups.setdefault(tuple(option in values for values in named), option)
    return tuple(groups.values())


def _sets(
    options: Sequence[str],
    alone: set[str],
    tested: Sequence[Condition],
    here: Sequence[frozenset[str]],
) -> tuple[Value, ...]:
    together = _alike([one for one in options if one not in alone], tested, here)
    if len(together) > MAX_TOGETHER:
        raise TooManyAnswers
    named = [frozenset(test.values) for test in tested if test.op == "in"]
    chosen = [frozenset((one,)) for one in options if one in alone]
    for size in range(1, len(together) + 1):
        chosen += [frozenset(some) for some in combinations(together, size)]
    told: dict[tuple[bool, ...], frozenset[str]] = {}
    for one in chosen:
        seen = (*(not values.isdisjoint(one) for values in named), *(one <= all_ for all_ in here))
        told.setdefault(seen, one)
    return tuple(told.values())


def _numbers(
    tested: Iterable[Condition], least: int, most: int, extra: Iterable[int] = ()
) -> tuple[Value, ...]:
    """The first number of every interval between the limits that are tested."""
    cuts = {value for test in tested for value in test.values if isinstance(value, int)}
    return tuple(sorted({least, *(cut for cut in {*cuts, *extra} if least < cut <= most)}))


def _days(tested: Iterable[Condition], versions: Sequence[Question]) -> tuple[Value, ...]:
    """The first day of every interval between the limits that are tested."""
    cuts = {value for test in tested for value in test.values if isinstance(value, date)}
    begins = [one.earliest or min(cuts, default=_NO_DAY) for one in versions]
    ends = [one.latest for one in versions if one.latest is not None]
    begin, end = min(begins), max(ends, default=date.max)
    extra = {*begins, *(day + timedelta(days=1) for day in ends if day < end)}
    return tuple(sorted({begin, *(cut for cut in {*cuts, *extra} if begin < cut <= end)}))
