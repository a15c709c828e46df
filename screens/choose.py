"""Choose an item: from a group, from all, or by the first letters of its pinyin."""

from __future__ import annotations

from collections.abc import Sequence

from kiosk.journey.events import GroupOpened, SearchOpened, SearchTyped
from kiosk.journey.views import ChooseView
from screens.parts import group_chips, item_card
from screens.theme import Role
from screens.toolkit import (
    Block,
    BlockScreen,
    Button,
    Card,
    Heading,
    Keys,
    Kit,
    Note,
    Row,
    keypad,
)

MOST_LETTERS = 24
_ROWS = (
    keypad("qwertyuiop"),
    keypad("asdfghjkl"),
    keypad("zxcvbnm", ("backspace", "icon:backspace")),
)


class Screen(BlockScreen):
    """Rows of items; with search a keyboard below (or beside) them."""

    foot_right = True

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._query = ""

    def head(self, body: ChooseView) -> Sequence[Block]:
        kit = self.kit
        self._query = body.query
        if body.searching:
            beside = kit.metrics.landscape  # the keyboard is at the right, and room for this
            return (self._field(body), *(() if beside else (self._ways(body),)))
        title = Heading(key="title", text=body.title or kit.text("choose.title"))
        return (title, self._ways(body))

    def blocks(self, body: ChooseView) -> Sequence[Block]:
        kit = self.kit
        if body.cards:
            rows = tuple(item_card(kit, item, row=True) for item in body.cards)
            return (*self._groups(body), *rows)
        if self.frame.notice is not None:  # it says the same
            return ()
        text = kit.text("choose.none.what")
        return (
            Note(key="none", title=kit.text("choose.none"), text=text, tone="mist", icon="search"),
        )

    def foot(self, body: ChooseView) -> Sequence[Block]:
        if not body.searching:
            return ()
        disabled = () if body.query else ("backspace",)
        return (
            *((self._ways(body),) if self.kit.metrics.landscape else ()),
            Keys(
                key="keys",
                rows=_ROWS,
                on_key=self._key,
                disabled=disabled,
                wide={"backspace": 2.0},
            ),
        )

    def _groups(self, body: ChooseView) -> tuple[Block, ...]:
        """The groups, where everything is listed."""
        if body.searching or body.group or body.title:
            return ()
        kit, metrics = self.kit, self.kit.metrics
        width = metrics.width_px - 2 * metrics.margin
        if metrics.landscape:
            width = round((width - 2 * metrics.gap) * (1 - self.stage.left_share))
        return group_chips(kit, body.groups, width)

    def _field(self, body: ChooseView) -> Card:
        kit = self.kit
        narrow = kit.metrics.large and kit.metrics.landscape
        count = body.query and not narrow
        found = kit.text("choose.found", count=len(body.cards)) if count else ""
        return Card(
            key="query",
            title=body.query.upper() or kit.text("choose.empty"),
            subs=(found,) if found else (),
            lead="soft:search",
            role=Role.TITLE if body.query else Role.TEXT,
        )

    def _ways(self, body: ChooseView) -> Block:
        """Other ways to find something, beside the one in use."""
        kit = self.kit
        every = Button(
            key="group:",
            name="group:",
            text=kit.text("choose.all"),
            on=GroupOpened(""),
            kind="pager",
        )
        letters = Button(
            key="search",
            name="search",
            text=kit.text("choose.letters"),
            on=SearchOpened(),
            kind="pager",
            icon="search",
        )
        if body.searching:
            return Row(key="ways", cells=(every,))
        if not body.group and not body.title:
            return Row(key="ways", cells=(letters,))
        return Row(key="ways", cells=(every, letters))

    def _key(self, name: str) -> None:
        query = self._query[:-1] if name == "backspace" else self._query + name
        self.kit.emit(SearchTyped(query[:MOST_LETTERS]))
