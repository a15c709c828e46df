"""Post or pick-up; with post the address, shown to be confirmed or written on the board."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QHideEvent

from kiosk.journey.events import DeliveryChosen, FieldTyped
from kiosk.journey.views import DeliveryView
from screens.checked import Checked
from screens.keypads import Board
from screens.toolkit import Block, BlockScreen, Button, Card, Heading, Kit, Note, Row, Space

ADDRESS = "delivery_address"


class Screen(BlockScreen):
    """The options; while the address is written, the field and the board alone."""

    foot_right = True

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._editing = False
        self._board = Board(kit, self._typed, self.refresh)

    def head(self, body: DeliveryView) -> Sequence[Block]:
        kit = self.kit
        if not self._writing(body):
            self._editing = False
            self._board.forget()
            title = Heading(key="title", text=kit.text("delivery.title"))
            return (title, *self._address(body)) if kit.metrics.landscape else (title,)
        self._board.show(ADDRESS, "address", body.address)
        wrong = bool(body.address_error_key)
        title = Heading(key="address.title", text=kit.text("delivery.address.title"))
        done = Button(
            key="edit-done",
            name="edit-done",
            text=kit.text("form.edit.done"),
            on=self._done,
            kind="pager",
        )
        row = Row(key="edit-done.row", cells=(Space(key="edit-done.fill", height_mm=0), done))
        return (title, *self._board.field(wrong=wrong), *self._error(body), row)

    def blocks(self, body: DeliveryView) -> Sequence[Block]:
        if self._writing(body):
            return ()
        options = tuple(self._option(body, method) for method in body.methods)
        return options if self.kit.metrics.landscape else (*options, *self._address(body))

    def foot(self, body: DeliveryView) -> Sequence[Block]:
        return self._board.keys() if self._writing(body) else ()

    def hideEvent(self, _event: QHideEvent) -> None:
        """Who comes back begins with the options; letters of pinyin do not stay."""
        self._editing = False
        self._board.forget()

    def _writing(self, body: DeliveryView) -> bool:
        return self._editing and body.chosen == "post"

    def _option(self, body: DeliveryView, method: str) -> Card:
        kit = self.kit
        department = body.department or kit.text("department.none")
        hint = kit.text(f"delivery.{method}.hint", department=department)
        ask = method == "pick-up" and body.phone
        return Card(
            key=f"delivery:{method}",
            name=f"delivery:{method}",
            on=DeliveryChosen(method),
            title=kit.text(f"delivery.{method}"),
            subs=(hint, kit.text("delivery.ask", phone=body.phone)) if ask else (hint,),
            lead="radio",
            chosen=body.chosen == method,
            min_mm=36.0,
        )

    def _address(self, body: DeliveryView) -> tuple[Block, ...]:
        if body.chosen != "post":
            return ()
        kit = self.kit
        known = bool(body.address)
        edit = Button(
            key="edit",
            name="edit",
            text=kit.text("delivery.address.edit" if known else "delivery.address.write"),
            on=self._edit,
            kind="pager" if known else "chief",
        )
        address = Checked(
            key="address",
            label=kit.text("delivery.address"),
            value=body.address or kit.text("delivery.address.none"),
            button=edit,
            tone="card" if known else "amber",
        )
        return (*self._error(body), address)

    def _error(self, body: DeliveryView) -> tuple[Block, ...]:
        if not body.address_error_key:
            return ()
        return (Note(key="error", text=self.kit.text(body.address_error_key), icon="warn"),)

    def _edit(self) -> None:
        self._editing = True
        self.refresh()

    def _done(self) -> None:
        self._board.settle()
        self._editing = False
        self.refresh()

    def _typed(self, text: str) -> None:
        self.kit.emit(FieldTyped(ADDRESS, text))
