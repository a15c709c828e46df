"""Pictures painted by ourselves: a card on its reader, a disc with a sign, the round preview."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from PySide6.QtCore import QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import (
    QHideEvent,
    QImage,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QShowEvent,
)
from PySide6.QtWidgets import QWidget

from screens.icons import paint_badge, paint_icon
from screens.preview import PreviewSource
from screens.toolkit import Block, BlockWidget, Kit, draws

PREVIEW_INTERVAL_MS = 33


@dataclass(frozen=True, kw_only=True)
class ReaderPicture(Block):
    """A card and its reader. `state`: "waiting" (card comes down), "reading", "read" (card up)."""

    state: str
    says: str
    portrait_png: bytes | None = None


@draws(ReaderPicture)
class ReaderPictureWidget(BlockWidget):
    """See ReaderPicture."""

    stretch = True

    def apply(self) -> None:
        block = cast(ReaderPicture, self.block)
        self.setAccessibleName(block.says)
        self._portrait = QPixmap()
        if block.portrait_png is not None:
            self._portrait.loadFromData(block.portrait_png)

    def height_for(self, _width: int) -> int:
        metrics = self.kit.metrics
        return metrics.px(45.0 if metrics.landscape else 70.0)

    def paintEvent(self, _event: QPaintEvent) -> None:
        kit, block = self.kit, cast(ReaderPicture, self.block)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        unit = min(self.width() / 10.0, self.height() / 8.4)
        painter.translate(self.width() / 2, self.height() / 2)
        painter.scale(unit, unit)
        self._paint_reader(painter, lit=block.state == "reading")
        lift = {"waiting": -2.5, "reading": 0.3, "read": -2.0}.get(block.state, -2.5)
        self._paint_card(painter, lift)
        if block.state in ("waiting", "read"):
            sign = "arrow-down" if block.state == "waiting" else "arrow-up"
            box = QRectF(3.0, lift - 0.1, 1.7, 1.7)
            paint_icon(painter, sign, box, kit.colour("celadon"), 0.12)
        painter.end()

    def _paint_reader(self, painter: QPainter, *, lit: bool) -> None:
        """The reader: a flat body with a window on which the card lies."""
        kit = self.kit
        painter.setPen(QPen(kit.colour("line_strong"), 0.05))
        painter.setBrush(kit.colour("mist_deep"))
        body = QPainterPath(QPointF(-3.3, 0.5))
        body.lineTo(3.3, 0.5)
        body.lineTo(4.3, 3.4)
        body.lineTo(-4.3, 3.4)
        body.closeSubpath()
        painter.drawPath(body)
        painter.setBrush(kit.colour("mist"))
        front = QRectF(-4.3, 3.4, 8.6, 0.62)
        painter.drawRoundedRect(front, 0.1, 0.1)
        window = QPainterPath(QPointF(-2.45, 0.95))
        window.lineTo(2.45, 0.95)
        window.lineTo(3.05, 2.9)
        window.lineTo(-3.05, 2.9)
        window.closeSubpath()
        painter.setBrush(kit.colour("card"))
        painter.setPen(QPen(kit.colour("celadon" if lit else "line_strong"), 0.12 if lit else 0.05))
        painter.drawPath(window)
        for at in range(3):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(kit.colour("celadon" if lit else "line_strong"))
            painter.drawEllipse(QPointF(-0.4 + 0.4 * at, 3.71), 0.1, 0.1)

    def _paint_card(self, painter: QPainter, lift: float) -> None:
        """The card, with a portrait at its right as on a real one."""
        kit = self.kit
        flat = lift > 0
        painter.save()
        painter.translate(0, lift + (1.6 if flat else 0))
        if flat:
            painter.scale(1.0, 0.55)
        card = QRectF(-2.35, -1.5, 4.7, 3.0)
        painter.setPen(QPen(kit.colour("celadon"), 0.09))
        painter.setBrush(kit.colour("card"))
        painter.drawRoundedRect(card, 0.28, 0.28)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(kit.colour("line_strong" if kit.high_contrast else "mist_deep"))
        for at, width in enumerate((1.5, 0.9, 2.0, 1.6)):
            painter.drawRoundedRect(QRectF(-1.95, -1.05 + at * 0.5, width, 0.2), 0.1, 0.1)
        face = QRectF(0.7, -1.1, 1.3, 1.65)
        painter.setBrush(kit.colour("mist"))
        painter.drawRoundedRect(face, 0.12, 0.12)
        if self._portrait.isNull():
            paint_icon(painter, "person", face.adjusted(0, 0.2, 0, 0.1), kit.colour("celadon"))
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(face, self._portrait, QRectF(self._portrait.rect()))
        painter.restore()


@dataclass(frozen=True, kw_only=True)
class SignPicture(Block):
    """A large disc with a sign. `tone`: "celadon" or "amber"."""

    icon: str
    tone: str = "celadon"
    side_mm: float = 50.0


@draws(SignPicture)
class SignPictureWidget(BlockWidget):
    """See SignPicture."""

    def height_for(self, _width: int) -> int:
        side = self.kit.metrics.px(cast(SignPicture, self.block).side_mm)
        return round(side * (0.7 if self.kit.metrics.landscape else 1.0))

    def paintEvent(self, _event: QPaintEvent) -> None:
        block = cast(SignPicture, self.block)
        painter = QPainter(self)
        side = float(min(self.height(), self.width()))
        box = QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)
        fill, ink = self.kit.colour(block.tone), self.kit.colour("card")
        paint_badge(painter, block.icon, box, fill, ink, 0.09)
        painter.end()


class LivePicture(BlockWidget):
    """What a camera sees. Asks for pictures only while it can be seen, and then keeps none."""

    stretch = True

    def __init__(self, kit: Kit, parent: QWidget | None) -> None:
        super().__init__(kit, parent)
        self._timer = QTimer(self)
        self._timer.setInterval(PREVIEW_INTERVAL_MS)
        self._timer.timeout.connect(self._look)
        self._sequence = -1
        self._picture: tuple[bytes, int, int] | None = None

    def source(self) -> PreviewSource:
        """Where the pictures come from."""
        raise NotImplementedError

    def showEvent(self, _event: QShowEvent) -> None:
        self._timer.start()
        self._look()

    def hideEvent(self, _event: QHideEvent) -> None:
        """No picture is kept once it cannot be seen."""
        self._timer.stop()
        self._picture = None
        self._sequence = -1

    def _look(self) -> None:
        latest = self.source().latest()
        if latest is None or latest[3] == self._sequence:
            return
        rgb, width, height, self._sequence = latest
        if len(rgb) == width * height * 3:
            self._picture = (rgb, width, height)
            self.update()


@dataclass(frozen=True, kw_only=True)
class RoundPreview(Block):
    """What the face camera sees, in a circle; it comes mirrored from the camera.

    `turn`: an arrow to the "left" or "right" edge, "" for none. As in a mirror, the left
    of the picture is the left hand's side.
    """

    says: str
    turn: str = ""


@draws(RoundPreview)
class RoundPreviewWidget(LivePicture):
    """See RoundPreview."""

    def apply(self) -> None:
        self.setAccessibleName(cast(RoundPreview, self.block).says)
        self.update()

    def height_for(self, _width: int) -> int:
        metrics = self.kit.metrics
        return metrics.px(50.0 if metrics.landscape else 80.0)

    def source(self) -> PreviewSource:
        """The face camera."""
        return self.kit.preview

    def _paint_nobody(self, painter: QPainter, box: QRectF) -> None:
        """A head and shoulders, until there is a picture."""
        side = box.width()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.kit.colour("card"))
        middle = box.center().x()
        head = QRectF(middle - side * 0.16, box.top() + side * 0.2, side * 0.32, side * 0.41)
        painter.drawEllipse(head)
        painter.drawEllipse(
            QRectF(middle - side * 0.31, head.bottom() + side * 0.04, side * 0.62, side * 0.6)
        )

    def paintEvent(self, _event: QPaintEvent) -> None:
        kit = self.kit
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ring = kit.metrics.px(3.2)
        side = float(min(self.width(), self.height()) - ring)
        box = QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)
        path = QPainterPath()
        path.addEllipse(box)
        painter.setClipPath(path)
        if self._picture is None:
            painter.fillRect(box, kit.colour("mist_deep"))
            self._paint_nobody(painter, box)
        else:
            rgb, width, height = self._picture
            image = QImage(rgb, width, height, width * 3, QImage.Format.Format_RGB888)
            cut = float(min(width, height))
            source = QRectF((width - cut) / 2, (height - cut) / 2, cut, cut)
            painter.drawImage(box, image, source)
        painter.setClipping(False)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(kit.colour("celadon"), ring))
        painter.drawEllipse(box)
        self._paint_arrow(painter, box)
        painter.end()

    def _paint_arrow(self, painter: QPainter, box: QRectF) -> None:
        """Where to turn: a large arrow over the circle's edge, on a disc to be seen on skin."""
        turn = cast(RoundPreview, self.block).turn
        if not turn:
            return
        side = box.width() * 0.19
        x = box.left() - side * 0.4 if turn == "left" else box.right() - side * 0.6
        x = min(max(0.0, x), self.width() - side)
        disc = QRectF(x, box.center().y() - side / 2, side, side)
        fill, ink = self.kit.colour("celadon"), self.kit.colour("card")
        paint_badge(painter, f"arrow-{turn}", disc, fill, ink, 0.1)
