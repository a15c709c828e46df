"""Invented records of persons: family, residence, welfare, school, health, traffic, cards."""

from __future__ import annotations

from central_backend.chance import Chance, Pair, Tables, line, table, yuan

_IN_FORCE: Pair = ("有效", "in force")
_NONE: Pair = ("无", "none")


def household(chance: Chance) -> Tables:
    """The page of the household book."""
    head = chance.between(0, 1) == 0
    return {
        "page": table(
            "户籍登记",
            "Household registration",
            line("户别", "Kind", ("家庭户", "family household")),
            line("户号", "Household number", chance.digits(9, "S")),
            line(
                "与户主关系",
                "Relation to the householder",
                ("户主", "householder") if head else ("配偶", "spouse"),
            ),
            line("户籍地址", "Registered address", chance.address()),
            line("登记日期", "Registered", chance.past(400, 8000)),
            line("同户人数", "People in the household", chance.between(1, 5)),
            line("登记机关", "Registered by", ("示例派出所", "Example Police Station")),
        )
    }


def residence_permit(chance: Chance) -> Tables:
    """Where somebody from elsewhere lives."""
    return {
        "home": table(
            "居住登记",
            "Residence registration",
            line("居住地址", "Lives at", chance.address()),
            line("登记日期", "Registered", chance.past(190, 1500)),
            line("居住事由", "Lives here for", ("务工", "work")),
            line("登记机关", "Registered by", ("示例派出所", "Example Police Station")),
        ),
        "permit": table(
            "浙江省居住证",
            "Residence permit",
            line("状态", "Status", _IN_FORCE),
            line("下次签注前", "To be renewed before", chance.ahead(20, 360)),
        ),
    }


def criminal_record(chance: Chance) -> Tables:
    """What the search said."""
    return {
        "search": table(
            "查询结果",
            "Result of the search",
            line("查询编号", "Number of the search", chance.digits(10, "SXZ")),
            line(
                "查询期间", "Years searched", ("年满 18 周岁至今", "from the age of 18 until today")
            ),
            line("犯罪记录", "Criminal record", ("未发现有犯罪记录", "none found")),
        )
    }


def exit_entry(chance: Chance) -> Tables:
    """The last journeys and the papers for them."""
    parts: Tables = {}
    for back in (1, 2):
        out = chance.between(200 * back - 150, 200 * back)
        goal = chance.one(("香港", "Hong Kong"), ("澳门", "Macau"), ("日本", "Japan"))
        parts[f"journey{back}"] = table(
            f"行程 {back}",
            f"Journey {back}",
            line("去往", "To", goal),
            line("出境", "Left", chance.past(out, out)),
            line("入境", "Came back", chance.past(out - 5, out - 5)),
            line("口岸", "Port", ("示例口岸", "Example Port")),
        )
    return parts


def marriage(chance: Chance) -> Tables:
    """Whether somebody is registered as married; nobody is before the age for it."""
    too_young = chance.age is not None and chance.age < (20 if chance.female else 22)
    if too_young:
        return {}
    day = chance.past(400, 365 * max(2, chance.working_years()))
    return {
        "registration": table(
            "婚姻登记",
            "Marriage register",
            line("登记类别", "Kind", ("结婚登记", "marriage")),
            line("登记日期", "Registered", day),
            line(
                "登记机关", "Registered by", ("示例市婚姻登记处", "Sample City Marriage Registry")
            ),
            line("证字号", "Certificate", chance.digits(6, f"S{day[:4]}-")),
            line("现在状态", "Now", ("存续", "in force")),
        )
    }


def disability(chance: Chance) -> Tables:
    """The certificate of the federation."""
    kinds: tuple[Pair, ...] = (("肢体", "physical"), ("听力", "hearing"), ("视力", "sight"))
    degree = chance.between(2, 4)
    return {
        "certificate": table(
            "残疾人证",
            "Disability certificate",
            line("残疾类别", "Kind", chance.one(*kinds)),
            line("残疾等级", "Degree", (f"{'二三四'[degree - 2]}级", f"degree {degree}")),
            line("发证日期", "Issued", chance.past(100, 3000)),
            line("有效期至", "Valid until", chance.ahead(200, 3000)),
            line("状态", "Status", _IN_FORCE),
        ),
        "allowances": table(
            "两项补贴",
            "Allowances",
            line("困难残疾人生活补贴", "Living allowance", ("未申请", "not applied for")),
            line("重度残疾人护理补贴", "Care allowance", ("未申请", "not applied for")),
        ),
    }


