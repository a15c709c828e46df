"""From the content of an application to the document that goes over the wire, and its parts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final, Literal

from kiosk.application.draft import (
    Attachment as DraftAttachment,
)
from kiosk.application.draft import (
    Draft,
    MaterialRecord,
    PartyRecord,
)
from kiosk.contract import (
    AnswerOnPath,
    ApplicationDocument,
    Attachment,
    CivilTime,
    Contact,
    DeliveryChoice,
    DocumentKind,
    Evidence,
    EvidenceKind,
    HandedMaterial,
    ItemRef,
    MaterialStatus,
    PartyOnPaper,
    Pledge,
    SignatureOnPaper,
    SituationRef,
    TerminalRef,
)

DOCUMENT_KINDS: Final[Mapping[str, DocumentKind]] = {
    "resident": DocumentKind.RESIDENT_ID,
    "permit": DocumentKind.PERMIT,
    "foreign-2017": DocumentKind.FOREIGN_PERMANENT,
    "foreign-2023": DocumentKind.FOREIGN_PERMANENT,
    "social-security": DocumentKind.SOCIAL_SECURITY,
    "passport": DocumentKind.PASSPORT,
}
_STATUSES: Final[Mapping[str, MaterialStatus]] = {
    "handed-in": MaterialStatus.HANDED_IN,
    "pledged": MaterialStatus.PLEDGED,
    "from-card": MaterialStatus.FROM_CARD,
    "from-state": MaterialStatus.E_LICENCE,
    "made-here": MaterialStatus.MADE_HERE,
}

_PROOFS: Final[Mapping[str, Literal["sam", "signed", "not-authenticated"]]] = {
    "sam": "sam",
    "signed": "signed",
    "not-authenticated": "not-authenticated",
}
_LIVENESS: Final[Mapping[str, Literal["turn", "infrared", "none"]]] = {
    "turn": "turn",
    "infrared": "infrared",
    "": "none",
}
_SEX: Final[Mapping[str, Literal["0", "1", "2", "9"]]] = {"0": "0", "1": "1", "2": "2", "9": "9"}


def document_of(
    draft: Draft, *, number: str, application_id: str, pledge_text: str
) -> ApplicationDocument:
    """The document of a draft that now has its number and id (32 hex digits).

    Raises:
        pydantic.ValidationError: the draft does not fit the contract; its text repeats no input.
    """
    made = CivilTime(at=draft.made_at, clock_trusted=draft.clock_trusted)
    owed = tuple(m.id for m in draft.materials if m.status == "pledged")
    lead = draft.parties[0].role if draft.parties else "applicant"
    signature = draft.signature
    return ApplicationDocument(
        application_id=application_id,
        receipt_number=number,
        terminal=TerminalRef(code=draft.terminal, site=draft.site),
        item=ItemRef(
            code=draft.item,
            kind=draft.kind,
            pack=draft.pack,
            components=tuple(item for item, _ in draft.situations),
        ),
        created=made,
        language="en" if draft.language == "en" else "zh",
        parties=tuple(_party(party, draft) for party in draft.parties),
        answers=tuple(AnswerOnPath(question=a.question, answer=a.value) for a in draft.answers),
        told=tuple(AnswerOnPath(question=a.question, answer=a.value) for a in draft.told),
        situations=tuple(SituationRef(item=i, situation=s) for i, s in draft.situations),
        materials=tuple(_material(material) for material in draft.materials),
        form=dict(draft.form),
        delivery=DeliveryChoice(method=draft.delivery, address=draft.address, phone=draft.contact)
        if draft.delivery
        else None,
        contact=Contact(phone=draft.contact) if draft.contact else None,
        pledge=Pledge(text=pledge_text, accepted_at=made, materials=owed) if owed else None,
        signatures=(SignatureOnPaper(role=lead, attachment=_part(signature), signed_at=made),)
        if signature is not None
        else (),
    )


def _party(party: PartyRecord, draft: Draft) -> PartyOnPaper:
    evidence = []
    if party.proof in _PROOFS:  # else no card was read
        proof = _PROOFS[party.proof]
        evidence.append(Evidence(kind=EvidenceKind.CARD, at=draft.made_at, proof=proof))
    if party.verified == "card-and-face":  # a look that did not match is no evidence
        evidence.append(
            Evidence(
                kind=EvidenceKind.FACE,
                at=draft.made_at,
                distance=party.distance,
                threshold=party.threshold,
                frames_used=party.frames,
                liveness=_LIVENESS[party.liveness],
            )
        )
    if party.app_code:
        evidence.append(Evidence(kind=EvidenceKind.APP_CODE, at=draft.made_at))
    if party.assisted_by:
        evidence.append(
            Evidence(kind=EvidenceKind.ASSISTED, at=draft.made_at, assisted_by=party.assisted_by)
        )
    return PartyOnPaper(
        role=party.role,
        name=party.name,
        document_kind=DOCUMENT_KINDS[party.document_kind],
        number=party.number,
        birth=party.birth,
        sex=_SEX.get(party.sex),
        nation=party.nation,
        nationality=party.nationality,
        address=party.address,
        valid_to=party.valid_to,
        long_term=party.valid_to is None and party.proof == "sam",
        evidence=tuple(evidence),
    )


def _material(material: MaterialRecord) -> HandedMaterial:
    return HandedMaterial(
        id=material.id,
        status=_STATUSES[material.status],
        attachments=tuple(_part(part) for part in material.attachments),
        pledge_due=material.due,
    )


def _part(part: DraftAttachment) -> Attachment:
    return Attachment(
        id=part.id,
        sha256=hashlib.sha256(part.data).hexdigest(),
        bytes=len(part.data),
        media_type=part.media_type,
    )
