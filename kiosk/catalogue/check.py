"""Proves a catalogue case by case: every possible set of answers has exactly one situation.

Promises:

- Every matter (item or bundle) is enumerated over all answers and facts that its conditions
  can tell apart: each option, each subset of options that a test names, and one number or
  date from every interval between the limits that occur. So the proof is complete, not a
  sample; where it would take more than `MAX_CASES` cases that is said, and nothing is
  claimed.
- What is wrong comes with a concrete case, to be tried at the terminal.
- Reported besides: what can never be asked, fit, be needed or take part, and tests that can
  never be true or never be false.

The enumeration branches only on what still matters: a decision tree, not a product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from typing import TypeAlias

from kiosk.catalogue.conditions import Compiled, compiled, fact_kind, tests
from kiosk.catalogue.engine import Program
from kiosk.catalogue.errors import Finding, Findings, Rule
from kiosk.catalogue.model import (
    Answer,
    Component,
    Condition,
    Fact,
    Matter,
    Pack,
    Question,
    QuestionKind,
)

MAX_CASES = 50_000  # per matter and proof
_MAX_OPTIONS_TOLD_APART = 12  # of one question, where several may be chosen
_MAX_TOLD = 3  # counterexamples of one kind and item; more would only repeat

Value: TypeAlias = Answer | Fact
Known: TypeAlias = dict[str, Value | None]


@dataclass(frozen=True, slots=True)
class Row:
    """What was proven of one matter."""

    code: str
    questions: int
    situations: int
    materials: int
    cases: int  # cases that were told apart
    complete: bool  # every case was looked at


@dataclass(frozen=True, slots=True)
class Report:
    """The findings, and what was proven of each matter."""

    findings: tuple[Finding, ...]
    rows: tuple[Row, ...]


def check(pack: Pack) -> tuple[Finding, ...]:
    """Everything that is wrong with a loaded catalogue."""
    return report(pack).findings


def report(pack: Pack) -> Report:
    """Everything that is wrong, and the counts for each item and bundle."""
    findings = Findings()
    rows = tuple(
        _Proof(matter, pack.places, findings).run() for _, matter in sorted(pack.matters.items())
    )
    return Report(findings.all(), rows)


class _TooLarge(Exception):
    """The limit of cases was reached."""


class _Proof:
    """The proof of one matter."""

    def __init__(
        self, matter: Matter, places: Mapping[str, tuple[str, int]], findings: Findings
    ) -> None:
        self._matter = matter
        self._places = places
        self._findings = findings
        self._program = Program(matter)
        self._domains: dict[str, tuple[Value, ...]] = {}
        self._cases = 0

    def run(self) -> Row:
        """Prove everything; report what is wrong."""
        complete = True
        proofs: list[Callable[[], None]] = [self._questions, self._dead_tests]
        for component in self._matter.components:
            proofs.append(lambda one=component: self._situations(one))  # type: ignore[misc]
            if not self._matter.bundle:
                proofs.append(lambda one=component: self._parts(one))  # type: ignore[misc]
        if self._matter.bundle:
            proofs.append(self._components)
        total = 0
        try:
            self._domains = _domains(self._matter)
        except _TooLarge:
            proofs, complete = [], False
        for proof in proofs:
            self._cases = 0
            try:
                proof()
            except _TooLarge:
                complete = False
            total += self._cases
        if not complete:
            self._report(
                Rule.TOO_LARGE,
                "situations",
                f"more than {MAX_CASES} cases",
                "split the item, or make its questions depend on each other",
            )
        return Row(
            self._matter.code,
            len(self._matter.questions),
            sum(len(one.item.situations) for one in self._matter.components),
            len(self._matter.materials),
            total,
            complete,
        )

    def _report(
        self, rule: Rule, key: str, message: str, mend: str, owner: str | None = None
    ) -> None:
        code = self._matter.code
        directory = "bundles" if self._matter.bundle else "items"
        default = (f"{directory}/{code.lower()}.yaml", 0)
        place = key.replace(".", "/")
        # What a bundle takes over stands in the file of the item that brings it.
        owners = (code, *(one.item.code for one in self._matter.components))
        places = (self._places.get(f"{one}/{place}") for one in owners)
        file, line = next((one for one in places if one), default)
        shown = f"{owner}.{key}" if owner and owner != code else key
        self._findings.add(rule, file, line, shown, message, mend)

    # -- what is proven

    def _situations(self, component: Component) -> None:
        """Exactly one situation in every case in which the item takes part."""
        item = component.item
        takes_part = self._program.ready(component.include)
        whens = [self._program.ready(one.when) for one in item.situations]
        fitted: set[str] = set()
        told: dict[str, int] = {}
        for known in self._leaves([takes_part, *whens], stop=takes_part):
            if not takes_part.test(known):
                continue
            fit = [
                one.id for one, when in zip(item.situations, whens, strict=True) if when.test(known)
            ]
            fitted.update(fit)
            if len(fit) == 1:
                continue
            kind = "+".join(fit)
            told[kind] = told.get(kind, 0) + 1
            if told[kind] > 1 or len(told) > _MAX_TOLD:
                continue
            case = self._told(known)
            if not fit:
                self._report(
                    Rule.GAP,
                    "situations",
                    f"no situation fits {case}",
                    "add a situation for it, or widen one",
                    item.code,
                )
            else:
                self._report(
                    Rule.OVERLAP,
                    f"situations.{fit[1]}",
                    f"{' and '.join(fit)} both fit {case}",
                    "make their conditions exclude each other",
                    item.code,
                )
        if not self._matter.bundle:
            for one in item.situations:
                if one.id not in fitted:
                    self._dead(
                        Rule.DEAD_SITUATION, f"situations.{one.id}", f"'{one.id}' never fits"
                    )

    def _questions(self) -> None:
        for question in self._matter.questions:
            if not self._possible(question.when):
                self._dead(
                    Rule.DEAD_QUESTION,
                    f"questions.{question.id}",
                    f"'{question.id}' is never asked",
                )

    def _parts(self, component: Component) -> None:
        item = component.item
        for material in item.materials:
            users = [one for one in item.situations if material.id in one.materials]
            if users and not any(self._possible(one.when, material.when) for one in users):
                self._dead(
                    Rule.DEAD_MATERIAL,
                    f"materials.{material.id}",
                    f"'{material.id}' is never needed",
                )
        for name, key, when in (
            *(("form", one.key, one.when) for one in item.form),
            *(("parties", one.role, one.when) for one in item.parties),
        ):
            if not self._possible(when):
                self._dead(Rule.DEAD_PART, f"{name}.{key}", f"'{key}' never takes part")

    def _components(self) -> None:
        """Each item takes part in some case, and in every case some item does."""
        includes = [one.include for one in self._matter.components]
        for component in self._matter.components:
            if not self._possible(component.include):
                self._dead(
                    Rule.DEAD_COMPONENT,
                    f"include.{component.item.code}",
                    f"{component.item.code} never takes part",
                )
        ready = [self._program.ready(one) for one in includes]
        for known in self._leaves(ready):
            if not any(one.test(known) for one in ready):
                self._report(
                    Rule.NOBODY,
                    "include",
                    f"no item takes part for {self._told(known)}",
                    "let one item always take part, or do not ask",
                )
                return

    def _dead_tests(self) -> None:
        """Every test of a number or date divides the values that can be answered."""
        for key, condition in _all_tests(self._matter):
            domain = self._domains.get(condition.key)
            if condition.op in ("in", "answered") or not domain:
                continue
            # Looked at by itself: whether the fact's party takes part is another question.
            test = compiled(condition, self._program.bits).test
            outcomes = {test({condition.key: value}) for value in domain}
            if len(outcomes) == 1:
                never = "true" if False in outcomes else "false"
                self._report(
                    Rule.DEAD_TEST,
                    key,
                    f"{condition.key} {condition.op} {condition.values[0]} is never {never}",
                    "mend the limit, or the question's limits",
                )

    def _dead(self, rule: Rule, key: str, message: str) -> None:
        self._report(rule, key, f"{message}, whatever is answered", "mend its condition")

    def _told(self, known: Known) -> str:
        """A case in words that can be tried at the terminal."""
        parts = [f"{key}: {_told(value)}" for key, value in known.items() if value is not None]
        return "{" + ", ".join(parts) + "}" if parts else "any answers"

    # -- how it is enumerated

    def _possible(self, *conditions: Condition) -> bool:
        """True when some case makes all conditions true."""
        if all(one.op == "always" for one in conditions):
            return True
        ready = self._program.ready(*conditions)
        return any(ready.test(known) for known in self._leaves([ready]))

    def _leaves(self, wanted: Sequence[Compiled], stop: Compiled | None = None) -> Iterator[Known]:
        """Every case that the wanted conditions tell apart.

        With `stop`, cases in which that condition is false are not divided further.
        """
        stack: list[dict[str, Value]] = [{}]
        while stack:
            given = stack.pop()
            known, following = self._settled(given, wanted, stop)
            if following is None:
                self._cases += 1
                if self._cases > MAX_CASES:
                    raise _TooLarge
                yield known
                continue
            stack.extend(
                {**given, following: value} for value in reversed(self._domains[following])
            )

    def _settled(
        self, given: Mapping[str, Value], wanted: Sequence[Compiled], stop: Compiled | None
    ) -> tuple[Known, str | None]:
        """What follows from the given values, and the next key to branch on, if any."""
        known: Known = {key: value for key, value in given.items() if "." in key}
        possible: list[tuple[int, Compiled]] = []
        unanswered: list[tuple[int, str]] = []
        for one in self._program.questions:
            on_path = True if one.when is None else one.when.test(known)
            if on_path is None and one.when is not None:
                possible.append((one.bit, one.when))
            elif not on_path:
                known[one.id] = None
            elif one.id in given:
                known[one.id] = given[one.id]
            else:
                unanswered.append((one.bit, one.id))
            for key, _ in one.since:
                if known.get(one.id, key) is None:
                    known[key] = None
                elif one.id not in known:
                    known.pop(key, None)
        live = 0
        if stop is None or stop.test(known) is not False:
            for condition in wanted:
                if condition.test(known) is None:
                    live |= condition.live(known)
        for bit, when in reversed(possible):
            if live & bit:
                live |= when.live(known)
        for bit, name in unanswered:
            if live & bit:
                return known, name
        for key, bit, _ in self._program.facts:
            if live & bit and key not in known:
                return known, key
        return known, None


def _all_tests(matter: Matter) -> Iterator[tuple[str, Condition]]:
    """Every single test with the key of the part it belongs to; a bundle's own only."""
    places: list[tuple[str, Condition]] = []
    if matter.bundle:
        places.extend((f"include.{one.item.code}", one.include) for one in matter.components)
    else:
        for one in matter.components:
            item = one.item
            places.extend((f"questions.{part.id}", part.when) for part in item.questions)
            places.extend((f"situations.{part.id}", part.when) for part in item.situations)
            places.extend((f"materials.{part.id}", part.when) for part in item.materials)
            places.extend((f"form.{part.key}", part.when) for part in item.form)
            places.extend((f"parties.{part.role}", part.when) for part in item.parties)
    for key, condition in places:
        for test in tests(condition):
            yield key, test


