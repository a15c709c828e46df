"""The outbox against a model of itself: any order of commands, restarts in between."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from datetime import UTC, datetime
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from offline_queue import Outbox, Part, PrintState, QueueError, QueueFault, State, Submission
from offline_queue.records import Receipt

WAIT_S = 20
SENDABLE = (State.QUEUED, State.WAITING, State.ACCEPTED)


class OutboxMachine(RuleBasedStateMachine):
    """Keeps what must be true beside what the disk says."""

    kept = Bundle("kept")

    def __init__(self) -> None:
        super().__init__()
        self.place = tempfile.mkdtemp()
        self.outbox = Outbox.open(self.place, terminal="LW042")
        self.reserved: list[str] = []
        self.submissions: dict[str, Submission] = {}
        self.state: dict[str, State] = {}
        self.attempts: dict[str, int] = {}
        self.printed: dict[str, PrintState] = {}

    def teardown(self) -> None:
        self.outbox.close()
        shutil.rmtree(self.place)

    @rule(target=kept, document=st.binary(max_size=200), parts=st.lists(st.binary(max_size=50)))
    def enqueue(self, document: bytes, parts: list[bytes]) -> str:
        number = self.outbox.reserve_number().result(WAIT_S)
        assert number not in self.reserved
        self.reserved.append(number)
        new = Submission(
            uuid.uuid4().hex,
            number,
            document,
            tuple(Part(str(i), "image/png", data) for i, data in enumerate(parts)),
            datetime.now(UTC),
        )
        assert self.outbox.enqueue(new).result(WAIT_S).state is State.QUEUED
        self.submissions[new.id] = new
        self.state[new.id], self.attempts[new.id] = State.QUEUED, 0
        self.printed[number] = PrintState.WANTED
        return new.id

    @rule()
    def reserve(self) -> None:
        number = self.outbox.reserve_number().result(WAIT_S)
        assert number not in self.reserved
        self.reserved.append(number)

    @rule(id_=kept)
    def enqueue_again(self, id_: str) -> None:
        again = self.outbox.enqueue(self.submissions[id_]).result(WAIT_S)
        assert (again.id, again.state) == (id_, self.state[id_])

    @rule(id_=kept)
    def enqueue_other_bytes(self, id_: str) -> None:
        old = self.submissions[id_]
        other = Submission(id_, old.number, old.document + b"x", old.parts, old.created_at)
        error = self.outbox.enqueue(other).exception(WAIT_S)
        assert isinstance(error, QueueError)
        assert error.fault is QueueFault.CONFLICT

    @rule(skip=st.sets(st.integers(0, 5)))
    def claim(self, skip: set[int]) -> None:
        ids = list(self.submissions)
        not_yet = {ids[i] for i in skip if i < len(ids)}
        claim = self.outbox.claim(not_yet).result(WAIT_S)
        expected = [i for i in ids if self.state[i] in SENDABLE and i not in not_yet]
        assert (claim.id if claim else None) == (expected[0] if expected else None)
        if claim is not None:
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

    @rule(id_=kept)
    def deliver(self, id_: str) -> None:
        self.outbox.mark_delivered(id_, Receipt("C", 1, "2026-01-01")).result(WAIT_S)
        self.state[id_] = State.DELIVERED

    @rule(id_=kept, state=st.sampled_from(PrintState))
    def print_state(self, id_: str, state: PrintState) -> None:
        number = self.submissions[id_].number
        self.outbox.set_print_state(number, state).result(WAIT_S)
        self.printed[number] = state

    @rule(id_=kept)
    def requeue(self, id_: str) -> None:
        moved = self.outbox.requeue(self.submissions[id_].number).result(WAIT_S)
        assert moved == (self.state[id_] is State.QUARANTINED)
        if moved:
            self.state[id_] = State.WAITING

    @rule()
    def restart(self) -> None:
        self.outbox.close()
        self.outbox = Outbox.open(self.place, terminal="LW042")
        for id_, state in self.state.items():
            if state is State.SENDING:
                self.state[id_] = State.WAITING

    @invariant()
    def the_disk_says_what_the_model_says(self) -> None:
        counts = self.outbox.status().result(WAIT_S).counts
        for state in State:
            assert counts[state] == list(self.state.values()).count(state)
        unprinted = [row.number for row in self.outbox.unprinted().result(WAIT_S)]
        assert unprinted == [n for n, s in self.printed.items() if s is not PrintState.PRINTED]

    @invariant()
    def payloads_are_whole_until_delivered_and_gone_after(self) -> None:
        for id_, kept in self.submissions.items():
            futures: list[Any] = [self.outbox.document(id_)]
            futures += [self.outbox.part(id_, part.id) for part in kept.parts]
            if self.state[id_] is State.DELIVERED:
                assert all(isinstance(f.exception(WAIT_S), QueueError) for f in futures)
            else:
                wanted = [kept.document, *(part.data for part in kept.parts)]
                assert [f.result(WAIT_S) for f in futures] == wanted


TestOutboxModel = OutboxMachine.TestCase
TestOutboxModel.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
