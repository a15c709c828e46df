"""Invented records of homes and land, and of what is billed for them."""

from __future__ import annotations

from central_backend.chance import Chance, Pair, Tables, line, table, yuan
from kiosk.contract import Line

_USES: tuple[Pair, ...] = (("住宅", "dwelling"), ("商业", "business"), ("车位", "parking space"))
_PAID: Pair = ("已缴", "paid")
_DUE: Pair = ("未缴", "to be paid")


def real_estate(chance: Chance) -> Tables:
    """One or two titles; the first is a dwelling."""
    parts: Tables = {}
    for index in range(1, chance.between(1, 2) + 1):
        year = chance.today.year - chance.between(1, 22)
        mortgaged = chance.between(0, 2) == 0
        title = chance.digits(7)
        parts[f"title{index}"] = table(
            f"不动产 {index}",
            f"Property {index}",
            line("坐落", "Address", chance.address()),
            line(
                "不动产权证号",
                "Certificate of title",
                (f"样({year})示例市不动产权第{title}号", f"SAMPLE-{year}-{title}"),
            ),
            line("用途", "Use", chance.one(*(_USES[:1] if index == 1 else _USES))),
            line("建筑面积（㎡）", "Floor area (m²)", f"{chance.between(3800, 16800) / 100:.2f}"),
            line("共有情况", "Ownership", ("单独所有", "sole owner")),
            line("登记日期", "Registered", f"{year}-{chance.between(1, 12):02d}-15"),
            line("抵押", "Mortgage", ("有", "yes") if mortgaged else ("无", "none")),
            line("查封", "Seizure", ("无", "none")),
        )
    return parts


def house_contract(chance: Chance) -> Tables:
    """A sale that was signed and registered on line."""
    area = chance.between(6000, 14000)
    price = chance.between(9_000, 26_000)
    return {
        "contract": table(
            "网签备案合同",
            "Registered contract",
            line("备案号", "Number", chance.digits(10, "SWQ")),
            line("房屋坐落", "Address", chance.address()),
            line("建筑面积（㎡）", "Floor area (m²)", f"{area / 100:.2f}"),
            line("总价（元）", "Price (yuan)", yuan(area * price)),
            line("备案日期", "Registered", chance.past(30, 1500)),
            line("状态", "Status", ("已备案", "registered")),
        )
    }


def public_housing(chance: Chance) -> Tables:
    """A place in the queue for a public flat."""
    return {
        "queue": table(
            "公共租赁住房",
            "Public rental housing",
            line("轮候号", "Queue number", chance.digits(6, "SGZ")),
            line("登记日期", "Registered", chance.past(30, 700)),
            line("轮候名次", "Place in the queue", chance.between(3, 240)),
            line("家庭人数", "Household", chance.between(1, 4)),
            line("状态", "Status", ("轮候中", "waiting")),
        )
    }


def land_contract(chance: Chance) -> Tables:
    """Fields under contract from the village."""
    return {
        "contract": table(
            "土地承包经营权",
            "Contracted land",
            line("权证编号", "Certificate", chance.digits(12, "S")),
            line("发包方", "Let by", ("样本村经济合作社", "Sample Village Cooperative")),
            line("承包面积（亩）", "Area (mu)", f"{chance.between(80, 900) / 100:.2f}"),
            line("地块数", "Plots", chance.between(1, 6)),
            line("承包期到", "Until", "2057-12-31"),
        )
    }


