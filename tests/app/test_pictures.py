"""The demo's pictures: what was on the screen, to the last pixel."""

from __future__ import annotations

from random import Random

import pytest
from PySide6.QtGui import QImage

from kiosk.demo.pictures import png_of


@pytest.mark.parametrize(("width_px", "height_px"), [(1, 1), (3, 2), (7, 5), (250, 31)])
def test_a_reader_finds_every_pixel(width_px: int, height_px: int) -> None:
    chance = Random(width_px)
    shown = QImage(width_px, height_px, QImage.Format.Format_RGB32)
    for y in range(height_px):
        for x in range(width_px):
            shown.setPixel(x, y, 0xFF000000 | chance.randrange(1 << 24))
    found = QImage.fromData(png_of(shown))
    assert found.convertToFormat(QImage.Format.Format_RGB32) == shown
