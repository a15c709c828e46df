"""What a party is known by, whichever card or document told it and however it was read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final, TypeAlias

from devices.records import (
    ChipAuthenticity,
    IdCard,
    Portrait,
    Sex,
    SocialCard,
    TravelDocument,
    has_chinese,
)

ReadPaper: TypeAlias = IdCard | SocialCard | TravelDocument


class PaperKind(StrEnum):
    """Which card or document; the first four are the layouts that a SAM-V reader delivers."""

    RESIDENT = "resident"
    PERMIT = "permit"
    FOREIGN_2017 = "foreign-2017"
    FOREIGN_2023 = "foreign-2023"
    SOCIAL_SECURITY = "social-security"
    PASSPORT = "passport"


class Proof(StrEnum):
    """What vouches that a paper is genuine, and its data unchanged."""

    SAM = "sam"  # card and security module accepted each other
    SIGNED = "signed"  # a country's signature, by a certificate that this terminal holds
    NOT_AUTHENTICATED = "not-authenticated"  # read as it is; nothing vouches for it
    APP = "app"  # no paper was read: the backend told it, for a code of the app


@dataclass(frozen=True, slots=True)
class IdPaper:
    """A card or document as the visit knows it.

    What it does not tell is "" or None. `portrait` is None where there is none that a face
    could be matched with; `valid_to` is None where it does not end (`long_term`) or is not told.
    """

    kind: PaperKind
    proof: Proof
    name: str = field(repr=False)
    english_name: str = field(repr=False)
    sex: Sex = field(repr=False)
    nation: str = field(repr=False)
    nationality: str = field(repr=False)
    birth: date | None = field(repr=False)
    address: str = field(repr=False)
    number: str = field(repr=False)
    valid_from: date | None = field(repr=False)
    valid_to: date | None = field(repr=False)
    long_term: bool = field(repr=False)
    portrait: Portrait | None = field(default=None, repr=False)

    @property
    def shown_name(self) -> str:
        """The name in Chinese, else as it stands there."""
        return self.name or self.english_name


@dataclass(frozen=True, slots=True)
class DataPage:
    """The three fields of a travel document's data page that open its chip."""

    number: str = field(repr=False)
    birth_yymmdd: str = field(repr=False)
    expiry_yymmdd: str = field(repr=False)


def paper_of(read: ReadPaper, today: date, portrait: Portrait | None = None) -> IdPaper:
    """What was read, as the visit knows it.

    `today` decides the century of a travel document's birth; `portrait` is its picture as a
    face can be matched with it.
    """
    if isinstance(read, SocialCard):
        return _of_social(read)
    if isinstance(read, TravelDocument):
        return _of_travel(read, today, portrait)
    return IdPaper(
        kind=PaperKind(read.layout.value),
        proof=Proof.SAM,
        name=read.name,
        english_name=read.english_name,
        sex=read.sex,
        nation=read.nation,
        nationality=read.nationality,
        birth=read.birth,
        address=read.latest_address,  # who has moved does not live where the print says
        number=read.number,
        valid_from=read.valid_from,
        valid_to=read.valid_to,
        long_term=read.long_term,
        portrait=read.portrait,
    )


_BIRTH: Final = slice(6, 14)  # of an ID number
_SEX_AT: Final = 16  # odd for men
_NUMBERED: Final = frozenset({PaperKind.RESIDENT, PaperKind.PERMIT, PaperKind.SOCIAL_SECURITY})


def told_by_app(kind: PaperKind, name: str, number: str) -> IdPaper:
    """Somebody as the backend names them; what an ID number says of itself is taken from it."""
    birth = _day(number[_BIRTH]) if kind in _NUMBERED else None
    digit = number[_SEX_AT : _SEX_AT + 1]
    sex = Sex.UNKNOWN
    if birth is not None and digit.isdecimal():
        sex = Sex.MALE if int(digit) % 2 else Sex.FEMALE
    return IdPaper(
        kind=kind,
        proof=Proof.APP,
        name=name,
        english_name="",
        sex=sex,
        nation="",
        nationality="",
        birth=birth,
        address="",
        number=number,
        valid_from=None,
        valid_to=None,
        long_term=False,
    )


def _of_social(card: SocialCard) -> IdPaper:
    """Nothing on it is signed; its number is the ID number."""
    return IdPaper(
        kind=PaperKind.SOCIAL_SECURITY,
        proof=Proof.NOT_AUTHENTICATED,
        name=card.name,
        english_name="",
        sex=card.sex,
        nation=card.nation,
        nationality="",
        birth=card.birth or _day(card.number[_BIRTH]),
        address="",
        number=card.number,
        valid_from=card.issued,
        valid_to=card.expires,
        long_term=False,
    )


def _day(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


_PROOFS: Final = {
    ChipAuthenticity.SIGNED: Proof.SIGNED,
    ChipAuthenticity.NOT_AUTHENTICATED: Proof.NOT_AUTHENTICATED,
}


def _of_travel(document: TravelDocument, today: date, portrait: Portrait | None) -> IdPaper:
    names = (document.surname, document.given_names)
    return IdPaper(
        kind=PaperKind.PASSPORT,
        proof=_PROOFS[document.authenticity],
        # In other letters than these it is shown as the data page has it.
        name=document.native_name if has_chinese(document.native_name) else "",
        english_name=", ".join(part for part in names if part),
        sex=document.sex,
        nation="",
        nationality=document.nationality,
        birth=document.birth(today),
        address="",
        number=document.number,
        valid_from=None,
        valid_to=document.expiry(),
        long_term=False,
        portrait=portrait,
    )
