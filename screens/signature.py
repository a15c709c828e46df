"""The signature pad: strokes by finger, pen or mouse, painted smoothly as they are drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias, cast

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QWidget

from screens.toolkit import Block, BlockWidget, Kit, draws, fill_panel

Strokes: TypeAlias = tuple[tuple[tuple[int, int], ...], ...]
NAME = "signature"
FULL = 1000
"""Points are in thousandths of the pad's width and height."""
PAD_MM = 60.0
"""The least height of the pad."""
_LEAST_STEP_PX = 2.0
_MOST_POINTS = 12_000


@dataclass(frozen=True, kw_only=True)
class Pad(Block):
    """A pad with the strokes so far. `on_strokes` gets all of them after each stroke."""

    strokes: Strokes
    says: str
    on_strokes: Callable[[Strokes], None]


@draws(Pad)
class PadWidget(BlockWidget):
    """See Pad."""

    stretch = True

    def __init__(self, kit: Kit, parent: QWidget | None) -> None:
        super().__init__(kit, parent)
        self._strokes: Strokes = ()
        self._done: list[QPainterPath] | None = None  # the strokes as curves at this size
        self._stroke: list[QPointF] | None = None
        self.setObjectName(NAME)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def apply(self) -> None:
        block = cast(Pad, self.block)
        self._strokes, self._done = block.strokes, None
        self._says = self.kit.set(block.says)
        self.setAccessibleName(block.says)

    def height_for(self, _width: int) -> int:
        return self.kit.metrics.px(PAD_MM)

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self._stroke = self._done = None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A stroke begins."""
        if event.button() is Qt.MouseButton.LeftButton and self._room_left():
            self._stroke = [self._inside(event.position())]
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The stroke goes on; only what is new is painted."""
        stroke = self._stroke
        if stroke is None:
            return
        point = self._inside(event.position())
        if (point - stroke[-1]).manhattanLength() < _LEAST_STEP_PX:
            return
        stroke.append(point)
        grow = self._pen_px() * 2
        recent = QRectF(stroke[-1], stroke[-1])
        for before in stroke[-4:]:
            recent = recent.united(QRectF(before, before).adjusted(-1, -1, 1, 1))
        self.update(recent.adjusted(-grow, -grow, grow, grow).toAlignedRect())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The stroke is done."""
        stroke, self._stroke = self._stroke, None
        if stroke is None or event.button() is not Qt.MouseButton.LeftButton:
            return
        self._strokes = (*self._strokes, tuple(self._thousandths(point) for point in stroke))
        self._done = None
        self.update()
        cast(Pad, self.block).on_strokes(self._strokes)

    def paintEvent(self, _event: QPaintEvent) -> None:
        kit = self.kit
        painter = QPainter(self)
        fill_panel(painter, kit, self.rect(), "card", "celadon")
        empty = not self._strokes and self._stroke is None
        base = self.height() * 0.78
        painter.setPen(QPen(kit.colour("line_strong"), kit.metrics.border))
        inset = kit.metrics.px(8.0)
        painter.drawLine(QPointF(inset, base), QPointF(self.width() - inset, base))
        if empty:
            room = self.width() - 2 * inset
            height = self._says.height(room)
            box = QRectF(inset, (base - height) / 2, room, height)
            self._says.paint(painter, box, kit.colour("ink_soft"), centred=True)
        pen = QPen(kit.colour("ink"), self._pen_px())
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        if self._done is None:
            self._done = [smooth([self._pixels(p) for p in stroke]) for stroke in self._strokes]
        for path in self._done:
            painter.drawPath(path)
        if self._stroke is not None:
            painter.drawPath(smooth(self._stroke))
        painter.end()

    def _pen_px(self) -> float:
        return self.kit.metrics.px(1.3)

    def _room_left(self) -> bool:
        return sum(len(stroke) for stroke in self._strokes) < _MOST_POINTS

    def _inside(self, point: QPointF) -> QPointF:
        return QPointF(
            min(max(point.x(), 0.0), float(self.width())),
            min(max(point.y(), 0.0), float(self.height())),
        )

    def _thousandths(self, point: QPointF) -> tuple[int, int]:
        return (
            round(point.x() * FULL / max(1, self.width())),
            round(point.y() * FULL / max(1, self.height())),
        )

    def _pixels(self, point: tuple[int, int]) -> QPointF:
        return QPointF(point[0] * self.width() / FULL, point[1] * self.height() / FULL)


def smooth(points: list[QPointF]) -> QPainterPath:
    """A curve through the middles between points: no corners where the finger made none."""
    path = QPainterPath(points[0])
    if len(points) == 1:
        path.lineTo(points[0] + QPointF(0.1, 0.0))
        return path
    for before, after in pairwise(points[1:]):
        path.quadTo(before, (before + after) / 2)
    path.lineTo(points[-1])
    return path
