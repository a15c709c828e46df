"""The item guide (办事指南) of one item or bundle as plain data, for the roll and for A4."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

from kiosk.catalogue.model import (
    Assurance,
    Department,
    Kind,
    Material,
    Matter,
    Pack,
    Situation,
    Source,
    Text,
)
from kiosk.receipts.content import BringMaterial, GuideSlip, SampleRow


def guide_of(
    pack: Pack,
    code: str,
    language: Literal["zh", "en"],
    *,
    printed_on: date | None = None,
    terminal: str = "",
    site: str = "",
    simulated: bool = False,
) -> GuideSlip:
    """The guide of the item or bundle with this code. Raises KeyError for another."""
    matter = pack.matters[code]
    source = pack.bundles.get(code) or pack.items[code]

    def say(text: Text | None) -> str:
        return text.in_(language) if text is not None else ""

    guide = matter.guide
    return GuideSlip(
        language=language,
        code=code,
        item=say(matter.name),
        version=source.version,
        effective_from=matter.effective_from,
        effective_until=matter.effective_until,
        as_of=source.as_of,
        confirmed_by=source.confirmed.by if source.confirmed else "",
        confirmed_on=source.confirmed.on if source.confirmed else None,
        for_whom=say(guide.for_whom),
        basis=say(guide.basis),
        conditions=tuple(say(one.text) for one in matter.eligibility),
        situations=_situations(matter, language),
        materials=tuple(_material(one, language) for one in matter.materials if one.brought),
        already_held=tuple(say(one.name) for one in matter.materials if one.held),
        by_card=tuple(say(one.name) for one in matter.materials if one.source is Source.CARD),
        made_here=tuple(
            _material(one, language) for one in matter.materials if one.source is Source.TERMINAL
        ),
        usual_steps=() if guide.steps else _usual_steps(matter),
        steps=tuple(say(one) for one in guide.steps),
        departments=_departments(matter, pack.departments, language),
        items=tuple(say(one.item.name) for one in matter.components) if matter.bundle else (),
        fee=say(guide.fee),
        days_legal=guide.days_legal,
        days_promised=guide.days_promised,
        visits=guide.visits,
        result=say(guide.result),
        where=say(guide.where),
        phone=guide.phone,
        notes=tuple(say(one) for one in guide.notes),
        printed_on=printed_on,
        terminal=terminal,
        site=site,
        sample=matter.sample,
        simulated=simulated,
    )


def _usual_steps(matter: Matter) -> tuple[str, ...]:
    """What happens at the terminal, where the guide itself says nothing else."""
    apply = matter.kind is Kind.APPLY
    steps = {
        "card": matter.assurance is not Assurance.NONE,
        "face": matter.assurance is Assurance.CARD_AND_FACE,
        "questions": bool(matter.questions),
        "papers": any(one.brought for one in matter.materials),
        "form": bool(matter.form),
        "sign": apply and matter.sign,
        "receipt": apply,
        "print": not apply,
    }
    return tuple(name for name, there in steps.items() if there)


def _situations(matter: Matter, language: str) -> tuple[tuple[str, str, str], ...]:
    """Name, result and reason of every situation that cannot be handed in here."""
    found: dict[str, Situation] = {}
    for component in matter.components:
        for one in component.item.situations:
            if one.reason is not None:
                found.setdefault(f"{component.item.code}.{one.id}", one)
    return tuple(
        (one.name.in_(language), one.result.value, one.reason.in_(language))
        for one in found.values()
        if one.reason is not None
    )


def _material(material: Material, language: str) -> BringMaterial:
    return BringMaterial(
        material.name.in_(language),
        why=material.why.in_(language) if material.why else "",
        source=material.hint.in_(language) if material.hint else "",
        form=material.form,
        count=material.copies,
        pledge_days=material.pledge_days,
        basis=material.basis.in_(language),
        checks=tuple(point.check.in_(language) for point in material.review),
        sample=tuple(
            SampleRow(one.label.in_(language), one.filled.in_(language)) for one in material.sample
        ),
    )


def _departments(matter: Matter, known: Mapping[str, Department], language: str) -> tuple[str, ...]:
    return tuple(known[one].name.in_(language) for one in matter.departments if one in known)
