"""What a terminal needs besides devices. Each check ends in one finding and changes nothing.

A check may block for as long as its deadline; `kiosk.doctor.examine` runs each on a thread of
its own and goes on without one that hangs.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from config.settings import Backend, Settings
from devices.pinyin import open_pinyin
from kiosk.catalogue.errors import CatalogueErrors
from kiosk.catalogue.model import Pack
from kiosk.contract.suites import SealError, SuiteId, attach
from kiosk.doctor.report import Figure, Result, Weight
from kiosk.journey.visit import Now
from kiosk.sealing import KEYS, kept_key_set
from offline_queue import QueueError, QueueStatus, State
from offline_queue.answers import Trouble
from offline_queue.errors import QueueFault
from offline_queue.wire import Wire, WireSettings

DISK_LEAST_BYTES: Final = 100 * 1024**2
"""Below this, one application with photographs and its journal may not fit."""
DISK_LOW_BYTES: Final = 1024**3
"""A month of a busy terminal without a line."""
BACKEND_DEADLINE_S: Final = 6.0
_CLOCKS_APART_S: Final = 120.0
KEY_SET_OLD_DAYS: Final = 400
"""Keys are changed once a year; a set older than that has not heard of it."""
CERTIFICATE_ENDS_DAYS: Final = 30
"""A technician comes once a month."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found. `code` says what is wrong, `weight` how much that matters."""

    result: Result = Result.OK
    code: str = ""
    weight: Weight | None = None  # None: the check's own
    detail: str = ""
    figures: dict[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """One check; `run` may raise anything, which is then unknown."""

    name: str
    weight: Weight
    run: Callable[[], Found]


def _bad(code: str, detail: str = "", weight: Weight | None = None, **figures: Figure) -> Found:
    return Found(Result.FAILED, code, weight, detail, dict(figures))


def settings_check(settings: Settings) -> Check:
    """Whether a reader, a camera and a printer are named, without which nothing starts."""

    def run() -> Found:
        parts = ("reader", "camera", "printer")
        missing = [name for name in parts if getattr(settings, name).kind == "none"]
        return _bad("DR-12", ", ".join(missing)) if missing else Found()

    return Check("settings", Weight.STOPS, run)


def disk_check(directory: Path) -> Check:
    """Free space where applications are kept, and whether that can be written."""

    def run() -> Found:
        there = _nearest(directory)
        try:
            free = shutil.disk_usage(there).free
            _write(there)
        except OSError as error:
            return _bad("DR-01", os.strerror(error.errno or 0))
        free_mb = free // 1024**2
        if free < DISK_LEAST_BYTES:
            return _bad("DR-02", free_mb=free_mb)
        if free < DISK_LOW_BYTES:
            return _bad("DR-03", weight=Weight.LIMITS, free_mb=free_mb)
        return Found(figures={"free_mb": free_mb})

    return Check("disk", Weight.STOPS, run)


def _nearest(directory: Path) -> Path:
    """The directory itself, or the nearest above that exists: a new terminal has none yet."""
    for place in (directory, *directory.parents):
        if place.exists():
            return place
    return Path("/")


def _write(directory: Path) -> None:
    """A file that is there for a moment, on the disk and not only in memory."""
    with tempfile.TemporaryFile(dir=directory) as probe:
        probe.write(b"doctor")
        probe.flush()
        os.fsync(probe.fileno())


def outbox_check(status: Callable[[], QueueStatus | None]) -> Check:
    """The outbox opens and takes in. `status` gives None where there is none yet."""

    def run() -> Found:
        try:
            told = status()
        except QueueError as error:
            full = error.fault is QueueFault.DISK_FULL
            return _bad("DR-02" if full else "DR-13", error.fault.code)
        if told is None:
            return Found(detail="none yet: the first start makes it", figures={"undelivered": 0})
        if not told.intake_open:
            return _bad("DR-14")
        refused = told.counts.get(State.QUARANTINED, 0)
        if refused:
            return _bad("DR-15", weight=Weight.TELLS, quarantined=refused)
        return Found(figures={"undelivered": told.undelivered})

    return Check("outbox", Weight.STOPS, run)


def clock_check(now: Callable[[], Now]) -> Check:
    """Whether the wall clock can be believed."""

    def run() -> Found:
        told = now()
        return Found() if told.trusted else _bad("DR-04", told.civil.isoformat(timespec="minutes"))

    return Check("clock", Weight.LIMITS, run)


def fonts_check() -> Check:
    """The fonts that receipts are set in."""

    def run() -> Found:
        from kiosk.receipts.fonts import SYSTEM_FONTS  # loads reportlab

        (_, main), *rare = SYSTEM_FONTS
        if not main.is_file():
            return _bad("DR-05", main.name)
        missing = [path.name for _, path in rare if not path.is_file()]
        return _bad("DR-06", ", ".join(missing), Weight.LIMITS) if missing else Found()

    return Check("fonts", Weight.STOPS, run)


def pinyin_check() -> Check:
    """The pinyin library, in a child process of its own."""

    def run() -> Found:
        pinyin = open_pinyin()
        if pinyin is None:
            return _bad("DR-07")
        try:
            works = bool(pinyin.candidates("wenzhou"))
        finally:
            pinyin.close()
        return Found() if works else _bad("DR-07", "no candidates")

    return Check("pinyin", Weight.LIMITS, run)


def sealing_check(settings: Settings, now: Callable[[], Now]) -> Check:
    """Whether there is a key of the backend to seal to, signed by who the settings pin."""

    def run() -> Found:
        told, here = settings.sealing, now()
        if not told.authority_keys:
            return _bad("DR-16")
        try:
            attach(told.module)
            kept = kept_key_set(
                Path(settings.data.directory) / KEYS,
                SuiteId(told.suite),
                told.authority_keys,
                Path(told.key_set) if told.key_set else None,
            )
        except SealError as error:
            return _bad(error.code, error.detail)
        age_days = (here.civil - kept.issued_at).days
        figures: dict[str, Figure] = {"version": kept.version, "age_days": age_days}
        if here.trusted and age_days > KEY_SET_OLD_DAYS:
            return Found(Result.FAILED, "DR-17", Weight.TELLS, figures=figures)
        return Found(figures=figures)

    return Check("sealing", Weight.LIMITS, run)


def backend_check(backend: Backend) -> Check:
    """Whether the backend answers, in the way in which the terminal asks it, and whether its
    clock and ours agree."""

    def run() -> Found:
        found = _own_papers(backend)
        if found.result is not Result.OK:
            return found
        pair = (backend.certificate, backend.certificate_key)
        wire = Wire(
            WireSettings(
                backend.url,
                connect_timeout_s=3.0,
                read_timeout_s=3.0,
                total_timeout_s=BACKEND_DEADLINE_S,
                user_agent="doctor/1",
                verify=backend.authorities or True,
                certificate=pair if backend.certificate else None,
            )
        )
        try:
            answer = wire.request("GET", "/v1/health")
        finally:
            wire.close()
        if answer.trouble is not Trouble.NONE:
            return _bad("DR-08", answer.detail or answer.trouble.value)
        if answer.status != 200 or "json" not in answer.media_type:
            return _bad("DR-09", f"{answer.status} {answer.media_type}")
        apart_s = _clocks_apart_s(answer.date)
        if apart_s is not None and abs(apart_s) > _CLOCKS_APART_S:
            return _bad("DR-04", f"{apart_s:.0f} s from the backend's", seconds_ahead=apart_s)
        ends_days = found.figures.get("certificate_days")
        if isinstance(ends_days, int) and ends_days < CERTIFICATE_ENDS_DAYS:
            return Found(Result.FAILED, "DR-19", Weight.TELLS, figures=found.figures)
        return found

    return Check("backend", Weight.LIMITS, run)


def _own_papers(backend: Backend) -> Found:
    """Whether the PEM files that the settings name can be read, and how long they count."""
    figures: dict[str, Figure] = {}
    for name in ("authorities", "certificate", "certificate_key"):
        path = getattr(backend, name)
        if not path:
            continue
        try:
            pem = Path(path).read_bytes()
            if name == "certificate_key":
                load_pem_private_key(pem, None)
                continue
            held = load_pem_x509_certificates(pem)
        except (OSError, ValueError, TypeError) as error:
            return _bad("DR-18", f"[backend] {name}: {type(error).__name__}")
        if name == "certificate":
            figures["certificate_days"] = (held[0].not_valid_after_utc - datetime.now(UTC)).days
    return Found(figures=figures)


def _clocks_apart_s(date: str) -> float | None:
    try:
        theirs = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return None
    if theirs.tzinfo is None:
        return None
    return round((datetime.now(UTC) - theirs).total_seconds())


def catalogue_check(pack: Callable[[], Pack], *, demo: bool) -> Check:
    """Whether there is a catalogue, and whether authorities have confirmed all of it."""

    def run() -> Found:
        try:
            read = pack()
        except CatalogueErrors as error:
            return _bad("DR-10", f"{len(error.findings)} errors")
        samples = sum(1 for matter in read.matters.values() if matter.sample)
        figures: dict[str, Figure] = {"items": len(read.items), "samples": samples}
        if samples:
            weight = Weight.TELLS if demo else Weight.STOPS
            return Found(Result.FAILED, "DR-11", weight, figures=figures)
        return Found(figures=figures)

    return Check("catalogue", Weight.STOPS, run)
