"""The content of one submission before it has a number: plain, frozen, complete.

Only answers on the path, materials of the situation and fields that are asked for are in it.
`kiosk.wire` turns it into the document of `kiosk.contract`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class PartyRecord:
    """A party, its document, and how far it was verified.

    `verified` is "card", "card-and-face", "app-code" or "assisted"; `proof` says what vouches
    that the card is genuine: "sam", "signed" or "not-authenticated", or "app" where no card was
    read. `app_code`: the party showed a code of the app that is theirs. Distance and threshold
    are those of the face match, None without one.
    """

    role: str
    document_kind: str
    name: str = field(repr=False)
    number: str = field(repr=False)
    birth: date | None = field(repr=False)
    sex: str = field(repr=False)
    nation: str = field(repr=False)
    nationality: str = field(repr=False)
    address: str = field(repr=False)
    valid_to: date | None = field(repr=False)
    verified: str
    distance: float | None = None
    threshold: float | None = None
    frames: int = 0
    liveness: str = ""  # "turn" or "infrared": what showed a living head at that match
    assisted_by: str = ""
    app_code: bool = False
    proof: str = "sam"


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """A question on the path and its answer: option ids joined by ",", yes/no, digits, ISO date."""

    question: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attachment:
    """Bytes that belong to a material or to the signature."""

    id: str
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class MaterialRecord:
    """What became of a material: "handed-in", "pledged", "from-card", "from-state", "made-here"."""

    id: str
    status: str
    attachments: tuple[Attachment, ...] = ()
    pledge_days: int | None = None
    due: date | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """One submission."""

    terminal: str
    site: str
    item: str
    kind: str
    pack: str  # hash of the catalogue
    made_at: datetime
    clock_trusted: bool
    language: str
    parties: tuple[PartyRecord, ...]
    answers: tuple[AnswerRecord, ...]
    told: tuple[AnswerRecord, ...]  # facts that were asked because no card told them
    situations: tuple[tuple[str, str], ...]  # item, situation
    materials: tuple[MaterialRecord, ...]
    form: tuple[tuple[str, str], ...] = field(repr=False)
    delivery: str
    address: str = field(repr=False)
    contact: str = field(repr=False)
    signature: Attachment | None = None

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """All bytes of the submission, the signature last."""
        pages = tuple(part for material in self.materials for part in material.attachments)
        return (*pages, self.signature) if self.signature is not None else pages
