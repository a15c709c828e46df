"""A certificate or one's own records: confirm, wait, look, print."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtGui import QHideEvent

from kiosk.journey.events import AnotherMatter, PrintAsked, TryAgain
from kiosk.journey.views import ResultView
from screens.parts import fact_blocks
from screens.pictures import SignPicture
from screens.theme import Role
from screens.toolkit import (
    Block,
    BlockScreen,
    Button,
    Facts,
    Heading,
    Kit,
    Middle,
    Note,
    Para,
    Picture,
    Row,
)

_SIGNS: Mapping[str, tuple[str, str]] = {
    "confirm": ("page", "celadon"),
    "asking": ("later", "celadon"),
    "none": ("search", "amber"),
    "failed": ("warn", "amber"),
}


class Screen(BlockScreen):
    """See the module."""

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._at = 0  # the page of the certificate that is shown

    def hideEvent(self, _event: QHideEvent) -> None:
        """Another certificate begins with its first page."""
        self._at = 0

    def head(self, body: ResultView) -> Sequence[Block]:
        if body.state != "ready":
            return ()
        kit = self.kit
        title = Heading(key="title", text=kit.text(f"result.ready.{body.kind}"), sub=body.title)
        number: tuple[Block, ...] = ()
        if body.certificate_number:
            rows = ((kit.text("result.number"), body.certificate_number),)
            number = (Facts(key="number", rows=rows),)
        return (title, *number, *self._printing(body))

    def blocks(self, body: ResultView) -> Sequence[Block]:
        makers: Mapping[str, Callable[[ResultView], tuple[Block, ...]]] = {
            "confirm": self._said,
            "asking": self._said,
            "ready": self._ready,
            "none": self._none,
            "failed": self._said,
        }
        self.stage.middle = body.state != "ready"
        return makers[body.state](body)

    def extra_actions(self, body: ResultView) -> tuple[Button, ...]:
        makers: Mapping[str, Callable[[ResultView], tuple[Button, ...]]] = {
            "ready": self._ready_actions,
            "none": self._another,
            "failed": self._failed_actions,
        }
        make = makers.get(body.state)
        return make(body) if make is not None else ()

    def _said(self, body: ResultView) -> tuple[Block, ...]:
        kit = self.kit
        icon, tone = _SIGNS[body.state]
        key = f"result.{body.state}"
        if body.state == "confirm":
            key += f".{body.kind}"
        heading = Heading(
            key="title",
            text=kit.text(key),
            sub=kit.text(f"{key}.sub", title=body.title),
            centred=True,
        )
        return (SignPicture(key="sign", icon=icon, tone=tone), heading)

    def _none(self, body: ResultView) -> tuple[Block, ...]:
        what = Note(key="what", text=self.kit.text("result.none.what"), icon="phone")
        return (*self._said(body), what)

    def _ready(self, body: ResultView) -> tuple[Block, ...]:
        kit = self.kit
        if body.pages_png:
            return self._page(body)
        blocks: list[Block] = []
        for at, (title, rows) in enumerate(body.sections):
            if title:
                blocks.append(Para(key=f"section:{at}", text=title, role=Role.HEADING))
            blocks.extend(fact_blocks(kit, f"section:{at}", rows))
        return tuple(blocks)

    def _page(self, body: ResultView) -> tuple[Block, ...]:
        """One page of the certificate as large as there is room, and a way to the others."""
        kit, last = self.kit, len(body.pages_png) - 1
        self._at = at = min(self._at, last)
        says = kit.text("result.page", page=at + 1)
        picture = Picture(key="page", data=body.pages_png[at], says=says)
        if not last:
            return (picture,)
        back = self._turn("page:back", "page.back", -1, enabled=at > 0)
        on = self._turn("page:on", "page.on", 1, enabled=at < last)
        count = Para(key="count", text=f"{at + 1} / {last + 1}", centred=True)
        cells = (back, Middle(key="count.middle", inner=count), on)
        return (picture, Row(key="turn", cells=cells))

    def _turn(self, name: str, words: str, by: int, *, enabled: bool) -> Button:
        def turn() -> None:
            self._at += by
            self.refresh()

        text = self.kit.text(words)
        return Button(key=name, name=name, text=text, on=turn, kind="pager", enabled=enabled)

    def _ready_actions(self, body: ResultView) -> tuple[Button, ...]:
        kit = self.kit
        printing = body.printing
        offered = body.pages_png or body.kind == "certificate"
        if printing == "printed" or not offered:
            return self._another(body)
        key = "result.print.again" if printing == "failed" else "result.print"
        again = Button(
            key="print",
            name="print",
            text=kit.text(key),
            on=PrintAsked(),
            enabled=printing != "printing",
        )
        return (*self._another(body), again)

    def _failed_actions(self, _body: ResultView) -> tuple[Button, ...]:
        again = Button(key="again", name="again", text=self.kit.text("result.again"), on=TryAgain())
        return (again,)

    def _another(self, _body: ResultView) -> tuple[Button, ...]:
        text = self.kit.text("submitted.another")
        return (Button(key="another", name="another", text=text, on=AnotherMatter()),)

    def _printing(self, body: ResultView) -> tuple[Block, ...]:
        if body.printing not in ("printing", "printed", "failed"):
            return ()
        failed = body.printing == "failed"
        key = "result.print-failed" if failed else f"result.{body.printing}"
        tone = "amber" if failed or body.printing == "printed" else "mist"
        return (Note(key="printing", text=self.kit.text(key), tone=tone, icon="printer"),)
