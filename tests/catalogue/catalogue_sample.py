"""A compact good catalogue for tests: two applications, a certificate and a bundle."""

from __future__ import annotations

from functools import cache

from kiosk.catalogue.model import Pack
from kiosk.demo.prepared import prepare


@cache
def shipped() -> Pack:
    """The catalogue that is shipped, as `shipped.py` has it; also for processes that are not a
    test and do not see that file."""
    made = prepare()
    made.keep()
    return made.pack


GROUPS = """\
- {id: approvals, name: {zh: 审批服务, en: Approvals}, mark: 批}
- {id: certificates, name: {zh: 常用证明, en: Certificates}, mark: 证}
"""

DEPARTMENTS = """\
- {id: exit-entry, name: {zh: 出入境管理局, en: Exit and Entry}, phone: "0577-00000001"}
- {id: social, name: {zh: 社保局, en: Social Insurance}, phone: "0577-00000002"}
"""

PLAIN = """\
- {id: travel, name: {zh: 出门, en: Travel}, codes: [TRV-001]}
- {id: pension, name: {zh: 养老金, en: Pension}, hint: {zh: 退休, en: Retire}, codes: [PEN-001]}
- {id: proof, name: {zh: 开证明, en: Get a proof}, codes: [CRT-001]}
- {id: retire, name: {zh: 退休, en: Retire}, codes: [BUN-001]}
- {id: card, name: {zh: 办卡, en: Cards}, codes: [TRV-001, PEN-001]}
- {id: other, name: {zh: 别的事, en: Something else}, codes: []}
"""

GUIDE = """\
guide:
  for_whom: {zh: 本市居民, en: Residents}
  basis: {zh: 《示例条例》第一条, en: "Sample regulation, article 1"}
  fee: {zh: 不收费, en: Free}
  days: {legal: 7, promised: 5}
  visits: 0
  result: {zh: 批准决定, en: A decision}
  where: {zh: 办事大厅, en: Service hall}
  phone: "0577-00000001"
  notes:
    - {zh: 样例, en: Sample}
"""

TRAVEL = (
    """\
code: TRV-001
name: {zh: 往来港澳签注, en: Travel endorsement}
aliases: [港澳通行证签注, 去香港, gangao]
group: approvals
kind: apply
department: exit-entry
assurance: {level: card-and-face, reason: {zh: 防止冒用, en: Against misuse}}
line: false
minutes: 6
comes_out: {zh: 结果可邮寄, en: Result can be posted}
version: 1
effective: {from: 2026-01-01}
use_rank: 90
confirmed: null
pledge: true
sign: true
untrusted: ask
delivery: [post, pick-up]
"""
    + GUIDE
    + """\
parties:
  - {role: applicant, name: {zh: 申请人, en: Applicant}, identity: card}
  - {role: child, name: {zh: 孩子, en: Child}, identity: form, when: {for_whom: child}}
questions:
  - id: for_whom
    text: {zh: 给谁办？, en: For whom?}
    about: applicant
    kind: one
    options:
      - {id: me, text: {zh: 自己, en: Myself}}
      - {id: child, text: {zh: 孩子, en: My child}}
  - id: purpose
    text: {zh: 去做什么？, en: What for?}
    about: applicant
    kind: one
    options:
      - {id: tourism, text: {zh: 旅游, en: Tourism}}
      - {id: family, text: {zh: 探亲, en: Family}}
      - {id: work, text: {zh: 工作, en: Work}}
  - id: kin
    text: {zh: 探望谁？, en: Whom do you visit?}
    about: applicant
    kind: many
    options:
      - {id: spouse, text: {zh: 配偶, en: Spouse}}
      - {id: parent, text: {zh: 父母, en: Parent}}
      - {id: friend, text: {zh: 朋友, en: Friend}}
    when: {purpose: family}
  - id: months
    text: {zh: 去几个月？, en: How many months?}
    about: applicant
    kind: number
    unit: {zh: 个月, en: months}
    minimum: 0
    maximum: 24
    when: {purpose: [family, work], not: {for_whom: child}}
  - id: permit_until
    text: {zh: 通行证哪天到期？, en: When does the permit expire?}
    about: applicant
    kind: date
    earliest: 2020-01-01
    latest: 2040-12-31
  - id: lost
    text: {zh: 旧证丢了吗？, en: Did you lose the old one?}
    about: applicant
    kind: yes-no
materials:
  - id: travel_permit
    name: {zh: 往来港澳通行证, en: Travel permit}
    form: original
    source: resident
    basis: {zh: 《示例条例》第二条, en: "Sample regulation, article 2"}
    pages: 2
    when: {lost: false}
    review:
      - id: valid
        check: {zh: 没有过期, en: Not expired}
        by: person
        fails: {zh: 通行证已过期, en: The permit has expired}
  - id: kinship
    name: {zh: 亲属关系证明, en: Proof of kinship}
    form: copy
    source: resident
    basis: {zh: 《示例条例》第三条, en: "Sample regulation, article 3"}
    why: {zh: 因为您去探亲, en: Because you visit family}
    pledge_days: 15
    from_whom: applicant
    when: {kin: [spouse, parent]}
    review:
      - id: names
        check: {zh: 姓名一致, en: Names match}
        by: person
        fails: {zh: 姓名不一致, en: Names differ}
  - id: birth
    name: {zh: 出生医学证明, en: Birth certificate}
    form: original
    source: resident
    basis: {zh: 《示例条例》第四条, en: "Sample regulation, article 4"}
    from_whom: child
    review:
      - id: names
        check: {zh: 父母姓名一致, en: Parents' names match}
        by: person
        fails: {zh: 姓名不一致, en: Names differ}
form:
  - {key: contact_phone, label: {zh: 手机, en: Mobile}, kind: phone, about: applicant}
  - key: home
    label: {zh: 住址, en: Address}
    kind: address
    about: applicant
    prefill: card.address
  - key: child_name
    label: {zh: 孩子姓名, en: Child's name}
    kind: name
    about: child
    when: {for_whom: child}
  - {key: host, label: {zh: 朋友的姓名, en: Host}, kind: name, required: false, when: {kin: friend}}
situations:
  - id: adult
    name: {zh: 成年人旅游或探亲, en: "Adult, tourism or family"}
    when: {for_whom: me, purpose: [tourism, family], applicant.age: {at_least: 16}, late: false}
    result: accept
    materials: [travel_permit, kinship]
  - id: child
    name: {zh: 孩子, en: Child}
    when: {for_whom: child, purpose: [tourism, family]}
    result: accept
    materials: [travel_permit, kinship, birth]
  - id: minor
    name: {zh: 未成年人自己来, en: A minor alone}
    when: {for_whom: me, purpose: [tourism, family], applicant.age: {under: 16}}
    result: not-possible
    reason: {zh: 请监护人来办, en: A guardian must apply}
  - id: worker
    name: {zh: 工作, en: Work}
    when: {purpose: work}
    result: counter
    reason: {zh: 请到窗口, en: Please go to a counter}
    materials: [travel_permit]
"""
).replace(", late: false", "")

