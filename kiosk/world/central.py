"""Carries out AskCentral: certificates and records, while the resident waits."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import requests
from pydantic import ValidationError

from kiosk.contract import (
    CentralQuestion,
    CertificateAnswer,
    Line,
    NothingFound,
    QuestionParty,
    RecordKind,
    RecordsAnswer,
    central_answer,
)
from kiosk.journey.effects import AskCentral
from kiosk.journey.events import CentralAnswered, CentralFailed, Event
from kiosk.logs import note
from kiosk.receipts.raster import RasterError, render_png
from kiosk.wire import DOCUMENT_KINDS

LINE_DOWN: Final = "NW-01"
NONSENSE: Final = "NW-02"
REFUSED: Final = "NW-03"
_MOST_BYTES: Final = 8_000_000
_SCREEN_DPI: Final = 110


class _Trouble(Exception):
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
    ) -> None:
        self._url = url.rstrip("/")
        self._terminal = terminal
        self._reply = reply
        self._timeouts = (connect_s, answer_s)
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="asking")
        self._session = requests.Session()
        self._session.trust_env = False

    def ask(self, effect: AskCentral, visit: int) -> None:
        """Ask; answers CentralAnswered or CentralFailed."""
        future = self._pool.submit(self._ask, effect, visit)
        future.add_done_callback(lambda done: self._answer(done, visit))

    def close(self) -> None:
        """Wait for what is under way, at most for its timeouts."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._session.close()

    def _answer(self, done: Future[CentralAnswered], visit: int) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            self._reply(done.result())
            return
        code = error.code if isinstance(error, _Trouble) else NONSENSE
        note("failure", code=code, kind=type(error).__name__)
        self._reply(CentralFailed(visit, code))

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
        body = self._post(f"{self._url}/v1/{path}", question.model_dump_json().encode())
        try:
            answer = central_answer(body)
        except ValidationError:
            raise _Trouble(NONSENSE) from None
        if answer.request_id != question.request_id:
            raise _Trouble(NONSENSE)
        zh = effect.language == "zh"
        if isinstance(answer, NothingFound):
            message = answer.message.zh if zh else answer.message.en
            return CentralAnswered(visit, message, (), found=False)
        if isinstance(answer, RecordsAnswer):
            sections = tuple(
                (table.title.zh if zh else table.title.en, _rows(table.rows, zh))
                for table in answer.records
            )
            return CentralAnswered(visit, "", sections)
        return _certificate(answer, visit, zh)

    def _post(self, url: str, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        try:
            with self._session.post(
                url,
                data=body,
                headers=headers,
                timeout=self._timeouts,
                allow_redirects=False,
                stream=True,
            ) as response:
                content = response.raw.read(_MOST_BYTES + 1, decode_content=True)
                status, kind = response.status_code, response.headers.get("Content-Type", "")
        except (requests.RequestException, OSError):
            raise _Trouble(LINE_DOWN) from None
        if status >= 500 or status in (408, 425, 429):
            raise _Trouble(LINE_DOWN)
        if 400 <= status < 500:
            raise _Trouble(REFUSED)
        if status not in (200, 201) or "json" not in kind or len(content) > _MOST_BYTES:
            raise _Trouble(NONSENSE)
        return bytes(content)


def _rows(lines: tuple[Line, ...], zh: bool) -> tuple[tuple[str, str], ...]:
    return tuple(
        (line.label.zh, line.value.zh) if zh else (line.label.en, line.value.en) for line in lines
    )


def _certificate(answer: CertificateAnswer, visit: int, zh: bool) -> CentralAnswered:
    try:
        pdf = base64.b64decode(answer.pdf, validate=True)
    except ValueError:
        raise _Trouble(NONSENSE) from None
    if not pdf.startswith(b"%PDF-"):
        raise _Trouble(NONSENSE)
    try:
        pages: tuple[bytes, ...] = (render_png(pdf, dpi=_SCREEN_DPI),)
    except RasterError:
        pages = ()  # it can still be printed; the screen shows its lines
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
