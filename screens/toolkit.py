"""What screens are made of.

A screen says what it shows as a list of *blocks* (frozen data: a heading, a card to touch, a
note, a row of cards …). The toolkit keeps one widget for each block and, when the view changes,
updates those widgets in place; only what was added or removed is built or dropped. Blocks that
do not fit on one page are paged with two big buttons: nothing scrolls and nothing is cut.

How to add a screen
-------------------
1. Write `screens/<step>.py` with a class `Screen(BlockScreen)` and name it in
   `screens/registry.py`.
2. Give it `blocks(body)` (paged), and if needed `head(body)` (stays above the
   pages), `foot(body)` (stays below: keypads) and `extra_actions(body)` (more buttons in
   the bar at the bottom). `self.frame` is the frame.
   `middle = True` centres few blocks vertically. In landscape the head is at the left;
   `foot_right = True` is for screens with a keypad as foot.
3. Every block has a `key`, unique on the screen and stable: the same key and type keep the same
   widget. Everything touchable has a `name`, which becomes its objectName ("item:<code>"), and
   `on`: the event to emit, or a method of the screen for what is local (call `self.refresh()`
   after changing local state).
4. Static words: `self.kit.text(key, name=value)`; add them to `config/words/ui.{zh,en}.yaml`.
5. Something that no block can draw (a pad, a preview): a frozen dataclass derived from `Block`
   and a widget derived from `BlockWidget` under `@draws(TheBlock)`, with `apply()` (the block
   changed), `height_for(width)` and `paintEvent`. `stretch = True` on the widget class lets it
   take the height that is left. A `TouchWidget` has `draw` and `looks` in place of `paintEvent`:
   small ones are kept as painted.
6. Add sample views to `tests/screens/samples.py`: the gallery and the geometry tests take them
   from there.

Widgets know three states of touch (rest, pressed, disabled) and two of choice. Text is painted
by `screens.typeset.Typeset`; a widget reports `overflow()` if it got less room than it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Final, Protocol, TypeAlias, TypeVar, cast

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractButton, QWidget

from kiosk.journey.events import Event
from kiosk.journey.views import Frame, ItemCard
from screens.icons import paint_badge, paint_icon
from screens.ports import InputMethod
from screens.preview import NoPreview, PaperSource, PreviewSource
from screens.theme import TITLE_SPACING, Metrics, Role, Tokens, colour, contrast
from screens.typeset import Typeset, expands

On: TypeAlias = "Event | Callable[[], None]"


class WordsSource(Protocol):
    """Where static words come from (`config.words.Words`)."""

    def text(self, key: str, language: str, **values: object) -> str:
        """The text of a key in "zh" or "en"."""

    def has(self, key: str) -> bool:
        """Whether the key is known."""


_MOST_TEXTS = 1_500
"""Texts kept for measuring and painting; more than any screen and its neighbours hold."""


_MOST_TILES = 400
_WHOLE_PX = 16_000
"""Panels of at most so many pixels are kept whole (64 kB each)."""
_TILES: dict[tuple[int, int, int, int, int, float], QImage] = {}
"""Corners of panels; they say nothing of anybody and stay from visit to visit."""
_LARGE_PX = 80_000
_OUTLINED_PX = 64
"""Letters of this height are filled as outlines; how their edges look depends on their place."""
_MOST_PICTURES_PX = 2_500_000
"""Keys, buttons and tiles up to `_LARGE_PX` are kept as painted, at most 10 MB in all."""


class Kit:
    """Everything a screen needs: words in one language, colours, measures, a way to speak."""

    def __init__(
        self,
        words: WordsSource,
        language: str,
        tokens: Tokens,
        metrics: Metrics,
        emit: Callable[[Event], None],
        preview: PreviewSource,
        documents: PaperSource | None = None,
        pinyin: InputMethod | None = None,
    ) -> None:
        self.words = words
        self.language = language
        self.tokens = tokens
        self.metrics = metrics
        self.emit = emit
        self.preview = preview
        self.documents: PaperSource = documents if documents is not None else NoPreview()
        self.pinyin = pinyin
        self.high_contrast = contrast(tokens.line, tokens.card) >= 4.5
        self._widths: dict[tuple[str, Role], float] = {}
        self._columns: dict[tuple[str, ...], int] = {}
        self._plain: dict[tuple[object, ...], tuple[int, int]] = {}
        self._measured: dict[int, tuple[Card, int, int, int]] = {}
        self.item_cards: dict[tuple[ItemCard, bool, int, bool], Card] = {}
        self._texts: dict[tuple[str, Role, bool, float], Typeset] = {}
        self._colours: dict[str, QColor] = {}
        self._pictures: dict[tuple[object, ...], QImage] = {}
        self._pictures_px = 0

    def text(self, key: str, **values: object) -> str:
        """A static text in the language of the screen; KeyError if unknown."""
        return self.words.text(key, self.language, **values)

    def set(
        self, text: str, role: Role = Role.TEXT, *, rich: bool = False, spacing: float = 0.0
    ) -> Typeset:
        """A text in the font of its role."""
        known = self._texts.get((text, role, rich, spacing))
        if known is not None:
            return known
        if len(self._texts) >= _MOST_TEXTS:
            for old in list(self._texts)[: _MOST_TEXTS // 2]:
                del self._texts[old]
        tight = role in (Role.TITLE, Role.BIG, Role.HEADING)
        factor = spacing or (TITLE_SPACING if tight else 1.5)
        made = Typeset(text, self.metrics.font(role), spacing=factor, rich=rich)
        self._texts[text, role, rich, spacing] = made
        return made

    def tile(
        self, width: int, height: int, ground: str, edge: str, line: int, round_px: float
    ) -> QImage:
        """A small rounded panel from which large ones are put together."""
        inner, outer = self.colour(ground), self.colour(edge) if edge else None
        key = (width, height, inner.rgba(), outer.rgba() if outer else 0, line, round_px)
        known = _TILES.get(key)
        if known is not None:
            return known
        image = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(outer, line) if outer else QPen(Qt.PenStyle.NoPen))
        painter.setBrush(inner)
        inset = line / 2
        box = QRectF(image.rect()).adjusted(inset, inset, -inset, -inset)
        painter.drawRoundedRect(box, round_px, round_px)
        painter.end()
        if len(_TILES) >= _MOST_TILES:
            _TILES.clear()
        _TILES[key] = image
        return image

    def picture(
        self, looks: tuple[object, ...], size: QSize, ratio: float, draw: Callable[[QPainter], None]
    ) -> QImage | None:
        """What `draw` paints for something that looks like `looks`; None if it is not kept.

        `ratio` is of pixels of the device to those of `size`.
        """
        key = (*looks, size.width(), size.height(), ratio)
        known = self._pictures.pop(key, None)
        if known is not None:
            self._pictures[key] = known  # the last to go
            return known
        whole = size * ratio
        area = whole.width() * whole.height()
        if not 0 < area <= _LARGE_PX:
            return None
        while self._pictures_px + area > _MOST_PICTURES_PX:
            oldest = self._pictures.pop(next(iter(self._pictures)))
            self._pictures_px -= oldest.width() * oldest.height()
        image = QImage(whole, QImage.Format.Format_ARGB32_Premultiplied)
        image.setDevicePixelRatio(ratio)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        draw(painter)
        painter.end()
        self._pictures[key] = image
        self._pictures_px += area
        return image

    def width(self, text: str, role: Role = Role.TEXT) -> float:
        """Width in pixels of a label on one line; for words that are not personal."""
        known = self._widths.get((text, role))
        if known is None:
            known = self._widths[text, role] = self.set(text, role).natural_width()
        return known

    def column(self, labels: tuple[str, ...]) -> int:
        """Width in pixels of a column of labels; for words that are not personal."""
        known = self._columns.get(labels)
        if known is None:
            known = round(max((self.width(label) for label in labels), default=0)) + 2
            self._columns[labels] = known
        return known

    def card_height(self, card: Card, width: int, most_px: int) -> int:
        """Height of a card; those whose texts take one line each are alike and measured once."""
        known = self._measured.get(id(card))
        if known is not None and known[0] is card and known[1:3] == (width, most_px):
            return known[3]
        height = self._card_height(card, width, most_px)
        if len(self._measured) >= _MOST_TEXTS:
            self._measured.clear()
        self._measured[id(card)] = (card, width, most_px, height)
        return height

    def _card_height(self, card: Card, width: int, most_px: int) -> int:
        short = (card.role, bool(card.tag), sum(map(bool, card.subs)), card.lead, card.chevron)
        key = (*short, bool(card.mark), card.centred, card.min_mm, width, most_px)
        most, height = self._plain.get(key, (0, 0))
        texts = (card.title, *card.subs, card.tag)
        if max(map(len, texts)) < most and not expands("".join(texts)):
            return height
        face = _face(self, card, width, most_px)
        height = face.height(width)
        if face.on_one_line_each(width):
            # no character is wider than the letters are high
            roles = (card.role, Role.TEXT, Role.STRONG)
            widest = max(self.metrics.font(role).pixelSize() for role in roles)
            self._plain[key] = (face.room(width) // widest, height)
        return height

    def colour(self, token: str) -> QColor:
        """A colour by the name of its token in `Tokens`."""
        known = self._colours.get(token)
        if known is None:
            known = self._colours[token] = colour(cast(str, getattr(self.tokens, token)))
        return known

    def join(self, *parts: str) -> str:
        """Parts of one line with a dot or dash between them; empty ones are left out."""
        # no line begins with a dot; in English the dot of a Chinese font stands too far apart
        dot = "\u00a0· " if self.language == "zh" else "\u00a0– "
        return dot.join(part for part in parts if part)

    def list(self, parts: Sequence[str]) -> str:
        """An enumeration as the language writes it."""
        return ("、" if self.language == "zh" else ", ").join(parts)


# -- blocks -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Block:
    """One thing on a screen. `key` is unique on the screen and stable over updates."""

    key: str


@dataclass(frozen=True, kw_only=True)
class Heading(Block):
    """The title of a page with a soft line above and below."""

    text: str
    sub: str = ""
    over: str = ""
    centred: bool = False
    role: Role = Role.TITLE


@dataclass(frozen=True, kw_only=True)
class Para(Block):
    """Plain text."""

    text: str
    role: Role = Role.TEXT
    ink: str = "ink"
    centred: bool = False
    rich: bool = False


@dataclass(frozen=True, kw_only=True)
class Card(Block):
    """A tile, row or option: to touch if it has `on`, else only to read.

    `tone`: "card" (white), "mist", "amber". `lead`: "" or "radio", "check" (choice), or
    "badge:<icon>", "soft:<icon>", "warn:<icon>" (a sign in a disc). `mark`: one character in a
    disc, above centred text. `tag`: a short state, set strong after the other lines.
    """

    title: str
    name: str = ""
    on: On | None = None
    subs: tuple[str, ...] = ()
    tone: str = "card"
    lead: str = ""
    mark: str = ""
    tag: str = ""
    tag_ink: str = "celadon_deep"
    chevron: bool = False
    enabled: bool = True
    chosen: bool = False
    centred: bool = False
    role: Role = Role.HEADING
    min_mm: float = 0.0
    bare: bool = False  # no ground of its own


@dataclass(frozen=True, kw_only=True)
class Button(Block):
    """`kind`: "primary", "outline"; small: "pill" (quiet), "pager", "chief" (filled), "chip"."""

    name: str
    text: str
    on: On
    kind: str = "outline"
    enabled: bool = True
    icon: str = ""
    says: str = ""  # accessible name where the text alone says too little


@dataclass(frozen=True, kw_only=True)
class Note(Block):
    """A quiet panel. `tone`: "amber" (must not be missed), "mist", "card"."""

    text: str
    title: str = ""
    tone: str = "amber"
    icon: str = ""
    code: str = ""
    rich: bool = False
    centred: bool = False


@dataclass(frozen=True, kw_only=True)
class Facts(Block):
    """Labels and values in a panel."""

    rows: tuple[tuple[str, str], ...]
    tone: str = "card"
    big: bool = False


@dataclass(frozen=True, kw_only=True)
class PanelRow(Block):
    """One row of a panel that goes on over the rows above and below it.

    A page may end between any two rows, so a long panel needs no page of its own.
    `label` and `value`, or only `points` beside each other, each with a dot before it.
    A row without a label goes on with the one above.
    `labels`: all labels of the panel, so that the values stand in one column.
    """

    label: str = ""
    value: str = ""
    labels: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    columns: int = 1
    tone: str = "card"


@dataclass(frozen=True, kw_only=True)
class Row(Block):
    """Blocks side by side, equally high. `weights` share the width, equal if empty."""

    cells: tuple[Block, ...]
    weights: tuple[float, ...] = ()
    gap_mm: float = 0.0  # 0: the usual gap


@dataclass(frozen=True, kw_only=True)
class Columns(Block):
    """Two or more stacks of blocks side by side, each as high as it needs."""

    stacks: tuple[tuple[Block, ...], ...]
    weights: tuple[float, ...] = ()
    middle: bool = False


@dataclass(frozen=True, kw_only=True)
class Picture(Block):
    """An image (PNG or JPEG), fitted, not cropped. `height_mm` 0 takes what is left."""

    data: bytes
    height_mm: float = 0.0
    says: str = ""


@dataclass(frozen=True, kw_only=True)
class Space(Block):
    """Empty height."""

    height_mm: float


@dataclass(frozen=True, kw_only=True)
class Keys(Block):
    """A keypad. Each key is (name, face): name becomes objectName `key:<name>`.

    `on_key` gets the name. `wide` shares the width; a face "icon:<name>" is painted.
    Rows shorter than the longest are centred.
    """

    rows: tuple[tuple[tuple[str, str], ...], ...]
    on_key: Callable[[str], None]
    disabled: tuple[str, ...] = ()
    role: Role = Role.HEADING
    wide: Mapping[str, float] | None = None


def keypad(letters: str, *extra: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """One row of a keypad: a key for each letter, then `extra` ones."""
    return (*((letter, letter) for letter in letters), *extra)


def chunked(key: str, cards: Sequence[Block], columns: int) -> tuple[Block, ...]:
    """Blocks as rows of `columns`; the last row keeps the width of the others."""
    rows: list[Block] = []
    for at in range(0, len(cards), columns):
        cells = tuple(cards[at : at + columns])
        missing = columns - len(cells)
        fill = tuple(Space(key=f"{key}.fill{at}.{n}", height_mm=0) for n in range(missing))
        rows.append(Row(key=f"{key}.{columns}.{at}", cells=cells + fill))
    return tuple(rows)


# -- widgets ----------------------------------------------------------------------------


class BlockWidget(QWidget):
    """Draws one block. Derived classes do `apply`, `height_for` and `paintEvent`."""

    stretch = False

    def __init__(self, kit: Kit, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.kit = kit
        self.block: Block | None = None
        self.waits = False  # for another block; its names are taken away

    def show_block(self, block: Block) -> bool:
        """Show `block`; True if anything changed."""
        if block == self.block and not self.waits:
            return False
        self.block, self.waits = block, False
        self.apply()
        self.update()
        return True

    def apply(self) -> None:
        """The block has changed."""

    def height_for(self, width: int) -> int:
        """Height needed at a width, in pixels."""
        raise NotImplementedError

    def overflow(self) -> bool:
        """Whether something would be cut at the size given."""
        return self.height_for(self.width()) > self.height()


class TouchWidget(QAbstractButton):
    """Draws one block that can be touched."""

    stretch = False

    def __init__(self, kit: Kit, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.kit = kit
        self.block: Block | None = None
        self.waits = False  # for another block; its names are taken away
        self._on: On | None = None
        self.ringed = False
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.clicked.connect(self._clicked)

    def show_block(self, block: Block) -> bool:
        """Show `block`; True if anything changed."""
        if block == self.block and not self.waits:
            return False
        self.block, self.waits = block, False
        self.apply()
        self.update()
        return True

    def apply(self) -> None:
        """The block has changed."""

    def height_for(self, width: int) -> int:
        """Height needed at a width, in pixels."""
        raise NotImplementedError

    def overflow(self) -> bool:
        """Whether something would be cut at the size given."""
        return self.height_for(self.width()) > self.height()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show a ring only to those who move with keys or switches."""
        self.ringed = event.reason() in (
            Qt.FocusReason.TabFocusReason,
            Qt.FocusReason.BacktabFocusReason,
        )
        super().focusInEvent(event)

    def looks(self) -> tuple[object, ...] | None:
        """All on which its picture depends beside its size and state of touch.

        None where it looks different elsewhere: without a ground of its own letters are smoothed
        with what is below them.
        """
        raise NotImplementedError

    def draw(self, painter: QPainter) -> None:
        """Paint it, without the ring."""
        raise NotImplementedError

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Copy what was painted before where it looked the same."""
        painter = QPainter(self)
        picture, looks = None, self.looks()
        if looks is not None:
            looks = (type(self), self.isDown(), self.isEnabled(), *looks)
            picture = self.kit.picture(looks, self.size(), self.devicePixelRatioF(), self.draw)
        if picture is None:
            self.draw(painter)
        else:
            painter.drawImage(0, 0, picture)
        paint_focus(painter, self)
        painter.end()

    def sizeHint(self) -> QSize:
        """As Qt asks."""
        return QSize(self.kit.metrics.target, self.kit.metrics.target)

    def bind(self, name: str, says: str, on: On | None, *, enabled: bool) -> None:
        """What a touch does, and the names by which tests and screen readers know it."""
        self.setObjectName(name)
        self.setAccessibleName(says)
        self.setEnabled(enabled and on is not None)
        self._on = on

    def event_on_touch(self) -> Event | None:
        """What a touch emits; None where it does something on the screen alone."""
        return self._on if isinstance(self._on, Event) else None

    def _clicked(self) -> None:
        if isinstance(self._on, Event):
            self.kit.emit(self._on)
        elif self._on is not None:
            self._on()


Drawn: TypeAlias = BlockWidget | TouchWidget
_WIDGETS: dict[type[Block], Callable[[Block], type[Drawn]]] = {}
_W = TypeVar("_W", bound=type[BlockWidget] | type[TouchWidget])


def draws(block: type[Block]) -> Callable[[_W], _W]:
    """Class decorator: this widget draws that kind of block."""

    def register(widget: _W) -> _W:
        _WIDGETS[block] = lambda _: widget
        return widget

    return register


def widget_class(block: Block) -> type[Drawn]:
    """The class that draws `block`."""
    return _WIDGETS[type(block)](block)


class Keeper:
    """Keeps one widget for each block of a parent, by key and class."""

    def __init__(self, kit: Kit, parent: QWidget) -> None:
        self._kit = kit
        self._parent = parent
        self._kept: dict[str, Drawn] = {}
        self._spare: dict[type[Drawn], list[Drawn]] = {}

    def show(self, blocks: Sequence[Block]) -> tuple[list[Drawn], bool]:
        """Widgets for `blocks` in order, and whether any was changed, added or dropped."""
        free = self._release(blocks)
        changed = bool(free)
        shown: list[Drawn] = []
        for block in blocks:
            changed |= block.key not in self._kept
            widget = self._widget(block, free)
            changed |= widget.show_block(block)
            shown.append(widget)
        for kind, left in free.items():
            spare = self._spare.setdefault(kind, [])
            for widget in left:
                if kind in _SPARED and len(spare) < _MOST_SPARE:
                    _blank(widget)
                    spare.append(widget)
                else:
                    _drop(widget)
        return shown, changed

    def add(self, block: Block) -> Drawn:
        """The widget of one block; all others stay as they are."""
        widget = self._widget(block, {})
        widget.show_block(block)
        return widget

    def _widget(self, block: Block, free: dict[type[Drawn], list[Drawn]]) -> Drawn:
        kept = self._kept.get(block.key)
        kind = widget_class(block)
        if kept is None or type(kept) is not kind:
            if kept is not None:
                _drop(kept)
            spare = free.get(kind) or self._spare.get(kind)
            kept = self._kept[block.key] = spare.pop() if spare else kind(self._kit, self._parent)
        return kept

    def _release(self, blocks: Sequence[Block]) -> dict[type[Drawn], list[Drawn]]:
        """Widgets whose block is gone, by class: making one takes longer than changing one."""
        wanted = dict(zip(_own_keys(blocks), map(widget_class, blocks), strict=True))
        free: dict[type[Drawn], list[Drawn]] = {}
        for key, widget in list(self._kept.items()):
            if wanted.get(key) is not type(widget):
                free.setdefault(type(widget), []).append(self._kept.pop(key))
        return free


def _blank(widget: Drawn) -> None:
    """Take what it showed from a widget, and the names by which it was found."""
    widget.hide()
    widget.waits = True
    widget.setObjectName("")
    widget.setAccessibleName("")


def _drop(widget: Drawn) -> None:
    _blank(widget)
    widget.deleteLater()


def _fill(
    painter: QPainter,
    kit: Kit,
    box: QRect,
    ground: str,
    edge: str = "",
    *,
    thick: int = 0,
    radius: int = 0,
) -> None:
    """A rounded panel with a border inside its box.

    Its corners are painted once for each look and copied: smooth edges of a large panel cost
    more than all the text on it.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    line = (thick or kit.metrics.border) if edge else 0
    round_px = min(radius or kit.metrics.radius, box.height() / 2)
    corner = ceil(round_px) + line
    across, down = min(box.width(), 2 * corner + 1), min(box.height(), 2 * corner + 1)
    if box.width() * box.height() <= _WHOLE_PX:  # keys are many and alike
        across, down = box.width(), box.height()
    elif across * box.height() <= _WHOLE_PX:  # both ends, each in one piece
        down = box.height()
    tile = kit.tile(across, down, ground, edge, line, round_px)
    x, y, width, height = box.x(), box.y(), box.width(), box.height()
    if (across, down) == (width, height):
        painter.drawImage(x, y, tile)
        return
    # one part where the tile is as wide (high) as the box, else two ends with a fill between
    columns = ((0, 0, across),) if across == width else _ends(width, across, corner)
    rows = ((0, 0, down),) if down == height else _ends(height, down, corner)
    for to_x, from_x, part_width in columns:
        for to_y, from_y, part_height in rows:
            painter.drawImage(x + to_x, y + to_y, tile, from_x, from_y, part_width, part_height)
    inner, outer = kit.colour(ground), kit.colour(edge) if edge else None
    if across < width:
        left, room = x + corner, width - 2 * corner
        if outer is not None:
            painter.fillRect(left, y, room, line, outer)
            painter.fillRect(left, y + height - line, room, line, outer)
        painter.fillRect(left, y + line, room, height - 2 * line, inner)
    if down < height:
        for to_x, _, part_width in columns:
            between = QRect(x + to_x, y + corner, part_width, height - 2 * corner)
            left = line if to_x == 0 else 0
            right = line if to_x + part_width == width else 0
            if outer is not None:
                painter.fillRect(between.x(), between.y(), left, between.height(), outer)
                edge_x = between.x() + part_width - right
                painter.fillRect(edge_x, between.y(), right, between.height(), outer)
            painter.fillRect(between.adjusted(left, 0, -right, 0), inner)


