"""The form, one field a page: what is known is confirmed, the rest is typed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QHideEvent

from kiosk.application.fields import grouped
from kiosk.catalogue.model import FieldKind
from kiosk.journey.events import FieldTyped, Next
from kiosk.journey.views import FormView
from screens.keypads import Board
from screens.theme import Role
from screens.toolkit import Block, BlockScreen, Button, Card, Heading, Kit, Note, Row, Space

_MONEY = "money"


class Screen(BlockScreen):
    """Heading, field and what is wrong stand above the keypad: it never hides them."""

    foot_right = True

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._field = ""
        self._editing = False
        self._board = Board(kit, self._typed, self.refresh)

    def head(self, body: FormView) -> Sequence[Block]:
        if body.key != self._field:
            self._field = body.key
            self._editing = False
            self._board.forget()
        kit = self.kit
        confirming = self._confirming(body)
        hint = kit.text("form.confirm") if confirming else self._hint(body)
        over = kit.text("form.over", number=body.number, count=body.count)
        if body.error_key and kit.metrics.landscape and kit.metrics.large:
            over = hint = ""  # what is wrong needs the room
        heading = Heading(key="field.title", over=over, text=body.label, sub=hint)
        if confirming:
            return (heading,)
        self._board.show(body.key, body.kind, body.value)
        wrong = bool(body.error_key)
        return (heading, *self._board.field(wrong=wrong), *self._error(body))

    def blocks(self, body: FormView) -> Sequence[Block]:
        return self._known(body) if self._confirming(body) else ()

    def foot(self, body: FormView) -> Sequence[Block]:
        return () if self._confirming(body) else self._board.keys()

    def extra_actions(self, body: FormView) -> tuple[Button, ...]:
        """While pinyin is spelled, the main action waits for the characters."""
        if self._confirming(body) or not self._board.spelling:
            return ()
        text = self.kit.text("form.choose-first")
        waiting = Button(
            key="next", name="next", text=text, on=Next(), kind="primary", enabled=False
        )
        return (waiting,)

    def hideEvent(self, _event: QHideEvent) -> None:
        """Who comes back begins anew; letters of pinyin do not stay."""
        self._field = ""
        self._board.forget()

    def _confirming(self, body: FormView) -> bool:
        return body.confirm and not self._editing

    def _hint(self, body: FormView) -> str:
        if body.hint or body.required:
            return body.hint
        return self.kit.text("form.optional")

    def _known(self, body: FormView) -> tuple[Block, ...]:
        kit = self.kit
        value = grouped(FieldKind(body.kind), body.value)
        if body.kind == _MONEY:
            value = kit.text("form.yuan", value=value)
        card = Card(key="known", title=value, role=Role.TITLE, min_mm=36.0)
        edit = Button(
            key="edit", name="edit", text=kit.text("form.edit"), on=self._edit, icon="pen"
        )
        row = Row(key="edit.row", cells=(Space(key="edit.fill", height_mm=0), edit))
        return (card, row, *self._error(body))

    def _error(self, body: FormView) -> tuple[Block, ...]:
        if not body.error_key:
            return ()
        return (Note(key="error", text=self.kit.text(body.error_key), icon="warn"),)

    def _edit(self) -> None:
        self._editing = True
        self.refresh()

    def _typed(self, text: str) -> None:
        self._editing = True  # typing the known value again must not take the keypad away
        self.kit.emit(FieldTyped(self._field, text))
