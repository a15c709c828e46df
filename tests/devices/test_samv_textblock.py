"""A text block is a card or an error that names a field, and no character is ever lost."""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.records import CardLayout, IdCard, Sex, check_digit, number_is_valid
from devices.samv.textblock import (
    CHECKED_LAYOUTS,
    TextBlockError,
    encode,
    parse,
)
from devices.simulators.cards import PEOPLE

NONCHARACTERS = [chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF)]


def fits(units: int) -> st.SearchStrategy[str]:
    """Texts of at most so many UTF-16 units that a card's padding leaves alone."""
    letters = st.one_of(
        st.characters(
            exclude_categories=("Cc", "Cs", "Zl", "Zp"),
            exclude_characters=[*NONCHARACTERS, *map(chr, range(0xFDD0, 0xFDF0))],
        ),
        st.sampled_from("䶮𠮷㛃\ue000\uf8ff\U000f0000\U0010fffd·"),
    )
    return st.text(letters, max_size=units).filter(
        lambda text: len(text.encode("utf-16-le")) <= 2 * units and not text.endswith(" ")
    )


def named(units: int) -> st.SearchStrategy[str]:
    return fits(units).filter(bool)


def numbers(prefixes: list[str]) -> st.SearchStrategy[str]:
    def finish(prefix: str, digits: str) -> str:
        first17 = (prefix + digits)[:17]
        return first17 + check_digit(first17)

    return st.builds(
        finish, st.sampled_from(prefixes), st.text(string.digits, min_size=17, max_size=17)
    )


nations = st.sampled_from([*(f"{n:02d}" for n in range(1, 57)), "97", "98"])
countries = st.text(string.ascii_uppercase, min_size=3, max_size=3)
counts = st.text(string.digits, max_size=2)
common = {
    "sex": st.sampled_from(Sex),
    "birth": st.dates(),
    "valid_from": st.none() | st.dates(),
}
blank = {
    name: st.just("") for name in ("english_name", "nation", "nationality", "address", "issuer")
}
own: dict[CardLayout, dict[str, st.SearchStrategy[object]]] = {
    CardLayout.RESIDENT: {
        "name": named(15),
        "nation": nations,
        "address": fits(35),
        "number": numbers(["1", "33", "99"]),
        "issuer": fits(15),
    },
    CardLayout.PERMIT: {
        "name": named(15),
        "address": fits(35),
        "number": numbers(["810000", "820000", "830000"]),
        "issuer": fits(15),
        "pass_number": st.text(string.ascii_uppercase + string.digits, max_size=9),
        "issue_count": counts,
    },
    CardLayout.FOREIGN_2017: {
        "name": fits(15),
        "english_name": named(60),
        "nationality": countries,
        "number": st.text(string.ascii_uppercase + string.digits, min_size=15, max_size=15),
        "issuer": fits(4),
    },
    CardLayout.FOREIGN_2023: {
        "name": fits(15),
        "english_name": named(46),
        "nationality": countries,
        "number": numbers(["9"]),
        "issue_count": counts,
    },
}


@st.composite
def cards(draw: st.DrawFn, layout: CardLayout) -> IdCard:
    fields = {**blank, **common, **own[layout]}
    values = {name: draw(strategy) for name, strategy in fields.items()}
    valid_to = draw(st.none() | st.dates())
    return IdCard(
        layout=layout,
        valid_to=valid_to,
        long_term=valid_to is None,
        **values,
    )


@pytest.mark.parametrize("layout", CardLayout)
@given(data=st.data())
def test_a_card_comes_back_as_it_was_written(layout: CardLayout, data: st.DataObject) -> None:
    card = data.draw(cards(layout))
    block = encode(card)
    assert len(block) == 256
    assert parse(block) == card


def assert_card_or_error(block: bytes) -> None:
    try:
        result: IdCard | TextBlockError = parse(block)
    except TextBlockError as error:
        result = error
    if isinstance(result, TextBlockError):
        # Another exception behind it could hold the block.
        assert result.__context__ is None
    else:
        assert isinstance(result, IdCard)


@given(st.binary(max_size=300) | st.binary(min_size=256, max_size=256))
def test_any_bytes_are_a_card_or_an_error(block: bytes) -> None:
    assert_card_or_error(block)


@given(st.sampled_from(sorted(PEOPLE)), st.data())
def test_a_card_with_damage_is_a_card_or_an_error(key: str, data: st.DataObject) -> None:
    block = bytearray(encode(PEOPLE[key]))
    for at in data.draw(st.lists(st.integers(0, 255), min_size=1, max_size=6)):
        block[at] = data.draw(st.integers(0, 255))
    assert_card_or_error(bytes(block))


