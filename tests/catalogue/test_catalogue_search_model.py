"""The search finds what a naive one finds that tries every text, in the same order."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import pytest
from catalogue_sample import FILES
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kiosk.catalogue import search
from kiosk.catalogue.loader import load
from kiosk.catalogue.model import Pack
from kiosk.catalogue.search import SearchIndex, readings_of

THINGS = ("社保", "行驶证", "IC卡", "新生儿", "二手房（住宅）", "公积金", "参保证保险", "4050驾照")
DONE = ("补领", "查询", "重新办理", "还款")


def _many() -> Pack:
    """Some dozens of matters whose names share what they consist of."""
    shipped = load(FILES)
    items = dict(shipped.items)
    model = next(iter(items.values()))
    for number, (thing, done) in enumerate(product(THINGS, DONE)):
        code = f"GEN-{number:03}"
        items[code] = replace(
            model,
            code=code,
            name=replace(model.name, zh=f"{thing}{done}", en=f"Renew card {number % 7} by mail"),
            aliases=(f"{done}{thing}",) if number % 2 else ("换证",),
            use_rank=number * 7 % 11,
        )
    return replace(shipped, items=items)


@dataclass(frozen=True)
class _Sign:
    """A character with its readings, or a digit or Latin word without."""

    written: str
    readings: tuple[str, ...]

    @property
    def spelled(self) -> str:
        return self.readings[0] if self.readings else self.written

    @property
    def initial(self) -> str:
        return self.spelled[0] if self.readings else self.written

    def typed(self) -> list[str]:
        """Everything after which the next one may follow."""
        return [
            self.written,
            *(one[:end] for one in self.readings for end in range(1, len(one) + 1)),
        ]


_Text = tuple[_Sign, ...]


def _text(text: str, readings: tuple[str, ...]) -> _Text:
    return tuple(
        _Sign(
            one.group(),
            tuple(readings[one.start()].split("/")) if one.group() > "\u3400" else (),
        )
        for one in re.finditer(r"[a-z]+|[0-9]|[\u3400-\u9fff]", text)
    )


class _Naive:
    """What `search` promises, tried text by text."""

    def __init__(self, pack: Pack) -> None:
        readings = readings_of(pack)
        ranks = search.ranks(pack, {})
        self._texts: dict[str, list[_Text]] = {
            code: [
                _text(text, readings.get(text, ()))
                for text in map(
                    search._fold, (matter.name.zh, matter.name.en, *matter.aliases, code)
                )
            ]
            for code, matter in sorted(
                search._searched(pack).items(), key=lambda one: (-ranks[one[0]], one[0])
            )
        }

    @property
    def texts(self) -> list[_Text]:
        return [text for texts in self._texts.values() for text in texts]

    def find(self, query: str) -> list[str]:
        if not query.strip():
            return list(self._texts)
        words = re.findall(r"[a-z0-9\u3400-\u9fff]+", search._fold(query))
        word = "".join(words)
        found = self._best(lambda text: _kind(text, word))
        if len(words) > 1:
            found += [code for code in self._several(words) if code not in found]
        if not found and 1 < len(word) <= 5:
            found = self._best(lambda text: 0 if _scattered(text, word) else None)
        if not found and len(word) >= 4:
            slipped = _slipped(word)
            found = self._best(lambda text: _slip(text, slipped, latin=word.isascii()))
        return found

    def _best(self, kind: Callable[[_Text], int | None]) -> list[str]:
        """Codes with a text of some kind, lower kinds first, within a kind by use."""
        kinds: dict[str, int] = {}
        for code, texts in self._texts.items():
            fitting = [one for one in map(kind, texts) if one is not None]
            if fitting:
                kinds[code] = min(fitting)
        return sorted(kinds, key=lambda code: kinds[code])

    def _several(self, words: list[str]) -> list[str]:
        found = {
            code: not any(_typed(text, word) for text in texts for word in words)
            for code, texts in self._texts.items()
            if all(any(_anywhere(text, word) for text in texts) for word in words)
        }
        return sorted(found, key=lambda code: found[code])


def _kind(text: _Text, word: str) -> int | None:
    """The best kind in which a word fits a text, 0 the best."""
    initials = [one.initial if one.readings else " " for one in text]
    latin = word.isascii() and len(word) > 1
    usual = tuple(replace(one, readings=one.readings[:1]) for one in text)
    kinds = (
        "".join(one.written for one in text) == word,
        latin and "".join(one.initial for one in text) == word,
        latin and "".join(initials).startswith(word),
        _written(text, word),
        any(_written(text[begin:], word) for begin in range(1, len(text))),
        _typed(usual, word),
        _anywhere(usual, word),
        _typed(text, word),
        _anywhere(text, word),
    )
    return kinds.index(True) if True in kinds else None


def _written(text: _Text, word: str) -> bool:
    ends = ["".join(one.written for one in text[:end]) for end in range(1, len(text) + 1)]
    return word in ends


def _typed(text: _Text, word: str) -> bool:
    """True when the word may be typed for the beginning of the text."""
    if not word or not text:
        return not word
    first, rest = text[0], text[1:]
    if not first.readings and first.written.startswith(word):
        return True
    return any(
        word.startswith(one) and _typed(rest, word[len(one) :]) for one in set(first.typed())
    )


def _anywhere(text: _Text, word: str) -> bool:
    return any(_typed(text[begin:], word) for begin in range(len(text)))


def _scattered(text: _Text, word: str) -> bool:
    """True for initials in this order, the first one first."""
    initials = [one.initial if one.readings else "" for one in text]
    rest = iter(initials[1:])
    return initials[0] == word[0] and all(letter in rest for letter in word[1:])


def _slipped(word: str) -> re.Pattern[str]:
    """How the beginning of a text looks that was typed so with one slip."""
    meant = []
    for place in range(len(word)):
        head, sign, rest = word[:place], word[place], word[place + 1 :]
        meant += [f"{head}{rest}", f"{head}{rest[:1]}{sign}{rest[1:]}"]
        # a wrong first character is found as one too many, from the next character on
        if place or word.isascii():
            meant += [f"{head}.{rest}", f"{head}.{sign}{rest}"]
    return re.compile("|".join(meant))


def _slip(text: _Text, slipped: re.Pattern[str], *, latin: bool) -> int | None:
    """0 where the text begins so, 1 where another place does."""
    forms = [one.spelled if latin else one.written for one in text]
    places = [begin for begin in range(len(text)) if slipped.match("".join(forms[begin:]))]
    return min(places[0], 1) if places else None


@cache
def _both() -> tuple[SearchIndex, _Naive]:
    pack = _many()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "BLOCK_BITS", 150)  # so that there are many of them
        return SearchIndex.build(pack), _Naive(pack)


@st.composite
def _queries(draw: st.DrawFn) -> str:
    """Parts of names as people type them, with slips, blanks and nonsense."""
    text = draw(st.sampled_from(_both()[1].texts))
    begin = draw(st.integers(0, len(text) - 1))
    end = draw(st.integers(begin + 1, len(text)))
    typed = "".join(draw(st.sampled_from([one.spelled, *one.typed()])) for one in text[begin:end])
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(typed)))
        sign = draw(st.sampled_from("aeghinsxz3 证领"))
        rest = draw(st.sampled_from([typed[place:], typed[place + 1 :]]))
        typed = f"{typed[:place]}{draw(st.sampled_from(['', sign]))}{rest}"
    return typed[: search.MAX_QUERY_CHARS]


@given(_queries())
@example("xszcx")
@example("hangshizheng")
@example("行shi cx")
@example("ickabul")
@example("renewcard3bymial")
@example("公积金还钱")
@example("sbzmz")
@example("cbx")
@example("xieg")
@example("50驾照")
@settings(max_examples=80, deadline=None)
def test_it_finds_what_a_naive_search_finds_in_the_same_order(query: str) -> None:
    index, naive = _both()
    assert list(index.find(query, 1_000)) == naive.find(query)


@given(_queries(), st.integers(1, 6))
@example("zang", 2)
@settings(max_examples=25, deadline=None)
def test_fewer_are_the_first_of_more(query: str, limit: int) -> None:
    index, _ = _both()
    assert index.find(query, limit) == index.find(query, 1_000)[:limit]
