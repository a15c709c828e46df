"""Take your things: what may still lie on the terminal, and the number once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kiosk.journey.views import FarewellView
from screens.pictures import SignPicture
from screens.theme import Role
from screens.toolkit import Block, BlockScreen, Card, Facts, Heading, Para, Row

_SIGNS: Mapping[str, str] = {
    "take.card": "card",
    "take.social": "card",
    "take.passport": "card",
    "take.any-card": "card",
    "take.papers": "page",
    "take.receipt": "printer",
    "take.certificate": "printer",
}


class Screen(BlockScreen):
    """See the module."""

    middle = True

    def blocks(self, body: FarewellView) -> Sequence[Block]:
        kit = self.kit
        title = kit.text("farewell.title" if body.take_with else "farewell.nothing")
        if body.card_lies:
            title = kit.text("farewell.card-lies")
        heading = Heading(key="title", text=title, sub=kit.text("farewell.sub"), centred=True)
        things: list[Block] = [
            Card(
                key=key,
                title=_capital(kit.text(key)),
                lead=f"warn:{_SIGNS.get(key, 'page')}",
                tone="amber",
                role=Role.HEADING if kit.metrics.landscape else Role.TITLE,
            )
            for key in body.take_with
        ]
        if not things:
            sign = SignPicture(key="sign", icon="check")
            return (sign, heading, *self._number(body), self._left(body))
        if kit.metrics.landscape:
            things = [Row(key="things", cells=tuple(things))]
        return (heading, *things, *self._number(body), self._left(body))

    def _number(self, body: FarewellView) -> tuple[Block, ...]:
        if not body.number:
            return ()
        rows = ((self.kit.text("farewell.number"), body.number),)
        return (Facts(key="number", rows=rows, big=True),)

    def _left(self, body: FarewellView) -> Para:
        text = self.kit.text("farewell.left", seconds=body.seconds_left)
        return Para(key="left", text=text, ink="ink_soft", centred=True)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
