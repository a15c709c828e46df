"""A worker ends every command in exactly one outcome, and nothing ends the worker."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devices.errors import DeviceError, Fault
from devices.worker import Cancel, DeviceWorker, Failed, Outcome, Succeeded

PATIENCE_S = 5.0


@pytest.fixture
def worker() -> Iterator[DeviceWorker]:
    made = DeviceWorker("reader", unexpected=Fault.READER_SILENT)
    yield made
    assert made.close()


@pytest.fixture
def outcomes() -> queue.Queue[Any]:
    return queue.Queue()


def fault_of(outcome: Outcome[Any]) -> Fault:
    assert isinstance(outcome, Failed)
    return outcome.error.fault


def hold(started: threading.Event, release: threading.Event) -> Callable[[Cancel], str]:
    """A command that heeds nothing until it is released."""

    def command(cancel: Cancel) -> str:
        started.set()
        assert release.wait(PATIENCE_S)
        return "held"

    return command


def test_a_result_arrives_on_the_workers_thread(
    worker: DeviceWorker, outcomes: queue.Queue[Any]
) -> None:
    worker.submit(
        lambda cancel: 7,
        deadline_s=1,
        done=lambda outcome: outcomes.put((outcome, threading.current_thread().name)),
    )
    assert outcomes.get(timeout=PATIENCE_S) == (Succeeded(7), "reader")


def test_commands_run_one_by_one_in_order(worker: DeviceWorker, outcomes: queue.Queue[Any]) -> None:
    for number in range(50):
        worker.submit(lambda cancel, n=number: n, deadline_s=5, done=outcomes.put)  # type: ignore[misc]
    got = [outcomes.get(timeout=PATIENCE_S) for _ in range(50)]
    assert got == [Succeeded(n) for n in range(50)]


def test_a_cancel_is_not_a_deadline(worker: DeviceWorker, outcomes: queue.Queue[Any]) -> None:
    started = threading.Event()

    def patient(cancel: Cancel) -> None:
        started.set()
        assert cancel.wait(PATIENCE_S)
        cancel.raise_if_cancelled()

    ticket = worker.submit(patient, deadline_s=60, done=outcomes.put)
    assert started.wait(PATIENCE_S)
    ticket.cancel()
    assert fault_of(outcomes.get(timeout=PATIENCE_S)) is Fault.CANCELLED

    worker.submit(patient, deadline_s=0.02, done=outcomes.put)
    assert fault_of(outcomes.get(timeout=PATIENCE_S)) is Fault.DEADLINE


def test_what_waited_too_long_or_was_withdrawn_is_never_started(
    worker: DeviceWorker, outcomes: queue.Queue[Any]
) -> None:
    started, release = threading.Event(), threading.Event()
    ran: list[str] = []
    worker.submit(hold(started, release), deadline_s=60, done=outcomes.put)
    assert started.wait(PATIENCE_S)
    worker.submit(lambda cancel: ran.append("late"), deadline_s=0.0, done=outcomes.put)
    ticket = worker.submit(lambda cancel: ran.append("gone"), deadline_s=60, done=outcomes.put)
    ticket.cancel()
    release.set()
    assert outcomes.get(timeout=PATIENCE_S) == Succeeded("held")
    assert fault_of(outcomes.get(timeout=PATIENCE_S)) is Fault.DEADLINE
    assert fault_of(outcomes.get(timeout=PATIENCE_S)) is Fault.CANCELLED
    assert ran == []


def test_a_result_that_crossed_a_cancel_is_still_told(
    worker: DeviceWorker, outcomes: queue.Queue[Any]
) -> None:
    started, release = threading.Event(), threading.Event()
    ticket = worker.submit(hold(started, release), deadline_s=60, done=outcomes.put)
    assert started.wait(PATIENCE_S)
    ticket.cancel()
    release.set()
    assert outcomes.get(timeout=PATIENCE_S) == Succeeded("held")


def test_a_device_error_passes_without_its_frames(
    worker: DeviceWorker, outcomes: queue.Queue[Any]
) -> None:
    def failing(cancel: Cancel) -> None:
        try:
            b"\xff".decode()
        except UnicodeDecodeError as error:
            raise DeviceError(Fault.CARD_REMOVED) from error

    worker.submit(failing, deadline_s=1, done=outcomes.put)
    outcome = outcomes.get(timeout=PATIENCE_S)
    assert fault_of(outcome) is Fault.CARD_REMOVED
    assert outcome.error.__traceback__ is None
    assert outcome.error.__cause__ is None
    assert outcome.error.__context__ is None


@pytest.mark.expected_logs("a command raised ValueError", reason="the type name alone is told")
def test_an_unexpected_exception_becomes_the_chosen_fault_and_keeps_its_text_to_itself(
    worker: DeviceWorker, outcomes: queue.Queue[Any], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(cancel: Cancel) -> None:
        raise ValueError("11010519491231002X")

    with caplog.at_level(logging.DEBUG):
        worker.submit(broken, deadline_s=1, done=outcomes.put)
        first = outcomes.get(timeout=PATIENCE_S)
        worker.submit(broken, deadline_s=1, done=outcomes.put, unexpected=Fault.PRINT_UNKNOWN)
        second = outcomes.get(timeout=PATIENCE_S)
    assert fault_of(first) is Fault.READER_SILENT
    assert first.error.detail == "unexpected ValueError"
    assert fault_of(second) is Fault.PRINT_UNKNOWN
    assert caplog.messages == ["reader: a command raised ValueError"] * 2


@pytest.mark.expected_logs("a done callback raised RuntimeError", reason="a mistake is told")
def test_a_done_that_raises_does_not_end_the_worker(
    worker: DeviceWorker, outcomes: queue.Queue[Any], caplog: pytest.LogCaptureFixture
) -> None:
    def bad(outcome: Outcome[int]) -> None:
        raise RuntimeError("secret")

    worker.submit(lambda cancel: 1, deadline_s=1, done=bad)
    worker.submit(lambda cancel: 2, deadline_s=1, done=outcomes.put)
    assert outcomes.get(timeout=PATIENCE_S) == Succeeded(2)
    assert caplog.messages == ["reader: a done callback raised RuntimeError"]


def test_closing_ends_what_runs_and_what_waits(outcomes: queue.Queue[Any]) -> None:
    worker = DeviceWorker("reader")
    started = threading.Event()

    def patient(cancel: Cancel) -> None:
        started.set()
        cancel.wait(60)
        cancel.raise_if_cancelled()

    worker.submit(patient, deadline_s=60, done=outcomes.put)
    worker.submit(lambda cancel: 1, deadline_s=60, done=outcomes.put)
    assert started.wait(PATIENCE_S)
    assert worker.close()
    assert [fault_of(outcomes.get_nowait()) for _ in range(2)] == [Fault.CANCELLED] * 2
    with pytest.raises(DeviceError) as refused:
        worker.submit(lambda cancel: 1, deadline_s=1, done=outcomes.put)
    assert refused.value.fault is Fault.CANCELLED


def test_a_worker_can_be_closed_from_its_own_done() -> None:
    worker = DeviceWorker("reader")
    closed = threading.Event()

    def done(outcome: Outcome[int]) -> None:
        worker.close()
        closed.set()

    worker.submit(lambda cancel: 1, deadline_s=1, done=done)
    assert closed.wait(PATIENCE_S)
    assert worker.close()


def test_a_watchdog_can_see_a_command_that_ignores_its_deadline(
    worker: DeviceWorker, outcomes: queue.Queue[Any]
) -> None:
    started, release = threading.Event(), threading.Event()
    assert worker.overdue_s == 0.0
    worker.submit(hold(started, release), deadline_s=0.01, done=outcomes.put)
    assert started.wait(PATIENCE_S)
    for _ in range(500):
        if worker.overdue_s > 0:
            break
        Cancel().wait(0.01)
    else:
        pytest.fail("never overdue")
    release.set()
    assert outcomes.get(timeout=PATIENCE_S) == Succeeded("held")
    assert worker.overdue_s == 0.0


def test_an_outcomes_repr_tells_nothing_about_people() -> None:
    assert "陈秀英" not in repr(Succeeded("陈秀英"))
