"""Search: what people type at a terminal leads to the item, the best fit first."""

from __future__ import annotations

import json

import pytest
from catalogue_sample import FILES
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.catalogue.loader import load
from kiosk.catalogue.search import SearchIndex, readings_of

PACK = load(FILES)
INDEX = SearchIndex.build(PACK)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("参保证明", "CRT-001"),
        ("社保", "CRT-001"),
        ("shebaocanbao", "CRT-001"),
        ("cbzm", "CRT-001"),
        ("sbcbzm", "CRT-001"),
        ("社baozm", "CRT-001"),
        ("shebcan", "CRT-001"),
        ("sbzm", "CRT-001"),
        ("tuixiu", "BUN-001"),
        ("TuiXiu", "BUN-001"),
        ("ｓｈｅｂａｏ", "CRT-001"),
        ("lyl", "PEN-001"),
        ("gangao", "TRV-001"),
        ("qu xianggang", "TRV-001"),
        ("去 香港", "TRV-001"),
        ("endorse", "TRV-001"),
        ("travel endorsement", "TRV-001"),
        ("endorsement travel", "TRV-001"),
        ("pension", "PEN-001"),
        ("trv-001", "TRV-001"),
        # one slip
        ("endorsment", "TRV-001"),
        ("penison", "PEN-001"),
        ("tuixui", "BUN-001"),
        ("shebaocanbap", "CRT-001"),
        ("wanglaigangao", "TRV-001"),
        ("往来澳港签注", "TRV-001"),
        ("往来港奥签注", "TRV-001"),
    ],
)
def test_what_is_typed_finds_its_item(query: str, first: str) -> None:
    assert INDEX.find(query, 5)[:1] == (first,)


def test_nothing_is_found_for_nonsense() -> None:
    for query in ("qqqq", "驴驴驴驴", "zz", "!!!!"):
        assert INDEX.find(query, 5) == ()


def test_three_characters_must_be_right() -> None:
    assert INDEX.find("pem", 5) == ()
    assert INDEX.find("pemsion", 5) == ("PEN-001",)


def test_an_empty_query_shows_what_is_used_most() -> None:
    assert INDEX.find("  ", 3) == ("CRT-001", "TRV-001", "BUN-001")


def test_equal_fits_are_ranked_by_use_and_the_limit_holds() -> None:
    found = INDEX.find("shebao", 9)
    assert found[0] == "CRT-001"  # used more than the pension
    assert "PEN-001" in found
    assert INDEX.find("shebao", 1) == ("CRT-001",)


def test_a_name_that_begins_so_comes_before_one_that_contains_it() -> None:
    assert INDEX.find("退休", 5)[:2] == ("PEN-001", "BUN-001")  # an alias is exactly that


def test_readings_can_be_stored_and_spare_the_pinyin_library() -> None:
    stored = {text: tuple(one) for text, one in json.loads(json.dumps(readings_of(PACK))).items()}
    again = SearchIndex.build(PACK, stored)
    for query in ("cbzm", "tuixiu", "社baozm", "shebap"):
        assert again.find(query, 9) == INDEX.find(query, 9)


def test_a_character_is_found_by_each_of_its_readings() -> None:
    files = {name: text.replace("社保参保证明", "行驶证明") for name, text in FILES.items()}
    index = SearchIndex.build(load(files))
    for query in ("xingshi", "hangshi", "xszm", "hszm"):
        assert index.find(query, 5) == ("CRT-001",)


@given(st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_query_is_answered_with_codes(query: str) -> None:
    found = INDEX.find(query, 10)
    assert set(found) <= set(PACK.matters)
    assert len(found) == len(set(found))


def test_several_words_may_be_in_different_names_and_a_name_that_begins_so_comes_first() -> None:
    assert INDEX.find("参保 证明", 5)[:1] == ("CRT-001",)
    assert INDEX.find("zm canbao", 5)[:1] == ("CRT-001",)
    assert INDEX.find("证明 驴", 5) == ()
