"""Fonts for paper: every character is drawn, or its code point is; none is ever lost.

A text is cut into runs, each with the first font that has a real outline for it: WenQuanYi
Micro Hei, then HanaMinA and HanaMinB for the extensions. A character that no font has is
written out as `[U+XXXXX]`. Private-use characters are always written out: a font may own a
drawing for the code, but not the one that the card's issuer meant.

Fonts are embedded as subsets, with a character map that is right beyond U+FFFF too
(reportlab's own writes five hex digits there, which text extractors misread).
"""

from __future__ import annotations

import functools
import re
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import SUBSETN, TTFont

_WQY = Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc")
_HANA_A = Path("/usr/share/fonts/truetype/hanazono/HanaMinA.ttf")
_HANA_B = Path("/usr/share/fonts/truetype/hanazono/HanaMinB.ttf")

# Debian packages fonts-wqy-microhei and fonts-hanazono; order is preference.
SYSTEM_FONTS: tuple[tuple[str, Path], ...] = (
    ("Receipt", _WQY),
    ("ReceiptRareA", _HANA_A),
    ("ReceiptRareB", _HANA_B),
)

_CMAP_BLOCK = 100  # a bfchar block may hold no more entries (PDF 32000-1, 9.10.3)
_FIRST_IDEOGRAPH = 0x3400
_BLANKS = str.maketrans("\r\n\t\u00a0", "    ")
_LATIN_APOSTROPHE = re.compile(r"(?<=[A-Za-z])’(?=[A-Za-z])")
_BLANK = frozenset("\u0020\u00a0\u2002\u2003\u2009\u3000")


class FontMissingError(RuntimeError):
    """The main font is not installed; the text names the file and the Debian package."""


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring characters that one font draws."""

    font: str
    text: str


class _Font(TTFont):  # type: ignore[misc]  # reportlab has no types
    """A TrueType font whose embedded character map is right for every plane."""

    def addObjects(self, doc: Any) -> None:
        """Embed the subsets, then replace each map from codes to characters."""
        subsets = [tuple(subset) for subset in self.state[doc].subsets]
        super().addObjects(doc)
        own = (self.face.name + self.face.subfontNameX).decode("ascii")
        for number, subset in enumerate(subsets):
            key = f"toUnicodeCMap:{SUBSETN(number).decode('ascii')}+{own}"
            doc.idToObject[key].content = _unicode_map(subset)

    def has_outline(self, code: int) -> bool:
        """Whether a character has a glyph that leaves ink (or is a blank on purpose)."""
        glyph = self.face.charToGlyph.get(code, 0)
        if not glyph:
            return False
        positions = self.face.glyphPos
        return chr(code) in _BLANK or bool(positions[glyph + 1] > positions[glyph])


def _unicode_map(subset: tuple[int, ...]) -> str:
    """The ToUnicode stream of one subset: values in UTF-16BE, as the format asks."""
    rows = [
        f"<{code:02X}> <{chr(point).encode('utf-16-be').hex().upper()}>"
        for code, point in enumerate(subset)
        if point
    ]
    lines = [
        "/CIDInit /ProcSet findresource begin",
        "12 dict begin",
        "begincmap",
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
        "/CMapName /Adobe-Identity-UCS def",
        "/CMapType 2 def",
        "1 begincodespacerange",
        "<00> <FF>",
        "endcodespacerange",
    ]
    for start in range(0, len(rows), _CMAP_BLOCK):
        block = rows[start : start + _CMAP_BLOCK]
        lines += [f"{len(block)} beginbfchar", *block, "endbfchar"]
    lines += ["endcmap", "CMapName currentdict /CMap defineresource pop", "end", "end"]
    return "\n".join(lines)


class FontChain:
    """Fonts in order of preference, loaded when first needed.

    `files` are (name, path); the first must exist, the others may be missing, and then more
    characters are written out as code points.
    """

    def __init__(self, files: tuple[tuple[str, Path], ...] = SYSTEM_FONTS) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._loaded: dict[str, _Font | None] = {}
        self._choice: dict[str, str | None] = {}
        self._widths: dict[str, float] = {}
        name, path = files[0]
        if not path.is_file():
            raise FontMissingError(f"{path} is missing (Debian: fonts-wqy-microhei)")
        self.main = name
        self._load(name, path)

    def covers(self, text: str) -> bool:
        """Whether every character of `text` can be drawn as itself."""
        return all(self._font_of(char) is not None for char in _tidy(text))

    def visible(self, text: str) -> str:
        """`text` as it will be printed: line breaks are spaces, unknown characters codes."""
        tidy = _tidy(text)
        if all(map(self._font_of, tidy)):
            return tidy
        return "".join(
            char if self._font_of(char) is not None else f"[U+{ord(char):04X}]" for char in tidy
        )

    def runs(self, text: str) -> Iterator[Run]:
        """`visible(text)` cut into runs of one font each."""
        font, part = self.main, ""
        for char in self.visible(text):
            chosen = self._font_of(char) or self.main
            if chosen != font and part:
                yield Run(font, part)
                part = ""
            font = chosen
            part += char
        if part:
            yield Run(font, part)

    def width(self, text: str, size: float) -> float:
        """Width of `visible(text)` in the unit of `size`."""
        return size * sum(map(self._em_width, self.visible(text)))

    def _em_width(self, char: str) -> float:
        # Remembered by character, never by text: what somebody wrote must not stay here.
        try:
            return self._widths[char]
        except KeyError:
            font = pdfmetrics.getFont(self._font_of(char) or self.main)
            width = self._widths[char] = float(font.stringWidth(char, 1000)) / 1000
            return width

    def _font_of(self, char: str) -> str | None:
        try:
            return self._choice[char]
        except KeyError:
            pass
        chosen = None
        if _drawable(char):
            for name, path in self._files:
                font = self._load(name, path)
                if font is not None and font.has_outline(ord(char)):
                    chosen = name
                    break
        self._choice[char] = chosen
        return chosen

    def _load(self, name: str, path: Path) -> _Font | None:
        with self._lock:
            if name not in self._loaded:
                font = _Font(name, str(path), subfontIndex=0) if path.is_file() else None
                if font is not None:
                    pdfmetrics.registerFont(font)
                self._loaded[name] = font
            return self._loaded[name]


def _drawable(char: str) -> bool:
    """False for what has no picture of its own: private, control, format and joining marks.

    Python's tables are older than the fonts, so an ideograph it takes for unassigned counts.
    """
    category = unicodedata.category(char)
    return category not in {"Co", "Cn", "Cs", "Cc", "Cf", "Mn"} or (
        category == "Cn" and ord(char) >= _FIRST_IDEOGRAPH
    )


def _tidy(text: str) -> str:
    """One line; and between Latin letters the narrow apostrophe, as Chinese fonts draw the
    typographic one as wide as a Han character."""
    return _LATIN_APOSTROPHE.sub("'", text.replace("\r\n", "\n").translate(_BLANKS))


@functools.cache
def system_fonts() -> FontChain:
    """The one chain of this process. Raises FontMissingError."""
    return FontChain()
