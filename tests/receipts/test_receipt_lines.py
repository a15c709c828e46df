"""Line breaking loses nothing and obeys Chinese punctuation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.receipts.layout.lines import break_lines

CLOSING = "，。、；：？！》」』】）”"
OPENING = "《「『【（“"


def measure(text: str) -> float:
    """Han two units, Latin one."""
    return sum(2 if ord(char) > 0x2E7F else 1 for char in text)


@given(st.text(alphabet="中文字AB1 -，。（）《》", max_size=60), st.integers(4, 30))
def test_no_character_is_lost(text: str, width: int) -> None:
    lines = break_lines(text, width, measure)
    assert "".join("".join(lines).split()) == "".join(text.split())


@given(st.text(max_size=40), st.integers(1, 30))
def test_any_text_ends_and_keeps_its_characters(text: str, width: int) -> None:
    lines = break_lines(text, width, len)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(len(line) <= width for line in lines)


@given(st.lists(st.sampled_from(["中", "国", "字", "，", "。", "（", "）"]), max_size=50))
def test_closing_marks_never_start_a_line_after_a_single_mark(parts: list[str]) -> None:
    # Runs of marks longer than a line have no good break; single marks always have.
    text = "".join(
        part
        for part, before in zip(parts, ["中", *parts], strict=False)
        if part == "中" or before == "中"
    )
    text = "".join(
        c for i, c in enumerate(text) if c not in CLOSING + OPENING or text[i - 1] == "中"
    )
    for line in break_lines("中" + text + "中", 16, measure)[1:]:
        assert line[0] not in CLOSING


def test_closing_mark_takes_the_character_before_it_along() -> None:
    lines = break_lines("一二三四，五六七八", 8, measure)
    assert lines[0] == "一二三"
    assert lines[1].startswith("四，")


def test_opening_mark_goes_to_the_next_line() -> None:
    assert break_lines("一二三（四五六七）", 8, measure)[0] == "一二三"


@pytest.mark.parametrize("width", range(12, 40, 2))
def test_no_line_ends_within_a_word_or_between_a_number_and_what_it_counts(width: int) -> None:
    text = "请带上户口簿和身份证，到行政服务中心窗口办理，大约 15 分钟，3个工作日后领取。"
    lines = break_lines(text, width, measure)
    for whole in ("户口簿", "身份证，", "窗口", "15 分", "3个"):
        assert any(whole in line for line in lines), whole


def test_dates_phones_and_codes_stay_whole() -> None:
    lines = break_lines("电话0577-12345转8 on 2026-12-05", 12, measure)
    assert any("0577-12345" in line for line in lines)
    assert any("2026-12-05" in line for line in lines)
    assert "[U+E863]" in break_lines("某某某[U+E863]", 10, measure)


def test_overlong_word_is_cut() -> None:
    assert break_lines("x" * 25, 10, measure) == ["x" * 10, "x" * 10, "x" * 5]


def test_last_line_of_one_character_gets_company() -> None:
    lines = break_lines("一二三四五六七八九", 16, measure)
    assert len(lines) == 2
    assert len(lines[-1]) > 1