def _ends(length: int, tile: int, corner: int) -> tuple[tuple[int, int, int], ...]:
    """Where both ends of a tile go on a longer side: to, from, length."""
    return ((0, 0, corner), (length - corner, tile - corner, corner))


fill_panel = _fill

_TONES: Mapping[str, tuple[str, str, str]] = {
    # ground, pressed ground, border
    "card": ("card", "mist", "line"),
    "mist": ("mist", "mist_deep", ""),
    "amber": ("amber_paper", "amber_deep", ""),
}


def tone_edge(kit: Kit, tone: str) -> str:
    """The border of a tone; where contrast is high every panel has one."""
    edge = _TONES[tone][2]
    if edge or not kit.high_contrast:
        return edge
    return "amber" if tone == "amber" else "line"


@draws(Heading)
class HeadingWidget(BlockWidget):
    """See Heading. In little room the title steps down instead of being cut."""

    def apply(self) -> None:
        block = cast(Heading, self.block)
        self._over = self.kit.set(block.over)
        self._text = self.kit.set(block.text, block.role)
        self._sub = self.kit.set(block.sub)
        self._gap = self.kit.metrics.px(1.6)
        self.setAccessibleName(" ".join(t for t in (block.over, block.text, block.sub) if t))

    def squeeze(self, width: int, room: int) -> None:
        """Choose the largest title with which everything stands in `room` pixels of height."""
        block = cast(Heading, self.block)
        for role in (block.role, Role.HEADING, Role.STRONG):
            self._text = self.kit.set(block.text, role)
            if self.height_for(width) <= room:
                return

    def height_for(self, width: int) -> int:
        gap = self._gap if self._sub.text else 0
        return self._over.height(width) + self._text.height(width) + gap + self._sub.height(width)

    def paintEvent(self, _event: QPaintEvent) -> None:
        block = cast(Heading, self.block)
        painter = QPainter(self)
        box = QRectF(self.rect())
        soft, ink = self.kit.colour("ink_soft"), self.kit.colour("ink")
        self._over.paint(painter, box, soft, centred=block.centred)
        box.setTop(box.top() + self._over.height(self.width()))
        self._text.paint(painter, box, ink, centred=block.centred, balanced=True)
        box.setTop(box.top() + self._text.height(self.width()) + self._gap)
        self._sub.paint(painter, box, soft, centred=block.centred)
        painter.end()


