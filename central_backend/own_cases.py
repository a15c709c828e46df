"""One's own cases as a register: what somebody handed in, and how far it is.

Whose card is on the reader sees the cases in which that card's number applied, acted for
somebody or signed; a case that merely speaks of the person is not shown to them here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from central_backend.chance import Pair, Tables, line, table
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
    RecordTable,
    Words,
)

MOST_CASES: Final = 20
ACTING: Final = ("applicant", "agent", "guardian", "legal_representative", "co_signer")
_CHINA: Final = timezone(timedelta(hours=8))


def own_cases(session: Session, party: QuestionParty, names: Mapping[str, Words]) -> Tables:
    """The newest cases of `party`, one table each; `names` are the departments'."""
    rows = session.execute(
        select(Case, StoredApplication)
        .join(StoredApplication, StoredApplication.id == Case.application_id)
        .join(CaseParty, CaseParty.case_number == Case.case_number)
        .where(CaseParty.number == party.number)
        .where(CaseParty.document_kind == party.document_kind.value)
        .where(CaseParty.role.in_(ACTING))
        .distinct()
        .order_by(Case.opened_at.desc(), Case.case_number)
        .limit(MOST_CASES)
    ).all()
    return {case.case_number: _case(session, case, stored, names) for case, stored in rows}


def _case(
    session: Session, case: Case, stored: StoredApplication, names: Mapping[str, Words]
) -> RecordTable:
    title = _title(session, case)
    state = WORDS[f"state.{case.state}"]
    rows = [
        line("办到哪一步", "State", state),
        line("收到", "Received", _day(stored.received_at)),
        line("最近更新", "Last change", _day(case.changed_at)),
        line("提交回执号", "Receipt number", stored.receipt_number),
    ]
    if case.acceptance_number:
        rows.append(line("受理编号", "Acceptance number", case.acceptance_number))
    rows += _owed(session, case)
    rows += _reason(session, case)
    lines = session.scalars(
        select(CaseLine)
        .where(CaseLine.case_number == case.case_number)
        .order_by(CaseLine.department)
    ).all()
    if len(lines) > 1:  # of one department the state is said already
        for one in lines:
            name = names.get(one.department, Words(zh=one.department, en=one.department))
            rows.append(line(name.zh, name.en, WORDS[f"state.{one.state}"]))
    return table(title, title, *rows)


def _title(session: Session, case: Case) -> str:
    """What the item was called when it was handed in; its code once the document is gone."""
    kept = session.get(StoredDocument, case.application_id)
    if kept is None:
        return case.item
    return ApplicationDocument.model_validate_json(kept.data).item.title or case.item


def _owed(session: Session, case: Case) -> list[Line]:
    due = session.scalars(
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


def _reason(session: Session, case: Case) -> list[Line]:
    """Why something is to be corrected or was refused: whom it concerns must be told."""
    if case.state not in (CaseState.TO_BE_CORRECTED.value, CaseState.REFUSED.value):
        return []
    note = session.scalars(
        select(CaseNote.text)
        .where(CaseNote.case_number == case.case_number)
        .order_by(CaseNote.id.desc())
    ).first()
    return [line("原因", "Reason", note)] if note else []


def _day(at: datetime) -> str:
    return f"{at.astimezone(_CHINA):%Y-%m-%d}"
