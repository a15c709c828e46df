"""Takes typed values out of a tree of nodes and reports what does not fit.

Promises: nothing here raises because of what a file says. A value that does not fit is
reported with file, line, key and what is allowed, and a stand-in is returned, so that one
mistake does not hide the next.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeVar

from kiosk.catalogue.errors import Findings, Rule
from kiosk.catalogue.model import Text
from kiosk.catalogue.source import Listing, Node, Scalar, Table

MAX_TEXT_CHARS = 600
ID = re.compile(r"[a-z][a-z0-9_]{0,39}")
CODE = re.compile(r"[A-Z]{2,4}-[0-9]{3}")
SLUG = re.compile(r"[a-z][a-z0-9-]{0,39}")
_INTEGER = re.compile(r"-?[0-9]{1,9}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CHINESE = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]")

_PAPER_ZH = "(?:身份)?(?:材料|证件|证明|资料|文件|手续)"
_VAGUE_ZH = re.compile(
    f"其[他它余][^，。；、]{{0,6}}{_PAPER_ZH}"
    f"|(?:相关|有关|必要|必需|所需|需要|相应)的?[^，。；、]{{0,2}}{_PAPER_ZH}"
    f"|有效的?{_PAPER_ZH}|身份证件|(?<![一二三四初中高同相对平])等(?:有关|相关)?的?{_PAPER_ZH}"
    "|视情况|必要时|另行通知"
)
_VAGUE_EN = re.compile(
    r"\b(?:other|relevant|related|necessary|required|supporting|appropriate|valid)\s+"
    r"(?:materials?|documents?|papers?|certificates?|proofs?|identification|identity|id)\b"
    r"(?! (?:card|of|from|for)\b)"
    r"|\bsupporting documents as\b|\bas required\b|\bif necessary\b|\bwhere applicable\b"
    r"|\betc\b|\band so on\b|\band the like\b",
    re.IGNORECASE,
)
"""Wordings that leave the resident guessing what to bring. Public-service rules in China
(优化营商环境条例, art. 19 and the "no vague fallback clause" practice) forbid them too."""

EnumT = TypeVar("EnumT", bound=StrEnum)
T = TypeVar("T")
S = TypeVar("S")


def nearest(word: str, allowed: Iterable[str]) -> str:
    """What is allowed, beginning with the most similar word if one is close."""
    words = list(dict.fromkeys(allowed))
    close = difflib.get_close_matches(word[:64], words, n=1, cutoff=0.6)
    listed = ", ".join(words[:24]) + (", …" if len(words) > 24 else "")
    return f"did you mean '{close[0]}'? allowed: {listed}" if close else f"allowed: {listed}"


@dataclass(frozen=True, slots=True)
class At:
    """A node with its place."""

    findings: Findings
    file: str
    key: str
    node: Node

    @property
    def line(self) -> int:
        return self.node.line

    def report(self, rule: Rule, message: str = "", mend: str = "") -> None:
        """Note a finding at this place."""
        self.findings.add(rule, self.file, self.line, self.key, message, mend)

    def _wrong(self, wanted: str) -> None:
        self.report(Rule.WRONG_TYPE, f"this is {_kind(self.node)}", f"{wanted} is expected")

    def _scalar(self, wanted: str) -> Scalar | None:
        if isinstance(self.node, Scalar) and not self.node.empty:
            return self.node
        self._wrong(wanted)
        return None

    def word(self, pattern: re.Pattern[str], wanted: str) -> str:
        """A code or id; "" when it is none."""
        node = self._scalar(wanted)
        if node is None:
            return ""
        if not pattern.fullmatch(node.text):
            self.report(Rule.BAD_NAME, f"'{node.text[:60]}' has the wrong form", wanted)
            return ""
        return node.text

    def identifier(self) -> str:
        """An id within a file, such as `travel_permit`."""
        return self.word(ID, "a small letter, then small letters, digits or '_'; at most 40")

    def string(self) -> str:
        """One line of text; "" when it is none."""
        node = self._scalar("a text")
        if node is None:
            return ""
        text = node.text.strip()
        if not text or len(text) > MAX_TEXT_CHARS or "\n" in text:
            self.report(
                Rule.BAD_TEXT,
                "the text is blank" if not text else "the text is too long or has several lines",
                f"one line of at most {MAX_TEXT_CHARS} characters",
            )
            return ""
        return text

    def choice(self, kind: type[EnumT], fallback: EnumT) -> EnumT:
        """One of an enumeration's values."""
        value = self.one_of([one.value for one in kind])
        return kind(value) if value else fallback

    def one_of(self, allowed: Iterable[str], rule: Rule = Rule.NOT_ALLOWED) -> str:
        """One of the allowed words; "" when it is none of them."""
        words = list(allowed)
        node = self._scalar("one word")
        if node is None:
            return ""
        if node.text not in words:
            self.report(rule, f"'{node.text[:60]}' is not known here", nearest(node.text, words))
            return ""
        return node.text

    def integer(self, least: int, most: int) -> int:
        """A whole number between two limits; the lower limit when it is none."""
        node = self.node
        if not (isinstance(node, Scalar) and node.plain and _INTEGER.fullmatch(node.text)):
            self._wrong("a whole number, without quotes,")
            return least
        value = int(node.text)
        if not least <= value <= most:
            self.report(Rule.OUT_OF_RANGE, f"{value} is out of range", f"{least} to {most}")
            return least
        return value

    def boolean(self) -> bool:
        """`true` or `false`; False when it is neither."""
        node = self.node
        if isinstance(node, Scalar) and node.plain and node.text in ("true", "false"):
            return node.text == "true"
        self._wrong("true or false")
        return False

    def date(self) -> date:
        """A date such as 2026-01-31; 1 January 2000 when it is none."""
        node = self.node
        if isinstance(node, Scalar) and _DATE.fullmatch(node.text):
            try:
                return date.fromisoformat(node.text)
            except ValueError:
                self.report(Rule.OUT_OF_RANGE, f"there is no day {node.text}", "a day of the year")
                return date(2000, 1, 1)
        self._wrong("a date such as 2026-01-31")
        return date(2000, 1, 1)

    def text(self) -> Text:
        """A text in both languages; wordings that leave open what is meant are refused."""
        table = self.table()
        zh, en = (self._language(table, language) for language in ("zh", "en"))
        table.finish()
        if zh and zh == en and _CHINESE.search(en):
            self.report(Rule.TRANSLATION, "the English text is the Chinese one", "translate it")
        self._vague(zh, en)
        return Text(zh, en)

    def _language(self, table: Fields, language: str) -> str:
        at = table.find(language)
        if at is None or (isinstance(at.node, Scalar) and at.node.empty):
            if isinstance(self.node, Table):
                self.report(Rule.TRANSLATION, f"'{language}' is missing", "give both zh and en")
            return ""
        return at.string()

    def _vague(self, zh: str, en: str) -> None:
        found = _VAGUE_ZH.search(zh) or _VAGUE_EN.search(en)
        if found:
            self.report(
                Rule.VAGUE,
                f"'{found.group()}' leaves open what is meant",
                "name each paper that is needed, and when",
            )

    def table(self) -> Fields:
        """The node as a mapping; an empty one when it is none."""
        if not isinstance(self.node, Table):
            self._wrong("a mapping")
            return Fields(self, Table(self.line), broken=True)
        return Fields(self, self.node)

    def parts(self, *, least: int = 0, most: int = 200) -> list[At]:
        """The parts of a list."""
        if not isinstance(self.node, Listing):
            self._wrong("a list")
            return []
        count = len(self.node.parts)
        if not least <= count <= most:
            self.report(Rule.OUT_OF_RANGE, f"{count} entries", f"{least} to {most} entries")
        return [
            At(self.findings, self.file, f"{self.key}[{index}]", node)
            for index, node in enumerate(self.node.parts[:most])
        ]


