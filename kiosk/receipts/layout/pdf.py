"""Receipts as PDF: an 80 mm roll as long as its content, or A4 pages for a bring list.

`render`, `render_stub` and `render_bring_list` give the same bytes for the same content.
Every character is drawn or spelled out as its code point; all text can be extracted.
Static words come from the caller, keys as in `config/words/receipt.*.yaml`.
"""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal

from reportlab.pdfgen.canvas import Canvas

from kiosk.receipts.content import BringList, Delivery, Receipt, Stub
from kiosk.receipts.fonts import FontChain, system_fonts
from kiosk.receipts.layout.blocks import (
    POINTS_PER_MM,
    Bar,
    BesideQr,
    Block,
    Box,
    Entry,
    Field,
    Gap,
    Number,
    Pen,
    Rule,
    Style,
    Text,
    Title,
)
from kiosk.receipts.qr import DOT_MM, draw_qr

Words = Mapping[str, str]
Media = Literal["80mm", "a4"]

# 80 mm paper prints 72 mm, 576 dots at 203 dpi.
_ROLL_MM = 80.0
_ROLL_MARGIN_MM = 4.0
_ROLL_TOP_MM = 4.0
_ROLL_TAIL_MM = 8.0  # the cutter sits above the head; the last line must clear it
_A4_MM = (210.0, 297.0)
_A4_MARGIN_MM = (28.0, 24.0)
_FOOT_MM = 10.0  # from the lower edge
_QR_MM = 27.0

_BODY = Style(4.2)
_BODY_BOLD = Style(4.2, bold=True)
_SMALL = Style(3.6)
_BRAND = Style(3.6)
_TITLE = Style(6.4, bold=True, leading=1.2)
_ITEM = Style(5.2, bold=True, leading=1.25)
_STATE = Style(5.4, bold=True, leading=1.2)
_HEADING = Style(4.6, bold=True)
_MARK = Style(3.8, bold=True)
_BAR = Style(4.6, bold=True)
_NUMBER_MM = (10.0, 7.2)  # largest and smallest em: capitals are 0.71 of it, never under 5 mm
_CASE_MM = (6.0, 4.6)

# reportlab's font objects keep a file position while they make a subset.
_drawing = threading.Lock()


def render(receipt: Receipt, words: Words, fonts: FontChain | None = None) -> bytes:
    """The receipt as a one-page PDF, 80 mm wide. Raises FontMissingError, KeyError for a
    word that is missing, ValueError for a QR text that is too long."""
    return roll(_receipt(receipt, words), fonts, receipt.language)


def render_stub(stub: Stub, words: Words, fonts: FontChain | None = None) -> bytes:
    """The stub after a crash as a one-page PDF, 80 mm wide. Raises as `render` does."""
    return roll(_stub(stub, words), fonts, stub.language)


def render_bring_list(
    content: BringList, words: Words, media: Media = "80mm", fonts: FontChain | None = None
) -> bytes:
    """The list of what to bring, on the roll or on A4 pages. Raises as `render` does."""
    blocks = _bring_list(content, words)
    if media == "80mm":
        return roll(blocks, fonts, content.language)
    return sheets(blocks, fonts, content.language)


def _receipt(receipt: Receipt, words: Words) -> list[Block]:
    word = PaperWords(words)
    label = label_mm(receipt.language)
    blocks = head(word, "title", receipt.site, receipt.sample, receipt.simulated)
    blocks += [Text(receipt.item, _ITEM)]
    if receipt.situation:
        blocks.append(Text(receipt.situation, _BODY))
    blocks += [Gap(2.4), Text(word("number"), _SMALL), Number(receipt.number, *_NUMBER_MM)]
    blocks += [Gap(2.2), _delivery(receipt.delivery, receipt.department, receipt.case_number, word)]
    blocks.append(Gap(2.4))
    if receipt.applicant:
        blocks.append(Field(word("applicant"), receipt.applicant, _BODY, label))
    blocks += _when_where(receipt, word, label)
    if receipt.contact:
        note = word("contact-note")
        blocks.append(Field(word("contact"), receipt.contact, _BODY, label, note, _SMALL))
    if receipt.result_by:
        note = receipt.result_note
        blocks.append(Field(word("result-by"), receipt.result_by, _BODY, label, note, _SMALL))
    if receipt.components:
        blocks += [Rule(), heading(word("components", count=len(receipt.components)))]
        blocks += [
            Entry(part.item, _BODY, True, (part.department,) if part.department else (), _SMALL)
            for part in receipt.components
        ]
    if receipt.owed:
        blocks += [Rule(), heading(word("owed", count=len(receipt.owed)))]
        for owed in receipt.owed:
            due = word("owed-within", days=owed.days) if owed.days else ""
            if owed.due:
                due = word("owed-due", date=word.date(owed.due))
            blocks.append(Entry(owed.name, _BODY, False, (due,) if due else (), _BODY_BOLD))
        blocks.append(Text(word("owed-note"), _SMALL))
    if receipt.handed_in:
        blocks += [Rule(), heading(word("handed-in", count=len(receipt.handed_in)))]
        blocks += [Entry(name, _BODY, True) for name in receipt.handed_in]
    blocks += [Rule(), *_ask(receipt, word)]
    if receipt.take_along:
        things = word("list-comma").join(receipt.take_along)
        blocks += [Gap(2.6), Bar(word("take-along", things=things), _BAR)]
    blocks += [Gap(2.4), Text(word("foot"), _SMALL)]
    return blocks + notes(word, receipt.sample, receipt.simulated)


