"""Every enumerated set of answers walks through the visit's steps to its end."""

from __future__ import annotations

import pytest
from answer_tree import walked
from driver import shipped

ALL = sorted(shipped().matters)
BUNDLES = sorted(shipped().bundles)
# Small trees are walked whole, so that the count of the cases is checked as well.
WHOLE = ("GG-001", "HJ-004", "JT-026", "SB-008", "YB-005")


@pytest.mark.parametrize("code", [*ALL[::20], *BUNDLES])
def test_some_sets_of_answers_walk_to_their_end(code: str) -> None:
    told = walked(shipped(), code, most=2)
    assert told.leaves == 2 or told.cases == 1
    assert told.ends


@pytest.mark.parametrize("code", WHOLE)
def test_every_set_of_answers_of_an_item_walks_to_its_end(code: str) -> None:
    told = walked(shipped(), code)
    assert told.covered == told.cases
    assert told.ends == told.leaves


@pytest.mark.campaign
@pytest.mark.parametrize("code", ALL)
def test_every_set_of_answers_walks_to_its_end(code: str) -> None:
    told = walked(shipped(), code)
    assert told.covered == told.cases
    assert told.ends
