"""What is said aloud, and when: a step names what should be heard, and this counts it out.

Promises:
- something is said once, however often the screen changes meanwhile; again only where the step
  asks for it, so often and no more, for as long as it names the same thing;
- only words from a fixed list are ever said: nothing personal can be among them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Spoken(StrEnum):
    """All that a terminal ever says: words keys `voice.<value>`."""

    TURN_LEFT = "turn-left"
    TURN_RIGHT = "turn-right"
    TURN_BACK = "turn-back"
    TAKE_CARD = "take-card"
    TAKE_DOCUMENT = "take-document"
    CARD_LIES = "card-lies"
    CARD_LEFT = "card-left"
    TAKE_RECEIPT = "take-receipt"
    TAKE_PAGES = "take-pages"
    TAKE_THINGS = "take-things"
    STILL_THERE = "still-there"

    @property
    def outlasts(self) -> bool:
        """Whether it is worth hearing to its end for somebody whose visit is over."""
        return self in _ON_LEAVING


_ON_LEAVING: Final = frozenset(
    {
        Spoken.TAKE_CARD,
        Spoken.TAKE_DOCUMENT,
        Spoken.CARD_LIES,
        Spoken.CARD_LEFT,
        Spoken.TAKE_RECEIPT,
        Spoken.TAKE_PAGES,
        Spoken.TAKE_THINGS,
    }
)


@dataclass(frozen=True, slots=True)
class Speech:
    """What a step wants heard: after `after_s`, then every `again_s`, `times` in all."""

    what: Spoken
    after_s: float = 0.0
    again_s: float = 7.0
    times: int = 1


@dataclass(frozen=True, slots=True)
class Saying:
    """What is wanted now, since when (monotonic), and how often it was said."""

    wanted: Speech | None = None
    since_s: float = 0.0
    said: int = 0

    @property
    def due_s(self) -> float | None:
        """When it is to be said next; None for never."""
        wanted = self.wanted
        if wanted is None or self.said >= wanted.times:
            return None
        return self.since_s + wanted.after_s + self.said * wanted.again_s


def follow(saying: Saying, wanted: Speech | None, now_s: float) -> tuple[Saying, Spoken | None]:
    """The same as it stands now, and what is to be said at this moment."""
    before = saying.wanted
    if before != wanted:
        same = before is not None and wanted is not None and before.what is wanted.what
        saying = replace(saying, wanted=wanted) if same else Saying(wanted, now_s)
    due_s = saying.due_s
    if due_s is None or now_s < due_s or saying.wanted is None:
        return saying, None
    return replace(saying, said=saying.said + 1), saying.wanted.what
