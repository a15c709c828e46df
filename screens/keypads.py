"""Keypads: digits, letters and digits, a date, and the pinyin board with its candidates.

`Board` keeps what is being typed into one field: it turns keys into the field's whole text and
gives the blocks to show. The text itself belongs to the view; only what is not text yet (letters
of pinyin, a date without its day) stays here, and goes with `forget`.

objectNames: `key:<char>`, `key:backspace`, `key:clear`, `key:space`, `key:zh` (pinyin or
letters), `key:123`, `key:shift`, `cand:<n>`, `cand:on`, `cand:back`, `part:year` and so on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QWidget

from kiosk.application.fields import grouped
from kiosk.catalogue.model import FieldKind
from screens.theme import Role
from screens.toolkit import (
    Block,
    BlockWidget,
    Button,
    Card,
    Drawn,
    Keeper,
    Keys,
    Kit,
    Row,
    draws,
    fill_panel,
    keypad,
)
from screens.typeset import Typeset

MOST_SPELLING = 24
MOST_TEXT: Mapping[str, int] = {
    "phone": 16,
    "number": 12,
    "money": 12,
    "code": 32,
    "person-number": 18,
    "bank-card": 19,
    "credit-code": 18,
    "name": 60,
    "address": 120,
    "text": 120,
}
_PAD_KINDS = ("phone", "number", "money", "bank-card")
_CODE_KINDS = ("code", "credit-code", "person-number")
_Row = tuple[tuple[str, str], ...]
_BACKSPACE = ("backspace", "icon:backspace")
_DATE_PARTS = (("year", 4), ("month", 2), ("day", 2))
_EXTRA_KEY: Mapping[str, str] = {"phone": "+", "money": "."}
# Words of an address, for those who would rather not spell them.
_ADDRESS_WORDS = ("省市区县镇乡村路街巷", "弄号幢楼单元层室")
_SIGNS = "-#/()·.,"


class Board:
    """One field's typing. `on_text` gets the whole text after each change."""

    def __init__(
        self, kit: Kit, on_text: Callable[[str], None], refresh: Callable[[], None]
    ) -> None:
        self._kit = kit
        self._on_text = on_text
        self._refresh = refresh
        self._field = ""
        self._kind = "text"
        self._text = ""
        self._spelling = ""
        self._mode = "zh"
        self._shift = False
        self._found: tuple[tuple[str, int], ...] = ()
        self._from = 0
        self._parts = ["", "", ""]
        self._part = 0

    # -- state ----------------------------------------------------------------------------

    def show(self, field: str, kind: str, text: str) -> None:
        """Type into this field, which now holds `text`."""
        if field != self._field or kind != self._kind:
            self.forget()
            self._field, self._kind = field, kind
            self._mode = self._home()
            self._text = text
            self._parts = _parts(text)
            self._part = 0 if not self._parts[0] else 2
        elif text != self._text:
            self._text = text
            self._parts = _parts(text)

    def forget(self) -> None:
        """Drop what is not text yet."""
        self._field = self._text = self._spelling = ""
        self._found, self._from, self._shift = (), 0, False
        self._parts, self._part = ["", "", ""], 0

    # -- blocks -----------------------------------------------------------------------------

    def field(self, *, wrong: bool = False) -> tuple[Block, ...]:
        """The field as it is typed."""
        if self._kind == "date":
            return (self._date_field(wrong=wrong), *self._no_such_day())
        empty = self._kit.text(f"form.empty.{self._kind}")
        return (
            Field(
                key=f"field.{self._field}",
                text=self._shown(),
                spelling=self._spelling,
                empty=empty,
                wrong=wrong,
            ),
        )

    def keys(self) -> tuple[Block, ...]:
        """The keypad that suits the kind of the field."""
        if self._on_pad():
            return (Keys(key="keys", rows=self._pad_rows(), on_key=self.press, wide=self._wide()),)
        if self._kind in _CODE_KINDS:
            wide: Mapping[str, float] = {"clear": 2.0, "123": 2.0}
            return (Keys(key="keys", rows=self._code_rows(), on_key=self.press, wide=wide),)
        rows, wide = self._text_rows()
        board = Keys(key="keys", rows=rows, on_key=self.press, wide=wide)
        return (self._bar(), board)

    def _on_pad(self) -> bool:
        """Digits alone; of a person's number, as long as nobody asks for letters."""
        digits = self._kind == "person-number" and self._mode == "123"
        return digits or self._kind in _PAD_KINDS or self._kind == "date"

    def _shown(self) -> str:
        return grouped(FieldKind(self._kind), self._text)

    def _date_field(self, *, wrong: bool) -> Row:
        kit = self._kit
        cells = tuple(
            Card(
                key=f"part:{name}",
                name=f"part:{name}",
                on=self._picker(at),
                title=self._parts[at] or "–" * 2,
                subs=(kit.text(f"date.{name}"),),
                chosen=self._part == at,
                tone="amber" if wrong and not self._parts[at] else "card",
                centred=True,
                role=Role.TITLE,
            )
            for at, (name, _) in enumerate(_DATE_PARTS)
        )
        return Row(key="date", cells=cells, weights=(1.5, 1.0, 1.0))

    def _no_such_day(self) -> tuple[Block, ...]:
        return ()

    def _picker(self, at: int) -> Callable[[], None]:
        def pick() -> None:
            self._part = at
            self._parts[at] = ""
            self._refresh()

        return pick

    def _pad_rows(self) -> tuple[_Row, ...]:
        clear = ("clear", self._kit.text("key.clear"))
        if self._kind == "person-number":
            letters = ("123", self._kit.text("keys.abc"))
            last: _Row = (clear, letters, ("0", "0"), ("X", "X"), _BACKSPACE)
            return (keypad("123"), keypad("456"), keypad("789"), last)
        extra = _EXTRA_KEY.get(self._kind)
        last = (clear, ("0", "0"), _BACKSPACE)
        if extra is not None:
            last = (clear, ("0", "0"), (extra, extra), _BACKSPACE)
        return (keypad("123"), keypad("456"), keypad("789"), last)

    def _wide(self) -> Mapping[str, float]:
        if self._kind == "person-number":
            return {"clear": 0.7, "123": 0.6, "0": 0.7, "X": 0.5, "backspace": 0.5}
        extra = _EXTRA_KEY.get(self._kind)
        if extra is None:
            return {}
        return {"clear": 1.0, "0": 1.0, extra: 0.5, "backspace": 0.5}

    def _code_rows(self) -> tuple[_Row, ...]:
        clear = ("clear", self._kit.text("key.clear"))
        digits = ("123", self._kit.text("keys.123"))
        return (
            keypad("1234567890"),
            keypad("QWERTYUIOP"),
            keypad("ASDFGHJKL-"),
            keypad("ZXCVBNM", digits if self._kind == "person-number" else clear, _BACKSPACE),
        )

    def _text_rows(self) -> tuple[tuple[_Row, ...], Mapping[str, float]]:
        if self._mode == "123":
            return self._sign_rows()
        letters = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
        if self._shift:
            letters = ("QWERTYUIOP", "ASDFGHJKL", "ZXCVBNM")
        left = ("'", "'") if self._mode == "zh" else ("shift", "icon:arrow-up")
        rows = (
            keypad(letters[0]),
            keypad(letters[1]),
            (left, *keypad(letters[2]), _BACKSPACE),
            self._switches(),
        )
        return rows, {**self._switch_wide(), "'": 1.5, "shift": 1.5, "backspace": 1.5}

    def _sign_rows(self) -> tuple[tuple[_Row, ...], Mapping[str, float]]:
        signs = (keypad("1234567890"), keypad(_SIGNS, _BACKSPACE), self._switches())
        if self._kind == "name" or self._kit.language != "zh":
            return signs, {**self._switch_wide(), "backspace": 2.0}
        words = (keypad(_ADDRESS_WORDS[0]), keypad(_ADDRESS_WORDS[1], ("-", "-"), _BACKSPACE))
        return (signs[0], *words, signs[2]), self._switch_wide()

    def _home(self) -> str:
        """The letters that this language begins with."""
        if self._kind == "person-number":
            return "123"
        zh = self._kit.pinyin is not None and self._kit.language == "zh"
        return "zh" if zh else "abc"

    def _other(self) -> str:
        """What the switch leads to: pinyin or plain letters."""
        now = self._home() if self._mode == "123" else self._mode
        return "abc" if now == "zh" else "zh"

    def _switch_wide(self) -> Mapping[str, float]:
        """The row of switches is as long as the others."""
        space = 4.0 if self._kit.pinyin is not None else 6.0
        return {"123": 2.0, "zh": 2.0, "space": space, "clear": 2.0}

    def _switches(self) -> _Row:
        kit = self._kit
        first = self._home() if self._mode == "123" else "123"
        switch = (("zh", kit.text(f"keys.{self._other()}")),) if kit.pinyin is not None else ()
        return (
            ("123", kit.text(f"keys.{first}")),
            *switch,
            ("space", kit.text("keys.space")),
            ("clear", kit.text("key.clear")),
        )

    def _bar(self) -> Block:
        kit = self._kit
        hint = ""
        if kit.pinyin is None:
            hint = kit.text("keys.no-pinyin")
        elif self._spelling and not self._found:
            hint = kit.text("keys.no-candidates")
        elif self._mode == "zh" and not self._spelling:
            hint = kit.text("keys.hint")
        return Candidates(
            key="candidates",
            texts=tuple(text for text, _ in self._found),
            start=self._from,
            hint=hint,
            on_choose=self._choose,
            on_turn=self._turn,
        )

    # -- keys -------------------------------------------------------------------------------

    def press(self, name: str) -> None:
        """A key was touched."""
        if self._kind == "date":
            self._press_date(name)
            return
        special: Mapping[str, Callable[[], None]] = {
            "backspace": self._backspace,
            "clear": self._clear,
            "space": self._space,
            "zh": self._switch,
            "123": self._digits,
            "shift": self._shifted,
        }
        action = special.get(name)
        if action is not None:
            action()
        elif self._mode == "zh" and self._kind not in _PLAIN and (name.islower() or name == "'"):
            self._spell((self._spelling + name)[:MOST_SPELLING])
        else:
            self.settle()
            self._write(self._text + name)
            if self._shift:
                self._shift = False
                self._refresh()

    def _press_date(self, name: str) -> None:
        part = self._part
        size = _DATE_PARTS[part][1]
        if name == "clear":
            self._parts, self._part = ["", "", ""], 0
        elif name == "backspace":
            if not self._parts[part] and part > 0:
                self._part = part = part - 1
            self._parts[part] = self._parts[part][:-1]
        else:
            typed = name if len(self._parts[part]) >= size else self._parts[part] + name
            if size == 2 and len(typed) == 1 and int(typed) > (1 if part == 1 else 3):
                typed = "0" + typed  # no month begins with 2 to 9, no day with 4 to 9
            self._parts[part] = typed
            if len(typed) == size and part < 2:
                self._part = part + 1
        self._write("-".join(self._parts) if any(self._parts) else "")
        self._refresh()

    def _spell(self, spelling: str) -> None:
        self._spelling = spelling.lstrip("'")
        self._from = 0
        pinyin = self._kit.pinyin
        found = pinyin.candidates(self._spelling) if pinyin is not None and self._spelling else ()
        self._found = found
        self._refresh()

    def _choose(self, at: int) -> None:
        text, used = self._found[at]
        rest = self._spelling[used:]
        self._spelling, self._found = "", ()
        self._write(self._text + text)
        self._spell(rest)

    def _turn(self, start: int) -> None:
        self._from = start
        self._refresh()

    def _backspace(self) -> None:
        if self._spelling:
            self._spell(self._spelling[:-1])
        else:
            self._write(self._text[:-1])

    def _clear(self) -> None:
        self._spelling, self._found, self._from = "", (), 0
        self._write("")
        self._refresh()

    def _space(self) -> None:
        if self._spelling and self._found:
            self._choose(0)
        elif not self._spelling and self._text:
            self._write(self._text + " ")

    def _switch(self) -> None:
        self.settle()
        self._mode = self._other()
        self._shift = False
        self._refresh()

    def _digits(self) -> None:
        if self._mode == "123":
            self._mode = "abc" if self._kind == "person-number" else self._home()
        else:
            self.settle()
            self._mode = "123"
        self._shift = False
        self._refresh()

    def _shifted(self) -> None:
        self._shift = not self._shift
        self._refresh()

    @property
    def spelling(self) -> bool:
        """Letters of pinyin wait for a character to be chosen."""
        return bool(self._spelling and self._found)

    def settle(self) -> None:
        """Letters that were not turned into characters stay as letters."""
        if self._spelling:
            letters, self._spelling, self._found = self._spelling, "", ()
            self._write(self._text + letters)

    def _write(self, text: str) -> None:
        text = text[: MOST_TEXT.get(self._kind, 120)]
        if text != self._text:
            self._text = text
            self._on_text(text)


