"""What every device promises, whatever it is: who it is, what it can do, how it is, a self-test.

Promises:

- `identity` and `capabilities` are frozen; what is not known of a device stays None.
- `status` is an immutable snapshot and costs nothing to look at. Listeners hear of every
  change, in order, on the thread that noticed it, and must hand over at once. UNKNOWN is a
  state of its own and never means "fine".
- Commands go through one queue per device (`devices.worker`) with a deadline and a cancel,
  which are different things, and end in a result or a `DeviceError`.
- `self_test` never raises and never outlives its deadline by more than `GRACE_S`: a step that
  hangs is reported as failed, and those behind it as unknown.
- `look` is cheap and disturbs nobody: it neither opens a device that is closed nor waits. A
  device that was pulled is noticed by it, and so is one that was put back.

No text here or in a status holds personal data.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Final, TypeVar

from devices.errors import DeviceError, Fault, Severity
from devices.worker import Cancel, DeviceWorker, Failed, Outcome, Ticket

_log = logging.getLogger(__name__)

T = TypeVar("T")
GRACE_S: Final = 1.0
ASK_DEADLINE_S: Final = 8.0
_NOTICE_CANCEL_S: Final = 0.1


class DeviceKind(StrEnum):
    """What kind of thing a device is."""

    ID_READER = "id-reader"  # reads resident ID cards through a SAM
    CARD_READER = "card-reader"  # reads chips over PC/SC
    FACE_CAMERA = "face-camera"
    INFRARED_CAMERA = "infrared-camera"
    DOCUMENT_CAMERA = "document-camera"
    PRINTER = "printer"
    SCANNER = "scanner"
    VOICE = "voice"


class DeviceState(StrEnum):
    """What is known of a device at one moment."""

    UNKNOWN = "unknown"  # not asked yet, or it does not tell: never to be read as "fine"
    STARTING = "starting"
    ONLINE = "online"
    BUSY = "busy"  # it works on a command
    POWERED_OFF = "powered-off"  # there, and switched off on purpose: a camera between visits
    OFFLINE = "offline"  # there, and not answering or not ready
    ABSENT = "absent"  # not there: unplugged, or its service does not run
    BROKEN = "broken"  # there, and somebody has to mend it


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """Which device this is. `serial` is a serial number or SAM id, None while unknown."""

    kind: DeviceKind
    name: str  # as the settings and `kiosk doctor --device` call it
    address: str = ""  # port, path or queue
    serial: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a device can do; None where that is not known."""

    def told(self) -> dict[str, bool | int | float | str | None]:
        """Name and value of each."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderCapabilities(Capabilities):
    """Of a card reader."""

    resident_id: bool | None = None  # the contents of a resident ID card, by a SAM
    chip_cards: bool | None = None  # social-security cards and travel documents
    portrait: bool | None = None
    fingerprint: bool | None = None
    sam_id: bool | None = None
    notices_removal: bool | None = None  # knows that a card still lies there after a read


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraCapabilities(Capabilities):
    """Of a camera, as configured."""

    width_px: int | None = None
    height_px: int | None = None
    frames_per_s: int | None = None
    mirrored: bool | None = None
    infrared: bool | None = None
    matches_faces: bool | None = None
    straightens_paper: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintCapabilities(Capabilities):
    """Of a printer, as configured."""

    media: str | None = None
    reports_paper: bool | None = None  # whether "no complaint" may be read as "there is paper"
    presenter: bool | None = None  # tells whether the paper was taken
    confirms_jobs: bool | None = None  # tells that a page came out, not only that bytes arrived


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannerCapabilities(Capabilities):
    """Of a code scanner."""

    bar_codes: bool | None = None
    qr_codes: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceCapabilities(Capabilities):
    """Of a voice, as configured."""

    synthesizer: bool | None = None
    recordings: bool | None = None


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """A device at one moment. `since_s` is monotonic: when it came into this state."""

    state: DeviceState
    since_s: float
    fault: Fault | None = None
    detail: str = ""


Listener = Callable[[DeviceStatus], None]


class Result(StrEnum):
    """How a step of a self-test ended; unknown is neither of the others."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


