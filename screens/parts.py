"""Pieces that several screens show alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kiosk.journey.events import GroupOpened, ItemChosen
from kiosk.journey.views import GroupCard, ItemCard, Line, MaterialLine, Notice
from screens.theme import Role
from screens.toolkit import Block, Button, Card, Facts, Kit, Note, chunked

_LEADS: Mapping[str, str] = {
    "needed": "soft:page",
    "handed-in": "badge:check",
    "pledged": "warn:later",
    "from-card": "soft:card",
    "from-state": "soft:state",
    "made-here": "soft:camera",
}


_FACTS_A_PANEL: Mapping[tuple[bool, bool], int] = {
    # large letters, landscape
    (False, False): 6,
    (False, True): 3,
    (True, False): 1,
    (True, True): 1,
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


def item_card(kit: Kit, item: ItemCard, *, row: bool) -> Card:
    """A tile (or a row with a chevron) that leads to an item."""
    sub = kit.join(
        kit.text("item.departments", count=item.departments)
        if item.bundle
        else kit.text("item.minutes", minutes=item.minutes),
        item.comes_out,
    )
    return Card(
        key=f"item:{item.code}",
        name=f"item:{item.code}",
        on=ItemChosen(item.code),
        title=item.name,
        subs=(sub,),
        tag="" if item.available else kit.text("item.unavailable"),
        tag_ink="amber" if row or item.bundle else "celadon_deep",
        tone="amber" if item.bundle else ("card" if row else "mist"),
        chevron=row,
    )


def group_chips(kit: Kit, groups: Sequence[GroupCard], width: int) -> tuple[Block, ...]:
    """The groups as small buttons, as many beside each other as their names allow."""
    metrics = kit.metrics
    longest = max((kit.set(g.name, Role.STRONG).natural_width() for g in groups), default=0)
    cell = round(longest) + 2 * metrics.px(3.0) + 8 + metrics.gap
    columns = max(1, min(5, (width + metrics.gap) // cell))
    chips = [
        Button(
            key=f"group:{group.id}",
            name=f"group:{group.id}",
            text=group.name,
            says=kit.join(group.name, kit.text("item.count", count=group.count)),
            on=GroupOpened(group.id),
            kind="chip",
        )
        for group in groups
    ]
    return chunked("groups", chips, columns)


def notice_text(kit: Kit, notice: Notice) -> str:
    """The words of a notice."""
    return kit.text(f"notice.{notice.key}", **dict(notice.values))


def fact_blocks(kit: Kit, key: str, rows: Sequence[tuple[str, str]]) -> tuple[Block, ...]:
    """Labels and values, in panels small enough for a page."""
    size = _FACTS_A_PANEL[kit.metrics.large, kit.metrics.landscape]
    return tuple(
        Facts(key=f"{key}.{at}", rows=tuple(rows[at : at + size]))
        for at in range(0, len(rows), size)
    )


def line_rows(kit: Kit, lines: Sequence[Line]) -> tuple[tuple[str, str], ...]:
    """Labelled lines with their labels in words."""
    return tuple((kit.text(line.label_key), line.text) for line in lines)


def warning(kit: Kit, key: str, notice: Notice) -> Note:
    """A notice within a page."""
    return Note(key=key, text=notice_text(kit, notice), icon="warn", code=notice.code)
