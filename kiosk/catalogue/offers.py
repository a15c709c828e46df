"""Whether a site offers a matter today, and where it is done when it does not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from kiosk.catalogue.model import Hours, Matter, Text


@dataclass(frozen=True, slots=True)
class NotOffered:
    """Why not, as the key of a notice, and where it is done.

    "not-offered-here": never at this site; "not-offered-now": not without staff;
    "not-offered-yet": its rules are in force from `day`; "not-offered-any-more": they were
    in force until `day`, and this terminal has no newer ones.
    """

    key: str
    where: Text
    day: date | None = None


def offered_here(matter: Matter, tier: str, staffed: bool, today: date | None) -> NotOffered | None:
    """None where a site of this tier offers the matter, with or without staff just now.

    `today` is None while the clock is not trusted: then nothing is withheld for its dates,
    and the department, which sees the version, decides.
    """
    offered = matter.offered
    where = offered.elsewhere or matter.guide.where
    if tier not in offered.tiers:
        return NotOffered("not-offered-here", where)
    if today is not None and today < matter.effective_from:
        return NotOffered("not-offered-yet", where, matter.effective_from)
    if today is not None and matter.effective_until and matter.effective_until < today:
        return NotOffered("not-offered-any-more", where, matter.effective_until)
    if offered.hours is Hours.STAFFED and not staffed:
        return NotOffered("not-offered-now", where)
    return None
