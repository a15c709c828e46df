"""The Qt binding itself: it must not use up references to None.

PySide6 6.12.0 gives one back too many with every call that returns nothing. Where None is not
immortal (Python before 3.12) the process then dies in the middle of painting, after hours.
"""

from __future__ import annotations

import sys

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter

CALLS = 2_000


def test_calls_that_return_nothing_leave_the_references_to_none_alone() -> None:
    picture = QImage(16, 16, QImage.Format.Format_ARGB32)
    painter = QPainter(picture)
    colour, box = QColor("red"), QRectF(0, 0, 8, 8)
    before = sys.getrefcount(None)
    for _ in range(CALLS):
        painter.setBrush(colour)
        painter.drawRoundedRect(box, 2.0, 2.0)
    after = sys.getrefcount(None)
    painter.end()
    assert abs(after - before) < CALLS // 10
