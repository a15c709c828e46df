"""The operators' pages as HTML: from rows to what is seen. Nothing here asks the database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from central_backend.cases import ALLOWED, NOTE_MOST, REASONS
from central_backend.chain import Gap
from central_backend.china import CHINA
from central_backend.database import (
    AuditEntry,
    Case,
    CaseLine,
    CaseMaterial,
    CaseNote,
    CaseParty,
    Flag,
    Terminal,
)
from central_backend.html import Safe, join, tag
from central_backend.settings import Settings
from central_backend.words import Speech
from kiosk.contract import ApplicationDocument, CaseState

BRING: Final = "bring."  # before a material's id: the name of its box
_CHIP: Final = {
    CaseState.RECEIVED: "",
    CaseState.ACCEPTED: "good",
    CaseState.TO_BE_CORRECTED: "warn",
    CaseState.REFUSED: "bad",
    CaseState.DECIDED: "off",
}
_INTAKE_CHIP: Final = {"closed": "bad", "warning": "warn", "open": "good"}
WORST_FIRST: Final = tuple(_INTAKE_CHIP)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, in which language, and the word that their forms must carry."""

    operator: str
    csrf: str
    say: Speech


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A line of the list; nothing personal."""

    case: Case
    receipt_number: str
    terminal: str
    departments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaseFile:
    """Everything of one case."""

    row: CaseRow
    lines: Sequence[CaseLine]
    parties: Sequence[CaseParty]
    materials: Sequence[CaseMaterial]
    notes: Sequence[CaseNote]
    trail: Sequence[AuditEntry]
    document: ApplicationDocument | None
    files: frozenset[str]


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list is narrowed to; `page` counts from 1."""

    state: str = ""
    department: str = ""
    number: str = ""
    page: int = 1


def moment(at: datetime | None, say: Speech) -> str:
    """A time of day in China, or that there was none."""
    return f"{at.astimezone(CHINA):%Y-%m-%d %H:%M}" if at is not None else say("never")


