"""A printer behind CUPS, each job followed to its end over IPP.

What "printed" means here: CUPS says the job is completed, that is, the queue's backend handed
all bytes to the printer without complaint. A printer that cannot talk back may still have
been out of paper; `reports_paper` says whether this one can.

A job that is not completed by the deadline, or waits for paper or a technician, is cancelled,
so that nobody's receipt comes out hours later. If it may have been on its way to the printer
by then, the answer is PRINT_UNKNOWN.

What keeps a printer from printing is told by the queue's backend, and that runs only while
there is a job: "no paper" stands there until the next one, whatever staff have done meanwhile.
So such a reason refuses a job at once only for a while after one that failed (`retry_s`); then
a job is tried, and taken back if the backend still complains.

A job is sent once: if the connection breaks while
sending, the queue is asked whether the job is there (by its unique name) before anything is
said; it is never sent again.
"""

from __future__ import annotations

import http.client
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from devices.errors import DeviceError, Fault
from devices.printers import ipp
from devices.printers.base import Media, PrinterCapabilities, PrintJob
from devices.printers.ipp import Attributes, IppClient, IppError, Operation
from devices.records import PaperState, PrinterStatus
from devices.worker import Cancel

_SYSTEM_SOCKET = "/run/cups/cups.sock"
_REQUEST_S = 3.0
_POLL_S = 0.1
_AFTER_CANCEL_S = 3.0  # how long a cancelled job may take to end
_NOT_FOUND = 0x0406
_STOPPED = 5  # printer-state

# How long a reason may last before the job is given up: paper may be just being fed.
_PATIENCE_S = 2.0
_RETRY_S = 15.0
# A backend takes a while to start and to take back what an earlier one said.
_PATIENCE_WITH_OLD = 3

# A sheet's size is said with the job: a queue's own default may be Letter. A roll has no name
# that all queues know, and is whatever its queue was set up for.
_SHEET: dict[Media, dict[str, str]] = {"a4": {"media": "iso_a4_210x297mm"}, "80mm": {}}

_PAPER_OUT = frozenset({"media-empty", "media-needed"})
_PAPER_LOW = frozenset({"media-low"})
# Reasons that say exactly what a person has to do.
_NAMED = {
    "cover-open": Fault.PRINTER_COVER_OPEN,
    "door-open": Fault.PRINTER_COVER_OPEN,
    "interlock-open": Fault.PRINTER_COVER_OPEN,
    "media-jam": Fault.PRINTER_JAMMED,
}
_BY_CODE = {fault.code: fault for fault in (Fault.PAPER_OUT, *_NAMED.values())}
_BROKEN = frozenset(
    {
        *_NAMED,
        "offline",
        "shutdown",
        "stopping",
        "paused",
        "timed-out",
        "cups-missing-filter",
        "cups-insecure-filter",
    }
)
# Told by a backend, and maybe no longer true; beside one of the others no job would be begun.
_MAYBE_OLD = frozenset({*_PAPER_OUT, *_NAMED, "offline", "timed-out"})
_STOPPED_WORD, _REJECTING_WORD = "stopped", "rejecting"
_CERTAIN = (_BROKEN - _MAYBE_OLD) | {_STOPPED_WORD, _REJECTING_WORD}


class JobState(IntEnum):
    """job-state (RFC 8011, 5.3.7)."""

    PENDING = 3
    HELD = 4
    PROCESSING = 5
    STOPPED = 6
    CANCELED = 7
    ABORTED = 8
    COMPLETED = 9


_ENDED = frozenset({JobState.CANCELED, JobState.ABORTED, JobState.COMPLETED})
_CONNECTION = (OSError, http.client.HTTPException)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a job's attributes said at one moment."""

    state: JobState
    started: bool  # whether the backend has ever worked on it


