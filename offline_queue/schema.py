"""The database's schema, its versions, and the settings without which nothing is promised.

`user_version` is the schema version; each entry of MIGRATIONS leads one version up, in one
transaction. A database of a newer version is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import apsw

from offline_queue.errors import QueueError, QueueFault

APPLICATION_ID: Final = 0x4F554B51  # "OUKQ": what `file` and a curious technician see

# Small pages: what a commit writes is mostly pages of which it changed a few bytes.
_BEFORE_TABLES: Final = (
    "PRAGMA page_size=4096",
    "PRAGMA auto_vacuum=INCREMENTAL",
)

# (name, what is set, what must be read back). Exclusive locking comes before WAL, so that
# the WAL index lives in this process's memory and not in a shared file.
_DURABILITY: Final = (
    ("locking_mode", "EXCLUSIVE", "exclusive"),
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", 2),
    ("foreign_keys", "ON", 1),
    ("secure_delete", "ON", 1),
    ("temp_store", "MEMORY", 2),
    ("trusted_schema", "OFF", 0),
    # The store thread checkpoints when it has nothing else to do, never within a commit.
    ("wal_autocheckpoint", "0", 0),
    # A WAL that stays as long as it is can be synced without its length: one flush less.
    ("journal_size_limit", str(16 * 1024 * 1024), 16 * 1024 * 1024),
)

MIGRATIONS: Final = (
    """
    CREATE TABLE meta (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE submission (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        number TEXT NOT NULL UNIQUE,
        digest TEXT NOT NULL,          -- of the document: what an acknowledgement names
        fingerprint TEXT NOT NULL,     -- of document and parts: tells a repeat from a conflict
        state TEXT NOT NULL CHECK (state IN
            ('queued', 'sending', 'waiting', 'accepted', 'quarantined', 'delivered')),
        attempts INTEGER NOT NULL DEFAULT 0,
        reason TEXT NOT NULL DEFAULT '',
        print_state TEXT NOT NULL CHECK (print_state IN
            ('wanted', 'unknown', 'printed', 'failed')),
        saved_at TEXT NOT NULL,
        payload_bytes INTEGER NOT NULL,
        case_number TEXT NOT NULL DEFAULT '',
        sequence INTEGER NOT NULL DEFAULT 0,
        acknowledged_at TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX submission_undelivered ON submission (seq) WHERE state <> 'delivered';
    CREATE INDEX submission_unprinted ON submission (seq) WHERE print_state <> 'printed';

    -- Ordinal 0 is the document, the parts follow in the order in which they came.
    CREATE TABLE payload (
        seq INTEGER NOT NULL REFERENCES submission (seq),
        ordinal INTEGER NOT NULL,
        part_id TEXT NOT NULL,
        media_type TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (seq, ordinal)
    ) STRICT;
    """,
    # Sealed submissions. No payload is rewritten: a row of version 1 is `plain`, and its
    # parts' digests on the wire are their SHA-256.
    """
    ALTER TABLE submission ADD COLUMN form TEXT NOT NULL DEFAULT 'plain'
        CHECK (form IN ('plain', 'sealed'));
    ALTER TABLE submission ADD COLUMN suite TEXT NOT NULL DEFAULT '';
    ALTER TABLE submission ADD COLUMN hash TEXT NOT NULL DEFAULT 'sha256';
    ALTER TABLE submission ADD COLUMN key_id TEXT NOT NULL DEFAULT '';
    ALTER TABLE submission ADD COLUMN lane TEXT NOT NULL DEFAULT '';
    ALTER TABLE submission ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
    -- Seconds in service when it was delivered: the age that no wrong clock can change.
    ALTER TABLE submission ADD COLUMN settled_s INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE submission ADD COLUMN exported_at TEXT NOT NULL DEFAULT '';
    ALTER TABLE payload ADD COLUMN digest TEXT NOT NULL DEFAULT '';

    -- Place in the terminal's chain, and digest of the entry there; 0 and '' without one. The
    -- entry itself is the payload's ordinal -1.
    ALTER TABLE submission ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE submission ADD COLUMN entry_digest TEXT NOT NULL DEFAULT '';

    -- Each index costs every enqueue a page. What staff ask now and then reads the table.
    DROP INDEX submission_undelivered;
    DROP INDEX submission_unprinted;
    CREATE INDEX submission_delivered ON submission (settled_s) WHERE state = 'delivered';
    CREATE INDEX submission_sendable ON submission (priority DESC, seq)
        WHERE state IN ('queued', 'waiting', 'accepted');

    -- What is left of a delivered submission after its row was purged; kept for good.
    CREATE TABLE tombstone (
        id TEXT PRIMARY KEY,
        number TEXT NOT NULL UNIQUE,
        digest TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        position INTEGER NOT NULL,     -- in the chain; 0 where it had no entry
        saved_at TEXT NOT NULL,
        acknowledged_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
)


def prepare(connection: apsw.Connection) -> None:
    """Set and read back the pragmas, and bring the schema to this version.

    Raises QueueError (QU-06) where a setting does not hold or the file is not ours.
    """
    version = _known_version(connection)
    if not version:
        for statement in _BEFORE_TABLES:
            connection.execute(statement)
    for name, value, expected in _DURABILITY:
        connection.execute(f"PRAGMA {name}={value}").fetchall()
        found = _scalar(connection, f"PRAGMA {name}")
        if found != expected:
            raise QueueError(QueueFault.UNREADABLE, f"{name} is {found!r}, not {expected!r}")
    for step in range(version, len(MIGRATIONS)):
        with transaction(connection):
            connection.execute(MIGRATIONS[step])
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={step + 1}")


def check(connection: apsw.Connection) -> None:
    """Look through everything but the payloads, which are checked when they are read.

    Raises QueueError (QU-06) for a damaged database: better now than under a resident.
    """
    for table in ("meta", "submission", "tombstone"):
        found = _scalar(connection, f"PRAGMA quick_check({table})")
        if found != "ok":
            raise QueueError(QueueFault.UNREADABLE, f"{table} is damaged")


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[None]:
    """All or nothing. Not apsw's own `with`: that unwinds a savepoint, which is gone already
    where a full disk made the engine roll back by itself, and hides the real error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            with suppress(apsw.Error):
                connection.execute("ROLLBACK")
        raise


def _known_version(connection: apsw.Connection) -> int:
    """The file's schema version, read before anything in it is touched."""
    # Before the first read: later would be too late to do without a shared file for a WAL
    # that is there already. It changes nothing in the file.
    connection.execute("PRAGMA locking_mode=EXCLUSIVE").fetchall()
    version = _scalar(connection, "PRAGMA user_version")
    if not isinstance(version, int) or version > len(MIGRATIONS):
        raise QueueError(QueueFault.UNREADABLE, f"schema version {version} is unknown")
    if version and _scalar(connection, "PRAGMA application_id") != APPLICATION_ID:
        raise QueueError(QueueFault.UNREADABLE, "the file belongs to another program")
    return version


def _scalar(connection: apsw.Connection, sql: str) -> object:
    row = connection.execute(sql).fetchone()
    return None if row is None else row[0]
