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

from devices.records import CardLayout, IdCard, Sex


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


def validity(card: IdCard, today: Today) -> Validity:
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
    CardLayout.RESIDENT: "resident",
    CardLayout.PERMIT: "permit",
    CardLayout.FOREIGN_2017: "foreign",
    CardLayout.FOREIGN_2023: "foreign",
}
_SEX = {Sex.MALE: "male", Sex.FEMALE: "female"}


def facts(card: IdCard, today: Today, local_prefixes: tuple[str, ...]) -> dict[str, str | int]:
    """What a card tells: age (trusted clock only), sex, card_kind, residence.

    Residence is "local" where the address begins with one of `local_prefixes`.
    """
    told: dict[str, str | int] = {"card_kind": _CARD_KIND[card.layout]}
    if today.trusted:
        told["age"] = age(card.birth, today.day)
    if card.sex in _SEX:
        told["sex"] = _SEX[card.sex]
    if card.address:
        local = any(card.address.startswith(prefix) for prefix in local_prefixes)
        told["residence"] = "local" if local else "elsewhere"
    return told


def masked(name: str) -> str:
    """A name for the screen: the first character, the rest as stars."""
    stripped = name.strip()
    return stripped[:1] + "**" if stripped else ""
