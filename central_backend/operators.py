"""The operators' door: log in, look, and move cases. Server-rendered, without a script.

A session is a random cookie that only this site gets back; its hash is kept, so a stolen
database lets nobody in. Every form carries a word of the session. Personal data is on the page
of one case alone, and each view of it is in the audit trail.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from sqlalchemy import Engine, delete, or_, select
from sqlalchemy.orm import Session

from central_backend import audit, chain, passwords, terminals
from central_backend.cases import Cases, NotAllowed, Why
from central_backend.database import (
    AuditEntry,
    Case,
    CaseLine,
    CaseMaterial,
    CaseNote,
    CaseParty,
    Flag,
    OperatorSession,
    StoredApplication,
    StoredAttachment,
    StoredDocument,
    Terminal,
)
from central_backend.html import Safe
from central_backend.pages import BRING, WORST_FIRST, CaseFile, CaseRow, Filter, Pages, Viewer
from central_backend.settings import Settings
from central_backend.style import STYLE
from central_backend.throttle import Throttle
from central_backend.words import Language, Speech
from kiosk.contract import ApplicationDocument, CaseState, ReasonCode

_SESSION: Final = "operator"
_LANGUAGE: Final = "language"
_LOGIN: Final = "login"
_HOURS: Final = 8
_PAGE_ROWS: Final = 50
_FORM_MOST_BYTES: Final = 16_384
_FORM_MOST_FIELDS: Final = 200  # a box for each material of a bundle among them
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# Pictures and papers can be looked at; anything else is only saved.
_SHOWN: Final = frozenset({"image/jpeg", "image/png"})

Form = Mapping[str, str]
_Handler = Callable[[Viewer, Request, Form], Response]


class OperatorDoor:
    """The pages under /operators."""

    def __init__(
        self,
        app: FastAPI,
        engine: Engine,
        settings: Settings,
        cases: Cases,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._cases = cases
        self._now = now
        self._pages = Pages(settings)
        self._passwords = {one.name: one.password for one in settings.operators}
        self._throttle = Throttle(engine, "login", most_failures=5, span_s=900.0, now=now)
        add: Callable[..., Any] = app.add_api_route
        hidden: dict[str, Any] = {"include_in_schema": False, "response_class": Response}
        add("/operators/style.css", self._style, **hidden)
        add("/operators/login", self._show_login, **hidden)
        add("/operators/login", self._log_in, methods=["POST"], **hidden)
        looking: tuple[tuple[str, _Handler], ...] = (
            ("", self._home),
            ("/language", self._language),
            ("/terminals", self._terminals),
            ("/cases", self._list),
            ("/cases/{number}", self._case),
            ("/cases/{number}/files/{part}", self._file),
            ("/flags", self._flags),
        )
        doing: tuple[tuple[str, _Handler], ...] = (
            ("/logout", self._log_out),
            ("/cases/{number}/move", self._move),
            ("/flags/{flag}/clear", self._clear),
        )
        for path, handler in looking:
            add("/operators" + path, self._inside(handler), **hidden)
        for path, handler in doing:
            add("/operators" + path, self._inside(handler, writes=True), methods=["POST"], **hidden)

    # --- who

    def _inside(
        self, handler: _Handler, *, writes: bool = False
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            form = await _form(request) if writes else {}
            return await run_in_threadpool(self._answer, handler, request, form, writes)

        return answer

    def _answer(self, handler: _Handler, request: Request, form: Form, writes: bool) -> Response:
        viewer = self._viewer(request)
        if viewer is None:
            return RedirectResponse("/operators/login", 303, headers=_HEADERS)
        if writes and not hmac.compare_digest(form.get("csrf", ""), viewer.csrf):
            return _html(self._pages.message(viewer, viewer.say("form-old")), 403)
        return handler(viewer, request, form)

    def _viewer(self, request: Request) -> Viewer | None:
        token = request.cookies.get(_SESSION, "")
        if not token:
            return None
        with Session(self._engine) as session:
            known = session.get(OperatorSession, _hash(token))
        # Somebody who was taken out of the settings is out at once.
        if (
            known is None
            or known.expires_at <= self._now()
            or known.operator not in self._passwords
        ):
            return None
        return Viewer(known.operator, known.csrf, _speech(request))

    async def _style(self) -> Response:
        return Response(
            STYLE, media_type="text/css", headers={**_HEADERS, "Cache-Control": "max-age=300"}
        )

    async def _show_login(self, request: Request) -> Response:
        return self._login_page(request)

    def _login_page(self, request: Request, problem: str = "", status: int = 200) -> Response:
        say = _speech(request)
        word = secrets.token_urlsafe(24)
        answer = _html(self._pages.login(say, word, say(problem) if problem else ""), status)
        _cookie(answer, request, _LOGIN, word)
        _cookie(answer, request, _LANGUAGE, say.language)
        return answer

    async def _log_in(self, request: Request) -> Response:
        form = await _form(request)
        return await run_in_threadpool(self._check_login, request, form)

    def _check_login(self, request: Request, form: Form) -> Response:
        word = request.cookies.get(_LOGIN, "")
        if not word or not hmac.compare_digest(form.get("csrf", ""), word):
            return self._login_page(request, "form-old", 403)
        name, where = form.get("operator", ""), request.client.host if request.client else ""
        # By operator and by address: neither one name nor one place can be tried for long.
        if any(self._throttle.wait_s(key) > 0 for key in (f"name:{name}", f"from:{where}")):
            return self._login_page(request, "wait-login", 429)
        kept = self._passwords.get(name, passwords.NOBODY)
        if not passwords.fits(form.get("password", ""), kept) or name not in self._passwords:
            self._throttle.failed(f"name:{name}")
            self._throttle.failed(f"from:{where}")
            return self._login_page(request, "wrong-login", 403)
        token, now = secrets.token_urlsafe(32), self._now()
        with Session(self._engine) as session, session.begin():
            session.execute(delete(OperatorSession).where(OperatorSession.expires_at < now))
            session.add(
                OperatorSession(
                    token_hash=_hash(token),
                    operator=name,
                    csrf=secrets.token_urlsafe(24),
                    expires_at=now + timedelta(hours=_HOURS),
                )
            )
            audit.append(session, at=now, actor=name, action="logged-in")
        answer = RedirectResponse("/operators/cases", 303, headers=_HEADERS)
        _cookie(answer, request, _SESSION, token)
        return answer

    def _log_out(self, _viewer: Viewer, request: Request, _form: Form) -> Response:
        with Session(self._engine) as session, session.begin():
            kept = _hash(request.cookies.get(_SESSION, ""))
            session.execute(delete(OperatorSession).where(OperatorSession.token_hash == kept))
        answer = RedirectResponse("/operators/login", 303, headers=_HEADERS)
        answer.delete_cookie(_SESSION, path="/operators")
        return answer

    # --- looking

    def _home(self, _viewer: Viewer, _request: Request, _form: Form) -> Response:
        return RedirectResponse("/operators/cases", 303, headers=_HEADERS)

    def _language(self, _viewer: Viewer, request: Request, _form: Form) -> Response:
        answer = RedirectResponse("/operators/cases", 303, headers=_HEADERS)
        _cookie(answer, request, _LANGUAGE, _known(request.query_params.get("to")))
        return answer

    def _terminals(self, viewer: Viewer, _request: Request, _form: Form) -> Response:
        now, most_s = self._now(), self._settings.fleet.overdue_s
        with Session(self._engine) as session:
            known = session.scalars(select(Terminal).order_by(Terminal.code)).all()
        rows = [(one, terminals.overdue(one, now, most_s)) for one in known]
        rows.sort(key=lambda row: (not row[1], WORST_FIRST.index(row[0].intake)))
        return _html(self._pages.terminals(viewer, rows, now))

    def _list(self, viewer: Viewer, request: Request, _form: Form) -> Response:
        chosen = _filter(request.query_params)
        wanted = select(Case, StoredApplication).join(
            StoredApplication, StoredApplication.id == Case.application_id
        )
        if chosen.state:
            wanted = wanted.where(Case.state == chosen.state)
        if chosen.department:
            of = select(CaseLine.case_number).where(CaseLine.department == chosen.department)
            wanted = wanted.where(Case.case_number.in_(of))
        if chosen.number:
            wanted = wanted.where(
                or_(
                    Case.case_number == chosen.number,
                    Case.acceptance_number == chosen.number,
                    StoredApplication.receipt_number == chosen.number,
                )
            )
        wanted = wanted.order_by(StoredApplication.sequence.desc())
        wanted = wanted.offset((chosen.page - 1) * _PAGE_ROWS).limit(_PAGE_ROWS + 1)
        with Session(self._engine) as session:
            found = session.execute(wanted).all()
            rows = [_row(session, case, stored) for case, stored in found[:_PAGE_ROWS]]
        return _html(self._pages.cases(viewer, chosen, rows, len(found) > _PAGE_ROWS))

    def _case(self, viewer: Viewer, request: Request, _form: Form) -> Response:
        return self._case_page(viewer, request.path_params["number"])

    def _case_page(
        self, viewer: Viewer, number: str, problem: str = "", status: int = 200
    ) -> Response:
        with Session(self._engine) as session, session.begin():
            session.expire_on_commit = False
            case = session.get(Case, number)
            if case is None:
                return _html(self._pages.message(viewer, viewer.say("not-found")), 404)
            audit.append(
                session, at=self._now(), actor=viewer.operator, action="viewed", subject=number
            )
            file = _whole(session, case)
        return _html(self._pages.case(viewer, file, problem), status)

    def _file(self, viewer: Viewer, request: Request, _form: Form) -> Response:
        number, part = request.path_params["number"], request.path_params["part"]
        with Session(self._engine) as session, session.begin():
            case = session.get(Case, number)
            kept = (
                session.get(StoredAttachment, (case.application_id, part))
                if case is not None
                else None
            )
            if kept is None:
                return _html(self._pages.message(viewer, viewer.say("not-found")), 404)
            audit.append(
                session,
                at=self._now(),
                actor=viewer.operator,
                action="opened-file",
                subject=number,
                detail={"file": part},
            )
            data, kind = kept.data, kept.media_type
        shown = kind in _SHOWN
        headers = {
            **_HEADERS,
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Content-Disposition": f'{"inline" if shown else "attachment"}; filename="{part}"',
        }
        return Response(
            data, media_type=kind if shown else "application/octet-stream", headers=headers
        )

    def _flags(self, viewer: Viewer, _request: Request, _form: Form) -> Response:
        with Session(self._engine) as session:
            flags = session.scalars(
                select(Flag)
                .where(Flag.cleared_at.is_(None))
                .order_by(Flag.last_at.desc())
                .limit(200)
            ).all()
            gaps = chain.gaps(session)
        return _html(self._pages.flags(viewer, flags, gaps))

    # --- doing

    def _move(self, viewer: Viewer, request: Request, form: Form) -> Response:
        number = request.path_params["number"]
        try:
            self._cases.move(
                number,
                form.get("department", ""),
                CaseState(form.get("to", "")),
                actor=viewer.operator,
                why=_why(form),
            )
        except (ValueError, LookupError):
            return _html(self._pages.message(viewer, viewer.say("not-found")), 404)
        except NotAllowed as error:
            said = viewer.say(f"move.{error.code}")
            return self._case_page(viewer, number, said, 409)
        return RedirectResponse(f"/operators/cases/{number}", 303, headers=_HEADERS)

    def _clear(self, viewer: Viewer, request: Request, _form: Form) -> Response:
        asked = request.path_params["flag"]
        with Session(self._engine) as session, session.begin():
            flag = session.get(Flag, int(asked)) if asked.isdecimal() and len(asked) < 18 else None
            if flag is not None and flag.cleared_at is None:
                flag.cleared_at, flag.cleared_by = self._now(), viewer.operator
                audit.append(
                    session,
                    at=self._now(),
                    actor=viewer.operator,
                    action="flag-cleared",
                    subject=flag.application_id,
                    detail={"kind": flag.kind},
                )
        return RedirectResponse("/operators/flags", 303, headers=_HEADERS)


def _row(session: Session, case: Case, stored: StoredApplication) -> CaseRow:
    departments = session.scalars(
        select(CaseLine.department)
        .where(CaseLine.case_number == case.case_number)
        .order_by(CaseLine.department)
    ).all()
    return CaseRow(case, stored.receipt_number, stored.terminal, tuple(departments))


def _whole(session: Session, case: Case) -> CaseFile:
    stored = session.get_one(StoredApplication, case.application_id)
    kept = session.get(StoredDocument, case.application_id)

    def of(table: Any, order: Any) -> Any:
        return session.scalars(
            select(table).where(table.case_number == case.case_number).order_by(order)
        ).all()

    try:
        document = ApplicationDocument.model_validate_json(kept.data) if kept is not None else None
    except ValidationError:
        document = None
    return CaseFile(
        row=_row(session, case, stored),
        lines=of(CaseLine, CaseLine.department),
        parties=of(CaseParty, CaseParty.id),
        materials=of(CaseMaterial, CaseMaterial.id),
        notes=of(CaseNote, CaseNote.id),
        trail=session.scalars(
            select(AuditEntry)
            .where(AuditEntry.subject == case.case_number)
            .order_by(AuditEntry.sequence)
        ).all(),
        document=document,
        files=frozenset(
            session.scalars(
                select(StoredAttachment.part_id).where(
                    StoredAttachment.application_id == case.application_id
                )
            )
        ),
    )


async def _form(request: Request) -> Form:
    """An ordinary form; too long a one is empty, so that its word is missing."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > _FORM_MOST_BYTES:
            return {}
    try:
        told = parse_qs(data.decode("utf-8", "replace"), max_num_fields=_FORM_MOST_FIELDS)
    except ValueError:  # more fields than any form of ours has
        return {}
    # PostgreSQL keeps no NUL in a text.
    return {key: values[0].replace("\0", "") for key, values in told.items()}


