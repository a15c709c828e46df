"""A receipt printer that speaks ESC/POS, over serial, TCP or the kernel's USB printer device.

A receipt is sent as dots, so that every character looks as it does in the PDF, and is
followed to its end. What counts as printed:

- a printer that knows process ids (GS ( H) sends ours back when everything before it was
  printed and cut;
- one that only answers in its turn (GS r) has worked on everything before, and must then say
  that nothing is wrong;
- of one that can do neither nobody can tell: PRINT_UNKNOWN, each time. `capabilities` of the
  printer do not change by this; `confirmation` says which kind it is, once it was found out.

When something stops the printer in the middle, no more is sent, its buffers are cleared so
that nothing comes out later, and PRINT_HALF says that a part of a receipt is to be taken
away. If everything was sent and the clearing was not confirmed, it is PRINT_UNKNOWN. The
next job begins by feeding out and cutting off what is left of the one before.

All of a printer's four real-time status bytes are asked for and decoded by table. A byte
that does not come is unknown, never "fine". A printer that was pulled is found again by the
next call, without a restart; a job is never sent a second time.

Proven against a simulated printer, not yet against hardware.
"""

from __future__ import annotations

import bisect
import itertools
import random
import time
from collections import Counter, deque
from collections.abc import Callable
from enum import Enum

from devices.errors import DeviceError, Fault
from devices.printers import escpos_codes as codes
from devices.printers.base import PrinterCapabilities, PrintJob
from devices.printers.escpos_codes import Condition, ReplyParser, State
from devices.printers.escpos_wire import Opener, Wire, WireGone
from devices.printers.raster import BAND_ROWS, WIDTH_DOTS, bands, draw
from devices.records import PaperState, PrinterStatus
from devices.worker import Cancel

# A printer answers in real time, that is, within a few milliseconds.
ANSWER_S = 0.5
# How long a printer may take no more bytes without saying why. A head cools down in less.
STALL_S = 8.0
# How long a condition may last before the job is given up.
PATIENCE_S = 1.0
# How long the end of a job may take to be confirmed: 20 cm of paper need two seconds.
CONFIRM_S = 20.0
_LOOK_EVERY_S = 0.3
_TICK_S = 0.02
_SETTLE_S = 0.3
# A query that was not answered so often in a row, while others were, is one that the printer
# lacks: it is asked only now and then.
_LACKS_AFTER = 3
_ASK_AGAIN_EVERY = 8
_TRIES_IN_NOISE = 2
# After an answer that did not come: how long (times `answer_s`) it must be silent before the
# next question, and how long that is waited for.
_SILENCE = 2.0
_LONGEST_DOUBT = 6.0
_LONGEST_BAND_BYTES = 8 + BAND_ROWS * WIDTH_DOTS // 8
# It may still be feeding out what an earlier job left: its first answer may take longer.
_FIRST_ANSWERS = 4.0
# A printer that did not confirm is asked again by the next jobs, so often in all.
_ASK_HOW_OFTEN = 3
_FEED_OUT = b"\n" + codes.CUT
# After these, with all sent and the buffers cleared, the end of the page did not come out.
_STOPS_PAPER = frozenset({Fault.PAPER_OUT, Fault.PRINTER_COVER_OPEN})


class Confirmation(Enum):
    """How a printer says that a job is done."""

    PROCESS_ID = "process id"
    IN_TURN = "answer in its turn"
    NONE = "none"


