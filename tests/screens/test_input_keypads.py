"""Typing: digits, codes, dates, letters, and Chinese with the real pinyin library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import pytest
from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from samples import samples

from config.words import Words
from devices.pinyin import Pinyin, open_pinyin
from kiosk.journey import events as e
from kiosk.journey.terms import Language, Size, Theme
from kiosk.journey.views import FormView, View
from screens.keypads import FieldWidget, fill_end, is_day
from screens.preview import NoPreview
from screens.shell import Shell
from screens.theme import MIN_GAP_MM, MIN_TARGET_MM, Look
from screens.toolkit import Key, KeyWidget

FORMATS = {"portrait": (1080, 1920), "landscape": (1920, 1080)}


@pytest.fixture(scope="module")
def pinyin() -> Iterator[Pinyin]:
    """The real library."""
    made = open_pinyin()
    assert made is not None, "libgooglepinyin0 must be installed"
    yield made
    made.close()


class Typist:
    """A shell whose form fields keep what is typed, as the journey does."""

    def __init__(self, words: Words, look: Look, pinyin: Pinyin | None) -> None:
        self.texts: list[str] = []
        self.shell = Shell(words, look, self._emit, NoPreview(), pinyin=pinyin)
        self.shell.resize(1080, 1920)
        self.shell.show()
        self.view: View | None = None

    def show(self, sample: str, size: Size = Size.NORMAL, **changes: object) -> None:
        """Show a form sample with changes."""
        found = {s.name: s.view for s in samples(Language.ZH, size, Theme.CALM)}
        body = replace(found[sample].body, **changes)  # type: ignore[type-var]
        self.view = replace(found[sample], body=body)
        self.shell.show_view(self.view)

    def show_sample(self, sample: str) -> None:
        """Show a sample of another step."""
        found = {s.name: s.view for s in samples(Language.ZH, Size.NORMAL, Theme.CALM)}
        self.shell.show_view(found[sample])

    def _emit(self, event: e.Event) -> None:
        if isinstance(event, e.FieldTyped) and self.view is not None:
            self.texts.append(event.text)
            body = self.view.body
            assert isinstance(body, FormView)
            changed = replace(body, value=event.text, confirm=False, error_key="")
            self.view = replace(self.view, body=changed)
            self.shell.show_view(self.view)

    def keys(self, *names: str) -> None:
        """Touch keys one after the other."""
        for name in names:
            assert self.shell.touch(f"key:{name}"), name

    def field(self) -> str:
        """What the field says."""
        found = self.shell.findChild(QWidget, "field")
        assert found is not None
        return found.accessibleName()


@pytest.fixture
def typist(qapp: QApplication, words: Words, look: Look, pinyin: Pinyin) -> Iterator[Typist]:
    """With pinyin."""
    made = Typist(words, look, pinyin)
    yield made
    made.shell.close()
    made.shell.deleteLater()


@pytest.fixture
def plain(qapp: QApplication, words: Words, look: Look) -> Iterator[Typist]:
    """Without pinyin."""
    made = Typist(words, look, None)
    yield made
    made.shell.close()
    made.shell.deleteLater()


@pytest.mark.parametrize(
    ("sample", "keys", "text"),
    [
        ("form-phone", "13857700000", "13857700000"),
        ("form-phone", "+8613", "+8613"),
        ("form-money", "12.50", "12.50"),
        ("form-code", "C1-2X", "C1-2X"),
        ("form-person-number", "11010519491231002X", "11010519491231002X"),
        ("form-bank-card", "6222021234567890128", "6222021234567890128"),
    ],
)
def test_pads_type_their_characters(typist: Typist, sample: str, keys: str, text: str) -> None:
    typist.show(sample, value="")
    typist.keys(*keys)
    assert typist.texts[-1] == text
    assert len(typist.texts) == len(keys)


def test_a_person_s_number_may_have_letters_of_another_document(typist: Typist) -> None:
    typist.show("form-person-number", value="")
    assert not typist.shell.touch("key:E")
    typist.keys("123", "E", "1", "123", *"2345678")
    assert typist.texts[-1] == "E12345678"
    typist.keys("clear")
    assert typist.texts[-1] == ""


@pytest.mark.parametrize(
    ("sample", "value", "shown"),
    [
        ("form-phone", "13857700000", "138 5770 0000"),
        ("form-person-number", "110105194912", "110105 194912"),
        ("form-bank-card", "6222021234", "6222 0212 34"),
    ],
)
def test_a_number_is_grouped_while_it_is_typed(
    typist: Typist, sample: str, value: str, shown: str
) -> None:
    typist.show(sample, value=value)
    assert shown in typist.field()


def test_backspace_and_clear(typist: Typist) -> None:
    typist.show("form-phone", value="138")
    typist.keys("backspace", "clear")
    assert typist.texts == ["13", ""]


def test_a_number_pad_has_neither_sign(typist: Typist) -> None:
    typist.show("form-phone", kind="number", value="")
    assert typist.shell.touchable("key:+") is None
    assert typist.shell.touchable("key:.") is None


# -- dates ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("19640312", "1964-03-12"),
        ("1964312", "1964-03-12"),  # no month begins with 3
        ("196412 5".replace(" ", ""), "1964-12-05"),
        ("20240229", "2024-02-29"),
        ("1964", "1964--"),
    ],
)
def test_a_date_is_typed_in_parts(typist: Typist, keys: str, text: str) -> None:
    typist.show("form-date-empty")
    typist.keys(*keys)
    assert typist.texts[-1] == text


def test_a_part_of_a_date_can_be_chosen_again(typist: Typist) -> None:
    typist.show("form-date-empty", value="2016-03-12", key="fresh")
    assert typist.shell.touch("part:month")
    typist.keys("1", "1")
    assert typist.texts[-1] == "2016-11-12"


def test_backspace_goes_back_over_the_parts(typist: Typist) -> None:
    typist.show("form-date-empty")
    typist.keys(*"196403", *["backspace"] * 3)
    assert typist.texts[-1] == "196--"
    typist.keys(*["backspace"] * 3)
    assert typist.texts[-1] == ""


@pytest.mark.parametrize(
    ("text", "day"),
    [("2024-02-29", True), ("2023-02-29", False), ("2016--", False), ("", False)],
)
def test_which_texts_are_days(text: str, *, day: bool) -> None:
    assert is_day(text) is day


# -- Chinese --------------------------------------------------------------------------------


def test_wenzhoushi_becomes_the_city(typist: Typist) -> None:
    typist.show("form-address", value="", confirm=False)
    typist.keys(*"wenzhoushi")
    assert typist.texts == []  # letters are not text yet
    assert typist.field() == "wenzhoushi"
    assert typist.shell.touch("cand:0")
    assert typist.texts == ["温州市"]
    assert typist.field() == "温州市"


def test_what_a_candidate_leaves_is_spelled_on(typist: Typist) -> None:
    typist.show("form-name", value="")
    typist.keys(*"wenzhou")
    names = _candidates(typist.shell)
    assert typist.shell.touch(next(name for name, text in names.items() if text == "文"))
    assert typist.texts == ["文"]
    assert typist.field() == "文zhou"
    typist.keys("space")
    assert len(typist.texts[-1]) == 2


def test_more_candidates_are_a_touch_away(typist: Typist) -> None:
    typist.show("form-name", value="")
    typist.keys(*"li")
    first = _candidates(typist.shell)
    assert typist.shell.touchable("cand:back") is None
    assert typist.shell.touch("cand:on")
    second = _candidates(typist.shell)
    assert second
    assert not first.keys() & second.keys()
    assert typist.shell.touch("cand:back")
    assert _candidates(typist.shell) == first


def test_letters_left_over_stay_letters(typist: Typist) -> None:
    typist.show("form-address", value="", confirm=False)
    typist.keys(*"ab", "zh", "c")
    assert typist.texts[-1] == "abc"


def test_backspace_takes_a_letter_before_a_character(typist: Typist) -> None:
    typist.show("form-name", value="陈")
    typist.keys("n", "backspace")
    assert typist.texts == []
    typist.keys("backspace")
    assert typist.texts == [""]


def test_digits_and_words_of_an_address(typist: Typist) -> None:
    typist.show("form-address", value="", confirm=False)
    typist.keys("123", *"128", "号", "123", *"lu")
    assert typist.texts[-1] == "128号"


def test_without_pinyin_the_board_says_so_and_types_letters(plain: Typist, words: Words) -> None:
    plain.show("form-name", value="")
    assert plain.shell.touchable("key:zh") is None
    plain.keys("shift", "C", *"hen", "space", "123", "7")
    assert plain.texts[-1] == "Chen 7"


def test_another_field_forgets_the_letters(typist: Typist) -> None:
    typist.show("form-name", value="")
    typist.keys(*"chen")
    typist.show("form-address", value="", confirm=False)
    assert "chen" not in typist.field()
    typist.show("form-name", value="")
    assert typist.shell.touchable("cand:0") is None


def test_text_stops_at_its_longest(typist: Typist) -> None:
    typist.show("form-phone", value="1" * 16)
    typist.keys("1")
    assert typist.texts == []


# -- what stands where ------------------------------------------------------------------------


@pytest.mark.parametrize("shape", FORMATS)
@pytest.mark.parametrize("size", Size)
@pytest.mark.parametrize(
    "sample",
    ["form-phone", "form-phone-wrong", "form-address", "form-address-wrong", "form-code"],
)
def test_the_keyboard_never_hides_the_field(
    typist: Typist, look: Look, sample: str, size: Size, shape: str
) -> None:
    typist.shell.resize(*FORMATS[shape])
    long = "浙江省温州市龙湾区永兴街道" * 9 if "address" in sample else "1380013800"
    typist.show(sample, size, value=long, confirm=False)
    if "address" in sample:
        typist.keys(*"wenzhou")
    field = typist.shell.findChild(QWidget, "field")
    assert field is not None
    assert field.isVisibleTo(typist.shell)
    place = _place(field, typist.shell)
    assert typist.shell.rect().contains(place)
    buttons = [b for b in typist.shell.findChildren(QAbstractButton) if b.isVisibleTo(typist.shell)]
    keys = [b for b in buttons if b.objectName().startswith(("key:", "cand:"))]
    assert len(keys) >= 12
    least, gap = MIN_TARGET_MM[size] / look.mm_per_px, int(MIN_GAP_MM / look.mm_per_px)
    for key in keys:
        at = _place(key, typist.shell)
        assert not at.intersects(place), key.objectName()
        assert typist.shell.rect().contains(at), key.objectName()
        assert min(at.width(), at.height()) >= least - 0.01, key.objectName()
    for one, two in combinations(buttons, 2):
        wide = _place(one, typist.shell).adjusted(-gap, -gap, gap, gap)
        assert not wide.intersects(_place(two, typist.shell)), (one.objectName(), two.objectName())


@pytest.mark.parametrize("shape", FORMATS)
@pytest.mark.parametrize("size", Size)
@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("sample", ["form-phone", "form-code", "form-address", "form-date"])
def test_every_face_fits_its_key(
    typist: Typist, sample: str, language: Language, size: Size, shape: str
) -> None:
    typist.shell.resize(*FORMATS[shape])
    found = {s.name: s.view for s in samples(language, size, Theme.CALM)}
    body = replace(found[sample].body, confirm=False)  # type: ignore[type-var]
    typist.shell.show_view(replace(found[sample], body=body))
    seen = 0
    for turn in range(2):
        if turn and not typist.shell.touch("key:123"):
            break
        for key in typist.shell.findChildren(KeyWidget):
            if key.isVisibleTo(typist.shell) and isinstance(key.block, Key):
                seen += 1
                if not key.block.face.startswith("icon:"):
                    font = key.kit.metrics.font(key.block.role)
                    wide = QFontMetrics(font).horizontalAdvance(key.block.face)
                    assert wide <= key.width() - 4, (key.block.face, wide, key.width())
    assert seen >= 12


def test_confirming_asks_for_no_keyboard_until_it_is_wanted(typist: Typist) -> None:
    typist.show("form-confirm")
    assert typist.shell.touchable("key:zh") is None
    assert typist.shell.touch("edit")
    assert typist.shell.touchable("key:zh") is not None
    typist.keys("backspace")
    assert typist.texts[-1].endswith("零一")


def test_a_bar_is_filled_as_far_as_it_goes() -> None:
    assert fill_end([10, 10, 10], 0, 30, 5) == 2
    assert fill_end([10, 10, 10], 0, 40, 5) == 3
    assert fill_end([10, 10, 10], 2, 5, 5) == 3  # one always, or it would never end
    assert fill_end([], 0, 5, 5) == 0


def _candidates(shell: Shell) -> dict[str, str]:
    return {
        button.objectName(): button.accessibleName()
        for button in shell.findChildren(QAbstractButton)
        if button.objectName()[5:].isdigit() and button.objectName().startswith("cand:")
    }


def _place(widget: QWidget, shell: Shell) -> QRect:
    return QRect(widget.mapTo(shell, QPoint(0, 0)), widget.size())


def test_of_very_long_text_the_end_is_shown_and_the_whole_is_said(typist: Typist) -> None:
    long = "浙江省温州市龙湾区永兴街道" * 9
    typist.show("form-address", Size.LARGE, value=long, confirm=False)
    field = typist.shell.findChild(FieldWidget, "field")
    assert isinstance(field, FieldWidget)
    assert field.accessibleName() == long
    assert field.height() < 420
    assert not field.overflow()


def test_who_comes_back_is_asked_to_confirm_again(typist: Typist) -> None:
    typist.show("form-confirm")
    assert typist.shell.touch("edit")
    back = typist.view
    typist.show_sample("review")
    assert back is not None
    typist.shell.show_view(back)
    assert typist.shell.touchable("edit") is not None


def test_typing_keeps_the_keys_and_moves_nothing(typist: Typist) -> None:
    typist.show("form-address", value="", confirm=False)
    before = {key.objectName(): (key, key.geometry()) for key in _keys(typist.shell)}
    typist.keys(*"wenzhou")
    assert typist.shell.touch("cand:0")
    after = {key.objectName(): (key, key.geometry()) for key in _keys(typist.shell)}
    assert len(before) >= 30
    assert after == before


def _keys(shell: Shell) -> list[KeyWidget]:
    return [key for key in shell.findChildren(KeyWidget) if key.isVisibleTo(shell)]


def test_nobody_goes_on_with_letters_that_wait_for_a_character(typist: Typist) -> None:
    typist.show("form-name", value="")
    assert typist.shell.touchable("next") is not None
    typist.keys(*"li")
    assert typist.shell.touchable("next") is None
    assert typist.shell.touch("cand:0")
    assert typist.shell.touchable("next") is not None
