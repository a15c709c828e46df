"""Finds items by what a resident types: Chinese, pinyin, initials, English, or a mixture.

Promises:

- Found are: a part of a name or alias in Chinese; pinyin in full ("shebao"), initials
  ("cbzm"), and any mixture with the last syllable unfinished ("社baozm", "sheb"); English
  words by their beginning; several words separated by spaces, all of which must fit.
- A character with several readings is found by each of them.
- From four characters on, one slip (a wrong, missing, additional or swapped character) is
  tolerated, but only where nothing fits exactly.
- The best fit comes first; among equals, what is used more.
- An index never changes. Building one imports pypinyin, unless the readings are given.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from kiosk.catalogue.model import Bundle, Item, Pack

Readings: TypeAlias = Mapping[str, tuple[str, ...]]
"""For each searched text, the readings of each character, joined by "/", likeliest first."""

MAX_QUERY_CHARS = 40
MAX_WORDS = 6
MIN_SLIP_CHARS = 4
MAX_SCATTERED = 8

# How good a fit is; more is better.
_EXACT, _PREFIX, _PART = 100, 90, 80
_INITIALS, _INITIALS_PREFIX, _MIXED_PREFIX, _MIXED = 78, 74, 70, 60
_ENGLISH_EXACT, _ENGLISH_WORD, _ENGLISH_PREFIX = 85, 72, 66
_SCATTERED, _SLIP = 30, 20

_CHINESE = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")
_CHINESE_RUN = re.compile(f"{_CHINESE.pattern}+")
_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One name or alias, in all the forms in which it is compared."""

    code: str
    text: str  # folded
    sounds: tuple[tuple[str, ...], ...]  # per character: what may be typed for it
    pinyin: str
    initials: str
    words: tuple[str, ...]  # Latin words


class _Lines:
    """Many short texts searched at once, as the lines of one long text."""

    def __init__(self, texts: Iterable[str]) -> None:
        lines = list(texts)
        self.text = "\n".join(["", *lines, ""])
        self._begins = [0]
        for line in lines:
            self._begins.append(self._begins[-1] + len(line) + 1)

    def line(self, place: int) -> tuple[int, int]:
        """Number and beginning of the line in which a place of the long text lies."""
        number = bisect_right(self._begins, place - 1) - 1
        return number, self._begins[number] + 1

    def hits(self, needle: str) -> Iterator[int]:
        """Where the needle occurs."""
        place = self.text.find(needle)
        while place >= 0:
            yield place
            place = self.text.find(needle, place + 1)


