"""Pinyin with the real library: candidates, nonsense, a lost child, and what wipe leaves."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.pinyin import MOST_LETTERS, Pinyin, dictionary_path, open_pinyin


@pytest.fixture(scope="module")
def shared() -> Iterator[Pinyin]:
    pinyin = open_pinyin()
    assert pinyin is not None, "libgooglepinyin0 must be installed"
    yield pinyin
    pinyin.close()


@pytest.fixture
def own() -> Iterator[Pinyin]:
    pinyin = open_pinyin()
    assert pinyin is not None
    yield pinyin
    pinyin.close()


@pytest.mark.parametrize(
    ("spelling", "wanted", "used"),
    [
        ("wenzhoushi", "温州市", 10),
        ("wenzhoushi", "温州", 7),
        ("wenzhoushi", "问", 3),
        ("ni", "你", 2),
        ("xi'an", "西安", 5),
        ("lv", "绿", 2),
        ("wenzhoushilongwanqu", "温州市", 10),
    ],
)
def test_candidates_and_the_letters_they_stand_for(
    shared: Pinyin, spelling: str, wanted: str, used: int
) -> None:
    assert (wanted, used) in shared.candidates(spelling)


def test_the_best_comes_first(shared: Pinyin) -> None:
    assert shared.candidates("wenzhoushi")[0] == ("温州市", 10)


def test_a_choice_is_not_learnt(shared: Pinyin) -> None:
    assert shared.candidates("longwanqu") == shared.candidates("longwanqu")


@pytest.mark.parametrize("wrong", ["", "温", "WENZHOU", "a1", "a\nb", "a" * (MOST_LETTERS + 1)])
def test_what_is_no_spelling_has_no_candidates(shared: Pinyin, wrong: str) -> None:
    assert shared.candidates(wrong) == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text("abcdefghijklmnopqrstuvwxyz'", min_size=1, max_size=MOST_LETTERS))
def test_any_letters_are_survived(shared: Pinyin, spelling: str) -> None:
    before = shared.pid()
    for text, used in shared.candidates(spelling):
        assert text
        assert 0 < used <= len(spelling)
    assert shared.pid() == before


def test_wipe_removes_the_user_dictionary_and_works_on(own: Pinyin) -> None:
    own.candidates("ni")
    folder, pid = own.folder(), own.pid()
    assert folder is not None
    assert pid is not None
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.iterdir()), "the library writes its file; else this proves nothing"
    own.wipe()
    assert not folder.exists()
    assert not _alive(pid)
    assert own.candidates("wenzhoushi")[0][0] == "温州市"


def test_close_leaves_nothing_and_is_idempotent(own: Pinyin) -> None:
    folder, pid = own.folder(), own.pid()
    assert folder is not None
    assert pid is not None
    own.close()
    own.close()
    assert not folder.exists()
    assert not _alive(pid)
    assert own.candidates("ni") == ()


@pytest.mark.expected_logs("did not answer", reason="the child is killed on purpose")
def test_a_lost_child_is_replaced(own: Pinyin) -> None:
    pid = own.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert own.candidates("ni") == ()
    assert own.candidates("ni")[0] == ("你", 2)


def test_none_without_the_library() -> None:
    assert open_pinyin(library="libno-such-pinyin.so.0") is None


def test_none_without_the_dictionary(tmp_path: Path) -> None:
    assert open_pinyin(dictionary=tmp_path / "none.dat") is None


def test_the_dictionary_is_found() -> None:
    found = dictionary_path()
    assert found is not None
    assert found.is_file()


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
