"""What may be typed into a form, and the one form in which it is kept."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from devices.records import check_digit
from kiosk.application.fields import grouped, problem, tidy
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
    (FieldKind.PERSON_NUMBER, "11010519491231002x", "11010519491231002X"),
    (FieldKind.PERSON_NUMBER, "110105 19491231 002Ｘ", "11010519491231002X"),
    (FieldKind.PERSON_NUMBER, "e12345678", "E12345678"),  # a passport
    (FieldKind.PERSON_NUMBER, "123456789", "123456789"),  # passports of some states: digits alone
    (FieldKind.PERSON_NUMBER, "USA110019871207", "USA110019871207"),  # the older permit
    (FieldKind.BANK_CARD, "6222 0212 3456 7890 128", "6222021234567890128"),
    (FieldKind.BANK_CARD, "0000-0000-0000-0000", "0000000000000000"),
    (FieldKind.BANK_CARD, "9558801234567890", "9558801234567890"),  # older than UnionPay's numbers
    (FieldKind.CREDIT_CODE, " 91330300ma2xy8877k ", "91330300MA2XY8877K"),
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
    (FieldKind.PERSON_NUMBER, "110105194912310021"),
    (FieldKind.PERSON_NUMBER, "11010519491231002"),
    (FieldKind.PERSON_NUMBER, "1101051949123100200"),
    (FieldKind.PERSON_NUMBER, "1101051949"),
    (FieldKind.PERSON_NUMBER, "1101051949１231002Y"),
    (FieldKind.BANK_CARD, "622202123456789"),
    (FieldKind.BANK_CARD, "62220212345678901280"),
    (FieldKind.BANK_CARD, "6222021234567890129"),  # the last digit tells a slip
    (FieldKind.BANK_CARD, "622202123456789012X"),
    (FieldKind.CREDIT_CODE, "91330300MA2XY8877"),
    (FieldKind.CREDIT_CODE, "91330300MA2XY8877O"),
    (FieldKind.CREDIT_CODE, "9133030AMA2XY8877K"),
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


SLIPS = st.tuples(st.integers(0, 16), st.integers(1, 9))


def slipped(number: str, slip: tuple[int, int]) -> str:
    """With one digit wrong."""
    at, by = slip
    return f"{number[:at]}{(int(number[at]) + by) % 10}{number[at + 1 :]}"


@given(st.text("0123456789", min_size=17, max_size=17), SLIPS)
def test_one_wrong_digit_of_a_person_s_number_is_told(first17: str, slip: tuple[int, int]) -> None:
    number = first17 + check_digit(first17)
    assert problem(FieldKind.PERSON_NUMBER, number, required=True) == ""
    wrong = slipped(number, slip)
    assert problem(FieldKind.PERSON_NUMBER, wrong, required=True) == "field.error.person-number"


@given(st.text("0123456789", min_size=16, max_size=16), SLIPS)
def test_one_wrong_digit_of_a_unionpay_card_is_told(body: str, slip: tuple[int, int]) -> None:
    cards = [f"62{body}{last}" for last in range(10)]
    right = [card for card in cards if not problem(FieldKind.BANK_CARD, card, required=True)]
    assert len(right) == 1
    wrong = slipped(right[0], slip)
    if wrong.startswith("62"):
        assert problem(FieldKind.BANK_CARD, wrong, required=True) == "field.error.bank-card"


@pytest.mark.parametrize(
    ("typed", "error"),
    [("123456", ""), (" 12 34 56 ", ""), ("12345", "field.error.length"), ("", "")],
)
def test_a_number_may_have_to_be_so_long(typed: str, error: str) -> None:
    assert problem(FieldKind.CODE, typed, required=False, length=6) == error
    assert problem(FieldKind.CODE, "一", required=False, length=6) == "field.error.code"


@given(kind=st.sampled_from(FieldKind), text=st.text("0123456789X-+.E", max_size=20))
def test_grouping_adds_spaces_and_nothing_else(kind: FieldKind, text: str) -> None:
    assert grouped(kind, text).replace(" ", "") == text


@pytest.mark.parametrize(
    ("kind", "text", "shown"),
    [
        (FieldKind.PHONE, "13800000001", "138 0000 0001"),
        (FieldKind.PHONE, "138", "138"),
        (FieldKind.PHONE, "057788001122", "057788001122"),
        (FieldKind.PERSON_NUMBER, "11010519491231002X", "110105 19491231 002X"),
        (FieldKind.PERSON_NUMBER, "E12345678", "E12345678"),
        (FieldKind.BANK_CARD, "6222021234567890128", "6222 0212 3456 7890 128"),
        (FieldKind.CODE, "123456789012", "123456789012"),
    ],
)
def test_a_number_is_shown_in_the_groups_in_which_it_is_compared(
    kind: FieldKind, text: str, shown: str
) -> None:
    assert grouped(kind, text) == shown


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
