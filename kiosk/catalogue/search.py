"""Finds items by what a resident types: Chinese, pinyin, initials, English, or a mixture.

Promises:

- Found are: a part of a name or alias in Chinese; pinyin in full ("shebao"), initials
  ("cbzm"), and any mixture with the last syllable unfinished ("社baozm", "sheb"); English
  words by their beginning; several words separated by spaces, all of which must fit.
- A character with several readings is found by each of them.
- From four characters on, one slip (a wrong, missing, additional or swapped character) is
  tolerated, but only where nothing fits exactly.
- The best fit comes first; among equals, what is used more. Only as much is looked at as
  is shown, so that a keystroke stays quick however many fit.
- An index never changes. Building one imports pypinyin, unless the readings are given.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from heapq import merge
from itertools import islice, pairwise
from typing import TypeAlias

from kiosk.catalogue.model import Bundle, Item, Pack

Readings: TypeAlias = Mapping[str, tuple[str, ...]]
"""For each searched text, the readings of each character, joined by "/", likeliest first."""

MAX_QUERY_CHARS = 40
MAX_WORDS = 6
MIN_SLIP_CHARS = 4
MAX_SCATTERED = 5

MAX_TRIED = 300  # codes that several words may fit, looked at more closely
MAX_COMPARED = 300  # lines compared with the pattern of what was typed
MAX_SLIPS = 150  # places where half of a word with a slip is looked at
MAX_COUNTED = 100  # what use on this terminal can add to a rank
MAX_LINES = 4  # readings of one text

_CHINESE = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")
_CHINESE_RUN = re.compile(f"{_CHINESE.pattern}+")
_WORD = re.compile(r"[a-z0-9]+")
_LATIN = re.compile("[\x21-\x7e]")
_MARKS = ";\n"
_NO_WORD = re.compile(r"[\s';]+")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One name or alias, in all the forms in which it is compared."""

    code: str
    text: str  # folded
    chinese: bool = False
    sounds: tuple[str, ...] = ()  # ";she社;bao保", a line for each reading
    pinyin: str = ""
    initials: str = ""
    words: tuple[str, ...] = ()  # Latin words

    def has(self, word: str, typed: re.Pattern[str]) -> bool:
        """True when the word fits anywhere."""
        if self.words:
            return any(one.startswith(word) for one in self.words)
        return word in self.text or any(typed.search(line) for line in self.sounds)


class _Lines:
    """Many short texts searched at once, as the lines of one long text."""

    def __init__(self, lines: Iterable[tuple[str, str]]) -> None:
        """`lines` are texts with their codes."""
        pairs = list(lines)
        self.text = "\n".join(["", *(text for text, _ in pairs), ""])
        self._codes = [code for _, code in pairs]
        self._begins = [0]
        for line, _ in pairs:
            self._begins.append(self._begins[-1] + len(line) + 1)

    def code(self, place: int) -> str:
        """Whose line a place of the long text lies in."""
        return self._codes[min(bisect_right(self._begins, place), len(self._codes)) - 1]

    def hits(self, needle: str) -> Iterator[int]:
        """Where the needle occurs."""
        place = self.text.find(needle)
        while place >= 0:
            yield place
            place = self.text.find(needle, place + 1)

    def codes(self, needle: str) -> Iterator[str]:
        """Codes of the lines in which it occurs, each line once."""
        text, end = self.text, len(self.text)
        place = text.find(needle)
        while place >= 0:
            yield self.code(place)
            line_end = text.find("\n", place + 1)
            place = text.find(needle, line_end if line_end >= 0 else end)

    def codes_of(self, pattern: re.Pattern[str]) -> Iterator[str]:
        """Codes of the lines in which a pattern fits, each line once."""
        text = self.text
        found = pattern.search(text)
        while found:
            place = found.start()
            yield self.code(place)
            found = pattern.search(text, text.find("\n", place + 1))


