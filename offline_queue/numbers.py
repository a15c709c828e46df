"""Receipt numbers: short enough to say on the telephone, checked against slips.

`LW042-00317-6` is terminal code, running number (five digits or more) and one check
digit. The check digit is ISO/IEC 7064 MOD 11,10 over the digits of code and running
number, a letter counting as two digits (A = 10 ... Z = 35), a digit as itself. It finds
every single wrong digit, and every swap of two neighbouring digits but a share of those
of 0 with 9 or of digits that straddle a letter; a wrong letter is found nearly always,
not always (it may change two digits at once).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_CODE = re.compile(r"[A-Z][A-Z0-9]{1,11}")
_NUMBER = re.compile(r"([A-Z][A-Z0-9]{1,11})-([0-9]{5,12})-([0-9])")
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212 "), "-")


@dataclass(frozen=True, slots=True)
class ReceiptNumber:
    """A receipt number taken apart. `str()` gives its one written form."""

    terminal: str
    running: int

    def __str__(self) -> str:
        return format_number(self.terminal, self.running)


def is_terminal_code(code: str) -> bool:
    """Whether `code` can stand in a receipt number: a letter, then 1-11 letters or digits."""
    return _CODE.fullmatch(code) is not None


def check_digit(text: str) -> int:
    """ISO/IEC 7064 MOD 11,10 over `text` (A-Z and 0-9, letters as two digits)."""
    product = 10
    for character in text:
        for digit in str(int(character, 36)):
            product = ((product + int(digit)) % 10 or 10) * 2 % 11
    return (11 - product) % 10


def format_number(terminal: str, running: int) -> str:
    """The written form, such as "LW042-00317-6".

    Raises ValueError for a terminal code or running number that has none.
    """
    if not is_terminal_code(terminal):
        raise ValueError("a terminal code is a letter and 1-11 capital letters or digits")
    if not 1 <= running < 10**12:
        raise ValueError("a running number is between 1 and 999,999,999,999")
    digits = f"{running:05d}"
    return f"{terminal}-{digits}-{check_digit(terminal + digits)}"


def parse_number(text: str) -> ReceiptNumber:
    """Read a number as people write it: small letters, full width, spaces for hyphens.

    Raises ValueError when it is not one or its check digit is wrong.
    """
    plain = unicodedata.normalize("NFKC", text).strip().upper().translate(_DASHES)
    found = _NUMBER.fullmatch(re.sub("-+", "-", plain))
    if found is None:
        raise ValueError("not a receipt number")
    number = ReceiptNumber(found[1], int(found[2]))
    if number.running == 0 or str(number) != found[0]:
        raise ValueError("the check digit of the receipt number is wrong")
    return number
