"""The compiled catalogue of a demo: what the files say, or time lost and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from catalogue_sample import FILES

from kiosk.catalogue.errors import CatalogueErrors
from kiosk.demo.prepared import CACHE, cache_directory, prepare


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    made = tmp_path / "catalogue"
    for name, text in FILES.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(text, encoding="utf-8")
    return made


def test_it_is_compiled_once_and_gives_the_same(catalogue: Path, tmp_path: Path) -> None:
    first = prepare(catalogue, tmp_path / "cache")
    assert first.readings is None
    first.keep()
    second = prepare(catalogue, tmp_path / "cache")
    assert second.readings is not None
    assert second.pack == first.pack
    second.keep()
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_an_edited_catalogue_is_another(catalogue: Path, tmp_path: Path) -> None:
    prepare(catalogue, tmp_path / "cache").keep()
    file = catalogue / "departments.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "# looked over\n", encoding="utf-8")
    edited = prepare(catalogue, tmp_path / "cache")
    assert edited.readings is None
    edited.keep()
    assert len(list((tmp_path / "cache").iterdir())) == 1, "what was compiled before is gone"


def test_a_broken_catalogue_is_never_kept(catalogue: Path, tmp_path: Path) -> None:
    (catalogue / "departments.yaml").write_text("- {", encoding="utf-8")
    with pytest.raises(CatalogueErrors):
        prepare(catalogue, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_damaged_cache_and_one_that_cannot_be_written_cost_time_only(
    catalogue: Path, tmp_path: Path
) -> None:
    prepare(catalogue, tmp_path / "cache").keep()
    (kept,) = (tmp_path / "cache").iterdir()
    kept.write_bytes(kept.read_bytes()[:-1] + b"?")
    again = prepare(catalogue, tmp_path / "cache")
    assert again.pack.items
    again.keep()
    assert prepare(catalogue, tmp_path / "cache").readings is not None
    nowhere = kept / "cache"  # below a file
    prepare(catalogue, nowhere).keep()
    assert prepare(catalogue, nowhere).readings is None


def test_where_it_lies() -> None:
    assert cache_directory({CACHE: "/a"}) == Path("/a")
    assert cache_directory({"XDG_CACHE_HOME": "/b", "HOME": "/h"}) == Path("/b/ou-kiosk")
    assert cache_directory({"HOME": "/h"}) == Path("/h/.cache/ou-kiosk")