def _why(form: Form) -> Why:
    """What was said at a move. Raises ValueError for what no form of ours sends."""
    reason, until = form.get("reason"), form.get("until")
    return Why(
        reason=ReasonCode(reason) if reason else None,
        note=form.get("note", ""),
        bring=tuple(name.removeprefix(BRING) for name in form if name.startswith(BRING)),
        until=date.fromisoformat(until) if until else None,
    )


def _filter(asked: Mapping[str, str]) -> Filter:
    state = asked.get("state", "")
    page = asked.get("page", "1")
    return Filter(
        state=state if state in [one.value for one in CaseState] else "",
        department=asked.get("department", "")[:64].replace("\0", ""),
        number=asked.get("number", "").strip()[:40].replace("\0", ""),
        page=max(1, int(page)) if page.isdecimal() and len(page) < 7 else 1,
    )


def _known(language: str | None) -> Language:
    return "en" if language == "en" else "zh"


def _speech(request: Request) -> Speech:
    asked = request.query_params.get(_LANGUAGE) or request.cookies.get(_LANGUAGE)
    return Speech(_known(asked))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _cookie(answer: Response, request: Request, name: str, value: str) -> None:
    answer.set_cookie(
        name,
        value,
        path="/operators",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def _html(page: Safe, status: int = 200) -> Response:
    return HTMLResponse(str(page), status, headers=_HEADERS)
