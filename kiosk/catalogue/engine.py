"""The question engine: from answers and facts to the path, the situation and the papers.

Promises:

- `walk` is a pure function of matter, answers and facts; the order of the mappings does
  not matter.
- Only answers on the path count. A question is on the path when its condition is certainly
  true; one whose condition is certainly false has no answer at all. The caller keeps every
  answer ever given, so choosing an earlier answer again brings back what hung on it.
- Unanswered is not false: nothing is decided by what was not asked yet.
- A question is asked only while its answer can still change a situation, a material, a
  field, who takes part, or a question that does. Two kinds are asked all the same, because
  the department wants to know: those that no condition mentions, and those marked `always`.
  When every item that takes part is not possible, nothing more is asked.
- No answer that does not fit its question counts; it is as if it had not been given.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import TypeAlias

from kiosk.catalogue.conditions import (
    DATED,
    SINCE,
    Compiled,
    Test,
    both,
    compiled,
    dated,
    fact_kind,
    guarded,
    keys,
    since,
)
from kiosk.catalogue.model import (
    ALWAYS,
    Answer,
    Component,
    Condition,
    Fact,
    FormField,
    Material,
    Matter,
    PartyRole,
    Question,
    QuestionKind,
    Result,
    Situation,
    Text,
    Untrusted,
)

ENGINE_VERSION = 2  # counts up when the same catalogue would mean something else
MAX_PIVOTS = 3  # how deep `most_left` looks into branches that exclude each other
QUESTION_S, PAPER_S, FIELD_S = 15, 40, 20  # what each takes an unhurried person
CLOSING_S = 120  # and choosing the delivery, reading it all over, signing
_CLOCK = Situation(
    "clock_not_trusted",
    Text("本机的时间不准", "The clock of this terminal is wrong"),
    ALWAYS,
    Result.COUNTER,
    (),
    Text(
        "这件事要看日期，本机的时间不准，请到窗口办",
        "This depends on the date, and this terminal's clock is wrong; please go to a counter",
    ),
)
_WORST = (Result.ACCEPT, Result.COUNTER, Result.NOT_POSSIBLE)


@dataclass(frozen=True, slots=True)
class Path:
    """Where the answers lead.

    `most_left` is an upper bound on how many questions can still come after `next`.
    """

    asked: tuple[Question, ...]  # on the path and answered, in order
    next: Question | None  # None when no further answer can change anything
    on_path: Mapping[str, Answer]
    situations: tuple[tuple[str, Situation], ...]  # (item code, situation), once decided
    decided: bool  # every item is excluded or has its situation
    result: Result | None  # the worst of the situations, once decided
    materials: tuple[Material, ...]  # before the decision: those needed whatever comes
    fields: tuple[FormField, ...]
    parties: tuple[PartyRole, ...]
    most_left: int
    missing_facts: tuple[str, ...]  # facts that are unknown and can still change something
    taking_part: tuple[str, ...] = ()  # codes of the items that certainly take part
    can_succeed: bool = True  # something can still be accepted at this terminal
    minutes_left: int = 0  # at most, with all the questions, papers and fields still to come

    @property
    def complete(self) -> bool:
        """True when the outcome is final: decided, and nothing left to ask or find out."""
        return self.decided and self.next is None and not self.missing_facts


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an answer was not taken: a key for the words, and the limits it names."""

    key: str
    least: int | date | None = None
    most: int | date | None = None


def validate(question: Question, raw: object) -> Answer | Problem:
    """The answer meant by `raw` (text from a keypad, or a value), or why it is none.

    Keys of problems: answer-missing (also: nothing chosen of several), answer-option,
    answer-alone ("none of these" together with another), answer-yes-no, answer-number,
    answer-number-range, answer-date, answer-date-range.
    """
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return Problem("answer-missing")
    return _VALIDATE[question.kind](question, raw)


def _validate_one(question: Question, raw: object) -> Answer | Problem:
    known = isinstance(raw, str) and any(raw == option.id for option in question.options)
    return raw if known and isinstance(raw, str) else Problem("answer-option")