@draws(Para)
class ParaWidget(BlockWidget):
    """See Para."""

    def apply(self) -> None:
        block = cast(Para, self.block)
        self._text = self.kit.set(block.text, block.role, rich=block.rich)
        self.setAccessibleName(self._text.text)

    def height_for(self, width: int) -> int:
        return self._text.height(width)

    def paintEvent(self, _event: QPaintEvent) -> None:
        block = cast(Para, self.block)
        painter = QPainter(self)
        self._text.paint(
            painter, QRectF(self.rect()), self.kit.colour(block.ink), centred=block.centred
        )
        painter.end()


def _face(kit: Kit, card: Card, width: int, room: int) -> _CardFace:
    """The card as it is, or plainer where it would be higher than `room` pixels."""
    face = _CardFace(kit, card)
    if face.height(width) <= room:
        return face
    return _CardFace(kit, replace(card, role=Role.STRONG, lead=""))


_PAD_Y_MM: Mapping[tuple[bool, bool], float] = {
    # large letters, landscape
    (False, False): 6.4,
    (False, True): 5.0,
    (True, False): 5.0,
    (True, True): 3.2,
}


class _CardFace:
    """Measures and paints a card; shared by those to touch and those to read."""

    def __init__(self, kit: Kit, card: Card) -> None:
        self.kit = kit
        self.card = card
        self.title = kit.set(card.title, card.role)
        self.subs = tuple(kit.set(sub) for sub in card.subs if sub)
        self.tag = kit.set(card.tag, Role.STRONG)
        metrics = kit.metrics
        small = bool(card.mark) or card.centred
        self.pad = metrics.px(3.0) if small else metrics.pad
        roomy = _PAD_Y_MM[metrics.large, metrics.landscape]
        self.pad_y = metrics.px((3.4 if card.mark else 2.6) if small else roomy)
        self.lead = self._lead_px()
        self.chevron = metrics.px(9.0) if card.chevron else 0
        self.mark = metrics.px(20.5 if not metrics.large else 23.0) if card.mark else 0
        self.inner = metrics.px(1.2)

    def says(self) -> str:
        """The card in words."""
        parts = (self.card.title, *self.card.subs, self.card.tag)
        return self.kit.join(*parts)

    def height(self, width: int) -> int:
        """Height at a width."""
        room = self.room(width)
        text = self._text_height(room)
        if self.card.mark:
            text += self.mark + self.inner * 3
        least = max(self.kit.metrics.target, self.kit.metrics.px(self.card.min_mm))
        return max(least, max(text, self.lead) + 2 * self.pad_y)

    def paint(self, painter: QPainter, box: QRect, *, down: bool, enabled: bool) -> None:
        """Paint into `box`."""
        kit, card = self.kit, self.card
        ground, pressed, _ = _TONES[card.tone]
        edge, thick = tone_edge(kit, card.tone), 0
        if card.chosen:
            ground, edge, thick = "mist", "celadon", kit.metrics.border * 2
        if not card.bare:
            _fill(painter, kit, box, pressed if down else ground, edge, thick=thick)
        room = self.room(box.width())
        ink = "ink" if enabled else "ink_soft"
        if card.mark or card.centred:
            self._paint_centred(painter, box, room, ink)
            return
        top = box.top() + (box.height() - self._text_height(room)) / 2
        left = float(box.left() + self.pad)
        if self.lead:
            self._paint_lead(painter, QRectF(left, box.center().y() - self.lead / 2, 0, 0))
            left += self.lead + kit.metrics.px(5.0)
        self._paint_text(painter, QRectF(left, top, room, box.height()), ink, centred=False)
        if self.chevron:
            side = self.chevron
            at = QRectF(
                box.right() - self.pad - side * 0.7, box.center().y() - side / 2, side, side
            )
            paint_icon(painter, "chevron", at, kit.colour("celadon"), 0.12)

    def _lead_px(self) -> int:
        if not self.card.lead:
            return 0
        choice = self.card.lead in ("radio", "check")
        return self.kit.metrics.px(14.4 if choice or not self.kit.metrics.large else 17.0)

    def on_one_line_each(self, width: int) -> bool:
        """Whether no text of the card needs a second line."""
        room = self.room(width)
        return all(text.lines(room) <= 1 for text in (self.title, *self.subs, self.tag))

    def room(self, width: int) -> int:
        """What its texts have of a width."""
        room = width - 2 * self.pad
        if self.lead:
            room -= self.lead + self.kit.metrics.px(5.0)
        return max(1, room - (self.chevron + self.inner * 2 if self.chevron else 0))

    def _text_height(self, room: int) -> int:
        subs = sum(sub.height(room) for sub in self.subs)
        tag = self.tag.height(room)
        gap = self.inner if subs or tag else 0
        return self.title.height(room) + gap + subs + tag

    def _paint_text(self, painter: QPainter, box: QRectF, ink: str, *, centred: bool) -> None:
        room = box.width()
        self.title.paint(painter, box, self.kit.colour(ink), centred=centred, balanced=True)
        box.setTop(box.top() + self.title.height(room) + self.inner)
        for sub in self.subs:
            sub.paint(painter, box, self.kit.colour("ink_soft"), centred=centred, balanced=True)
            box.setTop(box.top() + sub.height(room))
        self.tag.paint(painter, box, self.kit.colour(self.card.tag_ink), centred=centred)

    def _paint_centred(self, painter: QPainter, box: QRect, room: int, ink: str) -> None:
        kit = self.kit
        text = self._text_height(room)
        whole = text + (self.mark + self.inner * 3 if self.card.mark else 0)
        top = box.top() + (box.height() - whole) / 2
        if self.card.mark:
            disc = QRectF(box.center().x() - self.mark / 2, top, self.mark, self.mark)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(kit.colour("mist" if self.card.tone == "card" else "card"))
            painter.drawEllipse(disc)
            painter.setFont(kit.metrics.font(Role.HEADING))
            painter.setPen(kit.colour("celadon_deep"))
            painter.drawText(disc, Qt.AlignmentFlag.AlignCenter, self.card.mark)
            top += self.mark + self.inner * 3
        area = QRectF(box.left() + self.pad, top, room, box.height())
        self._paint_text(painter, area, ink, centred=True)

    def _paint_lead(self, painter: QPainter, at: QRectF) -> None:
        kit, side = self.kit, self.lead
        box = QRectF(at.left(), at.top(), side, side)
        kind, _, icon = self.card.lead.partition(":")
        if kind in ("radio", "check"):
            self._paint_choice(painter, box.adjusted(3, 3, -3, -3), kind)
        elif kind == "badge":
            paint_badge(painter, icon, box, kit.colour("celadon"), kit.colour("on_celadon"))
        elif kind == "warn":
            paint_badge(painter, icon, box, kit.colour("amber"), kit.colour("card"))
        else:
            ground = "card" if self.card.tone == "mist" else "mist"
            paint_badge(painter, icon, box, kit.colour(ground), kit.colour("celadon_deep"), 0.1)

    def _paint_choice(self, painter: QPainter, box: QRectF, kind: str) -> None:
        kit = self.kit
        chosen = self.card.chosen
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(kit.colour("celadon" if chosen else "line_strong"), max(3.0, box.width() * 0.08))
        painter.setPen(pen)
        painter.setBrush(
            kit.colour("celadon") if chosen and kind == "check" else kit.colour("card")
        )
        if kind == "radio":
            painter.drawEllipse(box)
            if chosen:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(kit.colour("celadon"))
                inset = box.width() * 0.25
                painter.drawEllipse(box.adjusted(inset, inset, -inset, -inset))
        else:
            painter.drawRoundedRect(box, box.width() * 0.22, box.width() * 0.22)
            if chosen:
                paint_icon(painter, "check", box, kit.colour("on_celadon"), 0.11)


