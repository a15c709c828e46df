"""The route of a visit: which places it leads through, in order, as things stand.

The route is worked out anew after every event; a place with nothing to ask is not on it. It
ends at the first thing that is not known yet (an unanswered question), so whoever is on it
always has one next place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from kiosk.application.fields import problem
from kiosk.catalogue.engine import Path
from kiosk.catalogue.model import (
    FieldKind,
    FormField,
    Item,
    Kind,
    Material,
    Matter,
    PartyIdentity,
    PartyRole,
    Result,
    Situation,
    Source,
)
from kiosk.journey.asked_facts import PREFIX
from kiosk.journey.terms import StepName
from kiosk.journey.visit import (
    Now,
    Place,
    Visit,
    lead_role,
    needs_card,
    needs_face,
    path_of,
    told_facts,
)

CONTACT: Final = "contact_phone"
ADDRESS: Final = "delivery_address"


def materials_of(path: Path) -> tuple[Material, ...]:
    """The materials of what can be handed in here; of a bundle not those of its other items."""
    wanted = {name for _, situation in accepted(path) for name in situation.materials}
    return tuple(m for m in path.materials if m.id in wanted)


def papers_asked(path: Path) -> tuple[Material, ...]:
    """The materials that the resident has to lay under the document camera."""
    return tuple(m for m in materials_of(path) if m.brought)


def papers_taken(path: Path) -> tuple[Material, ...]:
    """Those, and papers that the state holds but that somebody may have brought all the same."""
    return tuple(m for m in materials_of(path) if m.source is Source.RESIDENT)


def _items(matter: Matter, path: Path) -> Iterator[Item]:
    codes = {code for code, _ in accepted(path)}
    return (c.item for c in matter.components if c.item.code in codes)


def fields_of(matter: Matter, path: Path) -> tuple[FormField, ...]:
    """The form fields of what can be handed in here."""
    wanted = {f.key for item in _items(matter, path) for f in item.form}
    return tuple(f for f in path.fields if f.key in wanted)


def parties_of(matter: Matter, path: Path) -> tuple[PartyRole, ...]:
    """Who takes part in what can be handed in here; before the decision, in anything."""
    if not accepted(path):
        return path.parties
    wanted = {p.role for item in _items(matter, path) for p in item.parties}
    return tuple(p for p in path.parties if p.role in wanted)


def paper_done(visit: Visit, material: Material) -> bool:
    """Photographed or pledged."""
    paper = visit.papers.get(material.id)
    return paper is not None and (paper.pledged or bool(paper.pages))


def field_value(visit: Visit, form_field: FormField) -> str:
    """What stands in a field: what was typed, else what the card tells."""
    typed = visit.form.get(form_field.key)
    return typed if typed is not None else prefilled(visit, form_field)


def prefilled(visit: Visit, form_field: FormField) -> str:
    """What the card of the field's party already tells, "" for nothing."""
    party = visit.parties.get(form_field.about)
    if party is None or not form_field.prefill:
        return ""
    card = party.card
    told: Mapping[str, str] = {
        "card.name": card.shown_name,
        "card.number": card.number,
        "card.address": card.address,
    }
    return told.get(form_field.prefill, "")


def contact_of(visit: Visit, path: Path) -> str:
    """The telephone for a correction, "" where the case does not ask for one."""
    matter = visit.matter
    asked = fields_of(matter, path) if matter is not None else ()
    return next((field_value(visit, f) for f in asked if f.key == CONTACT), "")


def delivery_address(visit: Visit) -> str:
    """What was typed, else the address of the card."""
    typed = visit.form.get(ADDRESS)
    if typed is not None:
        return typed
    matter = visit.matter
    party = visit.parties.get(lead_role(matter)) if matter is not None else None
    return party.card.address if party is not None else ""


def _delivery_done(visit: Visit, matter: Matter) -> bool:
    """A way is chosen, and where it needs an address there is one that can be kept."""
    if visit.delivery not in matter.delivery:
        return False
    address = delivery_address(visit)
    return visit.delivery != "post" or not problem(FieldKind.ADDRESS, address, required=True)


