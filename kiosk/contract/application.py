"""The document of one submission, as it is before it is sealed."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from kiosk.contract.base import (
    HexId,
    Key,
    Long,
    MediaType,
    Model,
    Moment,
    NotEmpty,
    PartId,
    ReceiptNo,
    Sha256,
    Short,
    TerminalCode,
)

Personal = Field(repr=False)


class DocumentKind(StrEnum):
    """By which paper a party is named."""

    RESIDENT_ID = "resident-id"
    PERMIT = "permit"  # Hong Kong, Macau and Taiwan residents
    FOREIGN_PERMANENT = "foreign-permanent"
    PASSPORT = "passport"
    SOCIAL_SECURITY = "social-security"
    HOUSEHOLD_BOOK = "household-book"
    CREDIT_CODE = "credit-code"  # 统一社会信用代码, of an organisation
    NONE = "none"


class EvidenceKind(StrEnum):
    """How it was made sure that a party is who they say."""

    CARD = "card"  # read through a reader
    FACE = "face"  # matched with the card's portrait
    APP_CODE = "app-code"
    ASSISTED = "assisted"  # an authorised person vouched
    DECLARED = "declared"  # typed in, nothing more


class CivilTime(Model):
    """Wall-clock time, and whether the terminal trusted its clock."""

    at: Moment
    clock_trusted: bool


class TerminalRef(Model):
    """The machine and where it stands."""

    code: TerminalCode
    site: Short = ""


class ItemRef(Model):
    """What is applied for, and by which catalogue pack. `components`: a bundle's items."""

    code: Key
    kind: Key
    title: Short = ""
    pack: NotEmpty  # version, then hash
    components: tuple[Key, ...] = ()


class Evidence(Model):
    """One way in which a party was verified. Distances are those of face encodings."""

    kind: EvidenceKind
    at: Moment | None = None
    distance: float | None = None
    threshold: float | None = None
    frames_used: int | None = None
    # Of a face: what showed a living head (docs/liveness.md); "none" where nothing was asked.
    liveness: Literal["turn", "infrared", "none"] | None = None
    assisted_by: Short = ""  # the authorised person's badge
    # Of a card: who vouches that it is genuine. "sam": the security module; "signed": a
    # country, by a certificate that the terminal holds; "not-authenticated": nobody.
    proof: Literal["sam", "signed", "not-authenticated"] | None = None


class PartyOnPaper(Model):
    """Somebody who takes part."""

    role: Key  # as the item's catalogue entry calls it: "applicant", "child", ...
    name: NotEmpty = Personal
    document_kind: DocumentKind
    number: Short = Field(default="", repr=False)
    birth: date | None = Field(default=None, repr=False)
    sex: Literal["0", "1", "2", "9"] | None = Field(default=None, repr=False)  # GB/T 2261.1
    nation: Short = Field(default="", repr=False)  # GB/T 3304
    nationality: Short = Field(default="", repr=False)  # ISO 3166 alpha-3
    address: Short = Field(default="", repr=False)
    issuer: Short = Field(default="", repr=False)
    valid_from: date | None = Field(default=None, repr=False)
    valid_to: date | None = Field(default=None, repr=False)
    long_term: bool = False
    relation: Short = ""  # to the applicant
    evidence: tuple[Evidence, ...] = ()


class AnswerOnPath(Model):
    """One answered question. A question with several answers has a tuple."""

    question: Key
    answer: str | tuple[str, ...] = Personal
    item: Key | None = None  # which component of a bundle asked it


class SituationRef(Model):
    """The case within an item that the answers selected."""

    item: Key
    situation: Key


class MaterialStatus(StrEnum):
    """How a material came, or how it will."""

    HANDED_IN = "handed_in"
    PLEDGED = "pledged"
    FROM_CARD = "from_card"
    E_LICENCE = "e_licence"
    MADE_HERE = "made_here"  # a form that the terminal filled in and the resident signed


class Attachment(Model):
    """A part that was put beside the document."""

    id: PartId
    sha256: Sha256
    bytes: Annotated[int, Field(ge=1)]
    media_type: MediaType


class HandedMaterial(Model):
    """A material of the situation. `pledge_due` only where it is pledged."""

    id: Key
    title: Short = ""
    status: MaterialStatus
    attachments: tuple[Attachment, ...] = ()
    pledge_due: date | None = None


class DeliveryChoice(Model):
    """How the result reaches the resident."""

    method: Key  # "post", "pick-up"
    address: Short = Field(default="", repr=False)
    recipient: Short = Field(default="", repr=False)
    phone: Short = Field(default="", repr=False)


class Contact(Model):
    """How to reach the resident about a correction."""

    phone: Short = Field(default="", repr=False)
    name: Short = Field(default="", repr=False)


class Pledge(Model):
    """The pledge that the resident accepted, word for word."""

    text: Long
    accepted_at: CivilTime
    materials: tuple[Key, ...] = ()


class SignatureOnPaper(Model):
    """A signature, kept as an attachment."""

    role: Key
    attachment: Attachment
    signed_at: CivilTime


FieldValue: TypeAlias = str | bool | int


class ApplicationDocument(Model):
    """One submission. Only answers on the path are in it."""

    schema_version: Literal[1] = 1
    application_id: HexId
    receipt_number: ReceiptNo
    terminal: TerminalRef
    item: ItemRef
    created: CivilTime
    language: Literal["zh", "en"]
    parties: Annotated[tuple[PartyOnPaper, ...], Field(min_length=1)]
    answers: tuple[AnswerOnPath, ...] = ()
    told: tuple[AnswerOnPath, ...] = ()  # facts asked for because no card told them
    situations: tuple[SituationRef, ...] = ()
    materials: tuple[HandedMaterial, ...] = ()
    form: dict[Key, FieldValue] = Field(default_factory=dict, repr=False)
    delivery: DeliveryChoice | None = None
    contact: Contact | None = None
    pledge: Pledge | None = None
    signatures: tuple[SignatureOnPaper, ...] = ()
    guide_badge: Short = ""  # who assisted the visit, if anybody

    def attachments(self) -> tuple[Attachment, ...]:
        """Every part that must be there before the document counts."""
        pages = [page for material in self.materials for page in material.attachments]
        return (*pages, *(signature.attachment for signature in self.signatures))
