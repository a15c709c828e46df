"""The bar's main action does not jump; panels keep their edges; no name shows an empty box."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from PySide6.QtCore import QRect
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QAbstractButton
from samples import Sample, samples
from test_geometry import FORMATS

from kiosk.journey.terms import Language, Size, StepName, Theme
from kiosk.journey.views import ItemGuideView, View
from screens.shell import BarWidget, Shell
from screens.theme import Metrics, Role
from screens.toolkit import BlockScreen, Kit, PanelRowWidget, _fill
from screens.typeset import Typeset, visible

MOST_SHARE = 0.63
"""Part of the bar that the main action may take."""


def _sample(name: str, language: Language, size: Size) -> Sample:
    return next(s for s in samples(language, size, Theme.CALM) if s.name == name)


def _bar(shell: Shell) -> BarWidget:
    (bar,) = shell.findChildren(BarWidget)
    return bar


def _bar_button(shell: Shell, name: str) -> QRect:
    (found,) = _bar(shell).findChildren(QAbstractButton, name)
    return found.geometry()


@pytest.mark.parametrize("shape", FORMATS)
@pytest.mark.parametrize("size", Size)
@pytest.mark.parametrize("language", Language)
def test_the_main_action_keeps_its_place_when_there_is_no_way_back(
    shell: Shell, language: Language, size: Size, shape: str
) -> None:
    shell.resize(*FORMATS[shape])
    with_back = _sample("questions", language, size).view
    shell.show_view(with_back)
    beside = _bar_button(shell, "next")
    assert _bar_button(shell, "back").right() < beside.left()
    shell.show_view(replace(with_back, frame=replace(with_back.frame, back=False)))
    alone = _bar_button(shell, "next")
    bar = _bar(shell)
    assert alone == beside
    assert alone.right() == bar.width() - 1
    assert alone.width() <= bar.width() * MOST_SHARE


def _guide(language: Language, size: Size, rows: int) -> View:
    shown = _sample("item_guide", language, size).view
    body = shown.body
    assert isinstance(body, ItemGuideView)
    one = body.materials[0]
    names = [f"{at} " + "材料" * 5 for at in range(rows)]
    materials = tuple(replace(one, id=f"m{at}", name=name) for at, name in enumerate(names))
    return replace(shown, body=replace(body, materials=materials))


@pytest.mark.parametrize("shape", FORMATS)
@pytest.mark.parametrize("size", Size)
def test_a_panel_cut_by_a_page_keeps_room_between_text_and_edge(
    shell: Shell, size: Size, shape: str
) -> None:
    shell.resize(*FORMATS[shape])
    shell.show_view(_guide(Language.ZH, size, 60))
    screen = shell.step_screen()
    assert isinstance(screen, BlockScreen)
    metrics = screen.kit.metrics
    assert len(screen.stage.pages) > 2
    for page in range(len(screen.stage.pages)):
        if page:
            assert shell.touch("page:on")
        rows = [w for w in screen.stage.findChildren(PanelRowWidget) if w.isVisibleTo(shell)]
        rows.sort(key=lambda row: (row.x(), row.y()))
        assert rows
        for row in rows:
            assert not row.overflow()
        last = max(rows, key=lambda row: row.geometry().bottom())
        free = last.height() - last.face.text_height(last.width())
        assert free >= metrics.px(4.0 + 1.2)
        assert last.geometry().bottom() < screen.stage.height()


def test_a_private_use_character_is_written_out() -> None:
    assert visible("王\ue863明") == "王[U+E863]明"
    assert visible("\U000f0001") == "[U+F0001]"
    assert visible("\U0010fffd") == "[U+10FFFD]"
    assert visible("𠮷㐀龘") == "𠮷㐀龘"  # rare, but not private: the fonts have them


def test_a_private_use_character_is_painted_as_its_code(shell: Shell) -> None:
    font = Metrics(Size.NORMAL, 1080, 1920, 0.248).font(Role.TEXT)
    one, other = Typeset("王\ue863明", font), Typeset("王[U+E863]明", font)
    assert one.natural_width() == other.natural_width()
    assert one.text == "王\ue863明"  # what is known of the name does not change
    (start, end, _), *_ = one.spans(1e4, 2, 3)
    assert (start, end) == tuple(other.spans(1e4, 9, 10)[0][:2])


def test_no_line_begins_with_a_mark_that_belongs_to_the_line_before() -> None:
    font = Metrics(Size.NORMAL, 1080, 1920, 0.248).font(Role.TEXT)
    text = "看一看，没问题就点下一步。哪里不对？就点“改”；都对了：签名！（真的）"
    for width in range(260, 900, 7):
        made = Typeset(text, font)
        made.lines(width)
        layout = made._layout
        starts = [layout.lineAt(at).textStart() for at in range(layout.lineCount())]
        assert not [text[start] for start in starts if text[start] in "，。？；：！”）"]


@pytest.mark.parametrize("rare", ["", "𠮷"])  # two units in Qt's count
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "身份证信息只用来办这件事。离开后，屏幕上的内容会清除。",
            ("身份证", "离开", "屏幕", "内容"),
        ),
        ("请放好：户主的户口簿（首页和户主页）", ("户主", "户口簿", "首页")),
        ("号码不对。手机号是 11 位；座机请连区号，要 3 个月以上", ("11 位", "3 个月")),
        ("Lay down: Social-security card the pension goes to", ("Social-security",)),
    ],
)
def test_no_line_ends_inside_a_word(text: str, words: tuple[str, ...], rare: str) -> None:
    font = Metrics(Size.NORMAL, 1080, 1920, 0.248).font(Role.TEXT)
    text = rare + text
    units = text.encode("utf-16-le")
    for width in range(260, 900, 7):
        made = Typeset(text, font)
        if made.lines(width) == 1:
            continue
        layout = made._layout
        found = [layout.lineAt(at) for at in range(layout.lineCount())]
        assert all(line.naturalTextWidth() <= width for line in found)
        ends = [2 * (line.textStart() + line.textLength()) for line in found]
        lines = [units[a:b].decode("utf-16-le") for a, b in pairwise([0, *ends])]
        assert "".join(lines) == text, "nothing is lost"
        for word in words:
            assert sum(line.count(word) for line in lines) == text.count(word), lines


def test_a_word_longer_than_the_line_is_broken_all_the_same() -> None:
    font = Metrics(Size.NORMAL, 1080, 1920, 0.248).font(Role.TEXT)
    made = Typeset("法定代表人", font)
    assert made.lines(made.natural_width() / 2 - 1) == 3


@pytest.mark.parametrize("edge", ["", "line"])
@pytest.mark.parametrize("size", [(300, 75), (301, 74), (90, 300), (40, 40), (500, 400)])
@pytest.mark.parametrize("radius", [0, 15, 38])
def test_a_panel_put_together_looks_like_one_painted_whole(
    shell: Shell, size: tuple[int, int], radius: int, edge: str
) -> None:
    shell.show_view(_sample("welcome", Language.ZH, Size.NORMAL).view)
    screen = shell.step_screen()
    assert screen is not None
    kit: Kit = screen.kit
    together = QImage(*size, QImage.Format.Format_ARGB32_Premultiplied)
    together.fill(0xFFFFFFFF)
    painter = QPainter(together)
    _fill(painter, kit, together.rect(), "mist", edge, radius=radius)
    painter.end()
    whole = QImage(*size, QImage.Format.Format_ARGB32_Premultiplied)
    whole.fill(0xFFFFFFFF)
    round_px = min(radius or kit.metrics.radius, size[1] / 2)
    painter = QPainter(whole)
    line = kit.metrics.border if edge else 0
    painter.drawImage(0, 0, kit.tile(*size, "mist", edge, line, round_px))
    painter.end()
    assert together == whole


def test_the_guide_names_papers_without_their_reasons(shell: Shell) -> None:
    shown = _sample("item_guide", Language.ZH, Size.NORMAL).view
    assert shown.frame.step is StepName.ITEM_GUIDE
    shell.show_view(shown)
    screen = shell.step_screen()
    assert isinstance(screen, BlockScreen)
    said = " ".join(w.accessibleName() for w in screen.stage.findChildren(PanelRowWidget))
    assert "往来港澳通行证原件" in said
    assert "核对有效期" not in said
    assert "户口簿" not in said  # shared by another department: nothing to bring
