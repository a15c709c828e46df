"""Social-security and citizen cards (LD/T 32): files EF05 and EF06 by their tags.

`read_card` ends in a `SocialCard` or in a DeviceError: CARD_WRONG_KIND if the application is
not there, CARD_UNREADABLE if a field makes no sense. Nothing here asks for a PIN.

Nothing on such a card has a checksum, so each file is read until two readings agree, and the
number's check digit must be right. Records are told by their tags: cards differ in where a
record stands. Proven against a simulated card, not yet against a real one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import date

from devices.errors import DeviceError, Fault
from devices.pcsc.apdu import (
    LE_ANY,
    SW,
    CardProtocolError,
    Command,
    Refused,
    exchange,
    select_name,
)
from devices.pcsc.card import Card
from devices.records import Sex, SocialCard, number_is_valid

# "sx1.sh." and 社会保障 in GBK.
APPLICATION = bytes.fromhex("7378312E73682EC9E7BBE1B1A3D5CF")
EF_ISSUE, EF_PERSON = 0xEF05, 0xEF06
_NOT_HERE = frozenset(
    {SW.FILE_NOT_FOUND, SW.WRONG_P1_P2, SW.UNKNOWN_INSTRUCTION, SW.UNKNOWN_CLASS, SW.WRONG_DATA}
)
_SELECT_FILE_P1 = (0x00, 0x02)  # most cards take the first, some the second only
_LAST_RECORD = frozenset({SW.RECORD_NOT_FOUND, SW.FILE_NOT_FOUND})
_RECORDS_MOST = 24
_READINGS_MOST = 3

_CARD_ID, _TYPE, _VERSION, _INSTITUTION, _ISSUED, _EXPIRES, _CARD_NUMBER = range(0x01, 0x08)
_NUMBER, _NAME, _SEX, _NATION, _BIRTHPLACE, _BIRTH = range(0x08, 0x0E)
_NAME_EXTENSION = 0x4E

Records = Mapping[int, bytes]


class FieldError(ValueError):
    """A field that makes no sense. The text names it and never quotes it."""


def is_selected(card: Card) -> bool:
    """Select the application; whether the card has it."""
    answer = exchange(card.transmit, select_name(APPLICATION))
    if answer.ok:
        return True
    if answer.sw in _NOT_HERE:
        return False
    # A card that refuses for another reason may still not be one of ours.
    return exchange(card.transmit, select_name(APPLICATION, answer=False)).ok


def read_card(card: Card) -> SocialCard:
    """Read the card on the reader."""
    try:
        if not is_selected(card):
            raise DeviceError(Fault.CARD_WRONG_KIND, "no social-security application")
        return card_of(_read_twice(card, EF_ISSUE), _read_twice(card, EF_PERSON))
    except DeviceError:
        raise
    except (CardProtocolError, FieldError) as error:
        reason = str(error)
    raise DeviceError(Fault.CARD_UNREADABLE, reason)


def _read_twice(card: Card, file_id: int) -> Records:
    """A file's records once two readings of it agree."""
    seen: list[Records] = []
    for _ in range(_READINGS_MOST):
        records = _read_file(card, file_id)
        if records in seen:
            return records
        seen.append(records)
    raise CardProtocolError(f"{file_id:04X} reads differently each time")


def _read_file(card: Card, file_id: int) -> Records:
    _select_file(card, file_id)
    p2 = (file_id & 0x1F) << 3 | 4
    records: dict[int, bytes] = {}
    for number in range(1, _RECORDS_MOST + 1):
        answer = exchange(card.transmit, Command(0x00, 0xB2, number, p2, le=LE_ANY))
        if answer.sw in _LAST_RECORD:
            break
        data = answer.expect(f"{file_id:04X} record {number}")
        for tag, value in split_record(data).items():
            if records.setdefault(tag, value) != value:
                raise CardProtocolError(f"{file_id:04X} has tag {tag:02X} twice")
    return records


