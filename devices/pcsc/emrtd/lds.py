"""The files of a travel document: DG1 is the data page's text, DG2 the portrait, DG11 says more.

ICAO 9303 part 10; ISO/IEC 19794-5 for the face record inside DG2. Every length is checked
against what is there. Errors are TlvError or MrzError and quote nothing.
"""

from __future__ import annotations

import struct
import unicodedata

from devices.pcsc import tlv
from devices.pcsc.emrtd.key import Zone, parse
from devices.records import DocumentPortrait, has_chinese

APPLICATION = bytes.fromhex("A0000002471001")
EF_CARD_ACCESS, EF_COM, EF_SOD, EF_DG1, EF_DG2 = 0x011C, 0x011E, 0x011D, 0x0101, 0x0102
EF_DG11 = 0x010B
TAG_COM, TAG_SOD, TAG_DG1, TAG_DG2, TAG_DG11 = 0x60, 0x77, 0x61, 0x75, 0x6B

# DG11: the holder's full name in national characters; other names, in a list of their own.
_FULL_NAME, _OTHER_NAMES, _OTHER_NAME = 0x5F0E, 0xA0, 0x5F0F
_NAME_CHARS_MOST = 100
# What no name is written with: controls, what turns the direction of writing, line breaks.
_NOT_IN_NAMES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_LAST_LATIN = 0x024F

# DG2: biometric template group, one template, its data block (plain or in a further wrapping).
_GROUP, _TEMPLATE = 0x7F61, 0x7F60
_BLOCKS = (0x5F2E, 0x7F2E)
_FACE_RECORD = b"FAC\x00"
_RECORD_HEADER = struct.Struct(">4s4sIH")
_FACE_HEADER = struct.Struct(">IHBBB3s2s3s3s")
_POINT_BYTES = 8
_IMAGE_HEADER = struct.Struct(">BBHHBBHH")
_STARTS = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x00\x00\x00\x0cjP  ", "jpeg2000"),
    (b"\xff\x4f\xff\x51", "jpeg2000"),
)


def data_groups(com: bytes) -> frozenset[int]:
    """The tags of the data groups that EF.COM lists."""
    return frozenset(tlv.find(com, TAG_COM, 0x5C))


def zone_of(dg1: bytes) -> Zone:
    """The machine-readable zone in DG1."""
    raw = tlv.find(dg1, TAG_DG1, 0x5F1F)
    if not raw.isascii():
        raise tlv.TlvError("characters")
    return parse(raw.decode("ascii"))


def portrait_of(dg2: bytes) -> DocumentPortrait:
    """The first picture in DG2, as it is coded there."""
    template = tlv.find(dg2, TAG_DG2, _GROUP, _TEMPLATE)
    for item in tlv.walk(template):
        if item.tag in _BLOCKS:
            return _picture(item.value)
    raise tlv.TlvError("no biometric data")


def native_name_of(dg11: bytes) -> str:
    """The holder's name in other letters than Latin ones, "" if none is there.

    The full name counts before the others. Surname and given name stand together where each
    character is a syllable, as in Chinese.
    """
    names, others = [], []
    for item in tlv.walk(tlv.find(dg11, TAG_DG11)):
        if item.tag == _FULL_NAME:
            names.append(_name(item.value))
        elif item.tag == _OTHER_NAMES:
            others += [_name(one.value) for one in tlv.walk(item.value) if one.tag == _OTHER_NAME]
    return next((name for name in (*names, *others) if not _is_latin(name)), "")


def _name(raw: bytes) -> str:
    """UTF-8, with `<<` behind the surname and `<` as filling."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise tlv.TlvError("a name that is no UTF-8") from None
    if len(text) > _NAME_CHARS_MOST or _NOT_IN_NAMES & set(map(unicodedata.category, text)):
        raise tlv.TlvError("a name that is none")
    parts = text.replace("<", " ").split()
    return ("" if has_chinese(text) else " ").join(parts)


def _is_latin(name: str) -> bool:
    return all(ord(char) <= _LAST_LATIN for char in name)


def _picture(block: bytes) -> DocumentPortrait:
    width = height = 0
    if block.startswith(_FACE_RECORD):
        try:
            block, width, height = _face_image(block)
        except struct.error:
            raise tlv.TlvError("the face record is cut off") from None
    else:
        # Later encodings wrap the picture in more layers: it is found by how it begins.
        places = [at for start, _ in _STARTS if (at := block.find(start)) >= 0]
        block = block[min(places) :] if places else b""
    for start, name in _STARTS:
        if block.startswith(start):
            return DocumentPortrait(name, block, width, height)
    raise tlv.TlvError("the picture is neither JPEG nor JPEG 2000")


def _face_image(record: bytes) -> tuple[bytes, int, int]:
    _, _, size, count = _RECORD_HEADER.unpack_from(record)
    if count < 1 or size > len(record):
        raise tlv.TlvError("length of the face record")
    at = _RECORD_HEADER.size
    face_size, points, *_ = _FACE_HEADER.unpack_from(record, at)
    end = at + face_size
    at += _FACE_HEADER.size + points * _POINT_BYTES
    _, _, width, height, *_ = _IMAGE_HEADER.unpack_from(record, at)
    at += _IMAGE_HEADER.size
    if not at < end <= size:
        raise tlv.TlvError("length of the face image")
    return record[at:end], width, height