class CardTouch(TouchWidget):
    """A card to touch."""

    def apply(self) -> None:
        block = cast(Card, self.block)
        self._face = _CardFace(self.kit, block)
        self.setCheckable(False)
        says = self._face.says()
        if block.chosen:
            says = self.kit.join(says, self.kit.text("chosen"))
        self.bind(block.name, says, block.on, enabled=block.enabled)

    def squeeze(self, width: int, room: int) -> None:
        """Show the card in at most `room` pixels of height, if a plainer face can."""
        if self._face.height(width) > room or self._face.card != self.block:
            self._face = _face(self.kit, cast(Card, self.block), width, room)

    def height_for(self, width: int) -> int:
        return self._face.height(width)

    def looks(self) -> tuple[object, ...] | None:
        card = self._face.card
        if card.bare or self.kit.metrics.font(card.role).pixelSize() >= _OUTLINED_PX:
            return None
        texts = (card.title, card.subs, card.tag, card.tag_ink, card.mark)
        return *texts, card.tone, card.lead, card.chevron, card.chosen, card.centred, card.role

    def draw(self, painter: QPainter) -> None:
        self._face.paint(painter, self.rect(), down=self.isDown(), enabled=self.isEnabled())


class CardRead(BlockWidget):
    """A card to read."""

    def apply(self) -> None:
        block = cast(Card, self.block)
        self._face = _CardFace(self.kit, block)
        self.setAccessibleName(self._face.says())

    def squeeze(self, width: int, room: int) -> None:
        """Show the card in at most `room` pixels of height, if a plainer face can."""
        if self._face.height(width) > room or self._face.card != self.block:
            self._face = _face(self.kit, cast(Card, self.block), width, room)

    def height_for(self, width: int) -> int:
        return self._face.height(width)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._face.paint(painter, self.rect(), down=False, enabled=True)
        painter.end()


_WIDGETS[Card] = lambda block: CardTouch if cast(Card, block).on is not None else CardRead


def paint_focus(painter: QPainter, widget: TouchWidget) -> None:
    """A ring for those who move with a keyboard or switch."""
    if not (widget.ringed and widget.hasFocus()):
        return
    kit = widget.kit
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(kit.colour("amber"), kit.metrics.border * 2))
    inset = kit.metrics.border
    round_px = min(kit.metrics.radius, widget.height() / 2)
    box = QRectF(widget.rect()).adjusted(inset, inset, -inset, -inset)
    painter.drawRoundedRect(box, round_px, round_px)


_SMALL = ("pill", "pager", "chief", "chip")


