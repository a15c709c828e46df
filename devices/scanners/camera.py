"""QR and bar codes in a camera's picture, through zxing-cpp.

`find_codes` is a pure function of the picture, for use inside a camera's child process: it
takes tens of milliseconds for 640 x 480 pixels, and in proportion more for larger ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import zxingcpp
from numpy.typing import NDArray

from devices.records import ScannedCode
from devices.scanners.text import is_text

# What stands on papers, screens and parcels that residents bring.
SYMBOLOGIES = (
    "QRCode",
    "MicroQRCode",
    "DataMatrix",
    "Aztec",
    "PDF417",
    "Code128",
    "Code39",
    "EAN13",
    "EAN8",
    "ITF",
    "Codabar",
)
MAX_PIXELS = 25_000_000
# Longer sides are halved until they fit: a code that is lost by this is too small to be held
# before a camera on purpose, and time is worth more.
_LONGEST_SIDE_PX = 2_000
_SMALLEST_SIDE_PX = 16
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
_TEXTUAL = frozenset({"Text", "GS1", "ISO15434"})


def find_codes(
    image: NDArray[np.uint8],
    *,
    symbologies: Sequence[str] = SYMBOLOGIES,
    thorough: bool = False,
) -> tuple[ScannedCode, ...]:
    """All codes in `image`, each once, from the top down.

    `image` has the shape (rows, columns) for grey or (rows, columns, 3), blue first. Codes
    may stand in any direction; `thorough` looks at smaller scales and at light on dark
    too, and takes about twice as long. What holds no text, or damaged text, is left out.
    Raises ValueError for another shape or type, and above 25 million pixels.
    """
    picture = _fitting(image)
    formats = zxingcpp.BarcodeFormats(
        [getattr(zxingcpp.BarcodeFormat, name) for name in symbologies]
    )
    found = zxingcpp.read_barcodes(
        picture,
        formats=formats,
        try_downscale=thorough,
        try_invert=thorough,
        text_mode=zxingcpp.TextMode.Plain,
    )
    ordered = sorted(found, key=lambda code: (code.position.top_left.y, code.position.top_left.x))
    codes = (
        ScannedCode(code.text, _NOT_IN_NAMES.sub("-", str(code.symbology).lower()))
        for code in ordered
        if code.valid and code.content_type.name in _TEXTUAL and is_text(code.text)
    )
    return tuple(dict.fromkeys(codes))


def _fitting(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    shape = image.shape
    if image.dtype != np.uint8 or len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] != 3):
        raise ValueError("a picture is an array of bytes, grey or with three colours")
    if shape[0] * shape[1] > MAX_PIXELS:
        raise ValueError("the picture is too large")
    while max(image.shape[:2]) > _LONGEST_SIDE_PX and min(image.shape[:2]) > _SMALLEST_SIDE_PX:
        image = image[::2, ::2]
    return np.ascontiguousarray(image)
