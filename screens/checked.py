"""A label with its value and a button beside it: something to check and, if wrong, to change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from screens.icons import paint_badge
from screens.theme import Role
from screens.toolkit import (
    Block,
    BlockWidget,
    Button,
    ButtonWidget,
    Drawn,
    Keeper,
    Kit,
    draws,
    fill_panel,
    tone_edge,
)

_GROUNDS = {"card": "card", "mist": "mist", "amber": "amber_paper"}


@dataclass(frozen=True, kw_only=True)
class Checked(Block):
    """`value` stands below `label`; `badge` is a sign before them, amber where it is `warn`."""

    label: str
    value: str
    button: Button | None
    tone: str = "card"
    badge: str = ""
    warn: bool = False


@draws(Checked)
class CheckedWidget(BlockWidget):
    """See Checked. Where the button would leave too little room it stands below."""

    def __init__(self, kit: Kit, parent: QWidget | None) -> None:
        super().__init__(kit, parent)
        self._keeper = Keeper(kit, self)
        self._button: list[Drawn] = []

    def apply(self) -> None:
        block = cast(Checked, self.block)
        self._label = self.kit.set(block.label)
        self._value = self.kit.set(block.value, Role.STRONG)
        self._button, _ = self._keeper.show([block.button] if block.button is not None else [])
        self.setAccessibleName(f"{block.label}: {block.value}")
        self._place()

    def height_for(self, width: int) -> int:
        metrics = self.kit.metrics
        room = self._room(width)
        text = self._label.height(room) + self._value.height(room)
        pad = 2 * metrics.px(3.4)
        if self._below(width):
            return text + metrics.small_gap + metrics.pill + pad
        return max(text, metrics.pill if self._button else 0, self._badge_px()) + pad

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self._place()

    def paintEvent(self, _event: QPaintEvent) -> None:
        kit, block = self.kit, cast(Checked, self.block)
        painter = QPainter(self)
        fill_panel(painter, kit, self.rect(), _GROUNDS[block.tone], tone_edge(kit, block.tone))
        room = self._room(self.width())
        height = self._label.height(room) + self._value.height(room)
        high = self.height()
        if self._below(self.width()):
            high -= kit.metrics.small_gap + kit.metrics.pill
        left, side = float(self._pad()), self._badge_px()
        if side:
            at = QRectF(left, (high - side) / 2, side, side)
            fill = kit.colour("amber" if block.warn else "celadon")
            paint_badge(painter, block.badge, at, fill, kit.colour("card"))
            left += side + kit.metrics.px(4.4)
        box = QRectF(left, (high - height) / 2, room, height)
        self._label.paint(painter, box, kit.colour("ink_soft"))
        box.setTop(box.top() + self._label.height(room))
        self._value.paint(painter, box, kit.colour("ink"))
        painter.end()

    def _pad(self) -> int:
        return self.kit.metrics.px(6.0)

    def _badge_px(self) -> int:
        return self.kit.metrics.px(14.4) if cast(Checked, self.block).badge else 0

    def _button_width(self) -> int:
        if not self._button:
            return 0
        return max(self.kit.metrics.px(30.0), cast(ButtonWidget, self._button[0]).natural_width())

    def _below(self, width: int) -> bool:
        return self._button_width() > width * 0.42

    def _room(self, width: int) -> int:
        used = self._button_width() + self.kit.metrics.gap if self._button else 0
        badge = self._badge_px()
        used = (0 if self._below(width) else used) + (badge + self.kit.metrics.px(4.4)) * bool(
            badge
        )
        return max(1, width - 2 * self._pad() - used)

    def _place(self) -> None:
        metrics = self.kit.metrics
        inset = metrics.px(4.4)
        for button in self._button:
            width, height = self._button_width(), metrics.pill
            y = (self.height() - height) // 2
            if self._below(self.width()):
                width = min(width, self.width() - 2 * inset)
                y = self.height() - height - metrics.px(3.4)
            button.setGeometry(self.width() - width - inset, y, width, height)
            button.show()
