"""Keeps bytes on this machine's disk and delivers them exactly once.

A library that knows sealed bytes, durability and delivery, and no resident: it imports
nothing else of this project. What it promises:

- A submission whose `Saved` was returned survives a power cut: document and parts were
  committed together (SQLite, WAL, synchronous FULL) before the future resolved.
- The same id can be enqueued again with the same bytes, and is then kept once; with
  other bytes it is refused.
- A number that was handed out is never handed out again, whatever crashes.
- The payload leaves the disk only in the transaction that records its delivery, and only
  an acknowledgement for this id and digest counts as delivery.
- A submission that cannot be delivered never holds up the others, and is never deleted.
"""

from __future__ import annotations

from offline_queue.errors import QueueError, QueueFault
from offline_queue.limits import Intake, Level, Limits
from offline_queue.numbers import ReceiptNumber, format_number, parse_number
from offline_queue.outbox import Outbox
from offline_queue.records import (
    Chain,
    Delivery,
    Part,
    PrintState,
    QueueStatus,
    Receipt,
    Reseal,
    Saved,
    Sealed,
    SealedPart,
    State,
    Submission,
    Unprinted,
)
from offline_queue.sender import (
    Alarm,
    Delivered,
    Heartbeat,
    LineChanged,
    Quarantined,
    Sender,
    SenderEvent,
    SenderSettings,
    Waiting,
)

__all__ = [
    "Alarm",
    "Chain",
    "Delivered",
    "Delivery",
    "Heartbeat",
    "Intake",
    "Level",
    "Limits",
    "LineChanged",
    "Outbox",
    "Part",
    "PrintState",
    "Quarantined",
    "QueueError",
    "QueueFault",
    "QueueStatus",
    "Receipt",
    "ReceiptNumber",
    "Reseal",
    "Saved",
    "Sealed",
    "SealedPart",
    "Sender",
    "SenderEvent",
    "SenderSettings",
    "State",
    "Submission",
    "Unprinted",
    "Waiting",
    "format_number",
    "parse_number",
]
