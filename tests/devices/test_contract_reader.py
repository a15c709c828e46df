"""The contract of devices, kept by a SAM-V reader on a simulated wire."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError

import pytest

from devices.adapters.hotplug import HotplugMonitor
from devices.adapters.samv import SamvDevice
from devices.contract import (
    GRACE_S,
    Device,
    DeviceState,
    DeviceStatus,
    Finding,
    Probe,
    Result,
    state_after,
)
from devices.errors import DeviceError, Fault, Severity
from devices.samv.driver import SamvReader
from devices.samv.protocol import Command
from devices.simulators.samv import SAM_ID_TEXT, SamvSimulator
from devices.worker import Cancel, DeviceWorker, Failed, Outcome, Succeeded

WAIT_S = 20.0


class Changes:
    """Every status that a device told."""

    def __init__(self, device: Device) -> None:
        self.heard: list[DeviceStatus] = []
        self._news = threading.Condition()
        self.stop = device.listen(self._hear)

    def _hear(self, status: DeviceStatus) -> None:
        with self._news:
            self.heard.append(status)
            self._news.notify_all()

    def wait(self, state: DeviceState) -> DeviceStatus:
        def found() -> DeviceStatus | None:
            return next((told for told in self.heard if told.state is state), None)

        with self._news:
            assert self._news.wait_for(lambda: found() is not None, WAIT_S), self.heard
            told = found()
        assert told is not None
        return told

    def forget(self) -> None:
        with self._news:
            self.heard.clear()


@pytest.fixture
def simulator() -> Iterator[SamvSimulator]:
    with SamvSimulator() as running:
        yield running


@pytest.fixture
def reader(simulator: SamvSimulator) -> Iterator[SamvDevice]:
    driver = SamvReader(simulator.port, reply_deadline_s=0.3, quiet_s=0.05)
    device = SamvDevice(driver, simulator.port)
    yield device
    device.close()


def test_a_new_device_is_unknown_and_not_fine(reader: SamvDevice) -> None:
    assert reader.status.state is DeviceState.UNKNOWN
    assert reader.identity.serial is None
    assert reader.capabilities.portrait is None, "no decoder was named: not known"
    assert reader.capabilities.told()["notices_removal"] is False
    with pytest.raises(FrozenInstanceError):
        reader.capabilities.sam_id = False  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        reader.status.state = DeviceState.ONLINE  # type: ignore[misc]


def test_opening_asks_and_tells(reader: SamvDevice) -> None:
    changes = Changes(reader)
    reader.open()
    online = changes.wait(DeviceState.ONLINE)
    assert [told.state for told in changes.heard] == [DeviceState.STARTING, DeviceState.ONLINE]
    assert reader.status == online
    assert reader.status.since_s <= time.monotonic()


def test_the_self_test_reads_the_sam_id(reader: SamvDevice, simulator: SamvSimulator) -> None:
    told = reader.self_test(Cancel(WAIT_S))
    assert told.result is Result.OK
    assert told.fault is None
    assert [step.name for step in told.steps] == ["port", "sam-status", "sam-id"]
    assert told.figures["sam_id"] == SAM_ID_TEXT == reader.identity.serial
    assert reader.status.state is DeviceState.ONLINE
    assert simulator.commands == (Command.STATUS, Command.SAM_ID)


def test_no_reader_fails_the_first_step_and_leaves_the_rest_unknown(
    reader: SamvDevice, simulator: SamvSimulator
) -> None:
    simulator.vanish()
    told = reader.self_test(Cancel(WAIT_S))
    assert (told.result, told.fault) == (Result.FAILED, Fault.READER_ABSENT)
    results = [step.result for step in told.steps]
    assert results == [Result.FAILED, Result.UNKNOWN, Result.UNKNOWN]
    assert "not reached" in told.steps[2].detail
    assert reader.status.state is DeviceState.ABSENT


def test_a_failed_sam_is_broken_and_staff_mends_it(
    reader: SamvDevice, simulator: SamvSimulator
) -> None:
    simulator.answer(Command.STATUS, 0x60)
    told = reader.self_test(Cancel(WAIT_S))
    assert told.fault is Fault.READER_SAM_FAILED
    assert reader.status.state is DeviceState.BROKEN
    assert reader.status.fault is Fault.READER_SAM_FAILED


def test_a_damaged_line_is_reset_and_then_fine(
    reader: SamvDevice, simulator: SamvSimulator
) -> None:
    simulator.bad_checksum(1, command=Command.STATUS)
    told = reader.self_test(Cancel(WAIT_S))
    assert told.result is Result.OK
    assert told.figures["resets"] == 1
    asked = (Command.STATUS, Command.RESET, Command.STATUS, Command.SAM_ID)
    assert simulator.commands == asked
    assert "reset" in told.steps[1].detail


def test_a_mute_reader_ends_within_the_deadline(
    reader: SamvDevice, simulator: SamvSimulator
) -> None:
    simulator.stall()
    began_s = time.monotonic()
    told = reader.self_test(Cancel(1.5))
    assert time.monotonic() - began_s < 1.5 + 2 * GRACE_S
    assert told.result is Result.FAILED
    assert told.fault in (Fault.READER_SILENT, Fault.DEADLINE)
    assert reader.status.state is not DeviceState.ONLINE


def test_a_cancel_is_not_a_failure(reader: SamvDevice, simulator: SamvSimulator) -> None:
    cancel = Cancel(WAIT_S)
    cancel.cancel()
    told = reader.self_test(cancel)
    assert told.result is Result.UNKNOWN
    assert told.fault is None
    assert simulator.commands == ()


def test_a_shared_worker_and_its_driver_are_left_alone(simulator: SamvSimulator) -> None:
    worker = DeviceWorker("shared", unexpected=Fault.READER_ABSENT)
    driver = SamvReader(simulator.port)
    device = SamvDevice(driver, simulator.port, worker=worker)
    assert device.self_test(Cancel(WAIT_S)).result is Result.OK
    device.close()
    outcome: list[Outcome[str]] = []
    over = threading.Event()

    def done(told: Outcome[str]) -> None:
        outcome.append(told)
        over.set()

    worker.submit(lambda _: driver.sam_id(), deadline_s=WAIT_S, done=done)
    assert over.wait(WAIT_S)
    assert outcome == [Succeeded(SAM_ID_TEXT)]
    worker.close()
    driver.close()


def test_a_command_shows_as_busy_and_ends_in_one_outcome(reader: SamvDevice) -> None:
    changes = Changes(reader)
    begun, go, over = threading.Event(), threading.Event(), threading.Event()
    outcomes: list[Outcome[int]] = []

    def command(cancel: Cancel) -> int:
        begun.set()
        assert go.wait(WAIT_S)
        return 7

    def done(outcome: Outcome[int]) -> None:
        outcomes.append(outcome)
        over.set()

    reader.submit(command, deadline_s=WAIT_S, done=done)
    assert begun.wait(WAIT_S)
    assert reader.status.state is DeviceState.BUSY
    go.set()
    assert over.wait(WAIT_S)
    assert outcomes == [Succeeded(7)]
    assert [told.state for told in changes.heard] == [DeviceState.BUSY, DeviceState.ONLINE]


def test_what_a_notice_says_is_of_the_card_and_not_of_the_reader(reader: SamvDevice) -> None:
    over = threading.Event()

    def command(cancel: Cancel) -> None:
        raise DeviceError(Fault.CARD_REMOVED)

    reader.submit(command, deadline_s=WAIT_S, done=lambda _: over.set())
    assert over.wait(WAIT_S)
    assert reader.status.state is DeviceState.ONLINE
    assert reader.status.fault is Fault.CARD_REMOVED


def test_after_close_commands_are_refused(reader: SamvDevice) -> None:
    reader.close()
    with pytest.raises(DeviceError) as caught:
        reader.submit(lambda _: None, deadline_s=1.0, done=lambda _: None)
    assert caught.value.fault is Fault.CANCELLED
    assert reader.self_test(Cancel(WAIT_S)).result is Result.UNKNOWN
    reader.ask()
    assert reader.status.state is DeviceState.UNKNOWN


def test_pulled_and_put_back_without_a_restart(
    reader: SamvDevice, simulator: SamvSimulator
) -> None:
    changes = Changes(reader)
    reader.open()
    with HotplugMonitor([reader], look_every_s=0.02):
        changes.wait(DeviceState.ONLINE)
        for _ in range(5):
            changes.forget()
            simulator.vanish()
            gone = changes.wait(DeviceState.ABSENT)
            assert gone.fault is Fault.READER_ABSENT
            simulator.come_back()
            changes.wait(DeviceState.ONLINE)
    assert reader.self_test(Cancel(WAIT_S)).result is Result.OK


@pytest.mark.expected_logs("a status listener raised", reason="the listener raises")
def test_a_listener_that_raises_keeps_nobody_from_hearing(reader: SamvDevice) -> None:
    def bad(_: DeviceStatus) -> None:
        raise RuntimeError

    reader.listen(bad)
    changes = Changes(reader)
    reader.open()
    changes.wait(DeviceState.ONLINE)
    changes.stop()
    changes.forget()
    reader.close()
    assert changes.heard == []


class Stuck(SamvDevice):
    """A driver that ignores its deadline, as a call in C can."""

    def __init__(self, go: threading.Event) -> None:
        super().__init__(SamvReader("/nowhere"), "/nowhere")
        self._go = go

    def _probes(self) -> tuple[Probe, ...]:
        return (
            Probe("first", lambda _: Finding(figures={"seen": 1})),
            Probe("hangs", self._hang),
            Probe("last", lambda _: Finding()),
        )

    def _hang(self, _: Cancel) -> Finding:
        self._go.wait(WAIT_S)
        return Finding()


def test_a_step_that_hangs_is_left_behind_at_the_deadline() -> None:
    go = threading.Event()
    device = Stuck(go)
    began_s = time.monotonic()
    told = device.self_test(Cancel(0.3))
    assert time.monotonic() - began_s < 0.3 + 2 * GRACE_S
    go.set()
    assert [step.result for step in told.steps] == [Result.OK, Result.FAILED, Result.UNKNOWN]
    assert told.fault is Fault.DEADLINE
    assert told.figures == {"seen": 1}
    device.close()


def test_a_cancel_reaches_a_test_that_waits_behind_another_command() -> None:
    go = threading.Event()
    device = Stuck(go)
    begun = threading.Event()

    def block(cancel: Cancel) -> None:
        begun.set()
        go.wait(WAIT_S)

    outcomes: list[Outcome[None]] = []
    device.submit(block, deadline_s=WAIT_S, done=outcomes.append)
    assert begun.wait(WAIT_S)
    cancel = Cancel(WAIT_S)
    threading.Timer(0.1, cancel.cancel).start()
    began_s = time.monotonic()
    assert device.self_test(cancel).result is Result.UNKNOWN
    assert time.monotonic() - began_s < 0.1 + 2 * GRACE_S
    go.set()
    device.close()
    assert not any(isinstance(told, Failed) for told in outcomes)


def test_every_fault_says_how_bad_it_is() -> None:
    codes = [fault.code for fault in Fault]
    assert len(set(codes)) == len(codes), "a code is used twice"
    for fault in Fault:
        assert fault.severity in Severity
        if fault.severity is Severity.NOTICE and fault is not Fault.CANCELLED:
            assert state_after(fault) is None, f"{fault.code} is a notice: the device is well"
        if fault.severity is Severity.OUT_OF_SERVICE:
            assert state_after(fault) in {
                DeviceState.ABSENT,
                DeviceState.OFFLINE,
                DeviceState.BROKEN,
            }


def test_no_device_is_ever_well_by_default() -> None:
    assert state_after(Fault.DEADLINE) is DeviceState.UNKNOWN
    looks: Callable[[], bool | None] = SamvDevice(SamvReader("COM1"), "COM1").present
    assert looks() is None, "not a path: nobody knows"
