"""Cases move along the table only; the trail only grows; what is old is really gone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from backend_help import make_document
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from central_backend import audit, retention
from central_backend.cases import ALLOWED, Cases, NotAllowed, overall
from central_backend.database import (
    AuditEntry,
    Case,
    CaseLine,
    CaseParty,
    Deletion,
    GivenAnswer,
    Heartbeat,
    Rejected,
    SealedPart,
    StoredApplication,
    StoredAttachment,
    StoredDocument,
    connect,
)
from central_backend.migrations import migrate
from central_backend.own_cases import own_cases
from central_backend.settings import Department, Retention, Settings
from kiosk.contract import (
    CaseState,
    DocumentKind,
    ProgressQuestion,
    QuestionParty,
    Words,
    canonical_bytes,
)

START = datetime(2026, 5, 10, 9, 0, tzinfo=UTC)
SETTINGS = Settings(
    departments=(
        Department(id="social", zh="社保局", en="Social Insurance", items=("si-1", "si-2")),
        Department(id="medical", zh="医保局", en="Medical Insurance", items=("mi-1",)),
    )
)
PLANTED = "PLANTED-IN-THE-DOCUMENT"


class House:
    """A database with cases, and a clock."""

    def __init__(self, url: str) -> None:
        self.engine: Engine = connect(url)
        migrate(self.engine)
        self.at = START
        self.cases = Cases(self.engine, SETTINGS, now=lambda: self.at)
        self._count = 0

    def open(self, *items: str, state: CaseState | None = None) -> str:
        """A case of one item, or of a bundle."""
        self._count += 1
        number = f"case-{self._count}"
        document = make_document(
            self._count,
            name=PLANTED,
            item="TX-001" if len(items) > 1 else items[0],
            components=items if len(items) > 1 else (),
        )
        with Session(self.engine) as session, session.begin():
            session.add(
                StoredApplication(
                    id=document.application_id,
                    digest="0" * 64,
                    suite="1",
                    key_id="k",
                    receipt_number=document.receipt_number,
                    terminal="LW042",
                    sequence=self._count,
                    received_at=self.at,
                    acknowledgement=b"acknowledged",
                )
            )
            session.flush()
            session.add(
                StoredDocument(
                    application_id=document.application_id, data=canonical_bytes(document)
                )
            )
            session.add(
                StoredAttachment(
                    application_id=document.application_id,
                    part_id="a",
                    sha256="0" * 64,
                    media_type="image/jpeg",
                    size=8000,
                    data=b"PLANTED-IN-THE-PICTURE" * 500,
                )
            )
            self.cases.open(session, number, document, self.at)
        return number

    def state(self, number: str) -> CaseState:
        with Session(self.engine) as session:
            return CaseState(session.get_one(Case, number).state)


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    made = House(database_url)
    yield made
    made.engine.dispose()


@pytest.fixture
def sqlite_house(tmp_path: Path) -> Iterator[House]:
    made = House(f"sqlite:///{tmp_path}/central.db")
    yield made
    made.engine.dispose()


def test_every_move_that_the_table_has_and_no_other(sqlite_house: House) -> None:
    ways = {
        CaseState.RECEIVED: (),
        CaseState.ACCEPTED: (CaseState.ACCEPTED,),
        CaseState.TO_BE_CORRECTED: (CaseState.TO_BE_CORRECTED,),
        CaseState.REFUSED: (CaseState.REFUSED,),
        CaseState.DECIDED: (CaseState.ACCEPTED, CaseState.DECIDED),
    }
    for was, way in ways.items():
        for to in CaseState:
            number = sqlite_house.open("si-1")
            for step in way:
                sqlite_house.cases.move(number, "social", step, actor="li", note="why")
            if to in ALLOWED[was]:
                sqlite_house.cases.move(number, "social", to, actor="li", note="why")
                assert sqlite_house.state(number) is to
            else:
                with pytest.raises(NotAllowed):
                    sqlite_house.cases.move(number, "social", to, actor="li", note="why")
                assert sqlite_house.state(number) is was


def test_a_bundle_has_a_line_per_department_and_moves_as_a_whole(house: House) -> None:
    number = house.open("si-1", "mi-1", "si-2", "nobodys-item")
    house.cases.move(number, "social", CaseState.ACCEPTED, actor="li")
    asked = ProgressQuestion(receipt_number=make_document(1).receipt_number, last4="002X")
    told = house.cases.progress(asked)
    assert told.state is CaseState.ACCEPTED
    assert told.acceptance_number == "SL20260510000001"
    assert [(d.department, d.items, d.state.value) for d in told.departments] == [
        ("medical", ("mi-1",), "received"),
        ("social", ("si-1", "si-2"), "accepted"),
        ("unassigned", ("nobodys-item",), "received"),
    ]
    assert told.departments[0].name.zh == "医保局"
    house.cases.move(number, "medical", CaseState.TO_BE_CORRECTED, actor="wang", note="photo")
    assert house.state(number) is CaseState.TO_BE_CORRECTED
    house.cases.move(number, "medical", CaseState.REFUSED, actor="wang", note="late")
    house.cases.move(number, "social", CaseState.DECIDED, actor="li")
    assert house.state(number) is CaseState.ACCEPTED
    house.cases.move(number, "unassigned", CaseState.REFUSED, actor="li", note="none of ours")
    assert house.state(number) is CaseState.DECIDED
    assert house.cases.progress(asked).acceptance_number == "SL20260510000001"
    with pytest.raises(LookupError):
        house.cases.move(number, "water", CaseState.ACCEPTED, actor="li")


@given(st.lists(st.sampled_from(list(CaseState)), min_size=1, max_size=6))
def test_where_a_case_stands_says_what_must_be_known_first(states: list[CaseState]) -> None:
    whole = overall(states)
    assert (whole is CaseState.TO_BE_CORRECTED) == (CaseState.TO_BE_CORRECTED in states)
    closed = {CaseState.REFUSED, CaseState.DECIDED}
    assert (whole in closed) == (set(states) <= closed)
    assert overall(reversed(states)) is whole


def test_a_reason_is_needed_where_the_resident_must_be_told(sqlite_house: House) -> None:
    number = sqlite_house.open("si-1")
    for to in (CaseState.TO_BE_CORRECTED, CaseState.REFUSED):
        with pytest.raises(NotAllowed, match="note-needed"):
            sqlite_house.cases.move(number, "social", to, actor="li", note="  ")
    with pytest.raises(NotAllowed, match="note-too-long"):
        sqlite_house.cases.move(number, "social", CaseState.REFUSED, actor="li", note="x" * 1001)


# --- the trail


def _entries(house: House) -> list[AuditEntry]:
    with Session(house.engine) as session:
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.sequence)))


def _broken(house: House) -> audit.Broken | None:
    with Session(house.engine) as session:
        return audit.first_break(session)


def test_the_trail_tells_every_move_and_nothing_personal(house: House) -> None:
    number = house.open("si-1")
    house.cases.move(number, "social", CaseState.TO_BE_CORRECTED, actor="li", note="Zhang's photo")
    told = [(e.actor, e.action, e.subject) for e in _entries(house)]
    assert told == [("terminal:LW042", "received", number), ("li", "moved", number)]
    assert not any("Zhang" in e.detail or PLANTED in e.detail for e in _entries(house))
    assert _broken(house) is None


REFUSED = (
    "UPDATE audit_entry SET actor = 'nobody'",
    "DELETE FROM audit_entry",
    "DELETE FROM audit_entry WHERE sequence = 2",
    "INSERT INTO audit_anchor VALUES (1, 'made up', '2026')",
)


@pytest.mark.parametrize("statement", REFUSED)
def test_the_database_refuses_to_change_the_trail(house: House, statement: str) -> None:
    house.cases.move(house.open("si-1"), "social", CaseState.ACCEPTED, actor="li")
    with pytest.raises(DBAPIError, match="only grows"), house.engine.begin() as connection:
        connection.execute(text(statement))
    assert len(_entries(house)) == 2


def test_neither_replace_nor_truncate_gets_around_it(house: House) -> None:
    house.open("si-1")
    statement = "TRUNCATE audit_entry"
    if house.engine.dialect.name == "sqlite":
        statement = "INSERT OR REPLACE INTO audit_entry SELECT * FROM audit_entry"
    with pytest.raises(DBAPIError, match="only grows"), house.engine.begin() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("UPDATE audit_entry SET actor = 'nobody' WHERE sequence = 2", 2),
        ("DELETE FROM audit_entry WHERE sequence = 2", 2),
        ("DELETE FROM audit_entry WHERE sequence = 3", 3),
        ("DELETE FROM audit_entry WHERE sequence = 1", 1),
    ],
)
def test_who_owns_the_database_cannot_hide_it(
    sqlite_house: House, tmp_path: Path, statement: str, where: int
) -> None:
    number = sqlite_house.open("si-1")
    for to in (CaseState.ACCEPTED, CaseState.DECIDED):
        sqlite_house.cases.move(number, "social", to, actor="li")
    assert _broken(sqlite_house) is None
    with sqlite3.connect(tmp_path / "central.db") as owner:
        for event in ("update", "delete"):
            owner.execute(f"DROP TRIGGER audit_entry_{event}_refused")
        owner.execute(statement)
    owner.close()
    broken = _broken(sqlite_house)
    assert broken is not None
    assert broken.sequence == where


# --- retention

PERIODS = Retention(
    documents_days=30,
    attachments_days=10,
    audit_days=60,
    heartbeats_days=5,
    rejected_days=7,
    answers_days=6,
)


def _fill(house: House) -> str:
    number = house.open("si-1")
    with Session(house.engine) as session, session.begin():
        session.add(
            GivenAnswer(
                request_id="e" * 32, question_digest="e" * 64, at=house.at, answer=b"PLANTED-ANSWER"
            )
        )
        session.add(Heartbeat(terminal="LW042", at=house.at, body="PLANTED-HEARTBEAT"))
        session.add(
            Rejected(
                application_id="f" * 32,
                digest="f" * 64,
                code="SE-01",
                terminal="LW042",
                at=house.at,
                body=b"PLANTED-REJECTED",
            )
        )
        session.add(
            SealedPart(
                application_id="f" * 32,
                ordinal=0,
                digest="f" * 64,
                size=13,
                put_at=house.at,
                data=b"PLANTED-STRAY" * 100,
            )
        )
    house.cases.move(number, "social", CaseState.REFUSED, actor="li", note="PLANTED-NOTE")
    return number


def _count(house: House, table: type) -> int:
    with Session(house.engine) as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_each_class_goes_when_its_time_is_over_and_the_id_stays(house: House) -> None:
    number = _fill(house)
    open_number = house.open("mi-1")

    def purge(days: float) -> dict[str, int]:
        done = retention.purge(house.engine, PERIODS, START + timedelta(days=days))
        return {one.kind.value: one.rows for one in done if one.rows}

    assert purge(4) == {}
    assert purge(5.5) == {"heartbeats": 1}
    assert purge(6.5) == {"answers": 1}
    assert purge(7.5) == {"rejected": 2}
    assert purge(10.5) == {"attachments": 1}
    assert purge(30.5) == {"documents": 1}
    assert purge(60.5) == {"audit": 3}
    assert purge(60.5) == {}
    assert _broken(house) is None, "what is left still fits, from the anchor on"
    assert _count(house, StoredApplication) == 2
    assert _count(house, Case) == 2
    assert _count(house, CaseLine) == 2
    with Session(house.engine) as session:
        kept = session.scalars(select(CaseParty.case_number)).all()
        assert kept == [open_number], "an open case keeps what it needs"
        stored = session.scalar(
            select(StoredApplication.acknowledgement).where(StoredApplication.sequence == 1)
        )
        assert stored == b"acknowledged"
        told = session.execute(select(Deletion.kind, Deletion.count).order_by(Deletion.id)).all()
    assert [tuple(row) for row in told] == [
        ("heartbeats", 1),
        ("answers", 1),
        ("rejected", 2),
        ("attachments", 1),
        ("documents", 1),
        ("audit", 3),
    ]
    assert house.state(number) is CaseState.REFUSED
    with pytest.raises(DBAPIError, match="only grows"), house.engine.begin() as connection:
        connection.execute(text("DELETE FROM deletion"))


def test_after_the_purge_no_file_holds_the_bytes(sqlite_house: House, tmp_path: Path) -> None:
    _fill(sqlite_house)

    def on_disk() -> bytes:
        return b"".join(path.read_bytes() for path in sorted(tmp_path.glob("central.db*")))

    before = on_disk()
    planted = ("DOCUMENT", "PICTURE", "HEARTBEAT", "REJECTED", "STRAY", "NOTE", "ANSWER")
    assert all(word.encode() in before for word in planted)
    retention.purge(sqlite_house.engine, PERIODS, START + timedelta(days=61))
    after = on_disk()
    assert not any(b"PLANTED-" in after for _ in planted)
    assert b"99010219530412002X" not in after
    assert b"acknowledged" in after


def party(number: str, kind: DocumentKind = DocumentKind.RESIDENT_ID) -> QuestionParty:
    """Whose card is on the reader."""
    return QuestionParty(name=PLANTED, document_kind=kind, number=number)


def test_ones_own_cases_are_the_real_ones(house: House) -> None:
    number = "99010219530412002X"
    first = house.open("si-1")
    house.at += timedelta(days=2)
    second = house.open("si-1", "mi-1")
    house.cases.move(second, "medical", CaseState.TO_BE_CORRECTED, actor="op", note="缺照片")
    house.cases.move(first, "social", CaseState.ACCEPTED, actor="op")
    names = {d.id: Words(zh=d.zh, en=d.en) for d in SETTINGS.departments}
    with Session(house.engine) as session:
        found = own_cases(session, party(number), names)
        assert list(found) == [second, first], "the newest first"
        newest = {row.label.zh: row.value.zh for row in found[second].rows}
        assert newest["办到哪一步"] == "待补正"
        assert newest["原因"] == "缺照片"
        assert (newest["社保局"], newest["医保局"]) == ("已收到", "待补正")
        assert newest["还要补交的材料"].startswith("1 份")
        assert newest["收到"] == "2026-05-12"
        older = {row.label.en: row.value.en for row in found[first].rows}
        assert older["State"] == "Accepted"
        assert "Reason" not in older
        assert older["Acceptance number"].startswith("SL")
        assert own_cases(session, party("990102195304120038"), names) == {}
        assert own_cases(session, party(number, DocumentKind.PASSPORT), names) == {}


def test_a_case_that_speaks_of_somebody_is_not_theirs(house: House) -> None:
    case = house.open("si-1")
    child = CaseParty(
        case_number=case, role="child", name="子", document_kind="resident-id", number="C1"
    )
    agent = CaseParty(
        case_number=case, role="agent", name="代", document_kind="resident-id", number="A1"
    )
    with Session(house.engine) as session, session.begin():
        session.add_all([child, agent])
    with Session(house.engine) as session:
        assert own_cases(session, party("C1"), {}) == {}
        assert list(own_cases(session, party("A1"), {})) == [case]


def test_a_document_that_is_gone_leaves_the_code(house: House) -> None:
    case = house.open("si-1")
    with Session(house.engine) as session, session.begin():
        for kept in session.scalars(select(StoredDocument)):
            session.delete(kept)
    with Session(house.engine) as session:
        found = own_cases(session, party("99010219530412002X"), {})
        assert found[case].title.zh == "si-1"
