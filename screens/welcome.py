"""The first screen: what are you here for?"""

from __future__ import annotations

from collections.abc import Sequence

from kiosk.journey.events import GroupOpened, Help, PlainOpened, PrintAsked, SearchOpened
from kiosk.journey.views import GroupCard, PlainCard, WelcomeView
from screens.parts import group_chips, item_card, shortened
from screens.theme import Role
from screens.toolkit import (
    Block,
    BlockScreen,
    Button,
    Card,
    Heading,
    Note,
    Para,
    Row,
    chunked,
    fitting_columns,
)


class Screen(BlockScreen):
    """Normal: search, often used, ten groups. Large: six plain entries. All on one page."""

    def head(self, body: WelcomeView) -> Sequence[Block]:
        return () if self.kit.metrics.landscape else self._top(body)

    def _top(self, body: WelcomeView) -> tuple[Block, ...]:
        kit = self.kit
        if kit.metrics.large:
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
        if kit.metrics.landscape:
            return (Row(key="top", cells=(title, search)), *self._closed(body))
        return (title, *self._closed(body), search)

    def blocks(self, body: WelcomeView) -> Sequence[Block]:
        kit, metrics = self.kit, self.kit.metrics
        saved = (*(self._top(body) if metrics.landscape else ()), *self._saved(body))
        if metrics.large:
            rows = tuple(self._plain(entry) for entry in body.plain)
            return (*saved, *(chunked("plain", rows, 2) if metrics.landscape else rows))
        popular = () if metrics.landscape and body.stubs else self._popular(body)
        title = Para(key="groups", text=kit.text("welcome.groups"), role=Role.HEADING)
        return (*saved, *popular, title, *self._groups(body.groups))

    def _width(self, columns: int) -> int:
        """Of one of so many tiles beside each other, in pixels."""
        metrics = self.kit.metrics
        room = metrics.width_px - 2 * metrics.margin - metrics.gap * (columns - 1)
        return room // columns

    def extra_actions(self, _body: WelcomeView) -> tuple[Button, ...]:
        text = self.kit.text("welcome.help")
        return (Button(key="ask-help", name="ask-help", text=text, on=Help(), icon="people"),)

    def _popular(self, body: WelcomeView) -> tuple[Block, ...]:
        kit = self.kit
        title = Para(key="popular", text=kit.text("welcome.popular"), role=Role.HEADING)
        columns = 4 if kit.metrics.landscape else 2
        width = self._width(columns)
        room = width - 2 * kit.metrics.pad
        long = any(kit.set(i.name, Role.HEADING).natural_width() > room for i in body.popular)
        small = long or kit.metrics.landscape
        tiles = [item_card(kit, item, row=False, width=width, small=small) for item in body.popular]
        return (title, *chunked("popular", tiles, columns))

    def _groups(self, groups: Sequence[GroupCard]) -> tuple[Block, ...]:
        kit = self.kit
        wide = kit.metrics.landscape
        width = self._width(1)
        names = [group.name for group in groups]
        if not wide and fitting_columns(kit, names, Role.STRONG, width, (5, 4)) < 5:
            return group_chips(kit, groups, width)  # long names: no room for discs
        tiles = [
            Card(
                key=f"group:{group.id}",
                name=f"group:{group.id}",
                on=GroupOpened(group.id),
                title=group.name,
                subs=() if wide else (kit.text("item.count", count=group.count),),
                mark="" if wide else group.mark,
                centred=True,
                role=Role.STRONG,
            )
            for group in groups
        ]
        return chunked("group", tiles, 5)

    def _plain(self, entry: PlainCard) -> Card:
        metrics = self.kit.metrics
        width = self._width(2 if metrics.landscape else 1) - 2 * metrics.pad - metrics.px(13.0)
        hint = shortened(self.kit, entry.hint, width)  # one line, so that all have one page
        return Card(
            key=f"plain:{entry.id}",
            name=f"plain:{entry.id}",
            on=PlainOpened(entry.id),
            title=entry.name,
            subs=(hint,) if hint else (),
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
