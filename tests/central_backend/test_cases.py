"""Cases move along the table only; the trail only grows; what is old is really gone."""

from __future__ import annotations

import json
import queue
import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from backend_help import WAIT_S, SealingTerminal, hand_in, make_document
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from central_backend import audit, retention
from central_backend.cases import ALLOWED, NOTE_MOST, REASONS, Cases, NotAllowed, Why, overall
from central_backend.chance import Tables
from central_backend.database import (
    AuditEntry,
    Case,
    CaseLine,
    CaseNote,
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
from central_backend.embedded import EmbeddedBackend
from central_backend.migrations import configuration, migrate
from central_backend.own_cases import own_cases, pieces
from central_backend.settings import Department, Retention, Settings
from central_backend.words import WORDS
from kiosk.contract import (
    ApplicationDocument,
    CaseReason,
    CaseState,
    DeliveryChoice,
    DocumentKind,
    ProgressAnswer,
    ProgressQuestion,
    QuestionParty,
    ReasonCode,
    Words,
    canonical_bytes,
)
from kiosk.journey.effects import AskCentral
from kiosk.journey.events import CentralAnswered, Event
from kiosk.world.central import Asking

START = datetime(2026, 5, 10, 9, 0, tzinfo=UTC)
SETTINGS = Settings(
    departments=(
        Department(id="social", zh="社保局", en="Social Insurance", items=("si-1", "si-2")),
        Department(id="medical", zh="医保局", en="Medical Insurance", items=("mi-1",)),
    )
)
PLANTED = "PLANTED-IN-THE-DOCUMENT"
JUNE = date(2026, 6, 1)


def why(to: CaseState, note: str = "why") -> Why:
    """What may be said at a move to `to`, at the least."""
    reason = REASONS[to][0] if to in REASONS else None
    return Why(reason, note, until=JUNE if to is CaseState.TO_BE_CORRECTED else None)


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
                sqlite_house.cases.move(number, "social", step, actor="li", why=why(step))
            if to in ALLOWED[was]:
                sqlite_house.cases.move(number, "social", to, actor="li", why=why(to))
                assert sqlite_house.state(number) is to
            else:
                with pytest.raises(NotAllowed):
                    sqlite_house.cases.move(number, "social", to, actor="li", why=why(to))
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
    house.cases.move(
        number,
        "medical",
        CaseState.TO_BE_CORRECTED,
        actor="wang",
        why=why(CaseState.TO_BE_CORRECTED),
    )
    assert house.state(number) is CaseState.TO_BE_CORRECTED
    house.cases.move(number, "medical", CaseState.REFUSED, actor="wang", why=why(CaseState.REFUSED))
    house.cases.move(number, "social", CaseState.DECIDED, actor="li", why=why(CaseState.DECIDED))
    assert house.state(number) is CaseState.ACCEPTED
    refused = Why(ReasonCode.NOT_HERE)
    house.cases.move(number, "unassigned", CaseState.REFUSED, actor="li", why=refused)
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


FIX = CaseState.TO_BE_CORRECTED
TODAY = date(2026, 5, 10)


WITHOUT: tuple[tuple[CaseState, Why, str], ...] = (
    (FIX, Why(), "reason-needed"),
    (FIX, Why(None, "in my words"), "reason-needed"),
    (FIX, Why(ReasonCode.TOO_LATE, until=JUNE), "reason-needed"),
    (CaseState.ACCEPTED, Why(ReasonCode.GRANTED), "reason-needed"),
    (CaseState.REFUSED, Why(ReasonCode.OTHER, " \n\x07 "), "note-needed"),
    (CaseState.REFUSED, Why(ReasonCode.TOO_LATE, "x" * (NOTE_MOST + 1)), "note-too-long"),
    (FIX, Why(ReasonCode.PAPER_MISSING), "until-needed"),
    (FIX, Why(ReasonCode.PAPER_MISSING, until=TODAY - timedelta(1)), "until-wrong"),
    (FIX, Why(ReasonCode.PAPER_MISSING, until=TODAY + timedelta(400)), "until-wrong"),
    (FIX, Why(ReasonCode.PAPER_MISSING, bring=("deed",), until=JUNE), "bring-unknown"),
)


def test_nobody_is_sent_away_without_the_whole_reason(sqlite_house: House) -> None:
    number = sqlite_house.open("si-1")
    for to, said, missing in WITHOUT:
        with pytest.raises(NotAllowed, match=missing):
            sqlite_house.cases.move(number, "social", to, actor="li", why=said)
        assert sqlite_house.state(number) is CaseState.RECEIVED
        assert f"move.{missing}" in WORDS


def test_a_decision_that_is_not_the_wanted_one_is_explained(sqlite_house: House) -> None:
    number = sqlite_house.open("si-1")
    sqlite_house.cases.move(number, "social", CaseState.ACCEPTED, actor="li")
    for said in (Why(), Why(ReasonCode.DENIED), Why(ReasonCode.PARTLY)):
        with pytest.raises(NotAllowed):
            sqlite_house.cases.move(number, "social", CaseState.DECIDED, actor="li", why=said)
    denied = Why(ReasonCode.DENIED, "年限不够")
    sqlite_house.cases.move(number, "social", CaseState.DECIDED, actor="li", why=denied)
    assert sqlite_house.state(number) is CaseState.DECIDED


def test_who_has_the_number_alone_learns_what_to_bring_and_not_what_was_written(
    house: House,
) -> None:
    number = house.open("si-1")
    asked = ProgressQuestion(receipt_number=make_document(1).receipt_number, last4="002X")
    assert house.cases.progress(asked).departments[0].reason is None
    said = Why(ReasonCode.PAPER_UNREADABLE, "张三的照片反光", ("photo",), JUNE)
    house.cases.move(number, "social", FIX, actor="li", why=said)
    told = house.cases.progress(asked)
    (department,) = told.departments
    assert department.reason == CaseReason(
        code=ReasonCode.PAPER_UNREADABLE,
        words=Words(zh="拍的材料看不清", en="A picture of a paper cannot be read"),
        bring=("photo",),
        until=JUNE,
    )
    assert "反光".encode() not in canonical_bytes(told)
    assert ProgressAnswer.model_validate_json(canonical_bytes(told)) == told
    house.cases.move(number, "social", CaseState.ACCEPTED, actor="li")
    assert house.cases.progress(asked).departments[0].reason is None, "it was put right"


# --- the trail


def _entries(house: House) -> list[AuditEntry]:
    with Session(house.engine) as session:
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.sequence)))


