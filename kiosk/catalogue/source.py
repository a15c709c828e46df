"""One YAML text to a tree of nodes that know their lines. Bounded, and nothing else.

Promises:

- Only mappings, lists and scalars: no anchors, aliases or tags, so nothing can be expanded
  or constructed.
- Work is bounded by `MAX_FILE_CHARS`, `MAX_DEPTH` and `MAX_NODES`, whatever the text.
- A scalar stays the text that was written. What it means (a number, a date, the option
  called `no`) is decided by who expects what, so that YAML's guesses never matter.
- A key that occurs twice is reported; the first one counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from kiosk.catalogue.errors import Findings, Rule

MAX_FILE_CHARS = 262_144
MAX_DEPTH = 24
MAX_NODES = 20_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BAD_CHARACTER = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]"
)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,63}")


# The nodes are not frozen: a large catalogue has millions of them, and freezing triples the time
# that making one takes. Nobody but the builder changes them.
@dataclass(slots=True)
class Scalar:
    """One value as written. `plain` is False when it stood in quotes or a block."""

    line: int
    text: str
    plain: bool

    @property
    def empty(self) -> bool:
        """True for a value that is not there: nothing, `~` or `null` without quotes."""
        return self.plain and self.text in ("", "~", "null")


@dataclass(slots=True)
class Listing:
    """A list of nodes."""

    line: int
    parts: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Table:
    """A mapping. `lines` has the line of every key."""

    line: int
    parts: dict[str, Node] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


Node: TypeAlias = Scalar | Listing | Table


def parse(file: str, text: str, findings: Findings) -> Node | None:
    """The tree of one file, or None when it is unusable. Everything wrong is reported."""
    if len(text) > MAX_FILE_CHARS:
        findings.add(
            Rule.FILE_TOO_LARGE,
            file,
            0,
            "",
            f"the file has {len(text)} characters",
            f"at most {MAX_FILE_CHARS}; one file holds one item",
        )
        return None
    bad = _BAD_CHARACTER.search(text)
    if bad:
        line = text.count("\n", 0, bad.start()) + 1
        findings.add(
            Rule.CHARACTER,
            file,
            line,
            "",
            f"the character U+{ord(bad.group()):04X} is not text",
            "remove it",
        )
        return None
    builder = _Builder(file, findings)
    try:
        return builder.build(_LOADER(text).get_event)
    except _Stop:
        return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # At the end of the text the parser points behind the last line.
        line = min(mark.line + 1, len(text.splitlines())) if mark else 0
        what = f"{error.problem}"
        if error.context and error.context_mark:
            what = f"{what} {error.context}, begun in line {min(error.context_mark.line + 1, line)}"
        findings.add(
            Rule.SYNTAX, file, line, "", f"not YAML: {what}", "check indentation, colons, quotes"
        )
    except (yaml.YAMLError, ValueError) as error:
        findings.add(
            Rule.SYNTAX, file, 0, "", f"not YAML: {type(error).__name__}", "save it as UTF-8 text"
        )
    return None


class _Stop(Exception):
    """The file was found unusable and the reason was reported."""


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come yet."""

    node: Listing | Table
    key: str | None = None  # of a mapping: the key whose value comes next
    drop: bool = False  # that value belongs to a key that is not kept


class _Builder:
    """Builds the tree from parser events with a stack of its own, never by recursion."""

    def __init__(self, file: str, findings: Findings) -> None:
        self._file = file
        self._findings = findings
        self._stack: list[_Open] = []
        self._root: Node | None = None
        self._nodes = 0

    def build(self, following: Callable[[], Any]) -> Node | None:
        """The tree of the events that `following` gives, until it gives None."""
        documents = 0
        while (event := following()) is not None:
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self._scalar(event)
            elif kind is yaml.MappingStartEvent:
                self._begin(event, Table(event.start_mark.line + 1))
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._stack.pop()
            elif kind is yaml.SequenceStartEvent:
                self._begin(event, Listing(event.start_mark.line + 1))
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    self._stop(Rule.DOCUMENTS, event, "a second document begins", "one a file")
            elif kind is yaml.AliasEvent:
                self._stop(Rule.ALIAS, event, f"the alias *{event.anchor}", "write it out")
        if self._root is None or (isinstance(self._root, Scalar) and self._root.empty):
            self._findings.add(
                Rule.DOCUMENTS, self._file, 0, "", "the file is empty", "fill it, or remove it"
            )
            return None
        return self._root

    def _count(self, event: Any) -> None:
        """One more value."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._stop(Rule.TOO_DEEP, event, f"more than {MAX_NODES} values", "split the file")

    def _marked(self, event: Any, *, plain: bool) -> None:
        """Refuse an anchor or a tag; a lone "!" before a quoted text says what it is anyway."""
        if event.anchor is not None:
            self._stop(Rule.ALIAS, event, f"the anchor &{event.anchor}", "write it out")
        if not (plain and event.tag == "!" and _quoted(event)):
            self._stop(Rule.TAG, event, f"the tag {event.tag}", "remove it")

    def _scalar(self, event: Any) -> None:
        self._count(event)
        if event.anchor is not None or event.tag is not None:
            self._marked(event, plain=event.implicit[0] or event.implicit[1])
        line = event.start_mark.line + 1
        top = self._stack[-1] if self._stack else None
        if top is not None and top.key is None and type(top.node) is Table:
            self._key(top, top.node, event.value, line)
        else:
            self._put(Scalar(line, event.value, not _quoted(event)))

    def _key(self, top: _Open, table: Table, key: str, line: int) -> None:
        top.key, top.drop = key, False
        if not _WORD.fullmatch(key):
            self._findings.add(
                Rule.ODD_KEY,
                self._file,
                line,
                key[:40],
                "this is not a key",
                "a letter, then letters, digits, '_', '.' or '-'",
            )
            top.drop = True
        elif key in table.parts:
            self._findings.add(
                Rule.DUPLICATE_KEY,
                self._file,
                line,
                key,
                f"'{key}' was already given in line {table.lines[key]}",
                "keep one of them",
            )
            top.drop = True
        else:
            table.lines[key] = line

    def _begin(self, event: Any, node: Listing | Table) -> None:
        self._count(event)
        if event.anchor is not None or event.tag is not None:
            self._marked(event, plain=event.implicit)
        if len(self._stack) >= MAX_DEPTH:
            self._stop(
                Rule.TOO_DEEP,
                event,
                f"nested deeper than {MAX_DEPTH}",
                "no item needs so many levels",
            )
        top = self._stack[-1] if self._stack else None
        if top and isinstance(top.node, Table) and top.key is None:
            self._stop(
                Rule.ODD_KEY, event, "a list or mapping cannot be a key", "a word, then a colon"
            )
        self._put(node)
        self._stack.append(_Open(node))

    def _put(self, node: Node) -> None:
        if not self._stack:
            self._root = node
            return
        top = self._stack[-1]
        if isinstance(top.node, Listing):
            top.node.parts.append(node)
            return
        if not top.drop and top.key is not None:
            top.node.parts[top.key] = node
        top.key = None

    def _stop(self, rule: Rule, event: Any, message: str, mend: str) -> None:
        self._findings.add(rule, self._file, event.start_mark.line + 1, "", message, mend)
        raise _Stop


def _quoted(event: Any) -> bool:
    return bool(getattr(event, "style", None))
