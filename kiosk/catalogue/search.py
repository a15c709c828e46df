"""Finds items by what a resident types: Chinese, pinyin, initials, English, or a mixture.

Promises:

- Found are: a part of a name or alias in Chinese; pinyin in full ("shebao"), initials
  ("cbzm"), and any mixture with the last syllable unfinished ("社baozm", "sheb"); English
  words, the last one unfinished; several words separated by spaces, all of which must fit.
- A character with several readings is found by each of them. Blanks and punctuation count
  neither in what is typed nor in a name.
- From four characters on, one slip (a wrong, missing, additional or swapped character) is
  tolerated, but only where nothing fits exactly.
- The best fit comes first; among equals, what is used more. Only as much is looked at as
  is shown, and nothing is compared text by text, so that a keystroke stays quick however
  many fit.
- An index never changes. Building one imports pypinyin, unless the readings are given.

How: every text is a row of tokens (`_Token`), and each token has a bit. For everything that
may be typed for a token there is the set of tokens it may mean, as one number; what is typed
after another fits where the one set, shifted by a bit, meets the other.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from heapq import nsmallest
from itertools import chain
from typing import NamedTuple, TypeAlias

from kiosk.catalogue.model import Bundle, Item, Pack

Readings: TypeAlias = Mapping[str, tuple[str, ...]]
"""For each searched text, the readings of each character, joined by "/", likeliest first."""

MAX_QUERY_CHARS = 40
MAX_WORDS = 6
MIN_SLIP_CHARS = 4
MAX_SCATTERED = 5

MAX_COUNTED = 100  # what use on this terminal can add to a rank
BLOCK_BITS = 20_000  # fewer make more turns, more make each longer, also where few blocks would do

_CHINESE = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")
_CHINESE_RUN = re.compile(f"{_CHINESE.pattern}+")
_MARKS = r"\s!-/:-@\[-`{-~\u00b7\u2000-\u206f\u3000-\u303f"  # blanks and punctuation
_NO_WORD = re.compile(f"[{_MARKS}]+")
_TOKEN = re.compile(f"[a-z]+|[^{_MARKS}]")
_LATIN = re.compile("[a-z0-9]")
_LAST = "\U0010ffff"  # sorts after everything that is typed

# Keys of what may be typed for a token, beside what it is read as; none of these is ever typed.
_WHOLE = "="  # a Latin word or a digit
_UNFINISHED = "-"  # one that goes on
_USUAL = "."  # the beginning of how a character is usually read
_KINDS = f"{_WHOLE}{_UNFINISHED}{_USUAL}"


class _Token(NamedTuple):
    """A Chinese character, digit or other sign, or a Latin word."""

    written: str
    readings: str  # joined by "/", the usual one first; none for what is no Chinese character

    @property
    def spelled(self) -> str:
        """How it is usually typed."""
        return self.readings.partition("/")[0] or self.written

    @property
    def initial(self) -> str:
        """What stands for it where initials are typed."""
        return self.written if _LATIN.match(self.written) else self.spelled[0]


_Row: TypeAlias = tuple[_Token, ...]


@cache
def _keys(token: _Token) -> tuple[str, ...]:
    """Everything that may be typed for a token, as keys."""
    written = token.written
    if _LATIN.match(written):
        begun = (f"{written[:end]}{_UNFINISHED}" for end in range(1, len(written) + 1))
        return (f"{written}{_WHOLE}", *begun)
    sounds = [
        [sound[:end] for end in range(1, len(sound) + 1)] for sound in token.readings.split("/")
    ]
    usual = (f"{begun}{_USUAL}" for begun in sounds[0])
    return (written, *usual, *dict.fromkeys(chain(*sounds)))


def _as_written(part: str, _last: bool) -> tuple[str, ...]:
    return (f"{part}{_WHOLE}" if part.isascii() else part,)


def _as_initial(part: str, _last: bool) -> tuple[str, ...]:
    return (f"{part}{_USUAL}",) if len(part) == 1 else ()


def _as_usual(part: str, last: bool) -> tuple[str, ...]:
    return (
        f"{part}{_USUAL}" if part.isascii() else part,
        f"{part}{_UNFINISHED if last else _WHOLE}",
    )


def _as_typed(part: str, last: bool) -> tuple[str, ...]:
    return (part, f"{part}{_UNFINISHED if last else _WHOLE}")


_KeysOf: TypeAlias = Callable[[str, bool], tuple[str, ...]]
"""The keys that a part of what was typed may be; whether it is the last one."""

_Parts: TypeAlias = Sequence[Sequence[tuple[str, int]]]
"""By place in a word, what may stand from there on for one token or its beginning, and its end."""


class _Step(NamedTuple):
    """A place in a word that is typed, and how it may go on from there."""

    place: int
    keys: Sequence[tuple[str, int]]  # keys and where they end
    furthest: int  # where the keys from here, or from a place before, end at most


class _Block:
    """The texts of some matters side by side, those used most first.

    There is a bit for each token, one behind each text, and one behind all texts of a matter,
    which stands for it. So a set of tokens is a number, and a set of matters too.
    """

    def __init__(self, matters: Iterable[tuple[str, Iterable[_Row]]]) -> None:
        """`matters` are codes with their texts."""
        found: dict[_Token, int] = {}
        self._codes: dict[int, str] = {}
        self._first = self._tokens = self._matters = 0
        bit = 1
        for code, rows in matters:
            for row in rows:
                self._first |= bit
                for token in row:
                    found[token] = found.get(token, 0) | bit
                    bit <<= 1
                bit <<= 1
            self._matters |= bit
            self._codes[bit] = code
            bit <<= 1
        self._all = bit - 1
        self._below_matters = self._all ^ self._matters
        self._bits: dict[str, int] = {}
        for token, bits in found.items():
            self._tokens |= bits
            for key in _keys(token):
                self._bits[key] = self._bits.get(key, 0) | bits

    @property
    def keys(self) -> Iterable[str]:
        """What may be typed for some token."""
        return self._bits.keys()

    def starts(self, steps: list[_Step]) -> int:
        """The tokens from which on a word can be typed; `steps` lead from its end to its start."""
        lowest = steps[0].furthest  # the end of the word
        before = {lowest: self._all}  # by place in the word, the tokens behind which it may go on
        bits, fits = self._bits, 0
        for place, keys, furthest in steps:
            if lowest > furthest:
                return 0
            fits = 0
            for key, end in keys:
                may = before.get(end)
                if may and key in bits:
                    fits |= bits[key] & may
            if fits:
                before[place], lowest = fits >> 1, place
        return fits

    def scattered(self, letters: str) -> int:
        """Tokens with the last of these initials, behind the others in the same text.

        The first one begins the text; other tokens may stand between them.
        """
        tokens, may, fits = self._tokens, self._first, 0
        for letter in letters:
            fits = may & self._bits.get(f"{letter}{_USUAL}", 0)
            if not fits:
                break
            # in each text the sum carries from the first bit of `fits` up to the end
            from_first = (((tokens + fits) ^ tokens) | fits) & tokens
            may = from_first << 1
        return fits

    def first(self, tokens: int) -> int:
        """Those with which a text begins."""
        return tokens & self._first

    def matters(self, tokens: int) -> int:
        """Whose tokens they are."""
        # in each matter that has one of them the sum carries up to the matter's own bit
        return (tokens + self._below_matters) & self._matters

    def codes(self, matters: int) -> Iterator[str]:
        """Their codes, those used most first."""
        while matters:
            bit = matters & -matters
            yield self._codes[bit]
            matters ^= bit


_Ranked: TypeAlias = tuple[_Block, list[int]]
"""A block with sets of its matters, those that fit best first; a later one may hold them again."""


class _Spellings:
    """Every token's text from there on, sorted, so that what begins alike stands together."""

    def __init__(self, spellings: Iterable[tuple[str, int]]) -> None:
        """`spellings` are texts with a rank, the lowest best."""
        pairs = sorted(spellings)
        self._texts = [text for text, _ in pairs]
        self._ranks = [rank for _, rank in pairs]

    def one_slip(self, word: str) -> set[int]:
        """Ranks of the texts that begin with the word but for one slip."""
        found: set[int] = set()
        within = (0, len(self._texts))  # the texts that begin as the word does up to a place
        for place, sign in enumerate(word):
            head, rest = word[:place], word[place + 1 :]
            tried = [(f"{head}{rest}", within)]  # one too many
            if rest:
                tried.append((f"{head}{rest[0]}{sign}{rest[1:]}", within))  # two swapped
            right = self._range(f"{head}{sign}", within)
            # Any character may be the first of a text: a wrong one is found as one too many.
            if rest and (place or word.isascii()):
                for other, there in self._following(place, within):
                    if other != sign:
                        tried.append((f"{head}{other}{rest}", there))  # a wrong one
                        tried.append((f"{head}{other}{sign}{rest}", there))  # one too few
            for text, there in tried:
                begin, end = self._range(text, there)
                found.update(self._ranks[begin:end])
            within = right
            if right[0] == right[1]:
                break
        return found

    def _range(self, start: str, within: tuple[int, int]) -> tuple[int, int]:
        """Where the texts stand that begin so."""
        begin = bisect_left(self._texts, start, *within)
        if begin == within[1] or not self._texts[begin].startswith(start):
            return begin, begin
        return begin, bisect_left(self._texts, f"{start}{_LAST}", begin, within[1])

    def _following(
        self, place: int, within: tuple[int, int]
    ) -> Iterator[tuple[str, tuple[int, int]]]:
        """The signs that follow at a place of texts that begin alike, and where."""
        begin, end = within
        while begin < end:
            text = self._texts[begin]
            if len(text) == place:
                begin += 1
                continue
            there = self._range(text[: place + 1], (begin, end))
            yield text[place], there
            begin = there[1]