@draws(Button)
class ButtonWidget(TouchWidget):
    """See Button."""

    def apply(self) -> None:
        block = cast(Button, self.block)
        pill = block.kind in _SMALL
        plain = pill and block.kind != "chip"
        self._text = self.kit.set(block.text, Role.TEXT if plain else Role.HEADING)
        self._pad = self.kit.metrics.px(3.0 if block.kind == "chip" else (6.0 if pill else 5.0))
        self.bind(block.name, block.says or block.text, block.on, enabled=block.enabled)

    def natural_width(self) -> int:
        """Width at which the text stands on one line."""
        return round(self._text.natural_width()) + 2 * self._pad + self._icon_px() + 2

    def height_for(self, width: int) -> int:
        metrics = self.kit.metrics
        block = cast(Button, self.block)
        least = metrics.pill if block.kind in _SMALL else metrics.button
        room = width - 2 * self._pad - self._icon_px()
        return max(
            least, self._text.height(room) + metrics.px(1.6 if block.kind in _SMALL else 4.0)
        )

    def looks(self) -> tuple[object, ...]:
        block = cast(Button, self.block)
        return block.text, block.kind, block.icon

    def draw(self, painter: QPainter) -> None:
        kit, block = self.kit, cast(Button, self.block)
        ground, edge, ink = self._colours(block)
        radius = self.height() // 2 if block.kind in _SMALL else kit.metrics.button_radius
        _fill(painter, kit, self.rect(), ground, edge, radius=radius)
        room = self.width() - 2 * self._pad - self._icon_px()
        text_height = self._text.height(room)
        left = float(self._pad)
        if block.icon:
            side = self._icon_px() * 0.8
            used = min(self._text.natural_width(), room)
            left = (self.width() - used - self._icon_px()) / 2
            at = QRectF(left, (self.height() - side) / 2, side, side)
            paint_icon(painter, block.icon, at, kit.colour(ink), 0.11)
            left += self._icon_px()
            room = round(used) + 1
        box = QRectF(left, (self.height() - text_height) / 2, room, text_height)
        self._text.paint(painter, box, kit.colour(ink), centred=True)

    def _icon_px(self) -> int:
        block = cast(Button, self.block)
        role = Role.TEXT if block.kind in _SMALL else Role.HEADING
        return round(self.kit.metrics.font(role).pixelSize() * 1.25) if block.icon else 0

    def _colours(self, block: Button) -> tuple[str, str, str]:
        down = self.isDown()
        if not self.isEnabled():
            return "mist", "line", "ink_soft"
        if block.kind in ("primary", "chief"):
            return ("celadon_deep" if down else "celadon"), "", "on_celadon"
        if block.kind in ("pill", "chip"):
            return ("mist" if down else "card"), "line", "ink"
        return ("mist" if down else "card"), "celadon", "celadon_deep"


@draws(Note)
class NoteWidget(BlockWidget):
    """See Note."""

    def apply(self) -> None:
        block = cast(Note, self.block)
        metrics = self.kit.metrics
        self._title = self.kit.set(block.title, Role.STRONG)
        text = f"{block.text}  {block.code}" if block.code else block.text
        self._text = self.kit.set(text, rich=block.rich)
        self._pad = metrics.px(7.0)
        self._pad_y = metrics.px(5.4 if not metrics.landscape else 4.0)
        self._icon = metrics.px(12.4 if not metrics.large else 15.0) if block.icon else 0
        self.setAccessibleName(" ".join(part for part in (block.title, self._text.text) if part))

    def height_for(self, width: int) -> int:
        room = self._room(width)
        text = self._title.height(room) + self._text.height(room)
        return max(text, self._icon) + 2 * self._pad_y

    def paintEvent(self, _event: QPaintEvent) -> None:
        kit, block = self.kit, cast(Note, self.block)
        painter = QPainter(self)
        _fill(painter, kit, self.rect(), _TONES[block.tone][0], tone_edge(kit, block.tone))
        room = self._room(self.width())
        texts = (self._title, self._text)
        height = sum(text.height(room) for text in texts)
        top = (self.height() - height) / 2
        left = float(self._pad)
        if block.icon:
            line = self.kit.metrics.font(Role.TEXT).pixelSize() * 1.5
            y = top + (line - self._icon) / 2 if height > line * 1.2 else 0.0
            y = max(y, self._pad_y / 2) if height > line * 1.2 else (self.height() - self._icon) / 2
            ground = "amber" if block.tone == "amber" else "celadon"
            box = QRectF(left, y, self._icon, self._icon)
            paint_badge(painter, block.icon, box, kit.colour(ground), kit.colour("card"), 0.14)
            left += self._icon + kit.metrics.px(4.4)
        for text in texts:
            box = QRectF(left, top, room, height)
            text.paint(painter, box, kit.colour("ink"), centred=block.centred, balanced=True)
            top += text.height(room)
        painter.end()

    def _room(self, width: int) -> int:
        icon = self._icon + self.kit.metrics.px(4.4) if self._icon else 0
        return max(1, width - 2 * self._pad - icon)


@draws(Facts)
class FactsWidget(BlockWidget):
    """See Facts."""

    def apply(self) -> None:
        block = cast(Facts, self.block)
        metrics = self.kit.metrics
        self._rows = tuple(
            (self.kit.set(label), self.kit.set(value, Role.BIG if block.big else Role.STRONG))
            for label, value in block.rows
        )
        self._pad = metrics.pad
        self._pad_y = metrics.px(4.6)
        self._row_gap = metrics.px(2.4)
        self.setAccessibleName("; ".join(f"{label}: {value}" for label, value in block.rows))

    def height_for(self, width: int) -> int:
        return 2 * self._pad_y + sum(self._heights(width)) + self._row_gap * (len(self._rows) - 1)

    def paintEvent(self, _event: QPaintEvent) -> None:
        kit, block = self.kit, cast(Facts, self.block)
        painter = QPainter(self)
        _fill(painter, kit, self.rect(), _TONES[block.tone][0], tone_edge(kit, block.tone))
        labels, values, beside = self._split(self.width())
        y = float(self._pad_y)
        for (label, value), height in zip(self._rows, self._heights(self.width()), strict=True):
            drop = max(0, value.pitch - label.pitch) / 2 if beside else 0.0
            box = QRectF(self._pad, y + drop, labels, height)
            label.paint(painter, box, kit.colour("ink_soft"))
            at = QPointF(self._pad + labels + kit.metrics.gap, y)
            if not beside:
                at = QPointF(self._pad, y + label.height(labels))
            value.paint(painter, QRectF(at.x(), at.y(), values, height), kit.colour("ink"))
            y += height + self._row_gap
        painter.end()

    def _split(self, width: int) -> tuple[int, int, bool]:
        """Width of labels, width of values, and whether they stand side by side."""
        room = width - 2 * self._pad
        labels = max((round(label.natural_width()) + 2 for label, _ in self._rows), default=0)
        values = room - labels - self.kit.metrics.gap
        if labels > room * 0.36 or values < room * 0.5:
            return room, room, False
        return labels, values, True

    def _heights(self, width: int) -> list[int]:
        labels, values, beside = self._split(width)
        if beside:
            return [max(one.height(labels), two.height(values)) for one, two in self._rows]
        return [one.height(labels) + two.height(values) for one, two in self._rows]


