"""Proves a catalogue case by case: every possible set of answers has exactly one situation.

Promises:

- Every matter (item or bundle) is proven over all answers and facts that its conditions can
  tell apart: each option, each set of options that a test names, and one number, date or
  stretch of days from every interval between the limits that occur. A decision diagram holds
  all of them at once, so the proof is complete, not a sample, and the cases are counted
  exactly. Where it would take more than `diagram.MAX_STEPS` that is said, with the question
  at which to split, and nothing is claimed.
- What is wrong comes with a concrete case, to be tried at the terminal.
- Nothing is asked about, or from, somebody who takes no part in the case.
- Reported besides: what can never be asked, chosen, fit, be needed or take part, conditions
  that are always or never true, and questions after which everybody is turned away.
- A bundle gives what its items give: for every case, each item has the situation, materials,
  fields and parties that it would have by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from kiosk.catalogue.conditions import SINCE, compiled, keys, tests
from kiosk.catalogue.cuts import TooManyAnswers, conditions_of, domains
from kiosk.catalogue.diagram import EVERYTHING, NOTHING, Diagram, Set, TooLarge, Value
from kiosk.catalogue.engine import ENGINE_VERSION
from kiosk.catalogue.errors import Finding, Findings, Rule
from kiosk.catalogue.model import (
    ALWAYS,
    Component,
    Condition,
    Item,
    Matter,
    Pack,
    QuestionKind,
    Result,
)

_MAX_TOLD = 3  # counterexamples of one kind and item; more would only repeat


@dataclass(frozen=True, slots=True)
class Row:
    """What was proven of one matter."""

    code: str
    questions: int
    situations: int
    materials: int
    cases: int  # distinguishable sets of answers, counted exactly
    complete: bool  # every case was looked at
    review_points: int = 0


@dataclass(frozen=True, slots=True)
class Proof:
    """The findings, and what was proven of each matter. Without findings: the certificate."""

    hash: str  # of the catalogue that was proven
    engine: int  # version of the engine whose rules were used
    findings: tuple[Finding, ...]
    rows: tuple[Row, ...]
    bundles: int = 0

    @property
    def items(self) -> int:
        """How many items."""
        return len(self.rows) - self.bundles

    @property
    def cases(self) -> int:
        """Distinguishable sets of answers of all items and bundles."""
        return sum(row.cases for row in self.rows)


def check(pack: Pack) -> tuple[Finding, ...]:
    """Everything that is wrong with a loaded catalogue."""
    return prove(pack).findings


def prove(pack: Pack) -> Proof:
    """Everything that is wrong, and the counts for each item and bundle."""
    findings = Findings()
    rows = tuple(
        _Proof(matter, pack.places, findings).run() for _, matter in sorted(pack.matters.items())
    )
    return Proof(pack.hash, ENGINE_VERSION, findings.all(), rows, len(pack.bundles))


class _Cases:
    """The diagram of a matter, and the cases that can come about."""

    def __init__(self, matter: Matter) -> None:
        values = domains(matter)
        guards = {party.role: party.when for party in matter.parties}
        whens = {question.id: question.when for question in matter.questions}
        mentioned = frozenset().union(*(keys(one) for one in conditions_of(matter)))
        facts = sorted(key for key in mentioned if "." in key)
        levels: dict[str, tuple[Value, ...]] = {}

        def place(key: str, when: Condition) -> None:
            maybe = () if when.op == "always" else (None,)
            levels.setdefault(key, (*values[key], *maybe))

        for question in matter.questions:
            for key in sorted(keys(question.when)):
                role, dot, name = key.partition(".")
                if dot and name not in SINCE:
                    place(key, guards.get(role, ALWAYS))
            place(question.id, question.when)
            for key in facts:
                if key.partition(".")[2] in SINCE and key.partition(".")[0] == question.id:
                    place(key, question.when)
        for key in facts:
            place(key, guards.get(key.partition(".")[0], ALWAYS))
        self.diagram = Diagram(tuple(levels.items()))
        self.possible = EVERYTHING
        for key in levels:
            owner, _, name = key.partition(".")
            when = whens[owner] if name in SINCE or not name else guards.get(owner, ALWAYS)
            if when.op != "always":
                self._only_when(key, self.diagram.of(when))

    def _only_when(self, key: str, asked: Set) -> None:
        """A level has a value exactly in these cases, and is left out in all others."""
        diagram = self.diagram
        out = diagram.left_out(key)
        right = diagram.either(diagram.minus(asked, out), diagram.minus(out, asked))
        self.possible = diagram.both(self.possible, right)


class _Proof:
    """The proof of one matter."""

    def __init__(
        self, matter: Matter, places: Mapping[str, tuple[str, int]], findings: Findings
    ) -> None:
        self._matter = matter
        self._places = places
        self._findings = findings

    def run(self) -> Row:
        """Prove everything; report what is wrong."""
        count, complete = 0, True
        try:
            cases = _Cases(self._matter)
            self._prove(cases)
            count = cases.diagram.count(cases.possible)
        except (TooLarge, TooManyAnswers):
            complete = False
            self._report(
                Rule.TOO_LARGE, "situations", "too many cases to look at every one", self._split()
            )
        items = [one.item for one in self._matter.components]
        return Row(
            self._matter.code,
            len(self._matter.questions),
            sum(len(one.situations) for one in items),
            len(self._matter.materials),
            count,
            complete,
            sum(len(one.review) for one in self._matter.materials),
        )

    def _prove(self, cases: _Cases) -> None:
        self._cases = cases
        self._diagram = cases.diagram
        self._possible = cases.possible
        self._questions()
        for component in self._matter.components:
            self._situations(component)
        if self._matter.bundle:
            self._components()
            for component in self._matter.components:
                self._composition(component)
            return
        item = self._matter.components[0].item
        self._dead_parts(item)
        self._options(item)
        self._conditions(item)
        self._dead_ends(item)
        self._absent(item)

    def _split(self) -> str:
        """Where to divide a matter that is too large."""
        named = [test.key for one in conditions_of(self._matter) for test in tests(one)]
        choices = [one.id for one in self._matter.questions if one.kind is QuestionKind.ONE]
        if not choices:
            return "split it, or make its questions depend on each other"
        most = max(choices, key=named.count)
        return f"split it at '{most}': one for each of its answers"

    def _report(
        self, rule: Rule, key: str, message: str, mend: str, owner: str | None = None
    ) -> None:
        code = self._matter.code
        directory = "bundles" if self._matter.bundle else "items"
        default = (f"{directory}/{code.lower()}.yaml", 0)
        place = key.replace(".", "/", 1)
        # What a bundle takes over stands in the file of the item that brings it.
        owners = (code, *(one.item.code for one in self._matter.components))
        places = (self._places.get(f"{one}/{place}") for one in owners)
        file, line = next((one for one in places if one), default)
        shown = f"{owner}.{key}" if owner and owner != code else key
        self._findings.add(rule, file, line, shown, message, mend)

    # -- what is proven

    def _situations(self, component: Component) -> None:
        """Exactly one situation in every case in which the item takes part."""
        diagram, item = self._diagram, component.item
        here = diagram.both(self._possible, diagram.of(component.include))
        fitted: list[tuple[str, Set]] = []
        covered, told = NOTHING, 0
        for situation in item.situations:
            fits = diagram.both(here, diagram.of(situation.when))
            if fits == NOTHING and not self._matter.bundle:
                self._dead(
                    Rule.DEAD_SITUATION,
                    f"situations.{situation.id}",
                    f"'{situation.id}' never fits",
                )
            for name, before in fitted if diagram.meet(fits, covered) else ():
                case = diagram.one_of(diagram.both(fits, before))
                if case is not None and told < _MAX_TOLD:
                    told += 1
                    self._report(
                        Rule.OVERLAP,
                        f"situations.{situation.id}",
                        f"{name} and {situation.id} both fit {_told_case(case)}",
                        "make their conditions exclude each other",
                        item.code,
                    )
            covered = diagram.either(covered, fits)
            fitted.append((situation.id, fits))
        case = diagram.one_of(diagram.minus(here, covered))
        if case is not None:
            self._report(
                Rule.GAP,
                "situations",
                f"no situation fits {_told_case(case)}",
                "add a situation for it, or widen one",
                item.code,
            )

    def _questions(self) -> None:
        components = self._matter.components if self._matter.bundle else ()
        brought = {one.id for component in components for one in component.item.questions}
        for question in self._matter.questions:
            if question.id not in brought and not self._happens(question.when):
                self._dead(
                    Rule.DEAD_QUESTION,
                    f"questions.{question.id}",
                    f"'{question.id}' is never asked",
                )

    def _options(self, item: Item) -> None:
        """What is said of a question is said of each of its options."""
        named: dict[str, set[object]] = {}
        for condition in conditions_of(self._matter):
            for test in tests(condition):
                if test.op == "in":
                    named.setdefault(test.key, set()).update(test.values)
        for question in item.questions:
            for option in question.options if question.id in named else ():
                if option.id not in named[question.id]:
                    self._report(
                        Rule.DEAD_OPTION,
                        f"options.{question.id}.{option.id}",
                        f"no condition names '{option.id}', though others of '{question.id}' are",
                        "say what follows from it, or remove it",
                    )

    def _dead_parts(self, item: Item) -> None:
        for material in item.materials:
            users = [one for one in item.situations if material.id in one.materials]
            if users and not any(self._happens(one.when, material.when) for one in users):
                self._dead(
                    Rule.DEAD_MATERIAL,
                    f"materials.{material.id}",
                    f"'{material.id}' is never needed",
                )
        for name, key, when in (
            *(("form", one.key, one.when) for one in item.form),
            *(("parties", one.role, one.when) for one in item.parties),
        ):
            if not self._happens(when):
                self._dead(Rule.DEAD_PART, f"{name}.{key}", f"'{key}' never takes part")

    def _components(self) -> None:
        """Each item takes part in some case, and in every case some item does."""
        diagram = self._diagram
        for component in self._matter.components:
            if not self._happens(component.include):
                self._dead(
                    Rule.DEAD_COMPONENT,
                    f"include.{component.item.code}",
                    f"{component.item.code} never takes part",
                )
        for component in self._matter.components:
            accepts = (s for s in component.item.situations if s.result is Result.ACCEPT)
            if component.needed and not any(self._happens(s.when) for s in accepts):
                self._report(
                    Rule.DEAD_END,
                    "needs",
                    f"{component.item.code} is needed, but can never be handed in here",
                    "do not name it in needs, or let a situation of it be accepted",
                )
        some = diagram.any(diagram.of(one.include) for one in self._matter.components)
        case = diagram.one_of(diagram.minus(self._possible, some))
        if case is not None:
            self._report(
                Rule.NOBODY,
                "include",
                f"no item takes part for {_told_case(case)}",
                "let one item always take part, or do not ask",
            )

    def _composition(self, component: Component) -> None:
        """What the bundle makes of an item is what the item makes of the same answers."""
        diagram, item = self._diagram, component.item
        here = diagram.both(self._possible, diagram.of(component.include))
        alone = _Alone(diagram, item)
        for name, key, when in _parts(item):
            together, own = diagram.of(when), alone.of(when)
            differs = diagram.either(diagram.minus(together, own), diagram.minus(own, together))
            case = diagram.one_of(diagram.both(here, differs))
            if case is not None:
                self._report(
                    Rule.COMPOSITION,
                    f"{name}.{key}",
                    f"'{key}' of {item.code} is not the same alone and in the bundle for "
                    f"{_told_case(case)}",
                    "give the shared question another id in one item, or ask it in both alike",
                    item.code,
                )
                return

    def _conditions(self, item: Item) -> None:
        """Every condition, and every part of one, is true in some cases and false in others."""
        diagram = self._diagram
        everywhere = dict(self._domains())
        optional = ("questions", "materials", "form", "parties")
        for name, key, when in _own_conditions(item):
            if when.op == "always":
                continue
            place = f"{name}.{key}"
            for test in tests(when):
                self._dead_test(place, test, everywhere)
            if name in optional and diagram.minus(self._possible, diagram.of(when)) == NOTHING:
                self._report(
                    Rule.ALWAYS, place, "its condition is always true", "leave the condition out"
                )
                continue
            if not self._happens(when):
                continue  # told already
            for part in _inner(when):
                if not self._happens(part):
                    self._report(
                        Rule.DEAD_TEST,
                        place,
                        f"{_told_condition(part)} is never true",
                        "mend or remove this part",
                    )
            for part in _choices(when):
                if diagram.minus(self._possible, diagram.of(part)) == NOTHING:
                    self._report(
                        Rule.ALWAYS,
                        place,
                        f"{_told_condition(part)} is always true",
                        "leave this part out",
                    )

    def _domains(self) -> Iterator[tuple[str, tuple[Value, ...]]]:
        diagram = self._diagram
        for key, values in zip(diagram.keys, diagram.values, strict=True):
            yield key, tuple(value for value in values if value is not None)

    def _dead_test(
        self, place: str, test: Condition, everywhere: Mapping[str, tuple[Value, ...]]
    ) -> None:
        """A test of a number or date divides the values that can be answered."""
        domain = everywhere.get(test.key)
        if test.op in ("in", "answered") or not domain:
            return
        # Looked at by itself: whether the fact's party takes part is another question.
        result = compiled(test, {test.key: 0, test.key.partition(".")[0]: 0}).test
        outcomes = {result({test.key: value}) for value in domain}
        if len(outcomes) == 1:
            never = "true" if False in outcomes else "false"
            self._report(
                Rule.DEAD_TEST,
                place,
                f"{test.key} {test.op} {test.values[0]} is never {never}",
                "mend the limit, or the question's limits",
            )

    def _dead_ends(self, item: Item) -> None:
        """Nobody is questioned who is turned away whatever they answer."""
        diagram = self._diagram
        refused = diagram.any(
            diagram.of(one.when) for one in item.situations if one.result is Result.NOT_POSSIBLE
        )
        if item.situations and diagram.minus(self._possible, refused) == NOTHING:
            self._report(
                Rule.DEAD_END,
                "situations",
                "everybody is turned away, whatever they answer",
                "add a situation that is accepted or sent to a counter",
            )
            return
        for question in item.questions:
            asked = diagram.both(self._possible, diagram.of(question.when))
            if asked != NOTHING and diagram.minus(asked, refused) == NOTHING:
                self._report(
                    Rule.DEAD_END,
                    f"questions.{question.id}",
                    f"whoever is asked '{question.id}' is turned away whatever they answer",
                    "do not ask it, or let one answer lead on",
                )

    def _absent(self, item: Item) -> None:
        """Nothing is asked about, or from, somebody who takes no part."""
        diagram = self._diagram
        parties = {one.role: one.when for one in item.parties if one.when.op != "always"}
        needed: list[tuple[str, str, str, tuple[Condition, ...]]] = [
            ("questions", one.id, one.about, (one.when,)) for one in item.questions
        ]
        for situation in item.situations:
            if situation.result is Result.NOT_POSSIBLE:
                continue
            needed += [
                ("materials", one.id, one.from_whom, (situation.when, one.when))
                for one in item.materials
                if one.id in situation.materials
            ]
            needed += [
                ("form", one.key, one.about, (situation.when, one.when)) for one in item.form
            ]
        told: set[str] = set()
        for name, key, role, whens in needed:
            if role not in parties or f"{name}.{key}" in told:
                continue
            asked = diagram.all((self._possible, *(diagram.of(one) for one in whens)))
            case = diagram.one_of(diagram.minus(asked, diagram.of(parties[role])))
            if case is not None:
                told.add(f"{name}.{key}")
                self._report(
                    Rule.NOBODY_FILLS,
                    f"{name}.{key}",
                    f"'{role}' takes no part for {_told_case(case)}",
                    f"give it the condition of '{role}', or let '{role}' take part",
                )

    def _happens(self, *conditions: Condition) -> bool:
        """True when some case makes all conditions true."""
        diagram = self._diagram
        return diagram.meet(self._possible, diagram.all(diagram.of(one) for one in conditions))

    def _dead(self, rule: Rule, key: str, message: str) -> None:
        self._report(rule, key, f"{message}, whatever is answered", "mend its condition")


class _Alone:
    """What an item's conditions mean to the item alone, over the cases of a bundle.

    A question that only another item asks has no answer for this one.
    """

    def __init__(self, diagram: Diagram, item: Item) -> None:
        self._diagram = diagram
        self._whens = {one.id: one.when for one in item.questions}
        self._whens.update({one.role: one.when for one in item.parties})
        self._there: dict[str, Set] = {}

    def of(self, condition: Condition) -> Set:
        """The cases in which the condition is true for the item alone."""
        diagram = self._diagram
        if condition.op == "always":
            return EVERYTHING
        if condition.op in ("all", "any", "not"):
            parts = [self.of(part) for part in condition.parts]
            if condition.op == "any":
                return diagram.any(parts)
            joined = diagram.all(parts)
            return joined if condition.op == "all" else diagram.minus(EVERYTHING, joined)
        return diagram.both(diagram.of(condition), self._owner(condition.key.partition(".")[0]))

    def _owner(self, name: str) -> Set:
        """The cases in which the item asks this question, or has this party."""
        known = self._there.get(name)
        if known is None:
            known = self._there[name] = self.of(self._whens.get(name, ALWAYS))
        return known


def _parts(item: Item) -> Iterator[tuple[str, str, Condition]]:
    yield from (("situations", one.id, one.when) for one in item.situations)
    yield from (("materials", one.id, one.when) for one in item.materials)
    yield from (("form", one.key, one.when) for one in item.form)
    yield from (("parties", one.role, one.when) for one in item.parties)


def _own_conditions(item: Item) -> Iterator[tuple[str, str, Condition]]:
    """Every condition as it stands in the file, with the key of the part it belongs to."""
    yield from (("questions", one.id, one.when) for one in item.questions)
    yield from _parts(item)


def _inner(condition: Condition) -> Iterator[Condition]:
    """The alternatives within a condition: parts that are there for some case of their own."""
    for part in condition.parts:
        if condition.op == "any":
            yield part
        yield from _inner(part)


def _choices(condition: Condition) -> Iterator[Condition]:
    """The parts of a condition that choose or exclude: each is there to be false for somebody."""
    for part in condition.parts:
        if part.op in ("any", "not"):
            yield part
        yield from _choices(part)


def _told_case(case: Mapping[str, Value]) -> str:
    """A case in words that can be tried at the terminal."""
    parts = [f"{key}: {_told(value)}" for key, value in case.items() if value is not None]
    return "{" + ", ".join(parts) + "}" if parts else "any answers"


def _told(value: Value) -> str:
    if isinstance(value, frozenset):
        return f"[{', '.join(sorted(value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


_TOLD_OPS: Mapping[str, Callable[[Condition], str]] = {
    "always": lambda _: "{}",
    "in": lambda one: f"{one.key}: {', '.join(_told(value) for value in one.values)}",
    "answered": lambda one: f"answered: {one.key}",
}


def _told_condition(condition: Condition) -> str:
    """A condition as it is written."""
    told = _TOLD_OPS.get(condition.op)
    if told is not None:
        return told(condition)
    if condition.parts:
        inner = ", ".join(_told_condition(part) for part in condition.parts)
        return f"{{{inner}}}" if condition.op == "all" else f"{condition.op}: [{inner}]"
    return f"{condition.key}: {{{condition.op}: {_told(condition.values[0])}}}"
