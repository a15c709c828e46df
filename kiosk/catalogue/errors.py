"""Everything that can be wrong with a catalogue, on one page: its code and its meaning.

A finding says where (file, line, key), what is wrong, and how to mend it. The codes are
stable: policy staff look them up, and tests name them. A catalogue holds no personal data,
so a finding may quote what it found.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Rule(Enum):
    """The rules a catalogue is held to. The value is (code, meaning)."""

    # How a file is written.
    ENCODING = ("CT-01", "the file cannot be read as UTF-8 text")
    FILE_TOO_LARGE = ("CT-02", "the file is too large")
    SYNTAX = ("CT-03", "the file is not YAML")
    CHARACTER = ("CT-04", "a character that a text file must not have")
    DOCUMENTS = ("CT-05", "a file holds exactly one document")
    ALIAS = ("CT-06", "anchors and aliases are not allowed")
    TAG = ("CT-07", "tags are not allowed")
    TOO_DEEP = ("CT-08", "nested too deeply, or too many values")
    DUPLICATE_KEY = ("CT-09", "the same key twice in one mapping")
    ODD_KEY = ("CT-10", "a key must be a plain word")
    STRAY_FILE = ("CT-11", "a file that does not belong into a catalogue")
    MISSING_FILE = ("CT-12", "a file or directory is missing")
    # The shape of what it says.
    UNKNOWN_KEY = ("CT-20", "a key that has no meaning here")
    MISSING_KEY = ("CT-21", "a key is missing")
    WRONG_TYPE = ("CT-22", "a value of the wrong type")
    NOT_ALLOWED = ("CT-23", "a value that is not one of those allowed")
    OUT_OF_RANGE = ("CT-24", "a number or date outside its limits")
    BAD_NAME = ("CT-25", "a code or id of the wrong form")
    FILE_NAME = ("CT-26", "file name and code differ")
    TRANSLATION = ("CT-27", "a text is not there in both languages")
    VAGUE = ("CT-28", "a wording that leaves open what is meant")
    BAD_TEXT = ("CT-29", "a text that is blank, too long or not one line")
    DUPLICATE_ID = ("CT-30", "the same code or id twice")
    VALIDITY = ("CT-31", "two versions of an item are in force on the same day")
    EFFECTIVE = ("CT-32", "the dates of effect do not fit together")
    # What it refers to.
    UNKNOWN_GROUP = ("CT-40", "a group that does not exist")
    UNKNOWN_DEPARTMENT = ("CT-41", "a department that does not exist")
    UNKNOWN_ROLE = ("CT-42", "a role that no party of the item has")
    UNKNOWN_QUESTION = ("CT-43", "a question or fact that does not exist")
    UNKNOWN_OPTION = ("CT-44", "an option that the question does not have")
    WRONG_TEST = ("CT-45", "a test that does not fit the question or fact")
    LATER_QUESTION = ("CT-46", "a condition refers to a question that comes later")
    UNKNOWN_MATERIAL = ("CT-47", "a material that does not exist")
    UNUSED_MATERIAL = ("CT-48", "a material that no situation needs")
    UNKNOWN_ITEM = ("CT-49", "an item that does not exist")
    UNKNOWN_SHARED = ("CT-50", "a shared material or field that the library does not have")
    # What it means.
    NO_SITUATION = ("CT-60", "an item without situations")
    REASON = ("CT-61", "a situation that is not accepted needs its reason")
    PREFILL = ("CT-62", "a field cannot be filled in from there")
    KIND_RECORD = ("CT-63", "kind and record do not fit together")
    PLEDGE = ("CT-64", "a material can be pledged but the item allows no pledge")
    OPTIONS = ("CT-65", "options do not fit the kind of question")
    LIMITS = ("CT-66", "limits or unit do not fit the kind of question")
    CONFLICT = ("CT-67", "the same id means different things in the items of a bundle")
    BUNDLE = ("CT-68", "a bundle cannot be made of these items")
    PLAIN = ("CT-69", "the plain entries are not as large mode needs them")
    CLOCK = ("CT-70", "what a dated rule does when the clock is not trusted")
    CARD_ONLY = ("CT-71", "an ID-card-only item asks for something to be brought")
    FACT_QUESTION = ("CT-72", "a question that does not fit the fact it asks for")
    ALREADY_KNOWN = ("CT-73", "a document already answers this")
    NOBODY_FILLS = ("CT-74", "a role that nobody fills")
    CYCLE = ("CT-76", "questions that wait for each other")
    PROGRESS = ("CT-75", "the order of progress does not fit the departments")
    # What follows from it, proven case by case (`kiosk.catalogue.check`).
    GAP = ("CT-80", "a case that no situation fits")
    OVERLAP = ("CT-81", "a case that several situations fit")
    DEAD_QUESTION = ("CT-82", "a question that is never asked")
    DEAD_SITUATION = ("CT-83", "a situation that never fits")
    DEAD_MATERIAL = ("CT-84", "a material that is never needed")
    DEAD_PART = ("CT-85", "a field or party that never takes part")
    DEAD_COMPONENT = ("CT-86", "an item of a bundle that never takes part")
    NOBODY = ("CT-87", "a case in which no item of the bundle takes part")
    TOO_LARGE = ("CT-88", "too many cases to prove them all")
    DEAD_TEST = ("CT-89", "a test that can never be true, or never false")
    ALWAYS = ("CT-90", "a condition that is always true")
    DEAD_OPTION = ("CT-91", "an option that no condition names")
    DEAD_END = ("CT-92", "everybody is turned away, whatever they answer")
    COMPOSITION = ("CT-93", "an item is not the same in a bundle as alone")

    @property
    def code(self) -> str:
        """The stable code, such as "CT-20"."""
        return self.value[0]

    @property
    def meaning(self) -> str:
        """One line that explains the rule."""
        return self.value[1]


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing to mend. `line` counts from 1; 0 means the file as a whole."""

    file: str
    line: int
    key: str
    code: str
    message: str
    mend: str = ""  # what is allowed, or what to do

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        key = f" {self.key}" if self.key else ""
        mend = f" — {self.mend}" if self.mend else ""
        return f"{place}: {self.code}{key}: {self.message}{mend}"


class CatalogueErrors(Exception):
    """The catalogue was refused. `findings` holds everything that is wrong, in file order."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(sorted(set(findings)))
        first = f": {self.findings[0]}" if self.findings else ""
        super().__init__(f"the catalogue has {len(self.findings)} error(s){first}")


class Findings:
    """Collects findings while a catalogue is read, so that all are told at once."""

    def __init__(self) -> None:
        self._all: list[Finding] = []

    def add(
        self, rule: Rule, file: str, line: int, key: str, message: str = "", mend: str = ""
    ) -> None:
        """Note one finding; without a message the rule's meaning is the message."""
        self._all.append(Finding(file, line, key, rule.code, message or rule.meaning, mend))

    def __len__(self) -> int:
        return len(self._all)

    def all(self) -> tuple[Finding, ...]:
        """Everything found so far, sorted and without repetition."""
        return tuple(sorted(set(self._all)))
