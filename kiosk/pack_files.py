"""Packs on disk: the one in service and the one before it.

Promises:

- `install` reads a pack to its last item before it takes service, sees that its certificate
  proves all of it, and swaps it in at one stroke; the pack that served until then is kept as
  the previous one. A crash at any moment leaves a pack that can be read.
- `load` gives the pack in service, or, where that is refused, the previous one together
  with the fault; so the last good pack stays in service.
- No more is read than a pack may be large.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kiosk.catalogue.model import Pack
from kiosk.catalogue.pack import (
    MAX_PACK_BYTES,
    Opened,
    PackError,
    PackFault,
    open_pack,
    proven,
    verified,
)

CURRENT: Final = "current.pack"
PREVIOUS: Final = "previous.pack"

Stamp = tuple[int, int, int]
"""What tells one file from another in its place: inode, size, time of change in ns."""


@dataclass(frozen=True, slots=True)
class Served:
    """The pack that serves. `fault` says why it is not the current one."""

    opened: Opened
    fault: PackError | None = None

    @property
    def pack(self) -> Pack:
        """The catalogue."""
        return self.opened.pack


def read_pack(path: Path) -> bytes:
    """The bytes of a pack, one more than allowed at most. Raises PackError."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_PACK_BYTES + 1)
    except OSError as error:
        raise PackError(PackFault.UNREADABLE, f"{path.name}: {error.strerror}") from None


class PackDirectory:
    """The packs of one terminal."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Served:
        """The last good pack. Raises PackError (of the current one) where there is none."""
        try:
            return Served(proven(open_pack(read_pack(self._path / CURRENT))))
        except PackError as fault:
            try:
                return Served(proven(open_pack(read_pack(self._path / PREVIOUS))), fault)
            except PackError:
                raise fault from None

    def stamp(self) -> Stamp | None:
        """Changes when another pack takes service; None while there is none."""
        try:
            found = (self._path / CURRENT).stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns

    def install(self, data: bytes) -> Pack:
        """Let a pack take service. Raises PackError, and then nothing has changed."""
        pack = proven(verified(data)).pack
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            _written(self._path / f"{CURRENT}.new", data)
            self._keep_previous()
            (self._path / f"{CURRENT}.new").replace(self._path / CURRENT)
            _settled(self._path)
        except OSError as error:
            raise PackError(PackFault.UNREADABLE, f"{error.strerror}") from None
        return pack

    def _keep_previous(self) -> None:
        """What serves now becomes the previous one, unless it is no good itself."""
        try:
            data = read_pack(self._path / CURRENT)
            proven(open_pack(data))
        except PackError:
            return
        _written(self._path / f"{PREVIOUS}.new", data)
        (self._path / f"{PREVIOUS}.new").replace(self._path / PREVIOUS)


def _written(path: Path, data: bytes) -> None:
    """Write a file so that it is on the disk, not only on its way."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _settled(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
