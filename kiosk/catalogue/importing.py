"""An authority's directory (GB/T 39554.2 elements, as CSV) to item files without situations.

Promises: a text becomes files that the loader reads but for their situations, or coded
findings with file and line; nothing is guessed. docs/catalogue-import.md has the columns.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any

import yaml

from kiosk.catalogue.reader import CODE, ID

ITEMS, MATERIALS = "items.csv", "materials.csv"
MAX_CHARS = 8_000_000
_PAIRS = ("name", "comes_out", "for_whom", "basis", "fee", "result", "where")
ITEM_COLUMNS = (
    "code", "group", "kind", "department", "days_legal", "days_promised", "visits", "phone",
    "minutes", "effective_from", "assurance",
    *(f"{one}_{tongue}" for one in _PAIRS for tongue in ("zh", "en")),
)  # fmt: skip
MORE_OF_ITEMS = ("reason_zh", "reason_en", "delivery")  # may be left out
MATERIAL_COLUMNS = (
    "item", "id", "name_zh", "name_en", "form", "source", "basis_zh", "basis_en", "copies",
    "check_zh", "check_en", "fails_zh", "fails_en",
)  # fmt: skip
MORE_OF_MATERIALS = ("pledge_days", "hint_zh", "hint_en")  # the same
_CONTACT = {
    "key": "contact_phone",
    "label": {"zh": "联系电话", "en": "Phone number"},
    "kind": "phone",
}


class ImportRule(Enum):
    """What can be wrong with a directory. The value is (code, meaning)."""

    ENCODING = ("CI-01", "neither UTF-8 nor GB 18030")
    COLUMNS = ("CI-02", "columns are missing, unknown or doubled")
    CELLS = ("CI-03", "a row has another number of cells than the head")
    EMPTY = ("CI-04", "a cell that must be filled is empty")
    FORM = ("CI-05", "a cell has the wrong form")
    TWICE = ("CI-06", "the same code or id twice")
    UNKNOWN = ("CI-07", "a material of an item that is not in the directory")
    TOO_LARGE = ("CI-08", "the file is too large")
    CSV = ("CI-09", "the file is not CSV")


@dataclass(frozen=True, slots=True, order=True)
class ImportFinding:
    """One thing to mend; lines count from 1."""

    file: str
    line: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.code} {self.message}"


class ImportErrors(Exception):
    """The directory was refused; `findings` has everything."""

    def __init__(self, findings: list[ImportFinding]) -> None:
        self.findings = tuple(sorted(set(findings)))
        super().__init__("\n".join(map(str, self.findings)))


def decoded(file: str, raw: bytes) -> str:
    """The text of a file, UTF-8 or GB 18030, with or without a mark. Raises ImportErrors."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding).removeprefix("\ufeff")
        except UnicodeDecodeError:
            continue
    raise ImportErrors([_finding(ImportRule.ENCODING, file, 1)])


def imported(items: str, materials: str, as_of: date) -> dict[str, str]:
    """Item files by their path, samples `as_of` that day. Raises ImportErrors with all errors."""
    findings: list[ImportFinding] = []
    files: dict[str, dict[str, Any]] = {}
    for line, row in _rows(ITEMS, items, ITEM_COLUMNS, MORE_OF_ITEMS, findings):
        if not CODE.fullmatch(row["code"]):
            findings.append(_finding(ImportRule.FORM, ITEMS, line, f"code '{row['code'][:20]}'"))
        elif row["code"] in files:
            findings.append(_finding(ImportRule.TWICE, ITEMS, line, row["code"]))
        else:
            files[row["code"]] = _item(row, line, as_of, findings)
    for line, row in _rows(MATERIALS, materials, MATERIAL_COLUMNS, MORE_OF_MATERIALS, findings):
        item = files.get(row["item"])
        if item is None:
            findings.append(_finding(ImportRule.UNKNOWN, MATERIALS, line, row["item"][:20]))
        elif not ID.fullmatch(row["id"]):
            findings.append(_finding(ImportRule.FORM, MATERIALS, line, f"id '{row['id'][:20]}'"))
        elif any(one["id"] == row["id"] for one in item["materials"]):
            findings.append(_finding(ImportRule.TWICE, MATERIALS, line, row["id"]))
        else:
            item["materials"].append(_material(row, line, findings))
            item["pledge"] |= "pledge_days" in item["materials"][-1]
    if findings:
        raise ImportErrors(findings)
    return {
        f"items/{code.lower()}.yaml": yaml.safe_dump(one, allow_unicode=True, sort_keys=False)
        for code, one in sorted(files.items())
    }


