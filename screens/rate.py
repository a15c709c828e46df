"""The rating: five faces, nothing preselected, and a few reasons that may be given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen

from kiosk.journey.events import Rated, RatingReason
from kiosk.journey.views import RateView
from screens.theme import Role
from screens.toolkit import (
    Block,
    BlockScreen,
    Card,
    Heading,
    Para,
    TouchWidget,
    chunked,
    draws,
    fill_panel,
    tone_edge,
)

LEVELS = (5, 4, 3, 2, 1)
_GOOD_FROM = 4


class Screen(BlockScreen):
    """See the module."""

    def head(self, body: RateView) -> Sequence[Block]:
        kit = self.kit
        title = Heading(key="title", text=kit.text("rate.title"), sub=kit.text("rate.sub"))
        return (title, *self._reasons(body)) if self._beside(body) else (title,)

    def blocks(self, body: RateView) -> Sequence[Block]:
        faces = [
            Face(
                key=f"rate:{level}",
                level=level,
                text=self.kit.text(f"rate.level.{level}"),
                chosen=body.level == level,
                says_chosen=self.kit.text("chosen"),
            )
            for level in LEVELS
        ]
        return faces if self._beside(body) else (*faces, *self._reasons(body))

    def _reasons(self, body: RateView) -> tuple[Block, ...]:
        if not body.reasons:
            return ()
        kit = self.kit
        good = "good" if body.level >= _GOOD_FROM else "bad"
        title = Para(key="reasons.title", text=kit.text(f"rate.reasons.{good}"))
        texts = [kit.text(f"rate.reason.{body.level}.{reason}") for reason in body.reasons]
        chips = [
            Card(
                key=f"reason:{reason}",
                name=f"reason:{reason}",
                on=RatingReason(reason),
                title=text,
                chosen=reason in body.chosen,
                centred=True,
                role=Role.TEXT,
            )
            for reason, text in zip(body.reasons, texts, strict=True)
        ]
        columns = self._columns(texts)
        return (title, *chunked("reasons", chips, columns))

    def _beside(self, body: RateView) -> bool:
        """Whether the reasons find room below the title, at the left of the faces."""
        kit, metrics = self.kit, self.kit.metrics
        if not metrics.landscape:
            return False
        if not body.reasons:
            return True
        texts = [kit.text(f"rate.reason.{body.level}.{reason}") for reason in body.reasons]
        rows = -(-len(texts) // self._columns(texts))
        one = kit.set(texts[0]).pitch + 2 * metrics.px(3.4) + metrics.gap
        width = self.width() * self.stage.left_share
        above = sum(
            kit.set(kit.text(f"rate.{key}")).height(width) for key in ("sub", "reasons.bad")
        )
        return above + metrics.px(26.0) + 2 * metrics.gap + rows * one <= self.height()

    def _columns(self, texts: Sequence[str]) -> int:
        """As many as leave every reason on one line."""
        metrics = self.kit.metrics
        width = self.width() * (self.stage.left_share if metrics.landscape else 1.0)
        widest = max(self.kit.set(text).natural_width() for text in texts) + 2 * metrics.px(4.0)
        return max(1, min(3, int((width + metrics.gap) / (widest + metrics.gap))))


@dataclass(frozen=True, kw_only=True)
class Face(Block):
    """One level: a painted face and its words."""

    level: int
    text: str
    chosen: bool
    says_chosen: str


@draws(Face)
class FaceWidget(TouchWidget):
    """See Face."""

    def apply(self) -> None:
        block = cast(Face, self.block)
        self._text = self.kit.set(block.text, Role.HEADING)
        says = self.kit.join(block.text, block.says_chosen if block.chosen else "")
        self.bind(f"rate:{block.level}", says, Rated(block.level), enabled=True)

    def height_for(self, width: int) -> int:
        metrics = self.kit.metrics
        text = self._text.height(self._room(width)) + 2 * metrics.px(2.4)
        return max(metrics.px(24.0 if metrics.landscape else 28.0), text)

    def looks(self) -> tuple[object, ...]:
        block = cast(Face, self.block)
        return block.level, block.text, block.chosen

    def draw(self, painter: QPainter) -> None:
        kit, block = self.kit, cast(Face, self.block)
        ground, edge, thick = "card", tone_edge(kit, "card"), 0
        if block.chosen:
            ground, edge, thick = "mist", "celadon", kit.metrics.border * 2
        fill_panel(
            painter, kit, self.rect(), "mist" if self.isDown() else ground, edge, thick=thick
        )
        side = self._side()
        pad = kit.metrics.pad
        box = QRectF(pad, (self.height() - side) / 2, side, side)
        self._paint_face(painter, box, block)
        room = self._room(self.width())
        height = self._text.height(room)
        at = QRectF(pad + side + kit.metrics.px(6.0), (self.height() - height) / 2, room, height)
        self._text.paint(painter, at, kit.colour("ink"))

    def _side(self) -> int:
        return self.kit.metrics.px(18.0)

    def _room(self, width: int) -> int:
        metrics = self.kit.metrics
        return max(1, width - 2 * metrics.pad - self._side() - metrics.px(6.0))

    def _paint_face(self, painter: QPainter, box: QRectF, block: Face) -> None:
        """A disc with eyes, and a mouth that bends with the level."""
        kit = self.kit
        good = block.level >= _GOOD_FROM - 1
        fill, ink = ("celadon", "on_celadon") if block.chosen else ("mist", "celadon_deep")
        if not good:
            fill, ink = ("amber", "card") if block.chosen else ("amber_paper", "amber")
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(kit.colour(fill))
        painter.drawEllipse(box)
        side = box.width()
        painter.setBrush(kit.colour(ink))
        for x in (0.34, 0.66):
            eye = QPointF(box.left() + x * side, box.top() + 0.4 * side)
            painter.drawEllipse(eye, side * 0.055, side * 0.065)
        bend = (block.level - 3) * 0.11
        left = QPointF(box.left() + 0.29 * side, box.top() + (0.66 - bend / 2) * side)
        right = QPointF(box.left() + 0.71 * side, left.y())
        middle = QPointF(box.center().x(), left.y() + bend * 2 * side)
        path = QPainterPath(left)
        path.quadTo(middle, right)
        pen = QPen(kit.colour(ink), side * 0.065)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)