def _broken(house: House) -> audit.Broken | None:
    with Session(house.engine) as session:
        return audit.first_break(session)


def test_the_trail_tells_every_move_and_nothing_personal(house: House) -> None:
    number = house.open("si-1")
    said = Why(ReasonCode.PAPER_WRONG, "Zhang's photo", ("photo",), JUNE)
    house.cases.move(number, "social", CaseState.TO_BE_CORRECTED, actor="li", why=said)
    told = [(e.actor, e.action, e.subject) for e in _entries(house)]
    assert told == [("terminal:LW042", "received", number), ("li", "moved", number)]
    moved = json.loads(_entries(house)[1].detail)
    assert (moved["reason"], moved["bring"], moved["until"]) == (
        "paper-wrong",
        "photo",
        "2026-06-01",
    )
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
        sqlite_house.cases.move(number, "social", to, actor="li", why=why(to))
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
    refused = Why(ReasonCode.TOO_LATE, "PLANTED-NOTE")
    house.cases.move(number, "social", CaseState.REFUSED, actor="li", why=refused)
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


NAMES = {d.id: Words(zh=d.zh, en=d.en) for d in SETTINGS.departments}
OWN = "99010219530412002X"


def shown(house: House, number: str = OWN, today: date = TODAY) -> Tables:
    """What somebody sees of their cases."""
    with Session(house.engine) as session:
        return own_cases(session, party(number), NAMES, today)


def rows(found: Tables, key: str, language: str = "zh") -> dict[str, str]:
    """Labels and values of one table."""
    return {getattr(r.label, language): getattr(r.value, language) for r in found[key].rows}


