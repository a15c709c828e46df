"""Colours and measures of the screen.

Measures are kept in millimetres and converted with the configured size of a pixel: what Qt
reports as DPI on a kiosk is not reliable. Normal text is at least 7.25 mm high and large
text 12 mm (the body of a Chinese character); targets are at least 15 and 20 mm, 4 mm apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from math import ceil

from PySide6.QtGui import QColor, QFont

from kiosk.journey.terms import Size

FAMILIES = ("Noto Sans CJK SC", "HanaMinA", "HanaMinB", "WenQuanYi Micro Hei")
"""Fonts in the order in which a character is looked for; rare characters are in the later ones."""

LINE_SPACING = 1.5
TITLE_SPACING = 1.3
MIN_GAP_MM = 4.0
MIN_TEXT_MM: Mapping[Size, float] = {Size.NORMAL: 7.25, Size.LARGE: 12.0}
MIN_TARGET_MM: Mapping[Size, float] = {Size.NORMAL: 15.0, Size.LARGE: 20.0}
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}\Z")


@dataclass(frozen=True, slots=True)
class Tokens:
    """The colours of one theme, as "#rrggbb"."""

    ink: str
    ink_soft: str
    celadon: str
    celadon_deep: str
    on_celadon: str
    mist: str
    mist_deep: str
    amber: str
    amber_paper: str
    amber_deep: str
    line: str
    line_strong: str
    paper: str
    card: str

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Tokens:
        """Tokens of a theme file. Raises ValueError, naming what is missing, extra or wrong."""
        names = {item.name.replace("_", "-") for item in fields(cls)}
        if names != set(values):
            raise ValueError(f"tokens missing or unknown: {sorted(names ^ set(values))}")
        wrong = sorted(name for name, value in values.items() if not _COLOUR.match(value))
        if wrong:
            raise ValueError(f"not a colour such as #15302c: {wrong}")
        return cls(**{name.replace("-", "_"): value for name, value in values.items()})


TEXT_PAIRS: tuple[tuple[str, str], ...] = (
    ("ink", "paper"),
    ("ink", "card"),
    ("ink", "mist"),
    ("ink", "mist_deep"),
    ("ink", "amber_paper"),
    ("ink", "amber_deep"),
    ("ink_soft", "paper"),
    ("ink_soft", "card"),
    ("ink_soft", "mist"),
    ("ink_soft", "amber_paper"),
    ("celadon_deep", "card"),
    ("celadon_deep", "mist"),
    ("celadon_deep", "mist_deep"),
    ("celadon_deep", "paper"),
    ("celadon_deep", "amber_paper"),
    ("on_celadon", "celadon"),
    ("on_celadon", "celadon_deep"),
    ("amber", "amber_paper"),
    ("amber", "card"),
    ("amber", "paper"),
)
"""Every pair of text and ground that is painted anywhere; their contrast is tested."""


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two "#rrggbb" colours as WCAG 2 defines it, 1.0 to 21.0."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


class Role(StrEnum):
    """What a text is for; it chooses its font."""

    TEXT = "text"
    STRONG = "strong"
    HEADING = "heading"
    TITLE = "title"
    BIG = "big"  # a number to be read from afar
    BRAND = "brand"


_FONT_MM: Mapping[Role, tuple[float, float, bool]] = {
    # normal, large, bold
    Role.TEXT: (8.44, 12.4, False),
    Role.STRONG: (8.44, 12.4, True),
    Role.HEADING: (10.2, 15.2, True),
    Role.TITLE: (15.4, 19.4, True),
    Role.BIG: (17.0, 20.5, True),
    Role.BRAND: (9.4, 12.4, True),
}


class Metrics:
    """Measures in pixels for one size of letters on one screen.

    `width_px` and `height_px` are of the whole window, `mm_per_px` of one pixel.
    """

    def __init__(self, size: Size, width_px: int, height_px: int, mm_per_px: float) -> None:
        self.size = size
        self.large = size is Size.LARGE
        self.width_px = width_px
        self.height_px = height_px
        self.mm_per_px = mm_per_px
        self.landscape = width_px > height_px
        self.margin = self.px(12.0 if self.landscape else 13.8)
        self.gap = self.px(5.0 if self.landscape else 5.8)
        self.small_gap = self.px(MIN_GAP_MM)
        self.pad = self.px(7.6 if not self.large else 8.2)
        self.radius = self.px(6.9)
        self.button_radius = self.px(7.4)
        self.border = max(2, self.px(0.7))
        self.target = self.px(MIN_TARGET_MM[size])
        tall = 30.7 if not self.large else 33.5
        low = 20.0 if not self.large else 22.0
        self.button = self.px(low if self.landscape else tall)
        self.pill = self.px(18.6 if not self.large else 21.6)
        self.icon = self.px(14.6 if not self.large else 17.4)
        self._fonts: dict[Role, QFont] = {}

    def px(self, mm: float) -> int:
        """Pixels for a length, rounded up so that a minimum stays one."""
        return ceil(mm / self.mm_per_px - 1e-6)

    def mm(self, px: float) -> float:
        """Millimetres for a number of pixels."""
        return px * self.mm_per_px

    def font(self, role: Role) -> QFont:
        """The font of a role."""
        font = self._fonts.get(role)
        if font is None:
            normal, large, bold = _FONT_MM[role]
            font = make_font(self.px(large if self.large else normal), bold=bold)
            self._fonts[role] = font
        return font


def make_font(pixels: int, *, bold: bool) -> QFont:
    """The house font at a size in pixels."""
    font = QFont()
    font.setFamilies(list(FAMILIES))
    font.setPixelSize(pixels)
    font.setWeight(QFont.Weight.Bold if bold else QFont.Weight.Normal)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


@dataclass(frozen=True, slots=True)
class Look:
    """What the settings say about the screen."""

    themes: Mapping[str, Tokens]
    mm_per_px: float = 0.248

    @classmethod
    def of(cls, themes: Mapping[str, Mapping[str, str]], mm_per_px: float = 0.248) -> Look:
        """From theme files as `config.themes.load_themes` gives them. Raises ValueError."""
        return cls({name: Tokens.of(values) for name, values in themes.items()}, mm_per_px)


def colour(value: str, alpha: int = 255) -> QColor:
    """A token as Qt wants it."""
    made = QColor(value)
    made.setAlpha(alpha)
    return made