class CupsPrinter:
    """The CUPS queue `queue` on `server` (a host with port, or a Unix socket's path).

    `patience_s` is how long a reason such as "no paper" may last before the job is taken
    back, `retry_s` how long after a failed job it is believed without trying, `request_s` how
    long one question to CUPS may take. `options` are job template
    keywords such as {"media": "custom_receipt_80x200mm"}. Raises ValueError for an address
    that cannot be one.
    """

    def __init__(
        self,
        queue: str,
        server: str | None = None,
        *,
        media: Media = "80mm",
        reports_paper: bool = False,
        options: Mapping[str, str] | None = None,
        patience_s: float = _PATIENCE_S,
        request_s: float = _REQUEST_S,
        retry_s: float = _RETRY_S,
    ) -> None:
        self._client = IppClient(server or _SYSTEM_SOCKET)
        self._path = f"/printers/{queue}"
        self._uri = self._client.base + self._path
        self._queue = queue
        self._capabilities = PrinterCapabilities(media, reports_paper)
        told = {**_SHEET[media], **(options or {})}
        self._options = [(key, [ipp.keyword(text)]) for key, text in told.items()]
        self._patience_s = patience_s
        self._request_s = request_s
        self._retry_s = retry_s
        self._believed_until = 0.0  # monotonic: until then no job is sent against a reason

    @property
    def capabilities(self) -> PrinterCapabilities:
        """As configured."""
        return self._capabilities

    def status(self) -> PrinterStatus:
        """The queue's state; offline with the reason where it cannot be asked."""
        try:
            return self._status()
        except IppError as error:
            return PrinterStatus(False, PaperState.UNKNOWN, str(error))
        except _CONNECTION as error:
            return PrinterStatus(False, PaperState.UNKNOWN, type(error).__name__)

    def print(self, pdf: bytes, *, title: str, deadline_s: float, cancel: Cancel) -> PrintJob:
        """Send `pdf` once and wait for the job's end, at most `deadline_s` (and a few seconds
        for taking it back). Raises DeviceError as described above."""
        deadline = time.monotonic() + deadline_s
        cancel.raise_if_cancelled()
        patience_s = self._check_before()
        # The name is how the job is found again if the answer to sending it gets lost.
        unique = f"{title} {secrets.token_hex(6)}"
        try:
            job_id = self._send(pdf, unique, max(0.1, deadline - time.monotonic()))
            return self._follow(job_id, deadline, cancel, patience_s)
        except DeviceError:
            self._believed_until = time.monotonic() + self._retry_s
            raise

    def _check_before(self) -> float:
        """How long a reason may last in this job. Raises DeviceError if none is to be begun."""
        status = self.status()
        fault = _fault_of(status)
        if fault is None:
            return self._patience_s
        told = frozenset(status.detail.split(","))
        may_be_old = bool(told & _MAYBE_OLD) and not told & _CERTAIN
        if not may_be_old or time.monotonic() < self._believed_until:
            raise DeviceError(fault, status.detail)
        return self._patience_s * _PATIENCE_WITH_OLD

    def _send(self, pdf: bytes, unique: str, timeout_s: float) -> int:
        attributes = [
            *self._target(),
            ("job-name", [ipp.name(unique)]),
            ("document-format", [ipp.mime("application/pdf")]),
        ]
        try:
            answer = self._client.request(
                Operation.PRINT_JOB,
                self._path,
                attributes,
                timeout_s=timeout_s,
                job=self._options,
                document=pdf,
            )
        except ConnectionRefusedError as error:
            raise DeviceError(Fault.PRINTER_ABSENT, "CUPS does not listen") from error
        except IppError as error:
            if error.status:
                raise DeviceError(Fault.PRINT_FAILED, str(error)) from error
            return self._find(unique)
        except _CONNECTION:
            return self._find(unique)
        job_id = _integer(answer.groups, "job-id")
        return self._find(unique) if job_id is None else job_id

    def _find(self, unique: str) -> int:
        """The id of a job whose sending got no answer. Raises PRINT_UNKNOWN or PRINT_FAILED."""
        for which in ("not-completed", "completed"):
            try:
                answer = self._client.request(
                    Operation.GET_JOBS,
                    self._path,
                    [
                        *self._target(),
                        ("requested-attributes", [ipp.keyword("job-id"), ipp.keyword("job-name")]),
                        ("which-jobs", [ipp.keyword(which)]),
                        ("my-jobs", [ipp.boolean(False)]),
                    ],
                    timeout_s=self._request_s,
                )
            except (IppError, *_CONNECTION) as error:
                raise DeviceError(Fault.PRINT_UNKNOWN, "no answer after sending") from error
            for group in answer.groups:
                if group.get("job-name") == [unique]:
                    job_id = _integer((group,), "job-id")
                    if job_id is not None:
                        return job_id
        # CUPS may still be taking the job in, and a job may hide its name: not a proof.
        raise DeviceError(Fault.PRINT_UNKNOWN, "the job is not in the queue")

    def _follow(self, job_id: int, deadline: float, cancel: Cancel, patience_s: float) -> PrintJob:
        trouble_since: float | None = None
        while True:
            seen = self._job(job_id)
            now = time.monotonic()
            if seen is not None and seen.state in _ENDED:
                return self._ended(job_id, seen)
            if cancel.cancelled:
                return self._take_back(job_id, _why(cancel))
            fault = self._trouble(seen)
            trouble_since = (trouble_since or now) if fault else None
            if fault and trouble_since is not None and now - trouble_since >= patience_s:
                return self._take_back(job_id, fault)
            if now >= deadline:
                return self._take_back(job_id, fault or Fault.DEADLINE)
            cancel.wait(_POLL_S)

    def _ended(self, job_id: int, seen: _Seen) -> PrintJob:
        if seen.state is JobState.COMPLETED:
            return PrintJob(str(job_id), self._queue)
        fault = _BY_CODE.get(self.status().code, Fault.PRINT_FAILED)
        raise DeviceError(fault, f"job {job_id} {seen.state.name.lower()}")

    def _trouble(self, seen: _Seen | None) -> Fault | None:
        """What keeps the job from printing, as far as the queue says."""
        status = self.status()
        waits = seen is not None and seen.state in {JobState.HELD, JobState.STOPPED}
        if waits and status.code not in _BY_CODE:
            return Fault.PRINT_FAILED
        return _fault_of(status)

    def _take_back(self, job_id: int, fault: Fault) -> PrintJob:
        """Cancel the job, then say what is known of it."""
        before = self._job(job_id)
        try:
            self._client.request(
                Operation.CANCEL_JOB,
                "/jobs/",
                [
                    ("printer-uri", [ipp.uri(self._uri)]),
                    ("job-id", [ipp.Typed(0x21, job_id)]),
                    ("requesting-user-name", [ipp.name(ipp.user_name())]),
                ],
                timeout_s=self._request_s,
            )
        except (IppError, *_CONNECTION):
            pass  # the state below decides: it may have ended by itself in between
        give_up = time.monotonic() + _AFTER_CANCEL_S
        while True:
            after = self._job(job_id)
            if after is not None and after.state in _ENDED:
                break
            if time.monotonic() >= give_up:
                raise DeviceError(Fault.PRINT_UNKNOWN, f"job {job_id} cannot be taken back")
            time.sleep(_POLL_S)
        if after.state is JobState.COMPLETED:
            return PrintJob(str(job_id), self._queue)
        # A printer without paper has printed no whole page, even if it holds the bytes.
        # A job that began and no longer is at work was given back by the backend as failed.
        given_back = (
            before is not None and before.started and before.state is not JobState.PROCESSING
        )
        if after.started and not given_back and fault is not Fault.PAPER_OUT:
            raise DeviceError(Fault.PRINT_UNKNOWN, f"job {job_id} stopped on its way: {fault.code}")
        raise DeviceError(fault, f"job {job_id} taken back")

    def _job(self, job_id: int) -> _Seen | None:
        """The job's state; None where the server cannot be asked or no longer knows it."""
        try:
            answer = self._client.request(
                Operation.GET_JOB_ATTRIBUTES,
                "/jobs/",
                [
                    ("printer-uri", [ipp.uri(self._uri)]),
                    ("job-id", [ipp.Typed(0x21, job_id)]),
                    ("requesting-user-name", [ipp.name(ipp.user_name())]),
                    (
                        "requested-attributes",
                        [ipp.keyword("job-state"), ipp.keyword("time-at-processing")],
                    ),
                ],
                timeout_s=self._request_s,
            )
        except (IppError, *_CONNECTION):
            return None
        state = _integer(answer.groups, "job-state")
        if state is None or state not in JobState.__members__.values():
            return None
        started = _integer(answer.groups, "time-at-processing") is not None
        return _Seen(JobState(state), started)

    def _status(self) -> PrinterStatus:
        wanted = ("printer-state", "printer-state-reasons", "printer-is-accepting-jobs")
        answer = self._client.request(
            Operation.GET_PRINTER_ATTRIBUTES,
            self._path,
            [*self._target(), ("requested-attributes", [ipp.keyword(key) for key in wanted])],
            timeout_s=self._request_s,
        )
        group: Attributes = answer.groups[0] if answer.groups else {}
        reasons = {
            _bare(str(reason)) for reason in group.get("printer-state-reasons", []) if reason
        } - {"none"}
        stopped = group.get("printer-state") == [_STOPPED]
        accepting = group.get("printer-is-accepting-jobs") != [False]
        online = not stopped and accepting and not reasons & _BROKEN
        detail = sorted(reasons) + [_STOPPED_WORD] * stopped + [_REJECTING_WORD] * (not accepting)
        return PrinterStatus(
            online, self._paper(reasons, online), ",".join(detail), _named(reasons)
        )

    def _paper(self, reasons: set[str], online: bool) -> PaperState:
        if reasons & _PAPER_OUT:
            return PaperState.OUT
        if reasons & _PAPER_LOW:
            return PaperState.LOW
        known = online and self._capabilities.reports_paper
        return PaperState.OK if known else PaperState.UNKNOWN

    def _target(self) -> list[tuple[str, list[ipp.Typed]]]:
        return [
            ("printer-uri", [ipp.uri(self._uri)]),
            ("requesting-user-name", [ipp.name(ipp.user_name())]),
        ]


def _named(reasons: set[str]) -> str:
    """The code of what a person has to mend, "" where no reason says it."""
    if reasons & _PAPER_OUT:
        return Fault.PAPER_OUT.code
    return next((fault.code for reason, fault in _NAMED.items() if reason in reasons), "")


def _fault_of(status: PrinterStatus) -> Fault | None:
    """What keeps a queue from printing, as exactly as it says."""
    return _BY_CODE.get(status.code) or (None if status.online else Fault.PRINTER_ABSENT)


def _why(cancel: Cancel) -> Fault:
    """Whether somebody cancelled, or time ran out."""
    try:
        cancel.raise_if_cancelled()
    except DeviceError as error:
        return error.fault
    return Fault.CANCELLED


def _bare(reason: str) -> str:
    """A reason without its severity; what is only a report still names the condition."""
    for severity in ("-report", "-warning", "-error"):
        reason = reason.removesuffix(severity)
    return reason


def _integer(groups: tuple[Attributes, ...], key: str) -> int | None:
    for group in groups:
        for value in group.get(key, []):
            if isinstance(value, int) and not isinstance(value, bool):
                return value
    return None