def _validate_many(question: Question, raw: object) -> Answer | Problem:
    if not isinstance(raw, Iterable) or isinstance(raw, str):
        return Problem("answer-option")
    chosen = list(raw)
    known = {option.id for option in question.options}
    if not all(isinstance(one, str) and one in known for one in chosen):
        return Problem("answer-option")
    if not chosen:
        return Problem("answer-missing")
    alone = {option.id for option in question.options if option.alone}
    if len(set(chosen)) > 1 and not alone.isdisjoint(chosen):
        return Problem("answer-alone")
    return frozenset(chosen)


def _validate_yes_no(_: Question, raw: object) -> Answer | Problem:
    return raw if isinstance(raw, bool) else Problem("answer-yes-no")


def _validate_number(question: Question, raw: object) -> Answer | Problem:
    if isinstance(raw, str) and len(raw.strip()) <= 12:
        digits = raw.strip().removeprefix("-")
        raw = int(raw) if digits.isascii() and digits.isdigit() else raw
    if not isinstance(raw, int) or isinstance(raw, bool):
        return Problem("answer-number")
    least, most = question.minimum, question.maximum
    if (least is not None and raw < least) or (most is not None and raw > most):
        return Problem("answer-number-range", least, most)
    return raw


def _validate_date(question: Question, raw: object) -> Answer | Problem:
    if isinstance(raw, str):
        try:
            raw = date.fromisoformat(raw.strip())
        except ValueError:
            return Problem("answer-date")
    if type(raw) is not date:
        return Problem("answer-date")
    first, last = question.earliest, question.latest
    if (first and raw < first) or (last and raw > last):
        return Problem("answer-date-range", first, last)
    return raw


_VALIDATE: Mapping[QuestionKind, Callable[[Question, object], Answer | Problem]] = {
    QuestionKind.ONE: _validate_one,
    QuestionKind.MANY: _validate_many,
    QuestionKind.YES_NO: _validate_yes_no,
    QuestionKind.NUMBER: _validate_number,
    QuestionKind.DATE: _validate_date,
}


def walk(
    matter: Matter,
    answers: Mapping[str, Answer],
    facts: Mapping[str, Fact],
    today: date | None = None,
) -> Path:
    """The path that these answers and facts give.

    `today` is None while the clock is not trusted; then what depends on it is unknown.
    """
    return prepared(matter).walk(answers, facts, today)


def prepared(matter: Matter) -> Program:
    """The matter made ready for many walks; remembered for the matters used last."""
    known = _PREPARED.get(id(matter))
    if known is not None and known.matter is matter:
        return known
    program = Program(matter)
    while len(_PREPARED) >= _MAX_PREPARED:
        _PREPARED.pop(next(iter(_PREPARED)), None)
    _PREPARED[id(matter)] = program
    return program


_MAX_PREPARED = 32
_PREPARED: dict[int, Program] = {}

_Fits: TypeAlias = Callable[[object], bool]


def _question_fits(question: Question) -> _Fits:
    """A quick test whether a stored value answers this question."""
    if question.kind is QuestionKind.NUMBER:
        return _fits(question.kind, (), question.minimum, question.maximum)
    if question.kind is QuestionKind.DATE:
        return _fits(question.kind, (), question.earliest, question.latest)
    ids = frozenset(option.id for option in question.options)
    alone = frozenset(option.id for option in question.options if option.alone)
    if question.kind is QuestionKind.MANY:
        return lambda value: (
            type(value) is frozenset
            and bool(value)
            and value <= ids
            and (len(value) == 1 or alone.isdisjoint(value))
        )
    return _fits(question.kind, ids, None, None)


def _fits(kind: QuestionKind, ids: Container[object], least: object, most: object) -> _Fits:
    table: dict[QuestionKind, _Fits] = {
        QuestionKind.ONE: lambda value: type(value) is str and value in ids,
        QuestionKind.YES_NO: lambda value: type(value) is bool,
        QuestionKind.NUMBER: lambda value: type(value) is int and _within(value, least, most),
        QuestionKind.DATE: lambda value: type(value) is date and _within(value, least, most),
    }
    return table[kind]


