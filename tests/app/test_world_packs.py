"""A pack that is installed while the terminal runs takes service; one that is no good does not."""

from __future__ import annotations

import queue
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import pytest
from shipped import shipped_pack

from kiosk.catalogue.model import Confirmation, Pack
from kiosk.catalogue.pack import Certificate, Proven, build, content_hash
from kiosk.cli import main
from kiosk.journey.events import CatalogueRenewed, Event
from kiosk.pack_files import CURRENT, PackDirectory
from kiosk.world.packs import PackWatch

WAIT_S = 30.0
PROVEN = Certificate((Proven("SB-001", 0, 1, 0, 1),))


def confirmed(version: int, *, sample: bool = False) -> Pack:
    """One certificate of the shipped catalogue."""
    shipped = shipped_pack()
    stamp = None if sample else Confirmation("test", date(2026, 1, 1))
    item = replace(shipped.items["SB-001"], confirmed=stamp, version=version)
    matter = replace(shipped.matters["SB-001"], sample=sample)
    pack = replace(
        shipped, items={"SB-001": item}, bundles={}, matters={"SB-001": matter}, plain=()
    )
    return replace(pack, hash=content_hash(pack))


@pytest.fixture(scope="module")
def packs() -> dict[str, bytes]:
    made = {"first": confirmed(1), "second": confirmed(2), "sample": confirmed(3, sample=True)}
    return {name: build(pack, PROVEN) for name, pack in made.items()}


def test_only_another_good_pack_takes_service(tmp_path: Path, packs: dict[str, bytes]) -> None:
    directory = PackDirectory(tmp_path)
    directory.install(packs["first"])
    told: queue.Queue[Event] = queue.Queue()
    watch = PackWatch(directory, told.put, dict)
    watch.look()
    watch.close(WAIT_S)
    assert told.empty()
    second = directory.install(packs["second"])
    watch.look()
    event = told.get(timeout=WAIT_S)
    assert isinstance(event, CatalogueRenewed)
    assert event.pack == second
    assert event.find("shebao") == ("SB-001",)
    watch.close(WAIT_S)
    (tmp_path / CURRENT).write_bytes(packs["first"][:-1])
    watch.look()
    watch.close(WAIT_S)
    directory.install(packs["sample"])
    watch.look()
    watch.close(WAIT_S)
    assert told.empty()


def test_a_new_pack_is_searched_by_what_is_used_here(
    tmp_path: Path, packs: dict[str, bytes]
) -> None:
    shipped = shipped_pack()
    stamp = Confirmation("test", date(2026, 1, 1))
    items = {
        code: replace(shipped.items[code], confirmed=stamp, use_rank=0)
        for code in ("SB-001", "SB-004")
    }
    matters = {code: replace(shipped.matters[code], sample=False) for code in items}
    both = replace(shipped, items=items, bundles={}, matters=matters, plain=())
    both = replace(both, hash=content_hash(both))
    for used in (["SB-001", "SB-004"], ["SB-004", "SB-001"]):
        directory = PackDirectory(tmp_path / used[0])
        directory.install(packs["first"])
        told: queue.Queue[Event] = queue.Queue()
        watch = PackWatch(directory, told.put, partial(dict, {used[0]: 5, used[1]: 2}))
        directory.install(build(both, Certificate((*PROVEN.rows, Proven("SB-004", 0, 1, 0, 1)))))
        watch.look()
        event = told.get(timeout=WAIT_S)
        assert isinstance(event, CatalogueRenewed)
        assert list(event.find("证明")) == used
        watch.close(WAIT_S)


def test_a_terminal_does_not_start_from_a_broken_pack_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / CURRENT).write_bytes(b"nothing")
    settings = tmp_path / "settings.toml"
    settings.write_text(f'[catalogue]\npacks = "{tmp_path}"\n')
    assert main(["run", "--settings", str(settings)]) == 3
    assert "CP-01" in capsys.readouterr().err


def test_samples_in_a_pack_do_not_serve(
    tmp_path: Path, packs: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    PackDirectory(tmp_path).install(packs["sample"])
    settings = tmp_path / "settings.toml"
    settings.write_text(f'[catalogue]\npacks = "{tmp_path}"\n')
    assert main(["run", "--settings", str(settings)]) == 3
    assert "ST-02" in capsys.readouterr().err
