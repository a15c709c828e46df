"""The shipped catalogue for tests whose subject is not its reading: compiled once a session.

All workers of a session, and the demos they start, share what lies in `KIOSK_DEMO_CACHE`
(set in `conftest.py`).
"""

from __future__ import annotations

from functools import cache

from kiosk.catalogue.model import Pack
from kiosk.demo.prepared import prepare


@cache
def shipped_pack() -> Pack:
    """The catalogue that is shipped."""
    made = prepare()
    made.keep()
    return made.pack
