"""Text that knows how high it will be: wrapped at words, spaced as the house wants it.

Words are those of `kiosk.phrases` in Chinese; a hyphen is part of its word, and what is counted
stays with its number.

Nothing is ever cut: a word that is longer than the line breaks, and who paints asks for the
height first. `**strong**` marks bold words where a text is set with `rich`. A private-use
character of a name has no shape in any font: it is written out as its code, `[U+E863]`, as on
the receipts, never as an empty box.
"""

from __future__ import annotations

import re
from math import inf
from typing import cast

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QTextCharFormat,
    QTextLayout,
    QTextLine,
)
from PySide6.QtGui import QTextOption as _Option

from kiosk.phrases import COUNTED, INSIDE
from screens.theme import LINE_SPACING

_PRIVATE = re.compile("[\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd]")
_STRONG = re.compile(r"\*\*(.+?)\*\*")
_HYPHENED = re.compile(r"\w+(?:-\w+)+", re.ASCII)
_WORD = re.compile(r"[^\s\u2028\u3000-\u9fff\uff00-\uffef]+")


def expands(text: str) -> bool:
    """Whether `visible` writes something out."""
    return _PRIVATE.search(text) is not None


def visible(text: str) -> str:
    """`text` with private-use characters as codes."""
    if text.isascii():
        return text
    return _PRIVATE.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


