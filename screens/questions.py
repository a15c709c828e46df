"""One question a page: options, yes or no, a number, or a date."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from kiosk.journey.events import Answered
from kiosk.journey.views import OptionLine, QuestionView
from screens.theme import Role
from screens.toolkit import (
    Block,
    BlockScreen,
    Card,
    Heading,
    Keys,
    Kit,
    Note,
    Para,
)

_DIGITS = ("123", "456", "789")
MOST_DIGITS = 9
_DATE_DIGITS = 8


class Screen(BlockScreen):
    """See the module."""

    foot_right = True

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._question = ""
        self._typed = ""  # a date while it is not whole
        self._view: QuestionView | None = None

    def head(self, body: QuestionView) -> Sequence[Block]:
        if body.id != self._question:
            self._question = body.id
            self._typed = body.value.replace("-", "") if body.kind == "date" else ""
        self._view = body
        kit = self.kit
        key = "question.over" if body.most_left else "question.over.last"
        over = kit.text(key, number=body.number, left=body.most_left)
        minutes = kit.text("question.minutes", minutes=body.minutes) if body.minutes else ""
        many = kit.text("question.many") if body.kind == "many" and not body.hint else ""
        return (
            Heading(
                key="question",
                over=kit.join(over, minutes),
                text=body.text,
                sub=body.hint or many,
            ),
        )

    def blocks(self, body: QuestionView) -> Sequence[Block]:
        makers: dict[str, Callable[[QuestionView], tuple[Block, ...]]] = {
            "one": self._options,
            "many": self._options,
            "yes-no": self._yes_no,
            "number": self._number,
            "date": self._date,
        }
        return (*makers[body.kind](body), *self._notes(body))

    def foot(self, body: QuestionView) -> Sequence[Block]:
        if body.kind not in ("number", "date"):
            return ()
        rows = (
            *(tuple((digit, digit) for digit in row) for row in _DIGITS),
            (("clear", self.kit.text("key.clear")), ("0", "0"), ("backspace", "icon:backspace")),
        )
        return (Keys(key="keys", rows=rows, on_key=self._key),)

    def _options(self, body: QuestionView) -> tuple[Block, ...]:
        return tuple(self._option(body, option) for option in body.options)

    def _option(self, body: QuestionView, option: OptionLine) -> Card:
        many = body.kind == "many"
        value = _toggled(body.options, option.id) if many else option.id
        return Card(
            key=f"option:{option.id}",
            name=f"option:{option.id}",
            on=Answered(body.id, value),
            title=option.text,
            subs=(option.hint,) if option.hint else (),
            lead="check" if many else "radio",
            chosen=option.chosen,
        )

    def _yes_no(self, body: QuestionView) -> tuple[Block, ...]:
        return tuple(
            Card(
                key=f"option:{value}",
                name=f"option:{value}",
                on=Answered(body.id, value),
                title=self.kit.text(f"question.{value}"),
                lead="radio",
                chosen=body.value == value,
                min_mm=32.0,
            )
            for value in ("yes", "no")
        )

    def _number(self, body: QuestionView) -> tuple[Block, ...]:
        if not body.value:
            return (self._field(self.kit.text("question.number.empty"), empty=True),)
        return (self._field(f"{body.value} {body.unit}".strip()),)

    def _date(self, _body: QuestionView) -> tuple[Block, ...]:
        typed = self._typed
        if not typed:
            return (self._field(self.kit.text("question.date.empty"), empty=True),)
        padded = typed.ljust(_DATE_DIGITS, "_")
        text = self.kit.text("question.date", year=padded[:4], month=padded[4:6], day=padded[6:])
        field = self._field(text)
        if len(typed) == _DATE_DIGITS and _iso(typed) == "":
            return (
                field,
                Para(key="wrong", text=self.kit.text("question.date.wrong"), ink="amber"),
            )
        return (field,)

    def _field(self, text: str, *, empty: bool = False) -> Card:
        role = Role.TEXT if empty else Role.TITLE
        return Card(key="value", title=text, centred=True, role=role, min_mm=28.0)

    def _notes(self, body: QuestionView) -> tuple[Block, ...]:
        kit, metrics = self.kit, self.kit.metrics
        if metrics.large and metrics.landscape and body.kind in ("number", "date"):
            return self._short_notes(body)
        notes: list[Block] = []
        if body.cannot:
            key = "question.cannot" if body.cannot_why else "question.cannot.item"
            text = kit.text(key, why=body.cannot_why)
            notes.append(Note(key="cannot", text=text, icon="warn", rich=True))
        if body.needed:
            text = kit.text("question.needed", papers=kit.list(body.needed))
            notes.append(Note(key="needed", text=text, rich=True))
        if body.trial:
            notes.append(Note(key="trial", text=kit.text("question.trial"), tone="mist"))
        return tuple(notes)

    def _short_notes(self, body: QuestionView) -> tuple[Block, ...]:
        """Beside large keys there is room for a line or two; the outcome says the rest."""
        if body.cannot:
            text = self.kit.text("question.cannot.short")
            return (Note(key="cannot", text=text, icon="warn"),)
        if body.needed:
            text = self.kit.text("question.needed.count", count=len(body.needed))
            return (Note(key="needed", text=text),)
        return ()

    def _key(self, name: str) -> None:
        body = self._view
        if body is None:
            return
        if body.kind == "number":
            self.kit.emit(Answered(body.id, _typed(body.value, name, MOST_DIGITS)))
            return
        before = _iso(self._typed)
        self._typed = _typed(self._typed, name, _DATE_DIGITS)
        after = _iso(self._typed)
        self.refresh()
        if after != before:
            self.kit.emit(Answered(body.id, after))


def _toggled(options: Sequence[OptionLine], touched: str) -> str:
    chosen = {option.id for option in options if option.chosen} ^ {touched}
    return ",".join(sorted(chosen))


def _typed(text: str, key: str, most: int) -> str:
    if key == "clear":
        return ""
    if key == "backspace":
        return text[:-1]
    return (text + key)[:most]


def _iso(digits: str) -> str:
    """The date of eight digits in ISO form, "" if there is no such day."""
    if len(digits) != _DATE_DIGITS:
        return ""
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).isoformat()
    except ValueError:
        return ""
