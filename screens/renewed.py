"""The rules changed while somebody filled in: what is different, and what is asked again."""

from __future__ import annotations

from collections.abc import Sequence

from kiosk.journey.views import RenewedView
from screens.parts import fact_blocks, name_blocks
from screens.theme import Role
from screens.toolkit import Block, BlockScreen, Card, Note, Para


class Screen(BlockScreen):
    """See the module."""

    def head(self, body: RenewedView) -> Sequence[Block]:
        kit = self.kit
        kind = "withdrawn" if body.withdrawn else "changed"
        return (
            Card(
                key="what",
                title=kit.text(f"renewed.{kind}"),
                subs=(kit.text(f"renewed.{kind}.sub"),),
                lead="warn:warn" if body.withdrawn else "warn:page",
                tone="amber",
                role=Role.TITLE,
            ),
        )

    def blocks(self, body: RenewedView) -> Sequence[Block]:
        kit = self.kit
        if body.withdrawn:
            text = kit.text("renewed.ask", phone=body.phone)
            return (Note(key="ask", text=text, tone="mist", icon="people"),)
        blocks: list[Block] = []
        width = kit.metrics.width_px - 2 * kit.metrics.margin
        for key, names in (("again", body.again), ("more", body.more), ("less", body.less)):
            if names:
                title = kit.text(f"renewed.{key}")
                blocks.append(Para(key=key, text=title, role=Role.HEADING))
                blocks.extend(name_blocks(kit, f"{key}.names", names, width))
        if body.values:
            rows = [
                (kit.text(one.label_key), kit.text("renewed.value", old=one.old, new=one.new))
                for one in body.values
            ]
            blocks.extend(fact_blocks(kit, "values", rows))
        blocks.append(Note(key="kept", text=kit.text("renewed.kept"), tone="mist", icon="check"))
        return blocks