def _stub(stub: Stub, words: Words) -> list[Block]:
    word = PaperWords(words)
    blocks = head(word, "stub-title", stub.site, False, stub.simulated)
    blocks += [Text(word("number"), _SMALL), Number(stub.number, *_NUMBER_MM), Gap(1.6)]
    blocks += [Text(word("stub-note"), _BODY), Gap(2.2)]
    blocks += [_delivery(stub.delivery, "", "", word), Gap(2.4)]
    blocks += _when_where(stub, word, label_mm(stub.language))
    blocks += [Rule(), *_ask(stub, word), Gap(2.4), Text(word("foot"), _SMALL)]
    return blocks + notes(word, False, stub.simulated)


def _bring_list(content: BringList, words: Words) -> list[Block]:
    word = PaperWords(words)
    label = label_mm(content.language)
    blocks = head(word, "bring-title", content.site, content.sample, content.simulated)
    blocks.append(Text(content.item, _ITEM))
    if content.situation:
        blocks.append(Text(content.situation, _BODY))
    if content.not_today:
        box = Box((Text(word("bring-not-today"), _STATE), Text(content.not_today, _BODY)))
        blocks += [Gap(2), box]
    blocks.append(Rule())
    if content.materials:
        blocks.append(heading(word("bring-count", count=len(content.materials))))
    else:
        blocks.append(Text(word("bring-nothing"), _HEADING))
    for material in content.materials:
        said = (
            material.copies,
            word("bring-why", text=material.why) if material.why else "",
            word("bring-source", text=material.source) if material.source else "",
        )
        shown = tuple(note for note in said if note)
        blocks += [Entry(material.name, _BODY_BOLD, False, shown, _SMALL), Gap(0.8)]
    if content.later:
        blocks += [Rule(), heading(word("bring-later"))]
        blocks += [Entry(name, _BODY, False) for name in content.later]
    if content.already_held:
        blocks += [Rule(), heading(word("bring-held"))]
        blocks += [Entry(name, _BODY, True) for name in content.already_held]
    facts = (
        ("bring-where", content.where),
        ("bring-hours", content.hours),
        ("bring-fee", content.fee),
        ("bring-days", content.days),
    )
    fields = [Field(word(key), text, _BODY, label) for key, text in facts if text]
    if fields:
        blocks += [Rule(), *fields]
    phone = word("ask-phone", phone=content.ask_phone)
    ask: list[Block] = [Text(phone, _BODY_BOLD)] if content.ask_phone else []
    if content.qr:
        ask.append(Text(word("bring-scan"), _BODY))
        blocks += [Rule(), BesideQr(tuple(ask), draw_qr(content.qr, _QR_MM))]
    elif ask:
        blocks += [Gap(2), *ask]
    blocks += [Rule(), Text(word("bring-foot"), _SMALL)]
    if content.printed_on:
        printed = word("bring-printed", date=word.date(content.printed_on))
        blocks.append(Text(f"{printed}  {content.terminal}".rstrip(), _SMALL))
    return blocks + notes(word, content.sample, content.simulated)


class PaperWords:
    """Words of one language, by their key without `receipt.`."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def __call__(self, key: str, **values: object) -> str:
        text = self._words[f"receipt.{key}"]
        for name, value in values.items():
            text = text.replace("{" + name + "}", str(value))
        return text

    def date(self, day: date) -> str:
        """A date in words that cannot be misread (never 03/04)."""
        month = self("months").split()[day.month - 1]
        return self("date", year=day.year, month=month, day=day.day)

    def moment(self, when: datetime) -> str:
        """Date and time of day, as the terminal's clock had it."""
        return self("date-time", date=self.date(when.date()), time=f"{when:%H:%M}")


def head(word: PaperWords, title: str, site: str, sample: bool, simulated: bool) -> list[Block]:
    marks = [word("sample")] * sample + [word("simulated")] * simulated
    brand = "  ".join(part for part in (word("brand"), site) if part)
    return [
        Text(brand, _BRAND),
        Title(word(title), _TITLE, tuple(marks), _MARK),
        Rule(thick_mm=0.7, air_mm=1.8),
        Gap(0.6),
    ]


def heading(text: str) -> Block:
    return Text(text, _HEADING)