class SearchIndex:
    """Finds codes of items and bundles."""

    def __init__(self, texts: Mapping[str, Sequence[_Row]], ranks: Mapping[str, int]) -> None:
        """`texts` are the names and aliases of each code, `ranks` how much it is used."""
        self._by_use = tuple(sorted(ranks, key=lambda code: (-ranks[code], code)))
        rows = [(code, row) for code in self._by_use for row in texts[code]]
        self._most_tokens = max((len(row) for _, row in rows), default=0)
        self._whole = _grouped((code, "".join(one.written for one in row)) for code, row in rows)
        self._initials = _grouped((code, "".join(one.initial for one in row)) for code, row in rows)
        self._blocks = tuple(_Block(some) for some in _in_blocks(self._by_use, texts))
        self._known = frozenset(key for block in self._blocks for key in block.keys)
        self._beginnings = frozenset(key.rstrip(_KINDS) for key in self._known)
        self._written, self._spelled = (
            _Spellings(self._onwards(texts, form))
            for form in (lambda one: one.written, lambda one: one.spelled)
        )

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
        rows = {
            code: [row for text in texts if (row := _row(text, known.get(text, ())))]
            for code, texts in _texts(pack).items()
        }
        return cls(rows, ranks(pack, use_counts or {}))

    def find(self, query: str, limit: int = 20) -> tuple[str, ...]:
        """At most `limit` codes, best first; for an empty query, those used most."""
        query = _fold(query[:MAX_QUERY_CHARS])[:MAX_QUERY_CHARS]
        if not query:
            return self._by_use[:limit]
        words = _NO_WORD.sub(" ", query).split()
        word = "".join(words)
        found = _different(self._fits(word, several=len(words) > 1), limit)
        if len(found) < limit and len(words) > 1:
            found = _different(chain(found, self._all_words(words[:MAX_WORDS])), limit)
        if not found and 1 < len(word) <= MAX_SCATTERED and word.isascii():
            found = _different(self._scattered(word), limit)
        if not found and len(word) >= MIN_SLIP_CHARS:
            found = _different(self._slips(word, limit), limit)
        return found

    def _fits(self, word: str, *, several: bool) -> Iterator[str]:
        """Codes that the word fits, best kind of fit first, within a kind by use.

        Where `several` words were typed as one, all readings of a character are alike.
        """
        parts = self._parts(word)
        yield from self._whole.get(word, ())
        if 1 < len(word) <= self._most_tokens and word.isascii():
            yield from self._initials.get(word, ())
            initials = self._fitting([self._steps(parts, _as_initial)])
            yield from _best_first((block, [begun]) for block, (begun, _) in initials)
        yield from _best_first(self._fitting([self._steps(parts, _as_written)]))
        if _LATIN.search(word):
            yield from _best_first(self._sounding(parts, ranked=not several))

    def _all_words(self, words: Iterable[str]) -> Iterator[str]:
        """Codes that every word fits; where a name begins with one of them, that comes first."""
        rarest_first = sorted(words, key=len, reverse=True)
        steps = [self._steps(self._parts(word), _as_typed) for word in rarest_first]
        yield from _best_first(self._fitting(steps))

    def _fitting(self, words: Sequence[list[_Step]]) -> Iterator[_Ranked]:
        """What all words fit; best is what has a text that begins with one."""
        if not all(words):
            return
        for block in self._blocks:
            fit, begun = -1, 0
            for steps in words:
                starts = block.starts(steps)
                fit &= block.matters(starts)
                if not fit:
                    break
                begun |= block.first(starts)
            else:
                yield block, [fit & block.matters(begun), fit]

    def _sounding(self, parts: _Parts, *, ranked: bool) -> Iterator[_Ranked]:
        """What a word fits as it is read; best is what is usually read so."""
        every = self._steps(parts, _as_typed)
        usual = self._steps(parts, _as_usual) if ranked else []
        if not every:
            return
        for block in self._blocks:
            starts = block.starts(every)
            if starts:
                likely = block.starts(usual) if usual else 0
                best_first = (block.first(likely), likely, block.first(starts), starts)
                yield block, [block.matters(one) for one in best_first]

    def _parts(self, word: str) -> _Parts:
        """What some key begins with, by the place in the word from which on it stands there."""
        parts: list[list[tuple[str, int]]] = []
        for place in range(len(word)):
            here: list[tuple[str, int]] = []
            for end in range(place + 1, len(word) + 1):
                part = word[place:end]
                if part not in self._beginnings:
                    break
                here.append((part, end))
            parts.append(here)
        return parts

    def _steps(self, parts: _Parts, keys_of: _KeysOf) -> list[_Step]:
        """How a word can be read as keys that occur, from its end; empty if it cannot."""
        ways: list[tuple[int, list[tuple[str, int]]]] = []
        length = len(parts)
        leading = {length}  # places that lead to the end
        for place in reversed(range(length)):
            keys = [
                (key, end)
                for part, end in parts[place]
                if end in leading
                for key in keys_of(part, end == length)
                if key in self._known
            ]
            if keys:
                leading.add(place)
                ways.append((place, keys))
        steps: list[_Step] = []
        reached = {0}
        for place, keys in reversed(ways):
            if place in reached:
                reached.update(end for _, end in keys)
                steps.append(_Step(place, keys, max(reached)))
        return steps[::-1]

    def _scattered(self, word: str) -> Iterator[str]:
        """Initials in the right order, the first one first, with others between them."""
        for block in self._blocks:
            yield from block.codes(block.matters(block.scattered(word)))

    def _slips(self, word: str, limit: int) -> Iterator[str]:
        """Codes with one slip, those with a text that begins so first."""
        spellings = self._spelled if word.isascii() else self._written
        # a code has two ranks, see `_onwards`
        for rank in nsmallest(2 * limit, spellings.one_slip(word)):
            yield self._by_use[rank % len(self._by_use)]

    def _onwards(
        self, texts: Mapping[str, Sequence[_Row]], form: Callable[[_Token], str]
    ) -> Iterator[tuple[str, int]]:
        """From each token on the text in a form, and as a rank its place by use.

        What does not stand at the beginning of its text is ranked behind all that does.
        """
        for rank, code in enumerate(self._by_use):
            for row in texts[code]:
                forms = [form(token) for token in row]
                text, begins = "".join(forms), 0
                for one in forms:
                    behind = len(self._by_use) if begins else 0
                    yield text[begins : begins + MAX_QUERY_CHARS + 1], rank + behind
                    begins += len(one)


