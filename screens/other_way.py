"""The ladder: other ways to prove who one is, and what is possible here and now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kiosk.journey.events import RungChosen
from kiosk.journey.terms import Rung
from kiosk.journey.views import OtherWayView, RungLine
from screens.theme import Role
from screens.toolkit import Block, BlockScreen, Card, Facts, Heading, Note

_ICONS: Mapping[Rung, str] = {
    Rung.OTHER_CARD: "card",
    Rung.APP_CODE: "phone",
    Rung.AUTHORISED_PERSON: "people",
    Rung.APPOINTMENT: "later",
}


class Screen(BlockScreen):
    """See the module."""

    def head(self, body: OtherWayView) -> Sequence[Block]:
        kit = self.kit
        title = Heading(
            key="title", text=kit.text("other-way.title"), sub=kit.text("other-way.sub")
        )
        if body.chosen is None:
            return (title,)
        what = Note(
            key="chosen",
            title=kit.text(f"rung.{body.chosen.value}"),
            text=kit.text(f"rung.chosen.{body.chosen.value}"),
            tone="amber",
            icon=_ICONS[body.chosen],
        )
        if body.chosen is not Rung.APPOINTMENT or not body.phone:
            return (title, what)
        return (title, what, Facts(key="phone", rows=((kit.text("rung.phone"), body.phone),)))

    def blocks(self, body: OtherWayView) -> Sequence[Block]:
        return tuple(self._rung(line, chosen=line.rung is body.chosen) for line in body.rungs)

    def _rung(self, line: RungLine, *, chosen: bool) -> Card:
        kit, rung = self.kit, line.rung
        reason = kit.text(line.reason_key) if line.reason_key else ""
        icon = _ICONS[rung]
        if not line.possible:
            return Card(
                key=f"rung:{rung.value}",
                title=kit.text(f"rung.{rung.value}"),
                subs=(reason,) if reason else (),
                tag=kit.text("other-way.not-possible"),
                tag_ink="amber",
                lead=f"soft:{icon}",
                role=Role.HEADING,
            )
        return Card(
            key=f"rung:{rung.value}",
            name=f"rung:{rung.value}",
            on=RungChosen(rung),
            title=kit.text(f"rung.{rung.value}"),
            subs=(reason,) if reason else (),
            lead=f"badge:{icon}",
            chosen=chosen,
            chevron=not chosen,
        )
