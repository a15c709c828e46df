"""The 256 bytes of text on a card: four layouts, UTF-16LE, padded with spaces.

`parse` gives an `IdCard` without its portrait, or raises `TextBlockError` naming the field
that makes no sense; never anything else, and never what the field holds. `encode` is its
inverse. The check digit is a question of its own (`number_is_valid`), because a number that
is misprinted must be told apart from a block that is garbage.

No character of a name is lost: surrogate pairs and private-use code points stay as they
came. Only what cannot stand in a name is garbage: control characters, lone surrogates,
noncharacters.

The layouts are those of the public reader projects; reserve fields and the 2017 layout's
version are not kept. `issue_count` is the permit's issue count and the 2023 layout's number
of renewals.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

from devices.records import CardLayout, IdCard, Sex

TEXT_BYTES = 256
ADDRESS_BYTES = 70
_FLAG_AT, _FLAG_BYTES = 248, 2
LONG_TERM = "长期"


class TextBlockError(ValueError):
    """A text block that makes no sense. `field` names where, never what."""

    def __init__(self, field: str) -> None:
        super().__init__(f"text block: {field}")
        self.field = field


class _Slot(NamedTuple):
    offset: int
    size_bytes: int


_Slots = tuple[_Slot, ...]

# Each field of `IdCard` that a layout has; a field in two slots goes on in the second.
_FOUND_IN_ALL: dict[str, _Slots] = {
    "valid_from": (_Slot(188, 16),),
    "valid_to": (_Slot(204, 16),),
}
_LAYOUTS: dict[CardLayout, dict[str, _Slots]] = {
    CardLayout.RESIDENT: _FOUND_IN_ALL
    | {
        "name": (_Slot(0, 30),),
        "sex": (_Slot(30, 2),),
        "nation": (_Slot(32, 4),),
        "birth": (_Slot(36, 16),),
        "address": (_Slot(52, 70),),
        "number": (_Slot(122, 36),),
        "issuer": (_Slot(158, 30),),
    },
    CardLayout.PERMIT: _FOUND_IN_ALL
    | {
        "name": (_Slot(0, 30),),
        "sex": (_Slot(30, 2),),
        "birth": (_Slot(36, 16),),
        "address": (_Slot(52, 70),),
        "number": (_Slot(122, 36),),
        "issuer": (_Slot(158, 30),),
        "pass_number": (_Slot(220, 18),),
        "issue_count": (_Slot(238, 4),),
    },
    CardLayout.FOREIGN_2017: _FOUND_IN_ALL
    | {
        "english_name": (_Slot(0, 120),),
        "sex": (_Slot(120, 2),),
        "number": (_Slot(122, 30),),
        "nationality": (_Slot(152, 6),),
        "name": (_Slot(158, 30),),
        "birth": (_Slot(220, 16),),
        "issuer": (_Slot(240, 8),),
    },
    CardLayout.FOREIGN_2023: _FOUND_IN_ALL
    | {
        "name": (_Slot(0, 30),),
        "sex": (_Slot(30, 2),),
        "issue_count": (_Slot(32, 4),),
        "birth": (_Slot(36, 16),),
        "english_name": (_Slot(52, 70), _Slot(220, 22)),
        "number": (_Slot(122, 36),),
        "nationality": (_Slot(242, 6),),
    },
}
_FLAGS: dict[str, CardLayout] = {
    "": CardLayout.RESIDENT,  # a space
    "J": CardLayout.PERMIT,
    "I": CardLayout.FOREIGN_2017,
    "Y": CardLayout.FOREIGN_2023,
}
_FLAG_OF = {layout: flag for flag, layout in _FLAGS.items()}

# The shape of the number; the 2017 layout's has another check of its own, unknown here.
_NUMBERS: dict[CardLayout, re.Pattern[str]] = {
    CardLayout.RESIDENT: re.compile(r"[0-9]{17}[0-9X]"),
    CardLayout.PERMIT: re.compile(r"8[123]0000[0-9]{11}[0-9X]"),
    CardLayout.FOREIGN_2017: re.compile(r"[A-Z0-9]{15}"),
    CardLayout.FOREIGN_2023: re.compile(r"9[0-9]{16}[0-9X]"),
}
CHECKED_LAYOUTS = frozenset(CardLayout) - {CardLayout.FOREIGN_2017}

# By which name a person of each layout is called; the other may be blank.
_MUST_HAVE: dict[CardLayout, str] = {
    CardLayout.RESIDENT: "name",
    CardLayout.PERMIT: "name",
    CardLayout.FOREIGN_2017: "english_name",
    CardLayout.FOREIGN_2023: "english_name",
}

_NATIONS = frozenset([*(f"{code:02d}" for code in range(1, 57)), "97", "98"])
_FORBIDDEN = frozenset({"Cc", "Cs", "Zl", "Zp"})


def _is_text(text: str) -> bool:
    return not any(
        unicodedata.category(char) in _FORBIDDEN
        or ord(char) & 0xFFFE == 0xFFFE
        or 0xFDD0 <= ord(char) <= 0xFDEF
        for char in text
    )


def _text(text: str) -> str | None:
    return text if _is_text(text) else None


def _matching(pattern: str) -> Callable[[str], str | None]:
    compiled = re.compile(pattern)
    return lambda text: text if compiled.fullmatch(text) else None


def _sex(text: str) -> Sex | None:
    return Sex(text) if text in {member.value for member in Sex} else None


def _nation(text: str) -> str | None:
    return text if text in _NATIONS else None


def _date(text: str) -> date | None:
    if not re.fullmatch(r"[0-9]{8}", text):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


# What a field's text becomes; None says that it makes no sense.
_READ: dict[str, Callable[[str], Any]] = {
    "name": _text,
    "english_name": _text,
    "sex": _sex,
    "nation": _nation,
    "nationality": _matching(r"[A-Z]{3}"),
    "birth": _date,
    "address": _text,
    "number": _text,  # its shape depends on the layout
    "issuer": _text,
    "valid_from": _date,
    "valid_to": _date,
    "pass_number": _matching(r"[A-Z0-9]{0,9}"),
    "issue_count": _matching(r"[0-9]{0,2}"),
}
# What stands in `IdCard` for a field that a layout does not have.
_BLANK: dict[str, Any] = {
    "name": "",
    "english_name": "",
    "nation": "",
    "nationality": "",
    "address": "",
    "issuer": "",
}


def parse(block: bytes) -> IdCard:
    """Read a text block. Raises TextBlockError, naming the first field that makes no sense."""
    if len(block) != TEXT_BYTES:
        raise TextBlockError("length")
    flag = _slice(block, (_Slot(_FLAG_AT, _FLAG_BYTES),))
    layout = _FLAGS.get(flag) if flag is not None else None
    if layout is None:
        raise TextBlockError("layout")
    texts = {name: _slice(block, slots) for name, slots in _LAYOUTS[layout].items()}
    values: dict[str, Any] = dict(_BLANK)
    long_term = texts["valid_to"] == LONG_TERM
    for name, text in texts.items():
        if text is None:
            raise TextBlockError(name)
        # A card may say nothing of its first day, and 长期 of its last; nothing else is None.
        if (name == "valid_from" and text == "") or (name == "valid_to" and long_term):
            values[name] = None
            continue
        values[name] = _READ[name](text)
        if values[name] is None:
            raise TextBlockError(name)
    if not _NUMBERS[layout].fullmatch(values["number"]):
        raise TextBlockError("number")
    if not values[_MUST_HAVE[layout]]:
        raise TextBlockError(_MUST_HAVE[layout])
    return IdCard(layout=layout, long_term=long_term, **values)


def addresses_of(block: bytes) -> tuple[str, ...]:
    """Addresses added to a card, 70 bytes each, in the card's order; what is no text is none."""
    slots = (_Slot(at, ADDRESS_BYTES) for at in range(0, len(block), ADDRESS_BYTES))
    texts = (_slice(block, (slot,)) for slot in slots)
    return tuple(text for text in texts if text and _is_text(text))


