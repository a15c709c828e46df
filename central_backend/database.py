"""Tables and engine: SQLite for one machine, PostgreSQL by URL.

An application's id and digest are kept for good; everything that follows from it is
written in the same transaction as its acknowledgement, or not at all.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    Engine,
    ForeignKey,
    LargeBinary,
    String,
    Text,
    create_engine,
    event,
    select,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import QueuePool


class Base(DeclarativeBase):
    """All tables."""


class Counter(Base):
    """Gapless counters: the row is locked until its transaction ends."""

    __tablename__ = "counter"
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)


class StoredPart(Base):
    """An attachment that was put, before or after its application."""

    __tablename__ = "part"
    application_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    part_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    media_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary)


class StoredApplication(Base):
    """The document as it came, byte for byte, and the acknowledgement that was given."""

    __tablename__ = "application"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    receipt_number: Mapped[str] = mapped_column(String(40), unique=True)
    sequence: Mapped[int] = mapped_column(BigInteger, unique=True)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    document: Mapped[bytes] = mapped_column(LargeBinary)
    acknowledgement: Mapped[bytes] = mapped_column(LargeBinary)


class Case(Base):
    """What the department works on: the effect that must exist exactly once."""

    __tablename__ = "case_file"
    case_number: Mapped[str] = mapped_column(String(40), primary_key=True)
    # Indexed, not unique: that there is one is what tests count, not what a schema hides.
    application_id: Mapped[str] = mapped_column(ForeignKey("application.id"), index=True)
    item: Mapped[str] = mapped_column(String(128))
    state: Mapped[str] = mapped_column(String(20))
    opened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class CaseParty(Base):
    """Who takes part in a case."""

    __tablename__ = "case_party"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_number: Mapped[str] = mapped_column(ForeignKey("case_file.case_number"), index=True)
    role: Mapped[str] = mapped_column(String(128))
    name: Mapped[str] = mapped_column(String(200))
    document_kind: Mapped[str] = mapped_column(String(32))
    number: Mapped[str] = mapped_column(String(200))


class CaseMaterial(Base):
    """What was handed in, and what is owed until when."""

    __tablename__ = "case_material"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_number: Mapped[str] = mapped_column(ForeignKey("case_file.case_number"), index=True)
    material: Mapped[str] = mapped_column(String(128))
    status: Mapped[str] = mapped_column(String(20))
    due: Mapped[str] = mapped_column(String(10), default="")


class GivenAnswer(Base):
    """An answer to a certificate or query request, so that a repeat gets the same."""

    __tablename__ = "given_answer"
    request_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    question_digest: Mapped[str] = mapped_column(String(64))
    answer: Mapped[bytes] = mapped_column(LargeBinary)


class Certificate(Base):
    """What is needed to say that a certificate is genuine."""

    __tablename__ = "certificate"
    certificate_no: Mapped[str] = mapped_column(String(40), primary_key=True)
    verify_code: Mapped[str] = mapped_column(String(20))
    title_zh: Mapped[str] = mapped_column(Text)
    title_en: Mapped[str] = mapped_column(Text)
    masked_name: Mapped[str] = mapped_column(String(200))
    issued_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def open_engine(url: str) -> Engine:
    """An engine for `url`, with the tables there.

    `postgresql://` is taken to mean psycopg. SQLite gets WAL with synchronous FULL, and
    transactions that take the write lock when they begin.
    """
    if url.startswith("postgresql://"):
        url = "postgresql+psycopg://" + url.removeprefix("postgresql://")
    if url.startswith("sqlite"):
        engine = _sqlite(url)
    else:
        engine = create_engine(url, pool_pre_ping=True, hide_parameters=True)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # Workers that start together must not create the same table twice.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(20420317)")
        Base.metadata.create_all(connection)
    return engine


def _sqlite(url: str) -> Engine:
    options: dict[str, Any] = {"hide_parameters": True}
    if url in ("sqlite://", "sqlite:///:memory:"):
        # A database in memory lives in its one connection, which threads use in turn.
        options |= {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0}
        options["connect_args"] = {"check_same_thread": False}
    else:
        options["connect_args"] = {"timeout": 30.0, "check_same_thread": False}
    engine = create_engine(url, **options)

    @event.listens_for(engine, "connect")
    def _settings(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions itself
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def next_value(session: Session, name: str) -> int:
    """The next value of a gapless counter; its row stays locked until the commit."""
    postgresql = session.get_bind().dialect.name == "postgresql"
    insert = postgresql_insert if postgresql else sqlite_insert
    statement = insert(Counter).values(name=name, value=1)
    statement = statement.on_conflict_do_update(
        index_elements=[Counter.name], set_={"value": Counter.value + 1}
    )
    session.execute(statement)
    return session.execute(select(Counter.value).where(Counter.name == name)).scalar_one()