# Field, offset and bytes of each layout as the reader projects give them, apart from the code.
OFFSETS = {
    "elder": [
        ("name", 0, "陈秀英"),
        ("sex", 30, "2"),
        ("birth", 36, "19530412"),
        ("issuer", 158, "样例市公安局"),
        ("valid_from", 188, "20130601"),
        ("valid_to", 204, "长期"),
        ("flag", 248, " "),
    ],
    "permit": [
        ("nation", 32, "  "),
        ("number", 122, "830000"),
        ("pass_number", 220, "T"),
        ("issue_count", 238, "02"),
        ("flag", 248, "J"),
    ],
    "foreign-2017": [
        ("english_name", 0, "SAMPLE, ANNA"),
        ("sex", 120, "2"),
        ("nationality", 152, "ZZZ"),
        ("name", 158, "安娜"),
        ("birth", 220, "19880229"),
        ("issuer", 240, "0000"),
        ("flag", 248, "I"),
    ],
    "foreign-2023": [
        ("name", 0, "样本"),
        ("issue_count", 32, "01"),
        ("number", 122, "9"),
        ("english_name", 52, "SAMPLE, MAXIMILIAN"),
        ("nationality", 242, "ZZZ"),
        ("flag", 248, "Y"),
    ],
}


@pytest.mark.parametrize(
    ("key", "at", "text"),
    [(key, at, text) for key, rows in OFFSETS.items() for _, at, text in rows],
)
def test_fields_lie_where_the_table_says(key: str, at: int, text: str) -> None:
    raw = text.encode("utf-16-le")
    assert encode(PEOPLE[key])[at : at + len(raw)] == raw


def test_a_long_english_name_goes_on_in_its_second_slot() -> None:
    name = "SAMPLE VON MUSTERHAUSEN, MAXIMILIAN ALEXANDER"
    card = replace(PEOPLE["foreign-2023"], english_name=name)
    block = encode(card)
    assert block[220:242].decode("utf-16-le").rstrip() == name[35:]
    assert parse(block).english_name == name


def test_characters_beyond_the_common_tables_stay() -> None:
    card = replace(PEOPLE["rare"], name="𠮷䶮\ue123")
    assert parse(encode(card)).name == "𠮷䶮\ue123"


def spoiled(key: str, at: int, text: str) -> bytes:
    block = bytearray(encode(PEOPLE[key]))
    raw = text.encode("utf-16-le", "surrogatepass")
    block[at : at + len(raw)] = raw
    return bytes(block)


@pytest.mark.parametrize(
    ("field", "block"),
    [
        ("length", b" " * 255),
        ("layout", spoiled("elder", 248, "Q")),
        ("name", spoiled("elder", 0, " " * 15)),
        ("name", spoiled("elder", 0, "陈\n")),
        ("name", spoiled("elder", 0, "\ud842")),
        ("name", spoiled("elder", 0, "\uffff")),
        ("name", spoiled("elder", 0, "\ufdd0")),
        ("sex", spoiled("elder", 30, "3")),
        ("nation", spoiled("elder", 32, "57")),
        ("nation", spoiled("elder", 32, "  ")),
        ("birth", spoiled("elder", 36, "19530230")),
        ("birth", spoiled("elder", 36, "１９５３")),
        ("number", spoiled("elder", 122, "A")),
        ("number", spoiled("permit", 122, "84")),
        ("number", spoiled("foreign-2023", 122, "8")),
        ("number", spoiled("foreign-2017", 122, "*")),
        ("valid_from", spoiled("elder", 188, "20131301")),
        ("valid_to", spoiled("elder", 204, " " * 8)),
        ("valid_to", spoiled("elder", 204, "永远")),
        ("english_name", spoiled("foreign-2017", 0, " " * 60)),
        ("nationality", spoiled("foreign-2017", 152, "zzz")),
        ("pass_number", spoiled("permit", 220, "-")),
        ("issue_count", spoiled("permit", 238, "x")),
    ],
)
def test_garbage_is_told_by_its_field_and_never_by_its_content(field: str, block: bytes) -> None:
    with pytest.raises(TextBlockError) as caught:
        parse(block)
    assert caught.value.field == field
    assert str(caught.value) == f"text block: {field}"


def test_a_missing_first_day_is_no_garbage() -> None:
    assert parse(spoiled("elder", 188, " " * 8)).valid_from is None


def test_zeros_are_padding_too() -> None:
    block = encode(PEOPLE["elder"]).replace(b" \x00", b"\x00\x00")
    assert parse(block) == PEOPLE["elder"]


def test_long_term_is_no_date() -> None:
    card = parse(encode(PEOPLE["elder"]))
    assert card.long_term
    assert card.valid_to is None
    assert parse(encode(PEOPLE["man"])).valid_to == date(2036, 3, 15)


def test_what_does_not_fit_is_refused_by_name() -> None:
    with pytest.raises(TextBlockError, match="address"):
        encode(replace(PEOPLE["elder"], address="路" * 36))


def test_the_standards_own_example() -> None:
    assert check_digit("11010519491231002") == "X"
    assert number_is_valid("11010519491231002X")


@given(st.text(string.digits, min_size=17, max_size=17), st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(first17: str, at: int, step: int) -> None:
    number = first17 + check_digit(first17)
    wrong = number[:at] + str((int(number[at]) + step) % 10) + number[at + 1 :]
    assert number_is_valid(number)
    assert not number_is_valid(wrong)


@pytest.mark.parametrize("number", ["", "1101051949123100", "11010519491231002x", "１" * 18])
def test_what_is_no_number_is_not_valid(number: str) -> None:
    assert not number_is_valid(number)


def test_the_sample_people_have_valid_numbers() -> None:
    assert {card.layout for card in PEOPLE.values()} == set(CardLayout)
    for card in PEOPLE.values():
        assert card.layout not in CHECKED_LAYOUTS or number_is_valid(card.number)
