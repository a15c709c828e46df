"""Certificates and queries: the same request always gets the same answer.

An answer is kept under its request id, so a terminal that lost it on the line asks again
and does not cause a second certificate. A certificate can be checked by number and code;
the check tells that it is genuine and never about whom it speaks.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from central_backend.database import Certificate, GivenAnswer, next_value
from central_backend.faults import Refusal
from central_backend.paper import CertificateSheet, certificate_pdf
from central_backend.samples import find
from kiosk.contract import (
    CentralQuestion,
    CertificateAnswer,
    CertificateCheck,
    NothingFound,
    ProblemCode,
    RecordsAnswer,
    Words,
    canonical_bytes,
    digest,
)

# No characters that look alike on paper.
_CODE_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_CODE_LENGTH: Final = 10
_CHINA: Final = timezone(timedelta(hours=8))
_NOTHING: Final = Words(
    zh="没有查到与您有关的登记信息。", en="Nothing is registered about you here."
)


class Registers:
    """Answers about one person's records."""

    def __init__(self, engine: Engine, *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now

    def certify(self, question: CentralQuestion, public_url: str) -> bytes:
        """A `CertificateAnswer` or `NothingFound`, canonical. Raises Refusal."""
        return self._once(
            "certificate", question, lambda session: self._certify(session, question, public_url)
        )

    def query(self, question: CentralQuestion) -> bytes:
        """A `RecordsAnswer` or `NothingFound`, canonical. Raises Refusal."""
        return self._once("query", question, lambda _: self._query(question))

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
        now = self._now().astimezone(_CHINA)
        found = find(question.record, question.party, now.date())
        if not found.tables:
            return _nothing(question, now)
        number = f"S{now:%Y%m%d}{next_value(session, 'certificate'):06d}"
        code = "".join(secrets.choice(_CODE_LETTERS) for _ in range(_CODE_LENGTH))
        url = f"{public_url.rstrip('/')}/v1/certificates/{number}/verify?code={code}"
        lines = tuple(line for table in found.tables for line in table.rows)
        session.add(
            Certificate(
                certificate_no=number,
                verify_code=code,
                title_zh=found.title.zh,
                title_en=found.title.en,
                masked_name=_masked(question.party.name),
                issued_at=now.astimezone(UTC),
            )
        )
        pdf = certificate_pdf(
            CertificateSheet(found.title, number, code, url, f"{now:%Y-%m-%d}", lines)
        )
        return canonical_bytes(
            CertificateAnswer(
                request_id=question.request_id,
                certificate_no=number,
                verify_code=code,
                verify_url=url,
                issued_at=now,
                title=found.title,
                lines=lines,
                pdf=base64.b64encode(pdf).decode("ascii"),
                sample=True,
            )
        )

    def _query(self, question: CentralQuestion) -> bytes:
        now = self._now().astimezone(_CHINA)
        found = find(question.record, question.party, now.date())
        if not found.tables:
            return _nothing(question, now)
        return canonical_bytes(
            RecordsAnswer(
                request_id=question.request_id, records=found.tables, as_of=now, sample=True
            )
        )


def _nothing(question: CentralQuestion, now: datetime) -> bytes:
    return canonical_bytes(
        NothingFound(request_id=question.request_id, message=_NOTHING, as_of=now, sample=True)
    )


def _masked(name: str) -> str:
    return name[:1] + "*" * max(1, len(name) - 1)
