"""Put the card on the reader, type what opens a travel document, and take the card up again."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QHideEvent

from kiosk.journey.events import FieldTyped, OtherWay, TryAgain
from kiosk.journey.views import IdentifyView
from screens.keypads import Board
from screens.pictures import ReaderPicture
from screens.theme import Role
from screens.toolkit import Block, BlockScreen, Button, Heading, Kit, Note, Para

_PICTURES = {"failed": "waiting", "occupied": "read"}
_KINDS = {"number": "code", "birth": "date", "expiry": "date"}


class Screen(BlockScreen):
    """See the module."""

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._field = ""
        self._board = Board(kit, self._typed, self.refresh)

    def head(self, body: IdentifyView) -> Sequence[Block]:
        kit = self.kit
        self.stage.foot_right = body.state == "key"  # in landscape the keypad has that side
        if body.state == "key":
            return self._key(body)
        self._forget()
        heading = Heading(
            key="title",
            text=self._title(body),
            sub=self._sub(body),
            centred=not kit.metrics.landscape,
        )
        private = self._private(body) if kit.metrics.landscape else ()
        return (heading, *self._name(body), *private)

    def _title(self, body: IdentifyView) -> str:
        kit = self.kit
        if body.state == "read" and body.paper in ("social", "passport"):
            return kit.text(f"identify.read.{body.paper}")
        if body.state == "read" and not body.role_is_applicant:
            return kit.text("identify.read.other", role=body.role)
        if body.state != "waiting":
            return kit.text(f"identify.{body.state}")
        if not body.role_is_applicant:
            other = "other" if body.accepts == "id" else "role"
            return kit.text(f"identify.waiting.{other}", role=body.role)
        return kit.text(
            "identify.waiting" if body.accepts == "id" else f"identify.waiting.{body.accepts}"
        )

    def _sub(self, body: IdentifyView) -> str:
        if body.state != "read" or body.role_is_applicant:
            return self.kit.text(f"identify.{body.state}.sub")
        # The visit goes on in the name of who applies; a badge has no name to be looked at.
        return self.kit.text("identify.read.sub.other") if body.name else ""

    def blocks(self, body: IdentifyView) -> Sequence[Block]:
        if body.state == "key":
            return ()
        kit = self.kit
        state = _PICTURES.get(body.state, body.state)
        says = kit.text("identify.portrait" if body.portrait_png else "identify.picture")
        return (
            ReaderPicture(key="picture", state=state, says=says, portrait_png=body.portrait_png),
        )

    def foot(self, body: IdentifyView) -> Sequence[Block]:
        if body.state == "key":
            return self._board.keys()
        return () if self.kit.metrics.landscape else self._private(body)

    def extra_actions(self, body: IdentifyView) -> tuple[Button, ...]:
        kit = self.kit
        other = Button(
            key="other-way",
            name="other-way",
            text=kit.text("identify.other-way" if body.accepts == "id" else "identify.no-card"),
            on=OtherWay(),
        )
        if body.state in ("waiting", "occupied"):
            return (other,)
        if body.state != "failed":
            return ()
        again = Button(
            key="again",
            name="again",
            text=kit.text("identify.again"),
            on=TryAgain(),
            kind="primary",
        )
        return (other, again)

    def hideEvent(self, _event: QHideEvent) -> None:
        """What was typed belongs to the visit alone."""
        self._forget()

    def _key(self, body: IdentifyView) -> tuple[Block, ...]:
        """One field of the data page, above the keypad."""
        kit = self.kit
        self._field = body.asked
        self._board.show(body.asked, _KINDS[body.asked], body.value)
        wrong = bool(body.error_key) or self.frame.notice is not None
        roomy = not (wrong and kit.metrics.landscape and kit.metrics.large)
        sub = "identify.key.sub.scan" if body.can_scan else "identify.key.sub"
        heading = Heading(
            key="title",
            over=kit.text("identify.key.over", number=body.asked_number) if roomy else "",
            text=kit.text(f"identify.key.{body.asked}"),
            sub=kit.text(sub) if roomy else "",
        )
        return (heading, *self._board.field(wrong=bool(body.error_key)), *self._error(body))

    def _error(self, body: IdentifyView) -> tuple[Block, ...]:
        if not body.error_key:
            return ()
        return (Note(key="error", text=self.kit.text(body.error_key), icon="warn"),)

    def _typed(self, text: str) -> None:
        self.kit.emit(FieldTyped(self._field, text))

    def _forget(self) -> None:
        self._field = ""
        self._board.forget()

    def _name(self, body: IdentifyView) -> tuple[Block, ...]:
        if body.state != "read" or not body.name:
            return ()
        centred = not self.kit.metrics.landscape
        return (Para(key="name", text=body.name, role=Role.BIG, centred=centred),)

    def _private(self, body: IdentifyView) -> tuple[Block, ...]:
        if body.state not in ("waiting", "reading"):
            return ()
        return (Note(key="private", text=self.kit.text("identify.private"), tone="card"),)