Figures = Mapping[str, float | int | str | bool]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a step of a self-test found out, when it did not fail."""

    detail: str = ""
    figures: Figures | None = None
    result: Result = Result.OK


@dataclass(frozen=True, slots=True)
class Probe:
    """One step of a self-test. `run` raises DeviceError where it fails.

    An `optional` step tells more about a device that can do without: if it stays unknown,
    the test as a whole does not.
    """

    name: str
    run: Callable[[Cancel], Finding]
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """How one step ended."""

    name: str
    result: Result
    took_s: float = 0.0
    fault: Fault | None = None
    detail: str = ""
    figures: tuple[tuple[str, float | int | str | bool], ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True)
class SelfTest:
    """A whole self-test."""

    identity: DeviceIdentity
    steps: tuple[Step, ...]
    took_s: float

    @property
    def result(self) -> Result:
        """FAILED if any step failed, UNKNOWN if any that counts is, else OK."""
        if any(step.result is Result.FAILED for step in self.steps):
            return Result.FAILED
        counting = [step.result for step in self.steps if not step.optional]
        return Result.OK if counting and set(counting) == {Result.OK} else Result.UNKNOWN

    @property
    def fault(self) -> Fault | None:
        """The worst of what failed, None where nothing did."""
        faults = [step.fault for step in self.steps if step.fault is not None]
        order = tuple(Severity)
        return max(faults, key=lambda fault: order.index(fault.severity), default=None)

    @property
    def figures(self) -> dict[str, float | int | str | bool]:
        """All figures of all steps."""
        return {name: value for step in self.steps for name, value in step.figures}


_ABSENT: Final = frozenset(
    {
        Fault.READER_ABSENT,
        Fault.PCSC_ABSENT,
        Fault.CAMERA_ABSENT,
        Fault.PRINTER_ABSENT,
        Fault.SCANNER_ABSENT,
        Fault.VOICE_ABSENT,
    }
)
_OFFLINE: Final = frozenset({Fault.READER_SILENT, Fault.READER_GARBLED, Fault.READER_REFUSED})


def state_after(fault: Fault) -> DeviceState | None:
    """The state a device is in after a command failed so; None where that says nothing of it."""
    if fault in _ABSENT:
        return DeviceState.ABSENT
    if fault in _OFFLINE:
        return DeviceState.OFFLINE
    if fault is Fault.DEADLINE:
        return DeviceState.UNKNOWN
    return DeviceState.BROKEN if fault.severity is Severity.OUT_OF_SERVICE else None


class StatusBoard:
    """The present status of one device, and those who want to hear of changes."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._listeners: list[Listener] = []
        self._status = DeviceStatus(DeviceState.UNKNOWN, time.monotonic())

    @property
    def status(self) -> DeviceStatus:
        """The newest snapshot."""
        return self._status

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Hear of every change from now on; call what is returned to hear no more."""
        with self._lock:
            self._listeners.append(listener)

        def stop() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return stop

    def put(self, state: DeviceState, fault: Fault | None = None, detail: str = "") -> None:
        """A state, and why. `since_s` stays as long as the state does."""
        with self._lock:
            old = self._status
            if (state, fault, detail) == (old.state, old.fault, old.detail):
                return
            since_s = old.since_s if state is old.state else time.monotonic()
            self._status = new = DeviceStatus(state, since_s, fault, detail)
            for listener in tuple(self._listeners):
                try:
                    listener(new)
                except Exception as error:  # noqa: BLE001 - somebody else's code
                    _log.error("a status listener raised %s", type(error).__name__)


class Device(ABC):
    """One device: a driver, its queue, and what is known of both.

    A device that is given a worker shares it, as a running terminal's self-test does, and
    leaves it and the driver open when it is closed; one without makes and ends its own.
    """

    absent_fault: Fault
    """What it is called when it is not there."""

    def __init__(self, identity: DeviceIdentity, worker: DeviceWorker | None = None) -> None:
        self._identity = identity
        self._board = StatusBoard()
        self._shared = worker is not None
        self._worker = worker or DeviceWorker(identity.name, unexpected=self.absent_fault)
        self._asking = threading.Event()
        self._before = self._board.status

    # -- what it is -------------------------------------------------------------------

    @property
    def identity(self) -> DeviceIdentity:
        """Which device; the serial number appears once it was read."""
        return self._identity

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """What it can do."""

    @property
    def status(self) -> DeviceStatus:
        """How it is, as far as is known."""
        return self._board.status

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Hear of changes of `status`; call what is returned to hear no more."""
        return self._board.listen(listener)

    def present(self) -> bool | None:
        """Whether it is plugged in, looked up without touching it; None where that cannot be."""
        return None

    # -- life -------------------------------------------------------------------------

    def open(self) -> None:
        """Begin: find out how it is. Returns at once; `status` tells."""
        if self.status.state is DeviceState.UNKNOWN:
            self._board.put(DeviceState.STARTING)
        self.ask()

    def close(self) -> None:
        """Let the device go and end the queue, unless they belong to somebody else."""
        if not self._shared:
            self._worker.close()
            self._release()
        self._board.put(DeviceState.UNKNOWN, detail="closed")

    def submit(
        self,
        command: Callable[[Cancel], T],
        *,
        deadline_s: float,
        done: Callable[[Outcome[T]], None],
    ) -> Ticket:
        """Queue a command. What becomes of it is also seen in `status`.

        Raises DeviceError(CANCELLED) after `close`.
        """

        def watched(cancel: Cancel) -> T:
            self._be_busy()
            return command(cancel)

        def ended(outcome: Outcome[T]) -> None:
            self._judge(outcome.error if isinstance(outcome, Failed) else None)
            done(outcome)

        return self._worker.submit(watched, deadline_s=deadline_s, done=ended)

    # -- how it is --------------------------------------------------------------------

    def look(self) -> None:
        """Notice by a cheap look that it was pulled or put back. For `HotplugMonitor`."""
        there = self.present()
        state = self.status.state
        if there is False:
            self._board.put(DeviceState.ABSENT, self.absent_fault)
        elif there is True and state is DeviceState.ABSENT:
            self.ask()

    def ask(self) -> None:
        """Ask the device how it is; returns at once, `status` tells. Once at a time."""
        if self._asking.is_set():
            return
        self._asking.set()

        def done(outcome: Outcome[DeviceStatus | None]) -> None:
            self._asking.clear()
            if isinstance(outcome, Failed):
                self._judge(outcome.error)
            elif outcome.value is not None:
                told = outcome.value
                self._board.put(told.state, told.fault, told.detail)

        try:
            self._worker.submit(self._ask, deadline_s=ASK_DEADLINE_S, done=done)
        except DeviceError:
            self._asking.clear()  # closed

    @abstractmethod
    def _ask(self, cancel: Cancel) -> DeviceStatus | None:
        """On the worker: how it is now, None if that cannot be told without disturbing it."""

    def _be_busy(self, detail: str = "") -> None:
        self._before = self.status
        self._board.put(DeviceState.BUSY, detail=detail)

    def _judge(self, error: DeviceError | None) -> None:
        """Draw the conclusion from how a command ended."""
        if error is None:
            self._board.put(*self._well())
            return
        state = state_after(error.fault)
        if error.fault is Fault.CANCELLED:  # withdrawn: it is as it was before
            before = self._before
            self._board.put(before.state, before.fault, before.detail)
        elif state is None:
            self._board.put(self._well()[0], error.fault, error.detail)
        else:
            self._board.put(state, error.fault, error.detail)

    def _well(self) -> tuple[DeviceState, Fault | None, str]:
        """The state of this device when all is well and it is not at work."""
        return DeviceState.ONLINE, None, ""

    def _release(self) -> None:  # noqa: B027 - nothing to let go is usual
        """Let the driver go; the worker has ended."""

    def _learn_serial(self, serial: str) -> None:
        self._identity = replace(self._identity, serial=serial)

    # -- self-test --------------------------------------------------------------------

    @abstractmethod
    def _probes(self) -> Sequence[Probe]:
        """The steps of the self-test, in order; each needs those before it."""

    def _after_test(self) -> None:  # noqa: B027 - most tests change nothing
        """Leave the device as it was found; on the worker, whatever happened."""

    @property
    def steps(self) -> tuple[str, ...]:
        """The names of the self-test's steps."""
        return tuple(probe.name for probe in self._probes())

    def self_test(self, cancel: Cancel) -> SelfTest:
        """Test the device for real, step by step; blocks, and ends with `cancel`.

        `cancel` must have a deadline. What had not begun by then is unknown. Never raises.
        """
        began_s = time.monotonic()
        notes = _Notes(self._probes())
        over = threading.Event()

        def command(_: Cancel) -> None:
            self._be_busy("self-test")
            try:
                notes.run(cancel)
            finally:
                self._after_test()

        def done(outcome: Outcome[None]) -> None:
            fault = notes.fault
            if isinstance(outcome, Failed):
                notes.give_up(outcome.error)
                self._judge(outcome.error)
            else:
                self._judge(DeviceError(fault, notes.detail) if fault is not None else None)
            over.set()

        left_s = cancel.remaining_s
        try:
            ticket = self._worker.submit(command, deadline_s=max(left_s, 0.0), done=done)
        except DeviceError as error:
            notes.give_up(error)
        else:
            give_up_s = began_s + left_s + GRACE_S
            asked = False
            while not over.wait(_NOTICE_CANCEL_S):
                if cancel.cancelled and not asked:
                    asked = True
                    ticket.cancel()
                    give_up_s = min(give_up_s, time.monotonic() + GRACE_S)
                if time.monotonic() >= give_up_s:
                    notes.give_up(_why(cancel))
                    self._board.put(DeviceState.UNKNOWN, Fault.DEADLINE, "a step hangs")
                    break
        return SelfTest(self._identity, notes.steps, time.monotonic() - began_s)


