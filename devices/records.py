"""Plain results of devices: frozen, free of I/O, safe to hand to pure code.

Fields that say who somebody is are left out of `repr`, so that no log line, exception
text or crash dump shows them by accident.
"""

from __future__ import annotations

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
    """How the 1,024 bytes of a card's portrait are coded, told by their header."""

    WLT = "wlt"
    WEBP = "webp"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Portrait:
    """The portrait block of a card: 1,024 bytes, 102 x 126 pixels once decoded."""

    format: PortraitFormat
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class IdCard:
    """What a resident ID card or one of its three relatives says.

    `valid_to` is None where the card says 长期 (`long_term` is then True). Private-use
    code points in names are kept as they came.
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