def _finding(rule: ImportRule, file: str, line: int, what: str = "") -> ImportFinding:
    return ImportFinding(file, line, rule.value[0], f"{rule.value[1]}{f': {what}' if what else ''}")


def _rows(
    file: str,
    text: str,
    columns: tuple[str, ...],
    more: tuple[str, ...],
    findings: list[ImportFinding],
) -> list[tuple[int, dict[str, str]]]:
    if len(text) > MAX_CHARS:
        findings.append(_finding(ImportRule.TOO_LARGE, file, 1))
        return []
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    rows: list[tuple[int, dict[str, str]]] = []
    try:
        head = [one.strip() for one in next(reader, [])]
        odd = sorted((set(columns) - set(head)) | (set(head) - {*columns, *more}))
        odd += sorted({one for one in head if head.count(one) > 1})
        if odd:
            findings.append(_finding(ImportRule.COLUMNS, file, 1, ", ".join(odd)[:200]))
            return []
        for cells in reader:
            if not any(one.strip() for one in cells):
                continue
            if len(cells) != len(head):
                findings.append(_finding(ImportRule.CELLS, file, reader.line_num))
                continue
            values = (one.strip() for one in cells)
            row = dict.fromkeys(more, "") | dict(zip(head, values, strict=True))
            rows.append((reader.line_num, row))
    except csv.Error as error:
        findings.append(_finding(ImportRule.CSV, file, reader.line_num, str(error)))
    return rows


class _Cells:
    """Takes cells of one row; what is missing or odd is noted."""

    def __init__(
        self, file: str, line: int, row: Mapping[str, str], findings: list[ImportFinding]
    ) -> None:
        self._place = (file, line)
        self._row = row
        self._findings = findings

    def text(self, name: str) -> str:
        value = self._row[name]
        if not value:
            self._findings.append(_finding(ImportRule.EMPTY, *self._place, name))
        return value

    def pair(self, name: str) -> dict[str, str]:
        return {"zh": self.text(f"{name}_zh"), "en": self.text(f"{name}_en")}

    def pair_or_none(self, name: str) -> dict[str, str] | None:
        """None where neither language is filled."""
        told = self._row[f"{name}_zh"] or self._row[f"{name}_en"]
        return self.pair(name) if told else None

    def number(self, name: str, without: int | None = None) -> int | None:
        value = self._row[name]
        if not value:
            return without
        if not (value.isascii() and value.isdigit() and len(value) <= 4):
            self._findings.append(_finding(ImportRule.FORM, *self._place, name))
            return without
        return int(value)


def _item(
    row: Mapping[str, str], line: int, as_of: date, findings: list[ImportFinding]
) -> dict[str, Any]:
    cells = _Cells(ITEMS, line, row, findings)
    guide: dict[str, Any] = {one: cells.pair(one) for one in ("for_whom", "basis", "fee")}
    days = {"legal": cells.number("days_legal"), "promised": cells.number("days_promised")}
    guide |= {"days": days, "visits": cells.number("visits", 0)}
    guide |= {one: cells.pair(one) for one in ("result", "where")}
    reason = cells.pair_or_none("reason")
    apply = row["kind"] == "apply"
    return {
        "code": row["code"],
        "name": cells.pair("name"),
        "group": cells.text("group"),
        "kind": cells.text("kind"),
        "department": cells.text("department"),
        "assurance": {"level": cells.text("assurance")} | ({"reason": reason} if reason else {}),
        "line": False,
        "minutes": cells.number("minutes", 10),
        "comes_out": cells.pair("comes_out"),
        "version": 1,
        "effective": {"from": cells.text("effective_from")},
        "confirmed": None,
        "as_of": as_of.isoformat(),
        "pledge": False,
        "delivery": row["delivery"].split(),
        "guide": guide | {"phone": cells.text("phone")},
        "parties": [
            {"role": "applicant", "name": {"zh": "申请人", "en": "Applicant"}, "identity": "card"}
        ],
        "materials": [],
        "form": [dict(_CONTACT)] if apply else [],
    }


def _material(row: Mapping[str, str], line: int, findings: list[ImportFinding]) -> dict[str, Any]:
    cells = _Cells(MATERIALS, line, row, findings)
    point = {"id": "as_stated", "check": cells.pair("check"), "by": "person"}
    hint, days = cells.pair_or_none("hint"), cells.number("pledge_days")
    more = ({"hint": hint} if hint else {}) | ({"pledge_days": days} if days else {})
    return more | {
        "id": row["id"],
        "name": cells.pair("name"),
        "form": cells.text("form"),
        "source": cells.text("source"),
        "basis": cells.pair("basis"),
        "copies": cells.number("copies", 1),
        "review": [point | {"fails": cells.pair("fails")}],
    }