class Pages:
    """One method a page."""

    def __init__(self, settings: Settings) -> None:
        self._names = {d.id: (d.zh, d.en) for d in settings.departments}

    def login(self, say: Speech, csrf: str, problem: str = "") -> Safe:
        """Who are you?"""
        form = tag(
            "form",
            _hidden("csrf", csrf),
            tag("label", say("operator"), for_="operator"),
            tag("input", id="operator", name="operator", autocomplete="username", required=""),
            tag("label", say("password"), for_="password"),
            tag(
                "input",
                id="password",
                name="password",
                type="password",
                autocomplete="current-password",
                required="",
            ),
            tag("button", say("log-in")),
            method="post",
            action="/operators/login",
        )
        said = tag("p", problem, class_="say bad", role="alert") if problem else None
        other = "en" if say.language == "zh" else "zh"
        switch = tag(
            "p",
            tag("a", say("other-language"), href=f"/operators/login?language={other}"),
            class_="small",
        )
        card = tag("div", tag("h1", say("title")), said, form, class_="card")
        return _document(say, say("log-in"), tag("main", card, switch, class_="login"))

    def message(self, viewer: Viewer, text: str) -> Safe:
        """One sentence and a way back."""
        body = tag(
            "div", tag("p", text, role="alert"), _link(viewer.say("back"), "/operators/cases")
        )
        return self._page(viewer, "", viewer.say("title"), tag("div", body, class_="card"))

    # --- terminals

    def terminals(
        self, viewer: Viewer, rows: Sequence[tuple[Terminal, bool]], now: datetime
    ) -> Safe:
        """All terminals in the order of `rows`."""
        say = viewer.say
        late = sum(overdue for _, overdue in rows)
        head = tag(
            "div",
            tag("h1", say("terminals")),
            tag("span", f"{late} {say('overdue-count')}", class_="chip bad") if late else None,
            class_="between",
        )
        if not rows:
            return self._page(
                viewer, "terminals", say("terminals"), head, _empty(say("no-terminals"))
            )
        body = [
            tag(
                "tr",
                tag("td", tag("strong", row.code)),
                tag(
                    "td",
                    _chip(say("overdue"), "bad") if overdue else _chip(say("in-time"), "good"),
                ),
                tag("td", moment(row.heartbeat_at, say), class_="w"),
                tag(
                    "td",
                    _chip(
                        f"{say(f'intake.{row.intake}')} {row.intake_code}".strip(),
                        _INTAKE_CHIP[row.intake],
                    ),
                ),
                tag("td", row.depth, class_="n"),
                tag("td", say.span(row.oldest_age_s) if row.depth else "–", class_="w"),
                tag(
                    "td",
                    _chip(row.quarantined, "warn") if row.quarantined else "0",
                    class_="n",
                ),
                tag("td", moment(row.application_at, say), class_="w"),
                tag("td", row.version or "–"),
                tag("td", row.pack[:20] or "–"),
                tag("td", [[tag("code", key), tag("br")] for key in row.key_ids.split()] or "–"),
            )
            for row, overdue in rows
        ]
        keys = ("terminal", "state", "heartbeat", "intake", "#depth", "oldest", "#quarantined")
        table = _table(say, (*keys, "last-application", "version", "pack", "keys"), body)
        asked = tag("p", moment(now, say), class_="quiet small")
        return self._page(
            viewer, "terminals", say("terminals"), head, tag("div", table, class_="card"), asked
        )

    # --- cases

    def cases(self, viewer: Viewer, chosen: Filter, rows: Sequence[CaseRow], more: bool) -> Safe:
        """The list and its filter; nothing personal."""
        say = viewer.say
        states = [("", say("all"))] + [(s.value, say(f"state.{s.value}")) for s in CaseState]
        departments = [("", say("all"))] + [
            (id_, self.department(say, id_)) for id_ in (*self._names, "unassigned")
        ]
        form = tag(
            "form",
            _field(say("state"), _select("state", states, chosen.state)),
            _field(say("department"), _select("department", departments, chosen.department)),
            _field(
                say("number"),
                tag(
                    "input",
                    name="number",
                    value=chosen.number,
                    placeholder=say("number-hint"),
                    size="32",
                ),
            ),
            tag("button", say("filter")),
            method="get",
            action="/operators/cases",
            class_="row",
        )
        body = [
            tag(
                "tr",
                tag(
                    "td",
                    _case_link(row.case.case_number),
                    class_="w",
                ),
                tag("td", row.receipt_number, class_="w"),
                tag("td", row.case.item),
                tag("td", self._state(say, row.case.state)),
                tag("td", " · ".join(self.department(say, d) for d in row.departments)),
                tag("td", moment(row.case.opened_at, say), class_="w"),
                tag("td", moment(row.case.changed_at, say), class_="w"),
                tag("td", row.terminal),
            )
            for row in rows
        ]
        keys = ("case-number", "receipt-number", "item", "state", "department")
        table = _table(say, (*keys, "received-at", "changed-at", "terminal"), body)
        return self._page(
            viewer,
            "cases",
            say("cases"),
            tag("h1", say("cases")),
            tag("div", form, class_="card"),
            tag("div", table, self._pager(say, chosen, more), class_="card")
            if rows
            else _empty(say("no-cases")),
        )

    def case(self, viewer: Viewer, file: CaseFile, problem: str = "") -> Safe:
        """One case with everything personal, its departments and its trail."""
        say, case = viewer.say, file.row.case
        told = (
            ("receipt-number", file.row.receipt_number),
            ("acceptance-number", case.acceptance_number or "–"),
            ("item", f"{case.item} {file.document.item.title}" if file.document else case.item),
            ("terminal", file.row.terminal),
            ("received-at", moment(case.opened_at, say)),
        )
        head = tag(
            "div",
            tag("h1", f"{say('case')} {case.case_number}"),
            self._state(say, case.state),
            class_="between",
        )
        facts = tag("div", _pairs([(say(key), value) for key, value in told]), class_="card")
        left = tag("div", facts, self._content(say, file))
        right = tag(
            "div",
            tag(
                "div",
                tag("h2", say("departments")),
                [self._line(viewer, file, line) for line in file.lines],
                class_="card",
            ),
            self._notes(say, file),
        )
        return self._page(
            viewer,
            "cases",
            case.case_number,
            head,
            tag("p", problem, class_="say bad", role="alert") if problem else None,
            tag("p", say("personal"), class_="say"),
            tag("div", left, right, class_="split"),
            self._trail(say, file.trail),
        )

    def _content(self, say: Speech, file: CaseFile) -> Safe:
        if file.document is None:
            return tag("p", say("purged"), class_="say warn")
        document = file.document
        parties = [
            tag(
                "tr",
                tag("td", say(f"role.{party.role}", party.role)),
                tag("td", tag("strong", party.name)),
                tag("td", say(f"kind.{party.document_kind}", party.document_kind)),
                tag("td", tag("code", party.number or "–")),
            )
            for party in file.parties
        ]
        titles = _titles(file)
        materials = [
            tag(
                "tr",
                tag(
                    "td",
                    titles[row.material],
                ),
                tag(
                    "td",
                    _chip(
                        say(f"status.{row.status}", row.status),
                        "warn" if row.status == "pledged" else "off",
                    ),
                ),
                tag("td", row.due or "–", class_="w"),
                tag("td", self._files(file, row.material)),
            )
            for row in file.materials
        ]
        more: list[tuple[str, str]] = [(key, str(value)) for key, value in document.form.items()]
        if document.contact is not None:
            more.append(
                (say("contact"), f"{document.contact.name} {document.contact.phone}".strip())
            )
        if document.delivery is not None:
            sent = (
                document.delivery.method,
                document.delivery.recipient,
                document.delivery.address,
            )
            more.append((say("delivery"), " ".join(part for part in sent if part)))
        return join(
            [
                _section(
                    say("parties"),
                    _table(say, ("role", "name", "document", "document-number"), parties),
                ),
                _section(
                    say("materials"), _table(say, ("material", "state", "due", "files"), materials)
                )
                if materials
                else None,
                _section(say("form"), _pairs(more)) if more else None,
            ]
        )

    def _files(self, file: CaseFile, material: str) -> object:
        assert file.document is not None
        number = file.row.case.case_number
        pages = [
            page
            for one in file.document.materials
            if one.id == material
            for page in one.attachments
            if page.id in file.files
        ]
        return [
            [
                _link(
                    f"{page.id} ({page.bytes // 1024 + 1} KB)",
                    f"/operators/cases/{number}/files/{page.id}",
                ),
                tag("br"),
            ]
            for page in pages
        ] or "–"

    def _line(self, viewer: Viewer, file: CaseFile, line: CaseLine) -> Safe:
        say, state = viewer.say, CaseState(line.state)
        head = tag(
            "div",
            tag("strong", self.department(say, line.department)),
            self._state(say, line.state),
            class_="between",
        )
        items = tag("div", f"{line.items} · {moment(line.changed_at, say)}", class_="quiet small")
        ways = [self._way(viewer, file, line, to) for to in ALLOWED[state]]
        closed = None if ways else tag("p", say("closed"), class_="quiet small")
        return tag("div", head, items, ways, closed, class_="line")

    def _way(self, viewer: Viewer, file: CaseFile, line: CaseLine, to: CaseState) -> Safe:
        """One move with what has to be said at it, folded up."""
        say = viewer.say
        asked: list[Safe] = []
        if to in REASONS:
            options = [("", say("choose"))] + [(r.value, say(f"reason.{r}")) for r in REASONS[to]]
            label = say("outcome" if to is CaseState.DECIDED else "reason")
            asked.append(_field(label, _select("reason", options, "", required="")))
        if to is CaseState.TO_BE_CORRECTED:
            asked += [self._papers(say, file)] if file.materials else []
            asked.append(_field(say("until"), tag("input", type="date", name="until", required="")))
        told = to in REASONS  # what is written at another move stays in the office
        words = tag(
            "textarea",
            name="note",
            maxlength=NOTE_MOST,
            placeholder=say("note-hint") if told else None,
        )
        form = tag(
            "form",
            _hidden("csrf", viewer.csrf),
            _hidden("department", line.department),
            _hidden("to", to.value),
            asked,
            tag("label", say("note" if told else "own-note"), words),
            tag("div", tag("button", say("move")), class_="row"),
            method="post",
            action=f"/operators/cases/{file.row.case.case_number}/move",
        )
        return tag("details", tag("summary", f"→ {say(f'state.{to}')}"), form)

    def _papers(self, say: Speech, file: CaseFile) -> Safe:
        titles = _titles(file)
        boxes = [
            tag(
                "label",
                tag("input", type="checkbox", name=f"{BRING}{row.material}", value="yes"),
                titles[row.material],
            )
            for row in file.materials
        ]
        return tag("fieldset", tag("legend", say("bring")), boxes)

    def _notes(self, say: Speech, file: CaseFile) -> Safe | None:
        if not file.notes:
            return None
        return _section(say("notes"), [self._note(say, file, note) for note in file.notes])

    def _note(self, say: Speech, file: CaseFile, note: CaseNote) -> Safe:
        titles = _titles(file)
        said = " · ".join(
            part
            for part in (
                self.department(say, note.department) if note.department else "",
                say(f"state.{note.state}") if note.state else "",
                say(f"reason.{note.reason}", "") if note.reason else "",
            )
            if part
        )
        papers = ", ".join(titles.get(id_, id_) for id_ in note.bring.split())
        return tag(
            "div",
            tag("div", tag("strong", said)) if said else None,
            tag("div", note.text, class_="words") if note.text else None,
            tag("div", f"{say('bring')}: {papers}") if papers else None,
            tag("div", f"{say('until')}: {note.until}") if note.until else None,
            tag("div", f"{note.author} · {moment(note.at, say)}", class_="quiet small"),
            class_="line",
        )

    def _trail(self, say: Speech, trail: Sequence[AuditEntry]) -> Safe:
        rows = [
            tag(
                "tr",
                tag("td", entry.sequence, class_="n"),
                tag("td", moment(datetime.fromisoformat(entry.at), say), class_="w"),
                tag("td", entry.actor),
                tag("td", say(f"action.{entry.action}", entry.action)),
                tag("td", self._detail(say, entry)),
                tag("td", tag("code", entry.digest[:12], class_="quiet")),
            )
            for entry in trail
        ]
        return _section(
            say("trail"), _table(say, ("##", "at", "who", "what", "detail", "##"), rows)
        )

    def _detail(self, say: Speech, entry: AuditEntry) -> str:
        told: dict[str, Any] = json.loads(entry.detail)
        if entry.action == "moved":
            was, to = (say(f"state.{told[key]}", str(told[key])) for key in ("from", "to"))
            reason = say(f"reason.{told['reason']}", "") if "reason" in told else ""
            more = (reason, told.get("acceptance_number", ""))
            said = f"{self.department(say, told['department'])}: {was} → {to}"
            return " · ".join(part for part in (said, *more) if part)
        return " · ".join(str(value) for value in told.values())

    # --- what must be looked at

    def flags(self, viewer: Viewer, flags: Sequence[Flag], gaps: Sequence[Gap]) -> Safe:
        """Flags that nobody cleared, and what is missing in the chains."""
        say = viewer.say
        rows = [
            tag(
                "tr",
                tag("td", _chip(say(f"flag.{flag.kind}", flag.kind), "warn")),
                tag("td", flag.terminal or "–"),
                tag(
                    "td",
                    say.detail(flag.detail),
                    tag("br"),
                    tag("code", flag.application_id, class_="quiet small"),
                ),
                tag("td", flag.count, class_="n"),
                tag("td", moment(flag.first_at, say), class_="w"),
                tag("td", moment(flag.last_at, say), class_="w"),
                tag(
                    "td",
                    tag(
                        "form",
                        _hidden("csrf", viewer.csrf),
                        tag("button", say("clear"), class_="plain"),
                        method="post",
                        action=f"/operators/flags/{flag.id}/clear",
                    ),
                ),
            )
            for flag in flags
        ]
        keys = ("kind", "terminal", "detail", "#count", "first", "last", "##")
        missing = [
            tag(
                "tr",
                tag("td", tag("strong", gap.terminal)),
                tag("td", gap.first if gap.first == gap.last else f"{gap.first} – {gap.last}"),
                tag("td", gap.last - gap.first + 1, class_="n"),
                tag("td", moment(gap.since, say), class_="w"),
            )
            for gap in gaps
        ]
        return self._page(
            viewer,
            "flags",
            say("flags"),
            tag("h1", say("flags")),
            _section(
                say("open-flags"), _table(say, keys, rows) if rows else _quiet(say("no-flags"))
            ),
            _section(
                say("gaps"),
                _table(say, ("terminal", "missing", "#entries", "since"), missing)
                if missing
                else _quiet(say("no-gaps")),
            ),
        )

    # --- shared

    def department(self, say: Speech, id_: str) -> str:
        """A department's name."""
        names = self._names.get(id_)
        if names is not None:
            return names[0] if say.language == "zh" else names[1]
        return say(f"department.{id_}", id_)

    def _state(self, say: Speech, state: str) -> Safe:
        return _chip(say(f"state.{state}", state), _CHIP[CaseState(state)])

    def _pager(self, say: Speech, chosen: Filter, more: bool) -> Safe | None:
        links = []
        for wanted, words, there in (
            (chosen.page - 1, "previous-page", chosen.page > 1),
            (chosen.page + 1, "next-page", more),
        ):
            if there:
                links.append(_link(say(words), f"/operators/cases?{_query(chosen, wanted)}"))
        return tag("div", links, class_="pages") if links else None

    def _page(self, viewer: Viewer, here: str, title: str, *body: object) -> Safe:
        say = viewer.say
        links = [
            tag(
                "a",
                say(key),
                href=f"/operators/{key}",
                class_="here" if key == here else None,
                aria_current="page" if key == here else None,
            )
            for key in ("cases", "terminals", "flags")
        ]
        other = "en" if say.language == "zh" else "zh"
        leave = tag(
            "form",
            tag("a", say("other-language"), href=f"/operators/language?to={other}"),
            tag("span", viewer.operator),
            _hidden("csrf", viewer.csrf),
            tag("button", say("log-out"), class_="plain"),
            method="post",
            action="/operators/logout",
        )
        head = tag("header", tag("div", tag("strong", say("title")), tag("nav", links), leave))
        return _document(say, title, head, tag("main", *body))


