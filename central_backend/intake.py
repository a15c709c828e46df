"""Taking applications in, exactly once.

An id is bound to the digest of the first document that came under it, for good. The same
bytes again get the same acknowledgement again; other bytes under the same id are a
conflict and change nothing. Application, case, parties, materials and acknowledgement are
one transaction.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, NamedTuple

from pydantic import ValidationError
from sqlalchemy import Engine, delete, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from central_backend.database import (
    Case,
    CaseMaterial,
    CaseParty,
    StoredApplication,
    StoredPart,
    next_value,
)
from central_backend.faults import Refusal, refuse_invalid
from kiosk.contract import (
    Acknowledgement,
    ApplicationDocument,
    CaseState,
    PartReceipt,
    ProblemCode,
    ProgressAnswer,
    ProgressQuestion,
    canonical_bytes,
    digest,
)

PART_MOST_BYTES: Final = 32 * 1024 * 1024
DOCUMENT_MOST_BYTES: Final = 4 * 1024 * 1024
_PARTS_MOST: Final = 200


class Taken(NamedTuple):
    """An acknowledgement in its canonical bytes, and whether it is the first."""

    acknowledgement: bytes
    first: bool


class Intake:
    """Applications and their parts. Used by many threads; several workers may share a database."""

    def __init__(self, engine: Engine, *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now
        self._busy: set[str] = set()
        self._gate = threading.Lock()

    def put_part(
        self, application_id: str, part_id: str, media_type: str, data: bytes
    ) -> PartReceipt:
        """Keep a part. The same bytes again are fine.

        Other bytes under the same name replace it until the application is there; after
        that they are a conflict. Raises Refusal.
        """
        receipt = PartReceipt(
            id=part_id, sha256=digest(data), bytes=len(data), media_type=media_type
        )
        with (
            self._one_at_a_time(application_id),
            Session(self._engine) as session,
            session.begin(),
        ):
            self._lock_id(session, application_id)
            known = session.get(StoredPart, (application_id, part_id))
            if known is not None and known.sha256 == receipt.sha256:
                return _receipt(known)
            if session.get(StoredApplication, application_id) is not None:
                raise Refusal(409, ProblemCode.CONFLICT, "the application is closed")
            count = session.scalar(
                select(func.count())
                .select_from(StoredPart)
                .where(StoredPart.application_id == application_id)
            )
            if (count or 0) >= _PARTS_MOST:
                raise Refusal(413, ProblemCode.TOO_LARGE, "too many parts")
            session.merge(
                StoredPart(
                    application_id=application_id,
                    part_id=part_id,
                    sha256=receipt.sha256,
                    media_type=media_type,
                    size=len(data),
                    data=data,
                )
            )
        return receipt

    def parts(self, application_id: str) -> tuple[PartReceipt, ...]:
        """All parts that are there."""
        columns = (StoredPart.part_id, StoredPart.sha256, StoredPart.size, StoredPart.media_type)
        with Session(self._engine) as session:
            rows = session.execute(
                select(*columns)
                .where(StoredPart.application_id == application_id)
                .order_by(StoredPart.part_id)
            ).all()
        return tuple(
            PartReceipt(id=id_, sha256=sha256, bytes=size, media_type=kind)
            for id_, sha256, size, kind in rows
        )

    def take(self, key: str, body: bytes) -> Taken:
        """Take an application in, or say again what was said before. Raises Refusal."""
        found = digest(body)
        with self._one_at_a_time(key):
            said = self._said_before(key, found)
            if said is not None:
                return said
            document = _parse(key, body)
            try:
                return self._take_first(document, found, body)
            except IntegrityError:
                # Another worker was faster, or the receipt number is taken.
                said = self._said_before(key, found)
                if said is not None:
                    return said
                raise Refusal(
                    422, ProblemCode.NUMBER_TAKEN, "this receipt number has another application"
                ) from None

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
                    owed = session.scalars(
                        select(CaseMaterial.material)
                        .where(CaseMaterial.case_number == case.case_number)
                        .where(CaseMaterial.status == "pledged")
                        .order_by(CaseMaterial.id)
                    ).all()
                    return ProgressAnswer(
                        receipt_number=stored.receipt_number,
                        case_number=case.case_number,
                        item=case.item,
                        state=CaseState(case.state),
                        received_at=_aware(stored.received_at),
                        owed_materials=tuple(owed),
                    )
        raise Refusal(404, ProblemCode.NOT_FOUND, "no case for this number and these digits")

    # --- one transaction

    def _take_first(self, document: ApplicationDocument, found: str, body: bytes) -> Taken:
        with Session(self._engine) as session, session.begin():
            self._lock_id(session, document.application_id)
            _check_parts(session, document)
            sequence = next_value(session, "application")
            now = self._now().astimezone(UTC)
            case_number = f"{now:%Y%m%d}{sequence:08d}"
            acknowledgement = canonical_bytes(
                Acknowledgement(
                    application_id=document.application_id,
                    digest=found,
                    receipt_number=document.receipt_number,
                    case_number=case_number,
                    sequence=sequence,
                    received_at=now,
                )
            )
            session.add(
                StoredApplication(
                    id=document.application_id,
                    digest=found,
                    receipt_number=document.receipt_number,
                    sequence=sequence,
                    received_at=now,
                    document=body,
                    acknowledgement=acknowledgement,
                )
            )
            session.flush()
            session.add(
                Case(
                    case_number=case_number,
                    application_id=document.application_id,
                    item=document.item.code,
                    state=CaseState.RECEIVED.value,
                    opened_at=now,
                )
            )
            session.flush()
            _add_rows(session, case_number, document)
            _drop_strays(session, document)
        return Taken(acknowledgement, first=True)

    def _said_before(self, key: str, found: str) -> Taken | None:
        with Session(self._engine) as session:
            stored = session.get(StoredApplication, key)
            if stored is None:
                return None
            if stored.digest != found:
                raise Refusal(409, ProblemCode.CONFLICT, "this id is known with other bytes")
            return Taken(stored.acknowledgement, first=False)

    @contextmanager
    def _one_at_a_time(self, key: str) -> Iterator[None]:
        with self._gate:
            if key in self._busy:
                raise Refusal(409, ProblemCode.IN_PROGRESS, "this id is being taken right now")
            self._busy.add(key)
        try:
            yield
        finally:
            with self._gate:
                self._busy.discard(key)

    def _lock_id(self, session: Session, key: str) -> None:
        """The same between workers; SQLite's one writer needs no more."""
        if session.get_bind().dialect.name != "postgresql":
            return
        got = session.scalar(
            text("SELECT pg_try_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key}
        )
        if not got:
            raise Refusal(409, ProblemCode.IN_PROGRESS, "this id is being taken right now")


def _parse(key: str, body: bytes) -> ApplicationDocument:
    try:
        document = ApplicationDocument.model_validate_json(body)
    except ValidationError as error:
        raise refuse_invalid(error) from None
    if b"\\u0000" in body:
        raise Refusal(422, ProblemCode.INVALID, "no text holds a NUL character")
    if document.application_id != key:
        raise Refusal(422, ProblemCode.INVALID, "key and document name different ids")
    if canonical_bytes(document) != body:
        raise Refusal(422, ProblemCode.INVALID, "the document is not in its canonical spelling")
    return document


def _check_parts(session: Session, document: ApplicationDocument) -> None:
    there = {
        id_: (sha256, size)
        for id_, sha256, size in session.execute(
            select(StoredPart.part_id, StoredPart.sha256, StoredPart.size).where(
                StoredPart.application_id == document.application_id
            )
        )
    }
    missing = tuple(a.id for a in document.attachments() if there.get(a.id) != (a.sha256, a.bytes))
    if missing:
        raise Refusal(409, ProblemCode.PARTS_MISSING, "put these parts first", missing)


def _add_rows(session: Session, case_number: str, document: ApplicationDocument) -> None:
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


def _drop_strays(session: Session, document: ApplicationDocument) -> None:
    """Parts that the document does not name belong to nothing."""
    named = [attachment.id for attachment in document.attachments()]
    session.execute(
        delete(StoredPart)
        .where(StoredPart.application_id == document.application_id)
        .where(StoredPart.part_id.not_in(named))
    )


def _receipt(part: StoredPart) -> PartReceipt:
    return PartReceipt(
        id=part.part_id, sha256=part.sha256, bytes=part.size, media_type=part.media_type
    )


def _last4(number: str) -> str:
    return number[-4:].upper()


def _aware(moment: datetime) -> datetime:
    """SQLite gives naive UTC back."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
