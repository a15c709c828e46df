"""What the event of a bundle settles by itself, so that nobody is asked.

Whoever comes after a death is not asked why the citizen card is cancelled. A bundle names such
answers (`settled:`), and its item is taken as it is under them.

Promises: for every way to answer what is left, the settled item has the situation, materials,
fields and parties that the whole item has with the settled answers added. A settled answer
counts where the item would have asked; where it would not, there is none, as alone. Nothing of
the item that the event rules out is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from kiosk.catalogue.conditions import SINCE, both, either, holds
from kiosk.catalogue.model import (
    ALWAYS,
    Answer,
    Condition,
    Fact,
    FormField,
    Item,
    Material,
    PartyRole,
    Question,
    Situation,
)

Settled = Mapping[str, Answer | Fact]
"""Answers by question id, facts by "ROLE.name"."""

_NEVER: Final = Condition("any")

Part = TypeVar("Part", Question, Material, FormField, PartyRole, Situation)


def settle(item: Item, settled: Settled) -> Item:
    """The item under these answers, without what they rule out."""
    if not settled:
        return item
    under = _Under(settled)
    # A party's part may hang on a question, a question on a fact of a party.
    questions = []
    parties = {one.role: one for one in item.parties}
    for question in item.questions:
        under.parties(parties)
        when = under.of(question.when)
        under.asked[question.id] = when
        if when != _NEVER and question.id not in settled:
            questions.append(replace(question, when=when))
    under.parties(parties)
    situations = under.left(item.situations)
    wanted = {name for one in situations for name in one.materials}
    materials = tuple(one for one in under.left(item.materials) if one.id in wanted)
    there = {one.id for one in materials}
    return replace(
        item,
        questions=tuple(questions),
        parties=under.left(item.parties),
        materials=materials,
        form=under.left(item.form),
        situations=tuple(
            replace(one, materials=tuple(name for name in one.materials if name in there))
            for one in situations
        ),
        eligibility=tuple(replace(one, when=under.of(one.when)) for one in item.eligibility),
    )


@dataclass(slots=True)
class _Under:
    """Conditions under the settled answers; `_NEVER` for what cannot be true any more."""

    settled: Settled
    asked: dict[str, Condition] = field(default_factory=dict)  # by question id or "ROLE."

    def parties(self, parties: Mapping[str, PartyRole]) -> None:
        """Look again at who takes part, now that more questions are known."""
        self.asked.update({f"{role}.": self.of(one.when) for role, one in parties.items()})

    def left(self, parts: tuple[Part, ...]) -> tuple[Part, ...]:
        whens = [(one, self.of(one.when)) for one in parts]
        return tuple(replace(one, when=when) for one, when in whens if when != _NEVER)

    def of(self, condition: Condition) -> Condition:
        match condition.op:
            case "always":
                return ALWAYS
            case "all":
                return self._all(condition.parts)
            case "any":
                kept = [one for one in map(self.of, condition.parts) if one != _NEVER]
                return either(*kept) if kept else _NEVER
            case "not":
                inner = self._all(condition.parts)
                if inner in (ALWAYS, _NEVER):
                    return _NEVER if inner == ALWAYS else ALWAYS
                return Condition("not", parts=(inner,))
        name, dot, fact = condition.key.partition(".")
        owner = self.asked.get(f"{name}." if dot and fact not in SINCE else name, ALWAYS)
        if owner == _NEVER:
            return _NEVER
        if condition.key not in self.settled:
            return condition
        return owner if holds(condition, self.settled[condition.key]) else _NEVER

    def _all(self, parts: tuple[Condition, ...]) -> Condition:
        inner = [self.of(part) for part in parts]
        return _NEVER if _NEVER in inner else both(*inner)
