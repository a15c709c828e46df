"""One's own cases as a register: what somebody handed in, and how far it is.

Whose card is on the reader sees the cases in which that card's number applied, acted for
somebody or signed; a case that merely speaks of the person is not shown to them here. What
they have to do comes first: what a department wants corrected, what to bring, until when.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final
from unicodedata import east_asian_width

from sqlalchemy import case as case_when
from sqlalchemy import select
from sqlalchemy.orm import Session

from central_backend.cases import reason_of
from central_backend.chance import Pair, Tables, line, table
from central_backend.china import day
from central_backend.database import (
    Case,
    CaseLine,
    CaseMaterial,
    CaseNote,
    CaseParty,
    StoredApplication,
    StoredDocument,
)
from central_backend.words import WORDS
from kiosk.contract import (
    ApplicationDocument,
    CaseState,
    Line,
    QuestionParty,
    ReasonCode,
    Words,
)

MOST_CASES: Final = 20
_ROW_MOST: Final = 80  # halves of a Chinese character
ACTING: Final = ("applicant", "agent", "guardian", "legal_representative", "co_signer")
# The departments' words, and what they mean to whoever handed something in.
_STATES: Final[Mapping[CaseState, Pair]] = {
    CaseState.RECEIVED: ("已收到，部门还没开始办", "Received; the office has not begun"),
    CaseState.ACCEPTED: ("已受理，正在办", "Accepted; the office is working on it"),
    CaseState.TO_BE_CORRECTED: ("待补正，等您补好", "To be corrected: it waits for you"),
    CaseState.REFUSED: ("不予受理，没有办成", "Refused: it goes no further"),
    CaseState.DECIDED: ("已办结", "Decided"),
}
_RESULTS: Final[Mapping[str, Pair]] = {
    "post": ("邮寄到您留的地址", "By post to the address you gave"),
    "pick-up": ("请带身份证去取", "To be picked up with your ID card"),
}
_GIVEN: Final = frozenset({ReasonCode.GRANTED.value, ReasonCode.PARTLY.value})


def own_cases(
    session: Session, party: QuestionParty, names: Mapping[str, Words], today: date
) -> Tables:
    """The cases of `party`, one table each, and one more for each department of a bundle that
    says why. Those that wait for the party come first, then the newest; `names` are the
    departments', `today` is the day in China."""
    theirs = (
        select(CaseParty.case_number)
        .where(CaseParty.number == party.number)
        .where(CaseParty.document_kind == party.document_kind.value)
        .where(CaseParty.role.in_(ACTING))
    )
    waits = case_when((Case.state == CaseState.TO_BE_CORRECTED.value, 0), else_=1)
    rows = session.execute(
        select(Case, StoredApplication)
        .join(StoredApplication, StoredApplication.id == Case.application_id)
        .where(Case.case_number.in_(theirs))
        .order_by(waits, Case.opened_at.desc(), Case.case_number)
        .limit(MOST_CASES)
    ).all()
    shown: Tables = {}
    for case, stored in rows:
        shown |= _Shown(session, case, stored, names, today).tables()
    return shown


