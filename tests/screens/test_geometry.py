"""The whole gallery: nothing cut, nothing overlapping, everything large enough to touch."""

from __future__ import annotations

from itertools import combinations

import pytest
from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QAbstractButton, QWidget
from samples import Sample, samples

from kiosk.journey.terms import Language, Size, Theme
from screens.shell import BarWidget, Cover, HeaderWidget, Shell
from screens.theme import MIN_GAP_MM, MIN_TARGET_MM, Look
from screens.toolkit import BlockScreen, BlockWidget, TouchWidget

FORMATS = {"portrait": (1080, 1920), "landscape": (1920, 1080)}


def _place(widget: QWidget, shell: Shell) -> QRect:
    return QRect(widget.mapTo(shell, QPoint(0, 0)), widget.size())


def _seen(shell: Shell, kind: type[QWidget]) -> list[QWidget]:
    top: QWidget = shell
    for cover in shell.findChildren(Cover):
        if cover.isVisibleTo(shell):
            top = cover
    return [widget for widget in top.findChildren(kind) if widget.isVisibleTo(shell)]


def _faults(shell: Shell, sample: Sample, look: Look) -> list[str]:
    """Everything that is wrong with what is shown now."""
    found: list[str] = []
    window, size = shell.rect(), sample.view.frame.size
    buttons = _seen(shell, QAbstractButton)
    for button in buttons:
        place, name = _place(button, shell), button.objectName()
        least = MIN_TARGET_MM[size]
        if min(place.width(), place.height()) * look.mm_per_px < least - 0.001:
            found.append(f"{name} is smaller than {least} mm: {place.size().toTuple()}")
        if not window.contains(place):
            found.append(f"{name} leaves the window: {place.getRect()}")
        if not name or not button.accessibleName():
            found.append(f"{name or place.getRect()} has no name")
    gap_px = int(MIN_GAP_MM / look.mm_per_px)
    for one, two in combinations(buttons, 2):
        here, there = _place(one, shell), _place(two, shell)
        if here.adjusted(-gap_px, -gap_px, gap_px, gap_px).intersects(there):
            found.append(f"{one.objectName()} and {two.objectName()} are too close")
    for kind in (BlockWidget, TouchWidget, HeaderWidget):
        for widget in _seen(shell, kind):
            if widget.overflow():  # type: ignore[attr-defined]
                found.append(f"{widget.accessibleName()[:40]} is cut")
    found.extend(_overlaps(shell))
    return found


def _overlaps(shell: Shell) -> list[str]:
    """Blocks of the step must not lie on each other, on the bar or on the header."""
    screen = shell.step_screen()
    assert isinstance(screen, BlockScreen)
    around = [w for kind in (HeaderWidget, BarWidget) for w in shell.findChildren(kind)]
    parts = [w for w in screen.stage.children() if isinstance(w, QWidget)] + around
    parts = [w for w in parts if w.isVisibleTo(shell) and w.height() > 0]
    found = [
        f"{one.accessibleName()[:30]} lies on {two.accessibleName()[:30]}"
        for one, two in combinations(parts, 2)
        if _place(one, shell).intersects(_place(two, shell))
    ]
    stage = _place(screen.stage, shell)
    found.extend(
        f"{w.accessibleName()[:30]} leaves the step"
        for w in parts
        if w not in around and not stage.contains(_place(w, shell))
    )
    return found


@pytest.mark.parametrize("shape", FORMATS)
@pytest.mark.parametrize("size", Size)
@pytest.mark.parametrize("language", Language)
def test_every_page_of_every_sample(
    shell: Shell, look: Look, language: Language, size: Size, shape: str
) -> None:
    shell.resize(*FORMATS[shape])
    faults: list[str] = []
    for sample in samples(language, size, Theme.CALM):
        shell.rebuild()
        shell.show_view(sample.view)
        screen = shell.step_screen()
        assert isinstance(screen, BlockScreen)
        covered = sample.view.frame.help_open or sample.view.frame.idle_left_s is not None
        for page in range(1 if covered else len(screen.stage.pages)):
            if page:
                assert shell.touch("page:on")
            faults.extend(f"{sample.name}/{page + 1}: {f}" for f in _faults(shell, sample, look))
    assert not faults, "\n" + "\n".join(faults)


def test_the_check_can_fail(shell: Shell, look: Look) -> None:
    sample = next(samples(Language.ZH, Size.NORMAL, Theme.CALM))
    shell.show_view(sample.view)
    button = shell.touchable("search")
    assert button is not None
    button.setGeometry(button.x(), button.y(), 40, 30)
    assert any("smaller" in fault for fault in _faults(shell, sample, look))
    assert any("is cut" in fault for fault in _faults(shell, sample, look))
