"""A disk in memory that SQLite writes to, which knows what a power cut would leave of it.

A write is certain once its file was synced; until then any of its 512-byte pieces may be on
the plate or not, each for itself, whatever came before or after it. A file that grew may have
its new length and zeros in it. A file that was deleted may come back, and one that was made
may be gone, until a sync of it or of its directory. What a device promises is the same as for
SQLite's own on Linux: bytes that nobody wrote to do not change (powersafe overwrite).

`before` is called ahead of each call that could fail or be the last; what it raises is what
SQLite meets.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePath
from random import Random
from typing import Any, Final

import apsw

PIECE_BYTES: Final = 512
DATABASE: Final = "outbox.db"
_POWERSAFE_OVERWRITE: Final = 0x1000
Image = dict[str, bytes]


@dataclass
class _Change:
    """A write, or (data None) a new length."""

    at: int
    data: bytes | None = None

    @cached_property
    def pieces(self) -> list[tuple[int, bytes]]:
        """Cut where the plate's sectors end."""
        assert self.data is not None
        begin, found = self.at, []
        end = self.at + len(self.data)
        while begin < end:
            stop = min(end, (begin // PIECE_BYTES + 1) * PIECE_BYTES)
            found.append((begin, self.data[begin - self.at : stop - self.at]))
            begin = stop
        return found


@dataclass
class _File:
    """What programs read, what is certain, and the changes between the two."""

    now: bytearray = field(default_factory=bytearray)
    certain: bytes | None = None  # None: not even that the file exists
    changes: list[_Change] = field(default_factory=list)

    def sync(self) -> None:
        self.certain = bytes(self.now)
        self.changes.clear()


class MemoryDisk(apsw.VFS):
    """A VFS for one database with its WAL and journal. `name` is what SQLite calls it."""

    def __init__(self, image: Mapping[str, bytes] | None = None, *, honest: bool = True) -> None:
        """`image` gives files that are certain. A disk that is not `honest` says that it has
        synced and has not."""
        self.name = f"memory-{uuid.uuid4().hex}"
        self.before: Callable[[str, str], None] = lambda _call, _file: None
        self._honest = honest
        self._files: dict[str, _File] = {}
        self._ghosts: dict[str, bytes] = {}
        self.restart(image or {})
        super().__init__(self.name, None)

    # --- the power

    def restart(self, image: Mapping[str, bytes]) -> None:
        """Go on from what a power cut left. Handles of before write to nowhere."""
        self._files = {name: _File(bytearray(data), bytes(data)) for name, data in image.items()}
        self._ghosts = {}

    def image(self) -> Image:
        """What programs see now."""
        return {name: bytes(file.now) for name, file in self._files.items()}

    def uncertain(self) -> bool:
        """Whether a power cut now could leave more than one state."""
        return bool(self._ghosts) or any(
            file.changes or file.certain is None for file in self._files.values()
        )

    def certain_image(self) -> Image:
        """The worst: nothing that was not synced is there."""
        left = dict(self._ghosts)
        for name, file in self._files.items():
            if file.certain is not None:
                left[name] = file.certain
        return left

    def torn_image(self, chance: Random) -> Image:
        """One of the states that a power cut now could leave."""
        left = {name: data for name, data in self._ghosts.items() if chance.random() < 0.5}
        how = chance.choice(_WAYS)
        for name, file in self._files.items():
            if file.certain is None and chance.random() < 0.25:
                continue
            left[name] = _torn(file, how, chance)
        return left

    # --- what SQLite asks of a file system

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        key = PurePath(name.filename() if hasattr(name, "filename") else str(name)).name
        self.before("open", key)
        file = self._files.get(key)
        if file is None:
            file = self._files[key] = _File()
        flags[1] = flags[0]
        return _Handle(self, key, file)

    def xAccess(self, name: str, _flags: int) -> bool:
        return PurePath(name).name in self._files

    def xDelete(self, name: str, sync_directory: bool) -> None:
        key = PurePath(name).name
        self.before("delete", key)
        file = self._files.pop(key, None)
        if file is not None and file.certain is not None and not sync_directory:
            self._ghosts[key] = file.certain
        if sync_directory and self._honest:
            self._ghosts.clear()

    def xFullPathname(self, name: str) -> str:
        return name

    def xCurrentTime(self) -> float:
        return 2461000.5

    def xCurrentTimeInt64(self) -> int:
        return 212630443200000

    def xRandomness(self, count: int) -> bytes:
        # The same in every run, so that a red run is red again.
        return bytes(count)

    def xSleep(self, microseconds: int) -> int:
        return microseconds

    def xGetLastError(self) -> tuple[int, str]:
        return 0, ""

    def synced(self, key: str, file: _File) -> None:
        """A file's bytes are certain now. With a new journal or WAL SQLite syncs the directory."""
        if self._honest:
            if file.certain is None and key != DATABASE:
                self._ghosts.clear()
            file.sync()


class _Handle:
    """An open file."""

    def __init__(self, disk: MemoryDisk, key: str, file: _File) -> None:
        self._disk = disk
        self._key = key
        self._file = file

    def xRead(self, amount: int, offset: int) -> bytes:
        self._disk.before("read", self._key)
        return bytes(self._file.now[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        self._disk.before("write", self._key)
        _put(self._file.now, offset, data)
        self._file.changes.append(_Change(offset, bytes(data)))

    def xTruncate(self, size: int) -> None:
        self._disk.before("truncate", self._key)
        _resize(self._file.now, size)
        self._file.changes.append(_Change(size))

    def xSync(self, _flags: int) -> None:
        self._disk.before("sync", self._key)
        self._disk.synced(self._key, self._file)

    def xFileSize(self) -> int:
        return len(self._file.now)

    def xFileControl(self, _op: int, _pointer: int) -> bool:
        return False

    def xSectorSize(self) -> int:
        return 4096

    def xDeviceCharacteristics(self) -> int:
        return _POWERSAFE_OVERWRITE

    def xLock(self, _level: int) -> None: ...

    def xUnlock(self, _level: int) -> None: ...

    def xCheckReservedLock(self) -> bool:
        return False

    def xClose(self) -> None: ...


# How a power cut picks: a clean cut between two writes, whole writes, or single pieces.
_WAYS: Final = ("cut", "cut", "writes", "writes", "pieces", "pieces", "pieces")
_SHARES: Final = (0.05, 0.3, 0.5, 0.7, 0.95)


def _torn(file: _File, how: str, chance: Random) -> bytes:
    if not file.changes and file.certain is not None:
        return file.certain  # the same object: whoever hashes it does so once
    left = bytearray(file.certain or b"")
    share = chance.choice(_SHARES)
    cut = chance.randrange(len(file.changes) + 1)
    for place, change in enumerate(file.changes):
        if how == "cut":
            whole, torn = place < cut, place == cut
        else:
            whole, torn = how == "writes" and chance.random() < share, how == "pieces"
        if not whole and not torn:
            continue
        if change.data is None:
            _resize(left, change.at)
            continue
        if whole:
            _put(left, change.at, change.data)
            continue
        for at, data in change.pieces:
            if chance.random() < share:
                _put(left, at, data)
    if len(file.now) > len(left) and chance.random() < 0.25:
        _resize(left, len(file.now))  # the new length came, the bytes did not
    return bytes(left)


def _put(into: bytearray, at: int, data: bytes) -> None:
    if at > len(into):
        into.extend(bytes(at - len(into)))
    into[at : at + len(data)] = data


def _resize(into: bytearray, size: int) -> None:
    if size < len(into):
        del into[size:]
    else:
        into.extend(bytes(size - len(into)))
