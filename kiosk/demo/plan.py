"""Who should come, and what to answer, so that an item is accepted: found with the real engine.

Promises:

- Answers tried are one of every kind that the item's conditions tell apart, so where nothing
  is found nothing is there (up to a number of tries that no item of the catalogue reaches).
- A plan names questions as the screen does, so facts that no card tells are in it too.
- Of the people who suit an item the one most like whoever usually comes is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import product
from typing import Final

from devices.records import IdCard, Sex
from devices.simulators.cards import numbered
from kiosk.catalogue.conditions import SINCE
from kiosk.catalogue.cuts import Value, domains
from kiosk.catalogue.engine import Path, validate, walk
from kiosk.catalogue.model import Answer, Fact, Matter, PartyIdentity, Question, QuestionKind
from kiosk.identity.papers import paper_of
from kiosk.identity.validity import Today, age, facts
from kiosk.journey.asked_facts import PREFIX
from kiosk.journey.route import can_go_on
from kiosk.journey.visit import lead_role

_MOST_TRIES: Final = 20_000
_ELSEWHERE: Final = "虚构省别样市南门街3号"
_OLDEST: Final = 100
_SOME_NUMBERS: Final = (1, 0, 2, 10, 100)

Plan = Mapping[str, Answer | Fact]
"""Answers by question id; facts that are asked for under their name after `fact:`."""


def accepting(matter: Matter, known: Mapping[str, Fact], today: date | None) -> Plan | None:
    """Answers with which something can be handed in, None if there are none.

    `today` is None while the clock is not trusted.
    """
    return next(plans(matter, known, today, accepted=True), None)


def plans(
    matter: Matter, known: Mapping[str, Fact], today: date | None, *, accepted: bool = False
) -> Iterator[Plan]:
    """Answers that lead to a decision, one way after the other; if wanted, to acceptance."""
    worth = domains(matter)
    tries = iter(range(_MOST_TRIES))

    def search(answers: dict[str, Answer], told: dict[str, Fact]) -> Iterator[Plan]:
        if next(tries, None) is None:
            return
        path = walk(matter, answers, {**known, **told}, today)
        if accepted and not path.can_succeed:
            return
        if path.next is not None:
            for value in values(path.next, worth, today):
                yield from search({**answers, path.next.id: value}, told)
        elif path.missing_facts:
            name = path.missing_facts[0]
            for fact in worth[name]:
                if isinstance(fact, (str, int)):
                    yield from search(answers, {**told, name: fact})
        elif _ends(path, accepted):
            yield {**answers, **{PREFIX + name: fact for name, fact in told.items()}}

    return search({}, {})


def _ends(path: Path, accepted: bool) -> bool:
    return can_go_on(path) if accepted else path.decided


def values(
    question: Question, worth: Mapping[str, tuple[Value, ...]], today: date | None
) -> Iterator[Answer]:
    """Answers worth trying; `worth` is what the conditions of the matter tell apart."""
    tried: list[Value] = [*worth[question.id]]
    if question.kind is QuestionKind.DATE:
        tried += _days_since(question, worth, today)
    if question.kind is QuestionKind.NUMBER:  # those of an unhurried person before the limits
        tried = [*_SOME_NUMBERS, *tried] if len(tried) == 1 else tried
    return (one for one in dict.fromkeys(tried) if validate(question, one) == one)


def _days_since(
    question: Question, worth: Mapping[str, tuple[Value, ...]], today: date | None
) -> Iterator[date]:
    """Days so long ago that the conditions tell them apart; and a little while ago."""
    if today is None:
        return
    for name in SINCE:
        for count in worth.get(f"{question.id}.{name}", ()):
            if not isinstance(count, int):
                continue
            for more in (1, 0, -1):
                ordinal = today.toordinal() - count * (366 if name == "years_ago" else 1) - more
                if date.min.toordinal() <= ordinal <= date.max.toordinal():
                    yield date.fromordinal(ordinal)
    yield today - timedelta(days=20)


# -- who comes --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cast:
    """Who stands at the terminal, and whose card is read as every other party's."""

    lead: IdCard
    other: IdCard

    def known(self, matter: Matter, today: Today, local: tuple[str, ...]) -> dict[str, Fact]:
        """The facts that their cards tell."""
        lead = lead_role(matter)
        return {
            f"{party.role}.{name}": value
            for party in matter.parties
            if party.identity is PartyIdentity.CARD
            for name, value in facts(
                paper_of(self.lead if party.role == lead else self.other, today.day), today, local
            ).items()
        }


def suited(matter: Matter, usual: Cast, today: Today, local: tuple[str, ...]) -> Cast | None:
    """Whoever can hand in this matter, changed as little as can be; None if nobody can.

    What may change on a card is where somebody lives, how old they are, and their sex.
    """
    worth = domains(matter)
    lead = lead_role(matter)
    others = {p.role for p in matter.parties if p.identity is PartyIdentity.CARD} - {lead}
    leads = _variants(usual.lead, {lead}, worth, today, local)
    beside = _variants(usual.other, others, worth, today, local)
    day = today.day if today.trusted else None
    # The order of a product changes the last first: who stands there changes last of all.
    for first, second in sorted(product(leads, beside), key=lambda two: two[0][0] + two[1][0]):
        cast = Cast(first[1], second[1])
        if accepting(matter, cast.known(matter, today, local), day) is not None:
            return cast
    return None


def _variants(
    card: IdCard,
    roles: set[str],
    worth: Mapping[str, tuple[Value, ...]],
    today: Today,
    local: tuple[str, ...],
) -> list[tuple[int, IdCard]]:
    """The card and others like it, each with how much was changed."""
    looked = {name.partition(".")[2] for name in worth if name.partition(".")[0] in roles}
    places = [card.address]
    if "residence" in looked:
        is_local = card.address.startswith(local)
        places.append(_ELSEWHERE if is_local else f"{local[0]}向阳路8号")
    sexes = [card.sex]
    if "sex" in looked:
        sexes.append(Sex.MALE if card.sex is Sex.FEMALE else Sex.FEMALE)
    births = [card.birth]
    if "age" in looked and card.birth is not None:
        now = age(card.birth, today.day)
        cuts = {v for r in roles for v in worth.get(f"{r}.age", ()) if isinstance(v, int)}
        ages = {one for cut in cuts for one in (cut - 1, cut) if 0 <= one <= _OLDEST} - {now}
        births += [_born(one, today.day) for one in sorted(ages, key=lambda one: abs(one - now))]
    found = []
    for at, (birth, sex, place) in enumerate(product(births, sexes, places)):
        changed = (birth != card.birth) * 2 + (sex is not card.sex) * 3 + (place != card.address)
        one = replace(card, birth=birth, sex=sex, address=place) if at else card
        if birth != card.birth or sex is not card.sex:
            one = replace(one, number=_number(one))
        found.append((changed, one))
    return found


def _born(years: int, today: date) -> date:
    """Half a year past that birthday."""
    return date.fromordinal(today.toordinal() - years * 365 - years // 4 - 180)


def _number(card: IdCard) -> str:
    """The card's number with its day of birth and the sign of its sex."""
    assert card.birth is not None, "only a card with a day of birth is changed"
    running = "001" if card.sex is Sex.MALE else "002"
    return numbered(f"{card.number[:6]}{card.birth:%Y%m%d}{running}")
