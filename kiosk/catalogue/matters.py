"""What a visit is about: an item, or the items of a bundle merged into one matter.

Promises:

- A merged question, material, field or party is there once. It takes part when any of the
  items that bring it takes part and wants it.
- Every question comes after the questions it depends on; apart from that, the bundle's own
  come first and the order of the items is kept.
- What shares an id but differs in meaning is refused, never silently merged.
- An item of a bundle is taken as it is under what the bundle's event settles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

from kiosk.catalogue.conditions import both, either, guarded, keys
from kiosk.catalogue.errors import Rule
from kiosk.catalogue.model import (
    ALWAYS,
    Assurance,
    Bundle,
    Component,
    Condition,
    FormField,
    Hours,
    Item,
    Kind,
    Material,
    Matter,
    Offered,
    PartyRole,
    Question,
    ReviewPoint,
    Tier,
    Untrusted,
)
from kiosk.catalogue.settled import settle

Problem: TypeAlias = tuple[Rule, str, str]
"""Rule, key within the bundle, message."""

_ORDER = (Assurance.NONE, Assurance.CARD, Assurance.CARD_AND_FACE)

Part = TypeVar("Part", Question, Material, FormField, PartyRole)


def of_item(item: Item) -> Matter:
    """The matter of a single item."""
    return Matter(
        code=item.code,
        name=item.name,
        group=item.group,
        kind=item.kind,
        assurance=item.assurance,
        assurance_reason=item.assurance_reason,
        line=item.line,
        minutes=item.minutes,
        comes_out=item.comes_out,
        guide=item.guide,
        departments=(item.department,),
        effective_from=item.effective_from,
        effective_until=item.effective_until,
        components=(Component(item),),
        parties=item.parties,
        questions=item.questions,
        materials=item.materials,
        form=item.form,
        delivery=item.delivery,
        pledge=item.pledge,
        sign=item.sign,
        assisted=item.assisted,
        record=item.record,
        sample=item.sample,
        bundle=False,
        id_card_only=item.id_card_only,
        offered=item.offered,
        eligibility=item.eligibility,
        fact_questions=item.fact_questions,
        untrusted=item.untrusted,
    )


def of_bundle(bundle: Bundle, items: Sequence[Item]) -> tuple[Matter | None, list[Problem]]:
    """The merged matter, or None with what stands against merging."""
    items = [settle(one, bundle.settled.get(one.code, {})) for one in items]
    components = tuple(
        Component(one, bundle.include.get(one.code, ALWAYS), one.code in bundle.needs)
        for one in items
    )
    problems = [
        (Rule.BUNDLE, "items", f"{one.code} is a {one.kind.value}, not an application")
        for one in items
        if one.kind is not Kind.APPLY
    ]
    merge = _Merge(components, problems)
    parties = merge.all(lambda item: item.parties, "party", lambda one: one.role, _same_party)
    questions = _sorted(
        merge.all(
            lambda item: item.questions,
            "question",
            lambda one: one.id,
            _same_question,
            own=bundle.questions,
        ),
        {party.role: party.when for party in parties},
        problems,
    )
    materials = merge.all(
        lambda item: item.materials, "material", lambda one: one.id, _same_material
    )
    form = merge.all(lambda item: item.form, "field", lambda one: one.key, _same_field)
    if problems:
        return None, problems
    ends = (bundle.effective_until, *(one.effective_until for one in items))
    highest = max(items, key=lambda one: _ORDER.index(one.assurance))
    matter = Matter(
        code=bundle.code,
        name=bundle.name,
        group=bundle.group,
        kind=Kind.APPLY,
        assurance=highest.assurance,
        assurance_reason=highest.assurance_reason,
        line=any(one.line for one in items),
        minutes=bundle.minutes,
        comes_out=bundle.comes_out,
        guide=bundle.guide,
        departments=bundle.progress or _once(one.department for one in items),
        effective_from=max(bundle.effective_from, *(one.effective_from for one in items)),
        effective_until=min((one for one in ends if one is not None), default=None),
        components=components,
        parties=parties,
        questions=questions,
        materials=materials,
        form=form,
        delivery=_once(way for one in items for way in one.delivery),
        pledge=any(one.pledge for one in items),
        sign=any(one.sign for one in items),
        assisted=all(one.assisted for one in items),
        record=None,
        sample=bundle.confirmed is None or any(one.sample for one in items),
        bundle=True,
        id_card_only=all(one.id_card_only for one in items),
        offered=_offered(items),
        eligibility=tuple(one for item in items for one in item.eligibility),
        fact_questions=_fact_questions(bundle, items),
        untrusted=_untrusted(items),
    )
    return matter, []


def _offered(items: Sequence[Item]) -> Offered:
    """A bundle is offered where and when every one of its items is."""
    return Offered(
        tuple(tier for tier in Tier if all(tier in one.offered.tiers for one in items)),
        Hours.STAFFED if any(one.offered.hours is Hours.STAFFED for one in items) else Hours.ALWAYS,
        next((one.offered.elsewhere for one in items if one.offered.elsewhere), None),
    )


def _untrusted(items: Sequence[Item]) -> Untrusted | None:
    """A counter where one item wants it; accepted only where all agree."""
    wanted = {one.untrusted for one in items} - {None}
    strictest = (Untrusted.COUNTER, Untrusted.ASK, Untrusted.ACCEPT)
    return next((one for one in strictest if one in wanted), None)


def _fact_questions(bundle: Bundle, items: Sequence[Item]) -> tuple[Question, ...]:
    """The words for each fact, the bundle's own first."""
    found: dict[str, Question] = {}
    for question in (*bundle.fact_questions, *(q for item in items for q in item.fact_questions)):
        found.setdefault(question.known, question)
    return tuple(found.values())


