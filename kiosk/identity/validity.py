"""Whether a card is valid on a day, and how old its holder is.

`today` may come from a clock that is years behind but never below its high-water mark: it
is a lower bound of the true day. So a card that has ended by `today` has ended for sure, and
one that has not is taken, with the doubt written into the application; an age is only known
when the clock is trusted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from devices.records import Sex
from kiosk.identity.papers import IdPaper, PaperKind


class Validity(StrEnum):
    """What the card's dates say."""

    VALID = "valid"
    EXPIRED = "expired"
    NOT_YET = "not-yet"


@dataclass(frozen=True, slots=True)
class Today:
    """The civil day, and whether it may be relied on."""

    day: date
    trusted: bool


def validity(card: IdPaper, today: Today) -> Validity:
    """VALID, EXPIRED or NOT_YET; a card that begins later is refused by a trusted clock only."""
    if not card.long_term and card.valid_to is not None and card.valid_to < today.day:
        return Validity.EXPIRED
    if today.trusted and card.valid_from is not None and card.valid_from > today.day:
        return Validity.NOT_YET
    return Validity.VALID


def age(birth: date, on: date) -> int:
    """Completed years on a day; born on 29 February is a year older on 1 March."""
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))


_CARD_KIND = {
    PaperKind.RESIDENT: "resident",
    PaperKind.PERMIT: "permit",
    PaperKind.FOREIGN_2017: "foreign",
    PaperKind.FOREIGN_2023: "foreign",
}
_PERMIT_NUMBERS = ("81", "82", "83")  # Hong Kong, Macau, Taiwan
_SEX = {Sex.MALE: "male", Sex.FEMALE: "female"}


def facts(card: IdPaper, today: Today, local_prefixes: tuple[str, ...]) -> dict[str, str | int]:
    """What a card tells: age (trusted clock only), sex, card_kind, residence.

    Residence is "local" where the address begins with one of `local_prefixes`. What a paper
    does not tell is left out, and so asked: a passport says nothing of either.
    """
    told: dict[str, str | int] = {}
    kind = _card_kind(card)
    if kind:
        told["card_kind"] = kind
    if today.trusted and card.birth is not None:
        told["age"] = age(card.birth, today.day)
    if card.sex in _SEX:
        told["sex"] = _SEX[card.sex]
    if card.address:
        local = any(card.address.startswith(prefix) for prefix in local_prefixes)
        told["residence"] = "local" if local else "elsewhere"
    return told


def _card_kind(card: IdPaper) -> str:
    """Which ID card the holder has, as far as this paper tells; "" where it does not."""
    if card.kind is not PaperKind.SOCIAL_SECURITY:
        return _CARD_KIND.get(card.kind, "")
    if card.number.startswith(_PERMIT_NUMBERS):
        return "permit"
    return "resident" if card.nation else ""  # only citizens have a nation (GB/T 3304)


def masked(name: str) -> str:
    """A name for the screen: the first character, the rest as stars."""
    stripped = name.strip()
    return stripped[:1] + "**" if stripped else ""
