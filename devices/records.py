"""Plain results of devices: frozen, free of I/O, safe to hand to pure code.

Fields that say who somebody is are left out of `repr`, so that no log line, exception
text or crash dump shows them by accident.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class CardLayout(StrEnum):
    """Which of the four text layouts a SAM-V reader delivered (type flag at byte 248)."""

    RESIDENT = "resident"
    PERMIT = "permit"  # Hong Kong, Macau and Taiwan residents' permit ("J")
    FOREIGN_2017 = "foreign-2017"  # foreign permanent resident, 2017 ("I")
    FOREIGN_2023 = "foreign-2023"  # foreign permanent resident, from 2023-12 ("Y")


class Sex(StrEnum):
    """GB/T 2261.1."""

    UNKNOWN = "0"
    MALE = "1"
    FEMALE = "2"
    UNSTATED = "9"


class PortraitFormat(StrEnum):
    """How a portrait is coded: the 1,024 bytes of an ID card, told by their header, or decoded."""

    WLT = "wlt"
    WEBP = "webp"
    RGB = "rgb"  # decoded already, as those of travel documents are
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Portrait:
    """The portrait of a card: 102 x 126 pixels once decoded; until then a block of 1,024 bytes."""

    format: PortraitFormat
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class IdCard:
    """What a resident ID card or one of its three relatives says.

    `valid_to` is None where the card says 长期 (`long_term` is then True). Private-use
    code points in names are kept as they came. `added_addresses` were written to the chip
    since the card was printed, in the chip's order; none also where the reader could not tell.
    """

    layout: CardLayout
    name: str = field(repr=False)
    english_name: str = field(repr=False)
    sex: Sex = field(repr=False)
    nation: str = field(repr=False)  # GB/T 3304 code, "" where the layout has none
    nationality: str = field(repr=False)  # ISO 3166 alpha-3, "" where the layout has none
    birth: date = field(repr=False)
    address: str = field(repr=False)
    number: str = field(repr=False)
    issuer: str = field(repr=False)
    valid_from: date | None = field(repr=False)
    valid_to: date | None = field(repr=False)
    long_term: bool = field(repr=False)
    pass_number: str = field(default="", repr=False)
    issue_count: str = field(default="", repr=False)
    portrait: Portrait | None = field(default=None, repr=False)
    added_addresses: tuple[str, ...] = field(default=(), repr=False)

    @property
    def latest_address(self) -> str:
        """Where the holder lives as far as the card knows: what was added last, else the print."""
        return self.added_addresses[-1] if self.added_addresses else self.address


class FaceHint(StrEnum):
    """What a person before the camera can do so that the next frame is better."""

    NONE = ""
    NO_FACE = "no-face"
    ONE_PERSON = "one-person"  # more than one face in the frame
    COME_CLOSER = "come-closer"
    HOLD_STILL = "hold-still"
    LOOK_STRAIGHT = "look-straight"
    MORE_LIGHT = "more-light"
    LESS_LIGHT = "less-light"
    TURN_LEFT = "turn-left"  # the person's own left, which is the left of a mirror
    TURN_RIGHT = "turn-right"
    TURN_BACK = "turn-back"  # and look at the camera again


@dataclass(frozen=True, slots=True)
class FaceMatch:
    """The result of one try at matching a live face with a card's portrait.

    `distance` is the Euclidean distance of two 128-value encodings, the median over
    `frames_used` good frames; None where no frame passed the quality gate.
    """

    matched: bool
    distance: float | None
    threshold: float
    frames_used: int
    frames_seen: int
    reasons: tuple[str, ...] = ()  # why frames were refused, FaceHint values, most frequent first
    liveness: str = ""  # what vouched for a living head: "turn", "infrared" or "" for nothing


@dataclass(frozen=True, slots=True)
class Page:
    """One page from the document camera: JPEG bytes and what was noticed about them."""

    jpeg: bytes = field(repr=False)
    width_px: int
    height_px: int
    straightened: bool  # False where no paper edge was found and the whole picture is kept
    warnings: tuple[str, ...] = ()  # "blurred", "glare", "dark", "no-edge"


class PaperState(StrEnum):
    """What a printer says of its paper; unknown is a value of its own, never "fine"."""

    OK = "ok"
    LOW = "low"
    OUT = "out"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PrinterStatus:
    """A printer's state at one moment."""

    online: bool
    paper: PaperState
    detail: str = ""
    code: str = ""  # of the fault that keeps it from printing, as far as somebody looked for it


