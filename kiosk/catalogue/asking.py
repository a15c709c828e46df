"""Why something is needed, and what would change it, in terms of what was answered.

Pure functions over a matter and its answers; nothing here decides anything: the engine does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from kiosk.catalogue.conditions import keys
from kiosk.catalogue.cuts import TooManyAnswers, domains
from kiosk.catalogue.engine import Path, walk
from kiosk.catalogue.model import Answer, Fact, Material, Matter, Question, Result


@dataclass(frozen=True, slots=True)
class Because:
    """What made a material needed: questions with their answers, and facts by "role.name"."""

    answers: tuple[tuple[Question, Answer], ...]
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What another answer to a question that was asked would lead to.

    `added` and `dropped` are ids of materials that are then certainly needed, or no longer
    certainly. `result` is None while further questions would have to be answered.
    """

    question: Question
    answer: Answer
    result: Result | None
    added: tuple[str, ...]
    dropped: tuple[str, ...]


def because(matter: Matter, path: Path, material: str) -> Because:
    """Why this material is needed as things stand: what its conditions looked at."""
    looked: set[str] = set()
    chosen = {(code, situation.id) for code, situation in path.situations}
    for component in matter.components:
        item = component.item
        if component.item.code not in path.taking_part:
            continue
        users = [one for one in item.situations if material in one.materials]
        decided = [one for one in users if (item.code, one.id) in chosen]
        for one in decided or users:
            looked |= keys(one.when)
        own = next((one for one in item.materials if one.id == material), None)
        if own is not None and users:
            looked |= keys(own.when) | keys(component.include)
    names = looked | {key.partition(".")[0] for key in looked}
    answers = tuple(
        (question, path.on_path[question.id]) for question in path.asked if question.id in names
    )
    return Because(answers, tuple(sorted(key for key in looked if "." in key)))


def changes(
    matter: Matter,
    answers: Mapping[str, Answer],
    facts: Mapping[str, Fact],
    today: date | None = None,
) -> tuple[Change, ...]:
    """For each question asked, the other answers that lead somewhere else; in order."""
    path = walk(matter, answers, facts, today)
    try:
        values = domains(matter)
    except TooManyAnswers:
        return ()
    found: list[Change] = []
    for question in path.asked:
        given = path.on_path[question.id]
        for answer in values[question.id]:
            if answer == given:
                continue
            other = walk(matter, {**path.on_path, question.id: answer}, facts, today)
            added, dropped = _apart(other.materials, path.materials)
            if other.result is not path.result or added or dropped:
                found.append(Change(question, answer, other.result, added, dropped))
    return tuple(found)


def causes(
    matter: Matter,
    path: Path,
    facts: Mapping[str, Fact],
    today: date | None = None,
) -> Mapping[str, tuple[tuple[Question, Answer], ...]]:
    """By material, the answers but for which it would not be needed to be accepted."""
    found: dict[str, list[tuple[Question, Answer]]] = {one.id: [] for one in path.materials}
    for change in changes(matter, path.on_path, facts, today):
        if change.result is not Result.ACCEPT:
            continue
        said = (change.question, path.on_path[change.question.id])
        for name in change.dropped:
            if said not in found[name]:
                found[name].append(said)
    return {name: tuple(said) for name, said in found.items()}


def in_the_way(
    matter: Matter, path: Path, facts: Mapping[str, Fact], today: date | None = None
) -> tuple[tuple[Question, Answer], ...]:
    """Where nothing can be accepted any more: each answer without which something could be."""
    if path.can_succeed:
        return ()
    without = (
        (question, {k: v for k, v in path.on_path.items() if k != question.id})
        for question in path.asked
    )
    return tuple(
        (question, path.on_path[question.id])
        for question, answers in without
        if walk(matter, answers, facts, today).can_succeed
    )


def _apart(
    now: Iterable[Material], before: Iterable[Material]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    there, here = [one.id for one in now], [one.id for one in before]
    return (
        tuple(one for one in there if one not in here),
        tuple(one for one in here if one not in there),
    )
