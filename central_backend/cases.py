"""Cases: what the departments do with an application, step by allowed step.

A case has one line for each department that takes part; a bundle has several. A department
moves its own line along `ALLOWED`; where the case as a whole stands follows from its lines.
Every move is in the audit trail, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from central_backend import audit
from central_backend.database import (
    Case,
    CaseLine,
    CaseMaterial,
    CaseNote,
    CaseParty,
    StoredApplication,
    next_value,
)
from central_backend.faults import Refusal
from central_backend.settings import Settings
from kiosk.contract import (
    ApplicationDocument,
    CaseState,
    DepartmentProgress,
    ProblemCode,
    ProgressAnswer,
    ProgressQuestion,
    Words,
)

ALLOWED: Final[Mapping[CaseState, tuple[CaseState, ...]]] = {
    CaseState.RECEIVED: (CaseState.ACCEPTED, CaseState.TO_BE_CORRECTED, CaseState.REFUSED),
    CaseState.TO_BE_CORRECTED: (CaseState.ACCEPTED, CaseState.REFUSED),
    CaseState.ACCEPTED: (CaseState.DECIDED, CaseState.TO_BE_CORRECTED),
    CaseState.REFUSED: (),
    CaseState.DECIDED: (),
}
_NOTE_NEEDED: Final = frozenset({CaseState.TO_BE_CORRECTED, CaseState.REFUSED})
NOTE_MOST: Final = 1000


class NotAllowed(Exception):
    """A move that the table does not have, or that lacks its reason. Nothing changed."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def overall(states: Iterable[CaseState]) -> CaseState:
    """Where a case stands whose lines stand at `states`: what the resident must know first."""
    there = set(states)
    if CaseState.TO_BE_CORRECTED in there:
        return CaseState.TO_BE_CORRECTED
    if there == {CaseState.REFUSED}:
        return CaseState.REFUSED
    if there <= {CaseState.REFUSED, CaseState.DECIDED}:
        return CaseState.DECIDED
    if there & {CaseState.ACCEPTED, CaseState.DECIDED}:
        return CaseState.ACCEPTED
    return CaseState.RECEIVED


class Cases:
    """Opens cases, moves them, and tells how far they are."""

    def __init__(self, engine: Engine, settings: Settings, *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._settings = settings
        self._now = now
        self._names = {d.id: Words(zh=d.zh, en=d.en) for d in settings.departments}

    def open(
        self, session: Session, case_number: str, document: ApplicationDocument, at: datetime
    ) -> None:
        """The rows of a new case, in the caller's transaction. The application is there."""
        session.add(
            Case(
                case_number=case_number,
                application_id=document.application_id,
                item=document.item.code,
                state=CaseState.RECEIVED.value,
                opened_at=at,
                changed_at=at,
            )
        )
        session.flush()
        shares: dict[str, list[str]] = {}
        for item in document.item.components or (document.item.code,):
            shares.setdefault(self._settings.department_of(item), []).append(item)
        for department, items in shares.items():
            session.add(
                CaseLine(
                    case_number=case_number,
                    department=department,
                    items=" ".join(items),
                    state=CaseState.RECEIVED.value,
                    changed_at=at,
                )
            )
        for party in document.parties:
            session.add(
                CaseParty(
                    case_number=case_number,
                    role=party.role,
                    name=party.name,
                    document_kind=party.document_kind.value,
                    number=party.number,
                )
            )
        for material in document.materials:
            session.add(
                CaseMaterial(
                    case_number=case_number,
                    material=material.id,
                    status=material.status.value,
                    due=material.pledge_due.isoformat() if material.pledge_due else "",
                )
            )
        audit.append(
            session,
            at=at,
            actor=f"terminal:{document.terminal.code}",
            action="received",
            subject=case_number,
            detail={"item": document.item.code},
        )

    def move(
        self, case_number: str, department: str, to: CaseState, *, actor: str, note: str = ""
    ) -> None:
        """Move a department's line. Raises NotAllowed, LookupError for no such line."""
        now = self._now().astimezone(UTC)
        note = note.strip()
        if len(note) > NOTE_MOST:
            raise NotAllowed("note-too-long")
        if to in _NOTE_NEEDED and not note:
            raise NotAllowed("note-needed")
        with Session(self._engine) as session, session.begin():
            case = session.scalars(
                select(Case).where(Case.case_number == case_number).with_for_update()
            ).first()
            lines = session.scalars(
                select(CaseLine).where(CaseLine.case_number == case_number)
            ).all()
            line = next((one for one in lines if one.department == department), None)
            if case is None or line is None:
                raise LookupError("no such case or department")
            was = CaseState(line.state)
            if to not in ALLOWED[was]:
                raise NotAllowed("not-from-here")
            line.state, line.changed_at = to.value, now
            whole = overall(CaseState(one.state) for one in lines)
            case.state, case.changed_at = whole.value, now
            if whole in (CaseState.REFUSED, CaseState.DECIDED):
                case.closed_at = now
            detail: dict[str, str | int] = {
                "department": department,
                "from": was.value,
                "to": to.value,
            }
            if to is CaseState.ACCEPTED and case.acceptance_number is None:
                running = next_value(session, "acceptance")
                case.acceptance_number = f"SL{now:%Y%m%d}{running:06d}"
                detail["acceptance_number"] = case.acceptance_number
            if note:
                session.add(CaseNote(case_number=case_number, at=now, author=actor, text=note))
                detail["note"] = "yes"
            audit.append(
                session, at=now, actor=actor, action="moved", subject=case_number, detail=detail
            )

    def progress(self, question: ProgressQuestion) -> ProgressAnswer:
        """How far a case is. Raises Refusal 404 alike for a wrong number and a wrong `last4`."""
        with Session(self._engine) as session:
            row = session.execute(
                select(StoredApplication, Case)
                .join(Case, Case.application_id == StoredApplication.id)
                .where(StoredApplication.receipt_number == question.receipt_number)
            ).first()
            if row is not None:
                stored, case = row
                numbers = session.scalars(
                    select(CaseParty.number).where(CaseParty.case_number == case.case_number)
                ).all()
                if any(_last4(n) == question.last4.upper() for n in numbers if n):
                    return self._progress(session, stored, case)
        raise Refusal(404, ProblemCode.NOT_FOUND, "no case for this number and these digits")

    def _progress(self, session: Session, stored: StoredApplication, case: Case) -> ProgressAnswer:
        owed = session.scalars(
            select(CaseMaterial.material)
            .where(CaseMaterial.case_number == case.case_number)
            .where(CaseMaterial.status == "pledged")
            .order_by(CaseMaterial.id)
        ).all()
        lines = session.scalars(
            select(CaseLine)
            .where(CaseLine.case_number == case.case_number)
            .order_by(CaseLine.department)
        ).all()
        return ProgressAnswer(
            receipt_number=stored.receipt_number,
            case_number=case.case_number,
            item=case.item,
            state=CaseState(case.state),
            received_at=stored.received_at,
            owed_materials=tuple(owed),
            acceptance_number=case.acceptance_number,
            departments=tuple(
                DepartmentProgress(
                    department=line.department,
                    name=self._names.get(line.department),
                    items=tuple(line.items.split(" ")),
                    state=CaseState(line.state),
                    changed_at=line.changed_at,
                )
                for line in lines
            ),
        )


def _last4(number: str) -> str:
    return number[-4:].upper()
