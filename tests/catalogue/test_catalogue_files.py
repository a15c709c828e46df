"""The directory: files in, a pack or coded findings out, and the check command's answer."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from catalogue_sample import FILES

from kiosk.catalogue.errors import CatalogueErrors, Finding
from kiosk.catalogue.loader import load
from kiosk.catalogue.source import MAX_FILE_CHARS
from kiosk.catalogue_files import check_command, format_findings, load_directory, read_directory


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def codes(path: Path) -> list[tuple[str, str, int]]:
    with pytest.raises(CatalogueErrors) as caught:
        read_directory(path)
    return [(one.code, one.file, one.line) for one in caught.value.findings]


def test_a_directory_is_a_pack(directory: Path) -> None:
    (directory / ".hidden").write_text("x")
    assert dict(read_directory(directory)) == FILES
    assert load_directory(directory).hash == load(FILES).hash


def test_a_mark_at_the_beginning_and_foreign_line_ends_change_nothing(directory: Path) -> None:
    text = FILES["items/trv-001.yaml"].replace("\n", "\r\n")
    (directory / "items/trv-001.yaml").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert load_directory(directory).hash == load(FILES).hash


def test_what_is_not_utf8_is_told_with_its_line(directory: Path) -> None:
    (directory / "items/trv-001.yaml").write_bytes("code: x\nname: 港澳".encode("gb18030"))
    assert codes(directory) == [("CT-01", "items/trv-001.yaml", 2)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "gb18030", "big5", "cp037"])
def test_no_other_encoding_is_taken_for_utf8(directory: Path, encoding: str) -> None:
    text = FILES["items/trv-001.yaml"].replace("签注", "簽註")
    (directory / "items/trv-001.yaml").write_bytes(text.encode(encoding, "replace"))
    with pytest.raises(CatalogueErrors) as caught:
        load_directory(directory)
    assert {one.code for one in caught.value.findings} <= {"CT-01", "CT-04"}


def test_missing_directories_and_stray_files_are_told(directory: Path, tmp_path: Path) -> None:
    assert codes(tmp_path / "nowhere")[0][0] == "CT-12"
    (directory / "items/notes.txt").write_text("x")
    (directory / "items/link.yaml").symlink_to(directory / "groups.yaml")
    assert codes(directory) == [
        ("CT-11", "items/link.yaml", 0),
        ("CT-11", "items/notes.txt", 0),
    ]


def test_an_empty_directory_lacks_its_items(tmp_path: Path) -> None:
    assert codes(tmp_path) == [("CT-12", "items", 0)]


def test_a_file_far_too_large_is_not_even_read(directory: Path) -> None:
    (directory / "items/trv-001.yaml").write_bytes(b"x" * (4 * MAX_FILE_CHARS + 1))
    assert codes(directory) == [("CT-02", "items/trv-001.yaml", 0)]


def test_findings_are_one_line_each() -> None:
    finding = Finding("items/a.yaml", 3, "kind", "CT-23", "'x' is not known", "allowed: apply")
    assert format_findings([finding]) == (
        "items/a.yaml:3: CT-23 kind: 'x' is not known — allowed: apply"
    )


def test_the_command_answers_with_a_table(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_command(directory) == 0
    out = capsys.readouterr().out
    assert "TRV-001" in out
    assert "3 items, 1 bundles" in out


def test_the_command_refuses_what_does_not_load_or_is_not_proven(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = directory / "items/trv-001.yaml"
    path.write_text(FILES["items/trv-001.yaml"].replace("{under: 16}", "{under: 15}"))
    assert check_command(directory) == 1
    assert "CT-80" in capsys.readouterr().err
    path.write_text("x: [")
    assert check_command(directory) == 1
    assert "items/trv-001.yaml:1: CT-03" in capsys.readouterr().err
    assert check_command(directory / "nowhere") == 1


def test_of_several_versions_the_one_in_force_is_read_and_all_are_proven(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = directory / "items/trv-001.yaml"
    old = FILES["items/trv-001.yaml"]
    begin = next(line for line in old.split("\n") if line.startswith("effective:"))
    new = old.replace(begin, "effective: {from: 2027-01-01}").replace("version: 1", "version: 2")
    assert new.count("version: 2") == 1
    path.write_text(old.replace(begin, "effective: {from: 2026-01-01, until: 2026-12-31}"))
    (directory / "items/trv-001.v2.yaml").write_text(new)
    for day, version in ((date(2025, 1, 1), 1), (date(2026, 12, 31), 1), (date(2027, 1, 1), 2)):
        assert load_directory(directory, day).items["TRV-001"].version == version
    assert check_command(directory, date(2026, 6, 1)) == 0
    assert "from 2027-01-01: " in capsys.readouterr().out
    # What is wrong with the version that is still to come is told today, and so is the other way.
    for broken in (path, directory / "items/trv-001.v2.yaml"):
        right = broken.read_text()
        broken.write_text(right.replace("{under: 16}", "{under: 15}"))
        assert check_command(directory, date(2026, 6, 1)) == 1
        assert f"items/{broken.name}" in capsys.readouterr().err
        broken.write_text(right)
