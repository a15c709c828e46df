"""Handing in papers: the list, the live picture with its frame, the picture to keep or retake."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from kiosk.journey.events import (
    AnotherPage,
    CaptureAsked,
    MaterialCleared,
    PageKept,
    PhotoTaken,
    PledgeMade,
    Retake,
)
from kiosk.journey.views import MaterialLine, MaterialsView
from screens.checked import Checked
from screens.parts import material_state
from screens.pictures import LivePicture
from screens.preview import PreviewSource
from screens.toolkit import (
    Block,
    BlockScreen,
    BlockWidget,
    Button,
    Card,
    Drawn,
    Heading,
    Keeper,
    Kit,
    Note,
    Picture,
    Row,
    Space,
    draws,
    fill_panel,
    tone_edge,
)

_QUIET = ("from-card", "from-state", "made-here")


class Screen(BlockScreen):
    """See the module."""

    def head(self, body: MaterialsView) -> Sequence[Block]:
        kit = self.kit
        if body.state == "list":
            left = sum(line.state == "needed" for line in body.materials)
            key = "materials" if left else "materials.done"
            sub = kit.text(f"{key}.sub", count=left)
            return (Heading(key="title", text=kit.text(f"{key}.title"), sub=sub),)
        name = body.current.name if body.current is not None else ""
        title = kit.text(f"materials.{body.state}.title", name=name)
        over = kit.text("materials.aim.page", page=body.page_number)
        heading = Heading(
            key=f"title.{body.state}",
            over=over if body.page_number > 1 or body.more_pages else "",
            text=title,
            sub=self._advice(body),
        )
        return (heading, *self._warnings(body))

    def blocks(self, body: MaterialsView) -> Sequence[Block]:
        makers: Mapping[str, Callable[[MaterialsView], tuple[Block, ...]]] = {
            "list": self._list,
            "aim": self._aim,
            "taking": self._aim,
            "check": self._check,
        }
        return makers[body.state](body)

    def extra_actions(self, body: MaterialsView) -> tuple[Button, ...]:
        kit = self.kit
        if body.state in ("aim", "taking"):
            return (
                Button(
                    key="shutter",
                    name="shutter",
                    text=kit.text("materials.shutter"),
                    on=PhotoTaken(),
                    kind="primary",
                    enabled=body.state == "aim",
                    icon="camera",
                ),
            )
        if body.state != "check":
            return ()
        retake = Button(key="retake", name="retake", text=kit.text("materials.retake"), on=Retake())
        more = Button(
            key="more-page",
            name="more-page",
            text=kit.text("materials.more-page"),
            on=AnotherPage(),
        )
        keep = Button(
            key="keep",
            name="keep",
            text=kit.text("materials.keep"),
            on=PageKept(),
            kind="primary",
        )
        return (retake, *((more,) if body.more_pages else ()), keep)

    def _advice(self, body: MaterialsView) -> str:
        kit = self.kit
        if body.state == "check" and body.current is not None and body.current.checks:
            return kit.text("materials.check.points", points=kit.list(body.current.checks))
        return kit.text(f"materials.{body.state}.sub")

    def _warnings(self, body: MaterialsView) -> tuple[Block, ...]:
        if body.state != "check":
            return ()
        return tuple(
            Note(key=f"warning.{key}", text=self.kit.text(f"capture.warning.{key}"), icon="warn")
            for key in body.warnings
        )

    def _aim(self, body: MaterialsView) -> tuple[Block, ...]:
        kit = self.kit
        return (
            PaperPreview(
                key="preview",
                says=kit.text("materials.preview"),
                waiting=kit.text("materials.preview.none"),
                still=body.state == "taking",
            ),
        )

    def _check(self, body: MaterialsView) -> tuple[Block, ...]:
        says = self.kit.text("materials.page", page=body.page_number)
        return (Picture(key="page", data=body.page_jpeg or b"", says=says),)

    def _list(self, body: MaterialsView) -> tuple[Block, ...]:
        asked = [self._paper(line) for line in body.materials if line.state not in _QUIET]
        quiet = [self._quiet(line) for line in body.materials if line.state in _QUIET]
        return (*asked, *quiet)

    def _quiet(self, line: MaterialLine) -> Block:
        kit = self.kit
        if line.can_bring:
            return Checked(
                key=f"held:{line.id}",
                label=material_state(kit, line),
                value=line.name,
                button=self._bring(line),
                tone="mist",
                badge="check",
            )
        state = kit.join(kit.text("materials.not-needed"), material_state(kit, line))
        return Card(
            key=f"quiet:{line.id}", title=line.name, subs=(state,), tone="mist", lead="soft:check"
        )

    def _bring(self, line: MaterialLine) -> Button:
        kit = self.kit
        return Button(
            key=f"bring:{line.id}",
            name=f"capture:{line.id}",
            text=kit.text("materials.bring"),
            says=kit.text("materials.bring.says", name=line.name),
            on=CaptureAsked(line.id),
            kind="pager",
        )

    def _paper(self, line: MaterialLine) -> Block:
        kit = self.kit
        later = line.state == "pledged"
        if later or line.state == "handed-in":
            return Checked(
                key=f"panel:{line.id}",
                label=material_state(kit, line),
                value=line.name,
                button=self._clear(line),
                tone="mist",
                badge="later" if later else "check",
                warn=later,
            )
        card = Card(
            key=f"paper:{line.id}",
            title=line.name,
            subs=tuple(text for text in (line.why, line.hint) if text),
            lead="soft:page",
        )
        return Panel(key=f"panel:{line.id}", card=card, buttons=self._buttons(line))

    def _clear(self, line: MaterialLine) -> Button:
        kit = self.kit
        text = "materials.clear.pledged" if line.state == "pledged" else "materials.clear"
        return Button(
            key=f"clear:{line.id}",
            name=f"clear:{line.id}",
            text=kit.text(text),
            says=kit.text("materials.clear.says", name=line.name),
            on=MaterialCleared(line.id),
            kind="pager",
        )

    def _buttons(self, line: MaterialLine) -> tuple[Button, ...]:
        kit = self.kit
        capture = Button(
            key=f"capture:{line.id}",
            name=f"capture:{line.id}",
            text=kit.text("materials.capture"),
            says=f"{kit.text('materials.capture')} {line.name}",
            on=CaptureAsked(line.id),
            kind="chief",
        )
        if not line.can_pledge:
            return (capture,)
        pledge = Button(
            key=f"pledge:{line.id}",
            name=f"pledge:{line.id}",
            text=kit.text("materials.pledge"),
            says=f"{kit.text('materials.pledge')} {line.name}",
            on=PledgeMade(line.id),
            kind="pager",
        )
        return (pledge, capture)


@dataclass(frozen=True, kw_only=True)
class Panel(Block):
    """A card with buttons in it, below its text."""

    card: Card
    buttons: tuple[Button, ...]


@draws(Panel)
class PanelWidget(BlockWidget):
    """See Panel. The card paints the ground; the buttons lie on it."""

    def __init__(self, kit: Kit, parent: QWidget | None) -> None:
        super().__init__(kit, parent)
        self._keeper = Keeper(kit, self)
        self._drawn: list[Drawn] = []

    def apply(self) -> None:
        block = cast(Panel, self.block)
        fill = (Space(key="fill", height_mm=0),) * (2 - len(block.buttons))
        row = Row(key="buttons", cells=(*fill, *block.buttons))
        inner = replace(block.card, bare=True)
        self._drawn, _ = self._keeper.show([inner, row])
        self._place()

    def height_for(self, width: int) -> int:
        card, row = self._drawn
        pad = self.kit.metrics.pad
        return card.height_for(width) + row.height_for(width - 2 * pad) + self._below()

    def overflow(self) -> bool:
        return False  # its parts say so themselves

    def resizeEvent(self, _event: object) -> None:
        self._place()

    def paintEvent(self, _event: QPaintEvent) -> None:
        block = cast(Panel, self.block)
        painter = QPainter(self)
        ground = "mist" if block.card.tone == "mist" else "card"
        fill_panel(painter, self.kit, self.rect(), ground, tone_edge(self.kit, block.card.tone))
        painter.end()

    def _below(self) -> int:
        return self.kit.metrics.px(5.0)

    def _place(self) -> None:
        card, row = self._drawn
        pad = self.kit.metrics.pad
        height = row.height_for(self.width() - 2 * pad)
        card.setGeometry(0, 0, self.width(), self.height() - height - self._below())
        row.setGeometry(pad, self.height() - height - self._below(), self.width() - 2 * pad, height)
        card.show()
        row.show()


@dataclass(frozen=True, kw_only=True)
class PaperPreview(Block):
    """What the document camera sees, with a frame: to lay the paper into, then around it."""

    says: str
    waiting: str
    still: bool


@draws(PaperPreview)
class PaperPreviewWidget(LivePicture):
    """See PaperPreview."""

    _outline: tuple[tuple[float, float], ...] = ()

    def apply(self) -> None:
        block = cast(PaperPreview, self.block)
        self._waiting = self.kit.set(block.waiting)
        self.setAccessibleName(block.says)
        self.setObjectName("preview")

    def height_for(self, _width: int) -> int:
        return self.kit.metrics.px(60.0 if self.kit.metrics.landscape else 90.0)

    def source(self) -> PreviewSource:
        """The document camera."""
        return self.kit.documents

    def _look(self) -> None:
        """The frame follows the paper also where no new picture came."""
        super()._look()
        outline = self.kit.documents.outline()
        if outline != self._outline:
            self._outline = outline
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        kit = self.kit
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = self._picture_box()
        if self._picture is None:
            fill_panel(painter, kit, box.toRect(), "mist_deep")
            height = self._waiting.height(box.width())
            at = QRectF(box.left(), box.center().y() - height / 2, box.width(), height)
            self._waiting.paint(painter, at, kit.colour("ink"), centred=True)
        else:
            rgb, width, height = self._picture
            image = QImage(rgb, width, height, width * 3, QImage.Format.Format_RGB888)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(box, image)
        still = cast(PaperPreview, self.block).still
        lines = self._around_paper(box) if self._picture is not None else []
        self._paint_frame(painter, lines or _corners(box), "amber" if still else "celadon")
        painter.end()

    def _picture_box(self) -> QRectF:
        """Where the whole picture fits."""
        _, width, height = self._picture or (b"", 4, 3)
        scale = min(self.width() / width, self.height() / height)
        box = QRectF(0, 0, width * scale, height * scale)
        box.moveCenter(QRectF(self.rect()).center())
        return box

    def _around_paper(self, box: QRectF) -> list[QPolygonF]:
        """The paper's edge, where the camera has found one."""
        at = [
            QPointF(box.left() + x * box.width(), box.top() + y * box.height())
            for x, y in self._outline
        ]
        return [QPolygonF([*at, at[0]])] if at else []

    def _paint_frame(self, painter: QPainter, lines: list[QPolygonF], ink: str) -> None:
        for thick, colour in ((3.2, "card"), (1.8, ink)):
            pen = QPen(self.kit.colour(colour), self.kit.metrics.px(thick))
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            painter.setPen(pen)
            for line in lines:
                painter.drawPolyline(line)


def _corners(box: QRectF) -> list[QPolygonF]:
    """Four corners, within which the paper belongs."""
    inset = min(box.width(), box.height()) * 0.08
    frame = box.adjusted(inset, inset, -inset, -inset)
    arm = min(frame.width(), frame.height()) * 0.18
    return [
        QPolygonF([QPointF(x + right * arm, y), QPointF(x, y), QPointF(x, y + down * arm)])
        for x, right in ((frame.left(), 1), (frame.right(), -1))
        for y, down in ((frame.top(), 1), (frame.bottom(), -1))
    ]
