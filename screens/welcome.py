"""The first screen: what are you here for?"""

from __future__ import annotations

from collections.abc import Sequence

from kiosk.journey.events import GroupOpened, Help, PlainOpened, PrintAsked, SearchOpened
from kiosk.journey.views import GroupCard, PlainCard, WelcomeView
from screens.parts import group_chips, item_card
from screens.theme import Role
from screens.toolkit import (
    Block,
    BlockScreen,
    Button,
    Card,
    Heading,
    Note,
    Para,
    chunked,
    fitting_columns,
)

_LEFT_SHARE = 0.48
_LEFT_SHARE_LARGE = 0.26


class Screen(BlockScreen):
    """Normal: search, often used, ten groups. Large: six plain entries."""

    def head(self, body: WelcomeView) -> Sequence[Block]:
        kit, metrics = self.kit, self.kit.metrics
        self.stage.left_share = _LEFT_SHARE_LARGE if metrics.large else _LEFT_SHARE
        if metrics.large:
            title = Heading(key="title", text=kit.text("welcome.title.large"))
            return (title, *self._closed(body))
        title = Heading(key="title", text=kit.text("welcome.title"), sub=kit.text("welcome.sub"))
        search = Card(
            key="search",
            name="search",
            on=SearchOpened(),
            title=kit.text("welcome.search"),
            lead="soft:search",
            role=Role.TEXT,
        )
        popular = self._popular(body) if metrics.landscape and not body.stubs else ()
        return (title, *self._closed(body), search, *popular)

    def blocks(self, body: WelcomeView) -> Sequence[Block]:
        kit, metrics = self.kit, self.kit.metrics
        saved = self._saved(body)
        if metrics.large:
            rows = tuple(self._plain(entry) for entry in body.plain)
            return (*saved, *(chunked("plain", rows, 2) if metrics.landscape else rows))
        popular = () if metrics.landscape else self._popular(body)
        title = Para(key="groups", text=kit.text("welcome.groups"), role=Role.HEADING)
        return (*saved, *popular, title, *self._groups(body.groups))

    def extra_actions(self, _body: WelcomeView) -> tuple[Button, ...]:
        text = self.kit.text("welcome.help")
        return (Button(key="ask-help", name="ask-help", text=text, on=Help(), icon="people"),)

    def _popular(self, body: WelcomeView) -> tuple[Block, ...]:
        kit = self.kit
        title = Para(key="popular", text=kit.text("welcome.popular"), role=Role.HEADING)
        tight = self.frame.notice is not None or kit.language == "en"  # longer names
        most = 2 if kit.metrics.landscape and tight else len(body.popular)
        tiles = [item_card(kit, item, row=False) for item in body.popular[:most]]
        return (title, *chunked("popular", tiles, 2))

    def _groups(self, groups: Sequence[GroupCard]) -> tuple[Block, ...]:
        kit = self.kit
        width = kit.metrics.width_px - 2 * kit.metrics.margin
        if kit.metrics.landscape:
            width = round((width - 2 * kit.metrics.gap) * (1 - self.stage.left_share))
        if fitting_columns(kit, [g.name for g in groups], Role.STRONG, width, (5, 4)) < 5:
            return group_chips(kit, groups, width)  # long names: no room for discs
        tiles = [
            Card(
                key=f"group:{group.id}",
                name=f"group:{group.id}",
                on=GroupOpened(group.id),
                title=group.name,
                subs=(kit.text("item.count", count=group.count),),
                mark=group.mark,
                centred=True,
                role=Role.STRONG,
            )
            for group in groups
        ]
        return chunked("group", tiles, 5)

    def _plain(self, entry: PlainCard) -> Card:
        return Card(
            key=f"plain:{entry.id}",
            name=f"plain:{entry.id}",
            on=PlainOpened(entry.id),
            title=entry.name,
            subs=(entry.hint,) if entry.hint else (),
            tone="amber" if entry.other else "mist",
            chevron=True,
        )

    def _saved(self, body: WelcomeView) -> tuple[Block, ...]:
        """What was saved before a power cut; the first one can be printed."""
        if not body.stubs:
            return ()
        kit = self.kit
        (number, at), *more = body.stubs
        text = kit.text("welcome.saved.what", number=f"**{number}**", at=at)
        if more:
            text += "\n" + kit.text("welcome.saved.more", count=len(more))
        note = Note(
            key="saved", title=kit.text("welcome.saved"), text=text, icon="check", rich=True
        )
        button = Button(
            key="print",
            name="print",
            text=kit.text("welcome.print"),
            on=PrintAsked(),
            kind="primary",
            icon="printer",
        )
        return (note, button)

    def _closed(self, body: WelcomeView) -> tuple[Block, ...]:
        if not body.out_of_order or self.frame.notice is not None:
            return ()
        title, text = self.kit.text("welcome.closed"), self.kit.text("welcome.closed.what")
        return (Note(key="closed", title=title, text=text, icon="warn"),)
