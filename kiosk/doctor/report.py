"""The doctor's report: its shape does not change within one `format`.

Every entry has words for a technician in both languages. Unknown is a result of its own: it
never counts as well, only what the running terminal knew before can speak for a device that
was in use. Nothing here is personal.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT: Final = "kiosk-doctor/1"
Figure = bool | int | float | str


class Result(StrEnum):
    """How an examination ended."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Weight(StrEnum):
    """What it means for residents if this fails."""

    STOPS = "stops"  # the terminal cannot serve
    LIMITS = "limits"  # it serves, but not everybody or not everything
    TELLS = "tells"  # nobody notices


class Verdict(StrEnum):
    """What the terminal can do."""

    SERVES = "serves"
    LIMITED = "limited"
    CANNOT_SERVE = "cannot-serve"
    UNKNOWN = "unknown"


EXIT_STATUS: Final = {
    Verdict.SERVES: 0,
    Verdict.LIMITED: 1,
    Verdict.CANNOT_SERVE: 2,
    Verdict.UNKNOWN: 3,
}


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Said(_Model):
    """One text in both languages."""

    zh: str
    en: str


class StepReport(_Model):
    """One step of a device's self-test."""

    name: str
    result: Result
    code: str = ""
    detail: str = ""
    took_s: float = 0.0
    figures: dict[str, Figure] = {}


class Entry(_Model):
    """Something that was examined. `code`, `what` and `mend` are empty where all is well."""

    name: str
    label: Said
    result: Result
    weight: Weight
    code: str = ""
    what: Said = Said(zh="", en="")
    mend: Said = Said(zh="", en="")
    detail: str = ""
    figures: dict[str, Figure] = {}


class DeviceReport(Entry):
    """One device. `last_known` is what the running terminal knew of one that it did not test."""

    kind: str
    address: str
    serial: str | None = None
    state: str
    severity: Literal["", "notice", "degraded", "out-of-service"] = ""
    recovery: Literal["", "resident", "itself", "reset", "staff"] = ""
    tested: bool
    last_known: bool | None = None
    capabilities: dict[str, Figure | None] = {}
    steps: tuple[StepReport, ...] = ()
    took_s: float = 0.0


class CheckReport(Entry):
    """Something that a terminal needs besides devices."""


class Report(_Model):
    """All of it."""

    format: Literal["kiosk-doctor/1"] = FORMAT
    terminal: str
    asked: Literal["running-terminal", "devices"]
    in_use: bool  # somebody was using the terminal: devices were left alone
    verdict: Verdict
    at: str  # ISO 8601, by this machine's clock
    took_s: Annotated[float, Field(ge=0)]
    devices: tuple[DeviceReport, ...]
    checks: tuple[CheckReport, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Devices and checks."""
        return (*self.devices, *self.checks)

    @property
    def exit_status(self) -> int:
        """What `kiosk doctor` ends with."""
        return EXIT_STATUS[self.verdict]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return self.model_dump(mode="json")


def verdict_of(devices: tuple[DeviceReport, ...], checks: tuple[CheckReport, ...]) -> Verdict:
    """What a terminal with these findings can do."""
    worst = Verdict.SERVES
    for entry in (*devices, *checks):
        worst = max(worst, _verdict(entry), key=_BADNESS.index)
    return worst


_BADNESS: Final = (Verdict.SERVES, Verdict.LIMITED, Verdict.UNKNOWN, Verdict.CANNOT_SERVE)
_BY_WEIGHT: Final = {
    (Result.FAILED, Weight.STOPS): Verdict.CANNOT_SERVE,
    (Result.FAILED, Weight.LIMITS): Verdict.LIMITED,
    (Result.UNKNOWN, Weight.STOPS): Verdict.UNKNOWN,
    (Result.UNKNOWN, Weight.LIMITS): Verdict.LIMITED,
}


def _verdict(entry: Entry) -> Verdict:
    result = entry.result
    if isinstance(entry, DeviceReport) and not entry.tested and entry.last_known is not None:
        result = Result.OK if entry.last_known else Result.FAILED
    return _BY_WEIGHT.get((result, entry.weight), Verdict.SERVES)