def social_assistance(chance: Chance) -> Tables:
    """The subsistence allowance of a household."""
    kinds: tuple[Pair, ...] = (("低保", "subsistence allowance"), ("低保边缘", "near the limit"))
    people = chance.between(1, 4)
    each = 119_000
    return {
        "allowance": table(
            "最低生活保障",
            "Subsistence allowance",
            line("救助类别", "Kind", chance.one(*kinds)),
            line("保障人数", "People covered", people),
            line("保障标准（元/人/月）", "Standard (yuan a head a month)", yuan(each)),
            line("每月金额（元）", "Monthly (yuan)", yuan(each * people * 8 // 10)),
            line("开始月份", "Since", chance.month(chance.between(3, 60))),
            line("最近复核", "Last reviewed", chance.past(10, 180)),
            line("状态", "Status", ("正在保障", "being paid")),
        )
    }


def senior_benefits(chance: Chance) -> Tables:
    """What one gets for one's age; nothing before sixty."""
    if chance.age is not None and chance.age < 60:
        return {}
    very_old = chance.age is not None and chance.age >= 80
    allowance: Pair = ("每月发放", "paid monthly") if very_old else ("满 80 周岁起", "from 80")
    return {
        "benefits": table(
            "老年人待遇",
            "Benefits for elders",
            line("老年优待证", "Senior card", _IN_FORCE),
            line("公交免费", "Free buses", ("已开通", "yes")),
            line("高龄津贴", "Allowance for great age", allowance),
            line("养老服务补贴", "Care subsidy", ("未申请", "not applied for")),
        )
    }


def veteran(chance: Chance) -> Tables:
    """Years of service and the card."""
    service = chance.between(2, 16)
    return {
        "service": table(
            "退役军人登记",
            "Veterans' register",
            line("服役年限", "Years of service", service),
            line("退役方式", "Left as", ("自主就业", "finding work oneself")),
            line("退役年份", "Left in", chance.today.year - chance.between(1, 18)),
            line("优待证", "Veteran's card", ("已发放", "issued")),
        )
    }


def vaccination(chance: Chance) -> Tables:
    """What was given, newest first."""
    child = chance.age is not None and chance.age < 14
    kinds: tuple[Pair, ...] = (
        ("流感疫苗", "influenza"),
        ("乙肝疫苗", "hepatitis B"),
        ("带状疱疹疫苗", "shingles"),
    )
    if child:
        kinds = (
            ("麻腮风疫苗", "measles, mumps and rubella"),
            ("百白破疫苗", "diphtheria, tetanus and pertussis"),
            ("脊灰疫苗", "polio"),
        )
    rows = []
    for at, (zh, en) in enumerate(kinds):
        day = chance.past(1 + 330 * at, 330 * (at + 1))
        batch = chance.digits(6, "S")
        rows.append(line(zh, en.capitalize(), (f"{day}，批号 {batch}", f"{day}, batch {batch}")))
    return {
        "doses": table(
            "接种记录",
            "Doses given",
            *rows,
            line(
                "接种单位", "Given at", ("示例社区卫生服务中心", "Example Community Health Centre")
            ),
        )
    }


def health_record(chance: Chance) -> Tables:
    """The resident's health file."""
    return {
        "file": table(
            "居民健康档案",
            "Health record",
            line("档案编号", "Number", chance.digits(12, "S")),
            line(
                "建档机构", "Kept at", ("示例社区卫生服务中心", "Example Community Health Centre")
            ),
            line("签约家庭医生", "Family doctor", ("样医生", "Dr Yang")),
            line("最近体检", "Last check", chance.past(20, 400)),
            line(
                "血压（mmHg）",
                "Blood pressure",
                f"{chance.between(108, 138)}/{chance.between(66, 88)}",
            ),
            line("过敏史", "Allergies", _NONE),
        )
    }


def school(chance: Chance) -> Tables:
    """At school, or when it was left."""
    grown = chance.age is None or chance.age >= 19
    first: tuple[Pair, Pair] = (
        (("高中", "senior high school"), ("毕业", "graduated"))
        if grown
        else (
            ("初中" if chance.age and chance.age >= 12 else "小学", "school"),
            ("在读", "attending"),
        )
    )
    stage, status = first
    return {
        "pupil": table(
            "学籍信息",
            "School register",
            line("学籍号", "Pupil number", chance.digits(16, "S")),
            line("学校", "School", ("示例市样本学校", "Sample School")),
            line("学段", "Stage", stage),
            line("入学年月", "Since", chance.month(chance.between(6, 30) + (240 if grown else 0))),
            line("学籍状态", "Status", status),
        )
    }


def qualification(chance: Chance) -> Tables:
    """A trade certificate."""
    trades: tuple[Pair, ...] = (
        ("电工", "electrician"),
        ("中式烹调师", "cook"),
        ("保育师", "nurse"),
    )
    return {
        "certificate": table(
            "职业技能等级",
            "Trade certificate",
            line("职业", "Trade", chance.one(*trades)),
            line(
                "等级", "Grade", chance.one(("四级/中级工", "grade 4"), ("三级/高级工", "grade 3"))
            ),
            line("证书编号", "Number", chance.digits(14, "S")),
            line("发证日期", "Issued", chance.past(60, 3000)),
        )
    }


def archives(chance: Chance) -> Tables:
    """Where the employment file is kept."""
    return {
        "file": table(
            "人事档案",
            "Employment file",
            line("存档编号", "Number", chance.digits(8, "S")),
            line("保管机构", "Kept by", ("示例市就业服务中心", "Sample City Employment Service")),
            line("转入日期", "Received", chance.past(100, 4000)),
            line("档案状态", "Status", ("在库", "kept here")),
        )
    }


def library(chance: Chance) -> Tables:
    """Books on loan."""
    books: tuple[Pair, ...] = (("《样本集》", "Samples"), ("《示例记》", "Examples"))
    return {
        "loans": table(
            "图书借阅",
            "Books on loan",
            line("读者证号", "Reader's number", chance.digits(8, "S")),
            line("在借", "On loan", chance.one(*books)),
            line("应还日期", "Due back", chance.ahead(2, 28)),
            line("可续借（次）", "May be renewed (times)", chance.between(0, 1)),
            line("滞还费（元）", "Late fee (yuan)", "0.00"),
        )
    }


def vehicle(chance: Chance) -> Tables:
    """A small car."""
    return {
        "car": table(
            "机动车",
            "Vehicle",
            line("车牌号", "Plate", f"浙C·S{chance.digits(4)}"),
            line("车辆类型", "Kind", ("小型轿车", "small car")),
            line("登记日期", "Registered", chance.past(200, 3600)),
            line("检验有效期至", "Inspected until", chance.ahead(20, 700)),
            line("强制报废期止", "To be scrapped by", _NONE),
            line("抵押", "Mortgage", _NONE),
            line("状态", "Status", ("正常", "in order")),
        )
    }


def driving_licence(chance: Chance) -> Tables:
    """The licence and the points of this period."""
    points = chance.one(("0", "0"), ("0", "0"), ("3", "3"))[0]
    years = chance.between(1, max(1, min(20, chance.working_years())))
    return {
        "licence": table(
            "驾驶证",
            "Driving licence",
            line("准驾车型", "Class", chance.one(("C1", "C1"), ("C2", "C2"))),
            line("初次领证", "First issued", chance.past(365 * years, 365 * years + 300)),
            line("有效期至", "Valid until", chance.ahead(100, 2200)),
            line("状态", "Status", ("正常", "in order")),
        ),
        "safety": table(
            "记分和安全驾驶",
            "Points and safe driving",
            line("本记分周期累计记分", "Points in this period", points),
            line("记分周期清零", "Period ends", chance.ahead(5, 360)),
            line("最近三年交通事故责任", "Accidents at fault in 3 years", _NONE),
            line("最近三年酒驾、醉驾", "Drink driving in 3 years", _NONE),
            line("最近三个记分周期记满 12 分", "12 points in the last 3 periods", _NONE),
        ),
    }


def traffic_fines(chance: Chance) -> Tables:
    """Fines that are open, and one that is paid."""
    parts: Tables = {}
    what: tuple[Pair, ...] = (
        ("违反规定停放车辆", "parked where it is not allowed"),
        ("不按导向车道行驶", "wrong lane"),
    )
    for index in (1, 2):
        is_open = index == 1
        parts[f"fine{index}"] = table(
            f"违法 {index}",
            f"Fine {index}",
            line("车牌号", "Plate", f"浙C·S{chance.digits(4)}"),
            line("时间", "When", chance.past(60 * index - 50, 60 * index)),
            line("地点", "Where", ("样本路口", "Yangben Crossing")),
            line("行为", "What", chance.one(*what)),
            line("罚款（元）", "Fine (yuan)", chance.one(("50", "50"), ("100", "100"))),
            line("记分", "Points", "0"),
            line("状态", "State", ("未处理", "open") if is_open else ("已缴款", "paid")),
        )
    return parts


def citizen_card(chance: Chance) -> Tables:
    """The card in use, and one that is being made."""
    return {
        "card": table(
            "市民卡",
            "Citizen card",
            line("卡号", "Card number", chance.digits(8, "S")),
            line("银行", "Bank", ("样本银行", "Sample Bank")),
            line("社保功能", "Insurance", ("已启用", "active")),
            line(
                "金融功能",
                "Bank account",
                chance.one(("已激活", "active"), ("未激活", "not active")),
            ),
        ),
        "making": table(
            "制卡进度",
            "Card being made",
            line("申请日期", "Applied for", chance.past(2, 9)),
            line(
                "现在这一步",
                "Now",
                chance.one(("银行制卡", "being made at the bank"), ("已寄出", "posted")),
            ),
            line("预计送到", "Expected", chance.ahead(2, 8)),
        ),
    }


def transit_card(chance: Chance) -> Tables:
    """Balance and last trips."""
    trips = []
    for back in (1, 2, 4):
        day, bus = chance.past(back, back), chance.between(1, 90)
        trips.append(line(day, day, (f"{bus} 路，2.00 元", f"bus {bus}, 2.00 yuan")))
    return {
        "card": table(
            "公交卡",
            "Bus card",
            line("卡号", "Card number", chance.digits(10, "S")),
            line("余额（元）", "Balance (yuan)", chance.money(3, 180)),
            line("最近充值", "Last topped up", chance.past(3, 90)),
        ),
        "trips": table("最近乘车", "Last trips", *trips),
    }
