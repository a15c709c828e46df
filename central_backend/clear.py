"""The door for unsealed applications; it goes when terminals seal."""

from __future__ import annotations

from datetime import UTC

from pydantic import ValidationError
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from central_backend.database import (
    StoredApplication,
    StoredAttachment,
    StoredDocument,
    next_value,
)
from central_backend.faults import Refusal, refuse_invalid
from central_backend.intake import Intake, Taken
from kiosk.contract import (
    Acknowledgement,
    ApplicationDocument,
    PartReceipt,
    ProblemCode,
    canonical_bytes,
    digest,
)


class ClearIntake(Intake):
    """As `Intake`, of documents and parts that anybody can read."""

    def put_clear(
        self, application_id: str, part_id: str, media_type: str, data: bytes
    ) -> PartReceipt:
        """Keep a part."""
        receipt = PartReceipt(
            id=part_id, sha256=digest(data), bytes=len(data), media_type=media_type
        )
        with self._one_at_a_time(application_id), self._transaction() as session:
            self._lock_id(session, application_id)
            known = session.get(StoredAttachment, (application_id, part_id))
            if known is not None and known.sha256 == receipt.sha256:
                return receipt
            if session.get(StoredApplication, application_id) is not None:
                raise Refusal(409, ProblemCode.CONFLICT, "the application is closed")
            session.merge(
                StoredAttachment(
                    application_id=application_id,
                    part_id=part_id,
                    sha256=receipt.sha256,
                    media_type=media_type,
                    size=len(data),
                    data=data,
                )
            )
        return receipt

    def clear_parts(self, application_id: str) -> tuple[PartReceipt, ...]:
        """All parts that are there."""
        with Session(self._engine) as session:
            rows = session.scalars(
                select(StoredAttachment)
                .where(StoredAttachment.application_id == application_id)
                .order_by(StoredAttachment.part_id)
            ).all()
        return tuple(
            PartReceipt(id=r.part_id, sha256=r.sha256, bytes=r.size, media_type=r.media_type)
            for r in rows
        )

    def take_clear(self, key: str, body: bytes) -> Taken:
        """Take a document in."""
        found = digest(body)
        with self._one_at_a_time(key):
            said = self._clear_before(key, found)
            if said is not None:
                return said
            document = _clear(key, body)
            try:
                return self._file_clear(document, found, body)
            except IntegrityError:
                said = self._clear_before(key, found)
                if said is not None:
                    return said
                raise Refusal(
                    422, ProblemCode.NUMBER_TAKEN, "this receipt number has another application"
                ) from None

    def _clear_before(self, key: str, found: str) -> Taken | None:
        with Session(self._engine) as session:
            stored = session.get(StoredApplication, key)
        if stored is None:
            return None
        if stored.digest != found:
            raise Refusal(409, ProblemCode.CONFLICT, "this id is known with other bytes")
        return Taken(stored.acknowledgement, first=False)

    def _file_clear(self, document: ApplicationDocument, found: str, body: bytes) -> Taken:
        id_ = document.application_id
        with self._transaction() as session:
            self._lock_id(session, id_)
            rows = session.execute(
                select(
                    StoredAttachment.part_id, StoredAttachment.sha256, StoredAttachment.size
                ).where(StoredAttachment.application_id == id_)
            )
            there = {part: (sha256, size) for part, sha256, size in rows}
            told = document.attachments()
            missing = tuple(a.id for a in told if there.get(a.id) != (a.sha256, a.bytes))
            if missing:
                raise Refusal(409, ProblemCode.PARTS_MISSING, "put these parts first", missing)
            sequence = next_value(session, "application")
            now = self._now().astimezone(UTC)
            case_number = f"{now:%Y%m%d}{sequence:08d}"
            acknowledgement = canonical_bytes(
                Acknowledgement(
                    application_id=id_,
                    digest=found,
                    receipt_number=document.receipt_number,
                    case_number=case_number,
                    sequence=sequence,
                    received_at=now,
                )
            )
            session.add(
                StoredApplication(
                    id=id_,
                    digest=found,
                    suite="",
                    key_id="",
                    receipt_number=document.receipt_number,
                    terminal=document.terminal.code,
                    sequence=sequence,
                    received_at=now,
                    acknowledgement=acknowledgement,
                )
            )
            session.flush()
            session.add(StoredDocument(application_id=id_, data=body))
            session.execute(
                delete(StoredAttachment)
                .where(StoredAttachment.application_id == id_)
                .where(StoredAttachment.part_id.not_in([a.id for a in told]))
            )
            self._look_for_the_same(session, document, now)
            self._cases.open(session, case_number, document, now)
        return Taken(acknowledgement, first=True)


def _clear(key: str, body: bytes) -> ApplicationDocument:
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