def _select_file(card: Card, file_id: int) -> None:
    refused: Refused | None = None
    for p1 in _SELECT_FILE_P1:
        command = Command(0x00, 0xA4, p1, 0x00, file_id.to_bytes(2, "big"))
        try:
            exchange(card.transmit, command).expect(f"SELECT {file_id:04X}")
        except Refused as error:
            refused = error
        else:
            return
    assert refused is not None
    raise refused


def split_record(data: bytes) -> dict[int, bytes]:
    """Tag, length, value, one after another; filling after them is left out.

    Raises CardProtocolError.
    """
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data) and data[at] not in (0x00, 0xFF):
        if at + 2 > len(data) or at + 2 + data[at + 1] > len(data):
            raise CardProtocolError("a record that is cut off")
        end = at + 2 + data[at + 1]
        if data[at] in found:
            raise CardProtocolError("a record with a tag twice")
        found[data[at]] = data[at + 2 : end]
        at = end
    return found


def card_of(issue: Records, person: Records) -> SocialCard:
    """The card that the records of EF05 and EF06 describe. Raises FieldError."""
    number = _text(person, _NUMBER, "number")
    if not number_is_valid(number):
        raise FieldError("number")
    name = _name(person)
    birth = _day(person, _BIRTH, "birth")
    if birth is not None and number[6:14] != f"{birth:%Y%m%d}":
        raise FieldError("number and birth differ")
    return SocialCard(
        name=name,
        number=number,
        sex=_sex(person),
        nation=_nation(person),
        birthplace=_digits(person, _BIRTHPLACE, "birthplace"),
        birth=birth,
        card_id=_hex(issue, _CARD_ID),
        card_type=_text(issue, _TYPE, "type"),
        version=_text(issue, _VERSION, "version"),
        institution=_hex(issue, _INSTITUTION),
        issued=_day(issue, _ISSUED, "issued"),
        expires=_day(issue, _EXPIRES, "expires"),
        card_number=_text(issue, _CARD_NUMBER, "card number"),
    )


def _name(person: Records) -> str:
    """The name, going on in the extension where it is long; two bytes may be cut between."""
    raw = _stripped(person, _NAME) + _stripped(person, _NAME_EXTENSION)
    try:
        # GB 18030 holds all of GBK, and the characters that GBK lacks.
        name = raw.decode("gb18030").strip()
    except UnicodeDecodeError:
        name = ""
    if not name or any(unicodedata.category(char) in ("Cc", "Cs", "Cn") for char in name):
        raise FieldError("name")
    return name


def _stripped(records: Records, tag: int) -> bytes:
    return records.get(tag, b"").rstrip(b"\x00")


def _text(records: Records, tag: int, name: str) -> str:
    """An `an` field: ASCII, padded with zeros (some cards use spaces)."""
    raw = _stripped(records, tag).strip(b" ")
    if not all(0x20 < byte < 0x7F for byte in raw):
        raise FieldError(name)
    return raw.decode("ascii")


def _hex(records: Records, tag: int) -> str:
    """A `cn` field: half bytes, padded with F."""
    return records.get(tag, b"").hex().upper().rstrip("F")


def _digits(records: Records, tag: int, name: str) -> str:
    digits = _hex(records, tag)
    if digits and not digits.isdecimal():
        raise FieldError(name)
    return digits


def _day(records: Records, tag: int, name: str) -> date | None:
    """A day as YYYYMMDD in half bytes; None where the card has none."""
    digits = _digits(records, tag, name)
    if not digits.strip("0"):
        return None
    try:
        return date.fromisoformat(digits)
    except ValueError:
        raise FieldError(name) from None


def _sex(person: Records) -> Sex:
    raw = _stripped(person, _SEX)
    text = raw.decode("ascii", "replace") if raw[:1].isdigit() else raw.hex().lstrip("0")
    try:
        return Sex(text or "0")
    except ValueError:
        raise FieldError("sex") from None


def _nation(person: Records) -> str:
    """GB/T 3304: two digits, as text on some cards and in half bytes on others."""
    raw = _stripped(person, _NATION)
    text = raw.decode("ascii") if raw.isdigit() else raw.hex().rstrip("f")
    if text and not (text.isdecimal() and len(text) <= 2):
        raise FieldError("nation")
    return text.zfill(2) if text else ""