_PLAIN = (*_PAD_KINDS, *_CODE_KINDS, "date")


def _parts(text: str) -> list[str]:
    """Year, month and day of what a date field holds, whole or not."""
    parts = text.split("-")
    fits = len(parts) == 3 and all(
        len(part) <= size and (part.isdigit() or not part)
        for part, (_, size) in zip(parts, _DATE_PARTS, strict=True)
    )
    return parts if fits else ["", "", ""]


def is_day(text: str) -> bool:
    """Whether this ISO text names a day of the calendar."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


# -- widgets --------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Field(Block):
    """A field with a caret. `spelling` is typed and not text yet; `empty` says what to do."""

    text: str
    spelling: str = ""
    empty: str = ""
    wrong: bool = False


@draws(Field)
class FieldWidget(BlockWidget):
    """See Field. Long text gets smaller letters and more lines; of very long text the end is shown.

    The whole text is told to screen readers here, and shown at review.
    """

    def apply(self) -> None:
        block = cast(Field, self.block)
        whole = block.text + block.spelling
        self._cut: dict[int, tuple[Typeset, int]] = {}
        self.setAccessibleName(whole or block.empty)
        self.setObjectName("field")

    def height_for(self, width: int) -> int:
        metrics = self.kit.metrics
        least = metrics.px(30.0 if metrics.large else 26.0)
        room = self._room(width)
        return max(least, self._lines(room)[0].height(room) + 2 * metrics.px(4.0))

    def paintEvent(self, _event: QPaintEvent) -> None:
        kit, block = self.kit, cast(Field, self.block)
        painter = QPainter(self)
        edge = "amber" if block.wrong else "celadon"
        fill_panel(painter, kit, self.rect(), "card", edge, thick=kit.metrics.border * 2)
        room = self._room(self.width())
        lines, dropped = self._lines(room)
        height, tall = lines.height(room), lines.pitch
        left, whole = float(kit.metrics.px(6.0)), block.text + block.spelling
        box = QRectF(left, (self.height() - height) / 2, room, height)
        lines.paint(painter, box, kit.colour("ink" if whole else "ink_soft"))
        x, y = lines.caret(room) if whole else (0.0, 0.0)
        painter.setPen(QPen(kit.colour("celadon"), kit.metrics.border * 1.5))
        at = left + x + (kit.metrics.border * 2 if whole else -kit.metrics.border * 4)
        top = box.top() + y
        painter.drawLine(QPointF(at, top + tall * 0.16), QPointF(at, top + tall * 0.84))
        start = max(0, len(block.text) - dropped)
        for one, two, line in lines.spans(room, start, len(whole) - dropped):
            under = box.top() + line + tall * 0.9
            painter.drawLine(QPointF(left + one, under), QPointF(left + two, under))
        painter.end()

    def _room(self, width: int) -> int:
        return max(1, width - 2 * self.kit.metrics.px(6.0))

    def _lines(self, room: int) -> tuple[Typeset, int]:
        """What is shown at a width, and how many characters before it are left out."""
        found = self._cut.get(room)
        if found is None:
            found = self._cut[room] = self._fit(room)
        return found

    def _fit(self, room: int) -> tuple[Typeset, int]:
        block, metrics = cast(Field, self.block), self.kit.metrics
        whole = block.text + block.spelling
        if not whole:
            return self.kit.set(block.empty), 0
        lines = self.kit.set(whole, Role.TITLE)
        if lines.lines(room) == 1:
            return lines, 0
        most = 3 if metrics.landscape and metrics.large else 4
        lines, dropped = self.kit.set(whole, Role.HEADING), 0
        while lines.lines(room) > most:  # the end is where one types
            dropped += 4
            lines = self.kit.set("…" + whole[dropped:], Role.HEADING)
        return lines, max(0, dropped - 1)


@dataclass(frozen=True, kw_only=True)
class Candidates(Block):
    """The bar above the pinyin board; shows as many as fit from `start` on."""

    texts: tuple[str, ...]
    start: int
    hint: str
    on_choose: Callable[[int], None]
    on_turn: Callable[[int], None]


@draws(Candidates)
class CandidatesWidget(BlockWidget):
    """See Candidates."""

    def __init__(self, kit: Kit, parent: QWidget | None) -> None:
        super().__init__(kit, parent)
        self._keeper = Keeper(kit, self)
        self._buttons: list[Drawn] = []
        self._hint = kit.set("")
        self.setObjectName("candidates")

    def apply(self) -> None:
        self._hint = self.kit.set(cast(Candidates, self.block).hint)
        self._place()

    def height_for(self, width: int) -> int:
        return max(self.kit.metrics.pill, self._hint.height(width))

    def resizeEvent(self, _event: QResizeEvent) -> None:
        self._place()

    def _place(self) -> None:
        """Fill the bar; arrows at its right where there are more."""
        block = cast(Candidates, self.block)
        if self.width() <= 0:
            return
        widths = [self._width_of(text) for text in block.texts]
        arrow = self.kit.metrics.px(20.0)
        gap = self.kit.metrics.small_gap
        all_fit = sum(widths) + gap * (len(widths) - 1) <= self.width()
        room = self.width() if all_fit else self.width() - 2 * (arrow + gap)
        end = fill_end(widths, block.start, room, gap)
        parts: list[tuple[Button, int]] = [
            (self._candidate(at), widths[at]) for at in range(block.start, end)
        ]
        self._buttons, _ = self._keeper.show(
            [part for part, _ in parts] + ([] if all_fit else self._arrows(widths, end, room))
        )
        x = 0
        for button, (_, width) in zip(self._buttons, parts, strict=False):
            button.setGeometry(x, 0, width, self.height())
            button.show()
            x += width + gap
        for at, button in enumerate(reversed(self._buttons[len(parts) :])):
            button.setGeometry(self.width() - arrow - at * (arrow + gap), 0, arrow, self.height())
            button.show()

    def _width_of(self, text: str) -> int:
        natural = round(self.kit.set(text, Role.HEADING).natural_width())
        return max(self.kit.metrics.target, natural + 2 * self.kit.metrics.px(4.0))

    def _candidate(self, at: int) -> Button:
        block = cast(Candidates, self.block)
        return Button(
            key=f"cand:{at}",
            name=f"cand:{at}",
            text=block.texts[at],
            on=_Call(block.on_choose, at),
            kind="chip",
        )

    def _arrows(self, widths: Sequence[int], end: int, room: int) -> list[Button]:
        block = cast(Candidates, self.block)
        gap = self.kit.metrics.small_gap
        before = 0
        while (next_start := fill_end(widths, before, room, gap)) < block.start:
            before = next_start
        kit = self.kit
        return [
            Button(
                key="cand:back",
                name="cand:back",
                text="",
                icon="left",
                says=kit.text("keys.candidates.back"),
                on=_Call(block.on_turn, before),
                kind="chip",
                enabled=block.start > 0,
            ),
            Button(
                key="cand:on",
                name="cand:on",
                text="",
                icon="chevron",
                says=kit.text("keys.candidates.on"),
                on=_Call(block.on_turn, end),
                kind="chip",
                enabled=end < len(widths),
            ),
        ]

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._buttons:
            return
        painter = QPainter(self)
        height = self._hint.height(self.width())
        box = QRectF(0, (self.height() - height) / 2, self.width(), height)
        self._hint.paint(painter, box, self.kit.colour("ink_soft"), centred=True)
        painter.end()


@dataclass(frozen=True)
class _Call:
    """A call with its number; equal calls are equal, so that widgets are kept."""

    function: Callable[[int], None]
    at: int

    def __call__(self) -> None:
        self.function(self.at)


def fill_end(widths: Sequence[int], start: int, room: int, gap: int) -> int:
    """The first that does not fit any more when `widths` are put into `room` from `start` on."""
    used, at = 0, start
    while at < len(widths):
        needed = widths[at] if at == start else used + gap + widths[at]
        if at > start and needed > room:
            break
        used = needed
        at += 1
    return at