def ranks(pack: Pack, use_counts: Mapping[str, int]) -> dict[str, int]:
    """How much each matter is used: by the catalogue, and as counted on this terminal."""
    return {
        code: one.use_rank + min(use_counts.get(code, 0), MAX_COUNTED)
        for code, one in _searched(pack).items()
    }


def _different(codes: Iterable[str], limit: int) -> tuple[str, ...]:
    """The first different codes; what comes later is not even looked for."""
    found: dict[str, None] = {}
    for code in codes:
        found[code] = None
        if len(found) == limit:
            break
    return tuple(found)


def _best_first(found: Iterable[_Ranked]) -> Iterator[str]:
    """The best codes of all blocks, then those that are next; some come again."""
    later = []
    for block, (best, *others) in found:
        yield from block.codes(best)
        later.append([(block, one) for one in others])
    for same_rank in zip(*later, strict=True):
        for block, matters in same_rank:
            yield from block.codes(matters)


def _grouped(pairs: Iterable[tuple[str, str]]) -> Mapping[str, tuple[str, ...]]:
    """For each text the codes that it is given with."""
    groups: dict[str, list[str]] = {}
    for code, text in pairs:
        groups.setdefault(text, []).append(code)
    return {text: tuple(dict.fromkeys(codes)) for text, codes in groups.items()}


def _in_blocks(
    codes: Iterable[str], texts: Mapping[str, Sequence[_Row]]
) -> Iterator[list[tuple[str, Sequence[_Row]]]]:
    """Matters that fill a block."""
    some: list[tuple[str, Sequence[_Row]]] = []
    size = 0
    for code in codes:
        some.append((code, texts[code]))
        size += sum(len(row) + 1 for row in texts[code]) + 1
        if size >= BLOCK_BITS:
            yield some
            some, size = [], 0
    if some:
        yield some


def readings_of(pack: Pack) -> dict[str, tuple[str, ...]]:
    """The readings of every searched text, to be stored and given to `SearchIndex.build`."""
    return {
        text: _read(text)
        for texts in _texts(pack).values()
        for text in texts
        if _CHINESE.search(text)
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


def _row(text: str, readings: tuple[str, ...]) -> _Row:
    """The tokens of a text; `readings` are those of its characters, if they are known."""
    every = readings if len(readings) == len(text) else ("",) * len(text)
    return tuple(_Token(one.group(), every[one.start()]) for one in _TOKEN.finditer(text))