def _conditions(matter: Matter) -> Iterator[Condition]:
    for question in matter.questions:
        yield question.when
    for party in matter.parties:
        yield party.when
    for component in matter.components:
        yield component.include
        yield from (one.when for one in component.item.situations)
        yield from (one.when for one in component.item.materials)
        yield from (one.when for one in component.item.form)
        yield from (one.when for one in component.item.parties)


def _domains(matter: Matter) -> dict[str, tuple[Value, ...]]:
    """For each question and fact, one value of every kind that the conditions tell apart."""
    by_key: dict[str, list[Condition]] = {}
    for condition in _conditions(matter):
        for test in tests(condition):
            by_key.setdefault(test.key, []).append(test)
    domains: dict[str, tuple[Value, ...]] = {
        question.id: _domain(question, by_key.get(question.id, [])) for question in matter.questions
    }
    for key, found in by_key.items():
        kind = fact_kind(key)
        if kind is None or "." not in key:
            continue
        if kind.kind is QuestionKind.NUMBER:
            domains[key] = _numbers(found, kind.minimum, kind.maximum)
        elif kind.kind is QuestionKind.YES_NO:
            domains[key] = (True, False)
        else:
            domains[key] = _choices(kind.options, found)
    return domains


def _domain(question: Question, found: Sequence[Condition]) -> tuple[Value, ...]:
    options = tuple(option.id for option in question.options)
    match question.kind:
        case QuestionKind.YES_NO:
            return (True, False)
        case QuestionKind.NUMBER:
            return _numbers(found, question.minimum or 0, question.maximum or 0)
        case QuestionKind.DATE:
            return _dates(found, question.earliest, question.latest)
        case QuestionKind.MANY:
            return _subsets(question, found)
        case _:
            return _choices(options, found)


