"""Certificates and queries: the same request always gets the same answer.

An answer is kept under its request id, so a terminal that lost it on the line asks again
and does not cause a second certificate. A certificate can be checked by number and code;
the check tells that it is genuine and never about whom it speaks.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from central_backend.chance import line, table
from central_backend.china import CHINA
from central_backend.database import Certificate, GivenAnswer, next_value
from central_backend.faults import Refusal
from central_backend.own_cases import own_cases
from central_backend.paper import CertificateSheet, certificate_pdf
from central_backend.samples import find
from central_backend.sheets import Sheet, chosen, sheet_of
from central_backend.words import WORDS
from kiosk.contract import (
    CentralQuestion,
    CertificateAnswer,
    CertificateCheck,
    NothingFound,
    ProblemCode,
    QuestionParty,
    RecordKind,
    RecordsAnswer,
    RecordTable,
    Words,
    canonical_bytes,
    digest,
)

# No characters that look alike on paper.
_CODE_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_CODE_LENGTH: Final = 10
_NOTHING: Final = Words(
    zh="没有查到与您有关的登记信息。", en="Nothing is registered about you here."
)
_NO_CASES: Final = Words(zh="您名下没有办件。", en="You have not handed anything in.")


class Registers:
    """Answers about one person's records."""

    def __init__(
        self,
        engine: Engine,
        *,
        now: Callable[[], datetime],
        departments: Mapping[str, Words] | None = None,
    ) -> None:
        self._engine = engine
        self._now = now
        self._departments = departments or {}  # what they are called, for progress

    def certify(self, question: CentralQuestion, public_url: str) -> bytes:
        """A `CertificateAnswer` or `NothingFound`, canonical. Raises Refusal."""
        return self._once(
            "certificate", question, lambda session: self._certify(session, question, public_url)
        )

    def query(self, question: CentralQuestion) -> bytes:
        """A `RecordsAnswer` or `NothingFound`, canonical. Raises Refusal."""
        return self._once("query", question, lambda session: self._query(session, question))

    def check(self, certificate_no: str, code: str) -> CertificateCheck:
        """Whether number and code belong to a certificate of ours."""
        with Session(self._engine) as session:
            known = session.get(Certificate, certificate_no)
        told = code.strip().upper().encode()
        right = known is not None and hmac.compare_digest(known.verify_code.encode(), told)
        if known is None or not right:
            return CertificateCheck(certificate_no=certificate_no, genuine=False)
        return CertificateCheck(
            certificate_no=certificate_no,
            genuine=True,
            title=Words(zh=known.title_zh, en=known.title_en),
            masked_name=known.masked_name,
            issued_at=known.issued_at,
        )

    def _once(
        self, door: str, question: CentralQuestion, make: Callable[[Session], bytes]
    ) -> bytes:
        asked = digest(door.encode() + canonical_bytes(question))
        said = self._said_before(question.request_id, asked)
        if said is not None:
            return said
        try:
            with Session(self._engine) as session, session.begin():
                answer = make(session)
                session.add(
                    GivenAnswer(
                        request_id=question.request_id,
                        question_digest=asked,
                        at=self._now(),
                        answer=answer,
                    )
                )
        except IntegrityError:
            said = self._said_before(question.request_id, asked)
            if said is None:
                raise
            return said
        return answer

    def _said_before(self, request_id: str, asked: str) -> bytes | None:
        with Session(self._engine) as session:
            given = session.get(GivenAnswer, request_id)
        if given is None:
            return None
        if given.question_digest != asked:
            raise Refusal(409, ProblemCode.CONFLICT, "this request id asked something else")
        return given.answer

    def _certify(self, session: Session, question: CentralQuestion, public_url: str) -> bytes:
        now = self._now().astimezone(CHINA)
        sheet, shown = self._look(session, question, now)
        if not shown:
            return _nothing(question, now)
        tables = (_holder(question.party), *shown)
        number = f"S{now:%Y%m%d}{next_value(session, 'certificate'):06d}"
        code = "".join(secrets.choice(_CODE_LETTERS) for _ in range(_CODE_LENGTH))
        url = f"{public_url.rstrip('/')}/v1/certificates/{number}/verify?code={code}"
        session.add(
            Certificate(
                certificate_no=number,
                verify_code=code,
                title_zh=sheet.title.zh,
                title_en=sheet.title.en,
                masked_name=_masked(question.party.name),
                issued_at=now.astimezone(UTC),
            )
        )
        pdf = certificate_pdf(
            CertificateSheet(sheet.title, number, code, url, f"{now:%Y-%m-%d}", tables)
        )
        return canonical_bytes(
            CertificateAnswer(
                request_id=question.request_id,
                certificate_no=number,
                verify_code=code,
                verify_url=url,
                issued_at=now,
                title=sheet.title,
                lines=tuple(row for one in tables for row in one.rows),
                pdf=base64.b64encode(pdf).decode("ascii"),
                sample=True,
            )
        )

    def _query(self, session: Session, question: CentralQuestion) -> bytes:
        now = self._now().astimezone(CHINA)
        _sheet, shown = self._look(session, question, now)
        if not shown:
            return _nothing(question, now)
        return canonical_bytes(
            RecordsAnswer(
                request_id=question.request_id,
                records=shown,
                as_of=now,
                sample=question.record is not RecordKind.CASES,  # those are real
            )
        )

    def _look(
        self, session: Session, question: CentralQuestion, now: datetime
    ) -> tuple[Sheet, tuple[RecordTable, ...]]:
        """What the item is called, and what it shows about this person."""
        sheet = sheet_of(question.item, question.record)
        if question.record is RecordKind.CASES:
            found = own_cases(session, question.party, self._departments, now.date())
        else:
            found = find(question.record, question.party.number, now.date())
        return sheet, chosen(sheet, found)


def _nothing(question: CentralQuestion, now: datetime) -> bytes:
    cases = question.record is RecordKind.CASES
    return canonical_bytes(
        NothingFound(
            request_id=question.request_id,
            message=_NO_CASES if cases else _NOTHING,
            as_of=now,
            sample=not cases,
        )
    )


def _holder(party: QuestionParty) -> RecordTable:
    """Whom a certificate is about."""
    return table(
        "本人",
        "Holder",
        line("姓名", "Name", party.name),
        line("证件", "Document", WORDS[f"kind.{party.document_kind.value}"]),
        line("证件号码", "Document number", party.number),
    )


def _masked(name: str) -> str:
    return name[:1] + "*" * max(1, len(name) - 1)
