"""Delivers what the outbox keeps, exactly once, over a line that may be down for weeks.

One thread that owns no connection to the database: it asks the outbox for one submission
at a time and talks HTTP. Attachments are put one by one, so an upload that broke off is
resumed where it stopped; the document is posted last, with the submission's id as
`Idempotency-Key`. What an answer means is the table in `offline_queue.answers`.

Each submission waits for itself, so one that always fails holds up no other, and one for which
the sender had to pause comes after the others. While the line is down there is one probe
instead of an attempt for each; where several fail in a row the backend itself is taken for ill
and asked less and less often. All waiting is measured by the monotonic clock and can be
injected; so is chance.
"""

from __future__ import annotations

import atexit
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from random import SystemRandom
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import quote

from offline_queue.answers import Answer, Row, Trouble, Verdict, judge, retry_after_s
from offline_queue.backoff import Backoff
from offline_queue.errors import QueueError, QueueFault
from offline_queue.limits import Intake, Level
from offline_queue.outbox import Outbox
from offline_queue.records import Claim, QueueStatus, Receipt, State
from offline_queue.wire import Wire, WireSettings

log = logging.getLogger(__name__)

API: Final = "/v1"
_DAMAGED_MOST: Final = 3  # times that the line may damage a submission before staff look
_ILL_FROM: Final = 3  # so many submissions that failed in a row are the backend's trouble
_RETRY_SPREAD: Final = 0.25  # of a `Retry-After`: those told the same do not come as one
_FIRST_BEAT_S: Final = 60.0
_PURGE_EVERY_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """Where to deliver and at what pace.

    `pause_s` is how long the sender rests after 401, 403, 404 or a TLS error before it
    looks again by itself. `spread_s` is the span over which a fleet's terminals spread
    their start when power or line come back (fleet size over target rate). `idle_probe_s`
    keeps the state of the line fresh while there is nothing to send; None probes never.
    """

    wire: WireSettings
    backoff: Backoff = field(default_factory=Backoff)
    pause_s: float = 900.0
    spread_s: float = 0.0
    idle_probe_s: float | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """The backend has it. Only now may anybody say "received"."""

    number: str
    case_number: str
    received_at: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not delivered yet; it is safe here and will be tried again."""

    number: str
    reason: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Quarantined:
    """The backend refuses it for good; staff must look."""

    number: str
    reason: str


@dataclass(frozen=True, slots=True)
class LineChanged:
    """The backend can be reached, or no longer."""

    up: bool


@dataclass(frozen=True, slots=True)
class Alarm:
    """Somebody must mend `reason`: until then nothing can be delivered or, where it is a code
    of the outbox (QU-02), nothing more be taken in."""

    reason: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What the terminal tells the backend about itself every `every_s` or so.

    `tell` makes the body (JSON) from the queue's figures. `told` reads a good answer and
    returns whether the key set should be fetched; `keys` takes that (the body of
    `GET /v1/keys`), also once after each start. Both raise ValueError for what they do not
    accept. All are called on the sender thread. A heartbeat that fails changes nothing. One
    more is sent as soon as the outbox's disk has failed.
    """

    tell: Callable[[QueueStatus], bytes]
    told: Callable[[bytes], bool] = lambda _: False
    keys: Callable[[bytes], None] | None = None
    every_s: float = 300.0


SenderEvent: TypeAlias = Delivered | Waiting | Quarantined | LineChanged | Alarm
Acknowledge: TypeAlias = Callable[[bytes, str, str], Receipt]


class Pace(Protocol):
    """Time as the sender knows it."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    def random(self) -> float:
        """A value in [0, 1)."""

    def wait(self, signal: threading.Event, timeout_s: float | None) -> None:
        """Return when `signal` is set or `timeout_s` seconds have passed."""


class RealPace:
    """The machine's time and chance."""

    def __init__(self) -> None:
        self._random = SystemRandom()

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def random(self) -> float:
        """A value in [0, 1)."""
        return self._random.random()

    def wait(self, signal: threading.Event, timeout_s: float | None) -> None:
        """Return when `signal` is set or `timeout_s` seconds have passed."""
        signal.wait(timeout_s)


