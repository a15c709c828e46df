"""What came of it: saving, kept here, delivered, or not saved; the number and what to take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import segno
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent

from kiosk.journey.events import AnotherMatter, PrintAsked, TryAgain
from kiosk.journey.views import SubmittedView
from screens.pictures import SignPicture
from screens.theme import TITLE_SPACING, make_font
from screens.toolkit import (
    Block,
    BlockScreen,
    BlockWidget,
    Button,
    Heading,
    Kit,
    Note,
    Para,
    draws,
    fill_panel,
    tone_edge,
)
from screens.typeset import Typeset

_DONE = ("saved", "received")
_NOT_PRINTED = ("failed", "unknown")  # as far as anybody knows
_SIGNS = {
    "saving": ("later", "celadon"),
    "saved": ("check", "celadon"),
    "received": ("check", "celadon"),
    "failed": ("warn", "amber"),
}


class Screen(BlockScreen):
    """See the module."""

    middle = True

    def head(self, body: SubmittedView) -> Sequence[Block]:
        self.stage.middle = not self._beside(body)
        return self._said(body) if self._beside(body) else ()

    def blocks(self, body: SubmittedView) -> Sequence[Block]:
        if body.state not in _DONE:
            return self._said(body)
        if self._beside(body):
            return self._facts(body)
        if self._number_first(body):
            number, *rest = self._facts(body)
            return (number, *self._said(body), *rest)
        return (*self._said(body), *self._facts(body))

    def _beside(self, body: SubmittedView) -> bool:
        """Whether what happened stands beside the number, as there is width for both."""
        return self.kit.metrics.landscape and body.state in _DONE

    def extra_actions(self, body: SubmittedView) -> tuple[Button, ...]:
        kit = self.kit
        if body.state == "failed":
            return (
                Button(
                    key="again",
                    name="again",
                    text=kit.text("submitted.again"),
                    on=TryAgain(),
                    kind="primary",
                ),
            )
        if body.state not in _DONE:
            return ()
        another = Button(
            key="another",
            name="another",
            text=kit.text("submitted.another"),
            on=AnotherMatter(),
        )
        if body.printing not in _NOT_PRINTED:
            return (another,)
        again = Button(
            key="print",
            name="print",
            text=kit.text("submitted.print"),
            on=PrintAsked(),
        )
        return (another, again)

    def _said(self, body: SubmittedView) -> tuple[Block, ...]:
        kit = self.kit
        icon, tone = _SIGNS[body.state]
        first = self._number_first(body)
        heading = Heading(
            key="title",
            text=kit.text(f"submitted.{body.state}"),
            sub="" if first else self._what(body),
            centred=True,
        )
        # Large letters leave no room for a sign above what must not be on a second page.
        if first or (kit.metrics.large and body.owed and body.state in _DONE):
            return (heading,)
        side_mm = 30 if body.printing in _NOT_PRINTED or kit.metrics.large else 42
        return (SignPicture(key="sign", icon=icon, tone=tone, side_mm=side_mm), heading)

    def _what(self, body: SubmittedView) -> str:
        """What happened and what comes next."""
        kit = self.kit
        department = body.department or kit.text("department.none")
        sending = ".sending" if body.state == "saved" and self.frame.line_up else ""
        return kit.text(f"submitted.{body.state}.sub{sending}", department=department)

    def _number_first(self, body: SubmittedView) -> bool:
        """Nothing was printed and room is little: the number must not be on a second page."""
        return body.printing in _NOT_PRINTED and self.kit.metrics.large

    def _facts(self, body: SubmittedView) -> tuple[Block, ...]:
        metrics = self.kit.metrics
        failed = body.printing in _NOT_PRINTED
        crowded = bool(body.owed) and metrics.large and metrics.landscape
        receipt = self._receipt(body, () if failed or crowded else self._lines(body))
        lines = [*self._lines(body)] if failed or crowded else []
        if self._number_first(body):
            lines.insert(0, self._what(body))
        more = [Para(key=f"line:{at}", text=line) for at, line in enumerate(lines)]
        rest = (*self._owed(body), *self._printing(body), *self._take(body))
        return (receipt, *rest, *more) if crowded else (receipt, *more, *rest)

    def _lines(self, body: SubmittedView) -> tuple[str, ...]:
        kit = self.kit
        lines = []
        if body.case_number:
            lines.append(f"{kit.text('submitted.case-number')} {body.case_number}")
        if body.contact:
            lines.append(kit.text(f"submitted.contact.{body.state}", contact=body.contact))
        return tuple(lines)

    def _receipt(self, body: SubmittedView, lines: tuple[str, ...]) -> Block:
        kit = self.kit
        return Receipt(
            key="receipt",
            label=kit.text("submitted.number"),
            number=body.number,
            lines=lines,
            qr_text=body.qr_text,
            prominent=body.printing in _NOT_PRINTED,
            scan=kit.text("submitted.scan"),
            says=kit.text("submitted.qr"),
        )

    def _owed(self, body: SubmittedView) -> tuple[Block, ...]:
        if not body.owed:
            return ()
        kit = self.kit
        lines = [kit.text("submitted.owed.line", name=name, due=due) for name, due in body.owed]
        title = kit.text("submitted.owed")
        return (Note(key="owed", title=title, text="\n".join(lines), icon="later"),)

    def _printing(self, body: SubmittedView) -> tuple[Block, ...]:
        texts = {
            "printing": "submitted.printing",
            "failed": "submitted.print-failed",
            "unknown": "submitted.print-unknown",
        }
        key = texts.get(body.printing)
        if key is None or (body.printing in _NOT_PRINTED and self.frame.notice is not None):
            return ()  # the notice above says it
        tone = "amber" if body.printing in _NOT_PRINTED else "mist"
        return (Note(key="printing", text=self.kit.text(key), tone=tone, icon="printer"),)

    def _take(self, body: SubmittedView) -> tuple[Block, ...]:
        if not body.take_with:
            return ()
        text = take_text(self.kit, body.take_with)
        return (Note(key="take", title=text, text="", centred=True),)


def take_text(kit: Kit, keys: Sequence[str]) -> str:
    """What to take along, in one sentence."""
    return kit.text("submitted.take", things=kit.list([kit.text(key) for key in keys]))


@dataclass(frozen=True, kw_only=True)
class Receipt(Block):
    """The number, lines that belong to it, and its QR code. `prominent`: nothing was printed."""

    label: str
    number: str
    lines: tuple[str, ...]
    qr_text: str
    prominent: bool
    scan: str
    says: str


@draws(Receipt)
class ReceiptWidget(BlockWidget):
    """See Receipt."""

    def apply(self) -> None:
        block = cast(Receipt, self.block)
        kit = self.kit
        self._label = kit.set(block.label)
        self._numbers = tuple(self._sized(block.number, size_mm) for size_mm in self._sizes())
        self._lines = tuple(kit.set(line) for line in block.lines)
        self._scan = kit.set(block.scan if block.prominent and block.qr_text else "")
        self._code = qr_matrix(block.qr_text) if block.qr_text else ()
        said = (block.label, block.number, *block.lines)
        self.setAccessibleName(kit.join(*said))
        self.setObjectName("receipt")

    def height_for(self, width: int) -> int:
        text = self._text_height(width)
        side = self._side()
        pad = 2 * self._pad()
        if self._beside():
            return max(text, side) + pad
        return text + side + self._scan.height(self._room(width)) + pad + self.kit.metrics.gap

    def paintEvent(self, _event: QPaintEvent) -> None:
        kit = self.kit
        painter = QPainter(self)
        fill_panel(painter, kit, self.rect(), "card", tone_edge(kit, "card"))
        width, pad = self.width(), self._pad()
        beside, side = self._beside(), self._side()
        room = self._room(width)
        text = self._text_height(width)
        top = (self.height() - text) / 2 if beside else float(pad)
        for line, ink in self._texts(room):
            line.paint(painter, QRectF(pad, top, room, text), kit.colour(ink), centred=not beside)
            top += line.height(room)
        if not self._code:
            painter.end()
            return
        if beside:
            box = QRectF(width - pad - side, (self.height() - side) / 2, side, side)
        else:
            top += kit.metrics.gap
            box = QRectF((width - side) / 2, top, side, side)
            below = QRectF(pad, box.bottom(), room, self.height())
            self._scan.paint(painter, below, kit.colour("ink_soft"), centred=True)
        paint_qr(painter, self._code, box)
        painter.end()

    def _texts(self, room: float) -> list[tuple[Typeset, str]]:
        lines = [(line, "ink") for line in self._lines]
        return [(self._label, "ink_soft"), (self._number(room), "ink"), *lines]

    def _sizes(self) -> tuple[float, ...]:
        """Heights of the number in millimetres, largest first."""
        if cast(Receipt, self.block).prominent:
            return (27.0, 24.0, 21.0, 18.0, 15.4)
        return (19.4, 15.4, 13.0) if self.kit.metrics.large else (15.4, 13.0)

    def _sized(self, text: str, size_mm: float) -> Typeset:
        font = make_font(self.kit.metrics.px(size_mm), bold=True)
        return Typeset(text, font, spacing=TITLE_SPACING)

    def _number(self, room: float) -> Typeset:
        """The number in the largest letters that leave it on one line."""
        fitting = (one for one in self._numbers if one.natural_width() < room)
        return next(fitting, self._numbers[-1])

    def _pad(self) -> int:
        return self.kit.metrics.px(7.0)

    def _beside(self) -> bool:
        block = cast(Receipt, self.block)
        return bool(self._code) and (not block.prominent or self.kit.metrics.landscape)

    def _side(self) -> int:
        if not self._code:
            return 0
        block = cast(Receipt, self.block)
        if not block.prominent:
            return self.kit.metrics.px(36.0)
        return self.kit.metrics.px(52.0 if self.kit.metrics.large else 62.0)

    def _room(self, width: int) -> int:
        used = self._side() + self.kit.metrics.gap if self._beside() else 0
        return max(1, width - 2 * self._pad() - used)

    def _text_height(self, width: int) -> int:
        room = self._room(width)
        return sum(text.height(room) for text, _ in self._texts(room))


def qr_matrix(text: str) -> tuple[tuple[bool, ...], ...]:
    """The modules of a QR code with the quiet zone that the standard asks for."""
    code = segno.make(text, micro=False, error="m")
    return tuple(tuple(bool(cell) for cell in row) for row in code.matrix_iter(border=4))


def paint_qr(painter: QPainter, code: Sequence[Sequence[bool]], box: QRectF) -> None:
    """Black on white whatever the theme, in whole pixels, so that it can be read."""
    module = max(1, int(box.width() // len(code)))
    side = module * len(code)
    left = round(box.center().x() - side / 2)
    top = round(box.center().y() - side / 2)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.fillRect(left, top, side, side, QColor(Qt.GlobalColor.white))
    black = QColor(Qt.GlobalColor.black)
    for y, row in enumerate(code):
        for x, dark in enumerate(row):
            if dark:
                painter.fillRect(left + x * module, top + y * module, module, module, black)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