def test_ones_own_cases_are_the_real_ones(house: House) -> None:
    first = house.open("si-1")
    house.at += timedelta(days=2)
    second = house.open("si-1", "mi-1")
    house.cases.move(first, "social", CaseState.ACCEPTED, actor="op")
    found = shown(house)
    assert list(found) == [second, first], "the newest first"
    newest = rows(found, second)
    assert newest["办到哪一步"] == "已收到，部门还没开始办"
    assert (newest["社保局"], newest["医保局"]) == ("已收到", "已收到")
    assert newest["还要补交的材料"].startswith("1 份")
    assert newest["收到"] == "2026-05-12"
    older = rows(found, first, "en")
    assert older["State"].startswith("Accepted")
    assert "Why" not in older
    assert older["Acceptance number"].startswith("SL")
    assert shown(house, "990102195304120038") == {}
    with Session(house.engine) as session:
        passport = party(OWN, DocumentKind.PASSPORT)
        assert own_cases(session, passport, NAMES, TODAY) == {}


def test_what_must_be_corrected_comes_first_with_why_what_and_until_when(house: House) -> None:
    waits = house.open("si-1")
    house.at += timedelta(days=2)
    newer = house.open("si-1")
    papers = ("photo", "paper")
    said = Why(ReasonCode.PAPER_UNREADABLE, " 房号看不清。\r\n请再拍一次。", papers, JUNE)
    house.cases.move(waits, "social", FIX, actor="op", why=said)
    found = shown(house)
    assert list(found) == [waits, newer], "what waits for them comes before what is newer"
    assert [(row.label.zh, row.value.zh) for row in found[waits].rows][:8] == [
        ("办到哪一步", "待补正，等您补好"),
        ("为什么", "拍的材料看不清"),
        ("部门的话", "房号看不清。"),
        ("", "请再拍一次。"),
        ("最晚哪天", "2026年6月1日（还有22天）"),
        ("要带来的", "photo"),
        ("还有", "paper"),
        ("到哪里", "社保局窗口，带身份证和回执"),
    ]
    english = rows(found, waits, "en")
    assert english["Why"] == "A picture of a paper cannot be read"
    assert english["The office writes"] == "房号看不清。", "what was written stays as it is"
    assert english["No later than"] == "1 Jun 2026 (22 days left)"
    assert "就是今天" in rows(shown(house, today=JUNE), waits)["最晚哪天"]
    late = rows(shown(house, today=JUNE + timedelta(1)), waits)["最晚哪天"]
    assert "已经过了" in late
    house.cases.move(waits, "social", CaseState.ACCEPTED, actor="op")
    assert "为什么" not in rows(shown(house), waits), "it was put right"


def test_at_the_terminal_it_is_read_by_whose_card_lies_there() -> None:
    with EmbeddedBackend(settings=SETTINGS) as backend:
        terminal = SealingTerminal(backend.keyring)
        sealed = terminal.seal(make_document(1, item="si-1"))
        assert hand_in(backend.url, sealed, terminal.handover(sealed)).status_code == 201
        with Session(backend.engine) as session:
            number = session.scalars(select(Case.case_number)).one()
        day = datetime.now(UTC).date() + timedelta(days=10)
        said = Why(ReasonCode.PAPER_MISSING, "还差一张照片", ("photo",), day)
        cases = Cases(backend.engine, SETTINGS, now=lambda: datetime.now(UTC))
        cases.move(number, "social", FIX, actor="li", why=said)
        told: queue.Queue[Event] = queue.Queue()
        asking = Asking(backend.url, "LW042", told.put, connect_s=WAIT_S, answer_s=WAIT_S)
        asked = AskCentral(
            item="SQ-001",
            record="cases",
            certificate=False,
            language="en",
            document_kind="resident",
            name="张三",
            id_number=OWN,
            how_verified="card",
        )
        asking.ask(asked, 7)
        answer = told.get(timeout=WAIT_S)
        asking.close()
    assert isinstance(answer, CentralAnswered)
    ((_title, lines),) = answer.sections
    assert lines[3][0] == "No later than"
    assert (*lines[:3], lines[4]) == (
        ("State", "To be corrected: it waits for you"),
        ("Why", "A paper is missing"),
        ("The office writes", "还差一张照片"),
        ("To bring", "photo"),
    )
    assert "差" not in repr(answer)


