"""An authority's directory becomes item files that lack their situations and their reasons."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import pytest
from catalogue_sample import FILES

from kiosk.catalogue.check import prove
from kiosk.catalogue.errors import CatalogueErrors
from kiosk.catalogue.importing import (
    ITEM_COLUMNS,
    ITEMS,
    MATERIAL_COLUMNS,
    MATERIALS,
    MORE_OF_ITEMS,
    MORE_OF_MATERIALS,
    ImportErrors,
    decoded,
    imported,
)
from kiosk.catalogue.loader import load
from kiosk.cli import main

TODAY = date(2026, 11, 22)


def _words(columns: tuple[str, ...]) -> dict[str, str]:
    return {one: "A thing" if one.endswith("_en") else "某事" for one in columns}


ITEM = _words(ITEM_COLUMNS) | {
    "code": "NEW-001", "group": "approvals", "kind": "apply", "department": "social",
    "days_legal": "20", "days_promised": "5", "visits": "", "phone": "0577-00000009",
    "minutes": "", "effective_from": "2026-01-01", "assurance": "card", "name_zh": "食品经营许可",
}  # fmt: skip
MATERIAL = _words(MATERIAL_COLUMNS) | {
    "item": "NEW-001", "id": "plan", "form": "copy", "source": "resident", "copies": "2",
}  # fmt: skip


def table(columns: tuple[str, ...], *rows: dict[str, str]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


GOOD = (table(ITEM_COLUMNS, ITEM), table(MATERIAL_COLUMNS, MATERIAL))


def codes(items: str, materials: str) -> list[tuple[str, int, str]]:
    with pytest.raises(ImportErrors) as caught:
        imported(items, materials, TODAY)
    return [(one.file, one.line, one.code) for one in caught.value.findings]


MORE = {"reason_zh": "只有本人可以办", "reason_en": "Only you may", "delivery": "post pick-up"}
MORE_OF_PLAN = {"pledge_days": "15", "hint_zh": "要盖章", "hint_en": "With the seal"}
SITUATIONS = (
    "situations:\n- {id: any, name: {zh: 都可以, en: Any}, result: accept, materials: [plan]}\n"
)


def test_only_the_situations_are_lacking() -> None:
    """Put them in, and the catalogue is proven."""
    items = table((*ITEM_COLUMNS, *MORE_OF_ITEMS), ITEM | MORE)
    materials = table((*MATERIAL_COLUMNS, *MORE_OF_MATERIALS), MATERIAL | MORE_OF_PLAN)
    ((name, text),) = imported(items, materials, TODAY).items()
    with pytest.raises(CatalogueErrors) as caught:
        load({**FILES, name: text})
    assert {one.code for one in caught.value.findings} == {"CT-60", "CT-48"}
    pack = load({**FILES, name: text + SITUATIONS})
    assert prove(pack).findings == ()
    item = pack.items["NEW-001"]
    assert item.assurance_reason.zh == MORE["reason_zh"]
    assert item.delivery == ("post", "pick-up")
    assert (item.sample, item.as_of) == (True, TODAY)
    assert [one.key for one in item.form] == ["contact_phone"]
    assert (item.materials[0].pledge_days, item.pledge) == (15, True)
    assert item.materials[0].hint is not None


def test_a_reason_that_is_not_told_is_asked_for() -> None:
    files = imported(*GOOD, TODAY)
    with pytest.raises(CatalogueErrors) as caught:
        load({**FILES, **files})
    assert {one.code for one in caught.value.findings} <= {"CT-60", "CT-48", "CT-21"}
    assert any(one.key == "assurance.reason" or "reason" in one.message
               for one in caught.value.findings), "a reason is not guessed"  # fmt: skip
    (name,) = files
    reason = "level: card\n  reason: {zh: 只有本人可以办, en: Only you may apply}\n"
    mended = files[name].replace("level: card\n", reason) + SITUATIONS
    item = load({**FILES, name: mended}).items["NEW-001"]
    assert item.name.zh == ITEM["name_zh"]
    assert (item.guide.days_legal, item.guide.days_promised) == (20, 5)
    assert item.materials[0].copies == 2


def test_what_is_wrong_has_its_line() -> None:
    bad = ITEM | {"code": "x"}
    assert codes(table(ITEM_COLUMNS, ITEM, bad), GOOD[1]) == [(ITEMS, 3, "CI-05")]
    assert codes(table(ITEM_COLUMNS, ITEM, ITEM), GOOD[1]) == [(ITEMS, 3, "CI-06")]
    assert codes(GOOD[0], table(MATERIAL_COLUMNS, MATERIAL | {"item": "NO-001"})) == [
        (MATERIALS, 2, "CI-07")
    ]
    assert codes(table(ITEM_COLUMNS, ITEM | {"fee_en": "", "visits": "-1"}), GOOD[1]) == [
        (ITEMS, 2, "CI-04"),
        (ITEMS, 2, "CI-05"),
    ]
    assert codes("code\n", GOOD[1])[0][2] == "CI-02"
    assert codes(table((*ITEM_COLUMNS, "colour"), ITEM), GOOD[1])[0] == (ITEMS, 1, "CI-02")
    assert codes(GOOD[0].replace("code,", "code,code,"), GOOD[1])[0][2] == "CI-02"
    assert codes(GOOD[0] + "a,b\n", GOOD[1]) == [(ITEMS, 3, "CI-03")]
    assert codes(GOOD[0] + '"open\n', GOOD[1])[0][2] == "CI-09"


def test_the_encodings_of_offices_are_read() -> None:
    for raw in (GOOD[0].encode(), GOOD[0].encode("utf-8-sig"), GOOD[0].encode("gb18030"),
                b"\x84\x31\x95\x33" + GOOD[0].encode("gb18030")):  # fmt: skip
        assert decoded(ITEMS, raw) == GOOD[0]
    with pytest.raises(ImportErrors, match="CI-01"):
        decoded(ITEMS, b"\xff\xff\xff")


def test_the_command_writes_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in zip((ITEMS, MATERIALS), GOOD, strict=True):
        (tmp_path / name).write_bytes(text.encode("gb18030"))
    assert main(["catalogue", "import", str(tmp_path), "-o", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out/items/new-001.yaml").is_file()
    (tmp_path / ITEMS).write_text("x")
    assert main(["catalogue", "import", str(tmp_path), "-o", str(tmp_path / "out")]) == 2
    assert "CI-02" in capsys.readouterr().err