def housing_fund(chance: Chance) -> Tables:
    """The account, an old loan that is repaid, and the loan that runs."""
    monthly = chance.between(60, 480) * 1000
    months = chance.between(12, 12 * chance.working_years() + 11)
    lent = chance.between(20, 80) * 1_000_000
    years = chance.between(10, 30)
    principal = lent // (years * 12)
    left = lent * chance.between(30, 90) // 100
    return {
        "account": table(
            "公积金缴存",
            "Housing fund account",
            line("缴存单位", "Paid in by", chance.company()),
            line("账户状态", "Status", ("正常", "in order")),
            line(
                "缴存起止",
                "Contributions",
                (_months(chance, months, "至"), _months(chance, months, "to")),
            ),
            line("连续足额缴存（月）", "Months without a gap", months),
            line("月缴存额（元）", "Paid in monthly (yuan)", yuan(monthly)),
            line("缴存比例", "Rate", ("单位 12%，个人 12%", "employer 12%, own 12%")),
            line("账户余额（元）", "Balance (yuan)", yuan(monthly * months * 6 // 10)),
        ),
        "use": table(
            "公积金使用",
            "Use of the fund",
            line("已用公积金贷款（次）", "Loans so far", 1),
            line("未结清的贷款", "Loans running", ("1 笔", "one")),
            line("最近一次提取", "Last withdrawal", chance.past(100, 900)),
        ),
        "settled": table(
            "已结清的贷款",
            "Loan repaid",
            line("借款合同号", "Loan contract", chance.digits(8, "SDK")),
            line("贷款金额（元）", "Lent (yuan)", yuan(chance.between(10, 40) * 1_000_000)),
            line("放款日期", "Paid out", chance.past(5000, 6500)),
            line("结清日期", "Repaid in full", chance.past(1500, 3000)),
            line("状态", "Status", ("本息已全部结清", "principal and interest repaid in full")),
        ),
        "loan": table(
            "正在还的贷款",
            "Loan running",
            line("借款合同号", "Loan contract", chance.digits(8, "SDK")),
            line("贷款金额（元）", "Lent (yuan)", yuan(lent)),
            line("贷款期限", "Term", (f"{years} 年", f"{years} years")),
            line("剩余本金（元）", "Principal left (yuan)", yuan(left)),
            line("逾期", "Overdue", ("无", "none")),
        ),
        "repayments": table(
            "最近还款",
            "Last repayments",
            *(
                _repayment(chance.month(back), principal, left + back * principal)
                for back in (1, 2, 3)
            ),
        ),
    }


def _repayment(month: str, principal: int, owed: int) -> Line:
    """One month's instalment at 2.6 per cent a year."""
    own, interest = yuan(principal), yuan(owed * 26 // 12000)
    return line(
        f"{month}-20",
        f"{month}-20",
        (f"本金 {own}，利息 {interest}，已扣款", f"principal {own}, interest {interest}, debited"),
    )


def _months(chance: Chance, months: int, to: str) -> str:
    return f"{chance.month(months)} {to} {chance.month(1)}"


def _account(chance: Chance, prefix: str) -> Tables:
    return {
        "customer": table(
            "用户",
            "Customer",
            line("户号", "Account number", chance.digits(8, prefix)),
            line("地址", "Address", chance.address()),
        )
    }


def water_bill(chance: Chance) -> Tables:
    """Meter, and what three months cost."""
    return _metered(chance, ("S", ("水费", "Water bill"), "m³", 345), low=4, high=28)


def power_bill(chance: Chance) -> Tables:
    """Meter, and what three months cost."""
    return _metered(chance, ("D", ("电费", "Power bill"), "kWh", 54), low=60, high=420)


def gas_bill(chance: Chance) -> Tables:
    """Meter, and what three months cost."""
    return _metered(chance, ("R", ("燃气费", "Gas bill"), "m³", 310), low=5, high=40)


_Meter = tuple[str, Pair, str, int]
"""Prefix of the account, name of the bill, unit, price of a unit in cents."""


def _metered(chance: Chance, meter: _Meter, *, low: int, high: int) -> Tables:
    prefix, (zh, en), unit, price = meter
    parts = _account(chance, prefix)
    reading = chance.between(50 * high, 90 * high)
    for back in (1, 2, 3):
        used = chance.between(low, high)
        paid = back > 1 or chance.between(0, 1) == 1
        month = chance.month(back)
        parts[f"bill{back}"] = table(
            f"{month} {zh}",
            f"{en} {month}",
            line(f"抄表读数（{unit}）", f"Meter reading ({unit})", reading),
            line(f"用量（{unit}）", f"Used ({unit})", used),
            line("金额（元）", "Amount (yuan)", yuan(used * price)),
            line("状态", "State", _PAID if paid else _DUE),
        )
        reading -= used
    return parts


def telecom_bill(chance: Chance) -> Tables:
    """Telephone and broadband of last month, and cable television."""
    plan = chance.between(39, 199) * 100
    extra = chance.between(0, 2500)
    return {
        "phone": table(
            "电话和宽带",
            "Telephone and broadband",
            line("号码", "Number", f"1**{chance.digits(4, '****')}"),
            line("账期", "Month", chance.month(1)),
            line("套餐费（元）", "Plan (yuan)", yuan(plan)),
            line("套餐外（元）", "Beyond the plan (yuan)", yuan(extra)),
            line("应付（元）", "Due (yuan)", yuan(plan + extra)),
            line("账户余额（元）", "Balance (yuan)", chance.money(0, 200)),
        ),
        "television": table(
            "有线电视",
            "Cable television",
            line("用户证号", "Customer number", chance.digits(9, "T")),
            line("安装地址", "Address", chance.address()),
            line("收视费已交到", "Paid up to", chance.ahead(10, 330)),
            line("每月收视费（元）", "Monthly fee (yuan)", "24.00"),
        ),
    }


def non_tax_bill(chance: Chance) -> Tables:
    """Fees to the state: what is to be paid, and what was."""
    return {
        "due": table(
            "待缴",
            "To be paid",
            line("缴款码", "Payment code", chance.digits(20)),
            line("收费项目", "For", ("考试费", "examination fee")),
            line("执收单位", "Charged by", ("示例市考试中心", "Sample City Examination Centre")),
            line("金额（元）", "Amount (yuan)", chance.money(40, 300)),
            line("缴款期限", "Pay by", chance.ahead(3, 14)),
        ),
        "paid": table(
            "已缴",
            "Paid",
            line("缴款码", "Payment code", chance.digits(20)),
            line("收费项目", "For", ("不动产登记费", "real-estate registration fee")),
            line("金额（元）", "Amount (yuan)", "80.00"),
            line("缴款日期", "Paid on", chance.past(20, 360)),
            line("电子票据", "Electronic receipt", ("已开具", "issued")),
        ),
    }
