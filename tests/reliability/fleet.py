"""A fleet in virtual time: production senders, each with its own clock, against one backend.

What is simulated is the line, the backend and the queue's disk; who decides when to try what is
`offline_queue.sender` itself. A terminal's day of outage is shortened to its last span of
backoff: its probes have failed often enough for the longest wait, which is how it stands after
a day.
"""

from __future__ import annotations

import heapq
import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from offline_queue.answers import Answer
from offline_queue.records import Claim, Receipt, State
from offline_queue.sender import Sender, SenderSettings
from offline_queue.wire import WireSettings

_JSON: Final = "application/json"
_FAILED_OFTEN: Final = 12  # so many probes have failed that the wait is the longest
_OK: Final = Answer(200, _JSON, b'{"status":"ok"}')
_DOWN: Final = Answer()


class _Done:
    """A future that is done; a real one has locks."""

    def __init__(self, value: Any = None) -> None:
        self._value = value

    def result(self) -> Any:
        return self._value


class QueueInMemory:
    """What the sender asks of an outbox, for applications without parts."""

    def __init__(self, ids: list[str]) -> None:
        self.waiting = deque(ids)
        self.attempts: dict[str, int] = {}
        self.delivered: list[str] = []

    def add_listener(self, _listener: Callable[[str], None]) -> None: ...

    def add_failure_listener(self, _listener: Callable[..., None]) -> None: ...

    def claim(self, not_yet: Any = ()) -> _Done:
        for id_ in self.waiting:
            if id_ not in not_yet:
                self.attempts[id_] = self.attempts.get(id_, 0) + 1
                return _Done(Claim(id_, id_, id_, (), self.attempts[id_]))
        return _Done()

    def handover(self, id_: str) -> _Done:
        return _Done(id_.encode())

    def put_back(self, _id: str, state: State, _reason: str, *, counted: bool = True) -> _Done:
        assert state is not State.QUARANTINED
        if not counted:
            self.attempts[_id] -= 1
        return _Done()

    def mark_delivered(self, id_: str, _receipt: Receipt) -> _Done:
        self.waiting.remove(id_)
        self.delivered.append(id_)
        return _Done(True)

    def purge(self) -> _Done:
        return _Done(0)


@dataclass
class Clock:
    """One terminal's time and chance."""

    chance: Random
    now: float = 0.0

    def monotonic(self) -> float:
        return self.now

    def random(self) -> float:
        return self.chance.random()

    def wait(self, signal: threading.Event, timeout_s: float | None) -> None:
        raise AssertionError("a driven sender does not wait")


@dataclass
class Backend:
    """Answers from `up_at` on; takes at most `per_s` applications a second where that is set.

    Of what it commits, every `lose`-th answer is lost, and every `fail`-th is a 500.
    """

    up_at: float
    per_s: float | None = None
    lose: int = 0
    fail: int = 0
    arrived: list[float] = field(default_factory=list)  # when each application was asked for
    effects: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    _tokens: float = 0.0
    _filled_at: float = 0.0
    _answers: int = 0

    def take(self, id_: str, now: float) -> Answer:
        """One application."""
        if now < self.up_at:
            return _DOWN_BY_NETWORK
        if self.per_s is not None and not self._room(self.per_s, now):
            self.refused += 1
            return Answer(429, _JSON, b"{}", retry_after="30")
        self.arrived.append(now)
        self.effects.setdefault(id_, 0)
        if self.effects[id_] == 0:
            self.effects[id_] = 1
        self._answers += 1
        if self.lose and self._answers % self.lose == 0:
            return _DOWN_BY_NETWORK
        if self.fail and self._answers % self.fail == 0:
            return Answer(500, _JSON, b"{}")
        return Answer(201, _JSON, json.dumps(id_).encode())

    def _room(self, per_s: float, now: float) -> bool:
        gained = (now - max(self._filled_at, self.up_at)) * per_s
        self._tokens = min(per_s, self._tokens + max(0.0, gained))
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


_DOWN_BY_NETWORK: Final = Answer(trouble=_DOWN.trouble.NETWORK)


class LineInMemory:
    """What the sender asks of a wire."""

    def __init__(self, backend: Backend, clock: Clock, answer_s: float) -> None:
        self._backend = backend
        self._clock = clock
        self._answer_s = answer_s

    def request(self, method: str, _path: str, *, body: bytes = b"", **_: object) -> Answer:
        if method == "GET":
            return _OK if self._clock.now >= self._backend.up_at else _DOWN_BY_NETWORK
        answer = self._backend.take(body.decode(), self._clock.now)
        self._clock.now += self._answer_s
        return answer


def read_acknowledgement(body: bytes, id_: str, _digest: str) -> Receipt:
    """The simulated backend names the application and nothing else."""
    if json.loads(body) != id_:
        raise ValueError("speaks of another submission")
    return Receipt("C", 1, "T")


@dataclass
class Outcome:
    """What a fleet's return looked like."""

    backend: Backend
    queues: list[QueueInMemory]
    last_s: float  # from the line's return to the last delivery

    def most_within(self, span_s: float) -> int:
        """The most applications that came within any span of this length."""
        times = sorted(self.backend.arrived)
        most, first = 0, 0
        for last, at in enumerate(times):
            while times[first] <= at - span_s:
                first += 1
            most = max(most, last - first + 1)
        return most


def come_back(
    seed: int, *, terminals: int, waiting: int, spread_s: float, backend: Backend
) -> Outcome:
    """The line was down for a day; let time pass until every terminal is done."""
    chance = Random(seed)
    settings = SenderSettings(WireSettings("http://simulated"), spread_s=spread_s)
    queues: list[QueueInMemory] = []
    turns: list[tuple[float, int]] = []
    senders: list[tuple[Sender, Clock]] = []
    for place in range(terminals):
        count = chance.randrange(2 * waiting) + 1  # its mean is `waiting` and a half
        queue = QueueInMemory([f"{place}-{n}" for n in range(count)])
        clock = Clock(Random(chance.getrandbits(64)))
        sender = Sender(
            queue,  # type: ignore[arg-type]
            settings,
            acknowledge=read_acknowledgement,
            pace=clock,
            wire=LineInMemory(backend, clock, 0.05),  # type: ignore[arg-type]
        )
        sender._held_until = 0.0
        sender._line_up = False
        sender._probe_failures = _FAILED_OFTEN
        # Where in its last but one wait it was.
        begin = chance.random() * settings.backoff.cap_s
        queues.append(queue)
        senders.append((sender, clock))
        heapq.heappush(turns, (begin, place))
    last = 0.0
    while turns:
        now, place = heapq.heappop(turns)
        sender, clock = senders[place]
        clock.now = now
        wait_s = sender.step()
        if wait_s is None:
            last = max(last, clock.now)
            continue
        # A little more, or rounding would let no time pass at all.
        heapq.heappush(turns, (clock.now + wait_s + 1e-6, place))
    return Outcome(backend, queues, last - backend.up_at)


def summary(outcome: Outcome) -> str:
    """One line of figures."""
    return json.dumps(
        {
            "applications": len(outcome.backend.effects),
            "asked": len(outcome.backend.arrived) + outcome.backend.refused,
            "most_in_10_s": outcome.most_within(10),
            "last_s": round(outcome.last_s),
        }
    )