def plain_acknowledgement(body: bytes, id_: str, digest: str) -> Receipt:
    """Accept `{"application_id", "digest", "case_number", "sequence", "received_at"}`.

    Raises ValueError when it is not that, or speaks of another submission.
    """
    plain = json.loads(body)
    if not isinstance(plain, dict):
        raise ValueError("not an object")
    if plain.get("application_id") != id_ or plain.get("digest") != digest:
        raise ValueError("speaks of another submission")
    case, sequence, at = (plain.get(k) for k in ("case_number", "sequence", "received_at"))
    if (
        not isinstance(case, str)
        or not case
        or not isinstance(sequence, int)
        or isinstance(sequence, bool)
        or not isinstance(at, str)
        or not at
    ):
        raise ValueError("incomplete")
    return Receipt(case, sequence, at)


class Sender:
    """The sender thread. `start` it, `close` it; `poke` it to try everything now."""

    def __init__(
        self,
        outbox: Outbox,
        settings: SenderSettings,
        *,
        on_change: Callable[[SenderEvent], None] = lambda _: None,
        acknowledge: Acknowledge = plain_acknowledgement,
        heartbeat: Heartbeat | None = None,
        pace: Pace | None = None,
        wire: Wire | None = None,
    ) -> None:
        """Nothing is sent before `start`.

        `on_change` is called on the sender thread and must not block. `acknowledge` looks
        at the body of a 200 or 201 and raises ValueError unless it is an acknowledgement
        for this id and digest.
        """
        self._outbox = outbox
        self._settings = settings
        self._on_change = on_change
        self._acknowledge = acknowledge
        self._heartbeat = heartbeat
        self._pace: Pace = pace or RealPace()
        self._wire = wire or Wire(settings.wire)
        self._thread = threading.Thread(target=self._run, name="outbox-sender", daemon=True)
        self._signal = threading.Event()
        self._stopping = threading.Event()
        self._poked = False
        self._line_up: bool | None = None  # not known before the first answer
        self._alarm = ""
        self._probe_failures = 0
        self._probe_due = 0.0  # monotonic time of the next look at an idle line
        now = self._pace.monotonic()
        # Nothing that waits is sent before this monotonic time. A whole county's power may have
        # come back with ours.
        self._held_until = now + settings.spread_s * self._pace.random()
        self._beat_due = now + _FIRST_BEAT_S * self._pace.random()
        self._purge_due = now + _PURGE_EVERY_S
        self._keys_wanted = True
        self._disk = ""  # the code of why the outbox takes nothing in any more
        self._disk_told = False
        self._figures = QueueStatus({}, None, 0, "")  # the last that could be read
        self._damaged: dict[str, int] = {}  # id -> times that the line damaged it
        self._ill: set[str] = set()  # ids that failed since the backend last did its work
        self._denied: set[str] = set()  # ids that were answered with 401, 403 or 404 last
        self._due: dict[str, float] = {}  # id -> monotonic time of its next attempt
        self._fresh: deque[str] = deque()  # numbers saved since the last look
        self._owed: deque[tuple[Callable[[], Future[Any]], SenderEvent | None]] = deque()
        outbox.add_listener(self._saved)
        outbox.add_failure_listener(self._disk_failed)

    # --- for any thread

    @property
    def line_up(self) -> bool | None:
        """Whether the backend answered last; None before the first try."""
        return self._line_up

    @property
    def alarm(self) -> str:
        """What somebody must mend before anything can be delivered or taken in, or ""."""
        return self._alarm or self._disk

    def start(self) -> None:
        """Begin to deliver, until `close` or the end of the program."""
        self._thread.start()
        atexit.register(self.close)

    def poke(self) -> None:
        """Forget every wait and pause, and try now."""
        self._poked = True
        self._signal.set()

    def close(self) -> None:
        """Cut off what is under way and end the thread; nothing is lost. Call it before
        the outbox is closed."""
        self._stopping.set()
        self._signal.set()
        self._wire.cut()
        if self._thread.ident is not None:
            self._thread.join()
        self._wire.close()
        atexit.unregister(self.close)

    def _saved(self, number: str) -> None:
        self._fresh.append(number)
        self._signal.set()

    def _disk_failed(self, code: str) -> None:
        self._disk = code
        self._signal.set()

    # --- the thread

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._signal.clear()
            if self._stopping.is_set():
                return
            try:
                wait_s = self.step()
            except Exception as error:  # noqa: BLE001 - delivery must outlive a fault of ours
                log.error("the sender met a fault of its own: %s", type(error).__name__)
                wait_s = self._settings.backoff.cap_s / 10
            if wait_s is None or wait_s > 0:
                self._pace.wait(self._signal, wait_s)

    def step(self) -> float | None:
        """Do one thing; how many seconds until the next is due, None for "when woken".

        Public so that tests can drive a sender that was not started.
        """
        try:
            self._tell_of_the_disk()
            return self._step()
        except QueueError as error:
            if error.fault is QueueFault.CLOSED:
                return None
            # A full or failing disk: what was in hand is settled before anything else.
            log.warning("the outbox cannot follow the sender: %s", error.code)
            self._tell_of_the_disk()
            return self._settings.backoff.cap_s / 10

    def probe(self) -> bool:
        """Ask the backend whether it is there. Only its own JSON counts as yes.

        For the sender's thread, or for a sender that was not started.
        """
        answer = self._wire.request("GET", f"{API}/health")
        plain = answer.json()
        healthy = answer.status == 200 and isinstance(plain, dict) and plain.get("status") == "ok"
        row = judge(replace(answer, good=healthy))
        if row.verdict is Verdict.PAUSE:
            self._pause(row, answer)
        elif not healthy:
            self._line_down(retry_after_s(answer))
        else:
            self._line_is_up()
        return healthy

    def _step(self) -> float | None:
        self._pay()
        if self._poked:
            self._poked = False
            self._due.clear()
            self._held_until = 0.0
        every_s = self._settings.idle_probe_s
        if self._line_up is None and every_s is not None and not self._alarm:
            # Whoever stands there is told how it is; only what waits is spread.
            self._probe_due = self._pace.monotonic() + every_s
            self.probe()
        if self._line_up is False or self._alarm:
            return self._step_down()
        hold_s = self._held_until - self._pace.monotonic()
        if hold_s > 0:
            self._tell_fresh("busy")
            return hold_s
        self._keep_house()
        if self.line_up is False:
            return 0.0
        now = self._pace.monotonic()
        not_yet = {id_ for id_, due in self._due.items() if due > now}
        # Those that failed, and those for which all was paused, do not come again before the
        # others had their turn: a proxy may dislike one of them and no other.
        behind = self._denied | (self._due.keys() if self._ill else not_yet)
        claim = self._outbox.claim(behind).result()
        if claim is None and behind != not_yet:
            claim = self._outbox.claim(not_yet).result()
        if claim is None:
            # Those whose time came and that nobody could claim were settled by somebody else.
            self._due = {id_: due for id_, due in self._due.items() if due > now}
            self._denied.clear()
            self._fresh.clear()
            return self._idle(now)
        if claim.number in self._fresh:
            self._fresh.remove(claim.number)
        self._deliver(claim)
        return 0.0

    def _keep_house(self) -> None:
        now = self._pace.monotonic()
        if now >= self._purge_due:
            more = self._outbox.purge().result() > 0
            self._purge_due = now + (1.0 if more else _PURGE_EVERY_S)
        if self._heartbeat is not None and now >= self._beat_due:
            share = 0.75 + 0.5 * self._pace.random()
            self._beat_due = now + self._heartbeat.every_s * share
            self._beat(self._heartbeat)

    def _tell_of_the_disk(self) -> None:
        """Once: to whoever listens here, and to the backend while the line is up."""
        if not self._disk or self._disk_told:
            return
        self._disk_told = True
        log.error("nothing more can be taken in: %s", self._disk)
        self._announce(Alarm(self._disk))
        if self._line_up is False:
            self._beat_due = self._pace.monotonic()
        elif self._heartbeat is not None:
            self._beat(self._heartbeat)

    def _status(self) -> QueueStatus:
        """The queue's figures; a disk that fails does not keep the backend from being told."""
        try:
            self._figures = self._outbox.status().result()
        except QueueError as error:
            if error.fault is QueueFault.CLOSED:
                raise
            closed = Intake(Level.CLOSED, error.code)
            self._figures = replace(self._figures, intake_open=False, intake=closed)
        return self._figures

    def _beat(self, heartbeat: Heartbeat) -> None:
        """Tell the backend how it goes, and fetch its keys where there are newer ones."""
        body = heartbeat.tell(self._status())
        answer = self._wire.request("POST", f"{API}/heartbeat", body=body)
        if answer.trouble is Trouble.NETWORK:
            self._line_down()
            return
        if answer.status != 200 or answer.json() is None:
            return
        try:
            self._keys_wanted = heartbeat.told(answer.body) or self._keys_wanted
            if not self._keys_wanted or heartbeat.keys is None:
                return
            answer = self._wire.request("GET", f"{API}/keys")
            if answer.status == 200 and answer.json() is not None:
                heartbeat.keys(answer.body)
                self._keys_wanted = False
        except ValueError:
            log.error("the backend's answer to a heartbeat was refused")

    def _step_down(self) -> float:
        """The line is down or an alarm stands: one probe, then wait."""
        hold_s = self._held_until - self._pace.monotonic()
        # Somebody stands at the terminal: their submission is worth one look at the line.
        if hold_s > 0 and not self._fresh:
            return hold_s
        if not self.probe():
            self._tell_fresh(self._alarm or "line-down")
        return max(0.0, self._held_until - self._pace.monotonic())

    def _tell_fresh(self, reason: str) -> None:
        while self._fresh:
            self._announce(Waiting(self._fresh.popleft(), reason, 0))

    def _idle(self, now: float) -> float | None:
        waits = [due - now for due in self._due.values()]
        if self._heartbeat is not None:
            waits.append(self._beat_due - now)
        if self._settings.idle_probe_s is not None:
            if now >= self._probe_due:
                self._probe_due = now + self._settings.idle_probe_s
                if not self.probe():
                    return 0.0  # the line is down, or an alarm stands: another kind of waiting
            waits.append(self._probe_due - now)
        return max(0.0, min(waits)) if waits else None

    def _deliver(self, claim: Claim) -> None:
        try:
            answer = self._send(claim)
        except QueueError as error:
            self._on_trouble_here(claim, error)
            return
        row = judge(answer)
        if answer.status and row.verdict not in (Verdict.PORTAL, Verdict.PAUSE):
            self._line_is_up()
        if row.verdict in _WORKING:
            self._ill.clear()
        self._denied.discard(claim.id)
        _ACTIONS[row.verdict](self, claim, row, answer)

    def _send(self, claim: Claim) -> Answer:
        """Parts that the backend does not have yet, then what is posted."""
        base = f"{API}/applications/{quote(claim.id, safe='')}/parts"
        # Taken in before: only the acknowledgement is missing, not the parts.
        parts = () if claim.asked else claim.parts
        there: dict[str, str] = {}
        if parts and claim.attempts > 1:
            answer = self._wire.request("GET", base)
            listed = _parts_there(answer)
            if listed is None:
                return answer
            there = listed
        headers = {"X-Suite": claim.suite} if claim.suite else {}
        for head in parts:
            if there.get(head.id) == head.digest:
                continue
            answer = self._wire.request(
                "PUT",
                f"{base}/{quote(head.id, safe='')}",
                body=self._outbox.part(claim.id, head.id).result(),
                media_type=head.media_type,
                headers=headers,
            )
            if not _part_taken(answer, head.digest):
                return answer
        answer = self._wire.request(
            "POST",
            f"{API}/applications",
            body=self._outbox.handover(claim.id).result(),
            headers={"Idempotency-Key": claim.id},
        )
        return replace(answer, good=self._receipt(claim, answer) is not None)

    def _receipt(self, claim: Claim, answer: Answer) -> Receipt | None:
        if answer.status not in (200, 201) or answer.json() is None:
            return None
        try:
            return self._acknowledge(answer.body, claim.id, claim.digest)
        except ValueError:
            # It may be signed by a key that this terminal has not heard of yet.
            self._beat_due = self._pace.monotonic()
            return None

    def _on_trouble_here(self, claim: Claim, error: QueueError) -> None:
        if error.fault in (QueueFault.UNREADABLE, QueueFault.ABSENT):
            # This one is damaged on this disk; what is readable must still go out.
            reason = f"damaged-here {error.code}"
            self._quarantine(claim, reason)
            return
        # The disk is in trouble as a whole: the attempt is written down when it is not.
        code = error.code
        self._owed.append(
            (
                lambda: self._outbox.put_back(claim.id, State.WAITING, code, counted=False),
                Waiting(claim.number, code, claim.attempts - 1),
            )
        )
        raise error

    # --- verdicts, one method each

    def _on_delivered(self, claim: Claim, _row: Row, answer: Answer) -> None:
        receipt = self._receipt(claim, answer)
        if receipt is None:  # a validator that changes its mind
            self._put_back(claim, State.WAITING, "not-the-backend")
            return
        self._due.pop(claim.id, None)
        self._damaged.pop(claim.id, None)
        self._settle(
            lambda: self._outbox.mark_delivered(claim.id, receipt),
            Delivered(claim.number, receipt.case_number, receipt.received_at, claim.attempts),
        )

    def _on_accepted(self, claim: Claim, row: Row, answer: Answer) -> None:
        self._later(claim, retry_after_s(answer))
        self._put_back(claim, State.ACCEPTED, row.name)

    def _on_wait(self, claim: Claim, row: Row, answer: Answer) -> None:
        wish_s = retry_after_s(answer)
        now = self._pace.monotonic()
        if wish_s is not None:
            # The server speaks for itself, not for this one submission.
            wish_s *= 1.0 + _RETRY_SPREAD * self._pace.random()
            self._held_until = now + wish_s
        elif row.verdict is Verdict.WAIT:
            self._ill.add(claim.id)
            if len(self._ill) >= _ILL_FROM:
                failures = len(self._ill) - _ILL_FROM + 1
                backoff = self._settings.backoff
                self._held_until = now + backoff.delay_s(failures, self._pace.random)
        self._later(claim, wish_s)
        self._put_back(claim, State.WAITING, f"{row.name} {answer.status}")

    def _on_damaged(self, claim: Claim, row: Row, answer: Answer) -> None:
        times = self._damaged.get(claim.id, 0) + 1
        if times > _DAMAGED_MOST:
            self._on_quarantine(claim, row, answer)
            return
        self._damaged[claim.id] = times
        self._on_wait(claim, row, answer)

    def _on_offline(self, claim: Claim, row: Row, answer: Answer) -> None:
        if self._stopping.is_set():
            # The terminal is stopping and cut the line itself; that tells nothing.
            self._put_back(claim, State.WAITING, "stopped", counted=False, tell=False)
            return
        self._line_down(retry_after_s(answer))
        # It waits for itself too: where only this one breaks the line (a large upload over
        # a bad radio), the others go first when a probe says that the line is there.
        self._later(claim, None)
        self._put_back(claim, State.WAITING, row.name)
        self._tell_fresh("line-down")

    def _on_quarantine(self, claim: Claim, row: Row, answer: Answer) -> None:
        reason = f"{row.name} {answer.status} {answer.problem}".strip()
        self._quarantine(claim, reason)

    def _quarantine(self, claim: Claim, reason: str) -> None:
        self._due.pop(claim.id, None)
        self._damaged.pop(claim.id, None)
        self._settle(
            lambda: self._outbox.put_back(claim.id, State.QUARANTINED, reason),
            Quarantined(claim.number, reason),
        )

    def _on_pause(self, claim: Claim, row: Row, answer: Answer) -> None:
        self._pause(row, answer)
        if answer.status:
            self._denied.add(claim.id)
        self._put_back(claim, State.WAITING, self._alarm, counted=False)
        self._tell_fresh(self._alarm)  # they had their look at the line

    def _pause(self, row: Row, answer: Answer) -> None:
        reason = f"{row.name} {answer.status}" if answer.status else row.name
        if answer.trouble is Trouble.TLS and self._line_up is not False:
            self._line_up = False
            self._announce(LineChanged(False))
        self._held_until = self._pace.monotonic() + self._settings.pause_s
        if reason != self._alarm:
            self._alarm = reason
            log.error("nothing can be delivered: %s", reason)
            self._announce(Alarm(reason))

    def _later(self, claim: Claim, wish_s: float | None) -> None:
        delay_s = self._settings.backoff.delay_s(claim.attempts, self._pace.random)
        self._due[claim.id] = self._pace.monotonic() + max(delay_s, wish_s or 0.0)

    def _put_back(
        self,
        claim: Claim,
        state: State,
        reason: str,
        *,
        counted: bool = True,
        tell: bool = True,
    ) -> None:
        attempts = claim.attempts if counted else claim.attempts - 1
        self._settle(
            lambda: self._outbox.put_back(claim.id, state, reason, counted=counted),
            Waiting(claim.number, reason, attempts) if tell else None,
        )

    def _settle(self, command: Callable[[], Future[Any]], event: SenderEvent | None) -> None:
        """Write down how an attempt ended, then tell; owed until the disk takes it."""
        self._owed.append((command, event))
        self._pay()

    def _pay(self) -> None:
        while self._owed:
            command, event = self._owed[0]
            command().result()
            self._owed.popleft()
            if event is not None:
                self._announce(event)

    def _announce(self, event: SenderEvent) -> None:
        try:
            self._on_change(event)
        except Exception as error:  # noqa: BLE001 - a listener must not stop delivery
            log.error("a listener of the sender failed: %s", type(error).__name__)

    # --- the line

    def _line_is_up(self) -> None:
        if self._alarm:
            self._alarm = ""
            self._held_until = 0.0
        if self._line_up is not True:
            came_back = self._line_up is False
            self._line_up = True
            self._probe_failures = 0
            if came_back:
                spread_s = self._settings.spread_s * self._pace.random()
                self._held_until = self._pace.monotonic() + spread_s
            self._announce(LineChanged(True))

    def _line_down(self, wish_s: float | None = None) -> None:
        self._alarm = ""
        self._probe_failures += 1
        delay_s = self._settings.backoff.delay_s(self._probe_failures, self._pace.random)
        self._held_until = self._pace.monotonic() + max(delay_s, wish_s or 0.0)
        if self._line_up is not False:
            self._line_up = False
            self._announce(LineChanged(False))


