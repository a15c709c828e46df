"""The HTTP face of the backend: routes, problems, OpenAPI.

Bodies are validated as they came, byte for byte, by the contract's own strict models. No
identity number, name or digits of them is ever in a path or query string, so an access log
of any proxy stays free of them; this application writes none itself.
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from html import escape
from typing import Any, Final, TypeVar

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.json_schema import models_json_schema
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from central_backend import terminals
from central_backend.cases import Cases
from central_backend.database import connect
from central_backend.faults import Refusal, refuse_invalid
from central_backend.identity_codes import IdentityCodes
from central_backend.intake import HANDOVER_MOST_BYTES, PART_MOST_BYTES, Intake, NotYet
from central_backend.keyring import Keyring
from central_backend.operators import OperatorDoor
from central_backend.peers import must_be
from central_backend.registers import Registers
from central_backend.settings import Settings
from central_backend.throttle import Throttle
from kiosk import contract
from kiosk.contract import (
    ApplicationDocument,
    CentralQuestion,
    CertificateAnswer,
    CertificateCheck,
    CodeAnswer,
    CodeQuestion,
    Health,
    NothingFound,
    Problem,
    ProblemCode,
    ProgressAnswer,
    ProgressQuestion,
    RecordsAnswer,
    Words,
    canonical_bytes,
)
from kiosk.contract import envelope as wire
from kiosk.contract.base import HexId
from kiosk.contract.suites import TAG_BYTES, SuiteId

log = logging.getLogger(__name__)

_JSON: Final = "application/json"
_M = TypeVar("_M", bound=BaseModel)
_HEARTBEAT_MOST_BYTES: Final = 65_536
_PUBLISHED: Final[tuple[type[BaseModel], ...]] = (
    wire.Handover,
    wire.Heartbeat,
    wire.HeartbeatAnswer,
    wire.SealedPart,
    wire.SealedPartList,
    wire.SignedAcknowledgement,
    wire.SignedKeySet,
    ApplicationDocument,
    CentralQuestion,
    CertificateAnswer,
    CertificateCheck,
    CodeAnswer,
    CodeQuestion,
    Health,
    NothingFound,
    Problem,
    ProgressAnswer,
    ProgressQuestion,
    RecordsAnswer,
)


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    settings: Settings, keyring: Keyring, *, now: Callable[[], datetime] = _utc_now
) -> FastAPI:
    """The application; the database's tables are there already (see `migrations.migrate`)."""
    engine = connect(settings.database.url, pool_size=settings.database.pool_size)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> Any:
        yield
        engine.dispose()

    app = FastAPI(
        title="Central backend",
        version="1",
        description="Reference backend of the terminal. All records are invented samples.",
        lifespan=lifespan,
        # The usual page loads scripts from a foreign host; `/docs` below needs none.
        docs_url=None,
        redoc_url=None,
    )
    app.state.engine = engine
    app.state.identity_codes = IdentityCodes(engine, now=now)
    cases = Cases(engine, settings, now=now)
    _Routes(app, engine, settings, keyring, cases, now)
    OperatorDoor(app, engine, settings, cases, now=now)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(NotYet, _not_yet)
    app.add_exception_handler(HTTPException, _not_found)
    app.add_exception_handler(OperationalError, _database_busy)
    app.add_exception_handler(PoolTimeout, _database_busy)
    app.add_exception_handler(ClientDisconnect, _hung_up)
    app.add_exception_handler(Exception, _broken)
    _publish(app)
    return app