def _choices(options: Sequence[str], found: Iterable[Condition]) -> tuple[Value, ...]:
    """One option of each group of options that every test treats alike."""
    named = [frozenset(test.values) for test in found if test.op == "in"]
    groups: dict[tuple[bool, ...], str] = {}
    for option in options:
        groups.setdefault(tuple(option in values for values in named), option)
    return tuple(groups.values())


def _subsets(question: Question, found: Sequence[Condition]) -> tuple[Value, ...]:
    """Sets of chosen options that the tests can tell apart; nothing chosen is no answer."""
    alone = [option.id for option in question.options if option.alone]
    together = _choices([one.id for one in question.options if not one.alone], found)
    if len(together) > _MAX_OPTIONS_TOLD_APART:
        raise _TooLarge
    named = [frozenset(test.values) for test in found if test.op == "in"]
    chosen = [frozenset((one,)) for one in alone]
    for size in range(1, len(together) + 1):
        chosen.extend(frozenset(map(str, some)) for some in combinations(together, size))
    sets = {tuple(not values.isdisjoint(one) for values in named): one for one in reversed(chosen)}
    return tuple(reversed(sets.values()))


def _numbers(found: Iterable[Condition], least: int, most: int) -> tuple[Value, ...]:
    """The first number of every interval between the limits that are tested."""
    cuts = {value for test in found for value in test.values if isinstance(value, int)}
    return tuple(sorted({least, *(cut for cut in cuts if least < cut <= most)}))


def _dates(found: Iterable[Condition], first: date | None, last: date | None) -> tuple[Value, ...]:
    """The first day of every interval between the limits that are tested."""
    cuts = sorted({value for test in found for value in test.values if isinstance(value, date)})
    begin = first or (cuts[0] - timedelta(days=1) if cuts else date(2000, 1, 1))
    return tuple(
        sorted({begin, *(cut for cut in cuts if begin < cut and (not last or cut <= last))})
    )


def _told(value: Value) -> str:
    if isinstance(value, frozenset):
        return f"[{', '.join(sorted(value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
