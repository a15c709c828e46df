"""Blocks of a paper roll: each tells its height, then draws itself downwards.

Lengths are millimetres; `y` grows downwards from the paper's top. A block that was
measured for a width takes exactly that height when drawn at that width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from kiosk.receipts.fonts import FontChain
from kiosk.receipts.layout.lines import break_lines
from kiosk.receipts.qr import QUIET_MODULES, QrPicture

POINTS_PER_MM = 72 / 25.4
# The main font has one weight; bold is its outline drawn this much thicker, in em.
_BOLD_STROKE_EM = 0.035
# Han characters and capitals stand between about -0.12 and +0.88 em around the baseline.
_ASCENT_EM = 0.86
_MARK_GAP_MM = 1.5
_QR_DROP_MM = 0.6  # level with the top of the characters beside it


@dataclass(frozen=True, slots=True)
class Style:
    """How text looks. `size_mm` is the em: Han characters are about 0.92 of it high."""

    size_mm: float
    bold: bool = False
    leading: float = 1.32


class Pen:
    """Draws on one canvas page in millimetres from the top left."""

    def __init__(self, canvas: Any, fonts: FontChain, page_height_mm: float) -> None:
        self._canvas = canvas
        self.fonts = fonts
        self._top = page_height_mm

    def text(self, x: float, baseline: float, text: str, style: Style, white: bool = False) -> None:
        """One line of text with its left end at `x` on `baseline`."""
        size = style.size_mm * POINTS_PER_MM
        shade = 1.0 if white else 0.0
        line = self._canvas.beginText(x * POINTS_PER_MM, self._y(baseline))
        line.setFillGray(shade)
        if style.bold:
            self._canvas.setLineWidth(size * _BOLD_STROKE_EM)
            self._canvas.setLineJoin(1)
            line.setStrokeGray(shade)
        line.setTextRenderMode(2 if style.bold else 0)
        for run in self.fonts.runs(text):
            line.setFont(run.font, size)
            line.textOut(run.text)
        line.setTextRenderMode(0)
        self._canvas.drawText(line)

    def rectangle(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        stroke_mm: float = 0.0,
        radius_mm: float = 0.0,
        fill: float | None = None,
    ) -> None:
        """A rectangle, filled with a grey (0 black) or only outlined."""
        canvas = self._canvas
        if fill is not None:
            canvas.setFillGray(fill)
        if stroke_mm:
            canvas.setStrokeGray(0)
            canvas.setLineWidth(stroke_mm * POINTS_PER_MM)
        canvas.roundRect(
            x * POINTS_PER_MM,
            self._y(y + height),
            width * POINTS_PER_MM,
            height * POINTS_PER_MM,
            radius_mm * POINTS_PER_MM,
            stroke=int(bool(stroke_mm)),
            fill=int(fill is not None),
        )

    def bars(self, x: float, y: float, picture: QrPicture) -> None:
        """A QR code with its top left corner (of the quiet zone) at `x`, `y`."""
        module = picture.module_mm
        canvas = self._canvas
        canvas.setFillGray(0)
        path = canvas.beginPath()
        for column, row, length in picture.bars:
            path.rect(
                (x + column * module) * POINTS_PER_MM,
                self._y(y + (row + 1) * module),
                length * module * POINTS_PER_MM,
                module * POINTS_PER_MM,
            )
        canvas.drawPath(path, stroke=0, fill=1)

    def line(
        self, points: Sequence[tuple[float, float]], thick_mm: float, dash_mm: float = 0.0
    ) -> None:
        """A line through `points`."""
        canvas = self._canvas
        canvas.setStrokeGray(0)
        canvas.setLineWidth(thick_mm * POINTS_PER_MM)
        canvas.setLineJoin(1)
        canvas.setLineCap(int(len(points) > 2))  # round for strokes, flat for rules
        if dash_mm:
            canvas.setDash(dash_mm * POINTS_PER_MM, dash_mm * POINTS_PER_MM)
        else:
            canvas.setDash()
        path = canvas.beginPath()
        path.moveTo(points[0][0] * POINTS_PER_MM, self._y(points[0][1]))
        for px, py in points[1:]:
            path.lineTo(px * POINTS_PER_MM, self._y(py))
        canvas.drawPath(path, stroke=1, fill=0)
        canvas.setDash()

    def _y(self, y: float) -> float:
        return (self._top - y) * POINTS_PER_MM


class Block(Protocol):
    """A part of the roll."""

    def height(self, fonts: FontChain, width: float) -> float:
        """Height in mm at this width."""
        ...

    def draw(self, pen: Pen, x: float, y: float, width: float) -> None:
        """Draw with the top left corner at `x`, `y`."""
        ...


@dataclass(frozen=True, slots=True)
class Gap:
    """Empty paper."""

    mm: float

    def height(self, fonts: FontChain, width: float) -> float:  # noqa: ARG002
        return self.mm

    def draw(self, pen: Pen, x: float, y: float, width: float) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across, with air around it."""

    thick_mm: float = 0.25
    dash_mm: float = 0.0
    air_mm: float = 2.2

    def height(self, fonts: FontChain, width: float) -> float:  # noqa: ARG002
        return 2 * self.air_mm

    def draw(self, pen: Pen, x: float, y: float, width: float) -> None:
        middle = y + self.air_mm
        pen.line(((x, middle), (x + width, middle)), self.thick_mm, self.dash_mm)


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str
    style: Style
    centred: bool = False
    white: bool = False

    def height(self, fonts: FontChain, width: float) -> float:
        return len(self._lines(fonts, width)) * self.style.size_mm * self.style.leading

    def draw(self, pen: Pen, x: float, y: float, width: float) -> None:
        step = self.style.size_mm * self.style.leading
        baseline = y + (step - self.style.size_mm) / 2 + self.style.size_mm * _ASCENT_EM
        for line in self._lines(pen.fonts, width):
            indent = (width - pen.fonts.width(line, self.style.size_mm)) / 2
            pen.text(x + (indent if self.centred else 0), baseline, line, self.style, self.white)
            baseline += step

    def _lines(self, fonts: FontChain, width: float) -> list[str]:
        visible = fonts.visible(self.text)
        return break_lines(visible, width, lambda part: fonts.width(part, self.style.size_mm))


