"""The decision of an item as a graph: questions, their answers, and the situations they end in.

Promises: every set of answers that the item can tell apart is a way through the graph, and
every way ends in the situation that the engine gives. What leads to the same is drawn once.
A question that changes no situation is not in it; it is listed beside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

from kiosk.catalogue.conditions import fact_kind, guarded, keys, tests
from kiosk.catalogue.cuts import Value, conditions_of, domains
from kiosk.catalogue.engine import Path, walk
from kiosk.catalogue.model import (
    ALWAYS,
    Material,
    Matter,
    Question,
    QuestionKind,
    Result,
    Situation,
)

MAX_CASES: Final = 20_000


class TooLarge(ValueError):
    """The item has more cases than can be drawn; it is to be split."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers that lead to the same place: option ids, yes and no, or intervals."""

    options: tuple[str, ...] = ()  # option ids, or "true" and "false"
    sets: tuple[frozenset[str], ...] = ()  # of several answers, what may be chosen together
    # For an option in `sets` all that are treated as it is.
    alike: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ranges: tuple[tuple[int | date | None, int | date | None], ...] = ()  # from, to (inclusive)
    to: int = 0  # index of the node


@dataclass(frozen=True, slots=True)
class Asks:
    """A question, or a fact that a card tells ("applicant.age")."""

    key: str
    question: Question | None
    answers: tuple[Answers, ...]


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a way ends; of a bundle one situation for each item."""

    situations: tuple[tuple[str, Situation], ...]
    result: Result
    always: tuple[Material, ...]
    sometimes: tuple[Material, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes; the first is the root. `beside` are questions that change no situation."""

    nodes: tuple[Asks | Ends, ...]
    beside: tuple[Question, ...]
    cases: int


def graph_of(matter: Matter) -> Graph:
    """The graph of an item or bundle. Raises TooLarge or TooManyAnswers."""
    maker = _Maker(matter)
    root = maker.node({})
    return maker.finished(root)


def outline(matter: Matter) -> Matter:
    """Of a bundle only which of its items take part, and the questions that this hangs on."""
    guards = {one.role: one.when for one in matter.parties}
    whens = {one.id: one.when for one in matter.questions}
    wanted: set[str] = set()
    waiting = [key for one in matter.components for key in keys(guarded(one.include, guards))]
    while waiting:
        name = waiting.pop()
        owner = name.partition(".")[0]
        if owner in wanted:
            continue
        wanted.add(owner)
        waiting += keys(guarded(whens.get(owner, guards.get(owner, ALWAYS)), guards))
    components = tuple(
        replace(
            one,
            item=replace(
                one.item,
                questions=(),
                materials=(),
                form=(),
                parties=(),
                eligibility=(),
                situations=(Situation("takes_part", one.item.name, ALWAYS, Result.ACCEPT),),
            ),
        )
        for one in matter.components
    )
    return replace(
        matter,
        components=components,
        questions=tuple(one for one in matter.questions if one.id in wanted),
        parties=tuple(one for one in matter.parties if one.role in wanted),
        materials=(),
        form=(),
        eligibility=(),
    )


_NodeKey = tuple[object, ...]