def encode(card: IdCard) -> bytes:
    """The text block that says what `card` says, without its portrait.

    Raises TextBlockError, naming the field, if the layout cannot hold what the card says.
    """
    block = bytearray(" ".encode("utf-16-le") * (TEXT_BYTES // 2))
    for name, slots in _LAYOUTS[card.layout].items():
        raw = _written(card, name).encode("utf-16-le", "surrogatepass")
        size_bytes = sum(slot.size_bytes for slot in slots)
        if len(raw) > size_bytes:
            raise TextBlockError(name)
        padded = raw + " ".encode("utf-16-le") * ((size_bytes - len(raw)) // 2)
        at = 0
        for slot in slots:
            block[slot.offset : slot.offset + slot.size_bytes] = padded[at : at + slot.size_bytes]
            at += slot.size_bytes
    flag = _FLAG_OF[card.layout] or " "
    block[_FLAG_AT : _FLAG_AT + _FLAG_BYTES] = flag.encode("utf-16-le")
    return bytes(block)


def _written(card: IdCard, name: str) -> str:
    if name == "valid_to" and card.long_term:
        return LONG_TERM
    value = getattr(card, name)
    if isinstance(value, date):
        return f"{value.year:04d}{value.month:02d}{value.day:02d}"
    return "" if value is None else str(value)


def _slice(block: bytes, slots: _Slots) -> str | None:
    """A field's text without its padding; None if it is no UTF-16."""
    raw = b"".join(block[slot.offset : slot.offset + slot.size_bytes] for slot in slots)
    text = raw.decode("utf-16-le", "surrogatepass")
    # Joined halves of a pair are a character again; what stays a surrogate is lone. (A strict
    # decoder's exception would carry the bytes along.)
    if any(0xD800 <= ord(char) <= 0xDFFF for char in text):
        return None
    # Some readers pad with zeros.
    return text.rstrip(" \x00")
