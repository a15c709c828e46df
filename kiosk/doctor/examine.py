"""Examines a terminal: all devices and checks side by side, bounded in time.

Ends within the longest deadline plus a second, whatever hangs: what gave no result by then is
unknown. When somebody begins to use the terminal, the devices are left alone at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

from devices.contract import Device, DeviceKind, SelfTest, Step
from devices.contract import Result as StepResult
from devices.worker import Cancel
from kiosk.doctor import words
from kiosk.doctor.checks import Check, Found
from kiosk.doctor.report import (
    CheckReport,
    DeviceReport,
    Figure,
    Report,
    Result,
    Said,
    StepReport,
    Weight,
    verdict_of,
)

DEADLINES_S: Final[Mapping[DeviceKind, float]] = {
    DeviceKind.ID_READER: 8.0,
    DeviceKind.CARD_READER: 8.0,
    DeviceKind.FACE_CAMERA: 45.0,  # loading the models on a machine that is busy
    DeviceKind.INFRARED_CAMERA: 25.0,
    DeviceKind.DOCUMENT_CAMERA: 25.0,
    DeviceKind.PRINTER: 15.0,
    DeviceKind.SCANNER: 5.0,
    DeviceKind.VOICE: 25.0,  # a test sentence in each language, if it is to be heard
}
TEST_PAGE_S: Final = 40.0
CHECK_DEADLINE_S: Final = 45.0  # reading a large catalogue on a machine that is busy
_SPARE_S: Final = 2.0
_LOOK_S: Final = 0.1
_BLACK: Final = "black"


@dataclass(frozen=True, slots=True)
class Examined:
    """A device, what it matters, and what the running terminal knows of it."""

    device: Device
    weight: Weight
    last_known: bool | None = None


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined.

    `in_use` says that somebody uses the terminal, `closing` that it ends and waits for us.
    """

    terminal: str
    asked: Literal["running-terminal", "devices"]
    devices: tuple[Examined, ...]
    checks: tuple[Check, ...]
    in_use: Callable[[], bool] = _never
    closing: Callable[[], bool] = _never
    deadlines_s: Mapping[DeviceKind, float] = field(default_factory=lambda: DEADLINES_S)

    def only(self, name: str) -> Patient:
        """With one device and no checks. Raises NoSuchDevice."""
        chosen = tuple(one for one in self.devices if one.device.identity.name == name)
        if not chosen:
            raise NoSuchDevice(name, tuple(one.device.identity.name for one in self.devices))
        return replace(self, devices=chosen, checks=())

    def close(self) -> None:
        """Let the devices go; shared ones stay as they are."""
        for one in self.devices:
            one.device.close()


class NoSuchDevice(Exception):
    """The settings name no device of this name."""

    code = "DR-30"

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"{self.code} no device {name!r}; there is {', '.join(known)}")


class _Run:
    """One examination on a thread of its own; `told` stays None if it does not end."""

    def __init__(self, name: str, work: Callable[[], SelfTest | Found]) -> None:
        self.told: SelfTest | Found | None = None
        self._work = work
        self._over = threading.Event()
        threading.Thread(target=self._run, name=f"doctor-{name}", daemon=True).start()

    def _run(self) -> None:
        try:
            self.told = self._work()
        except Exception as error:  # noqa: BLE001 - one that fails must not hide the others
            self.told = Found(Result.UNKNOWN, "DR-21", detail=type(error).__name__)
        finally:
            self._over.set()

    def over(self, wait_s: float) -> bool:
        return self._over.wait(max(0.0, wait_s))


