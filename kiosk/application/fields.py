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

from kiosk.catalogue.model import FieldKind

# Mobile numbers of the mainland begin 13-19; landlines with 0 and the area; others with +.
_PHONE: Final = re.compile(r"^(1[3-9]\d{9}|0\d{2,3}\d{7,8}|\+\d{7,15})$", re.ASCII)
# The dots are those between the parts of Uyghur, Tibetan and other names.
_NAME_SIGNS: Final = frozenset("·•‧・.,'’ -")
_MONEY: Final = re.compile(r"^\d{1,9}(\.\d{1,2})?$", re.ASCII)
_CODE: Final = re.compile(r"^[A-Z0-9\-]{2,32}$")
_IDEOGRAPHS: Final = range(0x20000, 0x40000)
_SHORTEST_ADDRESS: Final = 5
_LONGEST: Final = 120
_YEARS: Final = range(1900, 2100)  # 0202 and 2204 are slips of a finger


def tidy(kind: FieldKind, text: str) -> str:
    """`text` without what people type by the way: outer spaces, spaces in a number."""
    if kind is FieldKind.PHONE:
        return re.sub(r"[\s\-]", "", _narrow(text))
    if kind in (FieldKind.MONEY, FieldKind.NUMBER):  # a minus sign is no decoration
        return re.sub(r"\s", "", _narrow(text))
    if kind is FieldKind.CODE:
        return re.sub(r"\s", "", _narrow(_narrow(text).upper()))
    if kind is FieldKind.DATE:
        return _iso(text.strip())
    return text.strip()


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
    FieldKind.TEXT: _text,
}


def problem(kind: FieldKind, text: str, *, required: bool) -> str:
    """The words key of what is wrong with `text`, "" when it can be kept."""
    value = tidy(kind, text)
    if not value:
        return "field.error.empty" if required else ""
    return _CHECKS[kind](value)
