"""The item guide: what one wants to know before beginning."""

from __future__ import annotations

from collections.abc import Sequence

from kiosk.journey.events import PrintAsked, TryQuestions
from kiosk.journey.views import ItemGuideView
from screens.parts import fact_blocks, line_rows, name_blocks, warning
from screens.theme import Role
from screens.toolkit import Block, BlockScreen, Button, Heading, Note, PanelRow, Para

_BROUGHT = ("needed", "handed-in", "pledged")
_LEFT_SHARE = 0.53
_PRINTING = {
    "printing": "guide.printing",
    "printed": "guide.printed",
    "failed": "guide.print.failed",
}


class Screen(BlockScreen):
    """The essentials first, conditions, the names of papers that may be needed, then notes.

    Which papers are really needed, and why, is said by the outcome of the questions.
    """

    def head(self, body: ItemGuideView) -> Sequence[Block]:
        """On a wide screen the essentials are beside the rest; large letters need the width."""
        self.stage.left_share = _LEFT_SHARE
        return self._facts(body) if self._beside() else ()

    def _beside(self) -> bool:
        return self.kit.metrics.landscape and not self.kit.metrics.large

    def _top(self, body: ItemGuideView) -> list[Block]:
        kit = self.kit
        said = self.frame.heading and (kit.metrics.large or kit.metrics.landscape)
        # the header names the item already
        blocks: list[Block] = [] if said else [Heading(key="title", text=body.name)]
        if body.blocked is not None:
            blocks.append(warning(kit, "blocked", body.blocked))
        printing = _PRINTING.get(body.printing)
        if printing is not None:
            tone = "amber" if body.printing == "failed" else "mist"
            note = Note(key="printing", text=kit.text(printing), tone=tone, icon="printer")
            blocks.append(note)
        if body.sample:
            blocks.append(Note(key="sample", text=kit.text("guide.sample")))
        return blocks

    def _facts(self, body: ItemGuideView) -> tuple[Block, ...]:
        kit = self.kit
        rows = [(kit.text("guide.for-whom"), body.for_whom)]
        rows.extend(line_rows(kit, body.lines))
        if body.departments:
            rows.append((kit.text("guide.departments"), kit.list(body.departments)))
        return fact_blocks(kit, "facts", rows)

    def blocks(self, body: ItemGuideView) -> Sequence[Block]:
        kit = self.kit
        blocks: list[Block] = [*self._top(body), *(() if self._beside() else self._facts(body))]
        if body.conditions:
            title = kit.text("guide.conditions")
            blocks.append(Para(key="conditions", text=title, role=Role.HEADING))
            blocks.extend(
                PanelRow(key=f"condition.{at}", points=(text,))
                for at, text in enumerate(body.conditions)
            )
        names = [line.name for line in body.materials if line.state in _BROUGHT]
        if names:
            title = kit.text("guide.materials")
            blocks.append(Para(key="materials", text=title, role=Role.HEADING))
            width = kit.metrics.width_px - 2 * kit.metrics.margin
            if self._beside():
                width = round((width - 2 * kit.metrics.gap) * (1 - _LEFT_SHARE))
            blocks.extend(name_blocks(kit, "papers", names, width))
        else:
            text = kit.text("guide.materials.none")
            blocks.append(Note(key="materials", text=text, tone="mist", icon="check"))
        if body.notes:
            title = kit.text("guide.notes")
            blocks.append(Para(key="notes", text=title, role=Role.HEADING))
            blocks.extend(
                PanelRow(key=f"note.{at}", points=(note,), tone="amber")
                for at, note in enumerate(body.notes)
            )
        return blocks

    def extra_actions(self, body: ItemGuideView) -> tuple[Button, ...]:
        kit = self.kit
        buttons = []
        if body.can_print:
            again = ".again" if body.printing in ("printed", "failed") else ""
            buttons.append(
                Button(
                    key="print",
                    name="print",
                    text=kit.text(f"guide.print{again}"),
                    on=PrintAsked(),
                    enabled=body.printing != "printing",
                    icon="printer",
                )
            )
        if body.can_try:
            text = kit.text("guide.try")
            buttons.append(Button(key="try", name="try", text=text, on=TryQuestions()))
        return tuple(buttons)
