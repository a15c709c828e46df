"""How much the outbox may keep, and how full it is: asked before a visit begins.

A resident must not learn at the end of a visit that there is no room. So the levels are
measured when a visit could start, with enough left below them for every visit that has
already begun; the enqueue itself is refused by the real disk only.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from offline_queue.errors import QueueFault

BALLAST_NAME: Final = "ballast"
_MIB: Final = 1024 * 1024


class Level(StrEnum):
    """Whether another visit may begin that ends in a submission."""

    OPEN = "open"
    WARNING = "warning"  # it may; somebody should look soon
    CLOSED = "closed"  # it may not


@dataclass(frozen=True, slots=True)
class Intake:
    """The level, and the code of what stands behind it ("" while it is open)."""

    level: Level = Level.OPEN
    code: str = ""

    @property
    def open(self) -> bool:
        """Whether a submission may be offered."""
        return self.level is not Level.CLOSED

    @classmethod
    def from_json(cls, plain: object) -> Intake:
        """From `{"level", "code"}`. Raises ValueError for anything else."""
        if not isinstance(plain, Mapping) or not isinstance(plain.get("code"), str):
            raise ValueError("no intake")
        return cls(Level(str(plain.get("level"))), plain["code"])


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be kept. A terminal without a line gathers some 100 applications a day.

    Above `warning_share` of a limit the level is WARNING. Below `free_least_bytes` of free
    disk the intake closes, below twice that it warns. The ballast is space kept back, so
    that deliveries and print states can still be written down on a full disk; deleting a
    payload overwrites it, so the ballast is larger than any application. A delivered
    submission keeps its row for `keep_delivered_s` seconds in service, then a tombstone.
    """

    count_most: int = 20_000
    bytes_most: int = 16_384 * _MIB
    warning_share: float = 0.8
    free_least_bytes: int = 256 * _MIB
    ballast_bytes: int = 32 * _MIB
    keep_delivered_s: int = 30 * 86_400


def measure(limits: Limits, *, count: int, size: int, free: int) -> Intake:
    """The level for `count` undelivered of `size` bytes with `free` bytes of disk left."""
    share = max(count / limits.count_most, size / limits.bytes_most)
    for level, of_quota, of_free in (
        (Level.CLOSED, 1.0, 1),
        (Level.WARNING, limits.warning_share, 2),
    ):
        if free < of_free * limits.free_least_bytes:
            return Intake(level, QueueFault.DISK_FULL.code)
        if share >= of_quota:
            return Intake(level, QueueFault.QUOTA.code)
    return Intake()


def free_bytes(place: Path) -> int:
    """Bytes that this process may still write; 0 where nobody can tell."""
    try:
        told = os.statvfs(place)
    except OSError:
        return 0
    return told.f_bavail * told.f_frsize


class Ballast:
    """A preallocated file that is given up for what must be written on a full disk."""

    def __init__(self, place: Path, size: int) -> None:
        self._path = place / BALLAST_NAME
        self._size = size

    @property
    def whole(self) -> bool:
        """Whether the space is kept back. An allocation that broke off does not count."""
        if not self._size:
            return True
        try:
            return self._path.stat().st_blocks * 512 >= self._size
        except OSError:
            return False

    def make(self, keep_free: int) -> bool:
        """Keep the space back if `keep_free` bytes stay free beside it; whether it is kept."""
        if self.whole:
            return True
        if free_bytes(self._path.parent) < keep_free + self._size:
            return False
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            fd = os.open(self._path, flags, 0o600)
            try:
                os.posix_fallocate(fd, 0, self._size)
            finally:
                os.close(fd)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                self.release()
            return False
        return self.whole

    def release(self) -> bool:
        """Give the space to the disk; whether there was any."""
        try:
            there = self._path.stat().st_blocks > 0
            os.truncate(self._path, 0)
        except OSError:
            return False
        return there
