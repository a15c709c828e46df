"""The statement in plain words, what is owed, and the signature."""

from __future__ import annotations

from collections.abc import Sequence

from kiosk.journey.events import Signed
from kiosk.journey.views import SignView
from screens.signature import PAD_MM, Pad, Strokes
from screens.toolkit import Block, BlockScreen, Button, Heading, Note


class Screen(BlockScreen):
    """See the module."""

    def head(self, body: SignView) -> Sequence[Block]:
        tight = self._tight(body)
        sub = self.kit.text("sign.next-page") if tight else ""
        title = Heading(key="title", text=self.kit.text("sign.title"), sub=sub)
        return (title,) if tight else (title, *self._statement(body))

    def blocks(self, body: SignView) -> Sequence[Block]:
        pad = Pad(
            key="pad",
            strokes=body.strokes,
            says=self.kit.text("sign.pad"),
            on_strokes=self._signed,
        )
        return (*self._statement(body), pad) if self._tight(body) else (pad,)

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

    def _tight(self, body: SignView) -> bool:
        """Whether statement and pad need a page each; the statement is then read first."""
        metrics = self.kit.metrics
        share = self.stage.left_share if metrics.landscape else 1.0
        room = self.width() * share - 2 * metrics.px(7.0)
        texts = ["\n".join(self._lines(body)), *self._owed(body)]
        needed = metrics.px(30.0)  # the title
        for text in texts:
            needed += self.kit.set(text).height(room) + 2 * metrics.px(5.4) + metrics.gap
        if not metrics.landscape:
            needed += metrics.px(PAD_MM) + metrics.gap
        return needed > self.height()

    def _lines(self, body: SignView) -> list[str]:
        return [f"{at}. {self.kit.text(key)}" for at, key in enumerate(body.statement, start=1)]

    def _owed(self, body: SignView) -> tuple[str, ...]:
        if not body.owed:
            return ()
        return (self.kit.text("sign.owed", papers=self.kit.list(body.owed)),)

    def _statement(self, body: SignView) -> tuple[Block, ...]:
        lines = self._lines(body)
        parts = lines if self._tight(body) else ["\n".join(lines)]
        statement = [
            Note(key=f"statement:{at}", text=part, tone="card") for at, part in enumerate(parts)
        ]
        owed = [Note(key="owed", text=text, icon="later") for text in self._owed(body)]
        return (*statement, *owed)

    def _signed(self, strokes: Strokes) -> None:
        self.kit.emit(Signed(strokes))
