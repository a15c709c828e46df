"""One small broken catalogue for every rule: each gives exactly its code, at its line.

A directory under `broken/` is called CODE-what; its files replace those of `broken/base`.
The line that the finding must name ends in `# <- here`; `# <- file` at the top means the
file as a whole. `removed.txt` names files of the base that are not there.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from kiosk.catalogue import diagram
from kiosk.catalogue.check import prove
from kiosk.catalogue.errors import CatalogueErrors, Finding, Rule
from kiosk.catalogue.source import MAX_FILE_CHARS
from kiosk.catalogue_files import load_directory

BROKEN = Path(__file__).parent / "broken"
EXAMPLES = sorted(path.name for path in BROKEN.iterdir() if path.name != "base")


def findings_of(directory: Path) -> tuple[Finding, ...]:
    try:
        return prove(load_directory(directory)).findings
    except CatalogueErrors as error:
        return error.findings


def laid_out(example: str, directory: Path) -> Path:
    shutil.copytree(BROKEN / "base", directory, dirs_exist_ok=True)
    shutil.copytree(BROKEN / example, directory, dirs_exist_ok=True)
    removed = directory / "removed.txt"
    if removed.exists():
        for name in removed.read_text().split():
            (directory / name).unlink()
        removed.unlink()
    return directory


def marked(example: str) -> list[tuple[str, int]]:
    places = []
    for path in sorted((BROKEN / example).rglob("*")):
        if path.is_dir() or path.name == "removed.txt":
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.split("\n"), 1):
            if line.startswith("# <- file"):
                places.append((path.relative_to(BROKEN / example).as_posix(), 0))
            elif "# <- here" in line:
                places.append((path.relative_to(BROKEN / example).as_posix(), number))
    return places


def test_the_base_is_right(tmp_path: Path) -> None:
    shutil.copytree(BROKEN / "base", tmp_path, dirs_exist_ok=True)
    assert findings_of(tmp_path) == ()


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_gives_exactly_its_code_at_its_line(example: str, tmp_path: Path) -> None:
    code = example[:5]
    found = findings_of(laid_out(example, tmp_path))
    assert {one.code for one in found} == {code}, found
    places = marked(example)
    if places:
        assert {(one.file, one.line) for one in found} <= set(places), found
    assert all(one.message for one in found)


def test_every_rule_has_its_example() -> None:
    made_here = {"CT-02", "CT-88"}  # too large to keep: see below
    assert {example[:5] for example in EXAMPLES} == {rule.code for rule in Rule} - made_here


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    shutil.copytree(BROKEN / "base", tmp_path, dirs_exist_ok=True)
    text = "x: " + "y" * MAX_FILE_CHARS
    (tmp_path / "items" / "abc-003.yaml").write_text(text)
    assert {one.code for one in findings_of(tmp_path)} == {"CT-02"}
    with (tmp_path / "items" / "abc-003.yaml").open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    assert {one.code for one in findings_of(tmp_path)} == {"CT-02"}


def test_an_item_too_large_to_prove_is_refused_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(BROKEN / "base", tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(diagram, "MAX_STEPS", 2)
    found = findings_of(tmp_path)
    assert {one.code for one in found} == {"CT-88"}
    assert any("split it at 'for_whom'" in one.mend for one in found)


def test_every_finding_tells_how_to_mend_it(tmp_path: Path) -> None:
    silent = []
    for example in EXAMPLES:
        found = findings_of(laid_out(example, tmp_path / example))
        silent += [str(one) for one in found if not one.mend]
    assert [one for one in silent if not re.search("CT-(03|08)", one)] == []
