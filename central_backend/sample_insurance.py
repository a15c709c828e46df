"""Invented records of work and insurance: pension, health, injury, unemployment, tax."""

from __future__ import annotations

from central_backend.chance import Chance, Pair, Tables, line, table, yuan
from kiosk.contract import Line

_INSURED: Pair = ("正常参保", "insured")


def _span(chance: Chance, months: int) -> Pair:
    first, last = chance.month(months), chance.month(1)
    return (f"{first} 至 {last}", f"{first} to {last}")


def social_insurance(chance: Chance) -> Tables:
    """Who pays in, since when, and the last months."""
    months = chance.between(12, 12 * chance.working_years() + 11)
    base = chance.between(48, 210) * 100
    company = chance.company()
    own = base * 20 // 100  # flexible workers pay a fifth themselves
    return {
        "status": table(
            "参保情况",
            "Insurance",
            line("参保单位", "Insured through", company),
            line("参保状态", "Status", _INSURED),
            line(
                "险种",
                "Kinds",
                ("养老、医疗、失业、工伤", "pension, medical, unemployment, work injury"),
            ),
            line("缴费起止", "Contributions", _span(chance, months)),
            line("累计缴费月数", "Months in total", months),
            line("当前缴费基数（元）", "Current base (yuan)", f"{base:,}"),
        ),
        "tax": table(
            "社保费缴纳记录",
            "Contributions received by the tax office",
            *(_month_paid(chance.month(back), base) for back in range(1, 7)),
        ),
        "flexible": table(
            "灵活就业缴费",
            "Paying in on one's own",
            line("每月应缴（元）", "Due each month (yuan)", yuan(own * 100)),
            line("已缴到", "Paid up to", chance.month(1)),
            line("欠缴月数", "Months owed", chance.between(0, 1)),
            line("扣款银行卡尾号", "Account ends in", chance.digits(4)),
        ),
    }