@dataclass(frozen=True, slots=True)
class Number:
    """A number that is read out on the telephone: as large as the line allows."""

    text: str
    largest_mm: float
    smallest_mm: float

    def height(self, fonts: FontChain, width: float) -> float:
        return self._fitted(fonts, width).height(fonts, width)

    def draw(self, pen: Pen, x: float, y: float, width: float) -> None:
        self._fitted(pen.fonts, width).draw(pen, x, y, width)

    def _fitted(self, fonts: FontChain, width: float) -> Text:
        at_one = fonts.width(fonts.visible(self.text), 1.0) + 2 * _BOLD_STROKE_EM
        size = min(self.largest_mm, max(self.smallest_mm, width / at_one))
        return Text(self.text, Style(size, bold=True, leading=1.12))


@dataclass(frozen=True, slots=True)
class Field:
    """A label and what it says, side by side; the value hangs beside its label."""

    label: str
    value: str
    style: Style
    label_mm: float
    note: str = ""
    note_style: Style | None = None

    def height(self, fonts: FontChain, width: float) -> float:
        label = Text(self.label, self.style).height(fonts, self.label_mm)
        return max(label, Stack(self._right()).height(fonts, width - self.label_mm))

    def draw(self, pen: Pen, x: float, y: float, width: float) -> None:
        Text(self.label, self.style).draw(pen, x, y, self.label_mm)
        Stack(self._right()).draw(pen, x + self.label_mm, y, width - self.label_mm)

    def _right(self) -> tuple[Block, ...]:
        value = Text(self.value, Style(self.style.size_mm, True, self.style.leading))
        if not self.note:
            return (value,)
        return (value, Text(self.note, self.note_style or self.style))


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list: a tick (done) or an empty box (to do), a text, smaller notes."""

    text: str
    style: Style
    done: bool
    notes: tuple[str, ...] = ()
    note_style: Style | None = None

    def height(self, fonts: FontChain, width: float) -> float:
        return Stack(self._right()).height(fonts, width - self._indent()) + 0.6

    def draw(self, pen: Pen, x: float, y: float, width: float) -> None:
        size = self.style.size_mm
        middle = y + size * self.style.leading / 2
        mark = size * 0.72
        if self.done:
            points = (
                (x + 0.05 * mark, middle + 0.05 * mark),
                (x + 0.38 * mark, middle + 0.4 * mark),
                (x + 1.0 * mark, middle - 0.4 * mark),
            )
            pen.line(points, 0.5)
        else:
            pen.rectangle(x + 0.2, middle - mark / 2, mark, mark, stroke_mm=0.38)
        Stack(self._right()).draw(pen, x + self._indent(), y, width - self._indent())

    def _indent(self) -> float:
        return self.style.size_mm * 1.25

    def _right(self) -> tuple[Block, ...]:
        style = self.note_style or self.style
        return (Text(self.text, self.style), *(Text(note, style) for note in self.notes))


@dataclass(frozen=True, slots=True)
class Stack:
    """Blocks below each other."""

    blocks: tuple[Block, ...]

    def height(self, fonts: FontChain, width: float) -> float:
        return sum(block.height(fonts, width) for block in self.blocks)

    def draw(self, pen: Pen, x: float, y: float, width: float) -> None:
        for block in self.blocks:
            block.draw(pen, x, y, width)
            y += block.height(pen.fonts, width)


@dataclass(frozen=True, slots=True)
class Box:
    """Blocks in a frame that cannot be missed."""

    blocks: tuple[Block, ...]
    stroke_mm: float = 0.7
    padding_mm: float = 2.6

    def height(self, fonts: FontChain, width: float) -> float:
        return Stack(self.blocks).height(fonts, width - 2 * self._edge()) + 2 * self._edge()

    def draw(self, pen: Pen, x: float, y: float, width: float) -> None:
        half = self.stroke_mm / 2
        pen.rectangle(
            x + half,
            y + half,
            width - self.stroke_mm,
            self.height(pen.fonts, width) - self.stroke_mm,
            stroke_mm=self.stroke_mm,
            radius_mm=2.0,
        )
        edge = self._edge()
        Stack(self.blocks).draw(pen, x + edge, y + edge, width - 2 * edge)

    def _edge(self) -> float:
        return self.stroke_mm / 2 + self.padding_mm


@dataclass(frozen=True, slots=True)
class Bar:
    """White text on black: one per receipt, for what must not be forgotten."""

    text: str
    style: Style
    padding_mm: float = 2.0

    def height(self, fonts: FontChain, width: float) -> float:
        return self._inner().height(fonts, width - 2 * self.padding_mm) + 2 * self.padding_mm - 1

    def draw(self, pen: Pen, x: float, y: float, width: float) -> None:
        height = self.height(pen.fonts, width)
        pen.rectangle(x, y, width, height, radius_mm=2.0, fill=0.0)
        edge = self.padding_mm
        self._inner().draw(pen, x + edge, y + edge - 0.5, width - 2 * edge)

    def _inner(self) -> Text:
        return Text(self.text, self.style, centred=True, white=True)


@dataclass(frozen=True, slots=True)
class Title:
    """A heading with framed marks (sample, demo) at its right end."""

    text: str
    style: Style
    marks: tuple[str, ...]
    mark_style: Style

    def height(self, fonts: FontChain, width: float) -> float:
        return self._heading().height(fonts, width - self._marks_width(fonts))

    def draw(self, pen: Pen, x: float, y: float, width: float) -> None:
        self._heading().draw(pen, x, y, width - self._marks_width(pen.fonts))
        high = self.mark_style.size_mm * 1.5
        top = y + (self.style.size_mm * self.style.leading - high) / 2
        left = x + width - self._marks_width(pen.fonts)
        for mark in self.marks:
            wide = self._mark_width(pen.fonts, mark)
            left += _MARK_GAP_MM
            pen.rectangle(left + 0.2, top, wide - 0.4, high, stroke_mm=0.4, radius_mm=1.0)
            inner = Text(mark, self.mark_style, centred=True)
            slack = (high - self.mark_style.size_mm * self.mark_style.leading) / 2
            inner.draw(pen, left, top + slack, wide)
            left += wide

    def _heading(self) -> Text:
        return Text(self.text, self.style)

    def _mark_width(self, fonts: FontChain, mark: str) -> float:
        return fonts.width(mark, self.mark_style.size_mm) + 3.0

    def _marks_width(self, fonts: FontChain) -> float:
        return sum(self._mark_width(fonts, mark) + _MARK_GAP_MM for mark in self.marks)


@dataclass(frozen=True, slots=True)
class BesideQr:
    """Blocks, and a QR code at their right.

    The code's dark part ends at the right edge: its quiet zone there is the paper's margin,
    at the left it is kept free here, above and below by the neighbours' air.
    """

    blocks: tuple[Block, ...]
    qr: QrPicture

    def height(self, fonts: FontChain, width: float) -> float:
        left = Stack(self.blocks).height(fonts, width - self._reserved())
        return max(self._dark() + 2 * _QR_DROP_MM, left)

    def draw(self, pen: Pen, x: float, y: float, width: float) -> None:
        Stack(self.blocks).draw(pen, x, y, width - self._reserved())
        quiet = QUIET_MODULES * self.qr.module_mm
        dark_left = x + width - self._dark()
        pen.bars(dark_left - quiet, y + _QR_DROP_MM - quiet, self.qr)

    def _dark(self) -> float:
        return self.qr.side_mm - 2 * QUIET_MODULES * self.qr.module_mm

    def _reserved(self) -> float:
        return self._dark() + QUIET_MODULES * self.qr.module_mm
