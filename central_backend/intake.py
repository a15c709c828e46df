"""Taking sealed applications in, exactly once.

An id is bound to the digest of the first envelope that was filed under it, for good. The same
envelope again gets the same signed acknowledgement again; another one under the same id is a
conflict, changes nothing, and is shown to staff. Application, case, parties, materials, audit
entry and acknowledgement are one transaction. Parts that were put bind nothing: until the
application is filed they may be put anew.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, NamedTuple

from pydantic import ValidationError
from sqlalchemy import Engine, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from central_backend import chain, terminals
from central_backend.cases import Cases
from central_backend.china import day
from central_backend.database import (
    Case,
    Rejected,
    SameMatter,
    SealedPart,
    StoredApplication,
    StoredAttachment,
    StoredDocument,
    next_value,
)
from central_backend.faults import Refusal, refuse_invalid
from central_backend.flags import FlagKind, raise_flag
from central_backend.keyring import Keyring
from kiosk.contract import ApplicationDocument, ProblemCode, canonical_bytes
from kiosk.contract import digest as sha256
from kiosk.contract import envelope as wire
from kiosk.contract.sealing import envelope_digest, sign_acknowledgement, unseal
from kiosk.contract.suites import SealError, SealFault, Signer, SuiteId, suite_of

PART_MOST_BYTES: Final = 32 * 1024 * 1024
HANDOVER_MOST_BYTES: Final = 1024 * 1024


class Taken(NamedTuple):
    """A signed acknowledgement in its canonical bytes, and whether it is the first."""

    acknowledgement: bytes
    first: bool


class _Opened(NamedTuple):
    """What was inside."""

    document: ApplicationDocument
    body: bytes
    attachments: tuple[bytes, ...]


class _Unreadable(Exception):
    """Why it is no application; the code is for staff and says nothing of the content."""


class NotYet(Exception):
    """Whole and kept, but the key is not at hand: ask again."""


class Intake:
    """Applications and their parts. Used by many threads; several workers may share a database."""

    def __init__(
        self, engine: Engine, keyring: Keyring, cases: Cases, *, now: Callable[[], datetime]
    ) -> None:
        self._engine = engine
        self._keyring = keyring
        self._cases = cases
        self._now = now
        self._busy: set[str] = set()
        self._gate = threading.Lock()

    def put_part(
        self, application_id: str, ordinal: int, suite: str, data: bytes
    ) -> tuple[wire.SealedPart, bool]:
        """Keep a sealed part; whether it is new. Raises Refusal.

        Other bytes at the same place replace it until the application is filed; after that
        they are a conflict.
        """
        try:
            digest = suite_of(suite).hasher.digest(data)
        except SealError as error:
            raise Refusal(422, ProblemCode.INVALID, str(error), ("X-Suite",)) from None
        receipt = wire.SealedPart(ordinal=ordinal, size=len(data), digest=digest)
        with self._one_at_a_time(application_id), self._transaction() as session:
            self._lock_id(session, application_id)
            known = session.execute(
                select(SealedPart.digest, SealedPart.size).where(
                    SealedPart.application_id == application_id, SealedPart.ordinal == ordinal
                )
            ).first()
            if known is not None and known == (receipt.digest, receipt.size):
                return receipt, False
            if session.get(StoredApplication, application_id) is not None:
                raise Refusal(409, ProblemCode.CONFLICT, "the application is closed")
            session.merge(
                SealedPart(
                    application_id=application_id,
                    ordinal=ordinal,
                    digest=receipt.digest,
                    size=receipt.size,
                    put_at=self._now(),
                    data=data,
                )
            )
        return receipt, known is None

    def parts(self, application_id: str) -> wire.SealedPartList:
        """All parts that are there."""
        with Session(self._engine) as session:
            return wire.SealedPartList(parts=_listed(session, application_id))

    def take(self, key: str, body: bytes, allowed: Callable[[str], None] | None = None) -> Taken:
        """Take an application in, or say again what was said before. Raises Refusal, NotYet.

        `allowed` raises Refusal for a terminal for which whoever brings this may not speak.
        """
        handover = _parse(key, body)
        if allowed is not None:
            allowed(handover.envelope.header.terminal)
        digest = envelope_digest(handover.envelope)
        with self._one_at_a_time(key):
            said = self._said_before(handover, digest)
            if said is not None:
                return said
            try:
                sealed = self._sealed(handover.envelope)
            except Refusal:
                # Another worker may have filed it since, and its parts went with that.
                said = self._said_before(handover, digest)
                if said is None:
                    raise
                return said
            try:
                opened = self._open(handover.envelope, sealed)
            except _Unreadable as error:
                self._keep_rejected(handover, digest, body, FlagKind.UNREADABLE, str(error))
                message = "it cannot be read"
                raise Refusal(422, ProblemCode.UNREADABLE, message, (str(error),)) from None
            try:
                return self._file(handover, digest, opened)
            except IntegrityError:
                # Another worker was faster, or the receipt number is taken.
                said = self._said_before(handover, digest)
                if said is not None:
                    return said
                if not self._number_taken(handover.envelope.header.receipt_number):
                    raise
                self._keep_rejected(handover, digest, body, FlagKind.NUMBER_TAKEN, "number-taken")
                raise Refusal(
                    422, ProblemCode.NUMBER_TAKEN, "this receipt number has another application"
                ) from None

    # --- steps

    def _said_before(self, handover: wire.Handover, digest: str) -> Taken | None:
        header = handover.envelope.header
        with Session(self._engine) as session:
            stored = session.get(StoredApplication, header.application_id)
        if stored is None:
            return None
        if stored.digest == digest:
            return Taken(stored.acknowledgement, first=False)
        with self._transaction() as session:
            raise_flag(
                session,
                FlagKind.CONFLICT,
                at=self._now(),
                application_id=header.application_id,
                terminal=header.terminal,
                detail=f"came-again:{digest[:16]}",
            )
        raise Refusal(409, ProblemCode.CONFLICT, "this id is known with other bytes")

    def _sealed(self, envelope: wire.Envelope) -> list[bytes]:
        """The parts' bytes, in order. Raises Refusal that lists what is missing."""
        with Session(self._engine) as session:
            rows = session.execute(
                select(SealedPart.ordinal, SealedPart.digest, SealedPart.data).where(
                    SealedPart.application_id == envelope.header.application_id
                )
            )
            there = {
                ordinal: data for ordinal, digest, data in rows if _is(envelope, ordinal, digest)
            }
        parts = [there.get(part.ordinal) for part in envelope.parts]
        missing = tuple(str(ordinal) for ordinal, data in enumerate(parts) if data is None)
        if missing:
            raise Refusal(409, ProblemCode.INCOMPLETE, "put these parts first", missing)
        return [data for data in parts if data is not None]

    def _open(self, envelope: wire.Envelope, sealed: list[bytes]) -> _Opened:
        header = envelope.header
        try:
            plain = unseal(self._keyring.unsealer(header.suite, header.key_id), envelope, sealed)
        except SealError as error:
            if error.fault is SealFault.UNKNOWN_KEY and self._keyring.published(header.key_id):
                raise self._not_yet(f"none-to-open:{header.key_id}") from None
            raise _Unreadable(error.code) from None
        return _read(header, plain)

    def _file(self, handover: wire.Handover, digest: str, opened: _Opened) -> Taken:
        header = handover.envelope.header
        signer = self._signer(header.suite)
        with self._transaction() as session:
            self._lock_id(session, header.application_id)
            sequence = next_value(session, "application")
            now = self._now().astimezone(UTC)
            case_number = f"{now:%Y%m%d}{sequence:08d}"
            acknowledgement = canonical_bytes(
                sign_acknowledgement(
                    signer,
                    wire.AcknowledgementText(
                        suite=signer.suite,
                        key_id=signer.key_id,
                        application_id=header.application_id,
                        digest=digest,
                        receipt_number=header.receipt_number,
                        case_number=case_number,
                        sequence=sequence,
                        received_at=now,
                    ),
                )
            )
            session.add(
                StoredApplication(
                    id=header.application_id,
                    digest=digest,
                    suite=header.suite.value,
                    key_id=header.key_id,
                    receipt_number=header.receipt_number,
                    terminal=header.terminal,
                    sequence=sequence,
                    received_at=now,
                    acknowledgement=acknowledgement,
                )
            )
            session.flush()
            self._add_content(session, opened)
            self._look_for_the_same(session, opened.document, now)
            chain.record(
                session,
                handover.chain,
                terminal=header.terminal,
                application_id=header.application_id,
                digest=digest,
                at=now,
            )
            terminals.seen_application(session, header.terminal, now)
            # Last, for it counts the trail: see `central_backend.audit`.
            self._cases.open(session, case_number, opened.document, now)
        return Taken(acknowledgement, first=True)

    def _add_content(self, session: Session, opened: _Opened) -> None:
        id_ = opened.document.application_id
        session.add(StoredDocument(application_id=id_, data=opened.body))
        told = opened.document.attachments()
        for attachment, data in zip(told, opened.attachments, strict=True):
            session.add(
                StoredAttachment(
                    application_id=id_,
                    part_id=attachment.id,
                    sha256=attachment.sha256,
                    media_type=attachment.media_type,
                    size=len(data),
                    data=data,
                )
            )
        # The digests stay, so that a repeated part is known; the bytes have been opened.
        session.execute(
            update(SealedPart).where(SealedPart.application_id == id_).values(data=None)
        )

    def _look_for_the_same(
        self, session: Session, document: ApplicationDocument, now: datetime
    ) -> None:
        """Flag the same party, item and day under another id: one of the two may be a mistake."""
        party = next((p for p in document.parties if p.role == "applicant"), document.parties[0])
        if not party.number:
            return
        when = document.created.at if document.created.clock_trusted else now
        mark = self._keyring.mark(
            "|".join(
                (
                    party.document_kind.value,
                    party.number.upper(),
                    document.item.code,
                    day(when),
                )
            )
        )
        others = session.scalars(
            select(Case.case_number)
            .join(SameMatter, SameMatter.application_id == Case.application_id)
            .where(SameMatter.mark == mark)
            .order_by(Case.case_number)
        ).all()
        session.add(SameMatter(application_id=document.application_id, mark=mark))
        if others:
            raise_flag(
                session,
                FlagKind.DUPLICATE,
                at=now,
                application_id=document.application_id,
                terminal=document.terminal.code,
                detail=f"same-matter:{others[0]}",
            )

    def _keep_rejected(
        self, handover: wire.Handover, digest: str, body: bytes, kind: FlagKind, code: str
    ) -> None:
        header, now = handover.envelope.header, self._now()
        with self._transaction() as session:
            session.merge(
                Rejected(
                    application_id=header.application_id,
                    digest=digest,
                    code=code,
                    terminal=header.terminal,
                    at=now,
                    body=body,
                )
            )
            raise_flag(
                session,
                kind,
                at=now,
                application_id=header.application_id,
                terminal=header.terminal,
                detail=code,
            )
            chain.record(
                session,
                handover.chain,
                terminal=header.terminal,
                application_id=header.application_id,
                digest=digest,
                at=now,
            )

    def _signer(self, suite: SuiteId) -> Signer:
        try:
            return self._keyring.signer(suite)
        except SealError:
            raise self._not_yet(f"none-to-sign:{suite.value}") from None

    def _not_yet(self, missing: str) -> NotYet:
        """Tell the operators which key is missing; what to raise."""
        with self._transaction() as session:
            raise_flag(session, FlagKind.KEY_MISSING, at=self._now(), detail=missing)
        return NotYet()

    def _number_taken(self, receipt_number: str) -> bool:
        taken = select(StoredApplication.id).where(
            StoredApplication.receipt_number == receipt_number
        )
        with Session(self._engine) as session:
            return session.scalar(taken) is not None

    # --- one at a time

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        with Session(self._engine) as session, session.begin():
            yield session

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


