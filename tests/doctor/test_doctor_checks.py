"""What a terminal needs besides devices: each check finds what it is for."""

from __future__ import annotations

import shutil
import socket
import threading
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from doctor_help import backend, confirmed_pack, sample_pack

from config.settings import Settings
from kiosk.catalogue.errors import CatalogueErrors
from kiosk.catalogue.model import Pack
from kiosk.catalogue_files import load_directory
from kiosk.doctor import checks
from kiosk.doctor.checks import Found
from kiosk.doctor.report import Result, Weight
from kiosk.receipts import fonts
from kiosk.world.clock import BUILT, Clock
from offline_queue import Outbox, QueueError, QueueStatus, State
from offline_queue.errors import QueueFault


def failed(found: Found) -> str:
    assert found.result is Result.FAILED, found
    return found.code


def status_of(**changes: Any) -> QueueStatus:
    return QueueStatus(**{"counts": {}, "oldest_age_s": None, "payload_bytes": 0,
                          "last_acknowledged_at": "", **changes})  # fmt: skip


def test_a_real_outbox(tmp_path: Path) -> None:
    with Outbox.open(tmp_path / "q") as outbox:
        found = checks.outbox_check(lambda: outbox.status().result(5)).run()
    assert (found.result, found.figures) == (Result.OK, {"undelivered": 0})


def test_an_outbox_that_does_not_take_in() -> None:
    assert failed(checks.outbox_check(lambda: status_of(intake_open=False)).run()) == "DR-14"
    refused = checks.outbox_check(lambda: status_of(counts={State.QUARANTINED: 2})).run()
    assert failed(refused) == "DR-15"
    assert refused.weight is Weight.TELLS, "the terminal serves all the same"
    assert refused.figures == {"quarantined": 2}


@pytest.mark.parametrize(
    ("fault", "code"), [(QueueFault.DISK_FULL, "DR-02"), (QueueFault.UNREADABLE, "DR-13")]
)
def test_an_outbox_that_does_not_open(fault: QueueFault, code: str) -> None:
    def status() -> QueueStatus:
        raise QueueError(fault)

    found = checks.outbox_check(status).run()
    assert failed(found) == code
    assert found.detail == fault.code


def test_a_new_terminal_has_no_directory_yet(tmp_path: Path) -> None:
    assert checks.disk_check(tmp_path / "not" / "yet").run().result is Result.OK
    assert list(tmp_path.iterdir()) == [], "a check leaves nothing behind"


def test_a_directory_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert failed(checks.disk_check(tmp_path / "file").run()) == "DR-01"


@pytest.mark.parametrize(
    ("free_mb", "code", "weight"), [(50, "DR-02", None), (500, "DR-03", Weight.LIMITS)]
)
def test_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_mb: int, code: str, weight: Weight | None
) -> None:
    usage = SimpleNamespace(free=free_mb * 1024**2)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    found = checks.disk_check(tmp_path).run()
    assert (failed(found), found.weight) == (code, weight)


def test_a_clock_that_jumped() -> None:
    assert checks.clock_check(Clock(BUILT, wall=lambda: BUILT).now).run().result is Result.OK
    for wrong in (BUILT - timedelta(days=1), BUILT + timedelta(days=4000)):
        clock = Clock(BUILT, wall=partial(_same, wrong))
        assert failed(checks.clock_check(clock.now).run()) == "DR-04"


def _same(wall: datetime) -> datetime:
    return wall


def test_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.fonts_check().run().result is Result.OK
    main, *rare = fonts.SYSTEM_FONTS
    gone = ("Gone", Path("/nowhere/gone.ttf"))
    monkeypatch.setattr(fonts, "SYSTEM_FONTS", (main, gone))
    found = checks.fonts_check().run()
    assert (failed(found), found.weight, found.detail) == ("DR-06", Weight.LIMITS, "gone.ttf")
    monkeypatch.setattr(fonts, "SYSTEM_FONTS", (gone, *rare))
    assert failed(checks.fonts_check().run()) == "DR-05"


def test_pinyin(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.pinyin_check().run().result is Result.OK
    monkeypatch.setattr(checks, "open_pinyin", lambda: None)
    assert failed(checks.pinyin_check().run()) == "DR-07"


def test_a_backend_that_is_well() -> None:
    with backend() as url:
        assert checks.backend_check(url).run() == Found()


def test_no_backend() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        assert failed(checks.backend_check(url).run()) == "DR-08"


@pytest.mark.parametrize(("status", "kind"), [(200, "text/html"), (503, "application/json")])
def test_something_else_than_a_healthy_backend(status: int, kind: str) -> None:
    with backend(status, kind) as url:
        assert failed(checks.backend_check(url).run()) == "DR-09"


def test_a_backend_of_another_time() -> None:
    with backend(ahead_s=3600) as url:
        found = checks.backend_check(url).run()
    assert failed(found) == "DR-04"
    assert -3700 < float(found.figures["seconds_ahead"]) < -3500


def test_a_backend_that_hangs_costs_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "BACKEND_DEADLINE_S", 0.3)
    go = threading.Event()
    with backend(hang=go) as url:
        assert failed(checks.backend_check(url).run()) == "DR-08"
        go.set()


def test_catalogues(tmp_path: Path) -> None:
    assert checks.catalogue_check(confirmed_pack, demo=False).run().result is Result.OK
    found = checks.catalogue_check(sample_pack, demo=False).run()
    assert (failed(found), found.weight) == ("DR-11", Weight.STOPS)
    assert checks.catalogue_check(sample_pack, demo=True).run().weight is Weight.TELLS

    def broken() -> Pack:
        return load_directory(tmp_path / "none")

    with pytest.raises(CatalogueErrors):
        broken()
    assert failed(checks.catalogue_check(broken, demo=False).run()) == "DR-10"


def test_settings_without_a_reader() -> None:
    assert checks.settings_check(Settings()).run() == Found()
    without = Settings.model_validate({"reader": {"kind": "none"}, "printer": {"kind": "none"}})
    found = checks.settings_check(without).run()
    assert (failed(found), found.detail) == ("DR-12", "reader, printer")
