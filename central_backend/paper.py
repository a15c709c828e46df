"""Certificates on A4: embedded fonts, every character drawn or written out, a QR code.

A text is cut into runs by the first font that has an outline for each character: WenQuanYi
Micro Hei, then HanaMinA and HanaMinB for rare ones. A character that none has, and every
private-use one, is printed as its code point. Text can be extracted as it was put in, beyond
U+FFFF too, for which reportlab's own character map is not right.
"""

from __future__ import annotations

import io
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import segno
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics, ttfonts
from reportlab.pdfgen.canvas import Canvas

from kiosk.contract import Line, RecordTable, Words

_FONTS: Final = Path("/usr/share/fonts/truetype")
_FILES: Final = (
    ("CertificateMain", _FONTS / "wqy/wqy-microhei.ttc", "fonts-wqy-microhei"),
    ("CertificateRareA", _FONTS / "hanazono/HanaMinA.ttf", "fonts-hanazono"),
    ("CertificateRareB", _FONTS / "hanazono/HanaMinB.ttf", "fonts-hanazono"),
)
_INK: Final = (0.10, 0.12, 0.16)
_GREY: Final = (0.42, 0.45, 0.50)
_RULE: Final = (0.80, 0.82, 0.85)
_SAMPLE_INK: Final = (0.90, 0.90, 0.92)
_MARGIN: Final = 24 * mm

# reportlab's fonts and their state are global; one certificate is drawn at a time.
_DRAWING = threading.Lock()


class FontMissingError(RuntimeError):
    """A font is not installed; the text names the Debian package."""


@dataclass(frozen=True, slots=True)
class CertificateSheet:
    """What stands on a certificate. `issued` is a date as it is to be read.

    Each table has its heading, except the first: it says whom the certificate is about.
    """

    title: Words
    certificate_no: str
    verify_code: str
    verify_url: str
    issued: str
    tables: Sequence[RecordTable]


class _Face(ttfonts.TTFont):  # type: ignore[misc]  # reportlab has no types
    """A font whose text can be extracted for every plane."""

    def addObjects(self, doc: Any) -> None:
        """Embed, then write the character maps anew, in UTF-16 as the format asks."""
        tables = [list(subset) for subset in self.state[doc].subsets]
        super().addObjects(doc)
        base = (self.face.name + self.face.subfontNameX).decode("ascii")
        for number, table in enumerate(tables):
            name = f"toUnicodeCMap:{ttfonts.SUBSETN(number).decode('ascii')}+{base}"
            doc.idToObject[name].content = _character_map(table)

    def draws(self, char: str) -> bool:
        """Whether the font has more than an empty box for `char`."""
        glyph = self.face.charToGlyph.get(ord(char), 0)
        offsets = self.face.glyphPos
        return bool(glyph) and (char in " \u3000" or offsets[glyph] < offsets[glyph + 1])


def _character_map(table: Sequence[int]) -> str:
    pairs = [
        f"<{code:02X}><{chr(char).encode('utf-16-be').hex()}>"
        for code, char in enumerate(table)
        if char
    ]
    chunks = [pairs[i : i + 100] for i in range(0, len(pairs), 100)]  # 100 is the format's limit
    body = "\n".join(f"{len(c)} beginbfchar\n" + "\n".join(c) + "\nendbfchar" for c in chunks)
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def\n"
        f"1 begincodespacerange <00><FF> endcodespacerange\n{body}\n"
        "endcmap CMapName currentdict /CMap defineresource pop end end"
    )


@lru_cache(maxsize=1)
def _faces() -> tuple[_Face, ...]:
    faces = []
    for name, path, package in _FILES:
        if not path.is_file():
            raise FontMissingError(f"a font is missing: install {package}")
        face = _Face(name, str(path), subfontIndex=0)
        pdfmetrics.registerFont(face)
        faces.append(face)
    return tuple(faces)


@lru_cache(maxsize=8192)
def _face_for(char: str) -> _Face | None:
    if unicodedata.category(char) in ("Co", "Cs", "Cc", "Cf"):
        return None
    return next((face for face in _faces() if face.draws(char)), None)


