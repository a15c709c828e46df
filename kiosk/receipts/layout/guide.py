"""The item guide on paper: a slip from the receipt printer, or A4 pages for a desk.

The slip leaves out what one reads at a desk: legal basis, what is checked, filled-in
samples. Every page of the A4 guide names the item, its version and that it is a sample
while no authority has confirmed it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kiosk.receipts.content import BringMaterial, GuideSlip, SampleRow
from kiosk.receipts.fonts import FontChain
from kiosk.receipts.layout.blocks import (
    Block,
    Box,
    Entry,
    Field,
    Gap,
    Pen,
    Rule,
    Stack,
    Style,
    Text,
    Title,
)
from kiosk.receipts.layout.pdf import Media, PaperWords, Words, label_mm, notes, roll, sheets

_A4_MARGIN_MM: Final = (22.0, 18.0)
_BODY = Style(4.2)
_BODY_BOLD = Style(4.2, bold=True)
_SMALL = Style(3.6)
_HEADING = Style(4.6, bold=True)
_BRAND = Style(3.6)
_TITLE = Style(6.4, bold=True, leading=1.2)
_ITEM = Style(5.2, bold=True, leading=1.25)
_MARK = Style(3.8, bold=True)
_A4_ITEM = Style(7.4, bold=True, leading=1.25)


def render_guide(
    content: GuideSlip, words: Words, media: Media = "80mm", fonts: FontChain | None = None
) -> bytes:
    """The guide as PDF. Raises FontMissingError, KeyError for a word that is missing."""
    word = PaperWords(words)
    if media == "80mm":
        return roll(list(_slip(content, word)), fonts, content.language)
    foot = word("guide-foot", item=content.item, code=content.code, version=content.version)
    if content.sample:
        foot = f"{foot}  {word('guide-unconfirmed')}"
    return sheets(list(_page(content, word)), fonts, content.language, _A4_MARGIN_MM, foot)


def _slip(content: GuideSlip, word: PaperWords) -> Iterator[Block]:
    label = label_mm(content.language)
    yield from _top(content, word)
    yield Text(content.item, _ITEM)
    yield Text(content.code, _SMALL)
    yield Gap(1.6)
    for key, text in _facts(content, word):
        yield Field(word(key), text, _BODY, label)
    yield from _list(word("guide-conditions"), content.conditions)
    yield Rule()
    yield from _materials(content, word, full=False)
    yield from _list(word("guide-steps"), _steps(content, word))
    yield from _list(word("guide-notes"), content.notes)
    yield from _end(content, word)


def _page(content: GuideSlip, word: PaperWords) -> Iterator[Block]:
    label = 30.0 if content.language == "zh" else 38.0
    yield from _top(content, word)
    yield Text(content.item, _A4_ITEM)
    yield Gap(2)
    if content.sample:
        yield Box((Text(word("guide-unconfirmed"), _BODY_BOLD),), stroke_mm=0.4, padding_mm=1.8)
        yield Gap(2)
    for key, text in (*_facts(content, word), ("guide-basis", content.basis)):
        yield Field(word(key), text, _BODY, label)
        yield Gap(0.8)
    yield from _list(word("guide-conditions"), content.conditions)
    yield from _list(word("guide-items"), content.items)
    yield Rule()
    yield from _materials(content, word, full=True)
    yield from _list(word("guide-steps"), _steps(content, word))
    if content.situations:
        entries = [
            Stack(
                (
                    Text(word("guide-case", name=name, result=word(f"guide-{result}")), _BODY_BOLD),
                    Text(reason, _BODY),
                )
            )
            for name, result, reason in content.situations
        ]
        yield from _headed(word("guide-not-here"), entries)
    yield from _list(word("guide-notes"), content.notes)
    yield from _end(content, word)


def _top(content: GuideSlip, word: PaperWords) -> Iterator[Block]:
    marks = [word("sample")] * content.sample + [word("simulated")] * content.simulated
    yield Text("  ".join(part for part in (word("brand"), content.site) if part), _BRAND)
    yield Title(word("guide-title"), _TITLE, tuple(marks), _MARK)
    yield Rule(thick_mm=0.7, air_mm=1.8)
    yield Gap(0.6)


def _facts(content: GuideSlip, word: PaperWords) -> tuple[tuple[str, str], ...]:
    mark = word("list-comma")
    facts = (
        ("guide-for-whom", content.for_whom),
        ("guide-departments", mark.join(content.departments)),
        ("bring-fee", content.fee),
        ("bring-days", _days(content, word)),
        ("guide-visits", word("guide-visits-none" if not content.visits else "guide-visits-some",
                              count=content.visits)),
        ("guide-result", content.result),
        ("bring-where", content.where),
        ("guide-phone", content.phone),
    )  # fmt: skip
    return tuple((key, text) for key, text in facts if text)


def _days(content: GuideSlip, word: PaperWords) -> str:
    promised, legal = content.days_promised, content.days_legal
    if promised == 0:
        return word("guide-days-none")
    key = "guide-days-one" if promised == 1 else "guide-days"
    said = word(key, count=promised) if promised is not None else ""
    by_law = word("guide-days-legal", count=legal) if legal is not None else ""
    return word("list-comma").join(part for part in (said, by_law) if part)


def _materials(content: GuideSlip, word: PaperWords, *, full: bool) -> Iterator[Block]:
    if content.materials:
        title = word("guide-materials", count=len(content.materials))
        yield Stack((Text(title, _HEADING), Text(word("guide-materials-note"), _SMALL), Gap(1)))
    else:
        yield Text(word("bring-nothing"), _HEADING)
    for number, one in enumerate(content.materials, start=1):
        yield _material(number, one, word, full=full)
    for name in content.by_card:
        note = (word("guide-card"),)
        yield Stack((Entry(name, _BODY_BOLD, False, note, _SMALL), Gap(1)))
    if content.already_held:
        entries = [Entry(name, _BODY, True) for name in content.already_held]
        yield from _headed(word("bring-held"), entries)
    if content.made_here:
        made = [_made_here(one, word, full=full) for one in content.made_here]
        yield from _headed(word("guide-made-here"), made)


def _material(number: int, one: BringMaterial, word: PaperWords, *, full: bool) -> Block:
    how = word(f"guide-form-{one.form}", count=one.count)
    lines = [how, word("bring-why", text=one.why) if one.why else "", one.source]
    if one.pledge_days is not None:
        lines.append(word("guide-pledge", count=one.pledge_days))
    if full:
        lines.append(word("guide-material-basis", text=one.basis) if one.basis else "")
        if one.checks:
            lines.append(word("guide-checks", text=word("guide-stop").join(one.checks)))
    shown = tuple(line for line in lines if line)
    entry = Entry(f"{number}. {one.name}", _BODY_BOLD, False, shown, _SMALL)
    return _with_sample(entry, one, word, full=full)


def _made_here(one: BringMaterial, word: PaperWords, *, full: bool) -> Block:
    lines = (word("bring-why", text=one.why),) if full and one.why else ()
    return _with_sample(Entry(one.name, _BODY, True, lines, _SMALL), one, word, full=full)


def _with_sample(entry: Entry, one: BringMaterial, word: PaperWords, *, full: bool) -> Block:
    if not (full and one.sample):
        return Stack((entry, Gap(1)))
    table = Grid(word("guide-sample", name=one.name), one.sample, word("guide-sample-filled"))
    return Stack((entry, Gap(0.6), table, Gap(1.6)))


def _list(title: str, texts: tuple[str, ...]) -> Iterator[Block]:
    if texts:
        yield from _headed(title, [Text(text, _BODY) for text in texts])


def _headed(title: str, entries: Sequence[Block]) -> Iterator[Block]:
    """A section whose heading never stands alone at the end of a page."""
    first, *rest = entries
    yield Stack((Rule(), Text(title, _HEADING), Gap(0.6), first))
    yield from rest


def _steps(content: GuideSlip, word: PaperWords) -> tuple[str, ...]:
    steps = content.steps or tuple(word(f"guide-step-{one}") for one in content.usual_steps)
    return tuple(f"{number}. {step}" for number, step in enumerate(steps, start=1))


def _end(content: GuideSlip, word: PaperWords) -> Iterator[Block]:
    yield Rule()
    effective = word.date(content.effective_from)
    parts = [word("guide-version", version=content.version, date=effective)]
    if content.effective_until:
        parts.append(word("guide-until", date=word.date(content.effective_until)))
    if content.as_of:
        parts.append(word("guide-as-of", date=word.date(content.as_of)))
    if content.confirmed_by and content.confirmed_on:
        day = word.date(content.confirmed_on)
        parts.append(word("guide-confirmed", by=content.confirmed_by, date=day))
    if content.printed_on:
        printed = word("bring-printed", date=word.date(content.printed_on))
        parts.append(f"{printed}  {content.terminal}".rstrip())
    yield Stack((*(Text(part, _SMALL) for part in parts),
                 *notes(word, content.sample, content.simulated)))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grid:
    """A form as a table: what is asked at the left, how it is filled in at the right."""

    title: str
    rows: tuple[SampleRow, ...]
    filled: str
    indent_mm: float = 5.2
    label_share: float = 0.38

    def height(self, fonts: FontChain, width: float) -> float:
        """Height in mm at this width."""
        inner = width - self.indent_mm
        head = Text(self.title, _SMALL).height(fonts, inner) + 0.8
        return head + sum(self._row(fonts, row, inner) for row in self.rows)

    def draw(self, pen: Pen, x: float, y: float, width: float) -> None:
        """The title, then a frame round every cell."""
        x, width = x + self.indent_mm, width - self.indent_mm
        title = Text(self.title, _SMALL)
        title.draw(pen, x, y, width)
        y += title.height(pen.fonts, width) + 0.8
        left = width * self.label_share
        for row in self.rows:
            height = self._row(pen.fonts, row, width)
            pen.rectangle(x, y, left, height, stroke_mm=0.2)
            pen.rectangle(x + left, y, width - left, height, stroke_mm=0.2)
            Text(row.label, _SMALL).draw(pen, x + 1.4, y + 0.9, left - 2.8)
            filled = Text(row.filled or self.filled, Style(3.6, bold=True))
            filled.draw(pen, x + left + 1.4, y + 0.9, width - left - 2.8)
            y += height

    def _row(self, fonts: FontChain, row: SampleRow, width: float) -> float:
        left = width * self.label_share
        label = Text(row.label, _SMALL).height(fonts, left - 2.8)
        filled = Text(row.filled or self.filled, _SMALL).height(fonts, width - left - 2.8)
        return max(label, filled) + 1.8