class SearchIndex:
    """Finds codes of items and bundles."""

    def __init__(self, entries: Iterable[_Entry], ranks: Mapping[str, int]) -> None:
        self._entries = tuple(entries)
        self._order = {
            code: place
            for place, code in enumerate(sorted(ranks, key=lambda code: (-ranks[code], code)))
        }
        self._texts = _Lines(one.text for one in self._entries)
        self._initials = _Lines(one.initials for one in self._entries)
        self._pinyin = _Lines(one.pinyin for one in self._entries)
        self._english = _Lines("".join(f" {word}" for word in one.words) for one in self._entries)
        self._joined = _Lines("".join(one.words) for one in self._entries)
        # Where a mixture may begin: its first one or two characters -> (entry, position).
        self._starts: dict[str, list[tuple[_Entry, int]]] = {}
        for entry in self._entries:
            for place in range(len(entry.sounds)):
                for begin in _beginnings(entry.sounds, place):
                    self._starts.setdefault(begin, []).append((entry, place))

    @classmethod
    def build(cls, pack: Pack, readings: Readings | None = None) -> SearchIndex:
        """The index of a pack; `readings` (see `readings_of`) spares importing pypinyin."""
        known = readings if readings is not None else readings_of(pack)
        entries = [
            _entry(code, text, known.get(text, ()))
            for code, texts in _texts(pack).items()
            for text in texts
        ]
        return cls(entries, {code: one.use_rank for code, one in _searched(pack).items()})

    def find(self, query: str, limit: int = 20) -> tuple[str, ...]:
        """At most `limit` codes, best first; for an empty query, those used most."""
        words = _fold(query[:MAX_QUERY_CHARS]).replace("'", " ").split()
        if not words:
            return tuple(self._order)[:limit]
        scores = self._all_words(words[:MAX_WORDS])
        word = "".join(words)
        if not scores and MIN_SLIP_CHARS <= len(word) <= MAX_QUERY_CHARS:
            self._slips(word, scores)
        best = sorted(scores, key=lambda code: (-scores[code], self._order[code]))
        return tuple(best[:limit])

    def _all_words(self, words: list[str]) -> dict[str, int]:
        joined = self._fits("".join(words))
        if len(words) == 1:
            return joined
        each = [self._fits(word) for word in words]
        for code in set(each[0]).intersection(*each[1:]):
            joined[code] = max(joined.get(code, 0), min(one[code] for one in each))
        return joined

    def _fits(self, word: str) -> dict[str, int]:
        scores: dict[str, int] = {}
        self._written(word, scores)
        if word.isascii():
            self._english_words(word, scores)
            if len(word) > 1:
                self._initial_letters(word, scores)
        typed = _Typed(word)
        for entry, place in self._starts.get(word[:2], ()):
            score = _MIXED if place else _MIXED_PREFIX
            if scores.get(entry.code, 0) < score and typed.means(entry.sounds, place):
                scores[entry.code] = score
        if not scores and word.isascii() and word.isalpha() and 1 < len(word) <= MAX_SCATTERED:
            self._scattered(word, scores)
        return scores

    def _raise(self, scores: dict[str, int], line: int, score: int) -> None:
        code = self._entries[line].code
        if scores.get(code, 0) < score:
            scores[code] = score

    def _written(self, word: str, scores: dict[str, int]) -> None:
        """The word stands in the text as it is."""
        for place in self._texts.hits(word):
            line, begin = self._texts.line(place)
            entry = self._entries[line]
            if len(entry.text) == len(word):
                self._raise(scores, line, _EXACT)
            elif not entry.words:
                self._raise(scores, line, _PREFIX if place == begin else _PART)

    def _initial_letters(self, word: str, scores: dict[str, int]) -> None:
        for place in self._initials.hits(word):
            line, begin = self._initials.line(place)
            whole = len(self._entries[line].initials) == len(word)
            first = _INITIALS if whole else _INITIALS_PREFIX
            self._raise(scores, line, first if place == begin else _MIXED)

    def _english_words(self, word: str, scores: dict[str, int]) -> None:
        text = self._english.text
        for place in self._english.hits(f" {word}"):
            whole = text[place + len(word) + 1] in " \n"
            line = self._english.line(place)[0]
            self._raise(scores, line, _ENGLISH_WORD if whole else _ENGLISH_PREFIX)
        for place in self._joined.hits(f"\n{word}"):
            line = self._joined.line(place + 1)[0]
            whole = self._joined.text[place + len(word) + 1] == "\n"
            self._raise(scores, line, _ENGLISH_EXACT if whole else _ENGLISH_PREFIX)

    def _scattered(self, word: str, scores: dict[str, int]) -> None:
        """Initials in the right order, the first one first, with others between them."""
        pattern = "\n" + word[0] + "".join(f"[^{letter}\n]*{letter}" for letter in word[1:])
        for match in re.finditer(pattern, self._initials.text):
            self._raise(scores, self._initials.line(match.start() + 1)[0], _SCATTERED)

    def _slips(self, word: str, scores: dict[str, int]) -> None:
        """With one slip one half of the word is still right; only there it is looked for."""
        half = len(word) // 2
        swapped = word[: half - 1] + word[half] + word[half - 1] + word[half + 1 :]
        head, tail = word[:half], word[half:]
        slip = cache(_one_slip)
        for lines in (self._texts, self._pinyin) if word.isascii() else (self._texts,):
            text = lines.text
            for place in lines.hits(swapped):
                self._raise(scores, lines.line(place)[0], _SLIP)
            for place in lines.hits(head):
                after = place + half
                if slip(tail, text[after : after + len(tail) + 1]):
                    self._raise(scores, lines.line(place)[0], _SLIP)
            for place in lines.hits(tail):
                if slip(head[::-1], text[max(0, place - half - 1) : place][::-1]):
                    self._raise(scores, lines.line(place)[0], _SLIP)


def _beginnings(sounds: tuple[tuple[str, ...], ...], place: int) -> set[str]:
    """The first one and two characters of everything that can be typed from a place on."""
    begins: set[str] = set()
    following = {one[0] for one in sounds[place + 1]} if place + 1 < len(sounds) else set()
    for sound in sounds[place]:
        begins.add(sound[0])
        begins.add(sound[:2])
        begins.update(sound[0] + letter for letter in following)
    return begins