class _Maker:
    """Tries every case and keeps each different continuation once."""

    def __init__(self, matter: Matter) -> None:
        self._matter = matter
        self._domains = domains(matter)
        self._questions = {one.id: one for one in matter.questions}
        self._tests: dict[str, list[frozenset[object]]] = {}
        for condition in conditions_of(matter):
            for test in tests(condition):
                if test.op == "in":
                    self._tests.setdefault(test.key, []).append(frozenset(test.values))
        self._known: dict[_NodeKey, int] = {}
        self._asks: dict[int, tuple[str, tuple[tuple[int, tuple[Value, ...]], ...]]] = {}
        self._ends: dict[int, tuple[tuple[tuple[str, Situation], ...], Result | None]] = {}
        self._materials: dict[int, list[dict[str, Material]]] = {}
        self._asked: set[str] = set()
        self._cases = 0

    def node(self, given: Mapping[str, Value]) -> int:
        """The node from which these answers go on."""
        answers = {key: one for key, one in given.items() if "." not in key}
        facts = {key: one for key, one in given.items() if "." in key}
        path = walk(self._matter, answers, facts)  # type: ignore[arg-type]
        self._asked.update(one.id for one in path.asked)
        key = path.next.id if path.next else next(iter(path.missing_facts), "")
        if not key:
            return self._end(path)
        to: dict[int, list[Value]] = {}
        for value in self._domains[key]:
            to.setdefault(self.node({**given, key: value}), []).append(value)
        if len(to) == 1:
            return next(iter(to))  # whatever is answered, the situation is the same
        ways = tuple((place, tuple(values)) for place, values in to.items())
        number = self._number((key, ways))
        self._asks.setdefault(number, (key, ways))
        return number

    def _end(self, path: Path) -> int:
        self._cases += 1
        if self._cases > MAX_CASES:
            raise TooLarge(f"more than {MAX_CASES} cases")
        key = tuple((code, one.id) for code, one in path.situations)
        number = self._number((key,))
        self._ends.setdefault(number, (path.situations, path.result))
        self._materials.setdefault(number, []).append({one.id: one for one in path.materials})
        return number

    def _number(self, key: _NodeKey) -> int:
        return self._known.setdefault(key, len(self._known))

    def finished(self, root: int) -> Graph:
        """All nodes in the order in which they are reached."""
        order: dict[int, int] = {}
        waiting = [root]
        while waiting:
            number = waiting.pop(0)
            if number in order:
                continue
            order[number] = len(order)
            if number in self._asks:
                waiting += [place for place, _ in self._asks[number][1]]
        nodes = tuple(
            self._ask(number, order) if number in self._asks else self._ending(number)
            for number in order
        )
        drawn = {one.key for one in nodes if isinstance(one, Asks)}
        beside = tuple(
            one for one in self._matter.questions if one.id in self._asked and one.id not in drawn
        )
        return Graph(nodes, beside, self._cases)

    def _ask(self, number: int, order: Mapping[int, int]) -> Asks:
        key, ways = self._asks[number]
        question = self._questions.get(key)
        return Asks(
            key,
            question,
            tuple(self._answers(key, question, values, order[place]) for place, values in ways),
        )

    def _answers(
        self, key: str, question: Question | None, values: tuple[Value, ...], to: int
    ) -> Answers:
        kind = question.kind if question else None
        fact = fact_kind(key) if question is None else None
        kind = fact.kind if fact else kind
        if kind is QuestionKind.MANY:
            sets = tuple(v for v in values if isinstance(v, frozenset))
            return Answers(sets=sets, to=to, alike=self._alike(key, question, sets))
        if kind in (QuestionKind.NUMBER, QuestionKind.DATE):
            return Answers(ranges=_ranges(values, self._domains[key]), to=to)
        if kind is QuestionKind.YES_NO:
            return Answers(tuple("true" if one else "false" for one in values), to=to)
        options = tuple(one.id for one in question.options) if question else ()
        options = fact.options if fact else options
        seen = {self._kind_of(key, str(one)) for one in values}
        return Answers(tuple(one for one in options if self._kind_of(key, one) in seen), to=to)

    def _alike(
        self, key: str, question: Question | None, sets: tuple[frozenset[str], ...]
    ) -> dict[str, tuple[str, ...]]:
        """For each option in these sets, itself and all that lead to the same by themselves."""
        options = question.options if question else ()
        said = {one for each in sets for one in each}
        single = {one for each in sets if len(each) == 1 for one in each}
        alone = {one.id for one in options if one.alone}
        return {
            name: tuple(
                one.id
                for one in options
                if self._kind_of(key, one.id) == self._kind_of(key, name)
                and (name in single or (one.id in alone) == (name in alone))
            )
            for name in said
        }

    def _kind_of(self, key: str, option: str) -> tuple[bool, ...]:
        return tuple(option in values for values in self._tests.get(key, ()))

    def _ending(self, number: int) -> Ends:
        situations, result = self._ends[number]
        lists = self._materials[number]
        union = {key: one for each in lists for key, one in each.items()}
        always = [one for key, one in union.items() if all(key in each for each in lists)]
        sometimes = [one for one in union.values() if one not in always]
        return Ends(situations, result or Result.NOT_POSSIBLE, tuple(always), tuple(sometimes))


def _ranges(
    values: Sequence[Value], every: Sequence[Value]
) -> tuple[tuple[int | date | None, int | date | None], ...]:
    """Neighbouring intervals joined; each value stands for all up to the next one."""
    ordered = sorted(every)
    found: list[tuple[int | date | None, int | date | None]] = []
    begin: int | date | None = None
    inside = False
    for place, value in enumerate(ordered):
        if value in values and not inside:
            begin, inside = (None if place == 0 else _number(value)), True
        elif value not in values and inside:
            found.append((begin, _before(_number(value))))
            inside = False
    if inside:
        found.append((begin, None))
    return tuple(found)


def _number(value: Value) -> int | date:
    assert isinstance(value, (int, date)), "only numbers and dates have intervals"
    return value


def _before(value: int | date) -> int | date:
    return value - timedelta(days=1) if isinstance(value, date) else value - 1
