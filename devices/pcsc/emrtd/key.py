"""What opens a chip: three fields of the data page, or the number printed on the card.

Check digits and the three layouts are those of ICAO 9303 parts 3 to 6. Texts of errors name
the field, never what it holds.

The composite check digit is not looked at: it adds nothing to those of the fields, and is wrong
even in a worked example of the standard.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_WEIGHTS = (7, 3, 1)
_NUMBER_CHARS = 9
_ALLOWED = re.compile(r"[0-9A-Z<]*")
_DATE = re.compile(r"[0-9<]{6}")
_CAN = re.compile(r"[0-9]{6}")


class MrzError(ValueError):
    """A machine-readable zone that makes no sense. `field` names where."""

    def __init__(self, field: str) -> None:
        super().__init__(f"machine-readable zone: {field}")
        self.field = field


def check_digit(text: str) -> str:
    """The check digit of a field; `<` counts as nothing, A as ten."""
    total = sum(
        (0 if char == "<" else int(char, 36)) * _WEIGHTS[index % 3]
        for index, char in enumerate(text)
    )
    return str(total % 10)


@dataclass(frozen=True, slots=True)
class Zone:
    """The fields of a machine-readable zone, padding kept off, check digits already right."""

    document_code: str
    issuing_state: str
    number: str = field(repr=False)
    surname: str = field(repr=False)
    given_names: str = field(repr=False)
    nationality: str = field(repr=False)
    sex: str = field(repr=False)  # M, F or <
    birth: str = field(repr=False)  # YYMMDD
    expiry: str = field(repr=False)
    optional: str = field(repr=False)
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DocumentKey:
    """Document number and two dates as YYMMDD, or the card access number (`can`) instead."""

    number: str = field(default="", repr=False)
    birth: str = field(default="", repr=False)
    expiry: str = field(default="", repr=False)
    can: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.can:
            if not _CAN.fullmatch(self.can):
                raise MrzError("can")
            return
        if not self.number or not _ALLOWED.fullmatch(self.number):
            raise MrzError("number")
        for name, value in (("birth", self.birth), ("expiry", self.expiry)):
            if not _DATE.fullmatch(value):
                raise MrzError(name)

    @staticmethod
    def of_mrz(text: str) -> DocumentKey:
        """From all lines of a machine-readable zone. Raises MrzError."""
        zone = parse(text)
        return DocumentKey(zone.number, zone.birth, zone.expiry)

    @property
    def information(self) -> bytes:
        """The MRZ information: each of the three fields with its check digit."""
        number = self.number.ljust(_NUMBER_CHARS, "<")
        fields = (number, self.birth, self.expiry)
        return "".join(text + check_digit(text) for text in fields).encode("ascii")


def _check(text: str, digit: str, name: str) -> None:
    optional = name == "optional" and digit == "<" and not text.strip("<")
    if not optional and check_digit(text) != digit:
        raise MrzError(name)


def _names(text: str) -> tuple[str, str]:
    surname, _, given = text.rstrip("<").partition("<<")
    return surname.replace("<", " ").strip(), re.sub("<+", " ", given).strip()


def _number(field_: str, digit: str, optional: str) -> tuple[str, str]:
    """Number and what is left of the optional data: a long number goes on there."""
    if digit != "<":
        _check(field_, digit, "number")
        return field_.rstrip("<"), optional.strip("<")
    rest, _, left = optional.partition("<")
    if len(rest) < 2:
        raise MrzError("number")
    _check(field_ + rest[:-1], rest[-1], "number")
    return field_ + rest[:-1], left.strip("<")


def parse(text: str) -> Zone:
    """Take a zone of 88, 72 or 90 characters apart; breaks are ignored. Raises MrzError."""
    text = re.sub(r"\s", "", text).upper()
    if not _ALLOWED.fullmatch(text):
        raise MrzError("characters")
    layout = _LAYOUTS.get(len(text))
    if layout is None:
        raise MrzError("length")
    zone = layout(text)
    for name, value in (("birth", zone.birth), ("expiry", zone.expiry)):
        if not _DATE.fullmatch(value):
            raise MrzError(name)
    if zone.sex not in "MF<":
        raise MrzError("sex")
    if not zone.number or not zone.surname:
        raise MrzError("number" if not zone.number else "name")
    return zone


def _two_lines(text: str) -> Zone:
    """Passports (2 x 44) and the second size (2 x 36)."""
    width = len(text) // 2
    upper, lower = text[:width], text[width:]
    passport = width == 44
    optional = lower[28:42] if passport else lower[28:35]
    if passport:
        _check(lower[0:9], lower[9], "number")
        _check(optional, lower[42], "optional")
        number, left = lower[0:9].rstrip("<"), optional.strip("<")
    else:
        number, left = _number(lower[0:9], lower[9], optional)
    _check(lower[13:19], lower[19], "birth")
    _check(lower[21:27], lower[27], "expiry")
    surname, given = _names(upper[5:])
    return Zone(
        document_code=upper[0:2].strip("<"),
        issuing_state=upper[2:5].strip("<"),
        number=number,
        surname=surname,
        given_names=given,
        nationality=lower[10:13].strip("<"),
        sex=lower[20],
        birth=lower[13:19],
        expiry=lower[21:27],
        optional=left,
        text=text,
    )


def _three_lines(text: str) -> Zone:
    """Cards (3 x 30)."""
    upper, middle, names = text[:30], text[30:60], text[60:]
    number, left = _number(upper[5:14], upper[14], upper[15:30])
    _check(middle[0:6], middle[6], "birth")
    _check(middle[8:14], middle[14], "expiry")
    surname, given = _names(names)
    return Zone(
        document_code=upper[0:2].strip("<"),
        issuing_state=upper[2:5].strip("<"),
        number=number,
        surname=surname,
        given_names=given,
        nationality=middle[15:18].strip("<"),
        sex=middle[7],
        birth=middle[0:6],
        expiry=middle[8:14],
        optional=" ".join(part for part in (left, middle[18:29].strip("<")) if part),
        text=text,
    )


_LAYOUTS = {88: _two_lines, 72: _two_lines, 90: _three_lines}
