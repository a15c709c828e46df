"""Tables and engine: SQLite for one machine, PostgreSQL by URL.

An application's id and digest are kept for good; everything that follows from it is
written in the same transaction as its acknowledgement, or not at all. Tables are made and
changed by the migrations alone; a test says that these models agree with them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    Dialect,
    Engine,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    select,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import QueuePool
from sqlalchemy.types import TypeDecorator

# SQLite numbers rows by itself for INTEGER only.
_RowId = BigInteger().with_variant(Integer(), "sqlite")


class Utc(TypeDecorator[datetime]):
    """A moment in UTC. SQLite gives naive ones back; nobody else has to know."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Moments go in as UTC; a naive one is a mistake."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without its zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """They come back aware."""
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """All tables."""


class Counter(Base):
    """Gapless counters: the row is locked until its transaction ends."""

    __tablename__ = "counter"
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)


# --- what came in


class SealedPart(Base):
    """A part as it came. Its bytes go when the application is filed, its digest stays."""

    __tablename__ = "sealed_part"
    application_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    put_at: Mapped[datetime] = mapped_column(Utc, index=True)
    data: Mapped[bytes | None] = mapped_column(LargeBinary)


class StoredApplication(Base):
    """Kept for good: id, digest, numbers, and the acknowledgement that was given."""

    __tablename__ = "application"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    suite: Mapped[str] = mapped_column(String(8))
    key_id: Mapped[str] = mapped_column(String(64))
    receipt_number: Mapped[str] = mapped_column(String(40), unique=True)
    terminal: Mapped[str] = mapped_column(String(12), index=True)
    sequence: Mapped[int] = mapped_column(BigInteger, unique=True)
    received_at: Mapped[datetime] = mapped_column(Utc)
    acknowledgement: Mapped[bytes] = mapped_column(LargeBinary)


class StoredDocument(Base):
    """The opened document, byte for byte; goes when its class's time is over."""

    __tablename__ = "document"
    application_id: Mapped[str] = mapped_column(ForeignKey("application.id"), primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class StoredAttachment(Base):
    """An opened attachment; goes when its class's time is over."""

    __tablename__ = "attachment"
    application_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    part_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    media_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int] = mapped_column(BigInteger)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class Rejected(Base):
    """What could not be read, sealed as it came, so that somebody can find out why."""

    __tablename__ = "rejected"
    application_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    code: Mapped[str] = mapped_column(String(40))
    terminal: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime] = mapped_column(Utc, index=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)


class SameMatter(Base):
    """A keyed hash of party, item and day: finds a second application, tells nobody's number."""

    __tablename__ = "same_matter"
    application_id: Mapped[str] = mapped_column(ForeignKey("application.id"), primary_key=True)
    mark: Mapped[str] = mapped_column(String(64), index=True)


# --- cases


class Case(Base):
    """What the departments work on: the effect that must exist exactly once."""

    __tablename__ = "case_file"
    case_number: Mapped[str] = mapped_column(String(40), primary_key=True)
    # Indexed, not unique: that there is one is what tests count, not what a schema hides.
    application_id: Mapped[str] = mapped_column(ForeignKey("application.id"), index=True)
    item: Mapped[str] = mapped_column(String(128))
    state: Mapped[str] = mapped_column(String(20), index=True)
    acceptance_number: Mapped[str | None] = mapped_column(String(40), unique=True)
    opened_at: Mapped[datetime] = mapped_column(Utc)
    changed_at: Mapped[datetime] = mapped_column(Utc)
    closed_at: Mapped[datetime | None] = mapped_column(Utc, index=True)


class CaseLine(Base):
    """One department's share of a case; a case of one item has one."""

    __tablename__ = "case_line"
    case_number: Mapped[str] = mapped_column(ForeignKey("case_file.case_number"), primary_key=True)
    department: Mapped[str] = mapped_column(String(64), primary_key=True)
    items: Mapped[str] = mapped_column(Text)  # item codes, separated by blanks
    state: Mapped[str] = mapped_column(String(20))
    changed_at: Mapped[datetime] = mapped_column(Utc)