class _Notes:
    """The protocol of one self-test, written on the worker and read by who waits for it."""

    def __init__(self, probes: Sequence[Probe]) -> None:
        self._lock = threading.Lock()
        self._probes = tuple(probes)
        self._steps: list[Step] = []
        self._closed = False
        self._began_s: float | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step, those that were not reached as unknown."""
        with self._lock:
            self._closed = True
            failed = next((s.name for s in self._steps if s.result is Result.FAILED), "")
            detail = f"not reached after {failed}" if failed else "not reached"
            rest = self._probes[len(self._steps) :]
            return (
                *self._steps,
                *(
                    Step(probe.name, Result.UNKNOWN, detail=detail, optional=probe.optional)
                    for probe in rest
                ),
            )

    @property
    def fault(self) -> Fault | None:
        """What failed, None so far."""
        with self._lock:
            return next((step.fault for step in self._steps if step.fault), None)

    @property
    def detail(self) -> str:
        """What was said of it."""
        with self._lock:
            return next((step.detail for step in self._steps if step.fault), "")

    def run(self, cancel: Cancel) -> None:
        """Run the steps; ends after the first that failed."""
        for probe in self._probes:
            cancel.raise_if_cancelled()
            began_s = self._began_s = time.monotonic()
            try:
                found = probe.run(cancel)
            except DeviceError as error:
                if error.fault is Fault.CANCELLED:
                    raise
                self._note(_failed(probe, error, began_s))
                return
            figures = tuple((found.figures or {}).items())
            took_s = time.monotonic() - began_s
            self._note(
                Step(probe.name, found.result, took_s, None, found.detail, figures, probe.optional)
            )

    def give_up(self, error: DeviceError) -> None:
        """The present step did not end by itself."""
        with self._lock:
            done = len(self._steps)
            if self._closed or done >= len(self._probes):
                return
            if error.fault is Fault.CANCELLED or any(s.fault for s in self._steps):
                return  # withdrawn: the rest is unknown
        self._note(_failed(self._probes[done], error, self._began_s or time.monotonic()))

    def _note(self, step: Step) -> None:
        with self._lock:
            if not self._closed:
                self._steps.append(step)


def _failed(probe: Probe, error: DeviceError, began_s: float) -> Step:
    took_s = time.monotonic() - began_s
    return Step(
        probe.name, Result.FAILED, took_s, error.fault, error.detail, optional=probe.optional
    )


def _why(cancel: Cancel) -> DeviceError:
    try:
        cancel.raise_if_cancelled()
    except DeviceError as error:
        return error
    return DeviceError(Fault.DEADLINE)
