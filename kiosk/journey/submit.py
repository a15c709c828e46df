"""From a visit to the content of its application: only what is on the path."""

from __future__ import annotations

from kiosk.application.draft import (
    AnswerRecord,
    Attachment,
    Draft,
    MaterialRecord,
    PartyRecord,
)
from kiosk.catalogue.model import FormField, Material, Source
from kiosk.journey.route import (
    accepted,
    contact_of,
    delivery_address,
    field_value,
    fields_of,
    materials_of,
    parties_of,
)
from kiosk.journey.steps.questions import answer_text
from kiosk.journey.visit import Now, Paper, Party, Visit, owed_until, path_of, told_facts

_STATUS = {
    Source.CARD: "from-card",
    Source.E_LICENCE: "from-state",
    Source.SHARED_DATA: "from-state",
    Source.TERMINAL: "made-here",
}
_PAD = 1000  # strokes are in thousandths of the pad


def draft_of(visit: Visit, now: Now) -> Draft:
    """The application as it stands.

    Raises:
        ValueError: while no matter is chosen.
    """
    matter = visit.matter
    if matter is None:
        raise ValueError("no matter is chosen")
    path = path_of(visit, now)
    roles = [party.role for party in parties_of(matter, path)]
    return Draft(
        terminal=visit.rules.terminal,
        site=visit.rules.site.zh,
        item=matter.code,
        kind=matter.kind.value,
        pack=visit.pack.hash,
        made_at=now.civil,
        clock_trusted=now.trusted,
        language=visit.language.value,
        parties=tuple(_party(visit.parties[role]) for role in roles if role in visit.parties),
        answers=tuple(AnswerRecord(q.id, answer_text(path.on_path[q.id])) for q in path.asked),
        told=tuple(
            AnswerRecord(name, answer_text(value)) for name, value in told_facts(visit, now).items()
        ),
        situations=tuple((item, situation.id) for item, situation in accepted(path)),
        materials=tuple(_material(visit, m, now) for m in materials_of(path)),
        form=_form(visit, fields_of(matter, path)),
        delivery=visit.delivery,
        address=delivery_address(visit) if visit.delivery == "post" else "",
        contact=contact_of(visit, path),
        signature=_signature(visit),
    )


def _party(party: Party) -> PartyRecord:
    card, face = party.card, party.face
    verified = "card"
    if party.assisted_by:
        verified = "assisted"
    elif face is not None and face.matched:
        verified = "card-and-face"
    elif party.app_code:
        verified = "app-code"
    return PartyRecord(
        role=party.role,
        document_kind=card.kind.value,
        name=card.shown_name,
        number=card.number,
        birth=card.birth,
        sex=card.sex.value,
        nation=card.nation,
        nationality=card.nationality,
        address=card.address,
        valid_to=card.valid_to,
        verified=verified,
        distance=face.distance if face is not None else None,
        threshold=face.threshold if face is not None else None,
        frames=face.frames_used if face is not None else 0,
        liveness=face.liveness if face is not None else "",
        assisted_by=party.assisted_by,
        app_code=party.app_code,
        proof=card.proof.value,
    )


def _material(visit: Visit, material: Material, now: Now) -> MaterialRecord:
    status = _STATUS.get(material.source)
    if status is not None:
        return MaterialRecord(material.id, status)
    paper = visit.papers.get(material.id, Paper())
    if material.held and not paper.pages:
        return MaterialRecord(material.id, "from-state")
    if paper.pledged and material.pledge_days is not None:
        due = owed_until(material.pledge_days, now)
        return MaterialRecord(material.id, "pledged", (), material.pledge_days, due)
    pages = tuple(
        Attachment(f"{material.id}-{number}", "image/jpeg", page.jpeg)
        for number, page in enumerate(paper.pages, start=1)
    )
    return MaterialRecord(material.id, "handed-in", pages)


def _form(visit: Visit, fields: tuple[FormField, ...]) -> tuple[tuple[str, str], ...]:
    values = ((f.key, field_value(visit, f)) for f in fields)
    return tuple((key, value) for key, value in values if value)


def _signature(visit: Visit) -> Attachment | None:
    """The strokes as an SVG drawing."""
    if not visit.strokes:
        return None
    lines = "".join(
        '<polyline points="' + " ".join(f"{x},{y}" for x, y in stroke) + '"/>'
        for stroke in visit.strokes
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_PAD} {_PAD}" fill="none" '
        f'stroke="black" stroke-width="6" stroke-linecap="round">{lines}</svg>'
    )
    return Attachment("signature", "image/svg+xml", svg.encode())