class CaseParty(Base):
    """Who takes part in a case."""

    __tablename__ = "case_party"
    id: Mapped[int] = mapped_column(_RowId, primary_key=True)
    case_number: Mapped[str] = mapped_column(ForeignKey("case_file.case_number"), index=True)
    role: Mapped[str] = mapped_column(String(128))
    name: Mapped[str] = mapped_column(String(200))
    document_kind: Mapped[str] = mapped_column(String(32))
    number: Mapped[str] = mapped_column(String(200), index=True)


class CaseMaterial(Base):
    """What was handed in, and what is owed until when."""

    __tablename__ = "case_material"
    id: Mapped[int] = mapped_column(_RowId, primary_key=True)
    case_number: Mapped[str] = mapped_column(ForeignKey("case_file.case_number"), index=True)
    material: Mapped[str] = mapped_column(String(128))
    status: Mapped[str] = mapped_column(String(20))
    due: Mapped[str] = mapped_column(String(10), default="")


class CaseNote(Base):
    """Why a department moved its line to `state`: a reason by code, what is to be brought until
    when, and what an operator wrote. That may be personal, so it is not in the trail."""

    __tablename__ = "case_note"
    id: Mapped[int] = mapped_column(_RowId, primary_key=True)
    case_number: Mapped[str] = mapped_column(ForeignKey("case_file.case_number"), index=True)
    at: Mapped[datetime] = mapped_column(Utc)
    author: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    department: Mapped[str] = mapped_column(String(64), default="")
    state: Mapped[str] = mapped_column(String(20), default="")
    reason: Mapped[str] = mapped_column(String(32), default="")  # a ReasonCode, or none
    bring: Mapped[str] = mapped_column(Text, default="")  # material ids, separated by blanks
    until: Mapped[str] = mapped_column(String(10), default="")


class AuditEntry(Base):
    """One line of the trail. The database itself refuses to change or to drop it."""

    __tablename__ = "audit_entry"
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(String(40))  # ISO 8601: the text that was hashed
    actor: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(64), index=True)
    detail: Mapped[str] = mapped_column(Text)  # canonical JSON, nothing personal
    previous: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))


class AuditAnchor(Base):
    """Says that the trail up to here was deleted when its time was over, and how it ended."""

    __tablename__ = "audit_anchor"
    through: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(String(64))
    at: Mapped[str] = mapped_column(String(40))


class Deletion(Base):
    """What was deleted because its time was over: which class, how many, up to when."""

    __tablename__ = "deletion"
    id: Mapped[int] = mapped_column(_RowId, primary_key=True)
    at: Mapped[datetime] = mapped_column(Utc)
    kind: Mapped[str] = mapped_column(String(20))
    before: Mapped[datetime] = mapped_column(Utc)
    count: Mapped[int] = mapped_column(BigInteger)
    bytes: Mapped[int] = mapped_column(BigInteger)


# --- terminals


class Terminal(Base):
    """A terminal as it last said it was."""

    __tablename__ = "terminal"
    code: Mapped[str] = mapped_column(String(12), primary_key=True)
    first_seen_at: Mapped[datetime] = mapped_column(Utc)
    heartbeat_at: Mapped[datetime | None] = mapped_column(Utc)
    application_at: Mapped[datetime | None] = mapped_column(Utc)
    version: Mapped[str] = mapped_column(String(200), default="")
    pack: Mapped[str] = mapped_column(String(200), default="")
    depth: Mapped[int] = mapped_column(BigInteger, default=0)
    oldest_age_s: Mapped[int] = mapped_column(BigInteger, default=0)
    quarantined: Mapped[int] = mapped_column(BigInteger, default=0)
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    key_ids: Mapped[str] = mapped_column(Text, default="")  # in use there, separated by blanks
    key_set_version: Mapped[int] = mapped_column(BigInteger, default=0)
    intake: Mapped[str] = mapped_column(String(8), default="open")
    intake_code: Mapped[str] = mapped_column(String(5), default="")


class Heartbeat(Base):
    """What terminals said, one row each time."""

    __tablename__ = "heartbeat"
    id: Mapped[int] = mapped_column(_RowId, primary_key=True)
    terminal: Mapped[str] = mapped_column(String(12), index=True)
    at: Mapped[datetime] = mapped_column(Utc, index=True)
    body: Mapped[str] = mapped_column(Text)


