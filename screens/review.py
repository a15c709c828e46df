"""Check your answers: everything that is handed in, with a way to change each line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from kiosk.journey.events import ChangeAsked
from kiosk.journey.views import ReviewRow, ReviewView
from screens.theme import Role
from screens.toolkit import (
    Block,
    BlockScreen,
    BlockWidget,
    Button,
    ButtonWidget,
    Drawn,
    Heading,
    Keeper,
    Kit,
    Para,
    draws,
    fill_panel,
    tone_edge,
)


class Screen(BlockScreen):
    """See the module."""

    def head(self, _body: ReviewView) -> Sequence[Block]:
        kit = self.kit
        return (Heading(key="title", text=kit.text("review.title"), sub=kit.text("review.sub")),)

    def blocks(self, body: ReviewView) -> Sequence[Block]:
        blocks: list[Block] = []
        for section in body.sections:
            title = self.kit.text(section.title_key)
            blocks.append(Para(key=section.title_key, text=title, role=Role.HEADING))
            blocks.extend(
                self._row(f"{section.title_key}:{at}", row) for at, row in enumerate(section.rows)
            )
        return blocks

    def _row(self, key: str, row: ReviewRow) -> Block:
        kit = self.kit
        change = None
        if row.target:
            change = Button(
                key="change",
                name=f"change:{row.target}",
                text=kit.text("review.change"),
                says=f"{kit.text('review.change')} {row.label}",
                on=ChangeAsked(row.target),
                kind="pager",
            )
        return Checked(key=key, label=row.label, value=row.value, change=change)


@dataclass(frozen=True, kw_only=True)
class Checked(Block):
    """A label with its value, and a button to change it."""

    label: str
    value: str
    change: Button | None


@draws(Checked)
class CheckedWidget(BlockWidget):
    """See Checked."""

    def __init__(self, kit: Kit, parent: QWidget | None) -> None:
        super().__init__(kit, parent)
        self._keeper = Keeper(kit, self)
        self._button: list[Drawn] = []

    def apply(self) -> None:
        block = cast(Checked, self.block)
        self._label = self.kit.set(block.label)
        self._value = self.kit.set(block.value, Role.STRONG)
        self._button, _ = self._keeper.show([block.change] if block.change is not None else [])
        self.setAccessibleName(f"{block.label}: {block.value}")
        self._place()

    def height_for(self, width: int) -> int:
        room = self._room(width)
        text = self._label.height(room) + self._value.height(room)
        button = self.kit.metrics.pill if self._button else 0
        return max(text, button) + 2 * self.kit.metrics.px(3.4)

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self._place()

    def paintEvent(self, _event: QPaintEvent) -> None:
        kit = self.kit
        painter = QPainter(self)
        fill_panel(painter, kit, self.rect(), "card", tone_edge(kit, "card"))
        room = self._room(self.width())
        height = self._label.height(room) + self._value.height(room)
        box = QRectF(self._pad(), (self.height() - height) / 2, room, height)
        self._label.paint(painter, box, kit.colour("ink_soft"))
        box.setTop(box.top() + self._label.height(room))
        self._value.paint(painter, box, kit.colour("ink"))
        painter.end()

    def _pad(self) -> int:
        return self.kit.metrics.px(6.0)

    def _button_width(self) -> int:
        if not self._button:
            return 0
        return max(self.kit.metrics.px(30.0), cast(ButtonWidget, self._button[0]).natural_width())

    def _room(self, width: int) -> int:
        used = self._button_width() + self.kit.metrics.gap if self._button else 0
        return max(1, width - 2 * self._pad() - used)

    def _place(self) -> None:
        for button in self._button:
            width, height = self._button_width(), self.kit.metrics.pill
            x = self.width() - width - self.kit.metrics.px(4.4)
            button.setGeometry(x, (self.height() - height) // 2, width, height)
            button.show()