class _Stopped(Exception):
    """The job cannot go on, for this reason."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(fault.code)
        self.fault = fault
        self.detail = detail


class _Job:
    """One receipt on its way: the bytes, and how many of them were handed over."""

    def __init__(self, commands: list[bytes], tail: bytes, until: float, cancel: Cancel) -> None:
        self.stream = memoryview(b"".join([*commands, tail]))
        self._ends = list(itertools.accumulate(map(len, [*commands, tail])))
        self._page_bytes = len(self.stream) - len(tail)
        self.until = until
        self.cancel = cancel
        self.at = 0
        self.trouble_since: float | None = None

    @property
    def started(self) -> bool:
        """Whether any part of the page may have been printed."""
        return self.at > 0

    @property
    def page_sent(self) -> bool:
        """Whether all of the page may have been printed."""
        return self.at >= self._page_bytes

    @property
    def missing_bytes(self) -> int:
        """What the command that was begun last still asks for; 0 between two commands."""
        before = bisect.bisect_right(self._ends, self.at)
        if self.at == 0 or (before and self._ends[before - 1] == self.at):
            return 0
        return self._ends[before] - self.at

    @property
    def next_end(self) -> int:
        """Where the command ends of which the next byte is."""
        return self._ends[bisect.bisect_right(self._ends, self.at)]


class EscPosPrinter:
    """One printer on one line (`escpos_wire.wire_of`). The line is opened when it is needed.

    `answer_s`, `stall_s`, `patience_s` and `confirm_s` are as this module's constants say.
    """

    def __init__(
        self,
        wire: Opener,
        *,
        name: str = "receipt-printer",
        reports_paper: bool = True,
        answer_s: float = ANSWER_S,
        stall_s: float = STALL_S,
        patience_s: float = PATIENCE_S,
        confirm_s: float = CONFIRM_S,
    ) -> None:
        self._open_wire = wire
        self._name = name
        self._capabilities = PrinterCapabilities("80mm", reports_paper, presenter=None)
        self._answer_s = answer_s
        self._stall_s = stall_s
        self._patience_s = patience_s
        self._confirm_s = confirm_s
        self._wire: Wire | None = None
        self._confirmation: Confirmation | None = None
        self._asked_how = 0
        # How many bytes a command may miss that an earlier job left in the printer; None after
        # a job that ended well. Of what went before this process nobody knows.
        self._left_over: int | None = _LONGEST_BAND_BYTES
        # What the printer has said and nobody has looked at yet.
        self._parser = ReplyParser()
        self._real_time: deque[int] = deque(maxlen=8)
        self._tokens: deque[bytes] = deque(maxlen=8)
        self._changed: frozenset[Condition] = frozenset()
        self._cleared = False
        self._sensors = 0
        # Answers to questions that are still to come, and whether one is to a look in a job.
        self._owed = 0
        self._looking = False
        self._looked_at = 0.0
        # An answer that did not come in time may still come, even over a line opened anew.
        self._doubt = False
        self._unanswered: Counter[int] = Counter()
        self._noise = 0  # the parser's count when the job began

    @property
    def capabilities(self) -> PrinterCapabilities:
        """As configured; no ESC/POS status tells whether a receipt was taken."""
        return self._capabilities

    @property
    def confirmation(self) -> Confirmation | None:
        """How it confirms jobs; None until that was found out."""
        return self._confirmation

    def close(self) -> None:
        """Let the line go; a later call opens it again."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
        # Another printer may be plugged in next.
        self._confirmation, self._asked_how = None, 0
        self._forget()

    def status(self) -> PrinterStatus:
        """Its state now; never raises. Milliseconds, or some seconds if it does not answer."""
        try:
            state = self._fresh_state()
        except WireGone as gone:
            self.close()
            return PrinterStatus(False, PaperState.UNKNOWN, str(gone))
        paper = state.paper
        if paper is PaperState.OK and not self._capabilities.reports_paper:
            paper = PaperState.UNKNOWN
        return PrinterStatus(state.online, paper, state.detail)

    def print(
        self,
        pdf: bytes,
        *,
        title: str,  # noqa: ARG002 - a receipt says what it is
        deadline_s: float,
        cancel: Cancel,
    ) -> PrintJob:
        """Print a PDF as described above. Taking back what was begun may last a few seconds
        beyond `deadline_s` or a cancel where the printer is mute. Raises DeviceError."""
        until = time.monotonic() + deadline_s
        cancel.raise_if_cancelled()
        page = [band.command for band in bands(draw(pdf, cancel, deadline_s=deadline_s))]
        token = _token()
        try:
            self._check_before(cancel)
            self._prepare()
            job = _Job(page, codes.CUT + self._request(token), until, cancel)
        except WireGone as gone:
            self.close()
            raise DeviceError(Fault.PRINTER_ABSENT, str(gone)) from None
        try:
            self._send(job)
            self._await_end(job, token)
        except _Stopped as stopped:
            raise self._given_up(job, stopped) from None
        except WireGone as gone:
            self.close()
            raise self._given_up(job, _Stopped(Fault.PRINTER_ABSENT, str(gone))) from None
        if self._confirmation is Confirmation.NONE:
            raise DeviceError(Fault.PRINT_UNKNOWN, "this printer does not confirm")
        return PrintJob(token.decode(), self._name)

    # Before a job.

    def _check_before(self, cancel: Cancel) -> None:
        """Raise what keeps the printer from printing; nothing has been sent yet."""
        state = self._fresh_state()
        if state.conditions & {Condition.CUTTER, Condition.RECOVERABLE}:
            # If a technician has removed the jam, the printer waits to be told so.
            self._left_over = self._left_over or 0
            self._put(codes.RECOVER_CLEARING)
            cancel.wait(_SETTLE_S)
            state = self._state()
        cancel.raise_if_cancelled()
        if state.fault is not None:
            raise DeviceError(state.fault, state.detail)

    def _prepare(self) -> None:
        """A clean printer that reports changes, and knowledge of how it confirms."""
        if self._left_over is not None:
            # Dots that are still missing first: until they came, all else is taken for dots.
            self._put_whole(bytes(self._left_over))
            self._clear()
            self._put_whole(_FEED_OUT)
            self._left_over = None
        self._changed = frozenset()
        self._put_whole(codes.INITIALIZE + codes.REPORT_CHANGES)
        if self._confirmation is None or (
            self._confirmation is Confirmation.NONE and self._asked_how < _ASK_HOW_OFTEN
        ):
            self._confirmation = self._find_out()
            self._asked_how += 1

    def _find_out(self) -> Confirmation:
        """How the printer confirms: asked while it has nothing else to do."""
        token = _token()
        self._sensors = 0
        self._put_whole(codes.process_id_request(token) + codes.PAPER_SENSOR)
        patience_s = _FIRST_ANSWERS * self._answer_s
        if self._hear(lambda: token in self._tokens or self._sensors > 0, patience_s):
            # Both are answered in their turn, so the process id is due by now.
            if self._hear(lambda: token in self._tokens, self._answer_s):
                self._hear(lambda: self._sensors > 0, self._answer_s)
                return Confirmation.PROCESS_ID
            return Confirmation.IN_TURN
        return Confirmation.NONE

    def _request(self, token: bytes) -> bytes:
        """What asks for the confirmation of a job."""
        self._sensors, self._noise = 0, self._parser.dropped_bytes
        return {
            Confirmation.PROCESS_ID: codes.process_id_request(token),
            Confirmation.IN_TURN: codes.PAPER_SENSOR,
            Confirmation.NONE: b"",
        }[self._confirmation or Confirmation.NONE]

    # A job.

    def _send(self, job: _Job) -> None:
        moved_at = time.monotonic()
        while job.at < len(job.stream):
            self._watch(job)
            # A command at a time: questions may only stand between two.
            sent = self._line().write(job.stream[job.at : job.next_end], _TICK_S)
            job.at += sent
            now = time.monotonic()
            if sent:
                moved_at = now
            elif now - moved_at >= self._stall_s:
                raise _Stopped(Fault.PRINT_FAILED, "it takes no more data")
            else:
                # A line that takes nothing may still say something.
                self._pump(_TICK_S)

    def _await_end(self, job: _Job, token: bytes) -> None:
        """Return when the printer has confirmed the job, or cannot."""
        done: Callable[[], bool] = {
            Confirmation.PROCESS_ID: lambda: token in self._tokens,
            Confirmation.IN_TURN: lambda: self._sensors > 0,
            Confirmation.NONE: lambda: True,
        }[self._confirmation or Confirmation.NONE]
        give_up = time.monotonic() + self._confirm_s
        while not done():
            self._watch(job)
            if time.monotonic() >= give_up:
                raise _Stopped(Fault.DEADLINE, "no confirmation")
            self._pump(_TICK_S)
        if self._confirmation is Confirmation.PROCESS_ID:
            return
        state = self._state()
        if state.fault is not None:
            raise _Stopped(state.fault, state.detail)
        # An answer in its turn is one plain byte: among noise it proves nothing.
        alone = self._sensors == 1 and self._noise == self._parser.dropped_bytes
        if self._confirmation is Confirmation.IN_TURN and not alone:
            raise _Stopped(Fault.PRINT_UNKNOWN, "noise on the line")

    def _watch(self, job: _Job) -> None:
        """Look after cancel, deadline and what the printer says. Raises _Stopped."""
        now = time.monotonic()
        try:
            job.cancel.raise_if_cancelled()
        except DeviceError as error:
            raise _Stopped(error.fault) from None
        if now >= job.until:
            raise _Stopped(Fault.DEADLINE)
        self._pump(0.0)
        if not job.missing_bytes:
            if self._changed == {Condition.OFFLINE}:
                # Why it is offline is not said unasked.
                self._changed |= self._state().conditions
            elif now - self._looked_at >= _LOOK_EVERY_S and not self._owed:
                self._looked_at = now
                if self._put(codes.status_query(1)):
                    self._owed, self._looking = 1, True
        fault = State(self._changed, frozenset({1})).fault
        if fault is None:
            job.trouble_since = None
        elif job.trouble_since is None:
            job.trouble_since = now
        elif now - job.trouble_since >= self._patience_s:
            raise _Stopped(fault, ",".join(sorted(self._changed)))

    def _given_up(self, job: _Job, stopped: _Stopped) -> DeviceError:
        """Take back what can be taken back; what to report."""
        cleared = False
        # What a line that is gone had taken in may not have arrived, in whole or in part.
        self._left_over = _LONGEST_BAND_BYTES if self._wire is None else job.missing_bytes
        try:
            if self._wire is not None:
                if stopped.fault is Fault.PRINTER_ABSENT:
                    # Even among dots: nothing of this page is to be printed any more.
                    state = self._state()
                    stopped = _Stopped(state.fault or stopped.fault, state.detail)
                cleared = self._settle(job)
        except WireGone:
            self.close()
            self._left_over = _LONGEST_BAND_BYTES
        why = f"{stopped.fault.code} {stopped.detail}".strip()
        if not job.started:
            return DeviceError(stopped.fault, stopped.detail)
        if not job.page_sent or (cleared and stopped.fault in _STOPS_PAPER):
            return DeviceError(Fault.PRINT_HALF, why)
        return DeviceError(Fault.PRINT_UNKNOWN, why)

    def _settle(self, job: _Job) -> bool:
        """Empty the printer; True if it says that it did. Ejects what it holds if it can.

        What the line still holds is dropped with the line: no printer is to find it later.
        """
        if self._wire is not None and job.started:
            self._wire.discard()
            self._wire = None
            self._left_over = _LONGEST_BAND_BYTES
            self._forget()
        # A printer that knows this command needs no more; another takes it for dots, and then
        # has to be given what is missing first.
        if not self._clear():
            if not self._put(bytes(self._left_over or 0)):
                return False
            if not self._clear():
                return False
        self._left_over = 0
        if self._state().fault is None and self._put(_FEED_OUT):
            self._left_over = None
        return True

    def _clear(self) -> bool:
        """Ask for empty buffers; whether the printer said that they are."""
        self._cleared = False
        return self._put(codes.CLEAR_BUFFERS) and self._hear(lambda: self._cleared, self._answer_s)

    # The four questions.

    def _fresh_state(self) -> State:
        """The state over a line that works, opened anew if it has died unnoticed.

        Raises WireGone.
        """
        try:
            state = self._state() if self._wire is not None else None
        except WireGone:
            state = None
        if state is None or not state.answered:
            self.close()
            state = self._state()
        if not state.answered:
            # A dead line looks like a mute printer: the next call tries a new one.
            self.close()
        return state

    def _state(self) -> State:
        for _ in range(_TRIES_IN_NOISE):
            noise = self._parser.dropped_bytes
            answers = self._ask_all()
            if noise == self._parser.dropped_bytes:
                return codes.decode(answers)
        return State(frozenset(), frozenset())

    def _ask_all(self) -> dict[int, int]:
        answers: dict[int, int] = {}
        for number in codes.STATUS_QUERIES:
            if self._unanswered[number] >= _LACKS_AFTER and self._unanswered[number] % (
                _ASK_AGAIN_EVERY
            ):
                self._unanswered[number] += 1
                continue
            byte = self._ask(number)
            if byte is not None:
                answers[number] = byte
                self._unanswered[number] = 0
            elif not answers:
                break
            else:
                self._unanswered[number] += 1
        return answers

    def _ask(self, number: int) -> int | None:
        # A late answer to an earlier question must not be taken for this one's.
        if self._owed and not self._hear(lambda: not self._owed, self._answer_s):
            self._doubt = True
        if self._doubt and not self._fall_silent():
            return None
        self._pump(0.0)
        self._owed, self._looking = 0, False
        self._real_time.clear()
        if not self._put(codes.status_query(number)):
            return None
        self._owed = 1
        if self._hear(lambda: bool(self._real_time), self._answer_s):
            return self._real_time.popleft()
        self._doubt = True
        return None

    def _fall_silent(self) -> bool:
        """Wait until nothing comes any more; False if that takes too long."""
        until = time.monotonic() + _LONGEST_DOUBT * self._answer_s
        while time.monotonic() < until:
            if not self._pump(_SILENCE * self._answer_s):
                self._doubt = False
                return True
        return False

    # The line.

    def _line(self) -> Wire:
        if self._wire is None:
            self._wire = self._open_wire()
        return self._wire

    def _put(self, data: bytes) -> bool:
        """Send all of it; False if the line did not take it within `answer_s`."""
        until = time.monotonic() + self._answer_s
        at = 0
        while at < len(data):
            at += self._line().write(data[at:], max(0.0, until - time.monotonic()))
            if at < len(data) and time.monotonic() >= until:
                return False
        return True

    def _put_whole(self, data: bytes) -> None:
        if not self._put(data):
            raise WireGone("it takes no data")

    def _hear(self, done: Callable[[], bool], timeout_s: float) -> bool:
        """Read until `done`; False if it was not within `timeout_s`."""
        until = time.monotonic() + timeout_s
        while not done():
            left_s = until - time.monotonic()
            if left_s <= 0:
                return False
            self._pump(left_s)
        return True

    def _pump(self, timeout_s: float) -> bool:
        """Read what is there, or comes within `timeout_s`, and note what it says.

        False if nothing came.
        """
        data = self._line().read(timeout_s)
        for reply in self._parser.feed(data):
            match reply:
                case codes.RealTime(byte):
                    self._real_time.append(byte)
                    self._owed = max(0, self._owed - 1)
                    self._note_look(byte)
                case codes.Automatic(conditions):
                    self._changed = conditions
                case codes.ProcessId(token):
                    self._tokens.append(token)
                case codes.Cleared():
                    self._cleared = True
                case codes.Sensor():
                    self._sensors += 1
        return bool(data)

    def _note_look(self, byte: int) -> None:
        """The answer to a look in the middle of a job."""
        if self._looking:
            self._looking = False
            offline = codes.decode({1: byte}).conditions
            self._changed = self._changed | offline if offline else frozenset()

    def _forget(self) -> None:
        """A new line has said nothing yet; an answer that the old one owes may come over it."""
        self._doubt = self._doubt or self._owed > 0
        self._parser = ReplyParser()
        self._real_time.clear()
        self._tokens.clear()
        self._changed = frozenset()
        self._unanswered.clear()
        self._cleared = self._looking = False
        self._sensors = self._noise = self._owed = 0
        self._looked_at = 0.0


def _token() -> bytes:
    return bytes(random.choices(codes.TOKEN_ALPHABET, k=4))