def _within(value: object, least: object, most: object) -> bool:
    return (least is None or value >= least) and (most is None or value <= most)  # type: ignore[operator]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question, ready."""

    question: Question
    id: str
    bit: int
    when: Compiled | None  # None: always
    fits: _Fits
    always: bool
    since: tuple[tuple[str, str], ...] = ()  # what today makes of the answer: (key, name)


@dataclass(frozen=True, slots=True)
class _Part:
    """A material, field or party of one component that hangs on a condition, ready."""

    bit: int  # of its place in the matter's own list
    when: Compiled


@dataclass(frozen=True, slots=True)
class _Parts:
    """Materials, fields or parties of one component."""

    always: int  # bits of those without a condition
    conditional: tuple[_Part, ...]


@dataclass(frozen=True, slots=True)
class _Case:
    """One situation, ready."""

    result: tuple[str, Situation]
    when: Compiled | None
    not_possible: bool
    accepted: bool
    materials: _Parts


@dataclass(frozen=True, slots=True)
class _Component:
    """One component, ready."""

    code: str
    include: Compiled | None
    cases: tuple[_Case, ...]
    fields: _Parts
    parties: _Parts
    needed: bool


class Program:
    """One matter with all its conditions compiled. Immutable once built."""

    def __init__(self, matter: Matter) -> None:
        self.matter = matter
        self.guards = {party.role: party.when for party in matter.parties}
        conditions = [self._own(one) for one in _conditions(matter)]
        mentioned = frozenset().union(*(keys(one) for one in conditions))
        facts = sorted(key for key in mentioned if "." in key)
        made = [key for key in facts if key.partition(".")[2] in SINCE]
        mentioned |= {key.partition(".")[0] for key in made}
        names = [question.id for question in matter.questions]
        self.bits = {key: 1 << index for index, key in enumerate([*names, *facts])}
        self.questions = tuple(
            _Asked(
                question,
                question.id,
                self.bits[question.id],
                self._ready(question.when),
                _question_fits(question),
                question.always or question.id not in mentioned,
                tuple(
                    (key, name)
                    for key in made
                    for owner, _, name in [key.partition(".")]
                    if owner == question.id
                ),
            )
            for question in matter.questions
        )
        self.facts = tuple((key, self.bits[key], _fact_fits(key)) for key in facts)
        self.components = tuple(self._component(one) for one in matter.components)
        self._pivots = _pivots(matter, self.bits)
        self._papers = _mask(one.brought for one in matter.materials)
        self._dated = sum(bit for key, bit, _ in self.facts if key.partition(".")[2] in DATED)
        # Where conditions of eligibility that depend on today count as met without a clock.
        self._accepting: Program | None = None
        if matter.untrusted is Untrusted.ACCEPT and self._dated:
            self._accepting = Program(_accepting(matter))

    def _own(self, condition: Condition) -> Condition:
        return guarded(condition, self.guards)

    def _ready(self, condition: Condition) -> Compiled | None:
        return None if condition.op == "always" else compiled(self._own(condition), self.bits)

    def ready(self, *conditions: Condition) -> Compiled:
        """Any condition of this matter, compiled; several mean all of them."""
        return compiled(self._own(both(*conditions)), self.bits)

    def _component(self, component: Component) -> _Component:
        item = component.item
        materials = {one.id: index for index, one in enumerate(self.matter.materials)}
        fields = {one.key: index for index, one in enumerate(self.matter.form)}
        parties = {one.role: index for index, one in enumerate(self.matter.parties)}
        whens = {one.id: one.when for one in item.materials}
        return _Component(
            item.code,
            self._ready(component.include),
            tuple(
                _Case(
                    (item.code, one),
                    self._ready(one.when),
                    one.result is Result.NOT_POSSIBLE,
                    one.result is Result.ACCEPT,
                    self._parts((materials[name], whens[name]) for name in one.materials),
                )
                for one in item.situations
            ),
            self._parts((fields[one.key], one.when) for one in item.form),
            self._parts((parties[one.role], one.when) for one in item.parties),
            component.needed,
        )

    def _parts(self, parts: Iterable[tuple[int, Condition]]) -> _Parts:
        always, conditional = 0, []
        for index, condition in parts:
            when = self._ready(condition)
            if when is None:
                always |= 1 << index
            else:
                conditional.append(_Part(1 << index, when))
        return _Parts(always, tuple(conditional))

    def settle(
        self, answers: Mapping[str, Answer], facts: Mapping[str, Fact], today: date | None = None
    ) -> tuple[dict[str, Answer | Fact | None], list[_Asked], list[_Asked], list[_Asked]]:
        """What is known; and the questions answered, open, and not yet known to be asked."""
        known: dict[str, Answer | Fact | None] = {}
        for key, _, fits in self.facts:
            fact = facts.get(key)
            if fact is not None and fits(fact):
                known[key] = fact
        answered: list[_Asked] = []
        unanswered: list[_Asked] = []
        possible: list[_Asked] = []
        for one in self.questions:
            on_path = True if one.when is None else one.when.test(known)
            if on_path is None:
                possible.append(one)
            elif not on_path:
                known[one.id] = None
            else:
                answer = answers.get(one.id)
                if answer is not None and one.fits(answer):
                    known[one.id] = answer
                    answered.append(one)
                else:
                    unanswered.append(one)
            for key, name in one.since:
                _since(known, one.id, key, name, today)
        return known, answered, unanswered, possible

    def walk(
        self,
        answers: Mapping[str, Answer],
        facts: Mapping[str, Fact],
        today: date | None = None,
    ) -> Path:
        """See `walk`."""
        if today is None and self._accepting is not None:
            return self._accepting.walk(answers, facts, today)
        known, answered, unanswered, possible = self.settle(answers, facts, today)
        view = _View(known)
        for component in self.components:
            view.add(component)
        matter = self.matter
        # A question counts while something unsettled hangs on it, directly or through others.
        stopped = view.decided and view.all_not_possible
        live = 0 if stopped else view.live
        if not stopped:
            for one in unanswered:
                if one.always:
                    live |= one.bit
            for one in reversed(possible):
                if one.always:
                    live |= one.bit
                if live & one.bit and one.when is not None:
                    live |= one.when.live(known)
        if (
            live & self._dated
            and today is None
            and matter.untrusted is Untrusted.COUNTER
            and any(bit & live & self._dated for key, bit, _ in self.facts if key not in known)
        ):
            view.to_counter(self.components)
            live = 0
        following = next((one for one in unanswered if one.bit & live), None)
        mask = 0
        for one in unanswered:
            mask |= one.bit & live
        for one in possible:
            mask |= one.bit & live
        left = _longest(mask, self._pivots, MAX_PIVOTS)
        seconds = left * QUESTION_S
        if view.hopeful and not view.refused:
            papers = (view.may_materials & self._papers).bit_count()
            fields = view.may_fields.bit_count()
            seconds += papers * PAPER_S + fields * FIELD_S + CLOSING_S
        return Path(
            asked=tuple(one.question for one in answered),
            next=following.question if following else None,
            on_path=MappingProxyType({one.id: known[one.id] for one in answered}),  # type: ignore[misc]
            situations=tuple(view.situations),
            decided=view.decided,
            result=view.result(),
            materials=_chosen(matter.materials, view.materials),
            fields=_chosen(matter.form, view.fields),
            parties=_chosen(matter.parties, view.parties),
            most_left=left - 1 if following else left,
            missing_facts=tuple(
                key for key, bit, _ in self.facts if bit & live and key not in known
            ),
            taking_part=tuple(view.taking_part),
            can_succeed=view.hopeful and not view.refused,
            minutes_left=-(-seconds // 60),
        )


def _since(
    known: dict[str, Answer | Fact | None], question: str, key: str, name: str, today: date | None
) -> None:
    """What today makes of a date: nothing before there is one, and what was told without today."""
    if question not in known:
        known.pop(key, None)
        return
    day = known[question]
    if day is None:
        known[key] = None
    elif today is not None and isinstance(day, date):
        known[key] = since(name, day, today)


def _chosen(parts: tuple, mask: int) -> tuple:  # type: ignore[type-arg]
    return tuple([one for index, one in enumerate(parts) if mask >> index & 1])


class _View:
    """Gathers, component by component, what is settled and what could still settle the rest."""

    __slots__ = (
        "all_not_possible",
        "decided",
        "fields",
        "hopeful",
        "known",
        "live",
        "materials",
        "may_fields",
        "may_materials",
        "parties",
        "refused",
        "situations",
        "taking_part",
    )

    def __init__(self, known: dict[str, Answer | Fact | None]) -> None:
        self.known = known
        self.live = 0
        self.decided = True
        self.all_not_possible = True
        self.situations: list[tuple[str, Situation]] = []
        self.taking_part: list[str] = []
        self.materials = self.fields = self.parties = 0
        self.hopeful = self.refused = False
        self.may_materials = self.may_fields = 0

    def result(self) -> Result | None:
        """The worst result, once everything is decided."""
        if not (self.decided and self.situations):
            return None
        return max((one.result for _, one in self.situations), key=_WORST.index)

    def add(self, component: _Component) -> None:
        """Take one component into account."""
        known = self.known
        include = component.include
        takes_part = True if include is None else include.test(known)
        if takes_part is False:
            return
        if takes_part is None and include is not None:
            self.live |= include.live(known)
            self.decided = False
        decided, possible = self._cases(component)
        if takes_part and component.needed:
            open_cases = (decided,) if decided else possible
            self.refused |= not any(one.accepted for one in open_cases)
        if takes_part:
            self.taking_part.append(component.code)
            if decided is None:
                self.decided = False
            else:
                self.situations.append(decided.result)
        parties, fields = self._parts(component.parties), 0
        if decided is None or not decided.not_possible:
            self.all_not_possible = False
            open_cases = (decided,) if decided else possible
            if any(one.accepted for one in open_cases):
                self.hopeful = True
            self._materials(open_cases, takes_part)
            fields = self._parts(component.fields, may=True)
        if takes_part:
            self.parties |= parties
            self.fields |= fields

    def to_counter(self, components: Iterable[_Component]) -> None:
        """Without a trusted clock a counter decides what is not decided yet."""
        done = {code for code, _ in self.situations}
        open_codes = [one.code for one in components if one.code not in done]
        self.situations += [(code, _CLOCK) for code in open_codes]
        self.decided, self.hopeful = True, False
        self.materials = self.may_materials = self.may_fields = 0

    def _cases(self, component: _Component) -> tuple[_Case | None, tuple[_Case, ...]]:
        """The situation that fits, else those that still may; notes what may settle them."""
        known, live = self.known, 0
        possible: list[_Case] = []
        for case in component.cases:
            when = case.when
            fits = True if when is None else when.test(known)
            if fits:
                return case, ()
            if fits is None and when is not None:
                possible.append(case)
                live |= when.live(known)
        self.live |= live
        return None, tuple(possible)

    def _materials(self, cases: tuple[_Case, ...], takes_part: bool | None) -> None:
        """Materials needed in each of these cases that can be applied for."""
        needed = -1
        seen: dict[int, bool | None] = {}
        for case in cases:
            if case.not_possible:
                continue
            here = case.materials.always
            for part in case.materials.conditional:
                bit = part.bit
                if bit not in seen:
                    seen[bit] = self._value(part.when)
                if seen[bit]:
                    here |= bit
                if seen[bit] is not False:
                    self.may_materials |= bit
            self.may_materials |= here
            needed &= here
        if takes_part and needed != -1:
            self.materials |= needed

    def _parts(self, parts: _Parts, *, may: bool = False) -> int:
        """Bits of those that certainly take part; with `may` notes the fields that may."""
        mask = parts.always
        for part in parts.conditional:
            value = self._value(part.when)
            if value:
                mask |= part.bit
            if value is None and may:
                self.may_fields |= part.bit
        if may:
            self.may_fields |= mask
        return mask

    def _value(self, when: Compiled) -> bool | None:
        value = when.test(self.known)
        if value is None:
            self.live |= when.live(self.known)
        return value


def _mask(chosen: Iterable[bool]) -> int:
    return sum(1 << index for index, one in enumerate(chosen) if one)


def _accepting(matter: Matter) -> Matter:
    """The matter without the conditions of eligibility that depend on today."""
    components = []
    for component in matter.components:
        item = component.item
        gone = [one for one in item.eligibility if one.when.op != "always" and dated(one.when)]
        names = {one.situation for one in gone}
        whens = [one.when for one in gone]
        situations = tuple(
            replace(one, when=_without(one.when, whens))
            for one in item.situations
            if one.id not in names
        )
        components.append(replace(component, item=replace(item, situations=situations)))
    return replace(matter, components=tuple(components), untrusted=None)


def _without(condition: Condition, gone: Container[Condition]) -> Condition:
    """What is left of a condition that asks for all its parts."""
    if condition in gone:
        return ALWAYS
    if condition.op != "all":
        return condition
    return both(*(part for part in condition.parts if part not in gone))


def _conditions(matter: Matter) -> Iterable[Condition]:
    for question in matter.questions:
        yield question.when
    for component in matter.components:
        yield component.include
        item = component.item
        for situation in item.situations:
            yield situation.when
        yield from (one.when for one in item.materials)
        yield from (one.when for one in item.form)
        yield from (one.when for one in item.parties)
    for party in matter.parties:
        yield party.when


def _fact_fits(key: str) -> _Fits:
    kind = fact_kind(key)
    if kind is None:
        raise ValueError(f"no such fact: {key}")
    return _fits(kind.kind, kind.options, kind.minimum, kind.maximum)


# How many questions can still come. Branches of a choice exclude each other, so the longest
# branch counts, not their sum. A pivot is a question with a few answers on which others
# depend: its bit, and for each of its answers the questions that this answer rules out.

_Pivot: TypeAlias = tuple[int, tuple[int, ...]]


def _longest(mask: int, pivots: tuple[_Pivot, ...], depth: int) -> int:
    """The most questions of `mask` that can come on one path."""
    if depth:
        for index, (bit, ruled_out) in enumerate(pivots):
            if mask & bit:
                rest = pivots[index + 1 :]
                return max(_longest(mask & ~out, rest, depth - 1) for out in ruled_out)
    return mask.bit_count()


def _pivots(matter: Matter, bits: Mapping[str, int]) -> tuple[_Pivot, ...]:
    domains: dict[str, frozenset[Answer]] = {}
    for question in matter.questions:
        if question.kind is QuestionKind.ONE:
            domains[question.id] = frozenset(option.id for option in question.options)
        elif question.kind is QuestionKind.YES_NO:
            domains[question.id] = frozenset((True, False))
    wanted: dict[str, dict[str, frozenset[Answer]]] = {}
    for question in matter.questions:
        direct = _necessary(question.when, domains)
        for name in list(direct):
            for further, values in wanted.get(name, {}).items():
                direct[further] = direct.get(further, values) & values
        wanted[question.id] = direct
    pivots: list[_Pivot] = []
    for name, values in domains.items():
        ruled_out = tuple(
            sum(bits[one] for one, needs in wanted.items() if value not in needs.get(name, values))
            for value in sorted(values, key=str)
        )
        if any(ruled_out):
            pivots.append((bits[name], ruled_out))
    return tuple(pivots)


def _necessary(
    condition: Condition, domains: Mapping[str, frozenset[Answer]]
) -> dict[str, frozenset[Answer]]:
    """For each choice, the answers without which the condition cannot be true."""
    if condition.op == "in" and condition.key in domains:
        return {condition.key: frozenset(condition.values)}
    found = [_necessary(part, domains) for part in condition.parts]
    if condition.op == "all":
        joined: dict[str, frozenset[Answer]] = {}
        for one in found:
            for name, values in one.items():
                joined[name] = joined.get(name, values) & values
        return joined
    if condition.op == "any" and found:
        names = set(found[0]).intersection(*found[1:])
        return {name: frozenset().union(*(one[name] for one in found)) for name in names}
    return {}


__all__ = ["Path", "Problem", "Program", "Test", "prepared", "validate", "walk"]
