"""The latest picture, shared between processes without a copy through the interpreter.

One writer, any number of readers, no lock: the writer fills the slots of a small ring in
turn, and a reader that was overtaken while it copied notices by the slot's sequence and
tries the newer one. The memory is anonymous: it has no name in any file system and is gone
with the last process that holds it, however that ends.
"""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import dataclass, field

_SLOTS = 4
_HEADER = struct.Struct("=Q")  # sequence of the newest complete picture, 0 for none
_SLOT = struct.Struct("=QdIII")  # sequence (0 while it is written), time, width, height, mirrored
_HEADER_BYTES = 64
_SLOT_BYTES = 64


@dataclass(frozen=True, slots=True)
class PreviewFrame:
    """One picture: 8-bit RGB rows without padding, taken at the monotonic time `at_s`."""

    rgb: bytes = field(repr=False)
    width_px: int
    height_px: int
    sequence: int
    at_s: float
    mirrored: bool


@dataclass(frozen=True, slots=True)
class BoardHandle:
    """What a child needs to open the same board: an inherited descriptor and the capacity."""

    fd: int
    capacity_bytes: int


class FrameBoard:
    """Shared memory for pictures of up to `capacity_bytes` (width x height x 3)."""

    def __init__(self, handle: BoardHandle) -> None:
        self.handle = handle
        self._stride = _SLOT_BYTES + handle.capacity_bytes
        self._size = _HEADER_BYTES + _SLOTS * self._stride
        self._memory = mmap.mmap(handle.fd, self._size)

    @classmethod
    def create(cls, width_px: int, height_px: int) -> FrameBoard:
        """A new, empty board for pictures of at most this size."""
        capacity = width_px * height_px * 3
        fd = os.memfd_create("preview", os.MFD_CLOEXEC)
        os.ftruncate(fd, _HEADER_BYTES + _SLOTS * (_SLOT_BYTES + capacity))
        return cls(BoardHandle(fd, capacity))

    @property
    def sequence(self) -> int:
        """The newest picture's number; numbers only grow, 0 when there is none yet."""
        return int(_HEADER.unpack_from(self._memory, 0)[0])

    def begin(self, width_px: int, height_px: int) -> memoryview:
        """The pixels of the next slot, for the writer to fill; `publish` ends it."""
        needed = width_px * height_px * 3
        if needed > self.handle.capacity_bytes:
            raise ValueError("the picture is larger than the board")
        offset = self._offset(self.sequence + 1)
        _SLOT.pack_into(self._memory, offset, 0, 0.0, 0, 0, 0)
        start = offset + _SLOT_BYTES
        return memoryview(self._memory)[start : start + needed]

    def publish(self, width_px: int, height_px: int, at_s: float, *, mirrored: bool) -> int:
        """Make the filled slot the newest picture; returns its number."""
        sequence = self.sequence + 1
        offset = self._offset(sequence)
        _SLOT.pack_into(self._memory, offset, sequence, at_s, width_px, height_px, mirrored)
        _HEADER.pack_into(self._memory, 0, sequence)
        return sequence

    def latest(self) -> PreviewFrame | None:
        """A copy of the newest picture, None when there is none."""
        for _ in range(_SLOTS):
            sequence = self.sequence
            offset = self._offset(sequence)
            found, at_s, width, height, mirrored = _SLOT.unpack_from(self._memory, offset)
            if not sequence or not found:
                return None
            if found != sequence:
                continue
            start = offset + _SLOT_BYTES
            rgb = self._memory[start : start + width * height * 3]
            if _SLOT.unpack_from(self._memory, offset)[0] == sequence:
                return PreviewFrame(rgb, width, height, sequence, at_s, bool(mirrored))
        return None

    def latest_at_s(self) -> float:
        """When the newest picture was taken (monotonic), 0.0 when there is none."""
        return float(_SLOT.unpack_from(self._memory, self._offset(self.sequence))[1])

    def wipe(self) -> None:
        """Overwrite every picture; the numbering goes on."""
        sequence = self.sequence
        for slot in range(_SLOTS):
            offset = _HEADER_BYTES + slot * self._stride
            self._memory[offset : offset + self._stride] = bytes(self._stride)
        _HEADER.pack_into(self._memory, 0, sequence)

    def is_blank(self) -> bool:
        """Whether no pixel of any picture is left."""
        return not any(self._memory[_HEADER_BYTES:])

    def close(self) -> None:
        """Give the memory back; only when nobody reads any more."""
        self._memory.close()
        os.close(self.handle.fd)

    def _offset(self, sequence: int) -> int:
        return _HEADER_BYTES + (sequence % _SLOTS) * self._stride
