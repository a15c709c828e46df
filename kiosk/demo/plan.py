"""Answers that lead an item to acceptance: found by trying, with the real engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from kiosk.catalogue.engine import walk
from kiosk.catalogue.model import Answer, Fact, Matter, Question, QuestionKind
from kiosk.journey.route import can_go_on

_NUMBERS = (1, 0, 2, 3, 5, 10, 18, 20, 30, 45, 60, 65, 100, 1000, 3000, 100000)
_MOST_TRIES = 20_000


def accepting(matter: Matter, facts: Mapping[str, Fact]) -> Mapping[str, Answer] | None:
    """Answers by question with which something can be handed in, None if there are none."""
    tries = iter(range(_MOST_TRIES))

    def search(answers: dict[str, Answer]) -> dict[str, Answer] | None:
        if next(tries, None) is None:
            return None
        path = walk(matter, answers, facts)
        if path.next is None:
            return answers if can_go_on(path) else None
        for value in _values(path.next):
            found = search({**answers, path.next.id: value})
            if found is not None:
                return found
        return None

    return search({})


def _values(question: Question) -> Iterator[Answer]:
    if question.kind is QuestionKind.ONE:
        yield from (option.id for option in question.options)
    elif question.kind is QuestionKind.YES_NO:
        yield from (True, False)
    elif question.kind is QuestionKind.MANY:
        yield from (frozenset({option.id}) for option in question.options)
    elif question.kind is QuestionKind.NUMBER:
        least = question.minimum if question.minimum is not None else 0
        most = question.maximum if question.maximum is not None else 1_000_000
        yield from (number for number in _NUMBERS if least <= number <= most)
    else:
        yield from (date(2000, 1, 1), date(1960, 1, 1), date(2020, 1, 1), date(2026, 1, 1))