def _titles(file: CaseFile) -> dict[str, str]:
    """What the case's materials are called; their ids once the document is gone."""
    kept = file.document.materials if file.document is not None else ()
    titles = {one.id: one.title for one in kept}
    return {row.material: titles.get(row.material) or row.material for row in file.materials}


def _query(chosen: Filter, page: int) -> str:
    told = {
        "state": chosen.state,
        "department": chosen.department,
        "number": chosen.number,
        "page": page,
    }
    return urlencode({key: value for key, value in told.items() if value})


def _document(say: Speech, title: str, *body: object) -> Safe:
    page = tag(
        "html",
        tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("title", f"{title} · {say('title')}"),
            tag("link", rel="stylesheet", href="/operators/style.css"),
        ),
        tag("body", *body),
        lang=say.language,
    )
    return Safe("<!doctype html>" + page)


def _table(say: Speech, heads: Sequence[str], rows: Sequence[Safe]) -> Safe:
    """`#key` heads a column of figures, `##` one without a name."""
    cells = [
        tag(
            "th", "" if key == "##" else say(key.lstrip("#")), class_="n" if key[0] == "#" else None
        )
        for key in heads
    ]
    return tag("table", tag("thead", tag("tr", cells)), tag("tbody", rows))


def _section(title: str, *body: object) -> Safe:
    return tag("section", tag("h2", title), *body, class_="card")


def _pairs(pairs: Sequence[tuple[str, str]]) -> Safe:
    return tag("dl", [[tag("dt", key), tag("dd", value)] for key, value in pairs])


def _chip(text: object, kind: str) -> Safe:
    return tag("span", text, class_=f"chip {kind}".strip())


def _link(text: str, href: str) -> Safe:
    return tag("a", text, href=href)


def _case_link(number: str) -> Safe:
    return _link(number, f"/operators/cases/{number}")


def _quiet(text: str) -> Safe:
    return tag("p", text, class_="quiet")


def _empty(text: str) -> Safe:
    return tag("div", _quiet(text), class_="card")


def _hidden(name: str, value: str) -> Safe:
    return tag("input", type="hidden", name=name, value=value)


def _field(label: str, control: Safe) -> Safe:
    return tag("label", label, tag("br"), control)


def _select(
    name: str, options: Sequence[tuple[str, str]], chosen: str, required: str | None = None
) -> Safe:
    return tag(
        "select",
        [
            tag("option", text, value=value, selected="" if value == chosen else None)
            for value, text in options
        ],
        name=name,
        required=required,
    )
