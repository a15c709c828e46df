"""What the answers lead to: possible or not and why, the papers, fee, days and place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kiosk.journey.events import PrintAsked
from kiosk.journey.views import OutcomePart, OutcomeView
from screens.parts import fact_blocks, line_rows, material_card
from screens.theme import Role
from screens.toolkit import Block, BlockScreen, Button, Card, Note, Para

_LEADS: Mapping[str, str] = {
    "accept": "badge:check",
    "counter": "warn:people",
    "not-possible": "warn:cross",
}


class Screen(BlockScreen):
    """See the module."""

    def head(self, body: OutcomeView) -> Sequence[Block]:
        return () if self._first_page_only() else self._top(body)

    def _first_page_only(self) -> bool:
        return self.kit.metrics.large and not self.kit.metrics.landscape

    def _top(self, body: OutcomeView) -> tuple[Block, ...]:
        """The result; large letters leave no room for it on every page. Of one item alone it
        says all there is, so that its name does not stand on the page twice."""
        kit = self.kit
        variant = ".trial" if body.trial and body.result == "accept" else ""
        alone = body.parts[0] if len(body.parts) == 1 else None
        if body.result == "counter" and alone is not None:
            variant = ".one"
        good = body.result == "accept"
        sub = "" if good and not body.materials else kit.text(f"outcome.{body.result}.sub")
        where = kit.join(alone.department, alone.situation) if alone is not None else ""
        why = alone.reason if alone is not None else ""
        banner = Card(
            key="result",
            title=kit.text(f"outcome.{body.result}{variant}"),
            subs=tuple(text for text in (where, "" if why else sub) if text),
            tag=why,
            tag_ink="ink",
            lead=_LEADS[body.result],
            tone="mist" if good else "amber",
            role=Role.TITLE,
        )
        return (banner, *self._printing(body))

    def blocks(self, body: OutcomeView) -> Sequence[Block]:
        kit = self.kit
        blocks: list[Block] = [*self._top(body)] if self._first_page_only() else []
        if len(body.parts) > 1:
            blocks.append(_title("parts", kit.text("outcome.parts")))
            blocks.extend(self._part(part, at) for at, part in enumerate(body.parts))
        if body.materials:
            blocks.append(_title("materials", kit.text("outcome.materials")))
            blocks.extend(material_card(kit, line) for line in body.materials)
        if body.lines:
            blocks.append(_title("lines", kit.text("outcome.lines")))
            blocks.extend(fact_blocks(kit, "lines", line_rows(kit, body.lines)))
        if body.trial:
            blocks.append(Note(key="trial", text=kit.text("outcome.trial"), tone="mist"))
        return blocks

    def extra_actions(self, body: OutcomeView) -> tuple[Button, ...]:
        if not body.can_print:
            return ()
        again = ".again" if body.printing in ("printed", "failed") else ""
        return (
            Button(
                key="print",
                name="print",
                text=self.kit.text(f"outcome.print{again}"),
                on=PrintAsked(),
                enabled=body.printing != "printing",
                icon="printer",
            ),
        )

    def _part(self, part: OutcomePart, at: int) -> Card:
        kit = self.kit
        return Card(
            key=f"part:{at}",
            title=part.item,
            subs=tuple(
                text for text in (kit.join(part.department, part.situation), part.reason) if text
            ),
            tag=kit.text(f"result.{part.result}"),
            tag_ink="celadon_deep" if part.result == "accept" else "amber",
            lead=_LEADS[part.result],
        )

    def _printing(self, body: OutcomeView) -> tuple[Block, ...]:
        texts = {
            "printing": "outcome.printing",
            "printed": "outcome.printed",
            "failed": "outcome.print.failed",
        }
        key = texts.get(body.printing)
        if key is None:
            return ()
        tone = "amber" if body.printing == "failed" else "mist"
        return (Note(key="printing", text=self.kit.text(key), tone=tone, icon="printer"),)


def _title(key: str, text: str) -> Para:
    return Para(key=key, text=text, role=Role.HEADING)
