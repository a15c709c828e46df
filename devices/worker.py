"""One thread for one device, and one queue of commands before it.

Promises:

- Commands of a worker run one after another, in the order in which they were submitted.
- Every submitted command ends in exactly one call of its `done`, on the worker's thread.
- A deadline is not a cancel: a command that ran out of time ends in `Fault.DEADLINE`, one
  that somebody withdrew in `Fault.CANCELLED`. One whose time is over, or which was
  withdrawn, while it waited in the queue is never started.
- What has happened has happened: a value that a command returned is delivered even if a
  cancel or the deadline came in the same moment. A slip that was printed was printed.
- Nothing that a command or a `done` raises ends the thread, and no exception's text, which
  may quote personal data, reaches a log or an outcome: only the name of its type does.

A thread cannot be killed. So a command has to look at its `Cancel`, and a call that can
block in C without a timeout belongs in a child process that its command can end.
`overdue_s` tells a watchdog about a command that did neither.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from devices.errors import DeviceError, Fault

_log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Succeeded(Generic[T]):
    """A command's result."""

    value: T = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a command has no result."""

    error: DeviceError


Outcome = Succeeded[T] | Failed


class Cancel:
    """What a running command looks at to learn that it should end.

    It ends for one of two reasons, a cancel or the deadline; whichever came first counts.
    """

    def __init__(self, deadline_s: float | None = None) -> None:
        """`deadline_s` counts from now; None sets no deadline."""
        self._until = None if deadline_s is None else time.monotonic() + deadline_s
        self._event = threading.Event()

    @property
    def cancelled(self) -> bool:
        """Whether the command should end now, for either reason."""
        return self._event.is_set() or self.remaining_s <= 0

    @property
    def remaining_s(self) -> float:
        """Seconds until the deadline, negative after it, infinite without one."""
        return float("inf") if self._until is None else self._until - time.monotonic()

    def cancel(self) -> None:
        """Ask the command to end. May be called from any thread, and twice."""
        self._event.set()

    def wait(self, timeout_s: float) -> bool:
        """Sleep for `timeout_s`, less if the command should end first. True if it should."""
        self._event.wait(max(0.0, min(timeout_s, self.remaining_s, threading.TIMEOUT_MAX)))
        return self.cancelled

    def raise_if_cancelled(self) -> None:
        """Raise DeviceError with `Fault.CANCELLED` or `Fault.DEADLINE` if it is over."""
        if self._event.is_set():
            raise DeviceError(Fault.CANCELLED)
        if self.remaining_s <= 0:
            raise DeviceError(Fault.DEADLINE)


class Ticket:
    """The handle of one submitted command."""

    def __init__(self, cancel: Cancel) -> None:
        self._cancel = cancel

    def cancel(self) -> None:
        """Withdraw the command. Its `done` is still called, soon."""
        self._cancel.cancel()


@dataclass(frozen=True, slots=True)
class _Job:
    # The result's type differs from job to job; `submit` checks that the two belong together.
    command: Callable[[Cancel], Any]
    done: Callable[[Any], None]
    cancel: Cancel
    unexpected: Fault


class DeviceWorker:
    """A daemon thread that carries out the commands of one device."""

    def __init__(self, name: str, *, unexpected: Fault = Fault.DEADLINE) -> None:
        """`unexpected` stands for an exception nobody foresaw, unless `submit` names another.

        It should be the fault by which this device is considered broken.
        """
        self.name = name
        self._unexpected = unexpected
        self._lock = threading.Condition()
        self._jobs: deque[_Job] = deque()
        self._running: Cancel | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(
        self,
        command: Callable[[Cancel], T],
        *,
        deadline_s: float,
        done: Callable[[Outcome[T]], None],
        unexpected: Fault | None = None,
    ) -> Ticket:
        """Queue a command; `done` gets its outcome on this worker's thread.

        `deadline_s` counts from now, so waiting in the queue is part of it. Raises
        DeviceError with `Fault.CANCELLED` after `close`.
        """
        job = _Job(command, done, Cancel(deadline_s), unexpected or self._unexpected)
        with self._lock:
            if self._closed:
                raise DeviceError(Fault.CANCELLED, f"{self.name} is closed")
            self._jobs.append(job)
            self._lock.notify()
        return Ticket(job.cancel)

    @property
    def overdue_s(self) -> float:
        """For how long the running command has ignored its deadline; 0.0 if it has not."""
        with self._lock:
            running = self._running
        return 0.0 if running is None else max(0.0, -running.remaining_s)

    def close(self, timeout_s: float = 2.0) -> bool:
        """Cancel everything and end the thread. False if a command did not give way in time."""
        with self._lock:
            self._closed = True
            for job in self._jobs:
                job.cancel.cancel()
            if self._running is not None:
                self._running.cancel()
            self._lock.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            outcome = self._carry_out(job)
            with self._lock:
                self._running = None
            try:
                job.done(outcome)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - must not end the device
                _log.error("%s: a done callback raised %s", self.name, type(error).__name__)
            # An outcome may hold a card: it must not live on until the next command.
            del job, outcome

    def _next(self) -> _Job | None:
        with self._lock:
            while not self._jobs:
                if self._closed:
                    return None
                self._lock.wait()
            job = self._jobs.popleft()
            self._running = job.cancel
            return job

    def _carry_out(self, job: _Job) -> Outcome[Any]:
        try:
            job.cancel.raise_if_cancelled()
            return Succeeded(job.command(job.cancel))
        except DeviceError as error:
            # Frames of a traceback and exceptions behind this one hold what the command read.
            error.__cause__ = error.__context__ = None
            return Failed(error.with_traceback(None))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - becomes the caller's fault
            kind = type(error).__name__
        _log.error("%s: a command raised %s", self.name, kind)
        return Failed(DeviceError(job.unexpected, f"unexpected {kind}"))