def wrong(form_field: FormField, value: str) -> str:
    """The words key of what is wrong with this in the field, "" when it can be kept."""
    return problem(form_field.kind, value, required=form_field.required, length=form_field.length)


def field_done(visit: Visit, form_field: FormField) -> bool:
    """The field holds something that can be kept, and was looked at."""
    value = field_value(visit, form_field)
    return form_field.key in visit.confirmed_fields and not wrong(form_field, value)


def accepted(path: Path) -> tuple[tuple[str, Situation], ...]:
    """The items, with their situations, that can be handed in here with these answers."""
    if not path.decided or not path.can_succeed:
        return ()
    return tuple((i, s) for i, s in path.situations if s.result is Result.ACCEPT)


def can_go_on(path: Path) -> bool:
    """At least one item can be handed in."""
    return bool(accepted(path))


def seen_as(path: Path) -> tuple[tuple[str, str], ...]:
    """The outcome as kept in `Visit.outcome_seen`: shown again only when it differs."""
    return tuple((item, situation.id) for item, situation in path.situations)


def _identities(matter: Matter, roles: list[str]) -> Iterator[Place]:
    if not needs_card(matter):
        return
    for role in roles:
        yield Place(StepName.IDENTIFY, role)
        if needs_face(matter):
            yield Place(StepName.VERIFY_FACE, role)


def _others(visit: Visit, matter: Matter, path: Path) -> tuple[list[str], list[str]]:
    """Roles of further cards: those to be read before the next question, and the others.

    A card is read early where its facts decide what is asked, so that nothing is asked that
    it tells; where they don't, only once the outcome is known.
    """
    lead = lead_role(matter)
    taking_part = parties_of(matter, path)
    roles = [p.role for p in taking_part if p.identity is PartyIdentity.CARD and p.role != lead]
    missing = {name.partition(".")[0] for name in path.missing_facts}
    early = [role for role in roles if role in visit.parties or role in missing]
    return early, [role for role in roles if role not in early]


def _next_question(path: Path) -> Iterator[Place]:
    if path.next is not None:
        yield Place(StepName.QUESTIONS, detail=path.next.id)
        return
    # Also once it is decided: a fact may still say which papers are to be brought.
    for name in path.missing_facts:
        yield Place(StepName.QUESTIONS, detail=PREFIX + name)
        return


def _told(visit: Visit, now: Now) -> Iterator[Place]:
    """Facts that were asked because no card told them stay on the route, to be changed."""
    for name in told_facts(visit, now):
        yield Place(StepName.QUESTIONS, detail=PREFIX + name)


def _apply(visit: Visit, matter: Matter, now: Now) -> Iterator[Place]:
    if not visit.trial:
        yield from _identities(matter, [lead_role(matter)])
    path = path_of(visit, now)
    for question in path.asked:
        yield Place(StepName.QUESTIONS, detail=question.id)
    early, late = _others(visit, matter, path)
    if not visit.trial and needs_card(matter):
        yield from _identities(matter, early)
        if any(role not in visit.parties for role in early):
            return
    yield from _told(visit, now)
    yield from _next_question(path)
    if not path.complete:
        return
    yield Place(StepName.OUTCOME)
    if visit.trial or not can_go_on(path):
        return
    yield from _identities(matter, late)
    if papers_asked(path):
        yield Place(StepName.MATERIALS)
    for form_field in fields_of(matter, path):
        yield Place(StepName.FORM, detail=form_field.key)
    if matter.delivery:
        yield Place(StepName.DELIVERY)
    yield Place(StepName.REVIEW)
    if matter.sign:
        yield Place(StepName.SIGN)
    yield Place(StepName.SUBMITTED)
    yield Place(StepName.RATE)


