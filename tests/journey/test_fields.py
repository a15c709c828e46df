"""What may be typed into a form, and the one form in which it is kept."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kiosk.application.fields import problem, tidy
from kiosk.catalogue.model import FieldKind

GOOD = [
    (FieldKind.PHONE, "13957729173", "13957729173"),
    (FieldKind.PHONE, "139 5772 9173", "13957729173"),
    (FieldKind.PHONE, "139-5772-9173", "13957729173"),
    (FieldKind.PHONE, "１３９５７７２９１７３", "13957729173"),
    (FieldKind.PHONE, "0577-88001122", "057788001122"),
    (FieldKind.PHONE, "+85291234567", "+85291234567"),
    (FieldKind.NAME, " 陈秀英 ", "陈秀英"),
    (FieldKind.NAME, "买买提·艾力", "买买提·艾力"),
    (FieldKind.NAME, "阿卜杜拉‧买买提", "阿卜杜拉‧买买提"),
    (FieldKind.NAME, "O'Brien, Anne-Marie", "O'Brien, Anne-Marie"),
    (FieldKind.NAME, "Nguyễn Văn Ánh", "Nguyễn Văn Ánh"),
    (FieldKind.NAME, unicodedata.normalize("NFD", "Renée"), unicodedata.normalize("NFD", "Renée")),
    (FieldKind.NAME, "〇一", "〇一"),
    (FieldKind.NAME, "䶮", "䶮"),
    (FieldKind.NAME, "\U00020bb7野", "\U00020bb7野"),  # extension B
    (FieldKind.NAME, "王\U00030000", "王\U00030000"),  # extension G
    (FieldKind.NAME, "王\U00031350", "王\U00031350"),  # extension H: newer than Python 3.11
    (FieldKind.NAME, "李\ue863", "李\ue863"),  # private use, as cards have it
    (FieldKind.NAME, "\ue000", "\ue000"),
    (FieldKind.NAME, "\U000f0000丽", "\U000f0000丽"),  # private use beyond the first plane
    (FieldKind.NAME, "葛\U000e0100城", "葛\U000e0100城"),  # a variant's selector
    (FieldKind.ADDRESS, "温州市龙湾区永兴街道样本路1号", "温州市龙湾区永兴街道样本路1号"),
    (FieldKind.DATE, "2024-02-29", "2024-02-29"),
    (FieldKind.DATE, "20240229", "2024-02-29"),
    (FieldKind.DATE, "1900-01-01", "1900-01-01"),
    (FieldKind.DATE, "2099-12-31", "2099-12-31"),
    (FieldKind.MONEY, "100", "100"),
    (FieldKind.MONEY, " 1 000.50", "1000.50"),
    (FieldKind.NUMBER, "０12", "012"),
    (FieldKind.CODE, " 91330300ma2xy8877k ", "91330300MA2XY8877K"),
    (FieldKind.TEXT, "随便写的", "随便写的"),
]
BAD = [
    (FieldKind.PHONE, "12957729173"),
    (FieldKind.PHONE, "1395772917"),
    (FieldKind.PHONE, "139577291734"),
    (FieldKind.PHONE, "1٣٩57729173"),  # digits of another script
    (FieldKind.PHONE, "+1"),
    (FieldKind.NAME, "陈2"),
    (FieldKind.NAME, "·陈"),
    (FieldKind.NAME, "陈@"),
    (FieldKind.NAME, "\u0301a"),
    (FieldKind.NAME, "陈" * 121),
    (FieldKind.NAME, "陈\u0007"),
    (FieldKind.ADDRESS, "路"),
    (FieldKind.ADDRESS, "路" * 121),
    (FieldKind.DATE, "2023-02-29"),
    (FieldKind.DATE, "昨天"),
    (FieldKind.DATE, "0202-03-12"),
    (FieldKind.DATE, "2203-03-12"),
    (FieldKind.MONEY, "1.234"),
    (FieldKind.MONEY, "-5"),
    (FieldKind.MONEY, "1٣"),
    (FieldKind.NUMBER, "1.5"),
    (FieldKind.NUMBER, "1234567890123"),
    (FieldKind.CODE, "一二三"),
    (FieldKind.CODE, "A"),
    (FieldKind.TEXT, "字" * 121),
]


@pytest.mark.parametrize(("kind", "typed", "kept"), GOOD)
def test_what_is_good_is_kept_in_one_form(kind: FieldKind, typed: str, kept: str) -> None:
    assert problem(kind, typed, required=True) == ""
    assert tidy(kind, typed) == kept


@pytest.mark.parametrize(("kind", "typed"), BAD)
def test_what_is_wrong_is_named(kind: FieldKind, typed: str) -> None:
    assert problem(kind, typed, required=True) == f"field.error.{kind.value}"
    assert problem(kind, typed, required=False) == f"field.error.{kind.value}"


@pytest.mark.parametrize("kind", list(FieldKind))
@pytest.mark.parametrize("typed", ["", "   ", "\u3000\n"])
def test_nothing_is_only_wrong_where_something_is_required(kind: FieldKind, typed: str) -> None:
    assert problem(kind, typed, required=True) == "field.error.empty"
    assert problem(kind, typed, required=False) == ""


ANY = st.text(max_size=130) | st.text("0123456789-+. ×A１۱", max_size=20)


@example(kind=FieldKind.CODE, text="ΐ")  # its capital is three characters
@example(kind=FieldKind.NUMBER, text="\u00a8")  # its plain form begins with a space
@given(kind=st.sampled_from(FieldKind), text=ANY)
def test_tidying_twice_is_tidying_once(kind: FieldKind, text: str) -> None:
    once = tidy(kind, text)
    assert tidy(kind, once) == once


@given(kind=st.sampled_from(FieldKind), text=ANY, required=st.booleans())
def test_what_is_kept_is_as_good_as_what_was_typed(
    kind: FieldKind, text: str, required: bool
) -> None:
    assert problem(kind, tidy(kind, text), required=required) == problem(
        kind, text, required=required
    )


HAN = (
    st.integers(0x4E00, 0x9FFF)
    | st.integers(0x3400, 0x4DBF)
    | st.integers(0x20000, 0x323AF)
    | st.integers(0xE000, 0xF8FF)
    | st.integers(0xF0000, 0xFFFFD)
    | st.integers(0x100000, 0x10FFFD)
)


@given(st.lists(HAN, min_size=1, max_size=20))
def test_no_character_of_a_name_is_refused_or_changed(points: list[int]) -> None:
    name = "".join(map(chr, points))
    assert problem(FieldKind.NAME, name, required=True) == ""
    assert tidy(FieldKind.NAME, name) == name
