"""Invented records, so that certificates and queries have something to show.

There is a record for any identity number: its content is derived from a hash of the number
and always the same. Nothing in it is about anybody. A number whose order code (positions
15 to 17) is 999 has no records at all, so that "nothing found" can be shown too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Final, NamedTuple

from central_backend.plain_registers import PLAIN, What
from kiosk.contract import Line, QuestionParty, RecordKind, RecordTable, Words

_NOTHING_ORDER_CODE: Final = "999"
_STREETS: Final = (
    ("样本路", "Yangben Road"),
    ("示例街", "Shili Street"),
    ("演示大道", "Yanshi Avenue"),
)
_COMPANIES: Final = (
    ("样本纺织有限公司", "Sample Textile Co."),
    ("示例餐饮服务部", "Example Catering"),
    ("演示软件有限公司", "Demo Software Co."),
)
_USES: Final = (("住宅", "dwelling"), ("商业", "business"), ("车位", "parking space"))


class Found(NamedTuple):
    """A register's records about one person; empty where it has none."""

    title: Words
    tables: tuple[RecordTable, ...]


def find(kind: RecordKind, party: QuestionParty, today: date) -> Found:
    """The invented records of `kind` about `party`, as of `today`."""
    title, make = _REGISTERS[kind]
    number = party.number.upper()
    if number[14:17] == _NOTHING_ORDER_CODE:
        return Found(title, ())
    return Found(title, make(_Chance(kind, number), party, today))


class _Chance:
    """Choices that depend on nothing but register and number."""

    def __init__(self, kind: RecordKind, number: str) -> None:
        self._blocks = self._stream(f"{kind.value}|{number}")

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

    def one(self, options: tuple[tuple[str, str], ...]) -> Words:
        """One of some texts in two languages."""
        zh, en = options[self.between(0, len(options) - 1)]
        return Words(zh=zh, en=en)


def _line(zh: str, en: str, value_zh: str, value_en: str | None = None) -> Line:
    value = Words(zh=value_zh, en=value_zh if value_en is None else value_en)
    return Line(label=Words(zh=zh, en=en), value=value)


def _month(day: date, back: int) -> str:
    months = day.year * 12 + day.month - 1 - back
    return f"{months // 12}-{months % 12 + 1:02d}"


def _social_insurance(
    chance: _Chance, party: QuestionParty, today: date
) -> tuple[RecordTable, ...]:
    months = chance.between(14, 320)
    base = chance.between(45, 210) * 100
    company = chance.one(_COMPANIES)
    rows = [
        _line("姓名", "Name", party.name),
        _line("证件号码", "Document number", party.number),
        _line("参保单位", "Insured through", company.zh, company.en),
        _line("参保状态", "Status", "正常参保", "insured"),
        _line(
            "险种",
            "Kinds",
            "养老、医疗、失业、工伤",
            "pension, medical, unemployment, work injury",
        ),
        _line(
            "缴费起止",
            "Contributions",
            f"{_month(today, months)} 至 {_month(today, 1)}",
            f"{_month(today, months)} to {_month(today, 1)}",
        ),
        _line("累计缴费月数", "Months in total", str(months)),
        _line("当前缴费基数（元）", "Current base (yuan)", f"{base:,}"),
    ]
    return (RecordTable(title=_REGISTERS[RecordKind.SOCIAL_INSURANCE][0], rows=tuple(rows)),)