def _once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


@dataclass(frozen=True, slots=True)
class _Merge:
    """Merges one kind of part over all components."""

    components: tuple[Component, ...]
    problems: list[Problem]

    def all(
        self,
        parts: Callable[[Item], tuple[Part, ...]],
        word: str,
        name: Callable[[Part], str],
        same: Callable[[Part, Part], Part | None],
        own: tuple[Part, ...] = (),
    ) -> tuple[Part, ...]:
        """Every part once, under the condition of any component that brings it."""
        merged: dict[str, tuple[str, Part]] = {name(one): ("the bundle", one) for one in own}
        whens: dict[str, list[Condition]] = {name(one): [one.when] for one in own}
        for component in self.components:
            for one in parts(component.item):
                key = name(one)
                whens.setdefault(key, []).append(both(component.include, one.when))
                where, known = merged.setdefault(key, (component.item.code, one))
                joined = same(known, one)
                if joined is None:
                    text = f"the {word} '{key}' differs between {where} and {component.item.code}"
                    self.problems.append((Rule.CONFLICT, "items", text))
                else:
                    merged[key] = (where, joined)
        return tuple(replace(one, when=either(*whens[key])) for key, (_, one) in merged.items())


def _same_question(first: Question, second: Question) -> Question | None:
    same = replace(first, when=ALWAYS, always=False) == replace(second, when=ALWAYS, always=False)
    return replace(first, always=first.always or second.always) if same else None


def _same_material(first: Material, second: Material) -> Material | None:
    """The material that serves both: it holds to every review point, whatever item asks."""
    if (first.name, first.form, first.source, first.from_whom) != (
        second.name,
        second.form,
        second.source,
        second.from_whom,
    ):
        return None
    points: dict[str, ReviewPoint] = {point.id: point for point in first.review}
    for point in second.review:
        if points.setdefault(point.id, point) != point:
            return None
    days = (first.pledge_days, second.pledge_days)
    return replace(
        first,
        review=tuple(points.values()),
        pages=max(first.pages, second.pages),
        pledge_days=None if None in days else min(day for day in days if day is not None),
        hint=first.hint or second.hint,
        why=first.why or second.why,
    )


def _same_field(first: FormField, second: FormField) -> FormField | None:
    same = (first.label, first.kind, first.about, first.prefill) == (
        second.label,
        second.kind,
        second.about,
        second.prefill,
    )
    return replace(first, required=first.required or second.required) if same else None


def _same_party(first: PartyRole, second: PartyRole) -> PartyRole | None:
    return first if first.identity is second.identity else None


def _sorted(
    questions: tuple[Question, ...], guards: Mapping[str, Condition], problems: list[Problem]
) -> tuple[Question, ...]:
    """The questions, each after those it depends on, otherwise in their order."""
    waiting = {one.id: one for one in questions}
    needs = {one.id: keys(guarded(one.when, guards)) & waiting.keys() for one in questions}
    done: list[Question] = []
    while waiting:
        ready = next((name for name in waiting if not needs[name] & waiting.keys()), None)
        if ready is None:
            names = ", ".join(waiting)
            problems.append((Rule.CONFLICT, "items", f"questions wait for each other: {names}"))
            return questions
        done.append(waiting.pop(ready))
    return tuple(done)
