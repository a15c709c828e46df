"""Whether a site offers a matter, and where it is done when it does not."""

from __future__ import annotations

from dataclasses import dataclass

from kiosk.catalogue.model import Hours, Matter, Text


@dataclass(frozen=True, slots=True)
class NotOffered:
    """Why not, as the key of a notice, and where it is done."""

    key: str  # "not-offered-here": never at this site; "not-offered-now": not without staff
    where: Text


def offered_here(matter: Matter, tier: str, staffed: bool) -> NotOffered | None:
    """None where a site of this tier offers the matter, with or without staff just now."""
    offered = matter.offered
    where = offered.elsewhere or matter.guide.where
    if tier not in offered.tiers:
        return NotOffered("not-offered-here", where)
    if offered.hours is Hours.STAFFED and not staffed:
        return NotOffered("not-offered-now", where)
    return None