def _delivery(state: Delivery, department: str, case_number: str, word: PaperWords) -> Block:
    kept = state is Delivery.KEPT
    if kept:
        title = word("kept")
        key = "kept-note-department" if department else "kept-note"
        note = word(key, department=department)
    else:
        key = "received-department" if department else "received"
        title = word(key, department=department)
        note = word("received-note")
    inner: list[Block] = [Text(title, _STATE), Text(note, _BODY)]
    if case_number:
        inner += [Gap(1), Text(word("case-number"), _SMALL), Number(case_number, *_CASE_MM)]
    return Box(tuple(inner), stroke_mm=0.9 if kept else 0.4)


def _when_where(content: Receipt | Stub, word: PaperWords, label: float) -> list[Block]:
    note = "" if content.clock_trusted else word("clock-note")
    moment = word.moment(content.saved_at)
    return [
        Field(word("saved-at"), moment, _BODY, label, note, _SMALL),
        Field(word("terminal"), content.terminal, _BODY, label),
    ]


def _ask(content: Receipt | Stub, word: PaperWords) -> list[Block]:
    blocks: list[Block] = [Text(word("ask"), _HEADING)]
    if content.ask_phone:
        blocks.append(Text(word("ask-phone", phone=content.ask_phone), _BODY_BOLD))
    if content.ask_hours:
        blocks.append(Text(content.ask_hours, _BODY))
    blocks.append(Text(word("ask-scan" if content.qr else "ask-number"), _BODY))
    if not content.qr:
        return blocks
    return [Gap(1), BesideQr(tuple(blocks), draw_qr(content.qr, _QR_MM))]


def notes(word: PaperWords, sample: bool, simulated: bool) -> list[Block]:
    notes = [word("sample-note")] * sample + [word("simulated-note")] * simulated
    return [Text(note, Style(3.6, bold=True)) for note in notes]


def _foot(pen: Pen, foot: str, page: int, side: float) -> None:
    if foot:
        text = foot.replace("{page}", str(page))
        Text(text, Style(3.0)).draw(pen, side, _A4_MM[1] - _FOOT_MM - 3.0, _A4_MM[0] - 2 * side)


def label_mm(language: str) -> float:
    return 18.5 if language == "zh" else 21.5


def _canvas(target: io.BytesIO, size_mm: tuple[float, float], language: str, font: str) -> Canvas:
    canvas = Canvas(
        target,
        pagesize=(size_mm[0] * POINTS_PER_MM, size_mm[1] * POINTS_PER_MM),
        invariant=1,
        pageCompression=1,
        lang="zh-CN" if language == "zh" else "en",
        # Otherwise every page names Helvetica without embedding it.
        initialFontName=font,
    )
    canvas.setTitle("回执" if language == "zh" else "Receipt")
    canvas.setCreator("ou-kiosk")
    canvas.setAuthor("ou-kiosk")
    canvas.setSubject("")
    return canvas


def roll(blocks: list[Block], fonts: FontChain | None, language: str) -> bytes:
    """These blocks on a roll as long as they are."""
    chain = fonts or system_fonts()
    width = _ROLL_MM - 2 * _ROLL_MARGIN_MM
    with _drawing:
        content = sum(block.height(chain, width) for block in blocks)
        # Whole dots, so that a QR code's edges do not fall between two of them.
        dots = math.ceil((_ROLL_TOP_MM + content + _ROLL_TAIL_MM) / DOT_MM)
        height = dots * DOT_MM
        target = io.BytesIO()
        canvas = _canvas(target, (_ROLL_MM, height), language, chain.main)
        pen = Pen(canvas, chain, height)
        y = _ROLL_TOP_MM
        for block in blocks:
            block.draw(pen, _ROLL_MARGIN_MM, y, width)
            y += block.height(chain, width)
        canvas.showPage()
        canvas.save()
    return target.getvalue()


def sheets(
    blocks: list[Block],
    fonts: FontChain | None,
    language: str,
    margin_mm: tuple[float, float] = _A4_MARGIN_MM,
    foot: str = "",
) -> bytes:
    """These blocks on A4 pages. `foot` stands below each page with "{page}" filled in."""
    chain = fonts or system_fonts()
    side, top = margin_mm
    width = _A4_MM[0] - 2 * side
    with _drawing:
        target = io.BytesIO()
        canvas = _canvas(target, _A4_MM, language, chain.main)
        pen = Pen(canvas, chain, _A4_MM[1])
        y, page = top, 1
        _foot(pen, foot, page, side)
        for block in blocks:
            height = block.height(chain, width)
            if y + height > _A4_MM[1] - top and y > top:
                canvas.showPage()
                y, page = top, page + 1
                _foot(pen, foot, page, side)
            block.draw(pen, side, y, width)
            y += height
        canvas.showPage()
        canvas.save()
    return target.getvalue()