class _PanelFace:
    """Measures a row of a panel. `first`, `last`: whether the panel begins or ends with it."""

    def __init__(self, kit: Kit, row: PanelRow, *, first: bool = True, last: bool = True) -> None:
        self.kit = kit
        self.row = row
        self.first, self.last = first, last
        self.points = tuple(kit.set(point) for point in row.points)
        self.column = kit.column(row.labels)
        self._colon = "：" if kit.language == "zh" else ": "

    def says(self) -> str:
        """The row in words."""
        row = self.row
        if row.points:
            return self.kit.list(row.points)
        return f"{row.label}{self._colon}{row.value}" if row.label else row.value

    def height(self, width: int) -> int:
        """Height at a width."""
        above, below = self.pad_px(end=self.first), self.pad_px(end=self.last)
        return above + self.text_height(width) + below

    def label(self) -> Typeset:
        return self.kit.set(self.row.label)

    def value(self) -> Typeset:
        return self.kit.set(self.row.value, Role.STRONG)

    def run(self) -> Typeset:
        """Label and value behind each other; without a label it goes on with the row above."""
        label = f"{self.row.label}{self._colon}" if self.row.label else ""
        return self.kit.set(f"{label}**{self.row.value}**", rich=True)

    def pad_px(self, *, end: bool) -> int:
        return self.kit.metrics.px(4.0 if end else 1.2)

    def cell(self, width: int) -> int:
        """Width of one of the points beside each other."""
        metrics, columns = self.kit.metrics, self.row.columns
        room = width - 2 * metrics.pad - metrics.gap * (columns - 1)
        return max(1, room // columns - metrics.px(5.4))

    def beside(self, width: int) -> bool:
        """Whether the value stands beside its label."""
        room = width - 2 * self.kit.metrics.pad
        return not self.kit.metrics.large and self.column <= room * 0.36

    def text_height(self, width: int) -> int:
        room = width - 2 * self.kit.metrics.pad
        if self.points:
            return max(point.height(self.cell(width)) for point in self.points)
        if self.beside(width):
            values = room - self.column - self.kit.metrics.gap
            return max(self.label().height(self.column), self.value().height(values))
        return self.run().height(room)


@draws(PanelRow)
class PanelRowWidget(BlockWidget):
    """See PanelRow. The stage says whether the panel goes on above and below."""

    def __init__(self, kit: Kit, parent: QWidget | None) -> None:
        super().__init__(kit, parent)
        self._opens = self._closes = True  # on this page

    def apply(self) -> None:
        self.face = _PanelFace(self.kit, cast(PanelRow, self.block))
        self.setAccessibleName(self.face.says())

    def ends(self, *, first: bool, last: bool) -> None:
        """Whether this is the first or the last row of its panel."""
        self.face.first, self.face.last = first, last

    def on_page(self, *, opens: bool, closes: bool) -> None:
        """Whether the panel begins or ends on this page with this row."""
        if (opens, closes) != (self._opens, self._closes):
            self._opens, self._closes = opens, closes
            self.update()

    def height_for(self, width: int) -> int:
        return self.face.height(width)

    def paintEvent(self, _event: QPaintEvent) -> None:
        kit, metrics, face = self.kit, self.kit.metrics, self.face
        painter = QPainter(self)
        beyond = metrics.radius * 2  # what lies outside the row is not painted: no edge there
        top = 0 if self._opens else -beyond
        bottom = 0 if self._closes else beyond
        box = self.rect().adjusted(0, top, 0, bottom)
        tone = face.row.tone
        _fill(painter, kit, box, _TONES[tone][0], tone_edge(kit, tone))
        y, pad = float(face.pad_px(end=self._opens)), metrics.pad
        ink, soft = kit.colour("ink"), kit.colour("ink_soft")
        room = self.width() - 2 * pad
        if face.points:
            cell = face.cell(self.width())
            dot = metrics.px(2.2)
            for at, point in enumerate(face.points):
                x = pad + at * (cell + metrics.px(5.4) + metrics.gap)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(kit.colour("celadon"))
                painter.drawEllipse(QRectF(x, y + (point.pitch - dot) / 2, dot, dot))
                left = x + metrics.px(5.4)
                point.paint(painter, QRectF(left, y, cell, self.height()), ink)
        elif face.beside(self.width()):
            face.label().paint(painter, QRectF(pad, y, face.column, self.height()), soft)
            left = pad + face.column + metrics.gap
            face.value().paint(painter, QRectF(left, y, pad + room - left, self.height()), ink)
        else:
            face.run().paint(painter, QRectF(pad, y, room, self.height()), ink)
        painter.end()

    def extra_px(self) -> tuple[int, int]:
        """What the row needs above and below where a page cuts the panel."""
        face = self.face
        more = face.pad_px(end=True) - face.pad_px(end=False)
        above = more if self._opens and not face.first else 0
        return above, more if self._closes and not face.last else 0

    def overflow(self) -> bool:
        return self.height_for(self.width()) + sum(self.extra_px()) > self.height()


@draws(Space)
class SpaceWidget(BlockWidget):
    """See Space."""

    def height_for(self, _width: int) -> int:
        return self.kit.metrics.px(cast(Space, self.block).height_mm)


@draws(Picture)
class PictureWidget(BlockWidget):
    """See Picture."""

    stretch = True

    def apply(self) -> None:
        block = cast(Picture, self.block)
        self.stretch = block.height_mm == 0
        self._image = QImage.fromData(block.data)
        self._scaled: QPixmap | None = None
        self.setAccessibleName(block.says)

    def height_for(self, _width: int) -> int:
        return self.kit.metrics.px(cast(Picture, self.block).height_mm or 40.0)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = self.rect()
        if self._image.isNull():
            _fill(painter, self.kit, box, "mist")
        else:
            if self._scaled is None or not _fits(self._scaled.size(), box.size()):
                self._scaled = QPixmap.fromImage(
                    self._image.scaled(
                        box.size(),
                        Qt.AspectRatioMode.KeepAspectRatio,
                        Qt.TransformationMode.SmoothTransformation,
                    )
                )
            at = QRect(self._scaled.rect())
            at.moveCenter(box.center())
            path = QPainterPath()
            path.addRoundedRect(QRectF(at), 12, 12)
            painter.setClipPath(path)
            painter.drawPixmap(at, self._scaled)
            painter.setClipping(False)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self.kit.colour("line_strong"), self.kit.metrics.border))
            painter.drawPath(path)
        painter.end()


def _fits(inner: QSize, outer: QSize) -> bool:
    return inner.width() == outer.width() or inner.height() == outer.height()


