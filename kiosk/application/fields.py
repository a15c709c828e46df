"""Checks on what is typed into a form, by kind of field.

`problem` names the words key of what is wrong, "" for nothing; `tidy` gives the one form in
which a value is kept.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from devices.records import number_is_valid
from kiosk.catalogue.model import FieldKind

# Mobile numbers of the mainland begin 13-19; landlines with 0 and the area; others with +.
_PHONE: Final = re.compile(r"^(1[3-9]\d{9}|0\d{2,3}\d{7,8}|\+\d{7,15})$", re.ASCII)
# The dots are those between the parts of Uyghur, Tibetan and other names.
_NAME_SIGNS: Final = frozenset("·•‧・.,'’ -")
_MONEY: Final = re.compile(r"^\d{1,9}(\.\d{1,2})?$", re.ASCII)
_CODE: Final = re.compile(r"^[A-Z0-9\-]{2,32}$")
# A passport's number, and that of an older permit for foreigners.
_OTHER_DOCUMENT: Final = re.compile(r"^(\d{8,9}|[A-Z][A-Z0-9]{5,14})$", re.ASCII)
_BANK_CARD: Final = re.compile(r"^\d{16,19}$", re.ASCII)
_UNIONPAY: Final = "62"  # these follow ISO/IEC 7812, whose last digit tells slips
# GB 32100: authority, kind, place, and a body without letters that look like digits.
_CREDIT_CODE: Final = re.compile(r"^[0-9A-HJ-NP-RTUW-Y]{2}\d{6}[0-9A-HJ-NP-RTUW-Y]{10}$", re.ASCII)
_IDEOGRAPHS: Final = range(0x20000, 0x40000)
_SHORTEST_ADDRESS: Final = 5
_LONGEST: Final = 120
_YEARS: Final = range(1900, 2100)  # 0202 and 2204 are slips of a finger


def tidy(kind: FieldKind, text: str) -> str:
    """`text` without what people type by the way: outer spaces, spaces in a number."""
    if kind in (FieldKind.PHONE, FieldKind.BANK_CARD):
        return re.sub(r"[\s\-]", "", _narrow(text))
    if kind in (FieldKind.MONEY, FieldKind.NUMBER):  # a minus sign is no decoration
        return re.sub(r"\s", "", _narrow(text))
    if kind in (FieldKind.CODE, FieldKind.PERSON_NUMBER, FieldKind.CREDIT_CODE):
        return re.sub(r"\s", "", _narrow(_narrow(text).upper()))
    if kind is FieldKind.DATE:
        return _iso(text.strip())
    return text.strip()


# How many digits stand together, the last group as long as needed.
_GROUPS: Final[Mapping[FieldKind, tuple[int, ...]]] = {
    FieldKind.PHONE: (3, 4),
    FieldKind.PERSON_NUMBER: (6, 8),
    FieldKind.BANK_CARD: (4, 4, 4, 4),
}


def grouped(kind: FieldKind, text: str) -> str:
    """A number in groups, as it is said and compared; also one that is typed half. Other text,
    and numbers of another form, as they are."""
    if (
        not text.isascii()
        or not text[:17].isdigit()
        or (kind is FieldKind.PHONE and text[0] != "1")
    ):
        return text
    parts, rest = [], text
    for size in _GROUPS.get(kind, ()):
        parts.append(rest[:size])
        rest = rest[size:]
    return " ".join(part for part in (*parts, rest) if part)


def _narrow(text: str) -> str:
    """Full-width digits and letters as their plain ones."""
    return unicodedata.normalize("NFKC", text)


def _iso(text: str) -> str:
    """A day as YYYY-MM-DD where it is one, else as it came."""
    try:
        return date.fromisoformat(_narrow(text)).isoformat()
    except ValueError:
        return text


def _phone(text: str) -> str:
    return "" if _PHONE.match(text) else "field.error.phone"


def _is_letter(char: str) -> bool:
    """A letter of some script, also one that this Python's tables do not have yet.

    A private-use code point stands for a rare character (Co); the ideographic planes grow
    with every Unicode version, so what is unassigned there (Cn) is one as well. Marks (M)
    belong to the letter before them, as do the selectors of an ideograph's variant.
    """
    category = unicodedata.category(char)
    if category == "Cn":
        return ord(char) in _IDEOGRAPHS
    return category[0] in "LM" or category in ("Co", "Nl")  # Nl: 〇 is in names, too


def _name(text: str) -> str:
    letters = all(_is_letter(char) or char in _NAME_SIGNS for char in text)
    begins = _is_letter(text[0]) and not unicodedata.category(text[0]).startswith("M")
    return "" if letters and begins and len(text) <= _LONGEST else "field.error.name"


def _address(text: str) -> str:
    return "" if _SHORTEST_ADDRESS <= len(text) <= _LONGEST else "field.error.address"


def _date(text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return "field.error.date"
    return "" if day.year in _YEARS else "field.error.date"


def _money(text: str) -> str:
    return "" if _MONEY.match(text) else "field.error.money"


def _number(text: str) -> str:
    return "" if text.isascii() and text.isdigit() and len(text) <= 12 else "field.error.number"


def _code(text: str) -> str:
    return "" if _CODE.match(text) else "field.error.code"


def _person_number(text: str) -> str:
    known = number_is_valid(text) or _OTHER_DOCUMENT.match(text)
    return "" if known else "field.error.person-number"


def _bank_card(text: str) -> str:
    fits = _BANK_CARD.match(text) and (not text.startswith(_UNIONPAY) or _luhn(text))
    return "" if fits else "field.error.bank-card"


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1: every second digit from the right counts twice, by its digit sum."""
    twice = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    return (sum(twice) + sum(map(int, digits[-1::-2]))) % 10 == 0


def _credit_code(text: str) -> str:
    return "" if _CREDIT_CODE.match(text) else "field.error.credit-code"


def _text(text: str) -> str:
    return "" if len(text) <= _LONGEST else "field.error.text"


_CHECKS: Final[Mapping[FieldKind, Callable[[str], str]]] = {
    FieldKind.PHONE: _phone,
    FieldKind.NAME: _name,
    FieldKind.ADDRESS: _address,
    FieldKind.DATE: _date,
    FieldKind.MONEY: _money,
    FieldKind.NUMBER: _number,
    FieldKind.CODE: _code,
    FieldKind.PERSON_NUMBER: _person_number,
    FieldKind.BANK_CARD: _bank_card,
    FieldKind.CREDIT_CODE: _credit_code,
    FieldKind.TEXT: _text,
}


def problem(kind: FieldKind, text: str, *, required: bool, length: int = 0) -> str:
    """The words key of what is wrong with `text`, "" when it can be kept.

    `length` is how many characters it must have, 0 for as many as the kind allows.
    """
    value = tidy(kind, text)
    if not value:
        return "field.error.empty" if required else ""
    wrong_length = length > 0 and len(value) != length
    return _CHECKS[kind](value) or ("field.error.length" if wrong_length else "")
