"""Registers of which a sample shows only a few plain rows, as one table.

A row is a label and what stands beside it: "number", "day", "until", "money", "count", or one
of two fixed texts. `central_backend.samples` invents the values from the identity number.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from kiosk.contract import RecordKind

What: TypeAlias = str | tuple[tuple[str, str], tuple[str, str]]
Row: TypeAlias = tuple[str, str, What]

_STATE: Final = (("正常", "in order"), ("已停", "stopped"))
_HELD: Final = (("有效", "in force"), ("已到期", "expired"))
_NONE: Final = (("无", "none"), ("无", "none"))
_STATUS: Final[Row] = ("状态", "Status", _STATE)
_FORCE: Final[Row] = ("状态", "Status", _HELD)
_SINCE: Final[Row] = ("登记日期", "Registered", "day")
_UNTIL: Final[Row] = ("有效期至", "Valid until", "until")
_NUMBER: Final[Row] = ("编号", "Number", "number")
_DUE: Final[tuple[Row, ...]] = (
    ("户号", "Customer number", "number"),
    ("账单日期", "Billed on", "day"),
    ("应付（元）", "Due (yuan)", "money"),
)

PLAIN: Final[dict[RecordKind, tuple[str, str, tuple[Row, ...]]]] = {
    RecordKind.PENSION: ("养老金发放记录", "Pension payments", (
        _STATUS, ("每月金额（元）", "Monthly (yuan)", "money"), ("最近发放", "Last paid", "day"))),
    RecordKind.MEDICAL_INSURANCE: ("医疗保险参保记录", "Medical insurance", (
        _STATUS, _SINCE, ("个人账户余额（元）", "Own account (yuan)", "money"))),
    RecordKind.MEDICAL_COSTS: ("医疗费用记录", "Medical costs", (
        ("就诊日期", "Seen on", "day"), ("费用（元）", "Costs (yuan)", "money"))),
    RecordKind.WORK_INJURY: ("工伤保险记录", "Work-injury insurance", (_STATUS, _SINCE)),
    RecordKind.UNEMPLOYMENT: ("失业登记记录", "Unemployment register", (_STATUS, _SINCE)),
    RecordKind.EMPLOYMENT: ("就业登记记录", "Employment register", (_STATUS, _SINCE)),
    RecordKind.HOUSING_FUND: ("住房公积金缴存记录", "Housing fund", (
        _STATUS, ("余额（元）", "Balance (yuan)", "money"), ("缴存月数", "Months paid", "count"))),
    RecordKind.PUBLIC_HOUSING: ("公共租赁住房记录", "Public rental housing", (
        _NUMBER, ("轮候名次", "Place in the queue", "count"))),
    RecordKind.HOUSE_CONTRACT: ("商品房合同备案", "Registered house contract", (_NUMBER, _SINCE)),
    RecordKind.HOUSEHOLD: ("户籍登记信息", "Household register", (
        _STATUS, _SINCE, ("同户人数", "People in the household", "count"))),
    RecordKind.RESIDENCE_PERMIT: ("居住登记信息", "Residence register", (_FORCE, _SINCE, _UNTIL)),
    RecordKind.CRIMINAL_RECORD: ("犯罪记录查询结果", "Criminal record", (
        _NUMBER, ("犯罪记录", "Criminal record", _NONE),)),
    RecordKind.EXIT_ENTRY: ("出入境记录", "Exits and entries", (
        ("最近出境", "Last exit", "day"), ("次数", "How often", "count"))),
    RecordKind.MARRIAGE: ("婚姻登记信息", "Marriage register", (_NUMBER, _SINCE)),
    RecordKind.INCOME_TAX: ("个人所得税纳税记录", "Income tax paid", (
        ("最近申报", "Last return", "day"), ("已缴（元）", "Paid (yuan)", "money"))),
    RecordKind.COMPANY: ("市场主体登记信息", "Company register", (_NUMBER, _STATUS, _SINCE)),
    RecordKind.VEHICLE: ("机动车登记信息", "Vehicle register", (_NUMBER, _STATUS, _UNTIL)),
    RecordKind.DRIVING_LICENCE: ("驾驶证信息", "Driving licence", (
        _FORCE, _UNTIL, ("累积记分", "Penalty points", "count"))),
    RecordKind.TRAFFIC_FINES: ("交通违法记录", "Traffic fines", (
        ("未处理（起）", "Open", "count"), ("罚款（元）", "Fine (yuan)", "money"))),
    RecordKind.CITIZEN_CARD: ("市民卡信息", "Citizen card", (_NUMBER, _STATUS, _UNTIL)),
    RecordKind.TRANSIT_CARD: ("公交卡信息", "Transit card", (
        _NUMBER, ("余额（元）", "Balance (yuan)", "money"))),
    RecordKind.DISABILITY: ("残疾人证信息", "Disability certificate", (_NUMBER, _FORCE, _UNTIL)),
    RecordKind.SOCIAL_ASSISTANCE: ("社会救助记录", "Social assistance", (
        _STATUS, ("每月金额（元）", "Monthly (yuan)", "money"))),
    RecordKind.SENIOR_BENEFITS: ("老年人待遇记录", "Benefits for elders", (_STATUS, _SINCE)),
    RecordKind.VETERAN: ("退役军人登记信息", "Veterans' register", (_NUMBER, _SINCE)),
    RecordKind.VACCINATION: ("预防接种记录", "Vaccinations", (
        ("最近接种", "Last one", "day"), ("剂次", "Doses", "count"))),
    RecordKind.HEALTH_RECORD: ("健康档案", "Health record", (
        _NUMBER, ("最近体检", "Last check", "day"))),
    RecordKind.SCHOOL: ("学籍信息", "School register", (_NUMBER, _STATUS, _SINCE)),
    RecordKind.QUALIFICATION: ("职业资格信息", "Qualifications", (_NUMBER, _FORCE, _UNTIL)),
    RecordKind.ARCHIVES: ("档案存放信息", "Files kept", (_NUMBER, _SINCE)),
    RecordKind.LAND_CONTRACT: ("土地承包信息", "Land contract", (_NUMBER, _FORCE, _UNTIL)),
    RecordKind.LIBRARY: ("图书借阅记录", "Books on loan", (
        ("在借（册）", "On loan", "count"), ("最近应还", "Due back", "until"))),
    RecordKind.CASES: ("我的办件", "One's own cases", (
        _NUMBER, ("提交日期", "Handed in", "day"),
        ("进度", "Progress", (("办理中", "in progress"), ("已办结", "decided"))))),
    RecordKind.POWER_BILL: ("电费账单", "Power bills", _DUE),
    RecordKind.GAS_BILL: ("燃气费账单", "Gas bills", _DUE),
    RecordKind.TELECOM_BILL: ("通信费账单", "Telecom bills", _DUE),
    RecordKind.NON_TAX_BILL: ("非税缴款记录", "Fees to the state", _DUE),
}  # fmt: skip