def _runs(text: str) -> Iterator[tuple[str, str]]:
    shown = "".join(c if _face_for(c) else f"[U+{ord(c):04X}]" for c in text)
    main = _faces()[0]
    for face, chars in groupby(shown, key=lambda char: _face_for(char) or main):
        yield face.fontName, "".join(chars)


def _width(text: str, size: float) -> float:
    return sum(float(pdfmetrics.stringWidth(run, font, size)) for font, run in _runs(text))


def _draw(canvas: Canvas, x: float, y: float, text: str, size: float) -> None:
    for font, run in _runs(text):
        canvas.setFont(font, size)
        canvas.drawString(x, y, run)
        x += pdfmetrics.stringWidth(run, font, size)


def _wrap(text: str, size: float, width: float) -> list[str]:
    """Greedy lines: between any two Chinese characters, at blanks where there are some."""
    lines, line = [], ""
    for char in text:
        if line and _width(line + char, size) > width:
            head, blank, tail = line.rpartition(" ")
            keep, line = (head, tail) if blank and char != " " and char.isascii() else (line, "")
            lines.append(keep)
            line = (line + char).lstrip(" ")
        else:
            line += char
    return [*lines, line]


def certificate_pdf(sheet: CertificateSheet) -> bytes:
    """The certificate as an A4 PDF of one or more pages, each with mark and code.

    Raises FontMissingError.
    """
    with _DRAWING:
        out = io.BytesIO()
        # Invariant: no time and no machine name go into the file.
        canvas = Canvas(out, pagesize=A4, invariant=1, pageCompression=1)
        canvas.setTitle(f"{sheet.title.zh} {sheet.certificate_no}")
        canvas.setAuthor("central-backend (样本 SAMPLE)")
        pages = _Sheet(Canvas(io.BytesIO(), pagesize=A4), sheet, 0).draw()
        _Sheet(canvas, sheet, pages).draw()
        canvas.save()
        return out.getvalue()


