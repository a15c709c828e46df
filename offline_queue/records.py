"""What goes into the outbox and what comes out: frozen records without behaviour.

Payloads are left out of `repr`, so that no log line shows them by accident.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple, Protocol, TypeAlias

from offline_queue.limits import Intake


class State(StrEnum):
    """Where a submission is on its way."""

    QUEUED = "queued"  # saved, never tried
    SENDING = "sending"  # the sender has it in hand
    WAITING = "waiting"  # tried; will be tried again
    ACCEPTED = "accepted"  # the server took it in but has not acknowledged it (202)
    QUARANTINED = "quarantined"  # refused for good: staff must look
    DELIVERED = "delivered"  # acknowledged; the payload is gone from this machine
    PURGED = "purged"  # long delivered; only a tombstone is left


_ARRIVED: Final = frozenset({State.DELIVERED, State.PURGED})


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
    """Bytes to keep and deliver as they are: the document is what is posted.

    `id` is stable and goes out as the idempotency key. `number` was reserved before
    (`Outbox.reserve_number`); `created_at` is aware civil time, as far as this machine
    knows it. Nothing personal belongs into one of these: that is what `Sealed` is for.
    """

    id: str
    number: str
    document: bytes = field(repr=False)
    parts: tuple[Part, ...] = field(repr=False)
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SealedPart:
    """Sealed bytes and their digest (hex, by the hash that the submission names)."""

    data: bytes = field(repr=False)
    digest: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """A submission that this machine cannot read. To the outbox everything is opaque.

    `envelope` is canonical JSON and goes out as it is, inside `{"chain":...,"envelope":...}`;
    `digest` (hex) is what acknowledgement and chain name. `parts` are in the order of their
    ordinals, from 0. `hash` names how `digest` and the parts' digests were made; where it is
    "sha256" they are checked at the door. `suite` goes out as `X-Suite`. `key_id` is the key
    it was sealed to, so that the backend learns which keys are still needed.

    Submissions of one `lane` (a visit) are sent in the order in which they came; a lane never
    waits for another. "" is a lane of its own. Higher `priority` goes first.
    """

    id: str
    number: str
    envelope: bytes = field(repr=False)
    digest: str
    parts: tuple[SealedPart, ...] = field(repr=False)
    created_at: datetime
    hash: str = "sha256"
    suite: str = "1"
    key_id: str = ""
    lane: str = ""
    priority: int = 0


class Chain(Protocol):
    """Makes the next entry of the terminal's chain; called within the enqueue's transaction."""

    def __call__(self, index: int, previous: str, id_: str, digest: str) -> tuple[bytes, str]:
        """Entry (canonical JSON, signed) and its digest in hex.

        `index` counts from 1 without gaps; `previous` is the digest of the entry before,
        64 zeros for the first. An exception fails the enqueue, and nothing is kept.
        """


Reseal: TypeAlias = Callable[[Submission], Sealed]


@dataclass(frozen=True, slots=True)
class Saved:
    """The proof that a submission is on disk. `digest` is what an acknowledgement names."""

    id: str
    number: str
    digest: str
    saved_at: datetime
    state: State


@dataclass(frozen=True, slots=True)
class PartHead:
    """A part without its bytes; `digest` in hex as the wire names it, `size` in bytes."""

    id: str
    media_type: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A submission in the sender's hand. `attempts` counts this one.

    A sealed one has its `suite`, and its parts are named by their ordinals.
    """

    id: str
    number: str
    digest: str
    parts: tuple[PartHead, ...]
    attempts: int
    suite: str = ""
    asked: bool = False  # it was taken in before (202): only the acknowledgement is missing


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
    digest: str = ""
    payload_bytes: int = 0
    position: int = 0  # in the chain; 0 without an entry
    exported_at: str = ""
    suite: str = ""  # "" for one that an older version kept in clear

    def to_json(self) -> dict[str, object]:
        """Plain values; none of them is personal."""
        plain = asdict(self)
        plain["saved_at"] = self.saved_at.isoformat()
        return plain


class Unprinted(NamedTuple):
    """A submission whose receipt is not known to be printed."""

    number: str
    saved_at: datetime
    state: State


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """Figures about the outbox, without anything personal.

    `counts` has every state. `undelivered` leaves out the delivered and the purged.
    `oldest_age_s` is the age of the oldest undelivered one by this machine's clock, None
    where there is none. `payload_bytes` is what the undelivered ones weigh.
    `last_acknowledged_at` is the backend's time (ISO 8601), "" before the first. `intake`
    says why the intake is closed, or what it warns of. `key_ids` are the keys to which what
    waits was sealed.
    """

    counts: Mapping[State, int]
    oldest_age_s: float | None
    payload_bytes: int
    last_acknowledged_at: str
    intake_open: bool = True
    intake: Intake = field(default_factory=Intake)
    key_ids: tuple[str, ...] = ()

    @property
    def undelivered(self) -> int:
        """How many have not arrived."""
        return sum(n for state, n in self.counts.items() if state not in _ARRIVED)

    def to_json(self) -> dict[str, object]:
        """Plain values, for the control socket."""
        return {
            "counts": {state.value: self.counts.get(state, 0) for state in State},
            "oldest_age_s": self.oldest_age_s,
            "payload_bytes": self.payload_bytes,
            "last_acknowledged_at": self.last_acknowledged_at,
            "intake_open": self.intake_open,
            "intake": {"level": self.intake.level.value, "code": self.intake.code},
            "key_ids": list(self.key_ids),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, object]) -> QueueStatus:
        """The reverse of `to_json`. Raises ValueError for anything else."""
        try:
            counts, age = plain["counts"], plain["oldest_age_s"]
            size, last = plain["payload_bytes"], plain["last_acknowledged_at"]
            keys = plain["key_ids"]
        except KeyError as missing:
            raise ValueError(f"queue status without {missing}") from None
        if (
            not isinstance(counts, Mapping)
            or not isinstance(age, int | float | None)
            or not isinstance(size, int)
            or not isinstance(last, str)
            or not isinstance(keys, list)
        ):
            raise ValueError("queue status of wrong types")
        return cls(
            counts={state: int(counts.get(state.value, 0)) for state in State},
            oldest_age_s=None if age is None else float(age),
            payload_bytes=size,
            last_acknowledged_at=last,
            intake_open=plain.get("intake_open") is not False,
            intake=Intake.from_json(plain.get("intake")),
            key_ids=tuple(str(key) for key in keys),
        )
