"""Watches the directory of packs while the terminal runs, and brings a new one in.

Promises: a pack that is refused changes nothing but a line in the log, once; reading and
making the search ready happen on a thread of their own, so that no touch waits for them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial

from kiosk.catalogue.model import Pack
from kiosk.catalogue.pack import PackError
from kiosk.catalogue.search import SearchIndex
from kiosk.journey.events import CatalogueRenewed, Event
from kiosk.logs import note
from kiosk.pack_files import PackDirectory

FOUND_MOST = 40


class PackWatch:
    """Looks whether another pack takes service."""

    def __init__(
        self,
        packs: PackDirectory,
        reply: Callable[[Event], None],
        uses: Callable[[], Mapping[str, int]],
        *,
        confirmed_only: bool = True,
    ) -> None:
        """`reply` gets `CatalogueRenewed`, from a thread; samples only where they are allowed.

        `uses`, asked from that thread, says how often each matter was begun on this terminal.
        """
        self._packs = packs
        self._reply = reply
        self._uses = uses
        self._confirmed_only = confirmed_only
        self._seen = packs.stamp()
        self._at_work: threading.Thread | None = None

    def look(self) -> None:
        """Read the pack when it is another one; returns at once."""
        stamp = self._packs.stamp()
        busy = self._at_work is not None and self._at_work.is_alive()
        if stamp is None or stamp == self._seen or busy:
            return
        self._seen = stamp
        self._at_work = threading.Thread(target=self._bring, name="catalogue", daemon=True)
        self._at_work.start()

    def close(self, wait_s: float = 10.0) -> None:
        """Wait for what is being read."""
        if self._at_work is not None:
            self._at_work.join(wait_s)

    def _bring(self) -> None:
        try:
            served = self._packs.load()
            if served.fault is not None:
                raise served.fault
            pack = served.pack
            if self._confirmed_only and any(_samples(pack)):
                note("catalogue", kind="refused", code="ST-02")
                return
            index = SearchIndex.build(pack, served.opened.readings(), self._uses())
        except PackError as error:
            note("catalogue", kind="refused", code=error.fault.code)
            return
        note("catalogue", kind="renewed", name=pack.hash[:12])
        self._reply(CatalogueRenewed(pack, partial(_find, index)))


def _samples(pack: Pack) -> list[bool]:
    return [matter.sample for matter in pack.matters.values()]


def _find(index: SearchIndex, query: str) -> tuple[str, ...]:
    return index.find(query, FOUND_MOST)