class CardKind(StrEnum):
    """What a card on a PC/SC reader turned out to be."""

    RESIDENT_ID = "resident-id"  # only its presence; its contents need a SAM
    SOCIAL = "social"
    TRAVEL = "travel"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SocialCard:
    """What a social-security or citizen card says (LD/T 32), EF05 and EF06.

    Nothing on it is signed: it is as trustworthy as the plastic. Fields that the card does
    not carry are "" or None. Private-use code points in the name are kept as they came.
    """

    name: str = field(repr=False)
    number: str = field(repr=False)  # social-security number, which is the ID number
    sex: Sex = field(repr=False)
    nation: str = field(repr=False)  # GB/T 3304 code
    birthplace: str = field(repr=False)  # GB/T 2260 code
    birth: date | None = field(repr=False)
    card_id: str = field(repr=False)
    card_type: str
    version: str
    institution: str
    issued: date | None
    expires: date | None
    card_number: str = field(repr=False)


class ChipAccess(StrEnum):
    """How a travel document's chip let itself be read."""

    PACE = "pace"
    BAC = "bac"


class ChipAuthenticity(StrEnum):
    """What is known of a travel document's data."""

    # Signed by a country whose certificate this terminal holds, and not changed since. A
    # copy of the whole chip is not ruled out by this.
    SIGNED = "signed"
    NOT_AUTHENTICATED = "not-authenticated"


@dataclass(frozen=True, slots=True)
class DocumentPortrait:
    """The picture in a travel document's chip, as it is coded there."""

    format: str  # "jpeg" or "jpeg2000"
    data: bytes = field(repr=False)
    width_px: int  # 0 where the chip does not say
    height_px: int


def has_chinese(text: str) -> bool:
    """Whether a Chinese character of whichever block is in it."""
    return any(
        0x3400 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0x20000 <= code <= 0x3FFFF
        for code in map(ord, text)
    )


@dataclass(frozen=True, slots=True)
class TravelDocument:
    """What an ICAO 9303 chip says.

    Dates are YYMMDD as in the machine-readable zone, with `<` where unknown: the century is
    for those who know today's date. `authenticity_detail` is for technicians.
    """

    document_code: str
    issuing_state: str
    number: str = field(repr=False)
    surname: str = field(repr=False)
    given_names: str = field(repr=False)
    nationality: str = field(repr=False)
    sex: Sex = field(repr=False)
    birth_yymmdd: str = field(repr=False)
    expiry_yymmdd: str = field(repr=False)
    optional: str = field(repr=False)
    mrz: str = field(repr=False)  # all lines, without breaks
    portrait: DocumentPortrait | None = field(repr=False)
    access: ChipAccess
    authenticity: ChipAuthenticity
    authenticity_detail: str
    signed_by: str = ""  # ISO 3166 alpha-2 of the certificate that vouches, "" if none does
    # In the holder's own characters, as the chip has it beside the zone's Latin letters; "" if not.
    native_name: str = field(default="", repr=False)

    def birth(self, today: date) -> date | None:
        """The latest day up to `today` that fits; None where the document leaves it open.

        The zone has two digits for the year: who is over a hundred looks a hundred younger.
        """
        born = _mrz_day(self.birth_yymmdd, 2000)
        return _mrz_day(self.birth_yymmdd, 1900) if born is None or born > today else born

    def expiry(self) -> date | None:
        """The last day of validity; documents with a chip were not made before 2004."""
        return _mrz_day(self.expiry_yymmdd, 2000)


def _mrz_day(yymmdd: str, century: int) -> date | None:
    try:
        return date(century + int(yymmdd[:2]), int(yymmdd[2:4]), int(yymmdd[4:]))
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class UnknownCard:
    """A card that is there and that PC/SC alone cannot read. Its UID is never kept."""

    kind: CardKind  # RESIDENT_ID or UNKNOWN
    uid_present: bool


class SlotState(StrEnum):
    """What a PC/SC reader's slot holds; unknown is a value of its own, never "empty"."""

    EMPTY = "empty"
    PRESENT = "present"
    MUTE = "mute"  # a card that does not answer
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PcscStatus:
    """The smart-card service and its readers at one moment. `service` None is unknown."""

    service: bool | None
    slots: tuple[tuple[str, SlotState], ...] = ()


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The fingerprint block of a card, 512 or 1,024 bytes; only where an item demands it."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ScannedCode:
    """What a bar code or QR code says, from whichever scanner."""

    text: str = field(repr=False)
    symbology: str  # such as "qr-code" or "code-128"; "" where the scanner does not tell


# -- the number of an identity card ----------------------------------------------------------

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS = "10X98765432"


def check_digit(first17: str) -> str:
    """GB 11643, MOD 11-2. Raises ValueError unless given 17 ASCII digits."""
    if not re.fullmatch(r"[0-9]{17}", first17):
        raise ValueError("a check digit needs 17 digits")
    total = sum(w * int(d) for w, d in zip(_WEIGHTS, first17, strict=True))
    return _CHECK_DIGITS[total % 11]


def number_is_valid(number: str) -> bool:
    """Whether an 18-character number ends in its right check digit."""
    return bool(re.fullmatch(r"[0-9]{17}[0-9X]", number)) and check_digit(number[:17]) == number[17]
