"""Cases: what the departments do with an application, step by allowed step.

A case has one line for each department that takes part; a bundle has several. A department
moves its own line along `ALLOWED`; where the case as a whole stands follows from its lines.
Who sends something back, refuses or decides says why: `REASONS` has what can be said, and
`reason_of` what holds. Every move is in the audit trail, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final
from unicodedata import category

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from central_backend import audit
from central_backend.china import CHINA
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
from central_backend.words import WORDS
from kiosk.contract import (
    ApplicationDocument,
    CaseReason,
    CaseState,
    DepartmentProgress,
    ProblemCode,
    ProgressAnswer,
    ProgressQuestion,
    ReasonCode,
    Words,
)

ALLOWED: Final[Mapping[CaseState, tuple[CaseState, ...]]] = {
    CaseState.RECEIVED: (CaseState.ACCEPTED, CaseState.TO_BE_CORRECTED, CaseState.REFUSED),
    CaseState.TO_BE_CORRECTED: (CaseState.ACCEPTED, CaseState.REFUSED),
    CaseState.ACCEPTED: (CaseState.DECIDED, CaseState.TO_BE_CORRECTED),
    CaseState.REFUSED: (),
    CaseState.DECIDED: (),
}
REASONS: Final[Mapping[CaseState, tuple[ReasonCode, ...]]] = {
    CaseState.TO_BE_CORRECTED: (
        ReasonCode.PAPER_MISSING,
        ReasonCode.PAPER_UNREADABLE,
        ReasonCode.PAPER_EXPIRED,
        ReasonCode.PAPER_WRONG,
        ReasonCode.PAPERS_DIFFER,
        ReasonCode.DETAILS_WRONG,
        ReasonCode.SIGNATURE_WRONG,
        ReasonCode.OTHER,
    ),
    CaseState.REFUSED: (
        ReasonCode.CONDITIONS_NOT_MET,
        ReasonCode.NOT_HERE,
        ReasonCode.DONE_ALREADY,
        ReasonCode.TOO_LATE,
        ReasonCode.NOT_CORRECTED,
        ReasonCode.WITHDRAWN,
        ReasonCode.OTHER,
    ),
    CaseState.DECIDED: (ReasonCode.GRANTED, ReasonCode.PARTLY, ReasonCode.DENIED),
}
_OWN_WORDS_NEEDED: Final = frozenset({ReasonCode.OTHER, ReasonCode.PARTLY, ReasonCode.DENIED})
NOTE_MOST: Final = 300  # characters: it is read standing, in large letters
UNTIL_MOST: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Why:
    """What a department says when it moves its line, for the resident to read.

    `note` is its own words; `bring` are ids of the case's materials, `until` is the last day.
    """

    reason: ReasonCode | None = None
    note: str = field(default="", repr=False)
    bring: tuple[str, ...] = ()
    until: date | None = None


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
        self,
        case_number: str,
        department: str,
        to: CaseState,
        *,
        actor: str,
        why: Why = Why(),
    ) -> None:
        """Move a department's line. Raises NotAllowed, LookupError for no such line."""
        now = self._now().astimezone(UTC)
        why = _checked(to, why, now.astimezone(CHINA).date())
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
            if why.reason is not None or why.note:
                _note(session, line, why, actor, now)
                detail |= _traced(why)
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
                    reason=_told(reason_of(session, line)),
                )
                for line in lines
            ),
        )


def reason_of(session: Session, line: CaseLine) -> CaseNote | None:
    """Why `line` stands where it does; None where nothing was said, or its time is over."""
    last = session.scalars(
        select(CaseNote)
        .where(CaseNote.case_number == line.case_number)
        .where(CaseNote.department == line.department)
        .order_by(CaseNote.id.desc())
        .limit(1)
    ).first()
    return last if last is not None and last.reason and last.state == line.state else None


def _checked(to: CaseState, why: Why, today: date) -> Why:
    """What may be said at a move to `to`, as it is kept. Raises NotAllowed."""
    note = why.note.strip().replace("\r\n", "\n")
    note = "".join(sign for sign in note if category(sign) != "Cc" or sign == "\n")
    if len(note) > NOTE_MOST:
        raise NotAllowed("note-too-long")
    said = REASONS.get(to, ())
    if not (why.reason in said if said else why.reason is None):
        raise NotAllowed("reason-needed")
    if why.reason in _OWN_WORDS_NEEDED and not note:
        raise NotAllowed("note-needed")
    if to is not CaseState.TO_BE_CORRECTED:
        return Why(why.reason, note)
    if why.until is None:
        raise NotAllowed("until-needed")
    if not today <= why.until <= today + UNTIL_MOST:
        raise NotAllowed("until-wrong")
    return Why(why.reason, note, why.bring, why.until)


def _note(session: Session, line: CaseLine, why: Why, actor: str, at: datetime) -> None:
    """Keep why `line`, which has moved already, stands where it does. Raises NotAllowed."""
    known = session.scalars(
        select(CaseMaterial.material).where(CaseMaterial.case_number == line.case_number)
    ).all()
    if not set(why.bring) <= set(known):
        raise NotAllowed("bring-unknown")
    session.add(
        CaseNote(
            case_number=line.case_number,
            at=at,
            author=actor,
            text=why.note,
            department=line.department,
            state=line.state,
            reason=why.reason.value if why.reason is not None else "",
            bring=" ".join(why.bring),
            until=why.until.isoformat() if why.until is not None else "",
        )
    )


def _traced(why: Why) -> dict[str, str | int]:
    """What the trail tells of it: nothing personal."""
    told: dict[str, str | int] = {"note": "yes"} if why.note else {}
    if why.reason is not None:
        told["reason"] = why.reason.value
    if why.bring:
        told["bring"] = " ".join(why.bring)
    if why.until is not None:
        told["until"] = why.until.isoformat()
    return told


def _told(note: CaseNote | None) -> CaseReason | None:
    if note is None:
        return None
    zh, en = WORDS[f"reason.{note.reason}"]
    return CaseReason(
        code=ReasonCode(note.reason),
        words=Words(zh=zh, en=en),
        bring=tuple(note.bring.split()),
        until=date.fromisoformat(note.until) if note.until else None,
    )


def _last4(number: str) -> str:
    return number[-4:].upper()