class Fields:
    """The keys of one mapping, each taken at most once; `finish` reports what nobody took."""

    def __init__(self, at: At, table: Table, *, broken: bool = False) -> None:
        self.at = at
        self._table = table
        self._broken = broken
        self._known: list[str] = []

    def __iter__(self) -> Iterator[tuple[str, At]]:
        """Every key with its value, for mappings whose keys are data."""
        for key in self._table.parts:
            yield key, self._place(key)

    def _place(self, key: str) -> At:
        path = f"{self.at.key}.{key}" if self.at.key else key
        node = self._table.parts[key]
        return At(self.at.findings, self.at.file, path, _placed(node, self._table.lines[key]))

    def find(self, key: str) -> At | None:
        """The value of a key, or None when it is not there."""
        self._known.append(key)
        return self._place(key) if key in self._table.parts else None

    def maybe(self, key: str) -> At | None:
        """The value of a key that may be missing or null."""
        at = self.find(key)
        return None if at and isinstance(at.node, Scalar) and at.node.empty else at

    def need(self, key: str) -> At | None:
        """The value of a key that must be there; reports when it is not."""
        at = self.maybe(key)
        if at is None and not self._broken:
            path = f"{self.at.key}.{key}" if self.at.key else key
            line = self._table.lines.get(key, self.at.line)
            self.at.findings.add(
                Rule.MISSING_KEY, self.at.file, line, path, f"'{key}' is missing", "give it a value"
            )
        return at

    def take(self, key: str, how: Callable[[At], T], fallback: S) -> T | S:
        """The value of a key that must be there, read by `how`."""
        at = self.need(key)
        return fallback if at is None else how(at)

    def option(self, key: str, how: Callable[[At], T], fallback: S) -> T | S:
        """The value of a key that may be missing, read by `how`."""
        at = self.maybe(key)
        return fallback if at is None else how(at)

    def finish(self) -> None:
        """Report every key that was never asked for."""
        for key in self._table.parts:
            if key not in self._known:
                self._place(key).report(
                    Rule.UNKNOWN_KEY, f"'{key}' has no meaning here", nearest(key, self._known)
                )


def _placed(node: Node, line: int) -> Node:
    """The node, with the line of its key when its content only begins further down."""
    if node.line == line or type(node) is Scalar:
        return node
    if isinstance(node, Listing):
        return Listing(line, node.parts)
    if isinstance(node, Table):
        return Table(line, node.parts, node.lines)
    return node


def _kind(node: Node) -> str:
    if isinstance(node, Listing):
        return "a list"
    if isinstance(node, Table):
        return "a mapping"
    if node.empty:
        return "empty"
    return f"'{node.text[:40]}'" if node.plain else "a quoted text"
