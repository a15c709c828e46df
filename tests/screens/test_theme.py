"""Colours can be told apart, and measures keep their minimum in millimetres."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QTextLayout
from PySide6.QtWidgets import QApplication

from config.themes import load_themes
from kiosk.journey.terms import Size
from screens.theme import (
    LINE_SPACING,
    MIN_TARGET_MM,
    MIN_TEXT_MM,
    TEXT_PAIRS,
    Look,
    Metrics,
    Role,
    Tokens,
    contrast,
    make_font,
)

LEAST = {"calm": 4.5, "contrast": 7.0}


@pytest.mark.parametrize("theme", ["calm", "contrast"])
@pytest.mark.parametrize("pair", TEXT_PAIRS, ids="-on-".join)
def test_text_stands_out_from_its_ground(look: Look, theme: str, pair: tuple[str, str]) -> None:
    ink, ground = (getattr(look.themes[theme], name) for name in pair)
    assert contrast(ink, ground) >= LEAST[theme]


def test_contrast_is_measured_as_wcag_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("size", Size)
@pytest.mark.parametrize("mm_per_px", [0.248, 0.124, 0.31])
def test_letters_and_targets_are_large_enough(size: Size, mm_per_px: float) -> None:
    metrics = Metrics(size, 1080, 1920, mm_per_px)
    for role in Role:
        assert metrics.mm(metrics.font(role).pixelSize()) >= MIN_TEXT_MM[size]
    for side in (metrics.target, metrics.button, metrics.pill):
        assert metrics.mm(side) >= MIN_TARGET_MM[size]
    assert metrics.mm(metrics.small_gap) >= 4.0
    assert metrics.mm(metrics.gap) >= 4.0


def test_lines_are_apart() -> None:
    assert LINE_SPACING >= 1.5


def test_a_theme_with_a_missing_token_is_refused() -> None:
    values = dict(load_themes()["calm"])
    del values["mist-deep"]
    with pytest.raises(ValueError, match="mist-deep"):
        Tokens.of(values)


def test_a_colour_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="ink"):
        Tokens.of({**load_themes()["calm"], "ink": "black"})


@pytest.mark.parametrize("character", ["瓯", "㙇", "𠮷", "𬭊", "𰻞", "e"])
def test_rare_characters_have_a_glyph(qapp: QApplication, character: str) -> None:
    """No name is shown with a box; code points of five planes and extensions."""
    layout = QTextLayout(character, make_font(40, bold=False))
    layout.beginLayout()
    layout.createLine().setLineWidth(400)
    layout.endLayout()
    glyphs = [index for run in layout.glyphRuns() for index in run.glyphIndexes()]
    assert glyphs
    assert 0 not in glyphs