def _month_paid(month: str, base: int) -> Line:
    """What was withheld in one month: 8, 2 and a half per cent of the base."""
    old_age, health, jobless = yuan(base * 8), yuan(base * 2), yuan(base // 2)
    return line(
        month,
        month,
        (
            f"养老 {old_age}，医疗 {health}，失业 {jobless}，已缴",
            f"pension {old_age}, medical {health}, unemployment {jobless}, paid",
        ),
    )


def pension(chance: Chance) -> Tables:
    """The pension account, and from fifty the pension that is paid."""
    months = 12 * chance.working_years() + chance.between(0, 11)
    base = chance.between(48, 160) * 100
    year = base * 8 * 12  # eight in the hundred, in cents of the year
    total = year // 12 * months
    aged = chance.age is not None and chance.age >= 50
    parts = {
        "account": table(
            "养老保险个人权益",
            "Pension account",
            line("参保类型", "Kind", ("企业职工基本养老保险", "employees' basic pension")),
            line(
                "参保状态",
                "Status",
                ("已领取待遇", "pension is paid") if aged else _INSURED,
            ),
            line("累计缴费月数", "Months paid in", months),
            line("最近一年缴费基数（元/月）", "Base of the last year (yuan a month)", f"{base:,}"),
            line("上年末个人账户储存额（元）", "Own account at year's end (yuan)", yuan(total)),
            line("其中上年记入（元）", "Entered last year (yuan)", yuan(year)),
            line("其中上年利息（元）", "Interest last year (yuan)", yuan(total * 3 // 100)),
        )
    }
    if aged:
        monthly = chance.between(210_000, 680_000)
        parts["paid"] = table(
            "养老金发放",
            "Pension payments",
            line("待遇状态", "Status", ("正常发放", "being paid")),
            line("每月养老金（元）", "Monthly pension (yuan)", yuan(monthly)),
            line("发放银行卡尾号", "Account ends in", chance.digits(4)),
            line("最近一次资格认证", "Last yearly check", chance.past(20, 330)),
            *(
                line(
                    f"{chance.month(back)} 发放（元）",
                    f"Paid in {chance.month(back)} (yuan)",
                    yuan(monthly),
                )
                for back in (0, 1, 2)
            ),
        )
    return parts


def medical_insurance(chance: Chance) -> Tables:
    """Cover, contributions and one's own account."""
    base = chance.between(48, 210) * 100
    old = chance.money(100, 9000)
    months = chance.between(12, 12 * chance.working_years() + 11)
    return {
        "status": table(
            "医保参保情况",
            "Medical insurance",
            line("参保险种", "Kind", ("职工基本医疗保险", "employees' medical insurance")),
            line("参保状态", "Status", ("正常享受待遇", "covered")),
            line("参保地", "Insured in", ("示例市", "Sample City")),
            line("缴费起止", "Contributions", _span(chance, months)),
            line("累计缴费月数", "Months in total", months),
            line("生育保险", "Maternity insurance", ("与医保一并参加", "joined with it")),
        ),
        "payments": table(
            "医保缴费明细（近六个月）",
            "Contributions of six months",
            *(
                line(
                    chance.month(back),
                    chance.month(back),
                    (
                        f"个人 {yuan(base * 2)}，单位 {yuan(base * 7)}，已到账",
                        f"own {yuan(base * 2)}, employer {yuan(base * 7)}, received",
                    ),
                )
                for back in range(1, 7)
            ),
        ),
        "account": table(
            "医保个人账户",
            "Own medical account",
            line("当年账户余额（元）", "Left of this year (yuan)", yuan(base * 2 * 5)),
            line("历年账户余额（元）", "Left of earlier years (yuan)", old),
            line("每月划入（元）", "Entered each month (yuan)", yuan(base * 2)),
            line("本年已用（元）", "Used this year (yuan)", chance.money(20, 1500)),
            line("最近一次使用", "Last used", chance.past(1, 60)),
            line("家庭共济", "Shared with family", chance.one(("已开通", "yes"), ("未开通", "no"))),
        ),
    }


def medical_costs(chance: Chance) -> Tables:
    """The last visits and who paid how much."""
    parts: Tables = {}
    for visit in range(1, 4):
        total = chance.between(9_000, 160_000)
        covered = total * chance.between(50, 80) // 100
        parts[f"visit{visit}"] = table(
            f"就诊 {visit}",
            f"Visit {visit}",
            line("日期", "Date", chance.past(90 * visit - 80, 90 * visit)),
            line(
                "医院",
                "Hospital",
                chance.one(
                    ("示例市样本医院", "Sample Hospital"),
                    ("示例社区卫生服务中心", "Example Community Health Centre"),
                ),
            ),
            line("总费用（元）", "Costs (yuan)", yuan(total)),
            line("医保支付（元）", "Paid by the insurance (yuan)", yuan(covered)),
            line("自己支付（元）", "Paid by yourself (yuan)", yuan(total - covered)),
        )
    return parts


def work_injury(chance: Chance) -> Tables:
    """Insured through an employer; whether there was a case."""
    months = chance.between(6, 12 * chance.working_years())
    return {
        "status": table(
            "工伤保险",
            "Work-injury insurance",
            line("参保单位", "Insured through", chance.company()),
            line("参保状态", "Status", _INSURED),
            line("缴费起止", "Contributions", _span(chance, months)),
            line("个人缴费", "Own contribution", ("不缴，由单位缴", "none: the employer pays")),
            line("工伤认定记录", "Recognised injuries", ("无", "none")),
        )
    }


def unemployment(chance: Chance) -> Tables:
    """Unemployment insurance and the benefit."""
    months = chance.between(6, 12 * chance.working_years())
    return {
        "status": table(
            "失业保险",
            "Unemployment insurance",
            line("参保单位", "Insured through", chance.company()),
            line("参保状态", "Status", _INSURED),
            line("缴费起止", "Contributions", _span(chance, months)),
            line("累计缴费月数", "Months in total", months),
            line("已领取失业保险金（月）", "Months of benefit drawn", 0),
        ),
        "register": table(
            "失业登记",
            "Unemployment register",
            line("登记状态", "Status", ("未登记失业", "not registered as unemployed")),
        ),
    }


def employment(chance: Chance) -> Tables:
    """Where somebody is registered as working."""
    return {
        "now": table(
            "就业登记",
            "Employment register",
            line("用人单位", "Employer", chance.company()),
            line("登记日期", "Registered", chance.past(60, 300 * chance.working_years())),
            line("合同类型", "Contract", chance.one(("固定期限", "fixed"), ("无固定期限", "open"))),
            line("登记状态", "Status", ("在业", "employed")),
        )
    }


def income_tax(chance: Chance) -> Tables:
    """Last year and this year, by kind of income."""
    parts: Tables = {}
    for back in (1, 0):
        year = chance.today.year - back
        months = 12 if back else max(1, chance.today.month - 1)
        wage = chance.between(600_000, 1_600_000) * months
        tax = max(0, wage - 600_000 * months) * 3 // 100
        parts[f"year{back}"] = table(
            f"{year} 年",
            f"{year}",
            line("所得项目", "Income", ("工资薪金所得", "wages")),
            line("申报收入额（元）", "Declared (yuan)", yuan(wage)),
            line("已缴税额（元）", "Tax paid (yuan)", yuan(tax)),
            line("扣缴义务人", "Withheld by", chance.company()),
            line(
                "汇算清缴",
                "Yearly settlement",
                ("已办结", "settled") if back else ("次年 3 月起办理", "from March next year"),
            ),
        )
    return parts


def company(chance: Chance) -> Tables:
    """A shop in one's own name."""
    return {
        "business": table(
            "登记信息",
            "Registration",
            line("名称", "Name", chance.company()),
            line("统一社会信用代码", "Credit code", chance.digits(15, "92S")),
            line("类型", "Kind", ("个体工商户", "sole trader")),
            line("经营场所", "Premises", chance.address()),
            line("成立日期", "Founded", chance.past(200, 4000)),
            line("登记状态", "Status", ("存续", "in business")),
            line("年度报告", "Yearly report", ("已报送", "handed in")),
        )
    }
