"""The item guide on paper: everything a resident wants to know, on the roll and on A4."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date

import pypdf
import pytest
from shipped import shipped_pack

from config.words import load_words
from kiosk.catalogue.model import Confirmation, Pack, SampleLine, Text
from kiosk.receipts.content import GuideSlip
from kiosk.receipts.fonts import system_fonts
from kiosk.receipts.guide_of import guide_of
from kiosk.receipts.layout.blocks import Pen, Style
from kiosk.receipts.layout.guide import _facts, render_guide
from kiosk.receipts.layout.pdf import PaperWords, label_mm


@pytest.fixture(scope="module")
def pack() -> Pack:
    return shipped_pack()


def words(language: str) -> dict[str, str]:
    loaded = load_words()
    return dict(loaded.en if language == "en" else loaded.zh)


def text_of(pdf: bytes) -> tuple[str, int]:
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return "".join("".join(page.extract_text().split()) for page in pages), len(pages)


def squeezed(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("media", ["80mm", "a4"])
def test_everything_is_on_the_paper(pack: Pack, language: str, media: str) -> None:
    slip = guide_of(pack, "CRJ-001", language, printed_on=date(2026, 11, 22))  # type: ignore[arg-type]
    text, pages = text_of(render_guide(slip, words(language), media))  # type: ignore[arg-type]
    matter = pack.matters["CRJ-001"]
    guide = matter.guide
    for said in (matter.name, guide.for_whom, guide.fee, guide.result, guide.where, *guide.notes):
        assert squeezed(said.in_(language)) in text.replace("’", "'") or media == "80mm"
    for material in matter.materials:
        assert squeezed(material.name.in_(language)) in text
    assert guide.phone in text
    assert "2026" in text
    assert ("样本" in text) if language == "zh" else ("SAMPLE" in text)
    assert (pages == 1) if media == "80mm" else (pages > 1)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_items_and_bundles_have_a_guide(pack: Pack, language: str) -> None:
    guides_are_whole(pack, language, [*sorted(pack.matters)[::14], *sorted(pack.bundles)[:2]])


@pytest.mark.campaign
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_item_and_bundle_has_a_guide(pack: Pack, language: str) -> None:
    guides_are_whole(pack, language, sorted(pack.matters))


def guides_are_whole(pack: Pack, language: str, codes: list[str]) -> None:
    """Each names its item and leaves no word's place open."""
    for code in codes:
        slip = guide_of(pack, code, language)  # type: ignore[arg-type]
        text, _ = text_of(render_guide(slip, words(language), "a4"))
        assert code in text
        assert "{" not in text


def test_a_sample_is_drawn_as_a_form(pack: Pack) -> None:
    item = pack.matters["CRJ-001"]
    rows = (SampleLine(Text("姓名", "Name"), Text("陈小明", "Chen Xiaoming")),)
    material = replace(item.materials[1], sample=rows, copies=2)
    matter = replace(item, materials=(material,))
    changed = replace(pack, matters={"CRJ-001": matter})
    slip = guide_of(changed, "CRJ-001", "zh")
    assert slip.materials[0].count == 2
    on_a4, _ = text_of(render_guide(slip, words("zh"), "a4"))
    on_roll, _ = text_of(render_guide(slip, words("zh"), "80mm"))
    assert "陈小明" in on_a4
    assert "怎么填" in on_a4
    assert "陈小明" not in on_roll


def test_a_confirmed_item_says_who_confirmed_it(pack: Pack) -> None:
    item = replace(pack.items["CRJ-001"], confirmed=Confirmation("出入境管理局", date(2026, 2, 3)))
    matter = replace(pack.matters["CRJ-001"], sample=False)
    changed = replace(pack, items={"CRJ-001": item}, matters={"CRJ-001": matter})
    slip = guide_of(changed, "CRJ-001", "zh")
    text, _ = text_of(render_guide(slip, words("zh"), "a4"))
    assert "出入境管理局2026年2月3日确认" in text
    assert "未经部门确认" not in text
    assert "还没有经部门确认" not in text
    assert isinstance(slip, GuideSlip)
    assert "personal" not in repr(slip)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_the_terminal_writes_is_named_and_shown_as_it_is_filled_in(
    pack: Pack, language: str
) -> None:
    item = pack.matters["FC-005"]
    (statement,) = (one for one in item.materials if one.id == "homes_statement")
    slip = guide_of(pack, "FC-005", language)  # type: ignore[arg-type]
    assert [one.name for one in slip.made_here] == [statement.name.in_(language)]
    assert statement.name.in_(language) not in {one.name for one in slip.materials}
    on_a4, _ = text_of(render_guide(slip, words(language), "a4"))
    on_roll, _ = text_of(render_guide(slip, words(language), "80mm"))
    for line in statement.sample:
        assert squeezed(line.filled.in_(language)) in on_a4
    assert squeezed(statement.name.in_(language)) in on_roll


@pytest.mark.parametrize(("media", "width_mm"), [("a4", 210.0), ("80mm", 80.0)])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_line_leaves_its_page(
    pack: Pack, language: str, media: str, width_mm: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[float] = []
    drawn = Pen.text

    def text(
        pen: Pen, x: float, baseline: float, text: str, style: Style, white: bool = False
    ) -> None:
        ends.append(x + pen.fonts.width(pen.fonts.visible(text), style.size_mm))
        drawn(pen, x, baseline, text, style, white)

    monkeypatch.setattr(Pen, "text", text)
    for code in ("GSH-007", "TX-001"):
        slip = guide_of(pack, code, language)  # type: ignore[arg-type]
        render_guide(slip, words(language), media)  # type: ignore[arg-type]
    assert ends
    assert max(ends) < width_mm


def test_rules_with_a_last_day_say_so(pack: Pack) -> None:
    matter = replace(pack.matters["CRJ-001"], effective_until=date(2027, 12, 31))
    slip = guide_of(replace(pack, matters={"CRJ-001": matter}), "CRJ-001", "zh")
    assert "到2027年12月31日为止" in text_of(render_guide(slip, words("zh"), "80mm"))[0]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_label_is_broken_within_a_word(pack: Pack, language: str) -> None:
    slip = guide_of(pack, "GSH-007", language)  # type: ignore[arg-type]
    table = words(language)
    labels = [f"receipt.{key}" for key, _ in _facts(slip, PaperWords(table))]
    for key in labels:
        longest = max(table[key].split(), key=len)
        assert system_fonts().width(longest, 4.2) <= label_mm(language), longest
