"""Few wrong tries per key and span of time, counted in the database by all workers together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from central_backend.database import FailedTry


class Throttle:
    """Counts failures per key; after `most_failures` within `span_s` the key must wait.

    `door` keeps apart what is counted for different doors. Only hashes of keys are kept.
    """

    def __init__(
        self,
        engine: Engine,
        door: str,
        *,
        most_failures: int,
        span_s: float,
        now: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._door = door
        self._most = most_failures
        self._span = timedelta(seconds=span_s)
        self._now = now

    def wait_s(self, key: str) -> float:
        """Seconds until `key` may try again; 0 where it may now."""
        now = self._now()
        with Session(self._engine) as session:
            recent = session.scalars(
                select(FailedTry.at)
                .where(FailedTry.key_hash == self._hash(key))
                .where(FailedTry.at > now - self._span)
                .order_by(FailedTry.at.desc())
                .limit(self._most)
            ).all()
        if len(recent) < self._most:
            return 0.0
        return (recent[-1] + self._span - now).total_seconds()

    def failed(self, key: str) -> None:
        """Count a failure; those that no longer count go."""
        now = self._now()
        with Session(self._engine) as session, session.begin():
            session.execute(
                delete(FailedTry)
                .where(FailedTry.key_hash == self._hash(key))
                .where(FailedTry.at <= now - self._span)
            )
            session.add(FailedTry(key_hash=self._hash(key), at=now))

    def _hash(self, key: str) -> str:
        return hashlib.sha256(f"{self._door}|{key}".encode()).hexdigest()
