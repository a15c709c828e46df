"""The receipt of a visit: what was handed in, what is owed, where it is now."""

from __future__ import annotations

from kiosk.catalogue.engine import Path
from kiosk.catalogue.model import Material, Source
from kiosk.identity.validity import masked
from kiosk.journey.route import accepted, contact_of, delivery_address, materials_of
from kiosk.journey.visit import Now, Paper, Visit, lead_role, owed_until, path_of
from kiosk.receipts.content import Component, Delivery, Owed, Receipt, mask_phone


def receipt_of(visit: Visit, now: Now) -> Receipt:
    """What is printed after the submission.

    Raises:
        ValueError: while nothing was saved.
    """
    matter, submission = visit.matter, visit.submission
    if matter is None or not submission.number or submission.saved_at is None:
        raise ValueError("nothing was saved")
    path = path_of(visit, now)
    lead = visit.parties.get(lead_role(matter))
    received = submission.state == "received"
    departments = visit.pack.departments
    return Receipt(
        language="zh" if visit.language == "zh" else "en",
        item=visit.say(matter.name),
        number=submission.number,
        saved_at=submission.saved_at,
        clock_trusted=now.trusted,
        terminal=visit.rules.terminal,
        site=visit.say(visit.rules.site),
        delivery=Delivery.RECEIVED if received else Delivery.KEPT,
        applicant=masked(lead.card.shown_name) if lead else "",
        department=department_of(visit, path),
        situation="" if matter.bundle else "; ".join(visit.say(s.name) for _, s in accepted(path)),
        case_number=submission.case_number if received else "",
        components=tuple(
            Component(
                visit.say(visit.pack.items[code].name),
                visit.say(departments[visit.pack.items[code].department].name),
            )
            for code, _ in accepted(path)
        )
        if matter.bundle
        else (),
        handed_in=tuple(visit.say(m.name) for m in materials_of(path) if _paper(visit, m).pages),
        owed=tuple(
            Owed(visit.say(m.name), owed_until(m.pledge_days, now), m.pledge_days)
            for m in materials_of(path)
            if _paper(visit, m).pledged and m.pledge_days is not None
        ),
        result_by=_result_by(visit),
        result_note=_result_note(visit, department_of(visit, path)),
        contact=mask_phone(contact_of(visit, path)),
        ask_phone=matter.guide.phone,
        take_along=(),
        qr=qr_text(visit),
        sample=matter.sample,
        simulated=visit.rules.demo,
    )


def qr_text(visit: Visit) -> str:
    """What the QR code says: the number, to be read by the counter or the app."""
    return f"OUKIOSK:{visit.submission.number}" if visit.submission.number else ""


def department_of(visit: Visit, path: Path) -> str:
    """Who decides, by name; of a bundle those to whom something was handed in."""
    items = visit.pack.items
    wanted = dict.fromkeys(items[code].department for code, _ in accepted(path))
    known = visit.pack.departments
    names = [visit.say(known[name].name) for name in wanted if name in known]
    return ("、" if visit.language == "zh" else ", ").join(names)


def _paper(visit: Visit, material: Material) -> Paper:
    if material.source is not Source.RESIDENT:
        return Paper()
    return visit.papers.get(material.id, Paper())


def _result_by(visit: Visit) -> str:
    zh = visit.language == "zh"
    if visit.delivery == "post":
        address = delivery_address(visit)
        shown = address[:9] + "……" if len(address) > 9 else address
        return f"{'邮寄：' if zh else 'By post: '}{shown}"
    if visit.delivery == "pick-up":
        return "自己来取" if zh else "Pick-up"
    return ""


def _result_note(visit: Visit, department: str) -> str:
    """Where the result is picked up: the receipt is what is looked at when it is ready."""
    if visit.delivery != "pick-up" or not department:
        return ""
    if visit.language == "zh":
        return f"办好以后，带身份证到{department}取。"
    return f"When it is ready, bring your ID card to: {department}."