class TerminalKey(Base):
    """The public key by which a terminal signs its chain."""

    __tablename__ = "terminal_key"
    terminal: Mapped[str] = mapped_column(String(12), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    suite: Mapped[str] = mapped_column(String(8))
    public: Mapped[str] = mapped_column(Text)
    enrolled_at: Mapped[datetime] = mapped_column(Utc)


class ChainRow(Base):
    """One entry of a terminal's chain, as it came."""

    __tablename__ = "chain_entry"
    __table_args__ = (UniqueConstraint("terminal", "position", "digest"),)
    id: Mapped[int] = mapped_column(_RowId, primary_key=True)
    terminal: Mapped[str] = mapped_column(String(12), index=True)
    position: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str] = mapped_column(String(64))
    previous: Mapped[str] = mapped_column(String(64))
    application_id: Mapped[str] = mapped_column(String(32))
    envelope_digest: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str] = mapped_column(String(20))  # "good", "bad", "unknown-key"
    received_at: Mapped[datetime] = mapped_column(Utc)


# --- operators


class Flag(Base):
    """Something that a person must look at. The same thing again counts up, not on."""

    __tablename__ = "flag"
    id: Mapped[int] = mapped_column(_RowId, primary_key=True)
    mark: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(40), index=True)
    application_id: Mapped[str] = mapped_column(String(32))
    terminal: Mapped[str] = mapped_column(String(12))
    detail: Mapped[str] = mapped_column(Text)  # nothing personal
    count: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[datetime] = mapped_column(Utc)
    last_at: Mapped[datetime] = mapped_column(Utc)
    cleared_at: Mapped[datetime | None] = mapped_column(Utc)
    cleared_by: Mapped[str] = mapped_column(String(64), default="")


class OperatorSession(Base):
    """Somebody who has logged in. The cookie's value itself is not kept, only its hash."""

    __tablename__ = "operator_session"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    operator: Mapped[str] = mapped_column(String(64))
    csrf: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime] = mapped_column(Utc)


class FailedTry(Base):
    """A wrong try at a number or a password; shared, so that workers count together."""

    __tablename__ = "failed_try"
    id: Mapped[int] = mapped_column(_RowId, primary_key=True)
    key_hash: Mapped[str] = mapped_column(String(64), index=True)
    at: Mapped[datetime] = mapped_column(Utc)


# --- certificates and queries


class GivenAnswer(Base):
    """An answer to a certificate or query request, so that a repeat gets the same."""

    __tablename__ = "given_answer"
    request_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    question_digest: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(Utc, index=True)
    answer: Mapped[bytes] = mapped_column(LargeBinary)


class Certificate(Base):
    """What is needed to say that a certificate is genuine."""

    __tablename__ = "certificate"
    certificate_no: Mapped[str] = mapped_column(String(40), primary_key=True)
    verify_code: Mapped[str] = mapped_column(String(20))
    title_zh: Mapped[str] = mapped_column(Text)
    title_en: Mapped[str] = mapped_column(Text)
    masked_name: Mapped[str] = mapped_column(String(200))
    issued_at: Mapped[datetime] = mapped_column(Utc)


class IdentityCode(Base):
    """A code that somebody shows at a terminal. Who it is goes when its seconds are over."""

    __tablename__ = "identity_code"
    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    party: Mapped[str] = mapped_column(Text)  # canonical JSON, "" once it is over
    expires_at: Mapped[datetime] = mapped_column(Utc, index=True)
    used_by: Mapped[str] = mapped_column(String(32), default="")  # request_id


# --- engine


def connect(url: str, *, pool_size: int = 10) -> Engine:
    """An engine for `url`; it makes no tables (see `central_backend.migrations`).

    `postgresql://` is taken to mean psycopg. SQLite gets WAL with synchronous FULL, deleted
    content overwritten, and transactions that take the write lock when they begin.
    """
    if url.startswith("postgresql://"):
        url = "postgresql+psycopg://" + url.removeprefix("postgresql://")
    if url.startswith("sqlite"):
        return _sqlite(url)
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=20.0,
        pool_recycle=1800,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "connect_timeout": 10,
            # A worker that hangs in a transaction must not hold the counters for ever.
            "options": "-c lock_timeout=20s -c idle_in_transaction_session_timeout=60s",
        },
    )


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
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
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
