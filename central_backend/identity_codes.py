"""Codes that stand for a person for a minute, once: shown by an app, asked about by a terminal.

A code is worth something for `LIVES` and to the first who asks; who asks again under the same
request id gets the same answer, for its first may have been lost on the line. Only hashes of
codes are kept, and who they stand for goes with the next question after their time, at the
latest with the nightly purge. In the place of
`IdentityCodes.make` stands the province's app; the codes made here are samples.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine, delete, update
from sqlalchemy.orm import Session

from central_backend.database import IdentityCode
from kiosk.contract import CodeAnswer, CodeQuestion, CodeState, QuestionParty, canonical_bytes

LIVES: Final = timedelta(seconds=60)
MARK: Final = "YBM1:"
_LENGTH: Final = 26  # of base 32: 130 bits
_REMEMBERED: Final = timedelta(days=1)  # so long it is said that a code is over, then unknown


class IdentityCodes:
    """All codes; safe to ask from any worker."""

    def __init__(self, engine: Engine, *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now

    def make(self, party: QuestionParty) -> str:
        """A fresh code for somebody whom the app has logged in."""
        code = MARK + base64.b32encode(secrets.token_bytes(20)).decode()[:_LENGTH]
        now = self._now()
        with Session(self._engine) as session, session.begin():
            _forget(session, now)
            session.add(
                IdentityCode(
                    code_hash=_hash(code),
                    party=canonical_bytes(party).decode(),
                    expires_at=now + LIVES,
                    used_by="",
                )
            )
        return code

    def forget(self) -> None:
        """Name nobody whose minute is over; each question does so too, if one comes."""
        with Session(self._engine) as session, session.begin():
            _forget(session, self._now())

    def ask(self, question: CodeQuestion) -> CodeAnswer:
        """Who showed it. Of any number who ask at once, one is told."""
        now = self._now()
        asked = _hash(question.code)
        with Session(self._engine) as session, session.begin():
            _forget(session, now)
            session.execute(
                update(IdentityCode)
                .where(IdentityCode.code_hash == asked)
                .where(IdentityCode.used_by == "")
                .where(IdentityCode.expires_at > now)
                .values(used_by=question.request_id)
            )
            row = session.get(IdentityCode, asked)
            state = _state(row, question.request_id)
            party = None
            if row is not None and state is CodeState.GOOD:
                party = QuestionParty.model_validate_json(row.party)
        return CodeAnswer(request_id=question.request_id, state=state, party=party, sample=True)


def _state(row: IdentityCode | None, request_id: str) -> CodeState:
    if row is None:
        return CodeState.UNKNOWN
    if row.used_by not in ("", request_id):
        return CodeState.USED
    return CodeState.GOOD if row.party else CodeState.EXPIRED


def _forget(session: Session, now: datetime) -> None:
    """Nobody is named once the minute is over."""
    session.execute(
        update(IdentityCode)
        .where(IdentityCode.expires_at <= now)
        .where(IdentityCode.party != "")
        .values(party="")
    )
    session.execute(delete(IdentityCode).where(IdentityCode.expires_at <= now - _REMEMBERED))


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
