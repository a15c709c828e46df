"""The words of the operators' pages, in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

Language = Literal["zh", "en"]

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "title": ("中心后台", "Central backend"),
    "cases": ("办件", "Cases"),
    "case": ("办件", "Case"),
    "terminals": ("终端", "Terminals"),
    "flags": ("待查", "To look at"),
    "other-language": ("English", "中文"),
    "log-in": ("登录", "Log in"),
    "log-out": ("退出", "Log out"),
    "operator": ("工号", "Operator"),
    "password": ("密码", "Password"),
    "wrong-login": ("工号或密码不对。", "Operator or password is wrong."),
    "wait-login": (
        "试错次数太多，请 15 分钟后再试。",
        "Too many wrong tries. Please try again in 15 minutes.",
    ),
    "form-old": ("页面已过期，请重新打开再试。", "This page is too old. Open it again."),
    "not-found": ("没有这个页面或办件。", "There is no such page or case."),
    "back": ("返回", "Back"),
    "case-number": ("办件编号", "Case number"),
    "receipt-number": ("提交回执号", "Receipt number"),
    "acceptance-number": ("受理编号", "Acceptance number"),
    "item": ("事项", "Item"),
    "state": ("状态", "State"),
    "department": ("部门", "Department"),
    "departments": ("各部门进度", "Departments"),
    "received-at": ("收到时间", "Received"),
    "changed-at": ("更新时间", "Changed"),
    "terminal": ("终端", "Terminal"),
    "all": ("全部", "All"),
    "filter": ("筛选", "Filter"),
    "number": ("编号", "Number"),
    "number-hint": ("办件、回执或受理编号", "Case, receipt or acceptance number"),
    "no-cases": ("没有符合条件的办件。", "No case fits."),
    "next-page": ("下一页", "Next page"),
    "previous-page": ("上一页", "Previous page"),
    "parties": ("当事人", "Parties"),
    "role": ("身份", "Role"),
    "name": ("姓名", "Name"),
    "document": ("证件", "Document"),
    "document-number": ("证件号码", "Document number"),
    "materials": ("材料", "Materials"),
    "material": ("材料", "Material"),
    "due": ("应交日期", "Due"),
    "files": ("文件", "Files"),
    "form": ("表单", "Form"),
    "contact": ("联系电话", "Contact"),
    "delivery": ("领取方式", "Delivery"),
    "notes": ("意见", "Notes"),
    "trail": ("操作记录", "Trail"),
    "at": ("时间", "At"),
    "who": ("操作人", "Who"),
    "what": ("操作", "What"),
    "detail": ("内容", "Detail"),
    "move": ("办理", "Move"),
    "note": ("写给当事人的话", "Your words to the resident"),
    "own-note": ("备注（当事人看不到）", "A note for the office"),
    "note-hint": (
        "当事人在终端上会原样看到：哪里不对，怎么改。",
        "The resident reads this at the terminal as it is: what is wrong, how to put it right.",
    ),
    "reason": ("原因", "Reason"),
    "outcome": ("结果", "Outcome"),
    "choose": ("请选择", "Please choose"),
    "bring": ("要带来的材料", "Papers to bring"),
    "until": ("最晚哪一天", "Last day"),
    "closed": ("已办完，不能再改。", "Closed: nothing more to do."),
    "move.not-from-here": (
        "这一步现在不能做，请看最新状态。",
        "This is not possible from where the case stands now.",
    ),
    "move.note-needed": (
        "请写明原因：当事人要知道为什么。",
        "Write the reason: the resident must be told why.",
    ),
    "move.reason-needed": ("请选择原因或结果。", "Choose the reason or the outcome."),
    "move.until-needed": (
        "请填最晚哪一天来补正。",
        "Say until which day it can be corrected.",
    ),
    "move.until-wrong": (
        "补正的日子要在今天以后、一年以内。",
        "The last day for a correction must be from today on and within a year.",
    ),
    "move.bring-unknown": (
        "这份办件没有这种材料，请写在意见里。",
        "The case has no such paper. Write it in your words.",
    ),
    "move.note-too-long": (
        "写得太长，最多 300 字。",
        "Your words are too long: 300 characters at most.",
    ),
    "purged": (
        "保存期已满，申请内容已删除。",
        "Its time is over: the content of this application was deleted.",
    ),
    "personal": (
        "本页含个人信息，每次查看都会记录。",
        "This page shows personal data. Every view is recorded.",
    ),
    "heartbeat": ("最近心跳", "Last heartbeat"),
    "last-application": ("最近交件", "Last application"),
    "intake": ("收件", "Takes in"),
    "intake.open": ("正常", "Yes"),
    "intake.warning": ("将停", "Soon not"),
    "intake.closed": ("停收", "No"),
    "depth": ("待发", "Waiting"),
    "oldest": ("最久等待", "Oldest"),
    "quarantined": ("隔离", "Quarantined"),
    "version": ("程序版本", "Version"),
    "pack": ("事项包", "Pack"),
    "keys": ("在用密钥", "Keys in use"),
    "overdue": ("失联", "Overdue"),
    "in-time": ("正常", "In time"),
    "never": ("从未", "Never"),
    "no-terminals": ("还没有终端报到。", "No terminal has reported yet."),
    "open-flags": ("异常", "Flags"),
    "no-flags": ("没有要查的。", "Nothing to look at."),
    "kind": ("类型", "Kind"),
    "count": ("次数", "Times"),
    "first": ("首次", "First"),
    "last": ("最近", "Last"),
    "clear": ("已处理", "Done"),
    "gaps": ("链上缺号", "Missing in chains"),
    "no-gaps": ("没有缺号。", "Nothing is missing."),
    "missing": ("缺少第几条", "Missing entries"),
    "entries": ("条数", "How many"),
    "since": ("发现时间", "Since"),
    "overdue-count": ("台失联", "overdue"),
    "state.received": ("已收到", "Received"),
    "state.accepted": ("已受理", "Accepted"),
    "state.to-be-corrected": ("待补正", "To be corrected"),
    "state.refused": ("不予受理", "Refused"),
    "state.decided": ("已办结", "Decided"),
    "reason.paper-missing": ("少交了材料", "A paper is missing"),
    "reason.paper-unreadable": ("拍的材料看不清", "A picture of a paper cannot be read"),
    "reason.paper-expired": ("材料过期了", "A paper is out of date"),
    "reason.paper-wrong": ("交的不是要求的那种材料", "A paper is not the one that is needed"),
    "reason.papers-differ": ("几份材料上写的不一样", "The papers do not say the same"),
    "reason.details-wrong": (
        "填的内容有错，或没填全",
        "Something that was filled in is wrong or left out",
    ),
    "reason.signature-wrong": (
        "签名或盖章缺少，或不对",
        "A signature or a seal is missing or wrong",
    ),
    "reason.conditions-not-met": ("不符合办理条件", "The conditions are not met"),
    "reason.not-here": ("这件事不归这个部门办", "This office does not handle it"),
    "reason.done-already": ("这件事已经办过，或正在办", "It was done before or is under way"),
    "reason.too-late": ("过了办理的期限", "The time for it is over"),
    "reason.not-corrected": (
        "到期没有补正",
        "What had to be corrected did not come in time",
    ),
    "reason.withdrawn": ("申请人撤回了", "The applicant took it back"),
    "reason.granted": ("同意，已办好", "Granted"),
    "reason.partly": ("部分同意", "Granted in part"),
    "reason.denied": ("不同意", "Not granted"),
    "reason.other": ("其他", "Another reason"),
    "action.received": ("收到", "received"),
    "action.moved": ("办理", "moved"),
    "action.viewed": ("查看", "viewed"),
    "action.opened-file": ("打开文件", "opened a file"),
    "flag.conflict": ("同号不同内容", "Same id, other bytes"),
    "flag.number-taken": ("回执号重复", "Receipt number taken"),
    "flag.unreadable": ("打不开", "Unreadable"),
    "flag.key-missing": ("缺密钥", "Key missing"),
    "flag.duplicate": ("疑似重复申请", "Possible duplicate"),
    "flag.chain-fork": ("链分叉", "Fork in a chain"),
    "flag.chain-edit": ("链被改动", "Chain edited"),
    "flag.chain-signature": ("签名不认识或不对", "Signature unknown or wrong"),
    "detail.chain-other": ("第 {0} 条说的是另一份申请", "Entry {0} speaks of another application"),
    "detail.chain-wrong-signature": ("第 {0} 条签名不对", "Entry {0} is wrongly signed"),
    "detail.chain-not-enrolled": ("签名密钥 {0} 没有登记", "Signing key {0} is not enrolled"),
    "detail.chain-two": ("第 {0} 条有两个", "There are two entries {0}"),
    "detail.chain-not-after": ("第 {0} 条接不上第 {1} 条", "Entry {0} does not follow entry {1}"),
    "detail.came-again": ("又收到另一个内容 {0}…", "Came again with other content, {0}…"),
    "detail.same-matter": (
        "与办件 {0} 同一人、同一事项、同一天",
        "Same party, item and day as case {0}",
    ),
    "detail.none-to-sign": ("没有套件 {0} 的签名密钥", "No key to sign in suite {0}"),
    "detail.none-to-open": ("解封密钥 {0} 不在手边", "Key {0} to open with is not at hand"),
    "detail.number-taken": ("另一份申请已用此回执号", "Another application has this number"),
    "detail.document-invalid": ("里面不是申请", "What is inside is no application"),
    "detail.document-spelling": ("里面的申请写法不规范", "The application is not spelt as agreed"),
    "detail.document-of-another-envelope": (
        "信封与申请不是同一份",
        "Envelope and application are not of one another",
    ),
    "detail.attachments-differ": ("附件与申请所列不符", "Attachments differ from what it lists"),
    "detail.attachments-named-twice": ("两个附件同名", "Two attachments have one name"),
    "detail.SE-01": ("打不开：内容被改动或不完整", "It does not open: altered or incomplete"),
    "detail.SE-02": ("封给了本后台没有的密钥", "Sealed to a key that is not ours"),
    "status.handed_in": ("已交", "Handed in"),
    "status.pledged": ("容缺待补", "Pledged"),
    "status.from_card": ("读自证件", "From the card"),
    "status.e_licence": ("电子证照", "E-licence"),
    "status.made_here": ("现场填写", "Made here"),
    "kind.resident-id": ("居民身份证", "Resident ID card"),
    "kind.permit": ("通行证", "Permit"),
    "kind.foreign-permanent": ("外国人永久居留身份证", "Foreign permanent resident ID"),
    "kind.passport": ("护照", "Passport"),
    "kind.social-security": ("社保卡", "Social-security card"),
    "kind.household-book": ("户口簿", "Household book"),
    "kind.credit-code": ("统一社会信用代码", "Credit code"),
    "kind.none": ("无", "None"),
    "role.applicant": ("申请人", "Applicant"),
    "role.agent": ("代办人", "Agent"),
    "action.logged-in": ("登录", "logged in"),
    "department.unassigned": ("未分派", "Unassigned"),
    "day": ("天", "d"),
    "hour": ("小时", "h"),
    "minute": ("分钟", "min"),
    "second": ("秒", "s"),
}


class Speech:
    """The words in one language."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self._column = 0 if language == "zh" else 1

    def __call__(self, key: str, fallback: str | None = None) -> str:
        """The words of a key; `fallback` where the key is somebody else's code."""
        if fallback is not None and key not in WORDS:
            return fallback
        return WORDS[key][self._column]

    def detail(self, said: str) -> str:
        """The words of a flag's detail: a code and what it speaks of."""
        code, *of = said.split(":")
        key = f"detail.{code}"
        return self(key).format(*of) if key in WORDS else said

    def span(self, seconds: float) -> str:
        """A length of time in its two largest units."""
        rest = int(max(seconds, 0))
        said: list[str] = []
        for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)):
            count, rest = divmod(rest, size)
            if count or (unit == "second" and not said):
                said.append(f"{count} {self(unit)}")
        return " ".join(said[:2])
