"""Font choice: real outlines first, code points for the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.receipts.fonts import SYSTEM_FONTS, FontChain, FontMissingError, Run, system_fonts


def test_common_text_needs_the_main_font_only() -> None:
    chain = system_fonts()
    assert list(chain.runs("提交回执 LW042-00317-6，8:30–17:00")) == [
        Run(chain.main, "提交回执 LW042-00317-6，8:30–17:00")
    ]


@pytest.mark.parametrize("char", ["䶮", "㛃", "𠮷", "𫚉"])
def test_rare_character_has_a_font_of_its_own(char: str) -> None:
    chain = system_fonts()
    assert chain.covers(char)
    runs = list(chain.runs(f"陈{char}明"))
    assert [run.text for run in runs] == ["陈", char, "明"]
    assert runs[1].font != chain.main


@pytest.mark.parametrize("char", ["\ue000", "\ue863", "\uf137", "\U000f0001", "\x07", "\u200b"])
def test_private_and_invisible_characters_are_spelled_out(char: str) -> None:
    # HanaMinA has drawings of its own for U+F137 to U+F6B0, which no card means.
    chain = system_fonts()
    assert not chain.covers(char)
    assert chain.visible(f"a{char}b") == f"a[U+{ord(char):04X}]b"


@given(st.text(max_size=30))
def test_visible_text_is_always_covered(text: str) -> None:
    chain = system_fonts()
    visible = chain.visible(text)
    assert chain.covers(visible)
    assert chain.visible(visible) == visible
    assert "".join(run.text for run in chain.runs(text)) == visible


def test_without_the_rare_fonts_the_code_point_is_shown(tmp_path: Path) -> None:
    alone = FontChain((("OnlyMain", SYSTEM_FONTS[0][1]), ("Gone", tmp_path / "gone.ttf")))
    assert alone.visible("䶮") == "[U+4DAE]"


def test_missing_main_font_names_its_package(tmp_path: Path) -> None:
    with pytest.raises(FontMissingError, match="fonts-wqy-microhei"):
        FontChain((("X", tmp_path / "x.ttc"),))
