"""Pieces that several screens show alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from kiosk.journey.events import GroupOpened, ItemChosen
from kiosk.journey.views import GroupCard, ItemCard, Line, MaterialLine, Notice
from screens.theme import Role
from screens.toolkit import Block, Card, Kit, Note, PanelRow, chunked

_LEADS: Mapping[str, str] = {
    "needed": "soft:page",
    "handed-in": "badge:check",
    "pledged": "warn:later",
    "from-card": "soft:card",
    "from-state": "soft:state",
    "made-here": "soft:camera",
}


def material_state(kit: Kit, line: MaterialLine) -> str:
    """What has become of a material, in a few words."""
    if line.state == "pledged" and line.due:
        return kit.text("material.pledged.due", due=line.due)
    return kit.text(f"material.{line.state}", pages=line.pages)


def material_card(kit: Kit, line: MaterialLine) -> Card:
    """A material to read: name, why, state."""
    later = line.can_pledge and line.state == "needed"
    return Card(
        key=f"material:{line.id}",
        title=line.name,
        subs=tuple(part for part in (line.why, line.hint) if part),
        lead=_LEADS[line.state],
        tag=kit.join(material_state(kit, line), kit.text("material.can-pledge") if later else ""),
        tag_ink="amber" if line.state == "pledged" else "celadon_deep",
    )


def item_card(kit: Kit, item: ItemCard, *, row: bool, width: int = 0, small: bool = False) -> Card:
    """A tile (or a row with a chevron) that leads to an item.

    With `width` in pixels what is below the name takes one line of it; `small` is for long names.
    """
    made = kit.item_cards.get((item, row, width, small))
    if made is None:
        made = _item_card(kit, item, row=row, width=width, small=small)
        kit.item_cards[item, row, width, small] = made
    return made


def _item_card(kit: Kit, item: ItemCard, *, row: bool, width: int, small: bool) -> Card:
    minutes = "" if item.bundle else kit.text("item.minutes", minutes=item.minutes)
    sub = kit.join(minutes, item.comes_out)
    if width:
        room = width - 2 * kit.metrics.pad
        says = (sub, item.comes_out, minutes)
        fits = (text for text in says if text and kit.width(text) <= room)
        sub = next(fits, minutes or item.comes_out)
    if not row and not item.available:
        sub = ""  # the tag has its place, so that the tiles stay alike
    return Card(
        key=f"item:{item.code}",
        name=f"item:{item.code}",
        on=ItemChosen(item.code),
        title=item.name,
        subs=(sub,),
        tag="" if item.available else kit.text("item.unavailable"),
        tag_ink="amber" if row or item.bundle else "celadon_deep",
        tone="amber" if item.bundle else ("card" if row else "mist"),
        role=Role.STRONG if small else Role.HEADING,
        chevron=row,
    )


def shortened(kit: Kit, hint: str, width: int) -> str:
    """A hint that names examples, with as many of them as have room on one line."""
    while hint and kit.width(hint) > width:
        cut = max(hint.rfind(mark) for mark in (",", "，", "、"))
        hint = hint[:cut].rstrip() if cut > 0 else ""
    return hint


def group_chips(kit: Kit, groups: Sequence[GroupCard], width: int) -> tuple[Block, ...]:
    """The groups as low tiles, as many beside each other as their names allow."""
    metrics = kit.metrics
    longest = max((kit.set(g.name, Role.STRONG).natural_width() for g in groups), default=0)
    cell = round(longest) + 2 * metrics.px(3.0) + 8 + metrics.gap
    columns = max(1, min(5, (width + metrics.gap) // cell))
    chips = [
        Card(
            key=f"group:{group.id}",
            name=f"group:{group.id}",
            title=group.name,
            on=GroupOpened(group.id),
            centred=True,
            role=Role.STRONG,
        )
        for group in groups
    ]
    return chunked("groups", chips, columns)


def notice_text(kit: Kit, notice: Notice) -> str:
    """The words of a notice."""
    return kit.text(f"notice.{notice.key}", **dict(notice.values))


def fact_blocks(kit: Kit, key: str, rows: Sequence[tuple[str, str]]) -> tuple[Block, ...]:
    """Labels and values in a panel that may go on over pages."""
    large = kit.metrics.large  # there the value runs on behind its label
    labels = () if large else tuple(label for label, _ in rows)
    return tuple(
        PanelRow(key=f"{key}.{at}", label=label, value=value, labels=labels)
        for at, (label, value) in enumerate(rows)
    )


def name_blocks(kit: Kit, key: str, names: Sequence[str], width: int) -> tuple[Block, ...]:
    """Names as a compact list, two beside each other where that is clearly shorter."""
    metrics = kit.metrics
    whole = width - 2 * metrics.pad - metrics.px(5.4)
    half = (whole - metrics.gap - metrics.px(5.4)) / 2
    alone = sum(ceil(kit.width(name) / whole) for name in names)
    lines = [ceil(kit.width(name) * 1.06 / half) for name in names]  # words leave line ends empty
    beside = sum(max(lines[at : at + 2]) for at in range(0, len(lines), 2))
    columns = 2 if len(names) > 2 and beside <= alone * 0.75 else 1
    return tuple(
        PanelRow(key=f"{key}.{at}", points=tuple(names[at : at + columns]), columns=columns)
        for at in range(0, len(names), columns)
    )


def line_rows(kit: Kit, lines: Sequence[Line]) -> tuple[tuple[str, str], ...]:
    """Labelled lines with their labels in words."""
    return tuple((kit.text(line.label_key), line.text) for line in lines)


def warning(kit: Kit, key: str, notice: Notice) -> Note:
    """A notice within a page."""
    return Note(key=key, text=notice_text(kit, notice), icon="warn", code=notice.code)