class _Stack:
    """Places widgets below each other."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    def gap(self) -> int:
        return self._kit.metrics.gap

    def heights(self, widgets: Sequence[Drawn], width: int) -> list[int]:
        return [widget.height_for(width) for widget in widgets]

    def total(self, heights: Sequence[int]) -> int:
        return sum(heights) + self.gap() * max(0, len(heights) - 1)

    def place(
        self,
        widgets: Sequence[Drawn],
        heights: Sequence[int],
        box: QRect,
        *,
        middle: bool,
        gaps: Sequence[int] = (),
    ) -> None:
        """`gaps`: what stays free before each widget; that before the first is left out."""
        gaps = gaps or [self.gap()] * len(heights)
        spare = max(0, box.height() - sum(heights) - sum(gaps[1:]))
        takers = [widget for widget in widgets if widget.stretch]
        y = box.top() + (spare // 2 if middle and not takers else 0)
        for at, (widget, needed) in enumerate(zip(widgets, heights, strict=True)):
            height = needed + (spare // len(takers) if widget in takers else 0)
            y += gaps[at] if at else 0
            widget.setGeometry(box.left(), y, box.width(), height)
            widget.show()
            y += height


@draws(Row)
class RowWidget(BlockWidget):
    """See Row."""

    def __init__(self, kit: Kit, parent: QWidget | None) -> None:
        super().__init__(kit, parent)
        self._keeper = Keeper(kit, self)
        self._cells: list[Drawn] = []

    def apply(self) -> None:
        self._cells, _ = self._keeper.show(cast(Row, self.block).cells)
        self._place()

    def height_for(self, width: int) -> int:
        shares = self._shares(width)
        return max(
            (cell.height_for(share) for cell, share in zip(self._cells, shares, strict=True)),
            default=0,
        )

    def overflow(self) -> bool:
        return False  # its cells say so themselves

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self._place()

    def _gap(self) -> int:
        wanted = cast(Row, self.block).gap_mm
        return self.kit.metrics.px(wanted) if wanted else self.kit.metrics.gap

    def _shares(self, width: int) -> list[int]:
        block = cast(Row, self.block)
        return shares(width, self._gap(), block.weights or (1.0,) * len(block.cells))

    def _place(self) -> None:
        x = 0
        for cell, share in zip(self._cells, self._shares(self.width()), strict=True):
            cell.setGeometry(x, 0, share, self.height())
            cell.show()
            x += share + self._gap()


def shares(width: int, gap: int, weights: Sequence[float]) -> list[int]:
    """Split `width` by `weights`, with `gap` between, in whole pixels without a remainder."""
    room = width - gap * (len(weights) - 1)
    total = sum(weights)
    ends = [round(room * sum(weights[: at + 1]) / total) for at in range(len(weights))]
    return [max(0, end - start) for start, end in zip([0, *ends], ends, strict=False)]


@draws(Columns)
class ColumnsWidget(BlockWidget):
    """See Columns."""

    stretch = True

    def __init__(self, kit: Kit, parent: QWidget | None) -> None:
        super().__init__(kit, parent)
        self._keeper = Keeper(kit, self)
        self._stacks: list[list[Drawn]] = []
        self._stack = _Stack(kit)

    def apply(self) -> None:
        block = cast(Columns, self.block)
        widgets, _ = self._keeper.show([part for stack in block.stacks for part in stack])
        self._stacks = []
        for stack in block.stacks:
            self._stacks.append(widgets[: len(stack)])
            widgets = widgets[len(stack) :]
        self._place()

    def height_for(self, width: int) -> int:
        tall = [
            self._stack.total(self._stack.heights(stack, share))
            for stack, share in zip(self._stacks, self._shares(width), strict=True)
        ]
        return max(tall, default=0)

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self._place()

    def _shares(self, width: int) -> list[int]:
        block = cast(Columns, self.block)
        weights = block.weights or (1.0,) * len(block.stacks)
        return shares(width, self.kit.metrics.gap * 2, weights)

    def _place(self) -> None:
        x = 0
        for stack, share in zip(self._stacks, self._shares(self.width()), strict=True):
            heights = self._stack.heights(stack, share)
            box = QRect(x, 0, share, self.height())
            self._stack.place(stack, heights, box, middle=cast(Columns, self.block).middle)
            x += share + self.kit.metrics.gap * 2


@dataclass(frozen=True, kw_only=True)
class Key(Block):
    """One key of a keypad."""

    name: str
    face: str
    on_key: Callable[[str], None]
    enabled: bool
    role: Role
    says: str = ""
    roomy: bool = False  # few keys in a row: there is height for larger ones


@draws(Key)
class KeyWidget(TouchWidget):
    """One key of a keypad."""

    def apply(self) -> None:
        block = cast(Key, self.block)
        self.bind(f"key:{block.name}", block.says or block.face, self._press, enabled=block.enabled)

    def height_for(self, _width: int) -> int:
        metrics = self.kit.metrics
        block = cast(Key, self.block)
        tall = 26.0 if block.roomy and not metrics.landscape else 18.0
        return max(metrics.target, metrics.px(tall if not metrics.landscape else 16.0))

    def _press(self) -> None:
        block = cast(Key, self.block)
        block.on_key(block.name)

    def looks(self) -> tuple[object, ...]:
        block = cast(Key, self.block)
        return block.face, block.role

    def draw(self, painter: QPainter) -> None:
        kit, block = self.kit, cast(Key, self.block)
        down = self.isDown()
        ground = "mist_deep" if down else ("card" if self.isEnabled() else "paper")
        _fill(painter, kit, self.rect(), ground, "line", radius=kit.metrics.px(3.6))
        ink = kit.colour("ink" if self.isEnabled() else "ink_soft")
        kind, _, icon = block.face.partition(":")
        if kind == "icon" and icon:
            side = min(self.width(), self.height()) * 0.62
            box = QRectF(0, 0, side, side)
            box.moveCenter(QRectF(self.rect()).center())
            paint_icon(painter, icon, box, ink, 0.08)
        else:
            painter.setPen(ink)
            painter.setFont(kit.metrics.font(block.role))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, block.face)


@draws(Keys)
class KeysWidget(BlockWidget):
    """See Keys."""

    def __init__(self, kit: Kit, parent: QWidget | None) -> None:
        super().__init__(kit, parent)
        self._keeper = Keeper(kit, self)
        self._keys: list[Drawn] = []

    def apply(self) -> None:
        block = cast(Keys, self.block)
        keys = [
            Key(
                key=name,
                name=name,
                face=face,
                on_key=block.on_key,
                enabled=name not in block.disabled,
                role=block.role,
                says=self.kit.text("key.backspace") if name == "backspace" else "",
                roomy=max(len(row) for row in block.rows) <= 5,
            )
            for row in block.rows
            for name, face in row
        ]
        self._keys, _ = self._keeper.show(keys)
        self._place()

    def height_for(self, width: int) -> int:
        rows = len(cast(Keys, self.block).rows)
        one = self._keys[0].height_for(width) if self._keys else 0
        return rows * one + (rows - 1) * self._gap()

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self._place()

    def _gap(self) -> int:
        return self.kit.metrics.small_gap

    def _place(self) -> None:
        block = cast(Keys, self.block)
        wide = block.wide or {}
        gap = self._gap()
        most = max((sum(wide.get(name, 1.0) for name, _ in row) for row in block.rows), default=1)
        unit = (self.width() + gap) / most
        height = self._keys[0].height_for(self.width()) if self._keys else 0
        keys = iter(self._keys)
        for at, row in enumerate(block.rows):
            used = sum(wide.get(name, 1.0) for name, _ in row)
            x = (most - used) * unit / 2
            for name, _ in row:
                width = unit * wide.get(name, 1.0)
                key = next(keys)
                key.setGeometry(
                    round(x), at * (height + gap), round(x + width) - round(x) - gap, height
                )
                key.show()
                x += width


# -- pages and screens --------------------------------------------------------------------


LEFT_SHARE = 0.41
"""Part of the width that the head takes in landscape."""


class Stage(QWidget):
    """Head, pages of blocks, pager, foot.

    In portrait they stand below each other. In landscape the head is at the left and the rest
    at the right; with `foot_right` (keypads) the foot alone is at the right.
    """

    def __init__(self, kit: Kit, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.kit = kit
        self.left_share = LEFT_SHARE
        self.middle = False
        self.foot_right = False
        self.page = 0
        self._placed = QSize()
        self.pages: list[tuple[int, int]] = [(0, 0)]
        self._stack = _Stack(kit)
        self._heads = Keeper(kit, self)
        self._bodies = Keeper(kit, self)
        self._feet = Keeper(kit, self)
        self._pagers = Keeper(kit, self)
        self._pager_row: Drawn | None = None  # made once, hidden where there is one page
        self._head: list[Drawn] = []
        self._body: tuple[Block, ...] = ()
        self._foot: list[Drawn] = []
        self._keys: tuple[str, ...] = ()
        self._known: dict[tuple[int, int, int], list[int]] = {}  # heights of the body

    def show_blocks(
        self, head: Sequence[Block], blocks: Sequence[Block], foot: Sequence[Block]
    ) -> None:
        """Show these blocks; stays on the page while the same blocks are shown."""
        titles = (block.text for block in head if isinstance(block, Heading))
        keys = (*titles, *_own_keys(blocks))
        if keys != self._keys:
            self._keys = keys
            self.page = 0
        self._head, one = self._heads.show(head)
        two, self._body = self._body != tuple(blocks), tuple(blocks)
        self._foot, three = self._feet.show(foot)
        if one or two or three or self.size() != self._placed:
            self._known.clear()
            self.place()

    def resizeEvent(self, _event: QResizeEvent) -> None:
        if self.size() != self._placed:
            self._known.clear()
            self.place()

    def turn(self, by: int) -> None:
        """Go `by` pages on."""
        self.page += by
        self.place()

    def place(self) -> None:
        """Put everything in its place, in as many pages as are needed."""
        if self.width() <= 0 or self.height() <= 0:
            return
        self._placed = self.size()
        whole = self.rect()
        if not (self.kit.metrics.landscape and (self._head or (self._foot and self.foot_right))):
            above = self._place_foot(whole)
            share = 0.5 if self._body else 1.0
            self._place_body(*self._place_head(above, round(above.height() * share)))
            return
        between = self.kit.metrics.gap * 2
        left_px, right_px = shares(whole.width(), between, (self.left_share, 1.0 - self.left_share))
        left = QRect(0, 0, left_px, whole.height())
        right = QRect(left_px + between, 0, right_px, whole.height())
        if self._foot and self.foot_right:
            self._place_foot(right, middle=True)
            tallest = max(self._heights(self._body, left_px, whole.height()), default=0)
            pager = self.kit.metrics.pill + round(self.kit.metrics.gap * 2.3)
            room = min(round(left.height() * 0.6), left.height() - tallest - pager)
            room = room if self._body else left.height()
            self._place_body(*self._place_head(left, room))
            return
        _, body = self._place_head(left, left.height())
        self._place_body(self._place_foot(right), body)

    def _place_head(self, box: QRect, room: int) -> tuple[QRect, list[Block]]:
        """Place the head at the top of `box`, in at most `room` pixels of height.

        Returns what is left below it, and the blocks of the body: what finds no room in the
        head comes before them.
        """
        head, body = list(self._head), list(self._body)
        if not head:
            return box, body
        gap = self.kit.metrics.gap
        while True:
            blocks = [cast(Block, widget.block) for widget in head]
            _join_panels(head, blocks)
            gaps = _gaps(blocks, gap)
            others = [widget for widget in head if not isinstance(widget, HeadingWidget)]
            used = sum(self._stack.heights(others, box.width())) + sum(gaps[1:])
            for widget in head:
                if isinstance(widget, HeadingWidget):
                    widget.squeeze(box.width(), room - used)
                elif isinstance(widget, CardTouch | CardRead):
                    widget.squeeze(box.width(), room)  # it may have been squeezed before
            heights = self._stack.heights(head, box.width())
            total = sum(heights) + sum(gaps[1:])
            if total <= room or not others or head[-1] is not others[-1] or len(head) == 1:
                break
            moved = head.pop()
            moved.hide()
            body.insert(0, cast(Block, moved.block))
        top = QRect(box.left(), box.top(), box.width(), total)
        _open_panels(head, gaps)
        self._stack.place(head, heights, top, middle=False, gaps=gaps)
        return box.adjusted(0, total + round(gap * 1.3), 0, 0), body

    def _place_foot(self, box: QRect, *, middle: bool = False) -> QRect:
        """Place the foot at the bottom of `box`; what is left above it."""
        if not self._foot:
            return box
        heights = self._stack.heights(self._foot, box.width())
        total = self._stack.total(heights)
        top = box.top() + (box.height() - total) // (2 if middle else 1)
        at = QRect(box.left(), top, box.width(), total)
        self._stack.place(self._foot, heights, at, middle=False)
        return box.adjusted(0, 0, 0, -total - self.kit.metrics.gap)

    def _place_body(self, box: QRect, body: Sequence[Block]) -> None:
        page_px = box.height() - self.kit.metrics.pill - self.kit.metrics.small_gap
        heights = self._heights(body, box.width(), page_px)
        sticky = [isinstance(block, Para) and block.role is Role.HEADING for block in body]
        gap = self.kit.metrics.gap
        gaps = _gaps(body, gap)
        self.pages = _paginate(heights, sticky, box.height(), gaps)
        if len(self.pages) > 1:  # a little closer together may spare a page
            gap = self.kit.metrics.small_gap
            gaps = _gaps(body, gap)
            self.pages = _paginate(heights, sticky, box.height(), gaps)
        if len(self.pages) > 1:
            tall = self.kit.metrics.pill
            box = box.adjusted(0, 0, 0, -tall - gap)
            cuts = 2 * self.kit.metrics.px(2.8) if 0 in gaps else 0  # edges of a panel cut in two
            self.pages = _paginate(heights, sticky, box.height() - cuts, gaps)
            self.page = max(0, min(self.page, len(self.pages) - 1))
            self._place_pager(QRect(box.left(), box.bottom() + 1 + gap, box.width(), tall))
        else:
            self.page = 0
            if self._pager_row is not None:
                self._pager_row.hide()
        first, last = self.pages[self.page]
        shown, before = self._page_widgets(body, first, last), gaps[first:last]
        needed = heights[first:last]
        for widget in shown:
            if isinstance(widget, CardTouch | CardRead):
                widget.squeeze(box.width(), page_px)
        _join_panels(shown, body, first)
        _open_panels(shown, before)
        for at, widget in enumerate(shown):
            if isinstance(widget, PanelRowWidget):
                needed[at] += sum(widget.extra_px())
        middle = self.middle and len(self.pages) == 1
        self._stack.place(shown, needed, box, middle=middle, gaps=before)

    def _heights(self, body: Sequence[Block], width: int, page_px: int) -> list[int]:
        """What each block of the body needs; most are measured without a widget."""
        at_hand = self._known.get((len(body), width, page_px))
        if at_hand is None:
            at_hand = self._known[len(body), width, page_px] = [
                self._height(body, at, width, page_px) for at in range(len(body))
            ]
        return at_hand

    def _height(self, body: Sequence[Block], at: int, width: int, page_px: int) -> int:
        kit, block = self.kit, body[at]
        if type(block) is Card:
            return kit.card_height(block, width, page_px)
        if type(block) is PanelRow:
            first, last = _panel_ends(body, at)
            return _PanelFace(kit, block, first=first, last=last).height(width)
        if type(block) is Para:
            return kit.set(block.text, block.role, rich=block.rich).height(width)
        return self._bodies.add(block).height_for(width)

    def _page_widgets(self, body: Sequence[Block], first: int, last: int) -> list[Drawn]:
        """Widgets of a page; those that may hold something of their own stay, hidden."""
        on_page = range(first, last)
        held = [
            (at, block)
            for at, block in enumerate(body)
            if at in on_page or type(block) not in _NO_STATE
        ]
        widgets, _ = self._bodies.show([block for _, block in held])
        shown = []
        for (at, _), widget in zip(held, widgets, strict=True):
            if at in on_page:
                shown.append(widget)
            else:
                widget.hide()
        return shown

    def _place_pager(self, box: QRect) -> None:
        (pager,), _ = self._pagers.show([self._pager(box.width())])
        self._pager_row = pager
        pager.setGeometry(box)
        pager.show()

    def _pager(self, width: int) -> Row:
        kit, last = self.kit, len(self.pages) - 1
        third = (width - 2 * kit.metrics.gap) / 3 - 2 * kit.metrics.px(6.0) - 4
        texts = (kit.text("page.back"), kit.text("page.on"))
        wide = all(kit.set(text).natural_width() <= third for text in texts)
        back = Button(
            key="page:back",
            name="page:back",
            text=texts[0] if wide else "",
            says=texts[0],
            on=self._turn_back,
            kind="pager",
            icon="" if wide else "left",
            enabled=self.page > 0,
        )
        on = Button(
            key="page:on",
            name="page:on",
            text=texts[1] if wide else "",
            says=texts[1],
            on=self._turn_on,
            kind="pager",
            icon="" if wide else "chevron",
            enabled=self.page < last,
        )
        count = Para(key="page.count", text=f"{self.page + 1} / {last + 1}", centred=True)
        return Row(key="pager", cells=(back, Middle(key="page.middle", inner=count), on))

    def _turn_back(self) -> None:
        self.turn(-1)

    def _turn_on(self) -> None:
        self.turn(1)


_NO_STATE: frozenset[type[Block]] = frozenset({Card, PanelRow, Para})
"""What is shown by any widget of its kind: there need be none while the block is not seen."""

_SPARED: frozenset[type[Drawn]] = frozenset(
    {CardTouch, CardRead, PanelRowWidget, ParaWidget, KeysWidget}
)
"""Widgets that wait for the next block of their kind, at most so many of each in one place."""
_MOST_SPARE: Final = 16


def _own_keys(blocks: Sequence[Block]) -> tuple[str, ...]:
    """The keys of `blocks`. Raises ValueError when two are the same."""
    keys = tuple(block.key for block in blocks)
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"two blocks have the key {twice}")
    return keys


def _goes_on(above: Block, below: Block) -> bool:
    """Whether two blocks below each other are rows of one panel."""
    return (
        isinstance(above, PanelRow)
        and isinstance(below, PanelRow)
        and above.tone == below.tone
        and bool(above.points) is bool(below.points)
    )


def _panel_ends(body: Sequence[Block], at: int) -> tuple[bool, bool]:
    """Whether a row is the first and the last of its panel."""
    first = not at or not _goes_on(body[at - 1], body[at])
    return first, at + 1 == len(body) or not _goes_on(body[at], body[at + 1])


def _join_panels(shown: Sequence[Drawn], body: Sequence[Block], first: int = 0) -> None:
    """Tell the rows of panels which of them begin and end one; `shown` are those from `first`."""
    for at, widget in enumerate(shown, first):
        if isinstance(widget, PanelRowWidget):
            opens, closes = _panel_ends(body, at)
            widget.ends(first=opens, last=closes)


def _open_panels(shown: Sequence[Drawn], gaps: Sequence[int]) -> None:
    """Tell the rows of panels where an edge is to be seen."""
    for at, widget in enumerate(shown):
        if isinstance(widget, PanelRowWidget):
            goes_on = at + 1 < len(shown) and not gaps[at + 1]
            widget.on_page(opens=not at or bool(gaps[at]), closes=not goes_on)


def _gaps(body: Sequence[Block], gap: int) -> list[int]:
    """What stays free before each block: nothing within a panel."""
    return [0 if at and _goes_on(body[at - 1], body[at]) else gap for at in range(len(body))]


def _paginate(
    heights: Sequence[int], sticky: Sequence[bool], room: int, gaps: Sequence[int]
) -> list[tuple[int, int]]:
    """Ranges of blocks that fit into `room` each; at least one block a page.

    `gaps` is what stays free before each block that is not the first of its page.
    A `sticky` block (a title) does not stay behind alone at the end of a page.
    """
    pages: list[tuple[int, int]] = []
    start, used = 0, 0
    for at, height in enumerate(heights):
        needed = height if at == start else used + gaps[at] + height
        if at > start and needed > room:
            split = at
            while split - 1 > start and sticky[split - 1]:
                split -= 1
            pages.append((start, split))
            start = split
            needed = sum(heights[split : at + 1]) + sum(gaps[split + 1 : at + 1])
        used = needed
    pages.append((start, len(heights)))
    return pages


@dataclass(frozen=True, kw_only=True)
class Middle(Block):
    """Another block, vertically in the middle of what it is given."""

    inner: Block


@draws(Middle)
class MiddleWidget(BlockWidget):
    """See Middle."""

    def __init__(self, kit: Kit, parent: QWidget | None) -> None:
        super().__init__(kit, parent)
        self._keeper = Keeper(kit, self)
        self._inner: list[Drawn] = []

    def apply(self) -> None:
        self._inner, _ = self._keeper.show([cast(Middle, self.block).inner])
        self._place()

    def height_for(self, width: int) -> int:
        return self._inner[0].height_for(width)

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self._place()

    def _place(self) -> None:
        height = self._inner[0].height_for(self.width())
        self._inner[0].setGeometry(0, (self.height() - height) // 2, self.width(), height)
        self._inner[0].show()


class StepScreen(QWidget):
    """The body of one step. Derived classes do `update_view`."""

    def __init__(self, kit: Kit, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kit = kit
        self.bar_may_change: Callable[[], None] = _nothing

    frame: Frame

    def update_view(self, body: Any, frame: Frame) -> None:
        """Show `body` in place; sets `self.frame`."""
        raise NotImplementedError

    def extra_actions(self, _body: Any) -> tuple[Button, ...]:
        """More buttons for the bar at the bottom, beside Back and the main action."""
        return ()


def _nothing() -> None:
    pass


class BlockScreen(StepScreen):
    """A screen made of blocks. Derived classes do `blocks`, and `head` and `foot` if needed."""

    middle = False
    foot_right = False

    def __init__(self, kit: Kit, parent: QWidget | None = None) -> None:
        super().__init__(kit, parent)
        self.stage = Stage(kit, self)
        self.stage.middle = self.middle
        self.stage.foot_right = self.foot_right
        self._shown: tuple[Any, Frame] | None = None

    def head(self, _body: Any) -> Sequence[Block]:
        """What stays above the pages."""
        return ()

    def blocks(self, body: Any) -> Sequence[Block]:
        """What is shown, in pages if it must be."""
        raise NotImplementedError

    def foot(self, _body: Any) -> Sequence[Block]:
        """What stays below the pages."""
        return ()

    def update_view(self, body: Any, frame: Frame) -> None:
        """Show `body` in place."""
        self.frame = frame
        self._shown = (body, frame)
        if self.stage.size() != self.size():  # before it is shown Qt sends no resizeEvent
            self.stage.resize(self.size())
        self.stage.show_blocks(self.head(body), self.blocks(body), self.foot(body))

    def refresh(self) -> None:
        """Show the last view again, after local state has changed."""
        if self._shown is not None:
            self.update_view(*self._shown)
            self.bar_may_change()

    def resizeEvent(self, _event: QResizeEvent) -> None:
        """The stage takes all of the screen."""
        if self.stage.size() != self.size():
            self.stage.setGeometry(self.rect())
            self.refresh()


def fitting_columns(
    kit: Kit, texts: Sequence[str], role: Role, width: int, candidates: Sequence[int]
) -> int:
    """The first of `candidates` in which no word of `texts` must be broken."""
    widest = max((kit.set(text, role).widest_word() for text in texts), default=0.0)
    pad = 2 * kit.metrics.px(3.0) + 4
    for columns in candidates:
        if (width - kit.metrics.gap * (columns - 1)) / columns - pad >= widest:
            return columns
    return candidates[-1]
