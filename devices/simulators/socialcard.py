"""A social-security card that exists only in memory, to lay on a virtual reader.

It knows the two files that anybody may read, and counts what nobody should have sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

from devices.records import Sex, SocialCard, check_digit

ATR = bytes.fromhex("3B6D000080318065B0890201036083019000")
_APPLICATION = bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF")
_NAME_BYTES, _EXTENSION_BYTES = 30, 20

_OK = b"\x90\x00"
_NOT_FOUND, _NO_RECORD = b"\x6a\x82", b"\x6a\x83"
_NO_INSTRUCTION, _NOT_SELECTED = b"\x6d\x00", b"\x69\x85"


def _cn(digits: str, size_bytes: int) -> bytes:
    return bytes.fromhex(digits.ljust(2 * size_bytes, "F"))


def _an(text: str, size_bytes: int) -> bytes:
    return text.encode("ascii").ljust(size_bytes, b"\x00")


def _day(day: date | None) -> bytes:
    return _cn(f"{day:%Y%m%d}" if day else "", 4)


def _record(tag: int, value: bytes) -> bytes:
    return bytes([tag, len(value)]) + value


def records_of(card: SocialCard, *, with_extension: bool = True) -> dict[int, list[bytes]]:
    """The records of EF05 and EF06. A name of more than 30 bytes goes on in tag 4E."""
    raw = card.name.encode("gb18030")
    name, rest = raw[:_NAME_BYTES], raw[_NAME_BYTES:]
    if len(rest) > _EXTENSION_BYTES:
        raise ValueError("the name is too long for a card")
    person = [
        _record(0x08, _an(card.number, 18)),
        _record(0x09, name.ljust(_NAME_BYTES, b"\x00")),
        _record(0x0A, card.sex.value.encode("ascii")),
        _record(0x0B, _cn(card.nation, 1)),
        _record(0x0C, _cn(card.birthplace, 3)),
        _record(0x0D, _day(card.birth)),
    ]
    if with_extension or rest:
        person.insert(2, _record(0x4E, rest.ljust(_EXTENSION_BYTES, b"\x00")))
    issue = [
        _record(0x01, _cn(card.card_id, 16)),
        _record(0x02, _an(card.card_type, 1)),
        _record(0x03, _an(card.version, 4)),
        _record(0x04, _cn(card.institution, 12)),
        _record(0x05, _day(card.issued)),
        _record(0x06, _day(card.expires)),
        _record(0x07, _an(card.card_number, 9)),
    ]
    return {0xEF05: issue, 0xEF06: person}


@dataclass(slots=True)
class VirtualSocialCard:
    """One card. `select_p1` is the only form of SELECT for a file that it takes."""

    files: dict[int, list[bytes]] = field(repr=False)
    select_p1: int = 0x00
    with_61: bool = False  # answers wait to be fetched, as with T=0
    exact_le: bool = False  # wants the right length, else 6Cxx
    atr: bytes = ATR
    pin_tries_left: int = 3
    _selected: bool = False
    _file: int = 0
    _waiting: bytes = b""

    def reset(self) -> None:
        """Nothing is selected any more."""
        self._selected, self._file, self._waiting = False, 0, b""

    def respond(self, apdu: bytes) -> bytes:
        """The answer to one command."""
        ins = apdu[1] if len(apdu) > 1 else 0
        if ins in (0x20, 0x24, 0x2C):
            self.pin_tries_left -= 1
            return b"\x63" + bytes([0xC0 | max(0, self.pin_tries_left)])
        if ins == 0xC0:
            answer, self._waiting = self._waiting, b""
            return answer + _OK if answer else _NOT_SELECTED
        if ins == 0xA4:
            return self._select(apdu)
        if ins == 0xB2:
            return self._read(apdu)
        return _NO_INSTRUCTION

    def _select(self, apdu: bytes) -> bytes:
        name = apdu[5 : 5 + apdu[4]] if len(apdu) > 5 else b""
        if apdu[2] == 0x04:
            if name != _APPLICATION:
                return _NOT_FOUND
            self._selected = True
            return self._give(b"\x6f\x11\x84\x0f" + _APPLICATION, len(apdu) > 5 + len(name))
        number = int.from_bytes(name, "big")
        if not self._selected:
            return _NOT_SELECTED
        if apdu[2] != self.select_p1 or number not in self.files:
            return b"\x6a\x86" if apdu[2] != self.select_p1 else _NOT_FOUND
        self._file = number
        return _OK

    def _read(self, apdu: bytes) -> bytes:
        if not self._file or apdu[3] != (self._file & 0x1F) << 3 | 4:
            return _NOT_SELECTED
        records = self.files[self._file]
        if not 1 <= apdu[2] <= len(records):
            return _NO_RECORD
        record = records[apdu[2] - 1]
        if self.exact_le and apdu[4:5] != bytes([len(record)]):
            return bytes([0x6C, len(record)])
        return self._give(record, True)

    def _give(self, answer: bytes, wanted: bool) -> bytes:
        if not wanted:
            return _OK
        if self.with_61:
            self._waiting = answer
            return bytes([0x61, len(answer)])
        return answer + _OK


def _numbered(first17: str) -> str:
    return first17 + check_digit(first17)


# Nobody's: area codes that begin with 99 are not assigned.
ELDER = SocialCard(
    name="陈秀英",
    number=_numbered("99010219530412002"),
    sex=Sex.FEMALE,
    nation="01",
    birthplace="990102",
    birth=date(1953, 4, 12),
    card_id="99010200D1560000050000000000ABCD",
    card_type="3",
    version="3.00",
    institution="990000000000000000000001",
    issued=date(2019, 5, 20),
    expires=date(2029, 5, 20),
    card_number="A12345678",
)
LONG_NAME = replace(ELDER, name="阿卜杜热合曼·买买提艾力·依明江·尼")
RARE_NAME = replace(ELDER, name="䶮㛃𠮷")
