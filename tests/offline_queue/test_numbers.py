"""Receipt numbers: one written form, read as people write it, slips are found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offline_queue.numbers import ReceiptNumber, check_digit, format_number, parse_number

codes = st.from_regex(r"[A-Z][A-Z0-9]{1,11}", fullmatch=True)
runnings = st.integers(1, 10**12 - 1)


def test_the_example_of_the_standard() -> None:
    # ISO/IEC 7064 gives 0794 with check digit 5.
    assert check_digit("0794") == 5


def test_the_written_form() -> None:
    number = format_number("LW042", 317)
    assert number.startswith("LW042-00317-")
    assert len(number) == 13


@given(codes, runnings)
def test_what_is_written_can_be_read(code: str, running: int) -> None:
    assert parse_number(format_number(code, running)) == ReceiptNumber(code, running)


@given(codes, runnings, st.data())
def test_one_wrong_digit_is_always_found(code: str, running: int, data: st.DataObject) -> None:
    number = format_number(code, running)
    places = [i for i, c in enumerate(number) if c.isdigit()]
    place = data.draw(st.sampled_from(places))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != number[place]]))
    with pytest.raises(ValueError, match=r"check digit|not a receipt number"):
        parse_number(number[:place] + other + number[place + 1 :])


def test_most_swaps_of_neighbouring_digits_are_found() -> None:
    swaps = found = 0
    for running in range(10_000, 12_000):
        digits = str(running)
        for i in range(4):
            swapped = digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :]
            if swapped != digits:
                swaps += 1
                found += check_digit("LW042" + swapped) != check_digit("LW042" + digits)
    assert found / swaps > 0.97


@pytest.mark.parametrize(
    "written", ["{0}", "  {0} ", "lower", "{0:wide}", "spaces", "dashes", "{0}\n"]
)
def test_as_people_write_it(written: str) -> None:
    number = format_number("LW042", 317)
    forms = {
        "lower": number.lower(),
        "{0:wide}": "".join(chr(ord(c) + 0xFEE0) if c != "-" else "－" for c in number),
        "spaces": number.replace("-", " "),
        "dashes": number.replace("-", " – "),
    }
    text = forms[written] if written in forms else written.format(number)
    assert str(parse_number(text)) == number


@given(st.text(max_size=40))
def test_any_text_is_a_number_or_a_value_error(text: str) -> None:
    try:
        number = parse_number(text)
    except ValueError:
        return
    assert parse_number(str(number)) == number


@pytest.mark.parametrize(("code", "running"), [("lw042", 1), ("", 1), ("4LW", 1), ("LW042", 0)])
def test_what_has_no_number(code: str, running: int) -> None:
    with pytest.raises(ValueError, match=r"terminal code|running number"):
        format_number(code, running)
