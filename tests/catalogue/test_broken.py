"""One small broken catalogue for every rule: each gives exactly its code, at its line.

A directory under `broken/` is called CODE-what; its files replace those of `broken/base`.
The line that the finding must name ends in `# <- here`; `# <- file` at the top means the
file as a whole. `removed.txt` names files of the base that are not there.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kiosk.catalogue import diagram
from kiosk.catalogue.check import prove
from kiosk.catalogue.errors import CatalogueErrors, Finding, Rule
from kiosk.catalogue.loader import load
from kiosk.catalogue.source import MAX_FILE_CHARS
from kiosk.catalogue_files import load_directory, read_directory

BROKEN = Path(__file__).parent / "broken"
BASE = read_directory(BROKEN / "base")
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
        assert {(one.file, one.line) for one in found} == set(places), found
    else:  # a byte or a file that is missing bears no remark
        assert code in ("CT-01", "CT-12")
    assert all(one.message and one.mend for one in found), found


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


VAGUE = (
    ("zh", "请带有效证件"),
    ("zh", "本人有效身份证件"),
    ("zh", "身份证件"),
    ("zh", "有效的身份证明"),
    ("zh", "其他材料"),
    ("zh", "其它有关材料"),
    ("zh", "其他需要提供的材料"),
    ("zh", "相关证明文件"),
    ("zh", "所需资料"),
    ("zh", "户口簿、结婚证等材料"),
    ("zh", "户口簿等证件"),
    ("en", "A valid ID"),
    ("en", "Bring valid ID."),
    ("en", "Valid identity document"),
    ("en", "Other documents"),
    ("en", "any other relevant paper"),
    ("en", "Household book, etc."),
    ("en", "Household book and so on"),
    ("en", "Supporting documents"),
    ("en", "Papers as required"),
)
CLEAR = (
    ("zh", "居民身份证、户口簿或护照"),
    ("zh", "没过期的身份证"),
    ("zh", "初等证明"),
    ("zh", "证明材料由部门自己查"),
    ("zh", "其他亲戚"),
    ("zh", "《工伤认定材料管理办法》"),
    ("en", "Your own valid ID card"),
    ("en", "Other relatives"),
    ("en", "Proof of the required certificate of health"),
    ("en", "Etched glass"),
)


def codes_with(file: str, old: str, words: str) -> set[str]:
    files = dict(BASE)
    assert old in files[file]
    files[file] = files[file].replace(old, words, 1)
    try:
        load(files)
    except CatalogueErrors as error:
        return {one.code for one in error.findings}
    return set()


@pytest.mark.parametrize(("language", "text"), [*VAGUE, *CLEAR])
def test_a_wording_is_vague_or_clear(language: str, text: str) -> None:
    words = f"{{zh: '{text}', en: Words}}" if language == "zh" else f"{{zh: 一句话, en: '{text}'}}"
    wanted = {"CT-28"} if (language, text) in VAGUE else set()
    assert codes_with("items/abc-001.yaml", "{zh: 请到窗口, en: Go to a counter}", words) == wanted


@pytest.mark.parametrize(
    ("file", "old"),
    [
        ("items/abc-001.yaml", "{zh: 不收钱, en: Free}"),
        ("items/abc-001.yaml", "{zh: 成人, en: Adult}"),
        ("items/abc-001.yaml", "{zh: 满十八岁再来, en: Come when you are 18}"),
        ("materials.yaml", "{zh: 看得清, en: Clear}"),
        ("materials.yaml", "{zh: 请重拍, en: Again please}"),
        ("bundles/bun-001.yaml", "{zh: 本市居民, en: Residents}"),
    ],
)
def test_vague_wording_gets_through_nowhere(file: str, old: str) -> None:
    assert "CT-28" in codes_with(file, old, "{zh: 请带有效证件, en: Bring your papers}")