def _ask(visit: Visit, matter: Matter, now: Now) -> Iterator[Place]:
    """Certificates and queries: identify, confirm, see or print."""
    yield from _identities(matter, [lead_role(matter)])
    path = path_of(visit, now)
    for question in path.asked:
        yield Place(StepName.QUESTIONS, detail=question.id)
    yield from _told(visit, now)
    yield from _next_question(path)
    if not path.complete:
        return
    if path.result is not None and path.result is not Result.ACCEPT:
        yield Place(StepName.OUTCOME)
        return
    for form_field in fields_of(matter, path):
        yield Place(StepName.FORM, detail=form_field.key)
    yield Place(StepName.RESULT)
    yield Place(StepName.RATE)


_SEQUENCES: Mapping[Kind, Callable[[Visit, Matter, Now], Iterator[Place]]] = {
    Kind.APPLY: _apply,
    Kind.CERTIFICATE: _ask,
    Kind.QUERY: _ask,
}


def route(visit: Visit, now: Now) -> tuple[Place, ...]:
    """All places from the item guide to the farewell, as far as they are known."""
    matter = visit.matter
    if matter is None:
        return (Place(StepName.WELCOME), Place(StepName.CHOOSE))
    places = _SEQUENCES[matter.kind](visit, matter, now)
    return (Place(StepName.ITEM_GUIDE), *places, Place(StepName.FAREWELL))


def complete(visit: Visit, place: Place, now: Now) -> bool:
    """Nothing is left to ask at this place."""
    matter = visit.matter
    if matter is None:
        return False
    party = visit.parties.get(place.role)
    if place.step is StepName.IDENTIFY:
        return party is not None
    if place.step is StepName.VERIFY_FACE:
        return party is not None and party.verified
    path = path_of(visit, now)
    if place.step is StepName.QUESTIONS:
        if place.detail.startswith(PREFIX):
            return place.detail.removeprefix(PREFIX) in visit.told
        return place.detail in path.on_path
    if place.step is StepName.MATERIALS:
        return all(paper_done(visit, m) for m in papers_asked(path))
    if place.step is StepName.FORM:
        return any(f.key == place.detail and field_done(visit, f) for f in matter.form)
    if place.step is StepName.DELIVERY:
        return _delivery_done(visit, matter)
    if place.step is StepName.OUTCOME:
        return can_go_on(path) and visit.outcome_seen == seen_as(path)
    return False


_ONCE: Final = frozenset({StepName.IDENTIFY, StepName.VERIFY_FACE, StepName.OUTCOME})
_TO_COMPLETE: Final = frozenset(
    {
        StepName.IDENTIFY,
        StepName.VERIFY_FACE,
        StepName.QUESTIONS,
        StepName.OUTCOME,
        StepName.MATERIALS,
        StepName.FORM,
        StepName.DELIVERY,
    }
)


def first_open(visit: Visit, now: Now) -> Place | None:
    """The first place before review at which something is left to ask."""
    return next(
        (p for p in route(visit, now) if p.step in _TO_COMPLETE and not complete(visit, p, now)),
        None,
    )


def last_asked(visit: Visit, now: Now) -> Place:
    """Where everything is answered and nothing done yet: the review, or a certificate's result."""
    return next(p for p in route(visit, now) if p.step in (StepName.REVIEW, StepName.RESULT))


def following(visit: Visit, now: Now) -> Place:
    """The next place.

    Who is identified and an outcome that was seen are passed by; so are questions answered on
    the way here, because one that an answer brought up can stand before them on the route.
    With `fast` everything that is complete is passed by.
    """
    places = route(visit, now)
    here = places.index(visit.place) if visit.place in places else _last_before(visit, places)
    for place in places[here + 1 :]:
        known = visit.fast or place.step in _ONCE or place in visit.passed
        if known and place.step in _TO_COMPLETE and complete(visit, place, now):
            continue
        return place
    return Place(StepName.FAREWELL)


def _last_before(visit: Visit, places: tuple[Place, ...]) -> int:
    """Where the route goes on when the place itself has left it (an answer was changed)."""
    passed = [places.index(place) for place in visit.trail if place in places]
    return max(passed, default=-1)