class _Sounds:
    """Lines of sounds; for every two signs the lines in which they can begin or be typed.

    A set of lines is a number with a bit for each, so that sets meet in no time; only the
    lines that hold all pairs of what was typed are compared with the pattern.
    """

    def __init__(self, lines: Iterable[tuple[str, str]]) -> None:
        pairs = list(lines)
        self._lines = [line for line, _ in pairs]
        self._codes = [code for _, code in pairs]
        first: dict[str, list[int]] = {}
        begins: dict[str, list[int]] = {}
        near: dict[str, list[int]] = {}
        for number, line in enumerate(self._lines):
            tokens = line[1:].split(";")
            tokens.append("")
            for signs in _openings(tokens[0], tokens[1]):
                begins.setdefault(signs, []).append(number)
            for token, following in pairwise(tokens):
                for signs in _openings(token, following):
                    first.setdefault(signs, []).append(number)
                for pair in _neighbours(token, following):
                    near.setdefault(pair, []).append(number)
        self._begins, self._first, self._near = map(_bits, (begins, first, near))

    def fitting(self, typed: _Typed) -> _Fitting:
        """The lines that can be typed so."""
        chars = typed.chars
        begun, anywhere = (by.get(chars[:2], 0) for by in (self._begins, self._first))
        for place in range(1, len(chars) - 1):
            near = self._near.get(chars[place : place + 2], 0)
            begun, anywhere = begun & near, anywhere & near
        return _Fitting(self._lines, self._codes, typed, begun, anywhere)


class _Fitting:
    """Lines compared with the pattern of what was typed, each at most once."""

    def __init__(
        self, lines: list[str], codes: list[str], typed: _Typed, begun: int, anywhere: int
    ) -> None:
        """`begun` and `anywhere` are the sets of lines that may fit so."""
        self._lines = lines
        self._codes = codes
        self._pattern = re.compile(typed.anywhere) if anywhere else None
        self._may_begin, self._rest = begun, anywhere & ~begun
        self._later: list[int] = []

    def begun(self) -> Iterator[str]:
        """Codes of lines that fit from their beginning."""
        for number, place in self._found(self._may_begin):
            if place:
                self._later.append(number)
            else:
                yield self._codes[number]

    def elsewhere(self) -> Iterator[str]:
        """Codes of the other lines; to be asked for after `begun`."""
        found = (number for number, _ in self._found(self._rest))
        for number in merge(self._later, found):
            yield self._codes[number]

    def _found(self, lines: int) -> Iterator[tuple[int, int]]:
        """Lines that fit, and where."""
        if self._pattern is None:
            return
        search = self._pattern.search
        for number in islice(_places(lines), MAX_COMPARED):
            found = search(self._lines[number])
            if found:
                yield number, found.start()


@cache
def _starting(token: str) -> tuple[str, ...]:
    """What may be typed first for a character: the first letter of its reading, or itself."""
    return tuple({token[0], token[-1]}) if token else ()


@cache
def _openings(token: str, following: str) -> tuple[str, ...]:
    """The first one and two signs of everything that can be typed from a character on."""
    signs = {*_starting(token), token[:2] if len(token) > 2 else ""}
    signs.update(one + sign for one in _starting(token) for sign in _starting(following))
    return tuple(signs - {""})


@cache
def _neighbours(token: str, following: str) -> tuple[str, ...]:
    """Every two signs that can follow each other when somebody types these characters."""
    pairs = {token[at : at + 2] for at in range(len(token) - 1)}
    pairs.update(one + sign for sign in _starting(following) for one in token)
    return tuple(pairs)


class _Holding:
    """For every two signs the codes of which some text may hold them; never one too few.

    Codes are numbers, those used most first.
    """

    def __init__(self, entries: Iterable[_Entry], numbers: Mapping[str, int]) -> None:
        first: dict[str, set[int]] = {}
        near: dict[str, set[int]] = {}
        latin: dict[str, set[int]] = {}
        for entry in entries:
            number = numbers[entry.code]
            for word in entry.words:
                for signs in (word[:1], word[:2]):
                    latin.setdefault(signs, set()).add(number)
            for line in entry.sounds:
                tokens = line[1:].split(";")
                tokens.append("")
                for token, following in pairwise(tokens):
                    for signs in _openings(token, following):
                        first.setdefault(signs, set()).add(number)
                    for pair in _neighbours(token, following):
                        near.setdefault(pair, set()).add(number)
        self._first, self._near, self._latin = (
            _bits({signs: sorted(found) for signs, found in one.items()})
            for one in (first, near, latin)
        )

    def codes(self, word: str) -> int:
        """A bit for each code that the word may fit."""
        chars = _typed(word).chars
        found = self._first.get(chars[:2], 0)
        for place in range(1, len(chars) - 1):
            found &= self._near.get(chars[place : place + 2], 0)
        return found | self._latin.get(word[:2], 0)


def _places(bits: int) -> Iterator[int]:
    """The places of the bits that are set, in order."""
    digits = bin(bits)[:1:-1]
    place = digits.find("1")
    while place >= 0:
        yield place
        place = digits.find("1", place + 1)


