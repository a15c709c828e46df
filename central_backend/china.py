"""The time of day in China: what people read on pages and papers is in it, rows are in UTC."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Final

CHINA: Final = timezone(timedelta(hours=8))


def day(at: datetime) -> str:
    """A day as it is written on pages and papers."""
    return f"{at.astimezone(CHINA):%Y-%m-%d}"
