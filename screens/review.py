"""Check your answers: everything that is handed in, with a way to change each line."""

from __future__ import annotations

from collections.abc import Sequence

from kiosk.journey.events import ChangeAsked
from kiosk.journey.views import ReviewRow, ReviewView
from screens.checked import Checked
from screens.theme import Role
from screens.toolkit import Block, BlockScreen, Button, Heading, Para


class Screen(BlockScreen):
    """See the module."""

    def head(self, _body: ReviewView) -> Sequence[Block]:
        kit = self.kit
        return (Heading(key="title", text=kit.text("review.title"), sub=kit.text("review.sub")),)

    def blocks(self, body: ReviewView) -> Sequence[Block]:
        blocks: list[Block] = []
        for section in body.sections:
            title = self.kit.text(section.title_key)
            blocks.append(Para(key=section.title_key, text=title, role=Role.HEADING))
            blocks.extend(
                self._row(f"{section.title_key}:{at}", row) for at, row in enumerate(section.rows)
            )
        return blocks

    def _row(self, key: str, row: ReviewRow) -> Block:
        kit = self.kit
        change = None
        if row.target:
            change = Button(
                key="change",
                name=f"change:{row.target}",
                text=kit.text("review.change"),
                says=f"{kit.text('review.change')} {row.label}",
                on=ChangeAsked(row.target),
                kind="pager",
            )
        return Checked(key=key, label=row.label, value=row.value, button=change)