def _bits(lists: Mapping[str, list[int]]) -> dict[str, int]:
    made = {}
    for key, numbers in lists.items():
        array = bytearray(numbers[-1] // 8 + 1)
        for number in numbers:
            array[number >> 3] |= 1 << (number & 7)
        made[key] = int.from_bytes(array, "little")
    return made


class SearchIndex:
    """Finds codes of items and bundles."""

    def __init__(self, entries: Iterable[_Entry], ranks: Mapping[str, int]) -> None:
        self._order = {
            code: place
            for place, code in enumerate(sorted(ranks, key=lambda code: (-ranks[code], code)))
        }
        # What is used more stands further up in every text that is searched, so that the first
        # hits of each kind are the best of it and the rest need not be looked at.
        self._entries = tuple(sorted(entries, key=lambda one: self._order[one.code]))
        self._by_use = tuple(self._order)
        self._own: dict[str, list[_Entry]] = {}
        for entry in self._entries:
            self._own.setdefault(entry.code, []).append(entry)
        every = self._entries
        chinese = [one for one in every if one.chinese]
        latin = [one for one in every if one.words]
        self._whole = _grouped(every, lambda one: one.text)
        self._whole_initials = _grouped(chinese, lambda one: one.initials)
        self._whole_english = _grouped(latin, lambda one: "".join(one.words))
        texts = [one for one in every if not one.words]
        self._texts = _Lines((one.text, one.code) for one in texts)
        # Latin letters can only be found where there are some
        self._marked = _Lines((one.text, one.code) for one in texts if _LATIN.search(one.text))
        self._initials = _Lines((one.initials, one.code) for one in chinese)
        self._sounds = _Sounds((line, one.code) for one in chinese for line in one.sounds)
        self._pinyin = _Lines((one.pinyin, one.code) for one in every)
        self._english = _Lines((f" {' '.join(one.words)} ", one.code) for one in latin)
        self._holding = _Holding(every, self._order)
        self._joined = _Lines(("".join(one.words), one.code) for one in latin)

    @classmethod
    def build(
        cls,
        pack: Pack,
        readings: Readings | None = None,
        use_counts: Mapping[str, int] | None = None,
    ) -> SearchIndex:
        """The index of a pack.

        `readings` (see `readings_of`) spares importing pypinyin; `use_counts` says how often
        each was chosen on this terminal, which counts beside the catalogue's own rank.
        """
        known = readings if readings is not None else readings_of(pack)
        entries = [
            _entry(code, text, known.get(text, ()))
            for code, texts in _texts(pack).items()
            for text in texts
        ]
        return cls(entries, ranks(pack, use_counts or {}))

    def find(self, query: str, limit: int = 20) -> tuple[str, ...]:
        """At most `limit` codes, best first; for an empty query, those used most."""
        words = _NO_WORD.sub(" ", _fold(query[:MAX_QUERY_CHARS])).split()
        if not words:
            return tuple(self._order)[:limit]
        word = "".join(words)
        found = self._first(self._fits(word), limit)
        if len(found) < limit and len(words) > 1:
            found = self._first((*found, *self._all_words(words[:MAX_WORDS], limit)), limit)
        if not found and len(word) > 1 and word.isascii():
            found = self._first(self._scattered(word), limit)
        if not found and len(word) >= MIN_SLIP_CHARS:
            found = self._first(self._slips(word), limit)
        return found

    def _first(self, codes: Iterable[str], limit: int) -> tuple[str, ...]:
        """The first different codes; what comes later is not even looked for."""
        found: dict[str, None] = {}
        for code in codes:
            found[code] = None
            if len(found) == limit:
                break
        return tuple(found)

    def _fits(self, word: str) -> Iterator[str]:
        """Codes that the word fits, best kind of fit first, within a kind by use."""
        ascii_word = word.isascii()
        texts = self._marked if ascii_word else self._texts
        yield from self._whole.get(word, ())
        yield from texts.codes(f"\n{word}")
        if ascii_word:
            yield from self._whole_english.get(word, ())
        yield from texts.codes(word)
        if ascii_word:
            if len(word) > 1:
                yield from self._whole_initials.get(word, ())
                yield from self._initials.codes(f"\n{word}")
            yield from self._english.codes(f" {word} ")
        fitting = self._sounds.fitting(_typed(word))
        yield from fitting.begun()
        if ascii_word:
            yield from self._english.codes(f" {word}")
            yield from self._joined.codes(f"\n{word}")
        yield from fitting.elsewhere()

    def _all_words(self, words: list[str], limit: int) -> Iterator[str]:
        """Codes that every word fits; where a name begins with one of them, that comes first."""
        may = self._holding.codes(words[0])
        for word in words[1:]:
            may &= self._holding.codes(word)
        patterns = [(word, _typed(word)) for word in words]
        anywhere = [(word, re.compile(typed.anywhere)) for word, typed in patterns]
        begun = re.compile("|".join(typed.begun for _, typed in patterns))
        first: list[str] = []
        rest: list[str] = []
        for number in islice(_places(may), MAX_TRIED):
            own = self._own[self._by_use[number]]
            if all(any(one.has(word, pattern) for one in own) for word, pattern in anywhere):
                begins = any(begun.match(line) for one in own for line in one.sounds)
                (first if begins else rest).append(own[0].code)
                if len(first) == limit:
                    break
        yield from first
        yield from rest

    def _scattered(self, word: str) -> Iterator[str]:
        """Initials in the right order, the first one first, with others between them."""
        if word.isalpha() and len(word) <= MAX_SCATTERED:
            pattern = f"\n{word[0]}" + "".join(f"[^{letter}\n]*{letter}" for letter in word[1:])
            yield from self._initials.codes_of(re.compile(pattern))

    def _slips(self, word: str) -> Iterator[str]:
        """With one slip one half of the word is still right; only there it is looked for."""
        half = len(word) // 2
        swapped = word[: half - 1] + word[half] + word[half - 1] + word[half + 1 :]
        head, tail = word[:half], word[half:]
        slip = cache(_one_slip)
        for lines in (self._marked, self._pinyin) if word.isascii() else (self._texts,):
            text = lines.text
            yield from lines.codes(swapped)
            for place in islice(lines.hits(head), MAX_SLIPS):
                after = place + half
                if slip(tail, text[after : after + len(tail) + 1]):
                    yield lines.code(place)
            for place in islice(lines.hits(tail), MAX_SLIPS):
                if slip(head[::-1], text[max(0, place - half - 1) : place][::-1]):
                    yield lines.code(place)


def ranks(pack: Pack, use_counts: Mapping[str, int]) -> dict[str, int]:
    """How much each matter is used: by the catalogue, and as counted on this terminal."""
    return {
        code: one.use_rank + min(use_counts.get(code, 0), MAX_COUNTED)
        for code, one in _searched(pack).items()
    }


def _grouped(
    entries: Iterable[_Entry], by: Callable[[_Entry], str]
) -> Mapping[str, tuple[str, ...]]:
    groups: dict[str, list[str]] = {}
    for entry in entries:
        groups.setdefault(by(entry), []).append(entry.code)
    return {text: tuple(dict.fromkeys(codes)) for text, codes in groups.items()}


@dataclass(frozen=True, slots=True)
class _Typed:
    """A word that may stand for characters, as a pattern over lines of `_Entry.sounds`.

    Each typed letter goes on in the reading in which the one before stood, or begins the
    next character's; a typed character is itself.
    """

    chars: str
    begun: str  # from the first character of a line
    anywhere: str


def _typed(word: str) -> _Typed:
    chars = "".join(char for char in word if char not in _MARKS)
    if not chars:
        return _Typed("", _NEVER, _NEVER)
    rest = "".join(
        f"(?:[^;]*;)?{re.escape(char)}" if char.isascii() else f"[^;]*;[a-z0-9]*{char}"
        for char in chars[1:]
    )
    first = f";{re.escape(chars[0])}" if chars[0].isascii() else f";[a-z0-9]*{chars[0]}"
    return _Typed(chars, f"{first}{rest}", f"{first}{rest}")


_NEVER = "(?!)"


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
    if _latin(text):
        return _Entry(code, text, words=tuple(_WORD.findall(text)), pinyin=text)
    every = [
        tuple(sound for sound in one.split("/") if sound)
        for one in (readings if len(readings) == len(text) else [""] * len(text))
    ]
    usual = [one[0] if one else char for char, one in zip(text, every, strict=True)]
    lines = [usual]
    for place, one in enumerate(every):
        lines += [[*usual[:place], other, *usual[place + 1 :]] for other in one[1:]]
    return _Entry(
        code,
        text,
        chinese=True,
        sounds=tuple(_sounded(text, line) for line in lines[:MAX_LINES]),
        pinyin="".join(usual),
        initials="".join(sound[0] for sound in usual),
    )


def _sounded(text: str, sounds: list[str]) -> str:
    """One line for patterns: before each character a mark and how it is read."""
    parts = []
    for char, sound in zip(text, sounds, strict=True):
        typed = sound if _WORD.fullmatch(sound) else ""
        parts.append(f";{typed}{'' if char in _MARKS else char}")
    return "".join(parts)


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
