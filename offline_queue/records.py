"""What goes into the outbox and what comes out: frozen records without behaviour.

Payloads are left out of `repr`, so that no log line shows them by accident.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """Where a submission is on its way."""

    QUEUED = "queued"  # saved, never tried
    SENDING = "sending"  # the sender has it in hand
    WAITING = "waiting"  # tried; will be tried again
    ACCEPTED = "accepted"  # the server took it in but has not acknowledged it (202)
    QUARANTINED = "quarantined"  # refused for good: staff must look
    DELIVERED = "delivered"  # acknowledged; the payload is gone from this machine


class PrintState(StrEnum):
    """What is known of a submission's receipt."""

    WANTED = "wanted"  # not yet handed to a printer
    UNKNOWN = "unknown"  # handed to a printer, and nobody can tell
    PRINTED = "printed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Part:
    """One attachment. `id` is unique within its submission."""

    id: str
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Submission:
    """Bytes to keep and deliver. `id` is stable and goes out as the idempotency key.

    `number` was reserved before (`Outbox.reserve_number`); `created_at` is aware civil
    time, as far as this machine knows it.
    """

    id: str
    number: str
    document: bytes = field(repr=False)
    parts: tuple[Part, ...] = field(repr=False)
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Saved:
    """The proof that a submission is on disk. `digest` is the document's SHA-256, in hex."""

    id: str
    number: str
    digest: str
    saved_at: datetime
    state: State


@dataclass(frozen=True, slots=True)
class PartHead:
    """A part without its bytes; `sha256` in hex, `size` in bytes."""

    id: str
    media_type: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A submission in the sender's hand. `attempts` counts this one."""

    id: str
    number: str
    digest: str
    parts: tuple[PartHead, ...]
    attempts: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a valid acknowledgement says."""

    case_number: str
    sequence: int
    received_at: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far one submission has come; what is left of it once it is delivered."""

    id: str
    number: str
    state: State
    saved_at: datetime
    attempts: int
    reason: str
    print_state: PrintState
    case_number: str
    acknowledged_at: str


class Unprinted(NamedTuple):
    """A submission whose receipt is not known to be printed."""

    number: str
    saved_at: datetime
    state: State


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """Figures about the outbox, without anything personal.

    `counts` has every state. `undelivered` leaves out the delivered. `oldest_age_s` is
    the age of the oldest undelivered one by this machine's clock, None where there is
    none. `payload_bytes` is what the undelivered ones weigh. `last_acknowledged_at` is
    the backend's time (ISO 8601), "" before the first.
    """

    counts: Mapping[State, int]
    oldest_age_s: float | None
    payload_bytes: int
    last_acknowledged_at: str
    intake_open: bool = True

    @property
    def undelivered(self) -> int:
        """How many have not arrived."""
        return sum(n for state, n in self.counts.items() if state is not State.DELIVERED)

    def to_json(self) -> dict[str, object]:
        """Plain values, for the control socket."""
        return {
            "counts": {state.value: self.counts.get(state, 0) for state in State},
            "oldest_age_s": self.oldest_age_s,
            "payload_bytes": self.payload_bytes,
            "last_acknowledged_at": self.last_acknowledged_at,
            "intake_open": self.intake_open,
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, object]) -> QueueStatus:
        """The reverse of `to_json`. Raises ValueError for anything else."""
        try:
            counts, age = plain["counts"], plain["oldest_age_s"]
            size, last = plain["payload_bytes"], plain["last_acknowledged_at"]
        except KeyError as missing:
            raise ValueError(f"queue status without {missing}") from None
        if (
            not isinstance(counts, Mapping)
            or not isinstance(age, int | float | None)
            or not isinstance(size, int)
            or not isinstance(last, str)
        ):
            raise ValueError("queue status of wrong types")
        return cls(
            counts={state: int(counts.get(state.value, 0)) for state in State},
            oldest_age_s=None if age is None else float(age),
            payload_bytes=size,
            last_acknowledged_at=last,
            intake_open=plain.get("intake_open") is not False,
        )
