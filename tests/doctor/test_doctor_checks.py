"""What a terminal needs besides devices: each check finds what it is for."""

from __future__ import annotations

import shutil
import socket
import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from doctor_help import backend, confirmed_pack, keys_of, sample_pack

from central_backend import keyring
from config.settings import Backend, Settings
from kiosk.catalogue.errors import CatalogueErrors
from kiosk.catalogue.model import Pack
from kiosk.catalogue_files import load_directory
from kiosk.contract.suites import SealFault
from kiosk.doctor import checks, words
from kiosk.doctor.checks import Found
from kiosk.doctor.report import Result, Weight
from kiosk.journey.visit import Now
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
        assert checks.backend_check(Backend(url=url)).run() == Found()


def test_no_backend() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        assert failed(checks.backend_check(Backend(url=url)).run()) == "DR-08"


@pytest.mark.parametrize(("status", "kind"), [(200, "text/html"), (503, "application/json")])
def test_something_else_than_a_healthy_backend(status: int, kind: str) -> None:
    with backend(status, kind) as url:
        assert failed(checks.backend_check(Backend(url=url)).run()) == "DR-09"


def test_a_backend_of_another_time() -> None:
    with backend(ahead_s=3600) as url:
        found = checks.backend_check(Backend(url=url)).run()
    assert failed(found) == "DR-04"
    assert -3700 < float(found.figures["seconds_ahead"]) < -3500


def test_a_backend_that_hangs_costs_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "BACKEND_DEADLINE_S", 0.3)
    go = threading.Event()
    with backend(hang=go) as url:
        assert failed(checks.backend_check(Backend(url=url)).run()) == "DR-08"
        go.set()


@pytest.mark.parametrize("name", ["authorities", "certificate", "certificate_key"])
def test_a_paper_of_the_line_that_cannot_be_read_is_named(
    tmp_path: Path, papers: tuple[str, str], name: str
) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN NOTHING-----")
    paths = dict(zip(("certificate", "certificate_key"), papers, strict=True))
    for path in (broken, tmp_path / "absent.pem"):
        told = Backend.model_validate({**paths, name: str(path)})
        found = checks.backend_check(told).run()
        assert failed(found) == "DR-18"
        assert name in found.detail
        assert str(tmp_path) not in found.detail


def test_a_certificate_that_ends_soon_is_told_and_does_not_stop(papers: tuple[str, str]) -> None:
    certificate, key = papers
    with backend() as url:
        told = Backend(url=url, authorities=certificate, certificate=certificate,
                       certificate_key=key)  # fmt: skip
        found = checks.backend_check(told).run()
    assert (failed(found), found.weight) == ("DR-19", Weight.TELLS)
    assert found.figures == {"certificate_days": 9}


@pytest.fixture
def papers(tmp_path: Path) -> tuple[str, str]:
    """A certificate of ten days, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "LW042")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=9, hours=12))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    paths = (tmp_path / "own.pem", tmp_path / "own.key")
    for path, pem in zip(
        paths, (made.public_bytes(serialization.Encoding.PEM), private), strict=True
    ):
        path.write_bytes(pem)
    return str(paths[0]), str(paths[1])


# -- sealing ----------------------------------------------------------------------------


def sealed_by(folder: Path, **changes: Any) -> Settings:
    told = {**keys_of(folder), **changes}
    return Settings.model_validate({"data": {"directory": str(folder)}, "sealing": told})


def sealing(settings: Settings, *, days: int = 0, trusted: bool = True) -> Found:
    at = datetime.now(UTC) + timedelta(days=days)
    return checks.sealing_check(settings, lambda: Now(1.0, at, trusted)).run()


def test_keys_that_can_be_used(tmp_path: Path) -> None:
    found = sealing(sealed_by(tmp_path), days=3)
    assert found == Found(figures={"version": 1, "age_days": 3})
    assert not (tmp_path / "keys").exists(), "looking makes no keys"


def test_keys_that_cannot_be_used_are_told_with_their_code(tmp_path: Path) -> None:
    assert failed(sealing(sealed_by(tmp_path, authority_keys=()))) == "DR-16"
    assert failed(sealing(sealed_by(tmp_path, key_set=""))) == "SE-08"
    other = keyring.in_memory(datetime.now(UTC)).authority_pin
    assert failed(sealing(sealed_by(tmp_path, authority_keys=(other,)))) == "SE-06"
    changed = tmp_path / "changed.json"
    kept = (tmp_path / "key-set.json").read_text()
    changed.write_text(kept.replace('"version":1', '"version":2'))
    assert changed.read_text() != kept
    assert failed(sealing(sealed_by(tmp_path, key_set=str(changed)))) == "SE-05"
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "signing-keys.json").write_text("{}")
    assert failed(sealing(sealed_by(tmp_path))) == "SE-09"


def test_an_old_key_set_is_told_and_does_not_stop(tmp_path: Path) -> None:
    settings = sealed_by(tmp_path)
    old = sealing(settings, days=checks.KEY_SET_OLD_DAYS + 2)
    assert (failed(old), old.weight) == ("DR-17", Weight.TELLS)
    doubtful = sealing(settings, days=checks.KEY_SET_OLD_DAYS + 2, trusted=False)
    assert doubtful.result is Result.OK, "a clock that may be wrong says nothing of an age"


def test_every_code_of_sealing_that_stops_a_terminal_has_words() -> None:
    for fault in (SealFault.UNKNOWN_SUITE, SealFault.BAD_KEY, SealFault.BAD_SIGNATURE,
                  SealFault.NOT_PINNED, SealFault.NO_KEY, SealFault.NO_SIGNING_KEY):  # fmt: skip
        assert words.what(fault.code).zh != fault.code
        assert words.mend(fault.code).zh
        assert words.mend(fault.code).en


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
