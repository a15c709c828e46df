"""Which part of a register an item shows, and what its certificate is called.

Several items look into the same register: one certifies the pension account, another the
pension that is paid. An item that is not named here shows all parts under the register's own
title. `nothing` is for certificates that certify just that nothing is registered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from central_backend.chance import Tables, line, table
from central_backend.samples import TITLES
from kiosk.contract import RecordKind, RecordTable, Words


class Sheet(NamedTuple):
    """Register, title, parts by name (none named: all), and what stands there for nothing."""

    kind: RecordKind
    title: Words
    parts: tuple[str, ...] = ()
    nothing: RecordTable | None = None


def sheet_of(item: str, kind: RecordKind) -> Sheet:
    """The sheet of an item, or of the register where it has none of its own there."""
    own = SHEETS.get(item)
    return own if own is not None and own.kind is kind else Sheet(kind, TITLES[kind])


def chosen(sheet: Sheet, found: Tables) -> tuple[RecordTable, ...]:
    """The tables that a sheet shows of what was found."""
    names = [name for name in sheet.parts if name in found] if sheet.parts else list(found)
    if not names and sheet.nothing is not None:
        return (sheet.nothing,)
    return tuple(found[name] for name in names)


def _sheet(
    kind: RecordKind, zh: str, en: str, *parts: str, nothing: RecordTable | None = None
) -> Sheet:
    return Sheet(kind, Words(zh=zh, en=en), parts, nothing)


_NO_HOME: Final = table(
    "查询结果",
    "Result",
    line(
        "不动产登记",
        "Real estate",
        ("在本市没有登记的房屋", "no home is registered in this city"),
    ),
)

SHEETS: Final[Mapping[str, Sheet]] = {
    "SB-001": _sheet(
        RecordKind.SOCIAL_INSURANCE, "社会保险参保证明", "Certificate of social insurance", "status"
    ),
    "SB-003": _sheet(
        RecordKind.PENSION, "养老保险个人权益记录单", "Statement of the pension account", "account"
    ),
    "SB-004": _sheet(RecordKind.PENSION, "养老金发放证明", "Certificate of pension paid", "paid"),
    "SB-005": _sheet(
        RecordKind.UNEMPLOYMENT,
        "失业保险参保证明",
        "Certificate of unemployment insurance",
        "status",
    ),
    "SB-006": _sheet(
        RecordKind.WORK_INJURY, "工伤保险参保证明", "Certificate of work-injury insurance", "status"
    ),
    "SB-007": _sheet(
        RecordKind.SOCIAL_INSURANCE, "灵活就业社保缴费", "Paying in on one's own", "flexible"
    ),
    "YB-002": _sheet(
        RecordKind.MEDICAL_INSURANCE,
        "基本医疗保险参保证明",
        "Certificate of medical insurance",
        "status",
    ),
    "YB-003": _sheet(
        RecordKind.MEDICAL_INSURANCE,
        "医疗保险缴费明细",
        "Contributions to medical insurance",
        "payments",
    ),
    "YB-004": _sheet(
        RecordKind.MEDICAL_INSURANCE, "医保个人账户", "Own medical account", "account"
    ),
    "GJJ-001": _sheet(
        RecordKind.HOUSING_FUND,
        "住房公积金缴存证明",
        "Certificate of housing fund contributions",
        "account",
    ),
    "GJJ-002": _sheet(
        RecordKind.HOUSING_FUND,
        "公积金贷款结清证明",
        "Certificate of a housing fund loan repaid",
        "settled",
    ),
    "GJJ-003": _sheet(
        RecordKind.HOUSING_FUND,
        "异地贷款缴存使用证明",
        "Housing fund certificate for a loan in another city",
        "account",
        "use",
        "loan",
    ),
    "GJJ-004": _sheet(
        RecordKind.HOUSING_FUND, "公积金贷款还款", "Housing fund loan", "loan", "repayments"
    ),
    "FC-001": _sheet(RecordKind.REAL_ESTATE, "不动产登记信息", "Real-estate register"),
    "FC-003": _sheet(
        RecordKind.REAL_ESTATE,
        "个人住房信息查询证明",
        "Certificate of homes in one's name",
        nothing=_NO_HOME,
    ),
    "FC-004": _sheet(
        RecordKind.REAL_ESTATE, "不动产登记信息查询证明", "Extract from the real-estate register"
    ),
    "HJ-003": _sheet(
        RecordKind.RESIDENCE_PERMIT, "居住登记证明", "Certificate of residence", "home"
    ),
    "MZ-001": _sheet(RecordKind.MARRIAGE, "婚姻登记记录证明", "Certificate of marriage records"),
    "MZ-002": _sheet(
        RecordKind.SOCIAL_ASSISTANCE, "最低生活保障证明", "Certificate of the subsistence allowance"
    ),
    "SW-001": _sheet(RecordKind.INCOME_TAX, "个人所得税纳税记录", "Income tax paid"),
    "SW-002": _sheet(
        RecordKind.SOCIAL_INSURANCE,
        "社会保险费缴费证明",
        "Certificate of contributions paid to the tax office",
        "tax",
    ),
    "JT-002": _sheet(
        RecordKind.DRIVING_LICENCE, "驾驶人安全驾驶记录证明", "Certificate of driving record"
    ),
    "JT-003": _sheet(RecordKind.TRAFFIC_FINES, "交通违法记录", "Traffic fines"),
    "JY-001": _sheet(RecordKind.SCHOOL, "学籍证明", "Certificate from the school register"),
    "SMK-012": _sheet(
        RecordKind.CITIZEN_CARD, "市民卡制卡进度", "Citizen card being made", "making"
    ),
    "TX-002": _sheet(RecordKind.TELECOM_BILL, "电话和宽带账单", "Telephone and broadband", "phone"),
    "YX-001": _sheet(RecordKind.TELECOM_BILL, "有线电视收视费", "Cable television", "television"),
}
