"""The ladder: other ways to prove who one is, and what is possible here and now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kiosk.journey.events import RungChosen, TryAgain
from kiosk.journey.terms import Rung
from kiosk.journey.views import OtherWayView, RungLine
from screens.materials import PaperPreview
from screens.pictures import SignPicture
from screens.theme import Role
from screens.toolkit import Block, BlockScreen, Button, Card, Facts, Heading, Note, Para

_ICONS: Mapping[Rung, str] = {
    Rung.OTHER_CARD: "card",
    Rung.APP_CODE: "phone",
    Rung.AUTHORISED_PERSON: "people",
    Rung.APPOINTMENT: "later",
}
_SIGNS: Mapping[str, tuple[str, str]] = {
    "waiting": ("phone", "celadon"),
    "asking": ("phone", "celadon"),
    "failed": ("warn", "amber"),
    "known": ("check", "celadon"),
}


class Screen(BlockScreen):
    """See the module."""

    def head(self, body: OtherWayView) -> Sequence[Block]:
        kit = self.kit
        if body.code:
            return self._code_head(body)
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
        self.stage.middle = bool(body.code)
        if body.code:
            return self._code(body)
        return tuple(self._rung(line, chosen=line.rung is body.chosen) for line in body.rungs)

    def extra_actions(self, body: OtherWayView) -> tuple[Button, ...]:
        if body.code != "failed":
            return ()
        text = self.kit.text("app-code.again")
        return (Button(key="again", name="again", text=text, on=TryAgain(), kind="primary"),)

    def _code_head(self, body: OtherWayView) -> tuple[Block, ...]:
        kit = self.kit
        what = f"waiting.{body.sees or 'scanner'}" if body.code == "waiting" else f"{body.code}.sub"
        centred = not kit.metrics.landscape
        title = Heading(
            key=f"code.{body.code}",
            text=kit.text(f"app-code.{body.code}"),
            sub=kit.text(f"app-code.{what}"),
            centred=centred,
        )
        if not body.name:
            return (title,)
        return (title, Para(key="name", text=body.name, role=Role.BIG, centred=centred))

    def _code(self, body: OtherWayView) -> tuple[Block, ...]:
        """What the camera sees, where it looks for the code; else a sign of how far it is."""
        kit = self.kit
        if body.code == "waiting" and body.sees != "scanner":
            says, waiting = kit.text("materials.preview"), kit.text("materials.preview.none")
            return (PaperPreview(key="preview", says=says, waiting=waiting, still=False),)
        icon, tone = _SIGNS[body.code]
        return (SignPicture(key=f"sign.{body.code}", icon=icon, tone=tone),)

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
