"""Frames on the serial line of a SAM-V reader, found again after any noise.

A frame is `AA AA AA 96 69 | length (2, big endian) | payload | XOR`. The length counts
everything after itself, the XOR byte included; the XOR runs over length and payload.
Requests and replies look alike; what a payload means is told in `protocol`.

Promises of the parser, for any bytes in any portions: it never raises, never keeps more
than one longest frame, tells every byte that belongs to no frame as `Garbled`, and finds
every whole frame that follows. A false start (noise that looks like a preamble with a
length) can hide a frame for as long as its length asks for; `settle`, called when the line
went quiet, looks behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

PREAMBLE = bytes.fromhex("AAAAAA9669")
HEADER_BYTES = len(PREAMBLE) + 2
# A request is CMD PARA XOR.
MIN_LENGTH = 3
# The longest reply known, text with portrait and fingerprint, has 2,314; the rest is room.
MAX_LENGTH = 2_400


class Trouble(StrEnum):
    """Why bytes are no frame."""

    NOISE = "noise"
    LENGTH = "length"
    CHECKSUM = "checksum"


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame whose checksum is right. Its payload may be a whole card."""

    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Garbled:
    """`size_bytes` bytes that belong to no frame."""

    trouble: Trouble
    size_bytes: int


def xor_of(data: bytes | memoryview) -> int:
    """All bytes XORed together, 0 for none."""
    # Folding one big integer in halves is a hundred times faster than a loop over bytes.
    folded = int.from_bytes(data, "big")
    half = 1 << max(0, (len(data) - 1).bit_length() - 1)
    while half and len(data) > 1:
        folded = (folded >> (8 * half)) ^ (folded & ((1 << (8 * half)) - 1))
        half //= 2
    return folded


def seal(payload: bytes) -> bytes:
    """The frame around a payload. Raises ValueError if no frame can hold it."""
    length = len(payload) + 1
    if not MIN_LENGTH <= length <= MAX_LENGTH:
        raise ValueError(f"a payload of {len(payload)} bytes fits no frame")
    body = length.to_bytes(2, "big") + payload
    return PREAMBLE + body + bytes([xor_of(body)])


def encode(cmd: int, para: int, data: bytes = b"") -> bytes:
    """The frame of a request."""
    return seal(bytes([cmd, para]) + data)


class FrameParser:
    """Turns received bytes into frames, in any portions."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def pending_bytes(self) -> int:
        """How many bytes wait for the rest of a frame."""
        return len(self._buffer)

    def reset(self) -> None:
        """Forget what is pending."""
        self._buffer.clear()

    def feed(self, data: bytes) -> list[Frame | Garbled]:
        """Take bytes in; give out whatever is complete, in order."""
        self._buffer += data
        found: list[Frame | Garbled] = []
        while self._step(found):
            pass
        return found

    def settle(self) -> list[Frame | Garbled]:
        """Look for whole frames behind an unfinished one, because the line went quiet.

        Drops the unfinished start only if a whole frame with a right checksum lies behind it;
        else everything stays, and a frame that merely paused can go on.
        """
        start = self._buffer.find(PREAMBLE, 1)
        while start >= 0:
            end = self._end_of(start)
            if end is not None and end <= len(self._buffer) and self._is_right(start, end):
                found: list[Frame | Garbled] = []
                self._drop(start, Trouble.LENGTH, found)
                return found + self.feed(b"")
            start = self._buffer.find(PREAMBLE, start + 1)
        return []

    def _step(self, found: list[Frame | Garbled]) -> bool:
        """Take one thing off the buffer; False if nothing more can be said yet."""
        start = self._buffer.find(PREAMBLE)
        if start != 0:
            noise = start if start > 0 else len(self._buffer) - self._tail()
            self._drop(noise, Trouble.NOISE, found)
            return start > 0
        end = self._end_of(0)
        if end is None:
            return self._false_start(Trouble.LENGTH, found)
        if len(self._buffer) < end:
            return False
        if not self._is_right(0, end):
            return self._false_start(Trouble.CHECKSUM, found)
        found.append(Frame(bytes(self._buffer[HEADER_BYTES : end - 1])))
        del self._buffer[:end]
        return True

    def _false_start(self, trouble: Trouble, found: list[Frame | Garbled]) -> bool:
        # Only up to the next possible start: a real frame may begin inside the false one.
        following = self._buffer.find(PREAMBLE, 1)
        size = following if following > 0 else len(self._buffer) - self._tail(1)
        self._drop(size, trouble, found)
        return True

    def _end_of(self, start: int) -> int | None:
        """Where the frame at `start` ends; None if its length is impossible.

        A length that has not arrived yet counts as the longest: not impossible, not here.
        """
        field_at = start + len(PREAMBLE)
        if len(self._buffer) < field_at + 2:
            return start + HEADER_BYTES + MAX_LENGTH
        length = int.from_bytes(self._buffer[field_at : field_at + 2], "big")
        if not MIN_LENGTH <= length <= MAX_LENGTH:
            return None
        return start + HEADER_BYTES + length

    def _is_right(self, start: int, end: int) -> bool:
        return xor_of(bytes(self._buffer[start + len(PREAMBLE) : end])) == 0

    def _tail(self, start: int = 0) -> int:
        """How many last bytes, from `start` on, may be the beginning of a preamble."""
        for size in range(min(len(PREAMBLE) - 1, len(self._buffer) - start), 0, -1):
            if self._buffer.endswith(PREAMBLE[:size]):
                return size
        return 0

    def _drop(self, size_bytes: int, trouble: Trouble, found: list[Frame | Garbled]) -> None:
        if size_bytes == 0:
            return
        del self._buffer[:size_bytes]
        last = found[-1] if found else None
        # Noise right after a false start is its remainder, not another accident.
        if isinstance(last, Garbled) and trouble in (last.trouble, Trouble.NOISE):
            found[-1] = Garbled(last.trouble, last.size_bytes + size_bytes)
        else:
            found.append(Garbled(trouble, size_bytes))
