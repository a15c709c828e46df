"""The item guide: what one wants to know before beginning."""

from __future__ import annotations

from collections.abc import Sequence

from kiosk.journey.events import TryQuestions
from kiosk.journey.views import ItemGuideView
from screens.parts import fact_blocks, line_rows, material_card, warning
from screens.theme import Role
from screens.toolkit import Block, BlockScreen, Button, Heading, Note, Para


class Screen(BlockScreen):
    """See the module."""

    def head(self, body: ItemGuideView) -> Sequence[Block]:
        return self._top(body) if self.kit.metrics.landscape else ()

    def _top(self, body: ItemGuideView) -> list[Block]:
        """In landscape beside the pages, in portrait on the first one."""
        kit = self.kit
        blocks: list[Block] = [Heading(key="title", text=body.name)]
        if body.blocked is not None:
            blocks.append(warning(kit, "blocked", body.blocked))
        if body.sample:
            blocks.append(Note(key="sample", text=kit.text("guide.sample")))
        return blocks

    def blocks(self, body: ItemGuideView) -> Sequence[Block]:
        kit = self.kit
        rows = [(kit.text("guide.for-whom"), body.for_whom)]
        rows.extend(line_rows(kit, body.lines))
        if body.departments:
            rows.append((kit.text("guide.departments"), kit.list(body.departments)))
        top = () if kit.metrics.landscape else self._top(body)
        blocks: list[Block] = [*top, *fact_blocks(kit, "facts", rows)]
        if body.materials:
            title = kit.text("guide.materials")
            blocks.append(Para(key="materials", text=title, role=Role.HEADING))
            blocks.extend(material_card(kit, line) for line in body.materials)
        else:
            text = kit.text("guide.materials.none")
            blocks.append(Note(key="materials", text=text, tone="mist", icon="check"))
        blocks.extend(
            Note(key=f"note.{at}", title=kit.text("guide.notes") if not at else "", text=note)
            for at, note in enumerate(body.notes)
        )
        return blocks

    def extra_actions(self, body: ItemGuideView) -> tuple[Button, ...]:
        if not body.can_try:
            return ()
        text = self.kit.text("guide.try")
        return (Button(key="try", name="try", text=text, on=TryQuestions()),)