class _Routes:
    """One method a door."""

    def __init__(
        self,
        app: FastAPI,
        engine: Engine,
        settings: Settings,
        keyring: Keyring,
        cases: Cases,
        now: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._keyring = keyring
        self._now = now
        self._cases = cases
        self._intake = Intake(engine, keyring, self._cases, now=now)
        names = {d.id: Words(zh=d.zh, en=d.en) for d in settings.departments}
        self._registers = Registers(engine, now=now, departments=names)
        self._public_url = settings.server.public_url
        self._identity_codes: IdentityCodes = app.state.identity_codes
        self._throttle = Throttle(engine, "progress", most_failures=5, span_s=900.0, now=now)
        app.get("/v1/health", **_doc("Is the backend there?", gives=Health))(self.health)
        app.put(
            "/v1/applications/{application_id}/parts/{ordinal}",
            **_doc("Put one sealed part", gives=wire.SealedPart, takes_bytes=True),
        )(self.put_part)
        app.get(
            "/v1/applications/{application_id}/parts",
            **_doc("Which parts are there?", gives=wire.SealedPartList),
        )(self.parts)
        app.post(
            "/v1/applications",
            **_doc("Hand an application in", takes=wire.Handover, gives=wire.SignedAcknowledgement),
        )(self.take)
        app.get("/v1/keys", **_doc("The keys to seal to", gives=wire.SignedKeySet))(self.keys)
        app.post(
            "/v1/heartbeat",
            **_doc("How a terminal is", takes=wire.Heartbeat, gives=wire.HeartbeatAnswer),
        )(self.heartbeat)
        app.post(
            "/v1/progress", **_doc("How far is it?", takes=ProgressQuestion, gives=ProgressAnswer)
        )(self.progress)
        app.post(
            "/v1/certificates",
            **_doc("A certificate", takes=CentralQuestion, gives=CertificateAnswer),
        )(self.certify)
        app.post(
            "/v1/queries", **_doc("One's own records", takes=CentralQuestion, gives=RecordsAnswer)
        )(self.query)
        app.post(
            "/v1/identity-codes",
            **_doc("Whose code is this?", takes=CodeQuestion, gives=CodeAnswer),
        )(self.identity_code)
        app.get(
            "/v1/certificates/{certificate_no}/verify",
            **_doc("Is a certificate genuine?", gives=CertificateCheck),
        )(self.verify)

    async def health(self) -> Response:
        """The backend is there."""
        return _answer(Health())

    async def put_part(self, application_id: str, ordinal: str, request: Request) -> Response:
        """Keep one sealed part."""
        id_ = _fits(HexId, application_id)
        suite = request.headers.get("x-suite", "")
        if not ordinal.isdecimal() or len(ordinal) > 3 or int(ordinal) >= wire.MOST_PARTS:
            raise Refusal(422, ProblemCode.INVALID, "parts have numbers", ("ordinal",))
        data = await _body(request, PART_MOST_BYTES)
        if len(data) < TAG_BYTES:
            raise Refusal(422, ProblemCode.INVALID, "too short to be sealed")
        part, new = await run_in_threadpool(self._intake.put_part, id_, int(ordinal), suite, data)
        return _answer(part, 201 if new else 200)

    async def parts(self, application_id: str) -> Response:
        """All parts that are there."""
        id_ = _fits(HexId, application_id)
        return _answer(await run_in_threadpool(self._intake.parts, id_))

    async def take(self, request: Request) -> Response:
        """Take an application in, exactly once."""
        key = _fits(HexId, request.headers.get("idempotency-key", ""))
        body = await _body(request, HANDOVER_MOST_BYTES)
        allowed = partial(must_be, request)
        taken = await run_in_threadpool(self._intake.take, key, body, allowed)
        return Response(taken.acknowledgement, 201 if taken.first else 200, media_type=_JSON)

    async def keys(self) -> Response:
        """The signed key set; anybody may know it."""
        return _answer(self._keyring.signed_set)

    async def heartbeat(self, request: Request) -> Response:
        """Keep what a terminal says of itself, and tell it what is new."""
        said = _parse(wire.Heartbeat, await _body(request, _HEARTBEAT_MOST_BYTES))
        must_be(request, said.terminal)

        def keep() -> None:
            with Session(self._engine) as session, session.begin():
                terminals.seen_heartbeat(session, said, self._now())

        await run_in_threadpool(keep)
        version = self._keyring.signed_set.key_set.version
        return _answer(wire.HeartbeatAnswer(key_set_version=version))

    async def progress(self, request: Request) -> Response:
        """How far a case is; few tries per number, for the digits could be guessed."""
        question = _parse(ProgressQuestion, await _body(request, 4096))
        wait_s = await run_in_threadpool(self._throttle.wait_s, question.receipt_number)
        if wait_s > 0:
            raise Refusal(
                429, ProblemCode.TOO_MANY_TRIES, "too many wrong tries", (), int(wait_s) + 1
            )
        try:
            return _answer(await run_in_threadpool(self._cases.progress, question))
        except Refusal:
            await run_in_threadpool(self._throttle.failed, question.receipt_number)
            raise

    async def certify(self, request: Request) -> Response:
        """A certificate, or that there is nothing to certify."""
        question = _parse(CentralQuestion, await _body(request, 65_536))
        must_be(request, question.terminal)
        url = self._public_url or str(request.base_url)
        answer = await run_in_threadpool(self._registers.certify, question, url)
        return Response(answer, media_type=_JSON)

    async def query(self, request: Request) -> Response:
        """One's own records, or that there are none."""
        question = _parse(CentralQuestion, await _body(request, 65_536))
        must_be(request, question.terminal)
        answer = await run_in_threadpool(self._registers.query, question)
        return Response(answer, media_type=_JSON)

    async def identity_code(self, request: Request) -> Response:
        """Who showed a code of the province's app."""
        question = _parse(CodeQuestion, await _body(request, 4096))
        must_be(request, question.terminal)
        return _answer(await run_in_threadpool(self._identity_codes.ask, question))

    async def verify(self, certificate_no: str, request: Request, code: str = "") -> Response:
        """A page for people, JSON for programs."""
        if len(certificate_no) > 40 or not certificate_no.isalnum():
            raise Refusal(404, ProblemCode.NOT_FOUND, "no such number")
        check = await run_in_threadpool(self._registers.check, certificate_no, code)
        if "text/html" in request.headers.get("accept", ""):
            return HTMLResponse(_verify_page(check), headers=_PAGE_HEADERS)
        return _answer(check)


async def _body(request: Request, most_bytes: int) -> bytes:
    """The body, if it is whole, not too long, and what its digest says."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most_bytes:
            raise Refusal(413, ProblemCode.TOO_LARGE, f"more than {most_bytes} bytes")
    body = bytes(data)
    announced = request.headers.get("content-digest")
    if announced is not None and not _digest_fits(announced, body):
        raise Refusal(400, ProblemCode.DIGEST_WRONG, "the body is not what was announced")
    return body


def _digest_fits(field: str, body: bytes) -> bool:
    """RFC 9530, sha-256 only."""
    name, _, value = field.strip().partition("=")
    if name.strip().lower() != "sha-256":
        return False
    try:
        told = base64.b64decode(value.strip().strip(":"), validate=True)
    except binascii.Error:
        return False
    return told.hex() == contract.digest(body)


def _parse(model: type[_M], body: bytes) -> _M:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise refuse_invalid(error) from None


def _fits(kind: Any, text: str) -> str:
    try:
        fitting: str = TypeAdapter(kind).validate_python(text)
    except ValidationError as error:
        raise refuse_invalid(error) from None
    return fitting


def _answer(model: BaseModel, status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(canonical_bytes(model), status, media_type=_JSON, headers=headers)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    answer = _answer(error.problem, error.status)
    if error.retry_after_s is not None:
        answer.headers["Retry-After"] = str(error.retry_after_s)
    return answer


async def _not_yet(_request: Request, _error: Exception) -> Response:
    told = Problem(code=ProblemCode.IN_PROGRESS, message="kept, and not filed yet: ask again")
    answer = _answer(told, 202)
    answer.headers["Retry-After"] = "60"
    return answer


async def _not_found(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _answer(Problem(code=ProblemCode.NOT_FOUND, message="no such door"), error.status_code)


async def _database_busy(_request: Request, error: Exception) -> Response:
    log.error("database: %s", type(error).__name__)
    answer = _answer(Problem(code=ProblemCode.INTERNAL, message="the database is busy"), 503)
    answer.headers["Retry-After"] = "5"
    return answer


async def _hung_up(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)  # nobody reads it: an upload broke off, as they do


async def _broken(_request: Request, error: Exception) -> Response:
    # The text of an exception may repeat what a resident entered; its kind does not.
    log.error("unexpected: %s", type(error).__name__)
    return _answer(Problem(code=ProblemCode.INTERNAL, message="unexpected"), 500)


_PAGE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
}
_PAGE: Final = """<!doctype html><html lang="zh"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>{title}</title>
<style>body{{font:18px/1.6 "Noto Sans CJK SC","WenQuanYi Micro Hei",sans-serif;margin:0;
background:#f2f4f7;color:#1a1f29}}main{{max-width:38rem;margin:8vh auto;background:#fff;
padding:2rem;border-radius:12px;border-top:8px solid {colour}}}h1{{margin:0 0 1rem}}
dt{{color:#6a7280;font-size:.85em}}dd{{margin:0 0 .8rem}}footer{{color:#b01c1c}}
a{{color:#1a4fa0}}</style></head><body><main><h1>{title}</h1>{body}
<footer>样本 SAMPLE · 内容均为虚构 · all content is invented</footer></main></body></html>"""


def _page(title: str, body: str, colour: str) -> str:
    return _PAGE.format(title=escape(title), body=body, colour=colour)


def _verify_page(check: CertificateCheck) -> str:
    number = escape(check.certificate_no)
    if not check.genuine or check.title is None or check.issued_at is None:
        text = (
            f"<p>编号 {number} 与验证码不符，或不存在。</p>"
            "<p>Number and code do not belong together, or there is no such certificate.</p>"
        )
        return _page("未通过验证 · Not verified", text, "#b01c1c")
    rows = (
        ("证明 Certificate", f"{check.title.zh} · {check.title.en}"),
        ("编号 Number", check.certificate_no),
        ("持有人 Holder", check.masked_name),
        ("出具时间 Issued", f"{check.issued_at:%Y-%m-%d %H:%M} UTC"),
    )
    body = "".join(f"<dt>{escape(a)}</dt><dd>{escape(b)}</dd>" for a, b in rows)
    return _page("证明真实有效 · Genuine", f"<dl>{body}</dl>", "#1c7a3d")


def _doc(
    summary: str,
    *,
    gives: type[BaseModel],
    takes: type[BaseModel] | None = None,
    takes_bytes: bool = False,
) -> dict[str, Any]:
    """What OpenAPI says of a route whose body FastAPI does not parse."""
    extra: dict[str, Any] = {}
    if takes is not None:
        extra["requestBody"] = {"required": True, "content": {_JSON: {"schema": _ref(takes)}}}
    if takes_bytes:
        schema = {"type": "string", "format": "binary"}
        content = {"application/octet-stream": {"schema": schema}}
        extra["requestBody"] = {"required": True, "content": content}
        extra["parameters"] = [
            {
                "name": "X-Suite",
                "in": "header",
                "required": True,
                "schema": {"type": "string", "enum": [suite.value for suite in SuiteId]},
                "description": "By whose hash the part's digest is made.",
            }
        ]
    if takes is wire.Handover:
        extra["parameters"] = [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": True,
                "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
                "description": "The application's id; kept for good.",
            }
        ]
    problem = {"description": "Problem", "content": {_JSON: {"schema": _ref(Problem)}}}
    answers: dict[int | str, dict[str, Any]] = {
        200: {"description": summary, "content": {_JSON: {"schema": _ref(gives)}}},
        "4XX": problem,
        "5XX": problem,
    }
    if takes is wire.Handover:
        answers[201] = {**answers[200], "description": "Taken in for the first time"}
    if takes is CentralQuestion:
        options = [_ref(gives), _ref(NothingFound)]
        answers[200]["content"] = {_JSON: {"schema": {"oneOf": options}}}
    return {"summary": summary, "openapi_extra": extra, "responses": answers}


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _publish(app: FastAPI) -> None:
    made = app.openapi

    def with_contract() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = made()
            _, definitions = models_json_schema(
                [(model, "serialization") for model in _PUBLISHED],
                ref_template="#/components/schemas/{model}",
            )
            schema.setdefault("components", {}).setdefault("schemas", {}).update(
                definitions["$defs"]
            )
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = with_contract  # type: ignore[method-assign]

    async def docs() -> HTMLResponse:
        """All doors on one page that loads nothing from elsewhere."""
        rows = []
        for path, methods in with_contract()["paths"].items():
            for method, told in methods.items():
                rows.append(
                    f"<dt>{escape(method.upper())} {escape(path)}</dt>"
                    f"<dd>{escape(told.get('summary', ''))}</dd>"
                )
        text = "<p><a href='/openapi.json'>openapi.json</a></p><dl>" + "".join(rows) + "</dl>"
        return HTMLResponse(
            _page("Central backend · API 1", text, "#1a4fa0"), headers=_PAGE_HEADERS
        )

    app.get("/docs", include_in_schema=False)(docs)
