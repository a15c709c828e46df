"""A touch makes the right event; an update keeps what is there."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from samples import samples

from kiosk.journey import events as e
from kiosk.journey.terms import Language, Rung, Size, Theme
from kiosk.journey.views import ChooseView, QuestionView, View
from screens.registry import PlainScreen
from screens.shell import Shell
from screens.toolkit import BlockScreen, CardTouch, StepScreen


def view(name: str, language: Language = Language.ZH, size: Size = Size.NORMAL) -> View:
    """A sample by name."""
    found = {s.name: s.view for s in samples(language, size, Theme.CALM)}
    return found[name]


@pytest.mark.parametrize(
    ("sample", "name", "event"),
    [
        ("questions", "next", e.Next()),
        ("questions", "back", e.Back()),
        ("questions", "leave", e.Leave()),
        ("questions", "help", e.Help()),
        ("questions", "language", e.LanguageSet(Language.EN)),
        ("questions", "size", e.SizeSet(Size.LARGE)),
        ("help", "theme", e.ThemeSet(Theme.CONTRAST)),
        ("help", "help", e.Help()),
        ("idle", "stay", e.Stay()),
        ("welcome", "search", e.SearchOpened()),
        ("welcome", "group:traffic", e.GroupOpened("traffic")),
        ("welcome", "item:A01", e.ItemChosen("A01")),
        ("welcome", "ask-help", e.Help()),
        ("welcome-stub", "print", e.PrintAsked()),
        ("choose", "item:A02", e.ItemChosen("A02")),
        ("choose", "group:", e.GroupOpened("")),
        ("choose", "search", e.SearchOpened()),
        ("choose-all", "group:health", e.GroupOpened("health")),
        ("choose-search", "key:s", e.SearchTyped("cbzms")),
        ("choose-search", "key:backspace", e.SearchTyped("cbz")),
        ("item_guide", "next", e.Next()),
        ("item_guide", "try", e.TryQuestions()),
        ("identify", "other-way", e.OtherWay()),
        ("identify-failed", "again", e.TryAgain()),
        ("verify_face-consent", "consent:yes", e.ConsentGiven()),
        ("verify_face-consent", "consent:no", e.ConsentRefused()),
        ("verify_face-looking", "other-way", e.OtherWay()),
        ("verify_face-failed", "again", e.TryAgain()),
        ("other_way", "rung:other-card", e.RungChosen(Rung.OTHER_CARD)),
        ("questions", "option:family", e.Answered("purpose", "family")),
        ("questions-many", "option:o0", e.Answered("purpose", "o0,o1,o3")),
        ("questions-many", "option:o1", e.Answered("purpose", "o3")),
        ("questions-yes-no", "option:no", e.Answered("purpose", "no")),
        ("questions-number", "key:5", e.Answered("purpose", "1205")),
        ("questions-number", "key:backspace", e.Answered("purpose", "12")),
        ("questions-number", "key:clear", e.Answered("purpose", "")),
        ("questions-date", "key:backspace", e.Answered("purpose", "")),
        ("outcome", "print", e.PrintAsked()),
    ],
)
def test_a_touch_makes_its_event(
    shell: Shell, emitted: list[e.Event], sample: str, name: str, event: e.Event
) -> None:
    shell.show_view(view(sample))
    assert shell.touch(name)
    assert emitted == [event]


def test_plain_entries_open_in_large_mode(shell: Shell, emitted: list[e.Event]) -> None:
    shell.show_view(view("welcome", size=Size.LARGE))
    assert shell.touch("plain:pension")
    assert shell.touch("plain:other")
    assert emitted == [e.PlainOpened("pension"), e.PlainOpened("other")]


def test_what_is_not_there_cannot_be_touched(shell: Shell, emitted: list[e.Event]) -> None:
    shell.show_view(view("questions-yes-no"))
    assert not shell.touch("next")  # disabled
    assert not shell.touch("page:on")
    shell.show_view(view("other_way"))
    assert not shell.touch("rung:app-code")  # not possible
    assert not shell.touch("option:yes")  # of a step that is not shown
    assert emitted == []


def test_what_lies_below_the_warning_cannot_be_touched(
    shell: Shell, emitted: list[e.Event], qapp: QApplication
) -> None:
    shell.show_view(view("idle"))
    assert not shell.touch("next")
    below = shell.childAt(QPoint(540, 1780))
    assert below is not None
    QTest.mouseClick(below, Qt.MouseButton.LeftButton, pos=QPoint(540, 1780))
    assert emitted == [e.Stay()]


def test_a_date_is_told_when_it_is_whole(shell: Shell, emitted: list[e.Event]) -> None:
    shown = view("questions-date")
    assert isinstance(shown.body, QuestionView)
    shell.show_view(replace(shown, body=replace(shown.body, value="", id="born")))
    for digit in "19640230":  # there is no 30 February
        assert shell.touch(f"key:{digit}")
    assert emitted == []
    assert shell.touch("key:backspace")
    assert shell.touch("key:backspace")
    for digit in "29":
        assert shell.touch(f"key:{digit}")
    assert emitted == [e.Answered("born", "1964-02-29")]


def test_an_update_keeps_the_widgets(shell: Shell) -> None:
    shown = view("questions")
    shell.show_view(shown)
    before = {b.objectName(): b for b in shell.findChildren(QAbstractButton) if b.isVisible()}
    screen = shell.step_screen()
    assert isinstance(shown.body, QuestionView)
    options = tuple(replace(o, chosen=o.id == "family") for o in shown.body.options)
    shell.show_view(replace(shown, body=replace(shown.body, options=options, value="family")))
    after = {b.objectName(): b for b in shell.findChildren(QAbstractButton) if b.isVisible()}
    assert shell.step_screen() is screen
    assert before.keys() == after.keys()
    assert all(before[name] is after[name] for name in before)
    assert "已选" in after["option:family"].accessibleName()
    assert "已选" not in after["option:tour"].accessibleName()


def _many(count: int) -> View:
    shown = view("choose")
    assert isinstance(shown.body, ChooseView)
    one = shown.body.cards[0]
    cards = tuple(replace(one, code=f"X-{at}", name=f"事项{at}") for at in range(count))
    return replace(shown, body=replace(shown.body, cards=cards))


def test_only_what_is_on_the_page_has_widgets_and_every_page_shows_its_own(shell: Shell) -> None:
    shell.show_view(_many(200))
    screen = shell.step_screen()
    assert isinstance(screen, BlockScreen)
    found: list[str] = []
    for page in range(len(screen.stage.pages)):
        if page:
            assert shell.touch("page:on")
        first, last = screen.stage.pages[page]
        cards = [c for c in shell.findChildren(CardTouch) if c.isVisibleTo(shell)]
        assert len(cards) == last - first
        assert len(shell.findChildren(CardTouch)) <= 40
        found += [c.objectName() for c in sorted(cards, key=lambda card: card.y())]
    assert found == [f"item:X-{at}" for at in range(200)]


def test_a_widget_that_waits_for_another_block_has_no_name(shell: Shell) -> None:
    shell.show_view(_many(20))
    shell.show_view(_many(2))
    waiting = [c for c in shell.findChildren(CardTouch) if not c.isVisibleTo(shell)]
    assert waiting
    assert not any(c.objectName() or c.accessibleName() for c in waiting)
    assert shell.touchable("item:X-5") is None
    shell.grab()  # Qt sends hidden widgets what they missed: they must bear it
    shell.show_view(_many(20))
    assert shell.touchable("item:X-5") is not None


def test_the_end_of_a_visit_forgets_every_screen(shell: Shell) -> None:
    shell.show_view(view("questions-date"))
    screen = shell.step_screen()
    shell.rebuild()
    assert shell.step_screen() is None
    assert not shell.touch("next")
    shell.show_view(view("questions"))
    assert shell.step_screen() is not screen


def test_the_screens_for_the_next_visit_know_nothing_of_this_one(shell: Shell) -> None:
    welcome = view("welcome")
    shell.show_view(welcome)
    shell.warm()
    shell.grab()
    before = set(shell.findChildren(StepScreen))
    assert not any(screen.isVisible() for screen in before - {shell.step_screen()})
    for name in ("choose-search", "item_guide", "questions-date", "review"):
        shell.show_view(view(name))
    shell.rebuild()
    shell.sweep()
    shell.show_view(welcome)
    ready = shell.step_screen()
    assert ready in before  # it stood ready: nothing was built under the finger
    assert shell.touchable("search") is not None
    told = {w.accessibleName() for w in shell.findChildren(QWidget)}
    shown = view("questions-date").body
    assert isinstance(shown, QuestionView)
    assert shown.text not in told
    assert shell.touchable("next") is None


def test_screens_in_another_size_are_not_taken_from_those_that_stand_ready(shell: Shell) -> None:
    shell.show_view(view("welcome"))
    shell.warm()
    shell.rebuild()
    large = view("welcome", Language.EN, Size.LARGE)
    shell.show_view(large)
    screen = shell.step_screen()
    assert screen is not None
    assert (screen.kit.language, screen.kit.metrics.large) == ("en", True)
    shell.rebuild()
    shell.show_view(view("welcome"))
    screen = shell.step_screen()
    assert screen is not None
    assert (screen.kit.language, screen.kit.metrics.large) == ("zh", False)


def test_paging_keeps_its_page_over_an_update(shell: Shell) -> None:
    shown = view("choose")
    shell.show_view(shown)
    assert shell.touchable("item:A11") is None
    assert shell.touch("page:on")
    assert shell.touchable("item:A11") is not None
    shell.show_view(replace(shown, frame=replace(shown.frame, line_up=False)))
    assert shell.touchable("item:A11") is not None
    assert shell.touch("page:back")
    assert shell.touchable("item:A01") is not None


def test_the_camera_is_looked_at_only_while_it_is_shown(
    shell: Shell, preview: object, qtbot: object
) -> None:
    shell.show_view(view("verify_face-consent"))
    assert preview.asked == 0  # type: ignore[attr-defined]
    preview.picture = (bytes(range(48)) * 100, 40, 40, 1)  # type: ignore[attr-defined]
    shell.show_view(view("verify_face-looking"))
    qtbot.waitUntil(lambda: preview.asked >= 3, timeout=2000)  # type: ignore[attr-defined]
    shell.show_view(view("verify_face-matched"))
    asked = preview.asked  # type: ignore[attr-defined]
    QTest.qWait(100)
    assert preview.asked == asked  # type: ignore[attr-defined]


def test_a_step_without_a_screen_gets_a_plain_page(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("screens.registry.MODULES", {})
    shell.show_view(view("questions"))
    assert isinstance(shell.step_screen(), PlainScreen)
    assert shell.touchable("back") is not None


def test_qt_does_not_lose_references(shell: Shell) -> None:
    """PySide6 6.12.0 under Python 3.11 loses one reference to None at every void call.

    The interpreter ends when none is left. Another version of PySide6 is the remedy.
    """
    before = sys.getrefcount(None)
    for _ in range(500):
        shell.setToolTip("")
    assert sys.getrefcount(None) > before - 100