def test_each_department_of_a_bundle_says_its_own_reason(house: House) -> None:
    case = house.open("si-1", "mi-1")
    refused = Why(ReasonCode.OTHER, "要先转回医保关系")
    house.cases.move(case, "medical", CaseState.REFUSED, actor="op", why=refused)
    house.cases.move(case, "social", FIX, actor="op", why=why(FIX, ""))
    found = shown(house)
    assert list(found) == [case, f"{case}:medical", f"{case}:social"]
    assert found[f"{case}:medical"].title.zh.endswith(" · 医保局")
    medical = rows(found, f"{case}:medical")
    assert medical == {"办到哪一步": "不予受理，没有办成", "部门的话": "要先转回医保关系"}
    assert rows(found, f"{case}:social")["为什么"] == "少交了材料"
    assert "部门的话" not in rows(found, f"{case}:social")


def test_what_was_decided_and_how_it_is_handed_over(sqlite_house: House) -> None:
    case = sqlite_house.open("si-1")
    with Session(sqlite_house.engine) as session, session.begin():
        (kept,) = session.scalars(select(StoredDocument))
        document = ApplicationDocument.model_validate_json(kept.data)
        posted = document.model_copy(update={"delivery": DeliveryChoice(method="post")})
        kept.data = canonical_bytes(posted)
    sqlite_house.cases.move(case, "social", CaseState.ACCEPTED, actor="op")
    granted = Why(ReasonCode.GRANTED)
    sqlite_house.cases.move(case, "social", CaseState.DECIDED, actor="op", why=granted)
    told = rows(shown(sqlite_house), case)
    assert (told["办到哪一步"], told["结果"]) == ("已办结", "同意，已办好")
    assert told["怎么拿到"] == "邮寄到您留的地址"
    assert "还要补交的材料" not in told


@given(st.text(st.sampled_from("材料看不清，请重拍。a b.;!\n 𠀀\ue123"), max_size=NOTE_MOST))
def test_no_character_of_a_departments_words_is_lost(text: str) -> None:
    found = pieces(text)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(0 < len(piece) <= 80 for piece in found)


def test_every_reason_has_words_for_both() -> None:
    said = {reason for reasons in REASONS.values() for reason in reasons}
    assert said == set(ReasonCode)
    for reason in ReasonCode:
        assert all(WORDS[f"reason.{reason}"])


def test_notes_from_before_keep_the_move_they_were_written_at(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/old.db")
    with engine.begin() as connection:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        at = "2026-05-10 09:00:00"
        for statement in (
            "INSERT INTO application VALUES"
            f" ('a', 'd', '1', 'k', 'R-00001-1', 'LW042', 1, '{at}', x'00')",
            f"INSERT INTO case_file VALUES ('c', 'a', 'i', 'refused', NULL, '{at}', '{at}', NULL)",
            f"INSERT INTO case_note VALUES (1, 'c', '{at}', 'li', 'first')",
            f"INSERT INTO case_note VALUES (2, 'c', '{at}', 'li', 'for us')",
            f"INSERT INTO case_note VALUES (3, 'c', '{at}', 'li', 'third')",
        ):
            connection.execute(text(statement))
    moves = [
        ("social", FIX, True),
        ("medical", CaseState.ACCEPTED, False),
        ("social", CaseState.ACCEPTED, True),
        ("medical", CaseState.REFUSED, True),
    ]
    with Session(engine) as session, session.begin():
        for department, to, noted in moves:
            detail = {
                "department": department,
                "to": to.value,
                **({"note": "yes"} if noted else {}),
            }
            audit.append(session, at=START, actor="li", action="moved", subject="c", detail=detail)
    migrate(engine)
    with Session(engine) as session:
        notes = session.scalars(select(CaseNote).order_by(CaseNote.id)).all()
        assert [(n.text, n.department, n.state, n.reason) for n in notes] == [
            ("first", "social", "to-be-corrected", "other"),
            ("for us", "social", "accepted", ""),
            ("third", "medical", "refused", "other"),
        ]
    engine.dispose()


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
        assert own_cases(session, party("C1"), {}, TODAY) == {}
        assert list(own_cases(session, party("A1"), {}, TODAY)) == [case]


def test_a_document_that_is_gone_leaves_the_code(house: House) -> None:
    case = house.open("si-1")
    with Session(house.engine) as session, session.begin():
        for kept in session.scalars(select(StoredDocument)):
            session.delete(kept)
    with Session(house.engine) as session:
        found = own_cases(session, party(OWN), {}, TODAY)
        assert found[case].title.zh == "si-1"