class Typeset:
    """One text in one font. `text` is what was given, without marks."""

    def __init__(
        self, text: str, font: QFont, *, spacing: float = LINE_SPACING, rich: bool = False
    ) -> None:
        formats: list[QTextLayout.FormatRange] = []
        if rich:
            text, formats = _strong_ranges(visible(text), font)
        self.text = text
        self.pitch = round(font.pixelSize() * spacing)
        self._font = font
        self._formats = formats
        self._shown = visible(text).replace("\n", "\u2028")
        self._length = len(self._shown.encode("utf-16-le")) // 2
        broken = "\u2028" in self._shown
        # no character is wider than the letters are high, so much room is enough for one line
        self._ample = inf if broken else float((len(self._shown) + 1) * font.pixelSize())
        self._made: QTextLayout | None = None
        self._width = -1.0
        self._lines = 0
        self._balanced: dict[int, float] = {}
        self._counts: dict[float, int] = {}  # lines by width: heights are asked for often
        self._kept: dict[int, int] | None = None
        self._natural = -1.0
        self._one_line = inf  # while the layout is one line: the least width for which it is

    def natural_width(self) -> float:
        """Width on one line (of the longest line where there are hard breaks), in pixels."""
        if self._natural < 0:
            self._wrap(1e6)
            self._natural = max(
                (self._layout.lineAt(at).naturalTextWidth() for at in range(self._lines)),
                default=0.0,
            )
        return self._natural

    def widest_word(self) -> float:
        """Width of the longest word that should not be broken, in pixels."""
        measure = QFontMetricsF(self._font)
        return max(
            (measure.horizontalAdvance(word) for word in _WORD.findall(visible(self.text))),
            default=0.0,
        )

    def lines(self, width: float) -> int:
        """Number of lines at a width."""
        if width >= self._ample:  # said without shaping: most texts are only measured
            return 1
        known = self._counts.get(width)
        if known is None:
            self._wrap(width)
            known = self._counts[width] = self._lines
        return known

    def height(self, width: float) -> int:
        """Height at a width, in pixels; 0 for no text."""
        return self.lines(width) * self.pitch if self.text else 0

    def paint(
        self,
        painter: QPainter,
        box: QRectF,
        ink: QColor,
        *,
        centred: bool = False,
        balanced: bool = False,
    ) -> None:
        """Paint from the top of `box`. Centred text is always balanced over its lines."""
        if not self.text:
            return
        width = self._balance(box.width()) if centred or balanced else box.width()
        self._wrap(width)
        painter.setPen(ink)
        for at in range(self._lines):
            line = self._layout.lineAt(at)
            x = (box.width() - line.naturalTextWidth()) / 2 if centred else 0.0
            line.setPosition(QPointF(x, at * self.pitch + (self.pitch - line.height()) / 2))
        self._layout.draw(painter, box.topLeft())

    def caret(self, width: float) -> tuple[float, float]:
        """Where text typed next would stand: x, and y of the top of its line."""
        self._wrap(width)
        if not self._lines:
            return 0.0, 0.0
        line = self._layout.lineAt(self._lines - 1)
        return line.naturalTextWidth(), float((self._lines - 1) * self.pitch)

    def spans(self, width: float, start: int, end: int) -> list[tuple[float, float, float]]:
        """Where the characters from `start` to `end` stand: x, x, top of the line."""
        self._wrap(width)
        start, end = (len(visible(self.text[:at]).encode("utf-16-le")) // 2 for at in (start, end))
        found = []
        for at in range(self._lines):
            line = self._layout.lineAt(at)
            first = max(start, line.textStart())
            last = min(end, line.textStart() + line.textLength())
            if first < last:
                x_of = [
                    cast(tuple[float, int], line.cursorToX(place))[0] for place in (first, last)
                ]
                found.append((x_of[0], x_of[1], float(at * self.pitch)))
        return found

    @property
    def _layout(self) -> QTextLayout:
        if self._made is None:
            made = self._made = QTextLayout(self._shown, self._font)
            made.setCacheEnabled(True)  # else every wrapping and painting shapes it anew
            option = _Option()
            option.setWrapMode(_Option.WrapMode.WrapAtWordBoundaryOrAnywhere)
            made.setTextOption(option)
            made.setFormats(self._formats)
        return self._made

    def _wrap(self, width: float) -> None:
        if width == self._width or self._one_line <= width:
            return
        self._width = width
        self._lines = 0
        self._layout.beginLayout()
        while True:
            line = self._layout.createLine()
            if not line.isValid():
                break
            line.setLineWidth(max(1.0, width))
            if line.textStart() + line.textLength() < self._length:
                self._keep_words(line)
            self._lines += 1
        self._layout.endLayout()
        self._one_line = inf
        if self._lines == 1:  # it stays as it is at every width that is not less than its own
            self._one_line = self._layout.lineAt(0).naturalTextWidth() + 1.0
            if self._one_line > width:
                self._one_line = inf

    def _keep_words(self, line: QTextLine) -> None:
        """End the line before the word in which it ends, if it does not begin with it."""
        if self._kept is None:
            self._kept = _inside_words(self._shown)
        kept, first = self._kept, line.textStart()
        while (start := kept.get(first + line.textLength(), first)) > first:
            line.setLineWidth(cast(tuple[float, int], line.cursorToX(start))[0] + 0.5)
            if first + line.textLength() > start:
                return  # punctuation that may not stand at the end goes along

    def _balance(self, width: float) -> float:
        """The least width with no more lines than at `width`: no lonely last character."""
        known = self._balanced.get(round(width))
        if known is not None:
            return known
        wanted = self.lines(width)
        if wanted <= 1:
            return width
        # Lines of equal length would be this wide; less cannot do.
        low, high = max(width / 2, self.natural_width() / wanted if wanted else 0.0), width
        while wanted > 1 and high - low > 4:
            middle = (low + high) / 2
            if self.lines(middle) > wanted:
                low = middle
            else:
                high = middle
        self._balanced[round(width)] = high
        return high


def _inside_words(text: str) -> dict[int, int]:
    """Where a line may not end, with where that word begins; in UTF-16 units, as Qt counts."""
    found = {}
    for pattern in (INSIDE, COUNTED, _HYPHENED):
        for word in pattern.finditer(text):
            start, end = (len(text[:at].encode("utf-16-le")) // 2 for at in word.span())
            found.update(dict.fromkeys(range(start + 1, end), start))
    return found


def _strong_ranges(text: str, font: QFont) -> tuple[str, list[QTextLayout.FormatRange]]:
    bold = QFont(font)
    bold.setWeight(QFont.Weight.Bold)
    style = QTextCharFormat()
    style.setFont(bold)
    plain = ""
    ranges: list[QTextLayout.FormatRange] = []
    end = 0
    for found in _STRONG.finditer(text):
        plain += text[end : found.start()]
        part = QTextLayout.FormatRange()
        part.start = len(plain.encode("utf-16-le")) // 2  # Qt counts UTF-16 units
        part.length = len(found[1].encode("utf-16-le")) // 2
        part.format = style
        ranges.append(part)
        plain += found[1]
        end = found.end()
    return plain + text[end:], ranges