PENSION = (
    """\
code: PEN-001
name: {zh: 社保待遇核准, en: Pension approval}
aliases: [退休, 领养老金]
group: approvals
kind: apply
department: social
assurance: {level: card, reason: {zh: 本人待遇, en: Your own pension}}
line: true
minutes: 8
comes_out: {zh: 每月养老金, en: A monthly pension}
version: 2
effective: {from: 2026-01-01, until: 2030-12-31}
use_rank: 50
confirmed: {by: 样例, on: 2026-01-01}
untrusted: ask
pledge: true
sign: false
delivery: [post]
"""
    + GUIDE
    + """\
parties:
  - {role: applicant, name: {zh: 申请人, en: Applicant}, identity: card}
questions:
  - id: worked_abroad
    text: {zh: 在国外工作过吗？, en: Did you work abroad?}
    about: applicant
    kind: yes-no
    when: {applicant.age: {at_least: 50}}
  - id: lost
    text: {zh: 旧证丢了吗？, en: Did you lose the old one?}
    about: applicant
    kind: yes-no
materials:
  - id: bank_card
    name: {zh: 本人银行卡, en: Your bank card}
    form: copy
    source: resident
    basis: {zh: 《示例条例》第五条, en: "Sample regulation, article 5"}
    pledge_days: 30
    when: {not: {lost: true}}
    review:
      - id: owner
        check: {zh: 户名是本人, en: The account is yours}
        by: person
        fails: {zh: 户名不是本人, en: The account is not yours}
  - id: foreign_record
    name: {zh: 国外参保记录, en: Foreign record}
    form: copy
    source: resident
    basis: {zh: 《示例条例》第六条, en: "Sample regulation, article 6"}
    review:
      - id: years
        check: {zh: 写明年数, en: Shows the years}
        by: person
        fails: {zh: 看不出年数, en: Shows no years}
form:
  - {key: contact_phone, label: {zh: 手机, en: Mobile}, kind: phone, about: applicant}
  - {key: account, label: {zh: 银行账号, en: Account}, kind: code, when: {lost: false}}
situations:
  - id: young
    name: {zh: 未到年龄, en: Too young}
    when: {applicant.age: {under: 50}}
    result: not-possible
    reason: {zh: 未到退休年龄, en: Not yet of pension age}
  - id: home
    name: {zh: 一直在国内, en: Always at home}
    when: {applicant.age: {at_least: 50}, worked_abroad: false}
    result: accept
    materials: [bank_card]
  - id: abroad
    name: {zh: 在国外工作过, en: Worked abroad}
    when: {all: [{worked_abroad: true}, {applicant.age: {at_least: 50}}]}
    result: counter
    reason: {zh: 需要人工核对, en: Checked by a person}
    materials: [bank_card, foreign_record]
"""
)

CERTIFICATE = (
    """\
code: CRT-001
name: {zh: 社保参保证明, en: Social insurance certificate}
aliases: [社保证明]
group: certificates
kind: certificate
department: social
assurance: {level: card, reason: {zh: 本人信息, en: Your own data}}
line: true
minutes: 2
comes_out: {zh: 当场打印, en: Printed at once}
version: 1
effective: {from: 2026-01-01}
use_rank: 95
record: social-insurance
"""
    + GUIDE
    + """\
parties:
  - {role: applicant, name: {zh: 申请人, en: Applicant}, identity: card}
situations:
  - {id: any, name: {zh: 参保人, en: Insured}, result: accept}
"""
)

BUNDLE = (
    """\
code: BUN-001
name: {zh: 我要退休, en: I want to retire}
aliases: [退休一件事]
group: approvals
minutes: 15
comes_out: {zh: 一次办好, en: All at once}
version: 1
effective: {from: 2026-01-01}
use_rank: 70
confirmed: null
items: [TRV-001, PEN-001]
include:
  TRV-001: {wants_travel: true}
questions:
  - id: wants_travel
    text: {zh: 还要去港澳吗？, en: Do you also want to travel?}
    about: applicant
    kind: yes-no
"""
    + GUIDE
)

FILES = {
    "groups.yaml": GROUPS,
    "departments.yaml": DEPARTMENTS,
    "plain.yaml": PLAIN,
    "items/trv-001.yaml": TRAVEL,
    "items/pen-001.yaml": PENSION,
    "items/crt-001.yaml": CERTIFICATE,
    "bundles/bun-001.yaml": BUNDLE,
}