def _parse(key: str, body: bytes) -> wire.Handover:
    try:
        handover = wire.Handover.model_validate_json(body)
    except ValidationError as error:
        raise refuse_invalid(error) from None
    if handover.envelope.header.application_id != key:
        raise Refusal(422, ProblemCode.INVALID, "key and envelope name different ids")
    if canonical_bytes(handover) != body:
        raise Refusal(422, ProblemCode.INVALID, "the body is not in its canonical spelling")
    return handover


def _is(envelope: wire.Envelope, ordinal: int, digest: str) -> bool:
    return ordinal < len(envelope.parts) and envelope.parts[ordinal].digest == digest


def _listed(session: Session, application_id: str) -> tuple[wire.SealedPart, ...]:
    rows = session.execute(
        select(SealedPart.ordinal, SealedPart.size, SealedPart.digest)
        .where(SealedPart.application_id == application_id)
        .order_by(SealedPart.ordinal)
    )
    return tuple(wire.SealedPart(ordinal=o, size=size, digest=d) for o, size, d in rows)


def _read(header: wire.Header, plain: tuple[bytes, ...]) -> _Opened:
    body, *attachments = plain
    try:
        document = ApplicationDocument.model_validate_json(body)
    except ValidationError:
        raise _Unreadable("document-invalid") from None
    # PostgreSQL keeps no NUL in a text.
    if canonical_bytes(document) != body or b"\\u0000" in body:
        raise _Unreadable("document-spelling")
    outside = (header.application_id, header.receipt_number, header.terminal)
    if (document.application_id, document.receipt_number, document.terminal.code) != outside:
        raise _Unreadable("document-of-another-envelope")
    told = [(a.sha256, a.bytes) for a in document.attachments()]
    if told != [(sha256(data), len(data)) for data in attachments]:
        raise _Unreadable("attachments-differ")
    if len({a.id for a in document.attachments()}) != len(attachments):
        raise _Unreadable("attachments-named-twice")
    return _Opened(document, body, tuple(attachments))
