"""Line breaking for Chinese and Latin text, without any font or page.

Promises: no line starts with closing punctuation or ends with opening punctuation; a Latin
word, a number, a date, a telephone number and the words of `kiosk.phrases` stay whole where
they fit on a line; no character is lost, except a space at a line's end.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from kiosk.phrases import COUNTED, INSIDE

# GB/T 15834: marks that may not begin a line, and marks that may not end one.
_NOT_FIRST = frozenset("，。、；：？！…—·～》〉」』】〕）”’％℃,.;:?!)]}%°")
_NOT_LAST = frozenset("《〈「『【〔（“‘([{¥￥$")

# An escaped code point, a number with what it counts, a word, a run without break
# opportunities, a space, or one character.
_UNIT = re.compile(
    r"\[U\+[0-9A-F]{4,6}\]"
    rf"|{COUNTED.pattern}|{INSIDE.pattern}"
    r"|[0-9A-Za-z\u00c0-\u024f*#@&+/_'’\-.:,%№]*[0-9A-Za-z\u00c0-\u024f*%]"
    r"|\s+"
    r"|.",
    re.DOTALL,
)


_LAST_LINE = 4  # characters: fewer on the last line look like a leftover
_NARROWER = (0.95, 0.9, 0.85, 0.8)


def break_lines(text: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """Cut `text` into lines no wider than `width` in the unit of `measure`.

    A unit that is wider than a whole line is cut between characters; a single character
    wider than the line stands alone. A very short last line gets company from the line
    above, if that costs no further line.
    """
    best = _greedy(text, width, measure)
    for factor in _NARROWER if len(best) > 1 else ():
        if len(best[-1]) >= _LAST_LINE:
            break
        other = _greedy(text, width * factor, measure)
        if len(other) == len(best) and len(other[-1]) > len(best[-1]):
            best = other
    return best


def _greedy(text: str, width: float, measure: Callable[[str], float]) -> list[str]:
    lines: list[str] = []
    line = ""
    for unit in _units(text):
        if not line and unit.isspace():
            continue
        if measure((line + unit).rstrip()) <= width:
            line += unit
            continue
        if line.rstrip():
            lines.append(line.rstrip())
        line = "" if unit.isspace() else unit
        while measure(line) > width and len(line) > 1:
            cut = _fitting(line, width, measure)
            lines.append(line[:cut])
            line = line[cut:]
    if line.rstrip():
        lines.append(line.rstrip())
    return lines or [""]


def _units(text: str) -> list[str]:
    """Pieces between which a line may break, with punctuation glued where it belongs."""
    units: list[str] = []
    for piece in _UNIT.findall(text):
        glued = piece[0] in _NOT_FIRST or (bool(units) and units[-1][-1] in _NOT_LAST)
        if units and glued and not units[-1].isspace():
            units[-1] += piece
        else:
            units.append(piece)
    return units


def _fitting(line: str, width: float, measure: Callable[[str], float]) -> int:
    """How many characters of an overlong unit fit, at least one."""
    count = 1
    while count < len(line) and measure(line[: count + 1]) <= width:
        count += 1
    # Leave no closing mark for the next line's start if a character can go with it.
    while count > 1 and line[count] in _NOT_FIRST:
        count -= 1
    return count
