"""The test page: whether a printer draws what a receipt needs. Nothing personal is on it."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Final

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from devices.printers.base import Media
from kiosk.receipts.fonts import FontChain, system_fonts

_SIZES_MM: Final[dict[Media, tuple[float, float]]] = {"80mm": (80.0, 62.0), "a4": (210.0, 297.0)}
_FRAME_MM: Final = 4.0  # a receipt printer draws 72 of its 80 mm
_MARGIN_MM: Final = 5.0
_RULER_MM: Final = 70
_LINES: Final = (
    ("测试页 TEST PAGE", 16.0),
    ("申请 回执 0123456789 ABCDEFG abcdefg", 9.0),
    ("生僻字 㙍 䶮 𬱖 𫘧", 12.0),
)


def test_page(terminal: str, media: Media) -> bytes:
    """A PDF of one page: text, rare characters, a ruler in millimetres, steps of grey.

    Raises kiosk.receipts.fonts.FontMissingError.
    """
    fonts = system_fonts()
    width_mm, height_mm = _SIZES_MM[media]
    made = io.BytesIO()
    canvas = Canvas(made, pagesize=(width_mm * mm, height_mm * mm), invariant=True)
    canvas.setTitle("test page")
    top_mm = height_mm - _MARGIN_MM
    stamp = f"{terminal}  {datetime.now().astimezone():%Y-%m-%d %H:%M}"
    for text, size in (*_LINES, (stamp, 10.0)):
        top_mm -= size * 0.5
        _text(canvas, fonts, text, size, top_mm)
    _ruler(canvas, fonts, top_mm - 8)
    _greys(canvas, top_mm - 26)
    canvas.setLineWidth(0.3 * mm)
    frame_mm = (width_mm - 2 * _FRAME_MM, height_mm - 2.0)
    canvas.rect(_FRAME_MM * mm, 1 * mm, frame_mm[0] * mm, frame_mm[1] * mm)
    canvas.showPage()
    canvas.save()
    return made.getvalue()


def _text(canvas: Canvas, fonts: FontChain, text: str, size: float, y_mm: float) -> None:
    at = canvas.beginText(_MARGIN_MM * mm, y_mm * mm)
    for run in fonts.runs(text):
        at.setFont(run.font, size)
        at.textOut(run.text)
    canvas.drawText(at)


def _ruler(canvas: Canvas, fonts: FontChain, y_mm: float) -> None:
    """70 mm: a technician holds a ruler against it to see that nothing scales the page."""
    canvas.setLineWidth(0.2 * mm)
    canvas.line(_MARGIN_MM * mm, y_mm * mm, (_MARGIN_MM + _RULER_MM) * mm, y_mm * mm)
    for at_mm in range(_RULER_MM + 1):
        x = (_MARGIN_MM + at_mm) * mm
        height_mm = 4.0 if at_mm % 10 == 0 else 2.0
        canvas.line(x, y_mm * mm, x, (y_mm + height_mm) * mm)
    _text(canvas, fonts, f"0 - {_RULER_MM} mm", 8.0, y_mm - 4)


def _greys(canvas: Canvas, y_mm: float) -> None:
    """Ten steps: a worn head shows as a light stripe through all of them."""
    for step in range(10):
        canvas.setFillGray(step / 9)
        canvas.rect((_MARGIN_MM + step * 7) * mm, y_mm * mm, 7 * mm, 12 * mm, stroke=0, fill=1)
    canvas.setFillGray(0)