class _Sheet:
    """Draws one certificate, top to bottom."""

    def __init__(self, canvas: Canvas, sheet: CertificateSheet, pages: int) -> None:
        self._pages = pages  # how many it will be; a first drawing counts them
        self._page = 0
        self._canvas = canvas
        self._sheet = sheet
        self._width, self._height = A4
        self._y = 0.0

    def draw(self) -> int:
        """All pages; how many there are."""
        self._begin_page()
        for index, one in enumerate(self._sheet.tables):
            if index:
                self._heading(one.title)
            for line in one.rows:
                self._row(line)
        self._end_page()
        return self._page

    def _begin_page(self) -> None:
        self._page += 1
        self._watermark()
        canvas, sheet = self._canvas, self._sheet
        canvas.setFillColorRGB(*_INK)
        y = self._height - 32 * mm
        self._centred(y, sheet.title.zh, 24)
        canvas.setFillColorRGB(*_GREY)
        self._centred(y - 8 * mm, sheet.title.en, 11)
        y -= 20 * mm
        _draw(canvas, _MARGIN, y, f"编号 No. {sheet.certificate_no}", 10)
        issued = f"出具日期 Issued {sheet.issued}"
        _draw(canvas, self._width - _MARGIN - _width(issued, 10), y, issued, 10)
        self._y = y - 5 * mm
        self._rule(self._y)

    def _row(self, line: Line) -> None:
        label_width, size, small = 64 * mm, 11.5, 8.5
        room = self._width - 2 * _MARGIN - label_width
        values = _wrap(line.value.zh, size, room)
        extra = _wrap(line.value.en, small, room) if line.value.en != line.value.zh else []
        height = max(3 * mm + len(values) * 6 * mm + len(extra) * 4.5 * mm, 12 * mm)
        self._make_room(height)
        canvas = self._canvas
        y = self._y - 6 * mm
        canvas.setFillColorRGB(*_INK)
        _draw(canvas, _MARGIN, y, line.label.zh, size)
        canvas.setFillColorRGB(*_GREY)
        if line.label.en != line.label.zh:
            _draw(canvas, _MARGIN, y - 4.5 * mm, line.label.en, small)
        canvas.setFillColorRGB(*_INK)
        for text in values:
            _draw(canvas, _MARGIN + label_width, y, text, size)
            y -= 6 * mm
        canvas.setFillColorRGB(*_GREY)
        for text in extra:
            _draw(canvas, _MARGIN + label_width, y + 1.5 * mm, text, small)
            y -= 4.5 * mm
        self._y -= height
        self._rule(self._y)

    def _heading(self, title: Words) -> None:
        """The name of a part, kept together with its first row."""
        self._make_room(26 * mm)
        self._y -= 9 * mm
        self._canvas.setFillColorRGB(*_INK)
        _draw(self._canvas, _MARGIN, self._y, title.zh, 11.5)
        beside = _MARGIN + _width(title.zh, 11.5) + 3 * mm
        self._canvas.setFillColorRGB(*_GREY)
        if title.en != title.zh:
            _draw(self._canvas, beside, self._y, title.en, 8.5)
        self._y -= 3 * mm
        self._rule(self._y)

    def _make_room(self, height: float) -> None:
        if self._y - height < 64 * mm:  # the foot is below
            self._end_page()
            self._begin_page()

    def _end_page(self) -> None:
        canvas, sheet = self._canvas, self._sheet
        side = 30 * mm
        bottom = 32 * mm
        self._qr(_MARGIN, bottom, side)
        x = _MARGIN + side + 8 * mm
        canvas.setFillColorRGB(*_INK)
        _draw(
            canvas, x, bottom + side - 5 * mm, f"验证码 Verification code  {sheet.verify_code}", 12
        )
        canvas.setFillColorRGB(*_GREY)
        room = self._width - _MARGIN - x
        y = bottom + side - 12 * mm
        for text in (
            "扫描二维码，或在验证页面输入编号和验证码，可核验真伪。",
            "Scan the code, or enter number and code on the verification page.",
            *_wrap(sheet.verify_url, 7.5, room),
        ):
            _draw(canvas, x, y, text, 8.5 if text != sheet.verify_url else 7.5)
            y -= 4.6 * mm
        if self._pages > 1:
            self._centred(
                25 * mm,
                f"第 {self._page} 页，共 {self._pages} 页  Page {self._page} of {self._pages}",
                8.5,
            )
        canvas.setFillColorRGB(0.72, 0.11, 0.11)
        self._centred(
            18 * mm, "样本 SAMPLE · 内容均为虚构，不具效力 · invented, without any effect", 10
        )
        canvas.showPage()

    def _qr(self, x: float, y: float, side: float) -> None:
        code = segno.make(self._sheet.verify_url, error="m", micro=False)
        rows = [list(row) for row in code.matrix]
        unit = side / len(rows)
        self._canvas.setFillColorRGB(0, 0, 0)
        path = self._canvas.beginPath()
        for r, row in enumerate(rows):
            for c, dark in enumerate(row):
                if dark:
                    path.rect(x + c * unit, y + side - (r + 1) * unit, unit, unit)
        self._canvas.drawPath(path, stroke=0, fill=1)

    def _watermark(self) -> None:
        canvas = self._canvas
        canvas.saveState()
        canvas.setFillColorRGB(*_SAMPLE_INK)
        canvas.translate(self._width / 2, self._height / 2)
        canvas.rotate(50)
        text = "样本 SAMPLE"
        _draw(canvas, -_width(text, 84) / 2, 0, text, 84)
        canvas.restoreState()

    def _centred(self, y: float, text: str, size: float) -> None:
        _draw(self._canvas, (self._width - _width(text, size)) / 2, y, text, size)

    def _rule(self, y: float) -> None:
        self._canvas.setStrokeColorRGB(*_RULE)
        self._canvas.setLineWidth(0.5)
        self._canvas.line(_MARGIN, y, self._width - _MARGIN, y)
