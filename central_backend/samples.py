"""Invented records, so that certificates and queries have something to show.

There is a record for any identity number: its content is derived from a hash of the number
and always the same. Nothing in it is about anybody. A number whose order code (positions
15 to 17) is 999 has no records at all, so that "nothing found" can be shown too. One's own
cases are not here: they are real (`central_backend.own_cases`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from central_backend import sample_homes as homes
from central_backend import sample_insurance as insurance
from central_backend import sample_people as people
from central_backend.chance import Chance, Tables
from kiosk.contract import RecordKind, Words

_NOTHING_ORDER_CODE: Final = "999"


def find(kind: RecordKind, number: str, today: date) -> Tables:
    """The invented records of `kind` about a number, as of `today`; empty where none are."""
    number = number.upper()
    if number[14:17] == _NOTHING_ORDER_CODE or kind not in _MAKERS:
        return {}
    return _MAKERS[kind](Chance(kind, number, today))


_MAKERS: Final[Mapping[RecordKind, Callable[[Chance], Tables]]] = {
    RecordKind.SOCIAL_INSURANCE: insurance.social_insurance,
    RecordKind.PENSION: insurance.pension,
    RecordKind.MEDICAL_INSURANCE: insurance.medical_insurance,
    RecordKind.MEDICAL_COSTS: insurance.medical_costs,
    RecordKind.WORK_INJURY: insurance.work_injury,
    RecordKind.UNEMPLOYMENT: insurance.unemployment,
    RecordKind.EMPLOYMENT: insurance.employment,
    RecordKind.HOUSING_FUND: homes.housing_fund,
    RecordKind.PUBLIC_HOUSING: homes.public_housing,
    RecordKind.REAL_ESTATE: homes.real_estate,
    RecordKind.HOUSE_CONTRACT: homes.house_contract,
    RecordKind.HOUSEHOLD: people.household,
    RecordKind.RESIDENCE_PERMIT: people.residence_permit,
    RecordKind.CRIMINAL_RECORD: people.criminal_record,
    RecordKind.EXIT_ENTRY: people.exit_entry,
    RecordKind.MARRIAGE: people.marriage,
    RecordKind.INCOME_TAX: insurance.income_tax,
    RecordKind.COMPANY: insurance.company,
    RecordKind.VEHICLE: people.vehicle,
    RecordKind.DRIVING_LICENCE: people.driving_licence,
    RecordKind.TRAFFIC_FINES: people.traffic_fines,
    RecordKind.CITIZEN_CARD: people.citizen_card,
    RecordKind.TRANSIT_CARD: people.transit_card,
    RecordKind.DISABILITY: people.disability,
    RecordKind.SOCIAL_ASSISTANCE: people.social_assistance,
    RecordKind.SENIOR_BENEFITS: people.senior_benefits,
    RecordKind.VETERAN: people.veteran,
    RecordKind.VACCINATION: people.vaccination,
    RecordKind.HEALTH_RECORD: people.health_record,
    RecordKind.SCHOOL: people.school,
    RecordKind.QUALIFICATION: people.qualification,
    RecordKind.ARCHIVES: people.archives,
    RecordKind.LAND_CONTRACT: homes.land_contract,
    RecordKind.LIBRARY: people.library,
    RecordKind.WATER_BILL: homes.water_bill,
    RecordKind.POWER_BILL: homes.power_bill,
    RecordKind.GAS_BILL: homes.gas_bill,
    RecordKind.TELECOM_BILL: homes.telecom_bill,
    RecordKind.NON_TAX_BILL: homes.non_tax_bill,
}

TITLES: Final[Mapping[RecordKind, Words]] = {
    kind: Words(zh=zh, en=en)
    for kind, zh, en in (
        (RecordKind.SOCIAL_INSURANCE, "社会保险参保信息", "Social insurance record"),
        (RecordKind.PENSION, "养老保险信息", "Pension record"),
        (RecordKind.MEDICAL_INSURANCE, "医疗保险信息", "Medical insurance record"),
        (RecordKind.MEDICAL_COSTS, "医疗费用信息", "Medical costs"),
        (RecordKind.WORK_INJURY, "工伤保险信息", "Work-injury insurance record"),
        (RecordKind.UNEMPLOYMENT, "失业保险信息", "Unemployment insurance record"),
        (RecordKind.EMPLOYMENT, "就业登记信息", "Employment record"),
        (RecordKind.HOUSING_FUND, "住房公积金信息", "Housing fund record"),
        (RecordKind.PUBLIC_HOUSING, "公共租赁住房信息", "Public rental housing record"),
        (RecordKind.REAL_ESTATE, "不动产登记信息", "Real-estate register"),
        (RecordKind.HOUSE_CONTRACT, "商品房合同备案信息", "Registered house contract"),
        (RecordKind.HOUSEHOLD, "户籍登记信息", "Household register"),
        (RecordKind.RESIDENCE_PERMIT, "居住登记信息", "Residence register"),
        (RecordKind.CRIMINAL_RECORD, "犯罪记录查询结果", "Criminal record search"),
        (RecordKind.EXIT_ENTRY, "出入境记录", "Exits and entries"),
        (RecordKind.MARRIAGE, "婚姻登记信息", "Marriage register"),
        (RecordKind.INCOME_TAX, "个人所得税纳税信息", "Income tax record"),
        (RecordKind.COMPANY, "市场主体登记信息", "Business register"),
        (RecordKind.VEHICLE, "机动车登记信息", "Vehicle register"),
        (RecordKind.DRIVING_LICENCE, "驾驶证信息", "Driving licence record"),
        (RecordKind.TRAFFIC_FINES, "交通违法信息", "Traffic fines"),
        (RecordKind.CITIZEN_CARD, "市民卡信息", "Citizen card record"),
        (RecordKind.TRANSIT_CARD, "公交卡信息", "Bus card record"),
        (RecordKind.DISABILITY, "残疾人证信息", "Disability certificate record"),
        (RecordKind.SOCIAL_ASSISTANCE, "社会救助信息", "Social assistance record"),
        (RecordKind.SENIOR_BENEFITS, "老年人待遇信息", "Benefits for elders"),
        (RecordKind.VETERAN, "退役军人登记信息", "Veterans' register"),
        (RecordKind.VACCINATION, "预防接种信息", "Vaccination record"),
        (RecordKind.HEALTH_RECORD, "居民健康档案", "Health record"),
        (RecordKind.SCHOOL, "学籍信息", "School register"),
        (RecordKind.QUALIFICATION, "职业技能信息", "Qualifications"),
        (RecordKind.ARCHIVES, "档案存放信息", "Employment file"),
        (RecordKind.LAND_CONTRACT, "土地承包信息", "Contracted land"),
        (RecordKind.LIBRARY, "图书借阅信息", "Library record"),
        (RecordKind.CASES, "我的办件", "Your own cases"),
        (RecordKind.WATER_BILL, "水费账单", "Water bills"),
        (RecordKind.POWER_BILL, "电费账单", "Power bills"),
        (RecordKind.GAS_BILL, "燃气费账单", "Gas bills"),
        (RecordKind.TELECOM_BILL, "通信费账单", "Telecom bills"),
        (RecordKind.NON_TAX_BILL, "政府非税收入缴款信息", "Fees to the state"),
    )
}
