"""Painted signs: strokes in a unit square, so that they are sharp at every size."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPen

_Stroke = tuple[tuple[float, float], ...]

_STROKES: Mapping[str, tuple[_Stroke, ...]] = {
    "check": (((0.2, 0.54), (0.42, 0.76), (0.82, 0.26)),),
    "cross": (((0.26, 0.26), (0.74, 0.74)), ((0.74, 0.26), (0.26, 0.74))),
    "chevron": (((0.38, 0.2), (0.66, 0.5), (0.38, 0.8)),),
    "left": (((0.62, 0.2), (0.34, 0.5), (0.62, 0.8)),),
    "warn": (((0.5, 0.22), (0.5, 0.56)), ((0.5, 0.75), (0.5, 0.76))),
    "arrow-down": (((0.5, 0.1), (0.5, 0.88)), ((0.24, 0.62), (0.5, 0.88), (0.76, 0.62))),
    "arrow-up": (((0.5, 0.9), (0.5, 0.12)), ((0.24, 0.38), (0.5, 0.12), (0.76, 0.38))),
    "arrow-left": (((0.9, 0.5), (0.12, 0.5)), ((0.38, 0.24), (0.12, 0.5), (0.38, 0.76))),
    "arrow-right": (((0.1, 0.5), (0.88, 0.5)), ((0.62, 0.24), (0.88, 0.5), (0.62, 0.76))),
    "page": (
        ((0.26, 0.12), (0.62, 0.12), (0.78, 0.28), (0.78, 0.88), (0.26, 0.88), (0.26, 0.12)),
        ((0.38, 0.46), (0.66, 0.46)),
        ((0.38, 0.64), (0.66, 0.64)),
    ),
    "card": (
        ((0.1, 0.24), (0.9, 0.24), (0.9, 0.76), (0.1, 0.76), (0.1, 0.24)),
        ((0.52, 0.42), (0.78, 0.42)),
        ((0.52, 0.58), (0.7, 0.58)),
        ((0.24, 0.4), (0.38, 0.4), (0.38, 0.6), (0.24, 0.6), (0.24, 0.4)),
    ),
    "later": (((0.5, 0.24), (0.5, 0.52), (0.7, 0.64)),),
    "backspace": (
        ((0.08, 0.5), (0.32, 0.24), (0.92, 0.24), (0.92, 0.76), (0.32, 0.76), (0.08, 0.5)),
        ((0.5, 0.4), (0.72, 0.6)),
        ((0.72, 0.4), (0.5, 0.6)),
    ),
    "phone": (
        ((0.3, 0.08), (0.7, 0.08), (0.7, 0.92), (0.3, 0.92), (0.3, 0.08)),
        ((0.46, 0.78), (0.54, 0.78)),
    ),
    "printer": (
        ((0.28, 0.38), (0.28, 0.12), (0.72, 0.12), (0.72, 0.38)),
        ((0.28, 0.7), (0.12, 0.7), (0.12, 0.38), (0.88, 0.38), (0.88, 0.7), (0.72, 0.7)),
        ((0.28, 0.58), (0.72, 0.58), (0.72, 0.9), (0.28, 0.9), (0.28, 0.58)),
    ),
    "state": (
        ((0.12, 0.36), (0.5, 0.12), (0.88, 0.36), (0.12, 0.36)),
        ((0.26, 0.46), (0.26, 0.74)),
        ((0.5, 0.46), (0.5, 0.74)),
        ((0.74, 0.46), (0.74, 0.74)),
        ((0.12, 0.86), (0.88, 0.86)),
    ),
    "plus": (((0.5, 0.2), (0.5, 0.8)), ((0.2, 0.5), (0.8, 0.5))),
    "minus": (((0.2, 0.5), (0.8, 0.5)),),
    "pen": (((0.16, 0.84), (0.22, 0.62), (0.68, 0.16), (0.84, 0.32), (0.38, 0.78), (0.16, 0.84)),),
}


def icon_names() -> frozenset[str]:
    """Every sign that can be painted."""
    return frozenset(_STROKES) | _ROUND.keys()


def paint_icon(
    painter: QPainter, name: str, box: QRectF, ink: QColor, weight: float = 0.09
) -> None:
    """Paint the sign `name` into `box`. `weight` is the stroke as a part of the box."""
    side = min(box.width(), box.height())
    left = box.center().x() - side / 2
    top = box.center().y() - side / 2
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(ink, side * weight)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for x, y, radius in _ROUND.get(name, ()):
        painter.drawEllipse(QPointF(left + x * side, top + y * side), radius * side, radius * side)
    for stroke in _STROKES.get(name, ()) + _ROUND_STROKES.get(name, ()):
        path = QPainterPath(QPointF(left + stroke[0][0] * side, top + stroke[0][1] * side))
        for x, y in stroke[1:]:
            path.lineTo(left + x * side, top + y * side)
        painter.drawPath(path)
    painter.restore()


_ROUND: Mapping[str, tuple[tuple[float, float, float], ...]] = {
    "search": ((0.42, 0.42, 0.28),),
    "camera": ((0.5, 0.54, 0.18),),
    "person": ((0.5, 0.32, 0.18),),
    "later": ((0.5, 0.5, 0.4),),
    "people": ((0.36, 0.34, 0.16), (0.72, 0.4, 0.12)),
}

_ROUND_STROKES: Mapping[str, tuple[_Stroke, ...]] = {
    "search": (((0.63, 0.63), (0.86, 0.86)),),
    "camera": (
        (
            (0.08, 0.28),
            (0.32, 0.28),
            (0.4, 0.16),
            (0.6, 0.16),
            (0.68, 0.28),
            (0.92, 0.28),
            (0.92, 0.82),
            (0.08, 0.82),
            (0.08, 0.28),
        ),
    ),
    "person": (((0.16, 0.88), (0.2, 0.7), (0.36, 0.6), (0.64, 0.6), (0.8, 0.7), (0.84, 0.88)),),
    "people": (
        ((0.08, 0.84), (0.12, 0.68), (0.26, 0.6), (0.46, 0.6), (0.6, 0.68), (0.64, 0.84)),
        ((0.7, 0.62), (0.84, 0.66), (0.92, 0.84)),
    ),
}


def paint_badge(
    painter: QPainter, name: str, box: QRectF, fill: QColor, ink: QColor, weight: float = 0.11
) -> None:
    """Paint a sign in a filled disc."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QBrush(fill))
    painter.drawEllipse(box)
    painter.restore()
    inset = box.width() * 0.22
    paint_icon(painter, name, box.adjusted(inset, inset, -inset, -inset), ink, weight)
