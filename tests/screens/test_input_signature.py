"""The pad: strokes as drawn, told after each, in thousandths, and taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from samples import SIGNED, samples

from kiosk.journey import events as e
from kiosk.journey.terms import Language, Size, Theme
from kiosk.journey.views import SignView, View
from screens.shell import Shell
from screens.signature import NAME, PadWidget, smooth


def _view(name: str) -> View:
    return {s.name: s.view for s in samples(Language.ZH, Size.NORMAL, Theme.CALM)}[name]


def _pad(shell: Shell) -> PadWidget:
    pad = shell.findChild(PadWidget, NAME)
    assert isinstance(pad, PadWidget)
    return pad


def _stroke(pad: PadWidget, *points: tuple[float, float]) -> None:
    """Draw through points given as parts of the pad."""
    at = [QPoint(round(x * pad.width()), round(y * pad.height())) for x, y in points]
    QTest.mousePress(pad, Qt.MouseButton.LeftButton, pos=at[0])
    for point in at[1:]:
        QTest.mouseMove(pad, point)
    QTest.mouseRelease(pad, Qt.MouseButton.LeftButton, pos=at[-1])


def test_each_stroke_is_told_in_thousandths(shell: Shell, emitted: list[e.Event]) -> None:
    shell.show_view(_view("sign"))
    pad = _pad(shell)
    _stroke(pad, (0.1, 0.5), (0.2, 0.25), (0.5, 0.75))
    _stroke(pad, (0.6, 0.5), (0.9, 0.5))
    assert all(isinstance(event, e.Signed) for event in emitted)
    first, second = (event.strokes for event in emitted if isinstance(event, e.Signed))
    assert len(first) == 1
    assert second[0] == first[0]
    assert len(second) == 2
    for (x, y), (wanted_x, wanted_y) in zip(
        first[0], ((100, 500), (200, 250), (500, 750)), strict=True
    ):
        assert abs(x - wanted_x) <= 2
        assert abs(y - wanted_y) <= 2


def test_points_stay_on_the_pad(shell: Shell, emitted: list[e.Event]) -> None:
    shell.show_view(_view("sign"))
    _stroke(_pad(shell), (0.5, 0.5), (1.4, -0.3))
    (event,) = emitted
    assert isinstance(event, e.Signed)
    assert event.strokes[0][-1] == (1000, 0)


def test_the_view_decides_what_is_there(shell: Shell, emitted: list[e.Event]) -> None:
    shown = _view("sign")
    shell.show_view(shown)
    pad = _pad(shell)
    _stroke(pad, (0.1, 0.5), (0.9, 0.5))
    (event,) = emitted
    assert isinstance(event, e.Signed)
    assert isinstance(shown.body, SignView)
    shell.show_view(replace(shown, body=replace(shown.body, strokes=event.strokes)))
    assert _pad(shell) is pad
    assert shell.touch("clear-signature")
    assert emitted[-1] == e.Signed(())
    shell.show_view(shown)
    _stroke(pad, (0.2, 0.2), (0.3, 0.3))
    last = emitted[-1]
    assert isinstance(last, e.Signed)
    assert len(last.strokes) == 1, "the strokes taken back must not come again"


def test_nothing_to_take_back_on_an_empty_pad(shell: Shell) -> None:
    shell.show_view(_view("sign"))
    assert not shell.touch("clear-signature")


@pytest.mark.parametrize("name", ["sign", "sign-owed"])
def test_ink_is_painted_where_the_strokes_are(shell: Shell, name: str) -> None:
    shell.show_view(_view(name))
    pad = _pad(shell)
    image = pad.grab().toImage()
    ink = QColor("#15302c")
    x, y = SIGNED[0][0]
    near = [
        image.pixelColor(round(x * pad.width() / 1000) + dx, round(y * pad.height() / 1000) + dy)
        for dx in range(-4, 5)
        for dy in range(-4, 5)
    ]
    assert any(colour == ink for colour in near) is (name == "sign-owed")


def test_a_line_is_smooth_and_reaches_its_ends() -> None:
    points = [QPointF(0, 0), QPointF(10, 20), QPointF(20, 0), QPointF(30, 20)]
    path = smooth(points)
    assert path.pointAtPercent(0) == points[0]
    assert path.pointAtPercent(1) == points[-1]
    assert path.elementCount() > len(points)


def test_a_dot_is_painted() -> None:
    assert not smooth([QPointF(5, 5)]).isEmpty()


def test_a_long_stroke_keeps_every_point(shell: Shell, emitted: list[e.Event]) -> None:
    shell.show_view(_view("sign"))
    pad = _pad(shell)
    points = [(0.1 + 0.0008 * at, 0.5 + 0.1 * (at % 2)) for at in range(1000)]
    _stroke(pad, *points)
    (event,) = emitted
    assert isinstance(event, e.Signed)
    assert len(event.strokes[0]) == 1000