# Verdicts that show a backend that works, whatever it thinks of this submission.
_WORKING: Final = frozenset(
    {Verdict.DELIVERED, Verdict.ACCEPTED, Verdict.QUARANTINE, Verdict.RETRY, Verdict.RESEND}
)

_ACTIONS: Final[dict[Verdict, Callable[[Sender, Claim, Row, Answer], None]]] = {
    Verdict.DELIVERED: Sender._on_delivered,
    Verdict.ACCEPTED: Sender._on_accepted,
    Verdict.PORTAL: Sender._on_offline,
    Verdict.RETRY: Sender._on_wait,
    Verdict.RESEND: Sender._on_damaged,
    Verdict.QUARANTINE: Sender._on_quarantine,
    Verdict.PAUSE: Sender._on_pause,
    Verdict.WAIT: Sender._on_wait,
    Verdict.OFFLINE: Sender._on_offline,
}


def _parts_there(answer: Answer) -> dict[str, str] | None:
    """Part id or ordinal -> digest of what the backend has, None where it did not say."""
    plain = answer.json()
    if answer.status == 404 and answer.problem == "not-found":
        return {}  # the backend has nothing of this one yet; its own words, not a wrong door
    if answer.status != 200 or not isinstance(plain, dict):
        return None
    parts = plain.get("parts")
    if not isinstance(parts, list):
        return None
    return {_part_name(p): _part_digest(p) for p in parts if isinstance(p, dict)}


def _part_taken(answer: Answer, digest: str) -> bool:
    plain = answer.json()
    return answer.status in (200, 201) and isinstance(plain, dict) and _part_digest(plain) == digest


def _part_name(plain: dict[str, object]) -> str:
    return str(plain.get("ordinal", plain.get("id")))


def _part_digest(plain: dict[str, object]) -> str:
    return str(plain.get("digest", plain.get("sha256")))
