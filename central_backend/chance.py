"""Invented values that always come out the same for the same register and person.

Whatever is drawn depends on a hash of register and identity number and on the day, on nothing
else; nothing in it is about anybody. What the number itself tells (year of birth, sex) is
respected, so that nobody of thirty draws a pension.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final, TypeAlias

from kiosk.contract import Line, RecordKind, RecordTable, Words

Pair: TypeAlias = tuple[str, str]
"""The same in Chinese and English."""

Tables: TypeAlias = dict[str, RecordTable]
"""A register's parts by name, in the order in which they are shown; empty: nothing there."""

_STREETS: Final[tuple[Pair, ...]] = (
    ("样本路", "Yangben Road"),
    ("示例街", "Shili Street"),
    ("演示大道", "Yanshi Avenue"),
)
_COMPANIES: Final[tuple[Pair, ...]] = (
    ("样本纺织有限公司", "Sample Textile Co."),
    ("示例餐饮服务部", "Example Catering"),
    ("演示软件有限公司", "Demo Software Co."),
)


class Chance:
    """Draws for one register and one person on one day."""

    def __init__(self, kind: RecordKind, number: str, today: date) -> None:
        self._blocks = self._stream(f"{kind.value}|{number}")
        self.today = today
        self.age = _age(number, today)  # full years; None where the number does not tell
        self.female = len(number) == 18 and number[16].isdecimal() and int(number[16]) % 2 == 0

    @staticmethod
    def _stream(seed: str) -> Iterator[int]:
        count = 0
        while True:
            block = hashlib.sha256(f"{seed}|{count}".encode()).digest()
            yield int.from_bytes(block[:8], "big")
            count += 1

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + next(self._blocks) % (high - low + 1)

    def one(self, *options: Pair) -> Pair:
        """One of some texts."""
        return options[self.between(0, len(options) - 1)]

    def digits(self, count: int, prefix: str = "") -> str:
        """A number that looks like one on a paper: `prefix`, then `count` digits."""
        return f"{prefix}{self.between(0, 10**count - 1):0{count}d}"

    def money(self, low_yuan: int, high_yuan: int) -> str:
        """An amount with cents."""
        return yuan(self.between(low_yuan * 100, high_yuan * 100))

    def past(self, least_days: int, most_days: int) -> str:
        """A day that is over, as it is written on papers."""
        return (self.today - timedelta(days=self.between(least_days, most_days))).isoformat()

    def ahead(self, least_days: int, most_days: int) -> str:
        """A day to come."""
        return (self.today + timedelta(days=self.between(least_days, most_days))).isoformat()

    def month(self, back: int) -> str:
        """The month `back` months ago."""
        months = self.today.year * 12 + self.today.month - 1 - back
        return f"{months // 12}-{months % 12 + 1:02d}"

    def address(self) -> Pair:
        """A flat that does not exist."""
        zh, en = self.one(*_STREETS)
        house, flat = self.between(1, 299), self.between(101, 2604)
        return (f"示例市{zh}{house}号{flat}室", f"Room {flat}, {house} {en}, Sample City")

    def company(self) -> Pair:
        """An employer that does not exist."""
        return self.one(*_COMPANIES)

    def working_years(self) -> int:
        """For how many years this person may have worked: 1 to 40."""
        age = 40 if self.age is None else self.age
        return max(1, min(40, min(age, 60) - 20))


def _age(number: str, today: date) -> int | None:
    if len(number) != 18:
        return None
    try:
        born = date.fromisoformat(f"{number[6:10]}-{number[10:12]}-{number[12:14]}")
    except ValueError:
        return None
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def yuan(cents: int) -> str:
    """An amount as it is written: 1,234.50."""
    return f"{cents / 100:,.2f}"


def line(zh: str, en: str, value: str | int | Pair) -> Line:
    """A label and its value; a value that needs no translation is given once."""
    value_zh, value_en = value if isinstance(value, tuple) else (str(value), str(value))
    return Line(label=Words(zh=zh, en=en), value=Words(zh=value_zh, en=value_en))


def table(zh: str, en: str, *rows: Line) -> RecordTable:
    """A part of a register."""
    return RecordTable(title=Words(zh=zh, en=en), rows=rows)
