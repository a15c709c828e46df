"""Sample views of every step, with plausible and with long texts, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QColor, QImage, QPainter

from kiosk.journey.terms import Language, Rung, Size, StepName, Theme
from kiosk.journey.views import (
    Body,
    Changed,
    ChooseView,
    DeliveryView,
    FarewellView,
    FormView,
    Frame,
    GroupCard,
    IdentifyView,
    ItemCard,
    ItemGuideView,
    LeaveView,
    Line,
    MaterialLine,
    MaterialsView,
    Notice,
    OptionLine,
    OtherWayView,
    OutcomePart,
    OutcomeView,
    PlainCard,
    QuestionView,
    RateView,
    RenewedView,
    ResultView,
    ReviewRow,
    ReviewSection,
    ReviewView,
    RungLine,
    SignView,
    SubmittedView,
    VerifyFaceView,
    View,
    WelcomeView,
)


@dataclass(frozen=True)
class Sample:
    """A view and its name for a file."""

    name: str
    view: View


def frame(step: StepName, language: Language, size: Size, theme: Theme, **changes: object) -> Frame:
    """A frame as it usually is within a visit."""
    zh = language is Language.ZH
    made = Frame(
        step=step,
        language=language,
        size=size,
        theme=theme,
        heading="往来港澳签注" if zh else "Hong Kong and Macau endorsement",
        person="陈**" if zh else "Chen **",
        verified=True,
        progress=(3, 8),
        back=True,
        leave=True,
        next_key="action.next",
        next_enabled=True,
        notice=None,
        idle_left_s=None,
        help_open=False,
        line_up=True,
        demo=True,
        site="便民服务终端 · 永兴街道" if zh else "Service terminal · Yongxing",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


_GROUPS = (
    ("approval", "审批服务", "Approvals", "批", 38),
    ("certificates", "常用证明", "Certificates", "证", 31),
    ("traffic", "交通服务", "Traffic", "车", 18),
    ("social", "社保业务", "Social insurance", "社", 34),
    ("citizen-card", "市民卡", "Citizen card", "卡", 12),
    ("housing", "住房业务", "Housing", "房", 22),
    ("health", "健康服务", "Health", "医", 15),
    ("payment", "统一支付", "Payments", "付", 9),
    ("household", "户籍业务", "Household register", "户", 21),
    ("public", "公共服务", "Public services", "公", 10),
)

_ITEMS = (
    (
        "A01",
        "社保参保证明",
        "Social insurance certificate",
        2,
        "当场打印",
        "printed here",
        False,
        1,
    ),
    (
        "A02",
        "往来港澳签注",
        "Hong Kong and Macau endorsement",
        6,
        "结果可邮寄",
        "by post",
        False,
        1,
    ),
    ("A03", "不动产查询", "Real estate query", 2, "当场打印", "printed here", False, 1),
    ("A04", "一件事:我要退休", "One matter: I retire", 15, "一次办好", "all at once", True, 5),
    (
        "A05",
        "机动车补领、换领行驶证",
        "Replacement vehicle licence",
        5,
        "可邮寄",
        "by post",
        False,
        1,
    ),
    (
        "A06",
        "民办非学历教育机构设立登记（含分支机构）",
        "Registration of a private educational institution, including branches",
        25,
        "部门审核后通知",
        "the department decides and lets you know",
        False,
        1,
    ),
    ("A07", "异地就医备案", "Medical treatment elsewhere", 4, "当场备案", "filed here", False, 1),
    ("A08", "老年人优待证", "Senior citizen card", 5, "可邮寄", "by post", False, 1),
    ("A09", "公租房申请", "Public rental housing", 12, "部门审核", "reviewed", False, 1),
    ("A10", "市民卡挂失补办", "Lost citizen card", 5, "可邮寄", "by post", False, 1),
    ("A11", "水费查询", "Water bill", 1, "当场查看", "shown here", False, 1),
)

_PLAIN = (
    ("proof", "开证明", "社保、居住、房产,当场打印", "Certificates", "printed at once"),
    ("doctor", "看病、医保", "异地就医、报销", "Doctor, insurance", "treatment elsewhere"),
    ("pension", "社保、养老金", "领取资格、待遇", "Pension", "entitlement, benefits"),
    ("id", "身份证、户口", "迁户口、港澳签注", "ID card, household", "moving, endorsement"),
    ("bills", "交水电费", "", "Water and power bills", ""),
    ("other", "别的事", "写下来,找一找", "Something else", "type it and search"),
)


def item_cards(zh: bool, count: int = 11) -> tuple[ItemCard, ...]:
    """Tiles of items."""
    return tuple(
        ItemCard(code, a if zh else b, minutes, c if zh else d, bundle, code != "A09", parts)
        for code, a, b, minutes, c, d, bundle, parts in _ITEMS[:count]
    )


def group_cards(zh: bool) -> tuple[GroupCard, ...]:
    """The ten groups."""
    return tuple(GroupCard(i, a if zh else b, mark, count) for i, a, b, mark, count in _GROUPS)


def _plain_cards(zh: bool) -> tuple[PlainCard, ...]:
    return tuple(
        PlainCard(i, a if zh else c, b if zh else d, i == "other") for i, a, b, c, d in _PLAIN
    )


def _materials(zh: bool) -> tuple[MaterialLine, ...]:
    rows = (
        ("permit", "往来港澳通行证原件", "Travel permit, original", "needed", "核对有效期和签注页"),
        ("photo", "一张证件照片（白底,近六个月内）", "One recent photograph", "made-here", ""),
        ("hukou", "居民户口簿", "Household register", "from-state", "由公安部门共享,不用您带"),
        ("id", "居民身份证", "Resident ID card", "from-card", ""),
        (
            "proof",
            "亲属关系证明（出生医学证明、结婚证或公证书之一）",
            "Proof of kinship: birth certificate, marriage certificate or notarised deed",
            "pledged",
            "证明您和香港亲属的关系",
        ),
    )
    english = "It shows how you are related to the person you visit"
    return tuple(
        MaterialLine(
            id=i,
            name=a if zh else b,
            hint="",
            why=why if zh or not why else english,
            state=state,
            due="2026-12-05" if state == "pledged" else "",
            can_pledge=state == "pledged",
        )
        for i, a, b, state, why in rows
    )


def _lines(zh: bool) -> tuple[Line, ...]:
    return (
        Line("guide.fee", "15 元/次" if zh else "15 yuan each time"),
        Line("guide.days", "7 个工作日" if zh else "7 working days"),
        Line(
            "guide.where",
            "邮寄到家,或到永兴街道便民服务中心 3 号窗口自取"
            if zh
            else "By post, or at counter 3 of the Yongxing service centre",
        ),
    )


def _question(zh: bool, **changes: object) -> QuestionView:
    rows = (
        ("tour", "旅游", "跟团或者自己去玩", "Travel", "with a group or alone"),
        ("family", "看望亲属", "配偶、父母、子女等住在香港", "Visiting family", "spouse, parents"),
        ("business", "做生意", "公司已在出入境备案", "Business", "the company is on file"),
        ("stay", "上学、工作或长住", "需要香港的入境许可", "Study, work or long stay", ""),
    )
    made = QuestionView(
        id="purpose",
        number=2,
        most_left=2,
        text="您去香港做什么?" if zh else "What will you do in Hong Kong?",
        hint="选一个最接近的。选了之后还可以改。"
        if zh
        else "Choose the closest. You can change it.",
        kind="one",
        options=tuple(
            OptionLine(i, a if zh else c, b if zh else d, i == "tour") for i, a, b, c, d in rows
        ),
        value="tour",
        unit="",
        needed=("通行证原件", "一张照片") if zh else ("travel permit", "one photograph"),
        trial=False,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def _many_options(zh: bool) -> tuple[OptionLine, ...]:
    texts = (
        ("配偶", "Spouse"),
        ("父母", "Parents"),
        ("配偶的父母", "Parents of the spouse"),
        ("子女（含未成年人和已婚子女）", "Children, also minors and those married"),
        ("兄弟姐妹", "Brothers and sisters"),
        ("祖父母、外祖父母", "Grandparents"),
        ("孙子女、外孙子女", "Grandchildren"),
        ("子女的配偶", "Spouses of children"),
        ("以上都不是", "None of these"),
    )
    return tuple(
        OptionLine(f"o{at}", a if zh else b, "", at in (1, 3)) for at, (a, b) in enumerate(texts)
    )


def _parts(zh: bool) -> tuple[OutcomePart, ...]:
    if zh:
        return (
            OutcomePart("社保待遇核准", "人力社保局", "正常退休", "accept", ""),
            OutcomePart("医保退休待遇", "医疗保障局", "缴费年限已满", "accept", ""),
            OutcomePart(
                "住房公积金提取",
                "住房公积金管理中心",
                "有未还清的公积金贷款",
                "counter",
                "还有贷款没有还清,要到窗口先办冲抵",
            ),
            OutcomePart(
                "老年人优待证", "民政局", "未满 60 岁", "not-possible", "年满 60 岁以后再来"
            ),
        )
    return (
        OutcomePart("Pension approval", "Social security bureau", "Regular", "accept", ""),
        OutcomePart(
            "Housing fund", "Housing fund centre", "Open loan", "counter", "A loan is still open"
        ),
        OutcomePart(
            "Senior citizen card",
            "Civil affairs",
            "Under 60",
            "not-possible",
            "Come when you are 60",
        ),
    )


def _guide(zh: bool, **changes: object) -> ItemGuideView:
    made = ItemGuideView(
        name="往来港澳通行证签注" if zh else "Hong Kong and Macau endorsement",
        for_whom=(
            "已经有往来港澳通行证、想再去香港或澳门的本市居民"
            if zh
            else "Residents of this city who hold a travel permit and want to go again"
        ),
        lines=_lines(zh),
        materials=_materials(zh)[:3],
        notes=("通行证有效期要在 3 个月以上。",) if zh else ("The permit must be valid 3 months.",),
        can_start=True,
        blocked=None,
        can_try=True,
        sample=True,
        departments=("公安局出入境管理局",) if zh else ("Exit and entry administration",),
        can_print=True,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def _outcome(zh: bool, **changes: object) -> OutcomeView:
    made = OutcomeView(
        result="accept",
        parts=(
            OutcomePart(
                "往来港澳签注" if zh else "Endorsement",
                "公安局出入境管理局" if zh else "Exit and entry administration",
                "旅游,一年两次" if zh else "Travel, twice a year",
                "accept",
                "",
            ),
        ),
        materials=_materials(zh),
        lines=_lines(zh),
        trial=False,
        can_go_on=True,
        can_print=True,
        printing="",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def _bodies(zh: bool) -> Iterator[tuple[str, StepName, Body, dict[str, object]]]:
    """Name, step, body and what is different in the frame."""
    start: dict[str, object] = {
        "heading": "",
        "person": "",
        "verified": False,
        "progress": None,
        "back": False,
        "leave": False,
        "next_key": "",
    }
    browse = {**start, "back": True, "leave": True}
    welcome = WelcomeView(item_cards(zh, 4), group_cards(zh), _plain_cards(zh))
    yield "welcome", StepName.WELCOME, welcome, start
    stubs = (("LW042-00317-6", "11-21 08:12"), ("LW042-00318-4", "11-21 08:20"))
    left = {**start, "notice": Notice("card-left")}
    yield "welcome-card-left", StepName.WELCOME, welcome, left
    yield "welcome-stub", StepName.WELCOME, replace(welcome, stubs=stubs), start
    yield (
        "welcome-closed",
        StepName.WELCOME,
        replace(welcome, out_of_order=True),
        {**start, "notice": Notice("disk-full", "QU-02")},
    )
    choose = ChooseView(False, "", "交通服务" if zh else "Traffic", "traffic", group_cards(zh), ())
    yield "choose", StepName.CHOOSE, replace(choose, cards=item_cards(zh)), browse
    yield (
        "choose-all",
        StepName.CHOOSE,
        replace(choose, group="", title="", cards=item_cards(zh)),
        browse,
    )
    found = replace(
        choose, searching=True, query="cbzm", title="", group="", cards=item_cards(zh, 3)
    )
    yield "choose-search", StepName.CHOOSE, found, browse
    yield (
        "choose-nothing",
        StepName.CHOOSE,
        replace(found, query="xyzq", cards=()),
        {**browse, "notice": Notice("nothing-found")},
    )
    guide = {
        **browse,
        "heading": "往来港澳签注" if zh else "Endorsement",
        "next_key": "action.start",
    }
    yield "item_guide", StepName.ITEM_GUIDE, _guide(zh), guide
    blocked = _guide(zh, can_start=False, blocked=Notice("line-needed", "NW-01"))
    yield "item_guide-blocked", StepName.ITEM_GUIDE, blocked, {**guide, "next_key": ""}
    anonymous: dict[str, object] = {"person": "", "verified": False, "next_key": ""}
    card = IdentifyView("申请人" if zh else "applicant", True, "waiting")
    yield "identify", StepName.IDENTIFY, card, anonymous
    yield "identify-reading", StepName.IDENTIFY, replace(card, state="reading"), anonymous
    yield (
        "identify-failed",
        StepName.IDENTIFY,
        replace(card, state="failed"),
        {**anonymous, "notice": Notice("card-removed", "RD-07")},
    )
    yield (
        "identify-read",
        StepName.IDENTIFY,
        replace(card, state="read", name="陈**"),
        {**anonymous, "person": "陈**", "next_key": "action.next"},
    )
    yield "identify-any", StepName.IDENTIFY, replace(card, accepts="id-or-any"), anonymous
    occupied = replace(card, state="occupied", accepts="id-or-passport")
    yield "identify-occupied", StepName.IDENTIFY, occupied, anonymous
    collision = {**anonymous, "notice": Notice("card-collision", "RD-22")}
    yield "identify-collision", StepName.IDENTIFY, replace(card, state="failed"), collision
    keyed = {**anonymous, "next_key": "action.next"}
    page = replace(card, state="key", asked="number", asked_number=1, value="E0000")
    yield "identify-key", StepName.IDENTIFY, page, keyed
    born = replace(page, asked="birth", asked_number=2, value="1985-08-", can_scan=True)
    yield "identify-key-date", StepName.IDENTIFY, born, keyed
    wrong = replace(born, asked="expiry", asked_number=3, error_key="identify.key.error.date")
    yield "identify-key-wrong", StepName.IDENTIFY, wrong, keyed
    mended = {**keyed, "notice": Notice("data-page-wrong", "RD-24")}
    yield "identify-key-again", StepName.IDENTIFY, page, mended
    passport = replace(card, state="read", name="S**", paper="passport")
    yield "identify-read-passport", StepName.IDENTIFY, passport, keyed
    person = "新的法定代表人" if zh else "The new representative"  # the longest of the catalogue
    other = replace(card, role=person, role_is_applicant=False)
    yield "identify-other", StepName.IDENTIFY, other, {}
    read = {**anonymous, "person": "陈**", "next_key": "action.next"}
    yield "identify-other-read", StepName.IDENTIFY, replace(other, state="read", name="王**"), read
    face = VerifyFaceView("consent", "", 3, False)
    of_other = replace(face, role=person)
    for state in ("consent", "looking", "matched", "failed"):
        name = f"verify_face-other-{state}"
        shown = replace(of_other, state=state)
        yield name, StepName.VERIFY_FACE, shown, {"person": "陈**", "next_key": ""}
    yield "verify_face-consent", StepName.VERIFY_FACE, face, {**anonymous, "person": "陈**"}
    of_passport = replace(face, paper="passport")
    yield "verify_face-passport", StepName.VERIFY_FACE, of_passport, anonymous
    yield (
        "verify_face-guardian",
        StepName.VERIFY_FACE,
        replace(face, guardian=True),
        {**anonymous, "person": "陈**"},
    )
    looking = replace(face, state="looking", hint="come-closer")
    yield "verify_face-looking", StepName.VERIFY_FACE, looking, {**anonymous, "person": "陈**"}
    turning = replace(face, state="looking", hint="turn-left", turn="left")
    yield "verify_face-turn", StepName.VERIFY_FACE, turning, {**anonymous, "person": "陈**"}
    yield (
        "verify_face-away",
        StepName.VERIFY_FACE,
        replace(face, state="away"),
        {**anonymous, "person": "陈**", "notice": Notice("camera-absent", "CM-01")},
    )
    yield (
        "verify_face-failed",
        StepName.VERIFY_FACE,
        replace(face, state="failed", tries_left=2),
        {**anonymous, "person": "陈**", "notice": Notice("face-different", "FC-04")},
    )
    yield (
        "verify_face-matched",
        StepName.VERIFY_FACE,
        replace(face, state="matched"),
        {"next_key": "action.next"},
    )
    rungs = (
        RungLine(Rung.OTHER_CARD, True, "rung.other-card.hint"),
        RungLine(Rung.APP_CODE, False, "rung.app-code.not-here"),
        RungLine(Rung.AUTHORISED_PERSON, False, "rung.authorised-person.nobody-now"),
        RungLine(Rung.APPOINTMENT, True, "rung.appointment.hint"),
    )
    ladder = OtherWayView(rungs, None, "0577-12345")
    yield "other_way", StepName.OTHER_WAY, ladder, anonymous
    for rung in Rung:
        yield f"other_way-{rung}", StepName.OTHER_WAY, replace(ladder, chosen=rung), anonymous
    for state in ("waiting", "asking", "known"):
        known = {"name": "陈**"} if state == "known" else {}
        action = {"next_key": "action.next"} if state == "known" else {}
        coding = replace(ladder, code=state, sees="both", **known)  # type: ignore[arg-type]
        yield f"other_way-code-{state}", StepName.OTHER_WAY, coding, {**anonymous, **action}
    scanner = replace(ladder, code="waiting", sees="scanner")
    yield "other_way-code-scanner", StepName.OTHER_WAY, scanner, anonymous
    for key in ("expired", "used", "other-person", "not-identity", "line-down"):
        notice = {"notice": Notice(f"code-{key}", "ID-08")}
        failed = replace(ladder, code="failed", sees="both")
        yield f"other_way-code-{key}", StepName.OTHER_WAY, failed, {**anonymous, **notice}
    yield "questions", StepName.QUESTIONS, _question(zh), {}
    many = _question(zh, kind="many", options=_many_options(zh), value="o1,o3", hint="")
    yield "questions-many", StepName.QUESTIONS, many, {}
    long_text = (
        "您在香港的亲属是否已经取得香港居民身份,或者在香港就业、就学、居留?"
        if zh
        else "Is your relative a resident of Hong Kong, or employed, studying or living there?"
    )
    yes_no = _question(
        zh, kind="yes-no", options=(), value="", text=long_text, hint="", trial=True, needed=()
    )
    yield "questions-yes-no", StepName.QUESTIONS, yes_no, {"next_enabled": False}
    number = _question(
        zh,
        kind="number",
        options=(),
        value="120",
        hint="",
        text="您交了多少个月的养老保险?" if zh else "For how many months have you paid?",
        unit="个月" if zh else "months",
    )
    yield "questions-number", StepName.QUESTIONS, number, {}
    dated = _question(
        zh,
        kind="date",
        options=(),
        value="1964-03-12",
        hint="",
        text="您哪天满退休年龄?" if zh else "When do you reach retirement age?",
    )
    yield "questions-date", StepName.QUESTIONS, dated, {}
    yield "outcome", StepName.OUTCOME, _outcome(zh), {}
    bundle = _outcome(zh, parts=_parts(zh), result="counter", trial=True, printing="printed")
    yield "outcome-bundle", StepName.OUTCOME, bundle, {}
    never = _outcome(
        zh,
        result="not-possible",
        parts=_parts(zh)[-1:],
        materials=(),
        lines=(),
        can_go_on=False,
        can_print=False,
    )
    yield "outcome-not", StepName.OUTCOME, never, {"next_key": ""}
    yield from _second_half(zh)
    yield "idle", StepName.QUESTIONS, _question(zh), {"idle_left_s": 18}
    yield "help", StepName.QUESTIONS, _question(zh), {"help_open": True}


def paper_png(width: int = 620, height: int = 877) -> bytes:
    """A painted page, as a camera or a printer would show one."""
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor("#fdfdfb"))
    painter = QPainter(image)
    painter.fillRect(width // 6, height // 14, width * 2 // 3, height // 24, QColor("#555555"))
    for line in range(18):
        long = width * (62 + (line * 37) % 20) // 100
        painter.fillRect(width // 10, height // 6 + line * height // 26, long, 8, QColor("#999999"))
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]  # the binding takes str
    return bytes(buffer.data().data())


SIGNED = (((120, 500), (180, 320), (230, 620), (300, 380)), ((420, 300), (480, 700), (640, 420)))


def _papers(zh: bool) -> tuple[MaterialLine, ...]:
    rows = (
        ("permit", "往来港澳通行证原件", "Travel permit, original", "handed-in", False),
        (
            "proof",
            "亲属关系证明（出生医学证明、结婚证或公证书之一）",
            "Proof of kinship: birth certificate, marriage certificate or notarised deed",
            "needed",
            True,
        ),
        ("stay", "香港亲属的居留证明", "Proof that the relative lives there", "needed", False),
        ("work", "单位出具的在职证明", "Letter of the employer", "pledged", True),
        ("hukou", "居民户口簿", "Household register", "from-state", False),
        ("id", "居民身份证", "Resident ID card", "from-card", False),
    )
    why = "证明您和香港亲属的关系" if zh else "It shows how you are related"
    return tuple(
        MaterialLine(
            id=i,
            name=a if zh else b,
            hint="",
            why=why if state == "needed" else "",
            state=state,
            pages=2 if state == "handed-in" else 0,
            due=("12 月 5 日" if zh else "5 Dec") if state == "pledged" else "",
            can_pledge=later,
            checks=("能看清姓名和日期",) if zh else ("name and date can be read",),
        )
        for i, a, b, state, later in rows
    )


def _field(zh: bool, **changes: object) -> FormView:
    made = FormView(
        key="contact_phone",
        label="联系电话" if zh else "Telephone",
        hint="要补正时,部门会打这个电话" if zh else "The department calls it if needed",
        kind="phone",
        value="13857700000",
        required=True,
        error_key="",
        number=1,
        count=5,
        confirm=False,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


_ADDRESS = (
    "浙江省温州市龙湾区永兴街道永昌路一百二十八号锦绣花园三幢二单元一千二百零一室",
    "Room 1201, Unit 2, Building 3, 128 Yongchang Road, Yongxing, Longwan District, Wenzhou",
)


def _form_bodies(zh: bool) -> Iterator[tuple[str, StepName, Body, dict[str, object]]]:
    step = StepName.FORM
    yield "form-phone", step, _field(zh), {}
    wrong = _field(zh, value="138", error_key="field.error.phone")
    yield "form-phone-wrong", step, wrong, {}
    known = _field(
        zh,
        key="address",
        label="现在住的地址" if zh else "Present address",
        kind="address",
        hint="",
        value=_ADDRESS[0 if zh else 1],
        confirm=True,
    )
    yield "form-confirm", step, known, {}
    yield "form-address", step, replace(known, confirm=False), {}
    yield (
        "form-address-wrong",
        step,
        replace(known, confirm=False, value="温州", error_key="field.error.address"),
        {},
    )
    yield (
        "form-name",
        step,
        _field(
            zh,
            key="name",
            label="孩子的姓名" if zh else "Name of the child",
            kind="name",
            value="",
            hint="",
        ),
        {},
    )
    day = _field(
        zh,
        key="born",
        label="孩子的出生日期" if zh else "Born on",
        kind="date",
        value="2016-03-12",
        hint="",
    )
    yield "form-date", step, day, {}
    yield (
        "form-date-wrong",
        step,
        replace(day, value="2016-02-31", error_key="field.error.date"),
        {},
    )
    yield "form-date-empty", step, replace(day, value=""), {}
    code = _field(
        zh,
        key="plate",
        label="车牌号码" if zh else "Number plate",
        kind="code",
        value="C12345",
        hint="不用写“浙”字" if zh else "",
    )
    yield "form-code", step, code, {}
    spouse = _field(
        zh,
        key="spouse",
        label="丈夫或妻子的身份证号" if zh else "ID number of husband or wife",
        kind="person-number",
        value="99010119900101001",
        hint="",
    )
    yield "form-person-number", step, spouse, {}
    slip = replace(spouse, value="990101199001010018", error_key="field.error.person-number")
    yield "form-person-number-wrong", step, slip, {}
    bank = _field(
        zh,
        key="bank",
        label="银行卡号" if zh else "Bank account number",
        kind="bank-card",
        value="0000000000000000000",
        hint="本人的卡，16 到 19 位" if zh else "Your own card, 16 to 19 digits",
    )
    yield "form-bank-card", step, bank, {}
    money = _field(
        zh,
        key="money",
        label="每月租金" if zh else "Rent",
        kind="money",
        value="1200.50",
        hint="",
        required=False,
    )
    yield "form-money", step, money, {}


def _end_bodies(zh: bool) -> Iterator[tuple[str, StepName, Body, dict[str, object]]]:
    """From the signature to the end."""
    department = "公安局出入境管理局" if zh else "Exit and entry administration"
    owed = (("亲属关系证明", "12 月 5 日前") if zh else ("Proof of kinship", "by 5 Dec"),)
    statement = ("sign.statement.true", "sign.statement.use", "sign.statement.check")
    sign = SignView(statement, (), ())
    hand_in: dict[str, object] = {"next_key": "action.submit"}
    yield "sign", StepName.SIGN, sign, {**hand_in, "next_enabled": False}
    owing = SignView((*statement, "sign.statement.owed"), (" · ".join(owed[0]),), SIGNED)
    yield "sign-owed", StepName.SIGN, owing, hand_in
    done: dict[str, object] = {
        "back": False,
        "next_key": "action.done",
        "progress": (6, 6),  # as the journey has it: it takes room from what is below
    }
    over: dict[str, object] = {"back": False, "leave": False, "progress": None}
    renewed = RenewedView(
        withdrawn=False,
        again=("去那里做什么？",) if zh else ("What is the trip for?",),
        more=("单位同意出境的意见",) if zh else ("Your employer's consent",),
        less=("两寸证件照片",) if zh else ("Passport photograph",),
        values=(Changed("guide.fee", *(("15 元", "60 元") if zh else ("15 yuan", "60 yuan"))),),
        phone="0577-00001001",
    )
    yield "renewed", StepName.RENEWED, renewed, {"back": False}
    leaving = {**over, "next_key": "action.stay"}
    for papers in (False, True):
        name = "leave-papers" if papers else "leave"
        yield name, StepName.LEAVE, LeaveView(papers), leaving
    gone = replace(renewed, withdrawn=True, again=(), more=(), less=(), values=())
    yield "renewed-withdrawn", StepName.RENEWED, gone, done
    saved = SubmittedView(
        state="saved",
        number="LW042-00317-6",
        case_number="",
        department=department,
        contact="138****6612",
        owed=(),
        take_with=("take.card", "take.papers", "take.receipt"),
        printing="printed",
        qr_text="OUKIOSK:LW042-00317-6",
    )
    step = StepName.SUBMITTED
    yield "submitted", step, saved, {**done, "line_up": False}
    yield "submitted-sending", step, saved, done
    yield (
        "submitted-received",
        step,
        replace(saved, state="received", case_number="330303-2026-0001234", owed=owed),
        done,
    )
    yield "submitted-printing", step, replace(saved, printing="printing"), done
    yield (
        "submitted-print-failed",
        step,
        replace(saved, printing="failed", take_with=saved.take_with[:2]),
        {**done, "notice": Notice("paper-out", "PR-02")},
    )
    yield (
        "submitted-print-unknown",
        step,
        replace(saved, printing="unknown"),
        {**done, "notice": Notice("print-unknown", "PR-04")},
    )
    yield "submitted-print-unknown-later", step, replace(saved, printing="unknown"), done
    bare = replace(saved, number="", qr_text="", take_with=(), printing="")
    saving = {**done, "leave": False}
    yield "submitted-saving", step, replace(bare, state="saving"), {**saving, "next_key": ""}
    yield (
        "submitted-failed",
        step,
        replace(bare, state="failed"),
        {**done, "next_key": "", "notice": Notice("disk-full", "QU-01")},
    )
    yield from _result_bodies(zh, done)
    rate = RateView(0, (), ())
    yield "rate", StepName.RATE, rate, {**done, "next_key": "action.skip"}
    bad = ("slow", "unclear", "many-papers", "machine", "failed")
    for name, level, reasons, chosen in (
        ("rate-bad", 1, bad, ("slow", "machine")),
        ("rate-good", 5, ("easy", "quick", "friendly"), ("quick",)),
    ):
        view = RateView(level, reasons, chosen)
        yield name, StepName.RATE, view, {**done, "next_key": "action.send"}
    bye = FarewellView(saved.take_with, saved.number, 8)
    leave = {**over, "next_key": "action.leave"}
    yield "farewell", StepName.FAREWELL, bye, leave
    yield "farewell-card-lies", StepName.FAREWELL, replace(bye, card_lies=True), leave
    yield "farewell-nothing", StepName.FAREWELL, FarewellView((), "", 8), leave


def _result_bodies(
    zh: bool, done: dict[str, object]
) -> Iterator[tuple[str, StepName, Body, dict[str, object]]]:
    step = StepName.RESULT
    title = "社会保险参保证明" if zh else "Social insurance certificate"
    asked = ResultView("certificate", "confirm", title, (), (), "", "")
    yield "result-confirm", step, asked, {**done, "next_key": "action.print", "back": True}
    yield "result-asking", step, replace(asked, state="asking"), {**done, "next_key": ""}
    failed: dict[str, object] = {**done, "notice": Notice("central-nonsense", "NW-02")}
    yield "result-failed", step, replace(asked, state="failed"), failed
    yield "result-none", step, replace(asked, kind="query", state="none"), done
    ready = replace(
        asked, state="ready", pages_png=(paper_png(),), certificate_number="ZM-2026-000123"
    )
    for printing in ("printing", "printed", "failed"):
        name = f"result-certificate-{printing}"
        yield name, step, replace(ready, printing=printing), done
    rows = (
        (("缴费年限", "18 年 4 个月"), ("参保单位", "温州市龙湾区永兴机械有限公司"))
        if zh
        else (("Years paid", "18 years 4 months"), ("Employer", "Yongxing Machinery Co., Ltd."))
    )
    sections = tuple((f"{title} {at}", rows * 2) for at in range(1, 5))
    yield (
        "result-records",
        step,
        ResultView("query", "ready", title, sections, (), "", ""),
        done,
    )


def _second_half(zh: bool) -> Iterator[tuple[str, StepName, Body, dict[str, object]]]:
    step = StepName.MATERIALS
    papers = _papers(zh)
    listed = MaterialsView("list", papers, None)
    yield "materials", step, listed, {"next_enabled": False}
    all_in = tuple(replace(p, state="handed-in", pages=1) for p in papers[:2])
    yield "materials-done", step, replace(listed, materials=all_in), {}
    none: dict[str, object] = {"next_key": ""}
    aim = replace(listed, state="aim", current=papers[1], page_number=1)
    yield "materials-aim", step, aim, none
    yield (
        "materials-aim-nothing",
        step,
        aim,
        {**none, "notice": Notice("no-paper-found", "DC-01")},
    )
    yield "materials-taking", step, replace(aim, state="taking"), {**none, "back": False}
    check = replace(aim, state="check", page_jpeg=paper_png(), page_number=1)
    yield "materials-check", step, check, none
    poor = replace(check, warnings=("blurred", "glare"), more_pages=True, page_number=2)
    yield "materials-check-poor", step, poor, none
    yield from _form_bodies(zh)
    office = "公安局出入境管理" if zh else "Exit and Entry Administration"
    address = _ADDRESS[0 if zh else 1]
    ways = DeliveryView(("post", "pick-up"), "", address, "", office, "0577-00001001")
    step = StepName.DELIVERY
    yield "delivery", step, ways, {"next_enabled": False}
    yield "delivery-post", step, replace(ways, chosen="post"), {}
    short = replace(ways, chosen="post", address="", address_error_key="field.error.address")
    yield "delivery-post-wrong", step, short, {}
    yield "review", StepName.REVIEW, _review(zh), {"next_key": "action.next"}
    yield from _end_bodies(zh)


def _review(zh: bool) -> ReviewView:
    texts = (
        ("review.people", (("申请人", "Applicant", "陈**  330**********12", ""),)),
        (
            "review.answers",
            (
                ("您去香港做什么?", "What will you do there?", "旅游 / travel", "questions:p"),
                ("您有通行证吗?", "Do you hold a permit?", "是 / yes", "questions:q"),
            ),
        ),
        (
            "review.materials",
            (
                (
                    "亲属关系证明（出生医学证明、结婚证或公证书之一）",
                    "Proof of kinship: birth certificate, marriage certificate",
                    "2",
                    "materials",
                ),
            ),
        ),
        (
            "review.form",
            (
                ("联系电话", "Telephone", "13857700000", "form:contact_phone"),
                ("结果怎么给您", "The result", _ADDRESS[0 if zh else 1], "delivery"),
            ),
        ),
    )
    return ReviewView(
        tuple(
            ReviewSection(title, tuple(ReviewRow(a if zh else b, v, t) for a, b, v, t in rows))
            for title, rows in texts
        )
    )


def samples(language: Language, size: Size, theme: Theme) -> Iterator[Sample]:
    """Every sample in one language, size and theme."""
    zh = language is Language.ZH
    for name, step, body, changes in _bodies(zh):
        yield Sample(name, View(frame(step, language, size, theme, **changes), body))
