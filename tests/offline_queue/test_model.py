"""The outbox against a model of itself: any order of commands, restarts in between."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from queue_help import WAIT_S

from offline_queue import (
    Intake,
    Level,
    Limits,
    Outbox,
    Part,
    PrintState,
    QueueError,
    QueueFault,
    Receipt,
    Sealed,
    SealedPart,
    State,
    Submission,
)
from offline_queue.export import export, import_acknowledgements
from offline_queue.sender import plain_acknowledgement
from offline_queue.store import FIRST_PREVIOUS

SENDABLE = (State.QUEUED, State.WAITING, State.ACCEPTED)
HOLDS_ITS_LANE = (State.QUEUED, State.SENDING, State.WAITING)
ARRIVED = (State.DELIVERED, State.PURGED)
LANE_PATIENCE = 8
# Free space is left out: it is the machine's, not the model's.
LIMITS = Limits(count_most=6, free_least_bytes=0, ballast_bytes=0, keep_delivered_s=1000)
AT = "2026-01-01T00:00:00+00:00"


def hexed(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class OutboxMachine(RuleBasedStateMachine):
    """Keeps what must be true beside what the disk says."""

    kept = Bundle("kept")

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp())
        self.stick = self.place / "stick"
        self.stick.mkdir()
        self.now = 0.0  # what this run's monotonic clock says; each run has its own
        self.service = 0.0  # time in service over all runs, as far as it was written down
        self.outbox = self._open()
        self.reserved: list[str] = []
        self.submissions: dict[str, Submission | Sealed] = {}
        self.state: dict[str, State] = {}
        self.attempts: dict[str, int] = {}
        self.printed: dict[str, PrintState] = {}
        self.settled: dict[str, float] = {}
        self.chained: list[str] = []

    def _open(self) -> Outbox:
        return Outbox.open(
            self.place / "queue",
            terminal="LW042",
            chain=self._chain,
            limits=LIMITS,
            monotonic=lambda: self.now,
        )

    def _chain(self, index: int, previous: str, id_: str, digest: str) -> tuple[bytes, str]:
        assert index == len(self.chained) + 1
        assert previous == (self.chained[-1] if self.chained else FIRST_PREVIOUS)
        entry = json.dumps([index, previous, id_, digest]).encode()
        self.chained.append(hexed(entry))
        return entry, self.chained[-1]

    def teardown(self) -> None:
        self.outbox.close()
        shutil.rmtree(self.place)

    def _keep(self, new: Submission | Sealed) -> str:
        assert self.outbox.enqueue(new).result(WAIT_S).state is State.QUEUED
        self.submissions[new.id] = new
        self.state[new.id], self.attempts[new.id] = State.QUEUED, 0
        self.printed[new.id] = PrintState.WANTED
        return new.id

    def _number(self) -> str:
        number = self.outbox.reserve_number().result(WAIT_S)
        assert number not in self.reserved
        self.reserved.append(number)
        return number

    @rule(target=kept, document=st.binary(max_size=200), parts=st.lists(st.binary(max_size=50)))
    def enqueue(self, document: bytes, parts: list[bytes]) -> str:
        data = tuple(Part(str(i), "image/png", one) for i, one in enumerate(parts))
        new = Submission(uuid.uuid4().hex, self._number(), document, data, datetime.now(UTC))
        return self._keep(new)

    @rule(
        target=kept,
        parts=st.lists(st.binary(max_size=50), max_size=3),
        lane=st.sampled_from(["", "visit-1", "visit-2"]),
        priority=st.integers(0, 1),
    )
    def enqueue_sealed(self, parts: list[bytes], lane: str, priority: int) -> str:
        id_ = uuid.uuid4().hex
        envelope = json.dumps({"id": id_}).encode()
        pieces = tuple(SealedPart(one, hexed(one)) for one in parts)
        new = Sealed(
            id_,
            self._number(),
            envelope,
            hexed(envelope),
            pieces,
            datetime.now(UTC),
            lane=lane,
            priority=priority,
        )
        return self._keep(new)

    @rule()
    def reserve(self) -> None:
        self._number()

    @rule(id_=kept)
    def enqueue_again(self, id_: str) -> None:
        again = self.outbox.enqueue(self.submissions[id_]).result(WAIT_S)
        assert (again.id, again.state) == (id_, self.state[id_])

    @rule(id_=kept)
    def enqueue_other_bytes(self, id_: str) -> None:
        old = self.submissions[id_]
        other = Submission(id_, old.number, b"other", (), old.created_at)
        error = self.outbox.enqueue(other).exception(WAIT_S)
        assert isinstance(error, QueueError)
        assert error.fault is QueueFault.CONFLICT

    def _next(self, not_yet: set[str]) -> str | None:
        ids = list(self.submissions)

        def lane(id_: str) -> str:
            return getattr(self.submissions[id_], "lane", "")

        def blocked(id_: str) -> bool:
            return lane(id_) != "" and any(
                lane(other) == lane(id_)
                and self.state[other] in HOLDS_ITS_LANE
                and self.attempts[other] < LANE_PATIENCE
                for other in ids[: ids.index(id_)]
            )

        free = [
            id_
            for id_ in ids
            if self.state[id_] in SENDABLE and id_ not in not_yet and not blocked(id_)
        ]
        free.sort(key=lambda id_: -getattr(self.submissions[id_], "priority", 0))
        return free[0] if free else None

    @rule(skip=st.sets(st.integers(0, 5)))
    def claim(self, skip: set[int]) -> None:
        ids = list(self.submissions)
        not_yet = {ids[i] for i in skip if i < len(ids)}
        expected = self._next(not_yet)
        claim = self.outbox.claim(not_yet).result(WAIT_S)
        assert (claim.id if claim else None) == expected
        if claim is not None:
            assert claim.asked == (self.state[claim.id] is State.ACCEPTED)
            self.state[claim.id] = State.SENDING
            self.attempts[claim.id] += 1
            assert claim.attempts == self.attempts[claim.id]

    @rule(
        id_=kept,
        state=st.sampled_from([State.WAITING, State.ACCEPTED, State.QUARANTINED]),
        counted=st.booleans(),
    )
    def put_back(self, id_: str, state: State, counted: bool) -> None:
        self.outbox.put_back(id_, state, "because", counted=counted).result(WAIT_S)
        if self.state[id_] is State.SENDING:
            self.state[id_] = state
            self.attempts[id_] -= not counted

    def _arrived(self, id_: str) -> None:
        self.state[id_] = State.DELIVERED
        self.settled[id_] = self.service + self.now

    @rule(id_=kept)
    def deliver(self, id_: str) -> None:
        first = self.outbox.mark_delivered(id_, Receipt("C", 1, AT)).result(WAIT_S)
        assert first == (self.state[id_] not in ARRIVED)
        if first:
            self._arrived(id_)
            self._remember_service()

    @rule(id_=kept, state=st.sampled_from(PrintState))
    def print_state(self, id_: str, state: PrintState) -> None:
        error = self.outbox.set_print_state(self.submissions[id_].number, state).exception(WAIT_S)
        assert (error is not None) == (self.state[id_] is State.PURGED)
        if error is None:
            self.printed[id_] = state

    @rule(id_=kept)
    def requeue(self, id_: str) -> None:
        moved = self.outbox.requeue(self.submissions[id_].number).result(WAIT_S)
        assert moved == (self.state[id_] is State.QUARANTINED)
        if moved:
            self.state[id_], self.attempts[id_] = State.WAITING, 0

    @rule(seconds=st.integers(0, 700))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def purge(self) -> None:
        old = {
            id_
            for id_, state in self.state.items()
            if state is State.DELIVERED
            and self.settled[id_] <= self.service + self.now - LIMITS.keep_delivered_s
        }
        assert self.outbox.purge().result(WAIT_S) == len(old)
        self._remember_service()
        for id_ in old:
            self.state[id_] = State.PURGED

    def _remember_service(self) -> None:
        self.written = self.service + self.now

    written = 0.0

    @rule(believed=st.booleans())
    def export_and_import(self, believed: bool) -> None:
        done = export(self.outbox, self.stick, lambda _: b"{}", terminal="LW042", at=AT)
        out = [
            one
            for one in self.submissions.values()
            if isinstance(one, Sealed) and self.state[one.id] in (*SENDABLE, State.SENDING)
        ]
        assert done.applications == len(out)
        told = [
            {
                "application_id": one.id,
                "digest": one.digest if believed else "0" * 64,
                "case_number": "C",
                "sequence": 1,
                "received_at": AT,
            }
            for one in out
        ]
        path = self.stick / "back.json"
        path.write_text(json.dumps({"acknowledgements": told}))
        came = import_acknowledgements(self.outbox, path, plain_acknowledgement)
        assert (came.delivered, came.refused) == ((len(out), 0) if believed else (0, len(out)))
        for one in out if believed else ():
            self._arrived(one.id)
            self._remember_service()

    @rule()
    def restart(self) -> None:
        self.outbox.close()
        self.service, self.now = self.written, 0.0
        self.outbox = self._open()
        for id_, state in self.state.items():
            if state is State.SENDING:
                self.state[id_] = State.WAITING

    @invariant()
    def the_disk_says_what_the_model_says(self) -> None:
        status = self.outbox.status().result(WAIT_S)
        for state in State:
            assert status.counts[state] == list(self.state.values()).count(state)
        waiting = status.undelivered
        level = Level.CLOSED if waiting >= 6 else Level.WARNING if waiting >= 5 else Level.OPEN
        assert status.intake == Intake(level, "" if level is Level.OPEN else "QU-09")
        unprinted = [row.number for row in self.outbox.unprinted().result(WAIT_S)]
        assert unprinted == [
            self.submissions[id_].number
            for id_, state in self.printed.items()
            if state is not PrintState.PRINTED and self.state[id_] is not State.PURGED
        ]

    @invariant()
    def payloads_are_whole_until_delivered_and_gone_after(self) -> None:
        for id_, kept in self.submissions.items():
            if isinstance(kept, Sealed):
                wanted = [kept.envelope, *(part.data for part in kept.parts)]
                names = [str(ordinal) for ordinal in range(len(kept.parts))]
            else:
                wanted = [kept.document, *(part.data for part in kept.parts)]
                names = [part.id for part in kept.parts]
            futures: list[Any] = [self.outbox.document(id_)]
            futures += [self.outbox.part(id_, name) for name in names]
            if self.state[id_] in ARRIVED:
                assert all(isinstance(f.exception(WAIT_S), QueueError) for f in futures)
            else:
                assert [f.result(WAIT_S) for f in futures] == wanted


TestOutboxModel = OutboxMachine.TestCase
# An example is thirty commands with their files; a campaign has a thousand.
TestOutboxModel.settings = settings(
    max_examples=max(25, settings.default.max_examples // 20),
    stateful_step_count=30,
    deadline=None,
)
