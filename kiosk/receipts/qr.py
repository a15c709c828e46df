"""A QR code as plain rectangles, sized in whole printer dots so that edges stay sharp."""

from __future__ import annotations

from dataclasses import dataclass

import segno

DOT_MM = 25.4 / 203
QUIET_MODULES = 4  # ISO/IEC 18004 asks for four light modules on every side
_MIN_MODULE_DOTS = 3  # 0.375 mm: what a phone still reads off thermal paper


@dataclass(frozen=True, slots=True)
class QrPicture:
    """Dark bars of a QR code: `(x, y, width)` in modules from the top left, height one.

    `side_modules` includes the quiet zone, and so do the bars' places.
    """

    side_modules: int
    module_mm: float
    bars: tuple[tuple[int, int, int], ...]

    @property
    def side_mm(self) -> float:
        """Edge length on paper, quiet zone included."""
        return self.side_modules * self.module_mm


def draw_qr(text: str, side_mm: float) -> QrPicture:
    """The code of `text`, at most `side_mm` wide unless its modules would be too small.

    Error correction M. Raises ValueError for a text that no QR code can hold.
    """
    ascii_only = text.isascii()
    code = segno.make(
        text,
        error="m",
        micro=False,
        boost_error=False,
        encoding=None if ascii_only else "utf-8",
        mode=None if ascii_only else "byte",
    )
    matrix = [list(row) for row in code.matrix]
    side = len(matrix) + 2 * QUIET_MODULES
    dots = max(_MIN_MODULE_DOTS, int(side_mm / DOT_MM / side))
    bars: list[tuple[int, int, int]] = []
    for y, row in enumerate(matrix):
        x = 0
        while x < len(row):
            end = x
            while end < len(row) and row[end]:
                end += 1
            if end > x:
                bars.append((x + QUIET_MODULES, y + QUIET_MODULES, end - x))
            x = max(end, x + 1)
    return QrPicture(side, dots * DOT_MM, tuple(bars))