def readings_of(pack: Pack) -> dict[str, tuple[str, ...]]:
    """The readings of every searched text, to be stored and given to `SearchIndex.build`."""
    return {
        text: _read(text) for texts in _texts(pack).values() for text in texts if not _latin(text)
    }


def _searched(pack: Pack) -> dict[str, Item | Bundle]:
    return {**pack.items, **pack.bundles}


def _texts(pack: Pack) -> dict[str, tuple[str, ...]]:
    return {
        code: tuple(
            dict.fromkeys(
                _fold(text) for text in (one.name.zh, one.name.en, *one.aliases, code) if text
            )
        )
        for code, one in _searched(pack).items()
    }


def _fold(text: str) -> str:
    """One form for what looks the same: full-width, capitals, surrounding blanks."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _latin(text: str) -> bool:
    return not _CHINESE.search(text)


def _read(text: str) -> tuple[str, ...]:
    """Per character its readings joined by "/": the one in this phrase first."""
    from pypinyin import Style, pinyin

    readings = [""] * len(text)
    for run in _CHINESE_RUN.finditer(text):
        usual = pinyin(run.group(), style=Style.NORMAL)
        if len(usual) != len(run.group()):
            continue  # a character that pypinyin does not know: found as written only
        for place, one in enumerate(usual, run.start()):
            every = pinyin(text[place], style=Style.NORMAL, heteronym=True)
            spoken = [sound.replace("ü", "v") for sound in (*one, *every[0])]
            readings[place] = "/".join(
                dict.fromkeys(sound for sound in spoken if sound.isascii() and sound.isalpha())
            )
    return tuple(readings)


def _entry(code: str, text: str, readings: tuple[str, ...]) -> _Entry:
    chinese = not _latin(text) and len(readings) == len(text)
    sounds: list[tuple[str, ...]] = []
    pinyin, initials = [], []
    for char, reading in zip(text, readings if chinese else (), strict=False):
        spoken = [sound for sound in reading.split("/") if sound]
        sounds.append((char, *spoken))
        pinyin.append(spoken[0] if spoken else char)
        initials.append(pinyin[-1][0])
    return _Entry(
        code,
        text,
        tuple(sounds),
        "".join(pinyin) if chinese else text,
        "".join(initials),
        tuple(_WORD.findall(text)) if not chinese else (),
    )


class _Typed:
    """A word that may stand for characters: each as itself or as the beginning of a reading."""

    def __init__(self, word: str) -> None:
        self._word = word
        self._ends: dict[tuple[tuple[str, ...], int], tuple[int, ...]] = {}

    def means(self, sounds: tuple[tuple[str, ...], ...], place: int) -> bool:
        """True when the characters from `place` on can be typed as this word."""
        length = len(self._word)
        ends: tuple[int, ...] = (0,)
        while place < len(sounds) and ends:
            options = sounds[place]
            if len(ends) == 1:
                ends = self._after(options, ends[0])
            else:
                ends = tuple({end for begin in ends for end in self._after(options, begin)})
            if length in ends:
                return True
            place += 1
        return False

    def _after(self, options: tuple[str, ...], begin: int) -> tuple[int, ...]:
        """Where one character can end that begins here; remembered, for characters recur."""
        known = self._ends.get((options, begin))
        if known is None:
            known = tuple(
                {
                    begin + size
                    for option in options
                    for size in range(1, len(option) + 1)
                    if self._word.startswith(option[:size], begin)
                }
            )
            self._ends[options, begin] = known
        return known


def _one_slip(typed: str, meant: str) -> bool:
    """True when `meant` begins with what was typed, but for one slip."""
    meant = meant.partition("\n")[0]
    same = 0
    while same < min(len(typed), len(meant)) and typed[same] == meant[same]:
        same += 1
    typed, meant = typed[same:], meant[same:]
    return (
        (bool(typed) and meant[1:].startswith(typed[1:]))  # a wrong character
        or meant.startswith(typed[1:])  # one too many
        or meant[1:].startswith(typed)  # one too few
        or (len(typed) > 1 and meant.startswith(typed[1] + typed[0] + typed[2:]))  # swapped
    )