def _real_estate(chance: _Chance, _party: QuestionParty, today: date) -> tuple[RecordTable, ...]:
    tables = []
    for index in range(1, chance.between(1, 2) + 1):
        street = chance.one(_STREETS)
        house, flat = chance.between(1, 299), chance.between(101, 2604)
        use = chance.one(_USES[:1] if index == 1 else _USES)
        year = today.year - chance.between(1, 22)
        mortgaged = chance.between(0, 2) == 0
        rows = (
            _line(
                "坐落",
                "Address",
                f"示例市{street.zh}{house}号{flat}室",
                f"Room {flat}, {house} {street.en}, Sample City",
            ),
            _line(
                "不动产权证号",
                "Certificate of title",
                f"样({year})示例市不动产权第{chance.between(1, 9_999_999):07d}号",
                f"SAMPLE-{year}-{chance.between(1, 9_999_999):07d}",
            ),
            _line("用途", "Use", use.zh, use.en),
            _line("建筑面积（㎡）", "Floor area (m²)", f"{chance.between(3800, 16800) / 100:.2f}"),
            _line("共有情况", "Ownership", "单独所有", "sole owner"),
            _line("登记日期", "Registered", f"{year}-{chance.between(1, 12):02d}-15"),
            _line("抵押", "Mortgage", "有" if mortgaged else "无", "yes" if mortgaged else "none"),
            _line("查封", "Seizure", "无", "none"),
        )
        tables.append(
            RecordTable(title=Words(zh=f"不动产 {index}", en=f"Property {index}"), rows=rows)
        )
    return tuple(tables)


def _water_bill(chance: _Chance, _party: QuestionParty, today: date) -> tuple[RecordTable, ...]:
    street = chance.one(_STREETS)
    house, flat = chance.between(1, 299), chance.between(101, 2604)
    reading = chance.between(400, 2400)
    account = RecordTable(
        title=Words(zh="用水户", en="Account"),
        rows=(
            _line("户号", "Account number", f"S{chance.between(1, 99_999_999):08d}"),
            _line(
                "用水地址",
                "Address",
                f"示例市{street.zh}{house}号{flat}室",
                f"Room {flat}, {house} {street.en}, Sample City",
            ),
        ),
    )
    bills = []
    for back in (1, 2, 3):
        used = chance.between(4, 28)
        paid = back > 1 or chance.between(0, 1) == 1
        rows = (
            _line("抄表读数（m³）", "Meter reading (m³)", str(reading)),
            _line("用水量（m³）", "Used (m³)", str(used)),
            _line("金额（元）", "Amount (yuan)", f"{used * 3.45:.2f}"),
            _line("状态", "State", "已缴" if paid else "未缴", "paid" if paid else "to be paid"),
        )
        month = _month(today, back)
        bills.append(
            RecordTable(title=Words(zh=f"{month} 水费", en=f"Water bill {month}"), rows=rows)
        )
        reading -= used
    return (account, *bills)


_Maker = Callable[[_Chance, QuestionParty, date], tuple[RecordTable, ...]]


def _plain(kind: RecordKind) -> _Maker:
    """The maker of a register that is a plain table."""
    zh, en, rows = PLAIN[kind]

    def make(chance: _Chance, _party: QuestionParty, today: date) -> tuple[RecordTable, ...]:
        lines = tuple(_line(one, other, *_value(what, chance, today)) for one, other, what in rows)
        return (RecordTable(title=Words(zh=zh, en=en), rows=lines),)

    return make


def _value(what: What, chance: _Chance, today: date) -> tuple[str, str]:
    """An invented value in both languages."""
    if not isinstance(what, str):
        zh, en = what[chance.between(0, 1)]
        return zh, en
    made = {
        "number": f"YB{chance.between(1, 9_999_999):07d}",
        "day": (today - timedelta(days=chance.between(1, 700))).isoformat(),
        "until": (today + timedelta(days=chance.between(30, 3000))).isoformat(),
        "money": f"{chance.between(1, 900_000) / 100:,.2f}",
        "count": str(chance.between(0, 12)),
    }[what]
    return made, made


_REGISTERS: Final[dict[RecordKind, tuple[Words, _Maker]]] = {
    RecordKind.SOCIAL_INSURANCE: (
        Words(zh="社会保险参保证明", en="Certificate of social insurance"),
        _social_insurance,
    ),
    RecordKind.REAL_ESTATE: (
        Words(zh="不动产登记信息", en="Real-estate register"),
        _real_estate,
    ),
    RecordKind.WATER_BILL: (Words(zh="水费账单", en="Water bills"), _water_bill),
    **{kind: (Words(zh=zh, en=en), _plain(kind)) for kind, (zh, en, _) in PLAIN.items()},
}
