"""Put the card on the reader, and take it up again."""

from __future__ import annotations

from collections.abc import Sequence

from kiosk.journey.events import OtherWay, TryAgain
from kiosk.journey.views import IdentifyView
from screens.pictures import ReaderPicture
from screens.theme import Role
from screens.toolkit import Block, BlockScreen, Button, Heading, Note, Para


class Screen(BlockScreen):
    """See the module."""

    def head(self, body: IdentifyView) -> Sequence[Block]:
        kit = self.kit
        key = f"identify.{body.state}"
        title = kit.text(key)
        if body.state == "waiting" and not body.role_is_applicant:
            title = kit.text("identify.waiting.other", role=body.role)
        heading = Heading(
            key="title",
            text=title,
            sub=kit.text(f"{key}.sub"),
            centred=not kit.metrics.landscape,
        )
        private = self._private(body) if kit.metrics.landscape else ()
        return (heading, *self._name(body), *private)

    def blocks(self, body: IdentifyView) -> Sequence[Block]:
        kit = self.kit
        state = "waiting" if body.state == "failed" else body.state
        says = kit.text("identify.portrait" if body.portrait_png else "identify.picture")
        return (
            ReaderPicture(key="picture", state=state, says=says, portrait_png=body.portrait_png),
        )

    def foot(self, body: IdentifyView) -> Sequence[Block]:
        return () if self.kit.metrics.landscape else self._private(body)

    def extra_actions(self, body: IdentifyView) -> tuple[Button, ...]:
        kit = self.kit
        other = Button(
            key="other-way",
            name="other-way",
            text=kit.text("identify.other-way"),
            on=OtherWay(),
        )
        if body.state == "waiting":
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

    def _name(self, body: IdentifyView) -> tuple[Block, ...]:
        if body.state != "read" or not body.name:
            return ()
        centred = not self.kit.metrics.landscape
        return (Para(key="name", text=body.name, role=Role.BIG, centred=centred),)

    def _private(self, body: IdentifyView) -> tuple[Block, ...]:
        if body.state not in ("waiting", "reading"):
            return ()
        return (Note(key="private", text=self.kit.text("identify.private"), tone="card"),)