def examine(patient: Patient) -> Report:
    """The whole examination; blocks for some seconds, at most for the longest deadline."""
    began_s = time.monotonic()
    in_use = patient.in_use() or patient.closing()
    cancels: list[Cancel] = []
    tests: list[_Run | None] = []
    longest_s = CHECK_DEADLINE_S
    for one in patient.devices:
        if in_use:
            tests.append(None)
            continue
        deadline_s = patient.deadlines_s[one.device.identity.kind]
        longest_s = max(longest_s, deadline_s)
        cancels.append(cancel := Cancel(deadline_s))
        tests.append(_start_test(one.device, cancel))
    checks = [_Run(check.name, check.run) for check in patient.checks]
    until_s = began_s + longest_s + _SPARE_S
    for run in [run for run in tests if run is not None]:
        while not run.over(min(_LOOK_S, until_s - time.monotonic())):
            if not in_use and (patient.in_use() or patient.closing()):
                in_use = True
                for cancel in cancels:
                    cancel.cancel()
            if time.monotonic() >= until_s:
                break
    # A camera's test leaves by itself when somebody comes, maybe sooner than is seen here.
    in_use = in_use or (any(map(_left, tests)) and patient.in_use())
    for run in checks:
        _await_check(run, began_s + CHECK_DEADLINE_S, patient.closing)
    devices = tuple(
        _device_report(one, run, in_use) for one, run in zip(patient.devices, tests, strict=True)
    )
    reports = tuple(
        _check_report(check, run) for check, run in zip(patient.checks, checks, strict=True)
    )
    return Report(
        terminal=patient.terminal,
        asked=patient.asked,
        in_use=in_use,
        verdict=verdict_of(devices, reports),
        at=datetime.now().astimezone().isoformat(timespec="seconds"),
        took_s=round(time.monotonic() - began_s, 2),
        devices=devices,
        checks=reports,
    )


def _await_check(run: _Run, until_s: float, closing: Callable[[], bool]) -> None:
    while not run.over(min(_LOOK_S, until_s - time.monotonic())):
        if closing() or time.monotonic() >= until_s:
            return


def _start_test(device: Device, cancel: Cancel) -> _Run:
    return _Run(device.identity.name, lambda: device.self_test(cancel))


def _left(run: _Run | None) -> bool:
    told = run.told if run is not None else None
    return isinstance(told, SelfTest) and told.result is StepResult.UNKNOWN


def _device_report(one: Examined, run: _Run | None, in_use: bool) -> DeviceReport:
    device, told = one.device, run.told if run is not None else None
    identity = device.identity
    test = told if isinstance(told, SelfTest) else None
    result = Result(test.result.value) if test is not None else Result.UNKNOWN
    fault = test.fault if test is not None else None
    steps = test.steps if test is not None else ()
    tested = any(step.result is not StepResult.UNKNOWN or step.took_s for step in steps)
    if in_use and result is Result.UNKNOWN:
        tested = False
    code = fault.code if fault is not None else ""
    if result is Result.UNKNOWN:
        code = "DR-20" if in_use else "DR-22" if _is_black(steps) else "DR-21"
    return DeviceReport(
        name=identity.name,
        label=words.label(identity.name),
        kind=identity.kind.value,
        address=identity.address,
        serial=identity.serial,
        state=device.status.state.value,
        result=result,
        weight=one.weight,
        code=code,
        what=_said(words.what, code),
        mend=_said(words.mend, code),
        severity=fault.severity.value if fault is not None else "",
        recovery=fault.recovery.value if fault is not None else "",
        detail="; ".join(step.detail for step in steps if step.detail and _worth_saying(step)),
        tested=tested,
        last_known=one.last_known,
        capabilities=device.capabilities.told(),
        figures=test.figures if test is not None else {},
        steps=tuple(_step_report(step) for step in steps),
        took_s=round(test.took_s, 2) if test is not None else 0.0,
    )


def _worth_saying(step: Step) -> bool:
    return "not reached" not in step.detail and step.name not in ("port", "sam-id")


def _is_black(steps: tuple[Step, ...]) -> bool:
    return any(_BLACK in step.detail for step in steps if step.result is StepResult.UNKNOWN)


def _step_report(step: Step) -> StepReport:
    figures: dict[str, Figure] = dict(step.figures)
    return StepReport(
        name=step.name,
        result=Result(step.result.value),
        code=step.fault.code if step.fault is not None else "",
        detail=step.detail,
        took_s=round(step.took_s, 3),
        figures=figures,
    )


def _check_report(check: Check, run: _Run) -> CheckReport:
    told = run.told
    found = told if isinstance(told, Found) else Found(Result.UNKNOWN, "DR-21", detail="too slow")
    return CheckReport(
        name=check.name,
        label=words.label(check.name),
        result=found.result,
        weight=found.weight or check.weight,
        code=found.code,
        what=_said(words.what, found.code),
        mend=_said(words.mend, found.code),
        detail=found.detail,
        figures=found.figures,
    )


def _said(table: Callable[[str], Said], code: str) -> Said:
    return table(code) if code else Said(zh="", en="")
