"""Looking one touch ahead does nothing, shows nothing and leaves nothing behind."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QWidget
from samples import samples

from kiosk.journey import events as e
from kiosk.journey.terms import Language, Size, Theme
from kiosk.journey.views import View
from screens.ahead import Ahead
from screens.shell import Shell

VIEWS = {s.name: s.view for s in samples(Language.ZH, Size.NORMAL, Theme.CALM)}


def foreseen(event: e.Event) -> View | None:
    """A plain world: groups and items lead on, all else ends the visit."""
    if isinstance(event, e.GroupOpened):
        return VIEWS["choose-all"]
    return VIEWS["item_guide"] if isinstance(event, e.ItemChosen) else None


def all_work(ahead: Ahead) -> int:
    """Parts until nothing is left."""
    parts = 0
    while ahead.work():
        parts += 1
        assert parts < 50_000
    return parts


@pytest.fixture
def shown(shell: Shell, qapp: QApplication) -> Shell:
    """The window with a list of items."""
    shell.show_view(VIEWS["choose"])
    qapp.processEvents()
    return shell


def test_nothing_that_is_shown_changes(shown: Shell, emitted: list[e.Event]) -> None:
    ahead = Ahead(shown, foreseen)
    before = shown.grab().toImage()
    visible = [w for w in shown.findChildren(QWidget) if w.isVisible()]
    assert ahead.shown(VIEWS["choose"])
    assert all_work(ahead) > 20
    assert shown.grab().toImage() == before
    assert [w for w in shown.findChildren(QWidget) if w.isVisible()] == visible
    assert emitted == []


@pytest.mark.parametrize("name", ["choose-all", "item_guide"])
def test_what_was_prepared_looks_as_ever(shown: Shell, name: str) -> None:
    shown.show_view(VIEWS[name])
    unprepared = shown.grab().toImage()
    shown.rebuild()
    shown.show_view(VIEWS["choose"])
    ahead = Ahead(shown, foreseen)
    ahead.shown(VIEWS["choose"])
    all_work(ahead)
    shown.show_view(VIEWS[name])
    assert shown.grab().toImage() == unprepared


def test_the_touches_of_the_step_come_first_and_each_once(shown: Shell) -> None:
    offered = shown.offered()
    assert len(set(offered)) == len(offered)
    assert offered.index(e.ItemChosen("A02")) < offered.index(e.Leave())
    shown.show_view(VIEWS["help"])
    assert shown.offered() == ()  # what lies below the help cannot be touched


def test_a_screen_is_studied_once_and_another_one_anew(shown: Shell) -> None:
    ahead = Ahead(shown, foreseen)
    assert ahead.shown(VIEWS["choose"])
    all_work(ahead)
    assert not ahead.shown(VIEWS["choose"])
    assert ahead.shown(VIEWS["item_guide"])
    asked: list[e.Event] = []

    def foresee(event: e.Event) -> View | None:
        asked.append(event)
        return None

    other = Ahead(shown, foresee)
    other.shown(VIEWS["choose"])
    other.work()
    other.shown(VIEWS["item_guide"])
    first = len(asked)
    all_work(other)
    assert first == 1
    assert len(asked) > 1


def test_screens_with_something_of_somebody_are_not_prepared(shown: Shell) -> None:
    hidden = len(shown.findChildren(QWidget))
    for name in ("identify", "verify_face-consent", "review", "sign", "submitted"):
        assert list(shown.study(VIEWS[name])) == []
    assert len(shown.findChildren(QWidget)) == hidden


def test_nothing_of_it_outlives_the_visit(shown: Shell, qapp: QApplication) -> None:
    ahead = Ahead(shown, foreseen)
    ahead.shown(VIEWS["choose"])
    while len(shown.findChildren(QWidget, "group:health")) == 0:
        assert ahead.work()
    shown.rebuild()
    assert shown.findChildren(QWidget) == []
    shown.sweep()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    all_work(ahead)  # what was begun ends by itself
    assert shown.findChildren(QWidget) == []
