"""Sound in memory: signed 16-bit samples, and the WAV files that they come from and go to.

Promises:
- parsing ends in a `Sound` or in `SoundError`, whatever the bytes are;
- a file whose sizes were written before its end was known, as programs do that write to a pipe,
  is taken to its end.
"""

from __future__ import annotations

import struct
import sys
from array import array
from dataclasses import dataclass, field
from typing import Final

_PCM, _EXTENSIBLE = 1, 0xFFFE
_BITS: Final = 16
_FORMAT: Final = struct.Struct("<HHIIHH")  # kind, channels, rate, bytes a second, frame, bits
_RATES_HZ: Final = range(8_000, 96_001)
_CHANNELS: Final = (1, 2)
_LOUDEST: Final = 32_768
SILENT_BELOW: Final = 0.01
"""A peak, as a part of the loudest possible, below which nobody hears anything."""


class SoundError(ValueError):
    """Bytes that are no sound that can be played. The text says what is wrong with them."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Some seconds of sound; the channels' samples take turns, low byte first."""

    rate_hz: int
    channels: int
    samples: bytes = field(repr=False)

    @classmethod
    def silence(cls, seconds: float, rate_hz: int = 22_050) -> Sound:
        """Nothing to be heard, for so long."""
        return cls(rate_hz, 1, bytes(2 * round(seconds * rate_hz)))

    @classmethod
    def of_wav(cls, data: bytes) -> Sound:
        """The sound in a WAV file of 16 bits. Raises SoundError."""
        if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
            raise SoundError("no WAV file")
        layout: tuple[int, int] | None = None
        at = 12
        while at + 8 <= len(data):
            name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
            at += 8
            if name == b"fmt ":
                layout = _layout(data[at : at + size])
            elif name == b"data":
                if layout is None:
                    raise SoundError("no format before the samples")
                rate_hz, channels = layout
                whole = min(size, len(data) - at) // (2 * channels) * 2 * channels
                return cls(rate_hz, channels, data[at : at + whole])
            at += size + size % 2
        raise SoundError("no samples")

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return len(self.samples) / (2 * self.channels * self.rate_hz)

    @property
    def peak(self) -> float:
        """The loudest sample, as a part of the loudest possible."""
        values = self._values()
        if not values:
            return 0.0
        highest, lowest = max(values), min(values)
        return max(highest, -lowest) / _LOUDEST

    def at(self, volume_percent: int) -> Sound:
        """The same, quieter."""
        if volume_percent >= 100:
            return self
        quieter = array("h", [value * volume_percent // 100 for value in self._values()])
        return Sound(self.rate_hz, self.channels, _ordered(quieter).tobytes())

    def wav(self) -> bytes:
        """As a WAV file."""
        frame = 2 * self.channels
        told = _FORMAT.pack(_PCM, self.channels, self.rate_hz, self.rate_hz * frame, frame, _BITS)
        body = b"WAVE" + _chunk(b"fmt ", told) + _chunk(b"data", self.samples)
        return _chunk(b"RIFF", body)

    def _values(self) -> array[int]:
        return _ordered(array("h", self.samples))


def _layout(told: bytes) -> tuple[int, int]:
    """Rate and channels."""
    if len(told) < _FORMAT.size:
        raise SoundError("the format is cut off")
    kind, channels, rate_hz, _, _, bits = _FORMAT.unpack_from(told)
    if kind == _EXTENSIBLE:
        kind = int.from_bytes(told[24:26], "little")
    if kind != _PCM or bits != _BITS:
        raise SoundError("not of 16 bits without compression")
    if channels not in _CHANNELS or rate_hz not in _RATES_HZ:
        raise SoundError("a strange rate or number of channels")
    return rate_hz, channels


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2)


def _ordered(values: array[int]) -> array[int]:
    if sys.byteorder == "big":
        values.byteswap()
    return values
