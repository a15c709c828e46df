"""Carries out AskCentral and AskWhose: certificates, records, codes, while the resident waits.

Every question ends in one answer or one code, however the backend behaves: NW-01 for a line
that is down (and a backend that is), NW-02 for what is no answer, NW-03 for a refusal.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from pydantic import ValidationError

from kiosk.contract import (
    IDENTITY_CODE,
    CentralQuestion,
    CertificateAnswer,
    CodeAnswer,
    CodeQuestion,
    CodeState,
    DocumentKind,
    Line,
    NothingFound,
    QuestionParty,
    RecordKind,
    RecordsAnswer,
    central_answer,
)
from kiosk.identity.papers import PaperKind
from kiosk.journey.effects import AskCentral, AskWhose
from kiosk.journey.events import CentralAnswered, CentralFailed, CodeOwner, CodeRefused, Event
from kiosk.logs import note
from kiosk.receipts.raster import RasterError, render_png
from kiosk.wire import DOCUMENT_KINDS
from offline_queue.answers import Trouble
from offline_queue.wire import TOO_LONG, Wire, WireSettings

LINE_DOWN: Final = "NW-01"
NONSENSE: Final = "NW-02"
REFUSED: Final = "NW-03"
NO_CODE: Final = "ID-07"
_CODE_STATES: Final[Mapping[CodeState, str]] = {
    CodeState.EXPIRED: "ID-08",
    CodeState.USED: "ID-09",
    CodeState.UNKNOWN: NO_CODE,
}
# By which paper the backend may name who showed a code.
_NAMED_BY: Final[Mapping[DocumentKind, PaperKind]] = {
    DocumentKind.RESIDENT_ID: PaperKind.RESIDENT,
    DocumentKind.PERMIT: PaperKind.PERMIT,
    DocumentKind.FOREIGN_PERMANENT: PaperKind.FOREIGN_2023,
    DocumentKind.PASSPORT: PaperKind.PASSPORT,
}
_MOST_BYTES: Final = 8_000_000
_NOT_NOW: Final = frozenset({408, 425, 429})
_SCREEN_DPI: Final = 110
_MOST_PAGES: Final = 8  # of a certificate on the screen; all are printed


class _NoAnswer(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Asking:
    """Questions to the backend, one at a time, each on the asking thread."""

    def __init__(
        self,
        url: str,
        terminal: str,
        reply: Callable[[Event], None],
        *,
        connect_s: float,
        answer_s: float,
        verify: bool | str = True,
        certificate: tuple[str, str] | None = None,
    ) -> None:
        """`verify` and `certificate` as in `WireSettings`."""
        self._terminal = terminal
        self._reply = reply
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="asking")
        self._wire = Wire(
            WireSettings(
                url,
                connect_timeout_s=connect_s,
                read_timeout_s=answer_s,
                total_timeout_s=connect_s + answer_s,
                user_agent="asking/1",
                answer_most_bytes=_MOST_BYTES,
                verify=verify,
                certificate=certificate,
            )
        )
        self._asked: Future[CentralAnswered] | Future[CodeOwner] | None = None

    def ask(self, effect: AskCentral, visit: int) -> None:
        """Ask; answers CentralAnswered or CentralFailed."""
        asked = self._asked = self._pool.submit(self._ask, effect, visit)
        asked.add_done_callback(lambda done: self._answer(done, CentralFailed, visit))

    def ask_whose(self, effect: AskWhose, visit: int) -> None:
        """Ask whose code it is; answers CodeOwner or CodeRefused. What is none of the app's codes
        is sent nowhere."""
        if re.fullmatch(IDENTITY_CODE, effect.code) is None:
            self._reply(CodeRefused(visit, NO_CODE))
            return
        asked = self._asked = self._pool.submit(self._ask_whose, effect, visit)
        asked.add_done_callback(lambda done: self._answer(done, CodeRefused, visit))

    def stop(self) -> None:
        """Nobody waits for an answer any more; the next visit is not kept waiting by it."""
        asked, self._asked = self._asked, None
        if asked is not None and not asked.done() and not asked.cancel():
            self._wire.interrupt()

    def close(self) -> None:
        """End what is under way."""
        self._wire.cut()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._wire.close()

    def _answer(
        self,
        done: Future[CentralAnswered] | Future[CodeOwner],
        failed: Callable[[int, str], Event],
        visit: int,
    ) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            self._reply(done.result())
            return
        code = error.code if isinstance(error, _NoAnswer) else NONSENSE
        note("failure", code=code, kind=type(error).__name__)
        self._reply(failed(visit, code))

    def _ask(self, effect: AskCentral, visit: int) -> CentralAnswered:
        question = CentralQuestion(
            request_id=uuid.uuid4().hex,
            terminal=self._terminal,
            item=effect.item,
            record=RecordKind(effect.record),
            party=QuestionParty(
                name=effect.name,
                document_kind=DOCUMENT_KINDS[effect.document_kind],
                number=effect.id_number,
            ),
        )
        path = "certificates" if effect.certificate else "queries"
        body = self._post(f"/v1/{path}", question.model_dump_json().encode())
        try:
            answer = central_answer(body)
        except ValidationError:
            raise _NoAnswer(NONSENSE) from None
        if answer.request_id != question.request_id:
            raise _NoAnswer(NONSENSE)
        zh = effect.language == "zh"
        if isinstance(answer, NothingFound):
            message = answer.message.zh if zh else answer.message.en
            return CentralAnswered(visit, message, (), found=False)
        if isinstance(answer, CertificateAnswer) is not effect.certificate:
            raise _NoAnswer(NONSENSE)
        if isinstance(answer, RecordsAnswer):
            sections = tuple(
                (table.title.zh if zh else table.title.en, _rows(table.rows, zh))
                for table in answer.records
            )
            return CentralAnswered(visit, "", sections)
        return _certificate(answer, visit, zh)

    def _ask_whose(self, effect: AskWhose, visit: int) -> CodeOwner:
        question = CodeQuestion(
            request_id=uuid.uuid4().hex, terminal=self._terminal, code=effect.code
        )
        body = self._post("/v1/identity-codes", question.model_dump_json().encode())
        try:
            answer = CodeAnswer.model_validate_json(body)
        except ValidationError:
            raise _NoAnswer(NONSENSE) from None
        if answer.request_id != question.request_id:
            raise _NoAnswer(NONSENSE)
        if answer.party is None:
            raise _NoAnswer(_CODE_STATES[answer.state])
        kind = _NAMED_BY.get(answer.party.document_kind)
        if kind is None:
            raise _NoAnswer(NONSENSE)
        return CodeOwner(visit, kind, answer.party.name, answer.party.number)

    def _post(self, path: str, body: bytes) -> bytes:
        answer = self._wire.request("POST", path, body=body)
        if answer.trouble is not Trouble.NONE:
            raise _NoAnswer(NONSENSE if answer.detail == TOO_LONG else LINE_DOWN)
        if answer.status >= 500 or answer.status in _NOT_NOW:
            raise _NoAnswer(LINE_DOWN)
        if "json" not in answer.media_type:
            raise _NoAnswer(NONSENSE)  # a portal's page, whatever its status
        if 400 <= answer.status < 500:
            raise _NoAnswer(REFUSED)
        if answer.status not in (200, 201):
            raise _NoAnswer(NONSENSE)
        return answer.body


def _rows(lines: tuple[Line, ...], zh: bool) -> tuple[tuple[str, str], ...]:
    return tuple(
        (line.label.zh, line.value.zh) if zh else (line.label.en, line.value.en) for line in lines
    )


def _certificate(answer: CertificateAnswer, visit: int, zh: bool) -> CentralAnswered:
    try:
        pdf = base64.b64decode(answer.pdf, validate=True)
    except ValueError:
        raise _NoAnswer(NONSENSE) from None
    if not pdf.startswith(b"%PDF-"):
        raise _NoAnswer(NONSENSE)
    pages = _pages(pdf)
    title = answer.title.zh if zh else answer.title.en
    return CentralAnswered(
        visit,
        title,
        ((title, _rows(answer.lines, zh)),),
        pdf=pdf,
        pages_png=pages,
        certificate_number=answer.certificate_no,
        verify_code=answer.verify_code,
    )


def _pages(pdf: bytes) -> tuple[bytes, ...]:
    """Its pages as pictures; none where nothing can be drawn: the screen then shows its lines."""
    pages: list[bytes] = []
    while len(pages) < _MOST_PAGES:
        try:
            pages.append(render_png(pdf, dpi=_SCREEN_DPI, page=len(pages) + 1))
        except RasterError:
            break  # there is no further page
    return tuple(pages)
