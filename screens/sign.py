"""The statement in plain words, what is owed, and the signature."""

from __future__ import annotations

from collections.abc import Sequence

from kiosk.journey.events import Signed
from kiosk.journey.views import SignView
from screens.signature import Pad, Strokes
from screens.toolkit import Block, BlockScreen, Button, Heading, Note


class Screen(BlockScreen):
    """See the module."""

    def head(self, body: SignView) -> Sequence[Block]:
        sub = self.kit.text("sign.next-page") if self._tight() else ""
        title = Heading(key="title", text=self.kit.text("sign.title"), sub=sub)
        return (title,) if self._tight() else (title, *self._statement(body))

    def blocks(self, body: SignView) -> Sequence[Block]:
        pad = Pad(
            key="pad",
            strokes=body.strokes,
            says=self.kit.text("sign.pad"),
            on_strokes=self._signed,
        )
        return (*self._statement(body), pad) if self._tight() else (pad,)

    def extra_actions(self, body: SignView) -> tuple[Button, ...]:
        return (
            Button(
                key="clear-signature",
                name="clear-signature",
                text=self.kit.text("sign.clear"),
                on=Signed(()),
                enabled=bool(body.strokes),
            ),
        )

    def _tight(self) -> bool:
        return self.kit.metrics.landscape and self.kit.metrics.large

    def _statement(self, body: SignView) -> tuple[Block, ...]:
        kit = self.kit
        lines = [f"{at}. {kit.text(key)}" for at, key in enumerate(body.statement, start=1)]
        text = "\n".join(lines)
        parts = lines if self._tight() else [text]  # in little room they may be on two pages
        statement = [
            Note(key=f"statement:{at}", text=part, tone="card") for at, part in enumerate(parts)
        ]
        if not body.owed:
            return tuple(statement)
        owed = kit.text("sign.owed", papers=kit.list(body.owed))
        return (*statement, Note(key="owed", text=owed, icon="later"))

    def _signed(self, strokes: Strokes) -> None:
        self.kit.emit(Signed(strokes))