class _Shown:
    """One case as whoever handed it in reads it."""

    def __init__(
        self,
        session: Session,
        case: Case,
        stored: StoredApplication,
        names: Mapping[str, Words],
        today: date,
    ) -> None:
        self._session = session
        self._case = case
        self._stored = stored
        self._names = names
        self._today = today
        self._document = _document(session, case)

    def tables(self) -> Tables:
        """The case, and what single departments of a bundle have to say."""
        case, number = self._case, self._case.case_number
        lines = self._session.scalars(
            select(CaseLine).where(CaseLine.case_number == number).order_by(CaseLine.department)
        ).all()
        title = (self._document.item.title if self._document is not None else "") or case.item
        rows = [line("办到哪一步", "State", _STATES[CaseState(case.state)])]
        more: Tables = {}
        if len(lines) == 1:  # of one department the state is said already
            rows += self._reason(lines[0])
        for one in lines if len(lines) > 1 else ():
            name = self._name(one)
            rows.append(line(name.zh, name.en, WORDS[f"state.{one.state}"]))
            said = self._reason(one)
            if said:
                heading = (f"{title} · {name.zh}", f"{title} · {name.en}")
                state = line("办到哪一步", "State", _STATES[CaseState(one.state)])
                more[f"{number}:{one.department}"] = table(*heading, state, *said)
        rows += self._facts()
        return {number: table(title, title, *rows), **more}

    def _facts(self) -> list[Line]:
        case, stored = self._case, self._stored
        rows = self._owed()
        rows.append(line("提交回执号", "Receipt number", stored.receipt_number))
        if case.acceptance_number:
            rows.append(line("受理编号", "Acceptance number", case.acceptance_number))
        rows.append(line("收到", "Received", day(stored.received_at)))
        rows.append(line("最近更新", "Last change", day(case.changed_at)))
        return rows

    def _owed(self) -> list[Line]:
        case = self._case
        due = self._session.scalars(
            select(CaseMaterial.due)
            .where(CaseMaterial.case_number == case.case_number)
            .where(CaseMaterial.status == "pledged")
            .order_by(CaseMaterial.due)
        ).all()
        if not due or case.closed_at is not None:
            return []
        days = [one for one in due if one]
        first: Pair = (f"，最早 {days[0]} 前", f", the first by {days[0]}") if days else ("", "")
        count: Pair = (f"{len(due)} 份{first[0]}", f"{len(due)}{first[1]}")
        return [line("还要补交的材料", "Papers still owed", count)]

    def _reason(self, one: CaseLine) -> list[Line]:
        """Why a department's share stands where it does: whom it concerns must be told."""
        note = reason_of(self._session, one)
        if note is None:
            return []
        rows = []
        decided = one.state == CaseState.DECIDED.value
        if note.reason != ReasonCode.OTHER.value:
            said: Pair = ("结果", "Outcome") if decided else ("为什么", "Why")
            rows.append(line(*said, WORDS[f"reason.{note.reason}"]))
        label: Pair = ("部门的话", "The office writes")
        for piece in pieces(note.text):
            rows.append(line(*label, piece))
            label = ("", "")  # it goes on
        if one.state == CaseState.TO_BE_CORRECTED.value:
            rows += self._to_bring(one, note)
        how = self._document.delivery if self._document is not None else None
        if how is not None and how.method in _RESULTS and note.reason in _GIVEN:
            rows.append(line("怎么拿到", "How you get it", _RESULTS[how.method]))
        return rows

    def _to_bring(self, one: CaseLine, note: CaseNote) -> list[Line]:
        rows = [line("最晚哪天", "No later than", self._until(note.until))] if note.until else []
        label: Pair = ("要带来的", "To bring")
        for paper in self._papers(note.bring.split()):
            rows.append(line(*label, paper))
            label = ("还有", "and")
        if one.department in self._names:
            name = self._name(one)
            where: Pair = (
                f"{name.zh}窗口，带身份证和回执",
                f"{name.en}, at a counter, with your ID card and receipt",
            )
            rows.append(line("到哪里", "Where", where))
        return rows

    def _until(self, until: str) -> Pair:
        last = date.fromisoformat(until)
        zh, en = f"{last.year}年{last.month}月{last.day}日", f"{last.day} {last:%b %Y}"
        if last < self._today:
            return f"{zh}（已经过了，请尽快问部门）", f"{en} (that is over: ask the office soon)"
        left = (last - self._today).days
        if left == 0:
            return f"{zh}（就是今天）", f"{en} (today)"
        return f"{zh}（还有{left}天）", f"{en} ({left} day{'' if left == 1 else 's'} left)"

    def _papers(self, ids: list[str]) -> list[str]:
        """What papers were called when they were handed in; their ids once that is gone."""
        kept = self._document.materials if self._document is not None else ()
        titles = {one.id: one.title for one in kept}
        return [titles.get(id_) or id_ for id_ in ids]

    def _name(self, one: CaseLine) -> Words:
        unknown = WORDS.get(f"department.{one.department}", (one.department, one.department))
        return self._names.get(one.department, Words(zh=unknown[0], en=unknown[1]))


def pieces(text: str) -> list[str]:
    """A text as rows that fit on a terminal's page in large letters; only white space is lost."""
    found = []
    for paragraph in text.splitlines():
        rest = paragraph.strip()
        while rest:
            end = len(rest) if _width(rest) <= _ROW_MOST else _break(rest)
            found.append(rest[:end].rstrip())
            rest = rest[end:].lstrip()
    return found


def _break(text: str) -> int:
    """Where a row of `text` ends: after a sentence, a part of one or a word, if there is one."""
    room = next(at for at in range(len(text), 0, -1) if _width(text[:at]) <= _ROW_MOST)
    for marks in ("。！？；!?;", "，、：,: "):
        ends = [at + 1 for at in range(room // 3, room) if text[at] in marks]
        if ends:
            return ends[-1]
    return room


def _width(text: str) -> int:
    """In halves of a Chinese character."""
    return sum(2 if east_asian_width(sign) in "WFA" else 1 for sign in text)


def _document(session: Session, case: Case) -> ApplicationDocument | None:
    """The application; None once its time is over."""
    kept = session.get(StoredDocument, case.application_id)
    return ApplicationDocument.model_validate_json(kept.data) if kept is not None else None
